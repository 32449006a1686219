"""How long a copy takes, beside a copy of the same files that renders nothing."""

import shutil
import statistics
import tempfile
from pathlib import Path

from benchmarks import tools

STATIC_QUESTIONS = """\
_subdirectory: template
name:
  type: str
  default: static
"""
ANSWERS = "{{ _copier_answers | to_nice_yaml -}}\n"


def measure(runs: int) -> str:
    """Time "copier copy" of the default answers and of its floor, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        template = tools.copy_template(Path(folder, "template"))
        tools.copier(template, Path(folder, "sample"))
        static = make_static(Path(folder, "sample"), Path(folder, "static"))
        times: dict[Path, list[float]] = {template: [], static: []}
        for _ in range(runs):
            for source, seconds in times.items():
                seconds.append(time_copy(source, Path(folder, "project")))
    ours, floor = (statistics.median(seconds) for seconds in times.values())
    return tools.table(
        [
            ("copier copy", "median of whole processes, s", "ratio"),
            ("default answers", f"{ours:.3f}", f"{ours / floor:.2f}"),
            ("the same files, static", f"{floor:.3f}", "1.00"),
        ]
    )


def make_static(project: Path, template: Path) -> Path:
    """Turn a rendered project into a template that holds the same files and renders none."""
    shutil.copytree(project, template / "template")
    (template / "template" / ".copier-answers.yml").unlink()
    (template / "template" / "{{ _copier_conf.answers_file }}.jinja").write_text(ANSWERS, "utf-8")
    (template / "copier.yml").write_text(STATIC_QUESTIONS, "utf-8")
    return template


def time_copy(template: Path, project: Path) -> float:
    """Time one copy into a folder that does not exist yet."""
    shutil.rmtree(project, ignore_errors=True)
    return tools.timed(lambda: tools.copier(template, project))
