"""The glyphs that all panels share: marks and tags of processes, bars, charts, big digits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import isfinite

from mpviz.trace.model.formatting import duration
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import Series
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState
from mpviz.tui.render.palette import process_style
from mpviz.tui.render.rows import Part, length
from mpviz.tui.render.view import View

UPWARD = " ▁▂▃▄▅▆▇█"
"""A cell filled from below by so many eighths."""
RIGHTWARD = " ▏▎▍▌▋▊▉█"
"""A cell filled from the left by so many eighths."""

GLYPHS: dict[Activity, str] = {
    Activity.STARTING: "╱",
    Activity.RUNNING: "█",
    Activity.TASK: "█",
    Activity.LOCK: "▒",
    Activity.QUEUE: "░",
    Activity.PROCESS: "─",
    Activity.RESULT: "═",
    Activity.SIGNAL: "╍",
    Activity.IDLE: "·",
    Activity.SLEEPING: "~",
    Activity.STOPPED: "┃",
    Activity.ZOMBIE: "†",
    Activity.INITIALIZING: "╳",
    Activity.ENDING: "╲",
    Activity.ENDED: " ",
}
"""What a column of a timeline shows for an activity that fills it."""

ASCII_GLYPHS: dict[Activity, str] = {
    Activity.STARTING: "/",
    Activity.RUNNING: "#",
    Activity.TASK: "=",
    Activity.LOCK: "x",
    Activity.QUEUE: "o",
    Activity.PROCESS: "-",
    Activity.RESULT: "r",
    Activity.SIGNAL: "s",
    Activity.IDLE: ".",
    Activity.SLEEPING: "_",
    Activity.STOPPED: "!",
    Activity.ZOMBIE: "z",
    Activity.INITIALIZING: "i",
    Activity.ENDING: "\\",
    Activity.ENDED: " ",
}

ACTIVITY_WORDS: dict[Activity, str] = {
    Activity.STARTING: "starting",
    Activity.RUNNING: "running",
    Activity.TASK: "running a task",
    Activity.LOCK: "waiting for a lock",
    Activity.QUEUE: "waiting for a queue or pipe",
    Activity.PROCESS: "waiting for a process",
    Activity.RESULT: "waiting for results",
    Activity.SIGNAL: "waiting for synchronization",
    Activity.IDLE: "idle",
    Activity.SLEEPING: "sleeping",
    Activity.STOPPED: "stopped",
    Activity.ZOMBIE: "zombie",
    Activity.INITIALIZING: "initializing",
    Activity.ENDING: "ending",
    Activity.ENDED: "ended",
}
"""For legends and sentences."""

SHORT_WORDS: dict[Activity, str] = {
    activity: words.removeprefix("waiting for a ")
    .removeprefix("waiting for ")
    .removeprefix("running a ")
    for activity, words in ACTIVITY_WORDS.items()
}
"""For legends where there is little room."""

_COUNTED = re.compile(r"^(.*?)[-_ ](\d+(?::\d+)*|[A-Za-z])$")
_DEFAULT_STEM = re.compile(r"^(?:Fork|Spawn|ForkServer)?(?:PoolWorker|Process)$")
_ROLE_TAGS = {"main": "M", "resource tracker": "R", "fork server": "F"}


def tag(process: Process) -> str:
    """The short sign of a process beside its colour: what a person can find again in its name.

    ``3`` for Process-3 and ForkPoolWorker-3, ``c3`` for consumer-3, ``wA`` for worker-A, ``M`` for
    the first process, and a letter in order of appearance for a name without such an end.
    """
    return _tag(process.role, process.name, process.number)


@lru_cache(maxsize=4096)
def _tag(role: str, name: str, number: int) -> str:
    if role in _ROLE_TAGS:
        return _ROLE_TAGS[role]
    counted = _COUNTED.match(name)
    if counted is None or len(counted[2]) > 6:
        return _letters(number)
    if _DEFAULT_STEM.match(counted[1]):
        return counted[2]
    initial = counted[1][:1].lower()
    return initial + counted[2] if initial.isascii() and initial.isalpha() else _letters(number)


def _letters(number: int) -> str:
    """b for 2, z for 26, aa for 27."""
    text = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("a") + rest) + text
    return text or "a"


def mark(process: Process, width: int = 0, alive: bool | None = None) -> tuple[Part, ...]:
    """A process's colour mark and tag; hollow once it has ended, or if it is not ``alive``."""
    style = process_style(process.number)
    sign = "●" if (process.alive if alive is None else alive) else "○"
    return ((sign + tag(process).ljust(width), style),)


def marks(state: RunState, keys: Iterable[str], width: int) -> list[Part]:
    """The marks of several processes in at most this many cells, then how many more there are."""
    parts: list[Part] = []
    processes = [state.processes[key] for key in keys if key in state.processes]
    for index, process in enumerate(processes):
        more = mark(process)
        left = len(processes) - index - 1
        reserve = len(f" +{left}") if left else 0
        if length(parts) + length(more) + 1 + reserve > width:
            rest = f"+{left + 1}"
            if length(parts) + len(rest) + bool(parts) <= width:
                parts.append((" " * bool(parts) + rest, "dim"))
            break
        if parts:
            parts.append((" ", ""))
        parts += more
    return parts


def in_line(waiting: Sequence[tuple[Process, Wait]], now: int, room: int, style: str) -> list[Part]:
    """The waiters in the order in which they came, with since when, as many as there is room for.

    The last part, in this style, counts those there is no room for.
    """
    parts: list[Part] = []
    for index, (process, wait) in enumerate(waiting):
        one = [*mark(process), (" " + duration(max(0, now - wait.since)), "dim"), ("  ", "")]
        left = len(waiting) - index - 1
        if length(parts) + length(one) - 2 + (len(f"+{left}") + 2 if left else 0) > room:
            parts.append((f"+{left + 1}", style))
            break
        parts += one
    return parts


def moment_of(state: RunState, view: View) -> int:
    """The moment that the picture is of, in nanoseconds."""
    return view.now if view.now > 0 else state.now


def matches(view: View, *texts: str) -> bool:
    """Whether the filter lets something with these names through."""
    return not view.filter or contains(view.filter, *texts)


def contains(wanted: str, *texts: str) -> bool:
    """Whether one of these texts contains what is wanted; case does not matter.

    A number, such as a pid, is wanted as a whole: the 3 of "worker 3" is in too many of them.
    """
    wanted = wanted.casefold()
    return any(wanted == text if text.isdecimal() else wanted in text.casefold() for text in texts)


def process_matches(view: View, process: Process) -> bool:
    """Whether the filter lets this process through."""
    return not view.filter or matches(view, *process_words(process))


def process_words(process: Process) -> tuple[str, ...]:
    """What the filter looks at of a process: its names, its function, its pid and its role."""
    return process.name, described(process), process.function, str(process.pid), process.role


def stacked_bar(
    width: int, shares: Sequence[tuple[float, str]], track: Part = ("·", "track")
) -> list[Part]:
    """A bar of several colours: each share of 1 from the left, to an eighth of a cell.

    Where two colours meet in one cell, the right one is its ground.
    """
    edges = _edges(width, shares)
    parts: list[Part] = []
    position = 0
    for index, (end, style) in enumerate(edges):
        whole = end // 8 - (position + 7) // 8
        if whole > 0:
            parts.append(("█" * whole, style))
            position = (end // 8) * 8
        if end % 8 and end > position:
            following = next((s for e, s in edges[index + 1 :] if e > end), "")
            parts.append((RIGHTWARD[end % 8], f"{style} on {following}" if following else style))
            position = (end // 8 + 1) * 8
    used = length(parts)
    if used < width and track[0]:
        parts.append((track[0] * (width - used), track[1]))
    return parts


def _edges(width: int, shares: Sequence[tuple[float, str]]) -> list[tuple[int, str]]:
    """Where each share ends, in eighths of a cell; one that is there at all takes at least one."""
    edges: list[tuple[int, str]] = []
    total, position = 0.0, 0
    for share, style in shares:
        if share <= 0:
            continue
        total += share
        position = min(width * 8, max(round(total * width * 8), position + 1))
        edges.append((position, style))
    return edges


def chart(values: Sequence[float | None], highest: float, height: int) -> list[str]:
    """Values as blocks of height, so many rows from the top; ``highest`` is the full height.

    What is unknown is empty, and whatever is known is seen.
    """
    eighths = [
        max(1, round(8 * height * _share(value, highest)))
        if value is not None and isfinite(value)
        else 0
        for value in values
    ]
    return [
        "".join([UPWARD[max(0, min(8, each - 8 * row))] for each in eighths])
        for row in range(height - 1, -1, -1)
    ]


def _share(value: float, highest: float) -> float:
    """How high a value is, from 0 to 1; a quotient of extreme numbers may be infinite."""
    return max(0.0, min(1.0, value / highest)) if highest > 0 else 0.0


def columns_of(series: Series, origin: int, now: int, columns: int) -> list[float | None]:
    """The highest value within each column; None if none was known yet."""
    span = max(columns, now - origin)
    edges = [origin + span * column // columns for column in range(columns + 1)]
    return [
        series.peak(edges[column], max(edges[column] + 1, edges[column + 1]))
        for column in range(columns)
    ]


_DIGITS = {
    "0": ("█▀█", "█ █", "▀▀▀"),
    "1": ("▀█ ", " █ ", "▀▀▀"),
    "2": ("▀▀█", "█▀▀", "▀▀▀"),
    "3": ("▀▀█", " ▀█", "▀▀▀"),
    "4": ("█ █", "▀▀█", "  ▀"),
    "5": ("█▀▀", "▀▀█", "▀▀▀"),
    "6": ("█▀▀", "█▀█", "▀▀▀"),
    "7": ("▀▀█", "  █", "  ▀"),
    "8": ("█▀█", "█▀█", "▀▀▀"),
    "9": ("█▀█", "▀▀█", "▀▀▀"),
    ",": (" ", " ", "▄"),
    ".": (" ", " ", "▀"),
    "-": ("  ", "▀▀", "  "),
}


def big_digits(text: str) -> tuple[str, str, str] | None:
    """A number in digits three rows high; None if there is no big sign for a character."""
    if not text or any(character not in _DIGITS for character in text):
        return None
    rows = zip(*(_DIGITS[character] for character in text), strict=True)
    first, second, third = (" ".join(row) for row in rows)
    return first, second, third
