// The files of a project, as a tree that arrow keys walk through.
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

export interface Row {
  path: string;
  name: string;
  level: number;
  isFolder: boolean;
  note: string;
}

interface Props {
  label: string;
  notes: ReadonlyMap<string, string>; // path of each file, and what is said beside it
  file: string;
  isOpen: boolean; // all folders, as after a search
  choose: (path: string) => void;
}

function parents(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, end) => parts.slice(0, end + 1).join("/"));
}

/** List what is seen of the tree: folders first, each followed by what is in it if it is open. */
function rowsOf(notes: ReadonlyMap<string, string>, opened: (folder: string) => boolean): Row[] {
  const inside = new Map<string, Map<string, boolean>>();
  for (const path of notes.keys()) {
    const steps = [...parents(path), path];
    steps.forEach((step, index) => {
      const folder = index ? steps[index - 1]! : "";
      const entries = inside.get(folder) ?? new Map<string, boolean>();
      inside.set(folder, entries.set(step, index < steps.length - 1));
    });
  }
  const list = (folder: string, level: number): Row[] =>
    [...(inside.get(folder) ?? [])]
      .sort(([one, isOne], [two, isTwo]) => Number(isTwo) - Number(isOne) || (one < two ? -1 : 1))
      .flatMap(([path, isFolder]) => {
        const name = path.slice(folder ? folder.length + 1 : 0);
        const row = { path, name, level, isFolder, note: notes.get(path) ?? "" };
        return isFolder && opened(path) ? [row, ...list(path, level + 1)] : [row];
      });
  return list("", 1);
}

/** Show the tree; one row takes part in the order of the Tab key. */
export function FileTree({ label, notes, file, isOpen, choose }: Props): JSX.Element {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set(parents(file)));
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [focused, setFocused] = useState(file);
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    setOpen((before) => new Set([...before, ...parents(file)]));
    setFocused(file);
  }, [file]);
  useEffect(() => setClosed(new Set()), [isOpen]);
  const opened = (folder: string): boolean => (isOpen ? !closed.has(folder) : open.has(folder));
  const rows = useMemo(() => rowsOf(notes, opened), [notes, open, closed, isOpen]);
  const current = Math.max(0, rows.findIndex(({ path }) => path === focused));

  const toggle = (folder: string, isWanted: boolean): void => {
    const [set, isMember] = isOpen ? [setClosed, !isWanted] : [setOpen, isWanted];
    set((before) => {
      const after = new Set(before);
      if (isMember) after.add(folder);
      else after.delete(folder);
      return after;
    });
  };
  const focus = (index: number): void => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, index))];
    if (!row) return;
    setFocused(row.path);
    list.current?.querySelector<HTMLElement>(`[data-path="${CSS.escape(row.path)}"]`)?.focus();
  };
  const act = (row: Row): void => {
    setFocused(row.path);
    if (row.isFolder) toggle(row.path, !opened(row.path));
    else choose(row.path);
  };
  const press = (event: KeyboardEvent): void => {
    const row = rows[current];
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    const above = rows.findIndex(({ path }) => path === parents(row.path).at(-1));
    const actions: Record<string, () => void> = {
      ArrowDown: () => focus(current + 1),
      ArrowUp: () => focus(current - 1),
      Home: () => focus(0),
      End: () => focus(rows.length - 1),
      Enter: () => act(row),
      " ": () => act(row),
      ArrowRight: () =>
        row.isFolder && !opened(row.path)
          ? toggle(row.path, true)
          : focus(row.isFolder ? current + 1 : current),
      ArrowLeft: () =>
        row.isFolder && opened(row.path) ? toggle(row.path, false) : focus(above < 0 ? current : above),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };
  return (
    <ul role="tree" aria-label={label} class="tree" ref={list} onKeyDown={press}>
      {rows.map((row, index) => (
        <li
          key={row.path}
          role="treeitem"
          data-path={row.path}
          aria-level={row.level}
          aria-expanded={row.isFolder ? opened(row.path) : undefined}
          aria-selected={row.path === file}
          tabIndex={index === current ? 0 : -1}
          class={`level-${Math.min(row.level, 8)} ${row.isFolder ? "folder" : "file"}`}
          onClick={() => act(row)}
        >
          <span>{row.name}</span>
          {row.note && <small>{row.note}</small>}
        </li>
      ))}
    </ul>
  );
}
