"""What a program does from the moment on when it has taken in the probe is told exactly."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from helpers.running import Running, running, see
from helpers.runs import PATIENCE, wait_until
from mpviz.trace.attach.live import LiveSession
from mpviz.trace.model.primitives.lock import Lock
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.primitives.value import SharedValue
from mpviz.trace.model.state import RunState

Thing = TypeVar("Thing", Lock, Pool, Queue, SharedValue)

ROUNDS = 500

WORKS = """
HERE = os.path.dirname(os.path.abspath(__file__))

def there(name):
    return os.path.exists(os.path.join(HERE, name))

def put_down(name, text=""):
    path = os.path.join(HERE, name)
    with open(path + "~", "w") as file:
        file.write(text)
    os.rename(path + "~", path)

def work(jobs, lock, counter):
    for rounds in iter(jobs.get, None):
        for _ in range(rounds):
            with lock:
                counter.value += 1

def square(number):
    return number * number

def main():
    jobs, lock, counter = mp.Queue(), mp.Lock(), mp.Value("i", 0)
    jobs.put(1)
    workers = [mp.Process(target=work, args=(jobs, lock, counter)) for _ in range(2)]
    for each in workers:
        each.start()
    pool = mp.Pool(2)
    pool.map(square, range(10), 1)
    wait_until(lambda: counter.value == 1)
    put_down("ready")
    while not there("go"):
        time.sleep(0.01)
    for _ in range(10):
        jobs.put(ROUNDS // 10)
    squares = pool.map(square, range(100), 1)
    for _ in workers:
        jobs.put(None)
    for each in workers:
        each.join()
    late = mp.Process(target=work, args=(jobs, lock, counter), name="late")
    jobs.put(5)
    jobs.put(None)
    late.start()
    late.join()
    put_down("done", "%d %d" % (counter.value, sum(squares)))
    while not there("end"):
        time.sleep(0.01)
    pool.close()
    pool.join()
    sys.exit(7)
""".replace("ROUNDS", str(ROUNDS))


def has_all(state: RunState) -> bool:
    """Whether the last that is told of the program's work has arrived: its late child's end."""
    return any(each.name == "late" and not each.alive for each in state.processes.values())


@contextmanager
def live(program: Running) -> Iterator[LiveSession]:
    session = LiveSession(program.pid, unasked=True)
    try:
        yield session
    finally:
        session.close()


def one(state: RunState, kind: type[Thing], name: str) -> Thing:
    named = [each for each in state.table(kind).values() if each.name == name]
    assert len(named) == 1, [each.name for each in state.table(kind).values()]
    return named[0]


def test_all_is_counted_exactly_from_the_moment_on_when_mpviz_is_there(
    tmp_path: Path, enterable_python: str, fork_at_least: str
) -> None:
    with running(tmp_path, WORKS, enterable_python, fork_at_least) as program:
        wait_until((tmp_path / "ready").exists, PATIENCE)
        with live(program) as session:
            (tmp_path / "go").touch()
            wait_until((tmp_path / "done").exists, PATIENCE)
            state = see(session, has_all)
            queue = one(state, Queue, "jobs")
            assert (queue.puts.count, queue.depth) == (14, 0)
            lock = one(state, Lock, "lock")
            assert (lock.acquisitions, lock.releases) == (ROUNDS + 5, ROUNDS + 5)
            counter = one(state, SharedValue, "counter")
            assert (counter.writes.count, counter.last) == (ROUNDS + 5, ROUNDS + 6)
            pool = one(state, Pool, "pool")
            assert [(job.tasks, job.done) for job in pool.jobs.values()] == [(100, 100)]
            assert not state.troubles and not state.probe_errors
            assert state.lost == 0
            (tmp_path / "end").touch()
            see(session, lambda _: session.over)
    assert (tmp_path / "done").read_text() == f"{ROUNDS + 6} {sum(n * n for n in range(100))}"
    assert program.process.returncode == 7
    assert program.output.read_text() == ""


WAITS_IN = {
    "sleep": ("", "time.sleep(1000)"),
    "read": ("ends = os.pipe()", "os.read(ends[0], 1)"),
    "join": ("child = mp.Process(target=time.sleep, args=(1000,)); child.start()", "child.join()"),
    "queue": ("queue = mp.Queue()", "queue.get()"),
    "lock": ("lock = mp.Lock(); lock.acquire()", "lock.acquire()"),
    "nothing": ("", "exec('while True: pass')"),
}
"""What the program does before, and where it waits then. An import is another story: a process that
is in the middle of one is asked again later."""


@pytest.mark.parametrize("where", WAITS_IN)
def test_a_program_is_entered_wherever_its_main_thread_waits(
    tmp_path: Path, enterable_python: str, where: str
) -> None:
    before, wait = WAITS_IN[where]
    source = f"def main():\n    {before or 'pass'}\n    print('begun', flush=True)\n    {wait}\n"
    with running(tmp_path, source, enterable_python, "fork") as program:
        wait_until(lambda: program.output.read_text() == "begun\n", PATIENCE)
        with live(program) as session:
            see(session, lambda state: state.main and state.processes[state.main].probed)
            assert not session.state.troubles
        assert program.process.poll() is None


REFUSED = {
    "threading": (
        "lock = threading.Lock(); lock.acquire(); lock.acquire()",
        {},
        "waits for a lock of threading",
    ),
    "disabled": ("signal.pause()", {"PYTHON_DISABLE_REMOTE_DEBUG": "1"}, "debugging disabled"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_entered_is_refused_in_a_line_and_goes_on(
    tmp_path: Path, enterable_python: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement, variables, said = REFUSED[reason]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    source = f"""
def main():
    signal.signal(signal.SIGUSR1, lambda *_: sys.exit(3))
    print("begun", flush=True)
    {statement}
"""
    with running(tmp_path, source, enterable_python, "fork") as program:
        wait_until(lambda: program.output.read_text() == "begun\n", PATIENCE)
        with pytest.raises(OSError, match=said) as refused:
            LiveSession(program.pid, unasked=True)
        assert len(str(refused.value).splitlines()) == 1
        program.process.send_signal(signal.SIGUSR1)
        assert program.process.wait(PATIENCE) == 3
        # Nothing was left for it to run: that would be said here.
        assert program.output.read_text() == "begun\n"


def test_an_older_python_is_refused(tmp_path: Path) -> None:
    source = "def main():\n    print('begun', flush=True); signal.pause()\n"
    with running(tmp_path, source, sys.executable, "fork") as program:
        wait_until(lambda: program.output.read_text() == "begun\n", PATIENCE)
        with pytest.raises(OSError, match=r"needs 3\.14 or newer"):
            LiveSession(program.pid, unasked=True)
