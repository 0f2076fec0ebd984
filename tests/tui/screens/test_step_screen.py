"""The screen of the stepper, driven without a terminal, over runs that have no program."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest
from textual.pilot import Pilot

from helpers.screens import running, text, toasts, until
from helpers.stepped import Scripted, adders, ring
from mpviz.trace.launch.start import Target
from mpviz.tui.app import MpvizApp
from mpviz.tui.screens.picker import PickerScreen
from mpviz.tui.screens.step import StepScreen
from mpviz.tui.sessions import NotStarted, Stepped
from mpviz.tui.widgets.rows_view import RowsView

TARGET = Target(["adders.py"], name="adders")


def app_of(make: Callable[[], Stepped]) -> MpvizApp:
    """An app that steps through such runs."""

    def no_session(target: Target) -> NoReturn:
        raise AssertionError(target)

    app = MpvizApp(TARGET, start=no_session, fps=10, stepped=True)
    app.begin_steps = lambda target: make()
    app.theme, app.ascii_only = "mpviz-dark", False
    return app


def steps(pilot: Pilot[int]) -> StepScreen:
    screen = pilot.app.screen
    assert isinstance(screen, StepScreen)
    return screen


def part(pilot: Pilot[int], name: str) -> str:
    """The rows of one part of the screen."""
    return text(pilot.app.screen.query_one(f"#{name}", RowsView))


async def stands(pilot: Pilot[int], count: int) -> None:
    """Wait until so many steps have been taken, and the picture shows them."""
    screen = steps(pilot)
    await until(pilot, lambda: len(screen.moment.steps) == count and not screen.pace.is_busy)
    await pilot.pause()


async def test_a_lost_update_by_four_keys() -> None:
    async with running(app_of(adders), (100, 30)) as pilot:
        await stands(pilot, 4)
        assert "who goes next?" in part(pilot, "choices")
        assert "adder-1  reads counter" in part(pilot, "choices")
        await pilot.press("1", "2", "1")
        await stands(pilot, 9)
        assert "what adder-1 wrote is lost" in part(pilot, "told").replace("\n", " ")
        await pilot.press("2")
        await stands(pilot, 13)
        assert "An update of counter is lost" in part(pilot, "told")
        assert part(pilot, "lanes").count("!") == 4
        assert "the program has ended" in part(pilot, "choices")
        assert "counter  1" in part(pilot, "objects")
        assert "4 choices" in part(pilot, "header")


async def test_arrows_and_enter_the_mouse_and_back() -> None:
    async with running(app_of(adders), (100, 30)) as pilot:
        await stands(pilot, 4)
        await pilot.press("down", "enter")
        await stands(pilot, 5)
        assert steps(pilot).moment.steps[-1].operation.task == "main.2"
        row = (
            part(pilot, "choices")
            .splitlines()
            .index(
                next(
                    line for line in part(pilot, "choices").splitlines() if "adder-1  reads" in line
                )
            )
        )
        await pilot.click("#choices", offset=(20, row))
        await stands(pilot, 6)
        assert steps(pilot).moment.steps[-1].operation.task == "main.1"
        await pilot.press("b", "b")
        await stands(pilot, 4)
        await pilot.press("n", "n")
        await stands(pilot, 8)
        assert [each.operation.verb for each in steps(pilot).moment.steps[4:6]] == ["read", "write"]
        await pilot.press("r")
        await stands(pilot, 4)


async def test_who_cannot_go_is_told_why() -> None:
    async with running(app_of(lambda: adders("main:lock1")), (100, 30)) as pilot:
        await stands(pilot, 4)
        await pilot.press("1")
        await stands(pilot, 5)
        await pilot.press("2")
        assert toasts(pilot)[-1] == "adder-2 waits for main:lock1, held by adder-1"
        await pilot.press("7")
        assert toasts(pilot)[-1] == "nobody has the digit 7"
        await pilot.press("t")
        assert toasts(pilot)[-1] == "nobody waits with a time-out"
        assert len(steps(pilot).moment.steps) == 5


async def test_a_deadlock_and_the_time_out_that_ends_it() -> None:
    async with running(app_of(lambda: ring(timed=True)), (80, 24)) as pilot:
        await stands(pilot, 4)
        await pilot.press("1", "2")
        await stands(pilot, 6)
        await pilot.press("t")
        await stands(pilot, 7)
        assert steps(pilot).moment.steps[-1].result == "timed out"
    async with running(app_of(ring), (80, 24)) as pilot:
        await stands(pilot, 4)
        await pilot.press("1", "2")
        await stands(pilot, 6)
        assert "Deadlock: nobody can go. worker-1 waits for locks[1]" in part(pilot, "told")
        assert "nobody can go" in part(pilot, "choices")


async def test_each_step_waits_if_one_wants_it_so() -> None:
    async with running(app_of(adders), (100, 30)) as pilot:
        await stands(pilot, 4)
        await pilot.press("a", "r")
        await pilot.pause()
        assert "stops at each step" in part(pilot, "header")
        await pilot.press("1", "1")
        await stands(pilot, 6)
        assert "begin" in part(pilot, "lanes")


async def test_on_to_the_next_failure_and_earlier_columns() -> None:
    async with running(app_of(lambda: adders("main:lock1")), (80, 24)) as pilot:
        await stands(pilot, 4)
        await pilot.press("R")
        await until(pilot, lambda: steps(pilot).moment.end is not None)
        await stands(pilot, 17)
        assert "release" in part(pilot, "lanes").splitlines()[6]
        await pilot.press("left", "left", "left")
        await pilot.pause()
        assert "release" not in part(pilot, "lanes").splitlines()[6]


async def test_escape_ends_the_program_and_leads_to_the_scenarios() -> None:
    made: list[Scripted] = []

    def make() -> Scripted:
        made.append(adders())
        return made[-1]

    async with running(app_of(make), (100, 30)) as pilot:
        await stands(pilot, 4)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickerScreen))
    assert [run.closed for run in made] == [1]


async def test_a_program_that_cannot_be_started_is_said() -> None:
    def make() -> Scripted:
        raise NotStarted("there is no python")

    app = app_of(make)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.failure == "there is no python")


async def test_the_key_of_the_list_of_scenarios_steps_through_a_short_one() -> None:
    wanted: list[Target] = []

    def begin(target: Target) -> Scripted:
        wanted.append(target)
        return adders()

    app = MpvizApp(start=lambda target: None, fps=10)  # type: ignore[arg-type,return-value]
    app.begin_steps = begin
    async with running(app, (120, 40)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, PickerScreen)
        screen.chosen = "race"
        await pilot.press("s")
        await until(pilot, lambda: len(wanted) == 1)
        assert wanted[0].parameters == {"processes": 2, "increments": 1, "pause_ms": 0}
        await stands(pilot, 4)


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40), (200, 60), (30, 8)])
async def test_it_fits(size: tuple[int, int]) -> None:
    async with running(app_of(ring), size) as pilot:
        await stands(pilot, 4)
        await pilot.press("1", "2")
        await stands(pilot, 6)
        for view in pilot.app.screen.query(RowsView):
            if view.display and view.size:
                assert len(view.shown) == view.size.height
        if size[1] >= 24:
            assert part(pilot, "choices").count("worker-") >= 2
            assert part(pilot, "lanes").count("waits") == 3


async def test_the_picture_of_a_lost_update(same_picture: Callable[[str, str], None]) -> None:
    async with running(app_of(adders), (100, 30)) as pilot:
        await stands(pilot, 4)
        await pilot.press("1", "2", "1", "2")
        await stands(pilot, 13)
        same_picture("steps-100x30", pilot.app.export_screenshot(simplify=True))
