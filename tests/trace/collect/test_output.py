"""Every line is delivered, once and whole, with the process that wrote it."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from mpviz.trace.collect.output import OPEN_LINES, OutputReader
from mpviz.trace.collect.transport import Transport
from mpviz.trace.launch.program import Program, launch
from mpviz.trace.model.events import Output
from mpviz.trace.model.text import LIMIT

PATIENCE = 20.0


@dataclass
class Streams:
    """Both streams with their writing ends, and what was delivered of them."""

    stdout: socket.socket
    stderr: socket.socket
    outputs: list[Output] = field(default_factory=list)
    reader: OutputReader | None = None

    def wait_for(self, count: int) -> list[tuple[str, bool]]:
        """Wait for so many outputs, and give their texts and whether they are ended."""
        deadline = time.monotonic() + PATIENCE
        while len(self.outputs) < count:
            assert time.monotonic() < deadline, self.outputs
            time.sleep(0.002)
        return [(output.text, output.ended) for output in self.outputs]

    def end(self) -> list[tuple[str, bool]]:
        """Close the writing ends and give all that came."""
        self.stdout.close()
        self.stderr.close()
        assert self.reader is not None
        assert self.reader.join(PATIENCE)
        return [(output.text, output.ended) for output in self.outputs]


@pytest.fixture
def streams() -> Iterator[Streams]:
    ends = []
    for _ in range(2):
        ours, theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        ends.append((ours, theirs))
    (our_out, their_out), (our_err, their_err) = ends
    streams = Streams(their_out, their_err)
    streams.reader = OutputReader(our_out, our_err, streams.outputs.append)
    yield streams
    streams.reader.stop()
    for end in (our_out, our_err, their_out, their_err):
        end.close()


@pytest.fixture
def start() -> Iterator[Callable[[str], tuple[Program, list[Output]]]]:
    """Run code in a program of its own till both streams end, and collect its output."""
    started: list[tuple[Transport, Program, OutputReader]] = []

    def run(code: str) -> tuple[Program, list[Output]]:
        queue = Transport()
        outputs: list[Output] = []
        command = [sys.executable, "-I", "-c", "import os, sys, time\n" + code]
        with launch(command, fifo=queue.path, stdin=subprocess.DEVNULL, capture=True) as program:
            assert program.stdout
        assert program.stderr
        reader = OutputReader(program.stdout, program.stderr, outputs.append)
        started.append((queue, program, reader))
        assert reader.join(PATIENCE)
        assert program.wait(PATIENCE)
        return program, outputs

    yield run
    for queue, program, reader in started:
        program.end()
        assert program.wait(PATIENCE)
        reader.stop()
        program.close()
        queue.close()


def test_each_line_bears_the_pid_of_its_writer(
    start: Callable[[str], tuple[Program, list[Output]]],
) -> None:
    _, outputs = start("""
for number in range(4):
    if os.fork() == 0:
        for line in range(200):
            os.write(1 + line % 2, b"%d says %d\\n" % (os.getpid(), line))
        os._exit(0)
for number in range(4):
    os.wait()
os.write(1, b"%d says last\\n" % os.getpid())
""")
    assert len(outputs) == 801
    assert all(output.text.startswith(f"{output.pid} says ") for output in outputs)
    assert all(output.ended for output in outputs)
    assert len({output.pid for output in outputs}) == 5
    # What is told of one stream comes in order; of the two together only the times can tell.
    for stream, numbers in (("stdout", range(0, 200, 2)), ("stderr", range(1, 200, 2))):
        for pid in {output.pid for output in outputs if output.stream == "stderr"}:
            told = [o.text.split()[-1] for o in outputs if (o.pid, o.stream) == (pid, stream)]
            assert told == [str(number) for number in numbers]


def test_big_writes_of_several_processes_are_taken_apart_again(
    start: Callable[[str], tuple[Program, list[Output]]],
) -> None:
    _, outputs = start("""
for letter in b"abc":
    if os.fork() == 0:
        data = (bytes([letter]) * 99 + b"\\n") * 4000
        while data:
            data = data[os.write(1, data):]
        os._exit(0)
for _ in range(3):
    os.wait()
""")
    texts: dict[int, str] = {}
    for output in outputs:
        # A writer that had to wait in the middle of a line may have its line in two pieces.
        texts[output.pid] = texts.get(output.pid, "") + output.text + "\n" * output.ended
    assert set(texts.values()) == {(letter * 99 + "\n") * 4000 for letter in "abc"}


def test_the_end_comes_when_the_last_writer_is_gone(
    start: Callable[[str], tuple[Program, list[Output]]],
) -> None:
    _, outputs = start("""
if os.fork() == 0:
    time.sleep(0.15)
    os.write(1, b"after my parent\\n")
""")
    assert [output.text for output in outputs] == ["after my parent"]


def test_the_time_is_that_of_the_reading(streams: Streams) -> None:
    before = time.monotonic_ns()
    streams.stdout.send(b"line\n")
    streams.wait_for(1)
    assert before < streams.outputs[0].time < time.monotonic_ns()
    assert streams.outputs[0].pid == os.getpid()


def test_lines_in_pieces_and_empty_lines_and_all_kinds_of_ends(streams: Streams) -> None:
    for piece in (b"on", b"e\n\ntwo\r", b"\nthree\r\nfour\rfive\r", b"\r", b"six\n\r7%\r8%\n"):
        streams.stdout.send(piece)
    texts = ["one", "", "two", "three", "four", "five", "six", "7%", "8%"]
    assert streams.end() == [(text, True) for text in texts]


def test_a_prompt_is_delivered_though_its_line_is_not_ended(streams: Streams) -> None:
    sent = time.monotonic()
    streams.stdout.send(b"name? ")
    assert streams.wait_for(1) == [("name? ", False)]
    assert time.monotonic() - sent > 0.09
    streams.stdout.send(b"\nage? ")
    assert streams.wait_for(3) == [("name? ", False), ("", True), ("age? ", False)]
    streams.stdout.send(b"41\n")
    assert streams.wait_for(4)[3:] == [("41", True)]


def test_what_has_no_end_is_delivered_at_the_end(streams: Streams) -> None:
    streams.stdout.send(b"out")
    streams.stderr.send(b"err \xc3")
    assert sorted(streams.end()) == [("err \N{REPLACEMENT CHARACTER}", False), ("out", False)]


def test_letters_that_come_in_two_readings(streams: Streams) -> None:
    for byte in "één ✓\n".encode():
        streams.stdout.send(bytes([byte]))
    assert streams.end() == [("één ✓", True)]


def test_unreadable_bytes_and_escapes_do_no_harm(streams: Streams) -> None:
    streams.stdout.send(b"\xff\x00a\x1b[31mred\x1b[0m\x1b]0;title\x07\n")
    assert streams.end() == [("\N{REPLACEMENT CHARACTER}·ared", True)]


def test_very_long_lines_come_in_pieces(streams: Streams) -> None:
    def send() -> None:
        streams.stdout.sendall(b"x" * (LIMIT * 10 + 5) + b"\nshort\n")
        streams.stdout.sendall(b"y" * 1_000_000)

    writer = threading.Thread(target=send)
    writer.start()
    writer.join(PATIENCE)
    outputs = streams.end()
    assert "".join(text for text, _ in outputs[:11]) == "x" * (LIMIT * 10 + 5)
    assert [ended for _, ended in outputs[:11]] == [False] * 10 + [True]
    assert outputs[11] == ("short", True)
    assert "".join(text for text, _ in outputs[12:]) == "y" * 1_000_000
    assert all(len(text) <= LIMIT for text, _ in outputs)


def test_stopping_delivers_what_was_written_and_leaves_the_writer_alone(streams: Streams) -> None:
    streams.stdout.send(b"line\nrest")
    assert streams.reader is not None
    streams.reader.stop()
    streams.reader.stop()
    assert [output.text for output in streams.outputs] == ["line", "rest"]
    assert streams.stdout.send(b"more") == 4


def test_a_flood_does_not_keep_us_from_stopping(streams: Streams) -> None:
    over = threading.Event()

    def flood() -> None:
        streams.stdout.settimeout(0.1)
        while not over.is_set():
            try:
                streams.stdout.send(b"flood\n" * 1000)
            except TimeoutError:
                continue

    writer = threading.Thread(target=flood)
    writer.start()
    streams.wait_for(1000)
    assert streams.reader is not None
    streams.reader.stop()
    over.set()
    writer.join(PATIENCE)


def test_lines_that_are_never_ended_are_not_kept_for_ever(
    start: Callable[[str], tuple[Program, list[Output]]],
) -> None:
    count = OPEN_LINES + 50
    _, outputs = start(f"""
for number in range({count}):
    if os.fork() == 0:
        os.write(1, b"begun")
        os._exit(0)
    os.wait()
""")
    assert [(output.text, output.ended) for output in outputs] == [("begun", False)] * count
