"""The shared objects of a stepped run as they are now: who holds a lock, what a value is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from mpviz.trace.stepping.steps import Held, Moment
from mpviz.tui.render.rows import Part, Row, fit_name
from mpviz.tui.render.steps.cast import Member, name_of, short_name

LONGEST_NAME = 18
"""Cells of an object's name."""


def object_rows(moment: Moment, members: Sequence[Member], width: int, height: int) -> list[Row]:
    """A row for each object; that of the last step is bright."""
    if not moment.objects:
        return [Row(((" none so far", "dim"),))]
    last = moment.steps[-1].operation.target if moment.steps else ""
    longest = max(cell_len(short_name(moment, id)) for id in moment.objects)
    names = max(4, min(LONGEST_NAME, longest, width // 2))
    styles = {each.task: each.style for each in members}
    rows = []
    for id, now in moment.objects.items():
        style = "value" if id == last else "text"
        name: Part = (" " + fit_name(short_name(moment, id), names) + "  ", style)
        rows.append(Row((name, *_words(moment, now, style, styles, width - names - 3)), id))
    if len(rows) > height:
        rows = [*rows[: height - 1], Row(((f" {len(rows) - height + 1} more", "dim"),))]
    return rows


def _words(
    moment: Moment, now: Held, style: str, styles: Mapping[str, str], width: int
) -> list[Part]:
    """What is true of an object; the holder of a lock in the colour of its process."""
    words = now.words
    if cell_len(words) > width:
        words = words.removeprefix("held by ")
    holder = now.holders[0] if now.holders else ""
    before, name, after = words.partition(name_of(moment, holder) if holder else "\0")
    return [(before, style), (name, styles.get(holder, style)), (after, style)]
