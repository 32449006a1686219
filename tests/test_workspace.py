"""Several services in one repository: a gateway in front, and what they share behind them."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import generated
import locking
import programs
import pytest
import questions
import stacks
import updating
from conftest import Render
from copier.errors import UserMessageError
from repository import ROOT
from sampling import some
from test_documents import (  # noqa: F401  (these run here for each workspace)
    test_documents_name_targets_that_there_are,
    test_every_link_of_a_project_leads_somewhere,
    test_the_first_page_is_short,
)
from test_linting import (  # noqa: F401
    compose,
    test_actionlint,
    test_hadolint,
    test_renovate_accepts_its_configuration,
    test_schema,
    test_shellcheck,
    test_yamllint,
    test_zizmor,
)
from test_rendering import (  # noqa: F401
    test_every_file_parses,
    test_nothing_of_the_template_language_is_left,
    test_white_space_is_tidy,
)
from updating import commit, git
from workspaces import WORKSPACES

from extensions import answers, decisions

SERVERS = {"postgresql", "mysql", "mariadb"}
# The answers to a question with which alone a workspace may speak of something
TRACES: tuple[tuple[str, set[str], tuple[str, ...]], ...] = (
    ("database", SERVERS, ("shared-database", "db-shell", "database_admin_password")),
    ("database", {"postgresql"}, ("postgres", "psql")),
    ("database", {"mysql", "mariadb"}, ("utf8mb4",)),
    ("database", {"mysql"}, ("mysqladmin",)),
    ("database", {"mariadb"}, ("mariadb",)),
    ("cache", {"valkey", "redis"}, ("shared-cache", "CACHE_PORT")),
    ("cache", {"valkey"}, ("valkey",)),
    ("cache", {"redis"}, ("redis",)),
    ("ci", {"github"}, (r"\.github/workflows", "github-actions", "changed-services")),
    ("ci", {"gitlab"}, (r"gitlab(?!\.com)",)),
    ("dependency_updates", {"dependabot"}, ("dependabot", "package-ecosystem")),
    ("dependency_updates", {"renovate"}, ("renovate",)),
    ("base_image", {"hardened"}, ("dhi", r"log-in\.sh")),
    ("deployment", {"kubernetes"}, ("kubernetes", "k8s", "kubectl")),
    ("license", {"mit"}, (r"\bMIT\b",)),
    ("license", {"apache-2.0"}, ("apache",)),
)
# Bots have rules for all that a service may have.
UNTRACED = {".copier-answers.yml", "LICENSE", ".github/dependabot.yml", "renovate.json"}

# What is no list of services, or no table of calls, with a word of the refusal
REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"services": ["Users"]}, "lower-case"),
    ({"services": ["flask"]}, "a dependency is called flask"),
    ({"services": ["users", "users"]}, "each name once"),
    ({"services": {"users": True}}, "a list of names"),
    ({"services": ["gateway"]}, "something else is called gateway"),
    ({"services": ["database"]}, "something else is called database"),
    ({"services": ["postgres"]}, "something else is called postgres"),
    ({"services": ["pg-stat"]}, "something else is called pg-stat"),
    ({"services": ["harbour"]}, "for a project of the service harbour"),
    ({"services": ["harbour-production"]}, "for a project of the service harbour-production"),
    ({"services": ["users", "users-production"]}, "for a project of users"),
    ({"services": ["users", "users-b"]}, "while users is deployed"),
    ({"services": ["s" * 33], "database": "mysql"}, "32 characters"),
    ({"calls": ["users"]}, "each caller with the list"),
    ({"calls": {"users": "shop"}}, "each caller with the list"),
    ({"calls": {"users": ["shop"]}}, "users is not among the services"),
    ({"services": ["users"], "calls": {"users": ["users"]}}, "calls itself"),
    ({"services": ["users"], "calls": {"users": ["shop"]}}, "shop is not among the services"),
    ({"other_managers": ["users"]}, "each service with one of"),
    ({"other_managers": {"users": "conda"}}, "each service with one of"),
    ({"other_managers": {"users": "pip"}}, "users is not among the services"),
    ({"database": "sqlite"}, "services on several machines cannot share a file"),
)


@pytest.fixture(scope="module", params=some(WORKSPACES, one_in=3))
def workspace(request: pytest.FixtureRequest) -> str:
    """Name each set of answers in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def projects(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Render all workspaces."""
    folder = tmp_path_factory.mktemp("workspaces")
    return {
        name: generated.render(template, folder / name, given) for name, given in WORKSPACES.items()
    }


@pytest.fixture
def project(workspace: str, projects: Mapping[str, Path]) -> Path:
    """Find one workspace."""
    return projects[workspace]


@pytest.mark.parametrize(("given", "word"), REFUSED, ids=str)
def test_what_cannot_be_a_workspace_is_refused(
    template: Path, tmp_path: Path, given: Mapping[str, Any], word: str
) -> None:
    whole = {"project_name": "Harbour", "framework": "workspace", **given}
    with pytest.raises(UserMessageError, match=r": Try .") as refusal:
        generated.render(template, tmp_path / "project", whole)

    assert word in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert generated.files(tmp_path) == []


def test_every_name_that_a_project_uses_is_refused() -> None:
    used = {folder.name for folder in (ROOT / "template-parts" / "services").iterdir()}
    assert used <= answers.TAKEN_HOSTS


def test_a_list_may_be_a_text(render: Render) -> None:
    project = render({"framework": "workspace", "services": "users, shop"})
    assert "(users|shop)" in (project / "gateway" / "nginx.conf").read_text("utf-8")


def test_what_was_not_chosen_leaves_no_trace(workspace: str, project: Path) -> None:
    given = WORKSPACES[workspace]
    texts = {
        path: text for path, text in generated.read_tree(project).items() if path not in UNTRACED
    }
    found = [
        f"{path}: {word}"
        for key, values, words in TRACES
        if given[key] not in values
        for word in words
        for path, text in texts.items()
        if re.search(word, f"{path}\n{text}", re.IGNORECASE)
    ]
    assert not found, "\n".join(found)


def test_every_traced_word_can_be_found(projects: Mapping[str, Path]) -> None:
    for key, values, words in TRACES:
        chosen = [
            "\n".join(f"{path}\n{text}" for path, text in generated.read_tree(project).items())
            for name, project in projects.items()
            if WORKSPACES[name][key] in values
        ]
        for word in words:
            assert any(re.search(word, text, re.IGNORECASE) for text in chosen), word


def test_make_lists_its_targets(project: Path) -> None:
    listed = programs.run("make", "--warn-undefined-variables", cwd=project)
    assert re.search(r"^ +up +\w", listed, re.MULTILINE)
    assert "warning" not in listed


def test_the_first_page_leads_to_every_document(project: Path) -> None:
    readme = (project / "README.md").read_text("utf-8")
    for document in generated.files(project, "AGENTS.md", "docs/*.md"):
        assert f"]({document.relative_to(project)})" in readme


def test_nothing_of_a_single_service_is_written(project: Path) -> None:
    paths = generated.read_tree(project).keys()
    for absent in ("Dockerfile", "pyproject.toml", "src/*", "tests/*", "scripts/lock.sh"):
        assert not list(project.glob(absent)), absent
    assert {"Makefile", "README.md", "gateway/nginx.conf", "compose.yaml"} <= paths


def test_the_answers_are_those_of_a_workspace(workspace: str, project: Path) -> None:
    kept = generated.read_answers(project)
    assert WORKSPACES[workspace].items() <= kept.items()
    for key in ("package_name", "os_packages_build", "telemetry", "task_queue", "workspace"):
        assert key not in kept


@pytest.mark.usefixtures("compose")
@pytest.mark.parametrize("files", [(), stacks.PRODUCTION], ids=["development", "production"])
def test_compose_accepts_its_files(project: Path, files: tuple[str, ...]) -> None:
    programs.run("docker", "compose", *files, "config", "--quiet", cwd=project)


@pytest.mark.usefixtures("compose")
def test_networks_are_those_that_services_join(project: Path) -> None:
    for environment, files in (("harbour", ()), ("harbour-production", stacks.PRODUCTION)):
        networks = stacks.Stack(project, files).compose("config", "--format", "json")
        found = generated.parse_yaml(networks)["networks"]
        assert found["services"]["name"] == environment
        if environment != "harbour":
            subnet = found["services"]["ipam"]["config"][0]["subnet"]
            assert subnet == decisions.subnet_of("harbour")
        if "data" in found:
            assert found["data"]["name"] == f"{environment}-data"
            assert found["data"]["internal"]


def test_the_picture_shows_who_calls_whom(render: Render) -> None:
    given: dict[str, Any] = {
        "services": ["users", "shop", "tally"],
        "calls": {"shop": ["users", "tally"]},
    }
    readme = (render({"framework": "workspace", **given}) / "README.md").read_text("utf-8")
    (picture,) = re.findall(r"```mermaid\n(.+?)```", readme, re.DOTALL)
    arrows = re.findall(r"^    (\w+) --> (\w+)$", picture, re.MULTILINE)
    assert arrows == [("shop", "users"), ("shop", "tally")]
    assert len(re.findall(r"gateway -- /\w+/ --> \w+", picture)) == 3


@pytest.mark.parametrize("command", [("check",), ("format", "--check", "--line-length=100")])
def test_python_is_tidy(projects: Mapping[str, Path], command: tuple[str, ...]) -> None:
    options = ("--isolated", "--no-cache", "--quiet")
    programs.lint("ruff", *command, *options, targets=projects.values())


def test_only_what_has_changed_is_tested(render: Render) -> None:
    project = render({"framework": "workspace", "services": ["users", "shop"]})
    git(project, "init", "--quiet")

    def changed(*paths: str, since: str = "HEAD~1") -> str:
        for path in paths:
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).touch()
        commit(project, f"Add {paths}")
        return stacks.execute("sh", "scripts/changed-services.sh", since, cwd=project).stdout

    everything = '["shop","users"]\n'
    assert changed("services/users/Makefile", "services/shop/Makefile", since="") == everything
    assert changed("services/users/src/app.py") == '["users"]\n'
    assert changed("services/shop-of-others/notes.txt", "README.txt") == "[]\n"
    assert changed("libs/tides/pyproject.toml") == everything
    assert changed(".github/workflows/own.yml") == everything
    assert changed("services/users/a", "services/shop/b") == everything
    assert changed("gateway/notes.txt", since="HEAD~3") == everything
    assert changed("docs/notes.md", since="0" * 40) == everything
    assert changed("services/users/größe.txt") == '["users"]\n'
    git(project, "mv", "services/users/src/app.py", "services/shop/app.py")
    assert changed() == everything


def test_what_stops_or_deploys_some_services_leaves_the_others(render: Render) -> None:
    project = render({"framework": "workspace", "services": ["users", "shop"]})
    (project / "Makefile.local").write_text("DOCKER = docker\n")

    def made(*words: str) -> str:
        return stacks.execute("make", "--dry-run", *words, cwd=project).stdout

    for target, down in (("down", "docker compose down"), ("production-down", "prod.yaml down")):
        assert down in made(target)
        assert down not in made(target, "SERVICES=users")
        assert "for name in users; do" in made(target, "SERVICES=users")
    for wrong in ("", "users shop", "shop users", "%", "tally"):
        words = ("deploy", f"SERVICE={wrong}", "TAG=1.2.3")
        said = stacks.execute("make", *words, cwd=project).stdout
        assert "SERVICE must be one of users, shop: make deploy" in said, wrong


def test_the_job_for_rules_is_always_there(render: Render) -> None:
    jobs = generated.parse(render({"framework": "workspace"}) / ".github" / "workflows" / "ci.yml")[
        "jobs"
    ]
    assert jobs["done"]["if"] == "always()"
    assert set(jobs["done"]["needs"]) == {*jobs} - {"done", "push-image"}
    assert set(jobs["push-image"]["needs"]) == set(jobs["done"]["needs"])


def test_dependabot_looks_into_each_service_with_its_manager(render: Render) -> None:
    given: dict[str, Any] = {
        "services": ["users", "shop", "tally"],
        "other_managers": {"shop": "poetry", "tally": "pip"},
    }
    file = render({"framework": "workspace", **given}) / ".github" / "dependabot.yml"
    folders = {
        each["package-ecosystem"]: each.get("directories")
        for each in generated.parse(file)["updates"]
    }
    assert folders["uv"] == ["/services/users"]
    assert folders["pip"] == ["/services/shop", "/services/tally"]
    assert folders["docker"] == ["/gateway", "/services/*"]


def test_each_service_of_gitlab_waits_for_a_change_of_its_own(render: Render) -> None:
    project = render({"framework": "workspace", "services": ["users", "shop"], "ci": "gitlab"})
    jobs = generated.parse(project / ".gitlab-ci.yml")
    for name in ("users", "shop"):
        assert jobs[name]["variables"] == {"SERVICE": name}
        assert jobs[name]["rules"][-1]["changes"][0] == f"services/{name}/**/*"
        assert jobs[name]["rules"][0]["if"] == f"$CI_COMMIT_TAG =~ /^{name}-v[0-9]/"
    assert "rules" not in jobs["done"]
    assert jobs[".service"]["trigger"]["include"] == ".gitlab/service.yml"
    child = generated.parse(project / ".gitlab" / "service.yml")
    assert {"check", "production", "image-build", "image-scan", "image-sign"} <= child.keys()


# slipway new

SLIPWAY = ("-m", "slipway", "new", "--defaults", "--skip-tasks")
Slipway = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def started(template: Path, tmp_path: Path) -> Path:
    """Make a workspace from a released template."""
    source = tmp_path / "slipway"
    shutil.copytree(template, source)
    git(source, "init", "--quiet")
    commit(source, "Release v99.0.0")
    git(source, "tag", "v99.0.0")
    given: dict[str, Any] = {
        "framework": "workspace",
        "project_name": "Harbour",
        "organization": "Quay & Sons",
        "license": "mit",
        "dependency_manager": "poetry",
        "cache": "valkey",
    }
    project = generated.render(source, tmp_path / "harbour", given)
    git(project, "init", "--quiet")
    commit(project, "Start")
    return project


@pytest.fixture
def slipway(started: Path, monkeypatch: pytest.MonkeyPatch) -> Slipway:
    """Run "slipway new" in the workspace."""
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")
    return lambda *words: stacks.execute("python", *SLIPWAY, *words, cwd=started)


def test_a_new_service_takes_over_what_the_workspace_knows(started: Path, slipway: Slipway) -> None:
    result = slipway("services/tide-tables")

    assert result.returncode == 0, result.stdout
    service = generated.read_answers(started / "services" / "tide-tables")
    assert generated.read_answers(started)["services"] == ["tide-tables"]
    assert "(tide-tables)/" in (started / "gateway" / "nginx.conf").read_text("utf-8")
    expected = {
        "_commit": "v99.0.0",
        "project_name": "Tide tables",
        "project_slug": "tide-tables",
        "package_name": "tide_tables",
        "workspace": "harbour",
        "shared_servers": ["database", "cache"],
        "organization": "Quay & Sons",
        "license": "mit",
        "dependency_manager": "poetry",
        "database": "postgresql",
        "cache": "valkey",
        "ci": "none",
        "dependency_updates": "none",
    }
    assert {key: service[key] for key in expected} == expected


def test_options_override_what_the_workspace_knows(
    started: Path, slipway: Slipway, tmp_path: Path
) -> None:
    (tmp_path / "house.yml").write_text("{license: apache-2.0, cache: none}\n", "utf-8")
    options = ["--data", "framework=flask", "-d", "database=sqlite"]
    options += ["--data=python_version=3.13", "--data=dependency_manager=pip"]
    result = slipway(*options, "--data-file", str(tmp_path / "house.yml"), "services/shop")

    assert result.returncode == 0, result.stdout
    service = generated.read_answers(started / "services" / "shop")
    expected = {
        "framework": "flask",
        "database": "sqlite",
        "python_version": "3.13",
        "license": "apache-2.0",
        "cache": "none",
        "shared_servers": [],
        "dependency_manager": "pip",
    }
    file = (started / ".copier-answers.yml").read_text("utf-8")
    assert generated.parse_yaml(file)["other_managers"] == {"shop": "pip"}
    assert {key: service[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("users",), "is a workspace, whose services are in services: say services/users."),
        (("services/deep/users",), "say services/users."),
        (("services/gateway",), "something else is called gateway"),
        (("services/Users",), "lower-case ASCII letters"),
        (("--data", "database=oracle", "services/users"), "all is as it was."),
        (("--data", "framework=job", "services/users"), "Try fastapi or flask: "),
        (("services/users", "--data", "framework=cli"), "Try fastapi or flask: "),
        (("--data", "ci=github", "services/users"), "Try none: the root of a workspace has one"),
        (("--data", "project_slug=shop", "services/users"), "services/users is users, not shop"),
        (("services/users/../deep/users",), "say services/users."),
        (("--vcs-ref", "v1.2.3", "services/users"), "Unknown revision: 'v1.2.3'"),
    ],
    ids=str,
)
def test_what_cannot_be_a_service_is_refused_and_nothing_written(
    started: Path, slipway: Slipway, words: tuple[str, ...], sentence: str
) -> None:
    result = slipway(*words)

    assert result.returncode == 1
    assert sentence in result.stdout
    assert "Traceback" not in result.stdout
    assert git(started, "status", "--porcelain", "--ignored") == ""


def test_a_name_is_taken_once_and_changes_are_committed_first(
    started: Path, slipway: Slipway
) -> None:
    assert slipway("services/users").returncode == 0
    assert "There are uncommitted changes" in slipway("services/shop").stdout
    commit(started, "Add users")
    again = slipway("services/users")
    assert "The workspace has a service users: choose another name." in again.stdout
    (started / "services" / "shop").mkdir()
    assert "There is a folder services/shop" in slipway("services/shop").stdout


def test_what_git_is_configured_to_costs_no_file(started: Path, slipway: Slipway) -> None:
    (started / "docs" / "größe.md").touch()
    commit(started, "Write about sizes")
    for key, value in {"core.quotePath": "false", "status.showUntrackedFiles": "no"}.items():
        git(started, "config", key, value)
    (started / "notes.txt").touch()
    refused = slipway("--data", "framework=nonsense", "services/users")
    assert "There are uncommitted changes" in refused.stdout
    assert (started / "notes.txt").exists()

    (started / "notes.txt").unlink()
    result = slipway("services/users")
    assert result.returncode == 0, result.stdout
    assert (started / "docs" / "größe.md").exists()


def test_a_file_of_answers_decides_unless_only_the_root_can(
    started: Path, slipway: Slipway, tmp_path: Path
) -> None:
    preset = (ROOT / "presets" / "site.yml").read_text("utf-8")
    (tmp_path / "house.yml").write_text(f"{preset}shared_servers: []\n", "utf-8")
    result = slipway("services/../services/shop", "--data-file", str(tmp_path / "house.yml"))

    assert result.returncode == 0, result.stdout
    service = generated.read_answers(started / "services" / "shop")
    expected = {"framework": "flask", "ci": "none", "shared_servers": [], "workspace": "harbour"}
    assert {key: service[key] for key in expected} == expected


def test_a_base_image_with_a_python_of_its_own_decides_which(
    started: Path, slipway: Slipway
) -> None:
    result = slipway("--data", "base_image=distroless", "services/shop")
    assert result.returncode == 0, result.stdout


def test_a_folder_beside_the_workspace_is_a_project_of_its_own(
    started: Path, slipway: Slipway
) -> None:
    result = slipway("--data", "database=none", "--vcs-ref", "HEAD", "../tide-tables")
    assert result.returncode == 0, result.stdout
    assert generated.read_answers(started.parent / "tide-tables")["workspace"] == ""
    assert generated.read_answers(started)["services"] == []


# Updates


@pytest.fixture
def behind(started: Path, slipway: Slipway, tmp_path: Path) -> Path:
    """Make a workspace with two services, and release a newer template."""
    for name in ("users", "shop"):
        assert slipway("--data", "database=none", f"services/{name}").returncode == 0
        commit(started, f"Add {name}")
    source = tmp_path / "slipway"
    for tree in ("template", "template-other/workspace"):
        with (source / tree / ".editorconfig").open("a", encoding="utf-8") as file:
            file.write("\n[*.md]\nmax_line_length = off\n")
    commit(source, "Release v99.1.0")
    git(source, "tag", "v99.1.0")
    return started


def test_make_update_brings_a_commit_for_the_workspace_and_each_service(
    behind: Path, tmp_path: Path, bare_path: str
) -> None:
    (behind / "README.md").write_text(
        (behind / "README.md").read_text("utf-8").replace("## Template", "## Ours\n\n## Template")
    )
    commit(behind, "Write a section")
    before = git(behind, "rev-parse", "HEAD")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "copier").symlink_to(programs.tool("copier"))
    (tools / "docker").write_text("#!/bin/sh\nexit 1\n")  # so that nothing is checked or locked
    (tools / "docker").chmod(0o755)
    result = stacks.execute("make", "update", cwd=behind, PATH=f"{tools}:{bare_path}")

    assert result.returncode == 0, result.stdout
    assert git(behind, "rev-parse", "HEAD") == before
    assert git(behind, "status", "--porcelain") == ""
    subjects = git(behind, "log", "--format=%s", "HEAD..template-update").splitlines()
    assert subjects == ["Update the template to v99.1.0"] * 3
    git(behind, "merge", "--quiet", "template-update")
    for folder in (behind, behind / "services" / "users", behind / "services" / "shop"):
        assert generated.read_answers(folder)["_commit"] == "v99.1.0"
        assert "max_line_length" in (folder / ".editorconfig").read_text("utf-8")
    assert "## Ours" in (behind / "README.md").read_text("utf-8")
    assert updating.conflicts_in(behind) == []
    assert len(git(behind, "worktree", "list").splitlines()) == 1


def test_make_update_leaves_what_people_added_to_the_branch(
    behind: Path, tmp_path: Path, bare_path: str
) -> None:
    nested = tmp_path / "repository"
    shutil.copytree(behind, nested / "deep", ignore=shutil.ignore_patterns(".git"))
    git(nested, "init", "--quiet")
    commit(nested, "Start")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "copier").symlink_to(programs.tool("copier"))
    (tools / "docker").write_text("#!/bin/sh\nexit 1\n")
    (tools / "docker").chmod(0o755)
    update = ("make", "--directory", "deep", "update")

    def updated(*words: str) -> "subprocess.CompletedProcess[str]":
        return stacks.execute(*update, *words, cwd=nested, PATH=f"{tools}:{bare_path}")

    assert "has no version v99.7.0" in updated("VERSION=v99.7.0").stdout
    for _ in range(2):  # a proposal that nobody has touched is made anew
        result = updated()
        assert result.returncode == 0, result.stdout
    assert len(git(nested, "log", "--format=%s", "HEAD..template-update").splitlines()) == 3

    start = git(nested, "branch", "--show-current").strip()
    git(nested, "checkout", "--quiet", "template-update")
    (nested / "deep" / "README.md").write_text("Resolved\n")
    commit(nested, "Resolve")
    git(nested, "checkout", "--quiet", start)
    result = updated()
    assert result.returncode != 0
    assert "The branch template-update has commits of yours: run git merge" in result.stdout
    assert "Resolve" in git(nested, "log", "--format=%s", "template-update")


def test_a_fleet_sees_the_workspace_and_each_service(behind: Path, tmp_path: Path) -> None:
    given = generated.read_answers(behind / "services" / "shop")
    words = ("fleet", "report", str(behind), "--template", str(tmp_path / "slipway"))
    result = stacks.execute(
        *("python", "-m", "slipway", *words, "--json", str(tmp_path / "fleet.json")), cwd=ROOT
    )

    assert result.returncode == 0, result.stdout
    report = generated.parse(tmp_path / "fleet.json")
    rows = {row["repository"].removeprefix(str(behind)): row for row in report["services"]}
    assert rows.keys() == {"", " services/users", " services/shop"}
    for row in rows.values():
        assert (row["version"], row["state"]) == ("v99.0.0", "updates cleanly")
    assert rows[" services/shop"]["answers"]["project_slug"] == given["project_slug"]


def test_a_service_is_removed_by_the_commands_of_the_document(behind: Path) -> None:
    text = (behind / "docs" / "services.md").read_text("utf-8")
    (removal,) = re.findall(r"^git rm -r services/(\w+)$", text, re.MULTILINE)
    assert removal == "orders"
    git(behind, "rm", "-r", "--quiet", "services/users")
    git(behind, "commit", "--quiet", "--message", "Remove users")
    command = ("update", "--trust", "--vcs-ref", ":current:", "--defaults")
    result = stacks.execute("copier", *command, "--data", "services=[shop]", cwd=behind)

    assert result.returncode == 0, result.stdout
    assert generated.read_answers(behind)["services"] == ["shop"]
    for path, content in generated.read_tree(behind / "gateway").items():
        assert "users" not in content, path
    assert updating.conflicts_in(behind) == []


def test_a_project_cannot_become_a_workspace(render: Render, template: Path) -> None:
    project = render({"database": "none"})
    with pytest.raises(UserMessageError, match="cannot change its framework from fastapi"):
        generated.render(template, project, {"framework": "workspace"})


def test_questions_that_a_workspace_is_not_asked() -> None:
    unasked = {"package_name", "task_queue", "telemetry", "reverse_proxy", "os_packages_build"}
    kept = questions.keep({"framework": "workspace"})
    assert not unasked & kept.keys()
    assert {"database", "cache", "port", "base_image", "python_version", "deployment"} <= {*kept}


# In containers

HOSTILE = "p'\\$ß %s"  # passwords of people's own
# How a role opens a database over the network, and what it is told of one that is not its own
OPEN = {
    "postgresql": 'PGPASSWORD="$1" psql --host=shared-database --username="$0" --dbname="$2"'
    " --no-align --tuples-only --command='SELECT current_user'",
    "mysql": 'MYSQL_PWD="$1" mysql --host=shared-database --user="$0" "$2"'
    " --skip-column-names --execute='SELECT 42'",
    "mariadb": 'MYSQL_PWD="$1" mariadb --host=shared-database --user="$0" "$2"'
    " --skip-column-names --execute='SELECT 42'",
}
REFUSAL = re.compile(r"permission denied for database|Access denied for user")


@dataclass(frozen=True)
class Running:
    """A workspace that runs, with the commands of its Makefile."""

    root: Path
    files: tuple[str, ...]

    @cached_property
    def stack(self) -> stacks.Stack:
        """Find the containers of the root."""
        return stacks.Stack(self.root, self.files)

    def make(self, *words: str) -> str:
        """Run a target, which must succeed."""
        result = stacks.execute("make", "--no-print-directory", *words, cwd=self.root)
        assert result.returncode == 0, result.stdout[-5000:]
        return result.stdout

    def ask(self, path: str) -> stacks.Answer:
        """Send a request to the gateway."""
        return stacks.ask(f"http://{self.stack.address('gateway')}{path}")


def give_ports(root: Path) -> None:
    """Choose ports of this machine that nobody uses."""
    ports = stacks.ports_of(root)
    lines = zip(ports, stacks.free_ports(len(ports)), strict=True)
    (root / ".env").write_text("".join(f"{name}={port}\n" for name, port in lines))


@pytest.mark.docker
@pytest.mark.parametrize(
    "database",
    some(["postgresql", "mysql", "mariadb"], one_in=3),
)
def test_a_shared_server_keeps_services_apart(engine: None, render: Render, database: str) -> None:
    slug = stacks.own_name()
    names = ["users", "tide-tables"]
    root = render(
        {
            **{"framework": "workspace", "project_slug": slug, "services": names},
            **{"database": database, "cache": "valkey"},
        }
    )
    give_ports(root)
    for name in names:  # of a service, all that this needs
        secrets = root / "services" / name / "secrets"
        secrets.mkdir(parents=True)
        (secrets / "database_password").write_text(HOSTILE + name)
        (secrets.parent / "compose.workspace.yaml").write_text("# shared-database\n")
    running = Running(root, stacks.PRODUCTION)
    try:
        running.make("production", "SERVICES=", "secrets/database_admin_password")
        for _ in range(2):  # it can be repeated
            running.make("databases", "STACK=production")

        def opened(name: str, database: str, password: str) -> str:
            role = name.replace("-", "_")
            inside = ("exec", "-T", "shared-database", "sh", "-c", OPEN[str(kind)])
            return running.stack.try_compose(*inside, role, password, database).stdout.strip()

        kind = database
        for name in names:
            own = name.replace("-", "_")
            (other,) = {"users", "tide_tables"} - {own}
            answer = opened(name, own, HOSTILE + name)
            assert answer.splitlines()[-1] == (own if database == "postgresql" else "42")
            assert REFUSAL.search(opened(name, other, HOSTILE + name))
            assert not opened(name, own, "wrong").endswith(("42", f"\n{own}"))
        (root / "services" / "users" / "secrets" / "database_password").write_text("another")
        running.make("databases", "STACK=production")
        assert not REFUSAL.search(opened("users", "users", "another"))

        for service, details in running.stack.configuration.items():
            assert details["read_only"], service
            assert details["cap_drop"] == ["ALL"], service
            assert details["deploy"]["resources"]["limits"]["memory"], service
        told = running.ask("/users/api")
        assert (told.status, told.headers["Content-Type"]) == (503, "application/problem+json")
        assert "users cannot be reached" in told.json()["detail"]
        assert running.ask("/nobody/").status == 404
        admin = (root / "secrets" / "database_admin_password").read_text()
        for container in running.stack.containers():
            assert container["State"]["Health"]["Status"] == "healthy"
            environment = "\n".join(container["Config"]["Env"])
            assert admin not in environment
            assert HOSTILE not in environment
    finally:
        running.stack.try_compose("down", "--volumes", "--timeout", "3")
        stacks.execute("docker", "image", "rm", "--force", f"{slug}-gateway:latest", cwd=root)


@pytest.fixture(scope="module")
def suffix() -> str:
    """Make up an end for names, so that no other project on this machine has them."""
    return stacks.own_name().rpartition("-")[2]


@pytest.fixture(scope="module")
def source(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Release the work tree in a repository of its own."""
    source = tmp_path_factory.mktemp("source") / "slipway"
    shutil.copytree(template, source)
    git(source, "init", "--quiet")
    commit(source, "Release v99.0.0")
    git(source, "tag", "v99.0.0")
    return source


def run_documented(line: str, folder: Path, source: Path, suffix: str) -> None:
    """Run a command of docs/workspace.md on a released template, with names of this run."""
    *options, name = line.removeprefix("slipway new ").split()
    if "/" in name:  # a service; its workspace knows the template
        command = ["python", "-m", "slipway", "new", "--skip-tasks", *options, f"{name}-{suffix}"]
    else:
        options.append(f"--data=project_slug={name}-{suffix}")
        command = ["copier", "copy", "--trust", *options, str(source), f"{name}-{suffix}"]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    result = stacks.execute(*command, cwd=folder, PYTHONPATH=path)
    assert result.returncode == 0, result.stdout


@pytest.fixture(scope="module")
def development(
    engine: None, source: Path, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Make a workspace with three services by the commands of the document, and start it."""
    folder = tmp_path_factory.mktemp("workspace")
    root = folder / f"harbour-{suffix}"
    text = (ROOT / "docs" / "workspace.md").read_text("utf-8")
    first, *others = re.findall(r"^slipway new .+$", text, re.MULTILINE)
    assert len(others) == 3
    run_documented(first, folder, source, suffix)
    git(root, "init", "--quiet")
    commit(root, "Start")
    for line in others:
        run_documented(line, root, source, suffix)
        locking.lock(root / "services" / f"{line.rpartition('/')[2]}-{suffix}")
        commit(root, "Add a service")
    give_ports(root)
    running = Running(root, stacks.DEVELOPMENT)
    try:
        running.make("up")
        yield running
    finally:
        for service in (root / "services").glob("*-*"):
            stacks.execute(
                *("docker", "compose", "--project-name", service.name, "down", "--volumes"),
                *("--timeout", "3", "--remove-orphans"),
                cwd=root,
            )
            stacks.remove_images(service.name)
        running.stack.try_compose("down", "--volumes", "--timeout", "3")
        image = f"harbour-{suffix}-gateway:development"
        stacks.execute("docker", "image", "rm", "--force", image, cwd=root)


@pytest.mark.docker
@pytest.mark.thorough
class TestDevelopment:
    """Three services behind the gateway, made by the commands of the document."""

    def test_each_has_the_paths_below_its_name(self, development: Running, suffix: str) -> None:
        for name in ("users", "shop", "tally"):
            assert development.ask(f"/{name}-{suffix}/ready").status == 200
            # After a redirect: it is the service that answers.
            assert "No service" not in development.ask(f"/{name}-{suffix}").body
        kept = stacks.ask(
            f"http://{development.stack.address('gateway')}/users-{suffix}/api/notes",
            {"title": "Tide"},
        )
        assert kept.status == 201

    def test_databases_are_closed_to_each_other(self, development: Running, suffix: str) -> None:
        databases = [f"{name}_{suffix}" for name in ("users", "shop")]
        for own, other in (databases, databases[::-1]):
            inside = ("exec", "-T", "shared-database", "sh", "-c", OPEN["postgresql"], own, "app")
            assert own in development.stack.try_compose(*inside, own).stdout
            assert REFUSAL.search(development.stack.try_compose(*inside, other).stdout)
        listed = ("exec", "-T", "shared-database", "psql", "--username=postgres", "--list")
        assert f"tally_{suffix}" not in development.stack.compose(*listed)

    def test_one_that_is_down_is_missed_alone_and_found_again(
        self, development: Running, suffix: str
    ) -> None:
        folder = development.root / "services" / f"users-{suffix}"
        stopped = stacks.execute("make", "workspace-down", cwd=folder)
        assert stopped.returncode == 0, stopped.stdout
        stacks.eventually(lambda: development.ask(f"/users-{suffix}/ready").status == 503)
        answer = development.ask(f"/users-{suffix}/api/notes")
        assert answer.json()["status"] == answer.status == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        for name in ("shop", "tally"):
            assert development.ask(f"/{name}-{suffix}/ready").status == 200
        started = stacks.execute("make", "workspace-up", cwd=folder)
        assert started.returncode == 0, started.stdout
        stacks.eventually(lambda: development.ask(f"/users-{suffix}/ready").status == 200)
        titles = development.ask(f"/users-{suffix}/api/notes").body
        assert "Tide" in titles

    def test_a_fourth_is_added_and_removed(
        self, development: Running, source: Path, suffix: str
    ) -> None:
        root, name = development.root, f"orders-{suffix}"
        run_documented("slipway new --defaults services/orders", root, source, suffix)
        locking.lock(root / "services" / name)
        commit(root, "Add orders")
        development.make("up")
        stacks.eventually(lambda: development.ask(f"/{name}/ready").status == 200)
        assert development.ask(f"/users-{suffix}/ready").status == 200

        stopped = stacks.execute("make", "workspace-down", cwd=root / "services" / name)
        assert stopped.returncode == 0, stopped.stdout
        git(root, "rm", "-r", "--quiet", f"services/{name}")
        git(root, "commit", "--quiet", "--message", "Remove orders")
        left = [f"{each}-{suffix}" for each in ("users", "shop", "tally")]
        command = ("update", "--trust", "--vcs-ref", ":current:", "--defaults")
        updated = stacks.execute(
            "copier", *command, "--data", f"services=[{', '.join(left)}]", cwd=root
        )
        assert updated.returncode == 0, updated.stdout
        commit(root, "Leave orders out")
        development.make("up")
        assert development.ask(f"/{name}/ready").status == 404
        for each in left:
            assert development.ask(f"/{each}/ready").status == 200
