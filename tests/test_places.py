"""Lines of a user stand where no update touches them, whatever the template adds."""

import filecmp
import json
import re
import shutil
from collections.abc import Mapping
from itertools import permutations, product
from pathlib import Path, PurePath
from typing import Any

import edits
import expected_merges
import generated
import programs
import pytest
import questions
import updating
from combinations import COMBINATIONS, covering_array, shapes
from conftest import Render, RenderCombination
from places import ADOPTED_PLACES, PLACES, Place
from updating import Renderings

LAST = list(updating.releases())[-1]
# What decides what is in the sample
DECIDERS = {
    "database": ["postgresql", "mariadb", "sqlite", "none"],
    "cache": ["none", "valkey"],
    "task_queue": ["none", "celery"],
}
# What one answer puts in the place of something else as a whole: here the end cannot stay.
EXCHANGED = {"fastapi": "src/*/api.py", "job": "src/*/texts/ledger.py"}
TAIL = "\n# words of a user\n"
# What a next release might add: before the last line that begins so, or at the end
NEWS: Mapping[str, tuple[str, str]] = {
    ".dockerignore.jinja": ("**/__pycache__/", "!new/\n"),
    ".editorconfig": ("[Makefile*]", "[*.new]\nindent_size = 4\n\n"),
    ".env.example.jinja": ("{% include 'template-parts/services/", "NEW=1\n"),
    ".gitignore.jinja": ("__pycache__/", "new/\n"),
    ".gitlab-ci.yml.jinja": ("container:", "new:\n  script:\n    - make new\n\n"),
    ".pre-commit-config.yaml.jinja": ("      - id: no-rejected", "      - id: new\n"),
    "Makefile.jinja": ("", "\nnew: ## Do something new\n\ttrue\n"),
    "README.md.jinja": ("", "\n## New\n\nSomething is new.\n"),
    "compose.override.yaml.jinja": ("", "\n  new:\n    image: new:1\n"),
    "compose.prod.yaml.jinja": ("", "\nconfigs:\n  new:\n    file: new\n"),
    "compose.yaml.jinja": ("", "  new:\n    environment: NEW\n"),
    "pyproject.toml.jinja": ("[tool.coverage.report]", "[tool.new]\nnew = true\n\n"),
    "requirements/base.in.jinja": ("", "new-in-base\n"),
    "requirements/development.in.jinja": ("", "new-in-development\n"),
    "requirements/production.in.jinja": ("", "new-in-production\n"),
    "requirements/testing.in.jinja": ("", "new-in-testing\n"),
    "src/{{ package_name }}/settings.py.jinja": ("", '\n\nNEW = "new"\n'),
}


def path_of(name: str) -> str:
    """Name the file of a project that a file of the template becomes."""
    return name.replace("{{ package_name }}", "harbour_api").removesuffix(".jinja")


@pytest.fixture(scope="module")
def releases(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Renderings:
    """Release the work tree, and again with something new in every file that has a place."""
    clone = updating.clone_with_releases(template, tmp_path_factory.mktemp("releases"))
    updating.release(clone, "v98.0.0")
    for name, (line, news) in NEWS.items():
        files = generated.files(clone / "template", name, f"*/{name}")  # overlays have their own
        for file in files:
            text = file.read_text("utf-8")
            at = text.rindex(f"\n{line}") + 1 if line else len(text)
            file.write_text(text[:at] + news + text[at:], "utf-8")
    updating.release(clone)
    return Renderings(clone, tmp_path_factory.mktemp("renderings"))


def test_every_file_has_its_place(project: Path) -> None:
    found = {place: file for place in PLACES if (file := place.find(project))}
    assert len(PLACES) - len(found) in (0, 1, 4, 5)  # but for GitLab's, and the four of pip
    for place, file in found.items():
        if place.is_own_file:
            assert not file.exists()
        else:
            assert place.is_in(file.read_text("utf-8")), place


def test_a_document_lists_the_places_that_there_are(project: Path) -> None:
    text = (project / "docs" / "template.md").read_text("utf-8")
    _, _, section = text.partition("\n## Your own lines\n")
    rows = re.findall(r"^\| (`.+) \| .+ \|$", section, re.MULTILINE)
    listed = [name for row in rows for name in re.findall("`([^`]+)`", row)]
    for place in PLACES:
        path = PurePath(place.file)
        is_listed = any(path.match(name) for name in listed) or f"`{path}`" in section
        assert is_listed == bool(place.find(project)), place


def test_no_answer_touches_a_place(project: Path, render_combination: RenderCombination) -> None:
    tried = 0
    for other in map(render_combination, COMBINATIONS):
        if edits.framework_of(other) != edits.framework_of(project):
            continue  # which cannot change
        for place in PLACES:
            before, after = place.find(project), place.find(other)
            if before and after and not place.is_own_file and not filecmp.cmp(before, after):
                assert stays(place, before, after), f"{place} is touched on the way to {other}"
                tried += 1
    assert tried


@pytest.mark.parametrize("framework", ["fastapi", "flask"])
def test_no_answer_touches_a_place_of_an_adopted_application(
    framework: str, render: Render
) -> None:
    answers: questions.Answers = {
        "own_files": ["app.py"],
        "entry_point": "app:app",
        "framework": framework,
        "database": "none",
        "ci": "gitlab",
    }
    changes = {"database": "mariadb", "cache": "valkey", "base_image": "alpine", "ci": "github"}
    before = render(answers)
    files = {place: file for place in ADOPTED_PLACES if (file := place.find(before))}
    assert [place for place in ADOPTED_PLACES if place not in files] == []
    for key, answer in changes.items():
        after = render({**answers, key: answer})
        for place, file in files.items():
            if not place.is_own_file and (other := place.find(after)):
                assert stays(place, file, other), f"{place} is touched by {key}"


@pytest.mark.parametrize("framework", questions.choices()["framework"])
def test_no_answer_touches_the_end_of_a_file_of_the_user(
    framework: str, project_of: Renderings
) -> None:
    tried, owned = 0, expected_merges.yours()
    trees = {}
    for values in product(*DECIDERS.values()):
        kept = questions.keep({"framework": framework, **dict(zip(DECIDERS, values, strict=True))})
        answers = {key: str(kept[key]) for key in ("framework", *DECIDERS) if key in kept}
        trees[tuple(answers.items())] = expected_merges.read(project_of(updating.NEWEST, answers))
    for (before, base), (after, theirs) in permutations(trees.items(), 2):
        if len(set(before) - set(after)) != 1:
            continue
        for path in base.keys() & theirs.keys():
            is_exchanged = PurePath(path).match(EXCHANGED.get(framework, "nothing"))
            if owned.match_file(path) and base[path] != theirs[path] and not is_exchanged:
                ours = base[path] + TAIL.encode()
                _, is_conflict = expected_merges.merge(base[path], ours, theirs[path])
                assert not is_conflict, f"{path}: {set(before) ^ set(after)}"
                tried += 1
    assert tried


@pytest.mark.parametrize(
    "row",
    covering_array(list(shapes(updating.choices(LAST))), strength=1),
    ids=lambda row: "-".join(row.values()),
)
def test_a_release_leaves_the_places_of_the_last_one_where_they_are(
    row: questions.Answers, project_of: Renderings
) -> None:
    tried = 0
    old, new = project_of(LAST, row), project_of(updating.NEWEST, row)
    for place in PLACES:
        before, after = place.find(old), place.find(new)
        if before and after and not place.is_own_file and place.is_in(before.read_text("utf-8")):
            assert stays(place, before, after), f"{place} was in {LAST}"
            tried += 1
    assert tried >= 10


@pytest.mark.parametrize("framework", questions.choices()["framework"])
def test_what_a_release_adds_and_what_a_user_adds_do_not_meet(
    framework: str, releases: Renderings, tmp_path: Path, bare_path: str
) -> None:
    project = tmp_path / "project"
    answers = {"framework": framework, "dependency_manager": "pip", "ci": "gitlab"}
    shutil.copytree(releases("v98.0.0", answers), project)
    files = {place: place.find(project) for place in PLACES}
    for place, file in files.items():
        assert file is not None
        file.write_text(place.fill(file.read_text("utf-8") if file.exists() else ""), "utf-8")

    expected_merges.update(project, "v98.0.0", releases, bare_path)

    assert updating.conflicts_in(project) == []
    assert all(place.words in (file or project).read_text("utf-8") for place, file in files.items())
    for name, (_, news) in NEWS.items():
        assert news in (project / path_of(name)).read_text("utf-8")


@pytest.mark.parametrize("framework", ["fastapi", "flask"])
def test_answers_are_changed_beside_what_a_user_added(
    framework: str, releases: Renderings, tmp_path: Path, bare_path: str
) -> None:
    answers = {"framework": framework, "dependency_manager": "pip", "ci": "gitlab"}
    changes = {
        "cache": "valkey",
        "task_queue": "celery",
        "reverse_proxy": "nginx",
        "license": "mit",
        "dependency_updates": "none",
        "base_image": "full",
    }
    project = updating.start(releases.template, tmp_path / "project", updating.NEWEST, answers)
    added = {place.find(project): place.fill for place in PLACES}
    added |= {
        file: lambda text: text + TAIL for file in generated.files(project, "src/*/notes/*.py")
    }
    for file, add in added.items():
        assert file is not None
        file.write_text(add(file.read_text("utf-8") if file.exists() else ""), "utf-8")
    updating.commit(project, "Add")

    data = [f"--data={key}={answer}" for key, answer in changes.items()]
    updating.run_update(project, bare_path, "--vcs-ref=:current:", *data)

    routes = (project / "src/harbour_api/notes/routes.py").read_text("utf-8")
    assert "read_figures" in routes
    assert routes.endswith(TAIL)
    assert (project / "Makefile.local").exists()


def test_something_is_new_in_every_file_that_has_a_place() -> None:
    own = {place.file for place in PLACES if place.is_own_file}
    assert {place.file.replace("*", "harbour_api") for place in PLACES} - own == {
        path_of(name) for name in NEWS
    } - {file.removesuffix(".local") for file in own}


def stays(place: Place, before: Path, after: Path) -> bool:
    """Say whether what a user wrote in a place does not meet what the template changes."""
    base = before.read_text("utf-8")
    _, is_conflict = expected_merges.merge(
        base.encode(), place.fill(base).encode(), after.read_bytes()
    )
    return not is_conflict


def test_make_lists_and_runs_the_targets_of_the_user(render: Render) -> None:
    project = render({})
    ours = next(place for place in PLACES if place.file == "Makefile.local")
    assert "moor" not in programs.run("make", "help", cwd=project)

    (project / ours.file).write_text(ours.words, "utf-8")
    (project / "moor").touch()  # a target is no file

    assert programs.run("make", cwd=project).endswith(
        "\nOurs\n  moor             Say where there is room\n"
    )
    assert programs.run("make", "moor", cwd=project) == "South Pier\n"


@pytest.mark.docker
@pytest.mark.parametrize("framework", questions.choices()["framework"])
def test_compose_reads_the_services_of_the_user(
    framework: str, render: Render, engine: None
) -> None:
    project = render({"framework": framework, "database": "postgresql"})
    kept = [read_services(project), read_services(project, "compose.yaml", "compose.prod.yaml")]
    for place in PLACES:
        if place.file.startswith("compose"):
            file = project / place.file
            text = file.read_text("utf-8") if file.exists() else ""
            file.write_text(place.fill(text), "utf-8")

    development = read_services(project)
    production = read_services(project, "compose.yaml", "compose.prod.yaml")

    mail = (development.pop("mail"), production.pop("mail"))
    assert [development, production] == kept
    assert mail[0]["ports"][0]["published"] == "8026"
    assert mail[1]["restart"] == "unless-stopped"
    assert all(service["volumes"][0]["source"] == "mail" for service in mail)


def read_services(project: Path, *files: str) -> dict[str, Any]:
    """Read what Compose makes of its files, or of those that it finds by itself."""
    options = [f"--file={file}" for file in files]
    command = ("docker", "compose", *options, "--profile=*", "config", "--format=json")
    services: dict[str, Any] = json.loads(programs.run(*command, cwd=project))["services"]
    return services
