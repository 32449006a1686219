"""The questions of copier.yml, and what follows from answers to them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import jinja2
import yaml
from repository import ROOT

ADOPTION = (  # asked of adopted projects only
    "own_files",
    "entry_point",
    "database_scheme",
    "development_settings",
    "production_settings",
)
WORKSPACE = ("services", "calls", "other_managers")  # asked of workspaces only
Answer = str | int | float | list[str]
Answers = Mapping[str, Answer]


@cache
def read_questions() -> dict[str, dict[str, Any]]:
    """Map the key of each question, also of a computed one, to what copier.yml says about it."""
    entries = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    return {key: entry for key, entry in entries.items() if not key.startswith("_")}


def asked() -> dict[str, dict[str, Any]]:
    """Map the key of each question about a new project to what copier.yml says about it.

    A workspace of several projects is none: its own tests ask about it.
    """
    found = {
        key: entry
        for key, entry in read_questions().items()
        if entry.get("when") is not False and key not in (*ADOPTION, *WORKSPACE)
    }
    frameworks = found["framework"]["choices"]
    projects = {label: value for label, value in frameworks.items() if value != "workspace"}
    return {**found, "framework": {**found["framework"], "choices": projects}}


def choices(entries: Mapping[str, Any] | None = None) -> dict[str, list[str]]:
    """Map the key of each question with choices to their values, here or in another copier.yml."""
    entries = asked() if entries is None else entries
    listed = {
        key: entry["choices"]
        for key, entry in entries.items()
        if isinstance(entry, dict) and "choices" in entry
    }
    return {
        key: list(options.values() if isinstance(options, dict) else options)
        for key, options in listed.items()
    }


@cache
def question_environment() -> jinja2.Environment:
    """Make an environment with the facts and filters that questions use, as Copier does."""
    config = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    return jinja2.Environment(  # noqa: S701  (no HTML)
        extensions=config["_jinja_extensions"],
        loader=jinja2.FileSystemLoader(ROOT),
        undefined=jinja2.StrictUndefined,
    )


def settle(answers: Answers) -> tuple[Answers, Answers]:
    """Tell the answers that Copier would keep, and the defaults that stand for questions not asked.

    This repeats what Copier does, without its 0.2 seconds; a test compares both.
    """
    environment = question_environment()
    context: dict[str, Any] = {"_copier_conf": {}}  # what the extension knows Copier by
    kept: dict[str, Answer] = {}
    defaults: dict[str, Answer] = {}
    for key, question in asked().items():
        default, condition = question["default"], str(question.get("when", True))
        is_text = isinstance(default, str)
        context[key] = environment.from_string(default).render(context) if is_text else default
        if environment.from_string(condition).render(context) == "True":
            kept[key] = context[key] = answers.get(key, context[key])
        else:
            defaults[key] = context[key]
    return kept, defaults


def keep(answers: Answers) -> Answers:
    """Tell the answers that Copier would keep."""
    return settle(answers)[0]
