"""Every combination gives files that parse, are tidy and hold no trace of what was not chosen."""

import re
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path, PurePosixPath

import generated
import pathspec
import programs
import pytest
import questions
import stacks
from combinations import COMBINATIONS, WORKSPACE
from conftest import Render
from repository import ROOT

from extensions import decisions

# What a project holds whatever was chosen, and what depends on an answer.
ALWAYS = {
    ".copier-answers.yml",
    ".devcontainer/devcontainer.json",
    ".dockerignore",
    ".editorconfig",
    ".env.example",
    ".gitattributes",
    ".gitignore",
    ".pre-commit-config.yaml",
    ".vscode/extensions.json",
    ".vscode/launch.json",
    "AGENTS.md",
    "CHANGELOG.md",
    "Dockerfile",
    "Dockerfile.dev",
    "LICENSE",
    "Makefile",
    "README.md",
    ".trivyignore.yaml",
    "SECURITY.md",
    "compose.override.yaml",
    "compose.podman.yaml",
    "compose.prod.yaml",
    "compose.yaml",
    "docs/certificates.md",
    "docs/dependencies.md",
    "docs/development.md",
    "docs/images.md",
    "docs/logs.md",
    "docs/other-tools.md",
    "docs/production.md",
    "docs/releases.md",
    "docs/requirements.md",
    "docs/security.md",
    "docs/settings.md",
    "docs/template.md",
    "pyproject.toml",
    "scripts/audit.sh",
    "scripts/check-drift.sh",
    "scripts/engine.sh",
    "scripts/inspect.sh",
    "scripts/list-packages.py",
    "scripts/lock.sh",
    "scripts/pin-images.sh",
    "scripts/ports.sh",
    "scripts/update-template.sh",
}
SERVERS = {"postgresql", "mysql", "mariadb"}
DATABASES = {*SERVERS, "sqlite"}
CHOSEN = (
    ("framework", {"fastapi", "flask", "job"}, "scripts/entrypoint.*"),
    ("deployment", {"kubernetes"}, "k8s/overlays/*"),
    ("deployment", {"kubernetes"}, "docs/kubernetes.md"),
    ("framework", {"cli"}, "src/*/cli.py"),
    ("framework", {"job"}, "inbox/*"),
    ("ci", {"github"}, ".github/workflows/*"),
    ("ci", {"github"}, ".github/workflows/codeql.yml"),
    ("ci", {"gitlab"}, ".gitlab-ci.yml"),
    ("dependency_updates", {"dependabot"}, ".github/dependabot.yml"),
    ("dependency_updates", {"renovate"}, "renovate.json"),
    ("reverse_proxy", {"nginx"}, "nginx/*"),
    ("framework", {"fastapi"}, "docs/websockets.md"),
    ("framework", {"fastapi", "flask"}, "docs/errors.md"),
    ("framework", {"fastapi", "flask"}, "docs/limits.md"),
    ("reverse_proxy", {"nginx"}, "docs/reverse-proxy.md"),
    ("cache", {"valkey", "redis"}, "docs/cache.md"),
    ("task_queue", {"celery"}, "docs/tasks.md"),
    ("telemetry", {"opentelemetry", "prometheus"}, "docs/telemetry.md"),
    ("telemetry", {"opentelemetry", "prometheus"}, "src/*/telemetry.py"),
    ("telemetry", {"prometheus"}, "monitoring/*"),
    ("database", DATABASES, "docs/database.md"),
    ("cache", {"valkey", "redis"}, "src/*/cache.py"),
    ("task_queue", {"celery"}, "src/*/schedule.py"),
    ("dependency_manager", {"pip"}, "requirements/*"),
    ("dependency_manager", {"pipenv"}, "Pipfile"),
    ("dependency_manager", {"poetry"}, "poetry.toml"),
    ("database", DATABASES, "migrations/*"),
    ("database", DATABASES, "tests/temporary_database.py"),
    ("database", SERVERS, "scripts/init-db.sh"),
    ("workspace", {WORKSPACE}, "compose.workspace.yaml"),
    ("workspace", {WORKSPACE}, "docs/workspace.md"),
    ("workspace", {WORKSPACE}, "src/*/services.py"),
)

# The answers to a question with which alone a project may speak of something.
TRACES: tuple[tuple[str, set[str], tuple[str, ...]], ...] = (
    ("framework", {"fastapi"}, ("fastapi", "starlette", "uvicorn", "uvloop", "httptools")),
    ("framework", {"fastapi"}, ("async def", "router")),
    (
        "framework",
        {"flask"},
        ("flask", "gunicorn", "blueprint", "render_template", "secret_key", "csrf"),
    ),
    ("framework", {"cli"}, ("typer", "hatch", "build-dist", r"\bpublish\b")),
    ("framework", {"job"}, ("apscheduler", "cronjob", "inbox", r"dry-run(?!\", )")),
    ("dependency_manager", {"uv"}, (r"\buv\b", r"\buv_", "astral")),
    ("dependency_manager", {"pip"}, ("pip-tools", "pip-compile", "requirements/")),
    (
        "dependency_manager",
        {"pip", "poetry", "pipenv"},
        (r"(?<!without-)(?<!uv )\bpip\b(?! --python| download| wheel|-licenses)",),
    ),
    ("dependency_manager", {"poetry"}, ("poetry",)),
    ("dependency_manager", {"pipenv"}, ("pipenv", "pipfile")),
    ("dependency_manager", {"uv", "poetry"}, ("dependency-groups",)),
    ("database", DATABASES, ("sqlalchemy", "alembic", "migrat", "database", "note")),
    ("database", DATABASES, ("dumps/", "restore(?!_throttle)")),
    ("database", SERVERS, ("adminer", "database_password", "init-db", r"\brole\b(?!=)")),
    ("database", {"postgresql"}, ("postgres", "psycopg", "psql", "pg_isready")),
    ("database", {"mysql", "mariadb"}, ("mysql", "aiomysql", "time_zone")),
    ("database", {"mysql"}, ("mysqladmin", "mysqldump", r"\[rsa\]")),
    ("database", {"mariadb"}, ("mariadb",)),
    ("database", {"sqlite"}, ("sqlite", r"app\.db")),
    ("ci", {"github"}, (r"\.github/workflows", "github-actions", "setup-", "cache-from: ")),
    ("ci", {"gitlab"}, (r"gitlab(?!\.com)", "dind")),
    ("dependency_updates", {"dependabot"}, ("dependabot", "package-ecosystem", "cooldown")),
    ("dependency_updates", {"renovate"}, ("renovate", "minimumReleaseAge", "allowScripts")),
    ("cache", {"valkey", "redis"}, ("CACHE_URL", "CACHE_PORT", "cache_server", r"\bcache\.py")),
    ("cache", {"valkey", "none"}, ("valkey",)),  # the broker's too, if there is no cache
    ("cache", {"redis"}, ("redis-server", "redis-cli", r"redis:\d")),
    ("task_queue", {"celery"}, ("celery", "flower", "broker", r"\bbeat\b", "heartbeat_sent")),
    ("reverse_proxy", {"nginx"}, ("robots",)),
    ("workspace", {WORKSPACE}, (r"compose\.workspace", "neighbour", "SERVICE_URL")),
    ("workspace", {WORKSPACE}, ("httpx.retries", r"shared.(server|database|cache)")),
    ("telemetry", {"opentelemetry", "prometheus"}, ("telemetry", "grafana", "prometheus")),
    (
        "telemetry",
        {"opentelemetry"},
        ("otel", "trace_?(id|name)"),
    ),
    ("telemetry", {"prometheus"}, ("pushgateway", r"alerts\.yml", "9464")),
    ("deployment", {"kubernetes"}, ("kustom", "k8s-", "kubernetes.md", "await-revision")),
    ("framework", {"fastapi", "flask"}, (r"\bproxy", "forwarded")),
    ("base_image", {"slim"}, (r"\d-slim-(?!bookworm)",)),
    (
        "base_image",
        {"alpine"},
        ("alpine", r"\bapk\b(?! add --no-cache (cosign|cosign curl|make|kubectl make)$)", "musl"),
    ),
    ("base_image", {"slim", "full", "alpine", "hardened"}, ("wheels/", "image-offline")),
    (
        "base_image",
        {"distro", "distroless"},
        ("debian:(?!bookworm)", "Debian.s Python", "python3-pip"),
    ),
    ("base_image", {"slim", "full", "alpine", "distro"}, (r"scripts/entrypoint\.sh", "-mmin")),
    ("base_image", {"distroless", "hardened"}, (r"entrypoint\.py", "=prepared", "tion-shell")),
    ("base_image", {"distroless"}, ("distroless",)),
    ("base_image", {"hardened"}, ("dhi", r"log-in\.sh")),
    ("license", {"mit"}, (r"\bMIT\b",)),
    ("license", {"apache-2.0"}, ("apache",)),
    ("license", {"proprietary"}, ("proprietary", "all rights reserved")),
    *(
        ("python_version", {version}, (rf"(python|python-version: |=).?{version}(?!\d)",))
        for version in questions.choices()["python_version"]
    ),
)
# What is spoken of for either of several reasons.
SHARED_TRACES: tuple[tuple[Mapping[str, set[str]], tuple[str, ...]], ...] = (
    ({"database": {"none"}, "framework": {"cli", "job"}}, (r"(?<!con)texts",)),
    ({"database": SERVERS, "framework": {"flask"}}, ("secrets/", "make secrets")),
    ({"framework": {"job"}, "deployment": {"kubernetes"}}, ("kubernetes", "k8s")),
    ({"framework": {"fastapi"}, "task_queue": {"celery"}}, ("watchfiles",)),
    ({"framework": {"fastapi"}, "workspace": {WORKSPACE}}, ("httpx",)),
    ({"reverse_proxy": {"nginx"}, "workspace": {WORKSPACE}}, ("nginx",)),
)
# Answers are named in the first, whatever they are; the full text of a licence is in the second.
UNTRACED = {".copier-answers.yml", "LICENSE"}

LEFTOVERS = {
    ".html": "{#-",  # Flask reads its own templates with the same tags
    ".mako": "{%",
    "alerts.yml": "{% {#",  # Prometheus fills in values, and Grafana labels
    "dashboard.json": "{% {#",
}


def holds(paths: Iterable[str], pattern: str) -> bool:
    """Say whether a path matches a pattern such as those in .gitignore."""
    return any(pathspec.GitIgnoreSpec.from_lines([pattern]).match_files(paths))


def traces() -> list[tuple[Mapping[str, set[str]], tuple[str, ...]]]:
    """List the answers, any of which is a reason to speak of something, with the words for it."""
    return [*(({key: values}, words) for key, values, words in TRACES), *SHARED_TRACES]


def any_holds(reasons: Mapping[str, set[str]], answers: questions.Answers) -> bool:
    """Say whether any of the answers was given."""
    return any(answers.get(key) in values for key, values in reasons.items())


def manifest() -> tuple[set[str], set[str]]:
    """List the patterns of what some projects do without, and of what is the user's."""
    texts = ((ROOT / name).read_text("utf-8") for name in ("manifest.jinja", "yours.gitignore"))
    left_out, yours = (set(re.findall("^/.+", text, re.MULTILINE)) for text in texts)
    return left_out, yours


def answers_that_count(project: Path) -> questions.Answers:
    """Read the answers of a project, and the defaults that stand for questions not asked."""
    kept, defaults = questions.settle(generated.read_answers(project))
    return {**defaults, **kept}


def test_the_files_are_those_of_the_answers(combination: str, project: Path) -> None:
    paths = generated.read_tree(project)
    answers = answers_that_count(project)

    assert paths.keys() >= ALWAYS
    for key, values, pattern in CHOSEN:
        assert holds(paths, pattern) == (answers[key] in values), f"{pattern} in {combination}"


def test_an_owner_is_named_where_an_address_is_known(projects: Mapping[str, Path]) -> None:
    for project in projects.values():
        answers = generated.read_answers(project)
        address = answers.get("author_email") if answers["ci"] != "none" else ""
        file = project / "CODEOWNERS"
        rules = (
            [line for line in file.read_text().splitlines() if line[0] != "#"]
            if file.exists()
            else []
        )
        assert rules == ([f"* {address}"] if address else [])
        policy = (project / "SECURITY.md").read_text("utf-8")
        assert ("code owners" in policy) == bool(address)
        assert (f"<{answers.get('author_email')}>" in policy) == bool(answers.get("author_email"))


def test_only_who_asked_for_it_gets_a_job_for_updates(projects: Mapping[str, Path]) -> None:
    for name, project in projects.items():
        answers = generated.read_answers(project)
        wanted = {answers["ci"]} - {"none"} if answers["dependency_updates"] != "renovate" else {}
        pipeline = project / ".gitlab-ci.yml"
        found = {
            "github": (project / ".github" / "workflows" / "template-update.yml").exists(),
            "gitlab": pipeline.exists() and "template-update" in generated.parse(pipeline),
        }
        assert {forge for forge, exists in found.items() if exists} == set(wanted), name
        script = (project / "scripts" / "update-template.sh").read_text("utf-8")
        assert ("push" in script) == ("--branch" in script) == bool(wanted), name


def test_what_programs_come_in_leaves_no_trace_elsewhere(projects: Mapping[str, Path]) -> None:
    found = set()
    for name, project in projects.items():
        answers = generated.read_answers(project)
        packed = answers.get("package_formats", ["wheel"]) != ["wheel"]
        found.add(packed)
        for file in ("Dockerfile.packages", "nfpm.yaml"):
            assert (project / file).exists() == packed, f"{file} in {name}"
        on_github = packed and answers["ci"] == "github"
        assert (project / ".github" / "workflows" / "packages.yml").exists() == on_github, name
        for file in ("Makefile", ".gitignore", "README.md", "docs/releases.md", ".gitlab-ci.yml"):
            text = (project / file).read_text("utf-8") if (project / file).exists() else ""
            assert packed or not re.search("nfpm|zipapp|conda|packages/", text), f"{file} in {name}"
    assert found == {True, False}


def test_only_who_has_large_dependencies_has_a_layer_for_them(
    projects: Mapping[str, Path],
) -> None:
    found = set()
    for name, project in projects.items():
        is_large = bool(generated.read_answers(project).get("large_dependencies"))
        if not (project / "Dockerfile").exists():
            continue
        found.add(is_large)
        for script in ("base-image.sh", "large-lock.py"):
            assert (project / "scripts" / script).exists() == is_large, f"{script} in {name}"
        for file in generated.files(project):
            text = file.read_text("utf-8") if file.name not in UNTRACED else ""
            assert is_large or not re.search(r"large-lock|/large /|base-image\.|torch", text), file
        text = (project / "Dockerfile").read_text("utf-8")
        assert ("COPY --from=build /opt/venv /opt/venv\n" in text) == (not is_large), name
        assert ("large-lock.py torch scipy " in text) == is_large, name
    assert found == {True, False}


@pytest.mark.parametrize("only", decisions.BUILT_FORMATS)
def test_one_format_leaves_no_trace_of_the_others(render: Render, only: str) -> None:
    project = render({"framework": "cli", "package_formats": ["wheel", only]})
    tools = {"zipapp": "shiv", "binary": "tar --create", "deb": "nfpm", "conda": "whl2conda"}
    text = (project / "Dockerfile.packages").read_text("utf-8")
    makefile = (project / "Makefile").read_text("utf-8")
    for other in decisions.BUILT_FORMATS:
        assert (f" AS {other}\n" in text) == (f"\n{other}: wheel" in makefile) == (other == only)
    for name, tool in tools.items():
        assert (tool in text) == (only in ({"deb", "rpm"} if name == "deb" else {name}))
    assert (project / "nfpm.yaml").exists() == (only in ("deb", "rpm"))


def test_a_package_says_what_is_answered_where_variables_are_looked_up(render: Render) -> None:
    text = "It's $5 or ${HOME}"
    project = render({"framework": "cli", "package_formats": ["wheel", "deb"], "description": text})
    written = generated.parse(project / "nfpm.yaml")["description"]
    assert written == "It's ${DOLLAR}5 or ${DOLLAR}{HOME}"
    assert written.replace("${DOLLAR}", "$") == text
    assert "DOLLAR='$'" in (project / "Dockerfile.packages").read_text("utf-8")


def test_only_who_needs_no_packages_of_the_distribution_can_vendor(
    projects: Mapping[str, Path],
) -> None:
    found = set()
    for name, project in projects.items():
        answers = generated.read_answers(project)
        own_python = answers["base_image"] in ("distro", "distroless")
        vendors = not own_python and not answers["os_packages_runtime"]
        found.add(vendors)
        assert (project / "Dockerfile.wheels").exists() == vendors, name
        for file, words in (
            ("Makefile", "vendor:"),
            (".gitignore", "wheels/"),
            ("docs/dependencies.md", "make vendor"),
        ):
            assert (words in (project / file).read_text("utf-8")) == vendors, f"{file} in {name}"
    assert found == {True, False}


def test_the_answers_are_those_that_were_asked_for(combination: str, project: Path) -> None:
    kept = {key: value for key, value in generated.read_answers(project).items() if key[0] != "_"}

    assert kept == questions.keep(COMBINATIONS[combination])


def test_every_file_parses(project: Path) -> None:
    for file in generated.files(project):
        generated.parse(file)


def test_what_lasts_in_development_is_rebuilt_with_its_lock(project: Path) -> None:
    manager = str(generated.read_answers(project)["dependency_manager"])
    lock = decisions.read_choices()["dependency_manager"][manager]["locks"][-1]
    watched = {"watch": [{"path": lock, "action": "rebuild"}]}
    services = generated.parse(project / "compose.override.yaml")["services"]
    found = {name for name, service in services.items() if service.get("develop") == watched}
    assert found == {"web", "scheduler", "worker", "beat"} & services.keys()


def test_make_lists_its_targets(project: Path) -> None:
    listed = programs.run("make", "--warn-undefined-variables", cwd=project)

    assert re.search(r"^ +test +\w", listed, re.MULTILINE)
    assert "warning" not in listed


def test_nothing_of_the_template_language_is_left(project: Path) -> None:
    for path, text in generated.read_tree(project).items():
        # of GitHub, of engines and of Renovate
        own = re.sub(r"\$\{\{.*?\}\}|\{\{[./#\w].*?\}\}", "", text)
        name = PurePosixPath(path)
        leftovers = (LEFTOVERS.get(name.suffix) or LEFTOVERS.get(name.name) or "{{ {% {#").split()
        assert not [tag for tag in leftovers if tag in path + own], path


def test_white_space_is_tidy(project: Path) -> None:
    for file in generated.files(project):
        assert not generated.untidiness(file), file


def test_what_was_not_chosen_leaves_no_trace(project: Path) -> None:
    answers = answers_that_count(project)
    banned = [words for reasons, words in traces() if not any_holds(reasons, answers)]
    texts = {
        path: text for path, text in generated.read_tree(project).items() if path not in UNTRACED
    }

    found = [
        f"{path}: {match.group()} in {line.strip()!r}"
        for word in chain.from_iterable(banned)
        for path, text in texts.items()
        for line in (path, *text.splitlines())
        if (match := re.search(word, line, re.IGNORECASE))
    ]
    assert not found, "\n".join(found)


def test_every_traced_word_can_be_found(projects: Mapping[str, Path]) -> None:
    texts = [
        (answers_that_count(project), "\n".join(chain(*generated.read_tree(project).items())))
        for project in projects.values()
    ]
    for reasons, words in traces():
        chosen = [text for answers, text in texts if any_holds(reasons, answers)]
        for word in words:
            assert any(re.search(word, text, re.IGNORECASE) for text in chosen), word


def test_the_same_answers_give_the_same_bytes(
    combination: str, project: Path, render: Render
) -> None:
    again = render(COMBINATIONS[combination])

    assert generated.read_tree(again) == generated.read_tree(project)
    for file in generated.files(project):
        assert file.stat().st_mode == (again / file.relative_to(project)).stat().st_mode, file


def test_every_line_of_the_manifest_decides_something(
    projects: Mapping[str, Path], render: Render
) -> None:
    adopted = (
        render({"own_files": ["app.py", *own], "entry_point": "app:app", "database": database})
        for database, own in (
            ("postgresql", []),
            ("none", ["Dockerfile", ".github/workflows/ci.yml"]),
        )
    )
    workspaces = (
        render({"framework": "workspace", "deployment": "kubernetes", **given})
        for given in (
            {"services": ["users"]},
            {"database": "none", "ci": "gitlab"},
            {"deployment": "compose"},
        )
    )
    everything = (*projects.values(), *adopted, *workspaces)
    paths = [generated.read_tree(project).keys() for project in everything]
    left_out, yours = manifest()

    assert left_out
    assert yours
    for pattern in left_out:
        assert {holds(present, pattern) for present in paths} == {True, False}, pattern
    for pattern in yours:
        assert any(holds(present, pattern) for present in paths), pattern


def test_every_pin_of_the_catalogue_is_used(projects: Mapping[str, Path]) -> None:
    text = "\n".join(
        chain.from_iterable(generated.read_tree(p).values() for p in projects.values())
    )
    images = {
        decisions.read_images()[name]
        for name in decisions.read_images()
        if not name.startswith("python-")  # an image for each answer: see test_decisions.py
    }

    unused = {pin for pin in images | set(decisions.read_actions().values()) if pin not in text}
    assert unused == set()


def test_every_pin_comes_from_the_catalogue(projects: Mapping[str, Path]) -> None:
    for project in projects.values():
        texts = generated.read_tree(project)
        for path, text in texts.items():
            if path.startswith(".github/workflows/"):
                pins = set(re.findall(r"uses: ([^.].+)$", text, re.MULTILINE))
                assert pins <= set(decisions.read_actions().values()), path
            if path == ".gitlab-ci.yml":
                images = set(re.findall(r"(?:image|- name): (.+)$", text, re.MULTILINE))
                assert images <= set(decisions.read_images().values()), path
            if PurePosixPath(path).name.startswith("Dockerfile"):
                stages = set(re.findall(r" AS (\w+)$", text, re.MULTILINE)) | {"scratch"}
                images = set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - stages
                assert images <= set(decisions.read_images().values()), path


def test_every_path_of_the_template_suits_windows() -> None:
    paths = [file.relative_to(ROOT).as_posix() for file in generated.files(ROOT / "template")]

    assert paths
    for path in paths:
        assert not set('"|:<>?*\\') & set(path), path
        assert len(path) < 200, path
        assert all(part == part.rstrip(" .") for part in PurePosixPath(path).parts), path


def test_a_revision_needs_a_message(render: Render) -> None:
    result = stacks.execute("make", "revision", cwd=render({}))
    assert result.returncode != 0
    assert 'm must say what changes: make revision m="add a table"' in result.stdout
