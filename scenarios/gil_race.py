"""The GIL: the same work in sequence, in threads and in processes.

Watch the cores: one works, threads add nothing, processes use them all.

Counting primes is nothing but computing. In CPython a lock, the GIL, lets
only one thread of a process at a time run Python code: threads take turns
at it and are done no sooner. Processes have an interpreter and a GIL each.
On a free-threaded build the GIL is off, and threads are quick as well: the
first line says which it is.
"""

import os
import sys
import time
from math import isqrt
from multiprocessing import Pool
from multiprocessing.pool import ThreadPool
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "the GIL"
ORDER = 1


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


def gil() -> str:
    """Say whether this interpreter has its GIL; before 3.13 all have."""
    is_enabled = getattr(sys, "_is_gil_enabled", lambda: True)
    return "on" if is_enabled() else "off"


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
    """Do the same tasks in three ways, and compare the times."""
    cores = len(os.sched_getaffinity(0))  # Those we are allowed to use.
    say(f"GIL {gil()}, {cores} cores, {workers} workers, {tasks} tasks")
    limits = [size] * tasks
    in_a_row = 0.0
    for way in (in_sequence, in_threads, in_processes):
        name = way.__name__.replace("_", " ")
        time.sleep(pause)
        say(f"{name} ...")
        start = time.perf_counter()
        primes = sum(way(limits, workers))
        seconds = time.perf_counter() - start
        in_a_row = in_a_row or seconds  # The first is the measure.
        found = f"{primes} primes in {seconds:.2f} s"
        say(f"{name}: {found}, speed-up {in_a_row / seconds:.2f}")
