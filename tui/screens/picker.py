"""The first screen: the scenarios, what to watch for in each, its parameters and its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message

from mpviz.scenarios.catalogue import Scenario, Value, problems, scenarios
from mpviz.tui.actions.action import Situation
from mpviz.tui.actions.picker import PICKER_ACTIONS
from mpviz.tui.render.frame import Frame
from mpviz.tui.render.rows import Part, Row, fit
from mpviz.tui.scenario_runs import from_scenario, stepped_values
from mpviz.tui.screens.action_screen import ActionScreen
from mpviz.tui.screens.form import RUN, Form, arrows, details, form_rows
from mpviz.tui.screens.picker_rows import (
    explanation_rows,
    head_rows,
    in_sight,
    list_rows,
    matching,
    source_rows,
)
from mpviz.tui.screens.shortcuts import SHORTCUTS
from mpviz.tui.source_files import first_definition, read_lines
from mpviz.tui.widgets.footer import Footer
from mpviz.tui.widgets.prompt import Prompt
from mpviz.tui.widgets.rows_view import FramedView, RowsView

if TYPE_CHECKING:
    from mpviz.trace.launch.start import Target

LEAST_SOURCE = 5
"""Minimum height of the source's frame, in rows; with less room, there is only the form."""

WIDE_CARD = 76
"""Minimum width, in cells, for what is allowed in a field beside it."""


class Banner(RowsView):
    """The first line: what this is."""

    def rows(self, width: int, height: int) -> list[Row]:
        """The name, and a sentence."""
        return [
            Row(
                (
                    (" mpviz ", "brand"),
                    ("  Watch Python multiprocessing live", "head"),
                    (fit("   choose a scenario, press enter", width), "dim"),
                )
            )
        ]


class PickerScreen(ActionScreen):
    """Chooses a scenario and its parameters, and asks the app to run it."""

    BLANK = True  # Nothing of it is seen, so nothing of it is to be drawn anew.

    @dataclass
    class Chosen(Message):
        """The person wants to run this."""

        target: Target
        stepped: bool = False
        """Whether to choose each of its steps."""

    ACTIONS = PICKER_ACTIONS

    def __init__(self, found: Sequence[Scenario] | None = None, *, chosen: str = "") -> None:
        super().__init__()
        self.all = tuple(scenarios().values()) if found is None else tuple(found)
        self.listed: list[Scenario] = list(self.all)
        names = [each.name for each in self.all]
        self.chosen = chosen if chosen in names else names[0] if names else ""
        """Name of the scenario under the cursor."""
        self.in_form = False
        """The keys go to the parameters, not to the list."""
        self.filter = ""
        self._forms: dict[str, Form] = {}
        self._list_first = 0
        self._source_first = -1
        """The first source line in sight; -1 for the line at which the code begins."""
        self._painted = False

    def compose(self) -> ComposeResult:
        """The list to the left, the chosen scenario to the right."""
        yield Banner(id="header")
        with Horizontal():
            yield FramedView(self._list, id="scenarios")
            with Vertical():
                yield FramedView(self._card, id="card")
                yield FramedView(self._source, id="source")
        yield Prompt()
        yield Footer(self.hints)

    def on_mount(self) -> None:
        """Say what could not be listed; the source comes after the first picture."""
        for problem in problems():
            self.notify(problem, severity="warning", markup=False)
        self.call_after_refresh(self._first_picture_is_there)

    def on_resize(self, event: events.Resize) -> None:
        """Give the list and the form the room they need."""
        width, height = event.size
        list_width = min(40, max(24, width * 24 // 100))
        self.query_one("#scenarios").styles.width = list_width
        wanted = self._card_height(width - list_width - 2)
        room = height - 2
        left = room - wanted
        self.query_one("#card").styles.height = wanted if left >= LEAST_SOURCE else room
        self.query_one("#source").display = left >= LEAST_SOURCE
        self.call_after_refresh(self.redraw)

    def situation(self) -> Situation:
        """What the footer needs to know."""
        return Situation(filtered=bool(self.filter))

    @property
    def form(self) -> Form | None:
        """The form of the chosen scenario, with what was entered before."""
        scenario = next((each for each in self.listed if each.name == self.chosen), None)
        if scenario is None:
            return None
        return self._forms.setdefault(scenario.name, Form(scenario))

    def redraw(self) -> None:
        """Bring everything up to date."""
        for view in self.query(RowsView):
            if view.display:
                view.redraw()

    # What is drawn

    def _frame(
        self, title: str, active: bool, end: tuple[Part, ...] = (), foot: tuple[Part, ...] = ()
    ) -> Frame:
        on = ".on" if active else ""
        words = ((f" {title} ", f"frame.title{on}"),) if title else ()
        return Frame(words, end, foot, border=f"frame{on}", ascii=self.ascii_only)

    def _list(self, width: int, height: int) -> tuple[Frame, list[Row]]:
        rows = list_rows(
            self.listed,
            self.chosen,
            active=not self.in_form,
            width=width,
            height=height,
            ascii_only=self.ascii_only,
        )
        self._list_first = in_sight(rows, self.chosen, self._list_first, height)
        count = len(self.listed)
        title = (
            f"{count} scenario" + "s" * (count != 1) + (f" with {self.filter}" * bool(self.filter))
        )
        return self._frame(title, not self.in_form), rows[self._list_first :][:height]

    def _card(self, width: int, height: int) -> tuple[Frame, list[Row]]:
        form = self.form
        if form is None:
            return self._frame("", False), []
        rows = self._card_rows(form, width)
        # Where the form does not fit, the row with the cursor is what must be seen.
        first = in_sight(rows, form.name, 0, height) if self.in_form else 0
        said = details(form, width - 6) if self.in_form and width < WIDE_CARD else ""
        frame = self._frame(self.chosen, self.in_form, foot=((f" {said} ", "key"),) * bool(said))
        return frame, rows[first:][:height]

    def _card_rows(self, form: Form, width: int) -> list[Row]:
        rows = head_rows(form.scenario, form.values(), width)
        if self.size.height >= 34:
            rows += [*explanation_rows(form.scenario, min(width, 90)), Row(())]
        return rows + form_rows(
            form, self.in_form, width, self.ascii_only, tight=self.size.height < 30
        )

    def _card_height(self, width: int) -> int:
        """As many rows as the largest form needs, so that nothing moves from one to the next."""
        forms = [self._forms.get(each.name, Form(each)) for each in self.all]
        return max((len(self._card_rows(form, width)) for form in forms), default=1) + 2

    def _source(self, width: int, height: int) -> tuple[Frame, list[Row]]:
        form = self.form
        if form is None or not self._painted:
            return self._frame("source", False), []
        lines = read_lines(form.scenario.path)
        if self._source_first < 0:
            fits = len(lines) <= height
            self._source_first = 0 if fits else first_definition(lines)
        self._source_first = max(0, min(self._source_first, len(lines) - height))
        end = ((f" line {self._source_first + 1} of {len(lines)} ", "dim"),)
        title = form.scenario.path.name
        return self._frame(title, False, end), source_rows(lines, self._source_first, height)

    def _first_picture_is_there(self) -> None:
        self._painted = True
        self.redraw()

    # Keys

    def move(self, step: int) -> None:
        """Go so many scenarios or parameters down."""
        form = self.form
        if form is not None and self.in_form:
            if not form.move(step) and step < 0:
                self.in_form = False
            self.redraw()
        else:
            self.choose_at(self._place() + step)

    def switch_side(self) -> None:
        """From the list to the parameters, and back."""
        self.in_form = not self.in_form and self.form is not None
        self.redraw()

    def step(self, direction: int) -> None:
        """Take the next value, or go to the parameters or the list."""
        if self.form is not None and self.in_form:
            self._step_in(self.form, direction)
        else:
            self.in_form = direction > 0 and self.form is not None
        self.redraw()

    def _step_in(self, form: Form, direction: int) -> None:
        """Take the next value, or open a line to type into for a field that may hold any text."""
        if form.takes_text:
            self.query_one(Footer).display = False
            hint = "enter keeps it, esc empties it"
            self.query_one(Prompt).open(form.texts[form.name], label=form.name, hint=hint)
        else:
            form.step(direction)

    def reset_form(self) -> None:
        """The values of the beginning."""
        if self.form is not None:
            self.form.reset()
            self.redraw()

    def scroll_source(self, rows: int) -> None:
        """Move the source by so many rows."""
        self._source_first = max(0, self._source_first + rows)
        self.redraw()

    def leave(self) -> None:
        """From the parameters to the list; then drop the filter."""
        if self.in_form:
            self.in_form = False
        else:
            self._filter("")
        self.redraw()

    def run_chosen(self) -> None:
        """Run the scenario, if everything is allowed."""
        form = self.form
        if form is None:
            return
        values = form.values()
        if values is None:
            self.in_form = True
            form.go_to(next(name for name in form.names if form.problem(name)))
            self.redraw()
            self.notify(f"{form.name} {form.problem(form.name)}", markup=False, timeout=3)
            return
        self._run(form, values)

    def run_shortcut(self) -> None:
        """Run the scenario of the digit that was pressed; in the form, it is a part of a number."""
        if self.in_form:
            return
        name, more = SHORTCUTS[self.pressed]
        if name not in {each.name for each in self.all}:
            return
        self._filter("")
        self.chosen = name
        self.redraw()
        form = self.form
        values = form.values() if form is not None else None
        if form is None or values is None:
            self.run_chosen()
        else:
            self._run(form, {**values, **more})

    def step_through(self) -> None:
        """Let a person choose each step of the scenario, if everything is allowed."""
        form = self.form
        values = form.values() if form is not None else None
        if form is None or values is None:
            self.run_chosen()
        else:
            self._run(form, stepped_values(form.scenario, values), stepped=True)

    def _run(self, form: Form, values: Mapping[str, Value], *, stepped: bool = False) -> None:
        target = from_scenario(form.scenario, values, start_method=form.start_method)
        self.post_message(self.Chosen(target, stepped))

    def on_key(self, event: events.Key) -> None:
        """Type a number into the form."""
        if self.in_form and self.form is not None:
            if event.key == "backspace":
                self.form.erase()
            elif event.character and event.character in "0123456789.-":
                self.form.type(event.character)
            else:
                return
            event.stop()
            self.redraw()

    # The filter

    def ask_filter(self) -> None:
        """Type a filter in the place of the footer."""
        self.query_one(Footer).display = False
        self.query_one(Prompt).open(self.filter)

    def on_prompt_changed(self, event: Prompt.Changed) -> None:
        """Filter, or fill the field, while it is typed."""
        if self.form is not None and event.label in self.form.texts:
            self.form.texts[event.label] = event.text
            self.redraw()
        else:
            self._filter(event.text)

    def on_prompt_closed(self, event: Prompt.Closed) -> None:
        """Back to the list."""
        self.query_one(Footer).display = True
        self.set_focus(None)
        self.redraw()

    def _filter(self, text: str) -> None:
        self.filter = text
        self.listed = matching(self.all, text)
        if self.chosen not in [each.name for each in self.listed] and self.listed:
            self.choose_at(0)
        self.redraw()

    # The mouse

    def on_rows_view_clicked(self, event: RowsView.Clicked) -> None:
        """Choose a scenario, go to a field, press an arrow or the button."""
        form = self.form
        if event.view.id == "scenarios":
            self.in_form = False
            names = [each.name for each in self.listed]
            if event.key in names:
                self.choose_at(names.index(event.key))
        elif event.view.id == "card" and form is not None and event.key:
            self.in_form = True
            form.go_to(event.key)
            if event.key == RUN:
                self.run_chosen()
            elif event.x - 1 in arrows(form):
                self._step_in(form, -1 if event.x - 1 == arrows(form)[0] else 1)
        self.redraw()

    def on_rows_view_wheeled(self, event: RowsView.Wheeled) -> None:
        """Scroll the source, or go through the list or the choices."""
        if event.view.id == "source":
            self.scroll_source(3 * event.direction)
        elif event.view.id == "scenarios":
            self.choose_at(self._place() + event.direction)

    def _place(self) -> int:
        names = [each.name for each in self.listed]
        return names.index(self.chosen) if self.chosen in names else 0

    def choose_at(self, index: int) -> None:
        """Choose the scenario at this place in the list, or the nearest."""
        if self.listed:
            self.chosen = self.listed[max(0, min(len(self.listed) - 1, index))].name
            self._source_first = -1
        self.redraw()
