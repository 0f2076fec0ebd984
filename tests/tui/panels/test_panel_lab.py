"""The lab: what has become of each process is told with its cause, and what a key does is seen."""

from __future__ import annotations

import pytest

from helpers.story import MAIN, SUPERVISOR, VIEWER, Story, process_sample
from mpviz.scenarios.catalogue import Command, find
from mpviz.trace.model.events import (
    Marked,
    Output,
    ProcessExited,
    ProgramEnded,
    Sample,
    SupervisorSignalled,
)
from mpviz.trace.model.primitives.process import Exiting, Joined, Signalled
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.lab import fill_in, make_panel
from mpviz.tui.render.exit_reasons import WHY, exit_reason_of
from mpviz.tui.render.view import View

CHILD, GRANDCHILD = 1001, 1002
COMMANDS = (
    Command("a", "start", "start a child"),
    Command("t", "terminate {n}", "terminate()"),
    Command("x", "return", "parent returns"),
)


class Lab(Story):
    """What a lab can see, told in its own words."""

    def sends(self, time: float, sender: int, child: int, number: int) -> Lab:
        self.tell(time, sender, Signalled, child=child, signal=number)
        return self

    def by_hand(self, time: float, child: int, number: int) -> Lab:
        self.tell(time, 0, Marked, action="signal", child=child, signal=number)
        return self

    def ends(self, time: float, child: int, exit_code: int) -> Lab:
        self.tell(time, SUPERVISOR, ProcessExited, child=child, exit_code=exit_code)
        return self

    def joins(self, time: float, parent: int, child: int, exit_code: int) -> Lab:
        self.tell(time, parent, Joined, child=child, exit_code=exit_code)
        return self

    def exits(self, time: float, pid: int) -> Lab:
        self.tell(time, pid, Exiting)
        return self

    def says(self, time: float, pid: int, text: str) -> Lab:
        self.tell(time, pid, Output, stream="stdout", text=text)
        return self

    def supervisor_signals(self, time: float, child: int, number: int) -> Lab:
        self.tell(
            time, SUPERVISOR, SupervisorSignalled, child=child, signal=number, left_behind=True
        )
        return self

    def program_ends(self, time: float, exit_code: int) -> Lab:
        self.tell(time, SUPERVISOR, ProgramEnded, child=MAIN, exit_code=exit_code)
        return self


@pytest.fixture
def lab() -> Lab:
    lab = Lab("lab")
    lab.start(10, CHILD, "child-1")
    return lab


def fate(lab: Lab, pid: int = CHILD, at: float = 5000) -> tuple[str, str]:
    state = lab.state_at(at)
    found = exit_reason_of(state, state.by_pid[pid], state.now)
    assert found.kind in WHY
    return found.kind, found.words


def test_a_child_that_works_is_at_work(lab: Lab) -> None:
    assert fate(lab) == ("alive", "alive")


def test_a_signal_is_ignored_when_it_has_had_no_effect_for_a_while(lab: Lab) -> None:
    lab.sends(1000, MAIN, CHILD, 15)
    assert fate(lab, at=1010) == ("asked to end", "SIGTERM sent 10.0 ms ago")
    assert fate(lab, at=3000) == ("ignored", "still there, SIGTERM sent 2.0 s ago")


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (15, "terminated", "ended by SIGTERM from MainProcess"),
        (9, "killed", "ended by SIGKILL from MainProcess"),
    ],
)
def test_it_is_a_zombie_until_its_parent_asks(lab: Lab, number: int, kind: str, words: str) -> None:
    lab.sends(1000, MAIN, CHILD, number).ends(1001, CHILD, -number)
    name = "SIGTERM" if number == 15 else "SIGKILL"
    assert fate(lab) == ("zombie", f"zombie: ended by {name}, not joined yet")
    lab.joins(2000, MAIN, CHILD, -number)
    assert fate(lab) == (kind, words)


def test_a_fork_server_keeps_no_zombies() -> None:
    lab = Lab("lab")
    lab.start(10, CHILD, "child-1", method="forkserver")
    lab.ends(100, CHILD, 0)
    assert fate(lab) == ("done", "exit code 0")


def test_a_daemon_is_terminated_as_its_parent_exits() -> None:
    lab = Lab("lab")
    lab.start(10, CHILD, "child-1", daemon=True)
    assert fate(lab) == ("alive", "daemon, alive")
    lab.exits(1000, MAIN).sends(1001, MAIN, CHILD, 15).joins(1002, MAIN, CHILD, -15)
    assert fate(lab) == ("daemon", "ended by SIGTERM as its parent exited")


def test_a_parent_waits_at_its_exit_for_a_child_that_is_no_daemon(lab: Lab) -> None:
    lab.exits(1000, MAIN)
    lab.wait(1001, MAIN, "process", str(CHILD))
    assert fate(lab, MAIN) == ("waiting for children", "is done, and waits for child-1, no daemon")


@pytest.mark.parametrize(("adopter", "words"), [(SUPERVISOR, "mpviz"), (1, "init"), (77, "pid 77")])
def test_whose_parent_is_gone_is_an_orphan(lab: Lab, adopter: int, words: str) -> None:
    lab.start(20, GRANDCHILD, "child-1a", parent=CHILD)
    lab.sends(100, MAIN, CHILD, 9).joins(101, MAIN, CHILD, -9)
    sample = process_sample(GRANDCHILD, parent=adopter)
    lab.tell(200, VIEWER, Sample, cores=[0, 0], processes=[sample])
    assert fate(lab, GRANDCHILD) == ("orphan", f"orphan, adopted by {words}")


def test_the_fate_says_who_ended_a_child(lab: Lab) -> None:
    lab.by_hand(100, CHILD, 9).joins(101, MAIN, CHILD, -9)
    assert fate(lab) == ("by hand", "ended by SIGKILL by hand")
    outside = Lab("lab")
    outside.start(10, CHILD, "child-1")
    outside.joins(101, MAIN, CHILD, -9)
    assert fate(outside) == ("from outside", "ended by SIGKILL, sender unseen")
    swept = Lab("lab")
    swept.start(10, CHILD, "child-1")
    swept.program_ends(100, -9).ends(400, CHILD, -15)
    assert fate(swept) == ("cleaned up by mpviz", "ended by SIGTERM from mpviz, left behind")
    told = Lab("lab")
    told.start(10, CHILD, "child-1")
    told.program_ends(100, -9).supervisor_signals(200, CHILD, 15).ends(400, CHILD, -15)
    assert fate(told) == ("cleaned up by mpviz", "ended by SIGTERM from mpviz, left behind")
    raised = Lab("lab")
    raised.start(10, CHILD, "child-1")
    raised.joins(100, MAIN, CHILD, 1)
    assert fate(raised) == ("raised", "exit code 1")


# The panel


def draw(state: RunState, view: View | None = None, width: int = 58, height: int = 30) -> str:
    view = view or View()
    view.now = state.now
    rows = make_panel(COMMANDS).draw(state, view, width, height)
    assert all(len(each.text) == width for each in rows)
    assert len(rows) <= height
    return "\n".join(each.text.rstrip() for each in rows)


def test_it_shows_the_buttons_the_call_the_fates_and_why(lab: Lab) -> None:
    lab.says(20, MAIN, "commands: start").says(90, MAIN, ">>> child-1.kill()")
    lab.sends(100, MAIN, CHILD, 9).joins(101, MAIN, CHILD, -9)
    text = draw(lab.state_at(1000))
    assert " a  start a child" in text
    assert ">>> child-1.kill()" in text
    assert "commands:" not in text
    assert "ended by SIGKILL from MainProcess" in text
    assert "child-1: killed" in text
    assert "exitcode is -9" in " ".join(text.split())


def test_the_card_of_a_child_shows_its_last_output(lab: Lab) -> None:
    lab.says(50, CHILD, "child-1: its finally has run").joins(101, MAIN, CHILD, 0)
    assert "it said: child-1: its finally has run" in draw(lab.state_at(1000))


def test_in_very_little_room_the_card_goes_and_the_fates_stay(lab: Lab) -> None:
    text = draw(lab.state_at(1000), height=6)
    assert "alive" in text
    assert "interpreter" not in text


def test_the_card_is_about_the_selected_process_or_the_latest_to_change(lab: Lab) -> None:
    lab.start(300, GRANDCHILD, "child-2")
    state = lab.state_at(1000)
    assert "child-2: alive" in draw(state)
    assert "child-1: alive" in draw(state, View(selected=str(CHILD)))


def test_a_button_is_where_it_is_drawn() -> None:
    panel = make_panel(find("lab").commands)
    state = Lab("lab").state_at(0)
    for width in (40, 58, 100):
        rows = panel.draw(state, View(now=state.now), width, 40)
        for button in panel.buttons(width):
            assert rows[button.y].text[button.x :].startswith(f" {button.key}  ")


def test_a_call_on_a_child_is_for_the_selected_one_or_the_latest_not_joined(lab: Lab) -> None:
    assert fill_in(Lab("lab").state_at(0), View(), "kill {n}") == ""
    lab.start(300, GRANDCHILD, "child-2")
    assert fill_in(lab.state_at(1000), View(), "kill {n}") == "kill 2"
    assert fill_in(lab.state_at(1000), View(selected=str(CHILD)), "kill {n}") == "kill 1"
    lab.ends(350, GRANDCHILD, -9)
    assert fill_in(lab.state_at(1000), View(), "join {n} 1") == "join 2 1"
    lab.joins(400, MAIN, GRANDCHILD, -9)
    assert fill_in(lab.state_at(1000), View(), "close {n}") == "close 2"
    assert fill_in(lab.state_at(1000), View(), "join {n} 1") == "join 1 1"
    assert fill_in(lab.state_at(1000), View(selected=str(MAIN)), "kill {n}") == "kill 1"
    assert fill_in(lab.state_at(1000), View(), "return") == "return"


@pytest.mark.parametrize(("width", "height"), [(78, 13), (48, 26)])
def test_the_card_says_why_where_there_is_little_room(width: int, height: int) -> None:
    lab = Lab("lab")
    for number in range(3):
        lab.start(10 + number, CHILD + number, f"child-{number + 1}")
    rows = make_panel(find("lab").commands).draw(lab.state_at(100), View(), width, height)
    text = "\n".join(row.text for row in rows)
    assert "child-3: alive" in text
    assert "A child has an interpreter" in text
    assert "z  parent killed" in text
