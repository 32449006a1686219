// One file, or what differs in it.
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Difference } from "./differences";
import { highlight } from "./highlight";
import type { File } from "./types";

interface Props {
  path: string;
  file: File;
  search: string;
}

/** Show a file with colours, its lines numbered, and what was searched for marked. */
export function FileView({ path, file, search }: Props): JSX.Element {
  const text = file.text ?? "This file is not a text.";
  const html = useMemo(() => highlight(path, text), [path, text]);
  const numbers = useMemo(
    () => text.replace(/\n$/, "").split("\n").map((_, index) => index + 1).join("\n"),
    [text],
  );
  const code = useRef<HTMLElement>(null);
  useEffect(() => mark(code.current, search), [html, search]);
  return (
    <section class="view" aria-label="File">
      <h3>
        {path} {file.executable && <small>executable</small>}
      </h3>
      <div class="lines" tabIndex={0} role="region" aria-label={`Content of ${path}`}>
        <pre class="numbers" aria-hidden="true">
          {numbers}
        </pre>
        <pre>
          <code ref={code} dangerouslySetInnerHTML={{ __html: html }} />
        </pre>
      </div>
    </section>
  );
}

/** Mark what was searched for, where the browser can do so without another element. */
function mark(code: HTMLElement | null, search: string): void {
  if (!("highlights" in CSS)) return;
  CSS.highlights.delete("search");
  const wanted = search.trim().toLowerCase();
  if (!code || !wanted) return;
  const found: Range[] = [];
  const texts = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode;
    const text = (node.textContent ?? "").toLowerCase();
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      found.push(range);
    }
  }
  CSS.highlights.set("search", new Highlight(...found));
  found[0]?.startContainer.parentElement?.scrollIntoView({ block: "nearest" });
}

const KINDS: Record<string, string> = { "+": "plus", "-": "minus", "@": "place" };

/** Show what differs in a file, as a unified diff. */
export function DifferenceView({ difference }: { difference: Difference }): JSX.Element {
  const { path, kind, lines } = difference;
  return (
    <section class="view" aria-label="Difference">
      <h3>
        {path} <small>{kind}</small>
      </h3>
      <div class="lines" tabIndex={0} role="region" aria-label={`Difference in ${path}`}>
        <pre class="difference">
          {lines.map((line, index) => (
            <span key={index} class={KINDS[line[0]!] ?? ""}>
              {`${line}\n`}
            </span>
          ))}
        </pre>
      </div>
    </section>
  );
}
