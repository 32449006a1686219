"""What a project gives to Prometheus and Grafana is what these accept."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import generated
import prometheus
import pytest
import questions
import yaml
from conftest import Render
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

PROJECTS: Mapping[str, questions.Answers] = {
    "fastapi": {"task_queue": "celery", "reverse_proxy": "nginx"},
    "flask": {"framework": "flask", "database": "none", "port": 9464},
    "job": {"framework": "job"},
}

# What is measured in every minute, and which alerts follow
TROUBLE: Mapping[str, tuple[Mapping[str, str], set[str]]] = {
    "fastapi": (
        {
            'up{job="harbour-api"}': "0x180",
            'http_server_request_duration_seconds_count{job="harbour-api",'
            'http_response_status_code="500"}': "0+10x180",
            'http_server_request_duration_seconds_bucket{job="harbour-api",le="1"}': "0+0x180",
            'http_server_request_duration_seconds_bucket{job="harbour-api",le="5"}': "0+10x180",
            'http_server_request_duration_seconds_bucket{job="harbour-api",le="+Inf"}': "0+10x180",
            'process_start_time_seconds{job="harbour-api-worker",process="0"}': "0+60x180",
            'db_client_connection_count{job="harbour-api",db_client_connection_state="used"}': (
                "10x180"
            ),
            'db_client_connection_max{job="harbour-api"}': "10x180",
            'messaging_client_sent_messages_total{job="harbour-api-beat"}': "0+1x180",
        },
        {
            *("ServiceDown", "RequestsFail", "RequestsSlow", "ProcessesRestart"),
            *("ConnectionsUsedUp", "TasksNotDone"),
        },
    ),
    "flask": (
        {
            'up{job="harbour-api"}': "1x180",
            'http_server_request_duration_seconds_count{job="harbour-api",'
            'http_response_status_code="200"}': "0+10x180",
        },
        set(),
    ),
    "job": (
        {
            'job_run_exit_code{job="harbour-api"}': "1x180",
            'job_run_success_timestamp_seconds{job="harbour-api"}': "60x180",
        },
        {"JobFailed", "JobOverdue"},
    ),
}


@pytest.fixture(scope="module", params=PROJECTS)
def project(request: pytest.FixtureRequest, render: Render) -> Path:
    """Render a project that Prometheus watches."""
    return render({**PROJECTS[request.param], "telemetry": "prometheus"})


@pytest.mark.docker
def test_prometheus_understands_alerts_and_configuration(engine: None, render: Render) -> None:
    files = {}
    for name, answers in PROJECTS.items():
        monitoring = render({**answers, "telemetry": "prometheus"}) / "monitoring"
        asked = [query.replace("$__rate_interval", "1m") for query in dashboard_queries(monitoring)]
        rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(asked)]
        files[f"{name}.yml"] = (monitoring / "prometheus.yml").read_text("utf-8")
        files["alerts.yml"] = (monitoring / "alerts.yml").read_text("utf-8")
        files[f"{name}-alerts.yml"] = files["alerts.yml"]
        files[f"{name}-test.yml"] = write_test(name)
        files[f"{name}-panels.yml"] = json.dumps({"groups": [{"name": name, "rules": rules}]})
    said = prometheus.promtool(files)
    assert "FAILED" not in said
    assert said.count("SUCCESS") >= 4 * len(PROJECTS)


def write_test(name: str) -> str:
    """Write a test of alerts as Prometheus' tool runs it."""
    measured, alerts = TROUBLE[name]
    firing = {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": "3h",
        "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in alerts],
    }
    series = [{"series": key, "values": values} for key, values in measured.items()]
    tests = [{"interval": "1m", "input_series": series, "promql_expr_test": [firing]}]
    return json.dumps({"rule_files": [f"{name}-alerts.yml"], "tests": tests})


def dashboard_queries(monitoring: Path) -> list[str]:
    """List what the panels ask."""
    dashboard = read_dashboard(monitoring.parent)
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def read_dashboard(project: Path) -> dict[str, Any]:
    """Read the dashboard."""
    file = project / "monitoring" / "grafana" / "dashboards" / "dashboard.json"
    dashboard: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return dashboard


def test_every_query_names_its_job_and_a_metric_of_the_module(project: Path) -> None:
    (module,) = generated.files(project, "src/*/telemetry.py")
    text = module.read_text("utf-8")
    for query in prometheus.queries(project):
        names = prometheus.metrics_in(query)
        assert names
        assert query.count("{") == len(re.findall(r"\{job", query))
        for name in names - {"up"}:
            stem = re.sub("_(count|bucket|total)$", "", name)
            assert name.startswith("process_") or f'"{stem}"' in text or f'"{name}"' in text


def test_every_alert_says_what_is_wrong_and_how_bad(project: Path) -> None:
    alerts = yaml.safe_load((project / "monitoring" / "alerts.yml").read_text("utf-8"))
    for group in alerts["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert rule["annotations"]["summary"].endswith(".")


def test_the_panels_of_a_dashboard_lie_side_by_side(project: Path) -> None:
    panels = read_dashboard(project)["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(panels) > 3
    assert len({panel["title"] for panel in panels}) == len(panels)


def test_grafana_knows_every_field_of_the_dashboard(project: Path) -> None:
    plugins.register_default_plugins()
    written = read_dashboard(project)
    read = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    assert holds(read, written)


def holds(whole: Any, part: Any) -> bool:
    """Say whether all of a part is in a whole."""
    if isinstance(part, dict):
        return all(key in whole and holds(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(holds, whole, part))
    return bool(whole == part)


def test_nothing_leads_to_the_port_of_metrics(project: Path) -> None:
    files = [project / "compose.yaml", project / "compose.prod.yaml", *project.glob("nginx/*")]
    (module,) = generated.files(project, "src/*/telemetry.py")
    ports = re.findall(r"^PORT = (\d+)$", module.read_text("utf-8"), re.MULTILINE)
    assert len(ports) == (generated.read_answers(project)["framework"] != "job")
    assert not [file.name for file in files for port in ports if port in file.read_text("utf-8")]
