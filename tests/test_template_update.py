"""A project brings its template's news by itself, completely or not at all."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import generated
import pytest
import questions
import repository
import stacks
from programs import run, tool
from updating import commit, copy, git

from extensions import decisions

OLD, NEW = "v1.0.0", "v1.1.0"
SCRIPT = "scripts/update-template.sh"
CHANGELOG = """# Changelog

## [1.1.0] - 2026-11-21

### Added

- A script that is new.

## [1.0.0] - 2026-11-20

- The beginning.

[1.1.0]: https://example.com/1.1.0
"""
Start = Callable[..., Path]

DESCRIPTION = """\
Brings this repository from v1.0.0 to v1.1.0 of its template, {template}.

## Conflicts

Both sides changed these files. Resolve what is marked before you merge; what cannot be merged by \
lines is as it was:

- `tests/test_logs.py`

## Changed files

- `.copier-answers.yml`
- `.editorconfig`
- `scripts/new.sh` (new)
- `tests/test_logs.py`

## Checks

`make check` failed. It ended with:

````text
1 failed, 41 passed
````

## Changelog of the template

### [1.1.0] - 2026-11-21

#### Added

- A script that is new.
"""
LAUNCHER = """#!/bin/sh
\'\'\'exec' "{python}" "$0" "$@"
' \'\'\'
import sys
from copier.__main__ import CopierApp
sys.exit(CopierApp.run())
"""  # as pip writes it where a path has a space
LIST = (
    "pr list --head template-update --json number,isCrossRepository"
    " --jq .[] | select(.isCrossRepository | not).number"
)
FORGES: Mapping[str, questions.Answers] = {
    "github": {"database": "none"},
    "gitlab": {"database": "none", "ci": "gitlab", "dependency_updates": "none"},
    "none": {"database": "none", "ci": "none"},
}


@pytest.fixture(scope="module")
def releases(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Release the template twice: the second time with a new script and more in two files."""
    clone = repository.copy_template(tmp_path_factory.mktemp("releases"))
    git(clone, "init", "--quiet")
    (clone / "CHANGELOG.md").write_text(CHANGELOG[CHANGELOG.index("## [1.0.0]") :], "utf-8")
    commit(clone, f"Release {OLD}")
    git(clone, "tag", OLD)
    for path, text in {
        "template/.editorconfig": "\n[*.md]\nmax_line_length = off\n",
        "template/tests/test_logs.py.jinja": "\n\n# new in the template\n",
    }.items():
        file = clone / path
        file.write_text(file.read_text("utf-8") + text, "utf-8")
    (clone / "template" / "scripts" / "new.sh").write_text("#!/bin/sh\n", "utf-8")
    (clone / "CHANGELOG.md").write_text(CHANGELOG, "utf-8")
    commit(clone, f"Release {NEW}")
    git(clone, "tag", NEW)
    return clone


@pytest.fixture
def programs(tmp_path: Path, bare_path: str) -> str:
    """Build a PATH with Copier and without what could lock dependencies, to which tests add."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "copier").symlink_to(tool("copier"))
    return f"{folder}{os.pathsep}{bare_path}"


@pytest.fixture(scope="module")
def start(releases: Path, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Make a project from a release for a forge, the same one once only."""

    @cache
    def make(forge: str, version: str = OLD) -> Path:
        project = copy(releases, tmp_path_factory.mktemp(forge), version, FORGES[forge])
        git(project, "init", "--quiet", "--initial-branch=main")
        commit(project, "Start")
        return project

    return make


@pytest.fixture
def project(request: pytest.FixtureRequest, start: Start, tmp_path: Path) -> Path:
    """Copy a project for GitHub, or for the forge that the test names."""
    forge = getattr(request, "param", "github")
    return Path(shutil.copytree(start(forge), tmp_path / "project", symlinks=True))


@pytest.fixture
def newest(start: Start, tmp_path: Path) -> Path:
    """Copy a project of the second release."""
    return Path(shutil.copytree(start("github", NEW), tmp_path / "newest", symlinks=True))


@pytest.fixture
def remote(project: Path, tmp_path: Path) -> Path:
    """Push the project to a bare repository, which accepts options and writes them to a file."""
    remote = tmp_path / "remote.git"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", remote)
    git(remote, "config", "receive.advertisePushOptions", "true")
    record = 'env | grep "^GIT_PUSH_OPTION_[0-9]" | sort >"$GIT_DIR/options"'
    program(remote / "hooks" / "post-receive", record)
    git(project, "remote", "add", "origin", remote)
    git(project, "push", "--quiet", "origin", "main")
    return remote


class TestByHand:
    """Without options, and as "make update"."""

    def test_the_news_are_staged_and_the_users_edits_kept(
        self, project: Path, programs: str
    ) -> None:
        edit(project, "README.md", "\n## Ours\n")
        (project / ".env").write_text("WEB_PORT=1\n", "utf-8")

        result = stacks.execute("make", "update", cwd=project, PATH=programs)

        assert result.returncode == 0, result.stdout
        assert status(project) == [
            "M  .copier-answers.yml",
            "M  .editorconfig",
            "A  scripts/new.sh",
            "M  tests/test_logs.py",
        ]
        assert generated.read_answers(project)["_commit"] == NEW
        assert (project / "README.md").read_text("utf-8").endswith("\n## Ours\n")
        assert (project / ".env").read_text("utf-8") == "WEB_PORT=1\n"
        assert_nothing_is_left(project)

    def test_a_conflict_is_marked_as_in_a_merge(self, project: Path, programs: str) -> None:
        edit(project, "tests/test_logs.py", "\n\n# mine\n")
        before = state(project)

        result = stacks.execute("make", "update", f"VERSION={NEW}", cwd=project, PATH=programs)

        assert result.returncode == 0, result.stdout
        assert "with conflicts that git status shows: tests/test_logs.py.\n" in result.stdout
        assert "UU tests/test_logs.py" in status(project)
        assert "A  scripts/new.sh" in status(project)
        text = (project / "tests" / "test_logs.py").read_text("utf-8")
        assert re.search(r"<{7} .*# mine.*={7}.*# new in the template.*>{7} ", text, re.DOTALL)

        git(project, "reset", "--quiet", "--hard")  # as the script says
        assert state(project) == before

    @pytest.mark.parametrize("version", [(), (NEW,)], ids=["newest", "named"])
    def test_nothing_happens_if_nothing_is_newer(
        self, newest: Path, programs: str, version: tuple[str, ...]
    ) -> None:
        before = state(newest)
        result = update(newest, programs, *version)
        sentence = f"There is nothing newer: this repository is at {NEW} of its template.\n"
        assert (result.returncode, result.stdout) == (0, sentence)
        assert state(newest) == before

    def test_a_project_may_be_a_folder_of_its_repository(
        self, start: Start, tmp_path: Path, programs: str
    ) -> None:
        project = tmp_path / "mono" / "Dienst für Häfen"
        shutil.copytree(start("none"), project, ignore=shutil.ignore_patterns(".git"))
        git(project.parent, "init", "--quiet")
        commit(project.parent, "Start")
        edit(project, "tests/test_logs.py", "\n\n# mine\n")

        result = update(project, programs)

        assert result.returncode == 0, result.stdout
        assert "git status shows: Dienst für Häfen/tests/test_logs.py.\n" in result.stdout
        assert status(project) == [
            "M  .copier-answers.yml",
            "M  .editorconfig",
            "A  scripts/new.sh",
            "UU tests/test_logs.py",
        ]

    @pytest.mark.parametrize("runner", ["uvx", "pipx"])
    def test_copier_is_fetched_where_it_is_missing(
        self, newest: Path, programs: str, tmp_path: Path, runner: str
    ) -> None:
        replace_copier(tmp_path, runner)

        result = update(newest, programs)

        assert result.returncode == 0, result.stdout
        calls = (tmp_path / "calls").read_text("utf-8")
        for pin in ("copier", "copier-template-extensions"):
            assert decisions.read_tools()[pin] in calls

    @pytest.mark.parametrize("kind", ["a path with a space", "a shim"])
    def test_copier_is_found_however_it_was_installed(
        self, newest: Path, bare_path: str, tmp_path: Path, kind: str
    ) -> None:
        programs = tmp_path / "my programs"
        if kind == "a shim":
            program(programs / "copier", f'exec "{tool("copier")}" "$@"')
        else:
            program(programs / "copier", "")
            python = programs / "python"
            program(python, f'exec "{sys.executable}" "$@"')
            (programs / "copier").write_text(LAUNCHER.format(python=python), "utf-8")
        result = update(newest, f"{programs}{os.pathsep}{bare_path}")
        assert "There is nothing newer" in result.stdout

    @pytest.mark.parametrize(
        "form",
        ["{0}: >-\n  {1}\n", "{0}: '{1}' # a comment\n", '"{0}":   "{1}"\r\n', "{0}:\n  {1}\n"],
    )
    def test_the_answers_file_may_be_any_yaml(
        self, project: Path, programs: str, form: str
    ) -> None:
        file = project / ".copier-answers.yml"
        text = file.read_text("utf-8")
        for key in ("_src_path", "_commit"):
            text = re.sub(rf"{key}: (.*)\n", lambda match: form.format(key, match[1]), text)  # noqa: B023
        file.write_bytes(text.encode())
        commit(project, "Write it otherwise")
        result = update(project, programs)
        assert result.returncode == 0, result.stdout
        assert generated.read_answers(project)["_commit"] == NEW

    def test_a_sparse_checkout_stays_so(self, project: Path, programs: str) -> None:
        git(project, "sparse-checkout", "set", "src", "scripts")
        (project / ".git" / "info" / "exclude").write_text("scripts/new.sh\n", "utf-8")
        result = update(project, programs)
        assert result.returncode == 0, result.stdout
        assert "Left out, since git ignores them: scripts/new.sh\n" in result.stdout
        assert "M  tests/test_logs.py" in status(project)
        assert not (project / "tests").exists()

    def test_the_answers_file_may_have_another_name(
        self, releases: Path, tmp_path: Path, programs: str
    ) -> None:
        name = ".copier-answers.slipway.yml"
        project = tmp_path / "project"
        command = ("copy", "--defaults", "--trust", "--skip-tasks", f"--vcs-ref={OLD}")
        copied = stacks.execute(
            "copier", *command, f"--answers-file={name}", str(releases), str(project), cwd=tmp_path
        )
        assert copied.returncode == 0, copied.stdout
        git(project, "init", "--quiet", "--initial-branch=main")
        commit(project, "Start")

        result = update(project, programs)

        assert result.returncode == 0, result.stdout
        assert f"_commit: {NEW}\n" in (project / name).read_text("utf-8")
        assert "A  scripts/new.sh" in status(project)

    def test_what_is_imported_and_gone_is_listed_at_the_end(
        self, project: Path, programs: str, tmp_path: Path
    ) -> None:
        clone = with_release(project, tmp_path)
        modules = clone / "template" / "src" / "{{ package_name }}"
        (modules / "logs.py.jinja").rename(modules / "log_setup.py.jinja")
        release(clone)
        own = project / "src" / "harbour_api" / "berths.py"
        own.write_text("from .logs import configure_logging as configure_logging\n", "utf-8")
        commit(project, "Log")

        result = update(project, programs)

        assert result.returncode == 1
        assert "Staged v1.2.0 of the template." in result.stdout
        said = result.stdout.splitlines()[-1]
        assert said.startswith("Missing: harbour_api.logs, imported by src/harbour_api/")
        assert "src/harbour_api/berths.py" in said


class TestBadInput:
    """Whatever is wrong, the project stays as it was."""

    @pytest.mark.parametrize(
        ("harm", "sentence"),
        [
            ("rm -r .git", "not a git repository"),
            ("echo >>README.md", "There are uncommitted changes"),
            ("echo >new.txt", "There are uncommitted changes"),
            ("git rm -q $A", "yml is missing"),
            (r"echo '<<<<<<< ours' >>$A", "holds a conflict"),
            ("echo '{[' >$A", "is damaged: take it back"),
            ("echo 'a: [' >>$A", "is damaged: take it back"),
            ("printf 'a: \\377' >>$A", "is damaged: take it back"),
            ("sed -i.old /^_src_path/d $A", "is damaged or of another template"),
            ("sed -i.old /^dependency_manager/d $A", "is damaged or of another template"),
            ("sed -i.old /^_commit/d $A", "write that, such as _commit: v1.2.3, at its beginning"),
            (
                "sed -i.old 's|^_src_path:.*|_src_path: ../template|' $A",
                "write its address or its whole path after _src_path",
            ),
            (
                "sed -i.old 's|^_src_path:.*|_src_path: /nowhere|' $A",
                "The template /nowhere cannot be used: repository '/nowhere' does not exist.",
            ),
            (
                "sed -i.old 's|^_src_path:.*|_src_path: ssh://nobody@nowhere.invalid/x|' $A",
                "Name or service not known: Could not read from remote repository.",
            ),
            ("sed -i.old 's|^_commit:.*|_commit: v7|' $A", "has no version v7"),
            (
                f"sed -i.old 's|^_commit:.*|_commit: {OLD}-1-g1234567|' $A",
                f"write the version before it, _commit: {OLD}, and commit it.",
            ),
            ("git rm -q --cached $A; echo $A >.gitignore", "run git add --force .copier-answers"),
        ],
    )
    def test_it_is_named_and_nothing_is_changed(
        self, project: Path, programs: str, harm: str, sentence: str
    ) -> None:
        run("sh", "-c", f"A=.copier-answers.yml; {harm}", cwd=project)
        if (project / ".git").exists() and sentence != "There are uncommitted changes":
            commit(project, "Harm")

        assert_refused(project, sentence, PATH=programs)

    def test_another_owner_is_named(self, project: Path, programs: str) -> None:
        sentence = "if you trust it, run git config --global --add safe.directory"
        assert_refused(project, sentence, PATH=programs, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")

    def test_an_older_version_is_refused(self, newest: Path, programs: str) -> None:
        sentence = f"is at {NEW} of its template, and cannot go back to {OLD}."
        assert_refused(newest, sentence, OLD, PATH=programs)

    def test_an_unknown_version_is_refused(self, project: Path, programs: str) -> None:
        assert_refused(project, "has no version v7.0.0", "v7.0.0", PATH=programs)

    def test_a_commit_in_the_meantime_is_not_taken_back(
        self, project: Path, programs: str, tmp_path: Path
    ) -> None:
        lock = project / "scripts" / "lock.sh"
        meanwhile = "git -C $P -c user.name=A -c user.email=a@b.invalid commit -qm Meanwhile"
        script = f"P={project}; echo mine >$P/mine.txt; git -C $P add mine.txt; {meanwhile}\n"
        lock.write_text(script, "utf-8")
        commit(project, "Commit in the middle")

        result = update(project, programs)

        assert result.returncode == 1
        assert "There is another commit by now, or another branch: try again." in result.stdout
        assert status(project) == []
        assert (project / "mine.txt").read_text("utf-8") == "mine\n"

    def test_git_in_a_hook_is_another(self, newest: Path, programs: str) -> None:
        variables = {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index", "GIT_PREFIX": "x"}
        result = stacks.execute("sh", SCRIPT, cwd=newest, PATH=programs, **variables)
        assert "There is nothing newer" in result.stdout

    def test_copier_must_be_there(self, project: Path, programs: str, tmp_path: Path) -> None:
        replace_copier(tmp_path, "another")
        assert_refused(project, "Copier 9.19 with copier-template-extensions", PATH=programs)

    @pytest.mark.parametrize("kind", ["interrupted", "terminated", "failing"])
    def test_an_update_that_stops_midway_changes_nothing(
        self, project: Path, programs: str, tmp_path: Path, kind: str
    ) -> None:
        stop = {"interrupted": signal.SIGINT, "terminated": signal.SIGTERM}.get(kind)
        lock = project / "scripts" / "lock.sh"
        # The lock is renewed after the merge: everything else is written by then.
        lock.write_text(f"touch {tmp_path}/merged\nexec sleep 60\n", "utf-8")
        commit(project, "Wait in the middle")
        if kind == "failing":
            program(lock, "exit 0")
            config = with_release(project, tmp_path) / "copier.yml"
            text = config.read_text("utf-8")
            assert "_migrations:\n" in text
            failing = "_migrations:\n  - {command: 'false', when: '{{ _stage == \"after\" }}'}\n"
            config.write_text(text.replace("_migrations:\n", failing), "utf-8")
            release(config.parent)
            commit(project, "Fail after the merge")
        before = state(project)
        started = subprocess.Popen(
            [tool("sh"), SCRIPT],
            cwd=project,
            env={**os.environ, "PATH": programs},
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if stop:
            wait_for(tmp_path / "merged")
            os.killpg(started.pid, stop)
        output, _ = started.communicate(timeout=60)

        assert started.returncode != 0, output
        assert state(project) == before
        assert_nothing_is_left(project)


class TestBranch:
    """The option --branch, by which jobs prepare a proposal."""

    def test_it_is_described_with_all_that_matters(
        self, project: Path, programs: str, tmp_path: Path
    ) -> None:
        edit(project, "tests/test_logs.py", "\n\n# mine\n")
        make(tmp_path, "echo 1 failed, 41 passed; exit 2")
        before = generated.read_tree(project / "tests")

        result = update(project, programs, "--branch", "update.md")

        assert result.returncode == 0, result.stdout
        description = (project / "update.md").read_text("utf-8")
        assert description == DESCRIPTION.format(
            template=generated.read_answers(project)["_src_path"]
        )
        assert status(project) == ["?? update.md"]
        assert generated.read_tree(project / "tests") == before
        assert git(project, "log", "--format=%s", "main..template-update").split("\n") == [
            f"Update the template to {NEW}",
            "",
        ]


class TestGitHub:
    """The steps of the workflow, before a local repository."""

    def test_one_pull_request_is_opened_and_then_renewed(
        self, project: Path, remote: Path, programs: str, tmp_path: Path
    ) -> None:
        make(tmp_path, "test -f scripts/new.sh")
        for attempt in ("first", "second"):
            edit(project, "README.md", f"\n{attempt}\n")  # what the branch starts from moves on
            git(project, "push", "--quiet", "origin", "main")
            run_github(remote, programs, tmp_path / attempt, "update")
            run_github(remote, programs, tmp_path / attempt, "propose")

            assert branches(remote) == ["main", "template-update"]
            assert git(remote, "rev-list", "--count", "main..template-update") == "1\n"
            assert git(remote, "rev-parse", "template-update^") == git(remote, "rev-parse", "main")
        description = (tmp_path / "second" / "template-update.md").read_text("utf-8")
        assert "\n## Checks\n\n`make check` passed.\n" in description
        assert "Conflicts" not in description
        title = f"--title Update the template to {NEW} --body-file template-update.md"
        assert (tmp_path / "gh").read_text("utf-8").splitlines() == [
            "auth setup-git",
            LIST,
            f"pr create --head template-update {title}",
            "auth setup-git",
            LIST,
            f"pr edit 7 {title}",
        ]

    def test_nothing_is_proposed_if_nothing_is_newer(
        self, newest: Path, programs: str, tmp_path: Path
    ) -> None:
        run_github(newest, programs, tmp_path / "run", "update")
        assert not (tmp_path / "outputs").exists()
        assert not list((tmp_path / "run").glob("template-update.*"))

    def test_nothing_is_pushed_without_a_token_or_over_the_commits_of_others(
        self, project: Path, remote: Path, programs: str, tmp_path: Path
    ) -> None:
        make(tmp_path, "exit 0")
        run_github(remote, programs, tmp_path / "run", "update")

        with pytest.raises(subprocess.CalledProcessError) as error:
            run_github(remote, programs, tmp_path / "run", "propose", GH_TOKEN="")
        sentence = "::error::There is a newer template: set the secret TEMPLATE_UPDATE_TOKEN"
        assert error.value.stdout.startswith(sentence)
        assert branches(remote) == ["main"]

        git(project, "switch", "--quiet", "--create", "template-update")
        edit(project, "README.md", "\nmine\n")
        git(project, "push", "--quiet", "origin", "template-update")
        before = git(remote, "for-each-ref")
        with pytest.raises(subprocess.CalledProcessError) as error:
            run_github(remote, programs, tmp_path / "run", "propose")
        sentence = "Someone has added commits to the branch template-update: merge or delete it"
        assert error.value.stdout.startswith(sentence)
        assert git(remote, "for-each-ref") == before


@pytest.mark.parametrize("project", ["gitlab"], indirect=True)
class TestGitLab:
    """The scripts of the jobs, before a local repository."""

    def test_one_merge_request_is_opened(
        self, project: Path, remote: Path, programs: str, tmp_path: Path
    ) -> None:
        make(tmp_path, "exit 0")
        clone = tmp_path / "run"
        git(tmp_path, "clone", "--quiet", remote, clone)
        jobs = generated.parse(clone / ".gitlab-ci.yml")
        address = "https://template-update:secret@git.example.com/group/harbour.git"
        environment = {
            "PATH": programs,
            "TEMPLATE_UPDATE_TOKEN": "secret",
            "CI_SERVER_FQDN": "git.example.com",
            "CI_PROJECT_PATH": "group/harbour",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{remote}.insteadOf",
            "GIT_CONFIG_VALUE_0": address,
        }
        for name in ("template-update", "template-update-request"):
            git(clone, "switch", "--quiet", "--detach")
            bash(clone, "\n".join(jobs[name]["script"]), **environment)
            git(clone, "branch", "--force", "--delete", "template-update")

        assert git(remote, "rev-list", "--count", "main..template-update") == "1\n"
        options = (remote / "options").read_text("utf-8")
        description = (clone / "template-update.md").read_text("utf-8")
        told = [line.partition("=")[2] for line in options.splitlines()]
        assert told == [
            "merge_request.create",
            "merge_request.remove_source_branch",
            f"merge_request.title=Update the template to {NEW}",
            "merge_request.description=" + description.replace("\n", r"\n"),
        ]


def make(folder: Path, script: str) -> None:
    """Put a stand-in for the project's checks before the real make."""
    program(folder / "programs" / "make", f'[ "$*" = check ]\n{script}')


def bash(folder: Path, script: str, **environment: str) -> None:
    """Run what stands in a pipeline; fail unless it ends well."""
    result = stacks.execute("bash", "-e", "-c", script, cwd=folder, **environment)
    result.check_returncode()


def run_github(remote: Path, path: str, folder: Path, name: str, **environment: str) -> None:
    """Run the steps of a job in a clone of its own, between which the artifacts are in a folder.

    A stand-in for GitHub's command line writes down what it is asked to do.
    """
    log, opened = folder.parent / "gh", folder.parent / "opened"
    program(
        folder.parent / "programs" / "gh",
        f"""echo "$*" >>{log}
        case "$1 $2" in
          "pr list") cat {opened} ;;
          "pr create") echo 7 >{opened} ;;
        esac""",
    )
    opened.touch()
    clone = Path(tempfile.mkdtemp(prefix=name, dir=folder.parent))
    git(clone, "clone", "--quiet", remote, ".")
    job = generated.parse(clone / ".github" / "workflows" / "template-update.yml")["jobs"][name]
    if folder.exists():
        shutil.copytree(folder, clone, dirs_exist_ok=True)
    for script in (step["run"] for step in job["steps"] if "name" in step):
        bash(
            clone,
            script,
            **{
                "PATH": path,
                "GH_TOKEN": "secret",
                "GITHUB_OUTPUT": str(folder.parent / "outputs"),
                "GITHUB_STEP_SUMMARY": os.devnull,
                **environment,
            },
        )
    folder.mkdir(exist_ok=True)
    for artifact in clone.glob("template-update.*"):
        shutil.copy2(artifact, folder)


def update(project: Path, path: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the script of a project."""
    return stacks.execute("sh", SCRIPT, *arguments, cwd=project, PATH=path)


def program(file: Path, script: str) -> None:
    """Write a program for bash."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/usr/bin/env bash\nset -e\n{script}\n", "utf-8")
    file.chmod(0o755)


def with_release(project: Path, folder: Path) -> Path:
    """Let a project come from a copy of its template, which is yet to be released once more."""
    clone, answers = folder / "template", project / ".copier-answers.yml"
    git(folder, "clone", "--quiet", str(generated.read_answers(project)["_src_path"]), clone)
    text = re.sub(r"_src_path: .*", f"_src_path: {clone}", answers.read_text("utf-8"))
    answers.write_text(text, "utf-8")
    return clone


def release(clone: Path) -> None:
    """Release a template once more."""
    commit(clone, "Release v1.2.0")
    git(clone, "tag", "v1.2.0")


def replace_copier(folder: Path, runner: str) -> None:
    """Put a Copier without the extension in PATH, and a program that runs the right one."""
    (folder / "programs" / "copier").unlink()
    program(folder / "programs" / "copier", "exit 1")
    program(
        folder / "programs" / runner,
        f"""echo "$*" >>{folder}/calls
        until [ "$1" = copier ]; do shift; done
        shift
        {tool("copier")} "$@"
        """,
    )


def edit(project: Path, path: str, text: str) -> None:
    """Append text to a file and commit it."""
    with (project / path).open("a", encoding="utf-8") as file:
        file.write(text)
    commit(project, f"Edit {path}")


def status(project: Path) -> list[str]:
    """List what differs from the last commit, in git's short form."""
    return git(project, "status", "--short", "--untracked-files=all").splitlines()


def branches(project: Path) -> list[str]:
    """List the branches."""
    return git(project, "branch", "--format=%(refname:short)").split()


def state(project: Path) -> Any:
    """Read all that an update may change: branches, index, work trees and files."""
    commands = ("for-each-ref", "ls-files --stage", "worktree list", "status --short")
    known = [git(project, *command.split()) for command in commands]
    files = [
        file for file in generated.files(project) if ".git" not in file.relative_to(project).parts
    ]
    return known, {file: file.read_bytes() for file in files}


def assert_nothing_is_left(project: Path) -> None:
    """Check that no work tree and no branch but the main one remains."""
    assert len(git(project, "worktree", "list").splitlines()) == 1
    assert branches(project) == ["main"]


def assert_refused(project: Path, sentence: str, *arguments: str, **environment: str) -> None:
    """Check that the script says one sentence and changes nothing."""
    read = state if (project / ".git").exists() else generated.read_tree
    before = read(project)
    result = stacks.execute("sh", SCRIPT, *arguments, cwd=project, **environment)
    assert result.returncode == 1, result.stdout
    assert sentence in result.stdout
    assert result.stdout.count("\n") == 1, result.stdout
    assert read(project) == before


def wait_for(file: Path) -> None:
    """Wait until a file is there."""
    for _ in range(600):
        if file.exists():
            return
        time.sleep(0.1)
    pytest.fail(f"{file} does not appear")
