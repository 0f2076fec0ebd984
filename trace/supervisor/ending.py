"""How the supervisor ends the processes of the program, step by step.

Only the supervisor's script imports this; like that script, it avoids modules that are slow to
import.
"""

import os
import signal
from time import monotonic

from mpviz.trace.supervisor.leftovers import Leftovers
from mpviz.trace.supervisor.records import Records
from mpviz.trace.supervisor.tree import Process, Tree
from mpviz.trace.system import kernel

NATURAL_SECONDS = 0.25
"""Seconds in which helpers may see for themselves that the program has ended."""

GRACE_SECONDS = 1.0
"""Seconds from SIGTERM to SIGKILL."""

GROUP_SECONDS = 0.3
"""Seconds of SIGKILLs after which, if new processes still come, the program's process group is
killed at one stroke. That kills a resource tracker in it too, which is why it is not done at
once."""

TRACKER_SECONDS_ALONE = 0.5
"""As ``kernel.TRACKER_SECONDS``, if the viewer is gone and all has to be over within 2 s."""

KILL_ROUNDS = 50
"""Maximum number of times in a row that new processes are killed before the supervisor turns to its
other news."""

NEVER = float("inf")


class Ending:
    """How far the ending of the tree has come; times are seconds of the monotonic clock."""

    def __init__(self, tree: Tree, records: Records) -> None:
        self._tree = tree
        self._records = records
        self._leftovers = Leftovers()
        self.first_group = -1
        """A pidfd of the program's first process; after its end, used to signal its group."""
        self.terminate_at = self._kill_at = NEVER
        self._kill_trackers_at: float | None = None
        """Set while only resource trackers are left."""
        self._tracker_seconds = kernel.TRACKER_SECONDS

    @property
    def has_begun(self) -> bool:
        """Whether it is decided when the tree is ended."""
        return self.terminate_at < NEVER

    def begin(self, patience: float) -> None:
        """End the tree after so many seconds, or sooner if that has been decided before."""
        terminate_at = monotonic() + patience
        if terminate_at < self.terminate_at:
            self.terminate_at = terminate_at
            self._kill_at = terminate_at + GRACE_SECONDS
            self._kill_trackers_at = None

    def begin_alone(self) -> None:
        """End the tree now, and with less patience, because the viewer is gone."""
        self._tracker_seconds = TRACKER_SECONDS_ALONE
        self._kill_trackers_at = None
        self.begin(0)

    def terminate_first(self, patience: float) -> None:
        """Ask the program to end in its own way, by SIGTERM to its first process.

        If that process is gone, end all at once.
        """
        first = self._tree.first
        if not first:
            self.begin(0)
            return
        self.begin(patience)
        self._tree.look()
        self._note_leftovers()
        self._records.tell_signal(first, signal.SIGTERM, left_behind=False)
        for number in (signal.SIGTERM, signal.SIGCONT):
            # It is not reaped yet, so the pid still belongs to it.
            os.kill(first, number)

    def advance(self) -> None:
        """Do what is due by now."""
        now = monotonic()
        if now < self.terminate_at:
            return
        if not self._tree.is_ending:
            self._tree.begin_ending()
            self._tree.look()
            self._note_leftovers()
        others: list[Process] = []
        trackers: list[Process] = []
        for process in self._tree.in_reach():
            is_tracker = not process.killed and self._tree.is_tracker(process)
            (trackers if is_tracker else others).append(process)
        if others:
            self._kill_trackers_at = None
        step = next(step for is_due, step in _STEPS if is_due(self, now, bool(others)))
        step(self, now, others or trackers)

    def only_others_are_left(self) -> bool:
        """Whether all that is left belongs to other users, so that nothing more can be done."""
        if monotonic() < self._kill_at:
            return False
        living = [process for process in self._tree.processes.values() if not process.ended]
        return bool(living) and all(process.beyond_us for process in living)

    def remove_leftovers(self) -> None:
        """Remove what the program would have removed, now that no process is left."""
        for problem in self._leftovers.remove():
            self._records.tell_error(problem)

    def _note_leftovers(self) -> None:
        try:
            self._leftovers.note(self._tree.processes)
        except OSError as error:
            # The signal is more important.
            self._records.tell_error(error)

    def _ask_to_end(self, _now: float, processes: list[Process]) -> None:
        for process in processes:
            if not process.asked:
                process.asked = True
                self._tell_signal(process, signal.SIGTERM)
                # A stopped process gets the SIGTERM only when it goes on.
                self._tree.send(process, signal.SIGTERM, signal.SIGCONT)

    def _kill(self, now: float, processes: list[Process]) -> None:
        """Kill these, and those that were forked meanwhile, until a look finds no new one."""
        keep_coming = any(not process.killed for process in processes)
        for _ in range(KILL_ROUNDS):
            for process in processes:
                if not process.killed and not self._tree.is_tracker(process):
                    process.killed = True
                    if process.asked:
                        # One that was never asked is too new for this: it may be one of thousands.
                        self._tell_signal(process, signal.SIGKILL)
                    self._tree.send(process, signal.SIGKILL)
            processes = self._tree.look()
            if not processes:
                break
        if keep_coming and now >= self._kill_at + GROUP_SECONDS and self.first_group >= 0:
            kernel.signal_group(self.first_group, signal.SIGKILL)

    def _let_clean_up(self, now: float, trackers: list[Process]) -> None:
        # All that they watched over is let go now: they clean up and end by themselves.
        self._kill_trackers_at = now + self._tracker_seconds
        for tracker in trackers:
            self._tree.send(tracker, signal.SIGCONT)

    def _wait_for_trackers(self, now: float, trackers: list[Process]) -> None:
        if self._kill_trackers_at is not None and now >= self._kill_trackers_at:
            for tracker in trackers:
                self._tree.send(tracker, signal.SIGKILL)

    def _tell_signal(self, process: Process, number: int) -> None:
        self._records.tell_signal(process.pid, number, left_behind=not self._tree.first)


_STEPS = (
    (lambda ending, now, others: others and now < ending._kill_at, Ending._ask_to_end),
    (lambda ending, now, others: others, Ending._kill),
    (lambda ending, now, others: ending._kill_trackers_at is None, Ending._let_clean_up),
    (lambda ending, now, others: True, Ending._wait_for_trackers),
)
"""What is done next: the first step whose condition holds. ``others``: whether any process in reach
is no resource tracker."""
