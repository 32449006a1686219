"""Requests that schemathesis makes up from the OpenAPI document of the sample."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from conftest import Render
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance
from stacks import Stack

CHECKS = [not_a_server_error, content_type_conformance]  # also that errors are problems
EXAMPLES = 20  # of each operation, in both modes
DESCRIBE = (
    "import json; from harbour_api.app import create_app; print(json.dumps(create_app().openapi()))"
)


def describe(render: Render) -> dict[str, Any]:
    """Let the FastAPI sample describe the interface, which the Flask sample has, too."""
    project: Path = render({})  # the default answers
    environment = {
        **os.environ,
        "DATABASE_URL": "postgresql://app@localhost/app",
        "DATABASE_PASSWORD": "app",
        "PYTHONPATH": str(project / "src"),
    }
    printed = subprocess.run(
        [sys.executable, "-c", DESCRIBE], env=environment, stdout=subprocess.PIPE, check=True
    ).stdout
    document: dict[str, Any] = json.loads(printed)
    return document


class Fuzz:
    """What web services withstand that anybody could send."""

    def test_no_request_that_is_made_up_makes_it_fail(
        self,
        production: Stack,
        render: Render,
        request: pytest.FixtureRequest,
        record_property: Callable[[str, object], None],
    ) -> None:
        document = describe(render)
        schema = schemathesis.openapi.from_dict(document)
        base_url = f"http://{production.address()}"
        for _ in range(3):  # so that small numbers are ids of something
            production.ask("/api/notes", content={"title": "Tide"})
        operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
        assert len(operations) == 7
        sent = sum(
            self.fuzz(operation, mode, base_url)
            for operation in operations
            for mode in GenerationMode
            # Nothing can be wrong with a request that holds nothing.
            if mode.is_positive or operation.body or any(operation.iter_parameters())
        )
        record_property("fuzz", (request.cls.__name__, sent))

    def fuzz(self, operation: Any, mode: GenerationMode, base_url: str) -> int:
        """Send what fits an operation, or what does not; return how many requests there were."""
        sent = 0

        @settings(
            max_examples=EXAMPLES,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            nonlocal sent
            sent += 1
            case.call_and_validate(base_url=base_url, checks=CHECKS, timeout=20)

        send()
        return sent
