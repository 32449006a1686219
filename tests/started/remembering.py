"""Spares Copier what it does anew in each process, which is a third of an update.

Each text of a template is compiled once a run, as Jinja's own cache on disk can do for files only.
What git says of modes is asked once a project, not once a file. YAML is read by the parser in C.
None of it changes a result.
"""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

SYNTAX = ("sandboxed", "trim_blocks", "lstrip_blocks", "keep_trailing_newline")


def remember_templates(folder: str) -> None:
    """Let all environments of all processes share what they compile."""
    from jinja2 import Environment, FileSystemBytecodeCache

    memory = FileSystemBytecodeCache(folder)
    compile_text: Callable[..., Any] = Environment.compile
    compiled: dict[tuple[Any, ...], Any] = {}

    def compile_once(
        environment: Environment,
        source: Any,
        name: str | None = None,
        filename: str | None = None,
        raw: bool = False,
        defer_init: bool = False,
    ) -> Any:
        if raw or defer_init or not isinstance(source, str):
            return compile_text(environment, source, name, filename, raw, defer_init)
        key = (name, source, *(getattr(environment, option) for option in SYNTAX))
        if key not in compiled:
            digest = hashlib.sha256(repr(key).encode()).hexdigest()
            bucket = memory.get_bucket(environment, digest, None, source)
            if bucket.code is None:
                bucket.code = compile_text(environment, source, name, filename)
                memory.set_bucket(bucket)
            compiled[key] = bucket.code
        return compiled[key]

    Environment.compile = compile_once  # type: ignore[assignment, method-assign]


def remember_modes() -> None:
    """Let Copier go on to the modes of files only where git does not see them."""
    from copier._main import Worker
    from copier._vcs import get_git

    sync = Worker._sync_git_index_executable_bit

    @cache
    def sees_modes(project: Path) -> bool:
        options = ("config", "--type=bool", "--default=true", "--get", "core.fileMode")
        answer: str = get_git(context_dir=project)(*options, retcode=None)
        return answer.strip() != "false"

    def sync_where_needed(self: Worker, dst_relpath: Path, src_mode: int) -> None:
        if not sees_modes(self.subproject.local_abspath):
            sync(self, dst_relpath, src_mode)

    Worker._sync_git_index_executable_bit = sync_where_needed  # type: ignore[method-assign]


def parse_in_c() -> None:
    """Let PyYAML use libyaml, which takes a tenth of the time of its parser in Python."""
    import yaml

    if yaml.__with_libyaml__:
        yaml.SafeLoader = yaml.CSafeLoader  # type: ignore[assignment, misc]


def start() -> None:
    """Do all three, with what is compiled in a folder that the environment names."""
    parse_in_c()
    remember_templates(os.environ["COMPILED_TEMPLATES"])
    remember_modes()
