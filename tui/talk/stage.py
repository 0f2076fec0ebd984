"""The stage: a talk on the screen, from the first question to the last answer.

Of each step it shows the question, then the run until it stops by itself, then the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.timer import Timer

from mpviz.trace.launch.start import Target
from mpviz.trace.model.processes.identity import described, signal_name
from mpviz.trace.model.state import RunState
from mpviz.trace.record.recording import NotARecording
from mpviz.trace.record.snapshot import snapshot
from mpviz.tui.actions.action import Action, sign
from mpviz.tui.layout import TIMELINE
from mpviz.tui.panels import NUMBERS
from mpviz.tui.render.timeline.layout import visible_stretch
from mpviz.tui.screens.replay import STRIDES
from mpviz.tui.sessions import NotStarted, Session
from mpviz.tui.talk.answers import answer_lines, unfair
from mpviz.tui.talk.picture import Phase, Shown, TalkPicture
from mpviz.tui.talk.plan import STEP as STEP_THROUGH
from mpviz.tui.talk.plan import Performance, Stop
from mpviz.tui.talk.run import StageRun
from mpviz.tui.talk.steps import TalkStepScreen
from mpviz.tui.talk.stops import reached
from mpviz.tui.talk.warm import Warmth
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.prompt import Prompt, Question

if TYPE_CHECKING:
    from mpviz.trace.model.processes.process import Process

ECHO_SECONDS = 2.0
"""How long a key that was pressed is shown to the room."""

STEP = "step"


class StageScreen(TalkPicture):
    """A talk, one method for each action of its table."""

    def __init__(
        self,
        performance: Performance,
        start: Callable[[Target], Session],
        *,
        fps: float,
        ascii_only: bool,
    ) -> None:
        super().__init__(performance, start, fps=fps, ascii_only=ascii_only)
        self._targets = performance.targets
        self._start_session = start
        self._folder = performance.folder
        self._stops = True
        """Whether the run is to stop by itself."""
        self._echo_timer: Timer | None = None
        self._warmth = Warmth()
        self._next: Callable[[], None] | None = None
        """What is to be shown once nothing is left of the run before."""

    def begin(self) -> None:
        """Show the first question."""
        self._ask()

    def on_unmount(self) -> None:
        """Leave nothing behind; the app ends the program."""
        self._warmth.end()
        if self.run is not None:
            self.run.close_replay()

    def redraw(self) -> None:
        """Bring everything up to date; stop where the step is to stop."""
        if not self.is_current or not self.children:
            return
        run = self.run
        if run is not None:
            run.unseen = False
            if self.phase is Phase.RUNNING and self._stops and self._is_to_stop(run):
                run.go_back_to_stop(self.step.stops)
                self._answer_now()
                return
        self._arrange_slides()
        super().redraw()

    def _is_to_stop(self, run: StageRun) -> bool:
        # A recording that was cut off has no end of the program, but it does run out.
        return reached(self.step.stops, run.state) or run.ran_out

    # Keys

    def do(self, action: Action[Any], key: str = "") -> None:
        """Do an action, and show the room which key that was."""
        if key:
            self.echo = f"{sign(key, self.ascii_only)}: {action.title.lower()}"
            if self._echo_timer is not None:
                self._echo_timer.stop()
            self._echo_timer = self.set_timer(ECHO_SECONDS, self._forget_echo)
        super().do(action, key)
        self.redraw_progress()

    def _forget_echo(self) -> None:
        self.echo = ""
        self.redraw_progress()

    def go_on(self) -> None:
        """To the run, to its answer, or to the next question."""
        if self.is_over:
            self.say("that was the last slide: q leaves the talk")
        elif self.phase is Phase.ASKED:
            self._when_free(self._begin_step)
        elif self.phase is Phase.RUNNING:
            self._answer_now()
        else:
            self._go_to(self.index + 1)

    def go_back_a_slide(self) -> None:
        """To the question of this step, or to the answer of the one before."""
        if self.phase is not Phase.ASKED:
            self._go_to(self.index)
        elif self.index:
            before = self.shown[self.index - 1]
            self._go_to(self.index - 1)
            if before.recording is not None:
                self._when_free(partial(self._show_again, before))

    def ask_step(self) -> None:
        """Type the number of a step in the place of the footer."""
        self.ask(STEP, f"1 to {len(self.talk.step)}; enter goes to its question")

    def typed(self, label: str, text: str) -> None:
        """Go to the question of the step with this number."""
        number = int(text) if text.isdecimal() else 0
        if 1 <= number <= len(self.talk.step):
            self._go_to(number - 1)
        else:
            self.say(f"there is no step {text!r}: the talk has {len(self.talk.step)}")

    def go_to_panel(self, key: str) -> None:
        """Show the next of the panels with this digit below the timeline."""
        named = [panel for panel in self.panels if NUMBERS.get(panel.name) == key]
        names = [panel.name for panel in named if panel.used(self.picture.state)]
        if self.phase is Phase.ASKED or not names:
            words = " or ".join(panel.name for panel in named)
            self.say(f"the program has used no {words} so far")
            return
        at = names.index(self.watched) + 1 if self.watched in names else 0
        self._brought_up(names[at % len(names)])

    def play_recording(self) -> None:
        """Show the recorded run of this step in place of a run of its own."""
        if self.is_over:
            return
        if not self.step.recording:
            self.say("this step has no recorded run")
            return
        self._go_to(self.index)
        self._when_free(partial(self._begin_step, self._folder / self.step.recording))

    def run_on(self) -> None:
        """Follow the run again, and stop no more by itself."""
        if self.phase is Phase.ASKED or self.run is None:
            return
        self._stops = False
        self.phase = Phase.RUNNING
        self.view.paused = False
        self.run.go_on()
        self.redraw()

    def move(self, strides: int) -> None:
        """Go back or forward in the run, and stand still there."""
        run = self.run
        if run is None or self.phase is Phase.ASKED:
            return
        if run.replay is None and strides > 0 and not self.view.paused:
            return
        start, end = visible_stretch(self.picture.state, self.view)
        moment = self.view.now + strides * max(1, (end - start) // STRIDES)
        if run.session is not None and moment >= run.session.state.now:
            run.go_to_present()
        else:
            try:
                run.go_back(moment)
            except NotARecording as bad:
                self.say(str(bad))
                return
        # What is gone to is shown, also where the picture stood still.
        self.view.paused = False
        self.redraw()

    def tidy(self) -> None:
        """Drop the selection, and shrink an enlarged panel."""
        self.view.selected = self.view.chain = self.view.finding = ""
        if self.panel_grid.enlarged:
            self.enlarge()
        self.redraw()

    def step_panel(self, step: int) -> None:
        """Show the next panel below the timeline, of those that the program has a use for."""
        names = [
            panel.name
            for panel in self.panels
            if panel.name != TIMELINE and panel.used(self.picture.state)
        ]
        at = names.index(self.watched) if self.watched in names else -1
        self._brought_up(names[(at + step) % len(names)])

    def _brought_up(self, name: str) -> bool:
        """Show this panel as the one; whether it was already."""
        had_it = self.focused_panel == name
        if name != TIMELINE:
            self.watched = name
        self.redraw()
        self.focus_panel(name)
        return had_it

    def signal(self, number: int) -> None:
        """Send a signal to the selected process, and look what becomes of it."""
        process, run = self.selected_process(), self.run
        if process is None:
            self.say("select a process first: ↑ ↓, or a click on it")
        elif run is None or run.session is None:
            self.say("this run was recorded: its processes are gone")
        else:
            self._send(run, run.session, process, number)

    def _send(self, run: StageRun, session: Session, process: Process, number: int) -> None:
        name = described(process)
        if not session.signal(process.key, number):
            self.say(f"{name} has ended already")
            return
        self.say(f"sent {signal_name(number)} to {name}")
        run.go_to_present()
        self.run_on()

    def quit(self) -> None:
        """Leave the talk, after a question."""
        self.query_one(Footer).display = False
        ask = Question("leave the talk?", "enter leaves it", super().quit, self.pressed)
        self.query_one(Prompt).ask(ask)

    # From slide to slide

    def _ask(self) -> None:
        """Show the question of the step, and make the run ready that it will need."""
        self.phase = Phase.ASKED
        if not self.is_over:
            self.watched = self.step.watch
            self.focused_panel = ""
            self._warmth.warm(self._targets[self.index])
        self._new_picture(RunState())
        self.redraw()

    def _go_to(self, index: int) -> None:
        """End the run, and show the question of this step, or the last slide."""
        self.index = index
        self._next = None
        self._ask()
        self._end_run()

    def _when_free(self, do: Callable[[], None]) -> None:
        """Do this at once, or when nothing is left of the run before."""
        if self.session is None:
            do()
            return
        self._next = do
        self._end_run()

    def _end_run(self) -> None:
        """Have the run ended, if there is one; may be asked for again before it has ended."""
        if self.session is not None and not self.closing:
            # At once: the worker begins later, and nobody else may end this run meanwhile.
            self.closing = True
            self.run_worker(self._wait_for_end())

    async def _wait_for_end(self) -> None:
        await self.close_session()
        self.session = None
        self.closing = False
        do, self._next = self._next, None
        if do is not None:
            do()

    def _begin_step(self, recording: Path | None = None) -> None:
        """Start the program of the step, or play this recording in its place."""
        self._warmth.end()
        self.target = self._targets[self.index]
        if self.step.kind == STEP_THROUGH:
            place, begin = self.heading().place, self.mpviz.begin_steps
            screen = TalkStepScreen(self.target, begin, place, self.step, self._stepped)
            self.app.push_screen(screen)
            return
        try:
            if recording is None:
                run = StageRun(self._start_session(self.target), slow=self.step.slow)
            else:
                run = StageRun(None, recording=recording, slow=self.step.slow)
                run.go_on()
        except (NotStarted, NotARecording) as reason:
            more = "; b shows the recorded run" if self.step.recording and not recording else ""
            self.say(f"{reason}{more}")
            return
        self._stops = True
        self._show(run, Phase.RUNNING)

    def _stepped(self, answer: list[str] | None) -> None:
        """To the next question, when the steps of the room have been answered."""
        if answer is not None:
            self.shown[self.index] = Shown(answer)
            self._go_to(self.index + 1)

    def _show_again(self, before: Shown) -> None:
        """The answer of a step that was shown, with the picture at which it stopped."""
        run = StageRun(None, recording=before.recording)
        try:
            run.go_back(before.moment)
        except NotARecording as reason:
            self.say(str(reason))
            return
        self._show(run, Phase.ANSWERED)

    def _show(self, run: StageRun, phase: Phase) -> None:
        self.session, self.phase = run, phase
        self._new_picture(run.state)
        self._tick()
        self.redraw()

    def _answer_now(self) -> None:
        """Let the picture stand still, and show the answer."""
        run = self.run
        if run is None:
            return
        if run.replay is not None:
            run.replay.pause()
        state = snapshot(run.state)
        self.phase = Phase.ANSWERED
        self.view.paused = True
        self.view.now = run.moment
        self.picture.state = state
        step = self.step
        # Who does not want to see all of a slow run gets the answer of all of it.
        told = (run.whole if step.stops == Stop() else None) or state
        why = unfair(step.lines, told)
        if why and run.session is not None and step.recording:
            why += "; b shows a recorded run"
        answer = answer_lines(step.lines, step.numbers, told)
        self.shown[self.index] = Shown(answer, why, run.recording, run.moment)
        self.redraw()

    def _new_picture(self, state: RunState) -> None:
        self.picture.state = state
        self.picture.view = self.new_view()
        self.heights.clear()
        self.panel_grid.enlarged = ""
