"""Rule: lost updates of a shared value, whose reading and writing were not one step."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.primitives.value import SharedValue
from mpviz.trace.model.state import Finding, RunState

LOST_UPDATES = 1
"""Minimum number of updates lost, of a value in whole numbers."""

FLAG_CONTENTS = 2
"""A value that has held at most so many different contents is a flag: set, not counted up."""


def _find(state: RunState) -> Iterator[Finding]:
    for value in state.table(SharedValue).values():
        undone = sum(value.undone_by.values())
        is_flag = len(value.contents) <= FLAG_CONTENTS
        if undone >= LOST_UPDATES and value.lost_updates and not is_flag:
            yield _finding(value, undone)


def _finding(value: SharedValue, undone: int) -> Finding:
    writers = sorted(value.written_by, key=lambda key: -value.undone_by.get(key, 0))
    own_lock = f"with {value.name}.get_lock()" if value.name.isidentifier() else "get_lock()"
    return Finding(
        subject=value.id,
        message=_in_words(value, undone),
        cause="A process read the value, others changed it, and then the process overwrote it with"
        " a result of what it had read.",
        fix=f"Hold one lock from the reading to the writing, such as its own: {own_lock}.",
        processes=tuple(writers),
        objects=(value.id,),
        since=value.first_undone,
    )


def _in_words(value: SharedValue, undone: int) -> str:
    """Of a count that is lower than it should be, what it is and what it should be."""
    if value.length == 1 and value.lost_updates > 0 and isinstance(value.last, int):
        lost = plural(value.lost_updates, "update")
        is_or_are = "is" if value.lost_updates == 1 else "are"
        return (
            f"{lost} of {value.name} {is_or_are} lost: it is {value.last} and should be"
            f" {value.last + value.lost_updates}"
        )
    off = "lower" if value.lost_updates > 0 else "higher"
    return (
        f"updates of {value.name} are lost: {undone} of {plural(value.writes.count, 'write')}"
        f" overwrote a newer value, so that it is {abs(value.lost_updates)} {off} than it should be"
    )


RULE = Rule(
    name="lost-updates",
    says="updates of a shared value that were lost",
    threshold=f"{plural(LOST_UPDATES, 'lost update')} of a value in whole numbers",
    exempt="flags, which have only ever held two different values; writes by a process that has not"
    " read since its previous write; losses that cancel each other out",
    find=_find,
    stays=Stays.AS_IT_WAS,
)
