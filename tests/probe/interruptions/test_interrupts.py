"""A Ctrl-C in the middle of a wait leaves everything as usable as it was."""

from __future__ import annotations

from helpers.runs import INTERRUPTING, Observed

COMMON = INTERRUPTING
PROGRAM = """
import multiprocessing as mp, os, queue, signal, time
from telling import tell

def hold(lock, ready, go):
    with lock:
        ready.send(1)
        go.recv()

def enter(lock):
    with lock:
        raise AssertionError

def held(lock):
    ready, ready_there = mp.Pipe(duplex=False)
    go_there, go = mp.Pipe(duplex=False)
    holder = mp.Process(target=hold, args=(lock, ready_there, go_there))
    holder.start()
    ready.recv()
    return holder, go

def main():
    lock = mp.Lock()
    holder, go = held(lock)
    answers = [interrupted(lock.acquire), interrupted(lock.acquire, True, 60),
               interrupted(enter, lock)]
    go.send(1)
    holder.join()
    with lock:
        pass
    answers += [lock.acquire(False)]
    lock.release()

    empty = mp.Queue()
    answers += [interrupted(empty.get), interrupted(empty.get, True, 60)]
    empty.put("item")
    answers += [empty.get(), empty.get(timeout=60) if empty.qsize() else None]

    full = mp.Queue(1)
    full.put("first")
    answers += [interrupted(full.put, "second"), interrupted(full.put, "second", True, 60)]
    answers += [full.get()]
    full.put("third")
    answers += [full.get()]

    simple = mp.SimpleQueue()
    answers += [interrupted(simple.get)]
    simple.put("item")
    answers += [simple.get()]

    value = mp.Value("i", 7)
    holder, go = held(value.get_lock())
    answers += [interrupted(lambda: value.value)]
    go.send(1)
    holder.join()
    value.value += 1
    answers += [value.value]

    sleeper = mp.Process(target=time.sleep, args=(600,))
    sleeper.start()
    answers += [interrupted(sleeper.join), interrupted(sleeper.join, 60)]
    sleeper.terminate()
    sleeper.join()
    answers += [sleeper.exitcode]

    with mp.Pool(1) as pool:
        result = pool.apply_async(time.sleep, (600,))
        answers += [interrupted(result.get), interrupted(result.get, 60)]
    tell(answers=answers)
"""


def test_the_program_gets_its_interrupts_and_goes_on(run: Observed) -> None:
    assert run.facts("answers") == [
        *(True, True, True, True),
        *(True, True, "item", None),
        *(True, True, "first", "third"),
        *(True, "item"),
        *(True, 8),
        *(True, True, -15),
        *(True, True),
    ]


def test_nothing_is_missed(run: Observed) -> None:
    run.assert_nothing_was_missed()


def test_an_interrupted_operation_did_not_happen(run: Observed) -> None:
    lock = run.one("locks", "lock")
    assert (lock["acquisitions"], lock["releases"], lock["holder_pid"]) == (3, 3, None)
    for name, items in (("empty", 1), ("full", 2), ("simple", 1)):
        queue = run.one("queues", name)
        assert (queue["puts"], queue["gets"], queue["depth"]) == (items, items, 0), name


def test_every_wait_ended(run: Observed) -> None:
    assert not any(process.waits for process in run.state.processes.values())
    main = run.state.processes[run.state.main]
    waited = {span.activity.name for span in main.lane.spans}
    assert {"LOCK", "QUEUE", "PROCESS", "RESULT"} <= waited
