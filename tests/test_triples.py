"""Every three answers about the stack give a project whose files parse and are tidy."""

import generated
import pytest
import questions
from combinations import covering_array
from conftest import Render
from sampling import some

STACK = ("framework", "dependency_manager", "database", "base_image")
ROWS = covering_array([{key: questions.choices()[key] for key in STACK}], strength=3)


def test_every_three_answers_meet() -> None:
    frameworks, managers, databases, bases = (len(questions.choices()[key]) for key in STACK)
    assert len(ROWS) >= databases * max(frameworks * managers, frameworks * bases, managers * bases)


@pytest.mark.parametrize(
    "row", some(ROWS, one_in=3), ids=lambda row: "-".join(row[key] for key in STACK)
)
def test_every_file_parses_and_is_tidy(render: Render, row: dict[str, str]) -> None:
    others = {key: values for key, values in questions.choices().items() if key not in STACK}
    turn = ROWS.index(row)
    answers = {**{key: values[turn % len(values)] for key, values in others.items()}, **row}
    project = render(questions.keep(answers))  # what is not asked would be refused

    for file in generated.files(project):
        generated.parse(file)
        assert not generated.untidiness(file), file
