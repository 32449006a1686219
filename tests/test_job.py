"""A generated job runs on schedule, never twice at a time, in containers and on Kubernetes."""

import json
import os
import re
import shlex
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import generated
import programs
import prometheus
import pytest
import questions
import stacks
import yaml
from attacks import JobAttacks
from conftest import Render
from container_promises import (
    ADVICE,
    HOME_CACHE,
    MYSQL_CLIENT,
    Deployed,
    Rotation,
    WithoutShell,
    check_modes,
    check_privileges,
    missing_a_module,
    use_home,
)
from metrics_promises import ASK
from prometheus_client.parser import text_string_to_metric_families
from stacks import Stack

HARDENED = ("read_only", "cap_drop", "security_opt", "tmpfs", "secrets", "volumes", "deploy")
KUBERNETES = "1.37"
SKIPPED = "maximum number of running instances reached"

MYSQL_WORDS = (
    "LOCK TABLES measurements WRITE; SELECT 'held';\n",
    "SELECT count(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'",
)
# The client of a database server, words with which it holds the table until its input ends, and
# a question that is answered with 1 while a run waits for the table.
CLIENTS: Mapping[str, tuple[str, str, str]] = {
    "postgresql": (
        "psql --username=app --quiet --tuples-only --no-align app",
        "BEGIN; LOCK TABLE measurements IN ACCESS EXCLUSIVE MODE; SELECT 'held';\n",
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
    ),
    "mysql": (MYSQL_CLIENT % "mysql", *MYSQL_WORDS),
    "mariadb": (MYSQL_CLIENT % "mariadb", *MYSQL_WORDS),
}
# Holds the file that is a lock until its input ends, and then is killed.
LOCK_HOLDER = """
import fcntl, os, signal, sys
file = open("/data/job.lock", "ab")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)
"""


def client(stack: Stack) -> tuple[str, str, str]:
    """Look up the client of the database and its words."""
    return CLIENTS[str(generated.read_answers(stack.project)["database"])]


@contextmanager
def holding(stack: Stack, service: str, *command: str, words: str = "") -> Iterator[None]:
    """Run a command that takes a lock, says so, and keeps it until its input ends."""
    holder = stack.in_background("exec", "-T", service, *command)
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdin.write(words)
    holder.stdin.flush()
    assert holder.stdout.readline().strip() == "held"
    try:
        yield
    finally:
        holder.stdin.close()
        holder.wait()


@contextmanager
def held_table(stack: Stack) -> Iterator[None]:
    """Keep the runs of the job waiting for their table."""
    program, words, _ = client(stack)
    with holding(stack, "database", "sh", "-c", program, words=words):
        yield


def is_waiting(stack: Stack) -> bool:
    """Say whether a run waits for its table; it has the lock then."""
    program, _, question = client(stack)
    ask = f'echo "{question};" | {program}'
    return stack.compose("exec", "-T", "database", "sh", "-c", ask).strip() == "1"


def run(stack: Stack, *options: str) -> dict[str, Any]:
    """Run the job once more; read the last line of its log."""
    result = stack.try_run("--env=LOG_FORMAT=json", "job", *options)
    line: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    assert line["exit_code"] == result.returncode
    return line


def put(stack: Stack, name: str, text: str) -> None:
    """Put a text into the inbox, as the README says."""
    document = (stack.project / "docs" / "production.md").read_text("utf-8")
    (command,) = re.findall(r"exec -T scheduler (.+) <inbox/tide.txt$", document, re.MULTILINE)
    words = shlex.split(command.replace("tide.txt", name))
    with stack.in_background("exec", "-T", "scheduler", *words) as process:
        process.communicate(text)
    assert process.returncode == 0


def log(stack: Stack) -> list[dict[str, Any]]:
    """Read the log of the scheduler and of the runs that it started."""
    text = stack.compose("logs", "--no-log-prefix", "scheduler")
    return [json.loads(line) for line in re.findall(r"{.*}", text)]  # Compose adds its own codes


def runs_under_way(stack: Stack) -> int:
    """Count the processes of the job beside the scheduler."""
    processes = stack.compose("top", "scheduler")
    return len(re.findall(rf"-m {stack.package.name} *$", processes, re.MULTILINE))


class Job(Deployed):
    """What a job promises, whatever else was answered."""

    @pytest.fixture(scope="class")
    @classmethod
    def development(cls, project: Path) -> Iterator[Stack]:
        """Start the development stack with a schedule that leaves the runs to the tests."""
        with Stack(project, stacks.DEVELOPMENT, {"SCHEDULE": "0 0 1 1 *"}).running() as stack:
            yield stack

    @pytest.fixture(scope="class")
    @classmethod
    def production(cls, project: Path) -> Iterator[Stack]:
        """Start the production stack with the densest schedule there is."""
        with Stack(project, stacks.PRODUCTION, {"SCHEDULE": "* * * * *"}).running() as stack:
            yield stack

    # Development

    def test_only_what_lasts_is_started(self, development: Stack) -> None:
        started = development.compose("ps", "--all", "--services").split()
        assert "scheduler" in started
        assert "job" not in started

    def test_its_own_tests_and_linters_pass_inside(self, development: Stack) -> None:
        checks = "pytest && ruff check && ruff format --check && mypy"
        assert " passed" in development.compose("run", "--rm", "job", "sh", "-c", checks)
        if os.getuid() == 0:
            owners = {path.lstat().st_uid for path in development.project.rglob("*")}
            assert owners == {stacks.DEVELOPER}

    def test_only_the_first_run_changes_anything_and_a_dry_run_nothing(
        self, development: Stack
    ) -> None:
        for options, result in (
            (["--dry-run"], "added"),
            (["--dry-run"], "added"),
            ([], "added"),
            ([], "unchanged"),
        ):
            line = run(development, *options)
            assert (line["exit_code"], line[result]) == (0, 1)

    def test_a_start_without_a_module_says_what_brings_it(self, development: Stack) -> None:
        with missing_a_module(development):
            for command in ("job", "scheduler"):
                result = development.try_run("--no-deps", command)
                assert result.returncode == 1
                assert ADVICE in result.stdout.splitlines()[-1]

    def test_a_wrong_schedule_is_refused_with_one_sentence(self, development: Stack) -> None:
        result = development.try_run("--env=SCHEDULE=0 6 * * 0", "scheduler")
        assert result.returncode == 2
        assert result.stdout.splitlines()[-1].startswith("SCHEDULE is not valid: ")

    # Production

    def test_the_containers_have_no_privileges(self, production: Stack) -> None:
        check_privileges(production)
        for container in production.containers():
            assert not container["HostConfig"]["PortBindings"], container["Name"]
        (scheduler,) = production.containers("scheduler")
        assert scheduler["Config"]["User"] == "10001:10001"
        check_modes(production, "scheduler")

    def test_both_environments_have_the_same_home_and_may_write_to_it(
        self, development: Stack, production: Stack
    ) -> None:
        for stack in (development, production):
            assert use_home(stack, "scheduler") == HOME_CACHE

    def test_a_run_by_hand_has_no_more_privileges(self, production: Stack) -> None:
        services = [production.configuration[name] for name in ("job", "scheduler")]
        by_hand, on_schedule = (
            {key: each.get(key) for key in HARDENED} | {"deploy": each["deploy"]["resources"]}
            for each in services
        )
        assert by_hand == on_schedule

    def test_data_survives_down_and_up(self, production: Stack) -> None:
        put(production, "tide.txt", "High tide at noon")
        run(production)
        production.compose("down", "--timeout", "10")
        production.compose("up", "--detach", "--wait")
        assert run(production)["unchanged"] == 1

    def test_a_missing_setting_stops_the_scheduler(self, production: Stack) -> None:
        result = production.try_run("--env=LOG_LEVEL=LOUD", "scheduler")
        assert result.returncode == 2
        assert result.stdout.splitlines()[-1].startswith("LOG_LEVEL is not valid: ")


class JobWithServer(Job):
    """What a job promises whose database can keep it waiting."""

    def test_runs_never_overlap_and_end_with_the_scheduler(self, production: Stack) -> None:
        put(production, "ebb.txt", "Low tide in the evening")
        with held_table(production):
            stacks.eventually(lambda: is_waiting(production), patience=90)
            assert run(production)["exit_code"] == 75

            stacks.eventually(
                lambda: any(SKIPPED in line["event"] for line in log(production)), patience=90
            )
            assert runs_under_way(production) == 1

            stop = stacks.all_of([lambda: production.compose("stop", "scheduler")])
            stacks.eventually(lambda: log(production)[-1]["event"] == "scheduler stops")
        stop()

        (scheduler,) = production.containers("scheduler")
        assert scheduler["State"]["ExitCode"] == 0
        *_, end_of_run, job, end = log(production)
        assert end_of_run["exit_code"] == job["exit_code"] == 143
        assert (job["event"], end["event"]) == ("job stopped", "scheduler stopped")
        production.compose("up", "--detach", "--wait")

    def test_the_lock_of_a_killed_run_is_free(self, production: Stack) -> None:
        put(production, "flood.txt", "Spring tide")
        name = f"{production.project.name}-run"
        with held_table(production):
            production.compose("run", "--detach", "--name", name, "job")
            stacks.eventually(lambda: is_waiting(production))
            assert run(production)["exit_code"] == 75
            programs.run("docker", "rm", "--force", name)
        stacks.eventually(lambda: run(production)["exit_code"] == 0)


@pytest.mark.docker
class TestJobWithPipenvAndMariadb(WithoutShell, Rotation, JobWithServer, JobAttacks):
    """The lock is the database's, and the image has no shell."""

    answers: ClassVar[questions.Answers] = {
        "framework": "job",
        "dependency_manager": "pipenv",
        "database": "mariadb",
        "telemetry": "prometheus",
        "base_image": "hardened",
    }
    umask = 0o077

    def test_a_run_pushes_metrics_without_what_it_has_read(self, production: Stack) -> None:
        secret = uuid.uuid4().hex
        put(production, f"{secret}.txt", secret)
        project = production.containers("scheduler")[0]["Config"]["Labels"][
            "com.docker.compose.project"
        ]
        name = f"{project}-pushgateway"
        programs.run(
            *("docker", "run", "--detach", f"--name={name}", f"--network={project}_default"),
            *("--network-alias=pushgateway", prometheus.image(), "prometheus-pushgateway"),
        )
        try:
            result = production.try_run("--env=PUSHGATEWAY_URL=http://pushgateway:9091", "job")
            ask = ("python", "-c", ASK, "http://localhost:9091/metrics")
            text = programs.run("docker", "exec", name, *ask)
        finally:
            programs.run("docker", "rm", "--force", name)
        assert result.returncode == 0
        families = text_string_to_metric_families(text)
        samples = [sample for family in families for sample in family.samples]
        slug = str(generated.read_answers(production.project)["project_slug"])
        pushed = {each.name: each.value for each in samples if each.labels.get("job") == slug}
        assert pushed["job_run_exit_code"] == 0
        for query in prometheus.queries(production.project):
            assert prometheus.metrics_in(query) <= pushed.keys()
        secrets = [file.read_text().strip() for file in production.project.glob("secrets/*")]
        assert not [each for each in (secret, *secrets) if each and each in text]

    def test_a_run_ends_in_time_without_its_gateway(self, production: Stack) -> None:
        began = time.monotonic()
        result = production.try_run("--env=PUSHGATEWAY_URL=http://10.255.255.1:9091", "job")
        assert time.monotonic() - began < 20
        assert result.returncode == 0
        assert "metrics were not pushed" in result.stdout.splitlines()[-1]


@pytest.mark.docker
@pytest.mark.thorough
class TestJobWithUvAndMysql(JobWithServer):
    """The same lock in the other server with this protocol."""

    answers: ClassVar[questions.Answers] = {"framework": "job", "database": "mysql"}


@pytest.mark.docker
class TestJobWithPip(Job):
    """Without a database the lock is a file. Debian's pip is too old to install what is locked."""

    answers: ClassVar[questions.Answers] = {
        "framework": "job",
        "dependency_manager": "pip",
        "database": "none",
        "base_image": "distro",
        "telemetry": "opentelemetry",
    }
    umask = 0o027

    def test_the_scheduler_runs_the_job(self, production: Stack) -> None:
        put(production, "flood.txt", "Spring tide")
        stacks.eventually(
            lambda: any(line.get("file") == "flood.txt" for line in log(production)), patience=90
        )

    def test_runs_in_two_containers_never_overlap_until_one_is_killed(
        self, production: Stack
    ) -> None:
        with holding(production, "scheduler", "python", "-c", LOCK_HOLDER):
            assert run(production)["exit_code"] == 75
        stacks.eventually(lambda: run(production)["exit_code"] == 0)


@pytest.fixture(scope="session", params=["none", "sqlite", "postgresql", "mysql", "mariadb"])
def manifests(request: pytest.FixtureRequest, render: Render) -> dict[str, Any]:
    """Map each kind of resource on Kubernetes to the resource, for a kind of database."""
    project = render({"framework": "job", "database": request.param})
    resources = [
        yaml.safe_load(file.read_text("utf-8")) for file in generated.files(project, "k8s/*")
    ]
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in resources}


def test_kubernetes_accepts_its_resources(manifests: Mapping[str, Any]) -> None:
    import kubernetes_validate  # type: ignore[import-untyped]

    assert "CronJob/harbour-api" in manifests
    for resource in manifests.values():
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)


def test_runs_on_kubernetes_are_bounded_and_never_overlap(manifests: Mapping[str, Any]) -> None:
    schedule = manifests["CronJob/harbour-api"]["spec"]
    job = schedule["jobTemplate"]["spec"]

    assert schedule["concurrencyPolicy"] == "Forbid"
    assert schedule["startingDeadlineSeconds"]
    assert schedule["successfulJobsHistoryLimit"]
    assert schedule["failedJobsHistoryLimit"]
    assert job["activeDeadlineSeconds"]
    assert job["backoffLimit"] < 6
    assert job["ttlSecondsAfterFinished"]


def test_pods_keep_to_the_restricted_standard(manifests: Mapping[str, Any]) -> None:
    pod = manifests["CronJob/harbour-api"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]

    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in (*pod.get("initContainers", []), *pod["containers"]):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert not container["image"].endswith(":latest")
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"].keys() == {"cpu", "memory"}
        assert not [one for one in container["env"] if "PASSWORD" in one["name"]]


def test_what_is_written_is_bounded_alike(render: Render, manifests: Mapping[str, Any]) -> None:
    pod = manifests["CronJob/harbour-api"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (size,) = [volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if "emptyDir" in volume]
    compose = yaml.safe_load((render({"framework": "job"}) / "compose.prod.yaml").read_text())

    assert compose["services"]["job"]["tmpfs"] == [f"/tmp:size={size.removesuffix('Mi')}m"]  # noqa: S108


def test_pods_mount_what_exists(manifests: Mapping[str, Any]) -> None:
    pod = manifests["CronJob/harbour-api"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    claims = {
        f"PersistentVolumeClaim/{volume['persistentVolumeClaim']['claimName']}"
        for volume in volumes.values()
        if "persistentVolumeClaim" in volume
    }
    containers = (*pod.get("initContainers", []), *pod["containers"])
    mounted = {mount["name"] for container in containers for mount in container["volumeMounts"]}

    assert claims | {"CronJob/harbour-api"} == manifests.keys()
    assert mounted == volumes.keys()
