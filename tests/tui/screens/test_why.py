"""Why it does not go on: the keys that lead along a wait chain, and from finding to finding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from helpers.recordings import replay_of
from helpers.screens import running, selection, shown, text, toasts, until
from helpers.why_stories import line, ring
from mpviz.trace.model.events import Event
from mpviz.trace.record.replay import Replay
from mpviz.tui.app import MpvizApp
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.header import Header


@pytest.fixture
def stream() -> list[Event]:
    """Instead of the recorded run: three processes in a ring."""
    return ring().events


@pytest.fixture(autouse=True)
def hanging(session: Any) -> None:
    """All but the last event is told, so that the run goes on."""
    session.held = 1


def selected(pilot: Pilot[int]) -> str:
    process = selection(pilot).selected_process()
    return process.name if process is not None else ""


async def until_shown(pilot: Pilot[int], name: str, words: str) -> None:
    """Wait until the panel of this name is in front and has these words."""

    def is_shown() -> bool:
        holder = selection(pilot).panel_grid.holder(name)
        in_front = holder is not None and holder.panel is not None and holder.panel.name == name
        return in_front and words in text(shown(pilot, name))

    await until(pilot, is_shown)


async def test_the_chain_is_there_once_it_is_asked_for(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        assert selection(pilot).panel_grid.holder("why blocked") is None
        await pilot.press("w")
        await until_shown(pilot, "why blocked", "why blocked: MainProcess, a cycle")
        assert selection(pilot).panel_grid.holder("why blocked").has_focus  # type: ignore[union-attr]


async def test_one_key_leads_along_the_chain_and_round_the_ring(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        seen = []
        for _ in range(6):
            await pilot.press("w")
            await until_shown(pilot, "why blocked", "why blocked: MainProcess")
            seen.append(selected(pilot))
        assert seen == ["MainProcess", "worker-1", "worker-2", "worker-3", "worker-1", "worker-2"]


async def test_the_chain_begins_with_the_selected_process(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        while selected(pilot) != "worker-2":
            await pilot.press("down")
        await pilot.press("w")
        await until_shown(pilot, "why blocked", "why blocked: worker-2, a cycle")


class TestOfALine:
    @pytest.fixture
    def stream(self) -> list[Event]:
        return line().events

    async def test_at_its_end_it_is_said_how_it_ends(self, run_app: MpvizApp) -> None:
        async with running(run_app) as pilot:
            for _ in range(5):
                await pilot.press("w")
            await until(
                pilot,
                lambda: "the chain ends here: worker-3 is sleeping" in toasts(pilot)[-1],
            )
            assert selected(pilot) == "worker-3"

    async def test_where_nothing_is_wrong_that_is_said(self, run_app: MpvizApp) -> None:
        async with running(run_app) as pilot:
            await pilot.press("exclamation_mark")
            assert "nothing was found wrong so far" in toasts(pilot)[-1]
            assert "finding" not in selection(pilot).query_one(Header).shown[0].text


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=str)
async def test_a_finding_is_said_in_the_header_and_a_key_leads_to_it(
    run_app: MpvizApp, size: tuple[int, int]
) -> None:
    async with running(run_app, size=size) as pilot:
        screen = selection(pilot)
        assert " 1 finding " in screen.query_one(Header).shown[0].text
        assert "! findings" in screen.query_one(Footer).shown[0].text
        await pilot.press("exclamation_mark")
        await until_shown(pilot, "findings", "▸ 3 processes wait for each other")
        assert selected(pilot) == "worker-1"
        await pilot.press("exclamation_mark")
        assert selected(pilot) == "worker-1", "there is but one"


async def test_the_time_of_a_finding_is_scrolled_into_sight(
    run_app: MpvizApp, session: Any
) -> None:
    async with running(run_app) as pilot:
        screen = selection(pilot)
        (finding,) = session.state.findings.values()
        screen.view.span, screen.view.end = 500_000_000, -1
        await pilot.press("exclamation_mark")
        assert screen.view.end - screen.view.span <= finding.since <= screen.view.end


async def test_a_click_on_a_finding_does_the_same(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        screen = selection(pilot)
        screen.focus_panel("findings")
        await until_shown(pilot, "findings", "3 processes wait for each other")
        holder = screen.panel_grid.holder("findings")
        assert holder is not None
        await pilot.click(holder, offset=(5, 2))
        assert screen.view.finding.startswith("deadlock ")
        assert selected(pilot) == "worker-1"


async def test_a_picture_of_a_deadlock(
    run_app: MpvizApp, same_picture: Callable[[str, str], None]
) -> None:
    async with running(run_app) as pilot:
        await pilot.press("w", "exclamation_mark")
        await until_shown(pilot, "findings", "▸ 3 processes wait for each other")
        same_picture("deadlock-120x40", pilot.app.export_screenshot(simplify=True))


async def test_in_a_replay_it_goes_to_the_moment_at_which_it_was_found(
    replay: Replay, replay_app: MpvizApp
) -> None:
    async with running(replay_app) as pilot:
        replay.seek(replay.start)
        assert not replay.state.findings
        await pilot.press("exclamation_mark")
        await pilot.pause()
        (finding,) = replay.findings()
        assert replay.moment == finding.found
        await until_shown(pilot, "findings", "3 processes wait for each other")
        assert finding.since in replay.troubles()


def test_a_rule_that_is_silenced_is_silent_in_a_replay(replay: Replay) -> None:
    quiet = replay_of(replay.recording.path, silenced=frozenset({"deadlock"}))
    quiet.seek(quiet.end)
    assert (quiet.findings(), quiet.state.findings) == ([], {})
    quiet.close()
