"""The questions of a release for some answers: which are asked, their defaults, what is refused."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from copier._main import Worker
from copier._tools import cast_to_bool
from copier._types import MISSING
from copier._user_data import AnswersMap, Question
from copier.errors import CopierError
from jinja2 import TemplateError

from .workers import Release, start

Form = dict[str, Any]


def look(release: Release, given: Mapping[str, Any]) -> Form:
    """Describe each question that can be asked, as Copier would meet it after these answers."""
    worker = start(release, given, Path("project"))
    worker.answers = AnswersMap(
        init=dict(given), metadata=worker.template.metadata, external=worker._external_data()
    )
    groups = read_groups(release.folder / "copier.yml")
    fields, message = [], ""
    for key, details in worker.template.questions_data.items():
        try:
            if field := meet(worker, key, details):
                fields.append({**field, "group": groups.get(key, "")})
        except (CopierError, TemplateError) as error:
            # What is no question, but ends a copy with a sentence
            message = message or str(error)
    unknown = sorted(given.keys() - worker.template.questions_data.keys())
    if not (message or unknown) and any(field["problem"] for field in fields):
        message = next(field["problem"] for field in fields if field["problem"])
    return {"fields": fields, "message": message, "unknown": unknown}


def meet(worker: Worker, key: str, details: Mapping[str, Any]) -> Form | None:
    """Answer a question as Copier's own questionnaire does, but go on if the answer is refused."""
    question = Question(
        answers=worker.answers,
        context=worker._render_context(),
        jinja_env=worker.jinja_env,
        settings=worker.settings,
        var_name=key,
        **details,
    )
    answers, is_given = worker.answers, key in worker.answers.init
    given = answers.init.pop(key, None)
    default, problem = find_default(question)
    if not question.get_when():
        answers.hide(key)
        if default is not MISSING:
            answers.user[key] = default
        return None if details.get("when") is False else describe(question, default, False)
    answer = default
    if is_given:
        answer, problem = read(question, given)
        if problem:
            answer = default
    if answer is not MISSING:
        answers.user[key] = answer
    field = describe(question, default, cast_to_bool(question.get_ask()))
    field["value"] = given if problem and is_given else to_json(answer)
    field["problem"] = problem
    field["differs"] = bool(is_given and not problem and answer != default)
    return field


def find_default(question: Question) -> tuple[Any, str]:
    """Find the default, and say what is wrong with it where others' answers do not suit it."""
    try:
        return question.get_default(), ""
    except ValueError:
        default = question.parse_answer(question.render_value(question.default))
        return default, refusal(question, default)


def read(question: Question, given: Any) -> tuple[Any, str]:
    """Read an answer as the type of its question, and say what is wrong with it."""
    try:
        answer = question.parse_answer(given)
    except Exception:  # as a prompt of Copier does
        return given, "Invalid input"
    return answer, refusal(question, answer)


def refusal(question: Question, answer: Any) -> str:
    """Say in the template's words why an answer is refused; "" if it is not."""
    rendered: str = question.render_value(question.validator, {question.var_name: answer})
    return rendered.strip()


def describe(question: Question, default: Any, is_asked: bool) -> Form:
    """Describe what a person sees of a question."""
    return {
        "key": question.var_name,
        "help": question.get_message().strip(),
        "type": question.get_type_name(),
        "choices": [
            {"label": choice.title, "value": choice.value, "disabled": choice.disabled or ""}
            for choice in question._formatted_choices
        ],
        "multiselect": question.multiselect,
        "multiline": question.get_multiline(),
        "placeholder": question.get_placeholder(),
        "default": to_json(default),
        "value": to_json(default),
        "asked": is_asked,
        "problem": "",
        "differs": False,
    }


def to_json(answer: Any) -> Any:
    """Give what JSON has no word for as nothing."""
    return None if answer is MISSING else answer


@cache
def read_groups(file: Path) -> dict[str, str]:
    """Map each question to the heading above it: a comment between blank lines."""
    text = file.read_text("utf-8")
    lines = text.splitlines()
    groups, heading = {}, ""
    document: Any = yaml.compose(text, yaml.SafeLoader)
    for node, _ in document.value:
        key, line = node.value, node.start_mark.line
        above = lines[:line]
        while above and above[-1].startswith("#"):
            above.pop()  # a comment about this question only
        while above and not above[-1].strip():
            above.pop()
        if above and above[-1].startswith("#"):
            heading = above[-1].lstrip("# ").partition(", by ")[0]
        groups[key] = heading
    return groups
