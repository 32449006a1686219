"""Services of a workspace run behind its gateway, call each other, and are deployed alone."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import deployments
import generated
import locking
import programs
import project_checks
import pytest
import questions
import running_workspaces
import stacks
import updating
from combinations import MEMBERS
from conftest import RenderCombination
from running_workspaces import RunningWorkspace
from sampling import some
from test_kept_answers import change
from test_linting import compose  # noqa: F401
from updating import Renderings, git, start

ROOT = {"database": "postgresql", "cache": "valkey", "ci": "none"}
SERVICES: dict[str, questions.Answers] = {
    "users": {
        "framework": "fastapi",
        "cache": "valkey",
        "shared_servers": ["database", "cache"],
    },
    "orders": {
        "framework": "flask",
        "dependency_manager": "poetry",
        "shared_servers": ["database"],
    },
    "words": {"framework": "fastapi", "dependency_manager": "pip", "database": "none"},
}


@pytest.mark.parametrize("framework", some(["flask", "fastapi"], one_in=2))
def test_a_single_service_joins_a_workspace_and_leaves_it(
    project_of: Renderings, tmp_path: Path, bare_path: str, framework: str
) -> None:
    answers: questions.Answers = {"framework": framework, "port": 8080, "reverse_proxy": "nginx"}
    project = start(project_of.template, tmp_path / "project", updating.NEWEST, answers)
    before = generated.read_answers(project)

    said = change(project, bare_path, workspace="harbour")

    assert "With ci: none, dependency_updates is none." in said
    joined = generated.read_answers(project)
    assert (joined["workspace"], joined["ci"], joined["dependency_updates"]) == (
        "harbour",
        "none",
        "none",
    )
    assert not (project / ".github").exists()
    assert not (project / "nginx").exists()
    assert "/harbour-api\n" in (project / "compose.prod.yaml").read_text("utf-8")
    assert "neighbours" in (project / "src/harbour_api/api.py").read_text("utf-8")
    for path in ("compose.workspace.yaml", "src/harbour_api/services.py", "docs/workspace.md"):
        assert (project / path).is_file()
    assert "httpx-retries" in (project / "pyproject.toml").read_text("utf-8")
    assert "8080" not in (project / "compose.override.yaml").read_text("utf-8").replace(
        "ADMINER_PORT:-8080}:8080", ""
    )

    change(project, bare_path, workspace="", ci="github")

    # Nothing is left but an answer that would return with its question.
    assert git(project, "diff", "--name-only", "HEAD~2").split() == [".copier-answers.yml"]
    assert generated.read_answers(project) == {**before, "shared_servers": []}


@pytest.mark.usefixtures("compose")
@pytest.mark.parametrize("member", MEMBERS)
def test_ports_in_a_workspace_are_those_of_a_service_alone_but_free_ones(
    render_combination: RenderCombination, member: str
) -> None:
    project, found = render_combination(member), []
    for files in (("compose.workspace.yaml",), ()):
        names = ("compose.yaml", "compose.override.yaml", *files)
        stack = stacks.Stack(
            project,
            tuple(word for name in names for word in ("--file", name)),
            {"COMPOSE_PROFILES": "telemetry"},
        )
        services = stack.configuration.items()
        ports = {name: service["ports"] for name, service in services if "ports" in service}
        shared = str(generated.read_answers(project)["shared_servers"])
        published = [port.get("published") for listed in ports.values() for port in listed]
        assert any(published) != bool(files)
        found.append(
            {
                name: [(port["target"], port["host_ip"]) for port in listed]
                for name, listed in ports.items()
                if name not in shared
            }
        )
    assert found[0] == found[1]
    assert {host for ports in found[0].values() for _, host in ports} == {"127.0.0.1"}


@pytest.mark.docker
@pytest.mark.parametrize(
    ("framework", "telemetry"), some([("fastapi", "opentelemetry"), ("flask", "none")], one_in=2)
)
def test_the_tests_of_a_service_pass(
    engine: None, template: Path, tmp_path: Path, caches: str, framework: str, telemetry: str
) -> None:
    answers = {"framework": framework, "telemetry": telemetry, "database": "none"}
    own = {"workspace": "harbour", "project_slug": stacks.own_name()}
    (tmp_path / "libs").mkdir()  # as in the root
    project = generated.render(template, tmp_path / "services" / "tide", {**answers, **own})
    locking.lock(project)
    variables = {**project_checks.tools("uv"), "TARGETS": "test"}
    project_checks.check(project, caches, variables)


@pytest.fixture(scope="module")
def production(
    engine: None, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningWorkspace]:
    """Start three services behind their gateway, as in production."""
    root = tmp_path_factory.mktemp("workspace") / "harbour"
    made = running_workspaces.make(template, root, ROOT, SERVICES, "production")
    (made.folder("users") / ".env").write_text("API_DOCS=true\n", "utf-8")
    with running_workspaces.running(made) as workspace:
        yield workspace


@pytest.mark.docker
class TestProduction:
    """Three services behind the gateway, with hardened containers."""

    answers: ClassVar[questions.Answers] = {"framework": "workspace"}

    def test_each_has_the_paths_below_its_name(self, production: RunningWorkspace) -> None:
        for service, name in production.names.items():
            answer = production.ask(service, "/api/about", X_Request_ID="harbour-1")
            assert answer.json() == {"name": name, "request_id": "harbour-1"}
            assert answer.headers["X-Request-ID"] == "harbour-1"
        assert production.ask("nobody", "/api/about").status == 404

    def test_the_prefix_is_in_descriptions_and_redirects(
        self, production: RunningWorkspace
    ) -> None:
        users, orders = production.names["users"], production.names["orders"]
        described = production.ask("users", "/openapi.json").json()
        assert [server["url"] for server in described["servers"]] == [f"/{users}"]
        led = production.ask("users", "/api/notes/")
        assert (led.status, led.headers["Location"]) == (
            307,
            f"http://{production.address}/{users}/api/notes",
        )
        assert f'href="/{orders}/static/style.css' in production.ask("orders", "/").body

    @pytest.mark.parametrize(
        ("caller", "callee"), [("users", "orders"), ("orders", "words"), ("words", "users")]
    )
    def test_a_call_has_one_id_in_both_logs(
        self, production: RunningWorkspace, caller: str, callee: str
    ) -> None:
        identifier = f"harbour-{caller}-{callee}"
        name = production.names[callee]
        answer = production.ask(caller, f"/api/neighbours/{name}", X_Request_ID=identifier)
        assert answer.json() == {"name": name, "request_id": identifier}
        paths = {
            service: [line["path"] for line in production.lines(service, identifier)]
            for service in (caller, callee)
        }
        assert paths == {caller: [f"/api/neighbours/{name}"], callee: ["/api/about"]}

    def test_the_gateway_is_believed_and_a_client_is_not(
        self, production: RunningWorkspace
    ) -> None:
        for service in ("users", "orders"):
            identifier = f"claims-{service}"
            claims = {"X_Forwarded_For": "192.0.2.7", "X_Request_ID": identifier}
            assert production.ask(service, "/api/about", **claims).status == 200
            (line,) = production.lines(service, identifier)
            (gateway,) = production.own.containers("gateway")
            networks = gateway["NetworkSettings"]["Networks"].values()
            own = [network["IPAddress"] for network in networks]
            assert line["client"] not in ("192.0.2.7", *own)

    def test_who_is_down_is_missed_for_its_paths_alone(self, production: RunningWorkspace) -> None:
        words = production.names["words"]
        production.of("words").compose("stop", "--timeout", "5", "web")
        missed = production.ask("words", "/api/about")
        assert missed.status == 503
        assert missed.headers["Content-Type"] == "application/problem+json"
        call = production.ask("users", f"/api/neighbours/{words}")
        assert call.status == 503
        assert call.json()["detail"] == f"The service {words} does not answer."
        assert call.headers["Retry-After"] == "5"
        assert production.ask("users", "/api/about").status == 200

        production.of("words").compose("start", "web")
        stacks.eventually(lambda: production.ask("words", "/ready").status == 200)
        assert production.ask("users", f"/api/neighbours/{words}").json()["name"] == words

    def test_a_service_opens_its_own_database_alone(self, production: RunningWorkspace) -> None:
        roles = {name: name.replace("-", "_") for name in production.names.values()}
        users, orders = roles[production.names["users"]], roles[production.names["orders"]]
        password = (production.folder("users") / "secrets" / "database_password").read_text()
        tried = {}
        for database in (users, orders, "postgres", "template1"):
            tried[database] = production.own.try_compose(
                "exec",
                "-T",
                f"--env=PGPASSWORD={password}",
                "shared-database",
                *("psql", "--host=shared-database", f"--username={users}", database),
                *("--command", "SELECT count(*) FROM notes"),
            )
        assert tried.pop(users).returncode == 0
        for database, result in tried.items():
            assert result.returncode != 0, database
            assert "permission denied for database" in result.stdout

    def test_a_cache_keeps_services_apart(self, production: RunningWorkspace) -> None:
        note = production.ask("users", "/api/notes", {"title": "Tide"}).json()
        assert production.ask("users", f"/api/notes/{note['id']}").json() == note
        keys = production.own.compose("exec", "-T", "shared-cache", "valkey-cli", "keys", "*")
        assert keys.split() == [f"{production.names['users']}:note:{note['id']}"]

    def test_only_the_gateway_has_a_port(self, production: RunningWorkspace) -> None:
        for service in production.names:
            for container in production.of(service).containers():
                assert not any(container["NetworkSettings"]["Ports"].values() or ()), service

    @pytest.mark.thorough
    def test_data_survives_a_dump_and_its_restoration(self, production: RunningWorkspace) -> None:
        before = production.ask("orders", "/api/notes", {"title": "Low tide"}).json()
        folder = production.folder("orders")
        words = ("STACK=production", "FILE=dumps/tide.sql")
        for target in ("dump", "restore"):
            result = stacks.execute("make", "--silent", target, *words, cwd=folder)
            assert result.returncode == 0, result.stdout
            production.ask("orders", "/api/notes", {"title": "Later"})
            if target == "restore":
                restored = production.ask("orders", "/api/notes").json()["items"]
                assert [note["title"] for note in restored] == ["Low tide", "Later"]
        assert production.ask("orders", f"/api/notes/{before['id']}").json() == before

    @pytest.mark.thorough
    def test_a_deployment_loses_no_request_and_touches_nobody_else(
        self,
        production: RunningWorkspace,
        monkeypatch: pytest.MonkeyPatch,
        record_property: Callable[[str, object], None],
    ) -> None:
        others = {name: deployments.runs(production.of(name)) for name in ("orders", "words")}
        root = deployments.runs(production.own)
        name = production.names["users"]
        monkeypatch.setattr(deployments, "PATH", f"/{name}/api/notes")
        with deployments.Load(production.address).running() as load:
            for tag in ("1.0.1", "1.0.2"):
                said = production.make("deploy", f"SERVICE={name}", f"TAG={tag}")
                assert f"{name}:{tag} serves in place of {name}:" in said
        assert load.lost == []
        assert load.answered > 100
        assert set(deployments.runs(production.of("users"), "web").values()) == {f"{name}:1.0.2"}
        assert {each: deployments.runs(production.of(each)) for each in others} == others
        assert deployments.runs(production.own) == root
        record_property("deployed", load.figures("2, in a workspace"))

    @pytest.mark.thorough
    def test_a_version_that_fails_changes_nothing(
        self, production: RunningWorkspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stack, name = production.of("orders"), production.names["orders"]
        before = deployments.runs(stack)
        monkeypatch.setattr(deployments, "PATH", f"/{name}/api/notes")
        with (
            deployments.Load(production.address).running() as load,
            deployments.ending_at_once(stack),
        ):
            result = production.try_make("deploy", f"SERVICE={name}", "TAG=1.0.1")
        assert result.returncode != 0
        assert "serves as before, and nothing was replaced" in result.stdout
        assert load.lost == []
        assert deployments.runs(stack) == before

    @pytest.mark.thorough
    def test_an_edit_rebuilds_the_last_layer_of_one_service(
        self, production: RunningWorkspace
    ) -> None:
        layers = {name: layers_of(production, name) for name in production.names}
        (module,) = production.folder("words").glob("src/*/neighbours.py")
        module.write_text(module.read_text("utf-8") + "# An edit\n", "utf-8")
        production.make("production")

        now = {name: layers_of(production, name) for name in production.names}
        changed = [
            sum(old != new for old, new in zip(layers[name], now[name], strict=True))
            for name in production.names
        ]
        assert changed == [0, 0, 1]


def layers_of(workspace: RunningWorkspace, service: str) -> list[str]:
    """List the layers of the image that runs for a service."""
    (image,) = {container["Image"] for container in workspace.of(service).containers("web")}
    layers = ("image", "inspect", "--format", "{{json .RootFS.Layers}}", image)
    listed: list[str] = json.loads(programs.run("docker", *layers))
    return listed
