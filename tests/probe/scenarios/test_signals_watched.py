"""The scenarios on talking and signals: pipes, managers, events, barriers and conditions."""

from __future__ import annotations

import re

import pytest

from helpers.scenario_runs import assert_all_ended_well, run

pytestmark = pytest.mark.usefixtures("nothing_left")


def test_every_ball_goes_there_and_comes_back(start_method: str) -> None:
    finished = run(start_method, "pipe-ping-pong", "rounds=25", "think_ms=1")
    pipe = finished.only("pipes")
    assert (pipe["sends"], pipe["receives"]) == (50, 50)
    # Each ball is a pickled int.
    assert pipe["bytes"] > 50
    assert "25 balls returned" in finished.printed
    assert_all_ended_well(finished, ["pong"])


@pytest.mark.parametrize("lock", ["yes", "no"])
def test_every_access_to_a_managers_dict_is_a_call(start_method: str, lock: str) -> None:
    finished = run(
        start_method, "manager-dict", "workers=3", "images=60", "pause_ms=4", f"lock={lock}"
    )
    manager = finished.only("managers")
    objects = {entry["kind"]: entry for entry in manager["objects"]}
    # Each image: get and set of the worker's own key, get and set of the shared one.
    assert objects["dict"]["methods"] == {"__getitem__": 120, "__setitem__": 120, "copy": 1}
    if lock == "yes":
        assert objects["Lock"]["methods"] == {"acquire": 60, "release": 60}
        assert "expected 60, final 60, lost 0" in finished.printed
    else:
        assert "Lock" not in objects
    assert manager["calls"] == sum(entry["calls"] for entry in objects.values())
    names = ["SyncManager-1", "worker-1", "worker-2", "worker-3"]
    assert_all_ended_well(finished, names)


def test_one_set_is_enough_for_all_who_wait(start_method: str) -> None:
    finished = run(start_method, "event-gate", "workers=4", "open_after_s=0.5", "gap_s=0.05")
    event = finished.only("events")
    assert (event["name"], event["sets"], event["waits"]) == ("gate", 1, 4)
    assert event["wait"] >= 0
    # What an Event is made of is not the program's.
    assert finished.document["locks"] == []
    assert "all 4 are through" in finished.printed
    assert_all_ended_well(finished, [f"worker-{number}" for number in (1, 2, 3, 4)])


def test_all_parties_meet_in_every_round(start_method: str) -> None:
    finished = run(start_method, "barrier", "rounds=2")
    barrier = finished.only("barriers")
    found = [barrier[name] for name in ("name", "parties", "rounds", "waits")]
    # In each round all wait but the last to come.
    assert found == ["barrier", 4, 2, 6]
    assert finished.document["locks"] == []
    assert finished.printed.count("round 2 done") == 4
    assert_all_ended_well(finished, [f"worker-{number}" for number in (1, 2, 3, 4)])


def test_a_consumer_is_woken_as_often_as_it_lay_down(start_method: str) -> None:
    finished = run(start_method, "condition", "consumers=3", "orders=5", "make_ms=3", "use_ms=1")
    condition, stock = finished.only("conditions"), finished.only("values")
    waited = len(re.findall(r"^consumer-\d: .* I wait$", finished.printed, re.MULTILINE))
    found = [condition[name] for name in ("name", "notifies", "waits", "wakes")]
    # One notify_all for each of the 30 items.
    assert found == ["condition", 30, waited, waited]
    # Added one by one, and taken 15 times; the condition's lock keeps both apart.
    assert [stock[name] for name in ("last", "writes", "lost_updates")] == [0, 45, 0]
    assert "all ended, 0 left in stock" in finished.printed
    assert_all_ended_well(finished, [f"consumer-{number}" for number in (1, 2, 3)])
