"""Managers and shared memory in the fold: who calls what, and who has a block."""

from __future__ import annotations

import pytest

from helpers.story import (
    ANNA,
    BERT,
    CARL,
    MAIN,
    Story,
    doing,
)
from mpviz.trace.model.primitives.manager import (
    Managed,
    ManagedCreated,
    ManagerServing,
    MethodAnswered,
    MethodCalled,
)
from mpviz.trace.model.primitives.memory import (
    MemoryAttached,
    MemoryClosed,
    MemoryCreated,
    MemoryUnlinked,
)
from mpviz.trace.model.primitives.process import Exiting


@pytest.fixture
def manager(two: Story) -> Story:
    """Carl serves a dict, which Main has made."""
    two.start(6, CARL, "SyncManager-3")
    two.tell(7, CARL, ManagerServing, object="/tmp/m")
    line = "scores = manager.dict()"
    two.site(12, 9, line)
    created = {"object": "/tmp/m#1", "manager": "/tmp/m", "kind": "dict", "site": 12}
    two.tell(8, MAIN, ManagedCreated, **created)
    return two


def call(story: Story, time: float, pid: int, method: str, name: str = "/tmp/m#1") -> None:
    story.tell(time, pid, MethodCalled, object=name, manager="/tmp/m", kind="dict", method=method)


def test_a_call_waits_for_its_answer(manager: Story) -> None:
    call(manager, 11, ANNA, "update")
    assert manager.words(ANNA) == "an answer from manager SyncManager-3 to scores.update"
    manager.go_on(14, ANNA)
    call(manager, 15, ANNA, "get")
    manager.go_on(16, ANNA)
    call(manager, 17, BERT, "update")
    assert manager.one("managers") == {
        "id": "/tmp/m",
        "name": "SyncManager-3",
        "pid": CARL,
        "calls": 3,
        "objects": [
            {
                "id": "/tmp/m#1",
                "name": "scores",
                "kind": "dict",
                "calls": 3,
                "wait": pytest.approx(0.004),
                "methods": {"update": 2, "get": 1},
            }
        ],
    }
    assert manager.process(CARL).role == "manager"
    assert doing(manager.process(ANNA), 12, 14, 15) == ["result", "running", "result"]
    manager.exit(18, CARL, -9)
    assert manager.words(BERT).endswith("to scores.update, which is dead")


def test_an_answer_ends_the_wait_for_it_also_where_two_threads_wait(manager: Story) -> None:
    call(manager, 11, ANNA, "get")
    event = {"object": "/tmp/m#1", "manager": "/tmp/m", "kind": "dict", "method": "pop"}
    manager.tell(12, ANNA, MethodCalled, thread=7, **event)
    manager.tell(14, ANNA, MethodAnswered, object="/tmp/m#1", method="pop", thread=7)
    assert manager.words(ANNA).endswith("scores.get")
    manager.tell(16, ANNA, MethodAnswered, object="/tmp/m#1", method="get")
    manager.tell(17, ANNA, MethodAnswered, object="/tmp/m#1", method="get")
    assert manager.process(ANNA).wait is None
    (entry,) = manager.one("managers")["objects"]
    assert entry["wait"] == pytest.approx(0.007)


def test_the_id_of_an_object_that_is_gone_is_given_again(manager: Story) -> None:
    call(manager, 11, ANNA, "get")
    manager.tell(12, MAIN, ManagedCreated, object="/tmp/m#1", manager="/tmp/m", kind="list")
    manager.go_on(13, ANNA)
    call(manager, 14, ANNA, "get")
    call(manager, 15, BERT, "append")
    objects = manager.state.table(Managed)
    assert {each.name: each.calls.count for each in objects.values()} == {"scores": 1, "list 1": 2}
    found = {each["name"]: each["methods"] for each in manager.one("managers")["objects"]}
    assert found == {"scores": {"get": 1}, "list 1": {"get": 1, "append": 1}}


def test_objects_that_come_and_go_count_by_kind(two: Story) -> None:
    for number in range(3):
        event = {"object": f"a#{number}", "manager": "a", "kind": "Iterator", "method": "__next__"}
        two.tell(11 + number, ANNA, MethodCalled, **event)
    assert two.words(ANNA) == "an answer from manager at a to Iterator.__next__"
    (entry,) = two.one("managers")["objects"]
    assert (entry["name"], entry["calls"]) == ("Iterator", 3)
    assert two.one("managers")["pid"] is None


def test_a_block_is_attached_by_those_who_have_not_closed_it_nor_died(two: Story) -> None:
    two.tell(11, ANNA, MemoryCreated, object="psm", size=100)
    for pid in (BERT, BERT, MAIN):
        two.tell(12, pid, MemoryAttached, object="psm", size=100)
    two.tell(13, BERT, MemoryClosed, object="psm")
    entry = two.one("shared_memory")
    assert entry == {
        "id": "psm",
        "name": "SharedMemory 1",
        "size": 100,
        "created_by_pid": ANNA,
        "attached_by": [MAIN, ANNA, BERT],
        "attached_now": [MAIN, ANNA, BERT],
        "unlinked": False,
    }
    two.tell(14, BERT, MemoryClosed, object="psm")
    two.exit(15, ANNA, 0)
    two.tell(16, MAIN, MemoryUnlinked, object="psm")
    entry = two.one("shared_memory")
    assert (entry["attached_now"], entry["unlinked"]) == ([MAIN], True)


def test_a_block_from_elsewhere_and_one_whose_name_is_used_again(two: Story) -> None:
    two.tell(11, ANNA, MemoryAttached, object="theirs", size=7)
    for _ in range(3):
        two.tell(12, ANNA, MemoryCreated, object="ours", size=8)
        two.tell(13, ANNA, MemoryUnlinked, object="ours")
    found = {each["id"]: each for each in two.document()["shared_memory"]}
    assert found.keys() == {"theirs", "ours", "ours~2", "ours~3"}
    assert found["theirs"]["created_by_pid"] is None
    assert (found["theirs"]["name"], found["theirs"]["size"]) == ("theirs", 7)
    two.tell(14, ANNA, MemoryClosed, object="nobody's")
    two.tell(14, ANNA, MemoryUnlinked, object="nobody's")
    assert len(two.document()["shared_memory"]) == 4


@pytest.mark.parametrize(("failed", "found"), [(560, ["manager-gone"]), (450, [])])
def test_the_end_of_a_manager_may_be_known_after_the_failure_that_it_caused(
    failed: float, found: list[str]
) -> None:
    """A process that a fork server made is missing in a sample first."""
    story = Story()
    story.start(3, ANNA, "SyncManager-1", method="forkserver")
    story.tell(4, ANNA, ManagerServing, object="m")
    seen = story.managed(5, "m", "seen")
    story.call(100, MAIN, seen, "len")
    everybody = dict.fromkeys((MAIN, ANNA), (0, 0.0))
    story.sample(400, [0, 0], everybody)
    if failed > 500:
        story.sample(500, [0, 0], everybody)
    story.tell(failed, MAIN, Exiting, error="ConnectionResetError: reset by peer")
    if failed < 500:
        story.sample(500, [0, 0], everybody)
    story.exit(700, ANNA, -15)
    story.end(800, 1)
    assert story.rules == found
