"""Looks at the stacks of processes that stand still, and that no program notices them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from mpviz.probe.boot.mpviz_probe.stacks import SIGNAL
from mpviz.trace.launch.session import Session
from mpviz.trace.model.processes.stacks import Stacks

if TYPE_CHECKING:
    from tests.conftest import Observed, RunProgram, Watch

STANDING = """
import multiprocessing, os, signal, socket, sqlite3, sys, threading, time
from telling import tell

def in_lock():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()

def in_sleep():
    time.sleep(3600)

def in_sqlite():
    first = sqlite3.connect("data.db")
    first.execute("begin exclusive")
    # Another thread of SQLite's own locks: it waits in C for the one that has the file.
    sqlite3.connect("data.db", timeout=3600).execute("begin exclusive")

def in_socket():
    one, other = socket.socketpair()
    one.recv(1)

def in_fork():
    # Made by a thread: that thread is the child's only one.
    def fork():
        if os.fork() == 0:
            tell(forked=os.getpid())
            time.sleep(3600)
        os.wait()
    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    for function in (in_lock, in_sleep, in_sqlite, in_socket, in_fork):
        context.Process(target=function, name=function.__name__).start()
    tell(started=True)
    time.sleep(3600)
"""

UNHARMED = """
import ctypes, os, signal, sys, time
from telling import tell

handled = []

def pause():
    signal.signal(signal.SIGALRM, lambda *_: handled.append("alarm"))
    tell(ready=os.getpid())
    signal.pause()

def own_handler():
    # In a loop over all signals, as some servers have it.
    for number in range(1, 65):
        try:
            signal.signal(number, lambda number, frame: handled.append(number))
        except (OSError, ValueError):
            pass
    tell(ready=os.getpid())
    time.sleep(2)

def blocked():
    signal.pthread_sigmask(signal.SIG_BLOCK, range(34, 64))
    tell(ready=os.getpid())
    time.sleep(2)

def closed():
    os.closerange(3, 1 << 16)
    tell(ready=os.getpid())
    time.sleep(2)

def wait_for_lock():
    import threading
    tell(ready=os.getpid())
    lock = threading.Lock()
    lock.acquire()
    began = time.monotonic()
    answer = lock.acquire(timeout=2)
    tell(took=time.monotonic() - began, answer=answer)

globals()[sys.argv[1]]()
tell(handled=handled)
"""


PATIENCE = 60.0
"""Seconds after which a condition that has not come true is a failure."""


def looked_at(session: Session, until: Callable[[], bool]) -> None:
    """Fold, and look at every process again and again, until this is true."""
    deadline = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < deadline, stacks_of(session)
        session.step(0.01)
        for key in list(session.state.processes):
            session.look(key)
        session.step(0.01)


def stacks_of(session: Session) -> dict[str, Stacks]:
    return {
        process.name or "forked": process.stacks
        for process in session.state.processes.values()
        if process.stacks is not None
    }


def places(stacks: Stacks) -> list[list[str]]:
    return [[function for _, _, function in each.frames] for each in stacks.threads]


def test_every_thread_of_a_process_that_stands_still_is_seen(
    watch: Watch, python: str, start_method: str
) -> None:
    functions = ("in_lock", "in_sleep", "in_sqlite", "in_socket", "in_fork")
    watched = watch(STANDING, start_method, python=python)

    def all_stand() -> bool:
        seen = stacks_of(watched.session)
        return all(
            name in seen and any(name in each for each in places(seen[name])) for name in functions
        )

    looked_at(watched.session, all_stand)
    seen = stacks_of(watched.session)
    assert {seen[name].reason for name in functions} == {""}
    assert seen["in_lock"].threads[-1].frames[0][2] == "in_lock"
    # The thread that forked is the only one of its child.
    assert len(seen["in_fork"].threads) == 2
    files = {file for each in seen.values() for stack in each.threads for file, *_ in stack.frames}
    assert not any("mpviz_probe" in file for file in files)
    watched.end().assert_no_probe_error()


REASONS = {
    "pause": "waits for signals: a look would wake it",
    "own_handler": "has no Python that mpviz could ask",
    "blocked": "has no Python that mpviz could ask",
    "closed": "has no Python that mpviz could ask",
}


@pytest.mark.parametrize("how", REASONS)
def test_a_process_that_could_notice_is_left_alone(watch: Watch, python: str, how: str) -> None:
    watched = watch(UNHARMED, how, python=python)

    def is_known() -> bool:
        return REASONS[how] in {each.reason for each in stacks_of(watched.session).values()}

    looked_at(watched.session, is_known)
    while how != "pause" and not watched.session.over:
        watched.session.step(0.01)
    run = watched.end()
    run.assert_no_probe_error()
    if how != "pause":
        assert run.exit_code == 0
        assert run.facts("handled") == []


def test_a_wait_lasts_as_long_as_without_looks(watch: Watch, python: str) -> None:
    watched = watch(UNHARMED, "wait_for_lock", python=python)
    answers: set[int] = set()
    while not watched.session.over:
        watched.session.step(0.01)
        for key in list(watched.session.state.processes):
            watched.session.look(key)
        answers |= {each.time for each in stacks_of(watched.session).values() if not each.reason}
    run = watched.end()
    assert len(answers) > 5
    assert run.exit_code == 0
    assert run.facts("answer") is False
    assert run.facts("took") >= 2
    assert run.facts("handled") == []


def test_the_signal_is_nobody_elses(run_program: RunProgram, python: str) -> None:
    run: Observed = run_program(
        f"""
import signal
from telling import tell
tell(handler=repr(signal.getsignal({SIGNAL})), faults=__import__("faulthandler").is_enabled())
""",
        python=python,
    )
    assert "SIG_DFL" in run.facts("handler") or run.facts("handler") == "0"
    assert run.facts("faults") is False
