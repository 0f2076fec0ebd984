"""What the frames of a stack mean: which call of multiprocessing a thread is in, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from mpviz.trace.model.processes.stacks import is_of_python
from mpviz.trace.model.text import clean

_MODULE = re.compile(
    r"(?:/(?:multiprocessing|multiprocess|concurrent/futures)/(\w+)\.py"
    r"|/(threading|subprocess|selectors|socket|queue)\.py|<frozen (importlib)\._bootstrap>)$"
)

_BEGINNINGS = ("process._bootstrap", "popen_fork._launch", "forkserver._serve_one")
"""Functions in which a process begins: frames further out are those of its parent, at the fork."""


@dataclass(frozen=True)
class Frame:
    """A frame of a stack."""

    file: str
    line: int
    function: str
    call: str
    """Module and function, as "queues.get", of a frame in multiprocessing and its like; "python" in
    another module of the standard library, empty in the program's own code."""
    variables: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Address and type of local variables; or 0 and the value."""

    @property
    def place(self) -> tuple[str, int, str]:
        """File, line and function, as stacks are told."""
        return self.file, self.line, self.function


@lru_cache(maxsize=4096)
def call_in(file: str, function: str) -> str:
    """The name of a call of the standard library; empty for the program's own code.

    >>> call_in("/usr/lib/python3.12/multiprocessing/queues.py", "Queue.get")
    'queues.get'
    >>> call_in("/home/me/work.py", "get")
    ''
    """
    found = _MODULE.search(file)
    if found is not None and (is_of_python((file, 0, "")) or "/multiprocess/" in file):
        return f"{found[1] or found[2] or found[3]}.{function.rpartition('.')[2]}"
    return "python" if is_of_python((file, 0, "")) or file.startswith("<string>") else ""


def frames_of(told: list[list[Any]]) -> list[Frame]:
    """The frames of a thread, the innermost first, without those of its parent."""
    frames: list[Frame] = []
    for file, line, function, variables in told:
        frame = Frame(
            clean(file),
            max(0, line),
            # Without its class, as faulthandler tells it: the rules know functions by that name.
            clean(function).rpartition(".")[2],
            call_in(file, function),
            {clean(name): (address, clean(kind)) for name, address, kind in variables},
        )
        frames.append(frame)
        if frame.call in _BEGINNINGS:
            break
    return frames


def inner_calls(frames: list[Frame]) -> list[Frame]:
    """The frames of the standard library into which the program's own code has called."""
    inner: list[Frame] = []
    for frame in frames:
        if not frame.call:
            break
        inner.append(frame)
    return inner


def own_frames(frames: list[Frame]) -> list[Frame]:
    """The frames of the program's own code, the innermost first."""
    return [frame for frame in frames if not frame.call]
