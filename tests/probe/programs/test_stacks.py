"""Looks at the stacks of processes that stand still, and that no program notices them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mpviz.probe.boot.mpviz_probe.stacks import SIGNAL
from mpviz.trace.collect import stacks as looks
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


def seen(session: Session) -> list[Stacks]:
    return list(stacks_of(session).values())


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
    calls = {name: seen[name].kernel[0].call for name in functions}
    assert calls["in_socket"] == "recvfrom, a Unix socket"
    assert calls["in_lock"] == "futex"
    assert calls["in_sleep"] in ("clock_nanosleep", "select", "pselect6")
    assert all(each.thread for name in functions for each in seen[name].kernel)
    # The thread that forked is the only one of its child.
    assert len(seen["in_fork"].threads) == 2
    files = {file for each in seen.values() for stack in each.threads for file, *_ in stack.frames}
    assert not any("mpviz_probe" in file for file in files)
    watched.end().assert_no_probe_error()


IN_CALLS = """
import multiprocessing, os, select, socket, threading

def stand():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    reading, writing = os.pipe()
    watch = select.epoll()
    watch.register(reading)
    calls = {
        "receive": lambda: client.recv(1),
        "accept": listener.accept,
        "read": lambda: os.read(reading, 1),
        "watch": watch.poll,
    }
    for name, call in calls.items():
        def standing_in(call=call):
            call()
        standing_in.__code__ = standing_in.__code__.replace(co_name="in_" + name)
        threading.Thread(target=standing_in, daemon=True).start()
    os.waitpid(os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "3600"), 0)

if __name__ == "__main__":
    stand()
"""


def test_a_look_says_in_which_call_each_thread_is_blocked_and_on_what(
    watch: Watch, python: str
) -> None:
    watched = watch(IN_CALLS, python=python)
    names = ("receive", "accept", "read", "watch")

    def calls() -> dict[str, str]:
        """By the function in which the thread stands."""
        stacks = stacks_of(watched.session).get("MainProcess")
        found = {}
        for stack in stacks.threads if stacks is not None else ():
            thread = stacks.of_kernel(stack) if stacks is not None else None
            for _, _, function in stack.frames:
                found[function.removeprefix("in_")] = thread.call if thread is not None else ""
        return found

    looked_at(watched.session, lambda: {*names, "stand"} <= set(calls()))
    seen = calls()
    watched.end().assert_no_probe_error()
    address = r"127\.0\.0\.1:\d+"
    assert re.fullmatch(f"recvfrom, TCP {address} to {address}", seen["receive"])
    assert re.fullmatch(f"accept4, TCP {address}, which listens", seen["accept"])
    assert seen["read"] == "read, a pipe"
    assert re.fullmatch(r"epoll_p?wait2?, a pipe", seen["watch"])
    assert re.fullmatch(r"wait4, process \d+", seen["stand"])


SILENT = """
import resource, time
# Then Python cannot write its stacks into a file.
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
time.sleep(3600)
"""


def test_nobody_waits_long_for_a_process_that_does_not_answer(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = watch(SILENT)
    session = watched.session

    def is_limited() -> bool:
        (process, *_) = session.state.processes.values() or (None,)
        limits = Path(f"/proc/{process.pid}/limits") if process is not None else None
        return limits is not None and "Max file size             0 " in limits.read_text()

    looked_at(session, is_limited)
    looked_at(session, lambda: "does not answer" in {each.reason for each in seen(session)})
    (stacks,) = seen(session)
    # It says nothing, so the kernel is all that there is.
    assert stacks.kernel[0].call in ("clock_nanosleep", "select", "pselect6")
    monkeypatch.setattr(looks, "ANSWER_SECONDS", 3600.0)
    session.look(next(iter(session.state.processes)))
    session.step(0.01)
    session.stop()
    assert watched.end().exit_code == -15


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
