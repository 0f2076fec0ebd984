"""What holds for the pools of all libraries: output, tracebacks and who waits."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.command import CALL
from helpers.runs import RunProgram

PRINTING = """
import sys, time, traceback
from concurrent.futures import ProcessPoolExecutor, wait
from multiprocessing import Pool

def square(number):
    return number * number

def invert(number):
    return 1 / number

def unpicklable(number):
    return lambda: number

class Unreadable:
    def __reduce__(self):
        return invert, (0,)

def joblib(backend):
    from joblib import Parallel, delayed
    print(Parallel(2, backend=backend)(delayed(square)(number) for number in range(10)))
    for function, argument in ((invert, 0), (unpicklable, 0)):
        try:
            Parallel(2, backend=backend)([delayed(function)(argument)])
        except Exception:
            traceback.print_exc()
    if backend == "loky":
        # A Pool would wait for ever.
        Parallel(2, backend=backend)([delayed(square)(Unreadable())])

def mpire(_):
    from mpire import WorkerPool
    with WorkerPool(2) as pool:
        print(pool.map(square, range(10)))
        pool.map(invert, [2, 1, 0], chunk_size=1)

def executor(_):
    with ProcessPoolExecutor(1) as executor:
        calls = ((square, 2), (invert, 0), (unpicklable, 0), (square, Unreadable()))
        for function, argument in calls:
            future = executor.submit(function, argument)
            # Else it may be done or not when it is asked for its result, from another line.
            wait([future])
            try:
                print(future.result())
            except Exception:
                traceback.print_exc()
    sys.exit(3)

def pool(_):
    pool = Pool(1)
    print(pool.map(square, range(10)))
    first = pool._pool[0]
    pool.apply_async(square, [Unreadable()])
    first.join()
    pool.terminate()
    pool.join()

if __name__ == "__main__":
    what, _, backend = sys.argv[1].partition(" ")
    globals()[what](backend)
"""


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.thorough
@pytest.mark.parametrize(
    "what", ["joblib loky", "joblib multiprocessing", "mpire", "executor", "pool"]
)
def test_output_tracebacks_and_status_are_the_same(what: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PRINTING)
    bare, watched = [
        subprocess.run(
            [sys.executable, *command, "program.py", what],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for command in ((), ("-c", CALL, "run", "--headless", "--python", sys.executable))
    ]
    assert "ZeroDivisionError: division by zero" in bare.stderr
    assert (watched.stdout, watched.returncode) == (bare.stdout, bare.returncode)
    assert "[0, 1, 4, 9, 16, 25, 36, 49, 64, 81]" in bare.stdout or what == "executor"
    lines, expected = [
        re.sub("0x[0-9a-f]+", "", done.stderr).splitlines() for done in (watched, bare)
    ]
    assert [line for line in lines if not line.startswith("mpviz: ")] == expected


WAITING = """
import sys, time
from telling import tell

def nap(number):
    time.sleep(0.3)
    return number

def timed(call, *args):
    began = time.monotonic()
    result = list(call(*args))
    tell(took=time.monotonic() - began, result=result)

def billiard():
    from billiard import Pool
    with Pool(2) as pool:
        timed(pool.map, nap, range(6), 1)

def pebble():
    from pebble import ProcessPool
    with ProcessPool(2) as pool:
        timed(pool.map(nap, range(6)).result)

def joblib(backend):
    from joblib import Parallel, delayed
    timed(Parallel(2, backend=backend), [delayed(nap)(number) for number in range(6)])

if __name__ == "__main__":
    name, *rest = sys.argv[1].split()
    globals()[name](*rest)
"""


@pytest.mark.parametrize("what", ["billiard", "pebble", "joblib loky", "joblib multiprocessing"])
def test_a_call_of_a_library_s_pool_is_shown_as_a_wait_for_its_results(
    run_program: RunProgram, what: str
) -> None:
    pytest.importorskip(what.split(maxsplit=1)[0])
    run = run_program(WAITING, what, start_method="fork")
    run.assert_nothing_was_missed()
    (told,) = run.told
    assert told["result"] == list(range(6))
    (main,) = [
        each["phases"]
        for each in run.document["phases"]["processes"]
        if each["name"] == "MainProcess"
    ]
    assert told["took"] / 2 < main["waiting_for_result"] < told["took"] * 1.01
    assert main["sleeping"] < told["took"] / 3
