"""Run by the target's own Python 3.14+: writes the stacks of processes, asked for line by line.

``python -I -S remote.py``; each line of its input is a pid, each line of its output a list of
``[kernel's number of the thread, [[file, line, function], ...]]`` as JSON, or an object with the
``error``. It reads the other process's memory, and writes nothing there (PEP 768, PEP 799).
"""

from __future__ import annotations

import json
import sys
from typing import Any


def _stacks(unwinder: Any) -> list[list[Any]]:
    found: list[list[Any]] = []
    for each in unwinder.get_stack_trace():
        # From 3.15 on, threads come by interpreter.
        for thread in getattr(each, "threads", [each]):
            frames = [[frame.filename, _line(frame), frame.funcname] for frame in thread.frame_info]
            found.append([thread.thread_id, frames])
    return found


def _line(frame: Any) -> int:
    place = getattr(frame, "location", None)
    number: int = frame.lineno if place is None else place.lineno
    return number


def main() -> None:
    """Answer until there is nobody to ask."""
    import _remote_debugging  # type: ignore[import-not-found] # noqa: PLC0415

    unwinders: dict[int, Any] = {}
    for line in sys.stdin:
        pid = int(line)
        try:
            if pid not in unwinders:
                unwinders[pid] = _remote_debugging.RemoteUnwinder(pid, all_threads=True)
            told: Any = _stacks(unwinders[pid])
        except Exception as error:
            # The process has changed while it was read, or is gone.
            unwinders.pop(pid, None)
            told = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), flush=True)


main()
