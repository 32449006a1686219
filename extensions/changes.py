"""The project that is there: what it has answered, and which changes would harm it.

Copier is ended with a sentence before anything is written.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextvars import copy_context
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2
import yaml
from copier.errors import UserMessageError
from jinja2 import Environment
from jinja2.ext import Extension
from jinja2.runtime import Context
from pathspec import GitIgnoreSpec

TEMPLATE = Path(__file__).resolve().parent.parent
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C it takes a tenth of the time
# Answers to questions that another answer can take away, and bring back.
RETURNING = (
    "python_version",
    "author_email",
    "deployment",
    "database_scheme",
    "port",
    "reverse_proxy",
    "shared_servers",
    "other_managers",
)
TABLES = ("calls", "other_managers")  # the only answers that are mappings
UPDATES = {"github": "dependabot", "gitlab": "renovate", "none": "none"}  # what fits a forge
UNSET = object()  # unlike any answer


def read_yaml(file: Path) -> Any:
    """Read a YAML file."""
    return yaml.load(file.read_text("utf-8"), LOADER)  # noqa: S506  (it is safe)


@cache
def read_questions() -> Mapping[str, Mapping[str, Any]]:
    """Map the key of each question that may be asked to what copier.yml says about it."""
    entries = read_yaml(TEMPLATE / "copier.yml")
    return {
        key: entry
        for key, entry in entries.items()
        if not key.startswith("_") and isinstance(entry, dict) and entry.get("when") is not False
    }


def previous_answers(conf: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read the answers that the project has been made with; none if it is yet to be made.

    Copier's _external_data would do the same, but warns where there is no file, and is forbidden
    where the way to the project leads over a symbolic link.
    """
    file = Path(conf["dst_path"], conf["answers_file"])
    answers: Mapping[str, Any] = read_yaml(file) if file.is_file() else {}
    return answers


def is_update() -> bool:
    """Say whether Copier updates a project, as it tells paths and tasks, but no question."""
    return any(
        key.name == "_operation" and copy_context()[key] == "update" for key in copy_context()
    )


def is_comparison(conf: Mapping[str, Any]) -> bool:
    """Say whether this rendering is one of the two that an update compares, in empty folders."""
    return is_update() and not previous_answers(conf)


def usual_updates(ci: str) -> str:
    """Name who usually proposes updates where the tests are run."""
    return UPDATES.get(ci, "none")


@jinja2.pass_context
def unless_kept(context: Context, problem: str, key: str, *grounds: str) -> str:
    """Pass over a problem with what the project has answered: only new answers are refused.

    It counts as a new one where the answers that are its grounds have changed.
    """
    conf = context["_copier_conf"]
    if not problem or is_comparison(conf):
        return ""
    previous = previous_answers(conf)
    is_kept = all(previous.get(name, UNSET) == context[name] for name in (key, *grounds))
    return "" if is_kept else problem


@jinja2.pass_context
def unless_outdated(context: Context, updates: str) -> str:
    """Refuse the answer that came with another ci: Copier then takes the default for this one."""
    conf = context["_copier_conf"]
    previous = previous_answers(conf)
    ci = previous.get("ci", context["ci"])
    is_given = "dependency_updates" in conf["data"]
    if is_given or ci == context["ci"] or updates != previous.get("dependency_updates"):
        return ""
    return f"This came with ci: {ci}" if updates == usual_updates(ci) else ""


def recorded(answers: Mapping[str, Any], conf: Mapping[str, Any]) -> Mapping[str, Any]:
    """Complete what Copier remembers: answers that may return, and the way to a template."""
    previous = previous_answers(conf)
    source = Path(answers.get("_src_path", "/"))
    is_relative = not source.is_absolute() and source.exists()
    return {
        **answers,
        **({"_src_path": str(source.resolve())} if is_relative else {}),
        **{key: previous[key] for key in RETURNING if key in previous and key not in answers},
    }


def read_answer(question: Mapping[str, Any], answer: Any) -> Any:
    """Read an answer as the type of its question; raise what to write instead if it is none.

    A fork may ask in forms that no question here has: those are left to Copier.
    """
    kind, listed = question.get("type", ""), question.get("choices", ())
    choices = listed.values() if isinstance(listed, dict) else listed
    has_choices = bool(listed) and all(isinstance(choice, str) for choice in choices)
    is_scalar = isinstance(answer, str | int | float) and not isinstance(answer, bool)
    if question.get("multiselect") or (listed and (isinstance(listed, str) or not has_choices)):
        return answer
    wanted = ""
    if has_choices and str(answer) not in choices:
        wanted = f"Choose one of {', '.join(choices)}"
    elif kind == "int" and not (is_scalar and re.fullmatch(r"-?\d+", str(answer))):
        wanted = "Write a whole number"
    elif kind == "str" and not is_scalar:
        wanted = "Write a text"
    elif kind == "bool" and not (is_scalar or isinstance(answer, bool)):
        wanted = "Write true or false"
    if wanted:
        raise ValueError(f"{wanted}, not {json.dumps(answer, default=str)[:80]}")
    if kind == "yaml" and isinstance(answer, str):
        try:
            return yaml.safe_load(answer)
        except yaml.YAMLError:
            raise ValueError(f"Write YAML, not {json.dumps(answer)[:80]}") from None
    return {"str": str, "int": int}[kind](answer) if kind in ("str", "int") else answer


def refuse_unknown(keys: Iterable[str]) -> None:
    """End with a sentence at an answer to no question, which Copier would pass over."""
    asked = read_questions()
    for key in keys:
        if key not in asked:
            nearest = difflib.get_close_matches(key, asked, n=1)
            advice = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(asked)}"
            raise UserMessageError(f"No question is called {key}: {advice}")


@jinja2.pass_context
def refuse_answers(context: Context, conf: Mapping[str, Any]) -> str:
    """End with a sentence where Copier would end with a traceback, at an answer that it was given.

    What is typed comes later, and Copier repeats such a question: what depends on it is left out.
    """
    file, previous = conf["answers_file"], previous_answers(conf)
    ours = {"package_name", "own_files", "services"}  # of which each project answers one
    if previous and not ("framework" in previous and ours & {*previous}):
        raise UserMessageError(
            f"{file} has the answers to another template:"
            " choose a file for these, for example: --answers-file .copier-answers.slipway.yml"
        )
    if previous and is_update():
        refuse_update(conf)
    if not is_comparison(conf):
        refuse_unknown({**conf["data"], **conf["user_defaults"]})
    given = (
        (f" in {file}" if is_comparison(conf) else "", conf["data"]),
        (f" in {file}", previous),
        (" by default", conf["user_defaults"]),
    )
    usual = conf["settings"].defaults
    known = {**context.get_all(), "UNSET": jinja2.StrictUndefined()}

    def render(text: Any) -> Any:
        is_text = isinstance(text, str)
        return context.environment.from_string(text).render(known) if is_text else text

    for key, question in read_questions().items():
        place = "" if key not in usual else " in Copier's settings file"
        found = [(place, answers[key]) for place, answers in given if key in answers]
        if not (found or place or conf["defaults"]):
            continue
        try:
            if found:
                place, answer = found[0]
            else:
                answer = render(usual.get(key, question.get("default", "{{ UNSET }}")))
            known[key] = read_answer(question, answer)
            is_new = key in conf["data"] or (
                key not in previous and render(question.get("when", "True")) == "True"
            )
            if problem := render(question.get("validator", "")).strip() if is_new else "":
                raise ValueError(problem)
        except jinja2.UndefinedError:
            continue
        except ValueError as error:
            raise UserMessageError(f"The answer to {key}{place}: {error}") from None
    return ""


def refuse_update(conf: Mapping[str, Any]) -> str:
    """End with a sentence if the answers file is none that an update can start from."""
    file = str(conf["answers_file"])
    tracked = tracked_files(Path(conf["dst_path"]))
    problem = ""
    if tracked is not None and file not in tracked:
        problem = f"git does not track {file}, from which an update starts: run"
        problem += f" git add --force {file}, and commit it"
    for key, answer in previous_answers(conf).items():
        if answer is None or (isinstance(answer, dict) and key not in TABLES):
            problem = f"{file} is damaged, as it has no answer to {key}: take the right one back"
            problem += " from git's history, and commit it"
    if problem:
        raise UserMessageError(problem)
    return ""


def tracked_files(project: Path) -> set[str] | None:
    """List the files of a project that git could give back; None if it is not under git."""
    command = ["git", "-C", str(project), "ls-files", "-z"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(result.stdout.split("\0")[:-1]) if result.returncode == 0 else None


def untracked_files(project: Path, tree: Path, package_name: str) -> list[str]:
    """List the files of the tree that the project has, and that git could not restore."""
    names = (file.relative_to(tree).as_posix() for file in tree.rglob("*"))
    paths = {
        str(PurePosixPath(re.sub(r"{%.*?%}", "", name).removesuffix(".jinja"))).replace(
            "{{ package_name }}", package_name
        )
        for name in names
    }
    tracked = tracked_files(project)
    untracked = sorted(paths - tracked) if tracked is not None else []
    return [path for path in untracked if (project / path).is_file()]


def refuse_changes(conf: Mapping[str, Any], package_name: str, framework: str) -> str:
    """End with a sentence that says what to do if an update would harm the project there is."""
    project, previous = Path(conf["dst_path"]), previous_answers(conf)
    package, program = previous.get("package_name"), previous.get("framework")
    trees = {"own_files": "template-other/adopted", "services": "template-other/workspace"}
    tree = TEMPLATE / next((trees[key] for key in trees if key in previous), "template")
    problem = ""
    if previous and program != framework:
        problem = (
            f"A project cannot change its framework from {program} to {framework}:"
            " make a new project and move your code there"
        )
    elif package and package != package_name:
        problem = (
            f"An update cannot rename the package from {package} to {package_name}:"
            f" run git mv src/{package} src/{package_name}, write package_name: {package_name}"
            f" in {conf['answers_file']}, commit, and update then"
        )
    elif package and (project / "src").is_dir() and not (project / "src" / package_name).is_dir():
        problem = (
            f"{conf['answers_file']} says package_name: {package_name}, but there is no"
            f" src/{package_name}: correct the file, or rename the folder with git mv, and commit"
        )
    elif previous and is_update() and (untracked := untracked_files(project, tree, package_name)):
        problem = (
            f"git does not track {', '.join(untracked)}, and could not restore what would be"
            " overwritten: run make update, which leaves such files alone, or move them away"
        )
    if problem:
        raise UserMessageError(problem)
    return ""


def refuse_losses(conf: Mapping[str, Any], has_shell: bool) -> str:
    """End with a sentence where Copier would drop packages that the image can no longer have."""
    packages = previous_answers(conf).get("os_packages_runtime")
    if packages and not has_shell and "os_packages_runtime" not in conf["data"]:
        raise UserMessageError(
            f"An image without a shell cannot have what is in os_packages_runtime, {packages}:"
            " keep the base_image, or add --data os_packages_runtime=[] if it can do without"
        )
    return ""


def written_files(context: Context, conf: Mapping[str, Any]) -> Mapping[str, Path]:
    """Map each file that a copy with these answers writes to its source."""
    environment, known = context.environment, {**context.get_all(), "_copier_operation": "copy"}
    manifest = environment.get_template("manifest.jinja").render(known)
    left_out = GitIgnoreSpec.from_lines([*manifest.splitlines(), *conf["exclude"]])
    tree = TEMPLATE / context["tree"]
    found = {}
    for source in (file for file in sorted(tree.rglob("*")) if file.is_file()):
        parts = source.relative_to(tree).as_posix().removesuffix(".jinja").split("/")
        rendered = [environment.from_string(part).render(known) for part in parts]
        path = str(PurePosixPath(*rendered))
        if all(rendered) and not left_out.match_file(path):
            found[path] = source
    return found


def is_like(context: Context, file: Path, source: Path) -> bool:
    """Say whether Copier would find a file of the project as it wants to write it."""
    if (
        file.is_symlink()
        or not file.is_file()
        or (file.stat().st_mode ^ source.stat().st_mode) & 0o111
    ):
        return False
    if source.suffix != ".jinja":
        return file.read_bytes() == source.read_bytes()
    template = context.environment.get_template(source.relative_to(TEMPLATE).as_posix())
    return file.read_bytes() == template.render(context.get_all()).encode()


@jinja2.pass_context
def refuse_overwriting(context: Context, conf: Mapping[str, Any]) -> str:
    """End with a sentence if Copier would stop half-way, to ask nobody what to write over."""
    project = Path(conf["dst_path"])
    has_terminal = sys.stdin is not None and sys.stdin.isatty()
    if conf["overwrite"] or has_terminal or not project.is_dir():
        return ""
    skipped = GitIgnoreSpec.from_lines([*conf["skip_if_exists"], f"/{conf['answers_file']}"])
    others = [
        path
        for path, source in written_files(context, conf).items()
        if os.path.lexists(project / path)
        and not skipped.match_file(path)
        and not is_like(context, project / path, source)
    ]
    if others:
        raise UserMessageError(
            f"{', '.join(others)} would be overwritten: add --overwrite to allow that, or keep"
            f" them as they are by {' '.join(f'--skip {path}' for path in others)}"
        )
    return ""


@jinja2.pass_context
def consequences(context: Context, conf: Mapping[str, Any]) -> list[str]:
    """Say what else follows from the answers that an update changed."""

    def committed(file: str) -> str:
        command = ["git", "-C", conf["dst_path"], "show", f"HEAD:./{file}"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    before = yaml.safe_load(committed(conf["answers_file"])) or {}
    was, base, ci = before.get("base_image"), context["base_image"], context["ci"]
    leaves_alpine_or_enters_it = was != base and "alpine" in (was, base)
    foreign = [
        key
        for key in ("os_packages_build", "os_packages_runtime")
        if before.get(key) == context[key]
        for name in re.findall(r"[^\s,'\[\]]+", str(context[key] or ""))
        if leaves_alpine_or_enters_it or (was == "distro" != base and name.startswith("python3-"))
    ]
    said = []
    if foreign:
        said.append(
            f"In {' and '.join(dict.fromkeys(foreign))} are still the names of packages for"
            f" base_image: {was}. Give those for {base}, for example:"
            f" {update_command(conf)} --vcs-ref :current: --data '{foreign[0]}=[…]'"
        )
    file = Path(conf["dst_path"], "compose.prod.yaml")
    production = file.read_text("utf-8") if file.is_file() else ""
    if "${WEB_PORT:" in committed(file.name) and "${PRODUCTION_PORT:" in production:
        said.append(
            f"Production listens on port {context['production_port']} now, so that development can"
            " run beside it. Where it is deployed, give PRODUCTION_PORT what WEB_PORT was, or"
            f" PRODUCTION_PORT={context['port']} where that was not set."
        )
    if before.get("ci") != ci and before.get("dependency_updates") != context["dependency_updates"]:
        said.append(f"With ci: {ci}, dependency_updates is {context['dependency_updates']}.")
    return said


def lacks(conf: Mapping[str, Any], files: Iterable[str]) -> bool:
    """Say whether the project lacks any of these files."""
    return not all(Path(conf["dst_path"], file).exists() for file in files)


def is_folder(source: str) -> bool:
    """Tell a template on this machine from one that has an address."""
    return Path(source).is_dir()


def update_command(conf: Mapping[str, Any]) -> str:
    """Write the command by which Copier updates the project."""
    file = str(conf["answers_file"])
    option = "" if file == ".copier-answers.yml" else f" --answers-file {shlex.quote(file)}"
    return f"copier update --trust{option}"


class Changes(Extension):
    """Gives copier.yml these filters."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        for function in (
            usual_updates,
            unless_kept,
            unless_outdated,
            recorded,
            refuse_answers,
            refuse_update,
            refuse_changes,
            refuse_losses,
            refuse_overwriting,
            consequences,
            lacks,
            is_folder,
            update_command,
        ):
            environment.filters[function.__name__] = function
