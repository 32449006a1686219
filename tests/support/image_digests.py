"""The digest that an image has when the times in it are those of the commit."""

import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import IO

import programs

EPOCH = 1_000_000_000  # older than whatever a build writes


def build(project: Path, tag: str, *options: str) -> None:
    """Build the production image of a project as of one time."""
    arguments = ("--progress=plain", f"--build-arg=SOURCE_DATE_EPOCH={EPOCH}", *options)
    programs.run("docker", "build", *arguments, f"--tag={tag}", project)


def digest(image: str) -> str:
    """Digest what BuildKit's "rewrite-timestamp" leaves: all but the times of the files.

    The builder of an engine ignores this option or refuses it, unless it has containerd's store.
    """
    with tempfile.TemporaryFile() as file:
        subprocess.run([programs.tool("docker"), "save", image], stdout=file, check=True)
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            (manifest,) = json.load(member(archive, "manifest.json"))
            configuration = json.load(member(archive, manifest["Config"]))
            configuration["rootfs"]["diff_ids"] = [
                digest_of_layer(member(archive, path)) for path in manifest["Layers"]
            ]
    return hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()


def member(archive: tarfile.TarFile, path: str) -> IO[bytes]:
    """Open a file in an archive."""
    content = archive.extractfile(path)
    assert content is not None
    return content


def digest_of_layer(content: IO[bytes]) -> str:
    """Digest a layer, byte for byte but for the times in its headers."""
    result = hashlib.sha256()
    with tarfile.open(fileobj=content) as layer:
        for entry in layer:
            entry.mtime = min(entry.mtime, EPOCH)
            entry.pax_headers = {k: v for k, v in entry.pax_headers.items() if k != "mtime"}
            result.update(entry.tobuf(tarfile.PAX_FORMAT))
            if data := layer.extractfile(entry) if entry.isreg() else None:
                result.update(data.read())
    return result.hexdigest()
