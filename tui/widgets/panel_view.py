"""A place on the run screen: one panel within its frame, and the panels behind its tabs."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.message import Message

from mpviz.trace.model.state import RunState
from mpviz.trace.model.text import clean
from mpviz.tui.layout import TIMELINE
from mpviz.tui.panels import KEYS, NUMBERS
from mpviz.tui.panels.panel import Button, Panel, title_of
from mpviz.tui.render.frame import Frame, framed
from mpviz.tui.render.rows import Part, Row, fit, in_ascii, word_at
from mpviz.tui.render.timeline.points import (
    describe,
    fold_at,
    point_at,
    state_at,
    time_at,
    told_span,
)
from mpviz.tui.render.view import View
from mpviz.tui.widgets.rows_view import RowsView

LEAST_WIDTH, LEAST_HEIGHT = 16, 3
"""In less than this there is nothing to be seen of a panel."""

SUPERSCRIPTS = str.maketrans("1234567890", "¹²³⁴⁵⁶⁷⁸⁹⁰")


@dataclass
class Picture:
    """What all panels draw from; the run screen changes it, the panels only read it."""

    state: RunState
    view: View


class PanelView(RowsView, can_focus=True):
    """Draws one of its panels, the shown one; the others are tabs in the title."""

    @dataclass
    class TabClicked(Message):
        """A panel's name in the title was clicked."""

        name: str

    @dataclass
    class Pressed(Message):
        """A button of the shown panel was clicked."""

        line: str

    @dataclass
    class Dragged(Message):
        """The mouse moves over the timeline with its button down, at this time in nanoseconds."""

        moment: int

    @dataclass
    class HeadClicked(Message):
        """The heading of a column that the shown panel can be ordered by was clicked."""

        panel: Panel
        order: str

    @dataclass
    class FoldClicked(Message):
        """The sign before a lane was clicked that says whether its threads are shown."""

        key: str

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.picture = picture
        self.panels: tuple[Panel, ...] = ()
        self.panel: Panel | None = None
        """The one that is shown."""
        self._said = ""
        self._held = False
        """The mouse has hold of the moment that is replayed."""
        self._tabs: list[tuple[int, int, str]] = []
        """Where each name is in the title: from, to, and the panel's name."""

    def show(self, panels: tuple[Panel, ...], wanted: str = "") -> None:
        """Hold these panels; keep showing the one that is shown, unless another is wanted.

        To be called while the panels are laid out, so the rows are drawn after that.
        """
        before, self.panels = (self.panels, self.panel), panels
        names = [panel.name for panel in panels]
        current = self.panel.name if self.panel else ""
        name = wanted if wanted in names else current if current in names else names[0]
        self.panel = panels[names.index(name)]
        if before != (self.panels, self.panel):
            self.call_later(self.redraw)

    def rows(self, width: int, height: int) -> list[Row]:
        """The frame, and in it the rows of the shown panel."""
        if self.panel is None or width < LEAST_WIDTH or height < LEAST_HEIGHT:
            return []
        state, view = self.picture.state, self.picture.view
        inside = self.panel.draw(state, view, width - 2, height - 2)
        frame = Frame(
            title=self._title(),
            foot=self._foot(width - 6),
            border="frame.on" if self.has_focus else "frame",
            ascii=view.ascii,
        )
        return framed(inside, frame, width, height)

    def _foot(self, width: int) -> tuple[Part, ...]:
        """What is under the mouse, else the span that a person has pointed at."""
        said, style = self._said, "text"
        if not said and self.panel is not None and self.panel.name == TIMELINE:
            said, style = told_span(self.picture.state, self.picture.view), "head"
        if not said:
            return ()
        said = in_ascii(clean(said)) if self.picture.view.ascii else clean(said)
        return ((fit(f" {said} ", min(width, cell_len(said) + 2)), style),)

    def time_at(self, x: int) -> int:
        """The time of the timeline that is at this column, in nanoseconds; -1 if none is."""
        if self.panel is None or self.panel.name != TIMELINE:
            return -1
        return time_at(self.picture.state, self.picture.view, self._inside, x - 1)

    @property
    def _inside(self) -> tuple[int, int]:
        """Width and height within the frame."""
        return self.size.width - 2, self.size.height - 2

    def on_focus(self) -> None:
        """Show the bright border."""
        self.redraw()

    def on_blur(self) -> None:
        """Show the plain border."""
        self.redraw()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Say what of the timeline is under the mouse, in the frame's last line."""
        if self.panel is None or self.panel.name != TIMELINE:
            return
        state, view = self.picture.state, self.picture.view
        if self._held and self.time_at(event.x) >= 0:
            self.post_message(self.Dragged(self.time_at(event.x)))
        point = point_at(state, view, self._inside, (event.x - 1, event.y - 1))
        self._say(describe(state_at(state, view, point.start), point) if point is not None else "")

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the moment that is replayed, if this is over the timeline."""
        if self.picture.view.whole is not None and self.time_at(event.x) >= 0:
            self._held = True
            self.capture_mouse()

    def on_mouse_up(self) -> None:
        """Let go."""
        if self._held:
            self._held = False
            self.release_mouse()

    def on_leave(self) -> None:
        """There is nothing under the mouse any more."""
        self._say("")

    def buttons(self) -> list[Button]:
        """The buttons of the shown panel."""
        return self.panel.buttons(self._inside[0]) if self.panel is not None else []

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self.redraw()

    def on_rows_view_clicked(self, event: RowsView.Clicked) -> None:
        """Turn a click on a name in the title, or on a button, into a message of its own."""
        for button in self.buttons():
            if event.y - 1 == button.y and 0 <= event.x - 1 - button.x < button.width:
                self.post_message(self.Pressed(button.line))
        if self.panel is not None and self.panel.name == TIMELINE:
            position = event.x - 1, event.y - 1
            key = fold_at(self.picture.state, self.picture.view, self._inside, position)
            if key:
                self.post_message(self.FoldClicked(key))
        order = self._order_at(event.x - 1, event.y - 1)
        if self.panel is not None and order:
            self.post_message(self.HeadClicked(self.panel, order))
        if event.y == 0:
            event.stop()
            for start, end, name in self._tabs:
                if start <= event.x < end:
                    self.post_message(self.TabClicked(name))

    def _order_at(self, x: int, y: int) -> str:
        """The order whose heading is at this place within the frame; empty for none."""
        if self.panel is None or self.panel.listing is None or y != 0:
            return ""
        word = word_at(self.shown[1].parts, x + 1)
        orders = self.panel.listing.orders
        return next((order.name for order in orders if order.head and order.head == word), "")

    def _title(self) -> tuple[Part, ...]:
        on = "frame.title.on" if self.has_focus else "frame.title"
        parts: list[Part] = []
        self._tabs = []
        x = 2
        for panel, (mark, words) in zip(self.panels, self._tab_words(), strict=True):
            style = on if panel is self.panel else "frame.tab"
            parts += [(" ", "frame"), (mark, "frame.number"), (words, style), (" ", "frame")]
            width = len(mark) + len(words) + 2
            self._tabs.append((x, x + width, panel.name))
            x += width
        return tuple(parts)

    def _tab_words(self) -> list[tuple[str, str]]:
        """Number and words of each tab: with little room, the last ones have their keys alone.

        With less, the shown one has its name alone. So none is cut off while a key goes to it.
        """
        state, view, room = self.picture.state, self.picture.view, self.size.width - 4
        named: list[tuple[str, str]] = []
        in_short: list[tuple[str, str]] = []
        for panel in self.panels:
            digit = NUMBERS.get(panel.name, "")
            mark = digit if view.ascii else digit.translate(SUPERSCRIPTS)
            key = mark or KEYS.get(panel.name, "")
            words = title_of(panel, state, view) if panel is self.panel else panel.name
            named.append((f"{mark} " if digit else "", words))
            is_short = key and panel is not self.panel
            in_short.append((key, "") if is_short else named[-1])
        for names in range(len(named), -1, -1):
            tabs = named[:names] + in_short[names:]
            if sum(len(mark) + len(words) + 2 for mark, words in tabs) <= room:
                return tabs
        shown = self.panel.name if self.panel is not None else ""
        return [
            (mark, shown if panel is self.panel else words)
            for panel, (mark, words) in zip(self.panels, in_short, strict=True)
        ]
