"""The source: the program's own lines, with the processes at each of them in the margin."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from mpviz.trace.model.events import Site
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.glyphs import mark
from mpviz.tui.render.rows import Part, Row, crop, length, row, selected
from mpviz.tui.render.view import View
from mpviz.tui.source_files import BEING_READ, Source, Sources

Loader = Callable[[str], Source]
"""Gives a file as it is now, and keeps what it has read: each picture asks again."""

SOURCES = Sources()
"""The files that a separate thread has read from disk; the only I/O of any panel."""

CHANGED = "the file has changed since: the lines may be others"

PRESENCE_KEPT = 0.98
"""Share of earlier presence that each look keeps: after five seconds it hardly counts."""

PARENT_SHARE = 0.2
"""Weight of a process with children, which mostly waits while they do the work."""

_INSTALLED = re.compile(r".*/(?:site-packages|dist-packages|lib/python3[^/]*)/")
"""How the path of an installed file begins, which is not the program's own."""

MARGIN = 13
"""Cells for the marks of the processes at a line."""


def make_panel(load: Loader) -> Panel:
    """The panel that shows files from this loader."""

    def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
        file = file_of(state, view)
        return _drawn(state, view, file, load(file), (width, height)) if file else []

    return Panel(
        name="source",
        title=title,
        help=_HELP,
        body=draw,
        nothing="no line of the program is known yet",
        used=lambda state: bool(state.sites),
        wanted_height=lambda state, view: 16,
        lines=lambda state, view: _texts(load(file_of(state, view))),
        length=lambda state, view: len(load(file_of(state, view)).lines),
        top=lambda state, view, height: _top(state, view, load, height),
    )


def _texts(source: Source) -> list[str]:
    return ["".join(text for text, _ in line) for line in source.lines]


def _top(state: RunState, view: View, load: Loader, height: int) -> int:
    file = file_of(state, view)
    return first_line(state, view, file, len(load(file).lines), height) - 1 if file else 0


def look_around(state: RunState, view: View) -> None:
    """Note the lines of the processes alive, so that the panel can show where they mostly are."""
    living = [process for process in state.processes.values() if process.alive and process.site]
    if not living:
        return
    parents = {process.parent for process in state.processes.values() if process.alive}
    presence = view.presence
    for site in list(presence):
        presence[site] *= PRESENCE_KEPT
    for process in living:
        share = PARENT_SHARE if process.key in parents else 1.0
        presence[process.site] = presence.get(process.site, 0.0) + share


def file_of(state: RunState, view: View) -> str:
    """The file of the selected process, else the one where most processes are or have been."""
    chosen = state.processes.get(view.selected)
    site = state.sites.get(chosen.site) if chosen is not None else None
    if site is not None:
        return site.file
    files = Counter(site.file for site in state.sites.values())
    seen: dict[str, float] = defaultdict(float)
    for number, amount in view.presence.items():
        if number in state.sites:
            seen[state.sites[number].file] += amount
    return max(files, key=lambda file: (seen[file], files[file])) if files else ""


def processes_by_line(state: RunState, file: str) -> dict[int, list[Process]]:
    """The processes alive, by the line of the file where each was last seen."""
    found: dict[int, list[Process]] = defaultdict(list)
    for process in state.processes.values():
        site = state.sites.get(process.site)
        if process.alive and site is not None and site.file == file:
            found[site.line].append(process)
    return found


def _drawn(
    state: RunState, view: View, file: str, source: Source, size: tuple[int, int]
) -> list[Row]:
    width, height = size
    if source.error == BEING_READ:
        return [row((f"{short_path(state, file)}: {BEING_READ}", "dim"))]
    if source.error:
        return [row((f"{short_path(state, file)} cannot be read: {source.error}", "warning"))]
    lines, notes = source.lines, []
    if _has_changed(state, file, source) and height > 1:
        notes, height = [row((f" {CHANGED}", "warning"))], height - 1
    at = processes_by_line(state, file)
    first = first_line(state, view, file, len(lines), height)
    digits = len(str(len(lines)))
    shown = range(first, min(len(lines), first + height - 1) + 1)
    drawn = [_line(view, lines, number, at.get(number, []), (width, digits)) for number in shown]
    return [*notes, *drawn]


def _has_changed(state: RunState, file: str, source: Source) -> bool:
    """Whether the file is another than the one that the program has run."""
    then = {site.checksum for site in state.sites.values() if site.file == file}
    return source.checksum not in then if any(then) else False


def short_path(state: RunState, file: str) -> str:
    """A file's path within the program's folder, or within the folder of what is installed.

    The program's folder is what all of its own files have in common.
    """
    installed = _INSTALLED.match(file)
    if installed:
        return file[installed.end() :]
    files = {site.file for site in state.sites.values()}
    own = [str(Path(each).parent) for each in files if not _INSTALLED.match(each)]
    common = os.path.commonpath(own) if all(map(os.path.isabs, own)) else ""
    is_inside = common not in ("", "/") and file.startswith(common)
    return file[len(common) + 1 :] if is_inside else Path(file).name


def _line(
    view: View,
    lines: Sequence[tuple[Part, ...]],
    number: int,
    here: list[Process],
    size: tuple[int, int],
) -> Row:
    width, digits = size
    margin = MARGIN if width >= 50 else min(8, max(0, width // 4))
    chosen = any(process.key == view.selected for process in here)
    chosen = chosen or view.found.get("source") == number - 1
    number_style = "strong" if here else "faint"
    parts: list[Part] = [
        *crop(_margin(here, margin), margin),
        (f"{number:>{digits}} ", number_style),
        ("│ ", "track"),
        *lines[number - 1],
    ]
    return Row(selected(parts, width) if chosen else tuple(parts), here[0].key if here else "")


def _margin(here: list[Process], room: int) -> list[Part]:
    """The marks, those at work before those that wait there; ▶ is at work, ▷ waits."""
    parts: list[Part] = []
    groups = (("▶", [p for p in here if not p.waits]), ("▷", [p for p in here if p.waits]))
    for sign, group in groups:
        if not group:
            continue
        for index, process in enumerate(group):
            left = len(group) - index
            if length(parts) + length(mark(process)) + 2 > room - (3 if left > 1 else 0):
                parts.append((f"+{left}", "dim"))
                break
            parts += mark(process)
        parts.append((sign, "good" if sign == "▶" else "activity.lock"))
    return [(" " * max(0, room - length(parts) - 1), ""), *parts, (" ", "")]


def first_line(state: RunState, view: View, file: str, lines: int, height: int) -> int:
    """The line at the top, so that the busiest lines are in sight and the picture stands still.

    Windows begin at steps of half a height; the one with most processes wins, then the one with
    most known places. A person's scrolling overrides it.
    """
    last_first = max(1, lines - height + 1)
    if "source" in view.scroll:
        return max(1, min(last_first, view.scroll["source"] + 1))
    here = _presence_by_line(state, view, file)
    known = Counter(site.line for site in state.sites.values() if site.file == file)
    chosen = _selected_line(state, view, file)
    step = max(1, height // 2)

    # Lines that are rarely visited do not move the picture.
    busy = [line for line, amount in here.items() if 4 * amount >= max(here.values())]

    def worth(first: int) -> tuple[bool, float, int, int]:
        window = range(first, first + height)
        inside = [chosen] if chosen in window else [line for line in busy if line in window]
        return (
            chosen in window,
            sum(amount for line, amount in here.items() if line in window),
            sum(number for line, number in known.items() if line in window),
            -abs(first + height // 2 - sum(inside) // len(inside)) if inside else -first,
        )

    # Only windows with at least one name; a source may have many thousands of lines.
    places = {chosen, *known, *busy} - {0}
    windows = {
        first
        for line in places
        for first in range(1 + max(0, -(-(line - height) // step)) * step, line + 1, step)
    }
    starts = sorted({min(first, last_first) for first in windows if first < max(2, lines)})
    return max(starts, key=worth, default=1)


def _presence_by_line(state: RunState, view: View, file: str) -> dict[int, float]:
    """Where in the file processes have been of late; not noted yet, where they are."""
    if not view.presence:
        return {line: len(group) for line, group in processes_by_line(state, file).items()}
    found: dict[int, float] = defaultdict(float)
    for number, amount in view.presence.items():
        site = state.sites.get(number)
        if site is not None and site.file == file:
            found[site.line] += round(amount, 1)
    return found


def _selected_line(state: RunState, view: View, file: str) -> int:
    process = state.processes.get(view.selected)
    site: Site | None = state.sites.get(process.site) if process is not None else None
    return site.line if site is not None and site.file == file else 0


def title(state: RunState, view: View) -> str:
    """The file, and the line where the selected process or most of them are."""
    file = file_of(state, view)
    if not file:
        return "source"
    at = processes_by_line(state, file)
    line = _selected_line(state, view, file)
    if not line and at:
        line = max(sorted(at), key=lambda each: len(at[each]))
    name = short_path(state, file)
    return f"source, {name}:{line}" if line else f"source, {name}"


_HELP = (
    "The file where most happens, or the one of the selected process. In the margin are the marks "
    "of the processes last seen at each line: before ▶ those at work, before ▷ those that wait. "
    "The path is within the program's folder. If the file has changed since it ran, a line says "
    "so."
)

PANEL = make_panel(SOURCES.ask)
