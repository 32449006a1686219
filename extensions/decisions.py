"""The decisions: answers in, facts about the generated repository out.

``copier.yml`` asks, this module decides, ``template/`` writes. What follows from one answer is a
table, ``catalogue/choices.yaml``; what follows from several is decided here, by subject.
"""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import re
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from copier_template_extensions import ContextHook
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CATALOGUE = Path(__file__).resolve().parent.parent / "catalogue"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C it takes a tenth of the time
LAYERS = ("base", "production", "testing", "development")
# Of what people install, beside the wheel: each is made of it, and of those that the lock names
BUILT_FORMATS = ("zipapp", "binary", "deb", "rpm", "conda")
# Or texts, with spaces or commas
LISTS = (
    "os_packages_build",
    "os_packages_runtime",
    "large_dependencies",
    "package_formats",
    "services",
    "shared_servers",
)


@dataclasses.dataclass(frozen=True)
class Answers:
    """The answers that decide."""

    project_slug: str = ""
    framework: str = ""
    dependency_manager: str = ""
    database: str = ""
    base_image: str = ""
    python_version: str = ""
    cache: str = ""
    task_queue: str = ""
    workspace: str = ""
    shared_servers: tuple[str, ...] = ()
    reverse_proxy: str = ""
    telemetry: str = ""
    deployment: str = ""
    license: str = ""
    os_packages_build: tuple[str, ...] = ()
    os_packages_runtime: tuple[str, ...] = ()
    large_dependencies: tuple[str, ...] = ()
    package_formats: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    calls: tuple[tuple[str, tuple[str, ...]], ...] = ()  # caller and callees
    other_managers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    own_files: tuple[str, ...] = ()
    entry_point: str = ""
    database_scheme: str = ""

    @classmethod
    def of(cls, context: Mapping[str, Any]) -> Answers:
        """Find them in a context, where some may be missing yet, and others yet to be refused."""
        found: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            answer = context.get(field.name)
            if isinstance(answer, str) and field.name in LISTS:
                answer = answer.replace(",", " ").split()
            if field.name in ("calls", "other_managers"):
                found[field.name] = pairs_of(answer)
            elif isinstance(answer, list) and field.default == ():
                found[field.name] = tuple(name for name in answer if isinstance(name, str))
            elif isinstance(answer, str) and field.default == "":
                found[field.name] = answer
        for question, choices in read_choices().items():
            if found.get(question) not in choices:
                found[question] = next(iter(choices))
        return cls(**found)


class Decisions:
    """What the template files read: every attribute is one fact about the generated repository."""

    # Facts of catalogue/choices.yaml from which others follow
    service: str
    is_web: bool
    is_asynchronous: bool
    runtime_package_manager: str
    manager_needs: str
    manager_is_here: str
    manifests: list[str]
    locks: list[str]
    license_id: str
    database_protocol: str
    database_dialects: list[str]
    database_port: int
    worker_driver: str
    asynchronous_driver: str
    python_packages: list[str]
    installer_packages: list[str]
    missing_packages: list[str]

    def __init__(self, answers: Answers) -> None:
        self.is_adopted = bool(answers.own_files)  # it was an application before
        self.is_workspace = answers.framework == "workspace"  # of several services
        # Which folder of the template becomes the repository
        trees = {
            "template-other/adopted": self.is_adopted,
            "template-other/workspace": self.is_workspace,
        }
        self.tree = [*chosen(trees), "template"][0]
        self.has_package = not (self.is_adopted or self.is_workspace)
        self.decide_framework(answers)
        self.decide_database(answers)
        self.decide_cache_and_queue(answers)
        self.decide_workspace(answers)
        self.decide_own_packages(answers)
        self.decide_proxy(answers)
        self.decide_telemetry(answers)
        self.decide_own_application(answers)
        self.decide_service_list(answers)
        self.decide_services()
        self.decide_environment()
        self.decide_secrets()
        self.decide_base_image(answers)
        self.decide_dependencies(answers)
        self.decide_distribution_packages(answers)
        self.decide_packages(answers)
        self.decide_images(answers)
        self.decide_image_files()
        self.decide_limits()
        self.decide_deployment(answers)

    def look_up(self, question: str, choice: str) -> None:
        """Take over what follows from a choice alone."""
        vars(self).update(read_choices()[question][choice])

    def decide_framework(self, answers: Answers) -> None:
        """Decide what kind of program it is."""
        self.look_up("framework", answers.framework)
        self.look_up("license", answers.license)
        self.is_fastapi = answers.framework == "fastapi"
        self.is_flask = answers.framework == "flask"
        self.is_cli = answers.framework == "cli"
        self.is_job = answers.framework == "job"
        # To the public index, from where nobody takes it back
        self.publishes_package = self.is_cli and answers.license != "proprietary"

    def decide_database(self, answers: Answers) -> None:
        """Decide where it keeps its data."""
        self.look_up("database", answers.database)
        self.has_database = answers.database != "none"
        self.has_server_database = bool(self.database_port)
        self.uses_postgresql = answers.database == "postgresql"
        self.uses_mysql_protocol = self.database_protocol == "mysql-protocol"
        self.uses_sqlite = self.has_database and not self.has_server_database
        self.keeps_time_zones = self.uses_postgresql

        # SQLAlchemy's "dialect+driver", "" without a database
        self.database_driver = (
            self.asynchronous_driver if self.is_asynchronous else self.worker_driver
        )
        if self.is_adopted and self.has_database:
            self.database_driver = answers.database_scheme or self.database_dialects[0]
        # Where containers have the volume "data"; a program finds the files of its user in /data.
        self.data_path = f"/var/lib/{answers.project_slug}" if self.is_cli else "/data"
        # A file that a program makes and migrates by itself
        self.keeps_own_database = self.is_cli and self.uses_sqlite
        self.database_url = ""  # in containers, without the password
        self.database_example = ""  # a URL elsewhere
        if self.has_server_database:
            address = f"{self.database_port}/app"
            self.database_url = f"{self.database_driver}://app@database:{address}"
            self.database_example = f"{self.database_dialects[0]}://app@localhost:{address}"
        elif self.has_database:
            address = f"/{self.data_path}/app.db"
            self.database_url = f"{self.database_driver}://{address}"
            self.database_example = f"{self.database_dialects[0]}://{address}"

        # The Makefile can dump production's; an image that is the program runs no other command.
        self.dumps_production = self.has_server_database or (self.uses_sqlite and not self.is_cli)
        # The sample domain is notes; it is texts otherwise.
        self.has_notes = self.has_database and self.is_web
        # It does so in a volume of its own.
        self.keeps_files = self.uses_sqlite or (self.is_job and not self.has_server_database)
        # What keeps runs of a job apart: "file" or the database's protocol
        self.job_lock = self.database_protocol if self.has_server_database else "file"

    def decide_cache_and_queue(self, answers: Answers) -> None:
        """Decide what remembers for it, and what works in the background."""
        self.may_have_cache = not self.is_cli
        self.may_have_task_queue = self.is_web and not self.is_adopted
        cache = answers.cache if self.may_have_cache else "none"
        self.look_up("cache", cache)
        self.has_cache = cache != "none"
        self.has_task_queue = self.may_have_task_queue and answers.task_queue == "celery"
        self.uses_redis = self.has_cache or self.has_task_queue  # the protocol; Valkey speaks it
        self.broker = cache if self.has_cache else "valkey"
        self.broker_title = read_choices()["cache"][self.broker]["cache_title"]
        # To a database or cache; an application closes them at its end.
        self.keeps_connections = self.has_database or self.has_cache

    def decide_workspace(self, answers: Answers) -> None:
        """Decide what it has in common with other services of its repository."""
        self.may_be_in_workspace = self.is_web and not self.is_adopted
        self.in_workspace = self.may_be_in_workspace and bool(answers.workspace)
        shared = answers.shared_servers if self.in_workspace else ()
        self.shares_database = self.has_server_database and "database" in shared
        self.shares_cache = self.has_cache and "cache" in shared
        # Servers that it does not have for itself there
        self.shared_services = chosen(
            {"database": self.shares_database, "cache": self.shares_cache}
        )
        # Of its role on a shared server, and of its database
        self.shared_name = answers.project_slug.replace("-", "_")
        # Where they are, in place of what "environment" says
        self.shared_environment: dict[str, str] = {}
        if self.shares_database:
            address = f"shared-database:{self.database_port}/{self.shared_name}"
            url = f"{self.database_driver}://{self.shared_name}@{address}"
            self.shared_environment["DATABASE_URL"] = url
        if self.shares_cache:
            self.shared_environment["CACHE_URL"] = "redis://shared-cache:6379/0"
        # Of the gateway and all services in production
        self.workspace_subnet = subnet_of(answers.workspace)

    def decide_own_packages(self, answers: Answers) -> None:
        """Decide where packages of one's own are found."""
        # Where development's containers have the project, and where the image of production is
        # built: as deep as in its repository, so that paths to what lies beside it are the same.
        depth = f"/services/{answers.project_slug}" if self.in_workspace else ""
        self.work_tree = f"/app{depth}"
        self.build_folder = f"/build{depth}"
        # Where packages of one's own are, and how one is named
        self.libs = ["libs", "../../libs"] if self.in_workspace else ["libs"]
        self.own_package = "../../libs/quay" if self.in_workspace else "./libs/quay"
        # With which images are built
        self.build_options = "--build-context libs=../../libs " if self.in_workspace else ""

    def decide_proxy(self, answers: Answers) -> None:
        """Decide what stands in front of it."""
        self.has_deploy = self.is_web and not self.is_adopted  # "make deploy", whatever does
        self.may_have_proxy = self.has_deploy and not self.in_workspace
        self.has_proxy = self.may_have_proxy and answers.reverse_proxy == "nginx"
        # What stands in front in production: "none", "nginx" or "gateway"
        self.front = "gateway" if self.in_workspace else "nginx" if self.has_proxy else "none"
        # It sends requests to new replicas before the old ones end.
        self.deploys_without_gap = self.has_deploy and self.front != "none"
        # Of Compose's, in a setting that owners have since there is one
        self.trusts_one_network = self.has_proxy and self.is_flask
        # Between the proxy and the service, unless PROXY_SUBNET says otherwise
        self.proxy_subnet = subnet_of(answers.project_slug)

    def decide_telemetry(self, answers: Answers) -> None:
        """Decide what it tells of itself, beside its logs."""
        self.may_have_telemetry = not (self.is_cli or self.is_adopted or self.is_workspace)
        self.uses_opentelemetry = self.may_have_telemetry and answers.telemetry == "opentelemetry"
        self.uses_prometheus = self.may_have_telemetry and answers.telemetry == "prometheus"
        self.has_telemetry = self.uses_opentelemetry or self.uses_prometheus
        # Also to a collector, or from Prometheus
        self.opens_connections = self.keeps_connections or self.has_telemetry
        # A job has ended before anybody could ask it.
        self.pushes_metrics = self.uses_prometheus and self.is_job
        self.serves_metrics = self.uses_prometheus and not self.is_job

    def decide_services(self) -> None:
        """Decide which services Compose starts, in the order of its files."""
        own = {
            "adopted" if self.is_adopted else self.service: True,
            "adopted-migrate": bool(self.migrate_command),
            "scheduler": self.is_job,
            "worker": self.has_task_queue,
            "beat": self.has_task_queue,
            "migrate": self.has_database and not self.is_adopted,
        }
        pulled = {
            "database": self.has_server_database,
            "cache": self.has_cache,
            "broker": self.has_task_queue,
        }
        tools = {
            "adminer": self.has_server_database,
            "flower": self.has_task_queue,
            "telemetry": self.uses_opentelemetry,
            "pushgateway": self.pushes_metrics,
            "prometheus": self.uses_prometheus,
            "grafana": self.uses_prometheus,
        }
        # Of the development services of a workspace, beside the application: port variable -> port
        ports: dict[str, dict[str, int]] = {
            "database": {"DATABASE_PORT": self.database_port},
            "cache": {"CACHE_PORT": 6379},
            "broker": {"BROKER_PORT": 6379},
            "adminer": {"ADMINER_PORT": 8080},
            "flower": {"FLOWER_PORT": 5555},
            "telemetry": {"TELEMETRY_PORT": 3000},
            "prometheus": {"PROMETHEUS_PORT": 9090},
            "grafana": {"TELEMETRY_PORT": 3000},
        }
        started = [name for name in chosen({**pulled, **tools}) if name not in self.shared_services]
        self.tool_ports = {name: ports[name] for name in started if name in ports}
        self.pulled_services = chosen(pulled)  # their images are not built here
        self.compose_services = [*chosen(own), *self.pulled_services]
        self.development_services = [*self.compose_services, *chosen(tools)]
        own_services = [name for name in self.compose_services if name not in self.shared_services]
        self.production_services = [*own_services, *chosen({"proxy": self.has_proxy})]
        # What Compose starts before the application, and until when it waits
        self.needs: dict[str, str] = {}
        if "migrate" in self.compose_services or self.migrate_command:
            self.needs["migrate"] = "service_completed_successfully"
        elif self.has_server_database:
            self.needs["database"] = "service_healthy"
        for name in chosen({"cache": self.has_cache, "broker": self.has_task_queue}):
            self.needs[name] = "service_healthy"
        # In a workspace
        self.workspace_needs = {
            name: until for name, until in self.needs.items() if name not in self.shared_services
        }
        # Of these, those without which the application answers
        self.optional_services = chosen(
            {"cache": self.has_cache and not self.is_adopted, "broker": self.has_task_queue}
        )
        # The application's that run until they are stopped
        self.lasting_services = chosen(
            {
                "web": self.is_web,
                "scheduler": self.is_job,
                "worker": self.has_task_queue,
                "beat": self.has_task_queue,
            }
        )
        self.volumes = chosen(
            {
                "database": self.has_server_database,
                "data": self.uses_sqlite or self.is_job,
                "broker": self.has_task_queue,
            }
        )
        # In production, if there is more than the usual one
        has_backend = any(name in self.pulled_services for name in own_services)
        networks = chosen({"backend": has_backend, "proxy": self.has_proxy})
        self.networks = ["default", *networks] if networks else []
        if self.in_workspace:
            self.networks = ["services", *networks, *chosen({"data": bool(self.shared_services)})]
        if self.is_workspace:
            self.decide_shared_servers()

    def decide_service_list(self, answers: Answers) -> None:
        """Decide what a workspace knows of its services."""
        self.service_names = list(answers.services)
        # Caller -> callees
        self.call_table = {caller: list(callees) for caller, callees in answers.calls}
        # Dependabot's ecosystem -> folders of the services that it updates
        self.service_folders: dict[str, list[str]] = {}
        managers, known = dict(answers.other_managers), read_choices()["dependency_manager"]
        for name in self.service_names:
            (manager,) = managers.get(name, (answers.dependency_manager,))
            ecosystem = known.get(manager, known["pip"])["ecosystem"]
            self.service_folders.setdefault(ecosystem, []).append(f"/services/{name}")

    def decide_shared_servers(self) -> None:
        """Decide what Compose starts for all services of a workspace, which are its own projects.

        They join the networks, where names such as "database" are already in use.
        """
        servers = {"shared-database": self.has_server_database, "shared-cache": self.has_cache}
        self.pulled_services = chosen(servers)
        self.compose_services = ["gateway", *self.pulled_services]
        self.development_services = self.production_services = self.compose_services

    def decide_environment(self) -> None:
        """Decide where processes find what they need."""
        # What Compose tells each process of the application
        self.environment: dict[str, str] = {}
        # What tests are told that run outside of containers
        self.test_environment: dict[str, str] = {}
        if self.has_database:
            self.environment["DATABASE_URL"] = self.database_url
        if self.has_server_database:
            example = self.database_example.replace("app@", "app:app@")
            self.test_environment["DATABASE_URL"] = example
        if self.has_cache:
            name = "REDIS_URL" if self.is_adopted else "CACHE_URL"
            self.environment[name] = "redis://cache:6379/0"
            self.test_environment["CACHE_URL"] = "redis://localhost:6379/0"
        if self.has_task_queue:
            self.environment["BROKER_URL"] = "redis://broker:6379/0"
            self.test_environment["BROKER_URL"] = "redis://localhost:6380/0"

    def decide_secrets(self) -> None:
        """Decide what only production keeps secret, in files."""
        # Flask signs its cookies.
        self.has_secret_key = self.is_flask and not self.is_adopted
        # Names of the files in secrets/, and of those that the application reads
        self.secrets = chosen(
            {
                "database_password": self.has_server_database and not self.is_workspace,
                "database_admin_password": self.has_server_database and not self.shares_database,
                "secret_key": self.has_secret_key,
            }
        )
        self.application_secrets = [
            name for name in self.secrets if name != "database_admin_password"
        ]
        # What development has in their place
        values = {"database_password": "app", "secret_key": "for-development-everybody-knows-it"}
        self.development_secrets = {name.upper(): values[name] for name in self.application_secrets}

    def decide_base_image(self, answers: Answers) -> None:
        """Decide which distribution and which Python it has."""
        self.look_up("base_image", answers.base_image)
        self.is_alpine = answers.base_image == "alpine"
        self.is_distro = answers.base_image == "distro"
        # The answer, unless the base has no such Python: a distribution has only its own.
        suffix = f"-{answers.base_image}"
        pythons = [name.split("-")[1] for name in read_images() if name.endswith(suffix)]
        is_there = answers.python_version in pythons
        self.python = answers.python_version if is_there else pythons[0]
        # In production; the development image has one in any case
        self.has_shell = self.runtime_package_manager != "none"
        # Its registry gives the base image to those only who have logged in.
        self.needs_login = answers.base_image == "hardened"
        # What starts each process of the application, as a command and the file that it runs
        self.entry_program = "sh" if self.has_shell else "python"
        self.entry_script = f"scripts/entrypoint.{'sh' if self.has_shell else 'py'}"

    def decide_dependencies(self, answers: Answers) -> None:
        """Decide what it installs from a package index, and what does that."""
        self.look_up("dependency_manager", answers.dependency_manager)
        self.manager_needs = self.manager_needs.format(python=self.python)
        self.manager_is_here = self.manager_is_here.format(python=self.python)
        self.uses_uv = answers.dependency_manager == "uv"
        self.uses_pip = answers.dependency_manager == "pip"
        self.uses_poetry = answers.dependency_manager == "poetry"
        self.uses_pipenv = answers.dependency_manager == "pipenv"
        # Where people list what the application needs
        self.listed_in = self.manifests[0]
        if self.is_adopted and self.uses_pip:
            own_lists = [*self.own_requirements, self.package_file, "containers/production.in"]
            self.listed_in = next(filter(None, own_lists))
        # pyproject.toml does, not a file of the manager.
        self.lists_dependencies = "pyproject.toml" in self.manifests
        # The folder with what pip-tools compiles, "" if nothing
        self.compiled_locks = "requirements" if self.uses_pip else ""
        if self.is_adopted:
            self.compiled_locks = "containers"

        ingredients = {
            "common",
            answers.framework,
            answers.dependency_manager,
            answers.database,
            answers.base_image,
            self.database_protocol,
            *chosen(
                {
                    "web": self.is_web,
                    "program": not self.is_web,
                    "database": self.has_database,
                    "cache": self.has_cache,
                    "celery": self.has_task_queue,
                    "nginx": self.has_proxy,
                    "services": self.in_workspace,
                    "opentelemetry": self.uses_opentelemetry,
                    "prometheus": self.uses_prometheus,
                }
            ),
        }
        # layer -> sorted requirement specifiers
        self.dependencies = {
            layer: sorted(
                (line for part, lines in files.items() if part <= ingredients for line in lines),
                key=place_of,
            )
            for layer, files in read_requirements().items()
        }
        # The requirement of what builds a package that others install
        backends = [each for each in self.dependencies["development"] if "hatchling" in each]
        self.build_backend = backends[0] if backends else ""
        self.tools = read_tools()  # name -> requirement specifier
        # Specifiers of those that look into the dependencies; uv audits its lock itself.
        audits_itself = self.uses_uv and not self.compiled_locks
        names = ("cyclonedx-bom", *(() if audits_itself else ("pip-audit",)))
        self.inspect_tools = [self.tools[name] for name in (*names, "pip-licenses", "pipdeptree")]
        # The manager has a stage of its own, from which others begin.
        self.has_tool_stage = answers.dependency_manager in self.tools
        (self.pip_tools,) = read_requirements()["development"][frozenset(["pip"])]  # specifier
        # Those that have a layer of their own in the production image, as locks name them
        large = answers.large_dependencies if self.has_package else ()
        self.large_packages = distinct(map(canonicalize_name, large))
        # The stage that is told of another index, from which those that install begin
        self.first_to_install = "large" if self.large_packages else "build"
        # URL of a repository with hooks -> revision
        self.pre_commit = read_pre_commit()

    def decide_distribution_packages(self, answers: Answers) -> None:
        """Decide what images install from their distribution, by the stage that needs it."""
        for_build, for_runtime = answers.os_packages_build, answers.os_packages_runtime
        installer = self.python_packages + ([] if self.uses_uv else self.installer_packages)
        self.tool_packages = installer if self.has_tool_stage else []
        self.inspect_packages = [] if self.has_tool_stage else installer
        self.build_packages = distinct([*self.inspect_packages, *for_build])
        needed_to_run = distinct([*self.python_packages, *for_runtime])
        self.development_packages = distinct([*self.build_packages, *needed_to_run])
        # Nothing can be installed where there is no shell.
        self.runtime_packages = needed_to_run if self.has_shell else []
        # Those that the answers name, and an answer that adds to that for builds
        self.os_packages = distinct([*for_build, *for_runtime])
        self.os_packages_example = distinct([*for_build, *self.missing_packages])
        # Python's modules among them are let in.
        self.needs_system_site_packages = self.is_distro and any(
            name.startswith("python3-") for name in for_runtime
        )
        # Unless the production image needs packages of the distribution as well
        self.vendors_wheels = not needed_to_run and not self.is_adopted

    def decide_packages(self, answers: Answers) -> None:
        """Decide in which packages people get a program, beside the wheel."""
        is_possible = self.is_cli and self.vendors_wheels and not self.is_alpine
        wanted = answers.package_formats if is_possible else ()
        self.built_formats = [name for name in BUILT_FORMATS if name in wanted]
        # Into a folder with its interpreter
        self.freezes = not {"binary", "deb", "rpm"}.isdisjoint(self.built_formats)
        # With a manual page and completion
        self.describes = not {"deb", "rpm"}.isdisjoint(self.built_formats)

    def decide_images(self, answers: Answers) -> None:
        """Decide what containers and workflows start from."""
        listed = read_images()
        runtime = listed[f"python-{self.python}-{answers.base_image}"]
        python = listed.get(f"python-{self.python}-{answers.base_image}-build", runtime)
        # role ("python", "uv", …) -> image reference or stage
        self.images = {
            **listed,
            "python": python,  # has a shell, and the same interpreter at the same path
            "runtime": runtime,
            "build": answers.dependency_manager if self.has_tool_stage else python,
            "checks": listed.get(f"python-{self.python}-{'uv' if self.uses_uv else 'full'}", ""),
            "database": listed.get(answers.database, ""),
            "cache": listed[self.broker] if self.has_cache else "",
            "broker": listed[self.broker],
            "oldest_python": listed[f"python-{self.python}-oldest"],
        }
        # role -> its image reference without the tag
        self.image_names = {role: name_of(image) for role, image in self.images.items()}
        # Those whose tag decides the version of Python
        pythons = {"python": True, "runtime": True, "checks": not self.uses_uv}
        self.python_images = distinct(self.image_names[role] for role in chosen(pythons))
        # What a workspace's services may have, whatever they answered
        self.all_python_images = distinct(
            name_of(image)
            for role, image in listed.items()
            if role.startswith("python-") and not role.endswith("-uv")
        )
        databases = [each for each in read_choices()["database"] if each in listed]
        self.database_images = [name_of(listed[each]) for each in databases]
        # "owner/name" -> "owner/name@commit # version"
        self.actions = read_actions()

    def decide_image_files(self) -> None:
        """Decide which files of the repository images have."""
        # At the top of the repository, and run with the application
        self.image_files = chosen(
            {
                "alembic.ini": self.has_database and (self.is_fastapi or self.is_job),
                "pyproject.toml": self.is_cli or self.is_fastapi,
                "gunicorn.conf.py": self.is_flask,
            }
        )
        # What a build may need
        folders = {
            "migrations/": self.has_database,
            "ca-certificates/": True,
            "libs/": True,
            "nginx/": self.has_proxy,
            "scripts/": True,
            "src/": True,
        }
        manifests = ["requirements/"] if self.uses_pip else self.manifests + self.locks
        manifests += ["nfpm.yaml"] if self.describes else []
        self.build_context = distinct([*manifests, *self.image_files, *chosen(folders)])

    def decide_limits(self) -> None:
        """Decide how much it takes at once, and what memory that needs."""
        limits = read_limits()
        # Asynchronous code has some for what is not.
        threads = 50 if self.is_asynchronous else limits["requests"] + limits["probe_threads"]
        buffers = limits["requests"] * limits["buffered"] / 1024
        # "limits.requests" and so on
        self.limits: dict[str, float] = {
            **limits,
            "body_bytes": limits["body"] * 2**20,
            # Memory of a service with one process; each further one needs "process" more
            "service_memory": 2 * limits["tmpfs"] + limits["process"],
            # Of nginx, which holds as many bodies as its /tmp has room for
            "proxy_memory": rounded_up(limits["tmpfs"] + buffers + limits["programs"], 64),
            # In which no request waits for a thread: a process may get all of them, and probes
            "threads": threads,
            # Of a service with eight processes, to which threads count as well
            "service_pids": rounded_up(8 * threads, 100),
            # Connections to the database of a process
            "database_connections": limits["pool"] + limits["probes"],
        }
        # Service -> what it may take: "cpus", "memory" in MB, "pids"
        self.container_limits = {
            **read_resources(),
            "web": {"cpus": 1, "memory": self.limits["service_memory"]},
            "proxy": {"cpus": 1, "memory": self.limits["proxy_memory"]},
        }

    def decide_deployment(self, answers: Answers) -> None:
        """Decide where production runs, and what a cluster has to know."""
        # Replicas of a service are on several machines, a job is on one at a time.
        is_on_one = self.is_web and self.uses_sqlite
        self.may_be_on_kubernetes = not (self.is_cli or self.is_adopted or is_on_one)
        self.on_kubernetes = self.may_be_on_kubernetes and answers.deployment == "kubernetes"
        # A service has replicas that must not come before the tables they need.
        self.awaits_revision = self.on_kubernetes and self.is_web and self.has_database
        # In the order of k8s/base/kustomization.yaml
        parts = {
            "web": self.is_web,
            "worker": self.has_task_queue,
            "beat": self.has_task_queue,
            "proxy": self.has_proxy,
            "migrate": self.is_web and self.has_database,
            "cronjob": self.is_job,
            "inbox": self.is_job,
            "data": self.is_job and not self.has_server_database,
        }
        self.manifest_parts = chosen(parts)
        # Those that are processes of the application
        processes = ("web", "worker", "beat", "migrate", "cronjob")
        self.application_components = [part for part in processes if part in self.manifest_parts]
        # Who receives what comes from outside
        self.entrance = "proxy" if self.has_proxy else "web"
        # Server that runs outside the cluster -> its port
        self.outside_servers = {
            **({"database": self.database_port} if self.has_server_database else {}),
            **dict.fromkeys(chosen({"cache": self.has_cache, "broker": self.has_task_queue}), 6379),
        }
        # Of a managed server, as "environment" has those of Compose
        self.outside_environment = {
            name: re.sub(r"\b(database|cache|broker):(?=\d)", r"\1.example:", value)
            for name, value in self.environment.items()
        }
        # In a workspace, all services are in one namespace, with names that begin with theirs.
        self.name_prefix = f"{answers.project_slug}-" if self.in_workspace else ""
        whole = answers.workspace if self.in_workspace else answers.project_slug
        self.namespace = self.host_name = whole
        self.secret_name = f"{self.name_prefix}secrets"
        # Servers of its own, for a cluster to try it out
        self.cluster_environment = {
            name: re.sub(r"\b(database|cache|broker):(?=\d)", rf"{self.name_prefix}\1:", value)
            for name, value in self.environment.items()
        }
        for name, value in self.shared_environment.items():
            outside = value.replace("shared-database:", "database.example:")
            self.outside_environment[name] = outside.replace("shared-cache:", "cache.example:")
        # Most replicas of the service, which its connections to the database allow for
        self.most_replicas = 6
        # Beside the top of the repository
        self.image_folders = chosen(
            {
                "/nginx": self.has_proxy,
                "/k8s/overlays/development": self.on_kubernetes and bool(self.outside_servers),
            }
        )
        if self.on_kubernetes:
            self.inspect_tools.append(self.tools["kubernetes-validate"])

    def decide_own_application(self, answers: Answers) -> None:
        """Decide what an adopted application brings, and how it is started."""
        known, own_files = read_adoption(), answers.own_files
        # For .gitignore and its like: what it had, and keeps
        self.own_patterns = ["/" + re.sub(r"([\\*?\[ ])", r"\\\1", path) for path in own_files]
        self.own_requirements = [file for file in known["requirements"] if file in own_files][:1]
        self.own_development_requirements = [
            file for file in known["development_requirements"] if file in own_files
        ]
        # What those files name may be there, too.
        folders = own_folders(own_files, ".txt")
        is_whole = "requirements" in own_files
        self.own_requirement_folders = distinct([*(["requirements"] if is_whole else []), *folders])
        # Folders that have a pyproject.toml of their own
        self.own_packages = own_folders(own_files, "/pyproject.toml")
        # By which setuptools builds it, "" if it does not; where there are requirements, setup.cfg
        # is often there for linters only.
        package_files = ["setup.py"] if self.own_requirements else ["setup.py", "setup.cfg"]
        self.package_file = next((file for file in package_files if file in own_files), "")
        # In images, which do not install the application
        sources = (
            f"{folder}/src" if f"{folder}/src" in own_files else folder
            for folder in self.own_packages
        )
        self.python_path = ":".join(["/app", "/app/src", *(f"/app/{path}" for path in sources)])
        # "" if it has no migrations
        commands = [command for file, command in known["migrations"].items() if file in own_files]
        self.migrate_command = ""
        if commands and self.has_database:
            self.migrate_command = commands[0].format(entry_point=answers.entry_point)
        # It listens by itself, without a server of the template's.
        self.runs_program = self.is_adopted and answers.entry_point.startswith("python ")
        # What serves it in production, "" if it does so itself
        server = "uvicorn" if self.is_asynchronous else "gunicorn"
        self.server = "" if self.runs_program else server
        # "module:name" for the server; that of a function if it is a factory
        self.application = answers.entry_point.removesuffix("()")
        self.is_factory = answers.entry_point.endswith("()")
        # After "python", with which it starts by itself
        self.python_arguments = answers.entry_point.removeprefix("python ")
        # Unless scripts/lock.sh is its own, or there is nothing to lock
        self.locks_by_script = "scripts/lock.sh" not in own_files and not self.is_workspace


@functools.cache
def decide(answers: Answers) -> Decisions:
    """Derive every decision from the answers, and remember them for the next file."""
    return Decisions(answers)


def chosen(facts: Mapping[str, bool]) -> list[str]:
    """List what is true, in order."""
    return [name for name, fact in facts.items() if fact]


def distinct(names: Iterable[str]) -> list[str]:
    """List names once each, in order."""
    return list(dict.fromkeys(names))


def name_of(image: str) -> str:
    """Leave the tag and the digest out of an image reference."""
    return image.partition("@")[0].rpartition(":")[0]


def rounded_up(number: float, step: int) -> int:
    """Round up to a multiple of a step."""
    return -int(-number // step) * step


def pairs_of(answer: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """List the keys of a mapping with their texts or lists, of whatever was answered."""
    table = answer if isinstance(answer, dict) else {}
    lists = {key: [each] if isinstance(each, str) else each for key, each in table.items()}
    return tuple(
        (str(key), tuple(map(str, each))) for key, each in lists.items() if isinstance(each, list)
    )


@functools.cache
def place_of(requirement: str) -> str:
    """Name the package by which a requirement is sorted: at the end of a list users add theirs."""
    package = Requirement(requirement).name
    return {"types-wtforms": "mypy", "tzdata": "apscheduler"}.get(package, package)


def subnet_of(project_slug: str) -> str:
    """Choose a private network that no other project on a machine is likely to have.

    It is one of the 131,072 with 62 addresses in 10.128.0.0/9, where Docker chooses none itself.
    """
    number = zlib.crc32(project_slug.encode()) % 2**17
    first = int(ipaddress.IPv4Address("10.128.0.0")) + number * 2**6
    return str(ipaddress.IPv4Network((first, 26)))


def own_folders(own_files: Iterable[str], suffix: str) -> list[str]:
    """List the folders of an adopted application that matter for a file with this suffix."""
    files = [path for path in own_files if path.endswith(suffix) and "/" in path]
    return distinct(
        path.rpartition("/")[0]
        for path in files
        if any(path.startswith(f"{folder}/") for folder in own_files)
    )


# The catalogue


def read_catalogue(name: str) -> Any:
    """Read a YAML file of the catalogue."""
    return yaml.load((CATALOGUE / name).read_text("utf-8"), LOADER)  # noqa: S506  (it is safe)


@functools.cache
def read_choices() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Map the key of a question to its choices, and each of these to the facts that follow."""
    choices: Mapping[str, Mapping[str, Mapping[str, Any]]] = read_catalogue("choices.yaml")
    return choices


@functools.cache
def read_adoption() -> Mapping[str, Any]:
    """Read which files of an adopted application matter."""
    adoption: Mapping[str, Any] = read_catalogue("adoption.yaml")
    return adoption


@functools.cache
def read_limits() -> Mapping[str, float]:
    """Map the name of each limit to its value."""
    limits: Mapping[str, float] = read_catalogue("limits.yaml")
    return limits


@functools.cache
def read_resources() -> Mapping[str, Mapping[str, float]]:
    """Map each service to what it may take."""
    resources: Mapping[str, Mapping[str, float]] = read_catalogue("resources.yaml")
    return resources


@functools.cache
def read_images() -> Mapping[str, str]:
    """Map each service of the catalogue's Compose file to its image reference."""
    services = read_catalogue("compose.yaml")["services"]
    return {name: service["image"] for name, service in services.items()}


@functools.cache
def read_actions() -> Mapping[str, str]:
    """Map "owner/name" of each action to its pinned reference with the version as a comment."""
    text = (CATALOGUE / "workflows" / "actions.yml").read_text("utf-8")
    pins = re.findall(r"uses: (([\w./-]+)@[0-9a-f]{40} # v[\w.]+)$", text, re.MULTILINE)
    return {name: pin for pin, name in pins}


@functools.cache
def read_pre_commit() -> Mapping[str, str]:
    """Map the URL of each repository with hooks to its pinned revision."""
    config = read_catalogue(".pre-commit-config.yaml")
    return {repository["repo"]: repository["rev"] for repository in config["repos"]}


@functools.cache
def read_requirements() -> Mapping[str, Mapping[frozenset[str], list[str]]]:
    """Map layer -> ingredients -> requirement specifiers.

    A file ``catalogue/requirements/<layer>/<ingredient>+<ingredient>.txt`` counts for a project
    that has all of its ingredients; "common" is in every project.
    """
    return {
        layer: {
            frozenset(file.stem.split("+")): file.read_text("utf-8").splitlines()
            for file in sorted((CATALOGUE / "requirements" / layer).glob("*.txt"))
        }
        for layer in LAYERS
    }


@functools.cache
def read_tools() -> Mapping[str, str]:
    """Map each tool that pip installs, such as a manager, to its pinned requirement specifier."""
    files = sorted((CATALOGUE / "requirements" / "tool").glob("*.txt"))
    return {file.stem: file.read_text("utf-8").strip() for file in files}


class Facts(ContextHook):
    """Gives the template its facts."""

    questions = tuple(field.name for field in dataclasses.fields(Answers))
    given: tuple[Any, ...] = ()
    facts: Mapping[str, Any] = {}

    def hook(self, context: dict[str, Any]) -> None:
        """Add them to the context of a template; Copier has this called for each string."""
        given = tuple(map(context.get, self.questions))
        if given != self.given:
            self.given, self.facts = given, vars(decide(Answers.of(context)))
        context.update(self.facts)
