"""What a process is doing, in words of every length, so that a narrow column needs no ellipsis."""

from __future__ import annotations

from rich.cells import cell_len

from mpviz.trace.model.formatting import duration
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.pool_state import Task
from mpviz.trace.model.processes.identity import exit_in_words, signal_name
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import wait_in_words
from mpviz.tui.render.palette import activity_style
from mpviz.tui.render.rows import fit_name

LEAST_REASON = 16
"""Minimum cells of a shortened name, so that similar names remain distinct."""

MOST_NAMES = 3
"""Names of threads that are told of a process."""

WAITING = (Activity.LOCK, Activity.QUEUE, Activity.PROCESS, Activity.RESULT, Activity.SIGNAL)


def in_words(state: RunState, process: Process, *, where: bool = False) -> list[str]:
    """What it is doing, from the longest way to say it to the shortest.

    "waiting for lock counter, held by Process-2, at main.py:12", "waiting for lock counter, held
    by Process-2", "lock counter, held by Process-2", "waiting for lock counter", "lock counter",
    "waiting". With ``where``, no way that fits without the line is taken before one with it.
    """
    if not process.alive:
        words = exit_in_words(process)
        return [words, words.removeprefix("ended by ").removeprefix("exit "), "ended"]
    if process.activity in WAITING and process.wait is not None:
        ways = _waiting(wait_in_words(state, process.wait))
        place = state.place(process.wait.site)
        placed = [f"{words}, at {place}" for words in ways[:-1]] if place else []
        return [*(placed if where else placed[:1]), *ways]
    if process.activity is Activity.TASK:
        return _at_task(state, process)
    if process.activity is Activity.RUNNING and process.receiving:
        return ["unpickling a task, and importing what it needs", "unpickling a task", "unpickling"]
    if process.unobserved:
        words = process.state
        return list(
            dict.fromkeys([f"{words}, {process.unobserved}", f"{words}, not observed", words])
        )
    ways = _by_itself(process)
    threads = _names_of_threads(process)
    return [f"{ways[0]}; {threads}", *ways] if threads else ways


def _names_of_threads(process: Process) -> str:
    """The names of its living threads, if the program has given it any; empty if it has not."""
    names = process.threads.names
    if not names:
        return ""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"thread{'s' * (len(names) > 1)} {', '.join(names[:MOST_NAMES])}{more}"


def _by_itself(process: Process) -> list[str]:
    if process.activity is Activity.INITIALIZING:
        return [f"initializing: {process.initializing}", "initializing", "starting"]
    if process.activity is Activity.STARTING and process.start_method:
        return [f"starting by {process.start_method}", "starting"]
    if process.activity is Activity.ENDING and process.resting:
        return ["wants to end, and cannot yet", "cannot end yet", "ending"]
    if process.activity is Activity.RUNNING and process.function and process.role == "process":
        return [f"running {process.function}", "running"]
    if process.activity is Activity.ZOMBIE:
        return ["zombie: ended, nobody has joined it", "zombie, not joined", "zombie"]
    return [process.state]


def shortened(state: RunState, process: Process, width: int) -> str:
    """What it waits for, with its name shortened to fit into this many cells.

    "waiting for queue very-lon…ues[12]", "very-lon…ues[12]"; empty if it does not wait, or if
    nothing would be left of the name.
    """
    if not process.alive or process.activity not in WAITING or process.wait is None:
        return ""
    short = _waiting(wait_in_words(state, process.wait))[-2]
    room = width - cell_len("waiting for ")
    if room >= LEAST_REASON and not short.startswith("join "):
        return "waiting for " + fit_name(short, room)
    return fit_name(short, width) if width >= LEAST_REASON else ""


def _waiting(what: str) -> list[str]:
    if what.startswith("join "):
        return [f"waiting to {what}", what, "waiting"]
    short = what.split(", ", maxsplit=1)[0]
    ways = [f"waiting for {what}", what, f"waiting for {short}", short, "waiting"]
    return list(dict.fromkeys(ways))


def _at_task(state: RunState, process: Process) -> list[str]:
    task = state.table(Task).get(process.task)
    if task is None:
        return ["running a task", "running"]
    return [
        f"running task {task.number} of {task.function}",
        f"task {task.number} of {task.function}",
        f"task {task.number}",
        "running",
    ]


def state_style(process: Process) -> str:
    """The style that the words are written in."""
    if not process.alive:
        code = process.exit_code
        return "trouble" if code and not asked_for(process) else "faint"
    if process.activity is Activity.RUNNING:
        return "" if process.cpu_percent >= 1 or not process.status else "dim"
    return activity_style(process.activity)


def asked_for(process: Process) -> bool:
    """Whether it died of a signal that somebody is known to have sent it."""
    code = process.exit_code
    return code is not None and any(number == -code for _, _, number in process.signals)


def unheeded(process: Process, now: int) -> list[str]:
    """A signal that was sent and has had no effect yet, from the longest way to say it.

    "SIGTERM sent 2.1 s ago", "SIGTERM sent"; empty for none.
    """
    if not process.alive or not process.signals:
        return []
    time, _, number = process.signals[-1]
    name = signal_name(number)
    if name in ("SIGCONT", "SIGSTOP", "SIGTSTP"):
        return []
    return [f"{name} sent {duration(max(0, now - time))} ago", f"{name} sent"]
