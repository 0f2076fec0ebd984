"""An error of the probe itself reaches no call of the program, and leaves no lock taken.

Functions that the probe calls are replaced by one that fails, in a file with a name as ours have.
"""

from __future__ import annotations

from helpers.runs import RunProgram

PROGRAM = """
import multiprocessing as mp, sys
from multiprocessing import connection, shared_memory
from queue import Empty
from telling import tell

class Calls:
    def __init__(self, context):
        self.context = context
        self.lock, self.rlock, self.condition = context.Lock(), context.RLock(), context.Condition()
        self.semaphore, self.event = context.Semaphore(1), context.Event()
        self.barrier, self.value = context.Barrier(1), context.Value("i")
        self.array, self.simple = context.Array("i", 3), context.SimpleQueue()
        self.queue, self.joinable = context.Queue(), context.JoinableQueue()
        self.ours, self.theirs = context.Pipe()

    def of_lock(self):
        with self.lock, self.rlock:
            return self.lock.acquire(timeout=0.01)

    def of_semaphore(self):
        taken = self.semaphore.acquire()
        self.semaphore.release()
        return taken

    def of_event(self):
        self.event.set()
        woken = self.event.wait()
        self.event.clear()
        return woken, self.event.wait(0.01), self.event.is_set()

    def of_condition(self):
        with self.condition:
            self.condition.notify()
            return self.condition.wait(0.01)

    def of_barrier(self):
        return self.barrier.wait()

    def of_values(self):
        self.value.value += 1
        self.array[1] = self.array[0] + self.value.value
        return self.array[1] - self.value.value

    def of_simple_queue(self):
        self.simple.put(5)
        return self.simple.get()

    def of_queue(self):
        self.queue.put(6)
        got = self.queue.get()
        try:
            self.queue.get(timeout=0.01)
        except Empty:
            return got

    def of_joinable_queue(self):
        self.joinable.put(7)
        got = self.joinable.get()
        self.joinable.task_done()
        self.joinable.join()
        return got

    def of_pipe(self):
        self.ours.send(8)
        got = self.theirs.poll(1), self.theirs.recv(), self.theirs.poll(0.01)
        return *got, connection.wait([self.theirs], 0.01)

    def of_process(self):
        process = self.context.Process(target=int)
        process.start()
        process.join()
        return process.exitcode

    def of_memory(self):
        block = shared_memory.SharedMemory(create=True, size=4)
        block.close()
        block.unlink()

    def of_new(self):
        Calls(self.context)

    def locks(self):
        yield self.lock
        yield self.semaphore
        for each in (self.rlock, self.condition._lock, self.value._lock, self.array._lock):
            yield each
        for each in (self.simple, self.queue, self.joinable):
            yield each._rlock

def fails(call):
    try:
        return call()
    except Exception as error:
        return repr(error)

def main():
    calls = Calls(mp.get_context("fork"))
    names = sorted(name for name in vars(Calls) if name.startswith("of_"))
    bare = {name: fails(getattr(calls, name)) for name in names}
    failing, ours = {}, sys.modules["mpviz_probe.guard"].OURS
    code = compile("def fail(*_, **__): raise RuntimeError('ours')", ours + "example>", "exec")
    exec(code, failing)
    different = []
    for where in ("sites here", "wire milliseconds", "wire monotonic_ns", "wire get_ident"):
        module, function = where.split()
        module = sys.modules["mpviz_probe." + module]
        whole = getattr(module, function)
        for name in names:
            setattr(module, function, failing["fail"])
            result = fails(getattr(calls, name))
            setattr(module, function, whole)
            taken = [repr(lock) for lock in calls.locks() if lock._semlock._is_mine()]
            if result != bare[name] or taken:
                different.append([where, name, str(result), taken])
    tell(different=different, bare=bare)
"""


def test_no_error_of_ours_reaches_the_program(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(PROGRAM)
    assert run.facts("different") == []
    assert run.facts("bare")["of_pipe"] == [True, 8, False, []]
    assert run.document["stream"]["probe_errors"] > 0
