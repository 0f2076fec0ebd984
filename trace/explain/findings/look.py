"""Asks rules about a state: findings are added, updated, and marked as over or withdrawn."""

from __future__ import annotations

from collections.abc import Iterable

from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model import own_errors
from mpviz.trace.model.state import Finding, RunState, Suspicion

MOST_BETWEEN_LOOKS = 500_000_000
"""Nanoseconds between two looks that count at most for a dead end: usually there are 100 ms."""

SEEN_NANOSECONDS = 400_000_000
"""Nanoseconds for which a fault is seen in any case of a program that ran before mpviz."""


def look(state: RunState, rules: Iterable[Rule]) -> None:
    """Ask these rules what is wrong now, except those that have failed before."""
    dead_ends = {rule.name for rule in rules if rule.is_a_dead_end}
    for rule in rules:
        what = f"the rule {rule.name}"
        if rule.name in state.silenced or what in state.own_errors:
            continue
        if rule.is_last_resort and _is_any_true(state, dead_ends):
            for key in [key for key in state.findings if key[0] == rule.name]:
                del state.findings[key]
            continue
        try:
            _ask(state, rule)
        except Exception as error:
            own_errors.report(state, what, error)


def _is_any_true(state: RunState, names: set[str]) -> bool:
    """Whether a finding of these rules is true now."""
    return any(each.rule in names and each.over < 0 for each in state.findings.values())


def _ask(state: RunState, rule: Rule) -> None:
    now, known, suspected = state.now, state.findings, state.suspected
    seen = set()
    for finding in rule.find(state):
        key = rule.name, finding.subject
        seen.add(key)
        if key in known:
            _bring_up_to_date(known[key], finding)
            continue
        if key not in suspected:
            suspected[key] = Suspicion(now, now, _lasted_before(state, rule, finding))
        suspicion = suspected[key]
        _count(state, suspicion, rule, finding)
        if suspicion.lasted < rule.holds:
            continue
        finding.rule, finding.found = rule.name, now
        finding.is_a_dead_end = rule.is_a_dead_end or rule.is_last_resort
        if finding.since < 0:
            finding.since = suspicion.since
        del suspected[key]
        known[key] = finding
        state.note(now, "", f"found: {finding.message}")
    for key in [key for key in suspected if key[0] == rule.name and key not in seen]:
        del suspected[key]
    if rule.stays is not Stays.AS_IT_WAS:
        _lay_to_rest(state, rule, seen)


def _lasted_before(state: RunState, rule: Rule, finding: Finding) -> int:
    """How long it was so before the first look of a program that ran already, nanoseconds.

    No thread of the processes that it is about has run since then, as the kernel says. Some of the
    time has to be seen all the same: a process may be about to wake.
    """
    if (
        state.run is None
        or not state.run.attached
        or not (rule.is_a_dead_end or rule.is_last_resort)
    ):
        return 0
    since = finding.since if rule.asleep_since_then else _asleep_since(state, finding)
    return max(0, min(state.now - since, rule.holds - SEEN_NANOSECONDS)) if since >= 0 else 0


def _asleep_since(state: RunState, finding: Finding) -> int:
    """When the last thread fell asleep of the processes that it is about; -1 if one is at work."""
    concerned = [state.processes[key] for key in finding.processes if key in state.processes]
    asleep = [each.asleep_since for each in concerned if each.alive]
    return max(asleep) if asleep and min(asleep) >= 0 else -1


def _count(state: RunState, suspicion: Suspicion, rule: Rule, finding: Finding) -> None:
    """Add the time since the last look; of a dead end, that in which its processes had a core.

    A process that lacks one may be about to do what the others wait for. If mpviz itself comes
    late, it has not seen what they did meanwhile.
    """
    passed = state.now - suspicion.looked
    suspicion.looked = state.now
    if rule.is_a_dead_end or rule.is_last_resort:
        concerned = (state.processes[key] for key in finding.processes if key in state.processes)
        lacked = max((process.lacked for process in concerned if process.alive), default=0.0)
        passed = round(min(passed, MOST_BETWEEN_LOOKS) * (1 - lacked))
    suspicion.lasted += passed


def _bring_up_to_date(known: Finding, finding: Finding) -> None:
    """Take over what it says now; when it was found stays."""
    known.message, known.cause, known.fix = finding.message, finding.cause, finding.fix
    known.processes, known.objects = finding.processes, finding.objects
    known.over = -1


def _lay_to_rest(state: RunState, rule: Rule, seen: set[tuple[str, str]]) -> None:
    gone = [key for key in state.findings if key[0] == rule.name and key not in seen]
    for key in gone:
        is_near = rule.nearly is not None and rule.nearly(state, key[1])
        if rule.stays is Stays.WITHDRAWN and not is_near:
            del state.findings[key]
        elif state.findings[key].over < 0:
            state.findings[key].over = state.now
