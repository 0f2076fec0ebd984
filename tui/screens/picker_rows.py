"""The rows of the first screen: the scenarios by chapter, what to watch for, and the source."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from mpviz.scenarios.catalogue import Scenario, Value
from mpviz.tui.render.rows import Part, Row, fit
from mpviz.tui.screens.shortcuts import digit_of


def matching(scenarios: Sequence[Scenario], text: str) -> list[Scenario]:
    """The scenarios whose name, title or chapter contains the text."""
    wanted = text.casefold()
    return [
        each
        for each in scenarios
        if wanted in f"{each.name} {each.title} {each.chapter}".casefold()
    ]


def list_rows(
    scenarios: Sequence[Scenario],
    chosen: str,
    *,
    active: bool,
    width: int,
    height: int,
    ascii_only: bool = False,
) -> list[Row]:
    """Every scenario below its chapter; a blank row between chapters if there is room."""
    chapters = len({scenario.chapter for scenario in scenarios})
    apart = len(scenarios) + 2 * chapters - 1 <= height
    rows: list[Row] = []
    chapter = None
    for scenario in scenarios:
        if scenario.chapter != chapter:
            chapter = scenario.chapter
            rows += [Row(())] * (apart and bool(rows))
            rows.append(Row(((f" {chapter}", "chapter"),)))
        digit = digit_of(scenario.name) or " "
        if scenario.name == chosen:
            mark = ">" if ascii_only else "▸"
            text = fit(f"{digit}{mark} {scenario.name}", width)
            rows.append(Row(((text, "chosen" if active else "chosen.off"),), scenario.name))
        else:
            rows.append(Row(((digit, "key"), (f"  {scenario.name}", "text")), scenario.name))
    if not rows:
        lines = textwrap.wrap("no scenario has that in it; esc shows all", max(10, width - 1))
        rows += [Row(((f" {line}", "dim"),)) for line in lines]
    return rows


def in_sight(rows: Sequence[Row], key: str, first: int, height: int) -> int:
    """The first row to show, so that the row with this key is seen, with its chapter."""
    at = next((index for index, row in enumerate(rows) if row.key == key), 0)
    above = at - 1 if at and not rows[at - 1].key else at
    if above < first:
        return above
    if at >= first + height:
        return at - height + 1
    return max(0, min(first, len(rows) - height))


def head_rows(scenario: Scenario, values: Mapping[str, Value] | None, width: int) -> list[Row]:
    """What the scenario is, and what to watch for with these values; None while one is wrong."""
    title = [Row(((f" {line}", "head"),)) for line in _wrapped(scenario.title, width)]
    sentence = [Row(((f" {line}", "watch"),)) for line in _wrapped(scenario.sentence, width)]
    hangs = ""
    if values is not None and scenario.hangs_given(values):
        hangs = f"Hangs on purpose: {scenario.hangs.rstrip('.')}. Press s to end it."
    warning = [Row(((f" {line}", "warning"),)) for line in textwrap.wrap(hangs, max(10, width - 2))]
    return [*title, *sentence, *warning, Row(())]


def explanation_rows(scenario: Scenario, width: int) -> list[Row]:
    """The rest of the scenario's docstring, for screens that have the room."""
    paragraphs = scenario.doc.split("\n\n")[1:]
    first = paragraphs[:1]
    if first and first[0].replace("\n", " ").strip() == scenario.sentence:
        paragraphs = paragraphs[1:]
    rows: list[Row] = []
    for paragraph in paragraphs:
        lines = _wrapped(" ".join(paragraph.split()), width)
        rows += [Row(((f" {line}", "text"),)) for line in lines] + [Row(())]
    return rows[:-1]


def source_rows(lines: Sequence[tuple[Part, ...]], first: int, height: int) -> list[Row]:
    """The source from this line on, with line numbers."""
    width = len(str(len(lines)))
    return [
        Row(((f" {number:{width}}  ", "frame.number"), *line))
        for number, line in enumerate(lines[first : first + height], first + 1)
    ]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(10, width - 2)) or [""]
