"""Chunks: how many items a worker is handed at a time.

Watch the last worker still busy, while the others have run out of work.

Every trip to the parent and back costs time, so Pool.map hands out items in
chunks. One item at a time keeps the workers equally busy to the end, and
makes the most trips. One chunk for each worker makes the fewest, and if
items differ in size, the workers end at different times: here the items
grow along the list. Left to itself, Pool makes some four chunks a worker.
"""

import time
from collections import Counter
from multiprocessing import Pool, current_process
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "pools"
ORDER = 7


def process_item(size: int) -> tuple[str, float]:
    """Keep a core busy; return who did it, and the seconds of work."""
    start = time.process_time()
    sum(number * number for number in range(size))
    return current_process().name, time.process_time() - start


def main(
    *,
    workers: Annotated[
        int, Range(1, 64, "worker processes in each pool")
    ] = 2,
    items: Annotated[int, Range(1, 100_000, "items in the list")] = 4_000,
    size: Annotated[
        int, Range(0, 10_000_000, "the largest item, in steps of work")
    ] = 50_000,
) -> None:
    """Process the same list three times, in chunks of three sizes."""
    sizes = [size * item // items for item in range(items)]
    share = -(-items // workers)  # One chunk for each; rounded up.
    chunksizes = {"1": 1, "auto": None, f"{share}, all at once": share}

    print(f"{workers} workers, {items} items", flush=True)
    for name, chunksize in chunksizes.items():
        # A pool for each, so that each has the same start.
        with Pool(workers) as pool:
            start = time.perf_counter()
            results = pool.map(process_item, sizes, chunksize)
            seconds = time.perf_counter() - start
        print(f"chunksize {name}: {seconds:.2f} s")
        counts = Counter(worker for worker, _ in results)
        for worker, count in sorted(counts.items()):
            busy = sum(each for who, each in results if who == worker)
            print(f"  {worker}: {count} items, {busy:.2f} s of work")
