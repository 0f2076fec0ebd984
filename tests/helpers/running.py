"""Programs that run by themselves, without mpviz, until a test attaches to them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from helpers.runs import PATIENCE, leaving_nothing, wait_until
from mpviz.trace.attach.session import AttachedSession
from mpviz.trace.looker.stacks import find_py_spy
from mpviz.trace.model.state import RunState

BEGIN = """
import multiprocessing, os, signal, sys, threading, time
mp = multiprocessing.get_context(sys.argv[1])

def is_asleep(pid):
    with open("/proc/%d/stat" % pid) as status:
        return status.read().rpartition(")")[2].split()[0] == "S"

def wait_until(condition):
    while not condition():
        time.sleep(0.005)
"""

END = """
if __name__ == "__main__":
    main()
"""

HOLDS_AND_WAITS = """
def hold(lock, ready):
    with lock:
        ready.set()
        signal.pause()

def take(lock):
    lock.acquire()

def main():
    lock, ready = mp.Lock(), mp.Event()
    holder = mp.Process(target=hold, args=(lock, ready), name="holder")
    waiter = mp.Process(target=take, args=(lock,), name="waiter")
    holder.start()
    ready.wait()
    waiter.start()
    waiter.join()
"""
"""One process holds a lock for ever, the other waits for it, and the main process for that one."""


@dataclass
class Running:
    """A program that runs, in a process group of its own."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def pid(self) -> int:
        """That of its first process."""
        return self.process.pid


@contextmanager
def running(
    folder: Path,
    source: str,
    python: str,
    method: str,
    *,
    relative: bool = False,
    within: tuple[str, ...] = (),
) -> Iterator[Running]:
    """Start a program plainly, perhaps by its name alone, or by another command; kill what is left
    of it at the end.
    """
    file = folder / "program.py"
    file.write_text(BEGIN + source + END)
    with leaving_nothing(folder / "t"), (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [*within, python, file.name if relative else str(file), method],
            cwd=folder if relative else None,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield Running(process, folder / "output")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def attached(program: Running, *, py_spy: str | None = None) -> Iterator[AttachedSession]:
    """Look at it; with ``py_spy`` empty, as where that is not installed."""
    found = find_py_spy() if py_spy is None else py_spy
    if py_spy is None and not found:
        pytest.fail("py-spy is not installed, which these tests need: pip install -e '.[test]'")
    session = AttachedSession(program.pid, py_spy=found, unasked=True)
    try:
        yield session
    finally:
        session.close()


def see(session: AttachedSession, condition: Callable[[RunState], object]) -> RunState:
    """Look until this has been seen."""

    def holds() -> object:
        session.step(0.05)
        session.wait(0.05)
        return condition(session.state)

    wait_until(holds, PATIENCE)
    return session.state


def finds(rule: str) -> Callable[[RunState], bool]:
    """Whether a rule has found something."""
    return lambda state: any(each.rule == rule for each in state.findings.values())
