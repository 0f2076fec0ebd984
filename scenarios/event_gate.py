"""An event: one signal lets everybody go on.

Watch the workers gather at the gate, and all set off at the same moment.

wait holds a process until another one calls set, and no core is used while
it waits. A single set releases all that wait, however many they are. The
event stays set until somebody clears it: later ones pass at once.
"""

import time
from multiprocessing import Event, Process, current_process, synchronize
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "synchronization"
ORDER = 1


def say(text: str) -> None:
    """Print who says what, at once and in one piece."""
    print(f"{current_process().name}: {text}\n", end="", flush=True)


def wait_for_signal(gate: synchronize.Event, travel_s: float) -> None:
    """Get to the gate, and go on when it is open."""
    time.sleep(travel_s)
    arrived = time.perf_counter()
    say("at the gate")
    gate.wait()  # Waits until the event is set.
    say(f"through, waited {time.perf_counter() - arrived:.1f} s")


def main(
    *,
    workers: Annotated[int, Range(1, 64, "processes that wait")] = 5,
    open_after_s: Annotated[
        float, Range(0, 600, "seconds after which the gate opens")
    ] = 6,
    gap_s: Annotated[
        float, Range(0, 60, "seconds from one arrival to the next")
    ] = 1.4,
) -> None:
    """Open a gate for all the workers that wait at it."""
    gate = Event()
    processes = [
        Process(
            target=wait_for_signal,
            args=(gate, gap_s * (number + 1)),
            name=f"worker-{number + 1}",
        )
        for number in range(workers)
    ]

    print(f"{workers} workers, and a gate that is closed")
    for process in processes:
        process.start()
    time.sleep(open_after_s)
    say("I open the gate")
    gate.set()  # Once, for all of them.
    for process in processes:
        process.join()
    print(f"all {workers} are through")
