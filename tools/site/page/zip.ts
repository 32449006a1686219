// The project as an archive, and the bytes of its files.
import { strToU8, zipSync, type Zippable } from "fflate";
import type { File, Tree } from "./types";

const UNIX = 3;
const REGULAR = 0o100000;

export function bytesOf(file: File): Uint8Array {
  if (file.text !== undefined) return strToU8(file.text);
  return Uint8Array.from(atob(file.base64 ?? ""), (letter) => letter.charCodeAt(0));
}

/** Pack a project into a folder of its own, with the modes of its files. */
export function pack(tree: Tree, folder: string): Blob {
  const entries: Zippable = {};
  for (const [path, file] of Object.entries(tree)) {
    const mode = REGULAR | (file.executable ? 0o755 : 0o644);
    entries[`${folder}/${path}`] = [
      bytesOf(file),
      { os: UNIX, attrs: (mode << 16) >>> 0, mtime: "1980-01-01T00:00:00" },
    ];
  }
  return new Blob([zipSync(entries, { level: 9 }) as Uint8Array<ArrayBuffer>], {
    type: "application/zip",
  });
}

/** Give a file to whoever looks at the page. */
export function give(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
