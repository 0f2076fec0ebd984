"""The form of a scenario's parameters: what was entered, what is allowed, and its rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from mpviz.scenarios.catalogue import (
    BadParameter,
    Parameter,
    Scenario,
    Value,
    as_text,
    parse,
    start_method,
)
from mpviz.tui.render.rows import Part, Row, fit
from mpviz.tui.scenario_runs import default_start_method

START_METHOD = "start method"
"""The last field; a scenario parameter cannot have this name, for the space in it."""

RUN = "run"
"""Key of the button's row."""

VALUE_WIDTH = 13


@dataclass
class Form:
    """What has been entered for one scenario."""

    scenario: Scenario
    texts: dict[str, str] = field(default_factory=dict)
    """By field: what was entered, as it was entered."""
    at: int = 0
    """Which field has the cursor; after the last one comes the button."""
    typing: bool = False
    """The next character goes to the end of the text; else it begins a new one."""

    def __post_init__(self) -> None:
        if not self.texts:
            self.reset()

    def reset(self) -> None:
        """Give every field its default."""
        defaults = {each.name: as_text(each.default) for each in self.scenario.parameters}
        self.texts = {**defaults, START_METHOD: self._default_start_method}
        self.typing = False

    @property
    def names(self) -> list[str]:
        """The fields from the top."""
        return [*(each.name for each in self.scenario.parameters), START_METHOD]

    @property
    def name(self) -> str:
        """The field with the cursor, or :data:`RUN`."""
        return [*self.names, RUN][self.at]

    @property
    def start_method(self) -> str | None:
        """What to ask for; None for Python's own default."""
        chosen = self.texts[START_METHOD]
        return None if chosen == default_start_method() else chosen

    @property
    def _default_start_method(self) -> str:
        return start_method(self.scenario, None) or default_start_method()

    def parameter(self, name: str) -> Parameter | None:
        """The scenario's parameter behind a field; None for the start method and the button."""
        return next((each for each in self.scenario.parameters if each.name == name), None)

    def move(self, step: int) -> bool:
        """Put the cursor so many fields down; False at the end."""
        after = self.at + step
        self.typing = False
        if not 0 <= after <= len(self.names):
            return False
        self.at = after
        return True

    def go_to(self, name: str) -> None:
        """Put the cursor on this field."""
        self.at = [*self.names, RUN].index(name)
        self.typing = False

    def step(self, direction: int) -> None:
        """Take the next choice, or a number that is one round step away."""
        self.typing = False
        name = self.name
        choices = self._choices(name)
        parameter = self.parameter(name)
        if choices:
            at = choices.index(self.texts[name]) if self.texts[name] in choices else -direction
            self.texts[name] = choices[(at + direction) % len(choices)]
        elif parameter is not None and not parameter.is_text:
            self.texts[name] = as_text(_stepped(parameter, self.texts[name], direction))

    def type(self, character: str) -> None:
        """Type a character into a number."""
        if self._takes_digits and character in "0123456789.-":
            self.texts[self.name] = (self.texts[self.name] if self.typing else "") + character
            self.typing = True

    def erase(self) -> None:
        """Take the last character back."""
        if self._takes_digits:
            self.texts[self.name] = self.texts[self.name][:-1]
            self.typing = True

    @property
    def takes_text(self) -> bool:
        """Whether the field with the cursor may hold any text, which needs a line to type into."""
        parameter = self.parameter(self.name)
        return parameter is not None and parameter.is_text

    @property
    def _takes_digits(self) -> bool:
        return self.name != RUN and not self.takes_text and not self._choices(self.name)

    def problem(self, name: str) -> str:
        """What is allowed in this field, if what was entered is not; else empty."""
        parameter = self.parameter(name)
        if parameter is None:
            return ""
        try:
            parse(self.scenario, [f"{name}={self.texts[name]}"])
        except BadParameter:
            return f"must be {parameter.allowed}"
        return ""

    def values(self) -> dict[str, Value] | None:
        """A value for every parameter; None while one is not allowed."""
        names = [each.name for each in self.scenario.parameters]
        try:
            return parse(self.scenario, [f"{name}={self.texts[name]}" for name in names])
        except BadParameter:
            return None

    def changed(self, name: str) -> bool:
        """Whether the field has not its default."""
        parameter = self.parameter(name)
        default = self._default_start_method if parameter is None else as_text(parameter.default)
        return self.texts[name] != default

    def _choices(self, name: str) -> Sequence[str]:
        if name == START_METHOD:
            return self.scenario.start_methods
        parameter = self.parameter(name)
        return parameter.choices if parameter is not None else ()


def _stepped(parameter: Parameter, text: str, direction: int) -> Value:
    least = parameter.minimum if parameter.minimum is not None else -math.inf
    most = parameter.maximum if parameter.maximum is not None else math.inf
    try:
        value = float(text)
    except ValueError:
        return parameter.default
    if not math.isfinite(value):
        return parameter.default
    # Ones up to twenty, tens up to two hundred, and so on; and as many ways back as there.
    size = abs(value) - (0.001 if direction * value < 0 else 0)
    step = 10.0 ** max(0, math.floor(math.log10(max(size, 1) / 2)))
    steps = value / step
    steps = math.floor(steps + 1e-9) + 1 if direction > 0 else math.ceil(steps - 1e-9) - 1
    after = max(least, min(most, steps * step))
    return int(after) if parameter.kind is int or after == int(after) else round(after, 6)


def details(form: Form, width: int) -> str:
    """What the row of the field with the cursor is too short to say."""
    parameter = form.parameter(form.name)
    if parameter is None:
        return ""
    allowed = _range(parameter)
    whole = f"{parameter.sentence}: {allowed}"
    return whole if len(whole) <= width else allowed


def form_rows(
    form: Form, active: bool, width: int, ascii_only: bool = False, tight: bool = False
) -> list[Row]:
    """A row for each field and one for the button; ``tight`` leaves no row between them."""
    rows = [
        _field(form, name, active=active, width=width, ascii_only=ascii_only) for name in form.names
    ]
    return [*rows, *[Row(())] * (not tight), _button(form, active, width, ascii_only)]


def arrows(form: Form) -> tuple[int, int]:
    """Where in a field's row the two arrows are, in cells."""
    left = 1 + _name_width(form)
    return left, left + VALUE_WIDTH - 1


def _name_width(form: Form) -> int:
    return max(map(len, form.names)) + 2


def _field(form: Form, name: str, *, active: bool, width: int, ascii_only: bool) -> Row:
    here = active and form.name == name
    name_width = _name_width(form)
    text = form.texts[name] + ("_" if here and form.typing else "")
    less, more = ("<", ">") if ascii_only else ("◂", "▸")
    problem = form.problem(name)
    value = "value.changed" if form.changed(name) else "value"
    if here:
        value = "chosen"
    arrow = "key" if here else "dim"
    parts: list[Part] = [
        (" " + fit(name, name_width), "head" if here else "text"),
        (less, arrow),
        (fit(f" {text}", VALUE_WIDTH - 2), "alarm" if problem else value),
        (more, arrow),
        ("  ", ""),
    ]
    left = width - 1 - name_width - VALUE_WIDTH - 2
    parts += _said(form, name, problem, here, left)
    return Row(tuple(parts), name)


def _said(form: Form, name: str, problem: str, here: bool, width: int) -> list[Part]:
    """What the field means, or what is wrong with it; at the cursor also what is allowed."""
    if problem:
        return [(fit(problem, width), "wrong")]
    parameter = form.parameter(name)
    if parameter is None:
        default = form.texts[name] == default_start_method()
        sentence = "Python's default here" if default else "how processes start"
        allowed = ""
    else:
        sentence = parameter.sentence
        allowed = _range(parameter)
    style = "text" if here else "dim"
    if here and allowed and len(sentence) + len(allowed) + 2 <= width:
        return [(sentence, style), (fit(f"  {allowed}", width - len(sentence)), "key")]
    return [(fit(sentence, width), style)]


def _range(parameter: Parameter) -> str:
    if parameter.is_text:
        return "→ types it"
    if parameter.choices:
        return " or ".join(parameter.choices)
    return f"{parameter.minimum:,} … {parameter.maximum:,}"


def _button(form: Form, active: bool, width: int, ascii_only: bool) -> Row:
    wrong = form.values() is None
    here = active and form.name == RUN
    sign = ">" if ascii_only else "▶"
    style = "button.off" if wrong else "chosen" if here else "button"
    hint = "  a value is not allowed yet" if wrong else "  enter"
    parts: list[Part] = [(" ", ""), (f"  {sign} Run  ", style), (hint, "wrong" if wrong else "dim")]
    return Row(tuple(parts), RUN)
