"""The run screen: every key does what the table says, seen in the state, the session, the rows."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.app import SystemCommand
from textual.command import CommandPalette
from textual.events import Key
from textual.geometry import Region
from textual.widgets import OptionList

from helpers.screens import running, selection, shown, text, toasts, until, words
from mpviz.trace.launch.start import Target
from mpviz.tui.actions.palette import found_by_words
from mpviz.tui.app import MpvizApp
from mpviz.tui.endings import NOT_STARTED
from mpviz.tui.render.themes import THEMES
from mpviz.tui.screens.help import HelpScreen
from mpviz.tui.screens.picker import PickerScreen
from mpviz.tui.screens.run import RunScreen
from mpviz.tui.sessions import NotStarted, Session
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.header import Header
from mpviz.tui.widgets.prompt import Prompt
from mpviz.tui.widgets.rows_view import FramedView


async def test_it_shows_the_run_and_its_processes(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        assert "counting.py" in words(pilot, Header)
        assert "live" in words(pilot, Header)
        assert "Process-2" in text(shown(pilot, "timeline"))
        assert "Process-2" in text(shown(pilot, "processes"))
        assert shown(pilot, "timeline").has_focus


async def test_an_ended_run_says_how_it_ended_and_what_can_be_done(
    run_app: MpvizApp, session: Any
) -> None:
    session.held = 0
    async with running(run_app) as pilot:
        assert "ended, exit code 0" in words(pilot, Header)
        assert "r run again" in words(pilot, Footer)
        assert "freeze" not in words(pilot, Footer)
        assert selection(pilot)._timer is None


async def test_selection_is_of_a_process_and_goes_through_them(
    run_app: MpvizApp, session: Any
) -> None:
    async with running(run_app) as pilot:
        screen = selection(pilot)
        await pilot.press("down")
        first = screen.view.selected
        assert first in session.state.processes
        await pilot.press("down")
        assert screen.view.selected != first
        await pilot.press("up")
        assert screen.view.selected == first
        assert "T terminate" in words(pilot, Footer)


async def test_a_click_selects_the_process_of_the_row(run_app: MpvizApp, session: Any) -> None:
    async with running(run_app) as pilot:
        view = shown(pilot, "processes")
        key = next(p.key for p in session.state.processes.values() if p.name == "Process-2")
        (line,) = [y for y, row in enumerate(view.shown) if row.key == key]
        await pilot.click(view, offset=(5, line))
        assert selection(pilot).view.selected == key
        assert view.has_focus


@pytest.mark.parametrize(("key", "number"), [("T", signal.SIGTERM), ("K", signal.SIGKILL)])
async def test_signals_go_to_the_selected_process_and_are_told(
    run_app: MpvizApp, session: Any, key: str, number: int
) -> None:
    async with running(run_app) as pilot:
        await pilot.press(key)
        assert session.asked == []
        assert "select a process first" in toasts(pilot)[-1]
        await pilot.press("down", "down", key)
        selected = session.state.processes[selection(pilot).view.selected]
        assert session.asked == [(selected.key, number)]
        name = signal.Signals(number).name
        assert toasts(pilot) == [f"sent {name} to {selected.name} (pid {selected.pid})"]


async def test_a_signal_to_the_main_process_of_one_s_own_program_is_asked_for_first(
    run_app: MpvizApp, session: Any
) -> None:
    async with running(run_app) as pilot:
        selection(pilot)._select(session.state.main)
        await pilot.press("T")
        assert "send SIGTERM to counting.py itself?" in words(pilot, Prompt)
        assert session.asked == []
        await pilot.press("T")
        await until(pilot, lambda: session.asked == [(session.state.main, signal.SIGTERM)])


async def test_an_ended_process_is_not_signalled(run_app: MpvizApp, session: Any) -> None:
    session.held = 0
    async with running(run_app) as pilot:
        await pilot.press("down", "K")
        assert session.asked == []
        assert "has ended already" in toasts(pilot)[-1]


async def test_freeze_is_not_pause(run_app: MpvizApp, session: Any) -> None:
    async with running(run_app) as pilot:
        await pilot.press("f")
        await until(pilot, lambda: "frozen" in words(pilot, Header))
        assert session.asked == ["freeze"]
        assert "f resume" in words(pilot, Footer)
        await pilot.press("f")
        await until(pilot, lambda: "frozen" not in words(pilot, Header))
        assert session.asked == ["freeze", "go on"]
        await pilot.press("space")
        assert "paused" in words(pilot, Header)
        assert "space live" in words(pilot, Footer)
        assert session.asked == ["freeze", "go on"]


async def test_a_pause_keeps_the_picture_while_the_run_is_counted(
    run_app: MpvizApp, session: Any
) -> None:
    async with running(run_app) as pilot:
        await pilot.press("space")
        before = text(shown(pilot, "timeline"))
        records = session.state.records
        session.held = 0
        await until(pilot, lambda: session.over)
        assert session.state.records > records
        await until(pilot, lambda: "ended, exit code 0" in words(pilot, Header))
        await pilot.press("down", "up")
        assert session.state.now > selection(pilot).view.now
        after = text(shown(pilot, "timeline"))
        assert before.replace(" ", "")[:200] == after.replace("▸", "").replace(" ", "")[:200]
        await pilot.press("space")
        assert selection(pilot).view.now == session.state.now


async def test_stop_lets_a_program_of_one_s_own_end_in_its_own_way_first(
    target: Target, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = MpvizApp(replace(target, grace=30.0), start=lambda _: session, fps=10)
    async with running(app) as pilot:
        await pilot.press("s")
        await until(pilot, lambda: f"end {target.name}?" in words(pilot, Prompt))
        assert session.asked == []
        await pilot.press("s")
        await until(pilot, lambda: "ending" in words(pilot, Header))
        assert session.asked == ["terminate"]
        await pilot.press("s")
        await until(pilot, lambda: session.asked == ["terminate", "stop"])


async def test_stop_ends_the_program_and_keeps_the_screen(run_app: MpvizApp, session: Any) -> None:
    async with running(run_app) as pilot:
        await pilot.press("s", "enter")
        await until(pilot, lambda: "ending" in words(pilot, Header))
        assert session.asked == ["stop"]
        assert session.closed == 0


async def test_run_again_closes_the_old_run_first(run_app: MpvizApp, session: Any) -> None:
    async with running(run_app) as pilot:
        started: list[Target] = []

        def start(target: Target) -> Session:
            assert session.closed == 1
            started.append(target)
            answer: Session = session
            return answer

        run_app._start = start
        await pilot.press("r", "enter")
        await until(pilot, lambda: started)
        assert [target.name for target in started] == ["counting.py"]


async def test_the_timeline_zooms_pans_and_follows(run_app: MpvizApp, session: Any) -> None:
    async with running(run_app) as pilot:
        view = selection(pilot).view
        await pilot.press("plus")
        assert 0 < view.span < view.now - session.state.origin
        assert view.end == -1
        await pilot.press("left")
        assert 0 < view.end < view.now
        assert "end follow" in words(pilot, Footer)
        await pilot.press("end")
        assert view.end == -1
        await pilot.press("home")
        assert (view.span, view.end) == (0, -1)
        await pilot.press("minus")
        assert view.span == 0


async def test_tab_goes_through_all_panels_and_numbers_switch_them(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        screen = selection(pilot)
        names = [each.name for each in screen.panel_grid.wanted]
        seen = []
        for _ in names:
            await pilot.press("tab")
            await pilot.pause()
            holder = screen._panel()
            assert holder is not None
            assert holder.panel is not None
            seen.append(holder.panel.name)
        assert sorted(seen) == sorted(names)
        await pilot.press("1")
        await pilot.pause()
        assert screen.focused_panel == "cores"
        await pilot.press("1")
        await pilot.pause()
        assert "cores" not in [each.name for each in screen.panel_grid.wanted]
        await pilot.press("1")
        await pilot.pause()
        assert screen.panel_grid.holder("cores") is not None


async def test_enlarge_fills_the_screen_and_esc_makes_it_small(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        await pilot.press("e")
        await pilot.pause()
        view = shown(pilot, "timeline")
        assert view.size == (120, 38)
        await pilot.press("escape")
        await pilot.pause()
        assert shown(pilot, "timeline").size.height < 38


async def test_a_line_is_found_in_the_log_and_enter_goes_on(
    run_app: MpvizApp, session: Any
) -> None:
    async with running(run_app) as pilot:
        screen = selection(pilot)
        screen.focus_panel("log")
        await pilot.pause()
        for number in range(80):
            session.state.note(session.state.now, "", f"entry {number}")
        await pilot.press("ctrl+f", *"entry 3")
        assert "entry 39" in text(shown(pilot, "log"))
        await pilot.press("enter", "enter")
        log = shown(pilot, "log")
        assert "entry 37" in text(log)
        assert "entry 79" not in text(log)
        (found,) = [row for row in log.shown if "entry 37" in row.text]
        assert any("selected" in style for _, style in found.parts)
        assert "enter goes to the next" in screen.query_one(Prompt).shown[0].text
        await pilot.press("x")
        assert "not found" in screen.query_one(Prompt).shown[0].text
        await pilot.press("escape")
        assert words(pilot, Footer)
        assert screen.view.found == {}


async def test_in_a_list_of_objects_the_next_process_is_found(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        screen = selection(pilot)
        await pilot.press("ctrl+f", *"process-2")
        process = screen.picture.state.processes[screen.view.selected]
        assert process.name == "Process-2"
        await pilot.press("backspace", "enter")
        process = screen.picture.state.processes[screen.view.selected]
        assert process.name == "Process-3"
        await pilot.press("escape")
        assert screen.view.selected == process.key


async def test_a_list_is_ordered_by_key_and_the_selection_goes_through_it_in_that_order(
    run_app: MpvizApp,
) -> None:
    async with running(run_app) as pilot:
        screen = selection(pilot)
        screen.focus_panel("processes")
        await pilot.pause()
        await pilot.press("o")
        assert "(by cpu)" in shown(pilot, "processes").shown[0].text
        while screen.view.order["processes"] != "name":
            await pilot.press("o")
        listed = [row.key for row in shown(pilot, "processes").shown if row.key]
        await pilot.press("down")
        assert screen.view.selected == listed[0]
        await pilot.press("down")
        assert screen.view.selected == listed[1]
        await pilot.press("o", "o")
        assert "(by" not in shown(pilot, "processes").shown[0].text
        screen.focus_panel("log")
        await pilot.pause()
        await pilot.press("o")
        assert "log" not in screen.view.order


async def test_a_click_on_a_heading_orders_by_its_column_and_the_next_no_more(
    run_app: MpvizApp,
) -> None:
    async with running(run_app, size=(200, 50)) as pilot:
        view = shown(pilot, "processes")
        place = (view.shown[1].text.index("memory"), 1)
        await pilot.click(view, offset=place)
        assert selection(pilot).view.order["processes"] == "memory"
        assert "memory▾" in view.shown[1].text
        await pilot.click(view, offset=place)
        assert "memory▾" not in view.shown[1].text
        await pilot.click(view, offset=(view.shown[1].text.index("state"), 1))
        assert "(by" not in view.shown[0].text


async def test_the_filter_is_typed_in_place_of_the_footer(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        await pilot.press("slash", *"process-2")
        assert selection(pilot).view.filter == "process-2"
        assert "Process-1" not in text(shown(pilot, "processes"))
        await pilot.press("enter")
        assert selection(pilot).view.filter == "process-2"
        await pilot.press("escape")
        assert selection(pilot).view.filter == ""
        assert "Process-1" in text(shown(pilot, "processes"))


async def test_esc_goes_back_step_by_step_and_asks_before_it_ends_the_run(
    run_app: MpvizApp, session: Any
) -> None:
    async with running(run_app) as pilot:
        await pilot.press("down", "escape")
        assert selection(pilot).view.selected == ""
        assert session.closed == 0
        await pilot.press("escape", "escape", "escape")
        assert "still runs   enter ends it and goes back" in words(pilot, Prompt)
        assert session.closed == 0
        await pilot.press("n")
        assert words(pilot, Footer)
        await pilot.press("escape", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickerScreen))
        assert session.closed == 1


async def test_quit_asks_while_a_program_of_one_s_own_runs(run_app: MpvizApp, session: Any) -> None:
    async with running(run_app) as pilot:
        await pilot.press("q")
        assert "still runs   enter ends it and quits" in words(pilot, Prompt)
        await pilot.press("escape")
        assert run_app.return_code is None
        await pilot.press("q", "q")
        await until(pilot, lambda: run_app.return_code is not None)


async def test_quit_does_not_ask_about_a_scenario_or_once_the_run_is_over(
    target: Target, session: Any
) -> None:
    session.held = 0
    app = MpvizApp(target, start=lambda _: session, fps=10)
    async with running(app) as pilot:
        await until(pilot, lambda: session.over)
        await pilot.press("q")
        await until(pilot, lambda: app.return_code is not None)
    app = MpvizApp(replace(target, scenario="shared-counter"), start=lambda _: session, fps=10)
    async with running(app) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: app.return_code is not None)


async def test_panels_of_one_kind_share_a_digit_and_take_turns(
    run_app: MpvizApp, session: Any
) -> None:
    async with running(run_app) as pilot:
        screen = selection(pilot)
        seen = []
        for _ in range(3):
            await pilot.press("6")
            await pilot.pause()
            seen.append(screen.focused_panel if not screen.off & {"locks"} else "put away")
        assert seen[:2] == ["locks", "put away"]
        await pilot.press("4")
        assert toasts(pilot)[-1] == "the program has used no tasks so far"


async def test_the_palette_lists_the_actions_in_the_order_of_the_help_with_their_keys(
    run_app: MpvizApp,
) -> None:
    async with running(run_app) as pilot:
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
        options = pilot.app.screen.query_one(OptionList)
        await until(pilot, lambda: options.option_count > 20)
        first = str(options.get_option_at_index(0).prompt)
        assert "Pause the picture, or follow again  (space)" in first


def test_the_palette_finds_an_action_by_the_words_of_its_help() -> None:
    def commands(*names: tuple[str, str]) -> list[SystemCommand]:
        return [SystemCommand(title, text, lambda: None) for title, text in names]

    listed = commands(
        ("Freeze the program", "Stops every process (SIGSTOP)."),
        ("End the program", "Sends SIGTERM."),
        ("The next finding", "Shows what is wrong."),
        ("Why it is blocked", "The chain of a deadlock, or the next link."),
    )
    found = found_by_words(listed, "next")
    assert [command.title for command, _ in found] == ["The next finding", "Why it is blocked"]
    assert [command.title for command, _ in found_by_words(listed, "sigterm")] == [
        "End the program"
    ]
    assert [is_titled for _, is_titled in found_by_words(listed, "Stops Program")] == [False]
    assert not found_by_words(listed, "deadlock sigterm")


async def test_help_explains_every_panel(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        panels = selection(pilot).panels
        await pilot.press("question_mark")
        help_screen = pilot.app.screen
        assert isinstance(help_screen, HelpScreen)
        assert help_screen._panels == panels
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, RunScreen)


async def test_two_quick_keys_close_the_help_and_not_the_run_below_it(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        open_help = pilot.app.screen
        assert isinstance(open_help, HelpScreen)
        for _ in range(2):
            open_help.post_message(Key("q", "q"))
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunScreen)


async def test_the_help_begins_with_a_dozen_keys_and_can_be_searched(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        await pilot.press("question_mark")
        help_screen = pilot.app.screen
        assert sum(action.first for action in RunScreen.ACTIONS) == 12
        assert "The keys to begin with" in words(pilot, FramedView)
        await pilot.press("slash", *"sigkill")
        found = words(pilot, FramedView)
        assert "Kill the selected process" in found
        assert "Terminate" not in found
        await pilot.press(*"zzz")
        assert "nothing contains 'sigkillzzz'" in words(pilot, FramedView)
        await pilot.press("escape")
        assert pilot.app.screen is help_screen
        assert "The keys to begin with" in words(pilot, FramedView)
        await pilot.press("slash", *"freeze", "enter", "escape")
        assert pilot.app.screen is help_screen
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, RunScreen)


async def test_save_writes_a_picture_and_says_where(
    run_app: MpvizApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(run_app) as pilot:
        await pilot.press("S")
        await pilot.pause()
        (file,) = tmp_path.glob("mpviz-counting.py-*.svg")
        assert str(file) in toasts(pilot)[-1]
        assert "timeline" in file.read_text(encoding="utf-8")


async def test_themes_go_round_and_everything_is_drawn_in_each(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        seen = []
        for _ in THEMES:
            await pilot.press("ctrl+t")
            await pilot.pause()
            seen.append(pilot.app.theme)
            assert "Process-2" in text(shown(pilot, "timeline"))
        assert set(seen) == set(THEMES)


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (20, 5), (40, 10), (79, 24), (300, 100)])
async def test_any_size_is_drawn(run_app: MpvizApp, size: tuple[int, int]) -> None:
    async with running(run_app, size=size) as pilot:
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert run_app.is_running


async def test_a_small_terminal_says_so(run_app: MpvizApp) -> None:
    async with running(run_app, size=(70, 20)) as pilot:
        assert [
            view.panel.name for view in selection(pilot).panel_grid.in_sight() if view.panel
        ] == ["timeline"]
        assert "small: tab for more" in words(pilot, Header)
        screen = selection(pilot)
        screen.off |= {panel.name for panel in screen.panels} - {"timeline"}
        screen.redraw()
        assert "small" not in words(pilot, Header), "there is nothing more"


async def test_lost_records_are_loud(run_app: MpvizApp, session: Any) -> None:
    async with running(run_app, size=(80, 24)) as pilot:
        process = next(iter(session.state.processes.values()))
        process.dropped = 12
        selection(pilot).redraw()
        row = selection(pilot).query_one(Header).shown[0]
        assert (" lost 12 ", "alarm") in row.parts


async def test_a_run_that_cannot_start_is_an_error_of_the_command(target: Target) -> None:
    def start(target: Target) -> Session:
        raise NotStarted("there is no file x")

    app = MpvizApp(target, start=start, fps=10)
    async with running(app) as pilot:
        await until(pilot, lambda: not app.is_running or app.return_code == NOT_STARTED)
    assert app.failure == "there is no file x"


async def test_only_changed_lines_are_drawn_again(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        view = shown(pilot, "processes")
        strips = [view.render_line(y) for y in range(view.size.height)]
        view.redraw()
        assert all(view.render_line(y) is strip for y, strip in enumerate(strips))
        await pilot.press("down")
        changed = [y for y, strip in enumerate(strips) if view.render_line(y) is not strip]
        assert 0 < len(changed) < 4


async def test_the_mouse_over_the_timeline_says_what_is_under_it(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        view = shown(pilot, "timeline")
        (line,) = [y for y, row in enumerate(view.shown) if "Process-2" in row.text]
        await pilot.hover(view, offset=(110, line))
        assert "Process-2" in view.shown[-1].text
        await pilot.hover(shown(pilot, "cores"), offset=(5, 2))
        assert "Process-2" not in view.shown[-1].text


async def test_the_wheel_zooms_where_the_mouse_is_and_scrolls_over_the_names(
    run_app: MpvizApp, session: Any
) -> None:
    async with running(run_app) as pilot:
        view, holder = selection(pilot).view, shown(pilot, "timeline")
        before = holder.time_at(60)
        holder.post_message(holder.Wheeled(holder, -1, 60))
        await pilot.pause()
        assert 0 < view.span < session.state.now - session.state.origin
        assert abs(holder.time_at(60) - before) < view.span / 6
        span = view.span
        holder.post_message(holder.Wheeled(holder, -1, 3))
        await pilot.pause()
        assert view.span == span


async def test_rows_that_are_scrolled_back_to_stay_in_sight(
    run_app: MpvizApp, session: Any
) -> None:
    async with running(run_app) as pilot:
        screen = selection(pilot)
        screen.focus_panel("log")
        await pilot.pause()
        for number in range(60):
            session.state.note(session.state.now, "", f"entry {number}")
        await pilot.press("pageup")
        before = text(shown(pilot, "log")).splitlines()[1:-2]
        for number in range(60, 80):
            session.state.note(session.state.now, "", f"entry {number}")
        screen.redraw()
        assert text(shown(pilot, "log")).splitlines()[1:-2] == before
        assert "follow" in words(pilot, Footer)
        await pilot.press("end")
        assert "entry 79" in text(shown(pilot, "log"))


async def test_a_line_can_be_typed_for_the_program(run_app: MpvizApp, session: Any) -> None:
    async with running(run_app) as pilot:
        await pilot.press("i", *"kill 9", "enter")
        assert session.asked == ["kill 9\n"]
        assert toasts(pilot) == ["sent: kill 9"]
        assert selection(pilot).view.filter == ""
        await pilot.press("i", "x", "escape")
        assert session.asked == ["kill 9\n"]


async def test_ctrl_c_is_for_the_program_first_and_then_for_us(
    run_app: MpvizApp, session: Any
) -> None:
    async with running(run_app) as pilot:
        await pilot.press("ctrl+c")
        assert session.asked == ["interrupt"]
        assert "once more" in toasts(pilot)[-1]
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert pilot.app._exit


async def test_ctrl_c_after_the_end_quits(run_app: MpvizApp, session: Any) -> None:
    session.held = 0
    async with running(run_app) as pilot:
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert session.asked == []
        assert pilot.app._exit


async def test_the_keys_of_a_lab_tell_the_program_what_to_do(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its panel has the bright border; elsewhere the keys are what they always are."""
    target = Target(arguments=["x.py"], name="lab", scenario="lab")
    app = MpvizApp(target, start=lambda target: session, fps=10)
    async with running(app) as pilot:
        assert shown(pilot, "lab").has_focus
        # Whatever is selected: here these keys are buttons, and call what they say.
        await pilot.press("down")
        assert selection(pilot).selected_process() is not None
        assert "terminate" not in words(pilot, Footer)
        assert "kill" not in words(pilot, Footer)
        await pilot.press("escape")
        await pilot.press("a", "d")
        assert session.asked == ["start\n", "start daemon\n"]
        await pilot.press("K")
        assert session.asked[2] == "kill 3\n"
        lab = shown(pilot, "lab")
        button = lab.panel.buttons(lab.size.width - 2)[2] if lab.panel else None
        assert button is not None
        await pilot.click(lab, offset=(button.x + 2, button.y + 1))
        await pilot.pause()
        assert session.asked[3] == "start stubborn\n"
        await pilot.press("tab", "a", "down")
        assert len(session.asked) == 4
        assert "T terminate" in words(pilot, Footer)


async def test_the_run_is_recorded_by_a_key_and_says_where(
    run_app: MpvizApp, session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(run_app) as pilot:
        assert "● rec" not in words(pilot, Header)
        await pilot.press("R")
        assert session.file.parent == tmp_path
        assert session.file.name.startswith("mpviz-counting.py-")
        assert session.file.name.endswith(".jsonl.gz")
        assert "● rec" in words(pilot, Header)
        assert session.file.name in toasts(pilot)[-1]
        first = session.file
        await pilot.press("R")
        assert session.file == first
        assert "mpviz replay" in toasts(pilot)[-1]
        # The disk fills up: that is said, and the run goes on.
        session.record_problem = "No space left on device"
        selection(pilot).redraw()
        assert "not recorded: No space left on device" in words(pilot, Header)
        assert "live" in words(pilot, Header)


async def test_a_run_that_cannot_be_recorded_says_why(run_app: MpvizApp, session: Any) -> None:
    session.record_problem = "the run has told too much"
    async with running(run_app) as pilot:
        await pilot.press("R")
        assert toasts(pilot) == ["not recorded: the run has told too much"]
        assert "● rec" not in words(pilot, Header)


async def test_a_panel_that_was_just_made_wider_is_never_too_short(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        view = shown(pilot, "processes")
        wider = Region(0, 0, view.size.width + 30, view.size.height)
        lines = view.render_lines(wider)
        assert [line.cell_length for line in lines] == [wider.width] * wider.height


async def test_the_key_after_a_typed_line_is_a_command_again(run_app: MpvizApp) -> None:
    async with running(run_app) as pilot:
        # All at once, as a paste or a quick typist has it.
        for key in ("slash", "P", "enter", "v", "slash", "Q"):
            pilot.app.post_message(
                Key(key, {"slash": "/"}.get(key, key if len(key) == 1 else None))
            )
        await pilot.pause()
        await pilot.pause()
        screen = selection(pilot)
        assert screen.query_one(Prompt).display
        assert not screen.query_one(Footer).display
        assert screen.query_one(Prompt).text.endswith("Q")
        assert screen.view.filter == screen.query_one(Prompt).text
        assert screen.view.all_events


@pytest.mark.parametrize("narrowed", [False, True])
async def test_a_terminal_of_four_columns_has_no_room_for_the_palette(
    run_app: MpvizApp, narrowed: bool
) -> None:
    async with running(run_app) as pilot:
        for width, key in ((120, "ctrl+p"), (4, "")) if narrowed else ((4, "ctrl+p"),):
            await pilot.resize_terminal(width, 24)
            await pilot.press(*filter(None, [key]))
            await pilot.pause()
        assert not CommandPalette.is_open(pilot.app)
        await pilot.resize_terminal(120, 40)
        selection(pilot)
