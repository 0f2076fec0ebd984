"""Nothing that a program does to its stream, its rings or the folder of its run harms mpviz."""

from __future__ import annotations

import errno
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from helpers.runs import wait_until
from mpviz.probe.boot.mpviz_probe.wire import ring as layout
from mpviz.trace.collect import rings as rings_module
from mpviz.trace.collect.rings import NUMBERS
from mpviz.trace.collect.sampler import Sampler
from mpviz.trace.collect.transport import Transport
from mpviz.trace.collect.troubles import MOST_TROUBLES, Troubles
from mpviz.trace.explain import follow as following
from mpviz.trace.explain.findings.look import look
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.report import losses_in_words, summary
from mpviz.trace.model.events import (
    Event,
    ProcessExited,
    Sample,
    Trouble,
    Unreadable,
    Waiting,
    WaitOver,
)
from mpviz.trace.model.fold import reducer
from mpviz.trace.model.primitives.process import Hello
from mpviz.trace.model.processes import identity as processes_module
from mpviz.trace.model.state import RunState
from mpviz.trace.model.told import as_events
from mpviz.trace.model.wait_kinds import WAIT_KINDS
from mpviz.trace.system import removal
from mpviz.trace.system.run_folder import RunFolder

RunProgram = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("nothing_left")

RECORD = b'{"k":"wait.over","t":1,"p":1,"n":1}\n'


def tell(queue: Transport, data: bytes) -> None:
    """Write to the pipe of a queue, as any program may."""
    with queue.path.open("wb", buffering=0) as pipe:
        pipe.write(data)


class Reading:
    """Everything read from a queue so far."""

    def __init__(self, queue: Transport) -> None:
        self.queue = queue
        self.events: list[Event] = []

    def has(self, kind: type[Event]) -> bool:
        """Read on, and say whether such an event has come."""
        self.events += as_events(self.queue.get())
        return any(isinstance(event, kind) for event in self.events)

    def troubles(self) -> list[str]:
        """The troubles that the viewer has reported."""
        return [event.text for event in self.events if isinstance(event, Trouble)]


@pytest.fixture
def reading(queue: Transport) -> Reading:
    return Reading(queue)


# The folder of a run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_a_folder_goes_with_all_that_was_put_there(folder: Path, tmp_path: Path) -> None:
    run = RunFolder(folder)
    (folder / "tree" / "deep").mkdir(parents=True)
    (folder / "tree" / "deep" / "file").write_text("theirs")
    os.mkfifo(folder / "fifo")
    (tmp_path / "kept").write_text("mine")
    (folder / "link").symlink_to(tmp_path / "kept")
    (folder / "links").symlink_to(tmp_path)
    folder.chmod(0)
    assert run.remove() == ""
    assert run.remove() == "", "again"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_folder_goes_however_deep_it_is_nested(folder: Path, tmp_path: Path) -> None:
    run = RunFolder(folder)
    nest(folder, 3 * sys.getrecursionlimit())
    try:
        assert run.remove() == ""
        assert list(tmp_path.iterdir()) == []
    finally:
        # What pytest itself would do with it ends in a RecursionError.
        subprocess.run(["rm", "-rf", folder], check=True)


def nest(folder: Path, depth: int) -> None:
    """Make folders within folders, so many that no path leads to the last one."""
    place = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("x", dir_fd=place)
        inner = os.open("x", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=place))
    os.fchmod(place, 0)
    os.close(place)


@pytest.mark.usefixtures("mounting")
def test_the_part_of_a_folder_that_cannot_be_removed_is_named_and_the_rest_goes(
    folder: Path,
) -> None:
    run = RunFolder(folder)
    for name in ("a", "mounted", "z"):
        (folder / name).mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", folder / "mounted"], check=True)
    (folder / "mounted" / "file").write_text("not ours")
    try:
        told = run.remove()
        assert told == f"{folder} is left: mounted: something is mounted there"
        assert [path.name for path in folder.iterdir()] == ["mounted"]
        assert (folder / "mounted" / "file").exists()
    finally:
        subprocess.run(["umount", folder / "mounted"], check=True)


@pytest.mark.usefixtures("mounting")
@pytest.mark.parametrize("place", ["mounted", "tree/mounted", "tree/deep/mounted"])
def test_nothing_is_removed_through_a_bind_mount(folder: Path, tmp_path: Path, place: str) -> None:
    """It has the same device number as the folder of the run."""
    run = RunFolder(folder)
    theirs = tmp_path / "theirs"
    (theirs / "deep").mkdir(parents=True)
    (theirs / "file").write_text("theirs")
    (theirs / "deep" / "file").write_text("theirs")
    bound = folder / place
    bound.mkdir(parents=True)
    theirs.chmod(0o755)
    subprocess.run(["mount", "--bind", theirs, bound], check=True)
    try:
        told = run.remove()
        assert "something is mounted there" in told
    finally:
        for each in mounts_below(folder):
            subprocess.run(["umount", each], check=True)
    assert sorted(path.name for path in theirs.rglob("*")) == ["deep", "file", "file"]
    assert theirs.stat().st_mode & 0o777 == 0o755


def mounts_below(folder: Path) -> list[str]:
    """Where something is mounted in a folder whose names may have changed."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    return [each for each in (line.split()[1] for line in lines) if each.startswith(f"{folder}/")]


def test_a_folder_that_is_moved_away_keeps_what_it_has(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was opened in the folder of the run, and a program moves it to another one meanwhile."""
    run = RunFolder(folder)
    (folder / "theirs").mkdir()
    (folder / "theirs" / "file").write_text("theirs")
    names = removal._names

    def move_and_list(descriptor: int, left: dict[str, str]) -> list[str]:
        if not left and Path(f"/proc/self/fd/{descriptor}").readlink().name == "theirs":
            (folder / "theirs").rename(tmp_path / "theirs")
        return names(descriptor, left)

    monkeypatch.setattr(removal, "_names", move_and_list)
    run.remove()
    assert (tmp_path / "theirs" / "file").read_text() == "theirs"


@pytest.mark.parametrize("place", ["", "tree/"])
def test_no_link_is_followed_that_a_program_puts_in_the_place_of_a_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Between the look at what a name is and the next step."""
    run = RunFolder(folder)
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o755)
    (theirs / "file").write_text("theirs")
    swapped = folder / place / "swapped"
    swapped.mkdir(parents=True)
    mode = removal._mode

    def look_and_swap(name: str, within: int | None) -> int:
        found = mode(name, within)
        if name == "swapped" and swapped.is_dir() and not swapped.is_symlink():
            swapped.rmdir()
            swapped.symlink_to(theirs)
        return found

    monkeypatch.setattr(removal, "_mode", look_and_swap)
    run.remove()
    assert (theirs / "file").read_text() == "theirs"
    assert theirs.stat().st_mode & 0o777 == 0o755


@pytest.fixture
def mounting() -> None:
    """The right to mount, which root has."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")


def test_a_folder_that_was_moved_is_removed_where_it_is(folder: Path, tmp_path: Path) -> None:
    run = RunFolder(folder)
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "events").write_text("mine")
    (folder / "events").write_text("ours")
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(victim)
    assert run.names() == ["events"]
    assert run.remove() == ""
    assert [path.name for path in tmp_path.rglob("*")] == ["victim", "events"]
    assert (victim / "events").read_text() == "mine"


def test_a_folder_that_was_removed_leaves_nothing_to_do(folder: Path) -> None:
    run = RunFolder(folder)
    folder.rmdir()
    assert run.names() == []
    assert run.remove() == ""


def test_a_process_that_starts_after_the_folder_is_gone_is_missed_and_that_is_said(
    queue: Transport, reading: Reading
) -> None:
    with queue.path.open("wb", buffering=0) as pipe:
        queue.path.unlink()
        wait_until(lambda: reading.has(Trouble))
        pipe.write(RECORD)
        wait_until(lambda: reading.has(WaitOver))
    assert len(reading.troubles()) == 1, "once"
    state = follow(RunState(), reading.events)
    assert "more may be lost" in losses_in_words(state)


# Rings


def put_ring(
    queue: Transport, *, read: int = 0, pid: int = 77, records: tuple[tuple[int, ...], ...] = ()
) -> Path:
    """Make a ring as the probe does, with form 1 and these records of number, time and form."""
    memory = bytearray(layout.SIZE)
    layout.write_form(memory, 1, b'\n{"k":"wait.over"}')
    for number, stamp, form in records:
        place = layout.SLOTS_AT + number % layout.SLOTS * layout.SLOT_BYTES
        layout.RECORD.pack_into(memory, place, stamp, 0, form, 0, 0, 0, 0, number)
    layout.make_ready(memory, pid, read, 0)
    path = queue.directory / f"{pid}-{read}{layout.SUFFIX}"
    hidden = path.with_suffix(".new")
    hidden.write_bytes(memory)
    return hidden.rename(path)


def test_a_ring_that_is_cut_short_costs_what_was_in_it_and_no_more(
    queue: Transport, reading: Reading
) -> None:
    path = put_ring(queue, records=((1, 5, 1),))
    with path.open("r+b") as file:
        wait_until(lambda: reading.has(WaitOver))
        assert not path.exists(), "it is in use"
        file.truncate(0)
        wait_until(lambda: reading.has(Trouble))
    assert "the ring of process 77 was cut short" in reading.troubles()[0]
    put_ring(queue, pid=78, records=((1, time.monotonic_ns(), 1),))
    wait_until(lambda: [each.pid for each in reading.events if reading.has(WaitOver)][-1:] == [78])


def fail_with(number: int) -> Callable[..., Any]:
    """A function that raises this error of the system."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EMFILE])
def test_a_ring_for_which_there_is_no_room_is_read_as_soon_as_there_is(
    queue: Transport, reading: Reading, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(rings_module, "Pages", fail_with(number))
        put_ring(queue, records=((1, 5, 1),))
        wait_until(lambda: reading.has(Trouble))
    wait_until(lambda: reading.has(WaitOver))
    assert "cannot map new rings" in reading.troubles()[0]
    assert losses_in_words(follow(RunState(), reading.events)) == "1 event, none lost"


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EMFILE])
def test_none_lost_is_not_said_if_a_ring_could_never_be_mapped(
    queue: Transport, reading: Reading, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(rings_module, "Pages", fail_with(number))
    put_ring(queue, records=((1, 5, 1),))
    queue.finish()
    assert reading.has(Trouble)
    assert "the records in them are lost" in reading.troubles()[-1]
    assert "none lost" not in losses_in_words(follow(RunState(), reading.events))


def test_a_ring_beyond_those_that_may_be_mapped_at_once_is_read_at_the_end(
    queue: Transport, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rings_module, "MOST_RINGS", 1)
    for pid in (os.getpid(), os.getppid()):
        put_ring(queue, pid=pid, records=((1, 5, 1),))
    wait_until(lambda: reading.has(Trouble))
    queue.finish()
    reading.has(WaitOver)
    assert "1 are in use" in reading.troubles()[0]
    assert {each.pid for each in reading.events} == {0, os.getpid(), os.getppid()}
    assert losses_in_words(follow(RunState(), reading.events)) == "2 events, none lost"


def test_a_ring_that_cannot_be_read_for_a_moment_is_read_later(
    queue: Transport, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_ring(queue, pid=os.getpid(), records=((1, 5, 1),))
    wait_until(lambda: reading.has(WaitOver))
    with monkeypatch.context() as patch:
        patch.setattr(rings_module.Ring, "take", fail_with(errno.ENOMEM))
        wait_until(lambda: reading.has(Trouble))
    state = follow(RunState(), reading.events)
    assert "cannot read the ring" in reading.troubles()[0]
    assert losses_in_words(state) == "1 event, none lost"
    assert len(queue._rings._rings) == 1


@pytest.mark.parametrize("failing", range(1, 11))
def test_an_error_in_the_middle_of_a_ring_costs_no_record(
    queue: Transport, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Memory may be short for a moment at each copy, also when the ring gets room again."""
    count = 2 * rings_module.BLOCK
    queue.finish()
    path = put_ring(queue, records=tuple((each, each, 1) for each in range(1, count + 1)))
    with path.open("r+b") as file:
        ring = rings_module.Ring(file.fileno())
    calls = itertools.count(1)

    def once(copy: Callable[..., Any]) -> Callable[..., Any]:
        def copied(*arguments: object) -> object:
            if next(calls) == failing:
                raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
            return copy(*arguments)

        return copied

    for name in ("read", "write_word"):
        monkeypatch.setattr(rings_module.Pages, name, once(getattr(rings_module.Pages, name)))
    taken: list[rings_module.Taken] = []
    for _ in range(3):
        with suppress(OSError):
            taken.append(ring.take(layout.SLOTS))
            last = taken[-1].first + len(taken[-1].records) // layout.SLOT_BYTES - 1
            assert last == count or last <= ring.left_since <= last + 1
    memory = path.read_bytes()
    start = layout.SLOTS_AT + layout.SLOT_BYTES
    slots = memory[start : start + count * layout.SLOT_BYTES]
    assert b"".join(each.records for each in taken) == slots
    assert layout.number_read(memory) == count


def test_none_lost_is_not_said_if_a_ring_cannot_be_read_at_the_end(
    queue: Transport, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_ring(queue, records=((1, 5, 1),))
    wait_until(lambda: reading.has(WaitOver))
    monkeypatch.setattr(rings_module.Ring, "skip_gap", fail_with(errno.ENOMEM))
    queue.finish()
    reading.has(Trouble)
    assert "none lost" not in losses_in_words(follow(RunState(), reading.events))


def test_none_lost_is_not_said_if_counts_of_dropped_records_cannot_be_read(
    queue: Transport, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunFolder, "read_text", fail_with(errno.EMFILE))
    (queue.directory / "77-1.dropped").write_text("9 3 1")
    queue.finish()
    reading.has(Trouble)
    assert "none lost" not in losses_in_words(follow(RunState(), reading.events))


def test_no_ring_stays_mapped_when_its_run_is_over(queue: Transport, reading: Reading) -> None:
    put_ring(queue, records=((1, 5, 1),))
    queue.finish()
    assert reading.has(WaitOver)
    assert queue._rings._rings == []


def test_troubles_beyond_number_are_summed_up_and_hide_losses_all_the_same() -> None:
    told: list[Event] = []
    troubles = Troubles(told.append)
    for number in range(MOST_TROUBLES):
        troubles.report(f"trouble {number}")
    for number in range(10):
        troubles.report(f"another trouble {number}", hides_losses=number > 4)
    assert len(told) == MOST_TROUBLES + 1
    assert isinstance(told[-1], Trouble)
    assert told[-1].hides_losses


@pytest.mark.parametrize("read", [-1, NUMBERS, (1 << 63) - 1])
def test_a_ring_with_a_number_that_cannot_be_is_none(queue: Transport, read: int) -> None:
    put_ring(queue, read=read)
    queue.finish()
    assert queue.get() == []


@pytest.mark.parametrize("pid", [-1, 0, 1 << 22])
def test_a_ring_of_nobody_is_none(queue: Transport, pid: int) -> None:
    put_ring(queue, pid=pid, records=((1, 5, 1),))
    queue.finish()
    assert queue.get() == []


def test_records_of_the_future_hold_up_nobody(queue: Transport, reading: Reading) -> None:
    put_ring(queue, records=((1, 1 << 62, 1), (2, -5, 1), (3, 5, 1)))
    wait_until(lambda: reading.has(WaitOver))
    wait_until(lambda: reading.has(Unreadable))
    assert [event.number for event in reading.events if isinstance(event, WaitOver)] == [3]
    tell(queue, RECORD)
    wait_until(lambda: [e.pid for e in reading.events if reading.has(WaitOver)][-1:] == [1])


def test_records_of_forms_that_no_probe_writes_are_told_in_one_line(queue: Transport) -> None:
    records = tuple((number, 5, 1_000_000 + number) for number in range(1, 2000))
    put_ring(queue, records=records)
    queue.finish()
    (told,) = queue.get()
    assert isinstance(told, Unreadable)
    assert told.text == "1,999 records in the ring of process 77 that no probe writes"


def test_files_that_only_look_like_rings_are_left_until_the_end(queue: Transport) -> None:
    (queue.directory / f"a{layout.SUFFIX}").mkdir()
    os.mkfifo(queue.directory / f"b{layout.SUFFIX}")
    (queue.directory / f"c{layout.SUFFIX}").symlink_to("/etc/passwd")
    (queue.directory / f"d{layout.SUFFIX}").write_bytes(bytes(layout.SIZE))
    tell(queue, RECORD)
    queue.finish()
    assert [event.pid for event in as_events(queue.get())] == [1]


# Errors of ours, and of the system


def no_room(*_: object) -> Any:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def test_without_descriptors_the_viewer_goes_on_and_says_so(
    queue: Transport, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunFolder, "open", no_room)
    put_ring(queue, records=((1, 5, 1),))
    tell(queue, RECORD)
    wait_until(lambda: reading.has(Trouble) and reading.has(WaitOver))
    assert "Too many open files" in reading.troubles()[0]
    monkeypatch.undo()
    wait_until(lambda: [e.pid for e in reading.events if reading.has(WaitOver)][-1:] == [77])
    assert len(reading.troubles()) == 1


def test_a_reading_thread_that_fails_says_so_and_goes_on(
    queue: Transport, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rings_module.Rings, "take", lambda *_: 1 // 0)
    wait_until(lambda: reading.has(Trouble))
    monkeypatch.undo()
    tell(queue, RECORD)
    wait_until(lambda: reading.has(WaitOver))
    assert "ZeroDivisionError" in reading.troubles()[0]
    assert follow(RunState(), reading.events).hidden_losses == reading.troubles()


def test_a_sampler_that_fails_says_so_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    put: list[Event] = []
    monkeypatch.setattr(Sampler, "_sample", no_room)
    sampler = Sampler(put.append, os.getpid(), 0.01)
    try:
        wait_until(lambda: put)
        monkeypatch.undo()
        wait_until(lambda: isinstance(put[-1], Sample))
    finally:
        sampler.stop()
    (trouble,) = [event for event in put if isinstance(event, Trouble)]
    assert "Too many open files" in trouble.text


HELLO = Hello(time=1, pid=7, number=1, parent=0, started=70, role="main")


@pytest.mark.usefixtures("quiet_errors")
def test_an_event_that_cannot_be_folded_is_told_once_and_the_others_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("x\x1b[2J")

    handlers = reducer._handlers_for(following._WATCHER)
    monkeypatch.setitem(handlers.of_processes, WaitOver, fail)
    waits = [WaitOver(time=2, pid=7, number=number) for number in (2, 3)]
    state = follow(RunState(), [HELLO, *waits])
    assert state.records == 3
    (told,) = state.troubles
    assert "the fold of WaitOver: KeyError" in told.text
    assert "\x1b" not in told.text
    assert told.text in summary(state)


@pytest.mark.usefixtures("quiet_errors")
def test_a_death_is_told_to_all_even_if_one_of_them_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError

    kind = replace(WAIT_KINDS["put"], ended=fail)
    monkeypatch.setitem(reducer.WAIT_KINDS, "put", kind)
    begun = Waiting(time=2, pid=7, number=2, what="put", object="q")
    other = Hello(time=2, pid=8, number=1, parent=0, started=80, role="process")
    ends = [ProcessExited(time=3, pid=7, child=pid, exit_code=0) for pid in (7, 8)]
    state = follow(RunState(), [HELLO, begun, other, *ends])
    assert state.just_ended == []
    assert len(state.troubles) == 1, "once, not with each later event"
    assert [process.ended for process in state.processes.values()] == [3, 3]


@pytest.mark.usefixtures("quiet_errors")
def test_a_rule_that_fails_is_told_once_and_not_asked_again() -> None:
    asked: list[str] = []

    def fail(_: RunState) -> Any:
        asked.append("fails")
        raise ValueError

    def find(_: RunState) -> Any:
        asked.append("works")
        return ()

    state = RunState()
    words: dict[str, Any] = {"says": "", "threshold": "", "exempt": "", "stays": Stays.AS_IT_WAS}
    rules = [Rule("broken", find=fail, **words), Rule("whole", find=find, **words)]
    for _ in range(3):
        look(state, rules)
    assert asked == ["fails", "works", "works", "works"]
    (told,) = state.troubles
    assert "the rule broken: ValueError" in told.text


def test_of_more_processes_than_there_is_room_for_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes_module, "MOST_PROCESSES", 3)
    hellos = [
        Hello(time=1, pid=pid, number=1, parent=0, started=pid, role="process")
        for pid in range(10, 20)
    ]
    state = follow(RunState(), hellos)
    assert list(state.processes) == ["10", "11", "12"]
    assert len(state.hidden_losses) == 1
    assert "none lost" not in losses_in_words(state)


# Whole runs

COMMON = """
import os, sys, time
FIFO = os.environ["MPVIZ_EVENTS"]
FOLDER = os.path.dirname(FIFO)
def line(text):
    with open(FIFO, "w") as pipe:
        pipe.write(text + "\\n")
stamp = time.monotonic_ns()
"""

ATTACKS = {
    "an end that is forged": """
ended = ',"t":%d,"p":%d,"child":%d,"exit_code":0}' % (stamp, os.getppid(), os.getpid())
line('{"k":"program.ended"' + ended)
line('{"k":"process.exited"' + ended)
line('{"k":"run.ended","t":%d,"p":0,"exit_code":0}' % stamp)
""",
    "a file and a folder in the run's": """
os.makedirs(FOLDER + "/x/y")
open(FOLDER + "/z", "w").close()
""",
    "a pipe that is another": """
os.rename(FIFO, FIFO + ".old")
os.symlink("/etc/passwd", FIFO)
""",
    "a folder that is gone": "import shutil; shutil.rmtree(FOLDER)\n",
    "a line without an end": """
with open(FIFO, "w") as pipe:
    for _ in range(200):
        pipe.write("x" * 65536)
""",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_program_ends_as_it_does_and_leaves_nothing(
    run_program: RunProgram, attack: str
) -> None:
    observed = run_program(COMMON + ATTACKS[attack] + "sys.exit(3)\n", exit_code=3)
    assert observed.state.exit_code == 3
    assert observed.state.processes[observed.state.main].exit_code == 3
