"""The screen of a program that ran before mpviz: the same panels, and nothing ends with it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mpviz.trace.model.processes.identity import described, signal_name
from mpviz.tui.actions.attached import ATTACHED_ACTIONS
from mpviz.tui.screens.run import RunScreen
from mpviz.tui.widgets.header import Status


class AttachedScreen(RunScreen):
    """A run that mpviz has not started: what would change it is asked first."""

    ACTIONS = ATTACHED_ACTIONS

    @property
    def _runs_own(self) -> bool:
        """Whether it is to be asked before a signal: always, as it is none of mpviz's."""
        return self._runs

    def status(self) -> Status:
        """What the header says."""
        run = self.state.run
        return replace(super().status(), attached=run.attached if run is not None else 0)

    def quit(self) -> None:
        """Leave mpviz; the program goes on."""
        self.app.exit()

    def go_back(self) -> None:
        """The same: there are no scenarios below."""
        self.app.exit()

    def interrupt(self) -> None:
        """The same: a Ctrl-C here is no Ctrl-C in the program's terminal."""
        self.app.exit()

    def toggle_freeze(self) -> None:
        """Stop the program where it is, or let it go on."""
        if not self._runs or self.state.frozen:
            super().toggle_freeze()
            return
        living = sum(each.alive for each in self.state.processes.values())
        question = f"freeze all {living} processes of {self.target.name}?"
        self._ask(question, "sends each SIGSTOP", super().toggle_freeze)

    def stop(self) -> None:
        """Ask the program to end."""
        main = self.state.processes.get(self.state.main)
        if not self._runs or main is None or self.session is None:
            self.say("the program has ended already")
            return
        question = f"end {self.target.name}?"
        self._ask(question, f"sends SIGTERM to pid {main.pid}", self._stop)

    def _stop(self) -> None:
        main = self.state.processes.get(self.state.main)
        if self.session is not None and main is not None:
            self.session.terminate()
            self.say(f"sent SIGTERM to pid {main.pid}, unless it is another user's")

    def signal(self, number: int) -> None:
        """Send a signal to the selected process."""
        process = self._living_selected()
        if process is not None:
            question = f"send {signal_name(number)} to {described(process)} (pid {process.pid})?"
            self._ask(question, "sends it", partial(self._signal, process, number))

    def run_again(self) -> None:
        """Say that this is not possible."""
        self.say("mpviz did not start it, and cannot start it again")

    def ask_input(self) -> None:
        """Say that this is not possible."""
        self.say("mpviz has no hold of the program's input")
