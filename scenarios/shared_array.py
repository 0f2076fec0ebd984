"""A shared array: some places have one writer, some have many.

Watch each process fill its part, and all take turns where they share one.

Each worker has a part of the array for itself: nobody else writes there,
so nothing can be lost, and no lock is needed. How many squares end in which
digit they count together, in one small array. Adding one is to read and to
write back, so they hold the array's own lock for it, from get_lock().
"""

import time
from itertools import pairwise
from multiprocessing import Array, Process, sharedctypes
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "sharing"
ORDER = 2

Integers = sharedctypes.SynchronizedArray  # What Array("i", 10) makes.


def process_items(
    squares: "Integers[int]",
    last_digits: "Integers[int]",
    items: range,
    work_ms: float,
) -> None:
    """Square the numbers of one part, and count the last digits."""
    for item in items:
        time.sleep(work_ms / 1000)  # Stands for the real work.
        square = item * item
        squares[item] = square  # This place is ours alone.
        with last_digits.get_lock():  # This one is everybody's.
            last_digits[square % 10] += 1


def main(
    *,
    workers: Annotated[int, Range(1, 64, "processes that fill")] = 4,
    items: Annotated[int, Range(1, 40_000, "places in the array")] = 200,
    work_ms: Annotated[
        float, Range(0, 1000, "milliseconds of work for each place")
    ] = 120,
) -> None:
    """Fill an array together, and prove by sums that nothing is lost."""
    squares = Array("i", items)
    last_digits = Array("i", 10)
    # One piece for each: from 0 up to 50, from 50 up to 100, and so on.
    edges = [items * number // workers for number in range(workers + 1)]
    processes = [
        Process(
            target=process_items,
            args=(squares, last_digits, range(first, end), work_ms),
            name=f"worker-{number + 1}",
        )
        for number, (first, end) in enumerate(pairwise(edges))
    ]

    print(f"{workers} workers fill {items} places")
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    expected = sum(item * item for item in range(items))
    print(f"sum of the squares {sum(squares[:])}, expected {expected}")
    print("squares that end in 0, in 1, ... 9:", *last_digits[:])
    print(f"counted {sum(last_digits[:])}, expected {items}")
