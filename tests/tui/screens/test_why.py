"""Why it does not go on: the keys that lead along a wait chain, and from finding to finding."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from helpers.why_stories import line, ring
from mpviz.trace.model.events import Event
from mpviz.trace.record.recorder import Recorder
from mpviz.trace.record.replay import Replay
from mpviz.tui.app import MpvizApp
from mpviz.tui.screens.replay import ReplayScreen
from mpviz.tui.screens.run import RunScreen
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.header import Header

Drive = Callable[..., None]

PATIENCE = 30.0
"""Seconds after which what has not come is a failure."""


@pytest.fixture
def stream() -> list[Event]:
    """Instead of the recorded run: three processes in a ring."""
    return ring().events


@pytest.fixture(autouse=True)
def hanging(session: Any) -> None:
    """All but the last event is told, so that the run goes on."""
    session.held = 1


def screen_of(pilot: Pilot[int]) -> RunScreen:
    screen = pilot.app.screen
    assert isinstance(screen, RunScreen)
    return screen


def selected(pilot: Pilot[int]) -> str:
    process = screen_of(pilot).selected_process()
    return process.name if process is not None else ""


def shown(pilot: Pilot[int], name: str) -> str:
    holder = screen_of(pilot).panel_grid.holder(name)
    assert holder is not None and holder.panel is not None and holder.panel.name == name
    return "\n".join(row.text for row in holder.shown)


async def until(pilot: Pilot[int], condition: Callable[[], object]) -> None:
    """Wait until something is on the screen: a busy machine may need more than one picture."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, condition()
        await pilot.pause()


async def until_shown(pilot: Pilot[int], name: str, words: str) -> None:
    """Wait until the panel of this name is in front and has these words."""

    def is_shown() -> bool:
        holder = screen_of(pilot).panel_grid.holder(name)
        in_front = holder is not None and holder.panel is not None and holder.panel.name == name
        return in_front and words in shown(pilot, name)

    await until(pilot, is_shown)


def said(pilot: Pilot[int]) -> str:
    return " ".join(each.message for each in pilot.app._notifications)


def test_the_chain_is_there_once_it_is_asked_for(run_app: MpvizApp, drive: Drive) -> None:
    async def script(pilot: Pilot[int]) -> None:
        assert screen_of(pilot).panel_grid.holder("chain") is None
        await pilot.press("w")
        await until_shown(pilot, "chain", "wait chain of MainProcess, a cycle")
        assert screen_of(pilot).panel_grid.holder("chain").has_focus  # type: ignore[union-attr]

    drive(run_app, script)


def test_one_key_leads_along_the_chain_and_round_the_ring(run_app: MpvizApp, drive: Drive) -> None:
    async def script(pilot: Pilot[int]) -> None:
        seen = []
        for _ in range(6):
            await pilot.press("w")
            await until_shown(pilot, "chain", "wait chain of MainProcess")
            seen.append(selected(pilot))
        assert seen == ["MainProcess", "worker-1", "worker-2", "worker-3", "worker-1", "worker-2"]

    drive(run_app, script)


def test_it_begins_with_the_selected_process(run_app: MpvizApp, drive: Drive) -> None:
    async def script(pilot: Pilot[int]) -> None:
        while selected(pilot) != "worker-2":
            await pilot.press("down")
        await pilot.press("w")
        await until_shown(pilot, "chain", "wait chain of worker-2, a cycle")

    drive(run_app, script)


class TestOfALine:
    @pytest.fixture
    def stream(self) -> list[Event]:
        return line().events

    def test_at_its_end_it_is_said_how_it_ends(self, run_app: MpvizApp, drive: Drive) -> None:
        async def script(pilot: Pilot[int]) -> None:
            for _ in range(5):
                await pilot.press("w")
            await until(pilot, lambda: "the chain ends here: worker-3 is sleeping" in said(pilot))
            assert selected(pilot) == "worker-3"

        drive(run_app, script)

    def test_where_nothing_is_wrong_that_is_said(self, run_app: MpvizApp, drive: Drive) -> None:
        async def script(pilot: Pilot[int]) -> None:
            await pilot.press("exclamation_mark")
            assert "nothing was found wrong so far" in said(pilot)
            assert "finding" not in screen_of(pilot).query_one(Header).shown[0].text

        drive(run_app, script)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=str)
def test_a_finding_is_said_in_the_header_and_a_key_leads_to_it(
    run_app: MpvizApp, drive: Drive, size: tuple[int, int]
) -> None:
    async def script(pilot: Pilot[int]) -> None:
        screen = screen_of(pilot)
        assert " 1 finding " in screen.query_one(Header).shown[0].text
        assert "! findings" in screen.query_one(Footer).shown[0].text
        await pilot.press("exclamation_mark")
        await until_shown(pilot, "findings", "▸ 3 processes wait for each other")
        assert selected(pilot) == "worker-1"
        await pilot.press("exclamation_mark")
        assert selected(pilot) == "worker-1", "there is but one"

    drive(run_app, script, size=size)


def test_its_time_is_brought_into_sight(run_app: MpvizApp, drive: Drive, session: Any) -> None:
    async def script(pilot: Pilot[int]) -> None:
        screen = screen_of(pilot)
        (finding,) = session.state.findings.values()
        screen.view.span, screen.view.end = 500_000_000, -1
        await pilot.press("exclamation_mark")
        assert screen.view.end - screen.view.span <= finding.since <= screen.view.end

    drive(run_app, script)


def test_a_click_on_a_finding_does_the_same(run_app: MpvizApp, drive: Drive) -> None:
    async def script(pilot: Pilot[int]) -> None:
        screen = screen_of(pilot)
        screen.focus_panel("findings")
        await until_shown(pilot, "findings", "3 processes wait for each other")
        holder = screen.panel_grid.holder("findings")
        assert holder is not None
        await pilot.click(holder, offset=(5, 2))
        assert screen.view.finding.startswith("deadlock ")
        assert selected(pilot) == "worker-1"

    drive(run_app, script)


def test_a_picture_of_a_deadlock(
    run_app: MpvizApp, drive: Drive, same_picture: Callable[[str, str], None]
) -> None:
    pictures: list[str] = []

    async def script(pilot: Pilot[int]) -> None:
        await pilot.press("w", "exclamation_mark")
        await until_shown(pilot, "findings", "▸ 3 processes wait for each other")
        pictures.append(pilot.app.export_screenshot(simplify=True))

    drive(run_app, script)
    same_picture("deadlock-120x40", pictures[0])


@pytest.fixture
def replay(tmp_path: Path) -> Iterator[Replay]:
    """The ring, recorded, at its beginning."""
    path = tmp_path / "run.jsonl.gz"
    recorder = Recorder(path, "0.1.0")
    recorder.add(ring().events)
    recorder.close()
    replay = Replay(path, clock=lambda: 0)
    while not replay.is_read:
        replay.step(1)
    yield replay
    replay.close()


def test_in_a_replay_it_goes_to_the_moment_at_which_it_was_found(
    replay: Replay, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start_nothing(target: object) -> None:
        raise AssertionError("a replay starts nothing")

    async def script(pilot: Pilot[int]) -> None:
        replay.seek(replay.start)
        assert not replay.state.findings
        await pilot.press("exclamation_mark")
        await pilot.pause()
        (finding,) = replay.findings()
        assert replay.moment == finding.found
        screen = pilot.app.screen
        assert isinstance(screen, ReplayScreen)
        holder = screen.panel_grid.holder("findings")
        assert holder is not None
        words = "3 processes wait for each other"
        await until(pilot, lambda: words in "\n".join(row.text for row in holder.shown))
        assert finding.since in replay.troubles()

    app = MpvizApp(start=start_nothing, fps=10, replay=replay)  # type: ignore[arg-type]
    drive(app, script)


def test_a_rule_that_is_silenced_is_silent_in_a_replay(replay: Replay) -> None:
    path = replay.recording.path
    quiet = Replay(path, clock=lambda: 0, silenced=frozenset({"deadlock"}))
    while not quiet.is_read:
        quiet.step(1)
    quiet.seek(quiet.end)
    assert (quiet.findings(), quiet.state.findings) == ([], {})
    quiet.close()
