"""Starts a run: launches what a person asked for, and makes a session of it."""

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
from typing import TYPE_CHECKING

from mpviz.trace.collect.transport import Transport
from mpviz.trace.launch.program import LaunchError, Program, launch
from mpviz.trace.model.events import RunStarted, Trouble
from mpviz.trace.model.text import clean
from mpviz.trace.system import leftovers
from mpviz.trace.system.allowance import allowed_cores, granted_cores
from mpviz.trace.system.leftovers import QUEUE_NAME
from mpviz.trace.version import VERSION

if TYPE_CHECKING:
    from mpviz.trace.launch.session import Session
    from mpviz.trace.record.recorder import Recorder


COLLECTED_OBJECTS = 50_000
"""Number of new objects after which the garbage collector looks through them."""

SWITCH_SECONDS = 0.001
"""Maximum seconds that one thread keeps the interpreter while another waits for it."""


@dataclass(frozen=True)
class Target:
    """What a person asked to run."""

    arguments: list[str]
    """What the interpreter is given: a script or ``-m`` and a module, and their arguments.

    Without an interpreter, the whole command.
    """
    name: str
    """In short, for a title."""
    scenario: str | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    start_method: str | None = None
    """Where the program does not choose itself; None for Python's own default."""
    python: str = sys.executable
    """The interpreter's path; empty for a command that is run as it is."""
    directory: Path | None = None
    silenced: frozenset[str] = frozenset()
    """Names of the rules that are not to make findings."""
    limit: float = 0.0
    """Seconds after which a run without a screen ends it, since it hangs by design; 0 for none."""
    grace: float = 0.0
    """Seconds to end by itself after a SIGTERM to its main process; 0 to end all at once."""


def start(
    target: Target,
    *,
    capture: bool,
    rate: float = 10.0,
    stdin: int | None = None,
    record: Path | None = None,
) -> Session:
    """Launch a target and begin to observe it.

    ``capture``: take its output in as events, else it has our own stdout and stderr. ``rate``:
    samples a second. ``stdin``: as :func:`mpviz.trace.launch.program.launch` has it; with
    ``capture`` and none given, the program gets a pipe for :meth:`Session.write_stdin`. ``record``:
    the file that the run is recorded in; with ``capture`` it is also kept where there is none, for
    :meth:`Session.record`.

    :class:`mpviz.trace.launch.program.LaunchError` where it cannot be started, :class:`OSError`
    where its recording cannot be written.
    """
    _share_the_interpreter()
    arguments = [target.python, *target.arguments] if target.python else target.arguments
    left_behind = leftovers.clear()
    directory = leftovers.new_folder()
    queues: list[Transport] = []
    recorders: list[Recorder] = []
    made = ExitStack()

    def prepare(program: Program) -> None:
        if record is not None or capture:
            from mpviz.trace.record.recorder import Recorder  # noqa: PLC0415 - most runs for CI need none

            recorders.append(Recorder(record, VERSION))
            made.callback(recorders[0].close)
        _import_the_rest()
        queues.append(_make_queue(directory, target, arguments, capture))
        made.callback(queues[0].close)
        queues[0].hear(program.control, program.supervisor_pid)
        for problem in left_behind:
            text = f"of an earlier run, {problem}"
            queues[0].put(Trouble(time=monotonic_ns(), pid=0, text=text))

    with _no_thread_is_said(), made:
        program = launch(
            arguments,
            queue_path=directory / QUEUE_NAME,
            make_queue=prepare,
            start_method=target.start_method,
            stdin=subprocess.PIPE if capture and stdin is None else stdin,
            capture=capture,
            directory=target.directory,
        )
        (queue,) = queues
        made.callback(program.abandon)
        from mpviz.trace.collect.output import OutputReader  # noqa: PLC0415
        from mpviz.trace.collect.sampler import Sampler  # noqa: PLC0415
        from mpviz.trace.launch.session import Session  # noqa: PLC0415

        output = None
        if program.stdout is not None and program.stderr is not None:
            output = OutputReader(program.stdout, program.stderr, queue.put_slowly)
            made.callback(output.stop)
        sampler = Sampler(queue.put, program.supervisor_pid, 1 / rate)
        made.pop_all()
    recorder = recorders[0] if recorders else None
    return Session(
        queue,
        program,
        sampler,
        output,
        recorder,
        silenced=target.silenced,
        grace=target.grace,
    )


def _import_the_rest() -> None:
    """Import the modules that fold events while the supervisor starts up, which takes some 60 ms.

    Later the program would start up at the same time, and more slowly where cores are few.
    """
    import mpviz.trace.collect.output  # noqa: PLC0415
    import mpviz.trace.collect.sampler  # noqa: PLC0415
    import mpviz.trace.launch.session  # noqa: F401, PLC0415


def _share_the_interpreter() -> None:
    """Let the thread that reads records keep up with the one that folds them.

    A ring record is a tuple that lives for milliseconds. Every 700 of them, the collector would
    look for cycles, which took a third of the decoding time (measured). And the reading thread
    would wait 5 ms for the folding one at each system call, while writers wait for room.
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


def _make_queue(directory: Path, target: Target, arguments: list[str], captured: bool) -> Transport:
    queue = Transport(directory)
    queue.put(
        RunStarted(
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
    )
    return queue
