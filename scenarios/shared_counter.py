"""A shared counter: several processes add to one number.

Watch them queue up for the lock; then try lock=no, and watch the count.

Adding one means to read the number, work out the next, and write it back.
Reading is safe and writing is safe, but in between another process can step
in, and then one of the two additions is lost. A lock makes the three steps
one: it is exact, and it lets only one process at a time get on.
"""

import time
from collections.abc import Callable
from multiprocessing import Lock, Process, Value, sharedctypes, synchronize
from typing import Annotated

from mpviz.scenarios.catalogue import Range, YesNo

CHAPTER = "sharing"
ORDER = 1
STEPPED = {"processes": 2, "increments": 1, "work_ms": 0}

Counter = sharedctypes.Synchronized  # What Value("i", 0) makes.


def add_one(counter: "Counter[int]", work_ms: float) -> None:
    """Read the number, work, write it back."""
    if work_ms == 0:
        counter.value += 1  # Looks like one step, and is three.
        return
    number = counter.value
    work(work_ms)  # Here another process can step in.
    counter.value = number + 1


def work(milliseconds: float) -> None:
    """Keep a core busy for so long."""
    end = time.perf_counter() + milliseconds / 1000
    while time.perf_counter() < end:
        sum(range(1000))


def safe_increment(
    counter: "Counter[int]",
    lock: synchronize.Lock,
    increments: int,
    work_ms: float,
) -> None:
    """Add one again and again, and let nobody step in."""
    for _ in range(increments):
        with lock:
            add_one(counter, work_ms)


def unsafe_increment(
    counter: "Counter[int]", increments: int, work_ms: float
) -> None:
    """Add one again and again, and hope."""
    for _ in range(increments):
        add_one(counter, work_ms)


def main(
    *,
    processes: Annotated[int, Range(1, 64, "processes that add")] = 4,
    increments: Annotated[
        int, Range(0, 1_000_000, "times that each process adds one")
    ] = 60,
    lock: Annotated[bool, YesNo("hold a lock for every addition")] = True,
    work_ms: Annotated[
        float, Range(0, 1000, "milliseconds of work in each addition")
    ] = 20,
) -> None:
    """Add up, all processes together, and compare with what should be."""
    counter = Value("i", 0)
    target: Callable[..., None] = unsafe_increment
    args: tuple[object, ...] = (counter,)
    if lock:
        counter_lock = Lock()
        target, args = safe_increment, (counter, counter_lock)
    adders = [
        Process(
            target=target,
            args=(*args, increments, work_ms),
            name=f"adder-{number + 1}",
        )
        for number in range(processes)
    ]

    protection = "with a lock" if lock else "without a lock"
    print(f"{processes} processes add {increments} each, {protection}")
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    expected = processes * increments
    lost = expected - counter.value
    print(f"expected {expected}, final {counter.value}, lost {lost}")
