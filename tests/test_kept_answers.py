"""What a project has answered is kept, and so is what stands where an answer would write."""

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import copier
import generated
import pytest
import questions
import stacks
import updating
import yaml
from combinations import COMBINATIONS
from copier.errors import UserMessageError
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from sampling import some
from updating import Renderings, commit, git, run_update, start

from extensions.changes import RETURNING, read_answer, read_questions, recorded

# Names that v0.1.0 accepted, and that dependencies turned out to have.
NAMES = {
    "Humanize": "humanize",
    "tornado": "tornado",
    "wcwidth": "wcwidth",
    "prometheus-client": "prometheus-client",
}
# For each question with a validator: what it refuses in a new project.
REFUSED: dict[str, Any] = {
    "project_name": "7 Seas",
    "project_slug": "tornado",
    "package_name": "wcwidth",
    "description": "x" * 201,
    "author_name": "A" * 101,
    "author_email": "ada@example",
    "organization": "O" * 101,
    "port": 80,
    "workspace": "Harbour",
    "shared_servers": ["web"],
    "os_packages_build": ["libpq5", "libpq5"],
    "os_packages_runtime": ["libpq5", "libpq5"],
    "large_dependencies": ["torch>=2"],
    "package_formats": ["deb"],
    "own_files": ["/app.py"],
    "entry_point": "app",
    "database_scheme": "oracle",
    "development_settings": "config/local.py",
    "production_settings": "config/production.py",
    "framework": "cli",
}
# Those that are wrong beside another answer only; their own tests refuse them
BESIDE = {
    "base_image",
    "python_version",
    "deployment",
    "ci",
    "reverse_proxy",
    "database",
    "services",
    "calls",
    "other_managers",
}
OTHER = {"port": 81, "framework": "job"}
ADOPTED: questions.Answers = {"own_files": ["app.py", "manage.py"], "entry_point": "app:app"}


@pytest.fixture
def project(project_of: Renderings, tmp_path: Path) -> Path:
    """Make the default project of the work tree and commit it."""
    return start(project_of.template, tmp_path / "project", updating.NEWEST, {})


def change(project: Path, path: str, *options: str, **answers: str) -> str:
    """Change answers without a change of version; return what is said."""
    data = [f"--data={key}={answer}" for key, answer in answers.items()]
    said = run_update(project, path, "--vcs-ref", ":current:", *data, *options)
    commit(project, "Change answers")
    return said


def refusal(project: Path, *command: str) -> str:
    """Run Copier, which must refuse without a trace; return its sentence."""
    before = git(project, "status", "--porcelain", "--ignored", "--untracked-files=all")
    result = stacks.execute(
        "copier", command[0], "--defaults", "--trust", *command[1:], cwd=project
    )
    assert result.returncode == 1, result.stdout
    assert "Traceback" not in result.stdout
    assert git(project, "status", "--porcelain", "--ignored", "--untracked-files=all") == before
    return result.stdout.splitlines()[-1]


# Names, and whatever else a later version refuses


@pytest.mark.parametrize("name", some(NAMES, one_in=4))
def test_a_name_that_a_release_accepted_is_kept(
    project_of: Renderings, tmp_path: Path, bare_path: str, name: str
) -> None:
    slug = NAMES[name]
    project = start(project_of.template, tmp_path / "project", "v0.1.0", {"project_name": name})
    before = updating.answers_of(project)
    assert (before["project_slug"], before["package_name"]) == (slug, slug.replace("-", "_"))

    run_update(project, bare_path)
    commit(project, "Update")
    change(project, bare_path, cache="valkey")  # now the old version refuses the name as well

    assert before.items() <= {**updating.answers_of(project), "cache": "none"}.items()
    assert generated.read_answers(project)["cache"] == "valkey"
    other = next(taken for taken in NAMES.values() if taken != slug)
    assert f"a dependency is called {other}" in refusal(
        project, "update", f"-dproject_slug={other}"
    )
    recopied = ("recopy", "--defaults", "--trust", "--overwrite", "--skip-tasks")
    assert stacks.execute("copier", *recopied, cwd=project).returncode == 0
    assert generated.read_answers(project)["project_slug"] == slug


def test_every_validator_passes_over_what_is_kept() -> None:
    validators = {
        key: question["validator"]
        for key, question in read_questions().items()
        if "validator" in question
    }
    outdated = validators.pop("dependency_updates")

    assert "unless_outdated" in outdated
    assert validators.keys() == REFUSED.keys() | BESIDE
    for key, validator in validators.items():
        assert re.search(rf"\| unless_kept\('{key}'(, '\w+')?\) }}}}$", validator.strip()), key


@pytest.mark.parametrize("key", REFUSED)
def test_a_validator_accepts_the_present_answer_and_no_other(
    template: Path, tmp_path: Path, key: str
) -> None:
    is_adopted = key in (*questions.ADOPTION, "framework")
    answers: questions.Answers = {"author_name": "Ada Lovelace", **(ADOPTED if is_adopted else {})}
    if key == "package_formats":
        answers = {**answers, "framework": "cli"}
    if key == "shared_servers":
        answers = {**answers, "workspace": "harbour"}
    new, old = tmp_path / "new", generated.render(template, tmp_path / "old", answers)
    with pytest.raises(UserMessageError, match=f"The answer to {key}"):
        generated.render(template, new, {**answers, key: REFUSED[key]})
    file = old / ".copier-answers.yml"
    kept = {**yaml.safe_load(file.read_text("utf-8")), key: REFUSED[key]}
    file.write_text(yaml.safe_dump(kept), "utf-8")
    if key == "package_name":
        (old / "src" / "harbour_api").rename(old / "src" / "wcwidth")

    generated.render(template, old, {})

    assert generated.read_answers(old)[key] == REFUSED[key]
    if key not in OTHER and isinstance(REFUSED[key], str):
        with pytest.raises(UserMessageError, match=f"The answer to {key}"):
            generated.render(template, old, {key: f"{REFUSED[key]}!"})


# Answers that another answer takes away


@pytest.mark.parametrize("adopted", [{}, ADOPTED], ids=["made", "adopted"])
def test_every_answer_that_another_can_take_away_is_one_that_returns(
    adopted: questions.Answers,
) -> None:
    """Neither the framework of a project can change, nor whether it was adopted."""
    environment = questions.question_environment()
    defaults = questions.keep({})
    taken_away = set()
    for key, question in read_questions().items():
        for framework in questions.choices()["framework"]:
            asked = {
                environment.from_string(str(question.get("when", True))).render(
                    {**defaults, **answers, "framework": framework, **adopted, **author}
                    | {"_copier_conf": {}}
                )
                for answers in COMBINATIONS.values()
                for author in ({"author_name": ""}, {"author_name": "Ada"})
            }
            if len(asked) > 1:
                taken_away.add(key)

    assert taken_away <= set(RETURNING)
    assert bool(adopted) == ("database_scheme" in taken_away)


def test_an_answer_comes_back_with_its_question(
    project_of: Renderings, tmp_path: Path, bare_path: str
) -> None:
    answers: questions.Answers = {
        "python_version": "3.12",
        "author_name": "Ada Lovelace",
        "author_email": "ada@example.com",
    }
    project = start(project_of.template, tmp_path / "project", updating.NEWEST, answers)
    before = git(project, "rev-parse", "HEAD^{tree}")

    change(project, bare_path, base_image="distro", author_name="")
    dockerfile = (project / "Dockerfile").read_text("utf-8")
    assert "debian:" in dockerfile
    assert 'requires-python = ">=3.13' in (project / "pyproject.toml").read_text("utf-8")
    assert not (project / "CODEOWNERS").exists()
    change(project, bare_path, cache="valkey")
    change(project, bare_path, cache="none")
    change(project, bare_path, base_image="slim", author_name="Ada Lovelace")

    assert git(project, "rev-parse", "HEAD^{tree}") == before


def test_a_scheme_comes_back_for_the_same_database_only(
    project_of: Renderings, tmp_path: Path, bare_path: str
) -> None:
    answers: questions.Answers = {
        **ADOPTED,
        "framework": "flask",
        "database": "mysql",
        "database_scheme": "mysql+mysqlconnector",
    }
    project = start(project_of.template, tmp_path / "project", updating.NEWEST, answers)

    change(project, bare_path, database="none")
    change(project, bare_path, database="mysql")
    assert generated.read_answers(project)["database_scheme"] == "mysql+mysqlconnector"

    change(project, bare_path, database="none")
    change(project, bare_path, database="postgresql")
    assert generated.read_answers(project)["database_scheme"] == "postgresql"


# Answers that fit another


@pytest.mark.parametrize(
    ("given", "changed", "updates"),
    some(
        [
            ({}, {"ci": "gitlab"}, "renovate"),
            ({}, {"ci": "none"}, "none"),
            ({"ci": "none"}, {"ci": "github"}, "dependabot"),
            ({"dependency_updates": "renovate"}, {"ci": "gitlab"}, "renovate"),
            ({"dependency_updates": "none"}, {"ci": "gitlab"}, "none"),
            ({}, {"ci": "none", "dependency_updates": "dependabot"}, "dependabot"),
        ],
        one_in=2,
    ),
    ids=str,
)
def test_who_proposes_updates_follows_the_forge(
    project_of: Renderings,
    tmp_path: Path,
    bare_path: str,
    given: dict[str, str],
    changed: dict[str, str],
    updates: str,
) -> None:
    project = start(project_of.template, tmp_path / "project", updating.NEWEST, given)
    before = generated.read_answers(project)["dependency_updates"]

    said = change(project, bare_path, **changed)

    assert generated.read_answers(project)["dependency_updates"] == updates
    assert (project / "renovate.json").exists() == (updates == "renovate")
    assert (project / ".github" / "dependabot.yml").exists() == (updates == "dependabot")
    sentence = f"With ci: {changed['ci']}, dependency_updates is {updates}.\n"
    assert (sentence in said) == (before != updates)


@pytest.mark.parametrize(
    ("details", "updates"), [("n", "renovate"), ("y\r", "renovate"), ("y\x1b[A\r", "dependabot")]
)
def test_who_proposes_updates_follows_also_what_is_typed(
    project: Path, details: str, updates: str
) -> None:
    with create_pipe_input() as keyboard, create_app_session(keyboard, DummyOutput()):
        keyboard.send_text("\x1b[B\r" + details)
        copier.run_update(
            project,
            vcs_ref=copier.VcsRef.CURRENT,
            ask=["ci", "details"],
            skip_answered=True,
            overwrite=True,
            quiet=True,
            unsafe=True,
            skip_tasks=True,
        )
    answers = generated.read_answers(project)
    assert (answers["ci"], answers["dependency_updates"]) == ("gitlab", updates)


@pytest.mark.parametrize(
    ("base", "packages", "other", "is_warned"),
    some(
        [
            ("slim", "[libpq5]", "alpine", True),
            ("alpine", "[so_x]", "slim", True),
            ("distro", "[python3-yaml]", "slim", True),
            ("distro", "[libpq5]", "slim", False),
            ("slim", "[]", "alpine", False),
        ],
        one_in=3,
    ),
)
def test_packages_of_another_distribution_are_kept_with_a_warning(
    project_of: Renderings,
    tmp_path: Path,
    bare_path: str,
    base: str,
    packages: str,
    other: str,
    is_warned: bool,
) -> None:
    answers = {"base_image": base, "os_packages_runtime": yaml.safe_load(packages)}
    project = start(project_of.template, tmp_path / "project", updating.NEWEST, answers)

    said = change(project, bare_path, base_image=other)

    assert generated.read_answers(project)["os_packages_runtime"] == yaml.safe_load(packages)
    warning = f"In os_packages_runtime are still the names of packages for base_image: {base}."
    assert (warning in said) == is_warned
    if is_warned:
        command = re.search(r"copier update --trust .*(--data 'os_packages_runtime=)\[…\]'", said)
        assert command
        said = change(project, bare_path, base_image=base, os_packages_runtime="[curl]")
        assert warning not in said


def test_packages_that_an_image_cannot_have_end_the_update(
    project_of: Renderings, tmp_path: Path, bare_path: str
) -> None:
    answers: questions.Answers = {"os_packages_runtime": ["libpq5"]}
    project = start(project_of.template, tmp_path / "project", updating.NEWEST, answers)

    command = ("update", "--vcs-ref", ":current:", "--data", "base_image=hardened")
    said = refusal(project, *command)
    assert "add --data os_packages_runtime=[]" in said

    change(project, bare_path, base_image="distroless", os_packages_runtime="[]")
    assert generated.read_answers(project)["base_image"] == "distroless"
    assert (project / "scripts" / "entrypoint.py").exists()
    assert not (project / "scripts" / "entrypoint.sh").exists()


def test_the_command_of_the_document_changes_one_answer_and_nothing_else(
    project_of: Renderings, tmp_path: Path, bare_path: str
) -> None:
    answers: dict[str, Any] = {"port": 8081, "os_packages_build": ["libpq-dev"]}
    project = start(project_of.template, tmp_path / "project", updating.NEWEST, answers)
    before = generated.read_answers(project)
    text = (project / "docs" / "dependencies.md").read_text("utf-8")
    (command,) = re.findall(r"^copier update .+os_packages_build=.+", text, re.MULTILINE)
    for dockerfile in generated.files(project, "Dockerfile", "Dockerfile.dev"):
        assert f'echo "{command}"' in dockerfile.read_text("utf-8")

    name, *arguments = shlex.split(command)
    result = stacks.execute(name, *arguments, cwd=project, PATH=bare_path)

    assert result.returncode == 0, result.stdout
    packages = ["libpq-dev", "git", "build-essential"]
    assert generated.read_answers(project) == {**before, "os_packages_build": packages}
    changed = {"Dockerfile", "Dockerfile.dev", "docs/dependencies.md", ".copier-answers.yml"}
    assert set(git(project, "diff", "--name-only", "HEAD").splitlines()) == changed


# Files that git could not restore


def test_an_untracked_file_is_not_written_over(project_of: Renderings, tmp_path: Path) -> None:
    """Such a file makes a tree dirty, unless the configuration hides it."""
    project = start(project_of.template, tmp_path / "project", "v0.1.0", {})
    old = set(git(project, "ls-files").splitlines())
    new = min(generated.read_tree(project_of(updating.NEWEST, {})).keys() - old)
    (project / new).parent.mkdir(parents=True, exist_ok=True)
    (project / new).write_text("mine\n", "utf-8")
    git(project, "config", "status.showUntrackedFiles", "no")

    sentence = refusal(project, "update")

    assert sentence.startswith(f"git does not track {new}, and could not restore")
    assert (project / new).read_text("utf-8") == "mine\n"


@pytest.mark.parametrize("options", [(), ("--quiet",)])
@pytest.mark.parametrize("is_ignored", some([True, False], one_in=2))
def test_an_answers_file_that_git_does_not_track_is_named_with_the_cure(
    project: Path, bare_path: str, is_ignored: bool, options: tuple[str, ...]
) -> None:
    answers = ".copier-answers.yml"
    git(project, "rm", "--quiet", "--cached", answers)
    if is_ignored:
        with (project / ".gitignore").open("a", encoding="utf-8") as file:
            file.write(f"{answers}\n")
    git(project, "commit", "--quiet", "--all", "--message", "Untrack the answers")
    git(project, "config", "status.showUntrackedFiles", "no")

    sentence = refusal(project, "update", "--data=cache=valkey", *options)

    cure = f"git add --force {answers}"
    assert sentence == (
        f"git does not track {answers}, from which an update starts: run {cure}, and commit it"
    )
    git(project, *cure.split()[1:])
    commit(project, "Track the answers")
    change(project, bare_path, cache="valkey")


@pytest.mark.parametrize("version", ["v0.1.0", updating.NEWEST])
@pytest.mark.parametrize("damage", [None, {}], ids=str)
def test_a_damaged_answers_file_is_refused_in_a_sentence(
    project_of: Renderings, tmp_path: Path, version: str, damage: Any
) -> None:
    project = start(project_of.template, tmp_path / "project", version, {})
    file = project / ".copier-answers.yml"
    damaged = yaml.safe_load(file.read_text("utf-8")) | {"port": damage}
    file.write_text(yaml.safe_dump(damaged), "utf-8")
    commit(project, "Damage the answers")

    sentence = refusal(project, "update")

    assert sentence.startswith(f"{file.name} is damaged, as it has no answer to port: ")


@pytest.mark.parametrize(
    ("question", "answer", "read"),
    [
        ({"type": "str", "choices": ["a", "b"]}, "a", "a"),
        ({"type": "str", "choices": ["a", "b"], "multiselect": True}, ["a"], ["a"]),
        ({"type": "int", "choices": {"one": 1}}, 1, 1),
        ({"type": "str", "choices": [["A", {"value": "a"}]]}, "a", "a"),
        ({"type": "str", "choices": "{{ others }}"}, "a", "a"),
        ({"type": "bool"}, False, False),
        ({"type": "bool"}, "yes", "yes"),
        ({"type": "float"}, 1.5, 1.5),
        ({"type": "json"}, "{}", "{}"),
        ({"default": "a"}, 1, 1),
    ],
    ids=str,
)
def test_a_question_of_a_fork_may_have_any_form(question: Any, answer: Any, read: Any) -> None:
    assert read_answer(question, answer) == read


def test_what_is_no_answer_to_a_present_question_is_refused_as_well(project: Path) -> None:
    file = project / ".copier-answers.yml"
    original = file.read_text("utf-8")
    for line, damage in (
        ("port: 8000", "port: eighty"),
        ("database: postgresql", "database: oracle"),
        ("project_name: Harbour API", "project_name: [Harbour, API]"),
    ):
        assert line in original
        file.write_text(original.replace(line, damage), "utf-8")
        commit(project, "Damage the answers")
        key = line.split(":")[0]
        for command in ("update", "recopy"):
            assert refusal(project, command).startswith(f"The answer to {key} in {file.name}: ")


# A folder that has files already


FORGE = {"README.md": "# Harbour\n", "LICENSE": "MIT\n", ".gitignore": "*.pyc\n"}


def test_a_copy_says_beforehand_what_it_would_write_over(
    template: Path, tmp_path: Path, bare_path: str
) -> None:
    for name, text in FORGE.items():
        (tmp_path / name).write_text(text, "utf-8")
    command = ("copy", "--defaults", "--trust", str(template), ".")

    def copy(*options: str) -> tuple[int, list[str]]:
        result = stacks.execute("copier", *command, *options, cwd=tmp_path, PATH=bare_path)
        return result.returncode, result.stdout.splitlines()

    code, said = copy()
    assert code == 1
    keep = "--skip .gitignore --skip LICENSE --skip README.md"
    assert said[-1] == (
        ".gitignore, LICENSE, README.md would be overwritten:"
        f" add --overwrite to allow that, or keep them as they are by {keep}"
    )
    assert generated.read_tree(tmp_path) == FORGE

    assert copy(*keep.split())[0] == 0
    assert FORGE.items() <= generated.read_tree(tmp_path).items()
    assert copy(*keep.split())[0] == 0  # what is as Copier writes it is in nobody's way

    code, said = copy("--skip=README.md", "--exclude=LICENSE")
    assert code == 1
    assert said[-1].startswith(".gitignore would be overwritten")
    assert copy("--overwrite")[0] == 0
    assert "# Harbour API" in (tmp_path / "README.md").read_text("utf-8")


def test_an_edited_project_is_not_recopied_by_half(project: Path) -> None:
    for name in ("Makefile", "src/harbour_api/api.py"):
        with (project / name).open("a", encoding="utf-8") as file:
            file.write("# mine\n")
    commit(project, "Edit")

    sentence = refusal(project, "recopy")

    assert sentence.startswith("Makefile, src/harbour_api/api.py would be overwritten")


def test_with_a_terminal_copier_asks(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "README.md").write_text("# Harbour\n", "utf-8")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    with create_pipe_input() as keyboard, create_app_session(keyboard, DummyOutput()):
        keyboard.send_text("n")
        copier.run_copy(
            str(template), tmp_path, defaults=True, quiet=True, unsafe=True, skip_tasks=True
        )
    assert (tmp_path / "README.md").read_text("utf-8") == "# Harbour\n"
    assert (tmp_path / "Makefile").exists()


# Where the template and the answers are


def test_the_way_to_a_local_template_is_kept_from_everywhere(
    project_of: Renderings, tmp_path: Path, bare_path: str
) -> None:
    (tmp_path / "kits").symlink_to(project_of.template.parent)
    work = tmp_path / "work"
    work.mkdir()
    relative = f"../kits/{project_of.template.name}"
    options = ("--defaults", "--trust", "--skip-tasks")
    stacks.execute("copier", "copy", *options, relative, "project", cwd=work, PATH=bare_path)
    project = work / "project"
    assert generated.read_answers(project)["_src_path"] == str(project_of.template.resolve())
    git(project, "init", "--quiet")
    commit(project, "Start")

    change(project, bare_path, cache="valkey")

    assert generated.read_answers(project)["_src_path"] == str(project_of.template.resolve())


@pytest.mark.parametrize("source", ["gh:example/kit", "https://example.com/kit.git", "../no/kit"])
def test_an_address_is_kept_as_it_is(tmp_path: Path, source: str) -> None:
    conf = {"dst_path": tmp_path, "answers_file": ".copier-answers.yml"}
    assert recorded({"_src_path": source}, conf) == {"_src_path": source}


@pytest.mark.parametrize(
    "given",
    [{}, {"ci": "gitlab"}, {"framework": "job"}, {**ADOPTED, "dependency_updates": "renovate"}],
    ids=str,
)
def test_what_is_generated_knows_the_answers_file_by_its_name(
    project_of: Renderings, tmp_path: Path, bare_path: str, given: questions.Answers
) -> None:
    name = ".copier-answers.slipway.yml"
    plain, project = project_of(updating.NEWEST, given), tmp_path / "project"
    copier.run_copy(
        str(project_of.template),
        project,
        answers_file=name,
        data=dict(given),
        vcs_ref=updating.NEWEST,
        defaults=True,
        quiet=True,
        skip_tasks=True,
        unsafe=True,
    )
    command = f"copier update --trust --answers-file {name}"
    expected = {
        path: text.replace(".copier-answers.yml", name).replace("copier update --trust", command)
        for path, text in generated.read_tree(plain).items()
    }
    expected[name] = expected.pop(".copier-answers.yml")
    if "renovate.json" in expected:
        assert generated.parse(project / "renovate.json")["copier"] == {
            "managerFilePatterns": [name]
        }
        expected.pop("renovate.json")
    assert expected.items() <= generated.read_tree(project).items()
    if given:
        return
    git(project, "init", "--quiet")
    commit(project, "Start")
    shutil.rmtree(project / "src" / "harbour_api" / "notes")
    with (project / "Makefile").open("a", encoding="utf-8") as file:
        file.write("# mine\n")
    commit(project, "Edit")
    said = change(project, bare_path, "--answers-file", name, ci="gitlab", base_image="distro")
    assert "you edited them" not in said
    assert yaml.safe_load((project / name).read_text("utf-8"))["ci"] == "gitlab"
