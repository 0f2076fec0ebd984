"""Rules on programs that are slow without a word, on real ones and on what is near them.

Those at fault go on until it is found. Those near a fault run for longer than any rule needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers.command import watch_side_by_side
from helpers.watching import HEAD, PATIENCE, Watched, Watching, watch

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("nothing_left")]

POOL_IN_A_LOOP = """
if __name__ == "__main__":
    while not is_enough():
        with Pool(2) as pool:
            pool.map(abs, range(20))
"""

EXECUTOR_IN_A_FUNCTION = """
from concurrent.futures import ProcessPoolExecutor

def largest(numbers):
    with ProcessPoolExecutor(2) as executor:
        return max(executor.map(abs, numbers))

if __name__ == "__main__":
    while not is_enough():
        largest(range(6))
"""

ENDLESS_GENERATOR = """
def rows():
    while not is_enough():
        time.sleep(0.02)
        yield 1

if __name__ == "__main__":
    with Pool(2) as pool:
        pool.map(abs, rows())
"""

SLOW_GENERATOR = """
def rows():
    for number in range(15):
        time.sleep(0.1)
        yield number, number

if __name__ == "__main__":
    with Pool(2) as pool:
        pool.starmap_async(divmod, ((1, 1 + number) for number, _ in rows())).get()
        while not is_enough():
            time.sleep(0.01)
"""

SLOW_LOOP = """
def rows():
    while not is_enough():
        yield 1

def fetch(row):
    # Long enough to be worth a task of its own.
    time.sleep(0.001)

if __name__ == "__main__":
    with Pool(2) as pool:
        for result in pool.imap(fetch, rows()):
            if not is_enough():
                time.sleep(0.02)
"""

SLOW_LOOP_WITHOUT_ORDER = SLOW_LOOP.replace("imap(", "imap_unordered(")

THREADS = """
import hashlib
from threading import Thread

def crunch():
    while not is_enough():
        # It has no need of Python's global lock, as is so in NumPy.
        hashlib.pbkdf2_hmac("sha512", b"x", b"y", 20_000)

def work():
    threads = [Thread(target=crunch) for _ in range(CROWD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

if __name__ == "__main__":
    run(*[Process(target=work, name=f"cruncher-{n}") for n in (1, 2)])
"""

AT_FAULT = {
    "a pool in a loop, fork": ("pool-for-each-call", POOL_IN_A_LOOP, "fork"),
    "a pool in a loop, spawn": ("pool-for-each-call", POOL_IN_A_LOOP, "spawn"),
    "a pool in a loop, forkserver": ("pool-for-each-call", POOL_IN_A_LOOP, "forkserver"),
    "an executor in a function": ("pool-for-each-call", EXECUTOR_IN_A_FUNCTION, "fork"),
    "a generator without an end": ("read-before-start", ENDLESS_GENERATOR, "fork"),
    "a slow generator": ("read-before-start", SLOW_GENERATOR, "forkserver"),
    "a slow loop": ("results-pile-up", SLOW_LOOP, "fork"),
    "a slow loop without order": ("results-pile-up", SLOW_LOOP_WITHOUT_ORDER, "spawn"),
}

NEAR = {
    "a pool for each of three phases": """
if __name__ == "__main__":
    for phase in (1, 2, 3):
        with Pool(2) as pool:
            pool.map(abs, range(20))
""",
    "two lines that make pools by turns, a few each": """
def first():
    with Pool(1) as pool:
        pool.apply(abs, (1,))

def second():
    with Pool(1) as pool:
        pool.apply(abs, (2,))

if __name__ == "__main__":
    for turn in range(5):
        first()
        second()
""",
    "a list that took long to make": """
if __name__ == "__main__":
    with Pool(2) as pool:
        numbers = []
        for number in range(15):
            time.sleep(0.1)
            numbers.append(number)
        pool.map(abs, numbers)
""",
    "a generator that is read quickly": """
if __name__ == "__main__":
    with Pool(2) as pool:
        pool.map(time.sleep, (0.02 for _ in range(150)), chunksize=1)
""",
    "imap, which reads a slow generator while it works": """
def rows():
    for number in range(20):
        time.sleep(0.1)
        yield number

if __name__ == "__main__":
    with Pool(2) as pool:
        for result in pool.imap_unordered(abs, rows()):
            pass
""",
    "a loop that keeps up": """
if __name__ == "__main__":
    with Pool(2) as pool:
        for result in pool.imap(time.sleep, [0.005] * 800):
            pass
""",
    "results that are taken when all are there": """
if __name__ == "__main__":
    with Pool(2) as pool:
        results = pool.imap(time.sleep, [0.005] * 800)
        pool.close()
        pool.join()
        list(results)
""",
    "many threads that sleep": """
from threading import Thread

def work():
    threads = [Thread(target=time.sleep, args=(3,)) for _ in range(CROWD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

if __name__ == "__main__":
    run(*[Process(target=work) for n in (1, 2)])
""",
    "threads that take turns under the global lock": """
from threading import Thread

def work():
    threads = [Thread(target=spin, args=(3,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

if __name__ == "__main__":
    run(Process(target=work))
""",
}
"""Programs that look like a fault and have none."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    """All that are at fault, side by side: what a rule says does not depend on a quiet machine."""
    folder = tmp_path_factory.mktemp("w")
    ended = watch(
        *[
            Watching(rule, source, folder / str(number), method)
            for number, (rule, source, method) in enumerate(AT_FAULT.values())
        ]
    )
    return dict(zip(AT_FAULT, ended, strict=True))


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What is told of the programs that are near a fault, run side by side."""
    folder = tmp_path_factory.mktemp("n")
    words = {name: [str(folder / f"program{number}.py")] for number, name in enumerate(NEAR)}
    for name, source in NEAR.items():
        Path(*words[name]).write_text(HEAD + source)
    return watch_side_by_side(folder, words, seconds=PATIENCE)


@pytest.mark.parametrize("name", NEAR)
def test_what_is_near_a_slow_program_is_not_told(
    documents: dict[str, dict[str, Any]], name: str
) -> None:
    assert documents[name]["findings"] == []
    assert documents[name]["stream"]["lost"] == 0
    assert documents[name]["stream"]["probe_errors"] == 0


@pytest.mark.parametrize("name", AT_FAULT)
def test_a_slow_program_reads_why(watched: dict[str, Watched], name: str) -> None:
    run, rule = watched[name], AT_FAULT[name][0]
    found = run.finding(rule)
    assert run.pids_of(found) == [run.pids["MainProcess"]]
    assert run.state.probe_errors == 0
    said = {
        "a pool in a loop, fork": "pools of 2 workers each were made at program.py:",
        "an executor in a function": "pools of 2 workers each were made at program.py:",
        "a generator without an end": "2 workers of pool ha",
        "a slow generator": "starmap of divmod read 15 items for",
        "a slow loop": "results of imap of fetch wait to be taken",
        "a slow loop without order": "results of imap_unordered of fetch wait to be taken",
    }
    assert said.get(name, "pools of") in found.message


def test_a_slow_program_reads_that_it_has_too_many_threads(tmp_path: Path) -> None:
    """Alone: if other programs take the cores, the program is not to blame."""
    (run,) = watch(Watching("too-many-threads", THREADS, tmp_path / "threads"))
    found = run.finding("too-many-threads")
    assert "threads that want to run on" in found.message
    assert set(run.pids_of(found)) <= {run.pids["cruncher-1"], run.pids["cruncher-2"]}
