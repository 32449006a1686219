"""Whatever a file may be on the machine of whoever cloned a project: its containers can read it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import adoption
import generated
import programs
import pytest
import updating

UMASKS = (0o027, 0o077)
TO_READ, TO_RUN = "644", "755"  # folders need the second


@pytest.fixture(scope="module", params=adoption.NAMES)
def adopted(
    request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Adopt each application."""
    project = adoption.copy_application(request.param, tmp_path_factory.mktemp("adopted"))
    adoption.adopt(template, project)
    return project


def check(project: Path) -> None:
    """Check that nothing in a container has the mode that it happens to have outside."""
    check_copies(project)
    check_development(project)
    check_production(project)


def test_no_mode_in_a_container_is_that_of_the_work_tree(project: Path) -> None:
    check(project)


def test_no_mode_in_an_adopted_container_is_that_of_the_work_tree(adopted: Path) -> None:
    check(adopted)


def check_copies(project: Path) -> None:
    """Check that what is copied where root does not stay the user gets a mode."""
    copies = [
        copied
        for file in generated.files(project, "**/Dockerfile*")
        for copied in copied_to_users(file)
    ]
    assert copies, "no image holds anything"
    for options, sources, target in copies:
        mode = dict(option.split("=") for option in options).get("--chmod")
        is_plain = all(
            re.search(r"\.(conf|ini|py|template|toml|txt)$", source) for source in sources
        )
        # BuildKit gives a folder that it makes for them the same mode, from Docker 28.1 on.
        is_plain = is_plain and (target == "./" or not target.endswith("/"))
        assert mode in ((TO_READ, TO_RUN) if is_plain else (TO_RUN,)), (options, sources)


def copied_to_users(dockerfile: Path) -> Iterator[tuple[list[str], list[str], str]]:
    """List options, sources and target of what a Dockerfile copies from the build context.

    Root reads everything, so only those stages count that end as another user.
    """
    text = re.sub(r"\\\n\s*", "", dockerfile.read_text("utf-8"))
    for stage in re.split(r"^(?=FROM )", text, flags=re.MULTILINE):
        users = re.findall(r"^USER (\S+)$", stage, re.MULTILINE)
        if users and users[-1].split(":")[0] not in ("0", "root"):
            for line in re.findall(r"^(?:COPY|ADD) (.+)$", stage, re.MULTILINE):
                words = line.split()
                options = [word for word in words if word.startswith("--")]
                if not any(option.startswith("--from=") for option in options):
                    *sources, target = [word for word in words if word not in options]
                    yield options, sources, target


def check_development(project: Path) -> None:
    """Check that what is mounted is read by root, or by the owner, whom the process becomes."""
    for name, service in services_of(project, "compose.yaml", "compose.override.yaml").items():
        for source, target in binds(service):
            if source in (".", "../../libs"):
                assert service["image"].endswith(":development"), name
                assert "setpriv" in (project / "scripts" / "start-dev.sh").read_text("utf-8")
            elif service.get("user") != "0":
                assert f"install -m 755 {target} " in " ".join(service["entrypoint"]), name


def check_production(project: Path) -> None:
    """Check that production mounts nothing but what "make secrets" lets everybody read."""
    services = services_of(project, "compose.yaml", "compose.prod.yaml")
    mounted = {source for service in services.values() for source, _ in binds(service)}
    mounted.discard("${FILES:-.}")  # what a program works on: README.md says whom to run it as
    compose = generated.parse(project / "compose.prod.yaml")
    mounted |= {secret["file"] for secret in compose.get("secrets", {}).values()}
    if not mounted:
        return
    for umask in UMASKS:
        checkout = updating.clone(project, umask)
        (checkout / "secrets" / "database_password").touch(0o600)  # taken from elsewhere
        make_secrets(checkout, umask)
        for path in mounted:
            assert (checkout / path).stat().st_mode & 0o004, path
        assert (checkout / "secrets").stat().st_mode & 0o077 == 0


def make_secrets(project: Path, umask: int) -> None:
    """Make the secrets of production under a umask."""
    with generated.umask(umask):
        if (project / "scripts" / "secrets.sh").exists():
            programs.run("sh", project / "scripts" / "secrets.sh")
        else:
            programs.run("make", "--silent", "-C", project, "secrets")


def services_of(project: Path, *files: str) -> dict[str, Any]:
    """Merge the services of Compose files, as far as mounts go."""
    merged: dict[str, Any] = {}
    for file in files:
        for name, service in generated.parse(project / file)["services"].items():
            if not isinstance(service, dict):  # a tag of Compose takes it away
                del merged[name]
                continue
            known = merged.setdefault(name, {"volumes": []})
            volumes = [*known["volumes"], *service.get("volumes", [])]
            merged[name] = {**known, **service, "volumes": volumes}
    return merged


def binds(service: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """List the source and the target of what a service mounts from the work tree."""
    for volume in service["volumes"]:
        source, target = re.sub(r":(ro,)?z$|:ro$", "", volume).rsplit(":", 1)
        if re.match(r"[.$/~]", source):
            yield source, target
