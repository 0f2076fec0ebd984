"""Programs that hang, looked at from outside: who waits, for what, at which line, held by whom."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.running import attached, finds, running, see
from helpers.runs import wait_until
from mpviz.trace.attach.session import AttachedSession
from mpviz.trace.explain.why import why
from mpviz.trace.looker import LOOKER
from mpviz.trace.looker.stacks import find_py_spy
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.trace.system import kernel

DEADLOCK = """
def worker(first, second, ready, go):
    with first:
        ready.release()
        go.acquire()
        with second:  # here
            pass

def main():
    accounts, ledger = mp.Lock(), mp.Lock()
    ready, go = mp.Semaphore(0), mp.Semaphore(0)
    workers = [
        mp.Process(target=worker, args=(accounts, ledger, ready, go), name="transfer"),
        mp.Process(target=worker, args=(ledger, accounts, ready, go), name="audit"),
    ]
    for each in workers:
        each.start()
    for _ in workers:
        ready.acquire()
    for _ in workers:
        go.release()
    for each in workers:
        each.join()
"""

DEAD_HOLDER = """
def dies(lock, ready):
    lock.acquire()
    ready.release()
    os.kill(os.getpid(), signal.SIGKILL)

def waits(lock, ready):
    ready.acquire()
    with lock:  # here
        pass

def main():
    state, ready = mp.Lock(), mp.Semaphore(0)
    workers = [
        mp.Process(target=dies, args=(state, ready), name="victim"),
        mp.Process(target=waits, args=(state, ready), name="heir"),
    ]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
"""

KILLED_WORKER = """
def work(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number

def main():
    with mp.Pool(2) as pool:
        pool.map(work, range(8), chunksize=1)  # here
"""

JOIN_BEFORE_DRAIN = """
def produce(results):
    for _ in range(200):
        results.put("x" * 4096)

def main():
    results = mp.Queue()
    producer = mp.Process(target=produce, args=(results,), name="producer")
    producer.start()
    producer.join()  # here
"""

PIPE_WITH_NOBODY = """
def read(connection):
    connection.recv()  # here

def idle():
    signal.pause()

def main():
    here, there = mp.Pipe()
    reader = mp.Process(target=read, args=(there,), name="reader")
    bystander = mp.Process(target=idle, name="bystander")
    reader.start()
    bystander.start()
    reader.join()
"""

MANAGER = """
def consume(jobs):
    jobs.get()  # here

def main():
    with mp.Manager() as manager:
        jobs = manager.Queue()
        consumer = mp.Process(target=consume, args=(jobs,), name="consumer")
        consumer.start()
        consumer.join()
"""


FAILED_PRODUCER = """
PRICES = {"tea": 3, "rye": 5}

def quote(name, results, all_started):
    # A start joins those that have ended by then.
    all_started.wait()
    results.put(PRICES[name])

def main():
    results, all_started = mp.Queue(), mp.Event()
    for name in ("tea", "oat", "rye"):
        mp.Process(target=quote, args=(name, results, all_started)).start()
    all_started.set()
    for _ in range(3):
        results.get()  # here
"""

FAILING_INITIALIZER = """
def open_index(path):
    open(path)

def main():
    with mp.Pool(2, open_index, ("/nowhere/index",)) as pool:
        pool.map(abs, range(4), chunksize=1)  # here
"""

KILLED_WAITER = """
def wait(ready, go):
    with ready:
        go.release()
        ready.wait()

def main():
    ready, go = mp.Condition(), mp.Semaphore(0)
    workers = [mp.Process(target=wait, args=(ready, go)) for _ in range(2)]
    for each in workers:
        each.start()
    for _ in workers:
        go.acquire()
    # They let go of it in wait(), and sleep there then.
    with ready:
        pass
    wait_until(lambda: is_asleep(workers[0].pid))
    workers[0].kill()
    workers[0].join()
    with ready:
        ready.notify_all()  # here
"""

UNREAD_RESULTS = """
class BadRow(Exception):
    def __init__(self, row, column):
        super().__init__("row %d, column %s" % (row, column))

def parse(row):
    raise BadRow(row, "price")

def main():
    with mp.Pool(2) as pool:
        pool.map(parse, range(8), chunksize=1)  # here
"""

UNHEEDED = """
def serve():
    signal.signal(signal.SIGTERM, lambda *_: None)
    while True:
        time.sleep(0.2)

def main():
    server = mp.Process(target=serve, name="server")
    server.start()
    server.join()  # here
"""

SLOW_TASK = """
def resize(number):
    while number == 2:
        signal.pause()
    return number

def main():
    with mp.Pool(2) as pool:
        pool.map(resize, range(6), chunksize=2)  # here
"""


def seen_waiting(name: str) -> object:
    """Whether the process of this name waits."""
    return lambda state: any(
        each.name == name and each.wait is not None for each in state.processes.values()
    )


HANGS = {
    "deadlock": (
        DEADLOCK,
        finds("deadlock"),
        (
            r"transfer \(\d+\) waits [\d.:]+ m?s for lock ledger, held by audit, at PLACE",
            r"audit \(\d+\) waits [\d.:]+ m?s for lock accounts, held by transfer, at PLACE",
        ),
    ),
    "dead-holder": (
        DEAD_HOLDER,
        finds("dead-holder"),
        (r"heir .* for lock state, held by a process that is gone, at PLACE", r"dead-holder: "),
    ),
    "killed-worker": (
        KILLED_WORKER,
        finds("lost-task"),
        (r"MainProcess .* waits .* for the results of a pool \(1 .*missing\), at PLACE",),
    ),
    "join-before-drain": (
        JOIN_BEFORE_DRAIN,
        finds("join-before-drain"),
        # On Python 3.15, a child of the fork server that exits has left the frame with its name.
        (r"MainProcess .* to join (producer|process \d+), at PLACE", r"200 items of results"),
    ),
    "pipe": (
        PIPE_WITH_NOBODY,
        seen_waiting("reader"),
        (r"reader .* for a message on pipe there; its other end is open in Main.* at PLACE",),
    ),
    "failed-producer": (
        FAILED_PRODUCER,
        finds("stalled"),
        (r"stalled: .*MainProcess waits for an item from results, at PLACE",),
    ),
    "failing-initializer": (
        FAILING_INITIALIZER,
        finds("failing-initializer"),
        (r"MainProcess .* for the results of a pool \(4 of 4 tasks missing\), at PLACE",),
    ),
    "killed-waiter": (
        KILLED_WAITER,
        finds("stalled"),
        (r"Main.* for a waiter of condition ready to wake, but 1 of its .* died there, at PLACE",),
    ),
    "unread-results": (
        UNREAD_RESULTS,
        finds("results-unread"),
        (r"results-unread: MainProcess .* \(8 of 8 tasks missing\), at PLACE, and the thread",),
    ),
    "unheeded": (
        UNHEEDED,
        seen_waiting("MainProcess"),
        (r"to join (server|process \d+), at PLACE", r" has a handler for SIGTERM, so terminate"),
    ),
    "slow-task": (
        SLOW_TASK,
        seen_waiting("MainProcess"),
        (
            r"the results of a pool \(1 of 3 chunks missing\), at PLACE",
            r"worker \d .* in its task resize, at program.py:\d+ in resize",
        ),
    ),
    "manager": (
        MANAGER,
        finds("stalled"),
        (r"consumer .* for an answer from the manager, pid \d+, to get\(\)", r"at PLACE"),
    ),
}


@pytest.mark.parametrize("hang", HANGS)
def test_a_hang_is_explained(hang: str, tmp_path: Path, python_and_method: tuple[str, str]) -> None:
    source, is_seen, expected = HANGS[hang]
    with running(tmp_path, source, *python_and_method) as program, attached(program) as session:
        state = see(session, lambda state: is_seen(state) and _explains(state, expected, tmp_path))
        assert len(why(state)) <= 24
        assert max(map(len, why(state))) < 80


def test_how_a_process_ended_that_nobody_has_joined_is_told(tmp_path: Path, python: str) -> None:
    with (
        running(tmp_path, FAILED_PRODUCER, python, "fork") as program,
        attached(program) as session,
    ):
        state = see(session, finds("stalled"))
        text = re.sub(r"\s+", " ", " ".join(why(state)))
        assert re.search(r"pid (\d+) has ended: exit code 1 .*\(pid \1 failed: exit code 1\)", text)
        assert re.search(r"pid \d+ and pid \d+ have ended: exit code 0 ", text)


def _explains(state: RunState, expected: tuple[str, ...], folder: Path) -> bool:
    """Whether all that is expected is said; waits of processes that still start come later."""
    source = (folder / "program.py").read_text().splitlines()
    (line,) = [number for number, text in enumerate(source, 1) if text.endswith("# here")]
    text = re.sub(r"\s+", " ", " ".join(why(state)))
    return all(re.search(each.replace("PLACE", f"program.py:{line}"), text) for each in expected)


def test_kernel_facts_alone_name_who_waits_and_who_holds(
    tmp_path: Path, python_and_method: tuple[str, str]
) -> None:
    """Without any stack, as on an older Python without py-spy."""
    with (
        running(tmp_path, DEADLOCK, *python_and_method) as program,
        attached(program, py_spy="") as session,
    ):
        state = see(session, finds("deadlock"))
        (finding,) = [each for each in state.findings.values() if each.rule == "deadlock"]
        assert len(finding.processes) == 2
        assert all(state.processes[key].key != state.main for key in finding.processes)


FAILS_ONCE = """#!/bin/sh
for pid; do :; done
if [ ! -e "{folder}/$pid" ]; then
    : > "{folder}/$pid"
    echo "Error: it was not to be read just now" >&2
    exit 1
fi
exec {py_spy} "$@"
"""


def test_a_process_that_sleeps_is_read_again_if_its_stack_could_not_be_read(
    tmp_path: Path, python_and_method: tuple[str, str]
) -> None:
    """On a busy machine an answer fails to come; who sleeps has not run since, and kept no name."""
    failing = tmp_path / "py-spy"
    failing.write_text(FAILS_ONCE.format(folder=tmp_path, py_spy=find_py_spy()))
    failing.chmod(0o700)
    with (
        running(tmp_path, DEADLOCK, *python_and_method) as program,
        attached(program, py_spy=str(failing)) as session,
    ):
        see(session, lambda state: {"transfer", "audit"} <= _names(state))


CONTAINER = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")


def test_a_program_in_a_container_is_read_though_it_has_other_pids_there(
    tmp_path: Path, python: str
) -> None:
    if subprocess.run([*CONTAINER, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a pid namespace")
    with running(tmp_path, DEADLOCK, python, "fork", within=CONTAINER) as program:
        wait_until(lambda: _children(program.pid))
        (root,) = _children(program.pid)
        session = AttachedSession(root, py_spy=find_py_spy(), unasked=True)
        try:
            state = see(session, lambda state: finds("deadlock")(state) and _joins(state))
            assert {"transfer", "audit"} <= _names(state)
        finally:
            session.close()


def _children(pid: int) -> list[int]:
    readings = [kernel.read_status(each) for each in kernel.list_pids()]
    return [each.pid for each in readings if each is not None and each.parent == pid]


def _joins(state: RunState) -> bool:
    wait = state.processes[state.main].wait
    return wait is not None and wait.what == "process" and wait.object in state.processes


MANY_ASLEEP = """
def rest():
    signal.pause()

def main():
    for _ in range(30):
        mp.Process(target=rest).start()
    signal.pause()
"""


def test_stacks_for_which_a_look_has_no_time_are_read_in_the_next_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = tmp_path / "looker"
    shutil.copytree(LOOKER.parents[1], hasty, ignore=shutil.ignore_patterns("__pycache__"))
    script = hasty / "looker" / LOOKER.name
    script.write_text(script.read_text().replace("STACK_SECONDS = 1.0", "STACK_SECONDS = 0.001"))
    monkeypatch.setattr("mpviz.trace.attach.looker.LOOKER", script)
    with (
        running(tmp_path, MANY_ASLEEP, sys.executable, "fork") as program,
        attached(program) as session,
    ):
        see(session, lambda state: len(state.processes) == 31)
        see(session, lambda state: all(map(_has_stack, state.processes.values())))
        assert session.looks > 30 / AT_ONCE
        # All do the same, if not since the same moment.
        see(session, lambda state: any("and 29 more that do" in line for line in why(state)))


def _has_stack(process: Process) -> bool:
    return process.stacks is not None and bool(process.stacks.threads)


AT_ONCE = 8
"""Stacks that a look reads at least, as looker.py has it."""


def _names(state: RunState) -> set[str]:
    return {each.name for each in state.processes.values()}
