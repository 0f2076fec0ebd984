"""What the stage says between the runs: the question, the answer, and the last slide."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len

from mpviz.trace.model.text import clean
from mpviz.tui.render.frame import Frame
from mpviz.tui.render.rows import Part, Row, fit, row
from mpviz.tui.talk.plan import Step, Talk

WIDEST = 72
"""Cells of a line on a slide; a longer one is hard to read from the back of a room."""

LEAST_FOR_SPACED = 3
"""Cells that a letter of a spaced title takes, with some room at both sides."""

MOST_OF_CARD = 5
"""Lines of an answer."""


def question_slide(talk: Talk, index: int, width: int, height: int) -> list[Row]:
    """The slide before a step: where we are, its title, and the question to the room."""
    step = talk.step[index]
    room = min(WIDEST, width - 4)
    lines: list[list[Part]] = [
        [(f"{index + 1} of {len(talk.step)}", "dim")],
        [],
        [(_spaced(step.title, width), "head")],
        [],
        *([(line, "text")] for line in _balanced(step.question, room)),
        [],
        [],
        [(fit_end(f"mpviz run {step.run}", width - 4), "dim")],
    ]
    return _centred([*lines, [], _progress(talk, index)], width, height)


def last_slide(talk: Talk, answers: Sequence[Sequence[str]], width: int, height: int) -> list[Row]:
    """What was seen: a line for each step, with the first of its answer."""
    room = width - 4
    names = max(len(step.title) for step in talk.step) + 2
    lines: list[list[Part]] = [[(_spaced(talk.title, width), "head")], []]
    gap = height >= 2 * len(talk.step) + 4
    for step, answer in zip(talk.step, answers, strict=True):
        said = answer[0] if answer else ""
        text = fit_end(said, max(0, min(WIDEST, room - names)))
        lines.append([(fit(step.title, names), "head"), (text, "text")])
        if gap:
            lines.append([])
    # In one column, so that the titles stand below each other.
    widest = max((sum(cell_len(text) for text, _ in line) for line in lines[2:]), default=0)
    padded = [
        [*line, (" " * (widest - sum(cell_len(text) for text, _ in line)), "")] if line else line
        for line in lines[2:]
    ]
    return _centred([*lines[:2], *padded], width, height)


def question_rows(step: Step, width: int) -> list[Row]:
    """The question while the run is shown, in one row or two."""
    lines = textwrap.wrap(step.question, max(10, width - 2), max_lines=2, placeholder=" …")
    return [row((f" {line}", "head")) for line in lines]


def card_rows(answer: Sequence[str], width: int) -> list[Row]:
    """The answer, as high as it has lines; at least one row."""
    room = max(10, min(width - 2, 2 * WIDEST))
    lines = [line for said in answer for line in textwrap.wrap(said, room)]
    if len(lines) > MOST_OF_CARD:
        lines = [*lines[: MOST_OF_CARD - 1], lines[MOST_OF_CARD - 1] + " …"]
    rows = [row((f" {line}", "head")) for line in lines]
    return rows or [row((" the room's answer?", "dim"))]


def card_frame(step: Step, width: int, ascii: bool) -> Frame:
    """The frame of an answer: the question is its title."""
    title = fit_end(clean(f" {step.question} "), max(0, width - 6))
    return Frame(((title, "frame.title.on"),), border="frame.on", ascii=ascii)


def fit_end(text: str, width: int) -> str:
    """The text, cut with an ellipsis where it has more cells than this."""
    return text if cell_len(text) <= width else fit(text, width)


def _spaced(title: str, width: int) -> str:
    """A title that looks like one: wide capitals, if there is room for them."""
    wide = " ".join(title.upper()).replace("   ", "    ")
    return wide if cell_len(wide) + LEAST_FOR_SPACED <= width else title.upper()


def _balanced(text: str, width: int) -> list[str]:
    """In as few lines as need be, all about as long as each other."""
    width = max(10, width)
    lines = textwrap.wrap(text, width) or [""]
    while len(lines) > 1 and width > 10:
        width -= 1
        narrower = textwrap.wrap(text, width)
        if len(narrower) > len(lines):
            break
        lines = narrower
    return lines


def _progress(talk: Talk, index: int) -> list[Part]:
    parts: list[Part] = []
    for number in range(len(talk.step)):
        here = number == index
        parts += [("●" if number <= index else "○", "key" if here else "dim"), (" ", "")]
    return parts[:-1]


def _centred(lines: Sequence[Sequence[Part]], width: int, height: int) -> list[Row]:
    """In the middle of the screen, a little above it."""
    lines = list(lines)
    while len(lines) > height and [] in lines:
        lines.remove([])
    above = max(0, (height - len(lines)) * 2 // 5)
    rows = [Row(())] * above
    for line in lines[: height - above]:
        used = sum(cell_len(text) for text, _ in line)
        rows.append(Row(((" " * max(0, (width - used) // 2), ""), *line)))
    return rows
