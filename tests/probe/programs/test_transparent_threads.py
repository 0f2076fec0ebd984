"""A program with threads shows the same with mpviz: stacks, tracebacks, tracers, references."""

from __future__ import annotations

from helpers.stage import Stage
from mpviz.trace.model.primitives.thread import ThreadStarted

THREADS = """
import gc, os, sys, threading, time, traceback, weakref

def boom():
    raise ValueError("in a thread")

class Overrides(threading.Thread):
    def run(self):
        print("stack", [each.name for each in traceback.extract_stack()])
        boom()

def run(thread):
    thread.start()
    thread.join()
    return thread

run(Overrides(name="overrides"))
run(threading.Thread(target=boom, name="boom"))
run(threading.Thread(target=sys.exit, args=(3,), name="leaves"))

def hook(arguments):
    frames = traceback.extract_tb(arguments.exc_traceback)
    print("hook", arguments.exc_type, [(each.name, each.line) for each in frames],
          arguments.thread.name, arguments.exc_value.__context__)

threading.excepthook = hook
run(Overrides(name="hooked"))
threading.excepthook = threading.__excepthook__ if hasattr(threading, "__excepthook__") else hook

seen = []

def watch(frame, event, argument):
    seen.append((event, os.path.basename(frame.f_code.co_filename), frame.f_code.co_name))
    return watch

for begin in (threading.settrace, threading.setprofile):
    begin(watch)
    run(threading.Thread(target=boom.__class__, args=(boom.__code__, {}), name="watched"))
    begin(None)
    print(begin.__name__, seen)
    seen.clear()

try:
    run(threading.Thread()).start()
except RuntimeError as error:
    print(error)

gc.disable()
thread = run(threading.Thread(target=abs, args=(1,), name="counted"))
print("references", sys.getrefcount(thread), sorted(vars(thread)))
gone = weakref.ref(thread)
del thread
print("kept", gone() is not None)

def fork():
    child = os.fork()
    if child == 0:
        print("forked", [each.name for each in threading.enumerate()], flush=True)
        os._exit(0)
    os.waitpid(child, 0)

run(threading.Thread(target=fork, name="forks"))
print("left", [each.name for each in threading.enumerate()], threading.active_count())
daemon = threading.Thread(target=time.sleep, args=(3600,), daemon=True, name="stays")
daemon.start()
last = threading.Thread(target=lambda: (time.sleep(0.05), print("last words")), name="last")
last.start()
"""


def test_threads_of_a_program_show_no_difference(stage: Stage, python: str) -> None:
    stage.write("threads.py", THREADS)
    seen = stage.assert_same(python, "threads.py")
    assert seen.exit_code == 0
    assert b"in a thread" in seen.stderr
    assert b"last words" in seen.stdout
    told = [event.name for event in stage.events() if isinstance(event, ThreadStarted)]
    assert {"overrides", "boom", "leaves", "hooked", "watched", "stays", "last"} <= {*told}
    assert "MainThread" not in told
