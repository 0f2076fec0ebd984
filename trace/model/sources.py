"""Which events only the supervisor can know, and which only the viewer."""

from mpviz.trace.model.events import (
    Event,
    FileLocksSeen,
    Marked,
    Output,
    ProgramEnded,
    ProgramFailed,
    ProgramStarted,
    RecordsDropped,
    RunEnded,
    RunStarted,
    Sample,
    SupervisorSignalled,
    Trouble,
    Unreadable,
)
from mpviz.trace.model.primitives.seen import LookTaken
from mpviz.trace.model.processes.looks import StacksRead

FROM_SUPERVISOR: tuple[type[Event], ...] = (
    ProgramStarted,
    ProgramFailed,
    ProgramEnded,
    SupervisorSignalled,
)
"""Events that only the supervisor can know: refused from the pipe, to which anybody can write."""

FROM_VIEWER: tuple[type[Event], ...] = (
    RunStarted,
    RunEnded,
    Output,
    Marked,
    Unreadable,
    RecordsDropped,
    Trouble,
    Sample,
    StacksRead,
    FileLocksSeen,
    LookTaken,
)
"""Events that only the viewer itself can know: refused from the pipe and from the supervisor."""
