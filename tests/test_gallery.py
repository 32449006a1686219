"""The gallery shows the samples of all presets, as they are when they run."""

import html
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import generated
import pytest
import yaml
from conftest import Render

from tools import gallery
from tools.site import documentation

PRESETS = sorted(file.stem for file in gallery.PRESETS.glob("*.yml"))
MOST = 60_000  # bytes
SVG = "{http://www.w3.org/2000/svg}"


def words(preset: str) -> str:
    return (gallery.KEPT / f"{preset}.txt").read_text("utf-8")


def lasting(text: str) -> list[str]:
    """Split what a picture says, without times, figures and random names."""
    return re.sub(r"\b[0-9a-f]{32}\b|[\d─━]+", "0", text).split()


def pictures(preset: str) -> list[Path]:
    return generated.files(gallery.KEPT, f"{preset}.*.*")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_pictures_with_their_words(preset: str) -> None:
    title, _, shown = words(preset).partition("\n")

    assert title
    assert pictures(preset)
    for picture in pictures(preset):
        content = picture.read_bytes()
        assert len(content) < MOST
        if picture.suffix == ".svg":
            texts = ET.fromstring(content).iter(f"{SVG}text")  # noqa: S314  (it is ours)
            drawn = "".join(text.text or "" for text in texts)
            assert [word for word in shown.split() if word not in drawn] == []
            assert b"url(http" not in content
        else:
            assert (content[:4], content[8:12]) == (b"RIFF", b"WEBP")


def test_nothing_else_is_kept() -> None:
    assert {file.name.partition(".")[0] for file in gallery.KEPT.iterdir()} == {*PRESETS}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_picture_shows_what_a_preset_is_today(preset: str, render: Render) -> None:
    project = render(yaml.safe_load((gallery.PRESETS / f"{preset}.yml").read_text("utf-8")))
    framework = generated.read_answers(project)["framework"]
    if framework == "fastapi":
        expected = ["/health", "/ready", "/api/notes"]
    elif framework == "flask":
        expected = ["Notes", "Write a note"]
    else:
        expected = [f"$ {command}" for command in gallery.first_commands(project)]

    assert expected
    assert [line for line in expected if line not in words(preset)] == []


@pytest.mark.parametrize("preset", PRESETS)
def test_the_page_of_the_presets_shows_them(preset: str) -> None:
    shown = "\n".join(documentation.show(preset))
    title, _, text = words(preset).partition("\n")
    found = re.findall(r"!\[(.+)\]\((.+?)(?:#only-(light|dark))?\)", shown)

    assert {path for _, path, _ in found} == {
        f"docs/gallery/{each.name}" for each in pictures(preset)
    }
    assert {alternative for alternative, _, _ in found} == {title}
    assert [colours for _, _, colours in found] in ([""], ["dark", "light"])
    assert html.escape(text.split()[-1]) in shown


@pytest.mark.browser
@pytest.mark.docker
@pytest.mark.thorough  # starts each of them
@pytest.mark.parametrize("preset", PRESETS)
def test_the_pictures_are_those_of_projects_that_run(
    engine: None, preset: str, template: Path, tmp_path: Path
) -> None:
    taken = gallery.take(preset, template, tmp_path)

    assert taken.keys() == {file.name for file in gallery.KEPT.glob(f"{preset}.*")}
    assert lasting(taken[f"{preset}.txt"].decode()) == lasting(words(preset))
