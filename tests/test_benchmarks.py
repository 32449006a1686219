"""The benchmark of load reads, writes and draws what it should, and still runs."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import programs
import pytest
from repository import ROOT

from tools.benchmarks import chart, images, load_tables, publish, results
from tools.benchmarks.load_containers import find_fault, parse_cpu, parse_wrk
from tools.benchmarks.load_tables import Measured, find_medians

SVG = "{http://www.w3.org/2000/svg}"
OURS = Measured("fastapi", "1", "read", 16, "ours", 600, 1, 0, 90, 1600, 4.5, 12)
PEER = replace(
    OURS, rival="larger pool", cpu_us=1500, requests_per_s=640, p50_ms=21.6, p99_ms=306.8
)
FLOOR = replace(OURS, rival="floor", cpu_us=134)
ALONE = replace(OURS, connections=1)
IMAGES = {
    "uv": {
        "ours": {"MB added to the base image": 86.0, "start to healthy, s": 0.7},
        "two <stages>": {"MB added to the base image": 62.7, "start to healthy, s": 1.96},
    }
}
PRINTED = """Running 1s test @ http://127.0.0.1:8000/health
  1 threads and 4 connections
Requests/sec:   7102.43
{"requests": 7810, "seconds": 1.1, "p50_ms": 0.5, "p99_ms": 1.25, "refused": 0, "broken": 0}
"""


def kept(*measured: Measured, **others: Any) -> dict[str, Any]:
    """Read results as they come from a file."""
    text = json.dumps({"load": [vars(each) for each in measured], **others})
    return dict(json.loads(text))


@pytest.mark.parametrize("line", ["usage_usec 1234567\n", "1234567890\n"], ids=["v2", "v1"])
def test_cpu_time_is_read_from_either_version_of_control_groups(line: str) -> None:
    assert parse_cpu(line) == 1_234_567


def test_what_wrk_measured_is_read() -> None:
    measured = parse_wrk(PRINTED)

    assert measured["requests"] == 7810
    assert measured["p99_ms"] == 1.25
    assert find_fault(measured) == ""


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"refused": 3}, "3 of 7810 answers were errors"),
        ({"broken": 2}, "2 requests got no answer"),
        ({"requests": 0}, "no request was answered"),
    ],
)
def test_errors_are_no_result(change: dict[str, float], fault: str) -> None:
    assert find_fault({**parse_wrk(PRINTED), **change}) == fault


def test_the_rounds_of_a_case_become_one() -> None:
    rounds = [replace(OURS, cpu_us=time) for time in (900, 600, 610.123)]

    median = replace(OURS, cpu_us=610.12, cpu_spread=1.5)
    assert find_medians([rounds[0], PEER, *rounds[1:]]) == [median, PEER]
    assert "differ by a factor of 1.25, 1.50 at most." in load_tables.write([median, PEER])


def test_a_table_marks_the_best_but_for_the_floor_and_says_the_share() -> None:
    text = load_tables.write([OURS, PEER, FLOOR])

    assert "| `GET /api/notes/1`, 16 | **600** | 1500 | 134 | 0.40 | ≤ 0.6 |" in text
    assert "| 1600, 4.5 / 12.0 | 640, 21.6 / 306.8 | 1600, 4.5 / 12.0 |" in text
    assert "| `GET /api/notes/1`, 16 | 90 | 90 | 90 |" in text


def test_a_peer_that_cannot_serve_a_case_fails_in_it() -> None:
    failed = Measured("fastapi", "1", "read", 16, "fastapi run")
    rounds = [OURS, replace(PEER, rival="fastapi run"), failed, PEER]

    text = load_tables.write(find_medians(rounds))

    assert "| `GET /api/notes/1`, 16 | **600** | fails | 1500 |  | 0.40 | ≤ 0.6 |" in text
    assert "| 1600, 4.5 / 12.0 | fails | 640, 21.6 / 306.8 |" in text
    assert "fastapi run" not in chart.draw(kept(*find_medians(rounds)))


def test_what_nginx_takes_has_a_column_of_its_own() -> None:
    behind = [replace(each, shape="2+nginx", nginx_cpu_us=230) for each in (OURS, PEER)]

    text = load_tables.write([OURS, PEER, *behind])

    assert (
        "| FastAPI, two processes behind nginx: CPU µs a request | ours | larger pool | nginx |"
        in text
    )
    assert "| **600** | 1500 | 230 | 0.40 | ≤ 0.6 |" in text
    assert "| **600** | 1500 | 0.40 | ≤ 0.6 |" in text


def test_every_row_has_all_columns() -> None:
    text = load_tables.write(
        [OURS, FLOOR, replace(OURS, endpoint="list"), replace(FLOOR, endpoint="list")]
    )

    for table in text.split("\n\n"):
        columns = {row.count("|") for row in table.splitlines() if row.startswith("|")}
        assert len(columns) <= 1, table


def test_the_chart_shows_every_value_and_says_it_in_words() -> None:
    root = ET.fromstring(chart.draw(kept(OURS, PEER, FLOOR, images=IMAGES)))  # noqa: S314  (ours)

    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"600 µs", "1,500 µs", "86.00 MB", "1.96 s", "two <stages>"} <= set(texts)
    assert root.get("role") == "img"
    named = {element.get("id") for element in root if element.text}
    assert set(str(root.get("aria-labelledby")).split()) <= named
    assert "ours 600 µs; larger pool 1,500 µs; floor 134 µs." in root.findtext(f"{SVG}desc", "")
    assert "prefers-color-scheme: dark" in root.findtext(f"{SVG}style", "")


def test_a_bar_is_as_long_as_its_value_and_lies_within_the_chart() -> None:
    root = ET.fromstring(chart.draw(kept(OURS, PEER, FLOOR, images=IMAGES)))  # noqa: S314  (ours)

    bars = [(bar.get("class"), float(bar.get("width", 0))) for bar in root.iter(f"{SVG}rect")][:3]
    assert [kind for kind, _ in bars] == ["ours", "peer", "floor"]
    assert bars[0][1] / bars[1][1] == pytest.approx(600 / 1500, abs=0.01)
    _, _, width, height = map(float, str(root.get("viewBox")).split())
    for bar in root.iter(f"{SVG}rect"):
        assert float(bar.get("x", 0)) + float(bar.get("width", 0)) < width
        assert float(bar.get("y", 0)) < height


def test_results_leave_those_of_other_parts_and_rows(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    results.keep(file, "images", IMAGES)
    results.keep(file, "load", [vars(OURS), vars(ALONE)])
    results.keep(file, "load", [vars(PEER)])

    assert results.read(file) == kept(PEER, ALONE, images=IMAGES)


def test_the_page_has_a_place_that_is_filled_again_and_again() -> None:
    page = results.KEPT.with_suffix(".md").read_text("utf-8")

    once = publish.fill(page, [vars(OURS), vars(PEER)])
    assert "**600**" in once
    assert publish.fill(once, [vars(OURS), vars(PEER)]) == once
    assert publish.fill(once, [vars(PEER)]).split(publish.END)[1] == page.split(publish.END)[1]


def test_the_page_and_the_chart_show_the_results_that_are_kept() -> None:
    measured = results.read(results.KEPT)
    page = results.KEPT.with_suffix(".md").read_text("utf-8")

    assert publish.fill(page, measured["load"]) == page
    assert results.KEPT.with_suffix(".svg").read_text("utf-8") == chart.draw(measured)


@pytest.mark.docker
def test_a_small_load_runs_and_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    choice = (
        "--frameworks fastapi --shapes 1 --endpoints write --connections 1 --runs 1 --seconds 1"
    )
    rivals = ("--rivals", "ours", "fastapi run", "floor")
    command = (sys.executable, "-m", "tools.benchmarks", "load", *choice.split(), *rivals)

    process = subprocess.run(
        (*command, "--json", file), cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert process.returncode == 0, process.stderr
    measured = results.read(file)["load"]
    assert [each["rival"] for each in measured] == ["ours", "fastapi run", "floor"]
    for each in measured:
        assert each["requests_per_s"] > 0
        assert each["cpu_us"] > 0
        assert each["database_cpu_us"] > 0
    label = process.stderr.split()[0]
    assert label.startswith("slipway.load=")
    for kind in images.REMOVALS:
        assert programs.run("docker", kind, "ls", "--quiet", f"--filter=label={label}") == ""
