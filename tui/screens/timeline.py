"""The timeline under a person's hands: its stretch, its threads, the span that is pointed at."""

from __future__ import annotations

from itertools import takewhile

from mpviz.tui.actions.navigation import unscroll
from mpviz.tui.layout import TIMELINE
from mpviz.tui.render.lanes.thread_lanes import can_unfold, threads_with_lanes
from mpviz.tui.render.timeline.layout import processes_of, visible_stretch
from mpviz.tui.render.timeline.zoom import WHOLE_RUN, Stretch, centred, panned, zoomed
from mpviz.tui.screens.process import ProcessPage
from mpviz.tui.widgets.panel_view import PanelView
from mpviz.tui.widgets.rows_view import RowsView


class Timeline(ProcessPage):
    """Zooms, moves and unfolds the timeline, and tells in its frame what a span was."""

    def on_rows_view_clicked(self, event: RowsView.Clicked) -> None:
        """Tell what was clicked on a lane."""
        if isinstance(event.view, PanelView) and event.key == self.view.selected:
            self.view.told = event.view.time_at(event.x)
            self.redraw()

    def step_span(self, step: int) -> None:
        """Tell the next span of the selected process (1), or the one before (-1)."""
        view, process = self.view, self.selected_process()
        if process is None:
            self.say("select a process first: \u2191 \u2193, or a click on it")
            return
        lane = process.lane
        told = view.told if view.told >= 0 else self.picture.state.now
        starts = [span.start for span in lane.spans] + [lane.start]
        before = len(list(takewhile(lambda start: start <= told, starts))) - 1
        at = before + step if view.told >= 0 else before
        if not 0 <= at < len(starts):
            self.say("this is the last span" if step > 0 else "this is the first span that is kept")
            return
        view.told = starts[at]
        start, end = visible_stretch(self.picture.state, view)
        if not start <= view.told <= end:
            view.span, view.end = centred(self.picture.state, view, view.told)
        self.focus_panel(TIMELINE)
        self.redraw()

    # The timeline

    def zoom(self, factor: float) -> None:
        """Show this many times the stretch."""
        self.show_stretch(zoomed(self.picture.state, self.view, factor))

    def pan(self, share: float) -> None:
        """Move the stretch by this share of it."""
        self.show_stretch(panned(self.picture.state, self.view, share))

    def show_whole_run(self) -> None:
        """Show the run from its start to its end, or to the present."""
        self.show_stretch(WHOLE_RUN)

    def follow(self) -> None:
        """The present at the right end, and in every list."""
        unscroll(self.view)
        self.show_stretch(Stretch(self.view.span, -1))

    def show_stretch(self, stretch: Stretch) -> None:
        """Show this stretch of time on the timeline."""
        self.view.span, self.view.end = stretch
        self.redraw()

    def toggle_threads(self, key: str) -> None:
        """Show the lanes of the threads of this process, or hide them; of the first for none."""
        state, view = self.picture.state, self.view
        processes = processes_of(state, view)
        having = [each.key for each in processes.values() if can_unfold(each)]
        key = key or next(iter(having), "")
        if key not in having:
            self.say("it has had one thread so far" if key else "no process has had threads so far")
            return
        view.unfolded[key] = not threads_with_lanes(view, processes[key])
        self.redraw()

    def on_panel_view_fold_clicked(self, event: PanelView.FoldClicked) -> None:
        """Show or hide the threads of the process whose sign was clicked."""
        self.toggle_threads(event.key)
