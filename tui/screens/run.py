"""The run screen: what a person can do to the program that is being watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mpviz.trace.model.processes.identity import described, signal_name
from mpviz.trace.model.processes.process import Process
from mpviz.trace.record.snapshot import snapshot
from mpviz.trace.system.run_folder import temporary_folder
from mpviz.tui.actions.action import Action, Situation
from mpviz.tui.actions.run import RUN_ACTIONS
from mpviz.tui.file_names import RECORDING, file_name
from mpviz.tui.layout import PAGE
from mpviz.tui.render.view import View
from mpviz.tui.screens.selection import Selection
from mpviz.tui.sessions import Session
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.header import Status
from mpviz.tui.widgets.panel_view import PanelView
from mpviz.tui.widgets.prompt import Prompt, Question

INPUT = "input"


class RunScreen(Selection):
    """The actions of the table that are about the program, one method each."""

    ACTIONS = RUN_ACTIONS

    session: Session | None
    _interrupted: Session | None = None
    """The run that was sent a Ctrl-C."""

    @property
    def actions(self) -> Sequence[Action[Any]]:
        """The buttons of the panel with the bright border, then what the table has."""
        holder = self.panel_grid.holder(self.focused_panel)
        buttons = holder.buttons() if holder is not None and holder.has_focus else []
        pressed = [
            Action((each.key,), each.line, "", partial(RunScreen.press, line=each.line))
            for each in buttons
        ]
        return (*pressed, *self.ACTIONS)

    def on_panel_view_pressed(self, event: PanelView.Pressed) -> None:
        """Do what a button says that was clicked."""
        self.press(event.line)

    def press(self, line: str) -> None:
        """Tell the program what a button says."""
        panel = next((each for each in self.panels if each.name == self.focused_panel), None)
        line = panel.fill(self.picture.state, self.view, line) if panel else ""
        main = self.state.processes.get(self.state.main)
        if not line:
            self.say("there is no child yet: start one first")
        elif main is not None and main.alive and main.exiting >= 0:
            self.say("the parent has returned and reads no more; T and K elsewhere send signals")
        elif self.session is None or self.over:
            self.say("the program has ended: r runs it again")
        elif not self.session.write_stdin(line + "\n"):
            self.say("the program takes no input")

    def ask_input(self) -> None:
        """Type a line for the program in the place of the footer."""
        if self.session is None or self.over:
            self.say("the program has ended: nobody reads what is typed")
            return
        self.ask(INPUT, "enter sends it, esc drops it")

    def situation(self) -> Situation:
        """What the footer needs to know."""
        recorded = self.session is not None and self.session.recorded is not None
        return replace(super().situation(), recorded=recorded)

    def status(self) -> Status:
        """What the header says."""
        session = self.session
        recorded = session is not None and session.recorded is not None
        return replace(
            super().status(),
            recording=recorded and not self.over,
            record_problem=session.record_problem if session is not None and recorded else "",
        )

    @contextmanager
    def recording(self) -> Iterator[Path]:
        """What the run has told so far."""
        if self.session is None:
            raise OSError(0, "there is no run yet")
        with temporary_folder() as folder:
            file = folder / f"run{RECORDING}"
            self.session.copy_recording(file)
            yield file

    def typed(self, label: str, text: str) -> None:
        """Send the program a line."""
        if label != INPUT:
            super().typed(label, text)
        elif self.session is not None and self.session.write_stdin(text + "\n"):
            self.say(f"sent: {text}")
        else:
            self.say("the program takes no input")

    def toggle_pause(self) -> None:
        """Let the picture stand still, or follow again."""
        view = self.view
        view.paused = not view.paused
        # What was folded by now is kept as it is; the run is folded on beside it.
        self.picture.state = snapshot(self.state) if view.paused else self.state
        self.redraw()

    def toggle_freeze(self) -> None:
        """Stop the program where it is, or let it go on."""
        if self.session is None or self.over:
            self.say("the program has ended: there is nothing to freeze")
        elif self.state.frozen:
            self.session.thaw()
        else:
            self.session.freeze()
        self.redraw()

    @property
    def _runs(self) -> bool:
        return self.session is not None and not self.over and not self.closing

    @property
    def _runs_own(self) -> bool:
        """Whether a program of the person's own runs, which is not ended without a question."""
        return self._runs and self.target.scenario is None

    def _ask(self, what: str, yes: str, do: Callable[[], object]) -> None:
        self.query_one(Footer).display = False
        hint = f"enter {yes}, esc lets it run"
        self.query_one(Prompt).ask(Question(what, hint, do, self.pressed))

    def quit(self) -> None:
        """Leave mpviz, which ends the program."""
        if self._runs_own:
            self._ask(f"{self.target.name} still runs", "ends it and quits", super().quit)
        else:
            super().quit()

    def go_back(self) -> None:
        """Leave the run for the scenarios, which ends the program."""
        if self._runs:
            self.pressed = ""
            self._ask(f"{self.target.name} still runs", "ends it and goes back", super().go_back)
        else:
            super().go_back()

    def stop(self) -> None:
        """End the program; the picture stays."""
        if not self._runs:
            self.say("the program has ended already")
        elif self._runs_own and self.state.ending < 0:
            yes = (
                f"sends it SIGTERM, with {self.target.grace:g} s to end"
                if self.target.grace
                else "ends it"
            )
            self._ask(f"end {self.target.name}?", yes, self._stop)
        else:
            self._stop()

    def _stop(self) -> None:
        """The person's own program gets its grace period."""
        if self.session is None or self.over:
            return
        if self.target.grace and self.state.ending < 0:
            self.session.terminate()
            self.say(f"sent SIGTERM: it has {self.target.grace:g} s to end; s again ends it now")
        else:
            self.session.stop()
        self.redraw()

    def interrupt(self) -> None:
        """Ctrl-C for the program; the second one is for us."""
        session = self.session
        if session is None or self.over or self.closing or self._interrupted is session:
            self.app.exit()
            return
        self._interrupted = session
        session.interrupt()
        self.say("sent Ctrl-C to the program; once more quits mpviz")

    def run_again(self) -> None:
        """Start the program anew."""
        if self._runs_own:
            self._ask(
                f"{self.target.name} still runs", "ends it and starts it again", self._run_again
            )
        elif not self.closing:
            self._run_again()

    def _run_again(self) -> None:
        self.run_worker(self._again(), exclusive=True)

    async def _again(self) -> None:
        await self.close_session()
        old = self.view
        # The grid and its panels hold the picture, so it is this one that changes.
        self.picture.view = View(filter=old.filter, all_events=old.all_events, ascii=old.ascii)
        self.heights.clear()
        self.begin()

    def record(self) -> None:
        """Keep the run in a file."""
        session = self.session
        if session is None:
            self.say("there is no run to record yet")
        elif session.recorded is not None:
            self.say(f"the run is in {session.recorded}: mpviz replay opens it")
        else:
            self._record(session, Path.cwd() / file_name(self.target.name, RECORDING))
        self.redraw()

    def _record(self, session: Session, path: Path) -> None:
        try:
            session.record(path)
        except OSError as error:
            self.say(f"not recorded: {error.strerror}")
        else:
            self.say(f"recorded from its start in {path.name}")

    def look(self) -> None:
        """Look at the stacks of the selected process, and show them."""
        process = self._living_selected()
        if process is not None and self.session is not None:
            self.session.look(process.key)
            if not self.is_on_page:
                self._brought_up("stacks")

    def page_turned(self) -> None:
        """Look at the stacks of the process whose page it is."""
        self.view.scroll.pop(PAGE, None)
        process = self.selected_process()
        if process is not None and process.alive and self._runs and self.session is not None:
            self.session.look(process.key)

    def signal(self, number: int) -> None:
        """Send a signal to the selected process."""
        process = self._living_selected()
        if process is None:
            return
        if process.key == self.state.main and self._runs_own:
            question = f"send {signal_name(number)} to {self.target.name} itself?"
            self._ask(question, "sends it", partial(self._signal, process, number))
        else:
            self._signal(process, number)

    def _signal(self, process: Process, number: int) -> None:
        if self.session is None:
            return
        name = f"{described(process)} (pid {process.pid})"
        if self.session.signal(process.key, number):
            self.say(f"sent {signal_name(number)} to {name}")
        else:
            self.say(f"{name} was gone already")

    def _living_selected(self) -> Process | None:
        """The selected process; None, which is said, if there is none or it has ended."""
        process = self.selected_process()
        if process is None:
            self.say("select a process first: ↑ ↓, or a click on it")
        elif not process.alive or self.session is None:
            self.say(f"{described(process)} (pid {process.pid}) has ended already")
        else:
            return process
        return None
