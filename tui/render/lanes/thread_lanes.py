"""Lanes of threads, below that of their process: how much of a core each had, column by column."""

from __future__ import annotations

import re
from functools import lru_cache

from mpviz.trace.model.formatting import duration
from mpviz.trace.model.processes.core_times import CoreTimes
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.threads import KnownThread
from mpviz.trace.model.state import RunState
from mpviz.tui.render.formatting import moment
from mpviz.tui.render.glyphs import UPWARD
from mpviz.tui.render.lanes.cells import CORE_GROUND, EMPTY, Cell
from mpviz.tui.render.lanes.columns import ColumnStore
from mpviz.tui.render.lanes.core_share import HELD
from mpviz.tui.render.lanes.grid import Grid
from mpviz.tui.render.view import View

MOST_LANES = 12
"""Of one process, at most."""

LEAST_LANES = 2
"""Where there is no room for so many, threads stay folded."""

SHARE_WIDTH = 5
"""Cells of a share of a core at the end of a label: " 100%"."""

FOLD_WIDTH = 2
"""Cells before a lane with the sign whether the threads of the process are shown."""

_WORK = "activity.running"
_LACK_SEEN = 0.25
"""Least share (0 to 1) of a column without a core that is shown."""

_NAMES = (
    (re.compile(r"Thread-(\d+)(?: \(.*\))?"), "thread {}"),
    (re.compile(r"InterpreterPoolExecutor-0_(\d+)"), "interpreter {}"),
    (re.compile(r"InterpreterPoolExecutor-(\d+_\d+)"), "interpreter {}"),
    (re.compile(r"ThreadPoolExecutor-0_(\d+)"), "thread {}"),
    (re.compile(r"ThreadPoolExecutor-(\d+_\d+)"), "thread {}"),
)
"""Names that Python gives. An interpreter of such an executor has one thread."""


def threads_with_lanes(view: View, process: Process, room: int = MOST_LANES) -> list[KnownThread]:
    """The threads that are shown in so many rows: none if they are folded.

    Where not all fit, the living before the ended, the first of each, in the order of their start.
    """
    found = unfolded_threads(view, process)
    room = min(room, MOST_LANES)
    if len(found) <= room:
        return found
    if room < LEAST_LANES:
        return []
    chosen = sorted(found, key=lambda each: each.until >= 0)[:room]
    return [each for each in found if any(each is one for one in chosen)]


def unfolded_threads(view: View, process: Process) -> list[KnownThread]:
    """The threads that are to be shown, whether there is room for them or not.

    A person's choice counts; without one, those of a process that works in threads are unfolded.
    """
    busy = process.threads.busy
    works_in_threads = len(busy) >= LEAST_LANES
    if not view.unfolded.get(process.key, works_in_threads):
        return []
    return busy if works_in_threads else _all_of(process)


def can_unfold(process: Process) -> bool:
    """Whether it has, or had, threads that could have lanes."""
    return len(process.threads.living) > 1 or bool(process.threads.ended)


def _all_of(process: Process) -> list[KnownThread]:
    threads = process.threads
    known = {id(each): each for each in (*threads.ended, *threads.living.values())}
    if threads.main is not None:
        known.pop(id(threads.main), None)
        return [threads.main, *known.values()]
    return list(known.values())


def thread_with(process: Process, number: int) -> KnownThread | None:
    """The latest thread of a process with this number of the kernel's."""
    threads = process.threads
    if threads.main is not None and threads.main.number == number:
        return threads.main
    if number in threads.living:
        return threads.living[number]
    return next((each for each in reversed(threads.ended) if each.number == number), None)


def thread_name(process: Process, thread: KnownThread) -> str:
    """A name for a label: "thread 1" for "Thread-1 (worker)"; the program's own stays as it is."""
    if thread.number == process.pid:
        return "main thread"
    return _shortened(thread.name) or f"thread {thread.number}"


@lru_cache(maxsize=1024)
def _shortened(name: str) -> str:
    for pattern, words in _NAMES:
        found = pattern.fullmatch(name)
        if found is not None:
            return words.format(found[1])
    return name


def share_of_core(thread: KnownThread, start: int, end: int) -> float:
    """The share of a core that it had on average within this time, while it lived."""
    start, end = max(start, thread.since), min(end, thread.until if thread.until >= 0 else end)
    end = min(end, max(thread.times.until, start + 1))
    had, _ = thread.times.between(start, end)
    return had / max(1, end - start)


def thread_cells(process: Process, thread: KnownThread, grid: Grid, now: int) -> list[Cell]:
    """One cell for each column in sight: a block as high as the share of a core that it had."""
    end = min(now, thread.until) if thread.until >= 0 else now
    first = max(grid.first, (thread.since - grid.origin) // grid.width)
    stop = min(
        grid.first + grid.count, (max(end, thread.since + 1) - 1 - grid.origin) // grid.width + 1
    )
    if first >= stop:
        return [EMPTY] * grid.count
    known = max(first, min(stop, (thread.times.until - grid.origin) // grid.width))
    held = max(known, min(stop, (thread.times.until + HELD - grid.origin) // grid.width))
    cells = [EMPTY] * (first - grid.first)
    if known > first:
        cells += _STORE.columns(
            f"{process.key}/{thread.number}", thread.times, grid, range(first, known)
        )
    last = cells[-1] if known > first else _at_rest(grid.ascii)
    if thread.until < 0:
        cells += [last] * (held - known)
        cells += [_at_rest(grid.ascii)] * (stop - held)
    else:
        cells += [_at_rest(grid.ascii)] * (stop - known)
    return cells + [EMPTY] * (grid.first + grid.count - stop)


def _cells_of(times: CoreTimes, grid: Grid, first: int, stop: int) -> list[Cell]:
    start, width = grid.origin + first * grid.width, grid.width
    cells = []
    for at in range(start, start + (stop - first) * width, width):
        had, lacked = times.between(at, at + width)
        cells.append(_cell(_eighths(had / width), lacked >= _LACK_SEEN * width, grid.ascii))
    return cells


_STORE: ColumnStore[CoreTimes, Cell] = ColumnStore(_cells_of)


def _eighths(share: float) -> int:
    """A share of a core in quarters, which look calm; the least that is seen is an eighth."""
    if share < 0.01:
        return 0
    return max(1, 2 * min(4, round(4 * share)))


@lru_cache(maxsize=64)
def _cell(eighths: int, lacks: bool, ascii: bool) -> Cell:
    if not eighths and not lacks:
        return _at_rest(ascii)
    style = f"{_WORK} on {CORE_GROUND}" if lacks else _WORK
    if ascii:
        sign = "#" if eighths == 8 else ":" if lacks else "*" if eighths >= 4 else "+"
        return sign, style, ""
    return UPWARD[max(1, eighths)], style, ""


def _at_rest(ascii: bool) -> Cell:
    return ("." if ascii else "·"), "track", ""


def describe_thread(
    state: RunState, process: Process, number: int, stretch: tuple[int, int]
) -> str:
    """What a thread did in a column: "thread 1 had 24% of a core at 1.25 s"."""
    thread = thread_with(process, number)
    if thread is None:
        return ""
    name, (start, end) = thread_name(process, thread), stretch
    if start < 0:
        return f"{name}, number {thread.number}, of {process.name}"
    where = moment(start - state.origin, max(1, (end - start) * 4))
    had, lacked = thread.times.between(start, end)
    words = f"{name} had {had / max(1, end - start):.0%} of a core at {where}"
    if lacked >= _LACK_SEEN * (end - start):
        words += f", and waited {duration(lacked)} for one"
    return words
