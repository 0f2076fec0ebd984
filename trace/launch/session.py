"""A session: one run of a program, from its launch to the moment when nothing of it is left."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from threading import Lock
from time import monotonic, monotonic_ns

from mpviz.trace.collect.output import OutputReader
from mpviz.trace.collect.sampler import Sampler
from mpviz.trace.collect.stacks import StackFile
from mpviz.trace.collect.transport import Transport
from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.stalls import is_seen_where_it_stands, standing_still
from mpviz.trace.launch.leftovers import end_marked
from mpviz.trace.launch.looks import Looks
from mpviz.trace.launch.program import Program
from mpviz.trace.model.events import Marked, RunEnded, Trouble
from mpviz.trace.model.state import RunState
from mpviz.trace.record.recorder import Recorder

BATCH_BYTES = 32 << 10
"""Bytes that are folded between two looks at the clock: a few milliseconds of work."""

CLOSE_SECONDS = 5.0
"""Seconds of silence that :meth:`Session.close` allows the supervisor, which needs one to four."""

CLOSE_PAUSE = 0.02
"""Seconds between two looks for records meanwhile."""

LOOK_SECONDS = 0.02
"""Seconds after which a step looks at no more stacks."""

PATIENCE_SECONDS = 0.15
"""Seconds that a step waits for an answer: a busy machine takes a tenth of a second."""

LAST_LOOK_SECONDS = 0.2
"""Seconds that looks at the stacks of all processes take before the program is asked to end."""


class Session:
    """A running program and what is known of it; one thread may use it, but for :meth:`close`."""

    def __init__(
        self,
        transport: Transport,
        program: Program,
        sampler: Sampler,
        output: OutputReader | None,
        recorder: Recorder,
        *,
        stacks: StackFile,
        silenced: frozenset[str],
        grace: float,
    ) -> None:
        self.state = RunState(silenced=silenced)
        self.over = False
        """Whether nothing is left of the program, and all that it told is folded."""
        self.beside: Callable[[], None] = lambda: None
        """What is to be done at each step, besides."""
        self._transport = transport
        self._program = program
        self._sampler = sampler
        self._stacks = stacks
        self._looks = Looks(stacks, program.send_signal, transport.put)
        self._output = output
        self._recorder = recorder
        self._grace = grace
        self._has_collected = False
        self._closing = Lock()
        self._frozen: set[str] = set()

    @property
    def behind(self) -> int:
        """Bytes that have been read and are not folded yet."""
        return self._transport.backlog

    def step(self, budget: float) -> bool:
        """Fold what has arrived, for about ``budget`` seconds; True if there was anything."""
        self.beside()
        deadline = monotonic() + budget
        changed = False
        while True:
            events = self._transport.get(limit=BATCH_BYTES)
            if events:
                follow(self.state, events)
                self._recorder.add(events)
                changed = True
                self._freeze_newcomers()
            elif self._has_collected:
                # From now on, the end of the file is that of the run for who follows it.
                self._recorder.bring_up_to_date()
                self.over = True
                # Now, and not when the person leaves the screen: the viewer may be killed by then.
                self._close_transport()
                return changed
            elif not self._collect_if_gone():
                self._recorder.tidy()
                self._look_at_what_stands()
                return changed
            if monotonic() >= deadline:
                # If samples come faster than they are folded, there is always more to fold.
                if not self._collect_if_gone():
                    self._look_at_what_stands()
                return changed

    def say(self, text: str) -> None:
        """Tell of something that went otherwise than it should, in the log and the report."""
        self._transport.put(Trouble(time=monotonic_ns(), pid=0, text=text))

    def wait(self, timeout: float) -> None:
        """Wait until nothing is left of the program, for at most ``timeout`` seconds."""
        self._program.wait(timeout)

    @property
    def recorded(self) -> Path | None:
        """The file that the run is recorded in; None if nobody asked for one."""
        return self._recorder.path

    @property
    def record_problem(self) -> str:
        """Why the recording has ended before the run, or there is none; empty while it goes on."""
        return self._recorder.problem

    def record(self, path: Path) -> None:
        """Have the whole run in this file; see :meth:`Recorder.keep`."""
        self._recorder.keep(path)

    def copy_recording(self, path: Path) -> None:
        """Write what was told so far into this file too; see :meth:`Recorder.copy`."""
        self._recorder.copy(path)

    def freeze(self) -> None:
        """Stop every process of the program where it is (SIGSTOP)."""
        self._mark("freeze")
        self.state.frozen = True
        self._freeze_newcomers()

    def thaw(self) -> None:
        """Let a frozen program go on (SIGCONT)."""
        self._mark("go on")
        self.state.frozen = False
        self._frozen.clear()
        for process in self.state.processes.values():
            if process.alive:
                self._program.send_signal(process.pid, process.started_ticks, SIGCONT)

    def signal(self, key: str, number: int) -> bool:
        """Send a signal to one process; False if it is gone, or its start was never seen."""
        process = self.state.processes.get(key)
        if process is None or not process.alive or not process.started_ticks:
            return False
        sent_at = monotonic_ns()
        if not self._program.send_signal(process.pid, process.started_ticks, number):
            return False
        marked = Marked(time=sent_at, pid=0, action="signal", child=process.pid, signal=number)
        self._transport.put(marked)
        return True

    def look(self, key: str) -> None:
        """Look at the stacks of one process; an event tells them, or why mpviz could not look.

        If it does not answer at once, a later step tells it.
        """
        process = self.state.processes.get(key)
        if process is not None:
            self._looks.want(process)
            self._looks.go_on((), LOOK_SECONDS, PATIENCE_SECONDS)

    def interrupt(self) -> None:
        """Send the program SIGINT, as Ctrl-C in its own terminal would."""
        self._mark_end("interrupt")
        self._program.interrupt()

    def terminate(self) -> None:
        """Ask the program to end by SIGTERM; after its grace period, end whatever is left.

        The signal goes to its main process alone. Without a grace period, this is :meth:`stop`.
        """
        if not self._grace:
            self.stop()
            return
        self._mark_end("stop")
        if self.state.frozen:
            self.thaw()
        self._program.terminate(self._grace)

    def stop(self) -> None:
        """Ask for the end of everything, and return at once; :attr:`over` says when it is done."""
        self._mark_end("stop")
        self._program.end()

    def write_stdin(self, text: str) -> bool:
        """Give the program a line of input; False if it does not take all of it."""
        data = text.encode()
        return self._program.write_stdin(data) == len(data)

    def close(self) -> None:
        """End what is left, fold the rest and remove the run's files.

        May be repeated, also by another thread meanwhile, which then waits for the first.
        """
        with self._closing, ExitStack() as ends:
            # They are closed in reverse order, and if one fails, the others are still closed.
            ends.callback(self._close_transport)
            ends.callback(self._program.close)
            ends.callback(self._stacks.close)
            ends.callback(self._recorder.close)
            if not self._has_collected and self.state.ending < 0:
                self.stop()
            else:
                self._program.end()
            self._wait_for_the_end()
            while not self.over:
                self.step(CLOSE_SECONDS)

    def _wait_for_the_end(self) -> None:
        """Wait until nothing is left of the program, and fold meanwhile.

        The supervisor has to get rid of its own records, and has nowhere to put them while too much
        lies unread.
        """
        patience = CLOSE_SECONDS
        # At once, since a process out of the supervisor's reach may go on to send records.
        while not self._collect_if_gone():
            if patience <= 0:
                raise RuntimeError("the program could not be ended: its supervisor does not answer")
            if not self.step(CLOSE_PAUSE):
                self._program.wait(CLOSE_PAUSE)
                patience -= CLOSE_PAUSE

    def _close_transport(self) -> None:
        left = self._transport.close()
        if left:
            self.state.note(monotonic_ns(), "", left, trouble=True)

    def _collect_if_gone(self) -> bool:
        """Collect what is still on its way if nobody is left to send more; say if that is done."""
        if not self._has_collected and self._program.wait(0):
            self._has_collected = True
            self._collect_the_rest()
        return self._has_collected

    def _collect_the_rest(self) -> None:
        abandoned = self._program.was_abandoned()
        if abandoned:
            # Once, since it takes as long as a few samples do if the machine is busy.
            end_marked(self._program.fifo)
        self._sampler.stop()
        # Before the output, whose thread may be waiting for this one to fold.
        self._transport.finish()
        if self._output is not None:
            self._output.stop()
        trouble = (
            "the supervisor was killed, so mpviz has ended what it watched over"
            if abandoned
            else ""
        )
        self._transport.put(
            RunEnded(time=monotonic_ns(), pid=0, exit_code=self.state.exit_code, trouble=trouble)
        )

    def _freeze_newcomers(self) -> None:
        """Stop processes that their parent has started just before the freeze reached it."""
        if not self.state.frozen:
            return
        for key, process in self.state.processes.items():
            if key not in self._frozen and process.alive and process.started_ticks:
                self._frozen.add(key)
                self._program.send_signal(process.pid, process.started_ticks, SIGSTOP)

    def _look_at_what_stands(self) -> None:
        self._looks.go_on(standing_still(self.state), LOOK_SECONDS, PATIENCE_SECONDS)

    def _mark_end(self, action: str) -> None:
        """Note that a person asks for the end, and before that where all processes stand."""
        if self._program.wait(0):
            return
        if self.state.ending < 0:
            # Those that have been looked at where they stand come last.
            living = [each for each in self.state.processes.values() if each.probed and each.alive]
            living.sort(key=is_seen_where_it_stands)
            self._looks.go_on(living, LAST_LOOK_SECONDS)
        self._mark(action)

    def _mark(self, action: str) -> None:
        self._transport.put(Marked(time=monotonic_ns(), pid=0, action=action))
