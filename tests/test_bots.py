"""The update bots see everything that a project pins, and propose what they should."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import adoption
import dependabot
import generated
import pytest
import questions
import renovate
from conftest import Render
from pins import Line, Unseen, lines_of, pins_in, pins_of, unlocked
from repository import ROOT

# With each manager, on both forges; together they have every kind of file that pins something.
SAMPLES: Mapping[str, questions.Answers] = {
    "uv": {
        "reverse_proxy": "nginx",
        "cache": "valkey",
        "task_queue": "celery",
        "deployment": "kubernetes",
    },
    "pip": {"framework": "cli", "database": "mysql"},
    "poetry": {"framework": "flask", "database": "mariadb", "cache": "redis"},
    "pipenv": {"framework": "job", "database": "postgresql", "base_image": "distro"},
}
FORGES = ("github", "gitlab")
UNSEEN = (
    Unseen("*.md", "", "people read it"),
    Unseen("*.py", "", "code fetches nothing but what a manifest names"),
    Unseen("*.css", "", "a size"),
    Unseen("pyproject.toml", "^version = ", "its own version"),
    Unseen("pyproject.toml", "^requires-poetry = ", "the oldest that knows the manifest"),
    Unseen(".vscode/launch.json", '"version": "0.2.0"', "the version of a format"),
    Unseen("Makefile", r"VERSION=v1\.2\.3", "an example"),
    Unseen("*", r"\bTAG=1\.2\.3", "an example"),
    Unseen("Makefile", r"\bPython \d", "the answer to a question"),
    Unseen("*", r"\b(python[-_]version|requires-python)\b", "the answer to a question"),
    Unseen("Dockerfile.dev", "pip-tools>=", "a range; what fits is installed"),
    Unseen("scripts/lock.sh", "echo", "a message with the answer to a question"),
    Unseen("scripts/update-template.sh", "[Cc]opier", "an update of the template brings it"),
    Unseen("compose.prod.yaml", "cpus:", "a limit"),
    Unseen("k8s/cronjob.yaml", "image: harbour-api:", "it is built here"),
    Unseen("k8s/overlays/*/release/kustomization.yaml", "newTag: ", "it is built here"),
    Unseen("*", r"=registry\.example/", "an example"),
    Unseen("nginx/nginx.conf", "proxy_http_version", "a protocol"),
)
# In addition, as it reads neither commands nor the inputs of actions
UNSEEN_BY_DEPENDABOT = (
    Unseen(".copier-answers.yml", "^_commit: ", "a workflow proposes it"),
    Unseen("Dockerfile*", r"\w==\d", "an update of the template brings it"),
    Unseen(".github/workflows/*.yml", r"\w==\d", "an update of the template brings it"),
    Unseen(".github/workflows/*.yml", '^ +version: "', "an update of the template brings it"),
    Unseen(".github/workflows/image.yml", r"\b(image|generator)[:=]", "likewise"),
)
HERE = (
    *("catalogue/**/*", "requirements/*", ".github/**/*", ".ci/*", "pyproject.toml"),
    "tools/site/package.json",
)
UNSEEN_HERE = (
    Unseen(".ci/cluster", r"metrics-server|:0\.\d|version=0|wait\(", "only tried with it"),
    Unseen("catalogue/resources.yaml", "cpus:", "a limit"),
    Unseen(".ci/index.conf", "proxy_http_version", "a protocol"),
    Unseen("*", r"\b(python[-_]version|requires-python|distribution_python)\b", "a promise"),
    Unseen("requirements/package.json", '"node": ', "the oldest that the programs start with"),
    Unseen("pyproject.toml", "^requires = ", "a range; the program is built with what fits"),
    Unseen("catalogue/compose.yaml", r"^  python-\S+:$", "the name of an entry"),
    Unseen("catalogue/choices.yaml", "(?i)apache-2.0", "the name of a licence"),
    Unseen("catalogue/pythons.yaml", r": \d{4}-\d\d$", "when support ends"),
    Unseen(".github/workflows/release.yml", "description:", "an example"),
)


@pytest.fixture(scope="module")
def findings(
    template: Path, render: Render, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, renovate.Findings]:
    """Ask Renovate about all samples, and about an application that was adopted."""
    projects = {
        f"{manager} {forge}": render(
            {
                **answers,
                "dependency_manager": manager,
                "ci": forge,
                "dependency_updates": "renovate",
            }
        )
        for manager, answers in SAMPLES.items()
        for forge in FORGES
    }
    adopted = adoption.copy_application("poetry", tmp_path_factory.mktemp("adopted"))
    adoption.adopt(template, adopted, "--data=dependency_updates=renovate")
    projects["adopted"] = adopted
    for project in projects.values():
        claim_manifests(project)
    copies = [
        renovate.commit(project, tmp_path_factory.mktemp("renovate"))
        for project in projects.values()
    ]
    return dict(zip(projects, renovate.ask(copies), strict=True))


def claim_manifests(project: Path) -> None:
    """Write as much of a lock as tells Renovate whose manifest it is.

    test_managers has true ones.
    """
    manager = generated.read_answers(project)["dependency_manager"]
    if manager in ("poetry", "uv"):
        (project / f"{manager}.lock").write_text("version = 1\n", "utf-8")
    for manifest in generated.files(project, "requirements/*.in", "containers/*.in"):
        path = manifest.relative_to(project)
        header = f"#\n#    pip-compile --output-file={path.with_suffix('.txt')} {path}\n#\n"
        names = re.findall(r"^[\w-]+", manifest.read_text("utf-8"), re.MULTILINE)
        locked = "".join(f"{name}==1.0\n" for name in names)
        manifest.with_suffix(".txt").write_text(header + locked, "utf-8")


@pytest.fixture(params=[*(f"{each} {forge}" for each in SAMPLES for forge in FORGES), "adopted"])
def found(
    request: pytest.FixtureRequest, findings: Mapping[str, renovate.Findings]
) -> renovate.Findings:
    """Name what Renovate makes of each sample in turn."""
    return findings[request.param]


def test_renovate_sees_every_pin(found: renovate.Findings) -> None:
    pinned = pins_of(lines_of(found.project, unlocked(found.project)), UNSEEN)

    assert len(pinned) > 20
    assert pinned - found.seen() == Counter()


def test_what_need_not_be_seen_by_renovate_is_there(
    findings: Mapping[str, renovate.Findings],
) -> None:
    projects = [each.project for each in findings.values()]
    lines = {line for project in projects for line in lines_of(project, unlocked(project))}

    assert superfluous(UNSEEN, lines) == []


def superfluous(unseen: Iterable[Unseen], lines: Iterable[Line]) -> list[Unseen]:
    """List the exceptions that no line with a pin needs."""
    pinning = [line for line in lines if any(pins_in(line[1]))]
    return [each for each in unseen if not any(each.covers(*line) for line in pinning)]


def test_the_program_extracts_the_same(
    findings: Mapping[str, renovate.Findings], tmp_path: Path
) -> None:
    found = findings["uv github"]

    assert renovate.run(found.project, tmp_path) == found.extracted


def proposed(found: renovate.Findings, name: str) -> set[tuple[str, str]]:
    """List the kinds of updates that are proposed of what has a name, each with its branch."""
    return {
        (update["updateType"], update["branchName"])
        for update in found.updates
        if name in (update.get("depName"), update.get("packageName"))
    }


def test_another_python_is_never_proposed(found: renovate.Findings) -> None:
    kinds = {kind for _, name in pythons(found) for kind, _ in proposed(found, name)}

    assert kinds == {"digest"}


def test_python_is_seen_wherever_it_has_a_version(
    findings: Mapping[str, renovate.Findings],
) -> None:
    assert set().union(*map(pythons, findings.values())) == {
        ("dockerfile", "docker.io/library/debian"),
        ("dockerfile", "docker.io/library/python"),
        ("github-actions", "python"),
        ("gitlabci", "docker.io/library/python"),
        ("pep621", "python"),
        ("poetry", "python"),
    }


def pythons(found: renovate.Findings) -> set[tuple[str, str]]:
    """List the dependencies whose version decides that of Python, each with its manager."""
    return {
        (manager, dependency["depName"])
        for manager, _, dependency in found.dependencies()
        if re.search(r"(^|/)(python|debian)$", dependency["depName"])
    }


def test_a_database_keeps_its_major_version(found: renovate.Findings) -> None:
    answers = generated.read_answers(found.project)
    images = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mariadb"}
    name = f"docker.io/library/{images[str(answers['database'])]}"

    assert {kind for kind, _ in proposed(found, name)} == {"minor", "digest"}


def test_small_updates_come_together(found: renovate.Findings) -> None:
    groups = {"pypi": "python-packages", "docker": "container-images"}
    for update in found.updates:
        name, source = update.get("packageName"), update.get("datasource")
        if source in groups and not str(name).endswith("/uv"):
            is_small = update["updateType"] != "major"
            assert (update["branchName"] == f"renovate/{groups[source]}") == is_small, update


@pytest.mark.parametrize("forge", FORGES)
def test_every_uv_comes_together(findings: Mapping[str, renovate.Findings], forge: str) -> None:
    found = findings[f"uv {forge}"]
    image = "ghcr.io/astral-sh/uv"
    files = {file for _, file, each in found.dependencies() if each["depName"].endswith("/uv")}
    updates = [update for update in found.updates if str(update.get("depName")).endswith("/uv")]
    branches = {update["branchName"] for update in updates if update["updateType"] == "minor"}

    pipeline = ".github/workflows/ci.yml" if forge == "github" else ".gitlab-ci.yml"
    assert files >= {"Dockerfile", "Dockerfile.dev", pipeline}
    assert len(branches) == 1
    # The versions are those of the same list.
    assert {(update["packageName"], update["datasource"]) for update in updates} == {
        (image, "docker")
    }


def test_every_version_is_one_in_the_eyes_of_renovate(found: renovate.Findings) -> None:
    moving = {"docker.io/library/debian", "docker.io/nginxinc/nginx-unprivileged"}  # by digest
    names = {
        update["depName"]
        for update in found.updates
        if "currentValue" in update and not update["isVersion"]
    }

    assert names <= moving


def test_what_is_built_here_is_not_looked_up(found: renovate.Findings) -> None:
    assert proposed(found, "harbour-api") == set()


def test_dependencies_wait_a_week_and_locks_are_renewed_every_week(
    found: renovate.Findings,
) -> None:
    manager = generated.read_answers(found.project)["dependency_manager"]
    by = {"uv": "pep621", "pip": "pip-compile"}.get(str(manager), manager)
    locked = [each for each in found.updates if each["updateType"] == "lockFileMaintenance"]

    assert {update["minimumReleaseAge"] for update in found.updates} == {"7 days"}
    assert by in {update["manager"] for update in locked}
    assert {tuple(update["schedule"]) for update in found.updates} == {("* 0-3 * * 1",)}


def test_an_update_is_written_in_the_place_of_the_old_version(found: renovate.Findings) -> None:
    updates = [update for update in found.updates if update["manager"] == "regex"]

    assert {update["datasource"] for update in updates} == {"pypi", "docker"}
    for update in updates:
        before = (found.project / update["packageFile"]).read_text("utf-8")
        joint = "==" if update["datasource"] == "pypi" else ":"
        digest = f"@sha256:{'5' * 64}" if update["datasource"] == "docker" else ""
        old, new = (
            f"{update['depName']}{joint}{update[key]}" for key in ("currentValue", "newValue")
        )
        assert update["rewritten"] == before.replace(old, f"{new}{digest}", 1), update["depName"]


@pytest.fixture(scope="module")
def for_dependabot(render: Render, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Render the samples for Dependabot."""
    return {
        manager: renovate.commit(
            render({**answers, "dependency_manager": manager, "dependency_updates": "dependabot"}),
            tmp_path_factory.mktemp("dependabot"),
        )
        for manager, answers in SAMPLES.items()
    }


@pytest.mark.parametrize("manager", SAMPLES)
def test_dependabot_sees_every_pin(for_dependabot: Mapping[str, Path], manager: str) -> None:
    project = for_dependabot[manager]
    pinned = pins_of(lines_of(project, unlocked(project)), (*UNSEEN, *UNSEEN_BY_DEPENDABOT))

    assert len(pinned) > 20
    assert pinned - pins_of(dependabot.lines(project)) == Counter()


def test_what_need_not_be_seen_by_dependabot_is_there(for_dependabot: Mapping[str, Path]) -> None:
    projects = for_dependabot.values()
    lines = {line for project in projects for line in lines_of(project, unlocked(project))}

    assert superfluous(UNSEEN_BY_DEPENDABOT, lines) == []


@pytest.mark.parametrize("manager", SAMPLES)
def test_dependabot_leaves_python_and_the_database_alone(
    for_dependabot: Mapping[str, Path], manager: str
) -> None:
    project = for_dependabot[manager]
    updates = generated.parse(project / ".github" / "dependabot.yml")["updates"]
    ignored = {
        (update["package-ecosystem"], each["dependency-name"])
        for update in updates
        for each in update.get("ignore", ())
    }
    python = "debian" if SAMPLES[manager].get("base_image") == "distro" else "python"
    database = {"poetry": "mariadb", "pip": "mysql"}.get(manager, "postgres")

    kinds = {"docker-compose", *(["docker"] if "deployment" in SAMPLES[manager] else [])}
    assert ignored == {
        ("docker", f"library/{python}"),
        *((kind, f"library/{database}") for kind in kinds),
    }


def test_dependabot_sees_every_pin_of_this_repository() -> None:
    lines = set(lines_of(ROOT, generated.files(ROOT, *HERE)))
    pinned = pins_of(lines_of(ROOT, generated.files(ROOT, *HERE)), UNSEEN_HERE)

    assert len(pinned) > 100
    assert pinned - pins_of(dependabot.lines(ROOT)) == Counter()
    assert superfluous(UNSEEN_HERE, lines) == []
