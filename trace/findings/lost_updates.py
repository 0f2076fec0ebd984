"""Rule: updates of a shared value that were lost, since reading and writing were not one step."""

from __future__ import annotations

from collections.abc import Iterator

from mpviz.trace.findings import limits
from mpviz.trace.findings.rule import Rule, Stays
from mpviz.trace.primitives.value import SharedValue
from mpviz.trace.state import Finding, RunState


def _find(state: RunState) -> Iterator[Finding]:
    for value in state.table(SharedValue).values():
        lost = value.lost_updates
        if lost >= limits.LOST_UPDATES:
            updates = "1 update" if lost == 1 else f"{lost} updates"
            yield Finding(
                rule="lost-updates",
                subject=value.id,
                message=f"{updates} of {value.name} lost in {value.writes.count} writes",
                cause="A process wrote what it had made of a value that others had changed since.",
                fix=f"Hold one lock from the reading to the writing: with {value.name}.get_lock().",
                processes=tuple(value.written_by),
                objects=(value.id,),
            )


RULE = Rule(
    name="lost-updates",
    says="updates of a shared value that were lost",
    threshold=f"{limits.LOST_UPDATES} lost update",
    exempt="stale writes that lose nothing, and values that are no whole numbers",
    find=_find,
    stays=Stays.AS_IT_WAS,
)
