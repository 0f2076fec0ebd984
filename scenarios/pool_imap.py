"""Pool.imap: results one by one, and no more than are wanted.

Watch results come while tasks run, and what is left undone at the end.

Pool.imap returns an iterator that gives each result as soon as it is there,
in the order of the list; imap_unordered does not even wait for its turn.
Whoever has enough can stop, and need not hold all results at once, as with
map, which returns when all is done. Only results are lazy: a thread of the
pool reads the input ahead, as fast as the pipe to the workers takes it. And
results wait in the parent if it takes them more slowly than they come.
"""

import time
from multiprocessing import Pool
from operator import length_hint
from typing import Annotated, ClassVar
from weakref import WeakSet

from mpviz.scenarios.catalogue import Choice, Range

CHAPTER = "pools"
ORDER = 4


class Result:
    """What a task returns; each process counts those that it holds."""

    # A WeakSet forgets what nobody else holds any more.
    held: ClassVar["WeakSet[Result]"] = WeakSet()
    most: ClassVar[int] = 0

    def __init__(self, value: int) -> None:
        self.value = value
        Result.held.add(self)
        Result.most = max(Result.most, len(Result.held))

    def __reduce__(self) -> tuple[type["Result"], tuple[int]]:
        """Have pickle make the result anew in the parent, to be counted."""
        return Result, (self.value,)


def process_item(task: tuple[int, float]) -> Result:
    """Square an item; some take up to three times as long as others."""
    item, task_ms = task
    time.sleep(task_ms / 1000 * (1 + item % 3))
    return Result(item * item)


def main(
    *,
    workers: Annotated[
        int, Range(1, 64, "worker processes in the pool")
    ] = 4,
    items: Annotated[int, Range(1, 100_000, "tasks in the list")] = 100,
    call: Annotated[
        str,
        Choice(("imap", "imap_unordered", "map"), "how to ask for results"),
    ] = "imap",
    stop_after: Annotated[
        int, Range(0, 100_000, "results that are enough, 0: take all")
    ] = 60,
    task_ms: Annotated[
        float, Range(0, 10_000, "milliseconds of the quickest tasks")
    ] = 200,
) -> None:
    """Take results from a pool until there are enough of them."""
    tasks = iter([(item, task_ms) for item in range(items)])

    print(f"{call}: {workers} workers, {items} tasks", flush=True)
    with Pool(workers) as pool:
        # Chunks of one item: each is a task, whatever the call.
        results = getattr(pool, call)(process_item, tasks, 1)
        for taken, result in enumerate(results, start=1):
            if taken == 1:
                read = items - length_hint(tasks)
                print(f"{read} items were read before the first result")
            print(f"result {taken}: {result.value}", flush=True)
            if taken == stop_after:
                break
    # Leaving the block has ended the workers, whatever they were at.
    print(f"took {taken} of {items} results")
    print(f"held {Result.most} results at once, at most")
