"""Starts a run: launches what a person asked for, as a session."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns
from types import MappingProxyType
from typing import TYPE_CHECKING

from mpviz.trace.launch.leftovers import clear
from mpviz.trace.launch.program import LaunchError, launch
from mpviz.trace.system.allowance import allowed_cores, granted_cores
from mpviz.trace.system.run_folder import FIFO_NAME, new_path
from mpviz.trace.version import VERSION

if TYPE_CHECKING:
    from mpviz.trace.launch.session import Session
    from mpviz.trace.model.events import RunStarted

COLLECTED_OBJECTS = 50_000
"""Number of new objects after which the garbage collector runs."""

SWITCH_SECONDS = 0.001
"""Maximum seconds that one thread keeps the interpreter while another one waits for it."""


@dataclass(frozen=True)
class Target:
    """What a person asked to run."""

    arguments: list[str]
    """The interpreter's arguments: a script, or ``-m`` and a module, and the program's own.

    Without an interpreter, the whole command.
    """
    name: str
    """A short name, for titles."""
    scenario: str | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    start_method: str | None = None
    """The start method unless the program chooses one; None for Python's default."""
    python: str = sys.executable
    """The interpreter's path; empty for a command that is run as it is."""
    directory: Path | None = None
    silenced: frozenset[str] = frozenset()
    """Names of the rules that make no findings."""
    limit: float = 0.0
    """Seconds after which a run without a screen is ended, since it hangs on purpose; 0: none."""
    grace: float = 0.0
    """Seconds to end by itself after a SIGTERM to its main process; 0 ends all at once."""


def start(
    target: Target,
    *,
    capture: bool,
    rate: float = 10.0,
    stdin: int | None = None,
    record: Path | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Session:
    """Launch a target and start to observe it.

    ``capture``: take its output in as events; else it has our own stdout and stderr.
    ``rate``: samples a second.
    ``stdin``: as for :func:`mpviz.trace.launch.program.launch`; with ``capture`` and none given,
    the program gets a pipe for :meth:`Session.write_stdin`.
    ``variables``: more for the program's environment.
    ``record``: the file that the run is recorded in. With ``capture`` it is kept without one too,
    for :meth:`Session.record`.

    :class:`mpviz.trace.launch.program.LaunchError` if it cannot be started, :class:`OSError` if its
    recording cannot be written.
    """
    _share_the_interpreter()
    arguments = [target.python, *target.arguments] if target.python else target.arguments
    left_behind = clear()
    folder = new_path()
    with _no_thread_is_said(), ExitStack() as made:
        with launch(
            arguments,
            fifo=folder / FIFO_NAME,
            start_method=target.start_method,
            stdin=subprocess.PIPE if capture and stdin is None else stdin,
            capture=capture,
            directory=target.directory,
            variables=variables,
        ) as program:
            # These imports take some 60 ms, in which the supervisor starts up. Later the program
            # would start up at the same time, and more slowly where cores are few.
            from mpviz.trace.collect.output import OutputReader  # noqa: PLC0415
            from mpviz.trace.collect.sampler import Sampler  # noqa: PLC0415
            from mpviz.trace.collect.stacks import StackFile  # noqa: PLC0415
            from mpviz.trace.collect.transport import Transport  # noqa: PLC0415
            from mpviz.trace.launch.session import Session  # noqa: PLC0415
            from mpviz.trace.model.events import Trouble  # noqa: PLC0415
            from mpviz.trace.record.recorder import Recorder  # noqa: PLC0415

            recorder = Recorder(record, VERSION, unasked=capture)
            made.callback(recorder.close)
            transport = Transport(folder)
            made.callback(transport.close)
            stacks = StackFile(folder)
            made.callback(stacks.close)
            transport.put(_run_started(target, arguments, capture))
            transport.hear(program.control, program.supervisor_pid)
            for problem in left_behind:
                text = f"of an earlier run, {problem}"
                transport.put(Trouble(time=monotonic_ns(), pid=0, text=text))
        made.callback(program.abandon)
        output = None
        if program.stdout is not None and program.stderr is not None:
            output = OutputReader(program.stdout, program.stderr, transport.put_slowly)
            made.callback(output.stop)
        sampler = Sampler(transport.put, program.supervisor_pid, 1 / rate)
        made.pop_all()
    return Session(
        transport,
        program,
        sampler,
        output,
        recorder,
        stacks=stacks,
        silenced=target.silenced,
        grace=target.grace,
    )


def _share_the_interpreter() -> None:
    """Let the thread that reads records keep up with the one that folds them.

    A ring record is a tuple that lives for milliseconds. After every 700 of them, the collector
    would look for cycles, which took a third of the decoding time (measured). And at each system
    call, the reading thread would wait 5 ms for the folding one, while writers wait for room.
    """
    if not gc.get_freeze_count():
        gc.freeze()
    gc.set_threshold(COLLECTED_OBJECTS, 20, 20)
    sys.setswitchinterval(SWITCH_SECONDS)


@contextmanager
def _no_thread_is_said() -> Iterator[None]:
    """Turn Python's RuntimeError for a lack of threads into a message for a person.

    That is :class:`mpviz.trace.launch.program.LaunchError`.
    """
    try:
        yield
    except RuntimeError as error:
        raise LaunchError(f"{error}: too many processes and threads (ulimit -u)") from error


def _run_started(target: Target, arguments: list[str], captured: bool) -> RunStarted:
    from mpviz.trace.model.events import RunStarted  # noqa: PLC0415 - as above
    from mpviz.trace.model.text import clean  # noqa: PLC0415

    return RunStarted(
        time=monotonic_ns(),
        pid=0,
        target=clean(target.name),
        arguments=[clean(word) for word in arguments],
        python=clean(target.python),
        start_method=target.start_method or "",
        cores=os.cpu_count() or 1,
        allowed=allowed_cores([os.getpid()]),
        granted=granted_cores(os.getpid()),
        version=VERSION,
        captured=captured,
    )
