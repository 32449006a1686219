"""What becomes of a project over a year: realistic edits, each in a function of its own."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import generated
from places import PLACES

from extensions import decisions

Edit = Callable[[Path], None]


@dataclass(frozen=True)
class Kind:
    """An edit, what the table calls it, and the life that it belongs to."""

    life: str
    name: str
    edit: Edit


KINDS: list[Kind] = []
RENAMED = "quay_api"  # the name that a package gets

ROUTES = {
    "fastapi": '''\
"""The resource /api/berths."""

from fastapi import APIRouter

router = APIRouter(prefix="/berths", tags=["berths"])


@router.get("")
async def list_berths() -> list[str]:
    """List the berths."""
    return ["North Pier"]
''',
    "flask": '''\
"""The resource /api/berths."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

blueprint = Blueprint("berths", __name__, url_prefix="/api/berths")


@blueprint.get("")
def list_berths() -> ResponseReturnValue:
    """List the berths."""
    return ["North Pier"]
''',
    "cli": '''\
"""The command "berths"."""

import typer


def berths() -> None:
    """List the berths."""
    typer.echo("North Pier")
''',
    "job": '''\
"""The berths."""


def berths() -> list[str]:
    """List the berths."""
    return ["North Pier"]
''',
}
TESTS = {
    "fastapi": '''\
"""The resource /api/berths."""

import httpx
import pytest

pytestmark = pytest.mark.anyio


async def test_the_berths_are_listed(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/berths")).json() == ["North Pier"]
''',
    "flask": '''\
"""The resource /api/berths."""

from flask.testing import FlaskClient


def test_the_berths_are_listed(client: FlaskClient) -> None:
    assert client.get("/api/berths").json == ["North Pier"]
''',
}
MODEL = '''

class Berth(Base):
    """A place at a pier."""

    __tablename__ = "berths"

    id: Mapped[int] = mapped_column(primary_key=True)
'''
REVISION = '''\
"""Create the table of berths."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "berths",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_berths")),
    )


def downgrade() -> None:
    """Take the revision back."""
    op.drop_table("berths")
'''
FIXTURE = '''

@pytest.fixture
def harbour() -> str:
    """Name a harbour."""
    return "Genoa"
'''
TARGET = """
##@ Ours

seed: ## Fill the database with berths
\tdocker compose run --build --rm web python -m berths
"""
SERVICE = """
  mailpit:
    image: axllent/mailpit:v1.30.1
    ports:
      - "127.0.0.1:${MAIL_PORT:-8025}:8025"
"""
GITHUB_JOB = """
  berths:
    runs-on: ubuntu-latest
    timeout-minutes: 5
    permissions:
      contents: read
    steps:
      - run: echo "North Pier"
"""
GITLAB_JOB = """
berths:
  script:
    - echo "North Pier"
"""
SECTION = """
## Who to ask

The harbour master, on channel 12.
"""
README = """\
# Berths of Genoa

Ships ask here where to moor. Maintained by the harbour office.

## Running it

Ask the platform team for access, then open the dashboard.
"""


def happens_when(life: str, name: str) -> Callable[[Edit], Edit]:
    """Register an edit for a life, under a name for the table."""

    def register(edit: Edit) -> Edit:
        KINDS.append(Kind(life, name, edit))
        return edit

    return register


# A project that grows


@happens_when("growing", "lines in the places that are left to the user")
def fill_places(project: Path) -> None:
    for place in PLACES:
        file = place.find(project)
        if file is None:
            continue
        text = file.read_text("utf-8") if file.exists() else ""
        if place.is_own_file or place.is_in(text):
            file.write_text(place.fill(text), "utf-8")


@happens_when("growing", "a route added")
def add_route(project: Path) -> None:
    framework, package = framework_of(project), package_of(project)
    (package / "berths.py").write_text(ROUTES[framework], "utf-8")
    if framework in TESTS:
        (project / "tests" / "test_berths.py").write_text(TESTS[framework], "utf-8")
        insert(package / "api.py", r"(?=from \.(notes|texts) )", "from . import berths\n")
    if framework == "fastapi":
        append(package / "api.py", "router.include_router(berths.router)\n")
    if framework == "flask":
        append(package / "api.py", "    app.register_blueprint(berths.blueprint)\n")
    if framework == "cli":
        insert(package / "commands.py", r"(?=from \.texts )", "from . import berths\n")
        append(package / "commands.py", "    app.command()(berths.berths)\n")
    if framework == "job":
        insert(package / "job.py", r"(?=from \.exits )", "from .berths import berths as berths\n")


@happens_when("growing", "a model added, with its revision")
def add_model(project: Path) -> None:
    for models in package_of(project).glob("*/models.py"):
        append(models, MODEL)
        (project / "migrations" / "versions" / "0002_create_berths.py").write_text(REVISION)


@happens_when("growing", "a setting added")
def add_setting(project: Path) -> None:
    setting = '    harbour: str = "Genoa"\n'
    insert(package_of(project) / "settings.py", r"^    log_format: .*\n", setting)


@happens_when("growing", "a fixture for the tests added")
def add_fixture(project: Path) -> None:
    if (project / "tests" / "conftest.py").exists():
        append(project / "tests" / "conftest.py", FIXTURE)


@happens_when("growing", "a dependency added")
def add_dependency(project: Path) -> None:
    if (project / "Pipfile").exists():
        pipfile = project / "Pipfile"
        insert(pipfile, r"^\[packages\]\n(.+\n)+", 'tenacity = ">=9.1,<10"\n')
    elif (project / "requirements").exists():
        append(project / "requirements" / "base.in", "tenacity>=9.1,<10\n")
    else:
        place = r'^dependencies = \[\n( .*"[a-s].*\n)+'
        insert(project / "pyproject.toml", place, '    "tenacity>=9.1,<10",\n')


@happens_when("growing", "the dependencies locked")
def lock(project: Path) -> None:
    for name in locks_of(project):
        if not (project / name).exists():
            (project / name).write_text("# tenacity==9.1.2\n", "utf-8")


@happens_when("growing", "a line in Dockerfile")
def add_to_image(project: Path) -> None:
    (project / "data").mkdir(exist_ok=True)
    (project / "data" / "berths.csv").write_text("North Pier\n", "utf-8")
    append(project / ".dockerignore", "!data/\n")
    insert(project / "Dockerfile", r"^COPY (--chmod=755 )?src src\n", "COPY data data\n")


@happens_when("growing", "a line in Dockerfile.dev")
def add_to_development_image(project: Path) -> None:
    insert(project / "Dockerfile.dev", r"(?=^EXPOSE )", "ENV EDITOR=nano\n", optional=True)


@happens_when("growing", "a target in Makefile")
def add_target(project: Path) -> None:
    append(project / "Makefile", TARGET)


@happens_when("growing", "a Compose service")
def add_service(project: Path) -> None:
    insert(project / "compose.override.yaml", r"^services:\n(( .*)?\n)+", SERVICE)


@happens_when("growing", "a variable in Compose")
def add_variable(project: Path) -> None:
    variable = "      HARBOUR: Genoa\n"
    insert(project / "compose.yaml", r"^    environment: &environment\n", variable, optional=True)


@happens_when("growing", "a job in CI")
def add_ci_job(project: Path) -> None:
    if (workflow := project / ".github" / "workflows" / "ci.yml").exists():
        append(workflow, GITHUB_JOB)
    if (pipeline := project / ".gitlab-ci.yml").exists():
        append(pipeline, GITLAB_JOB)


@happens_when("growing", "a branch in a script")
def add_to_script(project: Path) -> None:
    if (script := project / "scripts" / "entrypoint.sh").exists():
        insert(script, r"(?=^  \*\)\n)", "  berths)\n    exec cat data/berths.csv\n    ;;\n")


@happens_when("growing", "a section in README")
def add_section(project: Path) -> None:
    append(project / "README.md", SECTION)


@happens_when("growing", "a line in .gitignore and .env.example")
def add_to_lists(project: Path) -> None:
    append(project / ".gitignore", "\n# Ours\n*.chart\n")
    append(project / ".env.example", "\n# Ours\nMAIL_PORT=8025\n")


# A project that is maintained


@happens_when("maintained", "a version bumped in the manifest")
def bump_manifest(project: Path) -> None:
    for manifest in generated.files(project, "pyproject.toml", "Pipfile", "requirements/*.in"):
        substitute(manifest, r"(structlog\b.*>=)[\d.]+", r"\g<1>99.1", optional=True)


@happens_when("maintained", "a version bumped in the images")
def bump_images(project: Path) -> None:
    tag = r"^(FROM .*/uv:\d+\.\d+\.|    image: (?:\S+/)?(?:adminer|valkey|redis):)[\w.]+"
    image = r"^(FROM (?:\S+/)?[\w-]+:\S+|    image: (?:\S+/)?[\w-]+:[\w.-]+)(?= AS|$)"
    for file in generated.files(project, "Dockerfile*", "compose*.yaml"):
        if generated.read_answers(project)["dependency_updates"] == "renovate":
            substitute(file, image, rf"\g<1>@sha256:{'5' * 64}", optional=True)
        else:
            substitute(file, tag, r"\g<1>99", optional=True)


@happens_when("maintained", "a version bumped in CI")
def bump_ci(project: Path) -> None:
    if (workflow := project / ".github" / "workflows" / "ci.yml").exists():
        checkout = rf"\g<1>{'5' * 40} # v99.0.0"
        substitute(workflow, r"(uses: actions/checkout@)\w{40} # v[\d.]+", checkout)
    if (pipeline := project / ".gitlab-ci.yml").exists():
        substitute(pipeline, r"(image: (?:docker[.]io/library/)?docker:)\d+", r"\g<1>99")


@happens_when("maintained", "a version bumped in the hooks")
def bump_hooks(project: Path) -> None:
    substitute(project / ".pre-commit-config.yaml", r"^(    rev: )v[\d.]+$", r"\g<1>v99.0.0")


@happens_when("maintained", "README rewritten")
def rewrite_readme(project: Path) -> None:
    (project / "README.md").write_text(README, "utf-8")


@happens_when("maintained", "a limit changed in Compose")
def change_limit(project: Path) -> None:
    limit = r"\A((?:.*\n)*? +memory: )512M$"
    substitute(project / "compose.prod.yaml", limit, r"\g<1>2G", optional=True)


@happens_when("maintained", "a linter's rules chosen")
def choose_rules(project: Path) -> None:
    substitute(project / "pyproject.toml", r'^(select = \[.*"UP")\]$', r'\g<1>, "YTT"]')


@happens_when("maintained", "a file of the template deleted")
def delete_template_file(project: Path) -> None:
    (project / ".editorconfig").unlink()
    (project / "tests" / "test_settings.py").unlink()


@happens_when("maintained", "the tests of the sample deleted")
def delete_sample_test(project: Path) -> None:
    for test in generated.files(project, "tests/test_notes.py", "tests/test_texts.py"):
        test.unlink()


@happens_when("maintained", "a module renamed")
def rename_module(project: Path) -> None:
    package = package_of(project)
    (package / "logs.py").rename(package / "log_setup.py")
    for module in generated.files(project, "src/**/*.py", "tests/*.py", "migrations/env.py"):
        pattern = rf"(?<=from )(\.|{package.name}\.)logs(?= import)"
        substitute(module, pattern, r"\g<1>log_setup", optional=True)


# A project whose package is renamed


@happens_when("renamed", "the package renamed")
def rename_package(project: Path) -> None:
    """Follow the recipe of docs/updates.md."""
    package = package_of(project)
    package.rename(package.with_name(RENAMED))
    for file in generated.files(project):
        if file.name not in locks_of(project):
            word = r"(?<=^package_name: )" if file.name == ".copier-answers.yml" else r"\b"
            substitute(file, rf"{word}{package.name}\b", RENAMED, optional=True)


@happens_when("renamed", "the introduction of README rewritten")
def rewrite_introduction(project: Path) -> None:
    readme = project / "README.md"
    text = README.partition("\n## ")[0]
    readme.write_text(text + "\n## " + readme.read_text("utf-8").partition("\n## ")[2], "utf-8")


@happens_when("renamed", "the sample replaced")
def replace_sample(project: Path) -> None:
    for test in generated.files(project, "tests/test_notes.py", "tests/test_texts.py"):
        test.write_text('"""Ours."""\n', "utf-8")
    for module in generated.files(project, "src/*/notes/*.py", "src/*/texts/*.py"):
        module.write_text('"""Ours."""\n', "utf-8")


def framework_of(project: Path) -> str:
    """Tell the framework of a project."""
    return str(generated.read_answers(project)["framework"])


def package_of(project: Path) -> Path:
    """Find the folder of a project's package."""
    return next(folder for folder in (project / "src").iterdir() if folder.is_dir())


def locks_of(project: Path) -> list[str]:
    """Name the files that a project's dependency manager locks."""
    managers = decisions.read_choices()["dependency_manager"]
    return list(managers[str(generated.read_answers(project)["dependency_manager"])]["locks"])


def append(file: Path, text: str) -> None:
    """Add text to the end of a file."""
    file.write_text(file.read_text("utf-8") + text, "utf-8")


def insert(file: Path, after: str, text: str, *, optional: bool = False) -> None:
    """Add text after what a pattern finds first."""
    substitute(file, after, lambda match: match.group() + text, optional=optional, count=1)


def substitute(
    file: Path,
    pattern: str,
    replacement: str | Callable[[re.Match[str]], str],
    *,
    optional: bool = False,
    count: int = 0,
) -> None:
    """Replace what a pattern finds; it has to find something unless that is optional."""
    old = file.read_text("utf-8")
    new, found = re.subn(pattern, replacement, old, count=count, flags=re.MULTILINE)
    assert found or optional, f"{file} holds nothing like {pattern}"
    file.write_text(new, "utf-8")
