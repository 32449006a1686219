"""What is wrong with an answer: each validator of copier.yml, as a filter.

A filter says how to answer, the example first, since a prompt shows the start of a sentence only;
it says nothing where all is well.
"""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment
from jinja2.ext import Extension
from packaging.utils import canonicalize_name

TAKEN_NAMES = Path(__file__).resolve().parent.parent / "catalogue" / "taken_names.yaml"
MANAGERS = ("uv", "pip", "poetry", "pipenv")
SERVERS = ("database", "cache")  # that services of a workspace can share
FORMATS = ("wheel", "zipapp", "binary", "deb", "rpm", "conda")  # of a program's packages
# Names under which something else is found in the networks of a workspace: the Compose services of
# projects, and what belongs to servers of databases
TAKEN_HOSTS = frozenset(
    """
    adminer adopted adopted-migrate beat broker cache cli database flower gateway grafana job
    localhost migrate prometheus proxy pushgateway scheduler shared-cache shared-database telemetry
    web worker
    """.split()
)
TAKEN_DATABASES = frozenset(
    """
    information-schema mysql performance-schema postgres public root sys template0 template1 test
    """.split()
)
LONGEST_ROLE = {"mysql": 32}  # in characters; others take the longest slug
BIDIRECTIONAL_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# What generated projects hold beside their package.
RESERVED_PACKAGES = frozenset(
    """
    conftest giving_up migrations otlp_receiver scripts servers src temporary_database test tests
    """.split()
)


def text_problem(text: str, maximum: int = 200) -> str:
    """Say what is wrong with a line of free text; "" if nothing is."""
    example = "Try Keeps track of ships"
    if len(text) > maximum:
        return f"{example}: {maximum} characters at most"
    # Control, surrogate and unassigned characters, and ends of lines and paragraphs
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Cn", "Zl", "Zp") for letter in text):
        return f"{example}: one line without control characters"
    if BIDIRECTIONAL_CONTROLS.search(text):
        return f"{example}: without invisible direction marks"
    if text != text.strip():
        return f"{example}: without spaces at its ends"
    return ""


def name_problem(name: str) -> str:
    """Say what is wrong with a project's display name; "" if nothing is."""
    if not re.fullmatch(r"[^\W\d_][\w .&'()+-]{0,59}", name) or name != name.strip():
        return "Try Harbour API: up to 60 letters, digits, spaces and .&'()+-_, a letter first"
    return text_problem(name)


@cache
def read_taken_names() -> Mapping[str, frozenset[str]]:
    """Map "distributions" and "packages" to the names that dependencies have, with underscores."""
    listed = yaml.safe_load(TAKEN_NAMES.read_text("utf-8"))
    return {kind: frozenset(names) for kind, names in listed.items()}


def slug_problem(slug: str, workspace: str = "", services: Sequence[str] = ()) -> str:
    """Say what is wrong with a repository name, in a workspace or not; "" if nothing is."""
    if len(slug) > 50 or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug):
        return (
            "Try harbour-api: up to 50 lower-case ASCII letters, digits and single hyphens,"
            " a letter first"
        )
    if slug.replace("-", "_") in read_taken_names()["distributions"]:
        return f"Try {slug}-service: a dependency is called {slug}"
    if shares_projects(slug, workspace):
        return f"Try {slug}-service: Compose takes it for a project of the workspace {workspace}"
    for name in services:
        if shares_projects(slug, name):
            return f"Try {slug}-workspace: Compose takes it for a project of the service {name}"
    return ""


def workspace_problem(workspace: str, slug: str) -> str:
    """Say what is wrong with the name of a service's workspace; "" if nothing is or there is none.

    Nothing installs it, so that it may be called like a dependency.
    """
    if not workspace:
        return ""
    if len(workspace) > 50 or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", workspace):
        return "Try harbour: the project_slug of the workspace, or nothing"
    if shares_projects(slug, workspace):
        return f"Try another: Compose takes {workspace} for a project of the service {slug}"
    return ""


def shares_projects(one: str, other: str) -> bool:
    """Say whether two names give the same project of Compose, in development or production."""
    return not {one, f"{one}-production"}.isdisjoint({other, f"{other}-production"})


def unless_of_workspace(answer: str, in_workspace: bool) -> str:
    """Refuse a pipeline, bot or proxy for a service of a workspace, whose root has them."""
    if in_workspace and answer != "none":
        return "Try none: the root of a workspace has one for all its services"
    return ""


def servers_problem(servers: Any, has_server_database: bool, has_cache: bool) -> str:
    """Say what is wrong with a list of servers that a service shares; "" if nothing is."""
    names = servers.replace(",", " ").split() if isinstance(servers, str) else servers
    if not isinstance(names, list) or not all(name in SERVERS for name in map(str, names)):
        return f"Try [database]: of {' and '.join(SERVERS)}, or nothing"
    if len(set(names)) < len(names):
        return "Try [database]: each server once"
    has = {"database": has_server_database, "cache": has_cache}
    for name in names:
        if not has[name]:
            return f"Try []: it uses no {name} server, so it cannot share one"
    return ""


def package_problem(name: str) -> str:
    """Say what is wrong with an import name; "" if nothing is."""
    if len(name) > 50 or not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        return (
            "Try harbour_api: up to 50 lower-case ASCII letters, digits and single underscores,"
            " a letter first"
        )
    if (
        keyword.iskeyword(name)
        or keyword.issoftkeyword(name)
        or name.startswith("test_")  # pytest's own modules, which the tests import
        or name in sys.stdlib_module_names.union(RESERVED_PACKAGES, *read_taken_names().values())
    ):
        stem = name.removeprefix("test_")[:42].rstrip("_")
        return f"Try {stem}_service: Python or a dependency already uses the name {name}"
    return ""


def free_slug(slug: str) -> str:
    """Keep a repository name that can be taken, and complete one that a dependency has."""
    return example_of(slug_problem(slug)) or slug


def free_package(name: str) -> str:
    """Keep an import name that can be taken, and complete one that is in use."""
    return example_of(package_problem(name)) or name


def example_of(problem: str) -> str:
    """Find the example in what a validator says."""
    return problem.removeprefix("Try ").partition(": ")[0]


def email_problem(address: str) -> str:
    """Say what is wrong with an e-mail address; "" if nothing is or there is none."""
    label = "[A-Za-z0-9-]{1,63}"
    pattern = rf"[\w.+-]{{1,64}}@{label}(\.{label})+"
    if address and not re.fullmatch(pattern, address, re.ASCII):
        return "Try ada@example.com: an e-mail address, or nothing"
    return ""


def port_problem(port: int, in_workspace: bool = False) -> str:
    """Say what is wrong with a port number; "" if nothing is."""
    if in_workspace and port != 8000:
        return "Try 8000: the gateway of a workspace finds each service at the same port"
    if not 1024 <= port <= 65535:
        return "Try 8000: a port that needs no privileges, 1024 to 65535"
    return ""


def deployment_problem(deployment: str, is_possible: bool, is_cli: bool, uses_sqlite: bool) -> str:
    """Say why a project cannot run where it should; "" if it can."""
    if deployment != "kubernetes" or is_possible:
        return ""
    if is_cli:
        return "Try compose: a program is run by people, not by a cluster"
    if uses_sqlite:
        return "Try compose, or another database: replicas on several machines cannot share a file"
    return "Try compose: an adopted application has manifests of its own"


def services_problem(services: Any, database: str) -> str:
    """Say what is wrong with the list of a workspace's services; "" if nothing is."""
    names = services.replace(",", " ").split() if isinstance(services, str) else services
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return "Try [users, products]: a list of names, which are those of folders in services"
    for name in names:
        if problem := slug_problem(name):
            return problem
        if name in TAKEN_HOSTS | TAKEN_DATABASES or name.startswith("pg-"):
            return f"Try {name}-service: something else is called {name} where services meet"
        if len(name) > LONGEST_ROLE.get(database, 50):
            return f"Try {name[:20].rstrip('-')}: {LONGEST_ROLE[database]} characters at most"
    if len(set(names)) < len(names):
        return "Try [users, products]: each name once"
    for name in names:
        for other in names:
            if name != other and shares_projects(name, other):
                return f"Try {name}-service: Compose takes {name} for a project of {other}"
            if name in {f"{other}-a", f"{other}-b", f"{other}-c"}:
                return f"Try {name}-service: while {other} is deployed, its replicas are {name}"
    return ""


def calls_problem(calls: Any, services: list[str]) -> str:
    """Say what is wrong with the table of who calls whom; "" if nothing is."""
    example = "Try {shop: [users, products]}"
    table = calls if isinstance(calls, dict) else None
    if table is None or not all(isinstance(callees, list) for callees in table.values()):
        return f"{example}: each caller with the list of services that it calls"
    for caller, callees in table.items():
        for name in (caller, *callees):
            if name not in services:
                return f"{example}: {name} is not among the services"
        if caller in callees or len(set(callees)) < len(callees):
            return f"{example}: each service once, and none that calls itself"
    return ""


def managers_problem(managers: Any, services: list[str]) -> str:
    """Say what is wrong with the table of services with another manager; "" if nothing is."""
    example = "Try {shop: poetry}"
    if not isinstance(managers, dict) or any(each not in MANAGERS for each in managers.values()):
        return f"{example}: each service with one of {', '.join(MANAGERS)}"
    for name in managers:
        if name not in services:
            return f"{example}: {name} is not among the services"
    return ""


def own_files_problem(paths: Any) -> str:
    """Say what is wrong with the list of what an adopted application had; "" if nothing is."""
    if not isinstance(paths, list) or any(
        not isinstance(path, str) or not path or path != path.strip("/\n") or "\n" in path
        for path in paths
    ):
        return "Try [app.py, templates]: a list of paths within the project"
    return ""


def entry_point_problem(entry_point: str) -> str:
    """Say what is wrong with how an adopted application is started; "" if nothing is."""
    module = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
    program = rf"python (-m {module}|[\w./-]+\.py)( [\w./:=@,+-]+)*"
    if not re.fullmatch(rf"{module}:[A-Za-z_]\w*(\(\))?|{program}", entry_point, re.ASCII):
        return (
            "Try app:app, shop:create_app() or python main.py: the module with the application"
            " or its factory, or the program"
        )
    return ""


def settings_problem(settings: str) -> str:
    """Say what is wrong with the name of Django's settings; "" if nothing is or there is none."""
    if settings and not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", settings, re.ASCII):
        return "Try config.settings: a module, or nothing"
    return ""


def scheme_problem(scheme: str, dialects: tuple[str, ...]) -> str:
    """Say what is wrong with how the URL of a database is to begin; "" if nothing is."""
    if dialects and not re.fullmatch(rf"({'|'.join(dialects)})(\+[a-z0-9_]+)?", scheme):
        return f"Try {dialects[0]}: a kind of database, and a driver if need be"
    return ""


def packages_problem(packages: Any, base_image: str) -> str:
    """Say what is wrong with a list of a distribution's packages, or a text of them; "" if nothing.

    Debian: policy 5.6.1, but for a "-" at the end, by which apt-get removes a package. Alpine:
    what abuild accepts.
    """
    is_alpine = base_image == "alpine"
    name = r"[A-Za-z0-9][A-Za-z0-9+._-]*" if is_alpine else r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.]"
    example = "Try " + ("gdal-dev geos-dev" if is_alpine else "libgdal-dev libgeos-dev")
    names = packages.replace(",", " ").split() if isinstance(packages, str) else packages or []
    for package in names if isinstance(names, list) else [names]:
        if not isinstance(package, str) or len(package) > 100 or not re.fullmatch(name, package):
            return f"{example}: names of the distribution's packages, or nothing"
    if len(set(names)) < len(names):
        return f"{example}: each package once"
    return ""


def large_problem(names: Any) -> str:
    """Say what is wrong with a list of dependencies, or a text of them; "" if nothing is."""
    example = "Try [torch, scipy]"
    listed = names.replace(",", " ").split() if isinstance(names, str) else names or []
    for name in listed if isinstance(listed, list) else [listed]:
        if not isinstance(name, str) or not re.fullmatch(
            r"[a-z0-9]([a-z0-9._-]{0,98}[a-z0-9])?", name, re.ASCII | re.IGNORECASE
        ):
            return f"{example}: names of packages, without versions, or nothing"
    if len({canonicalize_name(name) for name in listed}) < len(listed):
        return f"{example}: each package once"
    return ""


def without_shell_problem(packages: Any, has_shell: bool) -> str:
    """Say what is wrong with packages for an image that may be unable to install any."""
    if packages and not has_shell:
        return (
            "Try []: an image without a shell installs nothing, so list os_packages_build, from"
            " which it takes the libraries that dependencies need, or choose base_image slim"
        )
    return ""


def formats_problem(formats: Any, base_image: str, os_packages_runtime: Any) -> str:
    """Say what is wrong with a list of the packages that a program comes in; "" if nothing is."""
    names = formats.replace(",", " ").split() if isinstance(formats, str) else formats
    if not isinstance(names, list) or not all(name in FORMATS for name in map(str, names)):
        return f"Try [wheel, deb]: of {', '.join(FORMATS)}"
    if "wheel" not in names or len(set(names)) < len(names):
        return "Try [wheel, deb]: each once, and the wheel, of which the others are made"
    if len(names) > 1 and (base_image not in ("slim", "full") or os_packages_runtime):
        return (
            "Try [wheel]: the others hold the wheels of the production image, so that base_image"
            " must be slim or full, and os_packages_runtime empty"
        )
    return ""


class Answers(Extension):
    """Gives the questions these validators."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        for function in (
            name_problem,
            slug_problem,
            package_problem,
            free_slug,
            free_package,
            text_problem,
            email_problem,
            port_problem,
            packages_problem,
            workspace_problem,
            unless_of_workspace,
            servers_problem,
            deployment_problem,
            large_problem,
            without_shell_problem,
            formats_problem,
            services_problem,
            calls_problem,
            managers_problem,
            own_files_problem,
            entry_point_problem,
            settings_problem,
            scheme_problem,
        ):
            environment.filters[function.__name__] = function
