// The page's side of the engine, and what is known without it.
import type { Side } from "./state";
import { asAnswers, nameOf } from "./state";
import type { Form, Progress, Project, Site } from "./types";
import type { Task } from "./worker";

type Answer = { found: unknown } | { refused: string };
type Waiting = { resolve: (found: unknown) => void; reject: (reason: Error) => void };

/** An answer that the template refuses, in its own words. */
export class Refusal extends Error {}

export class Engine {
  readonly forms = new Map<string, Promise<Form>>();
  readonly projects = new Map<string, Promise<Project>>();
  private readonly waiting = new Map<number, Waiting>();
  private worker: Worker | undefined;
  private last = 0;

  constructor(
    private readonly site: Site,
    private readonly folder: string,
    private readonly tell: (progress: Progress | "ready" | "failed") => void,
  ) {
    for (const preset of site.presets) {
      const side = { release: site.releases[0]!.reference, answers: asAnswers(preset.answers) };
      const view = new Later(() => load(folder + preset.file));
      this.known.set(nameOf(side), view);
    }
  }

  private readonly known = new Map<string, Later<{ form: Form; project: Project }>>();

  /** Say whether the build has rendered a side. */
  isPrepared(side: Side): boolean {
    return this.known.has(nameOf(side));
  }

  /** Load Python and Copier. */
  start(): void {
    this.worker = new Worker(`${this.folder}worker.js`, { type: "module" });
    this.worker.onmessage = ({ data }) => {
      if ("progress" in data) this.tell(data.progress);
      else if ("ready" in data) this.tell("ready");
      else if ("id" in data) this.finish(data.id, data.answer, data.failed);
      else this.fail(data.failed);
    };
    this.worker.onerror = ({ message }) => this.fail(message);
    const page = new URL(".", document.baseURI);
    const folders = {
      engine: new URL(`${this.site.engine}/`, page).href,
      app: new URL(this.folder, page).href,
    };
    this.worker.postMessage({ site: this.site, folders });
  }

  private fail(reason: string): void {
    console.error(reason);
    this.worker = undefined;
    this.tell("failed");
    for (const { reject } of this.waiting.values()) reject(new Error("The engine did not load."));
    this.waiting.clear();
  }

  private finish(id: number, answer: Answer | undefined, failed: string | undefined): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (!answer) waiting?.reject(new Error(failed));
    else if ("refused" in answer) waiting?.reject(new Refusal(answer.refused));
    else waiting?.resolve(answer.found);
  }

  private ask<Found>(task: string, request: Record<string, unknown>, release?: string) {
    return new Promise<Found>((resolve, reject) => {
      if (!this.worker) return reject(new Error("The engine did not load."));
      const id = ++this.last;
      this.waiting.set(id, { resolve: resolve as (found: unknown) => void, reject });
      this.worker.postMessage({ id, task, request, release } satisfies Task);
    });
  }

  private remember<Found>(
    found: Map<string, Promise<Found>>,
    side: Side,
    find: () => Promise<Found>,
  ): Promise<Found> {
    const name = nameOf(side);
    const known = found.get(name) ?? find();
    found.set(name, known);
    // What failed for want of an engine may work later; what was refused stays so.
    known.catch((error: unknown) => error instanceof Refusal || found.delete(name));
    return known;
  }

  /** Describe the questions. */
  look(side: Side): Promise<Form> {
    return this.remember(this.forms, side, async () => {
      const known = this.known.get(nameOf(side));
      if (known) return (await known.get()).form;
      return this.ask<Form>("look", { answers: side.answers }, side.release);
    });
  }

  /** Render the project. */
  render(side: Side): Promise<Project> {
    return this.remember(this.projects, side, async () => {
      const known = this.known.get(nameOf(side));
      if (known) return (await known.get()).project;
      return this.ask<Project>("render", { answers: side.answers }, side.release);
    });
  }

  /** Read an answers file. */
  parse(text: string): Promise<Record<string, unknown>> {
    return this.ask("parse", { text });
  }
}

/** Load what the build has rendered and compressed. */
async function load(address: string): Promise<{ form: Form; project: Project }> {
  const { body } = await fetch(address);
  return new Response(body!.pipeThrough(new DecompressionStream("gzip") as TransformStream)).json();
}

/** What is found when it is first asked for. */
class Later<Found> {
  private found: Promise<Found> | undefined;

  constructor(private readonly find: () => Promise<Found>) {}

  get(): Promise<Found> {
    this.found ??= this.find();
    return this.found;
  }
}
