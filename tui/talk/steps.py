"""A step of a talk in which the room is the scheduler: the stepper, then the answer below it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from textual.widget import Widget

from mpviz.trace.launch.start import Target
from mpviz.tui.actions.action import Action
from mpviz.tui.actions.talk import TALK_STEP_ACTIONS
from mpviz.tui.render.frame import Frame
from mpviz.tui.render.rows import Row, finished
from mpviz.tui.render.steps.heading import mode
from mpviz.tui.render.steps.plan import FRAME
from mpviz.tui.screens.step import StepScreen
from mpviz.tui.sessions import Begin
from mpviz.tui.talk.answers import answer_of_steps
from mpviz.tui.talk.heading import Heading, heading_row
from mpviz.tui.talk.plan import Step
from mpviz.tui.talk.slides import card_frame, card_rows, question_rows
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.prompt import Prompt, Question
from mpviz.tui.widgets.rows_view import FramedView

Done = Callable[[list[str] | None], None]
"""Given the answer that was shown; None if the speaker goes back to the question."""


class TalkStepScreen(StepScreen):
    """The stepper on stage."""

    ACTIONS: Sequence[Action[Any]] = TALK_STEP_ACTIONS

    def __init__(self, target: Target, begin: Begin, place: str, step: Step, done: Done) -> None:
        super().__init__(target, begin)
        self._place = place
        self._step = step
        self._done = done
        self._answer: list[str] | None = None

    def below(self) -> Iterable[Widget]:
        """The answer, once it is given."""
        yield FramedView(self._card, id="answer")

    def go_on(self) -> None:
        """To the answer, or to the next question."""
        if self._answer is not None:
            self._leave(self._answer)
            return
        walk, step = self.pace.walk, self._step
        self._answer = answer_of_steps(step.lines, step.numbers, self.moment, walk.output)
        self.redraw()

    def go_back(self) -> None:
        """From the answer to the steps, and from there to the question."""
        if self._answer is None:
            self._leave(None)
        self._answer = None
        self.redraw()

    def fail(self, reason: str) -> None:
        """Back to the question, and say why."""
        self._leave(None)
        self.app.notify(reason, severity="error", markup=False)

    def quit(self) -> None:
        """Leave the talk, after a question."""
        self.query_one(Footer).display = False
        ask = Question("leave the talk?", "enter leaves it", super().quit, self.pressed)
        self.query_one(Prompt).ask(ask)

    def on_prompt_closed(self) -> None:
        """Back to the keys."""
        self.query_one(Footer).display = True
        self.redraw()

    def _leave(self, answer: list[str] | None) -> None:
        if self.is_current:
            self.pace.end()
            self.app.pop_screen()
            self._done(answer)

    def taken(self) -> int:
        """The rows of the answer, once it is given."""
        card = self.query_one("#answer")
        card.display = self._answer is not None
        rows = len(self._card_rows(self.size.width - FRAME)) + FRAME if card.display else 0
        card.styles.height = rows
        return rows

    def said(self, width: int, height: int) -> list[Row]:
        """The question, until somebody has made a choice."""
        if not self.pace.walk.choices:
            return question_rows(self._step, width)
        return super().said(width, height)

    def heading(self, width: int, height: int) -> list[Row]:
        """The first line of the stage."""
        shown, style = mode(self.moment, self.pace.is_busy)
        return [heading_row(Heading(self._place, self._step.title, "", shown, style), width)]

    def _card(self, width: int, height: int) -> tuple[Frame, list[Row]]:
        frame = card_frame(self._step, width + FRAME, self.ascii_only)
        return frame, finished(self._card_rows(width), width, height, self.ascii_only)

    def _card_rows(self, width: int) -> list[Row]:
        return card_rows(self._step, self._answer or [], "", width)
