"""Transport: whatever happens to a writer or to the viewer, nobody freezes and nothing is torn."""

from __future__ import annotations

import fcntl
import json
import mmap
import multiprocessing
import os
import queue as standard_queue
import random
import select
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.runs import wait_until
from helpers.writers import Write, all_of, writers
from mpviz.probe import BOOT
from mpviz.trace.collect import transport
from mpviz.trace.collect.transport import Transport
from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.report import document
from mpviz.trace.model.events import (
    Event,
    Output,
    ProbeError,
    RecordsDropped,
    Sample,
    Unreadable,
    WaitOver,
)
from mpviz.trace.model.primitives.lock import LockAcquired
from mpviz.trace.model.primitives.process import Hello
from mpviz.trace.model.state import RunState
from mpviz.trace.model.told import as_events

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def write(queue: Transport) -> Iterator[Write]:
    with writers(queue) as write:
        yield write


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    """Let a writer that waits for a line go on."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


# The hazard, and that it is none here


def test_a_plain_queue_freezes_for_all_when_a_writer_dies_with_its_lock() -> None:
    context = multiprocessing.get_context("fork")
    plain = context.Queue()

    def die_while_writing() -> None:
        plain._wlock.acquire()
        os.kill(os.getpid(), signal.SIGKILL)

    victim = context.Process(target=die_while_writing)
    victim.start()
    victim.join()
    plain.put("never arrives")
    with pytest.raises(standard_queue.Empty):
        plain.get(timeout=0.3)
    plain.cancel_join_thread()


FULL_SPEED = """
with open(sys.argv[3], "r+b") as file:
    shared = mmap.mmap(file.fileno(), 16)
count = 0
while True:
    wire.put(b"wait.over")
    count += 1
    # Only what a put has returned from is counted. What it dropped, since nobody has read for too
    # long, it would only tell with its next record.
    shared[:] = struct.pack("qq", count, wire._dropped)
"""


def counter(folder: Path, name: str) -> tuple[str, mmap.mmap]:
    """A file with two numbers that another process counts up: records, and those it dropped."""
    path = folder / name
    path.write_bytes(bytes(16))
    with path.open("r+b") as file:
        return str(path), mmap.mmap(file.fileno(), 16)


def counted(shared: mmap.mmap) -> int:
    number: int = struct.unpack("qq", shared[:])[0]
    return number


def counted_as_dropped(shared: mmap.mmap) -> int:
    number: int = struct.unpack("qq", shared[:])[1]
    return number


@pytest.mark.parametrize("seed", range(8))
def test_the_death_of_a_writer_costs_nobody_anything(
    queue: Transport, write: Write, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    files = [counter(tmp_path, f"writer-{number}") for number in range(3)]
    writers = [write(FULL_SPEED, path) for path, _ in files]
    state = RunState()
    events: list[Event] = []

    def read_until(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, [counted(shared) for _, shared in files]
            events.extend(as_events(queue.get(timeout=0.01)))

    read_until(lambda: all(counted(shared) > 100 for _, shared in files))
    pause = time.monotonic() + chance.random() * 0.1
    read_until(lambda: time.monotonic() > pause)
    victim = writers[0]
    victim.kill()
    victim.wait()
    at_death = [counted(shared) for _, shared in files]
    read_until(
        lambda: all(
            counted(shared) > before + 1000
            for (_, shared), before in zip(files[1:], at_death[1:], strict=True)
        )
    )
    for writer in writers[1:]:
        writer.kill()
        writer.wait()
    events += all_of(queue)
    follow(state, events)
    assert not any(isinstance(event, Unreadable) for event in events), "torn"
    numbers: dict[int, list[int]] = {writer.pid: [] for writer in writers}
    for event in events:
        if not isinstance(event, RecordsDropped):
            numbers[event.pid].append(event.number)
    for writer, (_, shared) in zip(writers, files, strict=True):
        arrived = numbers[writer.pid]
        assert arrived == sorted(arrived), "out of order"
        # All that was put is there; the one in hand when the signal came may be there too.
        put = counted(shared)
        dropped = state.by_pid[writer.pid].dropped
        assert put <= arrived[-1] <= put + 1 or counted_as_dropped(shared)
        assert arrived[-1] - len(arrived) <= dropped


# A viewer that is slow, or gone


STALLED = """
import resource

def sleeps():
    # Another process that takes the core makes this one slow, but does not make it sleep.
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw

count = waits = 0
for count in range(1, 60_001):
    before, slept = time.monotonic(), sleeps()
    wire.put(b"wait.over")
    waits += time.monotonic() - before > 0.045 and sleeps() > slept
print(waits, flush=True)
sys.stdin.readline()
wire.put(b"wait.over")
"""


def test_when_the_viewer_stalls_a_writer_waits_once_and_then_drops_and_says_so(
    queue: Transport, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of the first piece that it reads the viewer already has too much.
    monkeypatch.setattr(transport, "BACKLOG_BYTES", 0)
    writer = write(STALLED)
    # The pipe holds a third of them. The others would each wait; a few may
    # if the viewer reads on late.
    assert 1 <= int(read_line(writer)) <= 10
    state = RunState()
    deadline = time.monotonic() + 60
    while not state.by_pid or time.monotonic() < deadline:
        batch = as_events(queue.get(timeout=0.1))
        if not batch and state.by_pid:
            break
        follow(state, batch)
    tell(writer)
    writer.wait()
    follow(state, all_of(queue))
    (process,) = state.processes.values()
    assert process.highest_number == 60_001
    assert process.dropped == 60_001 - process.records > 0
    assert state.lost == process.dropped


def test_when_there_is_room_again_nothing_more_is_lost(
    queue: Transport, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "BACKLOG_BYTES", 0)
    writer = write("""
    for _ in range(60_000):
        wire.put(b"wait.over")
    print(flush=True)
    sys.stdin.readline()
    for _ in range(1000):
        wire.put(b"wait.over")
    """)
    read_line(writer)
    monkeypatch.undo()
    state = RunState()
    while queue.get(timeout=0.2) or not _is_empty(queue):
        pass
    tell(writer)
    writer.wait()
    events = [event for event in all_of(queue) if not isinstance(event, RecordsDropped)]
    follow(state, events)
    assert [event.number for event in events] == list(range(60_001, 61_001))
    (process,) = state.processes.values()
    assert 0 < process.dropped < 60_000
    assert events[0].dropped == process.dropped


def _is_empty(queue: Transport) -> bool:
    descriptor = os.open(queue.path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        waiting = bytearray(4)
        fcntl.ioctl(descriptor, 0x541B, waiting)  # FIONREAD
        return struct.unpack("i", waiting)[0] == 0
    finally:
        os.close(descriptor)


def test_a_viewer_that_goes_away_is_not_missed(queue: Transport, write: Write) -> None:
    writer = write("""
    wire.put(b"wait.over")
    print("first", flush=True)
    sys.stdin.readline()
    for _ in range(1000):
        wire.put(b"wait.over")
    print(wire.is_open(), flush=True)
    """)
    assert read_line(writer) == "first"
    queue.close()
    tell(writer)
    stdout, stderr = writer.communicate(timeout=60)
    assert (stdout, stderr, writer.returncode) == ("False\n", "", 0)


# Programs that do what they like with descriptors


CLOSES_ALL = """
import multiprocessing, os, resource, sys
lock, value = multiprocessing.Lock(), multiprocessing.Value("i", 0)
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]

def take():
    with lock:
        value.value += 1

take()
os.closerange(3, limit)
opened = []
for number in range(min(int(sys.argv[1]), limit - 40)):
    opened.append(os.open("file-%d" % number, os.O_WRONLY | os.O_CREAT))
for _ in range(99):
    take()
for descriptor in opened:
    os.write(descriptor, b"own")
print(max(opened))
"""


@pytest.mark.parametrize("files", [10, 2000])
def test_a_program_that_closes_everything_never_finds_our_bytes_in_its_files(
    queue: Transport, tmp_path: Path, files: int
) -> None:
    """However many it opens then: also on the number that was ours."""
    environment = {**os.environ, "PYTHONPATH": str(BOOT), "MPVIZ_EVENTS": str(queue.path)}
    done = subprocess.run(
        [sys.executable, "-c", CLOSES_ALL, str(files)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == b""
    assert int(done.stdout) > files // 3
    contents = {path.read_bytes() for path in tmp_path.glob("file-*")}
    assert contents == {b"own"}
    state = follow(RunState(), all_of(queue))
    (process,) = state.processes.values()
    assert process.records == process.highest_number > 300
    (lock,) = document(state)["locks"]
    assert (lock["acquisitions"], lock["releases"]) == (100, 100)


def test_after_a_fork_the_numbers_start_anew(queue: Transport, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("""if __name__ == "__main__":
    import multiprocessing, os
    lock = multiprocessing.Lock()
    children = []
    for _ in range(3):
        pid = os.fork()
        with lock:
            pass
        if pid == 0:
            if os.fork() == 0:
                with lock:
                    pass
                os._exit(0)
            os.wait()
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
""")
    environment = {**os.environ, "PYTHONPATH": str(BOOT), "MPVIZ_EVENTS": str(queue.path)}
    subprocess.run([sys.executable, program], env=environment, check=True, timeout=60)
    events = all_of(queue)
    numbers: dict[int, list[int]] = {}
    for event in events:
        numbers.setdefault(event.pid, []).append(event.number)
    assert len(numbers) == 7
    assert all(each == list(range(1, len(each) + 1)) for each in numbers.values())
    hellos = [event.pid for event in events if isinstance(event, Hello)]
    assert sorted(hellos) == sorted(numbers)


AT_ONCE = """
    form = wire.form(b"lock.acquired", b'"o":"L"', (b"s",))
    write, written = wire.write, []
    wire.write = lambda descriptor, record: written.append(record) or write(descriptor, record)
    if sys.argv[3] != "no ring":
        wire.open_ring(wire.put(b"wait.over"))
    read = wire.ring.number_read
    if sys.argv[3] == "full ring":
        wire.ring.number_read = lambda memory: 0
    before = len(written)
    for number in range(wire.ring.SLOTS + 10):
        wire.send_at_once(form, number)
    print(len(written) - before)
    wire.ring.number_read = read
    wire.put(b"wait.over")
"""


@pytest.mark.parametrize("where", ["ring", "full ring", "no ring"])
def test_a_record_sent_at_once_is_written_with_the_next_one(
    queue: Transport, write: Write, where: str
) -> None:
    writer = write(AT_ONCE, where)
    events: list[Event] = []
    while writer.poll() is None:
        events += as_events(queue.get(0.05))
    assert read_line(writer) == "0"
    events += all_of(queue)
    told = [event.site for event in events if isinstance(event, LockAcquired)]
    assert told == list(range(len(told))) != []
    assert sorted(event.number for event in events) == list(range(1, len(events) + 1))
    (process,) = follow(RunState(), events).processes.values()
    assert process.records == process.highest_number == len(events) > len(told)


def test_a_record_is_one_atomic_write_however_long_the_names_are(
    tmp_path: Path, nothing_left: None
) -> None:
    folder = tmp_path
    for _ in range(3):
        folder /= "ordner-äöü-" + "x" * 200
    folder.mkdir(parents=True)
    program = folder / ("p" * 200 + ".py")
    name = "n\u00e4me\U0001f642" * 200
    function = "f" * 3000
    line = f'huge = multiprocessing.Queue(len("{chr(0x1F642) * 2000}"))'
    program.write_text(
        f"""import multiprocessing
def {function}(): raise type("E" * 5000, (Exception,), {{}})
if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    {line}
    process = multiprocessing.Process(target={function}, name={name!r})
    process.start()
    process.join()
    with multiprocessing.Pool(1) as pool:
        try:
            pool.apply({function})
        except Exception:
            pass
    text = multiprocessing.Array("c", b"\\xff" * 100_000)
    text.value = b"\\0\\x80" * 20_000
    whole = text.value, text.raw
""",
        encoding="utf-8",
    )
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(fifo, os.O_WRONLY)
    fcntl.fcntl(writing, 1031, 1 << 20)  # F_SETPIPE_SZ
    environment = {**os.environ, "PYTHONPATH": str(BOOT), "MPVIZ_EVENTS": str(fifo)}
    command = [sys.executable, program, "a" * 100_000]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    records = os.read(reading, 1 << 20)
    os.close(reading)
    os.close(writing)
    lines = records.splitlines(keepends=True)
    assert len(lines) > 10
    assert max(map(len, lines)) <= select.PIPE_BUF
    assert max(map(len, lines)) > 1000
    assert all(json.loads(line) for line in lines)


# The viewer's own end


def test_the_queue_is_private_and_leaves_nothing() -> None:
    queue = Transport()
    assert stat.S_IMODE(queue.directory.stat().st_mode) == 0o700
    status = queue.path.stat()
    assert stat.S_ISFIFO(status.st_mode)
    assert stat.S_IMODE(status.st_mode) == 0o600
    queue.close()
    assert not queue.directory.exists()
    queue.close()


def test_a_queue_whose_folder_is_gone_already_closes_too() -> None:
    queue = Transport()
    queue.path.unlink()
    queue.directory.rmdir()
    queue.close()


def test_what_was_not_fetched_is_still_there_after_the_end(queue: Transport, write: Write) -> None:
    write('wire.put(b"wait.over")').communicate(timeout=60)
    queue.close()
    assert [type(event) for event in queue.get()] == [WaitOver]
    assert queue.get() == []


def test_a_half_record_waits_for_its_other_half(queue: Transport) -> None:
    descriptor = os.open(queue.path, os.O_WRONLY)
    line = b'{"k":"wait.over","t":1,"p":7,"n":1}\n'
    os.write(descriptor, line + line[:10])
    wait_until(lambda: queue.backlog == len(line) + 10)
    assert len(queue.get()) == 1
    os.write(descriptor, line[10:])
    wait_until(lambda: queue.backlog > 0)
    assert queue.get() == [WaitOver(time=1, pid=7, number=1)]
    os.close(descriptor)


def test_rubbish_is_shown_in_its_place(queue: Transport) -> None:
    line = b'{"k":"wait.over","t":1,"p":7,"n":1}\n'
    with open(queue.path, "wb", buffering=0) as fifo:  # noqa: PTH123 (a FIFO is no file to seek in)
        fifo.write(line + b"\xff\x1b[2J rubbish\n" + line)
    wait_until(lambda: queue.backlog > 0)
    before, rubbish, after = queue.get()
    assert before == after == WaitOver(time=1, pid=7, number=1)
    assert isinstance(rubbish, Unreadable)
    assert "rubbish" in rubbish.text
    assert "\x1b" not in rubbish.text


def test_the_viewer_s_own_events_keep_their_place(queue: Transport) -> None:
    line = b'{"k":"wait.over","t":1,"p":7,"n":%d}\n'
    own = ProbeError(time=2, pid=0, where="w", error="e")
    descriptor = os.open(queue.path, os.O_WRONLY)
    os.write(descriptor, line % 1)
    wait_until(lambda: queue.backlog > 0)
    queue.put(own)
    os.write(descriptor, line % 2)
    wait_until(lambda: queue.backlog > len(line))
    events = queue.get()
    assert events == [WaitOver(time=1, pid=7, number=1), own, WaitOver(time=1, pid=7, number=2)]
    os.close(descriptor)


def test_a_sample_comes_after_all_that_was_written_before_it_was_taken(queue: Transport) -> None:
    events: list[Event] = []
    descriptor = os.open(queue.path, os.O_WRONLY)
    for number in range(1, 51):
        os.write(descriptor, b'{"k":"wait.over","t":1,"p":7,"n":%d}\n' % number)
        queue.put(Sample(time=time.monotonic_ns(), pid=0, cores=[], processes=[], gone=[]))
        events += as_events(queue.get())
    os.close(descriptor)
    queue.finish()
    events += as_events(queue.get())
    assert len(events) == 100
    samples = 0
    for place, event in enumerate(events):
        samples += isinstance(event, Sample)
        assert 2 * samples <= place + 1


def test_a_pipe_that_is_never_empty_does_not_hold_up_samples(
    queue: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = queue._read_pipe
    monkeypatch.setattr(queue, "_read_pipe", lambda most: (read(most)[0], False))
    lines = [b'{"k":"wait.over","t":1,"p":7,"n":%d}\n' % number for number in range(1, 40_000)]
    events: list[Event] = []

    def sampled() -> bool:
        events.extend(as_events(queue.get()))
        return any(isinstance(event, Sample) for event in events)

    descriptor = os.open(queue.path, os.O_WRONLY)
    os.write(descriptor, b"".join(lines[:10]))
    queue.put(Sample(time=time.monotonic_ns(), pid=0, cores=[], processes=[], gone=[]))
    for line in lines[10:]:
        # What fits into a full pipe, and a little more.
        os.write(descriptor, line)
        events += as_events(queue.get())
    wait_until(sampled)
    os.close(descriptor)
    place = next(place for place, event in enumerate(events) if isinstance(event, Sample))
    assert place >= 10


def test_a_batch_is_no_larger_than_asked_for_and_nothing_is_left_out(queue: Transport) -> None:
    for number in range(100):
        queue.put_slowly(Output(time=number, pid=1, stream="stdout", text="x"))
    batches = []
    while batch := queue.get(limit=5000):
        batches.append(len(batch))
    assert sum(batches) == 100
    assert max(batches) <= 11


def test_get_waits_for_the_first_event_and_no_longer(queue: Transport) -> None:
    threading.Timer(0.05, queue.put, [WaitOver(time=1, pid=1)]).start()
    assert queue.get(timeout=60) == [WaitOver(time=1, pid=1)]
    assert queue.get(timeout=0.01) == []


def test_a_source_that_can_be_held_up_waits_while_too_much_is_unread(
    queue: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "BACKLOG_BYTES", 1000)
    done: list[int] = []

    def write_output() -> None:
        for number in range(20):
            queue.put_slowly(Output(time=number, pid=1, stream="stdout", text="x"))
            done.append(number)

    thread = threading.Thread(target=write_output)
    thread.start()
    wait_until(lambda: queue.backlog > 1000)
    assert 2 <= len(done) <= 4
    texts: list[Event] = []
    while len(texts) < 20:
        texts += as_events(queue.get(timeout=1))
    thread.join()
    assert [event.time for event in texts] == list(range(20))


def test_writers_that_wait_are_let_go_at_the_end(
    queue: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "BACKLOG_BYTES", 0)
    output = Output(time=1, pid=1, stream="stdout", text="x")
    thread = threading.Thread(target=lambda: [queue.put_slowly(output) for _ in range(5)])
    thread.start()
    wait_until(lambda: queue.backlog > 0)
    queue.finish()
    thread.join(60)
    assert not thread.is_alive()
    assert len(queue.get()) == 5
