"""Sub-interpreters: the probe is in the main interpreter only, and costs the others nothing."""

from __future__ import annotations

from helpers.runs import RunProgram, RunTogether
from mpviz.trace.model.state import RunState

PRELUDE = """
import multiprocessing, os, sys, threading, time
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
from telling import tell
"""

PROGRAM = """
INSIDE = (
    "import multiprocessing.process, sys; sys.path.insert(0, %r); from telling import tell;"
    "tell(inside='mpviz_probe' in sys.modules)"
)

def descriptors():
    return len(os.listdir("/proc/self/fd"))

def turns(lock):
    for _ in range(20):
        with lock:
            pass

if __name__ == "__main__":
    lock = multiprocessing.Lock()
    turns(lock)
    before = descriptors()
    for _ in range(3):
        made = interpreters.create()
        interpreters.run_string(made, INSIDE % os.path.dirname(os.path.abspath(__file__)))
        tell(more=descriptors() - before)
        interpreters.destroy(made)
    turns(lock)
"""


def test_in_a_sub_interpreter_the_probe_sleeps(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(PRELUDE + PROGRAM, start_method="fork")
    run.assert_nothing_was_missed()
    assert run.told == [{"inside": False}, {"more": 0}] * 3
    assert run.one("locks", "lock")["acquisitions"] == 40
    assert [process["name"] for process in run.document["processes"]] == ["MainProcess"]


DEADLOCK = """
def other(first, second, ready):
    with second:
        ready.wait()
        with first:
            pass

def side():
    interpreters.run_string(interpreters.create(), "1 + 1")

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    first, second, ready = context.Lock(), context.Lock(), context.Event()
    child = context.Process(target=other, args=(first, second, ready))
    child.start()
    with first:
        while second.acquire(False):
            second.release()
            time.sleep(0.02)
        ready.set()
        thread = threading.Timer(0.1, side)
        thread.daemon = True
        thread.start()
        with second:
            pass
"""


def test_a_deadlock_is_found_beside_a_sub_interpreter(
    run_together: RunTogether, python: str
) -> None:
    def is_found(state: RunState) -> bool:
        return any(finding.rule == "deadlock" for finding in state.findings.values())

    run = run_together({"deadlock": (PRELUDE + DEADLOCK, is_found)}, python=python)["deadlock"]
    assert [finding["rule"] for finding in run.document["findings"]] == ["deadlock"]
    run.assert_no_probe_error()


EXECUTOR = """
from concurrent.futures import ProcessPoolExecutor
try:
    from concurrent.futures import InterpreterPoolExecutor
except ImportError:
    # Before Python 3.14.
    InterpreterPoolExecutor = None

def double(number):
    return number * 2

def fail(number):
    raise KeyError(number)

def main():
    calls = []
    if InterpreterPoolExecutor is not None:
        with InterpreterPoolExecutor(2) as executor:
            calls = list(executor.map(double, range(8)))
            calls.append(executor.submit(double, 21).result())
            calls.append(type(executor.submit(fail, 1).exception()).__name__)
    with ProcessPoolExecutor(1) as executor:
        tell(beside=executor.submit(double, 4).result())
    tell(calls=calls)

if __name__ == "__main__":
    main()
"""


def test_an_executor_of_interpreters_works_and_is_no_pool_of_processes(
    run_on_each_python: RunProgram,
) -> None:
    run = run_on_each_python(PRELUDE + EXECUTOR)
    run.assert_nothing_was_missed()
    calls = run.facts("calls")
    assert calls in ([], [0, 2, 4, 6, 8, 10, 12, 14, 42, "KeyError"])
    assert run.facts("beside") == 8
    (pool,) = run.document["pools"]
    assert (pool["kind"], [job["function"] for job in pool["jobs"]]) == (
        "ProcessPoolExecutor",
        ["double"],
    )
    assert run.document["findings"] == []
