"""Services with MySQL and MariaDB; the other databases are tested with the usual stacks."""

from typing import ClassVar

import pytest
import questions
from container_promises import Rotation, SelfTested, Service, WithoutShell
from database_promises import AS_APP, FLASK_DOWNGRADE, MysqlProtocol
from manual import Columns
from stacks import Stack

pytestmark = pytest.mark.docker


class TestMariadb(MysqlProtocol, WithoutShell, SelfTested, Columns):
    """With Flask, whose driver is synchronous, and an image without a shell."""

    answers: ClassVar[questions.Answers] = {
        "framework": "flask",
        "database": "mariadb",
        "base_image": "distroless",
    }
    umask = 0o027
    downgrade = FLASK_DOWNGRADE
    step_back = ("flask", "db", "downgrade")
    sql = (*AS_APP, "mariadb", "--user=app", "app", "--execute")


@pytest.mark.thorough
class TestMysql(MysqlProtocol, Rotation, Service):
    """With FastAPI, whose driver is asynchronous: no other stack has both."""

    answers: ClassVar[questions.Answers] = {"database": "mysql"}
    sql = (*AS_APP, "mysql", "--user=app", "app", "--execute")

    def test_it_works_under_a_user_whom_the_image_does_not_know(self, production: Stack) -> None:
        # aiomysql looks its user's name up, be it of use or not.
        look = "import aiomysql, os; print(os.getuid())"
        unknown = ("--user=4321:4321", "--no-deps", "--entrypoint=python")
        assert production.compose("run", "--rm", "-T", *unknown, "migrate", "-c", look) == "4321\n"
