"""Rules on who waits for whom, who uses what is not his, and what is gone: each names the cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from helpers import programs_that_wait as programs
from helpers.scenario_runs import FAULTS
from mpviz.trace.model.state import RunState

if TYPE_CHECKING:
    from tests.conftest import Observed, RunTogether

CASES = {
    "STALLED_AT_A_MANAGERS_QUEUE": (
        "stalled",
        "MainProcess waits for an answer from manager SyncManager-1 to queue.get, at program.py:",
        "putter failed: exit code 1: ValueError: nothing to put, at program.py:",
    ),
    "STALLED_BY_A_MISSING_RELEASE": (
        "stalled",
        "MainProcess waits for semaphore ready, at program.py:",
        "beginner failed: exit code 1: FileNotFoundError: No such file or directory: /nowhere",
    ),
    "STALLED_BY_ONE_THAT_WAITS": (
        "stalled",
        "MainProcess waits for an item from results, at program.py:",
        ", has not done its part: it waits for an item from tasks",
    ),
    "STALLED_BY_A_KILLED_WAITER": (
        "stalled",
        "MainProcess waits for the waiters of condition ready to wake, killed died waiting",
        "(killed could, and has ended)",
    ),
    "STALLED_WITHOUT_AN_END": (
        "stalled",
        "receiver waits for a message on pipe receiving/sending, from sender, which has ended",
        "the sending end is still open in MainProcess",
    ),
    "RESULTS_UNREAD_AFTER_A_CALLBACK": (
        "results-unread",
        "MainProcess waits for results of parse",
        "the thread of pool that receives them has died of LookupError: 1",
    ),
    "TERMINATED_POOL": (
        "terminated-pool",
        "MainProcess waits for results of wait_long",
        "which never come: pool was terminated at program.py:",
    ),
    "NOTIFIED_BEFORE_THE_WAIT": (
        "deadlock",
        "waiter waits for condition.notify() (:",
        "): MainProcess called notify() while nobody waited, and a notify is not kept for later",
    ),
    "SET_BEFORE_THE_WAIT": (
        "deadlock",
        "waiter waits for event begun",
        "): MainProcess set it and cleared it again before the wait began",
    ),
    "SENTINELS_TOO_FEW": (
        "deadlock",
        "waits for an item from tasks (:",
        "): MainProcess put 3 items into tasks, and all 3 were taken",
    ),
    "BOTH_SEND": (
        "deadlock",
        "MainProcess waits for room in pipe mine/theirs (program.py:",
        "; other waits for room in pipe mine/theirs (:",
    ),
    "RING_OF_PIPES": (
        "deadlock",
        "MainProcess waits for a message on pipe mine/theirs, from other (program.py:",
        "; other waits for a message on pipe mine/theirs, from MainProcess (:",
    ),
    "RING_OF_QUEUES": (
        "deadlock",
        "MainProcess waits for an item from two (program.py:",
        "); one waits for an item from one (:",
    ),
    "RING_OF_TASKS": (
        "deadlock",
        "MainProcess holds lock (program.py:",
        " and waits for 1 item of queue to be done (:",
        "; worker waits for lock (:",
    ),
    "RING_OF_A_MANAGER": (
        "deadlock",
        "MainProcess holds lock of a manager (program.py:",
        " and waits to join worker (:",
        "; worker waits for lock of a manager (:",
    ),
    "HOLDER_IN_A_MANAGER_IS_DEAD": (
        "dead-holder",
        "lock of a manager is held by holder, which is dead (exit code 1) and took it at ",
        "1 process waits for it: MainProcess, at program.py:",
    ),
    "SET_IN_A_HANDLER": (
        "deadlock",
        "MainProcess waits for the waiters of event stop to wake, of which it is one itself",
    ),
    "NOTIFY_IN_A_HANDLER": (
        "deadlock",
        "MainProcess waits for the waiters of condition ready to wake, of which it is one itself",
    ),
    "UNGUARDED": (
        "no-main-guard",
        " failed with RuntimeError: program.py:8 starts processes without if __name__",
    ),
    "UNGUARDED_POOL": (
        "no-main-guard",
        " failed with RuntimeError: program.py:8 starts processes without if __name__",
    ),
    "FORKED_POOL": (
        "forked-pool",
        "asker has submitted 1 call of abs to pool, which MainProcess has made: no worker",
    ),
    "FORKED_EXECUTOR": (
        "forked-pool",
        "asker has submitted 1 call of abs to executor, which MainProcess has made: no",
    ),
    "MEMORY_GONE": (
        "memory-gone",
        "shared memory block of MainProcess is gone, and nobody had unlinked it: ",
        " had attached it, and had ended when MainProcess looked for it, at program.py:",
    ),
    "MEMORY_GONE_FOR_A_CHILD": (
        "memory-gone",
        "shared memory numbers of MainProcess is gone, and nobody had unlinked it: ",
        " had attached it, and had ended when child looked for it, at program.py:",
    ),
    "EMPTY_TOO_EARLY_FOR_RESULTS": (
        "empty-too-early",
        "1 item of results was never taken: MainProcess found it empty, at program.py:",
        ", when 1 was still on the way, and took no more",
    ),
    "EMPTY_TOO_EARLY_FOR_WORKERS": (
        "empty-too-early",
        "of tasks were never taken: one and other found it empty, at program.py:",
        " still on the way, and took no more",
    ),
}
"""By the name of the program: the rule, and what its sentence says."""

HEALTHY = tuple(name for name in dir(programs) if name.startswith("NO_"))

BESIDE = ("fork-with-threads", "startup-longer")
"""Rules that may also apply: a child is forked beside a thread, or the machine is busy."""


def has(rule: str) -> Callable[[RunState], bool]:
    def is_true(state: RunState) -> bool:
        return any(finding.rule == rule for finding in state.findings.values())

    return is_true


def exists(name: str, method: str) -> bool:
    """Whether the fault can be had under this start method."""
    if name.startswith("FORKED"):
        return method == "fork"
    return not name.startswith("UNGUARDED") or method != "fork"


@pytest.fixture(scope="module")
def faulty(run_together: RunTogether, python_and_method: tuple[str, str]) -> dict[str, Observed]:
    python, method = python_and_method
    asked = {
        name: (getattr(programs, name), has(rule))
        for name, (rule, *_) in CASES.items()
        if exists(name, method)
    }
    return run_together(asked, python, method)


@pytest.fixture(scope="module")
def healthy(run_together: RunTogether, python_and_method: tuple[str, str]) -> dict[str, Observed]:
    python, method = python_and_method
    asked = {name: (getattr(programs, name), lambda _: False) for name in HEALTHY}
    return run_together(asked, python, method)


@pytest.mark.parametrize("name", CASES)
def test_the_cause_is_named_once(
    faulty: dict[str, Observed], python_and_method: tuple[str, str], name: str
) -> None:
    if not exists(name, python_and_method[1]):
        assert name not in faulty
        return
    run = faulty[name]
    run.assert_no_probe_error()
    rule, *words = CASES[name]
    found_all = [each for each in run.document["findings"] if each["rule"] not in BESIDE]
    assert [each["rule"] for each in found_all] == [CASES[name][0]]
    (found,) = found_all
    assert found["rule"] == rule
    for each in words:
        assert each in found["message"]
    assert found["over"] is None


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_near_a_fault_and_none_is_left_alone(
    healthy: dict[str, Observed], name: str
) -> None:
    run = healthy[name]
    run.assert_no_probe_error()
    faults = {*FAULTS, "memory-gone", "empty-too-early"}
    found = [each for each in run.document["findings"] if each["rule"] in faults]
    assert found == []
    assert run.exit_code == 0, run.stderr
