"""The page of a process, over all other panels: how one comes to it, and back."""

from __future__ import annotations

from mpviz.tui.layout import PAGE
from mpviz.tui.screens.base import RunScreenBase
from mpviz.tui.widgets.footer import Hint


class ProcessPage(RunScreenBase):
    """Shows the page of the selected process in the place of all panels."""

    _before = ("", "")
    """The panel with the bright border, and the one that was enlarged, before the page."""

    @property
    def is_on_page(self) -> bool:
        """Whether the page is shown."""
        return self.panel_grid.enlarged == PAGE

    def toggle_page(self) -> None:
        """Show the page of the selected process, or of the main process; once more, go back."""
        if self.is_on_page:
            self.leave_page()
            return
        state, view = self.picture.state, self.view
        if view.selected not in state.processes:
            view.selected = state.main or next(iter(state.processes), "")
        if not view.selected:
            self.say("no process has started yet")
            return
        self._before = self.focused_panel, self.panel_grid.enlarged
        self.off.discard(PAGE)
        self.panel_grid.enlarged = PAGE
        view.scroll.pop(PAGE, None)
        self.redraw()
        self.focus_panel(PAGE)
        self.page_turned()

    def leave_page(self) -> None:
        """Show the panels again, as they were."""
        panel, enlarged = self._before
        self.off.add(PAGE)
        self.panel_grid.enlarged = enlarged
        self.redraw()
        self.focus_panel(panel)

    def focus_panel(self, name: str) -> None:
        """Give a panel the bright border; any other than the page takes the place of that."""
        if name != PAGE and self.is_on_page:
            self.off.add(PAGE)
            self.panel_grid.enlarged = ""
            super().focus_panel(name)
            self.redraw()
        else:
            super().focus_panel(name)

    def hints(self) -> list[Hint]:
        """On the page, first the keys that turn it and that leave it."""
        hints = super().hints()
        if not self.is_on_page:
            return hints
        first = [each for each in hints if each.words == "next" or each.key == "esc"]
        return [*first, *(each for each in hints if each not in first)]

    def page_turned(self) -> None:
        """Do what has to be done for another process's page: nothing in a replay."""
