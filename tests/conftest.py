"""The fixtures that all tests share."""

import os
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import kit
import pytest
from combinations import COMBINATIONS

pytest.register_assert_rewrite("services", "stacks")

LOCKERS = ("docker", "pipenv", "pipx", "poetry", "python", "uv")

Render = Callable[[kit.Answers], Path]
RenderCombination = Callable[[str], Path]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Copy the template once, and keep the settings of whoever runs the tests out of it."""
    settings = tmp_path_factory.mktemp("settings") / "settings.yml"
    settings.write_text("{}\n", "utf-8")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COPIER_SETTINGS_PATH", str(settings))
        yield kit.copy_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def render(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Render a project from answers."""
    return lambda answers: kit.render(template, tmp_path_factory.mktemp("project"), answers)


@pytest.fixture(scope="session")
def render_combination(
    template: Path, tmp_path_factory: pytest.TempPathFactory
) -> RenderCombination:
    """Render a combination of answers, the same one once only."""
    folder = tmp_path_factory.mktemp("combinations")
    return cache(lambda name: kit.render(template, folder / name, COMBINATIONS[name]))


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
def engine() -> None:
    """Need a Docker Engine: skip without one, but fail in CI."""
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        message = "a Docker Engine is needed here and none answers"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


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
