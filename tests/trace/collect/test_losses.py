"""Lost records are counted exactly, whatever happens to the process and to the viewer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.command import MPVIZ
from mpviz.probe import BOOT
from mpviz.trace.collect import transport
from mpviz.trace.collect.transport import Transport
from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.report import document, losses_in_words
from mpviz.trace.model.events import Event, RecordsDropped, WaitOver
from mpviz.trace.model.state import RunState
from mpviz.trace.model.told import as_events

pytestmark = pytest.mark.usefixtures("nothing_left")

WIRE = """
import os, resource, signal, sys, time
sys.path.insert(0, sys.argv[1])
from mpviz_probe import wire
wire.open_queue(sys.argv[2])
"""


Write = Callable[[str], list[int]]


@pytest.fixture
def write(queue: Transport, python: str) -> Write:
    """Run this code in a process with the probe's writing end; give the numbers that it prints."""

    def run(code: str) -> list[int]:
        done = subprocess.run(
            [python, "-I", "-c", WIRE + textwrap.dedent(code), str(BOOT), str(queue.path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
        return [int(word) for word in done.stdout.split()]

    return run


def all_of(queue: Transport) -> tuple[RunState, list[Event]]:
    """Read what is left after the last writer is gone; give it with the resulting state."""
    queue.finish()
    events: list[Event] = []
    while batch := queue.get():
        events += as_events(batch)
    return follow(RunState(), events), events


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the viewer read nothing until the end, as if it was stopped."""
    monkeypatch.setattr(transport, "BACKLOG_BYTES", -1)


@pytest.mark.usefixtures("blind")
def test_a_kill_takes_back_no_count_of_what_was_dropped(queue: Transport, write: Write) -> None:
    dropped, last = write("""
    for _ in range(40_000):
        wire.put(b"wait.over")
    print(wire._dropped, wire._last_dropped, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    """)
    state, events = all_of(queue)
    assert last == 40_000
    assert state.lost == dropped == 40_000 - sum(isinstance(each, WaitOver) for each in events)
    assert losses_in_words(state) == f"!! {dropped} of 40000 events lost, of 1 process"


def test_records_dropped_for_lack_of_a_descriptor_are_counted_later(
    queue: Transport, write: Write
) -> None:
    write("""
    wire.put(b"wait.over")
    os.closerange(3, 8192)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    for _ in range(5):
        wire.put(b"wait.over")
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    time.sleep(2 * wire.fifo.RETRY_MILLISECONDS / 1000)
    wire.put(b"wait.over")
    os.kill(os.getpid(), signal.SIGKILL)
    """)
    state, events = all_of(queue)
    told = [(each.number, each.dropped) for each in events if isinstance(each, WaitOver)]
    assert told == [(1, 0), (7, 5)]
    assert state.lost == 5


def test_a_death_without_a_descriptor_takes_back_no_count_either(
    queue: Transport, write: Write
) -> None:
    write("""
    wire.put(b"wait.over")
    os.closerange(3, 8192)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    for _ in range(5):
        wire.put(b"wait.over")
    os.kill(os.getpid(), signal.SIGKILL)
    """)
    state, _ = all_of(queue)
    assert state.lost == 5


def test_no_file_that_took_the_place_of_the_pipe_is_written_to(
    queue: Transport, write: Write, tmp_path: Path
) -> None:
    for name in ("file", "other"):
        (tmp_path / name).write_text("mine")
    write(f"""
    wire.put(b"wait.over")
    os.closerange(3, 8192)
    os.unlink(wire.path)
    os.symlink({str(tmp_path / "file")!r}, wire.path)
    wire.put(b"wait.over")
    os.unlink(wire.path)
    os.link({str(tmp_path / "other")!r}, wire.path)
    time.sleep(2 * wire.fifo.RETRY_MILLISECONDS / 1000)
    wire.put(b"wait.over")
    os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["mine", "mine"]
    state, _ = all_of(queue)
    assert state.lost == 2
    (why,) = state.hidden_losses
    assert "moved or removed" in why
    assert document(state)["stream"]["lost_unknown"] == [why]
    assert "none lost" not in losses_in_words(state)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("77-1.dropped", "rubbish"),
        ("77-1.dropped", "3 9 1"),
        ("77-1.dropped", f"9 3 {1 << 62}"),
        ("77-1.dropped", f"{1 << 63} 3 1"),
        ("x-1.dropped", "9 3 1"),
        ("99999999-1.dropped", "9 3 1"),
    ],
)
def test_a_file_that_is_no_account_of_a_process_is_ignored(
    queue: Transport, name: str, text: str
) -> None:
    (queue.directory / name).write_text(text)
    os.mkfifo(queue.directory / "5-1.dropped")
    (queue.directory / "6-1.dropped").mkdir()
    _, events = all_of(queue)
    assert not [event for event in events if isinstance(event, RecordsDropped)]


BLOCKS = """
import sys
from multiprocessing import shared_memory
print("ready", flush=True)
sys.stdin.readline()
for _ in range(6000):
    block = shared_memory.SharedMemory(create=True, size=16)
    block.close()
    block.unlink()
print("made", flush=True)
sys.exit(7)
"""


def test_a_viewer_that_was_stopped_knows_the_exit_status_and_what_it_missed(
    tmp_path: Path,
) -> None:
    program, told = tmp_path / "blocks.py", tmp_path / "told.json"
    program.write_text(BLOCKS)
    viewer = subprocess.Popen(
        [MPVIZ, "run", "--headless", "--json", told, program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert viewer.stdin
    assert viewer.stdout
    try:
        assert viewer.stdout.readline() == "ready\n"
        viewer.send_signal(signal.SIGSTOP)
        viewer.stdin.write("\n")
        viewer.stdin.flush()
        assert viewer.stdout.readline() == "made\n"
    finally:
        viewer.send_signal(signal.SIGCONT)
    viewer.communicate(timeout=60)
    assert viewer.returncode == 7
    found = json.loads(told.read_text())
    assert found["run"]["exit_code"] == 7
    (process,) = [each for each in found["processes"] if each["name"] == "MainProcess"]
    assert process["exit_code"] == 7
    stream = found["stream"]
    assert stream["lost"] > 0
    assert stream["lost_of"] == {str(process["pid"]): stream["lost"]}
    # Each block is made, closed and unlinked; the other records are from the beginning and the end.
    assert 3 * 6000 < stream["records"] + stream["lost"] <= 3 * 6000 + 12


MORE_THAN_DESCRIPTORS = """
import multiprocessing, os, resource, time
lock = multiprocessing.Lock()
gate, opened = os.pipe()
children = []
for _ in range(60):
    child = os.fork()
    if child == 0:
        for _ in range(20):
            with lock:
                pass
        os.close(opened)
        os.read(gate, 1)
        os._exit(0)
    children.append(child)
time.sleep(0.3)
os.close(opened)
for child in children:
    os.waitpid(child, 0)
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize("limit", ["-S", "-H -S"])
def test_more_processes_than_descriptors_lose_nothing(tmp_path: Path, limit: str) -> None:
    """Each process has a ring, and the program finds the limit that it has without mpviz."""
    program, told = tmp_path / "many.py", tmp_path / "told.json"
    program.write_text(MORE_THAN_DESCRIPTORS)
    shell = f"ulimit {limit} -n 50; ulimit -Sn; ulimit -Hn; exec {MPVIZ} run --headless"
    done = subprocess.run(
        ["sh", "-c", f"{shell} --json {told} {program}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    soft, hard, *printed = done.stdout.split(maxsplit=2)
    assert printed == [f"({soft}, {hard})\n"]
    found = json.loads(told.read_text())
    assert found["stream"]["lost"] == 0
    assert found["stream"]["lost_unknown"] == []
    (lock,) = found["locks"]
    assert lock["acquisitions"] == 60 * 20
    assert "none lost" in done.stderr
