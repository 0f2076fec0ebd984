"""Tracebacks and errors of a program are the same, byte for byte, with us and without us."""

from __future__ import annotations

import sys

import pytest

from helpers.stage import Stage
from mpviz.trace.model.events import ProbeError

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


def assert_failures_look_the_same(stage: Stage, python: str, what: str, method: str) -> None:
    stage.write("failing.py", FAILING)
    # Warnings of a fork beside other threads come or not, as the threads are quick.
    seen = stage.assert_same(python, "-W", "ignore", "failing.py", what, method)
    assert seen.stdout == b"whole\n"
    assert seen.stderr.count(b"\nInterrupt\n") + seen.stderr.count(b"__main__.Interrupt\n") >= 4
    events = stage.events()
    assert events
    assert [event for event in events if isinstance(event, ProbeError)] == []


@pytest.mark.parametrize("what", ["pool", "executor"])
def test_failures_in_a_pool_or_an_executor_have_the_same_traceback(
    stage: Stage, python: str, what: str
) -> None:
    assert_failures_look_the_same(stage, python, what, "fork")


@pytest.mark.parametrize("what", ["pool", "executor"])
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_failures_have_the_same_traceback_under_spawn_and_forkserver(
    stage: Stage, what: str, method: str
) -> None:
    assert_failures_look_the_same(stage, sys.executable, what, method)


@pytest.mark.thorough
def test_failures_in_a_pool_of_billiard_have_the_same_traceback(stage: Stage) -> None:
    pytest.importorskip("billiard")
    assert_failures_look_the_same(stage, sys.executable, "billiard", "fork")


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
