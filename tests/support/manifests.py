"""Manifests for Kubernetes: built from overlays, held against policies, and played by Podman."""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import programs
import pytest
import stacks
import yaml

OVERLAYS = ("development", "staging", "production")
OUTSIDE = ("secrets", "certificate")  # Secrets that people bring
SERVER_ENDS = 25  # seconds, in which a server answers the requests that it has
WAITING = "does not have the revision of this version yet"

Manifest = dict[str, Any]


def need_kubectl() -> None:
    """Skip where kubectl is missing, which must not happen in CI."""
    if not any(os.access(Path(folder, "kubectl"), os.X_OK) for folder in os.get_exec_path()):
        message = "kubectl is needed here and is not in PATH"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


def build(project: Path, overlay: str) -> list[Manifest]:
    """Build the manifests of an overlay."""
    need_kubectl()
    text = programs.run("kubectl", "kustomize", project / "k8s" / "overlays" / overlay)
    return [each for each in yaml.safe_load_all(text) if each]


def of_kind(manifests: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    """List the manifests of some kinds."""
    return [each for each in manifests if each["kind"] in kinds]


def template_of(manifest: Manifest) -> Manifest:
    """Find what a manifest makes pods of; nothing if it makes none."""
    spec = manifest.get("spec", {})
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    template: Manifest = spec.get("template", {})
    return template


def containers_of(template: Manifest) -> list[Manifest]:
    """List the containers of a pod, those that come first at the beginning."""
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]


def faults(manifests: Iterable[Manifest], outside: Iterable[str] = OUTSIDE) -> Iterator[str]:
    """Say what is wrong with an overlay as a whole, or in a cluster with the strictest rules.

    Secrets outside of it are brought by people.
    """
    manifests = list(manifests)
    names = {(each["kind"], each["metadata"]["name"]) for each in manifests}
    names |= {("Secret", name) for name in outside}
    pods = {each["metadata"]["name"]: t for each in manifests if (t := template_of(each))}
    labels = [template["metadata"]["labels"].items() for template in pods.values()]
    (namespace,) = of_kind(manifests, "Namespace")
    if namespace["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
        yield "the namespace lets in what is not restricted"
    for name, template in pods.items():
        spec = template["spec"]
        if spec["automountServiceAccountToken"] or spec["enableServiceLinks"]:
            yield f"{name} gets a token or variables that it does not need"
        if ("ServiceAccount", spec["serviceAccountName"]) not in names:
            yield f"{name} has no account"
        security = spec["securityContext"]
        if not security["runAsNonRoot"] or security["seccompProfile"]["type"] != "RuntimeDefault":
            yield f"{name} is not restricted"
        for container in containers_of(template):
            security = container["securityContext"]
            if (
                security["allowPrivilegeEscalation"]
                or not security["readOnlyRootFilesystem"]
                or security["capabilities"] != {"drop": ["ALL"]}
            ):
                yield f"{container['name']} of {name} is not restricted"
            if not re.search(r":(?!latest$)[\w.-]+$|@sha256:\w{64}$", container["image"]):
                yield f"{container['name']} of {name} has an image that may change"
            if not {"cpu", "memory"} <= container["resources"]["limits"].keys():
                yield f"{container['name']} of {name} is not bounded"
            mounts = {mount["name"] for mount in container["volumeMounts"]}
            if not mounts <= {volume["name"] for volume in spec["volumes"]}:
                yield f"{container['name']} of {name} mounts what is not there"
            grace = spec.get("terminationGracePeriodSeconds", 30)
            pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
            if grace <= pause.get("seconds", 0) + SERVER_ENDS * bool(pause):
                yield f"{name} is killed before it has answered"
            ports = {port["name"] for port in container.get("ports", [])}
            probed = re.findall(r"\"port\": \"(\w+)\"", json.dumps(container))
            if not set(probed) <= ports:
                yield f"{container['name']} of {name} is probed at a port that it does not have"
        yield from (
            f"{name} refers to {kind} {reference}, which is not there"
            for kind, reference in references_of(spec)
            if (kind, reference) not in names
        )
    for each in manifests:
        yield from selection_faults(each, labels, pods)
    for scaler in of_kind(manifests, "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]["name"]
        scaled = [d for d in of_kind(manifests, "Deployment") if d["metadata"]["name"] == target]
        if not scaled or "replicas" in scaled[0]["spec"]:
            yield f"what scales {target} has nothing to scale"
        if not 2 <= scaler["spec"]["minReplicas"] <= scaler["spec"]["maxReplicas"]:
            yield f"{target} may be alone"
    for budget in of_kind(manifests, "PodDisruptionBudget"):
        if budget["spec"].get("maxUnavailable") != 1:
            yield f"the budget of {budget['metadata']['name']} can keep a node from being drained"
    denied = [each["spec"] for each in of_kind(manifests, "NetworkPolicy")]
    if {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} not in denied:
        yield "everybody may talk with everybody"


def references_of(spec: Manifest) -> Iterator[tuple[str, str]]:
    """List the Secrets, ConfigMaps and claims that a pod needs."""
    for volume in spec["volumes"]:
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
        if "persistentVolumeClaim" in volume:
            yield "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        for source in container.get("envFrom", []):
            yield "ConfigMap", source["configMapRef"]["name"]
        for variable in container.get("env", []):
            for key, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                if reference := variable.get("valueFrom", {}).get(key):
                    yield kind, reference["name"]


def selection_faults(
    manifest: Manifest, labels: list[Any], pods: dict[str, Manifest]
) -> Iterator[str]:
    """Say which selectors of a manifest find no pod, and which ports are nobody's."""
    name, spec = f"{manifest['kind']} {manifest['metadata']['name']}", manifest.get("spec", {})
    ports = {
        port["name"]
        for template in pods.values()
        for container in containers_of(template)
        for port in container.get("ports", [])
    }
    selectors = [spec.get("podSelector"), *peers_of(spec)]
    if manifest["kind"] == "Service":
        selectors.append({"matchLabels": spec["selector"]})
        if not {port["targetPort"] for port in spec["ports"]} <= ports:
            yield f"{name} leads to a port that no pod has"
    elif "selector" in spec:
        selectors.append(spec["selector"])
    for selector in filter(None, selectors):
        wanted = selector.get("matchLabels", {}).items()
        chosen = [
            {(rule["key"], value) for value in rule["values"]}
            for rule in selector.get("matchExpressions", [])
        ]
        if not any(wanted <= have and all(each & have for each in chosen) for have in labels):
            yield f"{name} selects no pod"
    for rule in [*spec.get("ingress", []), *spec.get("egress", [])]:
        for port in rule["ports"] if manifest["kind"] == "NetworkPolicy" else ():
            if isinstance(port["port"], str) and port["port"] not in ports:
                yield f"{name} names a port that no pod has"


def peers_of(spec: Manifest) -> Iterator[Manifest]:
    """List the selectors of pods that a network policy lets talk."""
    for rule in [*spec.get("ingress", []), *spec.get("egress", [])]:
        for peer in [*rule.get("from", []), *rule.get("to", [])]:
            if "podSelector" in peer:
                yield peer["podSelector"]


class Pods:
    """The pods of an overlay, which Podman plays; each is known by what made it."""

    def __init__(self, podman: str, overlay: Iterable[Manifest]) -> None:
        """Prepare an overlay for Podman, which passes over fsGroup: all may read secrets."""
        text = json.dumps(list(overlay)).replace('"defaultMode": 288', '"defaultMode": 292')
        self.podman = podman
        self.overlay: list[Manifest] = json.loads(text)
        self.components = {
            each["metadata"]["labels"]["app.kubernetes.io/component"]: each
            for each in of_kind(self.overlay, "Deployment", "Job")
        }
        self.said_while_waiting: dict[str, str] = {}

    @property
    def images(self) -> set[str]:
        """List the images of all containers."""
        return {
            container["image"]
            for each in self.components.values()
            for container in containers_of(template_of(each))
        }

    def command(self, *arguments: str) -> list[str]:
        """Write a command of Podman that reads its input."""
        return ["docker", "exec", "--interactive", self.podman, "podman", *arguments]

    def run(self, *arguments: str, text: str = "") -> str:
        """Run a command of Podman."""
        return programs.run(*self.command(*arguments), text=text)

    def container(self, component: str, name: str = "") -> str:
        """Name a container as Podman does."""
        return f"{self.components[component]['metadata']['name']}-pod-{name or component}"

    def inspect(self, component: str) -> Manifest:
        """Inspect the container of a component."""
        details: list[Manifest] = json.loads(self.run("inspect", self.container(component)))
        return details[0]

    def execute(self, component: str, *command: str) -> str:
        """Run a command in the container of a component."""
        return self.run("exec", self.container(component), *command)

    def stop(self, component: str) -> int:
        """Stop a container as a cluster would; tell how it ended."""
        spec = template_of(self.components[component])["spec"]
        grace = str(spec["terminationGracePeriodSeconds"])
        self.run("stop", "--time", grace, self.container(component))
        return int(self.inspect(component)["State"]["ExitCode"])

    def play(self, component: str) -> "subprocess.Popen[str]":
        """Begin to play a component; this ends when it has started, after what comes first."""
        manifests = [*of_kind(self.overlay, "ConfigMap"), self.components[component]]
        # Podman knows no Services: the network gives pods their names.
        options = ("kube", "play", f"--network=cluster:alias={component}", "-")
        process = subprocess.Popen(
            [programs.tool("docker"), *self.command(*options)[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdin
        process.stdin.write(yaml.safe_dump_all(manifests))
        process.stdin.close()
        return process

    @contextmanager
    def playing(self) -> Iterator["Pods"]:
        """Start all, the migration last; take them down whatever happens."""
        shared = of_kind(self.overlay, "Secret", "ConfigMap", "PersistentVolumeClaim")
        waiting = [
            component
            for component, each in self.components.items()
            if "initContainers" in template_of(each)["spec"]
        ]
        try:
            self.run("network", "create", "cluster")
            self.run("kube", "play", "-", text=yaml.safe_dump_all(shared))
            for component in self.components.keys() - {*waiting, "migrate", "proxy"}:
                finish(self.play(component))
            begun = [self.play(component) for component in waiting]
            for component in waiting:
                stacks.eventually(lambda name=component: self.is_waiting(name))  # type: ignore[misc]
            if "migrate" in self.components:
                stacks.eventually(self.migrate)
            for process in begun:
                finish(process)
            for component in self.components.keys() & {"proxy"}:
                finish(self.play(component))
            yield self
        finally:
            programs.run(*self.command("pod", "rm", "--all", "--force", "--time", "3"))
            programs.run(*self.command("network", "rm", "cluster"))

    def migrate(self) -> bool:
        """Try the migration; a cluster would try again as well where the database comes later."""
        finish(self.play("migrate"))
        if self.run("wait", self.container("migrate")).strip() == "0":
            return True
        self.run("pod", "rm", "--force", f"{self.components['migrate']['metadata']['name']}-pod")
        return False

    def is_waiting(self, component: str) -> bool:
        """Say whether a component has said that it waits for the migration."""
        told = subprocess.run(
            self.command("logs", self.container(component, "revision")),
            capture_output=True,
            text=True,
            check=False,
        )
        self.said_while_waiting[component] = told.stdout
        return WAITING in told.stdout


def finish(process: "subprocess.Popen[str]") -> None:
    """Wait until something is played; fail with what was said unless that worked."""
    assert process.stdout
    said = process.stdout.read()
    if process.wait(timeout=300) != 0:
        pytest.fail(f"podman kube play\n{said}", pytrace=False)
