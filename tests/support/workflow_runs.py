"""Running workflows with act, before a repository that stands in for the forge.

docs/pipelines.md says what stands in for what; it is in ``runner/`` beside this file. The workflows
are run as they are, but for what would be the whole machine's: the registry, ports and names.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import generated
import locking
import programs
import stacks
import updating
import yaml
from filelock import FileLock

from extensions import decisions

RUNNER = Path(__file__).parent / "runner"
WORKFLOWS = Path(".github", "workflows")
ACTIONS: Mapping[str, Mapping[str, Any]] = yaml.safe_load((RUNNER / "actions.yml").read_text())
USED = re.compile(r"uses: ([\w.-]+/[\w./-]+)@(\w{40})\b")
PORT = re.compile(r"\$\{(\w+_PORT):-(\d+)\}")
REPOSITORY = "example/harbour"
TOKEN = "the-token-of-the-run"  # noqa: S105

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What became of a run: its jobs and their steps, and what the stand-ins were asked."""

    log: str
    jobs: Mapping[str, str]  # success or failure; what has not run is not there
    steps: Mapping[str, Mapping[str, str]]  # of each job, by the name, action or command
    records: Path

    def calls(self, name: str) -> list[dict[str, Any]]:
        """List the calls of an action or a program."""
        file = self.records / "calls.jsonl"
        found = map(json.loads, file.read_text("utf-8").splitlines() if file.exists() else ())
        return [call for call in found if call["name"] == name]

    @property
    def failures(self) -> dict[str, list[str]]:
        """Map the jobs that failed to the steps that did."""
        return {
            job: [step for step, result in self.steps[job].items() if result == "failure"]
            for job, result in self.jobs.items()
            if result == "failure"
        }

    @property
    def passed(self) -> set[str]:
        """Name the jobs that passed."""
        return {job for job, result in self.jobs.items() if result == "success"}

    def __repr__(self) -> str:
        """Show how it ended, and the last lines that were printed."""
        return f"{dict(self.jobs)} {self.failures}\n{self.log[-3000:]}"


@dataclass(frozen=True)
class Forge:
    """A project's repository on a forge, and the runner of its workflows."""

    project: Path
    folder: Path
    image: str
    environment: Mapping[str, str] = field(default_factory=dict)
    seen: Sequence[Path] = ()  # folders that jobs see, too

    @property
    def origin(self) -> Path:
        """Find the bare repository."""
        return self.folder / "origin.git"

    def push(self, ref: str = "refs/heads/main") -> str:
        """Push the project as it is to a branch or a tag, or as a pull request."""
        if not self.origin.exists():
            updating.git(self.folder, "init", "--quiet", "--bare", self.origin)
        if not (self.project / ".git").exists():
            updating.git(self.project, "init", "--quiet", "--initial-branch=main")
        updating.git(self.project, "add", "--all")
        if updating.git(self.project, "status", "--porcelain"):
            updating.git(self.project, "commit", "--quiet", "--message", "Work")
        updating.git(self.project, "push", "--quiet", "--force", self.origin, f"HEAD:{ref}")
        return updating.git(self.project, "rev-parse", "HEAD").strip()

    def run(
        self,
        workflow: str,
        event: str = "push",
        *,
        ref: str = "refs/heads/main",
        payload: Event | None = None,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Push the project and run a workflow for an event."""
        sha = self.push(ref)
        place = Path(tempfile.mkdtemp(prefix="run-", dir=self.folder))
        workspace, records, home = (place / each for each in ("workspace", "records", "home"))
        shutil.copytree(self.project / WORKFLOWS, workspace / WORKFLOWS)
        shutil.copytree(RUNNER, place / "runner")
        records.mkdir()
        home.mkdir()
        (home / ".actrc").touch()  # it would ask for its settings
        description = place / "event.json"
        description.write_text(json.dumps(describe(event, ref, sha, payload or {})), "utf-8")
        give(runner_id(), self.origin, workspace, records, *self.seen)
        volumes = {str(path): str(path) for path in (self.origin, records, *self.seen)}
        volumes |= {
            str(downloads()): "/home/runner/.cache",
            str(place / "runner"): "/opt/stand-ins:ro",
        }
        variables = {
            "ORIGIN": str(self.origin),
            "RECORDS": str(records),
            "RUN_TOKEN": TOKEN,
            "BASH_ENV": "/opt/stand-ins/begin.sh",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SHA": sha,
            "UV_PYTHON_DOWNLOADS": "never",
            "PIP_NO_COMPILE": "1",  # what is installed runs once
            **locking.index_settings(),
            **({"POETRY_PLUGIN": locking.POETRY_MIRROR} if locking.poetry_index() else {}),
            **self.environment,
            **(environment or {}),
        }
        all_secrets = {"GITHUB_TOKEN": TOKEN, **(secrets or {})}
        group = Path("/var/run/docker.sock").stat().st_gid
        mounts = " ".join(f"--volume={source}:{target}" for source, target in volumes.items())
        result = stacks.execute(
            "act",
            event,
            f"--directory={workspace}",
            f"--workflows={workspace / WORKFLOWS / workflow}",
            f"--eventpath={description}",
            f"--action-cache-path={place / 'actions'}",
            f"--platform=ubuntu-latest={self.image}",
            f"--container-options=--group-add={group} {mounts}",
            *("--actor=example", "--concurrent-jobs=1", "--bind", "--rm", "--json"),
            *("--pull=false", "--action-offline-mode", "--no-cache-server", "--no-skip-checkout"),
            *(f"--local-repository={stub}" for stub in stubs(workspace)),
            *(f"--env={name}={value}" for name, value in variables.items()),
            *(f"--secret={name}={value}" for name, value in all_secrets.items()),
            cwd=place,
            HOME=str(home),
        )
        give(os.getuid(), self.origin, records)  # git trusts nobody else's
        (place / "log").write_text(result.stdout, "utf-8")
        outcome = read_log(result.stdout, records)
        assert outcome.jobs, result.stdout[-3000:]
        return outcome


@contextmanager
def forge(
    folder: Path, project: Path, python: str, registry: str = "", seen: Sequence[Path] = ()
) -> Iterator[Forge]:
    """Put a project on a forge, under names and ports of its own; leave nothing of it behind."""
    slug = str(generated.read_answers(project)["project_slug"])
    ports = dict.fromkeys(found for file in compose_files(project) for found in PORT.findall(file))
    free = stacks.free_ports(len(ports))
    moved = {default: str(own) for (_, default), own in zip(ports, free, strict=True)}
    for file in generated.files(project, f"{WORKFLOWS}/*.yml"):
        text = name_apart(file.read_text("utf-8"), slug)
        text = re.sub(r"(?<=localhost:)\d+", lambda port: moved.get(port[0], port[0]), text)
        file.write_text(text.replace("ghcr.io", registry) if registry else text, "utf-8")
    environment = {name: str(own) for (name, _), own in zip(ports, free, strict=True)}
    image = build_runner(python)
    try:
        yield Forge(project, folder, image, {"SLUG": slug, **environment}, seen)
    finally:
        for name in (slug, f"{slug}-production"):
            down = ("down", "--volumes", "--remove-orphans", "--timeout", "0")
            programs.run("docker", "compose", "--project-name", name, *down)
        images = ("image", "ls", "--quiet", f"--filter=reference={slug}*")
        for image in set(programs.run("docker", *images).split()):
            programs.run("docker", "image", "rm", "--force", image)


def compose_files(project: Path) -> list[str]:
    """Read the Compose files."""
    return [file.read_text("utf-8") for file in generated.files(project, "compose*.yaml")]


def name_apart(workflow: str, name: str) -> str:
    """Change the name of a workflow, and with it those that act gives to its containers."""
    return re.sub(r"^name: .+", rf"\g<0> of {name}", workflow)


def describe(event: str, ref: str, sha: str, payload: Event) -> dict[str, Any]:
    """Describe what has happened as GitHub does."""
    repository = {
        "full_name": REPOSITORY,
        "default_branch": "main",
        "owner": {"login": REPOSITORY.partition("/")[0]},
        "visibility": "private",
    }
    description: dict[str, Any] = {"repository": repository}
    if event == "pull_request":
        stranger = {"full_name": "stranger/harbour", "fork": True}
        description |= {
            "number": int(ref.split("/")[2]),
            "pull_request": {
                "head": {"ref": "main", "sha": sha, "repo": stranger},
                "base": {"ref": "main", "sha": sha, "repo": repository},
            },
        }
    elif event == "release":
        description |= {"action": "published", "release": {"tag_name": ref.split("/")[2]}}
    else:
        description |= {"ref": ref, "before": "0" * 40, "after": sha, "deleted": False}
    return {**description, **payload}


def read_log(log: str, records: Path) -> Outcome:
    """Find in act's log how each job and step ended."""
    jobs: dict[str, str] = {}
    steps: dict[str, dict[str, str]] = {}
    said = []
    for line in log.splitlines():
        entry = json.loads(line) if line.startswith("{") else {"msg": line}
        job = entry.get("jobID", "")
        said.append(f"{job}: {entry['msg'].rstrip()}")
        if "jobResult" in entry:
            jobs[job] = worse(jobs.get(job), entry["jobResult"])
        if "stepResult" in entry and entry.get("stage") == "Main" and len(entry["stepID"]) == 1:
            step = re.sub(r"@\w{40}$", "", entry["step"])
            known = steps.setdefault(job, {})
            known[step] = worse(known.get(step), entry["stepResult"])
    return Outcome("\n".join(said), jobs, steps, records)


def worse(one: str | None, other: str) -> str:
    """Say how something ended that a matrix runs several times."""
    return one if one == "failure" else other


@cache
def downloads() -> Path:
    """Find the folder of what package managers keep, for all processes of a run of tests."""
    folder = locking.kept_locks().with_name(f"{locking.kept_locks().name}-downloads")
    folder.mkdir(exist_ok=True)
    give(runner_id(), folder)
    return folder


def runner_id() -> int:
    """Say who jobs run as: whoever runs the tests, but not root."""
    return os.getuid() or stacks.DEVELOPER


def give(user: int, *folders: Path) -> None:
    """Let folders belong to a user, such as the one that jobs run as."""
    if os.getuid() == 0:
        for folder in folders:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, user, user, follow_symlinks=False)


def build_runner(python: str) -> str:
    """Build the image of the runner with a version of Python, once for the same recipe."""
    settings = {
        "PYTHON": python,
        "UV": decisions.read_images()["uv"],
        "UID": str(runner_id()),
    }
    recipe = (RUNNER / "Dockerfile").read_text("utf-8") + json.dumps(settings)
    image = f"slipway-runner:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with FileLock(locking.kept_locks() / f"{image.replace(':', '-')}.lock"):
        found = ("docker", "image", "inspect", image)
        if subprocess.run(found, capture_output=True, check=False).returncode != 0:
            options = [f"--build-arg={name}={value}" for name, value in settings.items()]
            file = f"--file={RUNNER / 'Dockerfile'}"
            programs.run("docker", "build", f"--tag={image}", file, *options, RUNNER)
    return image


def stubs(workspace: Path) -> Iterator[str]:
    """Write a stand-in for each action that the workflows use, and name it as act wants it."""
    used = {
        found
        for file in generated.files(workspace, f"{WORKFLOWS}/*.yml")
        for found in USED.findall(file.read_text("utf-8"))
    }
    for name, commit in sorted(used):
        owner, repository, *path = name.split("/")
        folder = workspace.parent / "stubs" / owner / repository
        folder.joinpath(*path).mkdir(parents=True, exist_ok=True)
        # JSON is YAML, too.
        text = json.dumps(stub(name), indent=2)
        folder.joinpath(*path, "action.yml").write_text(text, "utf-8")
        yield f"{owner}/{repository}@{commit}={folder}"


def stub(name: str) -> dict[str, Any]:
    """Describe an action with the inputs and outputs of the real one."""
    known = ACTIONS[name]
    step = {
        "id": "stand-in",
        "shell": "bash",
        "env": {"INPUTS": "${{ toJSON(inputs) }}"},
        "run": f"/usr/bin/python3 /opt/stand-ins/stand_ins.py {name}",
    }
    return {
        "name": name,
        "description": f"Stands in for {name}",
        "inputs": {key: {"default": each or ""} for key, each in known["inputs"].items()},
        "outputs": {
            key: {"value": f"${{{{ steps.stand-in.outputs.{key} }}}}"}
            for key in known.get("outputs", ())
        },
        "runs": {"using": "composite", "steps": [step]},
    }


def misuses(workflow: Mapping[Any, Any]) -> Iterator[str]:
    """Name what a workflow gives to actions that do not document it, and the reverse."""
    for name, job in workflow["jobs"].items():
        outputs: dict[str, Sequence[str]] = {}
        for step in job.get("steps", ()):
            action = step.get("uses", "").partition("@")[0]
            if not action or action.startswith("./"):
                continue
            known, given = ACTIONS[action], step.get("with", {}).keys()
            yield from (f"{name}: {action} has no {key}" for key in given - known["inputs"].keys())
            missing = set(known.get("required", ())) - given
            yield from (f"{name}: {action} needs {key}" for key in missing)
            outputs[step.get("id", "")] = known.get("outputs", ())
        scripts = {step["id"] for step in job.get("steps", ()) if "id" in step and "run" in step}
        for step_id, output in re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", str(job)):
            if step_id not in scripts and output not in outputs.get(step_id, ()):
                yield f"{name}: {step_id} gives no {output}"
