"""Turns the documents of this repository into pages, with one for each question and the presets.

What a question changes is found by rendering the template with each of its answers.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from tools.site import packages
from tools.site.engine import contents, questions, rendering
from tools.site.engine.workers import Release

ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "docs" / "gallery"  # by python -m tools.gallery
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(#[^)\s]+)?\)")
# What reads documents as GitHub shows them
SETTINGS = """
site_name: Slipway
docs_dir: pages
theme:
  name: material
  font: false
  features: [navigation.indexes, search.suggest, content.code.copy]
  palette:
    - {media: "(prefers-color-scheme: light)", scheme: default, primary: teal}
    - {media: "(prefers-color-scheme: dark)", scheme: slate, primary: teal}
plugins: [search]
use_directory_urls: false
markdown_extensions:
  - tables
  - fenced_code
  - md_in_html
  - toc:
      permalink: true
      slugify: !!python/object/apply:pymdownx.slugs.slugify {kwds: {case: lower}}
validation:
  omitted_files: ignore
  links: {anchors: warn, not_found: warn, unrecognized_links: warn}
"""


def build(release: Release, presets: list[Mapping[str, Any]], output: Path) -> None:
    """Write all pages; a link that leads nowhere ends the build."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pages = folder / "pages"
        copy_documents(pages, f"{release.address}/blob/{release.reference}")
        write_questions(pages / "questions", release)
        write_presets(pages / "presets.md", release, presets)
        (folder / "mkdocs.yml").write_text(SETTINGS + navigation(pages), "utf-8")
        mkdocs = (sys.executable, "-P", "-m", "mkdocs", "build", "--strict", "--quiet")
        subprocess.run(
            [*mkdocs, "--site-dir", output.resolve()],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(packages.documentation()),
                "NO_MKDOCS_2_WARNING": "1",
            },
            check=True,
        )


def copy_documents(pages: Path, source: str) -> None:
    """Copy the documents; links to other files lead to the repository."""
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    for document in documents:
        path = document.relative_to(ROOT)

        def point(link: "re.Match[str]", document: Path = document) -> str:
            target = (document.parent / link[1]).resolve()
            if target in documents or target.suffix == ".svg":
                return link[0]
            return f"]({source}/{target.relative_to(ROOT).as_posix()}{link[2] or ''})"

        (pages / path).parent.mkdir(parents=True, exist_ok=True)
        text = LINK.sub(point, document.read_text("utf-8"))
        if path == Path("docs/explorer.md"):
            text = text.replace("\n\n", '\n\n<a href="../../index.html">Open it</a>\n\n', 1)
        (pages / path).write_text(text, "utf-8")
    for picture in (ROOT / "docs").glob("*.svg"):
        shutil.copy2(picture, pages / "docs")
    shutil.copytree(GALLERY, pages / "docs" / "gallery", ignore=shutil.ignore_patterns("*.txt"))


def write_questions(folder: Path, release: Release) -> None:
    """Write a page for each question that a new project can be asked."""
    folder.mkdir()
    before = rendering.render(release, {})
    form = questions.look(release, {})
    asked = questions.look(release, {"details": True})
    is_detail = {field["key"]: not field["asked"] for field in form["fields"]}
    listed = []
    for field in asked["fields"]:
        if field["asked"]:
            text = "\n".join(describe(field, is_detail[field["key"]], release, before))
            (folder / f"{field['key']}.md").write_text(f"{text}\n", "utf-8")
            listed.append(f"| [`{field['key']}`]({field['key']}.md) | {field['help']} |")
    table = ["# Questions", "", "| key | question |", "|---|---|", *listed]
    (folder / "index.md").write_text("\n".join(table) + "\n", "utf-8")


def describe(
    field: Mapping[str, Any], is_detail: bool, release: Release, before: rendering.Tree
) -> Iterator[str]:
    """Describe a question, and what each of its choices changes."""
    key, default = field["key"], field["default"]
    yield f"# {key}"
    yield f"\n{field['help']}\n"
    yield "It is one of the details." if is_detail else "Everybody is asked."
    yield f"By default it is `{default if isinstance(default, str) else json.dumps(default)}`."
    yield f"`--data {key}=…` answers it on the command line."
    for choice in field["choices"]:
        value = choice["value"]
        yield f"\n## {value}\n"
        yield choice["label"]
        if value != default:
            yield from changes(before, rendering.render(release, {key: value}))
        else:
            yield "\nThis is the default, with which the others are compared."


def changes(before: rendering.Tree, after: rendering.Tree) -> Iterator[str]:
    """List the files that differ from those of the default answers."""
    kinds = {
        "It brings": after.keys() - before.keys(),
        "It takes away": before.keys() - after.keys(),
        "It changes": {
            path for path in before.keys() & after.keys() if before[path] != after[path]
        },
    }
    for title, paths in kinds.items():
        if paths:
            listed = "".join(f"\n- `{path}`" for path in sorted(paths))
            yield f'\n<details markdown="1"><summary>{title} {len(paths)} files</summary>\n'
            yield f"{listed}\n\n</details>"


def write_presets(file: Path, release: Release, presets: list[Mapping[str, Any]]) -> None:
    """Write the page of the presets."""
    lines = ["# Presets", ""]
    for preset in presets:
        answers = preset["answers"]
        brought = contents.describe(rendering.render(release, answers))
        lines += [f"## {preset['name']}", "", preset["about"], "", *show(preset["name"])]
        lines += [f"- `{key}`: `{value}`" for key, value in answers.items()]
        lines += ["", "| stack | services |", "|---|---|"]
        lines += [
            f"| {stack} | {', '.join(service['name'] for service in services)} |"
            for stack, services in brought["stacks"].items()
        ]
        lines.append("")
    file.write_text("\n".join(lines), "utf-8")


def show(preset: str) -> Iterator[str]:
    """Show what a preset's sample looks like when it runs, and the words in the pictures."""
    described = GALLERY / f"{preset}.txt"
    if not described.exists():  # the default answers
        return
    title, _, words = described.read_text("utf-8").partition("\n")
    pictures = sorted(GALLERY.glob(f"{preset}.*.*"))
    for picture in pictures:
        colours = f"#only{picture.suffixes[0].replace('.', '-')}" if pictures[1:] else ""
        yield f"![{title}](docs/gallery/{picture.name}{colours})"
    yield f"\n<details><summary>The words in the picture</summary>\n<pre>{escape(words)}</pre>"
    yield "</details>\n"


def navigation(pages: Path) -> str:
    """List the pages: the first one, questions and presets, guides, and the rest."""
    documents = sorted(path.name for path in (pages / "docs").glob("*.md"))
    keys = sorted(path.name for path in (pages / "questions").glob("*.md"))
    others = sorted(
        path.name for path in pages.glob("*.md") if path.name not in ("README.md", "presets.md")
    )
    tree = [
        {"Slipway": "README.md"},
        {"Presets": "presets.md"},
        {"Questions": [f"questions/{name}" for name in keys]},
        {"Guides": [f"docs/{name}" for name in documents]},
        {"More": others},
    ]
    return f"nav: {json.dumps(tree)}\n"
