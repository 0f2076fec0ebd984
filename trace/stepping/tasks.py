"""The tasks of a stepped run: what they tell, and whether they sleep where there is no gate."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpviz.trace.model.text import clean
from mpviz.trace.stepping.steps import Operation


@dataclass
class Task:
    """A thread of the program that has come to a gate."""

    id: str
    name: str
    pid: int
    tid: int
    connection: socket.socket
    buffer: bytes = b""
    next: Operation | None = None
    runs: bool = True
    """It is on its way to its next gate."""
    acts: bool = False
    """It was let go, and has not said what came of it."""
    ended: bool = False
    used: int = -1
    """CPU ticks at the last look."""
    looks: int = 0
    """How many looks in a row have found it asleep without a tick more."""
    is_outside: bool = False


def resolved(id: str, aliases: Mapping[str, str]) -> str:
    """The id of an object, also where it came by a pickle and is told by its alias."""
    return aliases.get(id[1:], id) if id.startswith("=") else id


def operation_of(task: str, told: Mapping[str, Any], aliases: Mapping[str, str]) -> Operation:
    """What a task is about to do, as its gate tells it.

    ``aliases``: ids of objects, by what tells them apart in a process to which they were pickled.
    """
    target, verb = resolved(clean(str(told["target"])), aliases), str(told["ask"])
    file, line = str(told.get("file", "")), int(told.get("line", 0))
    detail = str(told.get("detail", ""))
    if verb in ("wait", "wake") and told.get("lock"):
        detail = resolved(str(told["lock"]), aliases)
    if verb == "notify":
        detail = "all" if told.get("number", 1) < 0 else str(told.get("number", 1))
    return Operation(
        task=task,
        verb=verb,
        target=target,
        kind=str(told["kind"]),
        site=clean(f"{Path(file).name}:{line}") if line else "",
        blocking=bool(told.get("blocking", True)),
        timed=bool(told.get("timed")),
        detail=clean(detail),
        element=clean(str(told.get("element", ""))),
        lock=resolved(clean(str(told["lock"])), aliases) if verb in ("read", "write") else "",
        line=clean(str(told.get("text", ""))),
        file=file,
        lineno=line,
    )


def seen_asleep(pid: int, tid: int) -> tuple[bool, int]:
    """Whether a thread sleeps, and how many ticks it was on a CPU; -1 if it is gone."""
    try:
        status = Path(f"/proc/{pid}/task/{tid}/stat").read_bytes()
    except OSError:
        return False, -1
    words = status[status.rindex(b")") + 2 :].split()
    return words[0] == b"S", int(words[11]) + int(words[12])
