"""The key that exports: what it asks for, what it writes, and what it says where it cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from helpers.screens import running, toasts, until
from mpviz.tui.app import MpvizApp
from mpviz.tui.exports import FORMATS
from mpviz.tui.screens.selection import Selection
from mpviz.tui.widgets.prompt import Prompt

ENDINGS = [form.endings[0] for form in FORMATS]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with nothing in it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


async def export_to(pilot: Pilot[int], name: str) -> str:
    """Press the key, type the name, and wait for what is said."""
    screen = pilot.app.screen
    assert isinstance(screen, Selection)
    await pilot.press("X")
    prompt = screen.query_one(Prompt)
    assert ".html report" in prompt.shown[0].text
    await pilot.press(*name, "enter")
    await until(pilot, lambda: toasts(pilot))
    return toasts(pilot)[-1]


async def test_a_replay_is_exported_whole_by_the_file_s_ending(
    replay_app: MpvizApp, folder: Path
) -> None:
    async with running(replay_app) as pilot:
        assert await export_to(pilot, "r.html") == "exported to r.html"
        assert (folder / "r.html").read_text().startswith("<!doctype html>")
    assert [path.name for path in folder.iterdir()] == ["r.html"]


async def test_a_run_that_goes_on_is_exported_as_far_as_it_has_come(
    run_app: MpvizApp, session: Any, folder: Path
) -> None:
    async with running(run_app) as pilot:
        assert not session.over
        records = session.state.records
        assert await export_to(pilot, "t.json") == "exported to t.json"
        trace = json.loads((folder / "t.json").read_text())
        assert trace["otherData"]["cut off"] == ""
        begun = {event["pid"] for event in trace["traceEvents"] if event["ph"] == "B"}
        assert begun == {process.pid for process in session.state.processes.values()}
        assert session.state.records == records
        assert not session.over


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("t.pdf", "the ending of t.pdf names no format; there are " + ", ".join(ENDINGS)),
        ("no/t.json", "not exported: No such file or directory"),
        ("there.csv", "there is a there.csv already: type another name"),
    ],
)
async def test_an_export_that_cannot_be_written_is_refused_in_one_line(
    run_app: MpvizApp, folder: Path, name: str, said: str
) -> None:
    (folder / "there.csv").write_text("before")
    async with running(run_app) as pilot:
        assert await export_to(pilot, name) == said
    assert (folder / "there.csv").read_text() == "before"
    assert len(list(folder.iterdir())) == 1


async def test_a_run_that_is_kept_no_longer_cannot_be_exported(
    run_app: MpvizApp, session: Any, folder: Path
) -> None:
    session.record_problem = "the run has told too much"
    async with running(run_app) as pilot:
        assert await export_to(pilot, "t.svg") == "not exported: the run has told too much"
    assert list(folder.iterdir()) == []


async def test_nothing_typed_is_nothing_asked_for(
    run_app: MpvizApp, session: Any, folder: Path
) -> None:
    async with running(run_app) as pilot:
        await pilot.press("X", "x", "escape")
        assert not pilot.app.screen.query_one(Prompt).display
        await pilot.press("X", "enter")
        assert toasts(pilot) == ["not exported: no file was named"]
        # What is typed for the export is none of the program's.
        assert session.asked == []
    assert list(folder.iterdir()) == []
