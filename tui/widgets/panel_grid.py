"""Where the panels lie: a fixed set of places, laid out by the pure function in ``layout``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from textual.app import ComposeResult
from textual.geometry import NULL_OFFSET, Region, Size, Spacing
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mpviz.tui.layout import Slot, Wanted, place
from mpviz.tui.panels.panel import Panel
from mpviz.tui.widgets.panel_view import PanelView, Picture

PLACES = 15
"""Two above, the timeline, and up to four times three below it."""

_NO_SPACE = Spacing()

Place = Callable[[int, int, Sequence[Wanted], str], list[Slot]]
"""(width, height, what is wanted, what is enlarged) to where each panel goes."""


class PanelGrid(Widget):
    """Holds the panels that are to be shown, and knows in which place each is."""

    class Arranged(Message):
        """Each panel has its place."""

    def __init__(self, picture: Picture, panels: Sequence[Panel], place: Place = place) -> None:
        super().__init__(id="panel-grid")
        self._place = place
        self.panels: Mapping[str, Panel] = {panel.name: panel for panel in panels}
        self.wanted: tuple[Wanted, ...] = ()
        self.enlarged = ""
        """Name of the panel that fills the grid; empty for none."""
        self._chosen: list[str] = []
        """Panels that a person has chosen to see, the latest last."""
        self._places = [PanelView(picture) for _ in range(PLACES)]
        self._layout_of_slots = _Slots()

    @property
    def layout(self) -> Layout:
        """Our own layout; Textual's style for it knows its own layouts by name only."""
        return self._layout_of_slots

    def compose(self) -> ComposeResult:
        """All places at once; what is not needed is not laid out."""
        yield from self._places

    def render_lines(self, crop: Region) -> list[Strip]:
        """Nothing while panels cover it; Textual would draw it below them with each change."""
        return [] if self.wanted else super().render_lines(crop)

    def want(self, wanted: Iterable[Wanted]) -> None:
        """Show these panels from now on."""
        wanted = tuple(wanted)
        if wanted != self.wanted:
            self.wanted = wanted
            self.rearrange()

    def choose(self, name: str) -> None:
        """Bring this panel to the front of its place."""
        if name in self._chosen:
            self._chosen.remove(name)
        self._chosen.append(name)
        if self.enlarged:
            self.enlarged = name
        self.rearrange()

    def rearrange(self) -> None:
        """Lay the panels out anew; a place with another panel or size draws itself."""
        # A child's, since Textual then drops what it remembers of its parent's layout.
        self._places[0].refresh(layout=True)

    def redraw(self) -> None:
        """Let each panel in sight draw what changed."""
        for view in self.in_sight():
            view.redraw()

    def in_sight(self) -> Iterator[PanelView]:
        """The places that hold a panel."""
        return (view for view in self._places if view.panels)

    def holder(self, name: str) -> PanelView | None:
        """The place that holds this panel, in front or behind a tab."""
        for view in self.in_sight():
            if any(panel.name == name for panel in view.panels):
                return view
        return None

    def slots(self, size: Size) -> list[tuple[PanelView, Slot]]:
        """Give each place its panels for this size; places that are left over get none."""
        slots = self._place(size.width, size.height, self.wanted, self.enlarged)
        for view in self._places[len(slots) :]:
            view.panels = ()
        pairs = list(zip(self._places, slots, strict=False))
        for view, slot in pairs:
            latest = max(slot.panels, key=self._rank)
            view.show(tuple(self.panels[name] for name in slot.panels), latest)
        self.post_message(self.Arranged())
        return pairs

    def _rank(self, name: str) -> float:
        """The later chosen, the higher; then what matters; max takes the first among the others."""
        if name in self._chosen:
            return self._chosen.index(name)
        return -0.5 if any(each.matters for each in self.wanted if each.name == name) else -1


class _Slots(Layout):
    """Places each child where the pure function says."""

    name = "slots"

    def arrange(
        self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        assert isinstance(parent, PanelGrid)
        return [
            WidgetPlacement(
                Region(slot.x, slot.y, slot.width, slot.height), NULL_OFFSET, _NO_SPACE, view
            )
            for view, slot in parent.slots(size)
        ]
