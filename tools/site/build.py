"""Puts the site together: the page, the engine, the releases, and the presets' renderings."""

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.site import archives, documentation, packages, releases
from tools.site.engine import contents, questions, rendering
from tools.site.engine.workers import Release

ROOT = Path(__file__).resolve().parents[2]
PAGE = Path(__file__).resolve().parent / "page"
PRESETS = ROOT / "presets"
SCRIPTS = ("app", "worker", "offline")
MOST = 12_000_000  # bytes that a visitor may have to download


@dataclass(frozen=True)
class Sizes:
    """What a visitor downloads, at most, to render the newest version."""

    parts: Mapping[str, int]

    @property
    def total(self) -> int:
        """Add them up."""
        return sum(self.parts.values())


def build(repository: Path, output: Path, is_documented: bool = True) -> Sizes:
    """Build the site into a new folder, which takes the place of the one before in the end."""
    partial = output.with_name(f"{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "app").mkdir(parents=True)
    modules = packages.node_modules()
    write_engine(modules, partial / "engine")
    engine = name_by_content(partial / "engine")
    site: dict[str, Any] = {
        "address": find_address(),
        "engine": engine.name,
        "documentation": is_documented,
        "releases": write_releases(repository, partial / "app"),
    }
    with newest(site, partial / "app") as release:
        site["presets"] = write_presets(partial / "app", release)
        if is_documented:
            documentation.build(release, site["presets"], partial / "docs")
    bundle(modules, partial / "app")
    sizes = weigh(partial / "app", engine, site["releases"][0]["file"])
    site["bytes"] = sizes.total
    (partial / "app" / "site.json").write_text(to_json(site), "utf-8")
    app = name_by_content(partial / "app")
    write_entry(partial, app.name, engine.name)
    shutil.rmtree(output, ignore_errors=True)
    partial.rename(output)
    return sizes


def find_address() -> str:
    """Name the template as the command does that makes a project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return str(project["project"]["urls"]["Repository"])


def write_engine(modules: Path, folder: Path) -> None:
    """Write Pyodide, and the libraries that it runs."""
    folder.mkdir()
    runtime = modules / "pyodide"
    for name in ("pyodide.asm.mjs", "python_stdlib.zip"):
        shutil.copyfile(runtime / name, folder / name)
    # It names the packages that Pyodide could load by itself: none.
    lock = json.loads((runtime / "pyodide-lock.json").read_text("utf-8"))
    lock["packages"] = {}
    (folder / "pyodide-lock.json").write_text(to_json(lock), "utf-8")
    # Not every server compresses what it sends.
    wasm = (runtime / "pyodide.asm.wasm").read_bytes()
    (folder / "pyodide.asm.wasm.gz").write_bytes(gzip.compress(wasm, 9, mtime=0))
    (folder / "libraries.tar.gz").write_bytes(archives.engine(packages.wheels()))


def write_releases(repository: Path, folder: Path) -> list[dict[str, str]]:
    """Write the template of each version."""
    written = []
    for version in releases.find(repository):
        name = f"template-{version.description}.tar.gz"
        (folder / name).write_bytes(archives.template(repository, version.commit))
        written.append({**vars(version), "file": name})
    return written


@contextmanager
def newest(site: Mapping[str, Any], folder: Path) -> Iterator[Release]:
    """Unpack the newest version, as the page's worker does."""
    version = site["releases"][0]
    with tempfile.TemporaryDirectory() as name:
        template = Path(name).resolve()
        with tarfile.open(fileobj=io.BytesIO((folder / version["file"]).read_bytes())) as archive:
            archive.extractall(template, filter="tar")
        yield Release(
            folder=template,
            address=site["address"],
            reference=version["reference"],
            description=version["description"],
            commit=version["commit"],
        )


def write_presets(folder: Path, release: Release) -> list[dict[str, Any]]:
    """Render the default answers and each preset."""
    written = []
    for preset in [None, *sorted(PRESETS.glob("*.yml"))]:
        given = yaml.safe_load(preset.read_text("utf-8")) if preset else {}
        form = questions.look(release, given)
        differing = {field["key"]: field["value"] for field in form["fields"] if field["differs"]}
        tree = rendering.render(release, given)
        view = {
            "form": questions.look(release, differing),
            "project": {"tree": tree, "contents": contents.describe(tree)},
        }
        title = preset.stem if preset else "default"
        packed = gzip.compress(to_json(view).encode(), 9, mtime=0)
        (folder / f"preset-{title}.json.gz").write_bytes(packed)
        written.append(
            {
                "name": title,
                "about": read_comment(preset) if preset else "The default answers.",
                "answers": differing,
                "file": f"preset-{title}.json.gz",
            }
        )
    return written


def read_comment(preset: Path) -> str:
    """Read what a preset says of itself at its beginning."""
    lines = preset.read_text("utf-8").splitlines()
    words = [line.lstrip("# ") for line in lines if line.startswith("#")]
    return " ".join(words)


def bundle(modules: Path, folder: Path) -> None:
    """Bundle the page's scripts and its style."""
    esbuild = modules / ".bin" / "esbuild"
    node = packages.npm()[0]
    options = ("--bundle", "--minify", "--format=esm", "--target=es2022", "--log-level=warning")
    external = [f"--external:{name}" for name in ("node:*", "ws", "child_process")]
    subprocess.run(
        [node, str(esbuild.resolve()), *options, *external, "--jsx=automatic"]
        + ["--jsx-import-source=preact", "--legal-comments=linked", f"--outdir={folder}"]
        + [f"{script}={PAGE / script}.ts{'x' if script == 'app' else ''}" for script in SCRIPTS]
        + [f"style={PAGE / 'style.css'}"],
        check=True,
        env={"NODE_PATH": str(modules), "PATH": "/usr/bin:/bin"},
    )


def write_entry(folder: Path, app: str, engine: str) -> None:
    """Write what is found under a fixed name: the page, and the script that keeps it offline."""
    page = (PAGE / "index.html").read_text("utf-8").replace("{app}", app)
    (folder / "index.html").write_text(page, "utf-8")
    shutil.copyfile(PAGE / "icon.svg", folder / "icon.svg")
    script = (folder / app / "offline.js").read_text("utf-8")
    (folder / app / "offline.js").unlink()
    kept = [file.name for file in (folder / app).iterdir() if "template-" not in file.name]
    listed = json.dumps({"app": app, "engine": engine, "files": sorted(kept)})
    (folder / "offline.js").write_text(f"const kept = {listed};\n{script}", "utf-8")


def weigh(app: Path, engine: Path, template: str) -> Sizes:
    """Add up what the first visit downloads from a server that compresses nothing."""
    groups = {
        "the page": [*app.glob("*.js"), *app.glob("*.css"), PAGE / "index.html"],
        "the presets": [*app.glob("preset-*")],
        "the template": [app / template],
        "Python": [file for file in engine.iterdir() if file.name != "libraries.tar.gz"],
        "Copier and its libraries": [engine / "libraries.tar.gz"],
    }
    return Sizes(
        {name: sum(file.stat().st_size for file in files) for name, files in groups.items()}
    )


def name_by_content(folder: Path) -> Path:
    """Rename a folder after what is in it, so that it can be kept for good."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(file.name.encode() + file.read_bytes())
    return folder.rename(folder.with_name(f"{folder.name}-{digest.hexdigest()[:12]}"))


def to_json(value: Mapping[str, Any]) -> str:
    """Write JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
