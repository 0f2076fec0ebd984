"""Join before drain: wait for a process before taking what it has put.

Watch the worker live on after its last line, and join wait for its end.

What is put in a Queue is kept in the process that put it, until a thread of
the queue has written it into the pipe. A process does not end before that.
The pipe takes 64 KB; what is larger waits until somebody reads, and the one
who should read waits in join. So get first, then join: first=get. With a
small item, as with size_kb=10, all of it fits the pipe and join comes back:
such a program works in its tests and hangs with real data.
"""

import time
from multiprocessing import Process, Queue, queues
from typing import Annotated

from mpviz.scenarios.catalogue import Choice, Range

CHAPTER = "pitfalls"
ORDER = 5
HANGS = "join waits for a process that waits until its item is taken"
HANGS_WITH = {"first": "join", "size_kb": 64}
LIMIT = 10


def worker(queue: "queues.Queue[bytes]", size_kb: int, work: float) -> None:
    """Make one large result and put it in the queue."""
    time.sleep(work)
    queue.put(bytes(size_kb * 1024))
    # put comes back at once: the queue's thread does the writing.
    print(f"put {size_kb} KB, nothing left to do\n", end="", flush=True)


def main(
    *,
    first: Annotated[
        str, Choice(("join", "get"), "what the parent does first")
    ] = "join",
    size_kb: Annotated[
        int, Range(1, 100_000, "kilobytes of the result")
    ] = 1000,
    work: Annotated[
        float, Range(0, 5, "seconds that the result takes")
    ] = 1.5,
) -> None:
    """Wait for the worker and get its result, in the one order or other."""
    queue: queues.Queue[bytes] = Queue()
    process = Process(target=worker, args=(queue, size_kb, work))

    print(f"first {first}", flush=True)
    process.start()
    if first == "join":
        process.join()
        result = queue.get()
    else:
        result = queue.get()
        process.join()
    print(f"{len(result) // 1024} KB, exit code {process.exitcode}")
