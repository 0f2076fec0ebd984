"""The page of a process on the screens: the keys that open it, turn it and leave it."""

from __future__ import annotations

from typing import Any

from helpers.screens import running, selection, shown, text, words
from mpviz.tui.app import MpvizApp
from mpviz.tui.widgets.footer import Footer


async def test_enter_opens_the_page_and_escape_leaves_it(run_app: MpvizApp, session: Any) -> None:
    async with running(run_app) as pilot:
        screen = selection(pilot)
        before = screen.focused_panel
        await pilot.press("enter")
        assert screen.view.selected == session.state.main
        assert "main process" in text(shown(pilot, "process"))
        assert ("look", session.state.main) in session.asked
        assert "esc back" in words(pilot, Footer)
        await pilot.press("escape")
        assert not screen.is_on_page
        assert screen.view.selected == session.state.main
        assert screen.focused_panel == before
        assert "Process-2" in text(shown(pilot, "processes"))


async def test_the_keys_that_select_turn_the_page(run_app: MpvizApp, session: Any) -> None:
    async with running(run_app) as pilot:
        await pilot.press("j", "j", "enter")
        first = selection(pilot).view.selected
        await pilot.press("j")
        second = selection(pilot).view.selected
        assert second != first
        assert session.state.processes[second].name in text(shown(pilot, "process"))
        assert session.asked == [("look", first), ("look", second)]


async def test_a_key_of_another_panel_leaves_the_page(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        screen = selection(pilot)
        await pilot.press("e", "enter", "2")
        assert not screen.is_on_page
        assert screen.focused_panel == "processes"
        assert "Process-2" in text(shown(pilot, "timeline"))
        await pilot.press("enter", "L")
        assert screen.is_on_page
        await pilot.press("enter")
        assert screen.focused_panel == "processes"


async def test_a_replay_has_the_page_of_the_moment(replay_app: MpvizApp) -> None:
    async with running(replay_app, size=(80, 24)) as pilot:
        await pilot.press("at", *"end", "enter")
        await pilot.press("j", "j", "enter")
        page = text(shown(pilot, "process"))
        assert "exit code 0" in page
        await pilot.press("at", *"50%", "enter")
        assert "exit code 0" not in text(shown(pilot, "process")).splitlines()[1]


async def test_the_spans_of_the_selected_process_are_told_one_by_one(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        screen = selection(pilot)
        await pilot.press("comma")
        assert screen.view.told == -1
        await pilot.press("j", "j", "comma")
        first = screen.view.told
        foot = shown(pilot, "timeline").shown[-1].text
        assert "Process-1" in foot and "; from " in foot
        await pilot.press("comma")
        assert screen.view.told < first
        assert shown(pilot, "timeline").shown[-1].text != foot
        await pilot.press("full_stop")
        assert screen.view.told == first
        await pilot.press("j")
        assert screen.view.told == -1


async def test_a_click_on_a_lane_tells_the_span(run_app: MpvizApp, session: Any) -> None:
    async with running(run_app) as pilot:
        view = shown(pilot, "timeline")
        key = next(p.key for p in session.state.processes.values() if p.name == "Process-2")
        line = next(y for y, row in enumerate(view.shown) if row.key == key)
        await pilot.click(view, offset=(view.size.width - 12, line))
        assert selection(pilot).view.selected == key
        assert selection(pilot).view.told > 0
        await pilot.hover(Footer)
        assert "Process-2" in shown(pilot, "timeline").shown[-1].text
