"""Zooming and panning: which stretch of time is in sight next."""

from __future__ import annotations

from typing import NamedTuple

from mpviz.trace.model.state import RunState
from mpviz.tui.render.lanes.grid import NARROWEST
from mpviz.tui.render.timeline.layout import last_moment, right_end, run_length
from mpviz.tui.render.view import View

SHORTEST_SPAN = 40 * NARROWEST


class Stretch(NamedTuple):
    """What ``View.span`` and ``View.end`` are to be."""

    span: int
    """Nanoseconds; 0 for the whole run."""
    end: int
    """Nanoseconds; -1 to follow the present."""


WHOLE_RUN = Stretch(0, -1)


def zoomed(state: RunState, view: View, factor: float, at: int = -1) -> Stretch:
    """Show ``factor`` times the span: 0.5 zooms in, 2 zooms out.

    The time ``at`` (nanoseconds; -1 for the right end) stays where it is in the picture. Zoomed out
    to the whole run, the timeline follows the present again.
    """
    whole = run_length(state, view)
    now = last_moment(state, view)
    span = view.span or whole
    wanted = max(SHORTEST_SPAN, round(span * factor))
    if wanted >= whole:
        return WHOLE_RUN
    end = right_end(state, view)
    if at < 0:
        return Stretch(wanted, view.end)
    at = max(state.origin, min(at, now))
    left_part = 1 - min(1.0, max(0.0, (end - at) / span))
    return _placed(state, view, wanted, at + round(wanted * (1 - left_part)))


def panned(state: RunState, view: View, share: float) -> Stretch:
    """Move the stretch by this share of it: negative to earlier, positive to later."""
    span = view.span or run_length(state, view)
    if not view.span:
        return WHOLE_RUN
    end = right_end(state, view)
    return _placed(state, view, span, end + round(span * share))


def centred(state: RunState, view: View, time: int, span: int = 0) -> Stretch:
    """Bring a time to the middle, with this span or the present one."""
    span = span or view.span
    if not span or span >= run_length(state, view):
        return WHOLE_RUN
    return _placed(state, view, span, time + span // 2)


def _placed(state: RunState, view: View, span: int, end: int) -> Stretch:
    """A stretch within the run; at the right end of a run that is watched, it follows."""
    last = last_moment(state, view)
    end = min(last, max(state.origin + span, end))
    return Stretch(span, -1 if end >= last and view.whole is None else end)
