"""The key that exports: what it asks for, what it writes, and what it says where it cannot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from mpviz.trace.model.events import Event
from mpviz.trace.record.recorder import Recorder
from mpviz.trace.record.replay import Replay
from mpviz.tui.app import MpvizApp
from mpviz.tui.screens.selection import Selection
from mpviz.tui.widgets.prompt import Prompt

Drive = Callable[..., None]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with nothing in it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def replay_app(
    tmp_path: Path, stream: list[Event], monkeypatch: pytest.MonkeyPatch
) -> Iterator[MpvizApp]:
    for name in ("NO_COLOR", "SSH_TTY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "run.jsonl.gz"
    recorder = Recorder(path, "0.1.0")
    recorder.add(stream)
    recorder.close()
    replay = Replay(path)

    def start_nothing(target: object) -> None:
        raise AssertionError("a replay starts nothing")

    yield MpvizApp(start=start_nothing, fps=10, replay=replay)  # type: ignore[arg-type]
    replay.close()


async def export_to(pilot: Pilot[int], name: str) -> str:
    """Press the key, type the name, and wait for what is said."""
    screen = pilot.app.screen
    assert isinstance(screen, Selection)
    await pilot.press("X")
    prompt = screen.query_one(Prompt)
    assert ".html report" in prompt.shown[0].text
    await pilot.press(*name, "enter")
    while not toasts(pilot):
        await asyncio.sleep(0.01)
    return toasts(pilot)[-1]


def toasts(pilot: Pilot[int]) -> list[str]:
    return [each.message for each in pilot.app._notifications]


def test_a_replay_is_exported_whole_by_the_file_s_ending(
    replay_app: MpvizApp, drive: Drive, folder: Path
) -> None:
    async def script(pilot: Pilot[int]) -> None:
        assert await export_to(pilot, "r.html") == "exported to r.html"
        assert (folder / "r.html").read_text().startswith("<!doctype html>")

    drive(replay_app, script)
    assert [path.name for path in folder.iterdir()] == ["r.html"]


def test_a_run_that_goes_on_is_exported_as_far_as_it_has_come(
    run_app: MpvizApp, drive: Drive, session: Any, folder: Path
) -> None:
    async def script(pilot: Pilot[int]) -> None:
        assert not session.over
        records = session.state.records
        assert await export_to(pilot, "t.json") == "exported to t.json"
        trace = json.loads((folder / "t.json").read_text())
        assert trace["otherData"]["cut off"] == ""
        begun = {event["pid"] for event in trace["traceEvents"] if event["ph"] == "B"}
        assert begun == {process.pid for process in session.state.processes.values()}
        assert session.state.records == records
        assert not session.over

    drive(run_app, script)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("t.pdf", "the ending of t.pdf names no format; there are .json, .html, .svg, .csv"),
        ("no/t.json", "not exported: No such file or directory"),
        ("there.csv", "there is a there.csv already: type another name"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    run_app: MpvizApp, drive: Drive, folder: Path, name: str, said: str
) -> None:
    (folder / "there.csv").write_text("before")

    async def script(pilot: Pilot[int]) -> None:
        assert await export_to(pilot, name) == said

    drive(run_app, script)
    assert (folder / "there.csv").read_text() == "before"
    assert len(list(folder.iterdir())) == 1


def test_a_run_that_is_kept_no_longer_cannot_be_exported(
    run_app: MpvizApp, drive: Drive, session: Any, folder: Path
) -> None:
    session.record_problem = "the run has told too much"

    async def script(pilot: Pilot[int]) -> None:
        assert await export_to(pilot, "t.svg") == "not exported: the run has told too much"

    drive(run_app, script)
    assert list(folder.iterdir()) == []


def test_nothing_typed_is_nothing_asked_for(
    run_app: MpvizApp, drive: Drive, session: Any, folder: Path
) -> None:
    async def script(pilot: Pilot[int]) -> None:
        await pilot.press("X", "x", "escape")
        assert not pilot.app.screen.query_one(Prompt).display
        await pilot.press("X", "enter")
        assert toasts(pilot) == []
        # What is typed for the export is none of the program's.
        assert session.asked == []

    drive(run_app, script)
    assert list(folder.iterdir()) == []
