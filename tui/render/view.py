"""What a person has chosen to look at, apart from what is true of the run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mpviz.trace.model.state import RunState


HIGHEST_LANE = 4
"""Rows of a lane, at most: from the back of a room one is a thread."""


@dataclass(slots=True)
class View:
    """The choices of a person: selection, filter, the stretch of time in sight."""

    selected: str = ""
    """Key of the selected process, which panels highlight; "" for none."""
    told: int = -1
    """A moment of the selected process, nanoseconds: what it did then is told; -1 for none."""
    chain: str = ""
    """Key of the process whose wait chain a person goes along; "" for none."""
    finding: str = ""
    """The finding that was gone to last, by rule and subject; "" for none."""
    filter: str = ""
    """Only processes and objects whose name contains this are listed (case does not matter)."""
    paused: bool = False
    """The picture stands still; the run and its folding go on."""
    now: int = 0
    """The right end of the picture in nanoseconds: state.now, or when the person paused."""
    whole: RunState | None = None
    """The state at the end of the recording that is replayed, as far as it is read; None for a run
    that is watched. The timeline shows what is still to come from it."""
    marks: tuple[int, ...] = ()
    """Moments of a replay that are marked, nanoseconds."""
    span: int = 0
    """Nanoseconds that the timeline shows; 0 for the whole run."""
    end: int = -1
    """The right end of the timeline in nanoseconds; -1 follows :attr:`now`."""
    unfolded: dict[str, bool] = field(default_factory=dict)
    """By process key: whether the lanes of its threads are shown, where a person has chosen."""
    order: dict[str, str] = field(default_factory=dict)
    """By panel name: what its list is ordered by; as it happened where nothing is chosen."""
    scroll: dict[str, int] = field(default_factory=dict)
    """By panel name: how many rows are scrolled off at the top (logs: at the bottom)."""
    so_far: dict[str, int] = field(default_factory=dict)
    """By panel name: how many rows there had been when it was scrolled back."""
    found: dict[str, int] = field(default_factory=dict)
    """By panel name: the line that was found, from 0, counting lines that are no longer kept."""
    presence: dict[int, float] = field(default_factory=dict)
    """By site: how much processes were at that line of the source in the last seconds."""
    all_events: bool = False
    """The event log shows every record, not only what a person would want to be told."""
    highest_lane: int = HIGHEST_LANE
    """Rows of a lane of the timeline, at most."""
    ascii: bool = False
    """Only ASCII characters: for terminals and fonts that have no others."""
