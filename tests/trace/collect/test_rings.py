"""Rings: what a process tells in its own memory arrives whole, in order, and once."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from helpers.runs import wait_until
from helpers.writers import WIRE, Write, all_of, writers
from mpviz.probe import BOOT
from mpviz.probe.boot.mpviz_probe.wire import ring as layout
from mpviz.trace.collect import rings as rings_module
from mpviz.trace.collect.decode import decode
from mpviz.trace.collect.rings import LOOKS_AT_IDLE, Ring, Rings
from mpviz.trace.collect.transport import Transport
from mpviz.trace.collect.troubles import Troubles
from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.report import summary
from mpviz.trace.model.events import Event, RingOpened, RingRefused, Unreadable
from mpviz.trace.model.fold.handlers import IN_RINGS
from mpviz.trace.model.fold.reducer import EVENTS
from mpviz.trace.model.primitives.value import ValueWritten
from mpviz.trace.model.state import RunState
from mpviz.trace.model.told import Told, as_events
from mpviz.trace.system.run_folder import RunFolder

pytestmark = [
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="elsewhere there are no rings"),
]

FORM = """
written = wire.form(b"value.written", b'"o":"x"', (b"s", b"before", b"value", b"index"))
"""


@pytest.fixture
def write(queue: Transport) -> Iterator[Write]:
    with writers(queue, WIRE + FORM) as write:
        yield write


def done(process: subprocess.Popen[str]) -> str:
    """What a writer printed, when it has ended well."""
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, "")
    return stdout.strip()


def values(events: list[Event]) -> list[int]:
    """What was written, in the order in which it came."""
    return [event.value for event in events if isinstance(event, ValueWritten)]  # type: ignore[misc]


def test_what_is_sent_is_what_comes(queue: Transport, write: Write, python: str) -> None:
    """On every Python: each field, of the main thread and of another."""
    writer = write(
        """
        wire.send(written, 7, -1, 2**62, 3)
        wire.send(written, 4_000_000_000, -(2**63), 2**63 - 1, -1)
        wire.put(b"wait.over")
        thread = threading.Thread(target=wire.send, args=(written, 1, 2, 3, 4))
        thread.start()
        thread.join()
        print(wire._ring is not None, max(map(int, os.listdir("/proc/self/fd"))))
        """,
        python=python,
    )
    in_ring, highest = done(writer).split()
    assert in_ring == "True"
    events = [event for event in all_of(queue) if isinstance(event, ValueWritten)]
    assert [(e.site, e.before, e.value, e.index) for e in events] == [
        (7, -1, 2**62, 3),
        (4_000_000_000, -(2**63), 2**63 - 1, -1),
        (1, 2, 3, 4),
    ]
    assert {(event.object, event.pid) for event in events} == {("x", writer.pid)}
    assert [bool(event.thread) for event in events] == [False, False, True]
    assert int(highest) < 8000


def test_no_low_descriptor_is_taken(write: Write, python: str) -> None:
    writer = write(
        """
        before = set(os.listdir("/proc/self/fd"))
        wire.send(written)
        wire.send(written)
        new = set(os.listdir("/proc/self/fd")) - before
        print(wire._ring is not None, all(int(each) >= 100 for each in new))
        """,
        python=python,
    )
    assert done(writer) == "True True"


def test_what_does_not_fit_comes_by_the_pipe(queue: Transport, write: Write) -> None:
    """A number of more than 64 bits, a form that is too long, and forms that are too many."""
    writer = write("""
    wire.send(written, 1, 0, 1, 0)
    wire.send(written, 1, 1, 2**64 - 1, 0)
    long = wire.form(b"value.written", b'"o":"' + b"y" * 300 + b'"', (b"s", b"before", b"value"))
    wire.send(long, 1, 0, 3)
    for number in range(600):
        form = wire.form(b"value.written", b'"o":"z"', (b"s", b"before", b"value"))
        wire.send(form, 1, 0, number)
    wire.send(written, 1, 0, 4, 0)
    """)
    done(writer)
    events = all_of(queue)
    assert values(events) == [1, 2**64 - 1, 3, *range(600), 4]
    assert not any(isinstance(event, Unreadable) for event in events)
    assert [event.number for event in events] == list(range(1, len(events) + 1))


def test_a_process_that_is_refused_a_ring_sends_all_by_the_pipe_and_says_why(
    queue: Transport, write: Write
) -> None:
    writer = write("""
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    for number in range(40_000):
        wire.send(written, 0, 0, number)
    """)
    events: list[Event] = []
    while writer.poll() is None:
        events += as_events(queue.get(timeout=0.01))
    done(writer)
    events += all_of(queue)
    (refused,) = [event for event in events if isinstance(event, RingRefused)]
    assert (refused.how, refused.reason) == ("denied", "File too large")
    state = follow(RunState(), events)
    assert len(values(events)) + state.lost == 40_000
    assert [entry.text for entry in state.troubles if "File too large" in entry.text]


def test_a_ring_that_is_full_of_forms_is_told_once(queue: Transport, write: Write) -> None:
    writer = write("""
    for number in range(1200):
        form = wire.form(b"value.written", b'"o":"z"', (b"s", b"before", b"value"))
        wire.send(form, 1, 0, number)
    """)
    done(writer)
    events = all_of(queue)
    assert values(events) == list(range(1200))
    (refused,) = [event for event in events if isinstance(event, RingRefused)]
    assert refused.how == "full"
    state = follow(RunState(), events)
    assert (state.lost, state.troubles) == (0, []), "slower, and no trouble"
    assert "1 process tells its events through the pipe" in summary(state)


IN_TURN = """
# One number for all, which goes up by one whatever the way on which it is told.
lock = open(sys.argv[3], "r+b")
shared = mmap.mmap(lock.fileno(), 8)
chance = random.Random(int(sys.argv[4]))
rare = float(sys.argv[5])
wire.send(written, 0, 0, 0, 1)
for _ in range(5000):
    fcntl.lockf(lock, fcntl.LOCK_EX)
    number = struct.unpack("q", shared[:])[0] + 1
    shared[:] = struct.pack("q", number)
    if chance.random() < rare:
        wire.put(b"value.written", b'"o":"x","value":%d' % number)
    else:
        wire.send(written, 0, 0, number)
    fcntl.lockf(lock, fcntl.LOCK_UN)
"""


@pytest.mark.parametrize("rare", [0.0, 0.02, 0.5])
def test_what_processes_do_in_turn_comes_in_that_order(
    queue: Transport, write: Write, tmp_path: Path, rare: float
) -> None:
    path = tmp_path / "number"
    path.write_bytes(bytes(8))
    writers = [write(IN_TURN, str(path), str(seed), str(rare)) for seed in range(4)]
    events: list[Event] = []
    while any(writer.poll() is None for writer in writers):
        events += as_events(queue.get(timeout=0.01))
    for writer in writers:
        done(writer)
    events += all_of(queue)
    told = [e.value for e in events if isinstance(e, ValueWritten) and e.index == 0]
    assert told == list(range(1, 20_001))
    state = follow(RunState(), events)
    assert state.lost == 0
    for process in state.processes.values():
        assert process.records == process.highest_number


def test_threads_of_one_process_get_in_nobody_s_way(queue: Transport, write: Write) -> None:
    """One that is interrupted between its number and its record leaves a gap, for a while."""
    writer = write("""
    sys.setswitchinterval(1e-6)
    def work(thread):
        for number in range(4000):
            (wire.put(b"wait.over") if number % 50 == 0 else wire.send(written, thread, 0, number))
    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(1, 7)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    """)
    events: list[Event] = []
    while writer.poll() is None:
        events += as_events(queue.get(timeout=0.01))
    done(writer)
    events += all_of(queue)
    assert sorted(event.number for event in events) == list(range(1, len(events) + 1))
    for thread in range(1, 7):
        mine = [e.value for e in events if isinstance(e, ValueWritten) and e.site == thread]
        assert mine == [number for number in range(4000) if number % 50]


def test_a_death_takes_nothing_back_and_the_others_are_not_kept_waiting(
    queue: Transport, write: Write
) -> None:
    """Also the death of a thread between its number and its record, with others behind it."""
    killed = write("""
    wire.send(written, 0, 0, 1)
    wire.send(written, 0, 0, 2)
    next(wire._numbers)
    wire.send(written, 0, 0, 3)
    os.kill(os.getpid(), 9)
    """)
    killed.wait()
    events: list[Event] = []
    wait_until(lambda: (events.extend(as_events(queue.get())), values(events) == [1, 2, 3])[1])
    other = write("""
    wire.send(written, 0, 0, 4)
    wire.send(written, 0, 0, 5)
    sys.stdin.readline()
    """)
    wait_until(
        lambda: (events.extend(as_events(queue.get())), values(events) == [1, 2, 3, 4, 5])[1]
    )
    other.communicate("\n", timeout=60)
    events += all_of(queue)
    numbers = [event.number for event in events if event.pid == killed.pid]
    assert numbers == [1, 2, 3, 5], "the number nobody wrote"


def test_after_a_fork_each_has_a_ring_of_its_own(queue: Transport, write: Write) -> None:
    writer = write("""
    wire.send(written, 0, 0, 0)
    wire.send(written, 0, 0, 1)
    os.register_at_fork(after_in_child=wire.reset)
    for child in range(3):
        if os.fork() == 0:
            for number in range(100):
                wire.send(written, 0, 0, number)
            os._exit(0)
    for number in range(2, 100):
        wire.send(written, 0, 0, number)
    for child in range(3):
        os.wait()
    """)
    done(writer)
    events = all_of(queue)
    assert sum(isinstance(event, RingOpened) for event in events) == 4
    for pid in {event.pid for event in events}:
        mine = [event for event in events if event.pid == pid]
        assert values(mine) == list(range(100))
        assert [event.number for event in mine] == list(range(1, 102))


def test_a_full_ring_is_waited_for_once_and_then_done_without(
    queue: Transport, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mpviz.trace.collect import transport

    # Of the first piece that it reads the viewer already has too much.
    monkeypatch.setattr(transport, "BACKLOG_BYTES", 0)
    writer = write("""
    import resource

    def sleeps():
        # Another process that takes the core makes this one slow, but does not make it sleep.
        return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw

    count = waits = 0
    for count in range(1, 60_001):
        before, slept = time.monotonic(), sleeps()
        wire.send(written, 0, 0, count)
        waits += time.monotonic() - before > 0.045 and sleeps() > slept
    print(waits, flush=True)
    """)
    # Once for the ring, once for the pipe; a few more if the viewer reads on late.
    assert 2 <= int(done(writer)) <= 12
    events = all_of(queue)
    state = follow(RunState(), events)
    assert values(events) == sorted(values(events))
    (process,) = state.processes.values()
    assert len(values(events)) > layout.SLOTS
    assert process.highest_number - process.records > 0


def test_a_viewer_that_is_only_slow_costs_no_record(
    queue: Transport, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mpviz.trace.collect import transport

    monkeypatch.setattr(transport, "SLOW_BYTES", 0)
    monkeypatch.setattr(transport, "TRICKLE_SECONDS", 0.001)
    # A viewer that gets no core for 50 ms would be taken for one that has stopped.
    writer = write("""
    wire.PATIENCE_MILLISECONDS = 60_000
    for number in range(50_000):
        wire.send(written, 0, 0, number)
    print(wire._ring is not None)
    """)
    events: list[Event] = []
    while writer.poll() is None:
        events += as_events(queue.get(timeout=0.01))
    assert done(writer) == "True"
    assert values(events + all_of(queue)) == list(range(50_000))


def test_a_viewer_that_goes_away_is_not_missed(queue: Transport, write: Write) -> None:
    writer = write("""
    wire.send(written)
    wire.send(written)
    print("first", flush=True)
    sys.stdin.readline()
    for _ in range(60_000):
        wire.send(written)
    print(wire.is_open(), wire._ring)
    """)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "first\n"
    queue.close()
    stdout, stderr = writer.communicate("\n", timeout=60)
    assert (stdout, stderr, writer.returncode) == ("False None\n", "", 0)


def test_nothing_is_left_of_a_ring_that_has_been_found(queue: Transport, write: Write) -> None:
    writer = write("wire.send(written); wire.send(written); sys.stdin.readline()")
    events: list[Event] = []
    wait_until(lambda: (events.extend(as_events(queue.get())), len(values(events)) == 2)[1])
    assert [path.name for path in queue.directory.iterdir()] == [queue.path.name]
    writer.communicate("\n", timeout=60)


@pytest.mark.parametrize("content", [b"", b"rubbish", bytes(layout.SIZE)])
def test_a_file_that_is_no_ring_is_left_alone(
    queue: Transport, write: Write, content: bytes
) -> None:
    path = queue.directory / f"1-2{layout.SUFFIX}"
    path.write_bytes(content)
    done(write("wire.send(written, 0, 0, 1); wire.send(written, 0, 0, 2)"))
    assert values(all_of(queue)) == [1, 2]


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"no line",
        b's\n{"k":"no.such.event"}',
        b's value\n{"k":"wait.over"}',
        b'o k\n{"k":"wait.over"}',
        b's\n{"k":"lock.acquired","o":"\x1b[2J\xff"}',
        b's what\n{"k":"wait","o":"x"}',
        b's turn\n{"k":"wait","what":"lock","o":"x"}',
        b's s s s s\n{"k":"wait","what":"lock","o":"x"}',
        b'\n{"k":"process.exited","child":1,"exit_code":0}',
        b'child exit_code\n{"k":"process.exited"}',
        b'maximum\n{"k":"lock.created","o":"x","kind":"Lock"}',
        b'\n{"k":"program.ended","child":1,"exit_code":0}',
        b'\n{"k":"unreadable","text":"x"}',
    ],
)
def test_an_invalid_form_is_counted_as_rubbish_and_does_no_harm(
    tmp_path: Path, form: bytes
) -> None:
    path = tmp_path / f"1-2{layout.SUFFIX}"
    memory = bytearray(layout.SIZE)
    layout.make_ready(memory, 77, 0, 0)
    layout.write_form(memory, 3, form)
    place = layout.SLOTS_AT + layout.SLOT_BYTES
    layout.RECORD.pack_into(memory, place, 5, 0, 3, 1, 2, 3, 4, 1)
    layout.RECORD.pack_into(memory, place + layout.SLOT_BYTES, 5, 0, 999_999, 1, 2, 3, 4, 2)
    path.write_bytes(memory)
    with path.open("r+b") as file:
        ring = Ring(file.fileno())
    assert ring.take(10).decode(9) == ([], 2)


def test_time_and_process_of_a_record_are_not_the_forms_to_name(tmp_path: Path) -> None:
    form = b'value\n{"k":"value.written","o":"x","t":9,"p":8,"n":7,"h":6,"d":5}'
    ring = ring_of(tmp_path, form, (5, 0, 3, 1, 2, 3, 4, 1))
    records, _ = ring.take(10).decode(9)
    (event,) = as_events([records])
    assert event == ValueWritten(time=5, pid=77, number=1, object="x", value=1)


def test_what_a_process_wrote_just_before_its_death_is_not_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may write and end between a look at its ring and the question whether it is dead."""
    ring = ring_of(tmp_path, b'\n{"k":"lock.released","o":"x"}')
    folder = RunFolder(tmp_path / "run")
    rings = Rings(folder, Troubles([].append))
    rings._rings.append(ring)

    def write_and_die(pid: int) -> bool:
        write_slot(tmp_path, (5, 0, 3, 0, 0, 0, 0, 1))
        return True

    monkeypatch.setattr(rings_module, "_is_dead", write_and_die)
    taken = []
    for _ in range(2 * LOOKS_AT_IDLE):
        taken += rings.take(10)[0]
    assert [(each.ring, len(each.records)) for each in taken] == [(ring, layout.SLOT_BYTES)]
    assert folder.remove() == ""


def test_a_number_in_another_s_slot_is_no_record(tmp_path: Path) -> None:
    """A hostile program can put any number anywhere; it is not waited for at the end."""
    ring = ring_of(tmp_path, b'\n{"k":"lock.released","o":"x"}')
    with (tmp_path / "ring").open("r+b") as file:
        file.seek(layout.SLOTS_AT + 9 * layout.SLOT_BYTES)
        file.write(layout.RECORD.pack(5, 0, 3, 0, 0, 0, 0, 5))
    assert not ring.skip_gap()
    folder = RunFolder(tmp_path / "run")
    rings = Rings(folder, Troubles([].append))
    rings._rings.append(ring)
    assert rings.take_all() == []
    assert folder.remove() == ""


def test_numbers_that_are_right_only_in_sum_do_no_harm(tmp_path: Path) -> None:
    """A hostile program may write any numbers; what is taken out has the numbers that follow."""
    ring = ring_of(tmp_path, b'\n{"k":"lock.released","o":"x"}')
    for slot, number in ((1, 1 << 61), (2, 3 - (1 << 61)), (3, 3)):
        with (tmp_path / "ring").open("r+b") as file:
            file.seek(layout.SLOTS_AT + slot * layout.SLOT_BYTES)
            file.write(layout.RECORD.pack(5, 0, 3, 0, 0, 0, 0, number))
    taken = ring.take(3)
    records, refused = taken.decode(9)
    assert ([event.number for event in as_events([records])], refused) == ([1, 2, 3], 0)
    assert read_again([records]) == as_events([records])


def read_again(told: list[Told]) -> list[Event]:
    """These as a replay reads them from a recording."""
    lines = [msgspec.json.encode(event) for event in as_events(told)]
    return decode(b"\n".join([*lines, b""]))


HUGE = (1 << 64) - 1

IMPOSSIBLE = {
    "a thread": (b'\n{"k":"lock.released","o":"x"}', HUGE, 0, 0),
    "a negative size": (b's size\n{"k":"queue.got","o":"x"}', 0, 1, -5),
    "a pid": (b'child signal\n{"k":"process.signalled"}', 0, 1 << 23, 15),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_a_record_that_no_replay_could_read_is_refused(tmp_path: Path, case: str) -> None:
    form, thread, site, value = IMPOSSIBLE[case]
    ring = ring_of(
        tmp_path,
        form,
        (5, 0, 3, 1, 2, 0, 0, 1),
        (6, thread, 3, site, value, 0, 0, 2),
        (7, 0, 3, 1, 2, 0, 0, 3),
    )
    records, refused = ring.take(3).decode(9)
    assert ([record[3] for record in records], refused) == ([1, 3], 1)
    assert read_again([records]) == as_events([records])


def test_negative_values_are_decoded_where_they_are_possible(tmp_path: Path) -> None:
    form = b's before value index\n{"k":"value.written","o":"x"}'
    ring = ring_of(tmp_path, form, (5, 0, 3, 1, -2, -3, -1, 1))
    records, refused = ring.take(1).decode(9)
    assert (values(as_events([records])), refused) == ([-3], 0)


def test_only_kinds_that_the_probe_sends_by_a_form_are_read_from_rings() -> None:
    """As its source has them: the kind stands as bytes in the call that makes a form."""
    makers = {"form", "form_of", "_make_form", "tell_cause"}
    kinds = set()
    for path in (BOOT / "mpviz_probe").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in makers:
                constants = [each for each in node.args if isinstance(each, ast.Constant)]
                kinds |= {each.value for each in constants if each.value} & TAGS
    assert kinds == {kind.__struct_config__.tag.encode() for kind in IN_RINGS}


TAGS = {kind.__struct_config__.tag.encode() for kind in EVENTS}


def ring_of(folder: Path, form: bytes, *records: tuple[int, ...]) -> Ring:
    """A ring of process 77 whose third form is this one."""
    memory = bytearray(layout.SIZE)
    layout.make_ready(memory, 77, 0, 0)
    layout.write_form(memory, 3, form)
    (folder / "ring").write_bytes(memory)
    for record in records:
        write_slot(folder, record)
    with (folder / "ring").open("r+b") as file:
        return Ring(file.fileno())


def write_slot(folder: Path, record: tuple[int, ...]) -> None:
    """Put a record into its slot of that ring."""
    with (folder / "ring").open("r+b") as file:
        file.seek(layout.SLOTS_AT + record[-1] * layout.SLOT_BYTES)
        file.write(layout.RECORD.pack(*record))
