"""What a program can see of itself is the same, byte for byte, with us and without us."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mpviz.probe import BOOT
from mpviz.trace.collect.transport import Transport
from mpviz.trace.model.events import Event, ProbeError
from mpviz.trace.model.primitives.manager import MethodCalled
from mpviz.trace.model.primitives.memory import MemoryUnlinked
from mpviz.trace.model.primitives.pipe import MessageSent
from mpviz.trace.model.primitives.pool_events import FutureDone
from mpviz.trace.model.primitives.process import Hello, Started
from mpviz.trace.model.primitives.queue import ItemLost
from mpviz.trace.model.told import as_events

PATIENCE = 60
pytestmark = pytest.mark.usefixtures("nothing_left")

_CHANGING = re.compile(rb"(?<=0x)[0-9a-f]+|(?<=pid=)\d+|(?<=Process )\d+|(?<=pid:)\d+")
"""What is another in each run of one program: addresses and pids."""

LOOKING = """
import os, sys, time

def tasks():
    # A thread that Python has joined may take a moment to be gone for the system too.
    import threading
    deadline = time.monotonic() + 5
    while True:
        found = len(os.listdir("/proc/self/task"))
        if found == threading.active_count() or time.monotonic() > deadline:
            return found

def look(place):
    import atexit, gc, signal, threading, warnings
    print("--", place)
    print("threads", [thread.name for thread in threading.enumerate()])
    print("tasks", tasks())
    print("flags", sys.flags, sys.warnoptions, sys._xoptions)
    print("filters", warnings.filters)
    print("descriptors", [fd for fd in open_descriptors() if fd < 100])
    print("path", sys.path)
    print("arguments", sys.argv)
    print("signals", [(n, signal.getsignal(n)) for n in signal.valid_signals()
                      if signal.getsignal(n) not in (signal.SIG_DFL, None)])
    print("mask", sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    print("hooks", sys.excepthook, sys.displayhook, sys.unraisablehook, threading.excepthook,
          sys.gettrace(), sys.getprofile(), sys.breakpointhook)
    print("gc", gc.isenabled(), gc.get_threshold(), gc.callbacks)
    print("limits", sys.getrecursionlimit(), sys.getswitchinterval())
    print("environment", sorted((name, value) for name, value in os.environ.items()
                                if name != "PYTHONPATH" and not name.startswith("MPVIZ_")))
    print("exit functions", atexit._ncallbacks())
    print("finders", [finder for finder in sys.meta_path
                      if not type(finder).__module__.startswith("mpviz_probe")])
    print("path hooks", len(sys.path_hooks))
    main = sys.modules["__main__"]
    print("main", sorted(vars(main)), main.__name__, main.__spec__, main.__package__)
    print("streams", sys.stdin.encoding, sys.stdout.encoding, sys.stdout.errors,
          sys.stdout.line_buffering)
    sys.stdout.flush()

def open_descriptors():
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            os.fstat(int(name))
        except OSError:
            continue
        found.append(int(name))
    return sorted(found)
"""

ALONE = """
from looking import look
import atexit, sys
for number in range(3):
    atexit.register(print, "at exit", number)
look("a program that does not use multiprocessing")
print("multiprocessing" in sys.modules)
"""

TOGETHER = """
from looking import look, tasks
import atexit, multiprocessing, os, signal, sys, time, warnings

print("method", multiprocessing.get_start_method(allow_none=True))

def child(number):
    print("child", number, multiprocessing.current_process().name, __name__)
    look("child")
    warnings.warn("from a child")
    sys.stdout.flush()
    sys.exit(number)

def sleeps(ready):
    ready.release()
    time.sleep(600)

def square(number):
    return number * number

def handle(number, frame):
    print("handled", number)

def main():
    atexit.register(print, "at exit")
    signal.signal(signal.SIGUSR1, handle)
    look("before")
    os.kill(os.getpid(), signal.SIGUSR1)
    lock = multiprocessing.Lock()
    queue = multiprocessing.Queue()
    value = multiprocessing.Value("i", 0)
    with lock:
        value.value += 1
    event, condition = multiprocessing.Event(), multiprocessing.Condition()
    barrier = multiprocessing.Barrier(1)
    print(event.wait(0.01), event.set(), event.wait(), event.clear(), event.is_set(), event)
    with condition:
        print(condition.wait(0.01), condition.notify_all(), condition)
    print(barrier.wait(), barrier.reset(), barrier.abort(), barrier.broken, barrier)
    queue.put(1)
    print(queue.get(), value.value, lock)
    queue.close()
    queue.join_thread()
    print("tasks", tasks())
    sys.stdout.flush()
    for number in (0, 3):
        process = multiprocessing.Process(target=child, args=(number,))
        process.start()
        process.join()
        print(process.exitcode, process.name, multiprocessing.active_children())
        sys.stdout.flush()
    ready = multiprocessing.Semaphore(0)
    process = multiprocessing.Process(target=sleeps, args=(ready,))
    process.start()
    # Ended any earlier, it may or may not have printed what the module prints on its import.
    ready.acquire()
    process.terminate()
    process.join()
    print(process.exitcode)
    with multiprocessing.Pool(1) as pool:
        print(pool.map(square, range(5)))
        pool.close()
        pool.join()
    print(multiprocessing.get_start_method(allow_none=True))
    look("after")
    warnings.warn("own warning", DeprecationWarning)
    raise SystemExit(5)

if __name__ == "__main__":
    if sys.argv[1:]:
        multiprocessing.set_start_method(sys.argv[1])
    main()
"""

SHARING = """
import multiprocessing, sys, warnings
from multiprocessing import connection
from multiprocessing.shared_memory import SharedMemory

def answer(end, shared, block):
    block.buf[0] = 9
    block.close()
    shared["told"] = end.recv()
    end.send(("got", sys.getrefcount(end)))
    end.close()
    warnings.warn("from a child")
    sys.exit(4)

def main():
    block = SharedMemory(create=True, size=64)
    with multiprocessing.Manager() as manager:
        # After the manager, which under fork would keep both ends open.
        ours, theirs = multiprocessing.Pipe()
        shared = manager.dict()
        process = multiprocessing.Process(target=answer, args=(theirs, shared, block))
        process.start()
        theirs.close()
        print(ours.poll(0), connection.wait([ours], 0))
        ours.send([1, 2])
        print(ours.recv(), ours.fileno() < 100, type(ours), ours.closed, ours.readable)
        try:
            ours.recv()
        except EOFError as error:
            print(type(error), error.args)
        try:
            ours.send(1)
        except BrokenPipeError as error:
            print(error)
        process.join()
        print(process.exitcode, dict(shared), block.buf[0], type(shared))
        try:
            shared["none"]
        except KeyError as error:
            print("KeyError", error)
        try:
            shared.no_such_method()
        except AttributeError as error:
            print(error)
    for wrong in (lambda: ours.send_bytes(b"a", -1), lambda: ours.send_bytes(b"a", 0, 2),
                  lambda: SharedMemory(create=True, size=-1), lambda: SharedMemory("no_such"),
                  lambda: connection.wait(["x"], 1), lambda: multiprocessing.Pipe(1, 2)):
        try:
            wrong()
        except Exception as error:
            print(type(error), error)
    block.close()
    block.unlink()
    print(multiprocessing.active_children())
    ours.close()
    ours.close()
    warnings.warn("own warning")
    kept = multiprocessing.Pipe()
    raise SystemExit(6)

if __name__ == "__main__":
    if sys.argv[1:]:
        multiprocessing.set_start_method(sys.argv[1])
    main()
"""

STARTS = """
import asyncio, inspect, os, subprocess, sys, traceback

def shown(*args, **kwargs):
    try:
        done = subprocess.run(*args, **kwargs)
        print(done.returncode, done.stdout, done.stderr)
    except Exception as error:
        # The time that was left when it ran out is another each time.
        traceback.print_tb(error.__traceback__)
        print(type(error), getattr(error, "errno", None), file=sys.stderr)

shown(["no-such-program"])
shown(["/"])
shown(["sleep", "600"], timeout=0.01)
shown(["sh", "-c", "exit 3"], check=True)
shown("echo out; echo err >&2", shell=True, capture_output=True, text=True)
shown(["cat"], input=b"through a pipe", stdout=subprocess.PIPE, close_fds=False)
shown([os.fsencode("true")], preexec_fn=os.getpid, start_new_session=True, cwd="/")
shown([sys.executable, "-c", "import sys; print(sys.path)"], env={}, capture_output=True)
process = subprocess.Popen(["true"])
process.wait()
print(sorted(vars(process)), hasattr(subprocess.Popen, "pid"), vars(process)["pid"] > 0)
for thing in (subprocess.Popen, subprocess.Popen.__new__(subprocess.Popen)):
    try:
        thing.pid
    except AttributeError as error:
        print(error)
print(inspect.signature(subprocess.Popen), subprocess.list2cmdline(["a b"]))
with os.popen("echo popen") as pipe:
    print(pipe.read(), os.system("exit 2"), subprocess.getstatusoutput("exit 4"))
with subprocess.Popen(["sh", "-c", "kill -9 $$"]) as process:
    print(process.wait(), process.poll(), process.returncode)

async def main():
    process = await asyncio.create_subprocess_exec("sh", "-c", "exit 5")
    print(await process.wait())

asyncio.run(main())
"""

EXECUTOR = """
from looking import look
import concurrent.futures, gc, inspect, multiprocessing, pickle, re, sys, traceback, weakref
from concurrent.futures import ProcessPoolExecutor, process

def square(number):
    return number * number

def fail(number):
    raise KeyError(number)

def show(future):
    print(re.sub("0x[0-9a-f]+", "", repr(future)), type(future), future._condition.__class__)
    try:
        print(future.result())
    except Exception:
        traceback.print_exc()

def main():
    gc.disable()
    print(inspect.signature(ProcessPoolExecutor), inspect.signature(ProcessPoolExecutor.submit))
    print(pickle.dumps(process._process_worker))
    executor = ProcessPoolExecutor(2)
    futures = [executor.submit(square, 3), executor.submit(fail, 4)]
    concurrent.futures.wait(futures)
    for future in futures:
        show(future)
    print(list(executor.map(square, range(10), chunksize=3)), len(futures[0].__dict__))
    print([future.result() for future in concurrent.futures.as_completed(futures[:1])])
    # None of ours may keep what the program has let go of.
    gone = [weakref.ref(each) for each in (executor, futures[0], futures[0]._condition)]
    executor.shutdown()
    del executor, future
    futures.clear()
    print([each() for each in gone])
    try:
        ProcessPoolExecutor(1).submit()
    except TypeError as error:
        print(error)
    look("after")
    sys.exit(6)

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    main()
"""


DROPPED = '''
import gc, multiprocessing, os, sys, weakref
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import queues, shared_memory

class Own(queues.Queue):
    def _on_queue_feeder_error(self, error, item):
        print("not sent", type(self).__name__, type(error).__name__)
        self.read_end.send(0)

class Argument:
    """Has a file, as a connection has."""
    def __init__(self):
        self.file = open(os.devnull)

    def __reduce__(self):
        return int, ()

def take(argument):
    return 1

class Chunks(ProcessPoolExecutor):
    def submit(self, function, *args, **kwargs):
        print("of a chunk:", callbacks_at_the_end_of(function))
        return super().submit(function, *args, **kwargs)

def callbacks_at_the_end_of(thing):
    return [each for each in weakref.getweakrefs(thing) if each.__callback__ is not None]

def queue():
    """Of a class with a method where Queue has a static one."""
    ends = multiprocessing.Pipe()
    made = Own(ctx=multiprocessing.get_context())
    made.read_end = ends[1]
    made.put(lambda: None)
    ends[0].recv()
    made.close()
    made.join_thread()
    return [made]

def arguments():
    """Those of calls that were cancelled, except the one whose future is kept."""
    global kept
    executor = ProcessPoolExecutor(1)
    given = [Argument() for _ in range(50)]
    gate, key = os.pipe()
    executor.submit(os.read, gate, 1)
    futures = [executor.submit(take, each) for each in given]
    kept = futures[-1]
    for each in futures[25:]:
        each.cancel()
    os.write(key, b".")
    executor.shutdown(**{"cancel_futures": True} if sys.version_info >= (3, 9) else {})
    os.close(gate)
    os.close(key)
    return [executor, *given]

def block():
    made = shared_memory.SharedMemory(create=True, size=8)
    print("of a block:", callbacks_at_the_end_of(made))
    made.close()
    made.unlink()
    return [made]

def main():
    gc.disable()
    # The first one also makes our ring, which may have a descriptor.
    queue()
    for make in (queue, arguments, block):
        before = os.listdir("/proc/self/fd")
        made = make()
        known = list(map(weakref.ref, made))
        made.clear()
        print(make.__name__, [each() for each in known if each() is not None])
        print(len(os.listdir("/proc/self/fd")) - len(before))
    with Chunks(1) as executor:
        print(list(executor.map(take, range(4), chunksize=2)))

if __name__ == "__main__":
    main()
'''

FAILING = '''
import multiprocessing as mp, os, signal, sys, threading, time, traceback
from concurrent.futures import ProcessPoolExecutor, as_completed, wait

class Interrupt(Exception):
    """What the handler of a signal raises."""

def square(number):
    return number * number

def invert(number):
    return 1 / number

def unpicklable(number):
    return lambda: number

def hang(number):
    """Wait until the gate is opened."""
    with open("gate"):
        return number

def leave(number):
    sys.exit(number)

class Unreadable:
    def __reduce__(self):
        return invert, (0,)

def fail_once(left):
    with left.get_lock():
        left.value -= 1
        if left.value >= 0:
            raise KeyError("initializer")

def failing_input():
    yield 1
    raise ValueError("input")

def show(what, call, *args, **kwargs):
    print("--", what, file=sys.stderr)
    try:
        print(call(*args, **kwargs), file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    sys.stderr.flush()

def interrupted(what, call, *args):
    """Show what a call raises that a signal interrupts when it waits."""
    threading.Thread(target=interrupt_main).start()
    show(what, call, *args)

def interrupt_main():
    main, seen, times = threading.main_thread().ident, None, 0
    while times < 20:
        time.sleep(0.005)
        frame = sys._current_frames()[main]
        now = [frame.f_code, frame.f_lasti]
        times, seen = (times + 1 if now == seen else 0), now
        del frame
    os.kill(os.getpid(), signal.SIGUSR1)

def interrupt(number, frame):
    raise Interrupt

def interrupt_worker(worker):
    """Interrupt a worker when it waits for a task."""
    times = 0
    while times < 20:
        time.sleep(0.005)
        with open("/proc/%d/stat" % worker.pid) as file:
            times = times + 1 if ") S " in file.read() else 0
    os.kill(worker.pid, signal.SIGINT)
    worker.join()

def begin(library):
    left = mp.Value("i", 1)
    pool = library.Pool(1, fail_once, (left,))
    while left.value >= 0:
        # The worker that fails prints, and another takes its place.
        time.sleep(0.005)
    return pool

def fail_as_all_do(pool):
    show("apply", pool.apply, square, (3,))
    for argument in (0, Unreadable):
        show("apply", pool.apply, invert, (argument,))
    show("apply keywords", pool.apply, func=invert, args=(), kwds={"number": 0})
    show("map", pool.map, invert, [1, 0], 1)
    show("starmap", pool.starmap, invert, [(1,), (0,)])
    show("imap", list, pool.imap(invert, [1, 0]))
    show("imap_unordered", list, pool.imap_unordered(invert, [0]))
    show("apply_async", pool.apply_async(invert, (0,)).get)
    show("map_async", pool.map_async(invert, [0]).get, 600)
    show("result", pool.apply, unpicklable, (1,))
    show("input", pool.map, square, failing_input())
    for name in ("map", "apply_async", "imap", "starmap"):
        show(name, getattr(pool, name))
    show("not iterable", pool.map, square, 5)
    show("close", pool.close, 1)
    show("chunk size", pool.map, square, [1], "many")

def fail_as_waits_do(pool):
    waits = pool.apply_async(hang, (1,))
    show("time-out", waits.get, 0.01)
    show("time-out", pool.imap(square, [1]).next, 0.01)
    interrupted("get", waits.get)
    interrupted("wait", waits.wait)
    interrupted("map", pool.map, square, [1])
    interrupted("next", pool.imap(square, [1]).next)

def fail_when_closed(pool):
    show("closed", pool.map, square, [1])
    show("closed", pool.apply_async, square, (1,))
    pool.terminate()
    pool.join()

def of_pool():
    pool = begin(mp)
    fail_as_all_do(pool)
    show("argument", pool.apply, square, (lambda: 1,))
    show("function", pool.map, lambda number: number, [1])
    show("lazy input", list, pool.imap(square, failing_input()))
    show("chunk size", pool.imap, square, [1], 0)
    show("too early", pool.join)
    worker = pool._pool[0]
    interrupt_worker(worker)
    until_replaced(pool, worker)
    show("after", pool.map, square, [1, 2])
    worker = pool._pool[0]
    pool.apply_async(square, [Unreadable()])
    until_replaced(pool, worker)
    fail_as_waits_do(pool)
    pool.close()
    interrupted("join", pool.join)
    fail_when_closed(pool)

def until_replaced(pool, worker):
    while pool._pool[:1] in ([], [worker]):
        time.sleep(0.005)

def of_billiard():
    import billiard
    pool = begin(billiard)
    fail_as_all_do(pool)
    fail_as_waits_do(pool)
    # Its threads do not bear that jobs are left.
    open("gate", "w").close()
    show("after", pool.apply, square, (2,))
    pool.close()
    fail_when_closed(pool)

def raising_callback(future):
    raise LookupError("callback")

def of_executor():
    context = mp.get_context()
    with ProcessPoolExecutor(1, context) as executor:
        show("submit", executor.submit(square, 3).result)
        for function, argument in ((invert, 0), (unpicklable, 1), (leave, 3)):
            future = executor.submit(function, argument)
            wait([future])
            show("result", future.result)
            show("exception", future.exception)
        for argument in (lambda: 1, mp.Lock()):
            future = executor.submit(square, argument)
            wait([future])
            show("argument", future.result)
        results = executor.map(invert, [1, 0])
        wait([executor.submit(square, 1)])
        show("map", list, results)
        show("map", executor.map, square, failing_input())
        show("chunk size", executor.map, square, [1], chunksize=0)
        show("submit", executor.submit)
        future = executor.submit(square, 2)
        wait([future])
        future.add_done_callback(raising_callback)
        # No callback may run while the main thread prints.
        ready = executor.submit(square, 5)
        wait([ready])
        waits = executor.submit(hang, 1)
        show("time-out", waits.result, 0.01)
        show("time-out", list, executor.map(square, [1], timeout=0.01))
        interrupted("result", waits.result)
        interrupted("exception", waits.exception)
        interrupted("wait", wait, [waits, executor.submit(square, 1)])
        interrupted("as_completed", list, as_completed([waits]))
        interrupted("map", list, executor.map(square, [1]))
        open("gate", "w").close()
    show("late", executor.submit, square, 1)
    executor = ProcessPoolExecutor(1, context)
    future = executor.submit(square, Unreadable())
    wait([future])
    # Only from 3.15 on, and not always, it says how the worker ended.
    print(type(future.exception()), file=sys.stderr)
    executor.shutdown()
    show("broken", executor.submit, square, 1)
    left = mp.Value("i", 1)
    executor = ProcessPoolExecutor(1, context, fail_once, (left,))
    future = executor.submit(square, 1)
    wait([future])
    print(type(future.exception()), file=sys.stderr)
    executor.shutdown()
    show("arguments", ProcessPoolExecutor, "many")
    show("arguments", ProcessPoolExecutor, 0)

if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, interrupt)
    what, method = sys.argv[1:]
    os.mkfifo("gate")
    mp.set_start_method(method)
    globals()["of_" + what]()
    os.unlink("gate")
    print("whole")
'''


@dataclass(frozen=True)
class Seen:
    """What one run showed to the outside."""

    stdout: bytes
    stderr: bytes
    exit_code: int


@dataclass
class Stage:
    """A folder with a program, and a queue for when it is observed."""

    folder: Path
    queue: Transport

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def run(self, *command: str, observed: bool, path: str = "") -> Seen:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        if path:
            environment["PYTHONPATH"] = path
        if observed:
            environment["PYTHONPATH"] = f"{BOOT}{os.pathsep}{path}" if path else str(BOOT)
            environment["MPVIZ_EVENTS"] = str(self.queue.path)
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
        stdout, stderr = (_CHANGING.sub(b"", text) for text in (done.stdout, done.stderr))
        return Seen(stdout, stderr, done.returncode)

    def assert_same(self, *command: str, path: str = "") -> Seen:
        """Run a command without us and with us, and give what both showed."""
        bare = self.run(*command, observed=False, path=path)
        observed = self.run(*command, observed=True, path=path)
        for seen, expected in ((observed.stdout, bare.stdout), (observed.stderr, bare.stderr)):
            assert seen.decode().splitlines() == expected.decode().splitlines()
        assert observed == bare
        return observed

    def events(self) -> list[Event]:
        """All that the observed run told."""
        self.queue.finish()
        events: list[Event] = []
        while batch := self.queue.get():
            events += as_events(batch)
        return events


@pytest.fixture
def stage(tmp_path: Path, nothing_left: None) -> object:
    queue = Transport()
    stage = Stage(tmp_path, queue)
    stage.write("looking.py", LOOKING)
    stage.write("alone.py", ALONE)
    stage.write("together.py", TOGETHER)
    stage.write("executor.py", EXECUTOR)
    stage.write("failing.py", FAILING)
    yield stage
    queue.close()


def assert_failures_look_the_same(stage: Stage, python: str, what: str, method: str) -> None:
    # Warnings of a fork beside other threads come or not, as the threads are quick.
    seen = stage.assert_same(python, "-W", "ignore", "failing.py", what, method)
    assert seen.stdout == b"whole\n"
    assert seen.stderr.count(b"\nInterrupt\n") + seen.stderr.count(b"__main__.Interrupt\n") >= 4
    events = stage.events()
    assert events
    assert [event for event in events if isinstance(event, ProbeError)] == []


@pytest.mark.parametrize("what", ["pool", "executor"])
def test_whatever_fails_in_a_pool_or_an_executor_has_the_traceback_that_it_had(
    stage: Stage, python: str, what: str
) -> None:
    assert_failures_look_the_same(stage, python, what, "fork")


@pytest.mark.parametrize("what", ["pool", "executor"])
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_so_it_does_under_the_other_start_methods(stage: Stage, what: str, method: str) -> None:
    assert_failures_look_the_same(stage, sys.executable, what, method)


@pytest.mark.thorough
def test_whatever_fails_in_a_pool_of_billiard_has_the_traceback_that_it_had(stage: Stage) -> None:
    pytest.importorskip("billiard")
    assert_failures_look_the_same(stage, sys.executable, "billiard", "fork")


MakeStage = Callable[[], Stage]


def test_a_program_of_one_process_sees_no_difference(stage: Stage, python: str) -> None:
    seen = stage.assert_same(python, "alone.py", "word")
    assert seen.exit_code == 0
    assert b"False\nat exit 2\nat exit 1\nat exit 0\n" in seen.stdout
    assert [type(event) for event in stage.events()] == [Hello]


@pytest.mark.parametrize(
    "flags",
    [["-W", "error"], ["-W", "always"], ["-X", "dev"], ["-O", "-B", "-s", "-u"], ["-bb", "-v"][:1]],
    ids=" ".join,
)
def test_flags_change_nothing_about_it(stage: Stage, flags: list[str]) -> None:
    assert stage.assert_same(sys.executable, *flags, "alone.py").exit_code == 0
    assert stage.events()


def test_a_program_of_many_processes_sees_no_difference(
    stage: Stage, python: str, start_method: str
) -> None:
    seen = stage.assert_same(python, "-W", "always", "together.py", start_method)
    assert seen.exit_code == 5
    assert seen.stdout.count(b"-- child") == 2
    assert b"own warning" in seen.stderr
    assert sum(isinstance(event, Started) for event in stage.events()) == 4


def test_a_program_that_shares_in_other_ways_sees_no_difference(
    stage: Stage, python: str, start_method: str
) -> None:
    stage.write("sharing.py", SHARING)
    seen = stage.assert_same(python, "-W", "always", "sharing.py", start_method)
    assert seen.exit_code == 6
    assert b"own warning" in seen.stderr
    told = {type(event) for event in stage.events()}
    assert {MessageSent, MethodCalled, MemoryUnlinked} <= told
    assert ProbeError not in told


def test_an_executor_and_its_futures_look_the_same(
    stage: Stage, python: str, start_method: str
) -> None:
    # Python 3.15 itself warns so of the program's module in a child when a task raises.
    its_own = "ignore:Module globals is missing:DeprecationWarning"
    words = ["-W", "error", "-W", its_own, "executor.py", start_method]
    seen = stage.assert_same(python, *words)
    assert seen.exit_code == 6
    assert b"[None, None, None]" in seen.stdout
    assert b"KeyError: 4" in seen.stderr
    assert sum(isinstance(event, FutureDone) for event in stage.events()) == 6


def test_what_the_program_drops_is_gone_at_once(stage: Stage, python: str) -> None:
    """Not only when its garbage collector runs, which it may have disabled."""
    stage.write("dropped.py", DROPPED)
    seen = stage.assert_same(python, "dropped.py")
    assert seen.exit_code == 0, seen.stderr
    assert b"not sent Own" in seen.stdout
    for gone in (b"queue []", b"arguments []", b"block []"):
        assert gone in seen.stdout
    events = stage.events()
    assert sum(isinstance(event, ItemLost) for event in events) == 2
    assert not any(isinstance(event, ProbeError) for event in events)


def test_the_start_method_stays_unchosen_until_the_program_chooses(
    stage: Stage, python: str
) -> None:
    seen = stage.assert_same(python, "together.py")
    assert seen.stdout.startswith(b"method None\n")


def test_where_warnings_are_errors_the_program_still_runs(
    stage: Stage, python: str, start_method: str
) -> None:
    stage.write("quiet.py", TOGETHER.replace("warnings.warn", "print"))
    seen = stage.assert_same(python, "-W", "error", "quiet.py", start_method)
    assert (seen.exit_code, seen.stderr) == (5, b"")


def test_each_process_knows_its_role_whatever_flags_it_got_from_its_parent(
    stage: Stage, python: str, start_method: str
) -> None:
    flags = ["-W", "always", "-X", "utf8", "-B"]
    stage.run(python, *flags, "together.py", start_method, observed=True)
    hellos = [event for event in stage.events() if isinstance(event, Hello)]
    helpers = {"fork server"} if start_method == "forkserver" else set()
    assert {hello.role for hello in hellos} == {"main", "process"} | helpers
    assert sum(hello.role == "main" for hello in hellos) == 1
    assert all(python in hello.command for hello in hellos if not hello.forked)


@pytest.mark.parametrize("program", ["-c", "-m", "-"])
def test_other_ways_to_name_the_program_work_too(stage: Stage, program: str) -> None:
    command = {
        "-c": ["-c", "import __main__, sys; print(sys.argv, sorted(vars(__main__)))", "word"],
        "-m": ["-m", "alone", "word"],
        "-": ["-", "word"],
    }[program]
    stage.assert_same(sys.executable, *command)
    assert stage.events()


def test_an_exception_looks_the_same(stage: Stage, python: str) -> None:
    stage.write("raises.py", "import multiprocessing\ndef f():\n    1 / 0\nf()\n")
    seen = stage.assert_same(python, "raises.py")
    assert seen.exit_code == 1
    assert b"ZeroDivisionError" in seen.stderr


def test_subprocess_and_its_exceptions_look_the_same(stage: Stage, python: str) -> None:
    stage.write("starts.py", STARTS)
    seen = stage.assert_same(python, "-W", "error", "starts.py")
    assert seen.exit_code == 0
    for name in (
        b"FileNotFoundError",
        b"TimeoutExpired",
        b"CalledProcessError",
        b"PermissionError",
    ):
        assert name in seen.stderr
    assert ProbeError not in {type(event) for event in stage.events()}


def test_modules_of_the_program_s_are_not_imported_early(stage: Stage, python: str) -> None:
    stage.write("modules.py", "import sys\nprint(*sorted(sys.modules))\n")
    bare = stage.run(python, "modules.py", observed=False).stdout.split()
    observed = stage.run(python, "modules.py", observed=True).stdout.split()
    news = {name.decode() for name in set(observed) - set(bare)}
    ours = {name for name in news if name.split(".")[0] in ("mpviz_probe", "sitecustomize")}
    # What the probe itself needs: small modules of C, and two of Python's own.
    allowed = {
        *("_collections", "_functools", "_json", "_operator", "_struct", "_thread"),
        *("binascii", "errno", "fcntl", "itertools", "math", "resource", "select", "time", "zlib"),
    }
    assert ours
    assert news - ours <= allowed
    assert set(bare) <= set(observed)


def test_the_program_s_own_sitecustomize_still_runs(stage: Stage, python: str) -> None:
    own = stage.folder / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import sys\nprint('customized', __name__, __file__)\n")
    stage.write("main.py", "import sitecustomize, sys; print(sitecustomize.__file__, sys.path)")
    seen = stage.assert_same(python, "main.py", path=str(own))
    assert seen.stdout.startswith(b"customized sitecustomize")


def test_the_program_s_own_sitecustomize_and_usercustomize_run_each_once_and_in_turn(
    stage: Stage, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, user = stage.folder / "own", stage.folder / "user"
    own.mkdir()
    asking = [python, "-c", "import site; print(site.getusersitepackages(), site.ENABLE_USER_SITE)"]
    monkeypatch.setenv("PYTHONUSERBASE", str(user))
    packages, is_enabled = subprocess.check_output(asking, text=True).split()
    Path(packages).mkdir(parents=True)
    (own / "sitecustomize.py").write_text(
        "import sys\nprint('site', 'usercustomize' in sys.modules)"
    )
    (Path(packages) / "usercustomize.py").write_text("print('user', __name__, __file__)")
    stage.write("main.py", "import sys; print('main', sys.path)")
    seen = stage.assert_same(python, "main.py", path=str(own))
    first = [line.split()[0] for line in seen.stdout.decode().splitlines()]
    # A virtual environment has no packages of the user.
    assert first == (["site", "user", "main"] if is_enabled == "True" else ["site", "main"])
    assert stage.events()


@pytest.mark.parametrize(
    "text", ["raise ValueError('own')", "import no_such_module", "1 +", "import sys; del sys.argv"]
)
def test_a_sitecustomize_that_fails_fails_as_it_did(stage: Stage, python: str, text: str) -> None:
    own = stage.folder / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text(text)
    stage.assert_same(python, "-c", "print('runs')", path=str(own))
    assert stage.events()


@pytest.mark.parametrize("flag", ["-I", "-S", "-E"])
def test_an_isolated_interpreter_runs_without_us(stage: Stage, python: str, flag: str) -> None:
    seen = stage.assert_same(python, flag, "-c", "import sys; print(sys.flags, len(sys.modules))")
    assert seen.exit_code == 0
    assert stage.events() == []


def test_a_python_that_is_too_old_runs_as_without_us(stage: Stage, old_python: str) -> None:
    own = stage.folder / "own"
    own.mkdir()
    stage.write("main.py", "import multiprocessing, sys\nprint(sys.path)\n")
    assert stage.assert_same(old_python, "main.py").exit_code == 0
    for text in ("import sys; print('customized')", "import no_such_module"):
        (own / "sitecustomize.py").write_text(text)
        stage.assert_same(old_python, "main.py", path=str(own))


@pytest.mark.parametrize("viewer", ["was killed", "is gone", "never was"])
def test_without_a_viewer_the_program_just_runs(stage: Stage, python: str, viewer: str) -> None:
    if viewer == "was killed":
        # Then the FIFO is still there, and nobody reads it.
        stage.queue.path.rename(stage.folder / "kept")
    if viewer != "never was":
        stage.queue.close()
        stage.queue.directory.mkdir()
    if viewer == "was killed":
        (stage.folder / "kept").rename(stage.queue.path)
    stage.assert_same(python, "alone.py")
    if viewer != "never was":
        shutil.rmtree(stage.queue.directory)


@pytest.mark.parametrize("variable", ["PYTHONSAFEPATH", "PYTHONNOUSERSITE", "PYTHONDEVMODE"])
def test_what_the_environment_asks_of_python_stays_as_it_was(
    stage: Stage, python: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    stage.write("main.py", "import sys; print(sys.flags, sys.path, 'site' in sys.modules)")
    assert stage.assert_same(python, "main.py").exit_code == 0
    assert stage.events()


@pytest.mark.parametrize("name", ["terminate", "kill"])
def test_signals_end_the_program_as_they_did(stage: Stage, name: str) -> None:
    number = {"terminate": 15, "kill": 9}[name]
    text = f"import multiprocessing, os; os.kill(os.getpid(), {number})"
    assert stage.assert_same(sys.executable, "-c", text).exit_code == -number
