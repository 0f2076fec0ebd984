"""The output: the lines that the program's processes wrote, with the tag of the writer."""

from __future__ import annotations

from mpviz.trace.model.state import OutputLine, RunState
from mpviz.tui.panels.listing import Listing, from_bottom, is_found, scrolled_back
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.formatting import plural
from mpviz.tui.render.glyphs import mark, process_words, tag
from mpviz.tui.render.rows import Part, Row, row, selected
from mpviz.tui.render.view import View

WIDEST_TAG = 6


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """The newest lines at the bottom."""
    lines = LISTING.listed(state, view, "output")
    if not lines:
        is_missing = state.run is not None and not state.run.captured
        words = "it was recorded without a screen: the output went past mpviz"
        return [row((words, "dim"))] if is_missing else []
    tags = min(WIDEST_TAG, max((len(tag(each)) for each in state.processes.values()), default=1))
    told = _told(state, view)
    scroll = scrolled_back(view, "output", told)

    def make(index: int) -> Row:
        found = is_found(view, "output", told, len(lines), index)
        return _line(state, view, lines[index], tags, width, found)

    return from_bottom(len(lines), height, scroll, make)


def _words(state: RunState, line: OutputLine) -> tuple[str, ...]:
    process = state.processes.get(line.process)
    return (line.text, *(process_words(process) if process is not None else ()))


LISTING = Listing[OutputLine](items=lambda state, view: state.output, words=_words)


def _line(  # noqa: PLR0917
    state: RunState, view: View, line: OutputLine, tags: int, width: int, found: bool
) -> Row:
    """Writer, a ``!`` for stderr, the text; what is too long is cut at the end of the row."""
    process = state.processes.get(line.process)
    error = line.stream == "stderr"
    parts: list[Part] = [
        *(mark(process, tags) if process else ((" " * (tags + 1), ""),)),
        (" ! " if error else " │ ", "warning" if error else "track"),
        (line.text[: 2 * width], ""),
    ]
    chosen = found or (bool(line.process) and line.process == view.selected)
    return Row(selected(parts, width) if chosen else tuple(parts), line.process)


def _told(state: RunState, view: View) -> int:
    """How many lines there have been; filtered, how many there are."""
    return len(LISTING.listed(state, view, "output")) if view.filter else state.output_lines


def title(state: RunState, view: View) -> str:
    """How many lines were written in all."""
    if not state.output_lines:
        return "output"
    kept = len(state.output)
    more = f", the last {kept:,} kept" if kept < state.output_lines else ""
    return f"output, {plural(state.output_lines, 'line')}{more}"


def wanted_height(state: RunState, view: View) -> int:
    """As many rows as there are lines, within reason."""
    return max(3, min(40, len(state.output)))


PANEL = Panel(
    name="output",
    title=title,
    help=(
        "What the program's processes wrote to stdout (│) and stderr (!), the newest line at the "
        "bottom, with the mark of the process that wrote it. The filter looks at the text and at "
        "the name of the writer."
    ),
    body=draw,
    thing="output",
    nothing="nothing was written yet",
    listing=LISTING,
    told=_told,
    lines=lambda state, view: [line.text for line in LISTING.listed(state, view, "output")],
    length=lambda state, view: len(LISTING.listed(state, view, "output")),
    wanted_height=wanted_height,
)
