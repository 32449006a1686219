"""Generated services run in containers: in development and in production."""

from typing import ClassVar

import pytest
import questions
from api_docs import Documented
from attacks import WebAttacks
from container_promises import Builds, Busy, Rotation, Service, Workplace
from database_promises import Postgresql, Sqlite
from deployments import InPlace
from fuzzing import Fuzz
from manual import Manual
from metrics_promises import Metrics
from page_promises import Pages, Sessions
from secrets_in_logs import Discretion

pytestmark = pytest.mark.docker


class TestFastapiWithUvAndPostgresql(
    InPlace,
    Manual,
    Postgresql,
    Rotation,
    Service,
    Documented,
    Workplace,
    Builds,
    WebAttacks,
    Fuzz,
):
    """The default answers, cloned where nobody but the owner of a file may read it."""

    answers: ClassVar[questions.Answers] = {}
    umask = 0o077


class TestFlaskWithPipAndPostgresql(
    Metrics, Sessions, Service, Workplace, Pages, Builds, Busy, WebAttacks, Discretion, Fuzz
):
    """The other framework, the plainest manager, the other image and another Python."""

    answers: ClassVar[questions.Answers] = {
        "framework": "flask",
        "dependency_manager": "pip",
        "base_image": "full",
        "python_version": "3.13",
        "telemetry": "prometheus",
    }
    repeats = (
        "test_a_part_of_its_tests_can_be_run",
        "test_a_stale_lock_is_refused_and_a_new_one_downloads_only_what_is_new",
        "test_a_start_without_a_module_ends_and_says_what_brings_it",
        "test_development_is_reached_on_a_network_without_ipv4",
        "test_the_work_tree_holds_no_file_of_roots",
    )


@pytest.mark.thorough
class TestFastapiWithUvAndSqlite(Sqlite, Service):
    """The database that is a file."""

    answers: ClassVar[questions.Answers] = {"database": "sqlite"}
