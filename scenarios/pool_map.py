"""Pool.map: a pool of workers shares out a list of items.

Watch the workers drift apart, since the items differ in size.

Pool.map cuts the list into chunks, hands one to every worker as a task,
and another to each worker that comes back, until none is left; then it
returns all the results, in the order of the list. Large chunks save trips,
small ones keep the workers equally busy to the end: try chunksize=1 and
chunksize=15.
"""

from math import isqrt
from multiprocessing import Pool
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "pools"
ORDER = 1


def calculate_primes(limit: int) -> int:
    """Count the primes below limit: one item, all of it work for a core."""
    primes = 0
    for number in range(2, limit):
        divisors = range(2, isqrt(number) + 1)
        if all(number % divisor != 0 for divisor in divisors):
            primes += 1
    return primes


def main(
    *,
    workers: Annotated[
        int, Range(1, 64, "worker processes in the pool")
    ] = 4,
    items: Annotated[int, Range(1, 100_000, "items in the list")] = 60,
    size: Annotated[
        int,
        Range(10, 10_000_000, "an item counts the primes below about this"),
    ] = 70_000,
    chunksize: Annotated[
        int,
        Range(0, 100_000, "items handed out at a time, 0: Pool chooses"),
    ] = 0,
) -> None:
    """Count primes for many items, with a pool of worker processes."""
    # The largest item is 1.6 times the smallest one.
    limits = [size + size * (item % 7) // 10 for item in range(items)]

    print(f"{workers} workers, {items} items")
    with Pool(workers) as pool:
        # None lets Pool choose: about four chunks for each worker.
        results = pool.map(calculate_primes, limits, chunksize or None)
    # Here the workers are gone: leaving the block terminates them.
    print(f"{len(results)} items done, {sum(results)} primes counted")
