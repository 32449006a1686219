// Two sets of answers, or two releases, side by side.
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import * as command from "./command";
import { compare } from "./differences";
import type { Side, State } from "./state";
import { asAnswers } from "./state";
import { Command } from "./take";
import { FileTree } from "./tree";
import type { Form, Project, Site } from "./types";
import { DifferenceView } from "./viewer";

interface Props {
  site: Site;
  state: State;
  form: Form | undefined;
  base: Project | undefined;
  project: Project | undefined;
  failure: string;
  go: (change: Partial<State>) => void;
  parse: (text: string) => Promise<Record<string, unknown>>;
}

/** Choose what to compare with, and show what differs. */
export function Compare(props: Props): JSX.Element {
  const { state, go, site } = props;
  return (
    <div class="compare">
      <Choice {...props} />
      {state.base ? (
        <Differences {...props} />
      ) : (
        <p>
          Keep what is shown now, and then change answers or the release: this page says what
          differs, file by file. The answers of a project that you have can be pasted, too.
        </p>
      )}
      {state.base && (
        <p class="buttons">
          <button type="button" onClick={() => go({ ...state.base, base: here(state) })}>
            Swap both sides
          </button>
          <button type="button" onClick={() => go({ base: null })}>
            Compare with something else
          </button>
          <span class="hidden">{site.releases.length} releases are offered.</span>
        </p>
      )}
    </div>
  );
}

function here({ release, answers }: Side): Side {
  return { release, answers };
}

function describe({ release, answers }: Side): string {
  const given = Object.entries(answers).map(([key, answer]) => `${key}=${answer}`);
  const listed = given.length > 6 ? [...given.slice(0, 6), `${given.length - 6} more`] : given;
  return `${release.slice(0, 12)} with ${listed.join(", ") || "the default answers"}`;
}

function Choice({ site, state, go, parse }: Props): JSX.Element {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  const older = site.releases.filter(({ reference }) => reference !== state.release);

  const paste = async (): Promise<void> => {
    try {
      const found = await parse(text);
      const given = Object.entries(found).filter(([key]) => !key.startsWith("_"));
      const answers = asAnswers(Object.fromEntries(given));
      const commit = String(found._commit ?? "");
      const release = site.releases.find(({ description, reference }) =>
        [description, reference].includes(commit),
      );
      if (!release) {
        const offered = site.releases.map(({ description }) => description).join(", ");
        setProblem(`_commit: ${commit} is none of the releases that are offered here: ${offered}.`);
        return;
      }
      setProblem("");
      go({ base: { release: release.reference, answers }, answers });
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  if (state.base) {
    return (
      <dl>
        <dt>before</dt>
        <dd>{describe(state.base)}</dd>
        <dt>after</dt>
        <dd>{describe(state)}</dd>
      </dl>
    );
  }
  return (
    <div class="choice-of-base">
      <p class="buttons">
        <button type="button" onClick={() => go({ base: here(state) })}>
          Keep these answers, and compare with what comes
        </button>
      </p>
      <label>
        Compare with the same answers to another release
        <select
          value=""
          onChange={(event) =>
            go({ base: { release: event.currentTarget.value, answers: state.answers } })
          }
        >
          <option value="" disabled>
            choose a release
          </option>
          {older.map(({ reference, description }) => (
            <option key={reference} value={reference}>
              {description}
            </option>
          ))}
        </select>
      </label>
      <label for="pasted">
        Paste the <code>.copier-answers.yml</code> of a project, to see what an update brings
      </label>
      <textarea
        id="pasted"
        rows={5}
        spellcheck={false}
        value={text}
        aria-describedby="pasted-problem"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <p class="problem" id="pasted-problem" role="status">
        {problem}
      </p>
      <p class="buttons">
        <button type="button" disabled={!text.trim()} onClick={() => void paste()}>
          Compare with these answers
        </button>
      </p>
    </div>
  );
}

function Differences({ state, base, project, form, go, failure }: Props): JSX.Element {
  const found = useMemo(
    () => (base && project ? compare(base.tree, project.tree) : undefined),
    [base, project],
  );
  const notes = useMemo(
    () =>
      new Map(
        (found ?? []).map(({ path, kind, plus, minus }) => [
          path,
          kind === "changed" ? `+${plus} −${minus}` : kind,
        ]),
      ),
    [found],
  );
  if (failure) return <p class="problem">{failure}</p>;
  if (!found) return <p>Both are being rendered.</p>;
  const chosen = found.find(({ path }) => path === state.file) ?? found[0];
  return (
    <>
      <p role="status">
        {found.length ? `${found.length} files differ.` : "No file differs."}
      </p>
      {state.base && found.length > 0 && (
        <details>
          <summary>The command that brings a project there</summary>
          <Command label="The command that updates a project" text={command.update(state.base, state, form)} />
          <p>
            An update merges what the template owns with your edits. Files that are yours, such as
            the sample, follow a changed answer where you have left them as they were. What a
            project cannot change, such as its framework, an update refuses with a sentence.
          </p>
        </details>
      )}
      {chosen && (
        <div class="files">
          <FileTree
            label="Files that differ"
            notes={notes}
            file={chosen.path}
            isOpen
            choose={(file) => go({ file })}
          />
          <DifferenceView difference={chosen} />
        </div>
      )}
    </>
  );
}
