"""Errors of mpviz itself: each is shown once, in the log and the report, and the run goes on."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from mpviz.trace.model.text import clean

if TYPE_CHECKING:
    from mpviz.trace.model.state import RunState


def report(state: RunState, what: str, error: Exception) -> None:
    """Note the first failure of a part of mpviz; tests raise the error instead."""
    if what not in state.own_errors:
        state.own_errors.add(what)
        state.own_troubles += 1
        state.note(state.now, "", in_words(what, error), trouble=True)


def in_words(what: str, error: BaseException) -> str:
    """An error of mpviz as a sentence, with the line that raised it."""
    frame = traceback.extract_tb(error.__traceback__)[-1:]
    place = "".join(f" ({Path(each.filename).name}:{each.lineno})" for each in frame)
    return clean(f"an error of mpviz itself in {what}: {type(error).__name__}: {error}{place}")
