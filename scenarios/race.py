"""A race: see each addition that is lost, at the moment it is lost.

Watch a process write a number that is out of date, over a newer one.

Each process reads the number, pauses, and writes back one more than it has
read. If the number has changed meanwhile, what others have added is gone;
the process sees it and says so. The losses in the lines add up to what the
last line finds missing. A lock held just for the writing is no help:
the mistake is made between the reading and the writing.
"""

import random
import time
from multiprocessing import Process, Value, current_process, sharedctypes
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "sharing"
ORDER = 3
STEPPED = {"processes": 2, "increments": 1, "pause_ms": 0}

Counter = sharedctypes.Synchronized  # What Value("i", 0) makes.


def unsafe_increment(
    counter: "Counter[int]", increments: int, pause_ms: float
) -> None:
    """Add one again and again; say so when that undoes what others did."""
    for _ in range(increments):
        # Come at a random moment.
        time.sleep(random.uniform(0, 2 * pause_ms) / 1000)
        read = counter.value
        time.sleep(pause_ms / 1000)  # Here others can step in.
        with counter.get_lock():  # Too late: it has been read already.
            found = counter.get_obj().value  # Just a look before writing.
            if found != read:
                report(read, found)
            counter.value = read + 1


def report(read: int, found: int) -> None:
    """Say what is about to be lost, at once and in one line."""
    # One that finds less than it has read brings back what others undid.
    print(
        f"{current_process().name} read {read}; now {found};"
        f" writes {read + 1}: {found - read} lost\n",
        end="",
        flush=True,
    )


def main(
    *,
    processes: Annotated[int, Range(1, 64, "processes that add")] = 3,
    increments: Annotated[
        int, Range(0, 100_000, "times that each process adds one")
    ] = 15,
    pause_ms: Annotated[
        float, Range(0, 10_000, "milliseconds from reading to writing")
    ] = 250,
) -> None:
    """Add up without a lock, and count what is lost."""
    counter = Value("i", 0)
    adders = [
        Process(
            target=unsafe_increment,
            args=(counter, increments, pause_ms),
            name=f"adder-{number + 1}",
        )
        for number in range(processes)
    ]

    print(f"{processes} processes add {increments} each, without a lock")
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    expected = processes * increments
    lost = expected - counter.value
    print(f"expected {expected}, final {counter.value}, lost {lost}")
