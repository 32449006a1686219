"""How long rendering takes, beside Copier copying the same files verbatim."""

import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from tools.benchmarks.measure import (
    Times,
    copy_template,
    measure,
    print_table,
    render,
    run,
    seconds,
)

COMBINATIONS: tuple[Mapping[str, str], ...] = (
    {},
    {"dependency_manager": "pip", "database": "sqlite"},
    {"framework": "flask", "database": "none"},
    {"framework": "flask", "dependency_manager": "pip", "base_image": "full", "license": "mit"},
    {"framework": "cli", "dependency_manager": "pipenv", "base_image": "alpine"},
    {"framework": "job", "dependency_manager": "poetry", "base_image": "distro"},
    {"database": "mariadb", "cache": "valkey", "task_queue": "celery", "reverse_proxy": "nginx"},
)
STATIC = "_subdirectory: template\n_answers_file: .copier-answers.yml\n"
ANSWERS_FILE = "{{ _copier_conf.answers_file }}.jinja"
ANSWERS = "{{ _copier_answers | to_nice_yaml -}}\n"


def make_static(template: Path, folder: Path) -> Path:
    """Make a template that holds the default output as plain files, and no question."""
    project = render(template, folder / "template", {})
    (project / ".copier-answers.yml").unlink()
    (project / ANSWERS_FILE).write_text(ANSWERS, "utf-8")
    (folder / "copier.yml").write_text(STATIC, "utf-8")
    return folder


def copy(template: Path, destination: Path) -> Path:
    """Render the default answers in a process of its own."""
    options = ("--quiet", "--defaults", "--trust", "--skip-tasks")
    run(sys.executable, "-m", "copier", "copy", *options, template, destination)
    return destination


def count(project: Path) -> int:
    """Count the files of a project."""
    return sum(path.is_file() for path in project.rglob("*"))


def report(runs: int) -> None:
    """Print how long both templates take as a process, and combinations within one process."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        slipway = copy_template(folder / "slipway")
        static = make_static(slipway, folder / "static")
        templates = {"Slipway": slipway, "the same files, static": static}
        files = {key: count(copy(path, folder / key)) for key, path in templates.items()}
        times: dict[str, list[Times]] = {key: [] for key in templates}
        for turn in range(runs):
            for key, path in templates.items():
                times[key].append(measure(copy, path, folder / f"{key} {turn}"))
        warm = [
            seconds(render, slipway, folder / f"warm {turn} {index}", answers)
            for turn in range(runs)
            for index, answers in enumerate(COMBINATIONS)
        ]
    medians = {key: Times.middle(values) for key, values in times.items()}
    ours, floor = medians.values()
    print_table(
        ("template, a plain local directory", "files", f"s, median of {runs}", "CPU s"),
        *(
            (key, str(files[key]), f"{middle.elapsed:.2f}", f"{middle.cpu:.2f}")
            for key, middle in medians.items()
        ),
        (
            "ratio (target: at most 1.25)",
            "",
            f"{ours.elapsed / floor.elapsed:.2f}",
            f"{ours.cpu / floor.cpu:.2f}",
        ),
    )
    print(f"{len(COMBINATIONS)} combinations within one process: {mean(warm):.2f} s on average\n")
