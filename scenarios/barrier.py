"""A barrier: nobody begins a round before all have ended the last one.

Watch the quick ones wait in every round: the slowest sets the pace for all.

Each worker calls wait when its part of the round is done. The barrier holds
them until as many have come as it has parties; then all go on at once, and
it holds the first that comes again in the next round. So a round takes as
long as the slowest worker does.
"""

import time
from multiprocessing import Barrier, Process, current_process, synchronize
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "synchronization"
ORDER = 2

SECONDS = (0.3, 0.6, 0.9, 1.2)
"""How long each worker takes for its part of a round."""


def say(text: str) -> None:
    """Print who says what, at once and in one piece."""
    print(f"{current_process().name}: {text}\n", end="", flush=True)


def work_in_rounds(
    barrier: synchronize.Barrier, rounds: int, seconds: float
) -> None:
    """Do a part of each round, and meet the others at its end."""
    waited = 0.0
    for number in range(1, rounds + 1):
        time.sleep(seconds)  # Stands for the real work.
        say(f"round {number} done")
        arrived = time.perf_counter()
        barrier.wait()  # Waits until all the others are here.
        waited += time.perf_counter() - arrived
    say(f"waited {waited:.1f} s in all")


def main(
    *,
    rounds: Annotated[
        int, Range(0, 1000, "times that the workers meet")
    ] = 7,
) -> None:
    """Let workers of different speed go through the rounds together."""
    barrier = Barrier(len(SECONDS))
    processes = [
        Process(
            target=work_in_rounds,
            args=(barrier, rounds, seconds),
            name=f"worker-{number + 1}",
        )
        for number, seconds in enumerate(SECONDS)
    ]

    print(f"{len(SECONDS)} workers, {rounds} rounds")
    start = time.perf_counter()
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    took = time.perf_counter() - start
    print(f"{rounds} rounds took {took:.1f} s")
