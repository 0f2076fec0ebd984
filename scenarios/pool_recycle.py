"""Recycling: maxtasksperchild replaces workers that have done their share.

Watch workers end and others start, and their memory begin anew.

Some code does not give back its memory: a cache that only grows, a library
that leaks. A worker that lives as long as the pool keeps it all. With
maxtasksperchild a worker exits after so many tasks, and all it held goes
back to the system; the pool starts another in its place. To start one costs
time, so the number should not be too small. A chunk counts as one task.
"""

import os
import time
from multiprocessing import Pool
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "pools"
ORDER = 8

cache: list[bytes] = []  # Of this process; nobody ever empties it.


def process_item(item: int, megabytes: int, task_ms: float) -> int:
    """Do a task, and keep something that nobody needs any more."""
    time.sleep(task_ms / 1000)
    cache.append(b"x" * (megabytes << 20))
    kept = sum(map(len, cache)) >> 20
    # In one piece, or another process could print in between.
    text = f"task {item}: pid {os.getpid()} keeps {kept} MB"
    print(f"{text}\n", end="", flush=True)
    return os.getpid()


def main(
    *,
    workers: Annotated[
        int, Range(1, 64, "worker processes in the pool")
    ] = 2,
    items: Annotated[int, Range(1, 1000, "tasks in the list")] = 24,
    maxtasksperchild: Annotated[
        int, Range(0, 1000, "tasks after which a worker goes, 0: never")
    ] = 4,
    megabytes: Annotated[
        int, Range(0, 50, "what a worker keeps of each task")
    ] = 10,
    task_ms: Annotated[
        float, Range(0, 10_000, "milliseconds that a task takes")
    ] = 600,
) -> None:
    """Run tasks in workers that are replaced now and then."""
    tasks = [(item, megabytes, task_ms) for item in range(1, items + 1)]

    limit = maxtasksperchild or "no limit"
    print(f"{workers} workers, {items} tasks, {limit} to a worker")
    with Pool(workers, maxtasksperchild=maxtasksperchild or None) as pool:
        pids = pool.starmap(process_item, tasks, chunksize=1)
        pool.close()
        pool.join()
    print(f"{len(set(pids))} workers did the tasks:", *sorted(set(pids)))
    # What the workers kept was theirs.
    print(f"{len(cache)} things kept in the parent")
