// What differs between two projects.
import { structuredPatch } from "diff";
import type { File, Tree } from "./types";

export interface Difference {
  path: string;
  kind: "added" | "removed" | "changed";
  plus: number;
  minus: number;
  lines: string[]; // each with its sign, as in a unified diff
}

function textOf(file: File | undefined): string {
  return file ? (file.text ?? "(not a text)\n") : "";
}

function describe(path: string, old: File | undefined, now: File | undefined): Difference {
  const patch = structuredPatch(path, path, textOf(old), textOf(now), "", "", { context: 3 });
  const lines = patch.hunks.flatMap((hunk) => [
    `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`,
    ...hunk.lines,
  ]);
  if (old && now && old.executable !== now.executable) {
    lines.unshift(`@@ ${now.executable ? "executable" : "not executable"} from here on @@`);
  }
  return {
    path,
    kind: !old ? "added" : !now ? "removed" : "changed",
    plus: lines.filter((line) => line.startsWith("+")).length,
    minus: lines.filter((line) => line.startsWith("-")).length,
    lines,
  };
}

function isSame(old: File | undefined, now: File | undefined): boolean {
  return (
    old?.text === now?.text && old?.base64 === now?.base64 && old?.executable === now?.executable
  );
}

/** Compare two projects, file by file. */
export function compare(old: Tree, now: Tree): Difference[] {
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .sort()
    .filter((path) => !isSame(old[path], now[path]))
    .map((path) => describe(path, old[path], now[path]));
}
