"""The lab: what daemon, join, terminate and kill really do.

Watch what becomes of each child that you start, end and join by hand.

This program does what it is told, a command a line: it starts children of
all kinds, terminates, kills and joins them. It never asks for is_alive() or
exitcode by itself, because that is more than a look: it also collects a
child that has ended. Until then such a child is a zombie.
"""

import atexit
import os
import signal
import sys
import time
from multiprocessing import (
    Lock,
    Process,
    Semaphore,
    current_process,
    synchronize,
)
from typing import Annotated

from mpviz.scenarios.catalogue import Range, Text

CHAPTER = "processes"
ORDER = 4

# The buttons: key, command and meaning; {n} is the number of a child.
COMMANDS = (
    ("a", "start", "start a child"),
    ("d", "start daemon", "a daemon"),
    ("u", "start stubborn", "ignores SIGTERM"),
    ("m", "start mother", "has a child"),
    ("L", "start holder", "holds a lock"),
    ("C", "start tidy", "cleans up"),
    ("T", "terminate {n}", "terminate()"),
    ("K", "kill {n}", "kill()"),
    ("J", "join {n} 1", "join(1)"),
    ("I", "is_alive {n}", "is_alive()"),
    ("c", "close {n}", "close()"),
    ("x", "return", "parent returns"),
    ("z", "die", "parent killed"),
)


def say(text: str) -> None:
    """Print a line at once and in one piece."""
    print(f"{text}\n", end="", flush=True)


def work(
    kinds: list[str],
    seconds: float,
    lock: synchronize.Lock,
    ready: synchronize.Semaphore,
) -> None:
    """Be a child of these kinds for so long."""
    name = current_process().name
    if "stubborn" in kinds:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "mother" in kinds:
        Process(target=time.sleep, args=[seconds], name=f"{name}a").start()
    if "tidy" in kinds:
        atexit.register(say, f"{name}: its atexit code has run")
    ready.release()
    if "holder" in kinds:
        lock.acquire()  # And never gives it back.
    try:
        time.sleep(seconds)
    finally:
        if "tidy" in kinds:
            say(f"{name}: its finally has run")


def act(child: Process, action: str, timeout: list[str]) -> None:
    """Make one of the calls that this lab is about."""
    call = {
        "terminate": child.terminate,
        "kill": child.kill,
        "join": child.join,
        "close": child.close,
        "is_alive": child.is_alive,
    }[action]
    say(f">>> {child.name}.{action}({', '.join(timeout)})")
    try:
        call(*map(float, timeout))
        if action in ("join", "is_alive"):
            alive, code = child.is_alive(), child.exitcode
            say(f"    is_alive() {alive}, exitcode {code}")
    except (ValueError, TypeError) as error:
        say(f"    {type(error).__name__}: {error}")


def main(
    *,
    script: Annotated[
        str, Text("commands, with ; between; none: from stdin")
    ] = "",
    seconds: Annotated[
        float, Range(0.1, 3600, "seconds that a child works")
    ] = 60,
) -> None:
    """Do what the commands say."""
    lock, ready = Lock(), Semaphore(0)
    children: list[Process] = []
    names = ", ".join(command for _, command, _ in COMMANDS)
    say(f"commands: {names.replace('{n}', 'N')}")
    for line in script.split(";") if script else sys.stdin:
        match line.split():
            case ["start", *kinds]:
                kind = "-".join(kinds) or "child"
                child = Process(
                    target=work,
                    args=(kinds, seconds, lock, ready),
                    name=f"{kind}-{len(children) + 1}",
                    daemon="daemon" in kinds,
                )
                children.append(child)
                say(f">>> {child.name}.start(), daemon {child.daemon}")
                child.start()
                ready.acquire()  # Until it is what it should be.
            case [action, number, *timeout] if action in (
                "terminate",
                "kill",
                "join",
                "close",
                "is_alive",
            ) and number in map(str, range(1, len(children) + 1)):
                act(children[int(number) - 1], action, timeout)
            case ["return"]:
                break
            case ["die"]:
                say(">>> os.kill(os.getpid(), signal.SIGKILL)")
                os.kill(os.getpid(), signal.SIGKILL)
            case [_, *_]:
                say(f"not understood: {line.strip()}")
    say(">>> return")
