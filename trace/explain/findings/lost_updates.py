"""Rule: updates of a shared value that were lost, since reading and writing were not one step."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.explain.findings import limits
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.formatting import plural
from mpviz.trace.model.primitives.value import SharedValue
from mpviz.trace.model.state import Finding, RunState


def _find(state: RunState) -> Iterator[Finding]:
    for value in state.table(SharedValue).values():
        undone = sum(value.undone_by.values())
        is_flag = len(value.contents) <= limits.FLAG_CONTENTS
        if undone >= limits.LOST_UPDATES and value.lost_updates and not is_flag:
            yield _finding(value, undone)


def _finding(value: SharedValue, undone: int) -> Finding:
    writers = sorted(value.written_by, key=lambda key: -value.undone_by.get(key, 0))
    off = "lower" if value.lost_updates > 0 else "higher"
    own_lock = f"with {value.name}.get_lock()" if value.name.isidentifier() else "get_lock()"
    return Finding(
        subject=value.id,
        message=f"{undone} of {plural(value.writes.count, 'write')} of {value.name} undid what"
        f" others had written: it is {abs(value.lost_updates)} {off} than it should be",
        cause="A process read it, others wrote, and then it wrote what it had made of the old.",
        fix=f"Hold one lock from the reading to the writing, such as its own: {own_lock}.",
        processes=tuple(writers),
        objects=(value.id,),
        since=value.first_undone,
    )


RULE = Rule(
    name="lost-updates",
    says="updates of a shared value that were lost",
    threshold=f"{plural(limits.LOST_UPDATES, 'lost update')} of a value in whole numbers",
    exempt="a flag, which has only ever held two different values; writes by who has not read"
    " since its own last write; losses that cancel each other out",
    find=_find,
    stays=Stays.AS_IT_WAS,
)
