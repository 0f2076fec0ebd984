"""Small programs that fail in some orders, each with a twin in which the fault is mended."""

from __future__ import annotations

from typing import NamedTuple

_BEGIN = """
import multiprocessing as mp

def start(target, *arguments, name):
    process = mp.Process(target=target, args=arguments, name=name)
    process.start()
    return process

def run_all(*processes):
    for process in processes:
        process.join()
"""
_END = """
if __name__ == "__main__":
    main()
"""


class Pair(NamedTuple):
    """A program with a fault, and one without; and what kind of failure the fault is."""

    faulty: str
    mended: str
    kind: str


def source(body: str) -> str:
    """The whole program."""
    return _BEGIN + body + _END


_LOST_UPDATE = """
def add(number):
    {how}number.value += 1

def main():
    number = mp.Value("i", 0)
    run_all(*[start(add, number, name=name) for name in ("one", "other")])
    assert number.value == 2
"""

_TWO_LOCKS = """
def use(first, second):
    with first, second:
        pass

def main():
    left, right = mp.Lock(), mp.Lock()
    run_all(start(use, left, right, name="one"), start(use, {order}, name="other"))
"""

_LAST_ITEM = """
from queue import Empty

def take(queue):
    {how}

def main():
    queue = mp.Queue()
    queue.put(1)
    run_all(start(take, queue, name="one"), start(take, queue, name="other"))
    queue.cancel_join_thread()
"""

_TORN = """
def write(lock, low, high, number):
    {lock}low.value = number
    {lock_again}high.value = number

def look(lock, low, high):
    with lock:
        assert low.value == high.value

def main():
    lock, low, high = mp.Lock(), mp.Value("i", 0), mp.Value("i", 0)
    run_all(
        start(write, lock, low, high, 1, name="writer"),
        start(write, lock, low, high, 2, name="other writer"),
        start(look, lock, low, high, name="reader"),
    )
"""
_TORN_MENDED = """
def write(lock, low, high, number):
    with lock:
        low.value = number
        high.value = number

def look(lock, low, high):
    with lock:
        assert low.value == high.value

def main():
    lock, low, high = mp.Lock(), mp.Value("i", 0), mp.Value("i", 0)
    run_all(
        start(write, lock, low, high, 1, name="writer"),
        start(write, lock, low, high, 2, name="other writer"),
        start(look, lock, low, high, name="reader"),
    )
"""

_LOST_WAKE_UP = """
def wait(ready, is_ready):
    {wait}

def tell(ready, is_ready):
    with ready:
        is_ready.value = 1
        ready.notify()

def main():
    ready, is_ready = mp.Condition(), mp.Value("i", 0)
    run_all(
        start(wait, ready, is_ready, name="waiter"), start(tell, ready, is_ready, name="teller")
    )
"""

_TWO_RESOURCES = """
def use(first, second):
    first.acquire()
    second.acquire()
    second.release()
    first.release()

def main():
    pens, papers = mp.Semaphore(1), mp.Semaphore({papers})
    run_all(start(use, pens, papers, name="one"), start(use, papers, pens, name="other"))
"""

_CLEARED_EVENT = """
def wait(go):
    go.wait()

def signal(go):
    go.set()
    {then}

def main():
    go = mp.Event()
    run_all(start(wait, go, name="waiter"), start(signal, go, name="signaller"))
"""

_MET_TOO_LATE = """
def measure(meeting, total, number):
    {before}
    meeting.wait()
    {after}

def main():
    meeting, total = mp.Barrier(2), mp.Value("i", 0)
    run_all(
        start(measure, meeting, total, 1, name="one"),
        start(measure, meeting, total, 2, name="other"),
    )
"""

_ADD = "with total: total.value += number"
_CHECK = "assert total.value == 3"

_END_OF_WORK = """
def work(tasks):
    while tasks.get() is not None:
        pass

def main():
    tasks = mp.Queue()
    workers = [start(work, tasks, name=name) for name in ("one", "other")]
    for item in {items}:
        tasks.put(item)
    run_all(*workers)
"""

PAIRS = {
    "lost update": Pair(
        _LOST_UPDATE.format(how=""), _LOST_UPDATE.format(how="with number: "), "exit"
    ),
    "two locks": Pair(
        _TWO_LOCKS.format(order="right, left"), _TWO_LOCKS.format(order="left, right"), "deadlock"
    ),
    "empty, then get": Pair(
        _LAST_ITEM.format(how="queue.empty() or queue.get()"),
        _LAST_ITEM.format(
            how="try:\n        queue.get(timeout=1)\n    except Empty:\n        pass"
        ),
        "deadlock",
    ),
    "torn state": Pair(
        _TORN.format(lock="with lock: ", lock_again="with lock: "), _TORN_MENDED, "exit"
    ),
    "lost wake-up": Pair(
        _LOST_WAKE_UP.format(
            wait="if not is_ready.value:\n        with ready:\n            ready.wait()"
        ),
        _LOST_WAKE_UP.format(
            wait="with ready:\n        while not is_ready.value:\n            ready.wait()"
        ),
        "deadlock",
    ),
    "two resources": Pair(
        _TWO_RESOURCES.format(papers=1), _TWO_RESOURCES.format(papers=2), "deadlock"
    ),
    "cleared event": Pair(
        _CLEARED_EVENT.format(then="go.clear()"), _CLEARED_EVENT.format(then="pass"), "deadlock"
    ),
    "sum at a barrier": Pair(
        _MET_TOO_LATE.format(
            before="pass", after="with total: total.value += number\n    assert total.value == 3"
        ),
        _MET_TOO_LATE.format(
            before="with total: total.value += number", after="assert total.value == 3"
        ),
        "exit",
    ),
    "one end for two": Pair(
        _END_OF_WORK.format(items="(1, None)"),
        _END_OF_WORK.format(items="(1, None, None)"),
        "deadlock",
    ),
}
"""By name: the four of the trial, and five more."""
