"""What all screens of a run share: they step the session and draw its state in panels."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from mpviz.trace.explain.stalls import stuck_since
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.trace.model.text import clean
from mpviz.tui.actions.action import Situation
from mpviz.tui.layout import PAGE, TIMELINE, Wanted, is_small
from mpviz.tui.panels import PANELS
from mpviz.tui.panels.panel import Panel
from mpviz.tui.panels.source import SOURCES, look_around
from mpviz.tui.render.view import View
from mpviz.tui.screens.action_screen import ActionScreen
from mpviz.tui.sessions import NotStarted, Source
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.header import Header, Status
from mpviz.tui.widgets.panel_grid import PanelGrid
from mpviz.tui.widgets.panel_view import Picture
from mpviz.tui.widgets.prompt import Prompt
from mpviz.tui.widgets.rows_view import RowsView
from mpviz.tui.widgets.verdict import Verdict

if TYPE_CHECKING:
    from mpviz.trace.launch.start import Target

FOLD_BUDGET = 0.012
"""Seconds of folding between two looks at the keyboard, and to whatever Textual has to do."""

AFTER_A_KEY = 0.15
"""Seconds after a key in which drawing comes before folding."""
KEY_BUDGET, KEY_PAUSE = 0.005, 0.008
"""Seconds of folding, and of a pause in it, meanwhile."""

LETTERS_A_SECOND = 20
"""How fast a message is read, at least."""

MOST_ROWS = 40
"""Maximum number of rows that a panel is asked for."""

UNWATCHED = 0.5
"""Seconds between two pictures while the terminal is not focused."""


class RunScreenBase(ActionScreen):
    """Starts a session, steps it, and shows its state in panels."""

    class SourceRead(Message):
        """A source file has been read, or has changed, and has to be drawn."""

    @dataclass
    class Failed(Message):
        """The run could not be started."""

        reason: str

    @dataclass
    class Left(Message):
        """The person has left the run, which has been closed."""

    def __init__(
        self,
        target: Target,
        start: Callable[[Target], Source],
        *,
        fps: float = 10.0,
        ascii_only: bool = False,
        panels: Sequence[Panel] = PANELS,
        away: Iterable[str] = (),
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        super().__init__()
        self.target = target
        self.session: Source | None = None
        self.panels = tuple(panels)
        self.picture = Picture(RunState(), View(ascii=ascii_only))
        self._start = start
        self._pause = 1 / fps
        self._clock = clock
        self._timer: Timer | None = None
        self._drawn = 0.0
        self._told = 0.0
        self.closing = False
        self.off = {panel.name for panel in panels if not panel.at_first}
        """Names of panels that a person has switched off, or not asked for yet."""
        self.off |= {panel.name for panel in panels} & {*away}
        self.heights: dict[str, int] = {}
        """The most rows that each panel has asked for, so that the layout does not shrink again."""
        self.focused_panel = ""

    def away_of(self, kept: Sequence[str]) -> tuple[str, ...]:
        """The panels to put away next time: these, and of those here what a person decided."""
        here = {panel.name for panel in self.panels}
        asked = {panel.name for panel in self.panels if panel.at_first}
        return tuple(sorted((set(kept) - here) | (self.off & asked)))

    def compose(self) -> ComposeResult:
        """Header, panels, and one line for keys or for typing."""
        yield Header(lambda: self.state, self.status)
        yield Verdict(self.picture)
        yield PanelGrid(self.picture, self.panels)
        yield from self.controls()
        yield Prompt()
        yield Footer(self.hints)

    def controls(self) -> Iterable[Widget]:
        """What lies between the panels and the keys: nothing in a run."""
        return ()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Nothing: header, grid and footer cover it, as the panels cover the grid."""
        return []

    @property
    def view(self) -> View:
        """What the person has chosen to look at."""
        return self.picture.view

    @property
    def state(self) -> RunState:
        """What is true of the run now, also while the picture stands still."""
        return self.session.state if self.session else self.picture.state

    @property
    def moment(self) -> int:
        """The time that the picture is of, nanoseconds."""
        return self.state.now

    @property
    def panel_grid(self) -> PanelGrid:
        """Where the panels lie."""
        return self.query_one(PanelGrid)

    def on_mount(self) -> None:
        """Start the program once there is a picture to see it in."""
        SOURCES.heard = self._hear_of_source
        self.call_after_refresh(self.begin)

    def on_unmount(self) -> None:
        """Look no more."""
        self._stop_ticking()
        if SOURCES.heard == self._hear_of_source:
            SOURCES.heard = lambda: None

    def _hear_of_source(self) -> None:
        # Called in the reading thread; a message may be posted from any thread.
        self.post_message(self.SourceRead())

    def on_run_screen_base_source_read(self) -> None:
        """Draw it, even if the picture is paused."""
        self.redraw()

    def situation(self) -> Situation:
        """What the footer needs to know."""
        process = self.selected_process()
        return Situation(
            started=self.session is not None,
            over=self.over,
            frozen=self.state.frozen,
            paused=self.view.paused,
            selected=process is not None and process.alive,
            enlarged=self.panel_grid.enlarged not in ("", PAGE),
            on_page=self.panel_grid.enlarged == PAGE,
            following=self.view.end < 0 and not self.view.scroll,
            filtered=bool(self.view.filter),
            waiting=any(each.waits for each in self.picture.state.processes.values()),
            findings=bool(self.state.findings),
            asks=bool(self.state.output) and not self.state.output[-1].ended,
        )

    # The run

    def begin(self) -> None:
        """Start the program and look at it."""
        try:
            self.session = self._start(self.target)
        except NotStarted as reason:
            self.post_message(self.Failed(str(reason)))
            return
        self.closing = False
        self.picture.state = self.session.state
        self._tick()

    def _tick(self) -> None:
        """Fold what has come, draw it if it is time, and set the next tick."""
        session = self.session
        if session is None or self.closing:
            return
        now = time.monotonic()
        asked = now - getattr(self.app, "asked_at", 0.0) < AFTER_A_KEY
        changed = session.step(KEY_BUDGET if asked else FOLD_BUDGET)
        now = time.monotonic()
        late = bool(session.behind) and not session.over
        if session.over or (changed and now - self._drawn >= self._pause * 0.9):
            self._drawn = now
            self.redraw()
        elif late and now - self._told >= self._pause:
            self._told = now
            self.redraw_progress()
        if session.over and not session.step(FOLD_BUDGET):
            self.redraw()
            return
        wait = UNWATCHED if not self.app.app_focus else self._pause
        if late:
            wait = KEY_PAUSE if asked else 0.001
        self._timer = self.set_timer(wait, self._tick)

    def redraw_progress(self) -> None:
        """Show how far behind the picture is."""
        self.query_one("#header", RowsView).redraw()

    def _stop_ticking(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    @property
    def over(self) -> bool:
        """Whether the run has ended and all of it is shown."""
        return self.session is not None and self.session.over

    async def close_session(self) -> None:
        """End the run without holding up the screen."""
        self.closing = True
        self._stop_ticking()
        self.query_one("#header", RowsView).redraw()
        if self.session is not None:
            await asyncio.to_thread(self.session.close)

    # The picture

    def redraw(self) -> None:
        """Bring everything on the screen up to date with the state and the view."""
        # When the app ends, a screen may be asked for a picture after its panels have gone.
        if not self.is_current or not self.children:
            return
        view = self.view
        if not view.paused:
            self.picture.state = self.state
            view.now = self.moment
            look_around(self.state, view)
        self._arrange()
        self.focus_holder()
        self.panel_grid.redraw()
        self.query_one(Verdict).redraw()
        self.query_one("#header", RowsView).redraw()
        self.query_one(Footer).redraw()

    def _arrange(self) -> None:
        state, view = self.picture.state, self.view
        wanted = []
        # What a recording will use has its place from the first moment on.
        used = [panel for panel in self.panels if panel.used(view.whole or state)]
        for panel in used:
            if panel.name in self.off:
                continue
            height = max(panel.wanted_height(state, view), self.heights.get(panel.name, 0))
            self.heights[panel.name] = height = min(height, MOST_ROWS)
            wanted.append(
                Wanted(panel.name, height, panel.useful(state, view), panel.matters(state))
            )
        self.panel_grid.want(wanted)
        if not self.focused_panel and wanted:
            names = [each.name for each in wanted]
            pressed = [each.name for each in self.panels if each.buttons(80) and each.name in names]
            self.focus_panel(next(iter([*pressed, *{TIMELINE} & set(names), *names])))

    def _note(self) -> str:
        if is_small(*self.panel_grid.size) and len(self.panel_grid.wanted) > 1:
            return "small: tab for more"
        if self.target.limit and not self.over and stuck_since(self.state) >= 0:
            return "hangs on purpose, s ends it"
        return ""

    def status(self) -> Status:
        """What the header says beside what is true of the run."""
        behind = 0.0
        if self.session is not None and self.session.behind and not self.session.over:
            behind = (self._clock() - self.session.state.now) / 1e9
        return Status(
            target=self.target.name,
            start_method=self.target.start_method or "",
            paused=self.view.paused,
            over=self.over,
            closing=self.closing,
            behind=behind,
            note=self._note(),
            ascii=self.view.ascii,
        )

    def on_screen_resume(self) -> None:
        """Show what has happened while another screen was over this one."""
        self.redraw()

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self.redraw)

    # Which panel has the bright border, and which process is selected

    def focus_panel(self, name: str) -> None:
        """Give this panel the bright border, in front of its tabs."""
        self.focused_panel = name
        self.panel_grid.choose(name)

    def on_panel_grid_arranged(self) -> None:
        """Move the bright border along with its panel."""
        self.focus_holder()

    def focus_holder(self) -> None:
        """Give the bright border to the place that holds the panel."""
        holder = self.panel_grid.holder(self.focused_panel)
        if holder is not None and not self.query_one(Prompt).display and not holder.has_focus:
            self.set_focus(holder, scroll_visible=False)

    def selected_process(self) -> Process | None:
        """The process that a person has selected, as the picture has it."""
        return self.picture.state.processes.get(self.view.selected)

    def say(self, text: str) -> None:
        """Tell the person something, in the place of what was told before; long enough to read."""
        self.app.clear_notifications()
        self.notify(clean(text), markup=False, timeout=4 + len(text) / LETTERS_A_SECOND)
