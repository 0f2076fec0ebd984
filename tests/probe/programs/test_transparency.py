"""What a program can see of itself is the same, byte for byte, with us and without us."""

from __future__ import annotations

import pytest

from helpers.stage import Stage
from mpviz.trace.model.events import ProbeError
from mpviz.trace.model.primitives.manager import MethodCalled
from mpviz.trace.model.primitives.memory import MemoryUnlinked
from mpviz.trace.model.primitives.pipe import MessageSent
from mpviz.trace.model.primitives.pool_events import FutureDone
from mpviz.trace.model.primitives.process import Hello, Started
from mpviz.trace.model.primitives.queue import ItemLost

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


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """The stage, with programs of several processes on it."""
    stage.write("together.py", TOGETHER)
    stage.write("executor.py", EXECUTOR)
    return stage


def test_a_program_of_one_process_sees_no_difference(stage: Stage, python: str) -> None:
    seen = stage.assert_same(python, "alone.py", "word")
    assert seen.exit_code == 0
    assert b"False\nat exit 2\nat exit 1\nat exit 0\n" in seen.stdout
    assert [type(event) for event in stage.events()] == [Hello]


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
