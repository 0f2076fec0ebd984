"""A killed worker: what becomes of the task that it was at.

Watch a new worker come, and the map wait for ever for what the old one had.

The kernel kills a process that takes too much memory, a crash in C ends it,
or a person does. A Pool sees that a worker is gone and starts another, but
it does not know which task died with it: that result never comes, and map
waits for it. With executor=futures the same death breaks the executor: all
unfinished calls raise BrokenProcessPool at once, which a program can deal
with. If it has to be a Pool, wait with a time-out, as in
map_async(process_item, items).get(timeout=60).
"""

import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import Pipe, Pool, connection
from typing import Annotated

from mpviz.scenarios.catalogue import Choice, Range

CHAPTER = "pitfalls"
ORDER = 2
HANGS = "map waits for the result of a task that died with its worker"
HANGS_WITH = {"executor": "pool"}
LIMIT = 10

LARGE_ITEM = 5

# What every worker is given once, when it starts.
reports: connection.Connection
work: float


def init_worker(sender: connection.Connection, seconds: float) -> None:
    """Keep both for the tasks of this worker, and leave Ctrl-C to main."""
    global reports, work
    reports, work = sender, seconds
    # A worker that an interrupt ends can take a lock of the pool with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def process_item(item: int) -> int:
    """Work for a while; the large item takes longer than anybody waits."""
    if item == LARGE_ITEM:
        # Only this one worker writes into the pipe, and without a lock:
        # whenever it is killed, it cannot take one with it.
        reports.send(os.getpid())
        time.sleep(3600)
    time.sleep(work)
    return item * item


def kill_worker(reports: connection.Connection, pause: float) -> None:
    """Kill the worker with the large item while it is at it."""
    pid = reports.recv()
    time.sleep(pause)
    os.kill(pid, signal.SIGKILL)
    print(f"worker {pid} killed, item {LARGE_ITEM} lost", flush=True)


def main(
    *,
    executor: Annotated[
        str, Choice(("pool", "futures"), "Pool, or ProcessPoolExecutor")
    ] = "pool",
    workers: Annotated[int, Range(1, 64, "worker processes")] = 3,
    items: Annotated[
        int, Range(6, 1000, "items, of which the sixth is the large one")
    ] = 12,
    work: Annotated[float, Range(0, 5, "seconds that an item takes")] = 0.5,
    pause: Annotated[
        float, Range(0, 5, "seconds from the large item to the kill")
    ] = 1.5,
) -> None:
    """Kill a worker in its task, and wait for the results of all."""
    receiver, sender = Pipe(duplex=False)
    setup = (init_worker, (sender, work))

    print(f"{workers} workers, {items} items", flush=True)
    if executor == "pool":
        with Pool(workers, *setup) as pool:
            mapped = pool.map_async(process_item, range(items), chunksize=1)
            kill_worker(receiver, pause)
            mapped.get()  # Waits for the results of all, as map does.
    else:
        with ProcessPoolExecutor(workers, None, *setup) as futures:
            mapping = futures.map(process_item, range(items))
            kill_worker(receiver, pause)
            try:
                print(f"{len(list(mapping))} results")
            except BrokenProcessPool as error:
                print(f"{type(error).__name__}: {error}")
