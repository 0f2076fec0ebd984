"""A shared counter: several processes add to one number.

Watch the final count: it is exact with the lock, too low with lock=no.

counter.value += 1 reads the number, adds one and writes it back. Reading is
safe and writing is safe, but between the two another process can step in,
and then one of the two additions is lost. The lock makes it a single step.
"""

import time
from collections.abc import Callable, Iterator
from multiprocessing import Lock, Process, Value, sharedctypes, synchronize
from typing import Annotated

from mpviz.scenarios.catalogue import Range, YesNo

CHAPTER = "sharing"
ORDER = 1

Counter = sharedctypes.Synchronized  # What Value("i", 0) makes.


def beats(times: int, pause: float) -> Iterator[int]:
    """Count the beats: they come at the same moment in every process."""
    for beat in range(times):
        time.sleep(pause - time.monotonic() % pause)
        yield beat


def safe_increment(
    counter: "Counter[int]",
    lock: synchronize.Lock,
    increments: int,
    pause: float,
) -> None:
    """Add one on every beat, and let nobody step in."""
    for _ in beats(increments, pause) if pause else range(increments):
        with lock:
            counter.value += 1


def unsafe_increment(
    counter: "Counter[int]", increments: int, pause: float
) -> None:
    """Add one on every beat, and hope."""
    for _ in beats(increments, pause) if pause else range(increments):
        counter.value += 1


def run(number: int, target: Callable[..., None], *args: object) -> None:
    """Let so many processes do the same, and wait for them."""
    adders = [
        Process(target=target, args=args, name=f"adder-{index + 1}")
        for index in range(number)
    ]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()


def run_with_lock(
    number: int, counter: "Counter[int]", increments: int, pause: float
) -> None:
    """Give all of them the same lock."""
    lock = Lock()
    run(number, safe_increment, counter, lock, increments, pause)


def main(
    *,
    processes: Annotated[int, Range(1, 64, "processes that add")] = 4,
    increments: Annotated[
        int, Range(0, 1_000_000, "times that each process adds one")
    ] = 300,
    lock: Annotated[bool, YesNo("hold a lock for every addition")] = True,
    pause_ms: Annotated[
        float, Range(0, 1000, "milliseconds between beats, 0: full speed")
    ] = 15,
) -> None:
    """Add up, all processes together, and compare with what should be."""
    protection = "with a lock" if lock else "without a lock"
    print(f"{processes} processes add {increments} each, {protection}")

    counter = Value("i", 0)
    pause = pause_ms / 1000
    if lock:
        run_with_lock(processes, counter, increments, pause)
    else:
        run(processes, unsafe_increment, counter, increments, pause)

    expected = processes * increments
    lost = expected - counter.value
    print(f"expected {expected}, final {counter.value}, lost {lost}")
