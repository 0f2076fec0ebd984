"""The scenarios that hang by design: without a screen they are ended, and the document says why."""

from __future__ import annotations

import re
from typing import Any

import pytest

from helpers.command import watch_side_by_side
from helpers.scenario_runs import assert_time_adds_up
from mpviz.scenarios.catalogue import scenarios

HANGING = sorted(name for name, scenario in scenarios().items() if scenario.hangs)

WORDS = {"bank": ["bank", "way=own-order"]}
"""Of those that do not hang unless they are told to."""

STUCK = {
    "bank": {
        "MainProcess": "join transfer-1",
        "transfer-1": "bob.get_lock(), held by transfer-2",
        "transfer-2": "alice.get_lock(), held by transfer-1",
    },
    "deadlock": {
        "MainProcess": "join worker-1",
        "worker-1": "locks[1], held by worker-2",
        "worker-2": "locks[0], held by worker-1",
    },
    "join-before-drain": {
        "MainProcess": "join Process-1",
        "Process-1": "queue to be drained",
    },
    "last-item": {
        "MainProcess": "join consumer-N",
        "consumer-N": "an item from queue",
    },
    "killed-worker": {"MainProcess": "results of process_item, 11 of 12 tasks"},
    "queue-corruption": {
        "MainProcess": "join producer-2",
        "producer-2": "queue to be drained",
        "consumer-1": "an item from queue",
        "consumer-2": "an item from queue",
    },
}
"""Who waits for what in each."""

EITHER = ("last-item",)
"""Where the moment decides which process is stuck: any number in their names is N."""

FOUND = {
    "bank": ("deadlock", ["transfer-1", "transfer-2"]),
    "deadlock": ("deadlock", ["worker-1", "worker-2"]),
    "join-before-drain": ("join-before-drain", ["MainProcess", "Process-1"]),
    "last-item": ("deadlock", ["MainProcess", "consumer-"]),
    "killed-worker": ("lost-task", ["ForkPoolWorker-", "MainProcess"]),
    "queue-corruption": ("dead-queue", ["producer-1", "consumer-1", "producer-2", "consumer-2"]),
}
"""The one finding of each, and whom it names, by the beginnings of their names."""

SIGTERM = 128 + 15


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The documents of all of them, run at the same time: each takes as long as its limit."""
    folder = tmp_path_factory.mktemp("hanging")
    return watch_side_by_side(folder, {name: WORDS.get(name, [name]) for name in HANGING}, SIGTERM)


def test_these_are_all() -> None:
    assert set(HANGING) == set(STUCK)


@pytest.mark.parametrize("name", HANGING)
def test_a_hang_is_ended_at_its_limit_and_named(
    ended: dict[str, dict[str, Any]], name: str
) -> None:
    document = ended[name]
    hang = {each["name"]: each["waits_for"] for each in document["run"]["hang"]}
    if name in EITHER:
        hang = {_numberless(key): _numberless(waits) for key, waits in hang.items()}
    assert hang == STUCK[name]
    assert document["run"]["duration"] >= scenarios()[name].limit
    assert_time_adds_up(document)
    assert (document["stream"]["lost"], document["stream"]["probe_errors"]) == (0, 0)


def _numberless(words: str) -> str:
    return re.sub(r"-\d\b", "-N", words)


@pytest.mark.parametrize("name", HANGING)
def test_what_is_wrong_is_found_while_it_hangs(ended: dict[str, dict[str, Any]], name: str) -> None:
    document = ended[name]
    rule, names = FOUND[name]
    (found,) = document["findings"]
    assert found["rule"] == rule
    by_pid = {each["pid"]: each["name"] for each in document["processes"]}
    named = [by_pid[pid] for pid in found["pids"]]
    assert len(named) == len(names)
    for known in names:
        assert any(each.startswith(known) for each in named)
    assert found["since"] <= found["found"] < scenarios()[name].limit
    assert found["over"] is None


def test_the_lost_task_is_named(ended: dict[str, dict[str, Any]]) -> None:
    (lost,) = [task for task in ended["killed-worker"]["tasks"] if task["outcome"] == "lost"]
    (pool,) = ended["killed-worker"]["pools"]
    assert lost["id"] == f"{pool['id']}/0/{lost['index']}"
    (killed,) = [each for each in ended["killed-worker"]["processes"] if each["exit_code"] == -9]
    assert lost["worker_pid"] == killed["pid"]
