"""Events, conditions and barriers of a real program: who waits, who wakes them, who is dead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from helpers.runs import INTERRUPTING, Observed, RunProgram, run_to_end
from mpviz.trace.launch.session import Session
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.primitives.lock import Lock, LockAcquired, LockReleased
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import wait_in_words

COMMON = """
import multiprocessing as mp, os, signal, sys, threading, time
from telling import tell

def asleep(condition):
    return condition._sleeping_count.get_value() - condition._woken_count.get_value()

def until(true):
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)

def error_of(call, *args, **kwargs):
    try:
        return call(*args, **kwargs)
    except Exception as error:
        return type(error).__name__
"""

PROGRAM = """
def follow(start, ready, stage, polled):
    answers = [start.wait(), start.wait(60)]
    with ready:
        answers += [ready.wait()]
    places = [stage.wait() for _ in range(5)]
    for _ in range(1000):
        polled.is_set()
    tell(name=mp.current_process().name, answers=answers, in_range=set(places) <= {0, 1, 2})

def alone():
    own, tick = mp.Event(), mp.Condition()
    own.set()
    with tick:
        tell(name="alone", answers=[own.wait(), own.is_set(), tick.wait(0.01)])

def hand_over(around, done):
    with around:
        around.notify_all()
        done.set()

def work_off(tasks):
    while True:
        tasks.get()
        tasks.task_done()

def events():
    gate = mp.Event()
    answers = [gate.is_set(), gate.wait(0.05), gate.wait(0)]
    gate.set()
    gate.set()
    answers += [gate.is_set(), gate.wait(), gate.wait(timeout=0.01)]
    gate.clear()
    gate.clear()
    answers += [gate.wait(-1), error_of(gate.wait, "soon"), error_of(gate.set, 1)]
    threads = [threading.Thread(target=gate.wait) for _ in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: asleep(gate._cond) == 2)
    gate.set()
    for thread in threads:
        thread.join()
    return answers

def conditions():
    quiet = mp.Condition()
    answers = [error_of(quiet.wait), error_of(quiet.notify), error_of(quiet.notify_all)]
    with quiet:
        quiet.notify()
        quiet.notify(n=7)
        answers += [quiet.wait(0.01), quiet.wait_for(lambda: True), quiet.wait_for(int, 0.02)]
        with quiet:
            answers += [quiet.wait(timeout=0.01)]
    lock = mp.Lock()
    around, done = mp.Condition(lock), mp.Event()
    with lock:
        child = mp.Process(target=hand_over, args=(around, done))
        child.start()
        answers += [around.wait()]
    child.join()
    return answers + [done.is_set(), child.exitcode, repr(quiet)[-4:]]

def fail():
    raise ZeroDivisionError

def barriers():
    late = mp.Barrier(2)
    answers = [error_of(late.wait, 0.05), late.broken, error_of(late.wait), late.n_waiting]
    late.reset()
    answers += [late.broken, late.parties]
    cut = mp.Barrier(2)
    caught = []
    thread = threading.Thread(target=lambda: caught.append(error_of(cut.wait)))
    thread.start()
    until(lambda: cut.n_waiting == 1)
    cut.abort()
    thread.join()
    answers += [caught, cut.broken]
    failing = mp.Barrier(1, action=fail)
    answers += [error_of(failing.wait), failing.broken]
    done = []
    single = mp.Barrier(1, lambda: done.append("done"))
    answers += [single.wait(), single.wait(), done]
    again = mp.Barrier(2)
    thread = threading.Thread(target=lambda: caught.append(error_of(again.wait)))
    thread.start()
    until(lambda: again.n_waiting == 1)
    again.reset()
    thread.join()
    return answers + [caught, again.broken]

def main():
    start, polled = mp.Event(), mp.Event()
    ready = mp.Condition()
    stage = mp.Barrier(3)
    children = [mp.Process(target=follow, args=(start, ready, stage, polled)) for _ in range(3)]
    for child in children:
        child.start()
    until(lambda: asleep(start._cond) == 3)
    start.set()
    until(lambda: asleep(ready) == 3)
    with ready:
        ready.notify()
    until(lambda: asleep(ready) == 2)
    with ready:
        ready.notify_all()
    for child in children:
        child.join()

    child = mp.Process(target=alone)
    child.start()
    child.join()
    tell(events=events())
    tell(conditions=conditions())
    tell(barriers=barriers())

    tasks = mp.JoinableQueue()
    worker = mp.Process(target=work_off, args=(tasks,), daemon=True)
    worker.start()
    for number in range(20):
        tasks.put(number)
    tasks.join()
    worker.terminate()
    worker.join()
    with mp.Manager() as manager:
        far, barrier, condition = manager.Event(), manager.Barrier(1), manager.Condition()
        far.set()
        with condition:
            condition.notify()
        tell(manager=[far.wait(), barrier.wait()])

if __name__ == "__main__":
    main()
"""


def in_any_order(told: list[dict[str, object]]) -> list[str]:
    return sorted(json.dumps(facts) for facts in told)


def fields(run: Observed, section: str, name: str, *names: str) -> list[Any]:
    entry = run.one(section, name)
    return [entry[field] for field in names]


def test_nothing_is_missed(run: Observed) -> None:
    run.assert_nothing_was_missed()


def test_every_call_answers_and_fails_as_it_does_without_us(
    run: Observed, bare: list[dict[str, object]]
) -> None:
    assert in_any_order(run.told) == in_any_order(bare)


def test_every_set_clear_and_wait_of_an_event_is_counted(run: Observed) -> None:
    counted = ("sets", "clears", "waits", "timed_out", "is_set")
    assert fields(run, "events", "start", *counted) == [1, 0, 6, 0, True]
    # One of the waits ended by a TypeError.
    assert fields(run, "events", "gate", *counted) == [3, 2, 8, 3, True]
    assert fields(run, "events", "own", *counted) == [1, 0, 1, 0, True]
    assert fields(run, "events", "polled", *counted) == [0, 0, 0, 0, False]
    assert run.one("events", "gate")["wait"] >= 0.05
    assert "sets event start, 3 waiters can go on" in run.log
    assert "sets event gate, 2 waiters can go on" in run.log


def test_an_event_knows_who_set_it(run: Observed) -> None:
    main = run.process("MainProcess")["pid"]
    assert fields(run, "events", "start", "set_by_pid") == [main]
    assert fields(run, "events", "polled", "set_by_pid") == [None]
    assert fields(run, "events", "own", "set_by_pid") != [main]


def test_every_notify_and_wait_of_a_condition_is_counted(run: Observed) -> None:
    counted = ("notifies", "unheard", "wakes", "waits")
    assert fields(run, "conditions", "ready", *counted) == [2, 0, 3, 3]
    assert fields(run, "conditions", "around", *counted) == [1, 0, 1, 1]
    assert fields(run, "conditions", "tick", *counted) == [0, 0, 0, 1]
    notifies, unheard, wakes, waits = fields(run, "conditions", "quiet", *counted)
    assert (notifies, unheard, wakes) == (2, 2, 0)
    # One, as many as fit into the time of wait_for, and one.
    assert waits >= 3


def test_every_round_of_a_barrier_is_counted(run: Observed) -> None:
    counted = ("parties", "rounds", "broken", "waits")
    assert fields(run, "barriers", "stage", *counted) == [3, 5, False, 10]
    assert fields(run, "barriers", "late", *counted) == [2, 0, False, 1]
    assert fields(run, "barriers", "cut", *counted) == [2, 0, True, 1]
    assert fields(run, "barriers", "failing", *counted) == [1, 0, True, 0]
    assert fields(run, "barriers", "single", *counted) == [1, 2, False, 0]
    assert fields(run, "barriers", "again", *counted) == [2, 0, False, 1]
    log = [text for text in run.log if "breaks barrier" in text]
    assert log == [
        "breaks barrier late: a time-out",
        "breaks barrier cut: abort()",
        "breaks barrier failing: its action raised",
    ]


def test_the_program_s_events_conditions_and_barriers_are_shown_and_no_other(
    run: Observed,
) -> None:
    def names(section: str) -> list[str]:
        return sorted(entry["name"] for entry in run.document[section])

    assert names("events") == ["done", "gate", "own", "polled", "start"]
    assert names("conditions") == ["around", "quiet", "ready", "tick"]
    assert names("barriers") == ["again", "cut", "failing", "late", "single", "stage"]
    assert names("locks") == ["lock"]


def test_of_inner_locks_only_those_of_conditions_are_observed(run: Observed) -> None:
    locks = run.state.table(Lock)
    assert sorted(lock.name for lock in locks.values() if lock.inside) == [
        "inside quiet",
        "inside ready",
        "inside tick",
    ]
    taken_and_given = LockAcquired | LockReleased
    recent = [event for event in run.state.recent if isinstance(event, taken_and_given)]
    assert recent
    assert {event.object for event in recent} <= locks.keys()
    # A thousand looks at an event by each of three processes are not told.
    assert run.document["stream"]["records"] < 1000


def test_every_wait_ended(run: Observed) -> None:
    assert not any(process.waits for process in run.state.processes.values())
    processes = [process for process in run.state.processes.values() if process.name != "alone"]
    waited = {span.activity.name for each in processes for span in each.lane.spans}
    assert "SIGNAL" in waited


def test_the_lane_names_the_object_that_is_waited_for(run: Observed) -> None:
    ids = {run.one(*found)["id"] for found in (("events", "start"), ("conditions", "ready"))}
    (child, *_) = [p for p in run.state.processes.values() if p.function == "follow"]
    assert ids <= {span.detail for span in child.lane.spans if span.activity.name == "SIGNAL"}


INTERRUPTED = """
def pass_by(start, stage):
    start.wait()
    stage.wait()

def main():
    start, ready, stage = mp.Event(), mp.Condition(), mp.Barrier(2)
    answers = [interrupted(start.wait), interrupted(start.wait, 60)]
    with ready:
        answers += [interrupted(ready.wait), interrupted(ready.wait, 60)]
    answers += [interrupted(stage.wait), interrupted(stage.wait, 60), stage.n_waiting]
    child = mp.Process(target=pass_by, args=(start, stage))
    child.start()
    start.set()
    stage.wait()
    child.join()
    with ready:
        answers += [ready.wait(0.01)]
        ready.notify()
    tell(answers=answers + [child.exitcode])

if __name__ == "__main__":
    main()
"""


def test_an_interrupt_leaves_everything_as_usable_as_it_was(run_everywhere: RunProgram) -> None:
    run = run_everywhere(COMMON + INTERRUPTING + INTERRUPTED)
    run.assert_nothing_was_missed()
    assert run.facts("answers") == [True] * 6 + [0, False, 0]
    assert fields(run, "events", "start", "sets", "waits", "timed_out") == [1, 3, 0]
    assert fields(run, "conditions", "ready", "waits", "wakes", "unheard") == [3, 0, 1]
    assert fields(run, "barriers", "stage", "rounds", "waits", "broken") == [1, 3, False]
    assert not any(process.waits for process in run.state.processes.values())


DEADLY = """
def wait_at(what, gate):
    if what == "condition":
        gate.acquire()
    gate.wait()

def wake(what, gate):
    if what == "event":
        gate.set()
    elif what == "barrier":
        gate.wait()
    else:
        with gate:
            gate.notify_all()

def main(what):
    if what == "event":
        gate = mp.Event()
    elif what == "barrier":
        gate = mp.Barrier(2)
    else:
        gate = mp.Condition()
    victim = mp.Process(target=wait_at, args=(what, gate), name="victim")
    victim.start()
    condition = gate if what == "condition" else gate._cond
    until(lambda: asleep(condition) == 1)
    # It is counted before it gives the lock back, which it must not take along.
    with condition:
        pass
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    waker = mp.Process(target=wake, args=(what, gate), name="waker")
    waker.start()
    waker.join()

if __name__ == "__main__":
    main(sys.argv[1])
"""


@contextmanager
def running(folder: Path, text: str, *arguments: str, **more: Any) -> Iterator[Session]:
    program = folder / "program.py"
    program.write_text(text)
    (folder / "telling.py").write_text("def tell(**facts): pass\n")
    target = Target([str(program), *arguments], name="program", directory=folder, **more)
    session = start(target, capture=True)
    try:
        yield session
    finally:
        session.close()


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("what", ["event", "condition", "barrier"])
def test_a_waiter_that_is_killed_no_longer_waits_and_blocks_the_one_that_wakes_the_others(
    what: str, start_method: str, tmp_path: Path
) -> None:
    def hangs(state: RunState) -> bool:
        waits = [wait.what for each in state.processes.values() for wait in each.waits.values()]
        return f"wake-{what}" in waits

    with running(tmp_path, COMMON + DEADLY, what, start_method=start_method) as session:
        run_to_end(session, until=hangs)
        state = session.state
        victim, waker = (
            next(each for each in state.processes.values() if each.name == name)
            for name in ("victim", "waker")
        )
        assert (victim.exit_code, victim.waits) == (-9, {})
        assert waker.wait is not None
        words = f"the waiters of {what} gate to wake, victim died waiting"
        assert wait_in_words(state, waker.wait) == words
        assert f"died waiting for {what} gate, which still counts it as a waiter" in [
            entry.text for entry in state.log
        ]
        session.stop()
        run_to_end(session)
        assert state.probe_errors == 0
        assert not any(process.waits for process in state.processes.values())
