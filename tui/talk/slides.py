"""What the stage says between the runs: the question, the answer, and the last slide."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import zip_longest

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
        [(fit_end(f"mpviz {step.kind} {step.run}", width - 4), "dim")],
    ]
    return _centred([*lines, [], _progress(talk, index)], width, height)


def last_slide(talk: Talk, answers: Sequence[str], width: int, height: int) -> list[Row]:
    """What was seen: of each step the first line of its answer, whole if there are rows for it."""
    names = max(len(step.title) for step in talk.step) + 2
    room = max(10, min(WIDEST, width - 4 - names))
    free = max(0, height - 2 - len(talk.step))
    lines: list[list[Part]] = [[(_spaced(talk.title, width), "head")], []]
    told = []
    for said in answers:
        told.append(textwrap.wrap(said, room, max_lines=free + 1, placeholder=" …") or [""])
        free -= len(told[-1]) - 1
    gap = free >= len(talk.step) + 2
    for step, said_lines in zip(talk.step, told, strict=True):
        for title, text in zip_longest([step.title], said_lines, fillvalue=""):
            lines.append([(fit(title, names), "head"), (fit_end(text, room), "text")])
        if gap:
            lines.append([])
    # In one column, so that the titles stand below each other.
    widest = max((sum(cell_len(text) for text, _ in line) for line in lines[2:]), default=0)
    padded = [
        [*line, (" " * (widest - sum(cell_len(text) for text, _ in line)), "")] if line else line
        for line in lines[2:]
    ]
    return _centred([*lines[:2], *padded], width, height)


def question_rows(step: Step, width: int, style: str = "head") -> list[Row]:
    """The question beside what the run shows, in one row or two."""
    lines = textwrap.wrap(step.question, max(10, width - 2), max_lines=2, placeholder=" …")
    return [row((f" {line}", style)) for line in lines]


def card_rows(
    step: Step, answer: Sequence[str], unfair: str, width: int, *, low: bool = False
) -> list[Row]:
    """The answer, as high as it has lines; at least one row.

    Above it stands the question, if the frame has no room for it, and why its numbers are unfair.
    On a ``low`` screen, the lanes need its rows more.
    """
    asks = not low and not _fits_frame(step, width + 2)
    above = question_rows(step, width, "dim") if asks else []
    above += [row((f" {line}", "warning")) for line in textwrap.wrap(unfair, max(10, width - 2))]
    room = max(10, min(width - 2, 2 * WIDEST))
    lines = [line for said in answer for line in textwrap.wrap(said, room)]
    if len(lines) > MOST_OF_CARD:
        lines = [*lines[: MOST_OF_CARD - 1], lines[MOST_OF_CARD - 1] + " …"]
    rows = [row((f" {line}", "head")) for line in lines]
    return [*above, *(rows or [row((" the room's answer?", "dim"))])]


def card_frame(step: Step, width: int, ascii: bool) -> Frame:
    """The frame of an answer: the question is its title, if all of it has room there."""
    title = clean(f" {step.question} ") if _fits_frame(step, width) else ""
    return Frame(((title, "frame.title.on"),), border="frame.on", ascii=ascii)


def _fits_frame(step: Step, width: int) -> bool:
    return cell_len(clean(step.question)) + 2 <= width - 6


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
