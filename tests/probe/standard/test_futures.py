"""Executors of a real program: each call started and ended once, where it really ran, or never."""

from __future__ import annotations

import json
from typing import Any

import pytest

from helpers.runs import Observed, RunProgram, RunTogether
from mpviz.trace.model.events import Waiting
from mpviz.trace.model.state import RunState

COMMON = """
import os, signal, sys, threading, time
from concurrent import futures
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from telling import tell

def who(number, more=0):
    return [number, os.getpid()]

def fail(number):
    raise KeyError(number)

def hold(gate):
    with open(gate) as opened:
        opened.read()
    return os.getpid()

def fail_together(number, gate):
    # A FIFO opens when both are there: were the first to fail alone, the other would be cancelled.
    os.close(os.open(gate, os.O_WRONLY if number == 8 else os.O_RDONLY))
    fail(number)

def die(gate):
    hold(gate)
    os.kill(os.getpid(), signal.SIGKILL)

def make_gate(name):
    os.mkfifo(name)
    return name

def open_gate(name):
    with open(name, "w") as opened:
        opened.write("go")

def error_of(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return type(error).__name__
"""

PROGRAM = """
def prepare(text):
    tell(initialized=[os.getpid(), text])

def unpicklable(number):
    return lambda: number

class Callable:
    def __call__(self, number):
        return os.getpid()

def main():
    calls = {}
    with ProcessPoolExecutor(2, initializer=prepare, initargs=("ready",)) as executor:
        calls["map"] = list(executor.map(who, range(10), chunksize=3))
        calls["map two"] = list(executor.map(who, range(3), range(3)))
        submitted = [executor.submit(who, number) for number in range(4)]
        calls["submit"] = [future.result() for future in submitted]
        calls["empty"] = list(executor.map(who, []))
        calls["callable"] = executor.submit(Callable(), 1).result()
        calls["raised"] = error_of(executor.submit(fail, 7).result)
        together = [make_gate("together")] * 2
        calls["raised in map"] = error_of(list, executor.map(fail_together, [7, 8], together))
        calls["unpicklable"] = error_of(executor.submit(unpicklable, 7).result)
        calls["unsendable"] = error_of(executor.submit(lambda: 7).result)
        calls["after"] = executor.submit(who, 1).result()
    calls["late"] = error_of(executor.submit, who, 1)
    with ProcessPoolExecutor(1) as cancelled:
        gate = make_gate("cancelled")
        held = cancelled.submit(hold, gate)
        rest = [cancelled.submit(who, number) for number in range(8)]
        calls["cancelled"] = [future.cancel() for future in reversed(rest)][::-1]
        open_gate(gate)
        held.result()
    with ThreadPoolExecutor(2) as threads:
        calls["threads"] = list(threads.map(len, ["a", "bc"]))
        calls["raised in thread"] = error_of(threads.submit(fail, 7).result)
        calls["waited"] = len(futures.wait([threads.submit(len, "a")]).done)
    tell(calls=calls, pid=os.getpid(), threads=threading.active_count())
"""


def jobs_of(run: Observed, pool: str = "executor") -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = run.one("pools", pool)["jobs"]
    return jobs


def tasks_of(run: Observed, job: int, pool: str = "executor") -> list[dict[str, Any]]:
    """The tasks of the job with this number, by index."""
    entry = run.one("pools", pool)
    tasks = [
        task for task in run.document["tasks"] if (task["pool"], task["job"]) == (entry["id"], job)
    ]
    return sorted(tasks, key=lambda task: task["index"])


def sums_of(run: Observed, pool: str) -> dict[str, int]:
    """What became of all tasks of a pool, without what did not happen."""
    words = ("tasks", "started", "done", "raised", "lost", "cancelled", "never_run", "pending")
    sums = {word: sum(job[word] for job in jobs_of(run, pool)) for word in words}
    return {word: number for word, number in sums.items() if number}


def test_nothing_is_missed(run: Observed) -> None:
    run.assert_nothing_was_missed()


def test_process_executors_are_shown_and_thread_executors_are_not(run: Observed) -> None:
    assert [(pool["name"], pool["kind"], pool["size"]) for pool in run.document["pools"]] == [
        ("executor", "ProcessPoolExecutor", 2),
        ("cancelled", "ProcessPoolExecutor", 1),
    ]
    calls = run.facts("calls")
    assert (calls["threads"], calls["raised in thread"], calls["waited"]) == ([1, 2], "KeyError", 1)


def test_the_queues_and_locks_of_an_executor_are_not_the_program_s(run: Observed) -> None:
    assert run.document["queues"] == []
    assert run.document["locks"] == []


LINE = COMMON.count("\n") + PROGRAM[: PROGRAM.index("lambda: 7")].count("\n") + 1
LAMBDA = f"lambda at program.py:{LINE}"


def test_each_call_has_its_number_and_a_map_is_one_job(run: Observed) -> None:
    assert [(job["job"], job["call"], job["function"], job["tasks"]) for job in jobs_of(run)] == [
        (0, "map", "who", 4),
        (4, "map", "who", 3),
        *((number, "submit", "who", 1) for number in range(7, 11)),
        (11, "submit", "Callable", 1),
        (12, "submit", "fail", 1),
        (13, "map", "fail_together", 2),
        (15, "submit", "unpicklable", 1),
        (16, "submit", LAMBDA, 1),
        (17, "submit", "who", 1),
    ]
    assert jobs_of(run)[0]["items"] == 10


def test_every_call_is_started_once_and_ended_once(run: Observed) -> None:
    expected = {"tasks": 18, "started": 17, "done": 13, "raised": 4, "never_run": 1}
    assert sums_of(run, "executor") == expected
    tasks = [task for task in run.document["tasks"] if "cancelled" not in task["pool"]]
    ids = [task["id"] for task in tasks]
    assert len(ids) == len(set(ids))
    for task in tasks:
        assert task["submitted"] <= task["started"] <= task["ended"]
    for job in jobs_of(run):
        assert job["ended"] is not None


@pytest.mark.parametrize(
    ("call", "job", "items"), [("map", 0, [3, 3, 3, 1]), ("map two", 4, [1, 1, 1])]
)
def test_each_chunk_of_a_map_bears_the_pid_that_really_ran_it(
    run: Observed, call: str, job: int, items: list[int]
) -> None:
    tasks = tasks_of(run, job)
    assert [task["index"] for task in tasks] == list(range(len(items)))
    assert [task["items"] for task in tasks] == items
    ran = [pid for task in tasks for pid in [task["worker_pid"]] * task["items"]]
    assert [pid for _, pid in run.facts("calls")[call]] == ran


def test_each_call_bears_the_pid_that_really_ran_it(run: Observed) -> None:
    calls = run.facts("calls")
    said = [pid for _, pid in calls["submit"]] + [calls["callable"]]
    assert [task["worker_pid"] for job in range(7, 12) for task in tasks_of(run, job)] == said
    (after,) = tasks_of(run, 17)
    assert after["worker_pid"] == calls["after"][1]


def test_an_exception_is_the_outcome_of_its_call(run: Observed) -> None:
    calls = run.facts("calls")
    assert calls["raised"] == calls["raised in map"] == "KeyError"
    for job, function in ((12, "fail"), (13, "fail_together")):
        for task in tasks_of(run, job):
            assert (task["function"], task["outcome"]) == (function, "raised")
            assert task["error"] == "KeyError"


def test_a_result_that_cannot_be_pickled_is_an_error_of_its_call(run: Observed) -> None:
    (task,) = tasks_of(run, 15)
    assert (task["outcome"], task["error"]) == ("raised", run.facts("calls")["unpicklable"])


def test_a_function_that_cannot_be_pickled_never_runs(run: Observed) -> None:
    error = run.facts("calls")["unsendable"]
    assert error in ("AttributeError", "PicklingError")
    assert tasks_of(run, 16) == []
    assert f"could not send {LAMBDA} to a worker: {error}" in run.log


def test_after_a_shutdown_nothing_is_submitted(run: Observed) -> None:
    assert run.facts("calls")["late"] == "RuntimeError"


def test_cancelled_calls_are_counted_and_never_run(run: Observed) -> None:
    cancelled = run.facts("calls")["cancelled"]
    # The worker has one, and two more wait where they cannot be cancelled any more.
    assert sum(cancelled) >= 6
    jobs = jobs_of(run, "cancelled")
    assert [bool(job["cancelled"]) for job in jobs] == [False, *cancelled]
    done = 9 - sum(cancelled)
    expected = {"tasks": 9, "started": done, "done": done, "cancelled": sum(cancelled)}
    assert sums_of(run, "cancelled") == expected
    assert "cancels who" in run.log


def test_each_worker_is_initialized_once(run: Observed) -> None:
    initialized = [facts["initialized"] for facts in run.told if "initialized" in facts]
    pool = run.one("pools", "executor")
    assert pool["initializer"] == "prepare"
    assert sorted(pid for pid, _ in initialized) == sorted(
        worker["pid"] for worker in pool["workers"]
    )
    for worker in pool["workers"]:
        assert worker["initialized"] == 1
        assert worker["initialization"] > 0
    for worker in run.one("pools", "cancelled")["workers"]:
        assert (worker["initialized"], worker["initialization"]) == (0, None)


def test_workers_are_known_where_they_run(run: Observed) -> None:
    pids = {worker["pid"] for pool in run.document["pools"] for worker in pool["workers"]}
    assert len(pids) == 3
    for process in run.document["processes"]:
        if process["pid"] in pids:
            assert (process["role"], process["exit_code"]) == ("worker", 0)
            assert process["parent_pid"] == run.facts("pid")


def test_the_counts_of_the_workers_add_up(run: Observed) -> None:
    for pool in run.document["pools"]:
        tasks = [task for task in run.document["tasks"] if task["pool"] == pool["id"]]
        for worker in pool["workers"]:
            own = [task for task in tasks if task["worker_pid"] == worker["pid"]]
            assert worker["tasks"] == len(own)
            assert worker["items"] == sum(task["items"] for task in own)


BREAKING = """
def main():
    calls = {}
    with ProcessPoolExecutor(1) as broken:
        calls["before"] = broken.submit(who, 1).result()
        gate = make_gate("broken")
        waiting = [broken.submit(die, gate)]
        waiting += [broken.submit(who, number) for number in range(5)]
        open_gate(gate)
        calls["errors"] = [error_of(future.result) for future in waiting]
        calls["late"] = error_of(broken.submit, who, 1)
    with ProcessPoolExecutor(1, initializer=fail, initargs=(7,)) as unready:
        calls["unready"] = error_of(unready.submit(who, 1).result)
    with ProcessPoolExecutor(1) as whole:
        calls["map"] = list(whole.map(who, range(2)))
    tell(calls=calls)
"""


@pytest.fixture(scope="module")
def breaking(run_everywhere: RunProgram) -> Observed:
    return run_everywhere(COMMON + BREAKING)


def test_nothing_is_missed_where_an_executor_breaks(breaking: Observed) -> None:
    stream = breaking.document["stream"]
    assert (stream["lost"], stream["probe_errors"], stream["unreadable"]) == (0, 0, 0)


def test_a_killed_worker_breaks_the_executor_and_everybody_is_told(breaking: Observed) -> None:
    calls = breaking.facts("calls")
    assert calls["errors"] == ["BrokenProcessPool"] * 6
    assert calls["late"] == "BrokenProcessPool"
    assert breaking.one("pools", "broken")["broken"] is True
    # Up to Python 3.8 the executor has forgotten how many when it can be asked.
    is_counted = not breaking.document["run"]["python_version"].startswith("3.8.")
    calls_not_done = "all 6 calls not done" if is_counted else "what was not done"
    broken = f"broken is broken by the end of a worker: BrokenProcessPool for {calls_not_done}"
    assert broken in breaking.log


def test_the_task_of_a_dead_worker_is_lost_and_the_others_never_ran(breaking: Observed) -> None:
    expected = {"tasks": 7, "started": 2, "done": 1, "lost": 1, "never_run": 5}
    assert sums_of(breaking, "broken") == expected
    (lost,) = tasks_of(breaking, 1, "broken")
    (worker,) = breaking.one("pools", "broken")["workers"]
    assert lost["id"] == lost["pool"] + "/1/0"
    assert (lost["function"], lost["outcome"], lost["worker_pid"]) == ("die", "lost", worker["pid"])
    assert "died in task 1 of die: its result is lost" in breaking.log


def test_an_initializer_that_fails_breaks_the_executor(breaking: Observed) -> None:
    assert breaking.facts("calls")["unready"] == "BrokenProcessPool"
    assert "Exception in initializer" in breaking.stderr
    pool = breaking.one("pools", "unready")
    assert pool["broken"] is True
    assert [worker["initialized"] for worker in pool["workers"]] == [0]
    assert sums_of(breaking, "unready") == {"tasks": 1, "never_run": 1}
    assert "ended within its initializer fail" in breaking.log


def test_an_executor_after_a_broken_one_is_whole(breaking: Observed) -> None:
    assert breaking.one("pools", "whole")["broken"] is False
    assert sums_of(breaking, "whole") == {"tasks": 2, "started": 2, "done": 2}


WAITING = """
def open_when_awaited(gates):
    # When the main thread sleeps, and it is a future that it sleeps for.
    main = threading.main_thread().ident
    while True:
        frame = sys._current_frames()[main]
        asleep = frame.f_code.co_name == "wait" and frame.f_code.co_filename == threading.__file__
        while frame is not None and not frame.f_code.co_filename.endswith("futures/_base.py"):
            frame = frame.f_back
        if asleep and frame is not None:
            break
        time.sleep(0.001)
    for gate in gates:
        open_gate(gate)

def await_with(executor, how, count=1):
    gates = [make_gate("%s %d" % (how.__name__, number)) for number in range(count)]
    waiting = [executor.submit(hold, gate) for gate in gates]
    opener = threading.Thread(target=open_when_awaited, args=(gates,))
    opener.start()
    result = how(waiting)
    opener.join()
    return result

def result(waiting):
    return waiting[0].result()

def exception(waiting):
    return waiting[0].exception()

def as_completed(waiting):
    return len(list(futures.as_completed(waiting)))

def wait(waiting):
    return len(futures.wait(waiting).done)

def main():
    with ProcessPoolExecutor(2) as executor:
        tell(result=await_with(executor, result))
        tell(exception=await_with(executor, exception))
        tell(as_completed=await_with(executor, as_completed, 2))
        tell(wait=await_with(executor, wait))
        tell(polled=error_of(executor.submit(hold, make_gate("polled")).result, 0))
        open_gate("polled")
"""


def test_a_wait_for_a_future_is_shown_as_a_wait_for_results(run_everywhere: RunProgram) -> None:
    run = run_everywhere(COMMON + WAITING)
    run.assert_nothing_was_missed()
    assert [run.facts(name) for name in ("exception", "as_completed", "wait")] == [None, 2, 1]
    assert run.facts("polled") == "TimeoutError"
    pool = run.one("pools", "executor")["id"]
    main = run.state.processes[run.state.main]
    # What was told, since a sample that is folded before it can hide a short wait from the lane.
    recent = run.state.recent
    told = [each for each in recent if isinstance(each, Waiting) and not each.thread]
    waited = [
        (each.object, each.job) for each in told if (each.pid, each.what) == (main.pid, "results")
    ]
    # In turn for one call, for another, for two of them, for the last; and to poll is not to wait.
    assert list(dict.fromkeys(waited)) == [(pool, 0), (pool, 1), (f"{pool}/", -1), (pool, 4)]
    assert pool in [each.object for each in told if (each.pid, each.what) == (main.pid, "workers")]


ENDING = """
def main():
    if not hasattr(ProcessPoolExecutor, HOW):
        tell(version=sys.version_info[:2])
        return
    executor = ProcessPoolExecutor(1)
    gate, started = make_gate("gate"), make_gate("started")
    calls = [executor.submit(hold_at, started, gate), executor.submit(who, 1)]
    open_gate(started)
    getattr(executor, HOW)()
    tell(errors=[error_of(call.result) for call in calls])

def hold_at(started, gate):
    hold(started)
    hold(gate)
"""


@pytest.mark.parametrize("how", ["terminate_workers", "kill_workers"])
def test_workers_that_the_program_ends_are_no_trouble(run_everywhere: RunProgram, how: str) -> None:
    program = COMMON + ENDING.replace("HOW", repr(how))
    run = run_everywhere(program)
    run.assert_nothing_was_missed()
    if not run.document["pools"]:
        assert run.facts("version") < [3, 14]
        return
    assert run.facts("errors")[0] == "BrokenProcessPool"
    assert any(text.startswith(f"executor is broken by {how}(): Broken") for text in run.log)
    assert "is ended with its pool in task 0 of hold_at" in run.log
    assert run.one("pools", "executor")["broken"] is True


STEPS = """
from concurrent.futures import _base

wire = sys.modules["mpviz_probe.wire"]
between, written = set(), []

class Noting:
    # A lock that notes which thread has it.
    def __init__(self, lock):
        self.lock = lock
    def __enter__(self):
        self.lock.acquire()
        between.add(threading.get_ident())
    def __exit__(self, *error):
        between.discard(threading.get_ident())
        self.lock.release()

def note_writes(write=wire.write):
    def noted(descriptor, record):
        thread = threading.get_ident()
        written.append([thread, thread in between, record.decode()])
        return write(descriptor, record)
    wire.write = noted

def note_result(set_result=_base.Future.set_result):
    def noted(self, result):
        between.add(threading.get_ident())
        set_result(self, result)
        if not hasattr(_base.Future, "counted"):
            between.discard(threading.get_ident())
    _base.Future.set_result = noted

def note_idle(executor):
    idle = getattr(executor, "_idle_worker_semaphore", None)
    if idle is not None:
        _base.Future.counted = True
        release = idle.release
        def noted():
            between.discard(threading.get_ident())
            release()
        idle.release = noted

def main():
    note_result()
    if WITHOUT_RING:
        wire.form(b"wait.over", b"")
        # The system refuses this size; an exception from the program's code would not be ours.
        wire.ring.SIZE = -1
    with ProcessPoolExecutor(1) as executor:
        note_idle(executor)
        executor._shutdown_lock = Noting(executor._shutdown_lock)
        note_writes()
        executor.submit(who, 0).result()
        calls = [executor.submit(who, number).result()[0] for number in range(5)]
        calls += [executor.submit(who, number) for number in range(5)][-1].result()[:1]
        calls += [list(map(len, executor.map(who, range(3))))]
        error_of(executor.submit(lambda: 7).result)
        executor.submit(who, 1).result()
    broken = ProcessPoolExecutor(1)
    broken._shutdown_lock = Noting(broken._shutdown_lock)
    calls += [error_of(broken.submit(os._exit, 0).result)]
    broken.shutdown()
    tell(calls=calls, written=written)
"""


@pytest.mark.parametrize("ring", [True, False])
def test_nothing_is_written_between_two_steps_of_an_executor(
    run_everywhere: RunProgram, ring: bool
) -> None:
    program = COMMON + STEPS.replace("WITHOUT_RING", str(not ring))
    run = run_everywhere(program)
    run.assert_nothing_was_missed()
    assert run.facts("calls") == [0, 1, 2, 3, 4, 4, [2, 2, 2], "BrokenProcessPool"]
    by_thread: dict[int, list[tuple[bool, str]]] = {}
    for thread, between, record in run.facts("written"):
        by_thread.setdefault(thread, []).append((between, json.loads(record)["k"]))
    # A wait gives up the GIL itself. Without a ring, what was held is written just before it.
    for written in by_thread.values():
        for record, following in zip(written, [*written[1:], None], strict=True):
            if record[0] and record[1] != "wait":
                assert not ring
                assert following is not None
                assert following[0]
    kinds = [record for written in by_thread.values() for record in written]
    outside = {kind for between, kind in kinds if not between}
    assert outside >= {"process.started", "process.joined"}
    assert any(kind == "job.submitted" for _, kind in kinds) is not ring
    expected = {"tasks": 16, "started": 15, "done": 15, "never_run": 1}
    assert sums_of(run, "executor") == expected


RECYCLING = """
import multiprocessing

def make():
    # One that may do more can forget that it needs another (CPython issue 115634).
    context = multiprocessing.get_context()
    return ProcessPoolExecutor(2, mp_context=context, max_tasks_per_child=1)

def main():
    recycled = error_of(make)
    if isinstance(recycled, str):
        tell(refused=recycled, version=sys.version_info[:2])
        return
    with recycled:
        tell(ran=[pid for _, pid in recycled.map(who, range(6))])
"""


def test_a_worker_that_did_its_share_is_replaced(
    run_everywhere: RunProgram, start_method: str
) -> None:
    run = run_everywhere(COMMON + RECYCLING)
    run.assert_nothing_was_missed()
    if not run.document["pools"]:
        # Python 3.10 knows nothing of it, and the later ones refuse it under fork.
        known = run.facts("version") >= [3, 11]
        assert run.facts("refused") == ("ValueError" if known else "TypeError")
        assert start_method == "fork" or not known
        return
    ran = run.facts("ran")
    assert len(set(ran)) == 6
    (pool,) = run.document["pools"]
    tasks = sorted(run.document["tasks"], key=lambda task: task["index"])
    assert [task["worker_pid"] for task in tasks] == ran
    assert pool["max_tasks_per_worker"] == 1
    assert pool["replaced"] == len(pool["workers"]) - 2 >= 4
    assert run.log.count("has done its task and retires") == 6
    assert sum(text.startswith("takes the place of ") for text in run.log) == pool["replaced"]
    assert not [entry.text for entry in run.state.log if entry.trouble]


MANY_LOCKS = """
import multiprocessing as mp, sys
from concurrent.futures import ProcessPoolExecutor

if __name__ == "__main__":
    lock = mp.Lock()
    locks = [mp.Lock() for _ in range(200)]
    with ProcessPoolExecutor(1, mp_context=mp.get_context(sys.argv[1])) as executor:
        for future in [executor.submit(abs, number) for number in range(60)]:
            future.result()
        for _ in range(500):
            with lock:
                pass
"""


def test_a_program_with_more_objects_than_a_ring_has_forms_for_loses_nothing(
    run_program: RunProgram, start_method: str
) -> None:
    run = run_program(MANY_LOCKS, start_method)
    run.assert_nothing_was_missed()
    assert run.one("locks", "lock")["acquisitions"] == 500
    assert len(run.document["tasks"]) == 60


STALLS = """
import sys, time
from concurrent.futures import ProcessPoolExecutor

class Unpicklable:
    def __reduce__(self):
        # The manager joins the thread that is here, and holds the lock that its error takes.
        while not executor._shutdown_lock.locked():
            time.sleep(0.01)
        raise ValueError("on purpose")

def main():
    global executor
    executor = ProcessPoolExecutor(1)
    executor.submit(id, 42).result()
    future = executor.submit(id, Unpicklable())
    executor.shutdown(wait=False)
    # The first releases of CPython 3.12 and 3.13 wait for ever.
    future.exception()

if __name__ == "__main__" and sys.version_info >= (3, 9):
    # Before, a shutdown that does not wait closes what the manager reads (CPython issue 83285).
    main()
"""

STALLED_SECONDS = 1.0


def test_a_wait_for_a_stalled_executor_is_shown_as_a_wait_for_results(
    run_together: RunTogether, python: str
) -> None:
    waits: list[str] = []

    def is_stalled(state: RunState) -> bool:
        for process in state.processes.values():
            wait = process.wait
            if process.name != "MainProcess" or wait is None or wait.what != "results":
                continue
            if state.now - wait.since > STALLED_SECONDS * 1e9:
                waits.append(process.state)
                return True
        return False

    run = run_together({"stalls": (STALLS, is_stalled)}, python=python)["stalls"]
    run.assert_no_probe_error()
    assert waits == ["waiting"] or (waits == [] and run.exit_code == 0)
