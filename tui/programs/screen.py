"""The screen on which a person chooses one of the programs that already run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from textual.app import ComposeResult

from mpviz.trace.attach.roots import RunningProgram, list_programs
from mpviz.tui.actions.action import Situation
from mpviz.tui.actions.programs import PROGRAMS_ACTIONS
from mpviz.tui.programs.rows import matching, program_rows
from mpviz.tui.render.frame import Frame
from mpviz.tui.render.rows import Row, fit
from mpviz.tui.screens.action_screen import ActionScreen
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.prompt import Prompt
from mpviz.tui.widgets.rows_view import FramedView, RowsView

LOOK_SECONDS = 2.0
"""Seconds between two looks at which programs there are."""


class Banner(RowsView):
    """The first line: what this is."""

    def rows(self, width: int, height: int) -> list[Row]:
        """The name, and what to do."""
        words = "   choose one, press enter"
        title = "  Programs that already run"
        return [Row(((" mpviz ", "brand"), (title, "head"), (fit(words, width), "dim")))]


class ProgramsScreen(ActionScreen):
    """Chooses a program, and ends the app with it as the choice."""

    BLANK = True  # Nothing of it is seen, so nothing of it is to be drawn anew.
    ACTIONS = PROGRAMS_ACTIONS

    def __init__(self, find: Callable[[], Sequence[RunningProgram]] = list_programs) -> None:
        super().__init__()
        self._find = find
        self.all: list[RunningProgram] | None = None
        """None before the first look has come."""
        self.cursor = 0
        """Pid of the program under the cursor; 0 for none."""
        self.chosen: int | None = None
        """Pid of the program that was chosen with enter."""
        self.filter = ""
        self._first = 0

    def compose(self) -> ComposeResult:
        """The list, and the keys."""
        yield Banner(id="header")
        yield FramedView(self._list, id="programs")
        yield Prompt()
        yield Footer(self.hints)

    def on_mount(self) -> None:
        """Look which programs there are, again and again."""
        self.set_interval(LOOK_SECONDS, self._look)
        self.call_after_refresh(self._look)

    async def _look(self) -> None:
        # With many processes on the machine, it takes a while.
        self.all = list(await asyncio.to_thread(self._find))
        self._keep_cursor()
        self.redraw()

    def situation(self) -> Situation:
        """What the footer needs to know."""
        return Situation(filtered=bool(self.filter))

    def redraw(self) -> None:
        """Bring everything up to date."""
        for view in self.query(RowsView):
            if view.display:
                view.redraw()

    @property
    def listed(self) -> list[RunningProgram]:
        """The programs that the filter lets through."""
        return matching(self.all or (), self.filter)

    def _keep_cursor(self) -> None:
        pids = [each.pid for each in self.listed]
        if self.cursor not in pids:
            self.cursor = pids[0] if pids else 0

    def _list(self, width: int, height: int) -> tuple[Frame, list[Row]]:
        programs = self.listed
        count = len(programs)
        title = f"{count} program{'s' * (count != 1)} with {self.filter}" if self.filter else ""
        title = title or f"{count} Python program{'s' * (count != 1)} with processes"
        frame = Frame(((f" {title} ", "frame.title.on"),), border="frame.on", ascii=self.ascii_only)
        if not programs:
            return frame, [Row(((fit(f" {self._why_none()}", width), "dim"),))]
        head, *rows = program_rows(programs, self.cursor, width, ascii_only=self.ascii_only)
        room = max(1, height - 1)
        at = self._place()
        self._first = max(at - room + 1, min(self._first, at, max(0, count - room)))
        return frame, [head, *rows[self._first :][:room]]

    def _why_none(self) -> str:
        if self.all is None:
            return "looking …" if not self.ascii_only else "looking ..."
        if self.filter:
            return "no program has that in its command line; esc shows all"
        return "no Python program that uses processes runs here, as far as can be seen"

    def _place(self) -> int:
        pids = [each.pid for each in self.listed]
        return pids.index(self.cursor) if self.cursor in pids else 0

    # Keys

    def move(self, step: int) -> None:
        """Go so many programs down."""
        self.go_to(self._place() + step)

    def go_to(self, index: int) -> None:
        """Go to the program at this place in the list, or the nearest."""
        programs = self.listed
        if programs:
            self.cursor = programs[max(0, min(len(programs) - 1, index))].pid
        self.redraw()

    def choose(self) -> None:
        """Take the program under the cursor."""
        self._keep_cursor()
        if self.cursor:
            self.chosen = self.cursor
            self.app.exit()

    def leave(self) -> None:
        """Drop the filter; without one, leave mpviz."""
        if self.filter:
            self._filter("")
        else:
            self.app.exit()

    def ask_filter(self) -> None:
        """Type a filter in the place of the footer."""
        self.query_one(Footer).display = False
        self.query_one(Prompt).open(self.filter)

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        """Filter while it is typed."""
        self._filter(event.text)

    def on_prompt_closed(self) -> None:
        """Back to the list."""
        self.query_one(Footer).display = True
        self.set_focus(None)
        self.redraw()

    def _filter(self, text: str) -> None:
        self.filter = text
        self._keep_cursor()
        self.redraw()

    # The mouse

    def on_rows_view_clicked(self, event: RowsView.Clicked) -> None:
        """Go to a program; one that is clicked again is taken."""
        if event.view.id == "programs" and event.key:
            if self.cursor == int(event.key):
                self.choose()
            self.cursor = int(event.key)
            self.redraw()

    def on_rows_view_wheeled(self, event: RowsView.Wheeled) -> None:
        """Go through the list."""
        self.move(event.direction)
