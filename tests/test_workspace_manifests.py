"""The manifests of a workspace: one namespace, a route each, and only declared calls."""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

import generated
import manifests
import pytest
import questions
import stacks
from conftest import Render
from manifests import OVERLAYS, Manifest, faults, of_kind, template_of
from test_manifests import VERSIONS

CALLS = {"products": ["users", "orders"], "orders": ["users"]}
# Services with everything that has pods or policies of its own
SERVICES: Mapping[str, questions.Answers] = {
    "users": {"task_queue": "celery", "cache": "valkey", "telemetry": "opentelemetry"},
    "products": {"framework": "flask", "shared_servers": ["database"], "telemetry": "prometheus"},
    "orders": {"database": "none"},
    "texts": {"database": "mysql", "shared_servers": ["database"]},
}
OUTSIDE = ("certificate", *(f"{name}-secrets" for name in SERVICES))
NAME, COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"

Labels = Mapping[str, str]


@pytest.fixture(scope="module")
def workspace(render: Render) -> Path:
    """Render a workspace and its services."""
    kubernetes = {"deployment": "kubernetes"}
    answers: dict[str, Any] = {"services": [*SERVICES], "calls": CALLS, **kubernetes}
    answers |= {"framework": "workspace", "project_slug": "harbour"}
    root = render(answers)
    (root / "services").mkdir(exist_ok=True)
    for name, given in SERVICES.items():
        own = {"project_slug": name, "workspace": "harbour", **kubernetes, **given}
        render(own).rename(root / "services" / name)
    return root


@pytest.fixture(scope="module")
def overlays(workspace: Path) -> dict[str, list[Manifest]]:
    """Build each overlay of the workspace."""
    return {overlay: manifests.build(workspace, overlay) for overlay in OVERLAYS}


def test_three_versions_accept_every_manifest(overlays: Mapping[str, list[Manifest]]) -> None:
    import kubernetes_validate  # type: ignore[import-untyped]

    for built in overlays.values():
        assert {each["kind"] for each in built} >= {"Namespace", "Deployment", "NetworkPolicy"}
        for each in built:
            for version in VERSIONS:
                kubernetes_validate.validate(each, version, strict=True)


def test_every_overlay_keeps_to_the_policies(overlays: Mapping[str, list[Manifest]]) -> None:
    assert {name: [*faults(built, OUTSIDE)] for name, built in overlays.items()} == {
        name: [] for name in OVERLAYS
    }


def test_all_are_in_one_namespace_under_names_of_their_own(
    overlays: Mapping[str, list[Manifest]],
) -> None:
    for overlay, built in overlays.items():
        (namespace,) = of_kind(built, "Namespace")
        assert namespace["metadata"]["name"] == f"harbour-{overlay}"
        others = [each["metadata"] for each in built if each is not namespace]
        assert {each["namespace"] for each in others} == {f"harbour-{overlay}"}
        deployed = of_kind(built, "Deployment", "Job", "ConfigMap", "ServiceAccount")
        for each in deployed:
            name = each["metadata"]["labels"][NAME]
            assert each["metadata"]["name"].startswith(f"{name}-")
        for name in SERVICES:
            settings = settings_of(built, name)
            assert settings["ROOT_PATH"] == f"/{name}"
            assert name in settings["ALLOWED_HOSTS"].split(",")


def settings_of(built: list[Manifest], name: str) -> dict[str, str]:
    """Find the settings of a service."""
    (found,) = [e for e in of_kind(built, "ConfigMap") if e["metadata"]["labels"][NAME] == name]
    data: dict[str, str] = found["data"]
    return data


def test_servers_are_found_by_their_names(overlays: Mapping[str, list[Manifest]]) -> None:
    built = overlays["development"]
    services = {each["metadata"]["name"] for each in of_kind(built, "Service")}
    assert {"users-database", "users-cache", "users-broker", "products-database"} <= services
    for name in SERVICES:
        urls = [text for key, text in settings_of(built, name).items() if key.endswith("_URL")]
        hosts = {text.partition("//")[2].rpartition("@")[2].partition(":")[0] for text in urls}
        assert hosts <= services
    url = settings_of(overlays["production"], "products")["DATABASE_URL"]
    assert url.endswith("://products@database.example:5432/products")


def test_a_route_leads_to_each_service(overlays: Mapping[str, list[Manifest]]) -> None:
    assert of_kind(overlays["development"], "Ingress") == []
    for overlay, host in (
        ("staging", "staging.harbour.example"),
        ("production", "harbour.example"),
    ):
        built = overlays[overlay]
        (ingress,) = of_kind(built, "Ingress")
        (rule,) = ingress["spec"]["rules"]
        assert rule["host"] == host
        routes = {
            path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]
        }
        assert routes == {f"/{name}": name for name in SERVICES}
        services = {each["metadata"]["name"]: each["spec"] for each in of_kind(built, "Service")}
        for name in SERVICES:
            found = [
                pod for pod in pods_of(built) if services[name]["selector"].items() <= pod.items()
            ]
            assert found == [{NAME: name, COMPONENT: "web"}]
            assert [port["port"] for port in services[name]["ports"]] == [8000]


def pods_of(built: list[Manifest]) -> list[dict[str, str]]:
    """List the labels of all pods by which policies choose."""
    labels = [t["metadata"]["labels"] for each in built if (t := template_of(each))]
    return [{key: each[key] for key in (NAME, COMPONENT)} for each in labels]


def selects(selector: Manifest, pod: Labels) -> bool:
    """Say whether a selector chooses a pod."""
    assert selector.keys() <= {"matchLabels", "matchExpressions"}
    rules = selector.get("matchExpressions", [])
    assert {rule["operator"] for rule in rules} <= {"In"}
    return selector.get("matchLabels", {}).items() <= pod.items() and all(
        pod.get(rule["key"]) in rule["values"] for rule in rules
    )


def lets(built: list[Manifest], way: str, pod: Labels, peer: Labels, port: str) -> bool:
    """Say whether the policies let a pod talk, as "Ingress" or "Egress", with another one."""
    side = {"Ingress": "from", "Egress": "to"}[way]
    specs = [each["spec"] for each in of_kind(built, "NetworkPolicy")]
    mine = [s for s in specs if way in s["policyTypes"] and selects(s["podSelector"], pod)]
    rules = [rule for spec in mine for rule in spec.get(way.lower(), [])]
    return not mine or any(
        port in [each["port"] for each in rule["ports"]]
        and any("podSelector" in p and selects(p["podSelector"], peer) for p in rule[side])
        for rule in rules
    )


def reaches(built: list[Manifest], caller: Labels, callee: Labels, port: str = "http") -> bool:
    """Say whether one pod can reach a port of another one, which both sides have to allow."""
    return lets(built, "Egress", caller, callee, port) and lets(
        built, "Ingress", callee, caller, port
    )


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_who_is_declared_may_call_and_nobody_else(
    overlays: Mapping[str, list[Manifest]], overlay: str
) -> None:
    built = overlays[overlay]
    pods = pods_of(built)
    assert {pod[NAME] for pod in pods} == {*SERVICES}
    allowed = {
        (caller[NAME], callee[NAME])
        for caller in pods
        for callee in pods
        if caller[NAME] != callee[NAME]
        for port in ports_of(built, callee)
        if reaches(built, caller, callee, port)
    }
    declared = {(caller, callee) for caller, callees in CALLS.items() for callee in callees}
    assert allowed == declared
    assert len([*permutations(SERVICES, 2)]) > len(declared) > 0
    callees = {
        (pod[NAME], pod[COMPONENT])
        for pod in pods
        for other in pods
        if other[NAME] != pod[NAME] and reaches(built, other, pod)
    }
    assert {component for _, component in callees} == {"web"}


def ports_of(built: list[Manifest], pod: Labels) -> Iterator[str]:
    """List the ports of a pod by name."""
    for each in built:
        template = template_of(each)
        if template and pod.items() <= template["metadata"]["labels"].items():
            for container in manifests.containers_of(template):
                yield from (port["name"] for port in container.get("ports", []))


def test_a_service_reaches_its_own_servers(overlays: Mapping[str, list[Manifest]]) -> None:
    built = overlays["development"]
    for name, component, server in (
        ("users", "web", "database"),
        ("users", "worker", "broker"),
        ("users", "migrate", "database"),
        ("products", "web", "database"),
    ):
        caller, callee = {NAME: name, COMPONENT: component}, {NAME: name, COMPONENT: server}
        assert reaches(built, caller, callee, server), (name, component, server)


MUTATIONS: Mapping[str, Callable[[Manifest], Any]] = {
    "no callee": lambda spec: spec["podSelector"].update(matchLabels={}),
    "no caller": lambda spec: spec["ingress"][0]["from"][0]["podSelector"].pop("matchLabels"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_policy_that_chooses_too_much_is_seen(
    overlays: Mapping[str, list[Manifest]], mutation: str
) -> None:
    built = json.loads(json.dumps(overlays["production"]))
    (policy,) = [
        each
        for each in of_kind(built, "NetworkPolicy")
        if each["metadata"]["name"] == "products-calls-users"
    ]
    MUTATIONS[mutation](policy["spec"])
    texts, users = ({NAME: name, COMPONENT: "web"} for name in ("texts", "users"))
    products = {NAME: "products", COMPONENT: "web"}
    opened = lets(built, "Ingress", users, texts, "http") or lets(
        built, "Ingress", texts, products, "http"
    )
    assert opened


def test_a_version_of_one_service_is_written_to_its_release(workspace: Path) -> None:
    manifests.need_kubectl()
    service = workspace / "services" / "users"
    image = "registry.example/users:1.2.3"
    before = generated.read_tree(workspace / "services" / "products" / "k8s")
    result = stacks.execute("make", "--silent", "k8s-release", cwd=service, IMAGE=image)
    assert (result.returncode, result.stdout) == (0, "")
    built = manifests.build(workspace, "production")
    images = {
        c["image"] for each in built if (t := template_of(each)) for c in manifests.containers_of(t)
    }
    assert image in images
    jobs = {each["metadata"]["name"] for each in of_kind(built, "Job")}
    assert "users-migrate-1-2-3" in jobs
    assert generated.read_tree(workspace / "services" / "products" / "k8s") == before


def test_the_picture_is_drawn_from_the_same_table(workspace: Path) -> None:
    text = (workspace / "README.md").read_text("utf-8")
    for caller, callee in permutations(SERVICES, 2):
        drawn = f"    {caller} --> {callee}\n" in text
        assert drawn == (callee in CALLS.get(caller, []))
