"""Errors in a pool: what a task raises comes to the parent.

Watch one task of each round fail: map loses all results, apply_async one.

A worker catches what its task raises, sends it to the parent, and takes the
next task. Pool.map lets all the other tasks run, and then raises: their
results are lost. Pool.apply_async has a result of its own for each task,
and get returns or raises for that one. The exception has the worker's own
traceback with it, since the parent's only tells where the parent waited.
"""

import time
from multiprocessing import Pool
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "pools"
ORDER = 6


def risky_function(task: tuple[int, float]) -> int:
    """Double a number, but raise for a negative one."""
    x, task_ms = task
    time.sleep(task_ms / 1000)
    if x < 0:
        raise ValueError(f"Negative value: {x}")
    return x * 2


def worker_traceback(error: BaseException) -> str:
    """Return where in the worker's code the exception was raised."""
    remote = error.__cause__  # Its text is the whole of the traceback.
    lines = [line.strip() for line in str(remote).splitlines()]
    place = [line for line in lines if line.startswith("File ")][-1]
    return f"{type(remote).__name__}: {place}"


def main(
    *,
    workers: Annotated[
        int, Range(1, 64, "worker processes in the pool")
    ] = 4,
    items: Annotated[int, Range(1, 10_000, "numbers in the list")] = 16,
    negative: Annotated[
        int, Range(0, 10_000, "which of them is negative, 0: none")
    ] = 3,
    task_ms: Annotated[
        float, Range(0, 10_000, "milliseconds that a task takes")
    ] = 1000,
) -> None:
    """Run the same tasks twice, and lose more or fewer of the results."""
    numbers = range(1, items + 1)
    data = [(-x if x == negative else x, task_ms) for x in numbers]

    with Pool(workers) as pool:
        print(f"map of {items} tasks", flush=True)
        try:
            doubled = pool.map(risky_function, data, chunksize=1)
        except ValueError as error:
            print(f"map raised ValueError: {error}")
            print(worker_traceback(error))
            print("no results", flush=True)
        else:
            print("results:", *doubled, flush=True)

        print(f"apply_async of {items} tasks", flush=True)
        results = [pool.apply_async(risky_function, (x,)) for x in data]
        for (x, _), result in zip(data, results, strict=True):
            try:
                print(f"{x}: {result.get()}", flush=True)
            except ValueError as error:
                print(f"{x}: ValueError: {error}", flush=True)
