"""Who can go next: for each task its next operation, with its line, and what it waits for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from mpviz.trace.stepping.steps import Choice, Moment
from mpviz.tui.render.rows import Part, Row, fit, fit_name, selected
from mpviz.tui.render.steps.cast import Member, cast, name_of, window
from mpviz.tui.render.steps.words import phrase

LONGEST_NAME = 16
"""Cells of a task's name."""

TIMEOUT_KEY = "t"


@dataclass(frozen=True)
class Entry:
    """A row of the list: something that can happen, or a task that cannot go."""

    member: Member
    key: str
    words: str
    site: str = ""
    line: str = ""
    choice: Choice | None = None
    """None for what cannot happen now."""
    style: str = "dim"

    @property
    def id(self) -> str:
        """What a click on it means."""
        outcome = self.choice.outcome if self.choice is not None else ""
        return f"{self.member.task} {outcome}".rstrip()


def entries(moment: Moment, members: Sequence[Member]) -> list[Entry]:
    """What can happen and what cannot, in the order of the lanes."""
    found: list[Entry] = []
    for member in members:
        found += _of(moment, member)
    return found


def _of(moment: Moment, member: Member) -> Iterator[Entry]:
    task = member.task
    operation = moment.next.get(task)
    if operation is None:
        if task in moment.outside:
            words = f"outside: {moment.outside[task]}"
            yield Entry(member, "", words, style="warning")
        return
    words, site, line = phrase(operation, moment), operation.site, operation.line
    choices = {each.outcome: each for each in moment.possible if each.task == task}
    if "go" in choices:
        yield Entry(member, member.key, words, site, line, choices["go"], "head")
    else:
        why = moment.blocked.get(task) or f"{words}: not possible now"
        yield Entry(member, "", why, site, line)
    if "timeout" in choices:
        target = name_of(moment, operation.target)
        words = f"gives up waiting for {target}: its time is over"
        yield Entry(member, TIMEOUT_KEY, words, "", "", choices["timeout"], "head")


def choice_by_key(moment: Moment, known: Sequence[str], key: str) -> Choice | None:
    """What a key of a task, or that of a time-out, lets happen now; None if nothing."""
    for entry in entries(moment, cast(moment, known)):
        if entry.choice is not None and entry.key == key:
            return entry.choice
    return None


def choice_rows(
    moment: Moment, members: Sequence[Member], chosen: Choice | None, width: int, height: int
) -> list[Row]:
    """A row for each; the source line below it if there is room, else beside it."""
    found = entries(moment, members)
    if not found:
        return _nobody(moment)
    names = min(LONGEST_NAME, max([cell_len(each.member.name) for each in found] or [0]))
    tall = height >= 2 * len(found)
    at = next((number for number, each in enumerate(found) if each.choice == chosen), 0)
    rows: list[Row] = []
    for entry in found if tall else found[window(len(found), at, height)]:
        rows += _rows(
            entry, entry.choice is not None and entry.choice == chosen, names, width, tall
        )
    return rows[:height]


def _rows(entry: Entry, is_chosen: bool, names: int, width: int, tall: bool) -> list[Row]:
    head: list[Part] = [
        (" ▸" if is_chosen else "  ", "key"),
        (fit(entry.key, 2), "key" if entry.choice is not None else "dim"),
        (fit_name(entry.member.name, names) + "  ", entry.member.style),
    ]
    used = names + 6
    if not tall:
        site = f"  {entry.site} " if entry.site else ""
        said = fit(entry.words, width - used - cell_len(site))
        return [_row([*head, (said, entry.style), (site, "dim")], entry.id, is_chosen, width)]
    rows = [_row([*head, (entry.words, entry.style)], entry.id, is_chosen, width)]
    if entry.line or entry.site:
        code = "text" if entry.choice is not None else "dim"
        below: list[Part] = [(" " * used, ""), (f"{entry.site}  ", "dim"), (entry.line, code)]
        rows.append(_row(below, entry.id, is_chosen, width))
    return rows


def _row(parts: Sequence[Part], key: str, is_chosen: bool, width: int) -> Row:
    return Row(selected(parts, width) if is_chosen else tuple(parts), key)


def _nobody(moment: Moment) -> list[Row]:
    """What can be done where nobody is left to go."""
    said = ["b  takes your last choice back", "r  runs it again", "w  writes the schedule"]
    head = "the program has ended" if moment.end is not None else "it begins …"
    more = [Row(((f"  {line}", "text"),)) for line in said] if moment.end is not None else []
    return [Row(((f" {head}", "dim"),)), *more]
