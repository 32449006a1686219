"""Prometheus and its gateway, from Debian, in place of the images that projects name."""

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import locking
import programs
import stacks
import yaml
from filelock import FileLock

from extensions import decisions

RECIPE = """
FROM {python}
RUN apt-get update \\
    && apt-get install --yes --no-install-recommends prometheus prometheus-pushgateway \\
    && rm -rf /var/lib/apt/lists/*
USER 65534:65534
WORKDIR /tmp
CMD ["prometheus", "--config.file=/etc/prometheus/prometheus.yml", \\
    "--storage.tsdb.path=/tmp/data", "--web.listen-address=:9090"]
"""
CHECK = """
for file in *.yml; do
  case $file in
    *-test.yml) promtool test rules $file ;;
    *-*) promtool check rules $file ;;
    alerts.yml) ;; # named by the configurations
    *) promtool check config $file ;;
  esac || exit 1
done
"""


def image() -> str:
    """Build the image unless it is there; it is kept, named after its recipe."""
    recipe = RECIPE.format(python=decisions.read_images()["python-3.14-slim"])
    name = f"slipway-prometheus:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with FileLock(locking.kept_locks() / "prometheus.lock"):
        if stacks.execute("docker", "image", "inspect", name, cwd=Path.cwd()).returncode != 0:
            programs.run("docker", "build", f"--tag={name}", "-", text=recipe)
    return name


def promtool(files: Mapping[str, str]) -> str:
    """Let Prometheus' own tool check configurations and rules, and run tests, by their names."""
    script = "".join(
        f"cat >{shlex.quote(name)} <<'END'\n{text}\nEND\n" for name, text in files.items()
    )
    text = script + CHECK
    return programs.run("docker", "run", "--rm", "--interactive", image(), "sh", text=text)


def queries(project: Path) -> list[str]:
    """List what the alerts and the dashboard of a project ask."""
    monitoring = project / "monitoring"
    alerts = yaml.safe_load((monitoring / "alerts.yml").read_text("utf-8"))
    dashboard = json.loads(
        (monitoring / "grafana" / "dashboards" / "dashboard.json").read_text("utf-8")
    )
    return [
        *(rule["expr"] for group in alerts["groups"] for rule in group["rules"]),
        *(target["expr"] for panel in dashboard["panels"] for target in panel["targets"]),
    ]


def metrics_in(query: str) -> set[str]:
    """List the metrics that a query names: each with at least the job as a matcher."""
    return set(re.findall(r"(\w+)\{job", query))


@dataclass(frozen=True)
class Prometheus:
    """A server that has been started."""

    address: str

    def ask(self, path: str) -> Any:
        """Ask its interface, which answers to a query that it does not understand with 400."""
        answer = stacks.ask(f"http://{self.address}/api/v1/{path}")
        assert answer.status == 200, answer.body
        return answer.json()["data"]

    def find(self, query: str) -> list[dict[str, str]]:
        """List the labels of what a query finds."""
        return [each["metric"] for each in self.ask(f"query?query={quote(query)}")["result"]]

    def rules(self) -> list[dict[str, Any]]:
        """List the alerts."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]
