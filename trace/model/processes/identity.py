"""Which process a pid means: pids are used again, and news of children comes in any order."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Protocol

from mpviz.trace.model.lane import Lane
from mpviz.trace.model.measures import Series
from mpviz.trace.model.processes.process import Process, settle
from mpviz.trace.model.state import RunState, TableFullError

DETAILED_DEAD = 200
"""Number of ended processes that keep their lanes in full."""

CONDENSED_BUCKETS = 16

LINES_BEFORE_HELLO = 50
"""Number of the latest lines of output that may be those of a process not known before."""

MOST_EXACT_SPANS = 40_000
"""Number of spans that all lanes together keep exact; each lane keeps at least 256."""

MOST_PROCESSES = 1 << 15
"""Maximum number of processes kept of a run, dead and alive, at about 7 kB each."""

_DEFAULT_NAME = re.compile(r"^(Fork|Spawn|ForkServer|)(PoolWorker|Process)-(\d+(?::\d+)*)$")
"""The names that multiprocessing gives: the start method, the kind, and numbers down the tree."""


class _Introduces(Protocol):
    pid: int
    time: int
    started: int
    number: int


def process_with_pid(state: RunState, pid: int, time: int, ticks: int = 0) -> Process:
    """The process with this pid; a new one if it cannot be the last process with that pid."""
    process = state.by_pid.get(pid)
    if process is None or _is_another(process, ticks):
        return _appear(state, pid, time, ticks)
    return process


def renew(state: RunState, process: Process, event: _Introduces) -> Process:
    """The process that says hello: this one, or a new one with the same pid."""
    if not _is_another(process, event.started):
        if event.number == 1 and process.records > 1:
            # It has replaced itself by another program (exec), which counts from 1 again.
            process.lost_before_exec += process.highest_number - (process.records - 1)
            process.records = process.highest_number = 1
            forget_doings(process)
        return process
    # Its first record was counted for the process that had the pid before.
    process.records -= 1
    successor = _appear(state, event.pid, event.time, event.started)
    successor.records = successor.highest_number = 1
    return successor


def forget_doings(process: Process) -> None:
    """Clear the activity after an exec."""
    process.waits.clear()
    process.task = process.pool = process.initializing = ""
    process.receiving = process.joining = False
    process.site = 0
    process.idle_since = process.at_work_since = -1
    process.exiting = process.finished = -1


def child_of(state: RunState, parent_pid: int) -> str:
    """The key of the process with this pid; empty if none is known."""
    parent = state.by_pid.get(parent_pid)
    return parent.key if parent else ""


def described(process: Process) -> str:
    """What a process is called on every screen and in every sentence; its pid if it has no name.

    "worker 1" for ForkPoolWorker-1, whose own name says it in the middle. So is a ForkProcess-1,
    from its start on: whether an executor has started it is known later. A name that the program
    gave stays as it is.
    """
    return _readable(process.name) or f"pid {process.pid}"


@lru_cache(maxsize=4096)
def _readable(name: str) -> str:
    default = _DEFAULT_NAME.match(name)
    if default is None or default[1] + default[2] == "Process":
        return name
    return f"worker {default[3]}"


def names_of(state: RunState, keys: Iterable[str], limit: int = 3) -> str:
    """Some processes by name: "a", "a and b", "a, b, c and 4 more"; unknown keys are left out."""
    names = [described(state.processes[key]) for key in keys if key in state.processes]
    if len(names) > limit + 1:
        names = [*names[:limit], f"{len(names) - limit} more"]
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def signal_name(number: int) -> str:
    """SIGTERM for 15; "signal 77" if the system has no name for it."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def exit_in_words(process: Process) -> str:
    """How it ended: "exit code 0", "ended by SIGTERM", "ended, exit status unknown"."""
    code = process.exit_code
    if code is None:
        return "ended, exit status unknown"
    if code < 0:
        return f"ended by {signal_name(-code)}"
    return f"exit code {code}"


def fate(process: Process) -> str:
    """What one has to know of a process that ended: "has ended" is no trouble, "is dead" is."""
    return "has ended" if process.exit_code == 0 else "is dead"


def failure_in_words(state: RunState, process: Process) -> str:
    """How it ended, with the exception: "exit code 1: KeyError: 'oat', at shop.py:14"."""
    if not process.failure:
        return exit_in_words(process)
    place = state.place(process.failed_at)
    return f"{exit_in_words(process)}: {process.failure}" + f", at {place}" * bool(place)


def end_and_sender(process: Process) -> str:
    """The same, and if mpviz sent the signal it ended by: "ended by SIGKILL from mpviz"."""
    code = process.exit_code or 0
    was_ours = any(sender == "mpviz" and number == -code for _, sender, number in process.signals)
    return exit_in_words(process) + " from mpviz" * was_ours


def end_process(state: RunState, process: Process, time: int, exit_code: int | None) -> None:
    """Note the end of a process; if it is told again, the first time and exit code stay."""
    if process.ended >= 0:
        if process.exit_code is None and exit_code is not None:
            process.exit_code = exit_code
        return
    process.exit_code = exit_code
    process.ended = time
    process.ended_on_request = state.ends_on_request(time)
    process.zombie = process.stopped = False
    process.cpu_percent = 0.0
    settle(process, time)
    state.just_ended.append(process)
    state.note(time, process.key, exit_in_words(process), trouble=ended_badly(process))


def ended_badly(process: Process) -> bool:
    """Whether it failed or was killed, and neither the program nor a person wanted that.

    What the exit code of another program means, such as ``grep``, only its parent knows.
    """
    code = process.exit_code
    if (
        not code
        or process.stopping
        or process.ended_on_request
        or (code > 0 and process.role == "program")
    ):
        return False
    # A process that handles the signal may say so by its exit code, as pebble's workers do.
    asked = {number for _, sender, number in process.signals if sender}
    return not asked & {-code, code, code - 128}


def _is_another(process: Process, ticks: int) -> bool:
    return bool(ticks and process.started_ticks and ticks != process.started_ticks)


def _appear(state: RunState, pid: int, time: int, ticks: int) -> Process:
    previous = state.by_pid.get(pid)
    if previous is not None:
        end_process(state, previous, time, None)
    # What was kept under this pid is about another process.
    state.unseen_ends.pop(pid, None)
    state.signalled_unseen.pop(pid, None)
    key = str(pid)
    if len(state.processes) >= MOST_PROCESSES:
        state.by_pid.pop(pid, None)
        text = f"there are more than {MOST_PROCESSES:,} processes: what the others do is not shown"
        raise TableFullError(text, hides_losses=True)
    if previous is not None:
        again = state.lives[pid] = state.lives.get(pid, 1) + 1
        key = f"{pid}.{again}"
    process = Process(key, pid, len(state.processes) + 1, time, started_ticks=ticks)
    state.processes[key] = state.by_pid[pid] = process
    _sign_its_output(state, process)
    process.lane = Lane(limit=max(256, MOST_EXACT_SPANS // len(state.processes)))
    if len(state.processes) % (DETAILED_DEAD // 2) == 0:
        _condense_the_dead(state)
    return process


def _sign_its_output(state: RunState, process: Process) -> None:
    """Name it as the writer of lines that came before it was known."""
    for line in islice(reversed(state.output), LINES_BEFORE_HELLO):
        if line.pid == process.pid:
            line.process, line.pid = process.key, 0


def _condense_the_dead(state: RunState) -> None:
    """Condense the lanes of all ended processes but the latest ones."""
    dead = [process for process in state.processes.values() if not process.alive]
    for process in dead[:-DETAILED_DEAD]:
        if process.lane.limit:
            process.lane.condense(CONDENSED_BUCKETS)
            process.cpu, process.memory = Series(), Series()


def terminated_at(process: Process) -> int:
    """When a process of the program first sent it SIGTERM, nanoseconds; -1 for never."""
    sent = (
        time
        for time, sender, number in process.signals
        if number == signal.SIGTERM and sender != "mpviz"
    )
    return next(sent, -1)
