"""What databases promise: the application may use its own one only, and dumps bring it all back."""

import os
import re
import uuid
from pathlib import Path
from typing import Any, ClassVar

import pytest
import stacks
from container_promises import Deployed
from secrets_in_logs import Discretion
from stacks import Stack

ALEMBIC_DOWNGRADE = ("alembic", "downgrade", "base")
FLASK_DOWNGRADE = ("flask", "db", "downgrade", "base")
AS_APP = ("sh", "-c", 'MYSQL_PWD=$(cat /run/secrets/database_password) exec "$0" "$@"')


def make(stack: Stack, target: str, **variables: str) -> Any:
    """Run a target of the Makefile on the production stack, as the developer."""
    given = [f"{key}={value}" for key, value in {"STACK": "production", **variables}.items()]
    result = stacks.execute("make", "--silent", target, *given, cwd=stack.project)
    stacks.give_to_developer(stack.project)
    return result


class Database(Deployed):
    """What every database is tested for."""

    downgrade: ClassVar[tuple[str, ...]] = (
        ALEMBIC_DOWNGRADE  # the command that takes all revisions back
    )
    keeper: ClassVar[str] = "database"  # the service that writes the data first
    folder: ClassVar[str]  # where it does
    owner: ClassVar[int] = 999

    def test_a_dump_brings_everything_back(self, production: Stack) -> None:
        note = production.ask("/api/notes", content={"title": "⚓ 'Ebb' \\ \"flow\""}).json()
        path = f"/api/notes/{note['id']}"
        notes = production.ask("/api/notes").json()
        dumped = make(production, "dump")
        assert dumped.returncode == 0, dumped.stdout
        dump = re.findall(r"dumps/\S+", dumped.stdout)[-1]
        assert (production.project / dump).stat().st_mode & 0o77 == 0, "others can read it"

        production.compose("down", "--volumes", "--timeout", "5")
        production.compose("up", "--detach", "--wait")
        later = production.ask("/api/notes", content={"title": "Later"}).json()["id"]
        production.ask(f"/api/notes/{later}", method="DELETE")
        production.ask("/api/notes", content={"title": "Later"})

        for _ in range(2):
            restored = make(production, "restore", FILE=dump)
            assert restored.returncode == 0, restored.stdout
            assert production.ask("/api/notes").json() == notes
            assert production.ask(path).json() == note
        assert production.ask("/api/notes", content={"title": "Flood"}).status == 201
        assert make(production, "dump", FILE="dumps/again").returncode == 0
        production.compose("run", "--rm", "migrate")  # which finds nothing to do

    def test_an_older_dump_is_migrated(self, production: Stack) -> None:
        production.compose("run", "--rm", "migrate", *self.downgrade)
        dumped = make(production, "dump", FILE="dumps/older")
        assert dumped.returncode == 0, dumped.stdout
        assert production.ask("/api/notes").status == 500

        restored = make(production, "restore", FILE="dumps/older")
        assert restored.returncode == 0, restored.stdout
        assert production.ask("/api/notes").json()["items"] == []

    def test_a_dump_of_newer_code_is_named(self, production: Stack) -> None:
        assert make(production, "dump", FILE="dumps/current").returncode == 0
        self.rewrite(production, "UPDATE alembic_version SET version_num = '9999'")
        assert make(production, "dump", FILE="dumps/newer").returncode == 0

        restored = make(production, "restore", FILE="dumps/newer")
        assert restored.returncode != 0
        assert "Can't locate revision identified by '9999'" in restored.stdout
        assert "newer code made it: deploy that first" in restored.stdout
        assert make(production, "restore", FILE="dumps/current").returncode == 0

    def rewrite(self, stack: Stack, statement: str) -> None:
        """Change what the database holds."""
        raise NotImplementedError

    def test_a_folder_of_somebody_else_is_named(self, production: Stack, tmp_path: Path) -> None:
        folder = tmp_path / "data"
        folder.mkdir()
        mounted = {"volumes": [f"{folder}:{self.folder}"]}
        changed = stacks.changed(production, tmp_path, **{self.keeper: mounted})
        elsewhere = Stack(
            production.project,
            ("--project-name", f"{uuid.uuid4().hex[:8]}-folder", *changed.files),
            production.environment,
        )
        try:
            refused = elsewhere.try_run("--no-deps", self.keeper)
            assert refused.returncode == 1, refused.stdout
            assert f"{self.folder} cannot be written: " in refused.stdout
            assert f"must belong to user {self.owner} " in refused.stdout
            if os.getuid() == 0:
                os.chown(folder, self.owner, self.owner)
                assert elsewhere.try_compose("run", "--rm", "-T", "migrate").returncode == 0
        finally:
            elsewhere.try_compose("down", "--volumes", "--timeout", "3")

    @pytest.mark.parametrize("content", [None, b"", b"-- not a dump\n"])
    def test_what_is_no_dump_is_refused_with_one_sentence(
        self, production: Stack, content: bytes | None
    ) -> None:
        before = production.ask("/api/notes").json()
        if content is not None:
            (production.project / "broken").write_bytes(content)
        given = {} if content is None else {"FILE": "broken"}

        refused = make(production, "restore", **given)

        assert refused.returncode != 0
        assert refused.stdout.startswith("FILE must name a ")
        assert production.ask("/api/notes").json() == before

    def test_a_failed_dump_leaves_no_file(self, project: Path, production: Stack) -> None:
        dump = "dumps/failed"
        broken = stacks.execute(
            *("make", "--silent", "dump", f"FILE={dump}", "COMPOSE=docker compose --file missing"),
            cwd=project,
        )
        assert broken.returncode != 0
        assert not (project / dump).exists()


class Server(Database, Discretion):
    """What databases are tested for that are servers."""

    sql: ClassVar[tuple[str, ...]]  # the client as the application, which reads statements
    forbidden: ClassVar[tuple[str, ...]]  # statements that are beyond the application
    denial: ClassVar[str]  # what the server says then

    def test_the_role_is_held_to_its_database(self, production: Stack) -> None:
        for statement in self.forbidden:
            result = self.execute(production, statement)
            assert result.returncode != 0, statement
            assert re.search(self.denial, result.stdout), result.stdout

    def test_the_role_owns_its_database(self, production: Stack) -> None:
        statements = "CREATE TABLE tides (id INTEGER); DROP TABLE tides;"
        assert self.execute(production, statements).returncode == 0

    def test_a_password_of_any_characters_lets_the_service_in(
        self, project: Path, production: Stack
    ) -> None:
        secret = project / "secrets" / "database_password"
        original = secret.read_text("utf-8")
        secret.write_text("""p@ss w/o: %41?#+&'"\\$HOME`id`\\n;--""", "utf-8")
        stack = Stack(
            project,
            ("--project-name", f"{uuid.uuid4().hex[:8]}-password", *stacks.PRODUCTION),
            {"PRODUCTION_PORT": str(stacks.free_ports(1)[0])},
        )
        try:
            stack.compose("up", "--detach", "--wait")
            assert stack.ask("/ready").status == 200
        finally:
            stack.try_compose("down", "--volumes", "--timeout", "3")
            secret.write_text(original, "utf-8")

    def test_changes_of_one_row_may_meet(self, production: Stack) -> None:
        """MariaDB refuses a change after a read, where transactions see a snapshot."""
        note = production.ask("/api/notes", content={"title": "Ebb"}).json()
        url = f"http://{production.address()}/api/notes/{note['id']}"

        def change() -> set[int]:
            titles = (str(number) for number in range(20))
            return {stacks.ask(url, {"title": title}, "PUT").status for title in titles}

        assert all(statuses == {200} for statuses in stacks.all_of([change] * 6)())

    def rewrite(self, stack: Stack, statement: str) -> None:
        """Change what the database holds."""
        assert self.execute(stack, statement).returncode == 0

    def execute(self, stack: Stack, statement: str) -> Any:
        """Let the application's role execute SQL."""
        return stack.try_compose("exec", "-T", "database", *self.sql, statement)


class Postgresql(Server):
    """What is PostgreSQL's own."""

    folder = "/var/lib/postgresql"
    sql = ("psql", "--username=app", "--set=ON_ERROR_STOP=1", "app", "--command")
    forbidden = (
        "CREATE ROLE intruder",
        "CREATE DATABASE elsewhere",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/run/secrets/database_admin_password')",
    )
    denial = "permission denied"

    def test_the_role_is_no_superuser(self, production: Stack) -> None:
        sql = (
            "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
            " FROM pg_roles WHERE rolname = 'app'"
        )
        answer = self.execute(production, sql)
        assert answer.stdout.split()[-3:] == ["f", "(1", "row)"]


class MysqlProtocol(Server):
    """What MySQL and MariaDB have in common."""

    folder = "/var/lib/mysql"
    forbidden = (
        "CREATE USER intruder",
        "CREATE DATABASE elsewhere",
        "CREATE DATABASE app_test",
        "GRANT ALL ON app.* TO healthcheck@localhost",
        "SELECT * FROM mysql.user",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
    )
    denial = "denied"


class Sqlite(Database):
    """The database that is a file."""

    keeper = "migrate"
    folder = "/data"
    owner = 10001

    def rewrite(self, stack: Stack, statement: str) -> None:
        """Change what the database holds."""
        stack.compose("exec", "-T", "web", "python", "-m", "sqlite3", "/data/app.db", statement)
