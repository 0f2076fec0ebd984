"""Small programs that do one thing again and again: ``python programs.py NAME TIMES``."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import Barrier, Condition, Event, Pool, Process
from multiprocessing.synchronize import Barrier as BarrierType
from multiprocessing.synchronize import Condition as ConditionType
from multiprocessing.synchronize import Event as EventType

PROCESSES = 5
TASK_SECONDS = 0.001


def nothing(number: int) -> int:
    """A call that takes no time."""
    return number


def executor(times: int) -> None:
    """Calls that do nothing, one by one through an executor of two workers."""
    with ProcessPoolExecutor(2) as workers:
        for _ in workers.map(nothing, range(times)):
            pass


def busy(number: int) -> int:
    """A task that needs a core for a millisecond."""
    end = time.process_time() + TASK_SECONDS
    while time.process_time() < end:
        pass
    return number


def pool(times: int) -> None:
    """Tasks of a millisecond, one by one through a pool of two workers."""
    with Pool(2) as workers:
        for _ in workers.imap_unordered(busy, range(times)):
            pass


def meet(meeting: BarrierType, times: int) -> None:
    """Wait for the others, again and again."""
    for _ in range(times):
        meeting.wait()


def barrier(times: int) -> None:
    """Rounds of five processes at a barrier."""
    meeting = Barrier(PROCESSES)
    run_all([Process(target=meet, args=(meeting, times)) for _ in range(PROCESSES)])


def hand_over(condition: ConditionType, times: int) -> None:
    """Wake the other process and wait for it, in turns."""
    with condition:
        for _ in range(times):
            condition.notify()
            condition.wait(1)
        condition.notify()


def condition(times: int) -> None:
    """Two processes that wake each other with a condition."""
    turn = Condition()
    run_all([Process(target=hand_over, args=(turn, times)) for _ in range(2)])


def answer(ping: EventType, pong: EventType, times: int) -> None:
    """Wait for one event and set the other."""
    for _ in range(times):
        ping.wait()
        ping.clear()
        pong.set()


def event(times: int) -> None:
    """Two processes that wake each other with events."""
    ping, pong = Event(), Event()
    players = [
        Process(target=answer, args=(ping, pong, times)),
        Process(target=answer, args=(pong, ping, times)),
    ]
    ping.set()
    run_all(players)


def run_all(processes: list[Process]) -> None:
    """Start all and wait for all."""
    for process in processes:
        process.start()
    for process in processes:
        process.join()


if __name__ == "__main__":
    {
        "executor": executor,
        "pool": pool,
        "barrier": barrier,
        "condition": condition,
        "event": event,
    }[sys.argv[1]](int(sys.argv[2]))
