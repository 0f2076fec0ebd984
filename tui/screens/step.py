"""The screen of the stepper: who can go next, and what the steps so far have come to."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget

from mpviz.trace.stepping.schedule import written
from mpviz.trace.stepping.steps import Choice, ModelFault, Moment
from mpviz.tui.actions.action import Action, Situation
from mpviz.tui.actions.step import STEP_ACTIONS
from mpviz.tui.file_names import SCHEDULE, file_name
from mpviz.tui.render.frame import Frame
from mpviz.tui.render.rows import Part, Row, finished
from mpviz.tui.render.steps.cast import Member, cast, is_timeout, known_tasks
from mpviz.tui.render.steps.choices import choice_rows, entries
from mpviz.tui.render.steps.heading import heading_row
from mpviz.tui.render.steps.lanes import lane_rows
from mpviz.tui.render.steps.objects import object_rows
from mpviz.tui.render.steps.plan import plan
from mpviz.tui.render.steps.source import source_rows, stands_at
from mpviz.tui.render.steps.verdict import Verdict, default_choice, verdict
from mpviz.tui.screens.action_screen import ActionScreen
from mpviz.tui.sessions import Begin, NotStarted
from mpviz.tui.source_files import Sources
from mpviz.tui.stepping.pace import Pace
from mpviz.tui.stepping.walk import LeftPath, Walk
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.prompt import Prompt
from mpviz.tui.widgets.rows_view import FramedView, RowsView

if TYPE_CHECKING:
    from mpviz.trace.launch.start import Target


class Line(RowsView):
    """Rows without a frame, as a function says them."""

    def __init__(self, lines: Callable[[int, int], list[Row]], *, id: str) -> None:
        super().__init__(id=id)
        self._lines = lines

    def rows(self, width: int, height: int) -> list[Row]:
        """What is said, and nothing that could harm the terminal."""
        ascii_only = isinstance(self.screen, ActionScreen) and self.screen.ascii_only
        return finished(self._lines(width, height), width, height, ascii_only)


class StepScreen(ActionScreen):
    """A run in which a person is the scheduler: one method for each action of its table."""

    ACTIONS: Sequence[Action[Any]] = STEP_ACTIONS

    @dataclass
    class Stood(Message):
        """The program stands again, or could not be taken there."""

    @dataclass
    class Failed(Message):
        """The run could not be started."""

        reason: str

    @dataclass
    class Left(Message):
        """The person has left the run, which has been ended."""

    def __init__(
        self, target: Target, begin: Begin, schedule: Sequence[Sequence[str]] = ()
    ) -> None:
        super().__init__()
        self.target = target
        self._schedule = schedule
        self.pace = Pace(Walk(lambda: begin(target)), self._hear)
        self.moment = Moment()
        self.told = Verdict()
        self._known: tuple[str, ...] = ()
        self._chosen: Choice | None = None
        self._scrolled = 0
        """How many of the latest columns are not shown."""
        self._is_told = False
        self._sources = Sources(self._hear)
        self._problem = ""

    def compose(self) -> ComposeResult:
        """Header, verdict, lanes, who can go with the objects, source with output, keys."""
        yield Line(self.heading, id="header")
        yield Line(self.said, id="told")
        yield FramedView(self._lanes, id="lanes")
        with Horizontal(id="middle"):
            yield FramedView(self._choices, id="choices")
            yield FramedView(self._objects, id="objects")
        with Horizontal(id="bottom"):
            yield FramedView(self._source, id="source")
            yield FramedView(self._output, id="output")
        yield from self.below()
        yield Prompt()
        yield Footer(self.hints)

    def below(self) -> Iterable[Widget]:
        """What lies between all that and the keys: nothing, but in a talk."""
        return ()

    def on_mount(self) -> None:
        """Start the program once there is a picture to see it in."""
        schedule = self._schedule
        do = (lambda walk: walk.follow(schedule)) if schedule else Walk.begin
        self.call_after_refresh(self.pace.ask, do)

    def on_unmount(self) -> None:
        """Leave nothing behind."""
        self.pace.end()

    def on_resize(self, event: events.Resize) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self.redraw)

    # What has happened

    def _hear(self) -> None:
        # In another thread; one message is enough until it has been seen.
        if not self._is_told:
            self._is_told = True
            self.post_message(self.Stood())

    def on_step_screen_stood(self) -> None:
        """Show the moment; raise what nobody expected."""
        self._is_told = False
        error = self.pace.failure
        if isinstance(error, NotStarted):
            self.fail(str(error))
            return
        if error is not None and not isinstance(error, LeftPath | ModelFault):
            raise error
        self._problem = str(error) if error is not None else ""
        self.moment = self.pace.walk.moment
        self._known = known_tasks(self.moment, self._known)
        self.told = verdict(self.moment)
        self.redraw()

    def fail(self, reason: str) -> None:
        """Say that the run could not be started."""
        self.post_message(self.Failed(reason))

    @property
    def members(self) -> tuple[Member, ...]:
        """Who takes part, in the order of the lanes."""
        return cast(self.moment, self._known)

    @property
    def chosen(self) -> Choice | None:
        """Who would go with enter: who was chosen if it can, else the default."""
        possible = self.moment.possible
        return self._chosen if self._chosen in possible else default_choice(self.moment)

    def situation(self) -> Situation:
        """What the footer needs to know."""
        possible = self.moment.possible
        return Situation(
            can_go=bool(possible),
            times_out=any(map(is_timeout, possible)),
            stepped=bool(self.pace.walk.choices),
        )

    # Keys

    def go_by_key(self, key: str) -> None:
        """Let the task with this digit go."""
        member = next((each for each in self.members if each.key == key), None)
        if member is None:
            self.say(f"nobody has the digit {key}")
            return
        self._go(Choice(member.task), member)

    def go_chosen(self) -> None:
        """Let the chosen one go."""
        if self.chosen is not None:
            self._ask(self.chosen)

    def go_default(self) -> None:
        """Let the default order go on by one."""
        self.pace.ask(_go_default)

    def time_out(self) -> None:
        """Let the time-out of the chosen one happen, or else the first."""
        found = [each for each in self.moment.possible if is_timeout(each)]
        mine = [each for each in found if self.chosen and each.task == self.chosen.task]
        if found:
            self._ask((mine or found)[0])
        else:
            self.say("nobody waits with a time-out")

    def _go(self, choice: Choice, member: Member) -> None:
        # While the last choice is still being made, it is not known who will be able to go.
        if choice in self.moment.possible or self.pace.is_busy:
            self._ask(choice)
        elif member.task in self.moment.next:
            self.say(f"{member.name} {self.moment.blocked.get(member.task, 'cannot go now')}")
        else:
            self.say(f"{member.name} has ended")

    def _ask(self, choice: Choice) -> None:
        self._scrolled = 0
        self._chosen = Choice(choice.task)
        self.pace.ask(lambda walk: walk.go(choice))

    def choose(self, step: int) -> None:
        """Move the arrow to another one that can go."""
        found = [each.choice for each in entries(self.moment, self.members) if each.choice]
        if found:
            at = found.index(self.chosen) if self.chosen in found else 0
            self._chosen = found[(at + step) % len(found)]
            self.redraw()

    def back(self) -> None:
        """Take the last choice back."""
        self._scrolled = 0
        self.pace.ask(Walk.back)

    def restart(self) -> None:
        """To the first choice."""
        self._scrolled = 0
        self.pace.ask(Walk.restart)

    def run_on(self) -> None:
        """To the next failure."""
        self._scrolled = 0
        self.pace.ask(Walk.run_on)

    def toggle_every(self) -> None:
        """Stop at every step, or only where it matters to others."""
        walk = self.pace.walk
        walk.every = not walk.every
        self.pace.ask(Walk.settle)
        self.redraw()

    def scroll(self, columns: int) -> None:
        """Show the lanes so many columns earlier."""
        self._scrolled = max(0, min(self._scrolled + columns, len(self.moment.steps) - 1))
        self.redraw()

    def write(self) -> None:
        """Write the schedule so far."""
        file = file_name(self.target.name, SCHEDULE)
        fails = self.told.words if self.told.is_bad else ""
        try:
            Path(file).write_text(written(self.target, self.moment, fails), encoding="utf-8")
        except OSError as error:
            self.say(f"not written: {error.strerror}")
        else:
            self.say(f"written: mpviz step --schedule {file} takes these steps again")

    def leave(self) -> None:
        """Back to the scenarios."""
        self.pace.end()
        self.post_message(self.Left())

    def say(self, text: str) -> None:
        """Tell the person something, in the place of what was told before."""
        self.app.clear_notifications()
        self.notify(text, markup=False, timeout=4)

    # The mouse

    def on_rows_view_clicked(self, event: RowsView.Clicked) -> None:
        """Let go what was clicked."""
        task, _, outcome = event.key.partition(" ")
        member = next((each for each in self.members if each.task == task), None)
        if member is not None:
            self._go(Choice(task, outcome or "go"), member)

    def on_rows_view_wheeled(self, event: RowsView.Wheeled) -> None:
        """Move the lanes."""
        if event.view.id == "lanes":
            self.scroll(-event.direction)

    # The picture

    def redraw(self) -> None:
        """Bring everything up to date."""
        if not self.children:
            return
        self.give_room()
        for view in self.query(RowsView):
            if view.display:
                view.redraw()

    def taken(self) -> int:
        """Rows that something else than a part of the stepper takes."""
        return 0

    def give_room(self) -> None:
        """Give each part its rows."""
        width, height = self.size
        parts = plan(width, height - self.taken(), max(1, len(self._known)))
        for name, rows in (("#told", parts.told), ("#lanes", parts.lanes)):
            self.query_one(name).styles.height = rows
        bottom = self.query_one("#bottom")
        bottom.display = bool(parts.bottom)
        bottom.styles.height = parts.bottom
        self.query_one("#objects").styles.width = parts.objects_width
        output = self.query_one("#output")
        output.display = bool(parts.output_width)
        output.styles.width = parts.output_width or "1fr"

    def heading(self, width: int, height: int) -> list[Row]:
        """The first line."""
        walk = self.pace.walk
        return [
            heading_row(
                self.moment,
                self.target.name,
                width,
                is_busy=self.pace.is_busy,
                choices=len(walk.choices),
                every=walk.every,
            )
        ]

    def said(self, width: int, height: int) -> list[Row]:
        """The sentences below the header."""
        words, style = self.told.words, self.told.style
        if self._problem:
            words, style = self._problem, "trouble"
        lines = textwrap.wrap(words, max(10, width - 2), max_lines=height, placeholder=" …")
        return [Row(((f" {line}", style),)) for line in lines]

    def _lanes(self, width: int, height: int) -> tuple[Frame, list[Row]]:
        rows = lane_rows(
            self.moment,
            self.members,
            self.told,
            width,
            height,
            self.pace.walk.every,
            self._scrolled,
            self.chosen.task if self.chosen is not None else "",
        )
        return self._framed("steps", rows, width, height)

    def _choices(self, width: int, height: int) -> tuple[Frame, list[Row]]:
        rows = choice_rows(self.moment, self.members, self.chosen, width, height)
        title = "who goes next?" if self.moment.possible else ""
        if not self.moment.possible and self.moment.next:
            title = "nobody can go"
        return self._framed(title, rows, width, height, on=True)

    def _objects(self, width: int, height: int) -> tuple[Frame, list[Row]]:
        rows = object_rows(self.moment, self.members, width, height)
        return self._framed("shared objects now", rows, width, height)

    def _source(self, width: int, height: int) -> tuple[Frame, list[Row]]:
        chosen = self.chosen
        others = (*self.told.stuck, *self.moment.next, *self._known)
        task = chosen.task if chosen is not None else next(iter(others), "")
        operation = stands_at(self.moment, task)
        if operation is None or not operation.file:
            return self._framed("source", [], width, height)
        source = self._sources.ask(operation.file)
        rows = source_rows(source.lines, operation, self.moment, self.members, height)
        if source.error:
            rows = [Row(((f" {source.error}", "dim"),))]
        return self._framed(operation.site.partition(":")[0], rows, width, height)

    def _output(self, width: int, height: int) -> tuple[Frame, list[Row]]:
        said = self.pace.walk.output
        lines = [part for line in said for part in textwrap.wrap(line, max(8, width - 2)) or [""]]
        rows = [Row(((f" {line}", "text"),)) for line in lines[-height:]]
        return self._framed("output", rows, width, height)

    def _framed(
        self, title: str, rows: list[Row], width: int, height: int, *, on: bool = False
    ) -> tuple[Frame, list[Row]]:
        ascii_only, lit = self.ascii_only, ".on" if on else ""
        words: tuple[Part, ...] = ((f" {title} ", f"frame.title{lit}"),) if title else ()
        frame = Frame(words, border=f"frame{lit}", ascii=ascii_only)
        return frame, finished(rows, width, height, ascii_only)


def _go_default(walk: Walk) -> None:
    choice = default_choice(walk.moment)
    if choice is not None:
        walk.go(choice)
