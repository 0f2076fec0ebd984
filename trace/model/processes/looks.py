"""What a look at the threads of a process tells: their stacks, and what they sleep in."""

from __future__ import annotations

import msgspec

from mpviz.trace.model.events import Amount, Count, Event, Pid


class ThreadStack(msgspec.Struct, array_like=True, gc=False):
    """Where one thread stands, as Python saw it."""

    thread: Count
    """Its number as in :attr:`Event.thread`, also if it is the main thread."""
    name: str
    """Empty before Python 3.14."""
    frames: list[tuple[str, Count, str]]
    """(file, line, function), the innermost first; at most 100."""


class KernelThread(msgspec.Struct, array_like=True, gc=False):
    """A thread of a process, as the kernel has it."""

    number: Pid
    """The kernel's number; that of the main thread is the pid."""
    thread: Count
    """Its number as in :class:`ThreadStack`; 0 if it is none of Python's, or if that is unknown."""
    name: str
    """The kernel's name, from Python 3.14 on also Python's."""
    cpu_seconds: Amount
    """-1 if unknown."""
    place: str
    """The kernel function in which it sleeps; empty if it does not, or if unknown."""
    call: str
    """The system call in which it is blocked, and what for, in words; empty if unknown."""


class StacksRead(Event, tag="stacks.read", kw_only=True):
    """A look at the stacks of all threads of a process, which its Python wrote for mpviz."""

    child: Pid
    threads: list[ThreadStack] = msgspec.field(default_factory=list)
    """The youngest first; none if it could not be asked."""
    listed: Count = 0
    """How many threads it had for the kernel, those of C libraries included."""
    sleeps: list[str] = msgspec.field(default_factory=list)
    """What its threads slept in, as in :attr:`ProcessSample.asleep_in`; a timed lock is "clock"."""
    ends: list[tuple[Count, bool]] = msgspec.field(default_factory=list)
    """The ends of pipes and sockets that it has open: inode, may write; sockets are told twice."""
    reason: str = ""
    """Why it could not be asked, in words that follow its name; empty if it could."""
    kernel: list[KernelThread] = msgspec.field(default_factory=list)
    """Its threads, the main thread first; at most 256."""
    asked: Count = 0
    """When all its threads were seen asleep, just before it was asked; 0 if that is unknown."""
    wakers: list[Count] = msgspec.field(default_factory=list)
    """The signals that it handles, of those that a timer or another program may send at any time to
    have something done, such as SIGALRM and SIGUSR1."""
