"""The tests of a project pass on anybody's machine, whatever is set there, and one by one."""

import re
import sys

import pytest
import repository
import stacks
from conftest import Render
from sampling import some

# Of this machine: a terminal, a company, a clock, and other services that are developed here
SET_THERE = {
    "ALLOWED_HOSTS": "harbour.example",
    "API_DOCS": "true",
    "COLUMNS": "30",
    "CORS_ORIGINS": "https://harbour.example",
    "DATA_DIR": "/nowhere",
    "DEBUG": "1",
    "ENVIRONMENT": "production",
    "FLASK_DEBUG": "1",
    "FORCE_COLOR": "1",
    "FORWARDED_ALLOW_IPS": "9.9.9.9",
    "GUNICORN_CMD_ARGS": "--workers=3",
    "HOST": "harbour",
    "INPUT_DIR": "/nowhere",
    "LOG_FORMAT": "console",
    "LOG_LEVEL": "ERROR",
    "MAX_BODY_MB": "9",
    "METRICS": "true",
    "OUTPUT_FORMAT": "json",
    "PORT": "1",
    "PUSHGATEWAY_URL": "http://127.0.0.1:1",
    "PYTHONDEVMODE": "1",
    "ROOT_PATH": "/elsewhere",
    "SCHEDULE": "never",
    "SECRETS_DIR": "/nowhere",
    "TAG": "5",
    "TZ": "Pacific/Kiritimati",
    "WEB_CONCURRENCY": "7",
    "http_proxy": "http://127.0.0.1:1",
}


@pytest.mark.parametrize("framework", some(["flask", "fastapi", "job", "cli"], one_in=2))
def test_each_test_passes_alone_wherever_it_runs(framework: str, render: Render) -> None:
    telemetry = {} if framework == "cli" else {"telemetry": "prometheus"}
    answers = {"framework": framework, "database": "sqlite", **telemetry}
    project = render({**answers, "project_name": "Forged Secret of the Tide's Note"})
    result = stacks.execute(
        sys.executable,
        *("-m", "pytest", "--quiet", "--no-cov", "-p", "alone"),
        cwd=project,
        **SET_THERE,
        DATABASE_URL=f"sqlite:///{project}/app.db",
        PYTHONPATH=f"src:{repository.ROOT / 'tests' / 'started'}",
    )
    assert result.returncode == 0, result.stdout
    assert re.search(r"^[1-9]\d+ tests ran alone$", result.stdout, re.MULTILINE)
