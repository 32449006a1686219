// The page.
import { render, type JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import * as command from "./command";
import { Compare } from "./compare";
import { Engine, Refusal } from "./engine";
import { Questions } from "./form";
import { asAnswers, nameOf, read, write, type Side, type State, type View } from "./state";
import { Command, Take } from "./take";
import { FileTree } from "./tree";
import type { Answers, Form, Progress, Project, Site } from "./types";
import { FileView } from "./viewer";

const FOLDER = new URL("./", import.meta.url).href;
const PAUSE = 200; // milliseconds after the last key, before an answer counts
const VIEWS: readonly [View, string][] = [
  ["look", "Look"],
  ["compare", "Compare"],
  ["take", "Take"],
];

type Status = Progress | "ready" | "failed";

interface Found<Value> {
  value: Value | undefined; // the last that was found
  isCurrent: boolean;
  refusal: string;
}

/**
 * Find what belongs to a side. What is known comes at once; the engine is asked for one thing after
 * another, and not for what nobody looks at any more.
 */
function useFound<Value>(
  side: Side | null,
  find: (side: Side) => Promise<Value>,
  isKnown: (side: Side) => boolean,
  status: Status,
): Found<Value> {
  const [found, setFound] = useState<Found<Value> & { name: string }>({
    value: undefined,
    isCurrent: false,
    refusal: "",
    name: "",
  });
  const wanted = useRef<Side | null>(null);
  const isBusy = useRef(false);
  const name = side ? nameOf(side) : "";
  const isReady = status === "ready";

  const current = useRef("");

  const show = async (now: Side): Promise<void> => {
    try {
      const value = await find(now);
      if (nameOf(now) === current.current) {
        setFound({ value, isCurrent: true, refusal: "", name: nameOf(now) });
      }
    } catch (error) {
      const refusal = error instanceof Refusal ? error.message : "";
      if (nameOf(now) !== current.current) return;
      setFound((before) => ({ ...before, refusal, name: refusal ? nameOf(now) : "" }));
    }
  };
  const work = async (): Promise<void> => {
    if (isBusy.current) return;
    isBusy.current = true;
    while (wanted.current) {
      const now = wanted.current;
      wanted.current = null;
      await show(now);
    }
    isBusy.current = false;
  };

  useEffect(() => {
    current.current = name;
    const known = side && isKnown(side);
    wanted.current = known ? null : side;
    void (known ? show(side) : work());
  }, [name, isReady]);
  const isCurrent = found.name === name;
  return { ...found, isCurrent, refusal: isCurrent ? found.refusal : "" };
}

function Page({ site }: { site: Site }): JSX.Element {
  const newest = site.releases[0]!.reference;
  const [state, setState] = useState(() => read(location.hash, newest));
  const [status, setStatus] = useState<Status>({ step: "loading the page", share: 0 });
  const [typed, setTyped] = useState<Answers>(state.answers);
  const [notice, setNotice] = useState("");
  const engine = useMemo(() => new Engine(site, FOLDER, setStatus), [site]);
  useEffect(() => void keepOffline().then(() => engine.start()), [engine]);

  const go = useCallback((change: Partial<State>): void => {
    setState((before) => {
      const after = { ...before, ...change };
      const fragment = `#${write(after, newest)}`;
      if (fragment !== location.hash) {
        const isTyping = Object.keys(change).length === 1 && "answers" in change;
        history[isTyping ? "replaceState" : "pushState"](null, "", fragment);
      }
      return after;
    });
    if (change.answers) setTyped(change.answers);
  }, []);
  useEffect(() => {
    const follow = (): void => {
      const now = read(location.hash, newest);
      setState(now);
      setTyped(now.answers);
    };
    addEventListener("popstate", follow);
    addEventListener("hashchange", follow);
    return () => {
      removeEventListener("popstate", follow);
      removeEventListener("hashchange", follow);
    };
  }, []);

  const pause = useRef(0);
  const change = useCallback((key: string, answer: string | undefined): void => {
    setNotice("");
    setTyped((before) => {
      const { [key]: _, ...others } = before;
      const after = answer === undefined ? others : { ...others, [key]: answer };
      clearTimeout(pause.current);
      pause.current = window.setTimeout(() => go({ answers: after }), PAUSE);
      return after;
    });
  }, []);

  const isPrepared = (side: Side): boolean => engine.isPrepared(side);
  const form = useFound<Form>(state, (side) => engine.look(side), isPrepared, status);
  const project = useFound<Project>(state, (side) => engine.render(side), isPrepared, status);
  const base = useFound<Project>(state.base, (side) => engine.render(side), isPrepared, status);
  const known = form.isCurrent ? form.value : undefined;

  useEffect(() => {
    const unknown = known?.unknown ?? [];
    if (!unknown.length) return;
    const left = Object.entries(state.answers).filter(([key]) => !unknown.includes(key));
    setNotice(`${state.release} does not ask ${unknown.join(", ")}: left out.`);
    go({ answers: Object.fromEntries(left) });
  }, [known]);

  useEffect(() => {
    if (site.releases.some(({ reference }) => reference === state.release)) return;
    const offered = site.releases[0]!.description;
    setNotice(`${state.release} is not offered here: this is ${offered}.`);
    go({ release: newest });
  }, [state.release]);

  const refusal = project.refusal || known?.message || "";
  return (
    <>
      <a class="skip" href="#files" onClick={skip}>
        Skip to the files
      </a>
      <Header site={site} state={state} go={go} />
      <div class="columns">
        <aside>
          {form.value ? (
            <Questions form={form.value} answers={typed} change={change} />
          ) : (
            <p>The questions come with the engine.</p>
          )}
        </aside>
        <main id="files" tabIndex={-1}>
          <StatusLine status={status} site={site} isBusy={!project.isCurrent} refusal={refusal} notice={notice} />
          {status === "failed" && (
            <Command label="The command for these answers" text={command.copy(site, state, known)} />
          )}
          <nav aria-label="Views">
            {VIEWS.map(([view, title]) => (
              <button
                key={view}
                type="button"
                aria-current={state.view === view ? "page" : undefined}
                onClick={() => go({ view })}
              >
                {title}
              </button>
            ))}
            <CopyLink />
          </nav>
          {state.view === "look" && project.value && (
            <Look project={project.value} state={state} go={go} />
          )}
          {state.view === "look" && !project.value && refusal && (
            <p>The files are shown as soon as no answer is refused.</p>
          )}
          {state.view === "compare" && (
            <Compare
              site={site}
              state={state}
              form={known}
              base={base.isCurrent ? base.value : undefined}
              project={project.isCurrent ? project.value : undefined}
              failure={base.refusal || project.refusal}
              go={go}
              parse={(text) => engine.parse(text)}
            />
          )}
          {state.view === "take" && (
            <Take
              site={site}
              side={state}
              form={known}
              project={project.isCurrent && !project.refusal ? project.value : undefined}
            />
          )}
        </main>
      </div>
    </>
  );
}

function skip(event: MouseEvent): void {
  event.preventDefault(); // the fragment belongs to the answers
  document.getElementById("files")?.focus();
}

interface HeaderProps {
  site: Site;
  state: State;
  go: (change: Partial<State>) => void;
}

function Header({ site, state, go }: HeaderProps): JSX.Element {
  return (
    <header>
      <h1>
        Slipway <small>explorer</small>
      </h1>
      <div class="presets" role="group" aria-label="Presets">
        {site.presets.map(({ name, about, answers }) => (
          <button
            key={name}
            type="button"
            title={about}
            aria-pressed={nameOf({ release: "", answers: asAnswers(answers) }) === nameOf({ release: "", answers: state.answers })}
            onClick={() => go({ answers: asAnswers(answers) })}
          >
            {name}
          </button>
        ))}
      </div>
      <label>
        Release{" "}
        <select
          value={state.release}
          onChange={(event) => go({ release: event.currentTarget.value })}
        >
          {site.releases.map(({ reference, description }) => (
            <option key={reference} value={reference}>
              {description}
            </option>
          ))}
        </select>
      </label>
      {site.documentation && <a href="docs/index.html">Documentation</a>}
      <a href={site.address}>Source</a>
    </header>
  );
}

function CopyLink(): JSX.Element {
  const [said, say] = useState("");
  const copy = (): void => {
    navigator.clipboard.writeText(location.href).then(
      () => say("Copied."),
      () => say("Copy the address of this page."),
    );
  };
  return (
    <span class="link">
      <span role="status">{said}</span>
      <button type="button" onClick={copy}>
        Copy link
      </button>
    </span>
  );
}

interface StatusProps {
  status: Status;
  site: Site;
  isBusy: boolean;
  refusal: string;
  notice: string;
}

function StatusLine({ status, site, isBusy, refusal, notice }: StatusProps): JSX.Element {
  let text = isBusy && !refusal ? "Rendering…" : "";
  if (status === "failed") {
    text = "Python could not be loaded in this browser: what is shown is not complete, but the command works.";
  } else if (status !== "ready") {
    text = `Copier starts behind this view (${(site.bytes / 1e6).toFixed(1)} MB, once): ${status.step}.`;
  }
  return (
    <div class="status">
      <p role="status" data-status={typeof status === "string" ? status : "loading"} data-busy={isBusy && !refusal}>
        {text}
      </p>
      {typeof status !== "string" && (
        <progress max="1" value={status.share} aria-label="Loading Copier" />
      )}
      {refusal && (
        <p class="problem" role="alert">
          {refusal}
        </p>
      )}
      {notice && <p role="status">{notice}</p>}
    </div>
  );
}

interface LookProps {
  project: Project;
  state: State;
  go: (change: Partial<State>) => void;
}

/** Show the tree, and one file of it. */
function Look({ project, state, go }: LookProps): JSX.Element {
  const [search, setSearch] = useState("");
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.key !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  const wanted = search.trim().toLowerCase();
  const notes = useMemo(() => {
    const found = Object.entries(project.tree).map(([path, file]): [string, string, boolean] => {
      const count = wanted ? (file.text ?? "").toLowerCase().split(wanted).length - 1 : 0;
      return [path, count ? `${count}` : "", !wanted || count > 0 || path.toLowerCase().includes(wanted)];
    });
    return new Map(found.filter(([, , isWanted]) => isWanted).map(([path, note]) => [path, note]));
  }, [project, wanted]);
  const usual = "README.md" in project.tree ? "README.md" : Object.keys(project.tree)[0]!;
  const path = state.file in project.tree ? state.file : usual;
  const first = notes.keys().next().value;
  return (
    <>
      <label class="search">
        <span>Search in names and texts</span>
        <input
          ref={input}
          type="search"
          value={search}
          aria-keyshortcuts="Control+K"
          onInput={(event) => setSearch(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Enter" && first && go({ file: first })}
        />
        <span role="status">
          {wanted ? `${notes.size} of ${Object.keys(project.tree).length} files` : `${notes.size} files`}
        </span>
      </label>
      <div class="files">
        <FileTree label="Files" notes={notes} file={path} isOpen={Boolean(wanted)} choose={(file) => go({ file })} />
        <FileView path={path} file={project.tree[path]!} search={search} />
      </div>
    </>
  );
}

/** Let a service worker keep what is loaded; go on without one where there is none. */
async function keepOffline(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  const controlled = new Promise((resolve) =>
    navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }),
  );
  try {
    await navigator.serviceWorker.register("offline.js");
    if (navigator.serviceWorker.controller) return;
    await Promise.race([controlled, new Promise((resolve) => setTimeout(resolve, 3000))]);
  } catch {
    // A page without a secure address has none: it works, but needs its server.
  }
}

async function start(page: HTMLElement): Promise<void> {
  try {
    const site: Site = await (await fetch(`${FOLDER}site.json`)).json();
    page.replaceChildren();
    render(<Page site={site} />, page);
  } catch {
    page.textContent =
      "The explorer could not be loaded: try again, or use the command in the README.";
  }
}

void start(document.getElementById("page")!);
