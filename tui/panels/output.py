"""The output: the lines that the program's processes wrote, with the tag of the writer."""

from __future__ import annotations

from collections.abc import Sequence

from mpviz.trace.model.formatting import plural
from mpviz.trace.model.state import OutputLine, RunState
from mpviz.tui.panels.listing import Listing
from mpviz.tui.panels.tail_panel import Said, tagged, tail_panel
from mpviz.tui.render.glyphs import process_words
from mpviz.tui.render.view import View


def _words(state: RunState, line: OutputLine) -> tuple[str, ...]:
    process = state.processes.get(line.process)
    return (line.text, *(process_words(process) if process is not None else ()))


LISTING = Listing[OutputLine](items=lambda state, view: state.output, words=_words)


def _say(state: RunState, line: OutputLine, tags: int) -> Said:
    """Writer, a ``!`` for stderr, the text; what is too long is cut at the end of the row."""
    sign = (" ! ", "warning") if line.stream == "stderr" else (" │ ", "track")
    parts = [*tagged(state.processes.get(line.process), tags), sign, (line.text, "")]
    return parts, line.process


_WENT_PAST = (
    "it was recorded without a screen: the output went past mpviz",
    "recorded without a screen: none was seen",
)
_KEPT_BACK = (
    "nothing was written yet; what is printed without flush=True comes late, in blocks of 8 kB",
    "nothing was written yet; print(..., flush=True) is seen at once",
    "nothing yet; flush=True is seen at once",
    "nothing yet: flush=True?",
)
_ELSEWHERE = (
    "the program ran before mpviz: what it writes goes where it went before, and is not seen here",
    "it ran before mpviz: its output goes where it went before",
    "output goes where it went before",
    "not seen: it ran before",
)


def _why_none(state: RunState) -> Sequence[str]:
    if state.run is None or state.ended >= 0:
        return ()
    if state.run.attached:
        return _ELSEWHERE
    return _KEPT_BACK if state.run.captured else _WENT_PAST


def title(state: RunState, view: View) -> str:
    """How many lines were written in all."""
    if not state.output_lines:
        return "output"
    kept = len(state.output)
    more = f", the last {kept:,} kept" if kept < state.output_lines else ""
    return f"output, {plural(state.output_lines, 'line')}{more}"


PANEL = tail_panel(
    "output",
    title=title,
    help=(
        "What the program's processes wrote to stdout (│) and stderr (!), the newest line at the "
        "bottom, with the mark of the process that wrote it. Python keeps what is printed to "
        "itself until it has 8 kB or the process ends, since this is no terminal: with "
        "print(..., flush=True), or PYTHONUNBUFFERED=1 before the command, each line comes at "
        "once. The filter looks at the text and at the name of the writer."
    ),
    thing="output",
    nothing="nothing was written yet",
    listing=LISTING,
    say=_say,
    text=lambda state, line: line.text,
    so_far=lambda state, view: state.output_lines,
    why_none=_why_none,
)
