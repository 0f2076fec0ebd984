"""A manager's dict: workers share it, and another process keeps it.

Watch every worker talk to the manager; then try lock=yes: nothing is lost.

Only the manager's process has the dict. What the workers hold is a proxy:
each look at it and each change is a message to the manager, and a wait for
the answer. One message is safe, but stats["done"] += 1 is two: get, and
then set. In between another worker can get the same number, and one of the
two additions is lost. A key that only one worker changes loses nothing.
"""

import time
from contextlib import AbstractContextManager, nullcontext
from multiprocessing import Manager, Process, current_process
from multiprocessing.managers import DictProxy
from typing import Annotated

from mpviz.scenarios.catalogue import Range, YesNo

CHAPTER = "talking"
ORDER = 3


def process_images(
    stats: "DictProxy[str, int]",
    guard: AbstractContextManager[object],
    images: range,
    pause_ms: float,
) -> None:
    """Count each image twice: under an own key, and under "done"."""
    name = current_process().name
    for _ in images:
        time.sleep(3 * pause_ms / 1000)  # Stands for the real work.
        stats[name] += 1  # Two messages, but nobody else uses this key.
        with guard:
            number = stats["done"]
            time.sleep(pause_ms / 1000)  # Here another can get it, too.
            stats["done"] = number + 1


def main(
    *,
    workers: Annotated[int, Range(1, 64, "processes that count")] = 4,
    images: Annotated[int, Range(0, 100_000, "images, in all")] = 120,
    lock: Annotated[
        bool, YesNo("hold a lock of the manager from get to set")
    ] = False,
    pause_ms: Annotated[
        float, Range(0, 1000, "milliseconds between get and set")
    ] = 50,
) -> None:
    """Count in one dict, all workers together, and check the sum."""
    with Manager() as manager:
        names = [f"worker-{number + 1}" for number in range(workers)]
        stats = manager.dict(dict.fromkeys(["done", *names], 0))
        guard = manager.Lock() if lock else nullcontext()
        processes = [
            Process(
                target=process_images,
                # Each worker gets its share of the images.
                args=(
                    stats,
                    guard,
                    range(images)[number::workers],
                    pause_ms,
                ),
                name=name,
            )
            for number, name in enumerate(names)
        ]

        protection = "with a lock" if lock else "without a lock"
        print(f"{workers} workers count {images} images, {protection}")
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        counts = stats.copy()  # One message brings all of it.
    done = counts.pop("done")
    print(", ".join(f"{name}: {count}" for name, count in counts.items()))
    print(f"expected {images}, final {done}, lost {images - done}")
