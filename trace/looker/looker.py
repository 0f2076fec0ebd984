"""The looker: looks at a running program some times a second, and writes what it saw as JSON.

``python -I -S looker.py PID INTERVAL PY-SPY``: each look is a line on its standard output with
what has changed. It ends when its input ends. It runs as a script, in any Python 3.8 or newer, with
the standard library alone, since it is the only part of mpviz that ever needs rights. It stops
nothing, and writes nothing into any process: it reads ``/proc``.
"""

from __future__ import annotations

# Our modules can only be imported after their places are known.
# ruff: noqa: PTH100, PTH118, PTH120, E402
import json
import os
import resource
import select
import sys
import time

_TRACE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
for _package, _folders in (
    ("mpviz", []),
    ("mpviz.trace", [_TRACE]),
    ("mpviz.trace.looker", [os.path.join(_TRACE, "looker")]),
    ("mpviz.trace.system", [os.path.join(_TRACE, "system")]),
):
    sys.modules[_package] = type(sys)(_package)
    sys.modules[_package].__path__ = _folders

from mpviz.trace.looker.files import read_unix_sockets
from mpviz.trace.looker.process import Watched
from mpviz.trace.looker.semaphores import value_in_memory, values_in_files
from mpviz.trace.looker.stacks import Stacks
from mpviz.trace.looker.threads import SleepClock
from mpviz.trace.system import kernel

AT_ONCE = 8
"""Processes of py-spy that run at the same time."""


STACK_SECONDS = 1.0
"""Seconds after which a look leaves the other stacks to the next: with hundreds of processes, what
the kernel says is there at once, and the rest comes in turn.
"""


class Looker:
    """Looks at a process and all below it."""

    def __init__(self, root: int, py_spy: str) -> None:
        self._descendants = kernel.Descendants(root)
        started = kernel.start_time(root)
        if started is not None:
            self._descendants.known[root] = started
        self._stacks = Stacks(py_spy)
        self._clock = SleepClock()
        self._watched: dict[int, Watched] = {}

    def close(self) -> None:
        """End what was started for it."""
        self._stacks.close()

    def look(self) -> dict[str, object]:
        """What has changed since the last look."""
        began = time.monotonic_ns()
        self._descendants.look()
        gone, changed = self._changed()
        self._read_stacks([each for each, wants in changed if wants])
        self._find_holders([each for each, _ in changed])
        return {
            "time": time.monotonic_ns(),
            "began": began,
            "processes": [each.facts for each, _ in changed],
            "gone": gone,
            "there": sorted(self._watched),
            "semaphores": self._values(),
            "sockets": read_unix_sockets() if changed else None,
        }

    def _changed(self) -> tuple[list[list[int]], list[tuple[Watched, bool]]]:
        gone: list[list[int]] = []
        changed: list[tuple[Watched, bool]] = []
        for pid, started in list(self._descendants.known.items()):
            status = kernel.read_status(pid)
            if status is None or status.started != started:
                self._descendants.forget(pid)
                watched = self._watched.pop(pid, None)
                if watched is not None:
                    watched.close()
                    gone.append([pid, started])
                continue
            watched = self._watched.get(pid)
            if watched is None:
                watched = self._watched[pid] = Watched(status)
            if watched.has_changed(status):
                changed.append((watched, watched.look(status, self._clock)))
        return gone, changed

    def _read_stacks(self, wanted: list[Watched]) -> None:
        until = time.monotonic() + STACK_SECONDS
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            if time.monotonic() >= until:
                for each in wanted[start:]:
                    each.postpone()
                return
            asked = [self._stacks.begin(each.pid, each.version) for each in some]
            for each, answer in zip(some, asked, strict=False):
                told, problem = self._stacks.take(each.pid, each.version, answer)
                each.take_stacks(told, problem)
                if not told and self._stacks.source(each.version):
                    each.look_again()

    def _find_holders(self, changed: list[Watched]) -> None:
        """Find who holds the semaphores at which threads sleep."""
        known = {address for each in self._watched.values() for address in each.semlocks}
        wanted = {
            thread.get("semaphore")
            for each in self._watched.values()
            for thread in each.facts["threads"]
        } - {None}
        for each in changed:
            each.finish(known)
        for identity in sorted(wanted):
            if any(_holds(each, identity) for each in self._watched.values()):
                continue
            for each in self._watched.values():
                is_missing = identity in each.handles.values()
                is_missing = is_missing and identity not in each.facts.get("semlocks", {})
                found = each.search(identity) if is_missing else []
                if found:
                    each.semlocks.update(dict.fromkeys(found, identity))
                    each.finish(set())
                    if each not in changed:
                        changed.append(each)

    def _values(self) -> dict[str, tuple[int, int]]:
        """Value and sleepers of each semaphore that one of them maps."""
        found = {}
        refused = False
        for each in self._watched.values():
            for address, identity in each.handles.items():
                if identity not in found:
                    value = value_in_memory(each.memory, address)
                    if value is not None:
                        found[identity] = value
                    refused = refused or value is None
        return {**values_in_files(), **found} if refused else found


def _holds(watched: Watched, identity: str) -> bool:
    held = watched.facts.get("semlocks", {}).get(identity)
    return held is not None and held["count"] > 0


def _main() -> None:
    # Of each process, its memory is kept open.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    root, interval, py_spy = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    looker = Looker(root, py_spy)
    try:
        while True:
            began = time.monotonic()
            print(json.dumps(looker.look()), flush=True)
            pause = max(interval / 4, began + interval - time.monotonic())
            if select.select([sys.stdin], [], [], pause)[0]:
                break
    except (BrokenPipeError, KeyboardInterrupt):
        # The viewer is gone.
        pass
    finally:
        looker.close()


_main()
