// Tells what Renovate extracts from projects, and what it would propose if there were news of all
// of that, by its own functions: node renovate.mjs PACKAGE, with a JSON list of folders on standard
// input. One process for all projects, because it takes seconds to start.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const load = (module) => import(new URL(`dist/${module}.js`, pathToFileURL(`${process.argv[2]}/`)));
await (await load("logger/index")).init();
const { getConfig } = await load("config/defaults");
const { GlobalConfig } = await load("config/global");
const { mergeChildConfig } = await load("config/utils");
const { resolveConfigPresets } = await load("config/presets/index");
const { getDefaultVersioning } = await load("modules/datasource/common");
const { setPlatformScmApi } = await load("modules/platform/scm");
const versionings = await load("modules/versioning/index");
const memory = await load("util/cache/memory/index");
const { extractAllDependencies } = await load("workers/repository/extract/index");
const { doAutoReplace } = await load("workers/repository/update/branch/auto-replace");
const { flattenUpdates } = await load("workers/repository/updates/flatten");

const NEEDS_TOKEN = "github-token-required";
const DIGEST = `sha256:${"5".repeat(64)}`;

function news(dep) {
  const hasDigest = dep.datasource === "docker" || dep.currentDigest;
  const newVersion = dep.currentValue?.replace(/\d[\d.]*/, "99.9.9");
  const digest = hasDigest ? { newDigest: DIGEST } : {};
  const version = { newValue: newVersion, newVersion, newMajor: 99, newMinor: 9, ...digest };
  return [
    { updateType: "major", ...version },
    { updateType: "minor", ...version },
    ...(hasDigest ? [{ updateType: "digest", newValue: dep.currentValue, ...digest }] : []),
  ];
}

// News of the same thing twice would only take time: rules are slow.
function addNews(packageFiles) {
  const known = new Set();
  for (const [manager, files] of Object.entries(packageFiles)) {
    for (const dep of files.flatMap((file) => file.deps)) {
      const key = JSON.stringify([manager, dep.depName, dep.currentValue]);
      dep.updates = !dep.skipReason && !known.has(key) ? news(dep) : [];
      known.add(key);
    }
  }
}

async function describe(update, folder) {
  const { currentValue, datasource, manager, packageFile } = update;
  const versioning = update.versioning ?? getDefaultVersioning(datasource);
  const content = manager === "regex" && (await readFile(packageFile, "utf8"));
  GlobalConfig.set({ localDir: folder });
  return {
    manager,
    packageFile,
    depName: update.depName,
    packageName: update.packageName,
    currentValue,
    datasource,
    updateType: update.updateType,
    newValue: update.newValue,
    branchName: update.branchName,
    schedule: update.schedule,
    minimumReleaseAge: update.minimumReleaseAge,
    isVersion: Boolean(currentValue) && versionings.get(versioning).isValid(currentValue),
    rewritten: content && (await doAutoReplace(update, content, false)),
  };
}

async function ask(project, folder) {
  process.chdir(project);
  memory.init();
  GlobalConfig.set({ localDir: project });
  const { config } = await resolveConfigPresets(JSON.parse(await readFile("renovate.json", "utf8")));
  const complete = { ...mergeChildConfig(getConfig(), config), semanticCommits: "disabled" };
  const { packageFiles } = await extractAllDependencies(complete);
  for (const dep of Object.values(packageFiles).flat().flatMap((file) => file.deps)) {
    if (dep.skipReason === NEEDS_TOKEN) delete dep.skipReason; // which the bot has
  }
  const extracted = structuredClone(packageFiles);
  addNews(packageFiles);
  const updates = [];
  for (const update of await flattenUpdates(complete, packageFiles)) {
    updates.push(await describe(update, folder));
  }
  return { extracted, updates };
}

setPlatformScmApi("local");
const folder = await mkdtemp(`${tmpdir()}/renovate-`); // where it may write
const answers = [];
for (const project of JSON.parse(await text(process.stdin))) answers.push(await ask(project, folder));
await rm(folder, { recursive: true });
process.stdout.write(JSON.stringify(answers));
