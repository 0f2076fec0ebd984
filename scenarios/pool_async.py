"""Pool.apply_async: submit now, be called back when it is done.

Watch the callbacks run in the parent, in the order in which tasks end.

Pool.apply_async submits one task and returns at once, with a promise of
its result. When the task is done, the pool calls back: callback with the
result, or error_callback with the exception, never both. Both run in the
parent, in the thread that collects what the workers send, so they had
better be quick: while one of them runs, no other result gets in.
"""

import os
import time
from multiprocessing import Pool, current_process
from threading import current_thread
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "pools"
ORDER = 3


def process_item(item: int, task_ms: float) -> tuple[int, int]:
    """Square an item; some take up to five times as long as others."""
    time.sleep(task_ms / 1000 * (1 + item * 3 % 5))
    if item < 0:
        raise ValueError(f"Negative item: {item}")
    return item, item * item


def process_callback(result: tuple[int, int]) -> None:
    """Take a result, in the parent."""
    item, square = result
    say(f"item {item}, result {square}")


def error_callback(error: BaseException) -> None:
    """Take what a task raised, in the parent."""
    say(f"{type(error).__name__}: {error}")


def say(text: str) -> None:
    """Print a line that starts with the process and thread that runs."""
    process = f"{current_process().name} (pid {os.getpid()})"
    print(f"{process}, {current_thread().name}: {text}", flush=True)


def main(
    *,
    workers: Annotated[
        int, Range(1, 64, "worker processes in the pool")
    ] = 4,
    items: Annotated[int, Range(1, 10_000, "tasks to submit")] = 20,
    failing: Annotated[
        int, Range(0, 10_000, "every so many-th task raises, 0: none")
    ] = 6,
    task_ms: Annotated[
        float,
        Range(0, 10_000, "milliseconds of the quickest tasks"),
    ] = 400,
) -> None:
    """Submit tasks one by one, and wait for all of them."""
    numbers = range(1, items + 1)
    # A task raises for a negative item, so make some of them negative.
    data = [-n if failing and n % failing == 0 else n for n in numbers]

    say(f"{workers} workers, {items} tasks")
    with Pool(workers) as pool:
        results = [
            pool.apply_async(
                process_item,
                (item, task_ms),
                callback=process_callback,
                error_callback=error_callback,
            )
            for item in data
        ]
        say("all submitted")
        # The pool ends with its block, done or not, so wait for each.
        for result in results:
            result.wait()
    good = [result.get() for result in results if result.successful()]
    say(f"{len(good)} results, {len(results) - len(good)} errors")
