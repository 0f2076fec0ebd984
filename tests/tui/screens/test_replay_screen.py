"""The replay screen: keys and mouse go to moments, and the panels show what was true then."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from helpers.recordings import Clock
from helpers.screens import running, shown, text, toasts, until, words
from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.report import document
from mpviz.trace.model.events import Event, Sample
from mpviz.trace.model.state import RunState
from mpviz.trace.record.replay import Replay
from mpviz.tui.app import MpvizApp
from mpviz.tui.render.event_words import event_in_words
from mpviz.tui.render.rows import Part
from mpviz.tui.screens.picker import PickerScreen
from mpviz.tui.screens.replay import ReplayScreen
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.header import Header
from mpviz.tui.widgets.prompt import Prompt
from mpviz.tui.widgets.scrubber import Scrubber, bar_columns

SECOND = 1_000_000_000


def screen_of(pilot: Pilot[int]) -> ReplayScreen:
    screen = pilot.app.screen
    assert isinstance(screen, ReplayScreen)
    return screen


def lane_styles(pilot: Pilot[int]) -> set[str]:
    """How the cells of the timeline's lanes are drawn, whatever is empty left out."""
    lanes = [row for row in shown(pilot, "timeline").shown if row.key]
    return {style for row in lanes for cells, style in row.parts[5:-1] if cells.strip()}


def middle(replay: Replay) -> int:
    return (replay.start + replay.end) // 2


async def test_it_opens_playing_and_says_that_it_is_a_replay(
    replay_app: MpvizApp, replay: Replay, clock: Clock
) -> None:
    async with running(replay_app) as pilot:
        assert replay.playing
        assert "counting.py" in words(pilot, Header)
        assert "replay" in words(pilot, Header)
        assert "live" not in words(pilot, Header)
        clock.now += SECOND // 10
        screen_of(pilot).replay.step(1)
        assert replay.moment == replay.start + SECOND // 10
        assert "space pause" in words(pilot, Footer)
        await pilot.press("space")
        assert not replay.playing
        assert "space play" in words(pilot, Footer)


async def test_the_panels_show_what_was_true_at_the_moment(
    replay_app: MpvizApp, replay: Replay, stream: list[Event]
) -> None:
    replay.seek(middle(replay))
    async with running(replay_app) as pilot:
        await pilot.press("space")
        assert screen_of(pilot).picture.state is replay.state
        assert screen_of(pilot).view.now == replay.moment
        assert document(replay.state) == document(follow(RunState(), stream[: replay.position]))
        assert "running" in text(shown(pilot, "processes")) or "waiting" in text(
            shown(pilot, "processes")
        )
        await pilot.press("at", *"end", "enter")
        await pilot.pause()
        assert replay.moment == replay.end
        assert "ended, exit code 0" in words(pilot, Header)
        assert "✓" in text(shown(pilot, "timeline"))
        assert any(style == "good" for style in lane_styles(pilot))
        await pilot.press("at", "0", "enter")
        await pilot.pause()
        assert replay.moment == replay.start
        assert lane_styles(pilot) <= {"scrubber.here", "scrubber.to.come", ""}


async def test_steps_go_from_event_to_event_and_the_tape_says_which(
    replay_app: MpvizApp, replay: Replay, stream: list[Event]
) -> None:
    replay.go_to_event(40)
    async with running(replay_app) as pilot:
        before = replay.position
        await pilot.press("full_stop")
        assert replay.position > before
        last = stream[replay.position - 1]
        assert not isinstance(last, Sample)
        assert not replay.playing
        assert f"event {replay.position}" in words(pilot, Scrubber)
        told = event_in_words(replay.state, last)
        assert told[:20] in words(pilot, Scrubber)
        await pilot.press("comma")
        assert replay.position < before + 1
        replay.go_to_event(1)
        await pilot.press("comma")
        assert toasts(pilot) == ["this is the first event"]


async def test_steps_of_the_selected_process_need_one(
    replay_app: MpvizApp, replay: Replay, stream: list[Event]
) -> None:
    replay.seek(middle(replay))
    async with running(replay_app) as pilot:
        await pilot.press("greater_than_sign")
        assert "select a process first" in toasts(pilot)[-1]
        await pilot.press("space", "down", "down")
        process = screen_of(pilot).selected_process()
        assert process is not None
        await pilot.press("greater_than_sign")
        assert stream[replay.position - 1].pid == process.pid
        await pilot.press("less_than_sign", "less_than_sign")
        assert stream[replay.position - 1].pid == process.pid


async def test_arrows_move_the_moment_in_steps_of_what_is_in_sight(
    replay_app: MpvizApp, replay: Replay
) -> None:
    replay.seek(middle(replay))
    async with running(replay_app) as pilot:
        await pilot.press("space")
        here = replay.moment
        await pilot.press("left")
        coarse = here - replay.moment
        assert coarse > 0
        await pilot.press("right", "plus", "plus")
        here = replay.moment
        await pilot.press("left")
        assert 0 < here - replay.moment < coarse


async def test_a_drag_along_the_timeline_goes_to_what_is_still_to_come_and_back(
    replay_app: MpvizApp, replay: Replay
) -> None:
    async with running(replay_app) as pilot:
        await pilot.press("space", "at", "0", "enter")
        holder = shown(pilot, "timeline")
        far, near = holder.size.width - 20, holder.size.width // 2
        await pilot.click(holder, offset=(far, 3))
        assert replay.moment == pytest.approx(holder.time_at(far), abs=SECOND // 1000)
        await pilot.mouse_down(holder, offset=(far, 3))
        await pilot.hover(holder, offset=(near, 3))
        assert replay.moment == pytest.approx(holder.time_at(near), abs=SECOND // 1000)
        await pilot.mouse_up(holder, offset=(near, 3))
        await pilot.hover(holder, offset=(far, 3))
        assert replay.moment == pytest.approx(holder.time_at(near), abs=SECOND // 1000)


async def test_the_playhead_stands_at_the_moment_across_all_lanes(
    replay_app: MpvizApp, replay: Replay
) -> None:
    replay.seek(middle(replay))
    async with running(replay_app) as pilot:
        await pilot.press("space")
        await pilot.pause()
        holder = shown(pilot, "timeline")
        lines = [row.text for row in holder.shown[1:]]
        (column,) = {line.index("┃") for line in lines if "┃" in line}
        assert sum(line.count("┃") for line in lines) == holder.size.height - 4
        width = holder.time_at(column + 1) - holder.time_at(column)
        assert abs(holder.time_at(column) - replay.moment) <= width
        assert "▲" in lines[-3]
        assert any(each.startswith("activity") for each in lane_styles(pilot))
        assert "scrubber.to.come" in lane_styles(pilot)


async def test_how_a_process_has_ended_is_seen_when_the_playhead_has_come_to_its_end(
    replay_app: MpvizApp, replay: Replay
) -> None:
    async with running(replay_app) as pilot:
        await until(pilot, lambda: replay.is_read)
        first = min(
            (each for each in replay.whole.processes.values() if each.ended >= 0),
            key=lambda each: each.ended,
        )
        holder = shown(pilot, "timeline")

        def signs() -> list[Part]:
            row = next(each for each in holder.shown if each.key == first.key and "✓" in each.text)
            return [part for part in row.parts if "✓" in part[0]]

        replay.seek(first.ended)
        await until(pilot, lambda: replay.moment == first.ended)
        await pilot.press("space")
        await pilot.pause()
        assert signs() == [("✓", "good")], "behind the playhead, and it has happened"
        column = holder.time_at(40) - holder.time_at(39)
        replay.seek(first.ended + column)
        await pilot.press("down", "up")
        await pilot.pause()
        assert signs() == [("✓", "scrubber.here")], "below the playhead"


async def test_where_the_timeline_is_out_of_sight_a_bar_takes_its_place(
    replay_app: MpvizApp, replay: Replay
) -> None:
    async with running(replay_app) as pilot:
        await pilot.press("space", "0", "e")
        await pilot.pause()
        scrubber = screen_of(pilot).query_one(Scrubber)
        await until(pilot, lambda: scrubber.size.height == 2)
        first, last = bar_columns(screen_of(pilot).place(), scrubber.size.width)
        length = replay.end - replay.start
        await pilot.click(scrubber, offset=((first + last) // 2, 0))
        assert replay.moment - replay.start == pytest.approx(length / 2, rel=0.05)
        await pilot.mouse_down(scrubber, offset=((first + last) // 2, 0))
        await pilot.hover(scrubber, offset=(first + (last - first) // 4, 0))
        assert replay.moment - replay.start == pytest.approx(length / 4, rel=0.1)
        await pilot.mouse_up(scrubber, offset=(first + (last - first) // 4, 0))
        await pilot.hover(scrubber, offset=(last - 2, 0))
        assert replay.moment - replay.start == pytest.approx(length / 4, rel=0.1)


async def test_a_click_on_the_timeline_goes_to_that_moment(
    replay_app: MpvizApp, replay: Replay
) -> None:
    replay.seek(replay.end)
    async with running(replay_app) as pilot:
        await pilot.press("at", *"end", "enter", "space", "space")
        replay.pause()
        replay.seek(replay.end)
        screen_of(pilot).redraw()
        holder = screen_of(pilot).panel_grid.holder("timeline")
        assert holder is not None
        x = holder.size.width // 2
        moment = holder.time_at(x)
        await pilot.click(holder, offset=(x, 2))
        assert replay.moment == moment


async def test_the_timeline_shows_the_whole_recording_and_the_line_below_the_moment_in_it(
    replay_app: MpvizApp, replay: Replay
) -> None:
    replay.go_to_event(replay.known // 2)
    async with running(replay_app, (80, 24)) as pilot:
        await pilot.press("space", "full_stop")
        await pilot.pause()
        assert "timeline, the whole run: 208 ms" in text(shown(pilot, "timeline"))
        assert re.search(r"0\.1\d\d s of 0\.20\d s", words(pilot, Scrubber))


async def test_marks_speeds_and_moments_may_be_missing(
    replay_app: MpvizApp, replay: Replay
) -> None:
    replay.seek(middle(replay))
    async with running(replay_app) as pilot:
        await pilot.press("space", "m")
        marked = replay.moment
        assert "◆" in words(pilot, Scrubber) or replay.marks == [marked]
        await pilot.press("at", "0", "enter", "apostrophe")
        assert replay.moment == marked
        await pilot.press("apostrophe")
        assert "no mark after this" in toasts(pilot)[-1]
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert "0.25x" in words(pilot, Scrubber)
        await pilot.press("right_square_bracket")
        assert "0.5x" in words(pilot, Scrubber)
        await pilot.press("at", *"soon", "enter")
        await pilot.pause()
        assert "'soon' is no moment" in toasts(pilot)[-1]
        assert replay.moment == marked
        await pilot.press("slash", *"Process-2", "enter")
        await pilot.pause()
        assert screen_of(pilot).view.filter == "Process-2"
        assert not screen_of(pilot).query_one(Prompt).display


async def test_back_leads_to_the_scenarios(replay_app: MpvizApp) -> None:
    async with running(replay_app) as pilot:
        await pilot.press("escape")
        await pilot.pause()
        await pilot.pause()
        assert isinstance(pilot.app.screen, PickerScreen)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_pictures(
    replay_app: MpvizApp,
    replay: Replay,
    same_picture: Callable[[str, str], None],
    size: tuple[int, int],
) -> None:
    pictures: list[str] = []
    replay.go_to_event(replay.known // 2)
    replay.mark()
    async with running(replay_app, size=size) as pilot:
        await pilot.press("space", "full_stop", "full_stop", "down", "down")
        await pilot.pause()
        pictures.append(pilot.app.export_screenshot(simplify=True))
    same_picture("replay-{}x{}".format(*size), pictures[0])
