"""Locks of a real program: who took them, how often, and nothing of what is inside other things."""

from __future__ import annotations

from helpers.runs import Observed, RunProgram

PROGRAM = """
import multiprocessing as mp, os, threading, time
from telling import tell

def take_by_turns(lock, times):
    for number in range(times):
        if number % 2:
            with lock:
                pass
        else:
            lock.acquire()
            lock.release()

def release(lock):
    lock.release()

def hold(lock, ready, go):
    with lock:
        ready.send(1)
        go.recv()

def error_of(call, *args, **kwargs):
    try:
        return call(*args, **kwargs)
    except Exception as error:
        return [type(error).__name__, str(error)]

def wait_for(condition, event, barrier):
    with condition:
        condition.wait_for(lambda: True)
        condition.notify_all()
    event.wait()
    barrier.wait()

def main():
    shared = mp.Lock()
    children = [mp.Process(target=take_by_turns, args=(shared, 50)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()

    tried = mp.Lock()
    ready, ready_there = mp.Pipe(duplex=False)
    go_there, go = mp.Pipe(duplex=False)
    holder = mp.Process(target=hold, args=(tried, ready_there, go_there), name="holder")
    holder.start()
    ready.recv()
    answers = [tried.acquire(False), tried.acquire(block=False), tried.acquire(True, 0.05),
               tried.acquire(timeout=0), tried.acquire(True, -1)]
    go.send(1)
    holder.join()
    answers += [tried.acquire(timeout=5)]
    tried.release()

    deep = mp.RLock()
    answers += [deep.acquire(), deep.acquire(), deep.acquire(False)]
    with deep:
        pass
    deep.release()
    deep.release()
    deep.release()

    places = mp.Semaphore(2)
    answers += [places.acquire(), places.acquire(), places.acquire(False)]
    places.release()
    places.release()
    places.release()
    bounded = mp.BoundedSemaphore(1)
    with bounded:
        answers += [bounded.acquire(block=False)]

    foreign = mp.Lock()
    foreign.acquire()
    child = mp.Process(target=release, args=(foreign,))
    child.start()
    child.join()
    answers += [foreign.acquire(False)]
    foreign.release()

    unheld, unheld_deep, full = mp.Lock(), mp.RLock(), mp.BoundedSemaphore(2)
    answers += [error_of(unheld.release), error_of(unheld_deep.release), error_of(full.release)]
    by_thread = mp.Lock()
    def take(times):
        for _ in range(times):
            with by_thread:
                pass
    threads = [threading.Thread(target=take, args=(50,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for context in ("fork", "spawn"):
        if context != mp.get_start_method():
            elsewhere = mp.get_context(context).Lock()
            with elsewhere:
                pass

    condition, event, barrier = mp.Condition(), mp.Event(), mp.Barrier(2)
    child = mp.Process(target=wait_for, args=(condition, event, barrier))
    child.start()
    answers += [event.is_set()]
    event.set()
    barrier.wait()
    child.join()
    event.clear()
    answers += [event.wait(0.01), child.exitcode]
    own = mp.Lock()
    around = mp.Condition(own)
    with around:
        around.notify()
        answers += [around.wait(0.01)]
    tell(answers=answers, pid=os.getpid(), repr=[repr(shared), repr(places), repr(deep)])
"""


def test_nothing_is_missed(run: Observed) -> None:
    run.assert_nothing_was_missed()


def test_every_call_answers_and_fails_as_it_does_without_us(
    run: Observed, bare: list[dict[str, object]]
) -> None:
    without_pid = [{**facts, "pid": None} for facts in run.told]
    assert without_pid == [{**facts, "pid": None} for facts in bare]


def counts(run: Observed, name: str) -> tuple[int, int]:
    lock = run.one("locks", name)
    return lock["acquisitions"], lock["releases"]


def test_every_acquire_and_release_is_counted(run: Observed) -> None:
    assert counts(run, "shared") == (150, 150)
    assert counts(run, "by_thread") == (100, 100)


def test_an_acquire_that_failed_took_nothing_but_time(run: Observed) -> None:
    assert counts(run, "tried") == (2, 2)
    # A wait of 50 ms is told just after it has begun.
    assert 0.04 <= run.one("locks", "tried")["wait"] < 5
    assert run.one("locks", "tried")["contended"] == 0


def test_only_the_outermost_acquire_of_an_rlock_counts(run: Observed) -> None:
    assert counts(run, "deep") == (1, 1)


def test_a_semaphore_is_taken_as_often_as_it_was(run: Observed) -> None:
    assert counts(run, "places") == (2, 3)
    assert counts(run, "bounded") == (1, 1)


def test_a_lock_may_be_released_by_another_process(run: Observed) -> None:
    assert counts(run, "foreign") == (2, 2)


def test_a_release_that_was_refused_is_none(run: Observed) -> None:
    for name in ("unheld", "unheld_deep", "full"):
        assert counts(run, name) == (0, 0)


def test_in_the_end_nobody_holds_anything(run: Observed) -> None:
    assert {lock["holder_pid"] for lock in run.document["locks"]} == {None}


def test_a_wait_names_the_lock_and_its_holder_s_time_is_counted(run: Observed) -> None:
    tried = run.one("locks", "tried")
    main = run.state.processes[run.state.main]
    waits = [span for span in main.lane.spans if span.detail == tried["id"]]
    assert waits
    assert all(span.activity.name == "LOCK" for span in waits)
    assert tried["hold"] >= 0.05


def test_only_the_program_s_own_locks_are_shown(run: Observed, start_method: str) -> None:
    kinds = {lock["name"]: lock["kind"] for lock in run.document["locks"]}
    expected = {
        "shared": "Lock",
        "tried": "Lock",
        "deep": "RLock",
        "places": "Semaphore",
        "bounded": "BoundedSemaphore",
        "foreign": "Lock",
        "unheld": "Lock",
        "unheld_deep": "RLock",
        "full": "BoundedSemaphore",
        "by_thread": "Lock",
        "own": "Lock",
    }
    elsewhere = {name: kind for name, kind in kinds.items() if name.startswith("elsewhere")}
    assert {name: kinds[name] for name in kinds.keys() - elsewhere.keys()} == expected
    assert len(elsewhere) == (2 if start_method == "forkserver" else 1)


MISUSE = """
import multiprocessing as mp
from telling import tell

def error_of(call, *args, **kwargs):
    try:
        return call(*args, **kwargs)
    except Exception as error:
        return type(error).__name__

if __name__ == "__main__":
    mistakes = []
    for make in (mp.Lock, mp.RLock, mp.Semaphore):
        misused = make()
        mistakes += [
            error_of(misused.acquire, True, "soon"),
            error_of(misused.acquire, 1, 2, 3),
            error_of(misused.acquire, nonsense=1),
            error_of(misused.release, 1),
            misused.acquire(False),
        ]
    tell(mistakes=mistakes)
"""


def test_a_wrong_argument_is_the_error_that_it_was_and_takes_nothing(
    run_on_each_python: RunProgram,
) -> None:
    run = run_on_each_python(MISUSE)
    assert run.facts("mistakes") == ["TypeError", "TypeError", "TypeError", "TypeError", True] * 3


ANOTHERS = """
import multiprocessing as mp, threading
from telling import tell

def release():
    try:
        deep.release()
    except AssertionError:
        tell(refused=True)

if __name__ == "__main__":
    deep = mp.RLock()
    deep.acquire()
    thread = threading.Thread(target=release)
    thread.start()
    thread.join()
"""


def test_an_rlock_is_not_let_go_by_a_thread_that_does_not_have_it(
    run_on_each_python: RunProgram,
) -> None:
    run = run_on_each_python(ANOTHERS)
    assert run.facts("refused") is True
    (deep,) = run.document["locks"]
    assert deep["holder_pid"] == run.process("MainProcess")["pid"]
    assert (deep["acquisitions"], deep["releases"]) == (1, 0)
    # Held from then on to the end of the process.
    assert 0 < deep["hold"] < run.process("MainProcess")["ended"]


PICKLING = """
import multiprocessing as mp, pickle, signal, sys, traceback
from concurrent.futures import ProcessPoolExecutor
from telling import tell

class Alarm(Exception):
    pass

def ring(number, frame):
    raise Alarm

def traceback_of(call, *args):
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        call(*args)
    except Alarm:
        return traceback.format_exc()

def error_of(call, *args):
    try:
        call(*args)
    except Exception as error:
        return repr(error)

def main():
    errors = []
    for lock in (mp.Lock(), mp.RLock(), mp.Semaphore(), mp.Condition(), mp.Value("i")):
        for method in (lock.acquire, lock.release):
            errors.append(error_of(pickle.dumps, method))
    with ProcessPoolExecutor(1) as executor:
        errors.append(repr(executor.submit(mp.Lock().acquire).exception()))
    tell(errors=errors)
    signal.signal(signal.SIGALRM, ring)
    taken, event, condition = mp.Lock(), mp.Event(), mp.Condition()
    taken.acquire()
    ours, theirs = mp.Pipe()
    seen = [traceback_of(taken.acquire), traceback_of(event.wait), traceback_of(theirs.recv)]
    seen += [traceback_of(theirs.poll, 60), traceback_of(mp.Queue().get)]
    seen += [traceback_of(mp.SimpleQueue().get), traceback_of(mp.Barrier(2).wait)]
    with condition:
        seen += [traceback_of(condition.wait)]
    tell(ours=["mpviz" in each for each in seen])
"""


def test_methods_of_a_lock_and_interrupted_waits_fail_as_they_do_without_us(
    run_on_each_python: RunProgram,
) -> None:
    run = run_on_each_python(PICKLING, start_method="fork")
    errors = run.facts("errors")
    assert len(errors) == 11
    for error in errors:
        assert error.startswith("TypeError(") and "SemLock" in error, errors
    assert run.facts("ours") == [False] * 8
    run.assert_nothing_was_missed()


FOLDER_IS_GONE = """
import multiprocessing, os, tempfile
lock = multiprocessing.Lock()
os.chdir(tempfile.mkdtemp())
os.rmdir(os.getcwd())
exec(compile("lock.acquire(); lock.release()", "generated.py", "exec"))
"""


def test_code_whose_folder_is_gone_takes_a_lock_as_without_us(
    run_on_each_python: RunProgram,
) -> None:
    run = run_on_each_python(FOLDER_IS_GONE)
    run.assert_nothing_was_missed()
    assert run.one("locks", "lock")["acquisitions"] == 1
