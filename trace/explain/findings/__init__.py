"""The findings: rules that name what is wrong, with its cause and what to do about it.

A new rule is one new file here, its threshold in :mod:`mpviz.trace.explain.findings.limits`, and
its name in :data:`RULES`.
"""

from mpviz.trace.explain.findings import (
    dead_holder,
    dead_queue,
    deadlock,
    fork_with_threads,
    join_before_drain,
    left_behind,
    lock_convoy,
    lost_task,
    lost_updates,
    queue_full,
    queue_growing,
    queue_starved,
    serial_by_lock,
    startup_longer,
    straggler,
    tasks_too_small,
    too_many_for_cores,
    too_many_to_feed,
    uneven_workers,
    zombies,
)
from mpviz.trace.explain.findings.look import look
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.state import Finding, RunState

__all__ = ["RULES", "Finding", "Rule", "Stays", "look_at_end", "look_while_it_runs"]

RULES: tuple[Rule, ...] = (
    deadlock.RULE,
    lost_task.RULE,
    dead_holder.RULE,
    dead_queue.RULE,
    join_before_drain.RULE,
    lost_updates.RULE,
    fork_with_threads.RULE,
    left_behind.RULE,
    zombies.RULE,
    serial_by_lock.RULE,
    lock_convoy.RULE,
    queue_full.RULE,
    queue_starved.RULE,
    queue_growing.RULE,
    straggler.RULE,
    uneven_workers.RULE,
    tasks_too_small.RULE,
    startup_longer.RULE,
    too_many_for_cores.RULE,
    too_many_to_feed.RULE,
)
"""Those that say why a program cannot go on first, then what is wrong, then what costs time."""

_WHILE_IT_RUNS = tuple(rule for rule in RULES if not rule.at_end)
_AT_END = tuple(rule for rule in RULES if rule.at_end)


def look_while_it_runs(state: RunState) -> None:
    """Ask what is wrong now; nothing once the end has begun, which has its own look."""
    if state.ending < 0:
        look(state, _WHILE_IT_RUNS)


def look_at_end(state: RunState) -> None:
    """Ask what was wrong, now that all is over."""
    look(state, _AT_END)
