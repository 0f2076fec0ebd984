"""Whatever an alarm interrupts at a lock or a queue, what is shown is what has happened."""

from __future__ import annotations

from helpers.runs import RunProgram

BEGIN = '''
import gc, multiprocessing as mp, os, random, signal, sys
from telling import tell

class Alarm(Exception):
    """As a program's own time-outs."""

raised, kind = 0, Alarm

def ring(number, frame):
    global raised
    raised += 1
    raise kind("the program's own")

signal.signal(signal.SIGALRM, ring)
'''

LOCKS = """
def use(lock):
    with lock:
        pass
    lock.acquire(True, 1)
    lock.release()

def use_until_it_rings(lock, before):
    # A separate function: up to Python 3.13, the jump back of a loop is not inside its try.
    while raised == before:
        use(lock)

def interrupted(lock, seconds):
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        use_until_it_rings(lock, raised)
    except Alarm:
        # It may be held: a program is interrupted between its own steps as well.
        if not lock.acquire(False):
            lock.release()
        else:
            lock.release()

def main():
    draw = random.Random(5)
    lock, semaphore = mp.Lock(), mp.Semaphore(1)
    for _ in range(1500):
        interrupted(lock, draw.uniform(1e-6, 4e-5))
        interrupted(semaphore, draw.uniform(1e-6, 4e-5))
    assert semaphore.get_value() == 1
    tell(raised=raised)

if __name__ == "__main__":
    main()
"""


def test_locks_are_shown_as_they_are(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(BEGIN + LOCKS)
    run.assert_no_probe_error()
    assert (run.stderr, run.exit_code) == ("", 0)
    assert run.facts("raised") == 3000
    assert run.state.lost == 0
    for name in ("lock", "semaphore"):
        lock = run.one("locks", name)
        assert lock["acquisitions"] == lock["releases"] > 1500, lock
        assert lock["holder_pid"] is None


WAITS = """
def main():
    global kind
    kind = StopIteration
    lock, condition, full = mp.Lock(), mp.Condition(), mp.Queue(1)
    lock.acquire()
    full.put(1)
    arrived = []
    with condition:
        for call in (
            lock.acquire,
            lambda: lock.acquire(timeout=60),
            lambda: condition.wait(60),
            lambda: full.put(2),
        ):
            try:
                # Again and again, in case the first comes before the wait.
                signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
                call()
                arrived.append(False)
            except StopIteration:
                arrived.append(True)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    tell(arrived=arrived)
    full.get()
    lock.release()

if __name__ == "__main__":
    main()
"""


def test_a_wait_ends_with_a_stop_iteration_of_the_program(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(BEGIN + WAITS)
    assert run.facts("arrived") == [True] * 4
    run.assert_no_probe_error()
    assert not any(process.waits for process in run.state.processes.values())


BROKEN = """
import multiprocessing as mp, sys
from telling import tell

def main():
    lock = mp.Lock()
    with lock:
        pass
    wire = sys.modules["mpviz_probe.wire"]
    lines, mask = wire._lines, wire._MASK
    wire._lines, wire._MASK = {}, None
    with lock:
        held = lock.acquire(False)
    free = lock.acquire(False)
    wire._lines, wire._MASK = lines, mask
    lock.release()
    tell(held=held, free=free)
"""


def test_a_lock_works_though_nothing_can_be_told_of_it(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(BROKEN)
    assert (run.stderr, run.exit_code) == ("", 0)
    assert (run.facts("held"), run.facts("free")) == (False, True)


DROPPED = """
import gc, multiprocessing as mp, os
from telling import tell

def main():
    gc.disable()
    mp.SimpleQueue().put(1)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        queue = mp.SimpleQueue()
        queue.put(1)
        queue.get()
        del queue
    tell(left=len(os.listdir("/proc/self/fd")) - before)
"""


def test_a_queue_that_is_dropped_closes_its_pipe_at_once(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(DROPPED)
    run.assert_nothing_was_missed()
    assert run.facts("left") == 0
