"""Takes the pictures of the presets, of which each one runs: python -m tools.gallery [PRESET].

They are kept in docs/gallery, light and dark, each with its words: a page as a browser shows it, or
a terminal with the commands that the project's README begins with. A Docker Engine is needed.
"""

import argparse
import base64
import io
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from rich.cells import cell_len
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "docs" / "gallery"
PRESETS = ROOT / "presets"
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("", "support", "started")]
import browser  # noqa: E402
import container_promises  # noqa: E402
import generated  # noqa: E402
import programs  # noqa: E402
import stacks  # noqa: E402
from stacks import Stack  # noqa: E402

COLOURS = {"light": DEFAULT_TERMINAL_THEME, "dark": SVG_EXPORT_THEME}
SIZE = {"width": 960, "height": 600}  # pixels
COLUMNS = 100  # of a terminal, at most
# What a web service shows of itself: where, what to wait for, and what the picture is
PAGES = {
    "fastapi": ("/docs", ".opblock", "The interface of the sample, as the service documents it"),
    "flask": ("/", "main li", "The notes of the sample, in a browser"),
}
IN_TERMINAL = "The first commands of the README, in a terminal"
# Where no desktop names its font, a browser takes one in which all letters have the same width.
SYSTEM_FONT = """<fontconfig><match>
<test name="family" qual="all" compare="not_contains"><string>mono</string></test>
<edit name="family" mode="append_last"><string>Liberation Sans</string></edit>
</match></fontconfig>
"""
FONT = re.compile(r" *@font-face \{.*?\}\n", re.DOTALL)  # which Rich fetches from another host

Picture = dict[str, bytes]  # what is in each file of it


def main() -> None:
    """Take the pictures of one preset, or of all."""
    presets = sorted(file.stem for file in PRESETS.glob("*.yml"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("preset", nargs="?", choices=presets, help="default: all")
    chosen = parser.parse_args().preset
    KEPT.mkdir(exist_ok=True)
    for preset in [chosen] if chosen else presets:
        with TemporaryDirectory() as folder:
            for name, content in take(preset, ROOT, Path(folder)).items():
                (KEPT / name).write_bytes(content)
                print(f"{len(content) / 1e3:6.1f} kB  {name}")


def take(preset: str, template: Path, folder: Path) -> Picture:
    """Make the project of a preset, and take its pictures."""
    answers = yaml.safe_load((PRESETS / f"{preset}.yml").read_text("utf-8"))
    project = generated.render(
        template,
        folder / "project",
        # Pictures do not depend on the version of Python: all tests have the image of this one.
        {
            **answers,
            "python_version": "3.14",
            "project_name": "Harbour Desk",
            "project_slug": f"harbour-{preset}",
        },
    )
    with container_promises.prepared(project, 0o022) as clone:
        stack = Stack(clone, stacks.DEVELOPMENT)
        if answers["framework"] in PAGES:
            return dict(photograph(preset, stack, *PAGES[answers["framework"]]))
        return dict(record(preset, stack))


def photograph(
    preset: str, stack: Stack, path: str, awaited: str, title: str
) -> Iterator[tuple[str, bytes]]:
    """Show a page of a service that runs, with sample notes, in a browser."""
    fonts = stack.project.parent / "fonts.conf"
    fonts.write_text(SYSTEM_FONT, "utf-8")
    with (
        stack.running(),
        browser.chromium(f"--volume={fonts}:/etc/fonts/local.conf:ro") as chromium,
        browser.connection(chromium) as connected,
        connected.new_context(viewport=SIZE, reduced_motion="reduce") as context,  # type: ignore[arg-type]
    ):
        programs.run("make", "--silent", "-C", stack.project, "seed")
        page = context.new_page()
        light = b""
        for colours in COLOURS:
            page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
            page.goto(f"http://{stack.address('web')}{path}")
            page.locator(awaited).first.wait_for()
            session = context.new_cdp_session(page)
            # Playwright itself knows larger formats only.
            taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": 80})
            picture = base64.b64decode(taken["data"])
            if picture != light:  # else the page has no dark colours
                yield f"{preset}.{colours}.webp", picture
            light = picture
        yield f"{preset}.txt", words(title, page.locator("body").inner_text())


def record(preset: str, stack: Stack) -> Iterator[tuple[str, bytes]]:
    """Draw a terminal with the commands that the README begins with, and what they print."""
    session = Text()
    try:
        stack.compose("build")
        for command in first_commands(stack.project):
            options = shlex.split(command.removeprefix("docker compose run"))
            run = stack.try_run(*(word for word in options if word not in ("--build", "--rm")))
            session.append("$ ", "bold green").append(f"{command}\n", "bold")
            session.append(Text.from_ansi(run.stdout.strip("\n"))).append("\n\n")
    finally:
        stack.compose("down", "--volumes", "--timeout", "3")
    session.rstrip()
    columns = min(COLUMNS, 1 + max(map(cell_len, session.plain.splitlines())))
    for colours, theme in COLOURS.items():
        console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
        console.print(session)
        title = stacks.slug_of(stack.project)
        drawn = console.export_svg(title=title, theme=theme, unique_id=preset)
        yield f"{preset}.{colours}.svg", FONT.sub("", drawn).encode()
    yield f"{preset}.txt", words(IN_TERMINAL, session.plain)


def first_commands(project: Path) -> list[str]:
    """List the commands at the beginning of a README, as far as they run and end."""
    block = (project / "README.md").read_text("utf-8").partition("```console\n")[2]
    lines = [line.partition(" #")[0].strip() for line in block.partition("```")[0].splitlines()]
    return [line for line in lines if line.startswith("docker compose run ")]


def words(title: str, text: str) -> bytes:
    """Put down what a picture is, and what can be read in it."""
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    return "\n".join((title, "", *lines, "")).encode()


if __name__ == "__main__":
    main()
