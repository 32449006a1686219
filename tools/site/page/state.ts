// What is looked at, and the fragment of the address that says so.
import type { Answers } from "./types";

export type View = "look" | "compare" | "take";

/** A version of the template with answers to it. */
export interface Side {
  release: string;
  answers: Answers;
}

export interface State extends Side {
  view: View;
  file: string;
  base: Side | null; // what is compared with
}

const VIEWS: readonly string[] = ["look", "compare", "take"];

/** Write answers as text, which each question reads as its own type. */
export function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function asAnswers(values: Record<string, unknown>): Answers {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, asText(value)]));
}

function writeSide(side: Side, newest: string): URLSearchParams {
  const words = new URLSearchParams(Object.entries(side.answers).sort());
  if (side.release !== newest) words.set(".release", side.release);
  return words;
}

function readSide(words: URLSearchParams, newest: string): Side {
  const answers = [...words].filter(([key]) => !key.startsWith("."));
  return { release: words.get(".release") ?? newest, answers: Object.fromEntries(answers) };
}

/** Write a state as a fragment: answers by their keys, all else by keys that begin with a dot. */
export function write(state: State, newest: string): string {
  const words = writeSide(state, newest);
  if (state.view !== "look") words.set(".view", state.view);
  if (state.file) words.set(".file", state.file);
  if (state.base) words.set(".with", writeSide(state.base, newest).toString());
  return words.toString();
}

/** Read a fragment. */
export function read(fragment: string, newest: string): State {
  const words = new URLSearchParams(fragment.replace(/^#/, ""));
  const view = words.get(".view") ?? "look";
  const base = words.get(".with");
  return {
    ...readSide(words, newest),
    view: VIEWS.includes(view) ? (view as View) : "look",
    file: words.get(".file") ?? "",
    base: base === null ? null : readSide(new URLSearchParams(base), newest),
  };
}

/** Name a side, so that what was found for it can be found again. */
export function nameOf(side: Side): string {
  return JSON.stringify([side.release, Object.entries(side.answers).sort()]);
}
