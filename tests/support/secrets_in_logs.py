"""What logs never tell, whatever happens to a service and its database."""

import json
import re
import time
import uuid

import generated
import programs
import stacks
from attacks import send, tells
from stacks import Stack

LONGEST_LINE = 2**14  # bytes, of which Docker makes two lines
TIMEOUT = 5  # seconds that a connection to the database may take
REFUSED = "patient"

REFUSE = f"ALTER TABLE notes ADD CONSTRAINT refused CHECK (body NOT LIKE '{REFUSED}%')"
TAKE = "ALTER TABLE notes DROP CONSTRAINT refused"
CHANGE_PASSWORD = {
    "postgresql": "ALTER ROLE app PASSWORD '%s'",
    "mariadb": "SET PASSWORD = PASSWORD('%s')",
    "mysql": "SET PASSWORD = '%s'",
}


class Discretion:
    """What the logs of web services with a database server never tell."""

    def test_logs_tell_neither_secrets_nor_what_was_sent(self, production: Stack) -> None:
        database = Database(production)
        sent = uuid.uuid4().hex
        url = f"http://{production.address()}/api/notes?token={sent}"
        content = {"title": sent, "body": f"{REFUSED} {sent}"}
        answers = {}

        malformed = f"GET /api?token={sent} HTTP/9.9\r\nHost: localhost\r\n\r\n"
        send(production.address(), malformed.encode())
        database.execute(REFUSE)
        answers["refuses the note"] = stacks.ask(url, content).status
        database.execute(TAKE)

        production.compose("stop", "database")
        answers["is away"] = stacks.ask(url, content).status
        migration = production.try_compose("run", "--rm", "--no-deps", "-T", "migrate")
        assert migration.returncode != 0
        database.start()

        database.change_password(uuid.uuid4().hex)
        production.compose("stop", "database")  # with the connections that it has let in
        database.start()
        answers["refuses the login"] = stacks.ask(url, content).status
        database.change_password(database.secrets[0])

        production.compose("pause", "database")
        late = stacks.all_of([lambda: stacks.ask(url, content).status])
        time.sleep(TIMEOUT + 2)
        production.compose("unpause", "database")
        (status,) = late()  # MySQL's driver waits on
        assert status in (201, 503)
        stacks.eventually(lambda: production.ask("/ready").status == 200)

        assert answers == {"refuses the note": 500, "is away": 503, "refuses the login": 503}
        logs = {
            container["Name"]: programs.run("docker", "logs", container["Id"])
            for container in production.containers()
        }
        logs["the migration"] = migration.stdout
        for name, text in logs.items():
            for word in (*database.secrets, sent):
                assert not tells(text, word), name
        check_lines("".join(text for name, text in logs.items() if "-web-" in name))
        check_lines("".join(re.findall("^{.*\n", migration.stdout, re.MULTILINE)))


def check_lines(text: str) -> None:
    """Check that logs are lines of JSON which name what failed, and that no engine cuts them."""
    lines = text.splitlines()
    assert max(map(len, map(str.encode, lines))) < LONGEST_LINE
    entries = [json.loads(line) for line in lines]
    causes = [stack["exc_type"] for entry in entries for stack in entry.get("exception", ())]
    causes += [entry["error"] for entry in entries if "error" in entry]
    assert any("OperationalError" in cause for cause in causes)


class Database:
    """The server of a stack, used as the application's role."""

    def __init__(self, stack: Stack) -> None:
        """Read its secrets."""
        self.stack = stack
        folder = stack.project / "secrets"
        names = ("database_password", "database_admin_password")
        self.secrets = [(folder / name).read_text("utf-8") for name in names]
        for keys in folder.glob("secret_key"):
            self.secrets += keys.read_text("utf-8").split()
        self.password = self.secrets[0]
        self.kind = str(generated.read_answers(stack.project)["database"])

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.stack.compose("up", "--detach", "--wait", "--no-recreate", "--no-deps", "database")

    def execute(self, statement: str) -> None:
        """Execute SQL."""
        if self.kind == "postgresql":
            client: tuple[str, ...] = ("psql", "--username=app", "app", "--command")
        else:
            client = (self.kind, "--user=app", "app", "--execute")
        run = ("exec", "-T", f"--env=MYSQL_PWD={self.password}", "database")
        self.stack.compose(*run, *client, statement)

    def change_password(self, password: str) -> None:
        """Give the role another password than the one that the application knows."""
        self.execute(CHANGE_PASSWORD[self.kind] % password)
        self.password = password
