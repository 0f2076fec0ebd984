"""A program that is looked at again and again does what it does without mpviz."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mpviz.probe.boot.mpviz_probe.stacks import SIGNAL
from mpviz.trace.model.processes.stacks import Stacks

if TYPE_CHECKING:
    from tests.conftest import Watch, Watched

PATIENCE = 60.0
"""Seconds after which a condition that has not come true is a failure."""

IN_C = """
import hashlib, os, threading, zlib
from telling import tell

data = bytes(range(256)) * 8192
here = os.path.dirname(os.path.abspath(__file__))

def wait():
    gate.acquire()

gate = threading.Lock()
gate.acquire()
waiter = threading.Thread(target=wait, name="waiter")
waiter.start()
tell(ready=True)
while True:
    # C code that gives up the GIL: no line of Python is reached for as long as it works.
    small = zlib.compress(data, 9)
    hashed = hashlib.pbkdf2_hmac("sha256", small, b"salt", 2000)
    if os.path.exists(os.path.join(here, "seen")):
        break
gate.release()
waiter.join()
print(hashed.hex(), zlib.decompress(small) == data, flush=True)
raise SystemExit(7)
"""

WAITING = f"""
import multiprocessing, os, select, signal, socket, subprocess, sys, threading, time
from telling import tell

LEFT_OUT = 1 << ({SIGNAL} - 1)

def dispositions():
    with open("/proc/self/status") as status:
        lines = dict(line.split(":", 1) for line in status)
    sets = [int(lines[name], 16) & ~LEFT_OUT for name in ("SigBlk", "SigIgn", "SigCgt")]
    return [hex(each) for each in sets], [
        (int(number), str(signal.getsignal(number)).split(" at ")[0])
        for number in signal.valid_signals()
        if number != {SIGNAL} and signal.getsignal(number) not in (signal.SIG_DFL, None)
    ]

def handle(number, frame):
    print("handled", number, frame.f_code.co_name, flush=True)

def wait_in_all_ways(who):
    lock, (one, other) = threading.Lock(), socket.socketpair()
    lock.acquire()
    reading, writing = os.pipe()
    one.settimeout(0.3)
    print(who, "lock", lock.acquire(timeout=0.3))
    print(who, "sleep", time.sleep(0.3))
    try:
        one.recv(1)
    except OSError as error:
        print(who, "socket", type(error).__name__)
    print(who, "select", select.select([reading], [], [], 0.3))
    print(who, "child", subprocess.run(["sleep", "0.3"]).returncode, flush=True)

def child(gate):
    print("child", gate.wait(60), dispositions(), flush=True)
    wait_in_all_ways("child")
    print("error of the child", file=sys.stderr, flush=True)
    sys.exit(3)

if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, handle)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
    context = multiprocessing.get_context(sys.argv[1])
    gate = context.Event()
    process = context.Process(target=child, args=(gate,))
    process.start()
    wait_in_all_ways("parent")
    signal.raise_signal(signal.SIGUSR1)
    gate.set()
    process.join()
    print("exit", process.exitcode, dispositions(), flush=True)
    sys.exit(5)
"""


def look_until_it_ends(
    watched: Watched, after_each: Callable[[list[Stacks]], None] = lambda _: None
) -> list[Stacks]:
    """Look at all of its processes again and again; what was seen."""
    deadline = time.monotonic() + PATIENCE
    seen: dict[tuple[str, int], Stacks] = {}
    session = watched.session
    while not session.over:
        assert time.monotonic() < deadline
        session.step(0.01)
        for process in list(session.state.processes.values()):
            session.look(process.key)
            if process.stacks is not None:
                seen[process.key, process.stacks.time] = process.stacks
        after_each(list(seen.values()))
    return list(seen.values())


def unwatched(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """The same program without mpviz, by this Python and with these arguments."""
    python, *arguments = command
    return subprocess.run(
        [python, str(folder / "program.py"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
    )


def test_work_in_c_is_neither_disturbed_nor_taken_for_a_wait(watch: Watch, python: str) -> None:
    watched = watch(IN_C, python=python)
    ready: list[int] = []
    reasons: set[str] = set()

    def let_go_on_when_seen(seen: list[Stacks]) -> None:
        if not ready and (watched.folder / "told").exists():
            ready.append(time.monotonic_ns())
        reasons.update(each.reason for each in seen if ready and each.time > ready[0])
        if len([each for each in seen if ready and each.time > ready[0]]) > 10:
            (watched.folder / "seen").touch()

    look_until_it_ends(watched, let_go_on_when_seen)
    run = watched.end()
    run.assert_no_probe_error()
    assert "is at work: its stacks change while they are read" in reasons
    assert "stalled" not in {finding["rule"] for finding in run.document["findings"]}
    expected = unwatched(watched.folder, python)
    assert (run.stdout, run.stderr) == (expected.stdout, expected.stderr)
    assert run.exit_code == expected.returncode == 7


def test_output_exit_status_and_signal_dispositions_are_those_of_an_unwatched_run(
    watch: Watch, python: str, start_method: str
) -> None:
    watched = watch(WAITING, start_method, python=python)
    seen = look_until_it_ends(watched)
    run = watched.end()
    run.assert_no_probe_error()
    assert sum(not each.reason for each in seen) > 5, "it has answered"
    expected = unwatched(watched.folder, python, start_method)
    assert run.stdout.splitlines() == expected.stdout.splitlines()
    assert run.stderr.splitlines() == expected.stderr.splitlines()
    assert run.exit_code == expected.returncode == 5
