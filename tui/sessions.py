"""What the screens and the headless run need of a session: one run, from its start to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mpviz.tui.file_names import numbered

if TYPE_CHECKING:
    from mpviz.trace.launch.session import Session as LaunchedSession
    from mpviz.trace.launch.start import Target
    from mpviz.trace.model.state import RunState
    from mpviz.trace.stepping.steps import Choice, Moment


class Source(Protocol):
    """Where a screen has its state from: a run that goes on, or the replay of one."""

    @property
    def state(self) -> RunState:
        """What is true of the run so far."""

    @property
    def over(self) -> bool:
        """Whether the run has ended and all of it is folded."""

    @property
    def behind(self) -> int:
        """Bytes that have been read and are not folded yet."""

    def step(self, budget: float) -> bool:
        """Fold what has arrived for at most this many seconds; True if anything changed."""

    def close(self) -> None:
        """End all that is left, wait for it, and close and remove what files there are."""


class Session(Source, Protocol):
    """One run: :class:`mpviz.trace.launch.session.Session`, or what tests put in its place."""

    @property
    def recorded(self) -> Path | None:
        """The file that the run is recorded in; None if nobody asked for one."""

    @property
    def record_problem(self) -> str:
        """Why the recording ended before the run; empty if it did not."""

    def record(self, path: Path) -> None:
        """Have the whole run in this file; OSError if that is not possible."""

    def copy_recording(self, path: Path) -> None:
        """Have a recording of what was told so far in this file; OSError if that cannot be."""

    def freeze(self) -> None:
        """Stop the whole program where it is."""

    def thaw(self) -> None:
        """Let a frozen program go on."""

    def look(self, key: str) -> None:
        """Look at the stacks of one process; the answer comes as an event."""

    def signal(self, key: str, number: int) -> bool:
        """Send a signal to one process; False if it is gone."""

    def write_stdin(self, text: str) -> bool:
        """Give the program input; False if it takes none."""

    def interrupt(self) -> None:
        """Send the program what Ctrl-C sends."""

    def terminate(self) -> None:
        """Ask the program to end in its own way, and return at once."""

    def stop(self) -> None:
        """Ask for the end of the program, and return at once."""


Steps = Sequence[Sequence[str]]
"""The steps of a schedule, each as task, verb, target and perhaps "timeout"."""

Start = Callable[["Target"], Session]
"""Starts a run with the program's output captured."""


class Stepped(Protocol):
    """A run that stands after each step: :class:`mpviz.trace.stepping.run.SteppedRun`."""

    def wait(self) -> Moment:
        """The moment when all tasks stand, or the program has ended."""

    def look(self) -> Moment | None:
        """The moment, if it has changed although nobody was let go; else None."""

    def let_go(self, choice: Choice) -> None:
        """Let one task do its operation, or let its time-out happen."""

    def close(self) -> None:
        """End what is left of the program; also while another thread waits for it."""

    @property
    def output(self) -> Sequence[str]:
        """The last lines that the program has printed."""


Begin = Callable[["Target"], Stepped]
"""Starts a run whose steps somebody chooses; :class:`NotStarted` if that is not possible."""


class NotStarted(Exception):
    """The run could not be started; the text says why in one line."""


def starter(rate: float, record: Path | None, steps: Steps = ()) -> Start:
    """What starts a run: looks at the machine at this rate, and records in this file.

    The first target comes along the steps of a schedule, if there are any, each time it is run.
    """
    runs = count(1)
    scheduled: list[Target] = []

    def start(target: Target) -> Session:
        from mpviz.trace.launch.program import LaunchError  # noqa: PLC0415 - picking needs no msgspec

        try:
            file = _next_file(record, runs) if record is not None else None
            scheduled[:] = scheduled or [target]
            begin = start_of(steps if target == scheduled[0] else ())
            return begin(target, capture=True, rate=rate, record=file)
        except (LaunchError, OSError) as error:
            raise NotStarted(str(error)) from error

    return start


def start_of(steps: Steps, standing: float = inf) -> Callable[..., LaunchedSession]:
    """What starts a run: along the steps of a schedule, if there are any.

    ``standing``: seconds after which a deadlock to which they lead is ended.
    """
    if not steps:
        from mpviz.trace.launch.start import start  # noqa: PLC0415 - picking needs no msgspec

        return start
    from mpviz.trace.stepping.along import start_along  # noqa: PLC0415 - few have steps

    return partial(start_along, steps, standing=standing)


def begin_steps(target: Target) -> Stepped:
    """A run of this whose steps somebody chooses."""
    from mpviz.trace.launch.program import LaunchError  # noqa: PLC0415 - picking needs no msgspec
    from mpviz.trace.stepping.run import SteppedRun  # noqa: PLC0415

    try:
        return SteppedRun(target)
    except (LaunchError, OSError) as error:
        raise NotStarted(str(error)) from error


def _next_file(record: Path, runs: Iterator[int]) -> Path:
    """Where to record the next run: to run again must not take the place of another recording."""
    number = next(runs)
    if number > 1:
        while numbered(record, number).exists():
            number = next(runs)
    return numbered(record, number)
