"""Producers and consumers: a bounded queue between the two sides.

Watch the queue fill up until producers wait, then run dry.

The first half of the items is made quickly, the second half four times as
slowly. A bounded queue holds the quick side back: put waits while the queue
is full, get waits while it is empty. At the end every consumer is sent one
None, the sentinel that says there is no more to come.
"""

import time
from multiprocessing import Process, Queue, current_process, queues
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "talking"
ORDER = 1
STEPPED = {
    "producers": 1,
    "items": 2,
    "capacity": 1,
    "produce_rate": 0,
    "consume_rate": 0,
}


def producer(
    queue: "queues.Queue[int | None]", items: range, rate: float
) -> None:
    """Make the items one by one and put them in the queue."""
    for made, item in enumerate(items):
        if rate > 0:
            slowness = 1 if made < len(items) / 2 else 4
            time.sleep(slowness / rate)
        queue.put(item)  # Waits while the queue is full.


def consumer(queue: "queues.Queue[int | None]", rate: float) -> None:
    """Take items from the queue until the sentinel comes."""
    used = 0
    while queue.get() is not None:  # Waits while the queue is empty.
        used += 1
        if rate > 0:
            time.sleep(1 / rate)
    # In one piece, or another process could print in between.
    print(f"{current_process().name}: {used} items\n", end="")


def main(
    *,
    producers: Annotated[int, Range(1, 64, "processes that put")] = 2,
    consumers: Annotated[int, Range(1, 64, "processes that get")] = 2,
    items: Annotated[int, Range(0, 1_000_000, "items, in all")] = 200,
    capacity: Annotated[int, Range(1, 10_000, "places in the queue")] = 10,
    produce_rate: Annotated[
        float,
        Range(0, 10_000, "items a producer makes a second, 0: no limit"),
    ] = 60,
    consume_rate: Annotated[
        float,
        Range(0, 10_000, "items a consumer uses a second, 0: no limit"),
    ] = 25,
) -> None:
    """Pass items from producers to consumers through one queue."""
    queue: queues.Queue[int | None] = Queue(capacity)
    # Each producer gets its share: every second item, if there are two.
    producer_processes = [
        Process(
            target=producer,
            args=(queue, range(items)[number::producers], produce_rate),
            name=f"producer-{number + 1}",
        )
        for number in range(producers)
    ]
    consumer_processes = [
        Process(
            target=consumer,
            args=(queue, consume_rate),
            name=f"consumer-{number + 1}",
        )
        for number in range(consumers)
    ]

    print(f"{producers} producers, {consumers} consumers, {items} items")
    for process in producer_processes + consumer_processes:
        process.start()
    for process in producer_processes:
        process.join()
    # Only now can no item come after a sentinel.
    for _ in consumer_processes:
        queue.put(None)
    for process in consumer_processes:
        process.join()
    print(f"all ended, {queue.qsize()} left in the queue")
