"""Processes of a real program, on every interpreter and under every start method."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.runs import Observed, RunProgram

PROGRAM = """
import multiprocessing as mp, os, signal, sys, time
from telling import tell

def say(name):
    tell(**{name: [os.getpid(), mp.parent_process().pid, mp.current_process().name]})

def good(name):
    say(name)

def exits(name, code):
    say(name)
    sys.exit(code)

def leaves_at_once(name):
    say(name)
    os._exit(7)

def raises(name):
    say(name)
    raise ValueError("on purpose")

def sleeps(name, ready):
    say(name)
    ready.send(name)
    time.sleep(600)

def dies(name):
    say(name)
    os.kill(os.getpid(), signal.SIGABRT)

def parent(name):
    say(name)
    child = mp.Process(target=middle, args=("nested child",), name="nested child")
    child.start()
    child.join()

def middle(name):
    say(name)
    child = mp.Process(target=good, args=("nested grandchild",), name="nested grandchild")
    child.start()
    child.join()

class Own(mp.Process):
    def run(self):
        say("own class")

def main():
    tell(main=[os.getpid(), os.getppid(), "MainProcess"])
    unnamed = mp.Process(target=good, args=("unnamed",))
    processes = [
        unnamed,
        mp.Process(target=exits, args=("zero", 0), name="zero"),
        mp.Process(target=exits, args=("one", "a message"), name="one"),
        mp.Process(target=exits, args=("three", 3), name="three"),
        mp.Process(target=leaves_at_once, args=("seven",), name="seven"),
        mp.Process(target=raises, args=("raiser",), name="raiser"),
        mp.Process(target=dies, args=("aborter",), name="aborter"),
        mp.Process(target=parent, args=("nesting",), name="nesting"),
        Own(name="own class"),
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    ended = {process.name: process.exitcode for process in processes}
    for how in ("terminate", "kill"):
        reading, writing = mp.Pipe(duplex=False)
        name = {"terminate": "terminated", "kill": "killed"}[how]
        process = mp.Process(target=sleeps, args=(name, writing), name=name, daemon=True)
        process.start()
        reading.recv()
        process.join(0.05)
        getattr(process, how)()
        process.join()
        ended[name] = process.exitcode
    tell(ended=ended, unnamed_name=unnamed.name)

    reading, writing = mp.Pipe(duplex=False)
    forgotten = mp.Process(
        target=sleeps, args=("forgotten", writing), name="forgotten", daemon=True
    )
    forgotten.start()
    reading.recv()
"""

EXIT_CODES = {
    "zero": 0,
    "one": 1,
    "three": 3,
    "seven": 7,
    "raiser": 1,
    "aborter": -6,
    "nesting": 0,
    "nested child": 0,
    "nested grandchild": 0,
    "own class": 0,
    "terminated": -15,
    "killed": -9,
    "forgotten": -15,
}


def said(run: Observed, name: str) -> list[Any]:
    """Pid, parent's pid and name, as the process itself told."""
    found: list[Any] = run.facts(name)
    return found


def test_nothing_is_missed(run: Observed) -> None:
    run.assert_nothing_was_missed()


@pytest.mark.parametrize("name", EXIT_CODES)
def test_each_process_is_known_by_name_pid_parent_and_end(run: Observed, name: str) -> None:
    pid, parent, own_name = said(run, name)
    process = run.process(name)
    assert (process["pid"], process["parent_pid"], process["name"]) == (pid, parent, own_name)
    assert process["exit_code"] == EXIT_CODES[name]
    assert process["ended"] > process["started"] >= 0


def test_the_program_sees_the_same_exit_codes(run: Observed) -> None:
    ended = run.facts("ended")
    named = {name: code for name, code in ended.items() if name in EXIT_CODES}
    assert named == {name: EXIT_CODES[name] for name in named}
    assert len(named) == len(ended) - 1


def test_a_process_without_a_name_has_the_one_that_python_gives_it(run: Observed) -> None:
    assert run.process(run.facts("unnamed_name"))["pid"] == said(run, "unnamed")[0]


def test_signals_have_their_names(run: Observed) -> None:
    signals = {name: run.process(name)["signal"] for name in ("aborter", "terminated", "killed")}
    assert signals == {"aborter": "SIGABRT", "terminated": "SIGTERM", "killed": "SIGKILL"}


def test_start_method_and_daemon_are_those_of_the_process(run: Observed, start_method: str) -> None:
    for name in EXIT_CODES:
        process = run.process(name)
        assert process["start_method"] == start_method
        assert process["daemon"] is (name in ("terminated", "killed", "forgotten"))


def test_there_are_no_processes_but_those_of_the_program(run: Observed, start_method: str) -> None:
    helpers = {"fork": set(), "spawn": {"resource tracker"}}
    allowed = helpers.get(start_method, {"resource tracker", "fork server"})
    own = {"MainProcess", run.facts("unnamed_name"), *EXIT_CODES}
    assert {process["name"] for process in run.document["processes"]} - own <= allowed


def test_the_program_itself_is_the_main_process(run: Observed) -> None:
    main = run.process("MainProcess")
    assert (main["pid"], main["role"], main["exit_code"]) == (said(run, "main")[0], "main", 0)
    assert main["parent_pid"] is None
    assert run.document["run"]["exit_code"] == 0


def test_who_sent_a_signal_is_in_the_log(run: Observed) -> None:
    assert "sends SIGTERM to terminated" in run.log
    assert "sends SIGKILL to killed" in run.log
    # At the end of the program, multiprocessing terminates its daemons.
    assert "sends SIGTERM to forgotten, a daemon, before it exits" in run.log


def test_a_traceback_is_still_the_program_s_own(run: Observed) -> None:
    assert "ValueError: on purpose" in run.stderr
    assert "a message" in run.stderr
    assert "mpviz" not in run.stderr


def test_a_join_is_shown_as_a_wait_for_the_process(run: Observed) -> None:
    main = run.state.processes[run.state.main]
    waited = {span.detail for span in main.lane.spans if span.activity.name == "PROCESS"}
    assert str(said(run, "terminated")[0]) in waited
    assert main.lane.totals[5] > 0


INTERRUPTED = """
import multiprocessing as mp, sys, time
from telling import tell

def work(ready):
    try:
        ready.set()
        time.sleep(600)
    except KeyboardInterrupt:
        sys.exit(7)

if __name__ == "__main__":
    ready = mp.Event()
    process = mp.Process(target=work, args=(ready,))
    process.start()
    ready.wait()
    if hasattr(process, "interrupt"):
        process.interrupt()
    else:
        # Came with Python 3.14.
        process.terminate()
    process.join()
    tell(exit_code=process.exitcode, interrupts=hasattr(process, "interrupt"))
"""


def test_an_interrupt_of_a_process_is_told_and_does_what_it_did(
    run_everywhere: RunProgram, start_method: str
) -> None:
    run = run_everywhere(INTERRUPTED)
    run.assert_nothing_was_missed()
    interrupts = run.facts("interrupts")
    assert run.facts("exit_code") == (7 if interrupts else -15)
    (process,) = [each for each in run.document["processes"] if each["start_method"]]
    assert process["exit_code"] == run.facts("exit_code")
    signal = "SIGINT" if interrupts else "SIGTERM"
    assert [line for line in run.log if signal in line], run.log
