// The commands that do on a machine what the page shows.
import type { Side } from "./state";
import { asText } from "./state";
import type { Answers, Form, Site } from "./types";

const COPIER = "uvx --with copier-template-extensions copier";
const HARMLESS = /^[\w@%+=:,./-]+$/;

/** Write a word as a POSIX shell reads it. */
export function quoted(word: string): string {
  return HARMLESS.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}

/** Keep the answers that differ from the defaults; without the engine, all that were given. */
export function differing(answers: Answers, form: Form | undefined): Answers {
  if (!form) return answers;
  const differ = form.fields.filter((field) => field.differs || field.problem);
  return Object.fromEntries(
    differ.filter(({ key }) => key in answers).map(({ key }) => [key, answers[key]!]),
  );
}

/** Name a folder for the project as its repository is called. */
function folder(form: Form | undefined): string {
  const slug = form?.fields.find(({ key }) => key === "project_slug")?.value;
  return typeof slug === "string" && slug ? slug : "my-project";
}

/** Make the project that is looked at. */
export function copy(site: Site, side: Side, form: Form | undefined): string {
  const data = Object.entries(differing(side.answers, form)).map(
    ([key, answer]) => `--data ${quoted(`${key}=${answer}`)}`,
  );
  return [
    `${COPIER} copy --trust --defaults`,
    `--vcs-ref ${quoted(side.release)}`,
    ...data,
    `${quoted(site.address)} ${quoted(folder(form))}`,
  ].join(" \\\n  ");
}

/** Turn a project with the answers of one side into what the other side shows. */
export function update(from: Side, to: Side, form: Form | undefined): string {
  const after = Object.fromEntries(
    (form?.fields ?? []).map((field) => [field.key, to.answers[field.key] ?? asText(field.value)]),
  );
  const changed = { ...to.answers };
  for (const key of Object.keys(from.answers)) if (key in after) changed[key] ??= after[key]!;
  const data = Object.entries(changed)
    .filter(([key, answer]) => from.answers[key] !== answer)
    .map(([key, answer]) => `--data ${quoted(`${key}=${answer}`)}`);
  const reference = from.release === to.release ? ":current:" : to.release;
  return [`copier update --trust --defaults`, `--vcs-ref ${quoted(reference)}`, ...data].join(
    " \\\n  ",
  );
}

/** Write the answers as the file that "--data-file" reads; JSON is YAML. */
export function dataFile(answers: Answers, form: Form | undefined): string {
  const values = new Map(form?.fields.map((field) => [field.key, field.value]));
  const lines = Object.entries(differing(answers, form)).map(
    ([key, answer]) => `${key}: ${JSON.stringify(values.get(key) ?? answer)}`,
  );
  return lines.length ? `${lines.join("\n")}\n` : "{}\n";
}
