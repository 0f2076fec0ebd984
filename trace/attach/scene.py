"""A thread that sleeps, with all that is known around it, and what it is found to wait for."""

from __future__ import annotations

from dataclasses import dataclass, field

from mpviz.trace.attach.frames import Frame, inner_calls
from mpviz.trace.attach.identities import Identities
from mpviz.trace.attach.program import ProcessLook, ProgramLook, ThreadLook
from mpviz.trace.model.primitives.seen import ObjectSeen

READS = ("read", "recvfrom", "recvmsg", "readv")
WRITES = ("write", "sendto", "sendmsg", "writev")


@dataclass
class Waiting:
    """A wait without its thread: its kind, the id of its object, and what that is."""

    what: str
    object: str
    things: list[ObjectSeen] = field(default_factory=list)
    turn: bool = False
    begun: bool = False
    timed: bool = False


@dataclass
class Scene:
    """A thread that sleeps, and all that is known around it."""

    thread: ThreadLook
    process: ProcessLook
    program: ProgramLook
    known: Identities

    def __post_init__(self) -> None:
        self.inner = inner_calls(self.thread.frames)
        self.calls = [frame.call for frame in self.inner]

    def frame(self, *calls: str) -> Frame | None:
        """The innermost frame in one of these calls."""
        return next((each for each in self.inner if each.call in calls), None)

    def is_in(self, *calls: str) -> bool:
        """Whether the thread is in one of these calls."""
        return self.frame(*calls) is not None

    @property
    def semaphore(self) -> str:
        """The identity of the semaphore for which it waits; empty for none."""
        return str(self.thread.told.get("semaphore") or "")

    @property
    def end(self) -> int:
        """The inode of the pipe or socket at which it sleeps; 0 for none."""
        call = self.thread.told["call"]
        return self.process.inode(self.thread.argument) if call in (*READS, *WRITES) else 0

    def address(self, frame: Frame) -> int:
        """The address of the object whose method a frame runs."""
        return frame.variables.get("self", (0, ""))[0]
