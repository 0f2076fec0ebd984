"""Deadlock: every process holds a lock that another one waits for.

Watch each take one lock, then wait for the lock that its neighbour holds.

The processes stand in a ring with a lock between each two, and each needs
the locks on both its sides. If all take the one on the same side first,
nobody can get a second one, and nobody will give the first one back. There
is no time-out in it and no error: they wait for ever. The cure is an order
among the locks that all keep to. With order=same everybody takes the one
with the lower number first; then two of them want the same lock first, one
of them waits with empty hands, and its neighbour can go on.
"""

import time
from multiprocessing import (
    Barrier,
    Lock,
    Process,
    current_process,
    synchronize,
)
from typing import Annotated

from mpviz.scenarios.catalogue import Choice, Range, YesNo

CHAPTER = "pitfalls"
ORDER = 4
HANGS = "each process waits for a lock that the next one holds"
HANGS_WITH = {"order": "opposite"}
LIMIT = 10
STEPPED = {"meet": False, "pause": 0}


def say(text: str) -> None:
    """Print a line in one piece and at once, before the wait begins."""
    print(f"{current_process().name} {text}\n", end="", flush=True)


def use_both(
    locks: list[synchronize.Lock],
    first: int,
    second: int,
    meeting: synchronize.Barrier | None,
    pause: float,
) -> None:
    """Take one lock, then the other one too, and give both back."""
    with locks[first]:
        say(f"holds locks[{first}], wants locks[{second}]")
        if meeting is not None:
            meeting.wait()  # Until all hold their first one.
        if pause > 0:
            time.sleep(pause)
        with locks[second]:
            say("has both")


def main(
    *,
    order: Annotated[
        str,
        Choice(("opposite", "same"), "in which the locks are taken"),
    ] = "opposite",
    processes: Annotated[
        int, Range(2, 5, "processes in the ring, and locks")
    ] = 2,
    pause: Annotated[
        float, Range(0, 5, "seconds between the first lock and the second")
    ] = 1.5,
    meet: Annotated[
        bool, YesNo("wait until each has its first lock")
    ] = True,
) -> None:
    """Let every process take the two locks at its sides."""
    locks = [Lock() for _ in range(processes)]
    # In the same order they could never all meet, so nobody waits for it.
    all_meet = meet and order == "opposite"
    meeting = Barrier(processes) if all_meet else None
    ring = []
    for number in range(processes):
        sides = [number, (number + 1) % processes]
        first, second = sorted(sides) if order == "same" else sides
        ring.append(
            Process(
                target=use_both,
                args=(locks, first, second, meeting, pause),
                name=f"worker-{number + 1}",
            )
        )

    print(f"{processes} processes, {order} order", flush=True)
    for process in ring:
        process.start()
    for process in ring:
        process.join()
    print("all ended")
