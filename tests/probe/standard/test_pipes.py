"""Pipes of a real program: each message, who sent and received it, who waited, and how it ended."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.runs import INTERRUPTING, Observed, RunProgram, run_to_end
from mpviz.trace.launch.session import Session
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.primitives.pipe import Pipe, pipes_made
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import wait_in_words

PROGRAM = """
import multiprocessing as mp
from multiprocessing import connection
from concurrent.futures import ProcessPoolExecutor
from telling import tell

def answer(conn):
    while True:
        number = conn.recv()
        if number is None:
            break
        conn.send(number * number)
    conn.close()

def pour(sender, count, size):
    for _ in range(count):
        sender.send_bytes(b"x" * size)
    sender.close()

def use_given(carrier):
    given = carrier.recv()
    given.send("through a pipe")
    given.close()

def use_queued(queue):
    queue.get(timeout=60).send("through a queue")

def refused(call, *args):
    try:
        call(*args)
    except Exception as error:
        return type(error).__name__

def double(number):
    return 2 * number

def run(target, *args):
    process = mp.Process(target=target, args=args)
    process.start()
    return process

def ask():
    ours, theirs = mp.Pipe()
    process = run(answer, theirs)
    theirs.close()
    answers = []
    for number in range(20):
        ours.send(number)
        answers.append(ours.recv())
    ours.send(None)
    process.join()
    tell(answers=answers, asked=process.pid, end=refused(ours.recv), again=refused(ours.recv))

def flow():
    drain, source = mp.Pipe(duplex=False)
    process = run(pour, source, 5, 300000)
    source.close()
    received = []
    while True:
        try:
            received.append(len(drain.recv_bytes()))
        except EOFError:
            break
    process.join()
    tell(received=received, poured_by=process.pid)

def pass_on():
    carried_to, carrier = mp.Pipe(duplex=False)
    result, given = mp.Pipe(duplex=False)
    process = run(use_given, carried_to)
    carrier.send(given)
    tell(given=result.recv())
    process.join()
    queue = mp.Queue()
    process = run(use_queued, queue)
    queue.put(given)
    tell(queued=result.recv())
    process.join()

def time_out():
    silent, quiet = mp.Pipe(duplex=False)
    answers = [silent.poll(), silent.poll(0), silent.poll(0.05),
               connection.wait([silent], 0.05), connection.wait([silent], 0)]
    quiet.send(1)
    answers += [silent.poll(), silent.poll(None), len(connection.wait([silent])), silent.recv()]
    buffer = bytearray(10)
    quiet.send_bytes(b"abc")
    answers += [silent.recv_bytes_into(buffer), bytes(buffer[:3]).decode()]
    quiet.send_bytes(b"abcdef", 2, 3)
    answers += [silent.recv_bytes(100).decode()]
    quiet.send_bytes(b"")
    answers += [silent.recv_bytes().decode()]
    quiet.send_bytes(b"too long")
    answers += [refused(silent.recv_bytes, 3), silent.closed]
    tell(time_out=answers, gone=refused(quiet.send, 2), unpicklable=refused(quiet.send, answer_all))

def answer_all(): return lambda: None
answer_all = answer_all()

def drop():
    mp.Pipe()
    first, second = mp.Pipe()
    del second
    tell(dropped=refused(first.recv))

def inside():
    mp.SimpleQueue().put(1)
    queue = mp.Queue()
    queue.put(1)
    queue.get()
    with mp.Pool(2) as pool:
        doubled = pool.map(double, range(4))
    with ProcessPoolExecutor(1) as executor:
        doubled.append(executor.submit(double, 8).result())
    with mp.Manager() as manager:
        doubled.append(manager.list([1])[0])
    tell(doubled=doubled)

if __name__ == "__main__":
    for part in (ask, flow, pass_on, time_out, drop, inside):
        part()
"""


def pipe(run: Observed, name: str) -> Pipe:
    """The one pipe of this name."""
    (found,) = [each for each in pipes_made(run.state) if each.name == name]
    return found


def test_nothing_is_missed(run: Observed) -> None:
    run.assert_nothing_was_missed()


def test_the_program_s_pipes_are_known_by_their_ends_and_no_others_are(run: Observed) -> None:
    assert [(entry["name"], entry["duplex"]) for entry in run.document["pipes"]] == [
        ("ours/theirs", True),
        ("drain/source", False),
        ("carried_to/carrier", False),
        ("result/given", False),
        ("silent/quiet", False),
        (run.document["pipes"][5]["name"], True),
        ("first/second", True),
    ]
    assert run.document["pipes"][5]["name"].startswith("program.py:")
    assert run.facts("doubled") == [0, 2, 4, 6, 16, 1]
    assert len({entry["id"] for entry in run.document["pipes"]}) == 7


def test_each_way_of_a_duplex_pipe_is_counted(run: Observed) -> None:
    assert run.facts("answers") == [number**2 for number in range(20)]
    there, back = pipe(run, "ours/theirs").directions
    main, asked = run.process("MainProcess")["id"], str(run.facts("asked"))
    assert (there.sent_by, there.received_by) == ({main: 21}, {asked: 21})
    assert (back.sent_by, back.received_by) == ({asked: 20}, {main: 20})
    assert (there.in_flight, back.in_flight, there.refused, back.refused) == (0, 0, 0, 0)
    entry = run.one("pipes", "ours/theirs")
    assert (entry["sends"], entry["receives"], entry["in_flight"]) == (41, 41, 0)


def test_the_end_of_a_pipe_is_told_and_what_was_closed(run: Observed) -> None:
    assert (run.facts("end"), run.facts("again")) == ("EOFError", "EOFError")
    there, back = pipe(run, "ours/theirs").directions
    assert (there.ended, back.ended) == (False, True)
    asked, main = str(run.facts("asked")), run.process("MainProcess")["id"]
    assert {asked, main} == back.senders_closed == there.receivers_closed
    assert run.log.count("reads the end of pipe ours/theirs") == 1


def test_bytes_are_counted_and_who_waits_for_room_is_seen(run: Observed) -> None:
    assert run.facts("received") == [300_000] * 5
    (direction,) = pipe(run, "drain/source").directions
    assert (direction.sent_by, direction.sent_size) == ({str(run.facts("poured_by")): 5}, 1_500_000)
    assert (direction.sends.count, direction.receives.count, direction.ended) == (5, 5, True)
    # Each message is larger than the pipe.
    assert direction.send_wait.count == 5
    assert run.one("pipes", "drain/source")["send_wait"] > 0


def test_an_end_that_was_passed_on_is_the_same_end(run: Observed) -> None:
    assert (run.facts("given"), run.facts("queued")) == ("through a pipe", "through a queue")
    (direction,) = pipe(run, "result/given").directions
    assert (direction.sends.count, direction.receives.count, direction.in_flight) == (2, 2, 0)
    assert len(direction.sent_by) == 2
    (carried,) = pipe(run, "carried_to/carrier").directions
    assert (carried.sends.count, carried.receives.count) == (1, 1)


def test_the_program_gets_what_it_would_get_without_us(run: Observed) -> None:
    assert run.facts("time_out") == [
        *(False, False, False, [], []),
        *(True, True, 1, 1),
        *(3, "abc", "cde", "", "OSError", True),
    ]
    assert run.facts("gone") == "BrokenPipeError"
    assert run.facts("unpicklable") in ("PicklingError", "AttributeError")
    assert run.facts("dropped") == "EOFError"


def test_waiting_in_vain_is_waiting_too(run: Observed) -> None:
    (direction,) = pipe(run, "silent/quiet").directions
    assert direction.receive_wait.count == 2
    assert 0.1 <= direction.receive_wait.total / 1e9 < 5


def test_a_message_that_could_not_be_sent_does_not_count(run: Observed) -> None:
    (direction,) = pipe(run, "silent/quiet").directions
    # The last one arrived, but it was longer than the program would take.
    assert (direction.sends.count, direction.refused, direction.receives.count) == (6, 1, 4)
    assert run.one("pipes", "silent/quiet")["sends"] == 5


def test_queues_tell_of_their_items_as_before(run: Observed) -> None:
    assert {(entry["puts"], entry["gets"]) for entry in run.document["queues"]} == {(1, 0), (1, 1)}


INTERRUPTED = """
import fcntl, multiprocessing as mp
from multiprocessing import connection
from telling import tell

def main():
    empty, writer = mp.Pipe(duplex=False)
    answers = [interrupted(empty.recv), interrupted(empty.poll, None),
               interrupted(connection.wait, [empty])]
    writer.send("item")
    answers.append(empty.recv())
    reader, full = mp.Pipe(duplex=False)
    sent = fcntl.fcntl(full.fileno(), 1032) // 1024
    for _ in range(sent):
        # With its header that is a kibibyte.
        full.send_bytes(b"x" * 1020)
    answers.append(interrupted(full.send_bytes, b"y" * 1020))
    received = [len(reader.recv_bytes()) for _ in range(sent)]
    answers += [received == [1020] * sent, reader.poll()]
    tell(answers=answers, sent=sent)
"""


def test_an_interrupt_leaves_a_pipe_as_it_was(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(INTERRUPTING + INTERRUPTED)
    run.assert_nothing_was_missed()
    assert run.facts("answers") == [True, True, True, "item", True, True, False]
    (empty,) = pipe(run, "empty/writer").directions
    (full,) = pipe(run, "reader/full").directions
    assert (empty.sends.count, empty.receives.count, empty.receive_wait.count) == (1, 1, 3)
    sent = run.facts("sent")
    assert (full.sends.count, full.refused, full.receives.count) == (sent + 1, 1, sent)
    assert full.send_wait.count == 1
    assert not any(process.waits for process in run.state.processes.values())


LIVE = """
import multiprocessing as mp, sys

def read(end, other):
    other.close()
    end.recv()

def send(end, other):
    other.close()
    end.send(b"x" * 1000000)
    end.recv()

if __name__ == "__main__":
    ours, theirs = mp.Pipe()
    process = mp.Process(target=globals()[sys.argv[1]], args=(theirs, ours))
    process.start()
    theirs.close()
    try:
        globals()[sys.argv[1]](ours, theirs)
    except (EOFError, OSError) as error:
        print(type(error).__name__)
    process.join()
"""

Look = Callable[..., dict[str, str]]


@pytest.fixture
def look(nothing_left: None, tmp_path: Path, start_method: str) -> Iterator[Look]:
    """Run the live program until both of its processes wait, say for what, and kill the child."""
    sessions: list[Session] = []

    def both_wait(state: RunState) -> bool:
        waits = [each.wait.what for each in state.processes.values() if each.wait]
        return waits in (["send"] * 2, ["receive"] * 2)

    def run_and_kill(call: str) -> dict[str, str]:
        program = tmp_path / "live.py"
        program.write_text(LIVE)
        target = Target([str(program), call], "live", start_method=start_method)
        session = start(target, capture=True)
        sessions.append(session)
        run_to_end(session, both_wait)
        processes = session.state.processes.values()
        child = next(process for process in processes if process.name == "Process-1")
        waiting = [(each.name, each.wait) for each in processes if each.wait]
        words = {name: wait_in_words(session.state, wait) for name, wait in waiting}
        assert session.signal(child.key, signal.SIGKILL)
        run_to_end(session)
        assert child.exit_code == -9
        assert not child.waits
        return words

    yield run_and_kill
    for session in sessions:
        session.close()


def test_two_that_wait_for_each_other_s_message_are_seen_to(look: Look) -> None:
    assert look("read") == {
        "MainProcess": "a message on pipe ours/theirs",
        "Process-1": "a message on pipe ours/theirs",
    }


def test_two_that_wait_for_room_for_a_large_message_are_seen_to(look: Look) -> None:
    assert look("send") == {
        "MainProcess": "room in pipe ours/theirs",
        "Process-1": "room in pipe ours/theirs",
    }


FULL = """
import multiprocessing as mp, os, resource, sys
from telling import tell

def exchange(sender, receiver):
    before = os.listdir("/proc/self/fd")
    sender.send(1)
    received = receiver.recv()
    return [received, os.listdir("/proc/self/fd") == before]

def fill():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
    opened = []
    while True:
        try:
            opened.append(open(os.devnull))
        except OSError:
            return opened

if __name__ == "__main__":
    ours, theirs = mp.Pipe()
    others = mp.Pipe()
    if sys.argv[1:]:
        exchange(*others)
    opened = fill()
    ours.send(0)
    first = theirs.recv()
    # To list the descriptors takes one.
    opened.pop().close()
    tell(first=first)
    tell(second=exchange(theirs, ours))
    opened.clear()
    tell(third=exchange(ours, theirs))
"""


def test_a_pipe_is_observed_where_no_descriptor_is_left(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(FULL, "used")
    run.assert_nothing_was_missed()
    assert [run.facts(name) for name in ("first", "second", "third")] == [0, [1, True], [1, True]]
    pipe = run.one("pipes", "ours/theirs")
    assert (pipe["sends"], pipe["receives"]) == (3, 3)


def test_if_the_probe_itself_needs_a_descriptor_then_the_program_goes_on_and_it_is_told(
    run_on_each_python: RunProgram,
) -> None:
    run = run_on_each_python(FULL)
    assert [run.facts(name) for name in ("first", "second", "third")] == [0, [1, True], [1, True]]
    stream = run.document["stream"]
    assert stream["probe_errors"] == 2
    assert stream["lost"] == 0
    pipe = run.one("pipes", "ours/theirs")
    assert (pipe["sends"], pipe["receives"]) == (2, 2)


NO_PIPES = """
import multiprocessing as mp, os
from multiprocessing import connection
from telling import tell

class Given:
    # As what a connection is pickled as.
    def detach(self):
        return os.open(os.devnull, os.O_RDWR)

if __name__ == "__main__":
    reading, writing = mp.Pipe(duplex=False)
    device = connection.rebuild_connection(Given(), True, True)
    for _ in range(600):
        device.send_bytes(b"into nowhere")
    writing.send(1)
    tell(received=reading.recv())
"""


def test_an_end_that_is_no_pipe_is_left_alone_and_takes_no_forms(
    run_on_each_python: RunProgram,
) -> None:
    run = run_on_each_python(NO_PIPES)
    run.assert_nothing_was_missed()
    assert run.facts("received") == 1
    (entry,) = run.document["pipes"]
    assert (entry["sends"], entry["receives"]) == (1, 1)
    assert not run.state.troubles
