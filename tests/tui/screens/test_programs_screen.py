"""The list of running programs: what is in it, how it is gone through, and what is chosen."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from helpers.running import running as run_plainly
from helpers.screens import running, text, until
from helpers.terminal import Terminal
from mpviz.trace.attach.roots import RunningProgram
from mpviz.tui.app import MpvizApp
from mpviz.tui.programs.rows import matching, program_rows
from mpviz.tui.programs.screen import ProgramsScreen
from mpviz.tui.sessions import starter

NIGHTLY = RunningProgram(
    pid=4121,
    command=["python3", "/home/anna/nightly_report_of_all_customers.py"],
    user=os.getuid(),
    processes=9,
    age=40_000.0,
    cpu_seconds=812.5,
    asleep=11_000.0,
)
TRAIN = replace(
    NIGHTLY, pid=977, command=["python3", "-m", "train"], asleep=0.0, processes=33, age=64.0
)
OTHERS = replace(TRAIN, pid=12, command=["python3", "serve.py"], user=1)

SLEEPS = """
def rest():
    signal.pause()

def main():
    workers = [mp.Process(target=rest) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
"""


def app_with(screen: ProgramsScreen) -> MpvizApp:
    return MpvizApp(start=starter(10.0, None), fps=20, first=screen)


def names(screen: ProgramsScreen) -> list[str]:
    rows = screen.query_one("#programs").shown  # type: ignore[attr-defined]
    return [row.key for row in rows if row.key]


@pytest.mark.parametrize("width", [38, 78, 118])
def test_what_has_no_room_is_left_out_and_the_name_stays(width: int) -> None:
    head, first, second = program_rows([NIGHTLY, TRAIN], 977, width)
    assert max(len(row.text.rstrip()) for row in (head, first, second)) <= width
    assert "nightly_re" in first.text
    assert "4121" in first.text
    assert ("all asleep for 3:03:20" in first.text) is (width > 38)
    assert ("nightly_report_of_all_customers.py" in first.text) is (width > 78)
    assert second.text.startswith(" ▸ train")
    assert "at work" in second.text or width == 38
    assert [row.key for row in (first, second)] == ["4121", "977"]


def test_the_user_is_told_if_it_is_another_one() -> None:
    assert "user" not in program_rows([NIGHTLY], 0, 118)[0].text
    head, _, other = program_rows([NIGHTLY, OTHERS], 0, 118)
    assert "user" in head.text
    assert "daemon" in other.text or " 1 " in other.text


def test_a_filter_looks_into_the_command_line_and_at_the_pid() -> None:
    assert matching([NIGHTLY, TRAIN], "ANNA") == [NIGHTLY]
    assert matching([NIGHTLY, TRAIN], "977") == [TRAIN]
    assert matching([NIGHTLY, TRAIN], "") == [NIGHTLY, TRAIN]


async def test_the_cursor_goes_down_stays_at_its_program_and_enter_takes_it() -> None:
    there = [NIGHTLY, TRAIN]
    screen = ProgramsScreen(lambda: there)
    async with running(app_with(screen)) as pilot:
        await until(pilot, lambda: names(screen) == ["4121", "977"])
        await pilot.press("down")
        assert screen.cursor == 977
        there.insert(0, OTHERS)
        await until(pilot, lambda: names(screen) == ["12", "4121", "977"])
        assert screen.cursor == 977
        await pilot.press("enter")
    assert screen.chosen == 977


async def test_a_program_that_has_ended_is_not_chosen() -> None:
    there = [NIGHTLY, TRAIN]
    screen = ProgramsScreen(lambda: there)
    async with running(app_with(screen)) as pilot:
        await until(pilot, lambda: names(screen))
        there.remove(NIGHTLY)
        await until(pilot, lambda: names(screen) == ["977"])
        await pilot.press("enter")
    assert screen.chosen == 977


async def test_a_filter_is_typed_and_dropped_and_q_chooses_none() -> None:
    screen = ProgramsScreen(lambda: [NIGHTLY, TRAIN])
    async with running(app_with(screen)) as pilot:
        await until(pilot, lambda: names(screen))
        await pilot.press("slash", *"train", "enter")
        assert names(screen) == ["977"]
        await pilot.press("escape")
        assert names(screen) == ["4121", "977"]
        await pilot.press("slash", *"nobody", "enter")
        assert "esc shows all" in text(screen.query_one("#programs"))  # type: ignore[arg-type]
        await pilot.press("enter", "q")
    assert screen.chosen is None


async def test_its_picture(same_picture: Callable[[str, str], None]) -> None:
    screen = ProgramsScreen(lambda: [NIGHTLY, TRAIN])
    async with running(app_with(screen), size=(80, 24)) as pilot:
        await until(pilot, lambda: names(screen))
        await pilot.press("down")
        await pilot.pause()
        same_picture("programs-80x24", pilot.app.export_screenshot(simplify=True))


def test_one_is_chosen_in_a_terminal_and_the_screens_open_on_it(tmp_path: Path) -> None:
    with run_plainly(tmp_path, SLEEPS, sys.executable, "fork") as program:
        terminal = Terminal("attach", directory=tmp_path)
        try:
            terminal.see("program.py")
            terminal.type(f"/{tmp_path}\r")
            terminal.see("1 program with")
            terminal.type("\r")
            terminal.see(f"attached to {program.pid}")
            terminal.type("q")
            assert terminal.wait() == 0
        finally:
            terminal.close()
        assert program.process.poll() is None


def test_where_nothing_can_be_drawn_a_number_or_a_pid_is_asked_for(tmp_path: Path) -> None:
    with run_plainly(tmp_path, SLEEPS, sys.executable, "fork") as program:
        terminal = Terminal("attach", directory=tmp_path, environment={"TERM": "dumb"})
        try:
            terminal.see("enter for none")
            terminal.type(f"{program.pid}\r")
            assert terminal.wait() == 0
            assert f"program.py, pid {program.pid}, Python 3" in terminal.drawn.decode()
        finally:
            terminal.close()
