"""What has become of a process, in a few words, and why: for those who learn how processes end."""

from __future__ import annotations

from dataclasses import dataclass

from mpviz.trace.model.processes.identity import described, exit_in_words, signal_name
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.tui.render.states import unheeded

INIT = 1

IGNORED_NANOSECONDS = 500_000_000
"""A signal without effect for so long is ignored; before, its process may be about to end."""


@dataclass(frozen=True, slots=True)
class ExitReason:
    """What has become of a process."""

    kind: str
    """One of :data:`WHY`."""
    words: str

    @property
    def ways(self) -> tuple[str, ...]:
        """The words, from the longest way to say it to the shortest."""
        shorter = self.words.removeprefix("zombie: ").removeprefix("ended by ")
        return self.words, shorter, shorter.partition(",")[0]


WHY: dict[str, str] = {
    "alive": (
        "A child has an interpreter and a memory of its own. What the parent holds is only a "
        "handle to it: the child goes on by itself until it is done or somebody ends it."
    ),
    "asked to end": (
        "terminate() sends SIGTERM and returns at once. The process gets it when it next runs, and "
        "then ends, or does what its handler says. join() waits for that."
    ),
    "ignored": (
        "terminate() sends SIGTERM, which is a request: a process may handle it or, as here, "
        "ignore it. kill() sends SIGKILL, which nobody can ignore."
    ),
    "zombie": (
        "It has ended, and the system keeps only its exit code, for the parent. join(), is_alive() "
        "and exitcode collect it; until then it is a zombie, which costs almost nothing except its "
        "pid."
    ),
    "orphan": (
        "Its parent ended without joining it, so the system gave it another one. It works on as "
        "if nothing had happened. Under mpviz the new parent is its supervisor, which ends it with "
        "the run; else it would be init, and the orphan would stay."
    ),
    "waiting for children": (
        "Its own code is done. Before it exits, multiprocessing joins every child that is no "
        "daemon: a parent waits for its children, as long as that takes."
    ),
    "daemon": (
        "Nobody waits for a daemon: when its parent exits, multiprocessing sends it SIGTERM, and "
        "its finally and atexit code do not run. A parent that is killed cannot do even that: "
        "then a daemon is left behind as an orphan, like any other child."
    ),
    "terminated": (
        "SIGTERM ends a Python process where it stands, unless it handles the signal: no finally, "
        "no atexit, and a lock that it held stays locked. exitcode is minus the signal: -15."
    ),
    "killed": (
        "SIGKILL cannot be caught: the process is gone before it can do anything more. What it "
        "held stays held, what it was writing stays half written. exitcode is -9."
    ),
    "by hand": (
        "It was you: mpviz sent the signal, not the program. The parent sees the same exit code, "
        "and knows nothing of who sent it."
    ),
    "cleaned up by mpviz": (
        "The program has ended and this was left of it. mpviz leaves nothing behind: its "
        "supervisor sends SIGTERM, and a second later SIGKILL to what is still there. Without "
        "mpviz it would have lived on."
    ),
    "from outside": (
        "A signal ended it that neither the program nor mpviz was seen to send: its own doing, "
        "another program, or the system when memory ran out."
    ),
    "raised": (
        "An exception that nobody caught went up to the top: the traceback is on stderr, exitcode "
        "is 1, and the parent is told nothing more than that."
    ),
    "done": (
        "Its function has returned: finally has run, and exitcode is 0. Code registered with "
        "atexit runs in a spawned child, and in a forked one from Python 3.13 on."
    ),
    "unknown": "It is gone, and nobody who could know its exit code has told.",
}
"""For each kind of exit reason, the card that explains it."""


def exit_reason_of(state: RunState, process: Process, now: int) -> ExitReason:
    """What has become of it at this moment, in nanoseconds of the run's clock."""
    parent = state.processes.get(process.parent)
    has_parent = parent is not None and parent.alive
    if not process.alive:
        if has_parent and _is_kept(process):
            return ExitReason("zombie", f"zombie: {exit_in_words(process)}, not joined yet")
        return _ending(state, process)
    if parent is not None and not has_parent:
        return ExitReason("orphan", f"orphan, adopted by {_adopter(state, process)}")
    return _living(state, process, now)


def _living(state: RunState, process: Process, now: int) -> ExitReason:
    if process.zombie:
        return ExitReason("zombie", "zombie: has ended, not joined yet")
    signals = unheeded(process, now)
    if signals and now - process.signals[-1][0] < IGNORED_NANOSECONDS:
        return ExitReason("asked to end", signals[0])
    if signals:
        return ExitReason("ignored", f"still there, {signals[0]}")
    wait = process.wait
    if process.exiting >= 0 and wait is not None and wait.what == "process":
        child = state.processes.get(wait.object)
        name = described(child) if child else "a child"
        return ExitReason("waiting for children", f"is done, and waits for {name}, no daemon")
    return ExitReason("alive", "daemon, alive" if process.daemon else "alive")


def _is_kept(process: Process) -> bool:
    """Whether the system keeps an ended process for its parent; a fork server collects its own."""
    return not process.joined and process.start_method != "forkserver"


def _ending(state: RunState, process: Process) -> ExitReason:
    code = process.exit_code
    words = exit_in_words(process)
    if code is None:
        return ExitReason("unknown", words)
    if code >= 0:
        return ExitReason("raised" if code else "done", words)
    sender = _sender(process, -code)
    if sender == "mpviz" and not process.left_behind:
        return ExitReason("by hand", f"{words} by hand")
    parent = state.processes.get(sender)
    if parent is None:
        return _by_nobody_seen(state, process, words)
    if process.daemon and 0 <= parent.exiting <= process.ended:
        return ExitReason("daemon", f"{words} as its parent exited")
    kind = "killed" if signal_name(-code) == "SIGKILL" else "terminated"
    return ExitReason(kind, f"{words} from {described(parent)}")


def _by_nobody_seen(state: RunState, process: Process, words: str) -> ExitReason:
    """Why it ended by a signal that no process was seen to send it."""
    if process.ended_on_request and state.told_to_end < 0:
        return ExitReason("by hand", f"{words} at a Ctrl-C")
    if state.ending >= 0 and process.key != state.main:
        return ExitReason("cleaned up by mpviz", f"{words} from mpviz, left behind")
    return ExitReason("from outside", f"{words}, sender unseen")


def _sender(process: Process, number: int) -> str:
    """Who sent the signal that it died of: the key of a process, mpviz, or empty."""
    senders = [sender for _, sender, sent in process.signals if sent == number]
    return senders[-1] if senders else ""


def _adopter(state: RunState, process: Process) -> str:
    if state.supervisor is not None and process.kernel_parent == state.supervisor.pid:
        return "mpviz"
    adopter = state.by_pid.get(process.kernel_parent)
    if adopter is not None and adopter.alive:
        return described(adopter)
    return "init" if process.kernel_parent == INIT else f"pid {process.kernel_parent}"
