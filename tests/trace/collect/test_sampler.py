"""Samples say what the operating system says, of all observed processes and no other."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from mpviz.trace.collect.sampler import Sampler
from mpviz.trace.collect.transport import Transport
from mpviz.trace.launch.leftovers import end_marked
from mpviz.trace.launch.program import Program, launch
from mpviz.trace.model.events import Event, ProcessSample, Sample, ThreadSample
from mpviz.trace.system import kernel

PATIENCE = 20.0
START = "import os, sys, time\n"


@pytest.fixture
def start() -> Iterator[Callable[[str], Program]]:
    started: list[tuple[Transport, Program]] = []

    def run(code: str) -> Program:
        queue = Transport()
        command = [sys.executable, "-I", "-c", START + code]
        with launch(command, fifo=queue.path, stdin=subprocess.PIPE) as program:
            # It comes before everything else.
            assert program.supervisor_pid > 0
        started.append((queue, program))
        return program

    yield run
    for queue, program in started:
        program.end()
        assert program.wait(PATIENCE)
        program.close()
        queue.close()


class Samples:
    """The samples of one sampler, and a way to wait for one."""

    def __init__(self, root: int) -> None:
        self.all: list[Sample] = []
        self.sampler = Sampler(self._take, root, interval=0.02)

    def _take(self, event: Event) -> None:
        # It also tells of locks of files.
        if isinstance(event, Sample):
            self.all.append(event)

    def wait_for(self, fits: Callable[[Sample], object], after: int = 0) -> Sample:
        """Wait for a sample that fits."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for sample in self.all[after:]:
                if fits(sample):
                    return sample
            assert time.monotonic() < deadline, self.all[-1:]
            time.sleep(0.005)


@pytest.fixture
def sample() -> Iterator[Callable[[Program], Samples]]:
    begun: list[Samples] = []

    def begin(program: Program) -> Samples:
        begun.append(Samples(program.supervisor_pid))
        return begun[-1]

    yield begin
    for samples in begun:
        samples.sampler.stop()


def of_pid(sample: Sample, pid: int) -> ProcessSample | None:
    return next((process for process in sample.processes if process.pid == pid), None)


Start = Callable[[str], Program]
Begin = Callable[[Program], Samples]


def test_shows_the_whole_tree_and_nothing_else(start: Start, sample: Begin) -> None:
    program = start("os.fork(); os.fork(); time.sleep(600)")
    found = sample(program).wait_for(lambda sample: len(sample.processes) == 4)
    ours = {child.pid for child in psutil.Process(program.supervisor_pid).children(recursive=True)}
    assert {process.pid for process in found.processes} == ours
    for process in found.processes:
        assert process.started == kernel.start_time(process.pid)
        assert process.parent == psutil.Process(process.pid).ppid()
        assert process.rss == pytest.approx(psutil.Process(process.pid).memory_info().rss, rel=0.5)
        assert 0 <= process.core < (os.cpu_count() or 1)
    assert len(found.cores) == os.cpu_count()
    assert all(0 <= percent <= 100 for percent in found.cores)


def test_tells_the_command_once_and_anew_after_an_exec(start: Start, sample: Begin) -> None:
    program = start("""
sys.stdin.readline()
os.execv("/bin/cat", ["cat", "-"])
""")
    samples = sample(program)
    samples.wait_for(lambda _: any("readline" in command for command in commands_of(samples)))
    samples.wait_for(lambda _: commands_of(samples)[-3:] == ["", "", ""])
    program.write_stdin(b"go\n")
    samples.wait_for(lambda _: commands_of(samples)[-4:] == ["cat -", "", "", ""])
    # The first may have been that of the supervisor's child just before it became the program.
    python, cat = [command for command in commands_of(samples) if command][-2:]
    assert python.startswith(f"{sys.executable} -I -c 'import os, sys, time")
    assert cat == "cat -"


def commands_of(samples: Samples) -> list[str]:
    return [process.command for each in samples.all for process in each.processes]


def test_a_busy_process_and_an_idle_one(start: Start, sample: Begin) -> None:
    program = start("""
if os.fork() == 0:
    while True:
        pass
time.sleep(600)
""")
    samples = sample(program)
    both = samples.wait_for(lambda sample: len(sample.processes) == 2)
    (idle,) = (each.pid for each in both.processes if each.parent == program.supervisor_pid)
    (busy,) = (each.pid for each in both.processes if each.pid != idle)

    def told(pid: int) -> list[ProcessSample]:
        return [each for one in samples.all for each in one.processes if each.pid == pid]

    samples.wait_for(lambda _: told(busy)[-1].cpu_seconds > told(idle)[-1].cpu_seconds + 0.2)
    before = psutil.Process(busy).cpu_times()
    samples.wait_for(lambda _: told(busy)[-1].cpu_seconds >= before.user + before.system)
    said = told(busy)[-1].cpu_seconds
    after = psutil.Process(busy).cpu_times()
    # Which is counted in ticks of 10 ms.
    assert said <= after.user + after.system + 0.02
    assert max(each.cpu_percent for each in told(busy)) > 10
    assert sorted(told(busy), key=lambda each: each.cpu_seconds) == told(busy)


def test_tells_what_a_main_thread_sleeps_in(start: Start, sample: Begin) -> None:
    program = start("""
import fcntl, select, tempfile, threading
def child(do):
    if os.fork() == 0:
        do()
        os._exit(0)
def join():
    thread = threading.Thread(target=time.sleep, args=(600,))
    thread.start()
    thread.join()
def file_lock():
    with open(held.name) as another:
        fcntl.flock(another, fcntl.LOCK_EX)
held = tempfile.NamedTemporaryFile()
fcntl.flock(held, fcntl.LOCK_EX)
for do in (join, file_lock, lambda: time.sleep(600), lambda: select.select([0], [], [])):
    child(do)
while True:
    pass
""")
    samples = sample(program)

    def all_told(found: Sample) -> bool:
        told = [process.asleep_in for process in found.processes]
        return sorted(told) == sorted(["", "lock", "file lock", sleeping, "else"])

    # Before Python 3.11 time.sleep() waits in select.
    sleeping = "clock" if sys.version_info >= (3, 11) else "else"
    found = samples.wait_for(all_told)
    (busy,) = (process for process in found.processes if process.asleep_in == "")
    assert busy.parent == program.supervisor_pid


def test_where_a_process_sleeps_is_asked_again_until_the_kernel_says_it(
    start: Start, sample: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = start("import select; select.select([0], [], [])")
    silent = iter(range(3))
    real = kernel.read_place_of_sleep
    monkeypatch.setattr(
        kernel,
        "read_place_of_sleep",
        lambda pid: "" if next(silent, None) is not None else real(pid),
    )
    samples = sample(program)
    samples.wait_for(lambda found: [each.asleep_in for each in found.processes] == ["else"])
    assert next(silent, None) is None


def test_a_process_that_others_keep_from_its_core_is_ready_without_one(
    start: Start, sample: Begin
) -> None:
    program = start("""
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
for _ in range(3):
    if os.fork() == 0:
        while True:
            pass
time.sleep(600)
""")
    samples = sample(program)

    def lacked(found: Sample) -> list[ProcessSample]:
        return [each for each in found.processes if each.without_core > 0.3]

    found = samples.wait_for(lambda each: len(lacked(each)) == 3)
    (idle,) = (each for each in found.processes if each.parent == program.supervisor_pid)
    assert idle.without_core < min(each.without_core for each in lacked(found))
    told = [each.allowed for each in samples.all if each.allowed]
    assert told[-1] == [min(os.sched_getaffinity(0))]


def test_threads_that_lack_a_core_count_and_the_main_thread_is_told_apart(
    start: Start, sample: Begin
) -> None:
    program = start("""
import hashlib, threading
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
data = bytes(1 << 24)
def burn():
    while True:
        hashlib.sha256(data)
threads = [threading.Thread(target=burn, daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
""")
    samples = sample(program)
    # The start of Python takes the main thread some 50 ms, whatever the others do.
    found = samples.wait_for(
        lambda each: (
            each.processes
            and each.processes[0].without_core > 0.3
            and each.processes[0].cpu_seconds > 0.5
        )
    ).processes[0]
    assert found.asleep_in == "lock"
    assert found.main_seconds < found.cpu_seconds / 2


def test_sees_new_processes_and_tells_when_they_are_gone(start: Start, sample: Begin) -> None:
    program = start("""
sys.stdin.readline()
if os.fork() == 0:
    time.sleep(600)
os.wait()
time.sleep(600)
""")
    samples = sample(program)
    first = samples.wait_for(lambda sample: len(sample.processes) == 1).processes[0].pid
    program.write_stdin(b"go\n")
    both = samples.wait_for(lambda sample: len(sample.processes) == 2)
    (child,) = (process for process in both.processes if process.pid != first)
    program.send_signal(child.pid, child.started, signal.SIGKILL)
    samples.wait_for(lambda sample: sample.gone == [child.pid])
    assert of_pid(samples.all[-1], child.pid) is None
    assert sum(child.pid in sample.gone for sample in samples.all) == 1


def test_the_letter_of_a_stopped_process_and_of_a_zombie(start: Start, sample: Begin) -> None:
    program = start("if os.fork() == 0:\n    os._exit(3)\ntime.sleep(600)")
    samples = sample(program)
    found = samples.wait_for(lambda sample: "Z" in [process.status for process in sample.processes])
    (first,) = (process for process in found.processes if process.status != "Z")
    program.send_signal(first.pid, first.started, signal.SIGSTOP)
    samples.wait_for(lambda sample: (of_pid(sample, first.pid) or first).status == "T")


def test_goes_on_when_the_supervisor_is_gone(start: Start, sample: Begin) -> None:
    program = start("os.fork(); time.sleep(600)")
    samples = sample(program)
    found = samples.wait_for(lambda sample: len(sample.processes) == 2)
    known = {process.pid for process in found.processes}
    os.kill(program.stand_in.pid, signal.SIGKILL)
    os.kill(program.supervisor_pid, signal.SIGKILL)
    samples.wait_for(lambda sample: len(sample.gone) == 1)
    (left,) = (process.pid for process in samples.all[-1].processes)
    assert left in known
    assert end_marked(program.fifo) == 1
    samples.wait_for(lambda sample: sample.gone == [left])
    samples.sampler.stop()


def test_keeps_to_its_rate(start: Start, sample: Begin) -> None:
    program = start("time.sleep(600)")
    samples = sample(program)
    samples.wait_for(lambda _: len(samples.all) > 30)
    times = [sample.time for sample in samples.all[-20:]]
    # One that is late makes the way to the next one shorter.
    assert 0 < (len(times) - 1) / (times[-1] - times[0]) * 1e9 < 60


def test_the_time_of_a_sample_is_not_before_what_it_saw(
    start: Start, sample: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal in the middle of a look wakes who waits: that did not come before the signal."""
    read: list[int] = []
    read_status = kernel.read_status

    def noted(pid: int) -> kernel.ProcessStatus | None:
        status = read_status(pid)
        read.append(time.monotonic_ns())
        return status

    monkeypatch.setattr(kernel, "read_status", noted)
    samples = sample(start("os.fork(); os.fork(); time.sleep(600)"))
    samples.wait_for(lambda sample: len(sample.processes) == 4)
    samples.sampler.stop()
    assert max(read) <= samples.all[-1].time


def test_a_machine_that_hides_its_cores_is_no_reason_to_end(
    start: Start, sample: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hidden(**_: object) -> list[float]:
        raise PermissionError("/proc/stat")

    monkeypatch.setattr(psutil, "cpu_percent", hidden)
    monkeypatch.setattr(kernel, "list_pids", set)
    samples = sample(start("time.sleep(600)"))
    found = samples.wait_for(lambda _: True)
    assert (found.cores, found.processes, found.gone) == ([], [], [])


THREADS = """
import _thread, threading
gate = _thread.allocate_lock()
gate.acquire()
ready = threading.Barrier(3)

def crunch():
    ready.wait()
    while not stop:
        pass

def nap():
    ready.wait()
    with gate:
        pass

stop = False
_thread.start_new_thread(crunch, ())
_thread.start_new_thread(nap, ())
ready.wait()
sys.stdin.readline()
stop = True
gate.release()
while len(os.listdir("/proc/self/task")) > 1:
    time.sleep(0.01)
time.sleep(3600)
"""


def test_threads_are_told_with_their_cpu_time_and_status(
    start: Callable[[str], Program], sample: Callable[[Program], Samples]
) -> None:
    program = start(THREADS)
    samples = sample(program)

    def threads_of(sample: Sample) -> dict[int, ThreadSample]:
        return {each.number: each for process in sample.processes for each in process.threads}

    first = samples.wait_for(lambda sample: len(threads_of(sample)) == 3)
    (main,) = (process.pid for process in first.processes if process.threads)
    names = [each.name for seen in samples.all for each in threads_of(seen).values() if each.name]
    assert len(names) == 3, "each once"
    later = samples.wait_for(
        lambda sample: any(each.cpu_seconds > 0.2 for each in threads_of(sample).values())
    )
    idle, busy = sorted(
        (each for number, each in threads_of(later).items() if number != main),
        key=lambda each: each.cpu_seconds,
    )
    assert idle.status == "S"
    assert idle.cpu_seconds < 0.2 < busy.cpu_seconds
    assert not any(each.name for each in threads_of(later).values())
    told = len(samples.all)
    program.write_stdin(b"go\n")
    samples.wait_for(lambda sample: getattr(of_pid(sample, main), "listed", 0) == 1, after=told)
