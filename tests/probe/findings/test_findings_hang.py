"""Rules on what hangs and what is left: made while a program hangs, of what is at fault, once."""

from __future__ import annotations

from typing import Any

import pytest

from helpers import programs_that_hang as programs
from helpers.agreement import Agreement
from helpers.runs import Observed, RunTogether
from helpers.scenario_runs import FAULTS
from mpviz.trace.explain.findings import zombies
from mpviz.trace.model.state import RunState


def has(rule: str, times: int = 1) -> Any:
    """Whether so many findings of a rule were made."""

    def is_true(state: RunState) -> bool:
        return sum(finding.rule == rule for finding in state.findings.values()) >= times

    return is_true


def has_three_zombies(state: RunState) -> bool:
    return any(len(finding.processes) == 1 + 3 for finding in state.findings.values())


def has_both_forks(state: RunState) -> bool:
    """The parent and two children."""
    forks = [each for each in state.findings.values() if each.rule == "fork-with-threads"]
    return any(len(finding.processes) == 1 + 2 for finding in forks)


def never(state: RunState) -> bool:
    return False


@pytest.fixture(scope="module")
def short_patience() -> Any:
    """Zombies are told of sooner, so that nobody has to wait for them for so long here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zombies, "ZOMBIE_NANOSECONDS", 1_000_000_000)
        yield


@pytest.fixture(scope="module")
def said() -> Agreement:
    """What header and exit status said when each fault had been found."""
    return Agreement()


@pytest.fixture(scope="module")
def faulty(
    run_together: RunTogether,
    python_and_method: tuple[str, str],
    short_patience: None,
    said: Agreement,
) -> dict[str, Observed]:
    python, method = python_and_method
    asked = {
        "lost-task": (programs.LOST_TASK, has("lost-task")),
        "lost-task-closed": (programs.LOST_TASK_OF_CLOSED_POOL, has("lost-task")),
        "dead-holders": (programs.DEAD_HOLDERS, has("dead-holder", 3)),
        "dead-queues": (programs.DEAD_QUEUES, has("dead-queue", 4)),
        "join-before-drain": (programs.JOIN_BEFORE_DRAIN, has("join-before-drain")),
        "join-before-room": (programs.JOIN_BEFORE_ROOM, has("join-before-drain")),
        "left-behind": (programs.LEFT_BEHIND, never),
        "fork-with-threads": (
            programs.FORK_WITH_THREADS,
            has_both_forks if method == "fork" else never,
        ),
    }
    if method != "forkserver":
        # The fork server reaps its children by itself.
        asked["zombies"] = (programs.ZOMBIES, has_three_zombies)
    return run_together(
        {name: (source, said.at(name, until)) for name, (source, until) in asked.items()},
        python,
        method,
    )


@pytest.fixture(scope="module")
def healthy(
    run_together: RunTogether, python_and_method: tuple[str, str], short_patience: None
) -> dict[str, Observed]:
    python, method = python_and_method
    asked = {
        name: (getattr(programs, name), never)
        for name in dir(programs)
        if name.startswith(("NO_", "NOTHING_"))
    }
    return run_together(asked, python, method)


def findings(run: Observed, rule: str) -> list[dict[str, Any]]:
    """All that was found, which is all of this rule; each while it lasted."""
    run.assert_no_probe_error()
    found: list[dict[str, Any]] = run.document["findings"]
    assert {each["rule"] for each in found} <= {rule}, found
    for each in found:
        assert each["since"] <= each["found"]
    return found


def live(run: Observed, rule: str) -> list[dict[str, Any]]:
    """The same, where all was found before the end began."""
    for finding in run.state.findings.values():
        assert finding.found < run.state.ending
    return findings(run, rule)


def pids(run: Observed, *names: str) -> list[int]:
    """The pids that the program has told under these names."""
    told = [(each["name"], each["started"]) for each in run.told if "started" in each]
    return [pid for name in names for known, pid in told if known == name]


def test_a_task_that_died_with_its_worker_is_lost(faulty: dict[str, Observed]) -> None:
    run = faulty["lost-task"]
    (found,) = live(run, "lost-task")
    assert found["pids"] == pids(run, "worker", "main")
    (pool,) = run.document["pools"]
    assert found["objects"] == [f"{pool['id']}/0/3"]
    assert "task 3 of work is lost" in found["message"]
    assert "map() never returns in MainProcess" in found["message"]
    worker = run.state.processes[str(found["pids"][0])]
    assert run.state.findings["lost-task", f"{pool['id']}/0"].since == worker.ended


def test_joining_a_closed_pool_is_a_wait_for_its_lost_task_as_well(
    faulty: dict[str, Observed],
) -> None:
    run = faulty["lost-task-closed"]
    (found,) = live(run, "lost-task")
    assert found["pids"] == pids(run, "worker", "main")


def test_a_lock_of_a_dead_holder_is_found_with_its_waiters(
    faulty: dict[str, Observed],
) -> None:
    run = faulty["dead-holders"]
    found = {each["objects"][0]: each["pids"] for each in live(run, "dead-holder")}
    lock, reentrant, places = (run.one("locks", each) for each in ("lock", "reentrant", "places"))
    assert found == {
        lock["id"]: pids(run, "holder-0", "waiter-0"),
        reentrant["id"]: pids(run, "holder-1", "waiter-1"),
        places["id"]: pids(run, "holder-2", "holder-3", "waiter-2"),
    }


def test_a_queue_in_which_somebody_died_stands_still_for_the_others(
    faulty: dict[str, Observed],
) -> None:
    run = faulty["dead-queues"]
    found = {each["objects"][0]: each for each in live(run, "dead-queue")}
    read, half, many, simple = (
        found[run.one("queues", name)["id"]] for name in ("read", "half", "many", "simple")
    )
    assert len(found) == 4
    assert read["pids"] == pids(run, "reader-1", "waiter-1")
    assert half["pids"] == pids(run, "writer-2", "waiter-2")
    assert many["pids"] == pids(run, "writer-3", "waiter-3")
    assert simple["pids"] == pids(run, "writer-4", "waiter-4")


def test_a_join_before_the_queue_is_drained_is_named(faulty: dict[str, Observed]) -> None:
    for name in ("join-before-drain", "join-before-room"):
        run = faulty[name]
        (found,) = live(run, "join-before-drain")
        assert found["pids"] == pids(run, "main", "worker")
        (queue,) = run.document["queues"]
        assert found["objects"] == [queue["id"]]


def test_children_that_nobody_joins_are_counted(faulty: dict[str, Observed]) -> None:
    run = faulty.get("zombies")
    if run is not None:
        (found,) = live(run, "zombies")
        assert found["pids"] == pids(run, "main", "child")
        assert "3 children of MainProcess" in found["message"]


def test_processes_left_behind_are_named_with_their_activity(faulty: dict[str, Observed]) -> None:
    run = faulty["left-behind"]
    (found,) = findings(run, "left-behind")
    assert found["pids"] == pids(run, "waiter", "sleeper")
    assert "waiter (waiting for lock, held by MainProcess" in found["message"]
    assert "sleeper (sleeping)" in found["message"]


def test_a_fork_beside_threads_of_the_program_is_found_with_their_names(
    faulty: dict[str, Observed], python_and_method: tuple[str, str]
) -> None:
    run = faulty["fork-with-threads"]
    found = live(run, "fork-with-threads")
    if python_and_method[1] != "fork":
        assert found == []
        return
    (fork,) = found
    assert fork["pids"] == pids(run, "main", "child-0", "child-1")
    assert "while 1 other thread of it ran (reader), at program.py:" in fork["message"]


@pytest.mark.parametrize(
    "name", [name for name in dir(programs) if name.startswith(("NO_", "NOTHING_"))]
)
def test_a_healthy_program_close_to_a_fault_is_not_blamed(
    healthy: dict[str, Observed], name: str
) -> None:
    run = healthy[name]
    run.assert_no_probe_error()
    assert [each for each in run.document["findings"] if each["rule"] in FAULTS] == []
    assert run.exit_code == 0, run.stderr


def test_header_findings_and_exit_status_say_one_thing(
    faulty: dict[str, Observed], said: Agreement
) -> None:
    assert {"lost-task", "dead-holders", "dead-queues", "join-before-drain"} <= said.headers.keys()
    for name in faulty:
        said.check(name)
