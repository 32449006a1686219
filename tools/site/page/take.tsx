// What to take along.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import * as command from "./command";
import { Diagram } from "./diagram";
import type { Side } from "./state";
import type { Contents, Form, Project, Site } from "./types";
import { give, pack } from "./zip";

/** Show a command, to be copied. */
export function Command({ label, text }: { label: string; text: string }): JSX.Element {
  const [said, say] = useState("");
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => say("Copied."),
      () => say("The browser did not allow it: select the text."),
    );
  };
  return (
    <div class="command">
      <pre tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
      <button type="button" onClick={copy}>
        Copy<span class="hidden"> {label}</span>
      </button>
      <span role="status">{said}</span>
    </div>
  );
}

const LISTS: readonly [keyof Contents & ("packages" | "images" | "ports" | "jobs"), string][] = [
  ["packages", "Python packages"],
  ["images", "Images"],
  ["ports", "Ports on your machine"],
  ["jobs", "CI jobs"],
];

interface Props {
  site: Site;
  side: Side;
  form: Form | undefined;
  project: Project | undefined;
}

/** Offer the command, the answers and the files, and list what is in them. */
export function Take({ site, side, form, project }: Props): JSX.Element {
  const slug = form?.fields.find(({ key }) => key === "project_slug")?.value;
  const name = typeof slug === "string" ? slug : "my-project";
  const answers = new Blob([command.dataFile(side.answers, form)], { type: "application/yaml" });
  return (
    <div class="take">
      <h2>Make it</h2>
      <Command label="The command that makes this project" text={command.copy(site, side, form)} />
      <p>
        Copier writes the files that you see here, and locks the dependencies. Add{" "}
        <code>--data-file answers.yml</code> in place of each <code>--data</code> if you keep the
        answers in a file.
      </p>
      <p class="buttons">
        <button type="button" onClick={() => give(answers, "answers.yml")}>
          Answers as a file
        </button>
        <button
          type="button"
          disabled={!project}
          onClick={() => project && give(pack(project.tree, name), `${name}.zip`)}
        >
          All files as a zip
        </button>
      </p>
      <p>
        The zip has no lock yet: run <code>make lock</code> in it, which needs Docker only, and
        commit the result.
      </p>
      {project && <Brought contents={project.contents} />}
    </div>
  );
}

function Brought({ contents }: { contents: Contents }): JSX.Element {
  return (
    <>
      <h2>What it starts</h2>
      {Object.entries(contents.stacks).map(([title, services]) => (
        <Diagram key={title} title={title} services={services} />
      ))}
      <h2>What it brings</h2>
      <div class="lists">
        {LISTS.filter(([key]) => contents[key].length > 0).map(([key, title]) => (
          <section key={key}>
            <h3>
              {title} <small>{contents[key].length}</small>
            </h3>
            <ul>
              {contents[key].map((entry) => (
                <li key={entry}>{entry}</li>
              ))}
            </ul>
          </section>
        ))}
      </div>
    </>
  );
}
