"""Managers of a real program: what lives in them, who calls what, and how it ends."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from helpers.runs import Observed, run_to_end
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.primitives.manager import Managed, Manager
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import wait_in_words

PROGRAM = """
import multiprocessing as mp, os
from multiprocessing.managers import BaseManager
from telling import tell

class Counter:
    def __init__(self, start):
        self.number = start
    def add(self, number):
        self.number += number
        return self.number
    def fail(self):
        raise ValueError("own")

class OwnManager(BaseManager):
    pass
OwnManager.register("Counter", Counter)

def add(shared, gate, number):
    for _ in range(10):
        with gate:
            shared["sum"] = shared["sum"] + number
    tell(adder=os.getpid())

def take(jobs):
    tell(taken=jobs.get())

def main():
    with mp.Manager() as manager:
        shared = manager.dict(sum=0)
        gate = manager.Lock()
        room = manager.Namespace(self=1)
        jobs = manager.Queue()
        processes = [mp.Process(target=add, args=(shared, gate, number)) for number in (1, 2)]
        processes.append(mp.Process(target=take, args=(jobs,)))
        for process in processes:
            process.start()
        for process in processes[:2]:
            process.join()
        jobs.put("job")
        processes[2].join()
        room.x = 5
        letters = manager.list("abc")
        tell(sum=shared["sum"], x=room.x, letters=list(letters), text=str(shared),
             keys=[key for key in shared], taker=processes[2].pid,
             ended=[process.exitcode for process in processes])
        many = [manager.list() for _ in range(150)]
        for each in many * 2:
            each.append(1)
        for number in range(3):
            short = manager.list([number])
            short.append(number)
            del short
    with OwnManager() as own:
        counter = own.Counter(start=3)
        try:
            counter.fail()
        except ValueError as error:
            tell(error=str(error))
        tell(counted=counter.add(4))
"""


def managed(run: Observed, name: str) -> dict[str, Any]:
    """The one object of this name in any manager."""
    objects = [each for manager in run.document["managers"] for each in manager["objects"]]
    (found,) = [each for each in objects if each["name"] == name]
    entry: dict[str, Any] = found
    return entry


def test_nothing_is_missed(run: Observed) -> None:
    run.assert_nothing_was_missed()


def test_a_manager_is_known_by_the_process_that_serves(run: Observed) -> None:
    first, second = run.document["managers"]
    server = run.process(first["name"])
    assert first["name"].startswith("SyncManager-")
    assert second["name"].startswith("OwnManager-")
    assert (first["pid"], server["role"]) == (server["pid"], "manager")
    assert first["calls"] == sum(each["calls"] for each in first["objects"])


def test_objects_are_known_by_name_and_kind(run: Observed) -> None:
    first, second = run.document["managers"]
    named = [(each["name"], each["kind"]) for each in first["objects"]]
    assert named[:5] == [
        ("shared", "dict"),
        ("gate", "Lock"),
        ("room", "Namespace"),
        ("jobs", "Queue"),
        ("letters", "list"),
    ]
    assert [(each["name"], each["kind"]) for each in second["objects"]] == [("counter", "Counter")]


def test_every_call_is_counted_by_method_and_by_caller(run: Observed) -> None:
    shared = managed(run, "shared")
    methods = shared["methods"]
    assert (methods["__getitem__"], methods["__setitem__"]) == (21, 20)
    assert methods["__iter__"] == methods["__repr__"] == 1
    assert managed(run, "gate")["methods"] == {"acquire": 20, "release": 20}
    assert managed(run, "room")["methods"] == {"__setattr__": 1, "__getattribute__": 1}
    assert managed(run, "jobs")["methods"] == {"get": 1, "put": 1}
    found = run.state.table(Managed)[managed(run, "gate")["id"]]
    adders = [str(facts["adder"]) for facts in run.told if "adder" in facts]
    assert found.called_by == dict.fromkeys(adders, 20)


def test_objects_that_nobody_announced_count_together_by_kind(run: Observed) -> None:
    assert managed(run, "Iterator")["methods"] == {"__next__": 2}


def test_an_id_that_is_given_again_is_another_object(run: Observed) -> None:
    (manager, _) = run.document["managers"]
    short = [each for each in manager["objects"] if each["name"].startswith("short")]
    assert [each["name"] for each in short] == ["short", "short #2", "short #3"]
    assert [each["methods"] for each in short] == [{"append": 1}] * 3


def test_very_many_objects_are_all_recorded(run: Observed) -> None:
    (manager, _) = run.document["managers"]
    many = [each for each in manager["objects"] if each["name"].startswith("many[")]
    assert [each["methods"] for each in many] == [{"append": 2}] * 150


def test_who_waits_for_an_answer_is_seen_waiting(run: Observed) -> None:
    taker = run.state.processes[str(run.facts("taker"))]
    waits = [span for span in taker.lane.spans if span.activity.name == "RESULT"]
    assert {span.detail.rpartition(".")[2] for span in waits} == {"get"}


def test_the_program_gets_what_it_would_get_without_us(run: Observed) -> None:
    assert (run.facts("sum"), run.facts("x")) == (30, 5)
    assert (run.facts("letters"), run.facts("keys")) == (["a", "b", "c"], ["sum"])
    assert (run.facts("text"), run.facts("taken")) == ("{'sum': 30}", "job")
    assert (run.facts("error"), run.facts("counted")) == ("own", 7)
    assert run.facts("ended") == [0, 0, 0]
    assert run.stderr == ""


def test_a_manager_s_own_pipe_is_not_the_program_s(run: Observed) -> None:
    assert run.document["pipes"] == []


LIVE = """
import multiprocessing as mp

def take(jobs):
    try:
        jobs.get()
    except (EOFError, ConnectionResetError):
        # The latter where it is killed before it has read what it is asked.
        print("the manager is gone")

if __name__ == "__main__":
    with mp.Manager() as manager:
        jobs = manager.Queue()
        process = mp.Process(target=take, args=(jobs,))
        process.start()
        process.join()
"""


def test_a_wait_for_an_answer_is_said_in_words_and_ends_with_the_manager(
    tmp_path: Path, start_method: str, nothing_left: None
) -> None:
    program = tmp_path / "live.py"
    program.write_text(LIVE)
    target = Target([str(program)], "live", start_method=start_method)

    def waiting(state: RunState) -> list[Wait]:
        waits = [wait for each in state.processes.values() for wait in each.waits.values()]
        return [wait for wait in waits if wait.what == "answer"]

    session = start(target, capture=True)
    try:
        run_to_end(session, waiting)
        (wait,) = waiting(session.state)
        words = wait_in_words(session.state, wait)
        assert words == "an answer from manager SyncManager-1 to jobs.get"
        (manager,) = session.state.table(Manager).values()
        assert session.signal(manager.server, signal.SIGKILL)
        run_to_end(session)
    finally:
        session.close()
    assert [line.text for line in session.state.output][:1] == ["the manager is gone"]
    assert not any(process.waits for process in session.state.processes.values())
