"""The fixtures that all tests share."""

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import compress
from operator import not_
from pathlib import Path
from typing import Any

import generated
import programs
import pytest
import questions
import remembering
import repository
from combinations import COMBINATIONS
from costs import cost
from hypothesis import settings
from playwright.sync_api import Page

pytest.register_assert_rewrite(
    "api_docs",
    "attacks",
    "container_promises",
    "database_promises",
    "edits",
    "expected_merges",
    "fuzzing",
    "locking",
    "manual",
    "metrics_promises",
    "packages",
    "project_checks",
    "prometheus",
    "stacks",
    "telemetry_promises",
    "updating",
)

import browser  # noqa: E402  (after what it imports is registered)
from updating import Renderings, clone_with_releases, release  # noqa: E402  (rewritten, too)

settings.register_profile("alike", derandomize=True, database=None, deadline=None)
settings.load_profile("alike")

collect_ignore = ["support"]  # their tests run in their own containers

LOCKERS = ("docker", "pipenv", "pipx", "poetry", "python", "uv")

Render = Callable[[questions.Answers], Path]
RenderCombination = Callable[[str], Path]
Tried = Iterable[tuple[Any, ...]]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Copy the template once, and keep the settings of whoever runs the tests out of it."""
    settings = tmp_path_factory.mktemp("settings") / "settings.yml"
    settings.write_text("{}\n", "utf-8")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COPIER_SETTINGS_PATH", str(settings))
        yield repository.copy_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session", autouse=True)
def remembered(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[None]:
    """Spare Copier what it does anew in each process: see tests/started/remembering.py."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "compiled"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COMPILED_TEMPLATES", str(folder))
        environment.setenv("PYTHONPATH", str(repository.ROOT / "tests" / "started"))
        remembering.start()
        yield


@pytest.fixture(scope="session")
def render(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Render a project from answers."""
    return lambda answers: generated.render(template, tmp_path_factory.mktemp("project"), answers)


@pytest.fixture(scope="session")
def render_combination(
    template: Path, tmp_path_factory: pytest.TempPathFactory
) -> RenderCombination:
    """Render a combination of answers, the same one once only."""
    folder = tmp_path_factory.mktemp("combinations")
    return cache(lambda name: generated.render(template, folder / name, COMBINATIONS[name]))


@pytest.fixture(params=COMBINATIONS)
def combination(request: pytest.FixtureRequest) -> str:
    """Name each combination in turn."""
    return str(request.param)


@pytest.fixture
def project(combination: str, render_combination: RenderCombination) -> Path:
    """Render one combination."""
    return render_combination(combination)


@pytest.fixture(scope="session")
def projects(render_combination: RenderCombination) -> dict[str, Path]:
    """Render all combinations."""
    return {name: render_combination(name) for name in COMBINATIONS}


@pytest.fixture(scope="session")
def project_of(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Renderings:
    """Make projects from the releases of the template, of which the newest is the work tree."""
    clone = clone_with_releases(template, tmp_path_factory.mktemp("releases"))
    release(clone)
    return Renderings(clone, tmp_path_factory.mktemp("renderings"))


@pytest.fixture(scope="session")
def engine() -> None:
    """Need a Docker Engine: skip without one, but fail in CI."""
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        message = "a Docker Engine is needed here and none answers"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


@pytest.fixture(scope="session")
def caches(engine: None, testrun_uid: str) -> Iterator[str]:
    """Share what is downloaded between the projects of a run, whichever process checks them."""
    volume = f"harbour-{testrun_uid}"
    programs.run("docker", "volume", "create", volume)
    yield volume
    # The last process removes it: before, it is in use, or is made again.
    subprocess.run(["docker", "volume", "rm", volume], capture_output=True, check=False)


@pytest.fixture(scope="session")
def chromium(engine: None) -> Iterator[str]:
    """Start a browser, once in each process that needs it."""
    with browser.chromium() as address:
        yield address


@pytest.fixture
def tab(chromium: str) -> Iterator[Page]:
    """Open a tab of the browser, which must not complain about what is shown in it."""
    with browser.tab(chromium) as page:
        yield page


@pytest.fixture(scope="session")
def bare_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build a PATH with all programs of this machine but those that can lock dependencies."""
    programs = tmp_path_factory.mktemp("bin")
    for folder in map(Path, os.get_exec_path()):
        for program in folder.iterdir() if folder.is_dir() else ():
            link = programs / program.name
            if not program.name.startswith(LOCKERS) and not link.is_symlink():
                link.symlink_to(program)
    return str(programs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run be thorough."""
    parser.addoption(
        "--thorough",
        action="store_true",
        help="also run what keeps the same promises with other answers; named tests always run",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Run all of what is named."""
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        config.option.thorough = True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest: xdist hands out whole modules and classes in this order."""
    items.sort(key=lambda item: -cost(item.nodeid))
    if not config.option.thorough:
        is_repeated = [*map(is_repeat, items)]
        config.hook.pytest_deselected(items=[*compress(items, is_repeated)])
        items[:] = compress(items, map(not_, is_repeated))


def is_repeat(item: pytest.Item) -> bool:
    """Say whether a test keeps a promise that another one keeps, with other answers."""
    repeats = getattr(getattr(item, "cls", None), "repeats", ())
    name = item.nodeid.partition("[")[0].rpartition("::")[2]
    return item.get_closest_marker("thorough") is not None or name in repeats


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what became of edits and attacks, whichever process tried them."""
    tried: dict[str, list[tuple[Any, ...]]] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name in TABLES:
                    tried.setdefault(name, []).append(tuple(value))
    for name, (title, columns, rows) in TABLES.items():
        if name in tried:
            terminalreporter.section(title)
            terminalreporter.line(f"| {' | '.join(columns)} |")
            terminalreporter.line(f"|{'---|' * len(columns)}")
            for row in rows(tried[name]):
                terminalreporter.line(f"| {' | '.join(map(str, row))} |")


def count_edits(tried: Tried) -> Tried:
    """Count the fates of edits for each release and kind."""
    counts = Counter(tried)
    for version, kind in dict.fromkeys((version, kind) for version, kind, _ in counts):
        yield (
            version,
            kind,
            *(counts[version, kind, fate] for fate in ("clean", "conflict", "lost")),
        )


def count_attacks(tried: Tried) -> Tried:
    """Add up the attacks on each stack, and on all of them."""
    totals: Counter[tuple[str, str]] = Counter()
    for stack, attacks, held in tried:
        for place in (stack, "all"):
            totals.update({(place, "tried"): attacks, (place, "held"): held})
    for stack in [*sorted({stack for stack, *_ in tried}), "all"]:
        yield stack, totals[stack, "tried"], totals[stack, "held"]


# property of a test -> the table that is printed of it
TABLES: Mapping[str, tuple[str, tuple[str, ...], Callable[[Tried], Tried]]] = {
    "rehearsed": (
        "edits that were rehearsed",
        ("release", "edit", "clean", "conflict", "lost"),
        count_edits,
    ),
    "attacks": ("attacks on production", ("stack", "tried", "held"), count_attacks),
    "deployed": (
        "requests during deployments",
        ("deployments", "answered", "lost", "longest gap (s)"),
        sorted,
    ),
    "fuzz": ("requests that were made up", ("stack", "requests"), sorted),
    "explorer": ("the explorer", ("what", "is", "at most"), sorted),
    "setuid": (
        "files with the rights of their owner",
        ("image", "its base", "there", "left"),
        lambda tried: sorted(set(tried)),
    ),
}
