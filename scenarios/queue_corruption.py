"""A corrupted queue: terminate a process in the middle of its put.

Watch one terminate stop the producer and the consumers that are left.

A Queue is a pipe and two locks: one process at a time may write into it,
one may read from it. The large item does not fit the pipe, so its producer
is stuck in the middle of it, and holds the lock for writing, until somebody
reads. If it is terminated just then, it leaves behind half an item and a
lock that nobody will ever release. The next consumer waits for the other
half, all others for their turn, and what another producer puts never gets
out. The documentation of Process.terminate warns of this: ask a process to
end instead, with a sentinel or an Event, and join it.
"""

import time
from multiprocessing import Process, Queue, current_process, queues
from typing import Annotated

from mpviz.scenarios.catalogue import Range, YesNo

CHAPTER = "pitfalls"
ORDER = 3
HANGS = "consumers wait for the rest of an item whose producer is dead"
HANGS_WITH = {"terminate": True}
LIMIT = 10


def producer(
    queue: "queues.Queue[bytes | None]", items: int, size: int
) -> None:
    """Put items of so many bytes; a thread of the queue writes them."""
    for _ in range(items):
        queue.put(bytes(size))


def consumer(queue: "queues.Queue[bytes | None]") -> None:
    """Take items from the queue until the sentinel comes."""
    taken = 0
    while queue.get() is not None:
        taken += 1
    print(f"{current_process().name}: {taken} items\n", end="", flush=True)


def main(
    *,
    terminate: Annotated[
        bool, YesNo("terminate the first producer in its put")
    ] = True,
    consumers: Annotated[int, Range(1, 64, "processes that get")] = 2,
    items: Annotated[
        int, Range(1, 10_000, "small items of the second producer")
    ] = 5,
    size_kb: Annotated[
        int, Range(100, 100_000, "kilobytes of the first producer's item")
    ] = 1000,
    pause: Annotated[
        float, Range(0, 5, "seconds until the first producer's end")
    ] = 1.5,
) -> None:
    """End a producer in the middle of its item, and let others go on."""
    queue: queues.Queue[bytes | None] = Queue()
    first = Process(
        target=producer, args=(queue, 1, size_kb * 1024), name="producer-1"
    )
    second = Process(
        target=producer, args=(queue, items, 100), name="producer-2"
    )
    consumer_processes = [
        Process(
            target=consumer, args=(queue,), name=f"consumer-{number + 1}"
        )
        for number in range(consumers)
    ]

    first.start()
    # Nobody reads yet: when the item's first bytes are in the pipe, its
    # producer is inside the write, and cannot get out.
    while queue.empty():
        time.sleep(0.01)
    print(f"producer-1 is in its put of {size_kb} KB", flush=True)
    time.sleep(pause)
    if terminate:
        first.terminate()
        first.join()
        print(f"terminated: exit code {first.exitcode}", flush=True)
    for process in [second, *consumer_processes]:
        process.start()
    print("producer-2 and the consumers have started", flush=True)
    first.join()
    second.join()  # Ends when all that it has put is in the pipe.
    for _ in consumer_processes:
        queue.put(None)
    for process in consumer_processes:
        process.join()
    print(f"all ended, {queue.qsize()} left in the queue")
