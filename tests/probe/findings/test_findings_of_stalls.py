"""Rules on waits that nobody can end: each names the cause, and the process that is to blame."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from helpers import programs_that_hang as programs
from helpers.agreement import Agreement
from mpviz.trace.model.state import RunState

if TYPE_CHECKING:
    from tests.conftest import Observed, RunTogether

CASES = {
    "STALLED_BY_A_FAILURE": (
        "stalled",
        "MainProcess waits for an item from queue, at program.py:",
        "oat, started like tea, failed before it did its part: exit code 1: KeyError: 'oat', at",
    ),
    "STALLED_BY_A_CONSUMER": (
        "stalled",
        "MainProcess waits for ",
        "(consumer failed: exit code 1: KeyError: 'oat', at program.py:",
    ),
    "STALLED_BY_AN_UNPICKLABLE_ITEM": (
        "stalled",
        "MainProcess waits for an item from queue",
        "producer could not pickle an item for it, which never got into it",
    ),
    "STALLED_AFTER_A_NOTIFY": (
        "stalled",
        "MainProcess waits for ready.notify(), at program.py:",
        "(early called notify() while nobody waited, and a notify is not kept for later)",
    ),
    "STALLED_WITHOUT_TASK_DONE": (
        "stalled",
        "MainProcess waits for 1 item of queue to be done",
        "2 put, 2 taken, 1 done: worker took 2",
    ),
    "STALLED_BEFORE_THE_FIRST_ITEM": (
        "stalled",
        "MainProcess waits for an item from queue, at program.py:",
        "nothing was ever put into queue; fetcher failed: exit code 3",
    ),
    "STALLED_AT_A_BARRIER": ("stalled", "waits for barrier barrier", "leaves"),
    "RESULTS_UNREAD": (
        "results-unread",
        "MainProcess waits for results of parse",
        "the thread of pool that receives them has died of TypeError",
        "a task has raised BadRow",
    ),
    "FAILING_INITIALIZER": (
        "failing-initializer",
        "no worker of pool survives its initializer open_index",
        "FileNotFoundError: No such file or directory: /nowhere/index, at program.py:",
    ),
    "LOCK_HELD_AT_FORK": (
        "lock-held-at-fork",
        "child waits for a lock at program.py:",
        " in work that none of its threads can release: MainProcess forked it",
    ),
    "LOCK_OF_A_CACHE_HELD_AT_FORK": (
        "lock-held-at-fork",
        " waits for a lock at program.py:",
        " in main that none of its threads can release: MainProcess forked it",
    ),
    "POOL_OF_ANOTHER": (
        "forked-pool",
        "child has submitted 1 call of square to pool, which MainProcess has made: no worker",
    ),
    "POOL_OF_ANOTHER_BY_A_GLOBAL": (
        "forked-pool",
        "child has submitted 1 call of square to pool, which MainProcess has made: no worker",
    ),
    "TERMINATE_UNHEEDED_IN_A_POOL": (
        "terminate-unheeded",
        "was sent SIGTERM",
        "ago and goes on, and MainProcess waits to join it",
    ),
    "TERMINATE_UNHEEDED": (
        "terminate-unheeded",
        "server was sent SIGTERM",
        "ago and goes on, and MainProcess waits to join it",
    ),
    "THREAD_OUTLIVES": (
        "thread-outlives",
        "worker came to the end of its function",
        "and its thread goes on at program.py:",
        " in beat; MainProcess waits to join the process",
    ),
    "BROKEN_EXECUTOR": (
        "broken-executor",
        "executor is broken since worker ",
        "died in task 3 of render (ended by SIGKILL), at program.py:",
    ),
    "ONE_AT_A_TIME": (
        "one-at-a-time",
        "never more than 1 of the 4 workers of pool had a task: each of ",
    ),
    "ERRORS_UNHEARD": (
        "errors-unheard",
        "5 tasks of save raised TypeError in pool, and the program never asked",
    ),
    "MANAGER_GONE": (
        "manager-gone",
        "was ended by SIGTERM, and MainProcess used its objects after that: ",
        ", at program.py:",
    ),
    "TASKS_TOO_BIG": (
        "tasks-too-big",
        " of Model.score carried 1.0 MB each to a worker of pool, ",
    ),
    "BOUND_TO_CORES": (
        "bound-to-cores",
        "processes that want to run may do so on core ",
        " unused",
    ),
}
"""By the name of the program: the rule, and what its sentence says."""


ONLY_BY_FORK = (
    "LOCK_HELD_AT_FORK",
    "LOCK_OF_A_CACHE_HELD_AT_FORK",
    "POOL_OF_ANOTHER",
    "POOL_OF_ANOTHER_BY_A_GLOBAL",
)

BESIDE = ("fork-with-threads", "startup-longer")
"""Rules that may also apply: a child is forked beside a thread, or the machine is busy."""


def has(rule: str) -> Callable[[RunState], bool]:
    def is_true(state: RunState) -> bool:
        # What is found at the end is found when the program ends by itself.
        return any(finding.rule == rule for finding in state.findings.values())

    return is_true


def exists(name: str, method: str) -> bool:
    """Whether the fault can be had under this start method, and on this machine."""
    if name in ONLY_BY_FORK:
        return method == "fork"
    return name != "BOUND_TO_CORES" or len(os.sched_getaffinity(0)) > 1


@pytest.fixture(scope="module")
def said() -> Agreement:
    """What header and exit status said when each fault had been found."""
    return Agreement()


@pytest.fixture(scope="module")
def faulty(
    run_together: RunTogether, python_and_method: tuple[str, str], said: Agreement
) -> dict[str, Observed]:
    python, method = python_and_method
    asked = {
        name: (getattr(programs, name), said.at(name, has(rule)))
        for name, (rule, *_) in CASES.items()
        if exists(name, method)
    }
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


@pytest.mark.parametrize("name", CASES)
def test_header_findings_and_exit_status_say_one_thing(
    faulty: dict[str, Observed], said: Agreement, name: str
) -> None:
    said.check(name)
