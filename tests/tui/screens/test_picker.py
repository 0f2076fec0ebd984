"""The first screen: choosing, the form and its limits, filtering, and what is asked to run."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from helpers.screens import running, selection, text, until
from mpviz.scenarios.catalogue import find, parse, scenarios
from mpviz.scenarios.deadlock import HANGS
from mpviz.trace.launch.start import Target
from mpviz.tui.app import MpvizApp
from mpviz.tui.screens.form import RUN, START_METHOD, Form, form_rows
from mpviz.tui.screens.picker import PickerScreen
from mpviz.tui.screens.picker_rows import head_rows
from mpviz.tui.screens.run import RunScreen
from mpviz.tui.screens.shortcuts import SHORTCUTS
from mpviz.tui.widgets.rows_view import RowsView


def test_a_scenario_that_hangs_says_so_and_how_to_end_it() -> None:
    assert head_of("order=opposite").endswith("Hangs on purpose: " + HANGS + ". Press s to end it.")


def test_a_scenario_with_values_that_avoid_its_hang_is_not_said_to_hang() -> None:
    assert "Hangs" not in head_of("order=same")


def head_of(*parameters: str) -> str:
    scenario = find("deadlock")
    rows = head_rows(scenario, parse(scenario, parameters), 80)
    return " ".join(" ".join(row.text for row in rows).split())


def screen_of(pilot: Pilot[int]) -> PickerScreen:
    screen = pilot.app.screen
    assert isinstance(screen, PickerScreen)
    return screen


def row_text(pilot: Pilot[int], name: str) -> str:
    return text(screen_of(pilot).query_one(name, RowsView))


def entered(pilot: Pilot[int]) -> dict[str, str]:
    form = screen_of(pilot).form
    assert form is not None
    return form.texts


async def test_the_first_scenario_is_chosen_with_its_sentence_form_and_source(
    picker_app: MpvizApp,
) -> None:
    async with running(picker_app) as pilot:
        await pilot.pause()
        assert screen_of(pilot).chosen == "pool-map"
        assert "pools" in row_text(pilot, "#scenarios")
        assert "Watch the workers drift apart." in row_text(pilot, "#card")
        assert "workers" in row_text(pilot, "#card")
        assert "def add(counter, lock, times):" in row_text(pilot, "#source")


@pytest.mark.parametrize("keys", [("down", "down", "up"), ("j", "j", "k"), ("G", "up")])
async def test_arrows_and_letters_choose(picker_app: MpvizApp, keys: tuple[str, ...]) -> None:
    async with running(picker_app) as pilot:
        await pilot.press(*keys)
        assert screen_of(pilot).chosen == "counting"


async def test_one_digit_runs_what_a_talk_shows_wherever_the_cursor_is(
    picker_app: MpvizApp,
) -> None:
    async with running(picker_app) as pilot:
        assert "3" in row_text(pilot, "#scenarios"), "the digit stands before pool-map"
        await pilot.press("down", "3")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        assert selection(pilot).target.scenario == "pool-map"


async def test_a_digit_goes_into_the_form_while_that_has_the_keys(picker_app: MpvizApp) -> None:
    async with running(picker_app) as pilot:
        await pilot.press("tab", "2", "7")
        assert isinstance(pilot.app.screen, PickerScreen)
        assert "27" in entered(pilot).values()


def test_each_digit_names_a_scenario_and_values_that_it_allows() -> None:
    assert list(SHORTCUTS) == sorted(SHORTCUTS)
    names = [name for name, _ in SHORTCUTS.values()]
    assert names == [name for name in scenarios() if name in names], "in the order of the list"
    for name, values in SHORTCUTS.values():
        scenario = find(name)
        parse(scenario, [f"{key}={value}" for key, value in values.items()])


async def test_enter_runs_with_what_was_entered(picker_app: MpvizApp) -> None:
    async with running(picker_app) as pilot:
        await pilot.press("down", "tab", "8", "down", "right", "down", "left", "down", "down")
        await pilot.press("right", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        screen = selection(pilot)
        assert screen.target.scenario == "counting"
        assert screen.target.parameters == {
            "processes": 8,
            "times": 13,
            "lock": False,
            "pace": 2.5,
        }
        assert screen.target.start_method == "spawn"


async def test_what_is_not_allowed_is_said_at_once_and_does_not_run(picker_app: MpvizApp) -> None:
    async with running(picker_app) as pilot:
        await pilot.press("tab", "9", "9")
        assert "must be a whole number from 1 to 64" in row_text(pilot, "#card")
        await pilot.press("enter")
        await pilot.pause()
        assert screen_of(pilot).in_form
        await pilot.press("backspace", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))


async def test_what_was_entered_is_still_there_after_a_run(
    picker_app: MpvizApp, session: Any
) -> None:
    async with running(picker_app) as pilot:
        await pilot.press("down", "tab", "8", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.press("escape", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickerScreen))
        assert session.closed == 1
        assert screen_of(pilot).chosen == "counting"
        assert entered(pilot)["processes"] == "8"
        await pilot.press("d")
        assert entered(pilot)["processes"] == "3"


async def test_the_filter_narrows_the_list(picker_app: MpvizApp) -> None:
    async with running(picker_app) as pilot:
        await pilot.press("slash", *"sharing", "enter")
        assert screen_of(pilot).chosen == "counting"
        assert "pool-map" not in row_text(pilot, "#scenarios")
        await pilot.press("escape")
        assert "pool-map" in row_text(pilot, "#scenarios")
        await pilot.press("slash", *"zzz")
        assert "no scenario" in row_text(pilot, "#scenarios")
        await pilot.press("enter", "enter")
        assert isinstance(pilot.app.screen, PickerScreen)


async def test_the_mouse_does_it_too(picker_app: MpvizApp) -> None:
    async with running(picker_app) as pilot:
        listed = screen_of(pilot).query_one("#scenarios", RowsView)
        (line,) = [y for y, row in enumerate(listed.shown) if row.key == "counting"]
        await pilot.click(listed, offset=(6, line))
        assert screen_of(pilot).chosen == "counting"
        card = screen_of(pilot).query_one("#card", RowsView)
        (line,) = [y for y, row in enumerate(card.shown) if row.key == "times"]
        arrow = card.shown[line].text.index("▸")
        await pilot.click(card, offset=(arrow, line))
        assert entered(pilot)["times"] == "13"
        (line,) = [y for y, row in enumerate(card.shown) if row.key == RUN]
        await pilot.click(card, offset=(5, line))
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))


@pytest.mark.parametrize("size", [(1, 1), (20, 6), (80, 24), (200, 60)])
async def test_any_size_is_drawn(picker_app: MpvizApp, size: tuple[int, int]) -> None:
    async with running(picker_app) as pilot:
        await pilot.press("down", "tab", "down")
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert picker_app.is_running


async def test_at_80_by_24_the_whole_form_and_the_button_are_seen(picker_app: MpvizApp) -> None:
    async with running(picker_app, size=(80, 24)) as pilot:
        await pilot.press("down")
        card = row_text(pilot, "#card")
        for word in ("processes", "times", "lock", "pace", START_METHOD, "Run"):
            assert word in card


@pytest.fixture
def form(scenario_list: Any) -> Form:
    return Form(scenario_list[1])


def test_numbers_step_by_round_amounts_and_stay_in_their_range(form: Form) -> None:
    form.go_to("times")
    seen = []
    for start, direction in [("9", 1), ("20", 1), ("25", 1), ("20", -1), ("200", -1), ("0", -1)]:
        form.texts["times"] = start
        form.step(direction)
        seen.append(form.texts["times"])
    assert seen == ["10", "30", "30", "19", "190", "0"]
    form.texts["times"] = "many"
    form.step(1)
    assert form.texts["times"] == "12"


def test_typing_replaces_and_then_adds(form: Form) -> None:
    form.go_to("pace")
    for character in "1.5x":
        form.type(character)
    assert form.texts["pace"] == "1.5"
    assert form.problem("pace") == ""
    form.erase()
    form.erase()
    form.erase()
    assert form.problem("pace")
    assert form.values() is None


def test_python_s_own_start_method_is_marked_and_is_no_wish(form: Form) -> None:
    assert form.start_method is None
    assert any("Python's default" in row.text for row in form_rows(form, False, 80))
    form.go_to(START_METHOD)
    form.step(1)
    assert form.start_method is not None


async def test_a_field_for_any_text_has_a_line_to_type_into(
    session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also letters that are commands elsewhere."""
    lab = find("lab")
    chosen: list[Target] = []

    def start(target: Target) -> Any:
        chosen.append(target)
        return session

    monkeypatch.setattr("mpviz.tui.screens.picker.scenarios", lambda: {lab.name: lab})
    app = MpvizApp(start=start, fps=10)
    async with running(app) as pilot:
        await pilot.press("tab", "right", *"start", "semicolon", *"q")
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert chosen[0].parameters["script"] == "start;q"
        assert "script=start;q" in chosen[0].arguments


async def test_a_new_filter_takes_the_place_of_the_old_one(picker_app: MpvizApp) -> None:
    async with running(picker_app) as pilot:
        await pilot.press("slash", *"count", "enter")
        assert screen_of(pilot).filter == "count"
        await pilot.press("slash", "x")
        assert screen_of(pilot).filter == "x"
        await pilot.press("enter", "slash", "end", "y")
        assert screen_of(pilot).filter == "xy", "who goes to its end edits it"
        await pilot.press("enter", "slash", "backspace", "z", "enter")
        assert screen_of(pilot).filter == "xz"
        shown_rows = row_text(pilot, "#scenarios")
        assert "no scenario has" in shown_rows
        assert "esc shows all" in shown_rows
        await pilot.press("escape")
        assert screen_of(pilot).filter == ""
