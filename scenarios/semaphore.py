"""A semaphore: only so many at once.

Watch two workers download while the others wait for a place.

A semaphore is a lock with more than one place: acquire takes a place, and
waits while there is none; release gives it back. It keeps many processes
from overrunning a scarce resource, such as a server for two visitors.
The workers count for themselves how many of them are in at once.
"""

import time
from multiprocessing import (
    Process,
    Semaphore,
    Value,
    current_process,
    sharedctypes,
    synchronize,
)
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "synchronization"
ORDER = 4

Count = sharedctypes.Synchronized  # What Value("i", 0) makes.


def say(text: str) -> None:
    """Print who says what, at once and in one piece."""
    print(f"{current_process().name}: {text}\n", end="", flush=True)


def download(
    slots: synchronize.Semaphore,
    inside: "Count[int]",
    most: "Count[int]",
    files: int,
    seconds: float,
) -> None:
    """Download files one by one, each in a place of its own."""
    for file in range(1, files + 1):
        with slots:  # Waits while every place is taken.
            with inside.get_lock():
                inside.value += 1
                most.value = max(most.value, inside.value)
                say(f"file {file}, {inside.value} at once")
            time.sleep(seconds)  # Stands for the download.
            with inside.get_lock():
                inside.value -= 1


def main(
    *,
    workers: Annotated[int, Range(1, 64, "processes that download")] = 5,
    places: Annotated[int, Range(1, 64, "downloads allowed at once")] = 2,
    files: Annotated[
        int, Range(0, 10_000, "files that each of them downloads")
    ] = 4,
    download_s: Annotated[
        float, Range(0, 60, "seconds that a download takes")
    ] = 0.8,
) -> None:
    """Share out a few places among more workers, and count who is in."""
    slots = Semaphore(places)
    inside, most = Value("i", 0), Value("i", 0)
    processes = [
        Process(
            target=download,
            args=(slots, inside, most, files, download_s),
            name=f"worker-{number + 1}",
        )
        for number in range(workers)
    ]

    print(f"{workers} workers, {places} places")
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(f"at most {most.value} at once, {inside.value} at the end")
