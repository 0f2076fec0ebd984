"""Looks at a program from outside, told as the looker tells them, without a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpviz.trace.attach.meaning import Meaning
from mpviz.trace.explain.follow import follow
from mpviz.trace.looker.objects import SEMLOCK
from mpviz.trace.model.events import Event, RunStarted
from mpviz.trace.model.state import RunState

LOCK, OTHER = "00:1b:7", "00:1b:8"


def thread(pid: int, **more: Any) -> dict[str, Any]:
    return {
        "number": pid,
        "status": "S",
        "name": "python3",
        "cpu": 0.1,
        "place": "",
        "sleeps": "",
        "call": "",
        "arguments": [],
        "stack_pointer": 0,
        "words": "",
        "timed": False,
        "since": 5_000_000_000,
        "moving": False,
        **more,
    }


def process(pid: int, parent: int, *threads: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "pid": pid,
        "started": pid,
        "parent": parent,
        "status": "S",
        "listed": len(threads),
        "handled": 0,
        "wakers": [],
        "threads": list(threads),
        "image": 1,
        "files": {},
        "command": ["python3", "job.py"],
        "executable": "/bin/python3.12",
        "name": "python3",
        "python": "3.12",
        "objects": {},
        "semlocks": {},
        "maps": [],
        "refused": "",
        "problem": "",
        "moving": False,
        **more,
    }


def look(*processes: dict[str, Any], time: int = 9_000_000_000, **more: Any) -> dict[str, Any]:
    return {
        "time": time,
        "processes": list(processes),
        "gone": [],
        "semaphores": {},
        "sockets": {},
        "there": [each["pid"] for each in processes],
        **more,
    }


def semlock(count: int) -> dict[str, Any]:
    return {LOCK: {"handle": 1, "thread": 1, "count": count, "maximum": 1, "kind": 1, "number": 0}}


def waiting(pid: int, **more: Any) -> dict[str, Any]:
    sleeper = thread(pid, call="futex", arguments=[1, 0, 0, 0, 0, 0], semaphore=LOCK, sleeps="lock")
    return process(pid, 10, sleeper, semlocks=semlock(0), maps=[LOCK], **more)


def described_lock(semaphore: str) -> dict[str, Any]:
    """What is read of a Lock to which a local variable leads."""
    return {"type": "Lock", "_semlock": {"type": SEMLOCK, "semaphore": semaphore}}


def looks_at_a_deadlock() -> tuple[dict[str, Any], dict[str, Any]]:
    """Two looks, six seconds apart, at two processes that each wait for the lock of the other."""

    def stuck(pid: int, function: str, line: int, held: str, wanted: str) -> dict[str, Any]:
        variables = [["accounts", 8, "Lock"], ["ledger", 9, "Lock"]]
        sleeper = thread(
            pid,
            call="futex",
            arguments=[1, 0, 0, 0, 0, 0],
            semaphore=wanted,
            sleeps="lock",
            frames=[["/home/anna/job.py", line, function, variables]],
        )
        locks = {held: {**semlock(1)[LOCK], "number": pid}, wanted: semlock(0)[LOCK]}
        objects = {"8": described_lock(LOCK), "9": described_lock(OTHER)}
        return process(pid, 10, sleeper, semlocks=locks, maps=[LOCK, OTHER], objects=objects)

    main = thread(10, frames=[["/home/anna/job.py", 30, "main", []]], sleeps="child")
    seen = look(
        process(10, 1, main, maps=[LOCK, OTHER]),
        stuck(11, "transfer", 12, LOCK, OTHER),
        stuck(12, "audit", 20, OTHER, LOCK),
        semaphores={LOCK: [0, 1], OTHER: [0, 1]},
    )
    return seen, {**seen, "time": 15_000_000_000, "processes": []}


def events_of(
    *looks: dict[str, Any], source: Callable[[str], bytes] = lambda _: b""
) -> list[Event]:
    """The events of an attached run in which this was seen."""
    started = RunStarted(
        time=8_000_000_000,
        pid=0,
        target="job.py",
        arguments=[],
        python="",
        start_method="",
        cores=1,
        version="",
        attached=10,
    )
    meaning = Meaning(10, source)
    return [started, *(event for each in looks for event in meaning.events(each))]


def state_after(*looks: dict[str, Any], source: Callable[[str], bytes] = lambda _: b"") -> RunState:
    """The state that these looks have made."""
    return follow(RunState(), events_of(*looks, source=source))
