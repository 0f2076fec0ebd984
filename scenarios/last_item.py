"""The last item: look whether there is one, then take it.

Watch two consumers find the queue not empty, and one of them wait for ever.

empty() says how it was at that moment. Between the look and the get another
consumer can take what was there, and then get waits for an item that nobody
will put. A time-out only hides the mistake: empty() can also say True too
early, since a thread of the process that puts an item writes it into the
pipe a moment later. With way=sentinel nobody looks: each consumer takes
what comes until it gets None, and one None for each is put after all items.
"""

import time
from multiprocessing import Process, Queue, current_process, queues
from typing import Annotated

from mpviz.scenarios.catalogue import Choice, Range

CHAPTER = "pitfalls"
ORDER = 6
HANGS = "get waits for an item that another consumer has taken"
HANGS_WITH = {"way": "empty", "consumers": 2, "pause_ms": 200}
LIMIT = 10
STEPPED = {"share": 0, "pause_ms": 0}


def look_and_take(queue: "queues.Queue[int | None]", pause: float) -> None:
    """Take items as long as there are some, so it seems."""
    while not queue.empty():
        wait(pause)  # Here another one can take the last item.
        say(queue.get())


def take_until_told(
    queue: "queues.Queue[int | None]", pause: float
) -> None:
    """Take items until the sentinel comes."""
    while (item := queue.get()) is not None:
        wait(pause)
        say(item)


def say(item: int | None) -> None:
    """Print a line in one piece and at once."""
    print(f"{current_process().name}: item {item}\n", end="", flush=True)


def wait(pause: float) -> None:
    """Give the others time to step in."""
    if pause > 0:
        time.sleep(pause)


def main(
    *,
    way: Annotated[
        str,
        Choice(("empty", "sentinel"), "in which a consumer knows the end"),
    ] = "empty",
    consumers: Annotated[int, Range(1, 16, "processes that get")] = 2,
    share: Annotated[
        int, Range(0, 1000, "items for each consumer; one more is put")
    ] = 2,
    pause_ms: Annotated[
        float, Range(0, 10_000, "milliseconds to look at each item")
    ] = 800,
) -> None:
    """Put one item more than can be shared out evenly."""
    queue: queues.Queue[int | None] = Queue()
    items = consumers * share + 1
    processes = [
        Process(
            target=look_and_take if way == "empty" else take_until_told,
            args=(queue, pause_ms / 1000),
            name=f"consumer-{number + 1}",
        )
        for number in range(consumers)
    ]

    print(f"{consumers} consumers, {items} items", flush=True)
    for item in range(items):
        queue.put(item)
    if way == "sentinel":
        for _ in processes:
            queue.put(None)
    wait(pause_ms / 1000)  # A thread writes them into the pipe.
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(f"all ended, {queue.qsize()} left in the queue")
