"""What a signal handler's exception leaves behind when it comes between two steps of the probe.

Where the moment is too short to be hit by chance, a function of the program takes the place of one
that the probe calls at this moment, and raises the exception there.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from mpviz.probe import BOOT
from mpviz.trace.collect.transport import Transport
from mpviz.trace.model.events import Event, ProbeError, Site, WaitOver
from mpviz.trace.model.primitives.lock import LockAcquired, LockReleased
from mpviz.trace.model.primitives.process import Hello
from mpviz.trace.model.primitives.value import ValueWritten
from mpviz.trace.model.told import as_events

pytestmark = pytest.mark.usefixtures("nothing_left")

BEGIN = '''
import json, os, random, signal, sys
sys.path.insert(0, sys.argv[1])
from mpviz_probe import arm, guard, sites, wire
from mpviz_probe.wire import held, ring, slots
wire.open_queue(sys.argv[2])
WRITTEN = b"value.written", b'"o":"x"', (b"s", b"before", b"value", b"index")

class Alarm(Exception):
    """As a program's own time-outs."""

def interrupt_once(module, name):
    """Let the next call of this function raise an alarm; the calls after it are as ever."""
    original = getattr(module, name)
    def interrupted(*args, **kwargs):
        setattr(module, name, original)
        raise Alarm("the program's own")
    setattr(module, name, interrupted)

def arrives(call, *args):
    try:
        call(*args)
    except Alarm:
        return True
    return False
'''

Told = Callable[[str], "tuple[object, list[Event]]"]


@pytest.fixture
def told(nothing_left: None, python: str) -> Iterator[Told]:
    """Run a program to its end; gives what it printed as JSON, and what it told."""
    queue = Transport()

    def run(program: str) -> tuple[object, list[Event]]:
        command = [python, "-I", "-c", BEGIN + program, str(BOOT), str(queue.path)]
        events: list[Event] = []
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            while process.poll() is None:
                events += as_events(queue.get(timeout=0.1))
            assert process.stdout is not None
            output = json.loads(process.stdout.read())
        queue.finish()
        while batch := queue.get():
            events += as_events(batch)
        assert process.returncode == 0
        return output, events

    yield run
    queue.close()


def test_no_descriptor_is_left_open(told: Told) -> None:
    output, _ = told("""
import socket, tempfile
from mpviz_probe import capacity

folder = tempfile.mkdtemp(dir=os.path.dirname(sys.argv[2]))
rung = False

def ring_alarm(number, frame):
    global rung
    rung = True
    raise Alarm("the program's own")

def open_and_close():
    arm.read_command(os.getpid())
    assert capacity.of_socket(ends[0].fileno())
    sites.read_source(os.__file__)
    ring.create(folder, os.getpid(), 1)

def lose_descriptor():
    os.close(wire._descriptor)
    wire.put(b"wait.over")

def call_until_it_rings(call):
    # CPython prints and drops what is raised in the callback of a weak reference: a first import
    # has them.
    while not rung:
        call()
    raise Alarm("dropped by CPython")

def interrupted(call, seconds):
    global rung
    rung = False
    signal.setitimer(signal.ITIMER_REAL, seconds)
    call_until_it_rings(call)

def remove_rings():
    # Each takes a megabyte, and only a viewer would remove them.
    for name in os.listdir(folder):
        if name.endswith(ring.SUFFIX):
            os.unlink(os.path.join(folder, name))

def open_files():
    # That of the list itself is closed again.
    return [each for each in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + each)]

wire.put(b"wait.over")
ends = socket.socketpair()
signal.signal(signal.SIGALRM, ring_alarm)
draw = random.Random(3)
before = open_files()
for _ in range(300):
    assert arrives(interrupted, open_and_close, draw.uniform(1e-6, 1e-3))
    remove_rings()
os.rmdir(folder)
for _ in range(300):
    wire._retry_at = 0
    wire.put(b"wait.over")
    assert arrives(interrupted, lose_descriptor, draw.uniform(1e-6, 2e-4))
wire._retry_at = 0
wire.put(b"wait.over")
ends[0].send(b"x")
assert ends[1].recv(1) == b"x"
print(json.dumps([sorted(before), sorted(open_files())]))
""")
    before, after = output  # type: ignore[misc]
    assert len(after) == len(before)


def test_a_child_numbers_its_own_records_though_it_is_interrupted_at_once(told: Told) -> None:
    output, events = told("""
os.register_at_fork(after_in_child=arm._after_fork)
form = wire.form(*WRITTEN)
wire.send(form, 1, 0, 1, 0)
wire.send(form, 1, 0, 2, 0)
assert wire._ring is not None
parent = os.getpid()
# In the child only. Python prints what a function raises that it calls after a fork.
interrupt_once(os, "getpid")
child = os.fork()
if child == 0:
    wire.send(form, 1, 0, 3, 0)
    os._exit(0)
os.waitpid(child, 0)
print(json.dumps([parent, child]))
""")
    parent, child = output  # type: ignore[misc]
    values = {event.value: event.pid for event in events if isinstance(event, ValueWritten)}
    assert values == {1: parent, 2: parent, 3: child}
    (hello,) = (event for event in events if isinstance(event, Hello))
    assert (hello.pid, hello.parent) == (child, parent)
    numbers = [event.number for event in events if event.pid == child]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_what_rings_need_is_loaded_again(told: Told) -> None:
    output, events = told("""
interrupt_once(slots, "form_of_line")
first = arrives(wire.form, *WRITTEN)
form = wire.form(*WRITTEN)
wire.send(form, 1, 0, 5, 0)
wire.over()
print(json.dumps(first))
""")
    assert output is True
    assert [event.value for event in events if isinstance(event, ValueWritten)] == [5]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="elsewhere there are no rings")
def test_a_slot_that_was_used_again_is_left_alone(told: Told) -> None:
    output, events = told("""
import time
form = wire.form(*WRITTEN)
wire.send(form)
memory = wire._ring
for value in range(ring.SLOTS + 100):
    while value + 10 >= ring.number_read(memory) + ring.SLOTS:
        time.sleep(0.001)
    wire.send(form, 1, 0, value, 0)
last = next(wire._numbers) - 1
reused = last - ring.SLOTS
place = (reused & ring.SLOTS - 1) * ring.SLOT_BYTES + ring.SLOTS_AT
slots.skip(reused)
print(json.dumps([memory is wire._ring, last, ring.number_at(memory, place)]))
""")
    is_same, last, number = output  # type: ignore[misc]
    assert is_same
    assert number == last
    values = [event.value for event in events if isinstance(event, ValueWritten)]
    assert values[1:] == list(range(len(values) - 1))


def test_an_error_of_ours_is_not_the_context_of_the_programs(told: Told) -> None:
    """Nor is a context of the program's own removed with it."""
    output, _ = told('''
OURS = compile("""
def fail():
    open("/nonexistent/file")

def handle(raise_alarm):
    try:
        fail()
    except OSError:
        raise_alarm()
""", guard.OURS + "example>", "exec")
names = {}
exec(OURS, names)

def raise_alarm():
    raise Alarm("the program's own")

try:
    try:
        raise KeyError("the program's")
    except KeyError:
        names["handle"](raise_alarm)
except Alarm as error:
    before = type(error.__context__).__name__
    guard.unframe(error)
    after = type(error.__context__).__name__
print(json.dumps([before, after]))
''')
    assert output == ["FileNotFoundError", "KeyError"]


def test_the_tests_of_python_are_programs(told: Told) -> None:
    output, _ = told("""
def is_the_programs(file):
    names = {}
    exec(compile("def ring():\\n    raise ValueError('its own')", file, "exec"), names)
    try:
        names["ring"]()
    except ValueError as error:
        # Without our frame here: it is the program's, too.
        error.__traceback__ = error.__traceback__.tb_next
        return guard.is_the_programs(error)

folder = os.path.dirname(os.__file__)
files = "test/test_signal.py", "site-packages/other.py", "selectors.py"
print(json.dumps([is_the_programs(os.path.join(folder, file)) for file in files]))
""")
    assert output == [True, True, False]


HELD = """
from mpviz_probe import sections

def fields(value):
    return b'"o":"x","s":1,"before":0,"value":%d,"index":0' % value

alarms = []

def tell_held(value, told):
    # As if a signal came at the first instruction.
    if value in alarms:
        alarms.remove(value)
        raise Alarm("the program's own")
    wire.put(b"value.written", fields(value), told=told)

def tell_in_section(*values):
    for value in values:
        if value % 2:
            sections.tell(b"value.written", fields(value))
        else:
            sections.do(sections.partial(tell_held, value))
    assert wire._held
"""


def test_held_records_are_sent_in_the_order_in_which_things_happened(told: Told) -> None:
    _, events = told(
        HELD
        + """
sections.locked(tell_in_section)(1, 2, 3, 4)
assert not wire._held
sections.while_locked(tell_in_section)(5, 6, 7)
assert wire._held
for line in range(1, 2000):
    sites.announce("/nowhere/program.py", line, "main")
wire.put(b"value.written", fields(8))
print(json.dumps(None))
"""
    )
    values = [event.value for event in events if isinstance(event, ValueWritten)]
    assert values == [1, 2, 3, 4, 5, 6, 7, 8]
    lines = [event.line for event in events if isinstance(event, Site)]
    assert lines == list(range(1, 2000))
    assert not any(isinstance(event, ProbeError) for event in events)


def test_held_records_are_sent_although_an_exception_comes_first(told: Told) -> None:
    output, events = told(
        HELD
        + """
alarms += [2, 4, 4, 6]
tell = sections.locked(tell_in_section)
came = [arrives(tell, 1, 2, 3), arrives(tell, 4, 5), arrives(wire.catch_up)]
came.append(arrives(sections.while_locked(tell_in_section), 6, 7))
came.append(arrives(wire.put, b"wait.over"))
wire.catch_up()
print(json.dumps([came, alarms, sections.is_inside(), len(wire._held)]))
"""
    )
    assert output == [[True, True, True, False, True], [], False, 0]
    values = [event.value for event in events if isinstance(event, ValueWritten)]
    assert values == [1, 2, 3, 4, 5, 6, 7]


def test_nothing_is_held_on_if_an_exception_comes_right_after_it_was_held(told: Told) -> None:
    output, events = told(
        HELD
        + """
original = wire.hold
def hold(tell_it):
    original(tell_it)
    wire.hold = original
    raise Alarm("the program's own")
wire.hold = hold
came = arrives(sections.tell, b"value.written", fields(1))
print(json.dumps([came, len(wire._held)]))
"""
    )
    assert output == [True, 0]
    assert [event.value for event in events if isinstance(event, ValueWritten)] == [1]


def test_catching_up_waits_until_another_thread_has_written_what_it_took(told: Told) -> None:
    output, events = told(
        HELD
        + """
import threading

is_writing, turned_away, may_write = (threading.Event() for _ in range(3))

def tell_slowly(told):
    is_writing.set()
    may_write.wait()
    wire.put(b"value.written", fields(1), told=told)

def sleep(seconds, original=held.sleep):
    turned_away.set()
    original(seconds)

def catch_up_and_tell():
    wire.catch_up()
    wire.put(b"value.written", fields(2))

held.sleep = sleep

wire.PATIENCE_MILLISECONDS = 60_000
wire.hold(tell_slowly)
first = threading.Thread(target=wire.catch_up)
first.start()
is_writing.wait()
second = threading.Thread(target=catch_up_and_tell)
second.start()
waited = turned_away.wait(30)
waited = waited and second.is_alive() and not wire._held
may_write.set()
first.join()
second.join()
print(json.dumps([waited, len(wire._writer)]))
"""
    )
    assert output == [True, 0]
    assert [event.value for event in events if isinstance(event, ValueWritten)] == [1, 2]


def test_a_thread_that_never_comes_back_keeps_nobody_from_catching_up(told: Told) -> None:
    output, events = told(
        HELD
        + """
wire._writer["writer"] = 1, held.monotonic_ns() + 10_000_000
sections.while_locked(tell_in_section)(1, 2)
wire.catch_up()
print(json.dumps([len(wire._held), len(wire._writer)]))
"""
    )
    assert output == [0, 0]
    assert [event.value for event in events if isinstance(event, ValueWritten)] == [1, 2]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="elsewhere there are no rings")
def test_a_step_undone_by_three_alarms_in_a_row_is_recorded_once(told: Told) -> None:
    output, events = told("""
from mpviz_probe.standard import locks

def interrupt_second(module, name):
    original, calls = getattr(module, name), []
    def interrupted(*args, **kwargs):
        calls.append(0)
        if len(calls) == 2:
            raise Alarm("the program's own")
        return original(*args, **kwargs)
    setattr(module, name, interrupted)

def take():
    try:
        interrupt_once(wire, "get_ident")
        wire.send(acquired)
    except BaseException as error:
        # This one comes while the release is told, and the next one before the lock is given back.
        interrupt_once(wire, "get_ident")
        interrupt_second(locks, "is_the_programs")
        locks.keep_or_undo(error, error, True, False, [], give, wire.send, released)

def wait():
    try:
        interrupt_once(wire, "get_ident")
        wire.over()
    except Alarm:
        try:
            raise Alarm("the program's own")
        except Alarm as another:
            locks._end_wait({}, another)

acquired = wire.form(b"lock.acquired", b'"o":"x"', (b"s",))
released = wire.form(b"lock.released", b'"o":"x"')
wire.send(acquired)
given = []
give = lambda: given.append(0)
print(json.dumps([arrives(take), given, arrives(wait)]))
""")
    assert output == [True, [0], True]
    kinds = [LockAcquired, LockAcquired, LockReleased, WaitOver]
    assert [type(event) for event in events if isinstance(event, tuple(set(kinds)))] == kinds
