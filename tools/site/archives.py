"""Packs what the page's worker unpacks: Copier with its libraries, and releases of the template."""

import io
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from gzip import GzipFile
from pathlib import Path, PurePosixPath

ENGINE = Path(__file__).resolve().parent / "engine"
# What no line of Copier's asks for: types, tests, and what is compiled for another machine
NOT_NEEDED = re.compile(
    r"\.pyi$|\.pyx$|\.c$|/tests?/|\.(?!cpython-314-wasm32)[\w-]+\.so$"
    r"|\.dist-info/(?!METADATA|entry_points)"
    # Pygments colours prompts, which nobody sees here; it finds its lexers by name.
    r"|^pygments/lexers/(?!__init__|_mapping|data|python|special|configs)"
)
# What Copier does not need of the template's repository
OF_MAINTAINERS = ("tests", "tools", "docs", "benchmarks", "slipway", "requirements", "site")


def pack(files: Iterable[tuple[str, bytes, int]]) -> bytes:
    """Pack files with their modes; the same files give the same bytes."""
    packed = io.BytesIO()
    with (
        GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, content, mode in sorted(files):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def engine(wheels: Iterable[Path]) -> bytes:
    """Pack the libraries, and what asks Copier for the page."""
    own = [(f"engine/{file.name}", file.read_bytes(), 0o644) for file in ENGINE.glob("*.py")]
    return pack([*own, *(entry for wheel in wheels for entry in unpack(wheel))])


def unpack(wheel: Path) -> Iterator[tuple[str, bytes, int]]:
    """List the files of a wheel that are needed."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not (name.endswith("/") or NOT_NEEDED.search(name)):
                yield name, archive.read(name), 0o644


def template(repository: Path, commit: str) -> bytes:
    """Pack the files of a commit that Copier needs."""
    command = ["git", "-C", str(repository), "archive", commit]
    archived = subprocess.run(command, capture_output=True, check=True).stdout
    return pack(files_of(archived))


def files_of(archived: bytes) -> Iterator[tuple[str, bytes, int]]:
    """List the files that git archived, but for those of maintainers."""
    with tarfile.open(fileobj=io.BytesIO(archived)) as archive:
        for entry in archive:
            first = PurePosixPath(entry.name).parts[0]
            content = archive.extractfile(entry) if entry.isfile() else None
            is_hidden = first.startswith(".") and first != ".gitattributes"
            if content and first not in OF_MAINTAINERS and not is_hidden:
                yield entry.name, content.read(), entry.mode
