// The engine: Python and Copier, in a thread of their own.
import { loadPyodide, type PyodideAPI } from "pyodide";
import type { Preset, Progress, Release, Site } from "./types";

export interface Start {
  site: Site;
  folders: { engine: string; app: string };
}

export interface Task {
  id: number;
  task: string;
  release?: string;
  request: Record<string, unknown>;
}

type Ask = (task: string, request: string) => string;

const PAUSE = 100; // milliseconds, in which what is asked for meanwhile is answered

const fetchAway = self.fetch.bind(self);
let python: PyodideAPI;
let ask: Ask;
let start: Start;
let loaded = 0;
let isReady = false;
const unpacked = new Map<string, Promise<string>>();

function tell(step: string, share: number): void {
  postMessage({ progress: { step, share } satisfies Progress });
}

/** Count what is loaded, as it comes. */
function counted(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      if (!isReady) {
        const share = Math.min(1, loaded / start.site.bytes);
        const megabytes = (start.site.bytes / 1e6).toFixed(1);
        tell(`loading Python and Copier, ${(loaded / 1e6).toFixed(1)} of ${megabytes} MB`, share * 0.6);
      }
      controller.enqueue(chunk);
    },
  });
  return body.pipeThrough(count);
}

/** Load a file of the site; Pyodide's own is stored compressed, whatever the server does. */
async function load(input: RequestInfo | URL, options?: RequestInit): Promise<Response> {
  const address = input instanceof Request ? input.url : String(input);
  const isWasm = address.endsWith(".wasm");
  const response = await fetchAway(isWasm ? `${address}.gz` : input, options);
  if (!response.ok || !response.body) throw new Error(`${address} is not there`);
  const body = counted(response.body);
  if (!isWasm) return new Response(body, { headers: response.headers });
  return new Response(body.pipeThrough(new DecompressionStream("gzip") as TransformStream), {
    headers: { "Content-Type": "application/wasm" },
  });
}

async function unpack(address: string, folder: string): Promise<void> {
  const archive = await (await load(address)).arrayBuffer();
  python.unpackArchive(archive, "gztar", { extractDir: folder });
}

/** Unpack a version of the template, once. */
function unpackRelease(release: Release): Promise<string> {
  const folder = `/templates/${release.description}`;
  const known =
    unpacked.get(folder) ?? unpack(start.folders.app + release.file, folder).then(() => folder);
  unpacked.set(folder, known);
  known.catch(() => unpacked.delete(folder));
  return known;
}

async function boot(): Promise<void> {
  self.fetch = load as typeof fetch;
  const [newest] = start.site.releases;
  const libraries = load(`${start.folders.engine}libraries.tar.gz`).then((found) => found.arrayBuffer());
  python = await loadPyodide({ indexURL: start.folders.engine, stdout: () => {}, stderr: () => {} });
  tell("unpacking", 0.65);
  python.unpackArchive(await libraries, "gztar", { extractDir: "/libraries" });
  await unpackRelease(newest!);
  tell("starting Copier", 0.75);
  python.runPython("import sys; sys.path.insert(0, '/libraries')");
  ask = python.pyimport("engine.browser").ask as Ask;
  tell("rendering for the first time", 0.9);
  await render(start.site.presets[0]!);
}

/** Render a preset, so that what its files share with others' is compiled. */
async function render({ answers }: Preset): Promise<void> {
  const release = start.site.releases[0]!.reference;
  await answer({ id: 0, task: "render", release, request: { answers } });
}

/** Render the other presets while nobody asks for anything: each message that waits goes first. */
async function warmUp(): Promise<void> {
  for (const preset of start.site.presets.slice(1)) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    await render(preset);
  }
}

async function answer(task: Task): Promise<unknown> {
  const request = { ...task.request };
  if (task.release !== undefined) {
    const release = start.site.releases.find(({ reference }) => reference === task.release);
    if (!release) return { refused: `This page does not offer the release ${task.release}.` };
    const { file: _, ...known } = release;
    const folder = await unpackRelease(release);
    request.release = { ...known, folder, address: start.site.address };
  }
  return JSON.parse(ask(task.task, JSON.stringify(request)));
}

let ready: Promise<void>;

onmessage = async ({ data }: MessageEvent<Start | Task>) => {
  if ("site" in data) {
    start = data;
    ready = boot();
    ready.then(
      () => {
        isReady = true;
        postMessage({ ready: true });
        void warmUp();
      },
      (error: unknown) => postMessage({ failed: String(error) }),
    );
    return;
  }
  try {
    await ready;
    postMessage({ id: data.id, answer: await answer(data) });
  } catch (error) {
    postMessage({ id: data.id, failed: String(error) });
  }
};
