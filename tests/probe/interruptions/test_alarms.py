"""An exception raised by the program's signal handler reaches the program, wherever it comes.

Programs use an alarm whose handler raises an exception to give up on a call after a while. The
exception may come at any line of the probe. It must arrive, without a frame of ours in its
traceback; the interrupted object must stay usable; and each record must be told exactly once.
"""

from __future__ import annotations

import pytest

from helpers.runs import Observed, RunProgram

PROGRAM = '''
import gc, multiprocessing as mp, os, random, signal, sys
from multiprocessing import shared_memory
from telling import tell

class Alarm(Exception):
    """As a program's own time-outs."""

class Late(TimeoutError):
    """As those that are of a built-in kind."""

raised = 0
OWN = ("the program's own",)
kinds = [Alarm, Late, OSError, ValueError, TypeError, AttributeError, KeyError, RuntimeError]
draw = random.Random(4)
arrived = set()
foreign = set()

def ring(number, frame):
    global raised
    raised += 1
    raise alarm(frame.f_code.co_name)

def alarm(place):
    """A separate function: the frames of a traceback should not have the exception itself."""
    # Here Python's selectors take a KeyError for their own, and go on.
    made = (Alarm if place == "_key_from_fd" else draw.choice(kinds))(*OWN)
    made.number = raised
    return made

def look(error):
    """Note the numbers of the alarms in it, and each place of ours in its tracebacks."""
    seen = {}
    while error is not None and id(error) not in seen:
        seen[id(error)] = error
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if "mpviz_probe" in code.co_filename:
                foreign.add("%s:%d %s" % (code.co_filename, trace.tb_lineno, code.co_name))
            trace = trace.tb_next
        error = error.__context__
    numbers = {each.number for each in seen.values() if each.args == OWN}
    arrived.update(numbers)
    return numbers

def look_at_unraisable(told):
    # Python only prints an exception of a finalizer, and does not raise it. Such a one need not be
    # an alarm: what a finalizer needs may be missing if an alarm came while it was made.
    look(told.exc_value)

def until_it_rings(call, before):
    # A separate function: up to Python 3.13, the jump back of a loop is not inside its try.
    while raised == before:
        call()

def under_alarms(times, longest, call, begin, end):
    """Interrupt a call, again and again, at a random moment of it."""
    for _ in range(times):
        begin(call)
        before = raised
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(2e-6, longest))
                until_it_rings(call, before)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Exception as error:
            if not look(error):
                raise
        end()

MADE = {
    "lock": lambda made: made.Lock(),
    "rlock": lambda made: made.RLock(),
    "semaphore": lambda made: made.Semaphore(2),
    "event": lambda made: made.Event(),
    "condition": lambda made: made.Condition(),
    "barrier": lambda made: made.Barrier(1),
    "value": lambda made: made.Value("i", 0),
    "array": lambda made: made.Array("d", 4),
    "text": lambda made: made.Array("c", 8),
    "simple": lambda made: made.SimpleQueue(),
    "pipe": lambda made: made.Pipe(),
}

class Calls:
    """One object of each kind, made again each time, because an interrupted one may stay taken."""

    def __init__(self, context):
        self.context, self.blocks = context, 0

    def begin(self, call):
        """Make what this call uses, and no more."""
        for name in MADE.keys() & set(call.__func__.__code__.co_names):
            setattr(self, name, MADE[name](self.context))
        if hasattr(self, "pipe"):
            self.ours, self.theirs = self.pipe

    def of_lock(self):
        with self.lock:
            pass
        self.lock.acquire(timeout=1)
        self.lock.release()

    def of_rlock(self):
        with self.rlock:
            with self.rlock:
                pass

    def of_semaphore(self):
        self.semaphore.acquire()
        self.semaphore.release()

    def of_taken_lock(self):
        self.lock.acquire(False)
        self.lock.acquire(timeout=0.001)

    def of_event(self):
        self.event.set()
        self.event.is_set()
        self.event.wait()
        self.event.clear()
        self.event.wait(0.0001)

    def of_condition(self):
        with self.condition:
            self.condition.notify()
            self.condition.notify_all()
            self.condition.wait(0.0001)

    def of_barrier(self):
        self.barrier.wait()
        self.barrier.reset()

    def of_value(self):
        self.value.value += 1

    def of_array(self):
        self.array[1] = self.array[0] + 1
        self.array[:]
        self.text.value = b"abc"
        self.text.value

    def of_simple_queue(self):
        self.simple.put(1)
        self.simple.get()

    def of_pipe(self):
        assert self.pipe
        self.ours.send(1)
        self.theirs.poll(1)
        self.theirs.recv()
        self.ours.poll(0.0001)

    def of_new_locks(self):
        self.context.Event()
        self.context.Condition()

    def begin_far(self, call):
        self.shared = self.manager.list()
        # The previous connection may still hold half an answer.
        vars(self.shared._tls).pop("connection", None)

    def end_far(self):
        for name in os.listdir("/dev/shm"):
            if name.startswith("at-an-alarm-%d-" % os.getpid()):
                os.unlink("/dev/shm/" + name)
        for child in mp.active_children():
            if child.name == "child":
                child.join()

    def far_process(self):
        child = self.context.Process(target=int, name="child")
        child.start()
        child.join()

    def far_proxy(self):
        self.shared.append(1)
        len(self.shared)

    def far_memory(self):
        self.blocks += 1
        name = "at-an-alarm-%d-%d" % (os.getpid(), self.blocks)
        block = shared_memory.SharedMemory(name, create=True, size=9)
        block.close()
        block.unlink()

def run(calls, prefix, rounds, longest, begin, end=lambda: None):
    for name in sorted(vars(Calls)):
        if name.startswith(prefix):
            first = raised + 1
            under_alarms(rounds, longest, getattr(calls, name), begin, end)
            tell(call=name, missed=sorted({*range(first, raised + 1)} - arrived))

def main(near, far):
    signal.signal(signal.SIGALRM, ring)
    sys.unraisablehook = look_at_unraisable
    calls = Calls(mp.get_context())
    run(calls, "of_", near, 4e-4, calls.begin)
    if far:
        # Here multiprocessing itself takes some built-in exceptions for its own errors.
        kinds[:] = [Alarm]
        with mp.Manager() as calls.manager:
            run(calls, "far_", far, 5e-3, calls.begin_far, calls.end_far)
    # Up to Python 3.9, a signal may be handled between the end of a try and the return from it.
    tell(foreign=sorted(foreign) if sys.version_info >= (3, 10) else [], raised=raised)

if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
'''

INTERRUPTED = '''
import multiprocessing as mp, os, random, select, signal, struct, sys, threading, time
from telling import tell

class Alarm(Exception):
    """As a program's own time-outs."""

raised = 0
draw = random.Random(5)

def ring(number, frame):
    global raised
    raised += 1
    raise Alarm("the program's own")

def until_it_rings(call, before):
    while raised == before:
        call()

def interrupt(call):
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, draw.uniform(2e-6, 2e-4))
            until_it_rings(call, raised)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Alarm:
        pass

def was_kept(lock):
    kept = lock._semlock._is_mine()
    if kept:
        lock._semlock.release()
    return kept
'''

TURNS = """
def take_turns():
    with lock:
        pass

def compete():
    while raised < 1500:
        if lock._semlock.acquire(False):
            time.sleep(3e-5)
            lock._semlock.release()
        time.sleep(3e-5)

queue = mp.SimpleQueue()
lock = queue._rlock
signal.signal(signal.SIGALRM, ring)
other = threading.Thread(target=compete)
kept = 0
for round in range(1500):
    if round == 750:
        other.start()
    interrupt(take_turns)
    kept += was_kept(lock)
other.join()
# Up to Python 3.9, a signal may be handled between the end of a try and the return from it.
tell(kept=kept if sys.version_info >= (3, 10) else 0)
"""

WRITES = """
def count():
    value.value = value._obj.value + 1

def count_in_array():
    array[1] = array._obj[1] + 1

value, array = mp.Value("q"), mp.Array("q", 3)
signal.signal(signal.SIGALRM, ring)
for call, lock in ((count, value._lock), (count_in_array, array._lock)):
    for _ in range(1500):
        interrupt(call)
        was_kept(lock)
tell(value=value._obj.value, array=array._obj[1])
"""

SENDS = """
def send():
    ours.send(1)

def put():
    queue.put(1)

def arrived(reader):
    taken = 0
    while reader.poll(0):
        reader.recv_bytes()
        taken += 1
    return taken

signal.signal(signal.SIGALRM, ring)
ours, theirs = mp.Pipe()
queue = mp.SimpleQueue()
sent = put_there = 0
for _ in range(2000):
    interrupt(send)
    sent += arrived(theirs)
    interrupt(put)
    was_kept(queue._wlock)
    # Not observed as a get of the queue.
    put_there += arrived(type(queue._reader)(os.dup(queue._reader.fileno()), writable=False))
tell(sent=sent, put=put_there)
"""

RECEIVES = """
ITEMS = 8

def take_all(take):
    # No more than there are: the alarm may have to be waited for.
    taken = iter(range(ITEMS))
    def take_one():
        if next(taken, None) is None:
            time.sleep(0.001)
        else:
            take()
    return take_one

def left(reader):
    # Not observed; what is left of a message that was begun is no message.
    data = b""
    while select.select([reader], [], [], 0)[0]:
        data += os.read(reader.fileno(), 1 << 16)
    return len(data) // len(MESSAGE), len(data) % len(MESSAGE) > 0

signal.signal(signal.SIGALRM, ring)
MESSAGE = struct.pack("!i", 3) + b"one"
received = got = 0
ours, theirs = mp.Pipe()
queue = mp.SimpleQueue()
for _ in range(1500):
    for _ in range(ITEMS):
        ours.send_bytes(b"one")
    interrupt(take_all(theirs.recv_bytes))
    received += ITEMS - sum(left(theirs))
    for _ in range(ITEMS):
        os.write(queue._writer.fileno(), MESSAGE)
    interrupt(take_all(queue._reader.recv_bytes))
    got += ITEMS - sum(left(queue._reader))
tell(received=received, got=got)
"""

IN_ONE_PROCESS = 12
TOGETHER = 3
"""Number of kinds of calls."""


def under_alarms(run: Observed) -> None:
    run.assert_no_probe_error()
    assert run.state.lost == 0, [
        (each.name, each.records, each.highest_number) for each in run.state.processes.values()
    ]
    assert [facts for facts in run.told if facts.get("missed")] == []
    assert run.facts("foreign") == []


def test_an_alarm_at_any_line_reaches_the_program(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(PROGRAM, "60", "0", start_method="fork")
    under_alarms(run)
    assert run.facts("raised") >= 60 * IN_ONE_PROCESS
    assert not any(process.waits for process in run.state.processes.values())


# Under forkserver, an alarm in the middle of a start ends the fork server, even without mpviz.
@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.thorough)])
def test_an_alarm_reaches_the_program_also_while_processes_work_together(
    run_program: RunProgram, method: str
) -> None:
    run = run_program(PROGRAM, "1", "40", start_method=method)
    under_alarms(run)
    assert run.facts("raised") >= 40 * TOGETHER


def test_an_alarm_leaves_no_lock_of_a_queue_taken(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(INTERRUPTED + TURNS)
    run.assert_no_probe_error()
    assert run.facts("kept") == 0
    assert not any(process.waits for process in run.state.processes.values())


def test_each_write_of_a_value_is_told_once_though_an_alarm_comes(
    run_on_each_python: RunProgram,
) -> None:
    run = run_on_each_python(INTERRUPTED + WRITES)
    run.assert_nothing_was_missed()
    for name in ("value", "array"):
        written = run.facts(name)
        value = run.one("values", name)
        assert written > 0
        assert (value["writes"], value["lost_updates"]) == (written, 0)


def test_a_message_that_went_out_is_told_as_sent_though_an_alarm_comes(
    run_on_each_python: RunProgram,
) -> None:
    run = run_on_each_python(INTERRUPTED + SENDS)
    run.assert_nothing_was_missed()
    pipe = run.one("pipes", "ours/theirs")
    assert run.facts("sent") > 0
    assert (pipe["sends"], pipe["receives"]) == (run.facts("sent"), run.facts("sent"))
    queue = run.one("queues", "queue")
    # Whoever reads is not seen to get what was put.
    assert queue["depth"] == run.facts("put") > 0


def test_a_message_that_was_taken_is_told_as_received_though_an_alarm_comes(
    run_on_each_python: RunProgram,
) -> None:
    run = run_on_each_python(INTERRUPTED + RECEIVES)
    run.assert_nothing_was_missed()
    assert run.one("pipes", "ours/theirs")["receives"] == run.facts("received") > 0
    assert run.one("queues", "queue")["gets"] == run.facts("got") > 0
    assert not any(process.waits for process in run.state.processes.values())
