"""Looking at a run: its panels, its timeline, what is selected and what is filtered."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from mpviz.trace.explain.chains import End, end_in_words
from mpviz.trace.explain.verdict import nothing_found
from mpviz.trace.model.state import Finding
from mpviz.tui.actions.navigation import find_line, find_process, neighbour, scroll
from mpviz.tui.layout import TIMELINE
from mpviz.tui.panels import NUMBERS
from mpviz.tui.panels.chain import NAME as WHY_BLOCKED
from mpviz.tui.panels.chain import shown_chain
from mpviz.tui.panels.findings import findings, key_of
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.timeline.layout import visible_stretch
from mpviz.tui.render.timeline.zoom import centred, zoomed
from mpviz.tui.render.view import View
from mpviz.tui.screens.timeline import Timeline
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.panel_view import PanelView
from mpviz.tui.widgets.prompt import KEEP_HINT, Prompt
from mpviz.tui.widgets.rows_view import RowsView

if TYPE_CHECKING:
    from mpviz.tui.exports import Format

EXPORT = "export to"
FINDINGS = "findings"
FILTER = "filter"
FIND = "find"
FIND_HINT = "enter goes to the next, esc is done"


class Selection(Timeline):
    """The actions that a live run and a replay have in common, one method each."""

    # Panels

    def _panel(self) -> PanelView | None:
        """The place with the bright border."""
        return self.focused if isinstance(self.focused, PanelView) else None

    def on_panel_view_tab_clicked(self, event: PanelView.TabClicked) -> None:
        """Show the panel whose name was clicked."""
        self.focus_panel(event.name)

    def on_rows_view_clicked(self, event: RowsView.Clicked) -> None:
        """Give the panel the bright border, and select what was clicked."""
        if isinstance(event.view, PanelView) and event.view.panel is not None:
            self.focused_panel = event.view.panel.name
        clicked = [each for each in self.findings() if key_of(each) == event.key]
        if clicked:
            self.show_finding(clicked[0])
        elif event.key:
            self._select(event.key)

    def on_rows_view_wheeled(self, event: RowsView.Wheeled) -> None:
        """Zoom the timeline where the mouse is; scroll any other panel, or the timeline's names."""
        holder = event.view
        if not isinstance(holder, PanelView):
            return
        time = holder.time_at(event.x)
        if time >= 0:
            factor = 1.25 if event.direction > 0 else 0.8
            self.show_stretch(zoomed(self.picture.state, self.view, factor, time))
        else:
            self._scroll(holder, 3 * event.direction)

    def _scroll(self, holder: PanelView, rows: int) -> None:
        if holder.panel is not None:
            scroll(self.picture.state, self.view, holder.panel, rows, holder.size.height - 2)
            holder.redraw()

    def step_panel(self, step: int) -> None:
        """Give the bright border to the panel so many after this one."""
        names = [each.name for each in self.panel_grid.wanted]
        if names:
            at = names.index(self.focused_panel) if self.focused_panel in names else -1
            self.focus_panel(names[(at + step) % len(names)])

    def go_to_panel(self, key: str) -> None:
        """Show the next of the panels with this digit; after the last, put that one away."""
        self.app.clear_notifications()
        named = [panel for panel in self.panels if NUMBERS.get(panel.name) == key]
        names = [panel.name for panel in named if panel.used(self.picture.state)]
        if not names:
            words = " or ".join(panel.name for panel in named)
            self.say(f"the program has used no {words} so far")
        elif self.focused_panel != names[-1] or names[-1] in self.off:
            shown = self.focused_panel if self.focused_panel not in self.off else ""
            self._brought_up(names[names.index(shown) + 1 if shown in names else 0])
        else:
            self.off.add(names[-1])
            self.panel_grid.enlarged = self.focused_panel = ""
            self.redraw()
            self.say(f"put away: {names[-1]}; {key} brings it back")

    def enlarge(self) -> None:
        """Let the panel fill the screen, or no more."""
        if self.is_on_page:
            self.leave_page()
            return
        grid = self.panel_grid
        grid.enlarged = "" if grid.enlarged else self.focused_panel
        grid.rearrange()
        self.query_one(Footer).redraw()

    def page(self, direction: int) -> None:
        """Scroll the panel with the bright border by a page."""
        holder = self._panel()
        if holder is not None:
            self._scroll(holder, direction * max(1, holder.size.height - 3))

    # What is wrong, and who waits for whom

    def follow_chain(self) -> None:
        """Show the wait chain, or go on to its next link."""
        state, view = self.picture.state, self.view
        chain = shown_chain(state, view)
        if chain is None:
            self.say("nobody waits for anything")
            return
        keys = [link.process.key for link in chain.links]
        if not self._brought_up(WHY_BLOCKED) or view.selected not in keys:
            view.chain = keys[0]
            self._show_process(keys[0])
            return
        if chain.end is End.CYCLE:
            keys.append(keys[chain.back_to])
        at = keys.index(view.selected)
        if at + 1 < len(keys):
            view.chain = view.chain or keys[0]
            self._show_process(keys[at + 1])
        else:
            self.say(f"the chain ends here: {end_in_words(state, chain)[0]}")

    def next_finding(self) -> None:
        """Go to the next finding: to its panel, its process and its time."""
        found = self.findings()
        if not found:
            self.say(nothing_found(self.picture.state))
            return
        keys = [key_of(finding) for finding in found]
        at = keys.index(self.view.finding) if self.view.finding in keys else -1
        self._brought_up(FINDINGS)
        self.show_finding(found[(at + 1) % len(found)])

    def findings(self) -> list[Finding]:
        """What can be gone to, in the order of the panel."""
        return findings(self.picture.state)

    def show_finding(self, finding: Finding) -> None:
        """Select the process that it is about, and bring its time into sight."""
        self.view.finding = key_of(finding)
        self.view.scroll.pop(FINDINGS, None)
        start, end = visible_stretch(self.picture.state, self.view)
        if not start <= finding.since <= end:
            self.show_stretch(centred(self.picture.state, self.view, finding.since))
        self._show_process(next(iter(finding.processes), self.view.selected))

    def _brought_up(self, name: str) -> bool:
        """Whether this panel had the bright border already; it has now."""
        had_it = self.focused_panel == name and name not in self.off
        self.off.discard(name)
        self.redraw()
        self.focus_panel(name)
        return had_it

    # Selection and filter

    def select_at(self, index: int) -> None:
        """Select the first process of the list (0) or the last (-1)."""
        keys = self._process_keys()
        if keys:
            self._show_process(keys[index])

    def step_selection(self, step: int) -> None:
        """Select the process so many below the selected one."""
        self._show_process(neighbour(self._process_keys(), self.view.selected, step))

    def _show_process(self, key: str) -> None:
        """Select a process, and let the lists show it wherever in them it is."""
        for name in ("processes", TIMELINE):
            self.view.scroll.pop(name, None)
        self._select(key)

    def _select(self, key: str) -> None:
        is_another = key != self.view.selected
        self.view.selected = key
        if is_another:
            self.view.told = -1
            if self.is_on_page:
                self.page_turned()
        self.redraw()

    def _process_keys(self) -> list[str]:
        """The processes in the order in which their panel lists them."""
        state = self.picture.state
        for panel in self.panels:
            if panel.name == "processes":
                view = View(filter=self.view.filter, order=self.view.order, now=self.view.now)
                rows = panel.draw(state, view, 200, 100_000)
                listed = dict.fromkeys(row.key for row in rows)
                return [key for key in listed if key in state.processes]
        return list(state.processes)

    def ask_filter(self) -> None:
        """Type a filter in the place of the footer."""
        self.ask(FILTER, text=self.view.filter)

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        """Filter while it is typed."""
        if event.label == FILTER:
            self.view.filter = event.text
            self.redraw()
        elif event.label == FIND:
            self._find(event.text, again=False)

    def ask_text(self) -> None:
        """Type what is to be found."""
        self.ask(FIND, FIND_HINT, stays=True)

    def on_prompt_again(self, event: Prompt.Again) -> None:
        """Find the next."""
        self._find(event.text, again=True)

    def _find(self, text: str, *, again: bool) -> None:
        """In the panel that has, or last had, the bright border."""
        state, view = self.picture.state, self.view
        panel = self.panel_grid.panels.get(self.focused_panel)
        holder = self.panel_grid.holder(self.focused_panel)
        if panel is not None and panel.lines is not None and holder is not None:
            is_found = find_line(state, view, panel, text, holder.size.height - 2, again)
        else:
            key = find_process(state, self._process_keys(), view.selected, text, again)
            is_found = bool(key)
            self._show_process(key or view.selected)
        self.query_one(Prompt).show_hint(FIND_HINT if is_found or not text else "not found")
        self.redraw()

    def on_prompt_closed(self, event: Prompt.Closed) -> None:
        """Back to the panels; what was typed for another purpose than to filter is made use of."""
        self.view.found.clear()
        if event.kept and not event.is_answer and event.label not in (FILTER, FIND):
            self.typed(event.label, event.text)
        # A quick typist may have opened it again by now.
        self.query_one(Footer).display = not self.query_one(Prompt).display
        self.focus_holder()
        self.redraw()

    def typed(self, label: str, text: str) -> None:
        """Make use of a line that a person has typed, by what it was asked for."""
        if label != EXPORT:
            raise NotImplementedError(label)
        if not text.strip():
            self.say("not exported: no file was named")
            return
        from mpviz.tui.exports import UnknownFormat, format_for  # noqa: PLC0415 - few export

        path = Path(text).expanduser()
        try:
            form = format_for(None, path.name)
        except UnknownFormat as bad:
            self.say(str(bad))
            return
        if path.exists():
            self.say(f"there is a {path} already: type another name")
        else:
            self.run_worker(self._export(form, path))

    # Exports

    def recording(self) -> AbstractContextManager[Path]:
        """The run as a recording, as far as it has come; OSError if there is none."""
        raise NotImplementedError

    def ask_export(self) -> None:
        """Type the name of a file in the place of the footer."""
        from mpviz.tui.exports import FORMATS  # noqa: PLC0415 - few export

        endings = ", ".join(f"{each.endings[0]} {each.what}" for each in FORMATS)
        self.ask(EXPORT, f"a file: {endings}")

    async def _export(self, form: Format, path: Path) -> None:
        from mpviz.trace.record.recording import NotARecording  # noqa: PLC0415 - few export
        from mpviz.tui.exports import export  # noqa: PLC0415 - the same

        shares = [0.0]
        timer = self.set_interval(1, lambda: self.say(f"exporting: {shares[-1]:.0%}"))

        def tell(share: float) -> None:
            if self.closing or not self.is_attached:
                # It has to end with the screen: what is half written is taken away again.
                raise InterruptedError(0, "the run was left")
            shares.append(share)

        try:
            with self.recording() as recording:
                notes = await asyncio.to_thread(export, recording, form, str(path), tell)
        except (NotARecording, OSError) as error:
            self.say(f"not exported: {getattr(error, 'strerror', None) or error}")
        else:
            self.say("; ".join([f"exported to {path}", *notes]))
        finally:
            timer.stop()

    def ask(
        self, label: str, hint: str = KEEP_HINT, *, text: str = "", stays: bool = False
    ) -> None:
        """Let a line be typed in the place of the footer."""
        self.query_one(Footer).display = False
        self.query_one(Prompt).open(text, label=label, hint=hint, stays=stays)

    def next_order(self) -> None:
        """Order the list of the panel by the next that it can be ordered by."""
        holder = self._panel()
        panel = holder.panel if holder is not None else None
        if panel is None:
            return
        if panel.listing is None or not panel.listing.orders:
            self.say(f"{panel.name} has one order only")
            return
        self._order(panel, panel.listing.next_order(self.view, panel.name))

    def on_panel_view_head_clicked(self, event: PanelView.HeadClicked) -> None:
        """Order by the column whose heading was clicked; once more, as it happened."""
        is_it = self.view.order.get(event.panel.name) == event.order
        self._order(event.panel, "" if is_it else event.order)

    def _order(self, panel: Panel, order: str) -> None:
        self.view.order[panel.name] = order
        self.view.scroll.pop(panel.name, None)
        self.redraw()

    def toggle_all_events(self) -> None:
        """Every record in the log, or what matters."""
        self.view.all_events = not self.view.all_events
        self.redraw()

    def copy_panel(self) -> None:
        """Copy the text of the panel."""
        holder = self._panel()
        if holder is not None and holder.panel is not None:
            inside = holder.shown[1:-1]
            self.app.copy_to_clipboard("\n".join(row.text[1:-1].rstrip() for row in inside))
            self.say(f"copied: {holder.panel.name}")

    def leave(self) -> None:
        """One step back; the last one leads to the scenarios."""
        if self.is_on_page:
            self.leave_page()
        elif self.view.filter:
            self.view.filter = ""
        elif self.panel_grid.enlarged:
            self.enlarge()
        elif self.view.selected:
            self.view.selected = ""
        elif not self.closing:
            self.go_back()
            return
        self.redraw()

    def go_back(self) -> None:
        """Leave the run for the scenarios."""
        self.run_worker(self._leave(), exclusive=True)

    async def _leave(self) -> None:
        await self.close_session()
        self.post_message(self.Left())
