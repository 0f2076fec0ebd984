"""Pool.starmap: functions of several arguments.

Watch the tasks end out of order, and the results come back in order.

Pool.map calls its function with one argument. Pool.starmap takes a list of
tuples and unpacks each of them: the pair (2, 3) becomes power(2, 3). Which
task ends first is left to the workers and the size of the numbers; which
result comes first is not, since the results are in the order of the list.
"""

from multiprocessing import Pool, current_process
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "pools"
ORDER = 2


def power(base: int, exponent: int) -> int:
    """Multiply again and again, and return how many bits the number has."""
    number = 1
    for _ in range(exponent):
        number *= base
    # In one piece, or another process could print in between.
    name = current_process().name
    print(f"{name}: {base} ** {exponent} is done\n", end="", flush=True)
    return number.bit_length()


def main(
    *,
    workers: Annotated[
        int, Range(1, 64, "worker processes in the pool")
    ] = 4,
    items: Annotated[int, Range(1, 10_000, "pairs in the list")] = 24,
    size: Annotated[
        int, Range(1, 300_000, "the smallest exponent, half the largest")
    ] = 60_000,
) -> None:
    """Raise numbers to high powers, with a pool of worker processes."""
    # The bases go up; the exponents go up and down.
    pairs = [
        (item + 3, size + size * (item * 3 % 7) // 6)
        for item in range(items)
    ]

    print(f"{workers} workers, {items} pairs")
    with Pool(workers) as pool:
        # One pair at a time: each of them is a task of its own.
        results = pool.starmap(power, pairs, chunksize=1)
    for (base, exponent), bits in zip(pairs, results, strict=True):
        print(f"{base} ** {exponent} has {bits} bits")
