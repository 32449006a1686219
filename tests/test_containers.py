"""Generated services run in containers: in development and in production."""

from typing import ClassVar

import kit
import pytest
from services import Builds, Service, Workplace

pytestmark = pytest.mark.docker


class TestFastapiWithUvAndPostgresql(Service, Workplace, Builds):
    """The default answers."""

    answers: ClassVar[kit.Answers] = {}


class TestFlaskWithPipAndPostgresql(Service, Workplace, Builds):
    """The other framework, the other manager, the other image and another Python."""

    answers: ClassVar[kit.Answers] = {
        "framework": "flask",
        "dependency_manager": "pip",
        "base_image": "full",
        "python_version": "3.13",
    }


class TestFastapiWithPipAndSqlite(Service):
    """The database that is a file."""

    answers: ClassVar[kit.Answers] = {"dependency_manager": "pip", "database": "sqlite"}
