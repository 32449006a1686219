// The questions, as the template asks them.
import type { JSX } from "preact";
import { asText } from "./state";
import type { Answers, Field, Form } from "./types";

interface Props {
  form: Form;
  answers: Answers;
  change: (key: string, answer: string | undefined) => void;
}

/** Show every question that is asked after these answers, under the template's headings. */
export function Questions({ form, answers, change }: Props): JSX.Element {
  const asked = form.fields.filter((field) => field.asked || field.problem);
  const groups = [...new Set(asked.map(({ group }) => group))];
  return (
    <form aria-label="Questions" onSubmit={(event) => event.preventDefault()}>
      {groups.map((group) => (
        <section key={group}>
          <h2>{group}</h2>
          {asked
            .filter((field) => field.group === group)
            .map((field) => (
              <Question
                key={field.key}
                field={field}
                answer={answers[field.key]}
                change={(answer) => change(field.key, answer)}
              />
            ))}
        </section>
      ))}
    </form>
  );
}

interface QuestionProps {
  field: Field;
  answer: string | undefined;
  change: (answer: string | undefined) => void;
}

function Question({ field, answer, change }: QuestionProps): JSX.Element {
  const { key, problem } = field;
  const described = problem ? `problem-${key}` : undefined;
  return (
    <div class="question" data-key={key}>
      <Control field={field} answer={answer} change={change} described={described} />
      <p class="problem" id={`problem-${key}`} role="status">
        {problem}
      </p>
      {answer !== undefined && (
        <button type="button" class="quiet" onClick={() => change(undefined)}>
          Back to the default<span class="hidden">: {field.help}</span>
        </button>
      )}
    </div>
  );
}

type ControlProps = QuestionProps & { described: string | undefined };

function Control(props: ControlProps): JSX.Element {
  const { field, answer, change, described } = props;
  if (field.choices.length > 0) return <Choices {...props} />;
  if (field.type === "bool") {
    const isOn = answer === undefined ? Boolean(field.value) : /^(true|yes|on|y|t|1)$/i.test(answer);
    return (
      <label class="switch">
        <input
          type="checkbox"
          role="switch"
          checked={isOn}
          onChange={(event) => change(String(event.currentTarget.checked))}
        />
        <span>{field.help}</span>
      </label>
    );
  }
  const common = {
    id: `answer-${field.key}`,
    value: answer ?? shown(field),
    placeholder: field.placeholder,
    spellcheck: false,
    "aria-invalid": Boolean(field.problem),
    "aria-describedby": described,
  };
  return (
    <>
      <label for={common.id}>{field.help}</label>
      {field.multiline ? (
        <textarea {...common} rows={4} onInput={(event) => change(event.currentTarget.value)} />
      ) : (
        <input
          {...common}
          type="text"
          autocomplete="off"
          inputMode={field.type === "int" ? "numeric" : "text"}
          onInput={(event) => change(event.currentTarget.value)}
        />
      )}
    </>
  );
}

/** Write an answer as one would type it. */
function shown(field: Field): string {
  return field.value === null ? "" : asText(field.value);
}

function Choices({ field, answer, change, described }: ControlProps): JSX.Element {
  const many = field.multiselect;
  const chosen = new Set(
    many ? listed(answer, field.value).map(asText) : [answer ?? asText(field.value)],
  );
  const choose = (value: string, isOn: boolean): void => {
    if (!many) return change(value);
    const wanted = field.choices.map((choice) => choice.value);
    const left = wanted.filter((each) => (asText(each) === value ? isOn : chosen.has(asText(each))));
    change(JSON.stringify(left));
  };
  return (
    <fieldset aria-describedby={described}>
      <legend>{field.help}</legend>
      {field.choices.map(({ label, value, disabled }) => {
        const [title, ...rest] = label.split(/:\s+/);
        return (
          <label class="choice" key={asText(value)}>
            <input
              type={many ? "checkbox" : "radio"}
              name={field.key}
              value={asText(value)}
              checked={chosen.has(asText(value))}
              disabled={Boolean(disabled)}
              onChange={(event) => choose(asText(value), event.currentTarget.checked)}
            />
            <span>
              <b>{title}</b>
              {rest.length > 0 && <small>{rest.join(": ")}</small>}
              {disabled && <small>{disabled}</small>}
            </span>
          </label>
        );
      })}
    </fieldset>
  );
}

function listed(answer: string | undefined, value: unknown): unknown[] {
  try {
    const found: unknown = answer === undefined ? value : JSON.parse(answer);
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}
