"""The GIL: the same work in sequence, in threads and in processes.

Watch the lanes: each thread gets a part of one core, each process its own.

Counting primes is nothing but computing. In CPython a lock, the GIL, lets
only one thread of an interpreter at a time run Python code: threads take
turns at it and are done no sooner. Processes have an interpreter and a GIL
each. So have the threads of an InterpreterPoolExecutor, which Python 3.14
brought: they are the fourth part. On a free-threaded build the GIL is off,
and threads are quick as well. The result says which it is.
"""

import os
import sys
import time
from concurrent import futures
from math import isqrt
from multiprocessing import Pool
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "the GIL"
ORDER = 1

INTERPRETERS = "InterpreterPoolExecutor"
ANYWHERE = Path(__file__).with_name("anywhere.py")


def calculate_primes(limit: int) -> int:
    """Count the primes below limit: one task, all of it work for a core."""
    primes = 0
    for number in range(2, limit):
        divisors = range(2, isqrt(number) + 1)
        if all(number % divisor != 0 for divisor in divisors):
            primes += 1
    return primes


def in_sequence(limits: list[int], _: int) -> list[int]:
    """Do one task after the other, here."""
    return list(map(calculate_primes, limits))


def in_threads(limits: list[int], workers: int) -> list[int]:
    """Share the tasks out to threads of this process."""
    with ThreadPool(workers) as pool:
        results = pool.map(calculate_primes, limits, chunksize=1)
        pool.close()
        pool.join()  # It is not safe to fork beside threads.
    return results


def in_processes(limits: list[int], workers: int) -> list[int]:
    """Share the tasks out to processes; to start them takes time too."""
    with Pool(workers) as pool:
        return pool.map(calculate_primes, limits, chunksize=1)


def in_interpreters(limits: list[int], workers: int) -> list[int]:
    """Share the tasks out to threads that have an interpreter each."""
    find = (f"import runpy; runpy.run_path({str(ANYWHERE)!r})",)
    # Each imports this module for itself, so first it has to find it.
    executor = getattr(futures, INTERPRETERS)
    with executor(workers, initializer=exec, initargs=find) as pool:
        return list(pool.map(calculate_primes, limits))


def gil() -> str:
    """Say whether this interpreter has its GIL; before 3.13 all have."""
    is_enabled = getattr(sys, "_is_gil_enabled", lambda: True)
    return "on" if is_enabled() else "off"


WHY = {
    "on": "the GIL lets one thread of an interpreter run at a time",
    "off": "without the GIL, threads run at the same time",
}


def say(line: str) -> None:
    """Print a line at once, not at the end."""
    print(line, flush=True)


def main(
    *,
    workers: Annotated[int, Range(1, 64, "threads, then processes")] = 4,
    tasks: Annotated[int, Range(1, 10_000, "tasks in each part")] = 8,
    size: Annotated[
        int, Range(10, 10_000_000, "a task counts the primes below this")
    ] = 160_000,
    pause: Annotated[
        float, Range(0, 60, "seconds of rest before each part")
    ] = 1,
) -> None:
    """Do the same tasks in three or four ways, and compare the times."""
    cores = len(os.sched_getaffinity(0))  # Those we are allowed to use.
    say(f"GIL {gil()}, {cores} cores, {workers} workers, {tasks} tasks")
    limits = [size] * tasks
    ways = [in_sequence, in_threads, in_processes]
    if hasattr(futures, INTERPRETERS):
        ways.append(in_interpreters)
    in_a_row = 0.0
    speed_ups = []
    for way in ways:
        name = way.__name__.replace("_", " ")
        time.sleep(pause)
        say(f"## {name[3:]}")  # mpviz shows this above its axis of time,
        start = time.perf_counter()
        primes = sum(way(limits, workers))
        seconds = time.perf_counter() - start
        say("##")  # and this ends the part.
        in_a_row = in_a_row or seconds  # The first is the measure.
        found = f"{primes} primes in {seconds:.2f} s"
        say(f"{name}: {found}, speed-up {in_a_row / seconds:.2f}")
        speed_ups.append(f"{name[3:]} {in_a_row / seconds:.2f}x")
    # A result: mpviz keeps it in sight.
    say(f"=> {', '.join(speed_ups)}")
    say(f"=> GIL {gil()}: {WHY[gil()]}")
