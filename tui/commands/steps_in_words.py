"""The steps of a run as lines of text: who did what, at which line."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.stepping.steps import Moment
from mpviz.tui.render.steps.cast import name_of
from mpviz.tui.render.steps.words import is_quiet, phrase


def told_steps(moment: Moment) -> Iterator[str]:
    """A line for each step that others can notice, with its number; then who cannot go on."""
    rows: list[tuple[str, str, str, str]] = []
    for place, step in enumerate(moment.steps, 1):
        operation = step.operation
        if is_quiet(operation):
            continue
        what = phrase(operation, moment)
        if step.choice.outcome == "timeout":
            what += ": its time is over"
        elif step.result and step.result != operation.detail:
            what += f": {step.result}"
        rows.append((str(place), name_of(moment, operation.task), what, operation.site))
    for task, why in moment.blocked.items():
        rows.append(("", name_of(moment, task), why, moment.next[task].site))
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for number, *words, site in rows:
        who, what = (word.ljust(width) for word, width in zip(words, widths[1:], strict=True))
        yield f"{number.rjust(widths[0])}  {who}  {what}  {site}".rstrip()
