// Renders projects as the explorer's worker does, and prints how long each takes, as JSON:
// node explorer.mjs PYODIDE SITE RUNS all|nothing, the last of which is what is remembered.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

const CHANGES = { api: { cache: "valkey" }, site: { database: "mysql" } };
const [pyodide, site, runs, remembered] = process.argv.slice(2);
// What is thrown is shown with its line, of which Pyodide's has a megabyte.
process.on("uncaughtException", (error) => {
  console.error(String(error));
  process.exit(1);
});
const { loadPyodide } = await import(join(pyodide, "pyodide.mjs"));

/** Find one of the folders of a site, whose names end with a digest. */
async function folder(name) {
  return join(site, (await readdir(site)).find((entry) => entry.startsWith(`${name}-`)));
}

async function read(...path) {
  return new Uint8Array(await readFile(join(...path))).buffer;
}

/** Measure seconds, and those in which a core is busy. */
function measure(work) {
  const [begun, used] = [performance.now(), process.cpuUsage()];
  const found = work();
  const { user, system } = process.cpuUsage(used);
  return { found, elapsed: (performance.now() - begun) / 1e3, cpu: (user + system) / 1e6 };
}

const app = await folder("app");
const { releases, presets, address } = JSON.parse(await readFile(join(app, "site.json"), "utf8"));
const [{ file, ...newest }] = releases;
const release = { ...newest, address, folder: "/template" };
const python = await loadPyodide({ indexURL: pyodide });
python.unpackArchive(await read(await folder("engine"), "libraries.tar.gz"), "gztar", {
  extractDir: "/libraries",
});
python.unpackArchive(await read(app, file), "gztar", { extractDir: release.folder });
python.runPython("import sys; sys.path.insert(0, '/libraries')");
if (remembered === "nothing") {
  python.runPython("import types; sys.modules['engine.memory'] = types.SimpleNamespace(remember=int)");
}
const engine = measure(() => python.pyimport("engine.browser"));

function ask(task, answers) {
  const { found, ...times } = measure(() => engine.found.ask(task, JSON.stringify({ release, answers })));
  const answer = JSON.parse(found);
  if (answer.refused) throw new Error(answer.refused);
  return { ...times, answer: answer.found };
}

const cases = presets.flatMap(({ name, answers }) => [
  [name, answers],
  ...Object.entries(CHANGES[name] ?? {}).map(([key, answer]) => [
    `${name}, ${key}: ${answer}`,
    { ...answers, [key]: answer },
  ]),
]);
const measured = cases.map(([name]) => ({ name, files: 0, questions: [], rendering: [] }));
for (let run = -1; run < Number(runs); run += 1) { // the first of each compiles its templates
  for (const [place, [, answers]] of cases.entries()) {
    const own = { ...answers, project_name: `Berth ${run + 1}` };
    const [form, project] = [ask("look", own), ask("render", own)];
    measured[place].files = Object.keys(project.answer.tree).length;
    if (run < 0) continue;
    measured[place].questions.push([form.elapsed, form.cpu]);
    measured[place].rendering.push([project.elapsed, project.cpu]);
  }
}
console.log(JSON.stringify(measured));
