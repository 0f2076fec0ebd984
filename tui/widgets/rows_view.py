"""A widget that shows rows of styled text and sends to the terminal only the lines that changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mpviz.tui.render.frame import Frame, framed
from mpviz.tui.render.rows import Row, crop
from mpviz.tui.render.themes import PLAIN, styles_for


class RowsView(Widget):
    """Shows what :meth:`rows` returns; :meth:`redraw` asks it again.

    Textual sends a dirty region whole, so what has not changed must not be dirty; and it makes
    styles anew for whoever does not keep them, so these are looked up by name. With any change on
    the screen it asks every widget for all of its lines, so they are kept as they go out, past what
    Textual would do to each of them for borders and filters: a third of what a picture costs.
    """

    ALLOW_SELECT = False

    @dataclass
    class Clicked(Message):
        """A row was clicked."""

        view: RowsView
        key: str
        x: int
        y: int

        @property
        def control(self) -> RowsView:
            """The widget that was clicked."""
            return self.view

    @dataclass
    class Wheeled(Message):
        """The mouse wheel was turned over the widget: up is -1, down is 1."""

        view: RowsView
        direction: int
        x: int

        @property
        def control(self) -> RowsView:
            """The widget that the mouse is over."""
            return self.view

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.shown: list[Row] = []
        """The rows as they are on the screen."""
        self._strips: list[Strip | None] = []
        self._look: tuple[int, int, str] = (0, 0, "")
        self._paints: dict[str, Style] = {}
        """By the name of a style: what is sent to the terminal for it."""

    def rows(self, width: int, height: int) -> list[Row]:
        """The rows to show now, at most ``height``; each widget says its own."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Ask for the rows again and refresh those that changed."""
        width, height = self.size
        if not width or not height:
            return
        if (width, height, self.app.theme) != self._look:
            self._begin_anew(width, height)
            self.refresh()
            return
        rows = self._all_rows(width, height)
        shown, self.shown = self.shown, rows
        changed = [y for y in range(height) if rows[y] is not shown[y] and rows[y] != shown[y]]
        if changed:
            for y in changed:
                self._strips[y] = None
            self.refresh(*_regions(changed, width))

    def _begin_anew(self, width: int, height: int) -> None:
        """Ask for all rows, at another size or in another theme than before."""
        self._look = (width, height, self.app.theme)
        self._paints = {}
        self.shown = self._all_rows(width, height)
        self._strips = [None] * height

    def _all_rows(self, width: int, height: int) -> list[Row]:
        rows = self.rows(width, height)[:height]
        return rows + [Row(())] * (height - len(rows))

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines as they are sent to the terminal."""
        if self.size and self.size != self._look[:2]:
            # It is about to be shown at a size that nobody has told it of yet: without this, its
            # place would be empty or torn for one picture.
            self._begin_anew(*self.size)
        strips = [self.render_line(y) for y in crop.line_range]
        if crop.column_span != (0, self._look[0]):
            # Just made wider, it may be asked for before it has drawn what belongs there; Textual
            # ends with an error when a line is too short.
            ground = self.rich_style
            strips = [strip.crop_extend(*crop.column_span, ground) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """One line of the widget."""
        if y >= len(self._strips):
            return Strip.blank(self.size.width, self.rich_style)
        strip = self._strips[y]
        if strip is None:
            strip = self._strips[y] = self._strip(self.shown[y])
        return strip

    def subject_at(self, y: int) -> str:
        """What the row at this line is about."""
        return self.shown[y].key if 0 <= y < len(self.shown) else ""

    def on_resize(self) -> None:
        """Draw for the new size before it is shown."""
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Say which row was clicked."""
        place = event.get_content_offset(self)
        if place is not None:
            self.post_message(self.Clicked(self, self.subject_at(place.y), place.x, place.y))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Pass the wheel on as a message."""
        event.stop()
        self.post_message(self.Wheeled(self, -1, event.x))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Pass the wheel on as a message."""
        event.stop()
        self.post_message(self.Wheeled(self, 1, event.x))

    def notify_style_update(self) -> None:
        """Take the styles of another theme."""
        super().notify_style_update()
        if self.is_attached and self._look[2] not in ("", self.app.theme):
            self.redraw()

    def _strip(self, row: Row) -> Strip:
        width, paints = self._look[0], self._paints
        parts = crop(row.parts, width)
        for _, name in parts:
            if name not in paints:
                paints[name] = self._paint(name)
        return _Line([Segment(text, paints[name]) for text, name in parts], width)

    def _paint(self, name: str) -> Style:
        """Make, once for each theme, what is sent for a style: on the ground, through filters."""
        theme = PLAIN if self.app.no_color else self.app.theme
        style = self.rich_style + styles_for(theme)[name]
        segments = [Segment(" ", style)]
        for line_filter in self.get_line_filters():
            segments = line_filter.apply(segments, self.background_colors[1])
        return segments[0].style or style


Inside = Callable[[int, int], tuple[Frame, list[Row]]]
"""(width, height) within the frame to the frame and the rows in it."""


class FramedView(RowsView):
    """Shows what a function returns, in a frame."""

    def __init__(self, inside: Inside, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._inside = inside

    def rows(self, width: int, height: int) -> list[Row]:
        """The frame and what is in it."""
        frame, rows = self._inside(width - 2, height - 2)
        return framed(rows, frame, width, height)


class _Line(Strip):
    """A strip that can be let go of; Textual's keeps itself, and waits for the garbage collector.

    Some hundreds of them a second, with all the caches that each brings along, made it hold up the
    app for a tenth of a second every now and then.
    """

    __slots__ = ()

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """Cut at these places, without remembering that the whole is the whole."""
        cuts = tuple(cuts)
        return [self] if cuts == (self.cell_length,) else super().divide(cuts)


def _regions(lines: list[int], width: int) -> list[Region]:
    """Neighbouring lines together in one region."""
    regions: list[Region] = []
    start = end = lines[0]
    for y in [*lines[1:], -1]:
        if y != end + 1:
            regions.append(Region(0, start, width, end - start + 1))
            start = y
        end = y
    return regions
