"""The manifests of every overlay are valid, and keep to policies."""

import copy
import json
import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import generated
import manifests
import programs
import pytest
import questions
import stacks
from conftest import Render
from manifests import OVERLAYS, Manifest, faults, of_kind, template_of

VERSIONS = ("1.35", "1.36", "1.37")  # of Kubernetes
KINDS = set(
    """
    ConfigMap CronJob Deployment HorizontalPodAutoscaler Ingress Job Namespace NetworkPolicy
    PersistentVolumeClaim PodDisruptionBudget Secret Service ServiceAccount
    """.split()
)
IMAGE = "registry.example/port/harbour-api:1.2.3"
DIGEST = "sha256:" + "0123456789abcdef" * 4
# All kinds of manifests
EVERYTHING: questions.Answers = {
    "deployment": "kubernetes",
    "task_queue": "celery",
    "cache": "valkey",
    "reverse_proxy": "nginx",
    "telemetry": "opentelemetry",
}


@pytest.fixture(scope="session")
def overlays(projects: Mapping[str, Path]) -> dict[tuple[str, str], list[Manifest]]:
    """Build each overlay of each combination that is for a cluster."""
    return {
        (name, overlay): manifests.build(project, overlay)
        for name, project in projects.items()
        if generated.read_answers(project).get("deployment") == "kubernetes"
        for overlay in OVERLAYS
    }


@pytest.fixture(scope="module")
def project(render: Render) -> Path:
    """Render a project that has everything."""
    return render(EVERYTHING)


@pytest.fixture(scope="module")
def build(project: Path) -> Callable[[], list[Manifest]]:
    """Build its production once, and give a copy of that to whoever wants to change it."""
    built = cache(lambda: manifests.build(project, "production"))
    return lambda: copy.deepcopy(built())


def test_three_versions_accept_every_manifest(
    overlays: Mapping[tuple[str, str], list[Manifest]],
) -> None:
    import kubernetes_validate  # type: ignore[import-untyped]

    # Names, images and settings are texts, whatever they say.
    free = re.compile(r'("(?:image|name|namespace|value|[A-Z_]+)"|"[a-z]+_password"): "[^"]*"')
    distinct = {
        free.sub(r'\1: "any"', json.dumps(each, sort_keys=True))
        for built in overlays.values()
        for each in built
    }
    assert {json.loads(each)["kind"] for each in distinct} == KINDS
    for text in sorted(distinct):
        for version in VERSIONS:
            kubernetes_validate.validate(json.loads(text), version, strict=True)


def test_every_overlay_keeps_to_the_policies(
    overlays: Mapping[tuple[str, str], list[Manifest]],
    projects: Mapping[str, Path],
    render: Render,
) -> None:
    root = render({"framework": "workspace", "deployment": "kubernetes"})
    shared = manifests.build(root, "production")  # of the services of a workspace
    found = {}
    for (name, overlay), built in overlays.items():
        answers = generated.read_answers(projects[name])
        if answers.get("workspace"):
            secret = f"{answers['project_slug']}-secrets"
            found[name, overlay] = [*faults([*shared, *built], [*manifests.OUTSIDE, secret])]
        else:
            found[name, overlay] = [*faults(built)]
    assert {name: each for name, each in found.items() if each} == {}


def test_every_framework_has_manifests(
    overlays: Mapping[tuple[str, str], list[Manifest]], projects: Mapping[str, Path]
) -> None:
    frameworks = {generated.read_answers(projects[name])["framework"] for name, _ in overlays}
    assert frameworks == set(questions.choices()["framework"]) - {"cli"}


def find(built: list[Manifest], kind: str, name: str = "web") -> Manifest:
    """Find one manifest."""
    (found,) = [each for each in of_kind(built, kind) if each["metadata"]["name"] == name]
    return found


def pod(built: list[Manifest], name: str = "web") -> Manifest:
    """Find what a Deployment makes pods of."""
    return template_of(find(built, "Deployment", name))


def container(built: list[Manifest], name: str = "web") -> Manifest:
    """Find the container of a Deployment."""
    found: Manifest = pod(built, name)["spec"]["containers"][0]
    return found


MUTATIONS: Mapping[str, Callable[[list[Manifest]], Any]] = {
    "another label of the namespace": lambda m: of_kind(m, "Namespace")[0]["metadata"].update(
        labels={}
    ),
    "a token": lambda m: pod(m)["spec"].update(automountServiceAccountToken=True),
    "another account": lambda m: pod(m)["spec"].update(serviceAccountName="default"),
    "root": lambda m: pod(m)["spec"]["securityContext"].update(runAsNonRoot=False),
    "no seccomp": lambda m: pod(m)["spec"]["securityContext"].update(
        seccompProfile={"type": "Unconfined"}
    ),
    "capabilities": lambda m: container(m)["securityContext"].update(capabilities={}),
    "a writable root": lambda m: container(m)["securityContext"].update(
        readOnlyRootFilesystem=False
    ),
    "privileges in what comes first": lambda m: pod(m)["spec"]["initContainers"][0][
        "securityContext"
    ].update(allowPrivilegeEscalation=True),
    "latest": lambda m: container(m).update(image="registry.example/harbour-api:latest"),
    "no tag": lambda m: container(m).update(image="registry.example:5000/harbour-api"),
    "no limit": lambda m: container(m)["resources"]["limits"].pop("memory"),
    "no volume": lambda m: pod(m)["spec"]["volumes"].pop(0),
    "a short grace": lambda m: pod(m)["spec"].update(terminationGracePeriodSeconds=30),
    "another port for probes": lambda m: container(m)["ports"][0].update(name="web"),
    "settings that are not there": lambda m: container(m)["envFrom"][0]["configMapRef"].update(
        name="others"
    ),
    "a secret that is not there": lambda m: pod(m)["spec"]["volumes"][1]["secret"].update(
        secretName="others"
    ),
    "another label of a pod": lambda m: pod(m)["metadata"].update(labels={"a": "b"}),
    "another selector": lambda m: find(m, "Service")["spec"].update(selector={"a": "b"}),
    "a port of nobody": lambda m: find(m, "Service")["spec"]["ports"][0].update(targetPort="x"),
    "a policy for nobody": lambda m: find(m, "NetworkPolicy")["spec"]["ingress"][0]["from"][0][
        "podSelector"
    ].update(matchLabels={"a": "b"}),
    "a policy for no port": lambda m: find(m, "NetworkPolicy")["spec"]["ingress"][0]["ports"][
        0
    ].update(port="x"),
    "replicas beside an autoscaler": lambda m: find(m, "Deployment")["spec"].update(replicas=3),
    "a single replica": lambda m: find(m, "HorizontalPodAutoscaler")["spec"].update(minReplicas=1),
    "a scaler of nobody": lambda m: find(m, "HorizontalPodAutoscaler")["spec"][
        "scaleTargetRef"
    ].update(name="x"),
    "a strict budget": lambda m: find(m, "PodDisruptionBudget")["spec"].update(maxUnavailable=0),
    "a budget for nobody": lambda m: find(m, "PodDisruptionBudget")["spec"]["selector"].update(
        matchLabels={"a": "b"}
    ),
    "an open network": lambda m: m.remove(find(m, "NetworkPolicy", "deny")),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_mutation_is_caught(build: Callable[[], list[Manifest]], mutation: str) -> None:
    built = build()
    assert not [*faults(built)]
    MUTATIONS[mutation](built)
    assert [*faults(built)]


def test_no_replica_is_missing_while_another_comes(build: Callable[[], list[Manifest]]) -> None:
    for name in ("web", "worker", "proxy"):
        spec = find(build(), "Deployment", name)["spec"]
        assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        spread = spec["template"]["spec"]["topologySpreadConstraints"]
        assert {each["topologyKey"] for each in spread} == {
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        }
    assert find(build(), "Deployment", "beat")["spec"]["strategy"] == {"type": "Recreate"}


def test_probes_ask_by_a_name_that_is_always_allowed(build: Callable[[], list[Manifest]]) -> None:
    web = container(build())
    for probe, path in (("startup", "/health"), ("liveness", "/health"), ("readiness", "/ready")):
        asked = web[f"{probe}Probe"]["httpGet"]
        assert (asked["path"], asked["port"]) == (path, "http")
        assert asked["httpHeaders"] == [{"name": "Host", "value": "localhost"}]


def test_a_container_may_take_as_much_as_in_compose(
    project: Path, build: Callable[[], list[Manifest]]
) -> None:
    services = generated.parse(project / "compose.prod.yaml")["services"]
    for name in ("web", "worker", "beat", "proxy"):
        limits = services[name]["deploy"]["resources"]["limits"]
        memory = limits["memory"].partition(":-")[2].rstrip("}") or limits["memory"]
        taken = container(build(), name)["resources"]["limits"]
        assert taken["memory"] == f"{memory}i", name
        cpus = 1 if name == "web" else float(limits["cpus"])
        assert taken["cpu"] == f"{cpus * 1000:.0f}m", name


def test_a_release_names_its_images_and_its_job(project: Path) -> None:
    release(project, IMAGE=IMAGE)
    built = manifests.build(project, "production")
    assert images(built) == {IMAGE, "registry.example/port/harbour-api-proxy:1.2.3"}
    assert of_kind(built, "Job")[0]["metadata"]["name"] == "migrate-1-2-3"
    pinned = f"{IMAGE}@{DIGEST}"
    release(project, IMAGE=pinned, PROXY_IMAGE=f"registry.example:5000/proxy@{DIGEST}")
    built = manifests.build(project, "production")
    assert images(built) == {pinned, f"registry.example:5000/proxy@{DIGEST}"}
    release(project, IMAGE=IMAGE, MIGRATE="no", OVERLAY="staging")
    (job,) = of_kind(manifests.build(project, "staging"), "Job")
    assert template_of(job)["spec"]["containers"][0]["env"] == [{"name": "MIGRATE", "value": "no"}]
    assert [*faults(manifests.build(project, "staging"))] == []


def images(built: list[Manifest]) -> set[str]:
    """List the images of an overlay."""
    templates = filter(None, map(template_of, built))
    return {each["image"] for one in templates for each in manifests.containers_of(one)}


def release(project: Path, **variables: str) -> None:
    """Write what is deployed."""
    result = stacks.execute("make", "--silent", "k8s-release", cwd=project, **variables)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "IMAGE must be an image with a tag other than latest, or a digest, as in IMAGE=r"),
        ({"IMAGE": "harbour-api"}, "IMAGE must be an image with a tag other than latest"),
        ({"IMAGE": "harbour-api:latest"}, "IMAGE must be an image with a tag other than latest"),
        ({"IMAGE": "registry.example:5000/harbour-api"}, "IMAGE must be an image with a tag"),
        ({"IMAGE": "harbour-api@sha256:7"}, "IMAGE must be an image with a tag"),
        ({"IMAGE": "-x:1"}, "IMAGE must be an image with a tag"),
        ({"IMAGE": f"harbour-api@{DIGEST}"}, "PROXY_IMAGE must be an image with a tag"),
        ({"OVERLAY": "nowhere"}, "OVERLAY must be a folder of k8s/overlays, such as production"),
    ],
)
def test_a_release_that_cannot_be_is_refused(
    project: Path, variables: dict[str, str], sentence: str
) -> None:
    manifests.need_kubectl()
    before = generated.read_tree(project / "k8s")
    result = stacks.execute("make", "--silent", "k8s-release", cwd=project, **variables)
    assert result.returncode != 0
    assert result.stdout.startswith(sentence)
    assert generated.read_tree(project / "k8s") == before


# Builds manifests, and plays a cluster: STATE is how the migration ends, BROKEN is never ready.
KUBECTL = """\
case $1 in kustomize) exec {kubectl} "$@" ;; config) echo harbour; exit ;; esac
shift 2
echo "$1 $2 $3" | sed 's|/tmp/.*||'
case $1 in get) echo "$STATE" ;; rollout) [ "$3" != "deployment/$BROKEN" ] ;; esac
"""


@pytest.mark.parametrize(
    ("state", "broken", "said", "sentence"),
    [
        ("Complete", "", ["rollout status deployment/web", "Deployed."], ""),
        ("Failed", "", [], "The migration did not succeed, so the replicas of the version before "),
        ("Complete", "worker", ["get pods "], "The new version of worker does not become ready, "),
    ],
)
def test_a_deployment_waits_for_the_migration_and_for_every_replica(
    project: Path, tmp_path: Path, state: str, broken: str, said: list[str], sentence: str
) -> None:
    manifests.need_kubectl()
    program = tmp_path / "kubectl"
    real = KUBECTL.replace("{kubectl}", programs.tool("kubectl"))
    program.write_text(f"#!/bin/sh\n{real}", "utf-8")
    program.chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "STATE": state, "BROKEN": broken}
    result = stacks.execute("make", "--silent", "k8s-deploy", cwd=project, IMAGE=IMAGE, **variables)
    lines = result.stdout.splitlines()
    assert (result.returncode == 0) == (not sentence)
    assert lines[0].startswith("Deploying to harbour-api-production of harbour, as k8s/overlays/")
    assert lines[1] == "delete job migrate-1-2-3"
    assert [each for each in said if each not in lines] == []
    assert not sentence or any(line.startswith(sentence) for line in lines)
    assert ("rollout status deployment/web" in lines) == (state == "Complete")


def test_a_project_is_refused_that_a_cluster_cannot_run(render: Render) -> None:
    refused: list[tuple[questions.Answers, str]] = [
        ({"framework": "cli"}, "a program is run by people"),
        ({"database": "sqlite"}, "replicas on several machines cannot share a file"),
        ({"own_files": ["app.py"], "entry_point": "app:app"}, "has manifests of its own"),
    ]
    for answers, sentence in refused:
        with pytest.raises(Exception, match=sentence):
            render({**answers, "deployment": "kubernetes"})
