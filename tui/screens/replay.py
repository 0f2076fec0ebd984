"""The replay screen: the same panels over a recording, and a scrubber that goes to any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from textual.widget import Widget

from mpviz.trace.launch.start import Target
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.state import Finding, RunState
from mpviz.trace.record.replay import Replay
from mpviz.tui.actions.action import Situation
from mpviz.tui.actions.replay import REPLAY_ACTIONS
from mpviz.tui.layout import TIMELINE
from mpviz.tui.panels import panels_for
from mpviz.tui.panels.log import in_words
from mpviz.tui.render.event_words import event_in_words
from mpviz.tui.render.timeline.layout import visible_stretch
from mpviz.tui.screens.selection import Selection
from mpviz.tui.widgets.header import Status
from mpviz.tui.widgets.panel_view import PanelView
from mpviz.tui.widgets.rows_view import RowsView
from mpviz.tui.widgets.scrubber import Place, Scrubber, moment_from

GO_TO = "go to"
STRIDES = 40
"""An arrow key moves by one part in so many of what the timeline shows."""


class ReplayScreen(Selection):
    """The actions of the table that are about the moment, one method each."""

    ACTIONS = REPLAY_ACTIONS

    def __init__(
        self, replay: Replay, *, fps: float, ascii_only: bool, away: Sequence[str] = ()
    ) -> None:
        run = replay.state.run
        target = Target(
            arguments=run.arguments if run is not None else [],
            name=run.target if run is not None else replay.recording.path.name,
        )
        super().__init__(
            target,
            lambda _: replay,
            fps=fps,
            ascii_only=ascii_only,
            panels=panels_for(None),
            away=away,
        )
        self.replay = replay

    def begin(self) -> None:
        """Play from the moment that was asked for, once there is a picture to see it in."""
        self.replay.play()
        super().begin()

    def controls(self) -> Iterable[Widget]:
        """The scrubber."""
        yield Scrubber(self.place, self.view.ascii)

    @property
    def state(self) -> RunState:
        """What is true at the moment that is looked at."""
        return self.replay.state

    @property
    def moment(self) -> int:
        """The moment that is looked at, nanoseconds."""
        return self.replay.moment

    @property
    def over(self) -> bool:
        """Whether the run had ended by then."""
        return self.state.ended >= 0

    def situation(self) -> Situation:
        """What the footer needs to know."""
        return replace(super().situation(), playing=self.replay.playing)

    def status(self) -> Status:
        """What the header says."""
        return replace(super().status(), behind=0.0, replay=True, moment=self.replay.moment)

    def place(self) -> Place:
        """What the scrubber shows."""
        replay = self.replay
        return Place(
            start=replay.start,
            end=max(replay.end, replay.start + 1),
            moment=replay.moment,
            position=replay.position,
            known=replay.known,
            playing=replay.playing,
            speed=replay.speed,
            marks=replay.marks,
            troubles=replay.troubles(),
            density=replay.density,
            share_read=replay.share_read,
            going_to=replay.going_to,
            trouble=replay.trouble,
            happened=self._happened(),
        )

    def redraw(self) -> None:
        """Bring the scrubber up to date, too."""
        self.view.whole = self.replay.whole
        self.view.marks = tuple(self.replay.marks)
        self.view.told = self.moment if self.view.selected else -1
        super().redraw()
        self.redraw_progress()

    def redraw_progress(self) -> None:
        """Show on the scrubber how much has been read."""
        holder = self.panel_grid.holder(TIMELINE)
        in_sight = holder is not None and holder.panel is not None and holder.panel.name == TIMELINE
        for scrubber in self.query(Scrubber):
            scrubber.show_bar(not in_sight)
            scrubber.redraw()

    def on_panel_grid_arranged(self) -> None:
        """The timeline may have come into sight, or gone."""
        super().on_panel_grid_arranged()
        self.redraw_progress()

    def _happened(self) -> str:
        event = self.replay.last_event()
        if event is None:
            return ""
        process = self.state.by_pid.get(event.pid)
        who = described(process) if process is not None else "mpviz"
        told = event_in_words(self.state, event) or in_words(self.state, event)
        return f"{who} {told}"

    # Findings

    def findings(self) -> list[Finding]:
        """The findings of the whole recording, as far as it is read."""
        return self.replay.findings()

    def show_finding(self, finding: Finding) -> None:
        """Go to the moment at which it was found."""
        self.replay.pause()
        self._go_to(finding.found)
        super().show_finding(finding)

    # By mouse

    def on_scrubber_touched(self, event: Scrubber.Touched) -> None:
        """Go where the mouse is on the scrubber."""
        self._go_to(event.moment)

    def on_rows_view_clicked(self, event: RowsView.Clicked) -> None:
        """Select what was clicked; on the timeline, go to the moment that was clicked."""
        super().on_rows_view_clicked(event)
        if isinstance(event.view, PanelView):
            moment = event.view.time_at(event.x)
            if moment >= 0:
                self._go_to(moment)

    def on_panel_view_dragged(self, event: PanelView.Dragged) -> None:
        """Go where the mouse is on the timeline."""
        self._go_to(event.moment)

    # By keys

    def toggle_play(self) -> None:
        """Play, or stand still."""
        if self.replay.playing:
            self.replay.pause()
        else:
            self.replay.play()
        self.redraw()

    def change_speed(self, factor: float) -> None:
        """Play this many times as fast."""
        self.replay.set_speed(self.replay.speed * factor)
        self.redraw_progress()

    def next_event(self) -> None:
        """To the next event of anybody."""
        self._step(self.replay.next_event(), "this is the last event")

    def previous_event(self) -> None:
        """To the event before, of anybody."""
        self._step(self.replay.previous_event(), "this is the first event")

    def next_event_of_process(self) -> None:
        """To the next event of the selected process."""
        self._step_of_process(self.replay.next_event, "says nothing after this")

    def previous_event_of_process(self) -> None:
        """To the event before, of the selected process."""
        self._step_of_process(self.replay.previous_event, "says nothing before this")

    def move(self, strides: int) -> None:
        """Go on by so many fortieths of what the timeline shows."""
        start, end = visible_stretch(self.picture.state, self.view)
        self._go_to(self.replay.moment + strides * max(1, (end - start) // STRIDES))

    def ask_moment(self) -> None:
        """Type a moment in the place of the footer."""
        self.ask(GO_TO, "3.2, 1:05, +0.5, -0.5, 50%, end")

    def typed(self, label: str, text: str) -> None:
        """Go to the moment that was typed."""
        if label != GO_TO:
            super().typed(label, text)
            return
        moment = moment_from(text, self.place())
        if moment is None:
            self.say(f"{text!r} is no moment: seconds as in 3.2, 1:05, +0.5 or -0.5, 50%, or end")
        else:
            self._go_to(moment)

    @contextmanager
    def recording(self) -> Iterator[Path]:
        """The file that is replayed."""
        yield self.replay.recording.path

    def mark(self) -> None:
        """Mark this moment, or take the mark away."""
        self.say("marked: ' comes back here" if self.replay.mark() else "the mark is gone")
        self.redraw()

    def next_mark(self) -> None:
        """To the next mark."""
        self._step(self.replay.next_mark(1), "there is no mark after this: m makes one")

    def previous_mark(self) -> None:
        """To the mark before."""
        self._step(self.replay.next_mark(-1), "there is no mark before this: m makes one")

    def _go_to(self, moment: int) -> None:
        self.replay.seek(moment)
        self.redraw()

    def _step(self, found: bool, otherwise: str) -> None:
        self.replay.pause()
        if not found:
            self.say(otherwise)
        self.redraw()

    def _step_of_process(self, step: Callable[[int], bool], otherwise: str) -> None:
        process = self.selected_process()
        if process is None:
            self.say("select a process first: ↑ ↓, or a click on it")
        else:
            self._step(step(process.pid), f"{described(process)} {otherwise}")
