"""An application with a layout of its own joins, and keeps every file that it had."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import adoption
import generated
import programs
import pytest
import questions
import repository
import stacks
import updating
from adoption import adopt, copy_application, own_files, write_application
from repository import ROOT

FOUND: Mapping[str, Mapping[str, Any]] = {
    "channels": {
        "dependency_manager": "pip",
        "framework": "fastapi",
        "entry_point": "radio.asgi:application",
        "python_version": "3.14",
        "database": "none",
        "cache": "none",
        "development_settings": "",
        "production_settings": "",
    },
    "dash": {
        "dependency_manager": "pip",
        "framework": "flask",
        "entry_point": "python main.py",
        "python_version": "3.13",
        "database": "none",
    },
    "django": {
        "dependency_manager": "pip",
        "framework": "flask",
        "entry_point": "config.wsgi:application",
        "python_version": "3.14",
        "database": "postgresql",
        "development_settings": "config.settings.local",
        "production_settings": "config.settings.production",
    },
    "fastapi-src": {
        "dependency_manager": "uv",
        "framework": "fastapi",
        "entry_point": "moorings.main:create_app()",
        "python_version": "3.14",
        "database": "postgresql",
        "database_scheme": "postgresql+asyncpg",
    },
    "factory": {
        "dependency_manager": "pip",
        "framework": "flask",
        "entry_point": "buoys:app",
        "python_version": "3.13",
        "database": "sqlite",
    },
    "package": {
        "dependency_manager": "pip",
        "framework": "flask",
        "entry_point": "berths:create_app()",
        "python_version": "3.13",
        "database": "none",
    },
    "page": {
        "dependency_manager": "pip",
        "framework": "flask",
        "entry_point": "app:app",
        "python_version": "3.14",
        "database": "none",
    },
    "pdm": {
        "dependency_manager": "uv",
        "framework": "flask",
        "entry_point": "gauges:app",
        "python_version": "3.14",
    },
    "pipenv": {
        "dependency_manager": "pipenv",
        "framework": "flask",
        "entry_point": "wsgi:application",
        "python_version": "3.13",
        "database": "mysql",
        "database_scheme": "mysql",
    },
    "poetry": {
        "dependency_manager": "poetry",
        "framework": "fastapi",
        "entry_point": "ships.main:app",
        "python_version": "3.14",
        "database": "postgresql",
        "database_scheme": "postgresql+psycopg",
    },
    "setup-cfg": {
        "dependency_manager": "pip",
        "framework": "flask",
        "entry_point": "wsgi:application",
        "python_version": "3.14",
        "database": "none",
    },
    "workspace": {
        "dependency_manager": "uv",
        "framework": "fastapi",
        "entry_point": "forecast.main:app",
        "python_version": "3.14",
        "database": "none",
    },
}
FLASK = "from flask import Flask\n"
WEB = {"requirements.txt": "flask\n"}

# Odd applications, and what is found in them.
ODD: Mapping[str, tuple[Mapping[str, str], Mapping[str, Any]]] = {
    "a gateway that imports the application": (
        {
            **WEB,
            "shop/core.py": FLASK + "app = Flask('x')\n",
            "shop/wsgi.py": "from .core import app",
        },
        {"entry_point": "shop.wsgi:app"},
    ),
    "a package below src": (
        {**WEB, "src/shop/__init__.py": FLASK + "app = Flask('x')\n"},
        {"entry_point": "shop:app"},
    ),
    "a factory that must be told something": (
        {
            **WEB,
            "shop.py": FLASK + "def make(name):\n    return Flask(name)\n",
            "wsgi.py": "import shop\napp = shop.create_app('x')\n",
        },
        {"entry_point": "wsgi:app"},
    ),
    "an application object of its tests": (
        {**WEB, "tests/wsgi.py": "from x import app", "main.py": FLASK + "site = Flask('x')"},
        {"entry_point": "main:site"},
    ),
    "a module that is no Python": (
        {**WEB, "wsgi.py": "print 'old'", "app.py": FLASK + "app = Flask('x')"},
        {"entry_point": "app:app"},
    ),
    "Django": (
        {
            "requirements/base.txt": "Django>=5\npsycopg2-binary  # fast\n",
            "requirements/dev.txt": "-r base.txt\npytest\n",
            "manage.py": "import sys\n",
            "shop/wsgi.py": "application = get_wsgi_application()\n",
            "shop/asgi.py": "application = get_asgi_application()\n",
        },
        {
            "framework": "flask",
            "entry_point": "shop.wsgi:application",
            "database": "postgresql",
            "database_scheme": "postgresql",
        },
    ),
    "a program that listens by itself": (
        {**WEB, "main.py": "if __name__ == '__main__':\n    import shop\n"},
        {"entry_point": "python main.py", "framework": "flask"},
    ),
    "a package that is a program": (
        {**WEB, "shop/__main__.py": "if __name__ == '__main__':\n    import shop\n"},
        {"entry_point": "python -m shop"},
    ),
    "a project of uv": (
        {
            "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n'
            'requires-python = ">=3.12,<3.13"\n'
            'dependencies = ["fastapi", "sqlalchemy[asyncio]>=2", "aiosqlite", "redis>=5"]\n',
            "main.py": "import fastapi\napp: object = fastapi.FastAPI()\n",
        },
        {
            "dependency_manager": "uv",
            "entry_point": "main:app",
            "python_version": "3.12",
            "database": "sqlite",
            "database_scheme": "sqlite+aiosqlite",
            "cache": "valkey",
        },
    ),
    "a setup.cfg": (
        {
            "setup.py": "import setuptools\nsetuptools.setup()\n",
            "setup.cfg": "[options]\ninstall_requires =\n    starlette\n    asyncpg>=0.30\n",
            "asgi.py": "import starlette.applications\napp = starlette.applications.Starlette()\n",
        },
        {"dependency_manager": "pip", "framework": "fastapi", "database": "postgresql"},
    ),
    "requirements that name others": (
        {
            "requirements.txt": "-r deps/web.txt # \\\n-c limits.txt\n",
            "deps/web.txt": "flask\\\n>=3 ; python_version > '3'\n--requirement=more/data.txt\n",
            "deps/more/data.txt": "-r ../web.txt\npsycopg2\nFlask-SQLAlchemy\nredis[hiredis]>=5\n",
            "limits.txt": "asyncpg\n",
            "app.py": "import shop\napp = shop.create_app()\n",
        },
        {
            "framework": "flask",
            "database": "postgresql",
            "database_scheme": "postgresql+psycopg2",
            "cache": "valkey",
            "own_files": [
                "app.py",
                "deps",
                "deps/more/data.txt",
                "deps/web.txt",
                "limits.txt",
                "requirements.txt",
            ],
        },
    ),
    "requirements for one environment each": (
        {
            "requirements_prod.txt": "flask\n",
            "requirements/local.txt": "pytest\n",
            "requirements/ci.txt": "pytest\n",
            "app.py": FLASK + "app = Flask('x')\n",
        },
        {
            "dependency_manager": "pip",
            "own_files": [
                "app.py",
                "requirements",
                "requirements/ci.txt",
                "requirements/local.txt",
                "requirements_prod.txt",
            ],
        },
    ),
    "a Python of pyenv": (
        {**WEB, ".python-version": "3.12.4\n3.11\n", "app.py": FLASK + "app = Flask('x')\n"},
        {"python_version": "3.12"},
    ),
    "a Python of asdf": (
        {**WEB, ".tool-versions": "nodejs 22\npython 3.13.1\n", "app.py": "app = Flask('x')\n"},
        {"python_version": "3.13"},
    ),
    "an environment's name for a Python": (
        {**WEB, ".python-version": "shop-3.12\n", "app.py": FLASK + "app = Flask('x')\n"},
        {"python_version": "3.14"},
    ),
    "a Python that the application has left": (
        {
            "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n'
            'requires-python = ">=3.13"\ndependencies = ["flask"]\n',
            ".python-version": "3.12\n",
            "app.py": FLASK + "app = Flask('x')\n",
        },
        {"python_version": "3.13"},
    ),
    "a package of setup.cfg alone": (
        {
            "setup.cfg": "[metadata]\nname = shop\n[options]\ninstall_requires = flask\n",
            "shop.py": FLASK + "app = Flask('x')\n",
        },
        {"dependency_manager": "pip", "entry_point": "shop:app"},
    ),
    "Dash behind a server": (
        {"requirements.txt": "dash\n", "app.py": "app = Dash()\nserver = app.server\n"},
        {"entry_point": "app:server", "framework": "flask"},
    ),
    "Django with one settings module that is computed": (
        {
            "requirements.txt": "django\n",
            "manage.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', name())\n",
            "shop/wsgi.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
            "application = get_wsgi_application()\n",
        },
        {"development_settings": "", "production_settings": ""},
    ),
    "a dependency in a folder beside it": (
        {
            "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\n'
            'dependencies = ["flask", "till"]\n[tool.uv.sources]\ntill = { path = "libs/till" }\n',
            "libs/till/pyproject.toml": '[project]\nname = "till"\nversion = "1"\n'
            'dependencies = ["redis"]\n',
            "libs/till/till.py": "",
            "app.py": FLASK + "app = Flask('x')\n",
        },
        {
            "cache": "valkey",
            "own_files": ["app.py", "libs", "libs/till/pyproject.toml", "pyproject.toml"],
        },
    ),
}

REFUSED: Mapping[str, tuple[Mapping[str, str], str]] = {
    "nothing": ({"README.md": "x\n"}, "no Python application"),
    "no module": (WEB, "it has no Python module"),
    "no requirements": ({"app.py": "x = 1\n"}, "it has no requirements.txt"),
    "broken": ({"pyproject.toml": "[project\n", "app.py": ""}, "pyproject.toml cannot be read"),
    "old": (
        {"Pipfile": '[requires]\npython_version = "3.8"\n', "app.py": ""},
        "Pipfile allows Python ==3.8.* only",
    ),
    "no framework": ({"requirements.txt": "x\n", "app.py": ""}, "add --data framework=flask"),
    "no entry point": ({**WEB, "x.py": ""}, "add, for example, --data entry_point=app:app"),
    "two entry points": (
        {**WEB, "a/app.py": "app = Flask(1)\n", "b/app.py": "app = Flask(1)\n"},
        "Either of these may start it: a.app:app, b.app:app",
    ),
    "itself": ({"requirements.txt": "flask\n-e .\n", "app.py": ""}, "names -e ."),
    "itself with an extra": ({"requirements.txt": "flask\n.[web]\n", "app.py": ""}, "names .[web]"),
    "itself by way of another file": (
        {"requirements.txt": "-r base.txt\n", "base.txt": "-e .\n", "app.py": ""},
        "base.txt names -e .",
    ),
    "a folder": (
        {"requirements.txt": "libs/till\n", "libs/till/setup.py": "", "app.py": ""},
        "requirements.txt names libs/till, which cannot be locked with a hash",
    ),
    "a file of this machine": (
        {"requirements.txt": "x@file:///opt/x.whl\n", "app.py": ""},
        "which cannot be locked with a hash",
    ),
    "a repository": (
        {"requirements.txt": "x @ hg+https://example.com/x\n", "app.py": ""},
        "which cannot be locked with a hash",
    ),
    "a missing file": (
        {"requirements.txt": "-r base.txt\n", "app.py": ""},
        "requirements.txt names base.txt, which does not exist: fix it first",
    ),
    "a file elsewhere": (
        {"requirements.txt": "-c ../limits.txt\n", "app.py": ""},
        "requirements.txt names ../limits.txt, which is outside of the application",
    ),
    "a file that no image has": (
        {"requirements.txt": "-r docs/all.txt\n", "docs/all.txt": "flask\n", "app.py": ""},
        "docs/all.txt is named by other requirements, but no image has its folder: move it",
    ),
    "PDM": (
        {"pyproject.toml": '[project]\nname = "x"\n[tool.pdm]\n', "app.py": "app = Flask(1)\n"},
        "no image has PDM: add --data dependency_manager=uv, which locks [project] anew",
    ),
    "dependencies that are computed": (
        {
            "pyproject.toml": '[project]\nname = "x"\ndynamic = ["dependencies"]\n',
            "uv.lock": "",
            "app.py": "",
        },
        "pyproject.toml takes dependencies from elsewhere (dynamic)",
    ),
    "a folder above": (
        {
            "pyproject.toml": '[project]\nname = "x"\n[tool.uv.sources.y]\npath = "../y"\n',
            "app.py": "",
        },
        "pyproject.toml takes a dependency in ../y, which images do not have",
    ),
    "a folder for Poetry": (
        {
            "pyproject.toml": '[tool.poetry.group.dev.dependencies.y]\npath = "libs/y"\n',
            "app.py": "",
        },
        "pyproject.toml takes y in libs/y, which images do not have",
    ),
    "itself for Pipenv": (
        {"Pipfile": '[packages]\nx = { path = ".", editable = true }\n', "app.py": ""},
        "Pipfile takes x in ., which images do not have",
    ),
}


@pytest.fixture(params=adoption.NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Name each application in turn."""
    return str(request.param)


@pytest.fixture
def releases(template: Path, tmp_path: Path) -> Path:
    """Put the template under git with a first release."""
    folder = repository.copy_template(tmp_path / "releases")
    adoption.start_history(folder)
    updating.git(folder, "tag", "v1.0.0")
    return folder


def answers_of(project: Path) -> questions.Answers:
    """Read what was found and stored."""
    return generated.read_answers(project)


# What is found


def test_an_application_is_understood(template: Path, tmp_path: Path, name: str) -> None:
    project = copy_application(name, tmp_path)
    printed = adopt(template, project)
    assert {key: answers_of(project).get(key) for key in FOUND[name]} == FOUND[name]
    assert f"entry_point: {FOUND[name]['entry_point']} (" in printed


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_application_is_understood(template: Path, tmp_path: Path, odd: str) -> None:
    files, found = ODD[odd]
    project = write_application(tmp_path / "shop-2", files)
    adopt(template, project)
    assert {key: answers_of(project).get(key) for key in found} == found


def test_what_may_surprise_is_said(template: Path, tmp_path: Path) -> None:
    files = {
        "requirements.txt": "django\nchannels\n",
        "requirements-prod.txt": "-r requirements.txt\n",
        "requirements/base.txt": "django\n",
        ".python-version": "3.9.1\n",
        "shop/asgi.py": "application = get_asgi_application()\n",
    }
    project = write_application(tmp_path / "shop", files)
    printed = adopt(template, project)
    others = "requirements/base.txt, requirements-prod.txt"
    assert f"Note: {others} beside requirements.txt is not installed." in printed
    assert "Note: No image has the Python 3.9 of .python-version: see what 3.12 breaks." in printed
    assert "Note: uvicorn serves WebSockets only with the package websockets: list it." in printed
    assert answers_of(project)["python_version"] == "3.12"


def test_a_python_that_the_user_names_needs_no_note(template: Path, tmp_path: Path) -> None:
    files = {**WEB, "runtime.txt": "python-3.9.1\n", "app.py": "app = Flask(1)\n"}
    project = write_application(tmp_path / "shop", files)
    assert "Note: No image" not in adopt(template, project, "--data=python_version=3.13")
    assert answers_of(project)["python_version"] == "3.13"


def test_each_environment_has_its_settings(template: Path, tmp_path: Path) -> None:
    project = copy_application("django", tmp_path)
    adopt(template, project)
    texts = written_in(project)
    production = "DJANGO_SETTINGS_MODULE=config.settings.production"
    assert f"ENV {production} " in texts["Dockerfile"]
    assert "DJANGO_SETTINGS_MODULE" not in texts["Dockerfile.dev"]  # the tests have their own
    start = texts["scripts/start-dev.sh"]
    assert "\n  export DJANGO_SETTINGS_MODULE=config.settings.local\n" in start
    plain = copy_application("channels", tmp_path)
    adopt(template, plain)
    assert not any("SETTINGS_MODULE" in text for text in written_in(plain).values())


def written_in(project: Path) -> dict[str, str]:
    """Map each new file of an application to its text."""
    new = updating.git(project, "ls-files", "--others", "--exclude-standard").splitlines()
    return {path: (project / path).read_text() for path in new}


def test_images_have_what_the_manifests_name(template: Path, tmp_path: Path) -> None:
    project = copy_application("workspace", tmp_path)
    adopt(template, project)
    for name, first in (("Dockerfile", ""), ("Dockerfile.dev", "/opt/start:")):
        text = (project / name).read_text()
        for member in ("currents", "forecast"):
            assert f"COPY packages/{member}/pyproject.toml packages/{member}/\n" in text
        assert "--all-packages --no-install-local" in text
        path = "/app:/app/src:/app/packages/currents:/app/packages/forecast/src"
        assert f"PYTHONPATH={first}{path} " in text


def test_what_the_user_says_counts(template: Path, tmp_path: Path) -> None:
    project = copy_application("pipenv", tmp_path)
    adopt(template, project, "--data=entry_point=guestbook:app", "--data=database=postgresql")
    answers = answers_of(project)
    assert (answers["entry_point"], answers["database"]) == ("guestbook:app", "postgresql")
    assert answers["database_scheme"] == "postgresql"


# What is written


def test_no_file_of_the_application_changes(template: Path, tmp_path: Path, name: str) -> None:
    project = copy_application(name, tmp_path)
    before = own_files(project)
    adopt(template, project)
    assert own_files(project) == before
    assert updating.git(project, "diff", "HEAD") == ""


def test_everything_is_written_that_was_not_there(template: Path, tmp_path: Path) -> None:
    project = copy_application("poetry", tmp_path)
    adopt(template, project)
    tracked = updating.git(project, "ls-files").splitlines()
    written = {
        path
        for file in generated.files(project)
        if not (path := file.relative_to(project).as_posix()).startswith(".git/")
    } - set(tracked)
    assert written == {
        ".copier-answers.yml",
        ".devcontainer/devcontainer.json",
        ".dockerignore",
        ".env.example",
        ".github/dependabot.yml",
        ".github/workflows/audit.yml",
        ".github/workflows/ci.yml",
        ".github/workflows/image.yml",
        ".github/workflows/tag.yml",
        ".gitignore",
        ".trivyignore.yaml",
        "Dockerfile",
        "Dockerfile.dev",
        "Makefile",
        "compose.override.yaml",
        "compose.podman.yaml",
        "compose.prod.yaml",
        "compose.yaml",
        "containers/development.in",
        "containers/production.in",
        "scripts/audit.sh",
        "scripts/check-drift.sh",
        "scripts/check-version.py",
        "scripts/engine.sh",
        "scripts/find-template.py",
        "scripts/entrypoint.sh",
        "scripts/healthcheck.py",
        "scripts/init-db.sh",
        "scripts/inspect.sh",
        "scripts/list-packages.py",
        "scripts/lock.sh",
        "scripts/pin-images.sh",
        "scripts/ports.sh",
        "scripts/secrets.sh",
        "scripts/start-dev.sh",
        "scripts/update-template.sh",
        "secrets/.gitignore",
    }


def test_a_file_of_the_templates_name_is_kept_and_named(template: Path, tmp_path: Path) -> None:
    own = {"Dockerfile": "FROM scratch\n", "scripts/lock.sh": "mine\n", "Makefile": "mine:\n"}
    project = write_application(tmp_path / "shop", {**WEB, "app.py": "app = Flask(1)\n", **own})
    (project / ".git" / "info" / "exclude").write_text("compose.yaml\n")
    (project / "compose.yaml").write_text("ignored: by git\n")
    printed = adopt(template, project)
    for path, text in {**own, "compose.yaml": "ignored: by git\n"}.items():
        assert (project / path).read_text() == text
        assert f"Note: {path} existed before and stays as it is" in printed
    assert (project / "scripts" / "entrypoint.sh").exists()
    assert not (project / ".github" / "workflows" / "audit.yml").exists()  # its stage is missing


def test_a_script_of_the_templates_name_is_not_run(template: Path, tmp_path: Path) -> None:
    own = {"scripts/lock.sh": "touch ../opened\n"}
    project = write_application(tmp_path / "shop", {**WEB, "app.py": "app = Flask(1)\n", **own})
    command = ("-m", "slipway", "adopt", str(project), f"--template={template}", "--defaults")
    result = stacks.execute(sys.executable, *command, cwd=ROOT)
    assert result.returncode == 0, result.stdout
    assert not (tmp_path / "opened").exists()
    assert not (project / "opened").exists()


def test_what_stands_beside_a_new_file_is_pointed_out(template: Path, tmp_path: Path) -> None:
    own = {"docker-compose.yml": "services: {}\n", ".dockerignore": "*.md\n"}
    project = write_application(tmp_path / "shop", {**WEB, "app.py": "app = Flask(1)\n", **own})
    printed = adopt(template, project)
    assert "docker-compose.yml stays, and compose.yaml is new beside it" in printed
    assert "Let .dockerignore keep .env, .git, secrets and tests out" in printed
    assert "Nothing ignores .env" not in printed  # the new .gitignore does


def test_file_names_are_no_patterns(template: Path, tmp_path: Path) -> None:
    own = dict.fromkeys(("Docker*", "[a]", "!compose.yaml", "#", "häfen", "a b "), "mine\n")
    project = write_application(tmp_path / "shop", {**WEB, "app.py": "app = Flask(1)\n", **own})
    adopt(template, project)
    assert (project / "Dockerfile").exists()
    assert (project / "compose.yaml").exists()


# What is refused


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_adopted_is_refused(template: Path, tmp_path: Path, case: str) -> None:
    files, sentence = REFUSED[case]
    project = write_application(tmp_path / "shop", files)
    check_refusal(template, project, sentence)
    assert updating.git(project, "status", "--porcelain", "--ignored") == ""


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("framework=job", "only web services can be adopted"),
        ("entry_point=app:app; reboot", "Try app:app"),
        ("entry_point=python main.py | sh", "Try app:app"),
        ("database_scheme=oracle", "a kind of database, and a driver if need be"),
        ("own_files=[app.py]", "no question is called own_files"),
        ("port=80", "Try 8000"),
        ("database=oracle", "The answer to database: Choose one of"),
        ("frame_work=flask", "no question is called frame_work"),
        ("port", "write, for example, --data port=8000"),
    ],
)
def test_a_bad_answer_is_refused(
    template: Path, tmp_path: Path, answer: str, sentence: str
) -> None:
    project = copy_application("poetry", tmp_path)
    check_refusal(template, project, sentence, f"--data={answer}")
    assert updating.git(project, "status", "--porcelain", "--ignored") == ""


def test_what_could_not_be_undone_is_refused(template: Path, tmp_path: Path) -> None:
    check_refusal(template, tmp_path / "missing", "is not a folder")
    folder = tmp_path / "folder"
    folder.mkdir()
    check_refusal(template, folder, "is not under git")
    project = write_application(tmp_path / "shop", {**WEB, "src/app.py": "app = Flask(1)\n"})
    check_refusal(template, project / "src", "is a part of the repository")
    (project / "new.py").touch()
    check_refusal(template, project, "has changes that are not committed")
    assert not (project / "Dockerfile").exists()


def test_what_git_is_told_to_hide_is_refused_too(template: Path, tmp_path: Path) -> None:
    project = copy_application("page", tmp_path)
    updating.git(project, "config", "status.showUntrackedFiles", "no")
    (project / "notes.txt").write_text("mine\n")
    check_refusal(template, project, "has changes that are not committed", "--data=port=80")
    assert (project / "notes.txt").exists()


def test_requirements_that_are_no_utf_8_are_refused(template: Path, tmp_path: Path) -> None:
    project = write_application(tmp_path / "shop", {"app.py": "app = Flask(1)\n"})
    (project / "requirements.txt").write_text("flask\n", "utf-16")
    updating.commit(project, "Freeze")
    check_refusal(template, project, "requirements.txt cannot be read, as it is not UTF-8")


def test_a_version_of_the_template_without_adoption_leaves_nothing(tmp_path: Path) -> None:
    project = copy_application("page", tmp_path)
    old = tmp_path / "old"
    write_application(old, {"copier.yml": "project_name: Old\n", "src/old.py": "OLD = True\n"})
    check_refusal(old, project, "name a newer one with --vcs-ref")
    assert updating.git(project, "status", "--porcelain", "--ignored") == ""


def test_a_template_that_cannot_be_reached_leaves_nothing(tmp_path: Path) -> None:
    project = copy_application("page", tmp_path)
    template = f"git+file://{tmp_path}/template"
    check_refusal(template, project, f"the template {template} cannot be fetched")
    assert updating.git(project, "status", "--porcelain", "--ignored") == ""


def check_refusal(template: Path | str, project: Path, sentence: str, *options: str) -> None:
    """Check that an adoption ends with one sentence, and not well."""
    command = ("-m", "slipway", "adopt", project, f"--template={template}", "--defaults", *options)
    result = stacks.execute(sys.executable, *map(str, command), cwd=ROOT)
    assert result.returncode == 1, result.stdout
    *_, line = result.stdout.splitlines()
    assert line.startswith("Not adopted: ")
    assert sentence in line
    assert line.endswith(".")
    assert "Traceback" not in result.stdout


# Updates


def test_an_update_brings_what_is_new_and_leaves_alone_what_is_the_applications(
    releases: Path, tmp_path: Path, name: str, bare_path: str
) -> None:
    project = copy_application(name, tmp_path)
    adopt(releases, project)
    updating.commit(project, "Adopt")
    (project / "compose.prod.yaml").unlink()
    override = project / "compose.override.yaml"
    override.write_text(override.read_text() + "\n# ours\n")
    updating.commit(project, "Edit")
    before = own_files(project)

    tree = releases / "template-other" / "adopted"
    for path in before:  # the next release has all of them, too
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text("of the template\n")
    new = tree / "scripts" / "new.sh"
    new.write_text("#!/bin/sh\n")
    part = releases / "template-parts" / "services" / "adopted" / "shared.jinja"
    part.write_text(part.read_text().replace("  web:\n", "  web: # new\n"))
    updating.commit(releases, "Release v99.0.0")
    updating.git(releases, "tag", "v99.0.0")
    command = ("update", "--defaults", "--trust")
    result = stacks.execute("copier", *command, cwd=project, PATH=bare_path)

    assert result.returncode == 0, result.stdout
    assert updating.git(project, "diff", "--name-only", "--diff-filter=U") == ""
    assert own_files(project) == before
    assert (project / "scripts" / "new.sh").exists()
    assert "  web: # new\n" in (project / "compose.yaml").read_text()
    assert override.read_text().endswith("\n# ours\n")
    assert not (project / "compose.prod.yaml").exists()
    assert answers_of(project)["_commit"] == "v99.0.0"


def test_an_update_finds_the_answers_beside_those_of_another_template(
    releases: Path, tmp_path: Path, bare_path: str
) -> None:
    theirs = {".copier-answers.yml": "_src_path: https://example.com/other\nlanguage: en\n"}
    project = write_application(tmp_path / "shop", {**WEB, "app.py": "app = Flask(1)\n", **theirs})
    adopt(releases, project)
    updating.commit(project, "Adopt")
    (releases / "template-other" / "adopted" / "scripts" / "new.sh").write_text("#!/bin/sh\n")
    updating.commit(releases, "Release v99.0.0")
    updating.git(releases, "tag", "v99.0.0")
    command = ("update", "--defaults", "--trust", "--answers-file", ".copier-answers.slipway.yml")
    result = stacks.execute("copier", *command, cwd=project, PATH=bare_path)
    assert result.returncode == 0, result.stdout
    assert (project / "scripts" / "new.sh").exists()
    assert own_files(project)[".copier-answers.yml"].decode() == theirs[".copier-answers.yml"]
    assert "_commit: v99.0.0" in (project / ".copier-answers.slipway.yml").read_text()


# How it is written


@pytest.fixture(scope="module")
def written(template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Adopt every application, and variants of some, for the linters."""
    variants: Mapping[str, tuple[str, ...]] = {
        "channels": ("database=sqlite", "ci=gitlab"),
        "factory": ("database=mysql", "base_image=full"),
        "workspace": ("base_image=distro", "python_version=3.13"),
        "page": ("ci=gitlab", "base_image=alpine", "database=sqlite", "cache=redis"),
        "package": ("entry_point=python -m berths", "dependency_updates=renovate"),
        "poetry": ("base_image=distro", "python_version=3.13", "dependency_updates=none"),
        "pipenv": ("database=mariadb", "ci=none"),
    }
    found = []
    for name in adoption.NAMES:
        for options in ((), variants[name]) if name in variants else ((),):
            project = copy_application(name, tmp_path_factory.mktemp(name))
            adopt(template, project, *(f"--data={option}" for option in options))
            found.append(project)
    files, _ = ODD["a project of uv"]
    project = write_application(tmp_path_factory.mktemp("uv"), files)
    adopt(template, project)
    return [*found, project]


@pytest.mark.parametrize(
    ("linter", "pattern"),
    [
        (("hadolint",), "Dockerfile*"),
        (("shellcheck",), "scripts/*.sh"),
        (("actionlint",), ".github/workflows/*"),
        (("zizmor", "--offline", "--quiet", "--no-config"), ".github/**/*.yml"),
        (("check-jsonschema", "--builtin-schema", "vendor.compose-spec"), "compos*[!n].yaml"),
        (("check-jsonschema", "--builtin-schema", "vendor.dependabot"), ".github/dependabot.yml"),
        (("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci"), ".gitlab-ci.yml"),
        (("check-jsonschema", "--builtin-schema", "vendor.renovate"), "renovate.json"),
        (("ruff", "check", "--no-cache", "--isolated"), "scripts/*.py"),
        (("ruff", "format", "--check", "--no-cache", "--isolated"), "scripts/*.py"),
    ],
)
def test_linters(written: list[Path], linter: tuple[str, ...], pattern: str) -> None:
    targets = [file for project in written for file in generated.files(project, pattern)]
    programs.lint(*linter, targets=targets)


def test_the_files_are_tidy_and_can_be_read(written: list[Path]) -> None:
    for project in written:
        own = own_files(project)
        for file in generated.files(project):
            path = file.relative_to(project).as_posix()
            if not path.startswith(".git/") and path not in own:
                assert not generated.untidiness(file), path
                generated.parse(file)
