"""What the room sees of a talk: the question, then the run with one panel, then the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from textual.app import ComposeResult

from mpviz.trace.launch.start import Target
from mpviz.trace.model.state import RunState
from mpviz.tui.actions.action import Situation
from mpviz.tui.actions.talk import TALK_ACTIONS
from mpviz.tui.layout import TIMELINE, Wanted
from mpviz.tui.panels import PANELS
from mpviz.tui.render.frame import Frame
from mpviz.tui.render.rows import Row, finished
from mpviz.tui.render.view import View
from mpviz.tui.screens.selection import Selection
from mpviz.tui.sessions import Session
from mpviz.tui.talk.heading import Heading, HeadingView
from mpviz.tui.talk.layout import stage_slots
from mpviz.tui.talk.plan import Performance, Step
from mpviz.tui.talk.run import StageRun
from mpviz.tui.talk.slides import (
    card_frame,
    card_rows,
    last_slide,
    question_rows,
    question_slide,
)
from mpviz.tui.talk.stops import has_ended
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.panel_grid import PanelGrid
from mpviz.tui.widgets.prompt import Prompt
from mpviz.tui.widgets.rows_view import FramedView, RowsView
from mpviz.tui.widgets.verdict import Verdict

FRAME = 2
"""Rows, and columns, that a frame takes."""

HIGHEST_LANE = 8
"""Rows of a lane, at most: the stage has few panels, and a room that is far away."""

ROOM_FOR_QUESTION = 30
"""Minimum rows of a screen that repeats the question above the answer."""


class Phase(Enum):
    """How far a step is."""

    ASKED = "asked"
    """The question is shown, and nothing runs."""
    RUNNING = "running"
    ANSWERED = "answered"
    """The picture stands still, and the answer is shown."""


@dataclass
class Shown:
    """What is left of a step that was shown."""

    answer: list[str] = field(default_factory=list)
    unfair: str = ""
    """Why its numbers are not to be trusted; empty if they are."""
    recording: Path | None = None
    moment: int = 0
    """Where it stopped, nanoseconds."""

    @property
    def first(self) -> str:
        """What is left of the answer on the last slide."""
        first = self.answer[0] if self.answer else ""
        return f"{first} (not a fair run)" if first and self.unfair else first


class SlideView(RowsView):
    """A slide over the whole screen, or a line of the question."""

    def __init__(self, slide: Callable[[int, int], list[Row]], *, id: str) -> None:
        super().__init__(id=id)
        self._slide = slide

    def rows(self, width: int, height: int) -> list[Row]:
        """What the slide says at this size, and nothing that could harm the terminal."""
        return finished(self._slide(width, height), width, height)


class TalkPicture(Selection):
    """How far a talk is, and all that is on the screen."""

    ACTIONS = TALK_ACTIONS

    def __init__(
        self,
        performance: Performance,
        start: Callable[[Target], Session],
        *,
        fps: float,
        ascii_only: bool,
    ) -> None:
        first, *_ = performance.targets
        super().__init__(first, start, fps=fps, ascii_only=ascii_only, panels=PANELS)
        self.picture.view = self.new_view()
        self.talk = talk = performance.talk
        self.index = 0
        """The number of the step, from 0; after the last one, there is a last slide."""
        self.phase = Phase.ASKED
        self.watched = TIMELINE
        """The one panel below the timeline."""
        self.shown = [Shown() for _ in talk.step]
        self.echo = ""
        """The key that was pressed last, for the room; empty after a moment."""

    def compose(self) -> ComposeResult:
        """Heading, question, verdict, timeline and panel, answer; or a slide in place of these."""
        yield HeadingView(self.heading)
        yield SlideView(self._slide, id="slide")
        yield SlideView(self._question_lines, id="question")
        yield Verdict(self.picture)
        yield PanelGrid(self.picture, self.panels, stage_slots)
        yield FramedView(self._card, id="answer")
        yield Prompt()
        yield Footer(self.hints)

    def new_view(self) -> View:
        """What is looked at when a picture begins."""
        return View(highest_lane=HIGHEST_LANE, ascii=self.picture.view.ascii)

    @property
    def step(self) -> Step:
        """The step that is shown; the last one on the last slide."""
        return self.talk.step[min(self.index, len(self.talk.step) - 1)]

    @property
    def is_over(self) -> bool:
        """Whether the last slide is shown."""
        return self.index >= len(self.talk.step)

    @property
    def run(self) -> StageRun | None:
        """The run of the step, if there is one."""
        return self.session if isinstance(self.session, StageRun) else None

    @property
    def state(self) -> RunState:
        """What is true of the run; nothing while a question is asked.

        The run of the step before may not have ended yet, and would be taken for a hint.
        """
        return self.picture.state if self.phase is Phase.ASKED else super().state

    @property
    def moment(self) -> int:
        """The time that the picture is of, nanoseconds."""
        run = self.run if self.phase is not Phase.ASKED else None
        return run.moment if run is not None else 0

    @property
    def over(self) -> bool:
        """Whether the end of the run is shown."""
        return self.run is not None and self.run.ran_out

    def situation(self) -> Situation:
        """What the footer needs to know."""
        return replace(
            super().situation(),
            started=self.phase is not Phase.ASKED,
            paused=self.phase is Phase.ANSWERED,
            recorded=bool(self.step.recording) and not self.is_over,
        )

    def heading(self) -> Heading:
        """What the first line says."""
        place = "" if self.is_over else f"{self.index + 1}/{len(self.talk.step)}"
        title = self.talk.title if self.is_over else self.step.title
        heading = Heading(place, title, self.echo)
        if self.phase is Phase.ASKED or self.run is None:
            return heading
        mode, style = self._mode(self.run)
        origin = self.picture.state.origin
        now = self.view.now - origin if self.picture.state.run is not None else 0
        return replace(heading, mode=mode, mode_style=style, moment=max(0, now))

    def _mode(self, run: StageRun) -> tuple[str, str]:
        """How the run is shown, in a word or two, and their style."""
        slow = f"{self.step.slow:g}x slower" if self.step.slow > 1 else ""
        if run.session is None:
            return " ".join(["recorded run", *([slow] if slow else [])]), "paused"
        if self.view.paused:
            return "stopped here", "paused"
        if run.replay is not None:
            return (slow, "paused") if run.replay.playing else ("earlier", "paused")
        if has_ended(self.picture.state):
            return "ended", "over"
        return "live", "live"

    def _slide(self, width: int, height: int) -> list[Row]:
        if self.is_over:
            answers = [shown.first for shown in self.shown]
            return last_slide(self.talk, answers, width, height)
        return question_slide(self.talk, self.index, width, height)

    def _question_lines(self, width: int, height: int) -> list[Row]:
        return question_rows(self.step, width)

    def _card(self, width: int, height: int) -> tuple[Frame, list[Row]]:
        frame = card_frame(self.step, width + FRAME, self.view.ascii)
        return frame, finished(self._card_rows(width), width, height)

    def _card_rows(self, width: int) -> list[Row]:
        shown = self.shown[min(self.index, len(self.shown) - 1)]
        low = self.size.height < ROOM_FOR_QUESTION
        return card_rows(self.step, shown.answer, shown.unfair, width, low=low)

    def _arrange_slides(self) -> None:
        asks, runs = self.phase is Phase.ASKED, self.phase is Phase.RUNNING
        width = self.size.width
        question = len(question_rows(self.step, width)) if runs else 0
        answers = self.phase is Phase.ANSWERED
        card = len(self._card_rows(width - FRAME)) + FRAME if answers else 0
        self.panel_grid.display = not asks
        self.query_one("#slide").display = asks
        for name, height in (("#question", question), ("#answer", card)):
            view = self.query_one(name, RowsView)
            view.display = bool(height)
            if height:
                view.styles.height = height
                view.redraw()
        self.query_one("#slide", RowsView).redraw()

    def _arrange(self) -> None:
        state, view = self.picture.state, self.view
        names = {TIMELINE: None, self.watched: None}
        panels = {panel.name: panel for panel in self.panels}
        wanted = []
        for name in names:
            panel = panels[name]
            height = max(panel.wanted_height(state, view), self.heights.get(name, 0))
            self.heights[name] = height
            wanted.append(Wanted(name, height, panel.useful(state, view)))
        self.panel_grid.want(wanted)
        if self.focused_panel not in names:
            self.focus_panel(TIMELINE)
