"""The findings: rules that name what is wrong, with its cause and what to do about it.

A new rule is one new file here, with its thresholds, and the file's name in :data:`RULES`.
"""

from importlib import import_module

from mpviz.trace.explain.findings.look import look
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.state import ENDED_BY_CTRL_C, Finding, RunState

__all__ = ["RULES", "Finding", "Rule", "Stays", "look_at_end", "look_while_it_runs"]

RULES: tuple[Rule, ...] = tuple(
    import_module(f"{__name__}.{file}").RULE
    for file in (
        "deadlock",
        "lost_task",
        "dead_holder",
        "dead_queue",
        "join_before_drain",
        "results_unread",
        "terminated_pool",
        "failing_initializer",
        "lock_held_at_fork",
        "import_lock",
        "no_main_guard",
        "forked_pool",
        "terminate_unheeded",
        "thread_outlives",
        "broken_executor",
        "manager_gone",
        "memory_gone",
        "errors_unheard",
        "empty_too_early",
        "stalled",
        "lost_updates",
        "fork_with_threads",
        "left_behind",
        "zombies",
        "serial_by_lock",
        "lock_convoy",
        "queue_full",
        "queue_starved",
        "queue_growing",
        "straggler",
        "uneven_workers",
        "tasks_too_small",
        "pool_for_each_call",
        "startup_longer",
        "one_at_a_time",
        "tasks_too_big",
        "read_before_start",
        "results_pile_up",
        "bound_to_cores",
        "too_many_for_cores",
        "too_many_threads",
        "too_many_to_feed",
    )
)
"""First what keeps a program from going on, then other faults, then what costs time."""

_WHILE_IT_RUNS = tuple(rule for rule in RULES if not rule.at_end)
_DEAD_ENDS = tuple(each for each in _WHILE_IT_RUNS if each.is_a_dead_end or each.is_last_resort)
_AT_END = tuple(rule for rule in RULES if rule.at_end)


def look_while_it_runs(state: RunState) -> None:
    """Ask what is wrong now; nothing once the end has begun, which has its own look.

    A Ctrl-C may be the end: what was found before it is not over because of it. A program that
    goes on has cancelled calls and lost workers by then: only what keeps it from its end counts.
    """
    may_be_ending = state.interrupted >= 0 and state.now < state.interrupted + ENDED_BY_CTRL_C
    if state.ending < 0 and not may_be_ending:
        look(state, _WHILE_IT_RUNS if state.interrupted < 0 else _DEAD_ENDS)


def look_at_end(state: RunState) -> None:
    """Ask what was wrong, now that all is over."""
    look(state, _AT_END)
