"""The supervisor with real programs: it tells how each process ended, and leaves none behind."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from mpviz.probe import BOOT
from mpviz.trace.collect.transport import Transport
from mpviz.trace.launch.leftovers import end_marked
from mpviz.trace.launch.program import Program, launch
from mpviz.trace.model.events import (
    Event,
    ProcessExited,
    ProgramEnded,
    ProgramFailed,
    ProgramStarted,
    SupervisorSignalled,
)
from mpviz.trace.supervisor import SUPERVISOR
from mpviz.trace.system import kernel

PATIENCE = 20.0
"""Seconds after which a condition that has not come true is a failure."""

AnyEvent = TypeVar("AnyEvent", bound=Event)

HELPERS = """
import os, signal, sys, time

def child(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def sleep():
    while True:
        time.sleep(60)
"""


@dataclass
class Observed:
    """A launched program and what was told of it so far."""

    program: Program
    queue: Transport
    events: list[Event] = field(default_factory=list)
    text: bytes = b""

    def event(
        self, kind: type[AnyEvent], fits: Callable[[AnyEvent], bool] = lambda _: True
    ) -> AnyEvent:
        """Wait for an event."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for event in self.events:
                if isinstance(event, kind) and fits(event):
                    return event
            assert time.monotonic() < deadline, f"no {kind.__name__} among {self.events}"
            self.events += self.queue.get(timeout=0.05)

    def exit_code(self, child: int) -> int:
        """Wait for the news of this process's end."""
        return self.event(ProcessExited, lambda event: event.child == child).exit_code

    def numbers(self) -> list[int]:
        """Wait for the program's next line, which is made of numbers."""
        return [int(word) for word in self.words()]

    def words(self) -> list[str]:
        """Wait for the program's next line."""
        assert self.program.stdout is not None
        self.program.stdout.settimeout(PATIENCE)
        while b"\n" not in self.text:
            received = self.program.stdout.recv(4096)
            assert received, "the program ended without a word"
            self.text += received
        line, _, self.text = self.text.partition(b"\n")
        return line.decode().split()

    def all_events(self) -> list[Event]:
        """Wait for the end of everything, and give all that was told."""
        assert self.program.wait(PATIENCE)
        self.queue.finish()
        while batch := self.queue.get():
            self.events += batch
        return self.events


Watch = Callable[..., Observed]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Launch programs, and see to it that nothing of them is left."""
    all_observed: list[Observed] = []

    def start(*arguments: str, **options: Any) -> Observed:
        queue = Transport()
        settings: dict[str, Any] = {"capture": True, "stdin": subprocess.DEVNULL, **options}
        with launch(arguments, fifo=queue.path, **settings) as program:
            queue.hear(program.control, program.supervisor_pid)
        all_observed.append(Observed(program, queue))
        return all_observed[-1]

    yield start
    for observed in all_observed:
        observed.program.end()
        assert observed.program.wait(PATIENCE)
        left = marked_processes(observed.queue.path)
        observed.program.close()
        observed.queue.close()
        assert not left


def python(code: str, *arguments: str) -> list[str]:
    """A command that runs this code, without the probe, which is not what these tests are about."""
    return [sys.executable, "-I", "-c", HELPERS + textwrap.dedent(code), *arguments]


def kinds(events: list[Event]) -> list[str]:
    """The names of the events, in order."""
    return [type(event).__name__ for event in events]


def marked_processes(queue: Path | str) -> list[int]:
    """All living processes of this run, known by the queue in their environment.

    A child of the supervisor's stand-in that waits for us to remove the folder is none of them.
    """
    marked = []
    for process in psutil.process_iter():
        try:
            is_marked = process.environ().get("MPVIZ_EVENTS") == str(queue)
            if is_marked and str(SUPERVISOR) not in process.cmdline():
                marked.append(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return marked


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for something that is about to come true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def is_held(supervisor: int, pid: int) -> bool:
    """Whether the supervisor has a pidfd of this process."""
    for entry in Path(f"/proc/{supervisor}/fdinfo").iterdir():
        try:
            if f"\nPid:\t{pid}\n" in entry.read_text():
                return True
        except FileNotFoundError:
            continue
    return False


def is_there(pid: int) -> bool:
    """Whether there is such a process that is no zombie."""
    reading = kernel.read_status(pid)
    return reading is not None and reading.status not in "ZX"


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("pass", 0),
        ("sys.exit(3)", 3),
        ("os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("os.kill(os.getpid(), signal.SIGTERM)", -15),
    ],
)
def test_tells_how_the_program_ended(watch: Watch, code: str, exit_code: int) -> None:
    observed = watch(*python(code))
    events = observed.all_events()
    assert kinds(events) == ["ProgramStarted", "ProcessExited", "ProgramEnded"]
    started, exited, ended = events
    assert isinstance(started, ProgramStarted)
    assert isinstance(exited, ProcessExited)
    assert isinstance(ended, ProgramEnded)
    assert started.child == exited.child == ended.child
    assert exited.exit_code == ended.exit_code == exit_code
    assert started.pid == observed.program.supervisor_pid
    assert not observed.program.was_abandoned()


def test_tells_the_start_time_by_which_the_kernel_knows_the_program(watch: Watch) -> None:
    observed = watch(*python("sleep()"))
    started = observed.event(ProgramStarted)
    assert started.started == kernel.start_time(started.child)


def test_misses_nothing_of_programs_that_end_at_once(watch: Watch) -> None:
    all_observed = [watch("true") for _ in range(10)]
    for observed in all_observed:
        told = kinds(observed.all_events())
        assert told == ["ProgramStarted", "ProcessExited", "ProgramEnded"]


def test_says_in_a_sentence_why_a_program_cannot_be_started(watch: Watch, tmp_path: Path) -> None:
    no_program = tmp_path / "no-program"
    no_program.write_bytes(b"\0\1\2\3")
    no_program.chmod(0o755)
    events = watch(str(no_program)).all_events()
    assert kinds(events) == ["ProgramFailed"]
    assert isinstance(events[0], ProgramFailed)
    assert events[0].error == f"{no_program} could not be started: Exec format error"


def test_adopts_orphans_and_tells_how_they_end(watch: Watch) -> None:
    observed = watch(
        *python("""
        def parent():
            say(child(lambda: (time.sleep(0.2), os._exit(5))))
        child(parent)
        sleep()
        """)
    )
    (orphan,) = observed.numbers()
    assert observed.exit_code(orphan) == 5


def test_ends_what_the_program_left_behind(watch: Watch) -> None:
    observed = watch(*python("say(child(sleep), child(sleep))"))
    left = observed.numbers()
    events = observed.all_events()
    assert observed.event(ProgramEnded).exit_code == 0
    exit_codes = {e.child: e.exit_code for e in events if isinstance(e, ProcessExited)}
    assert [exit_codes[pid] for pid in left] == [-signal.SIGTERM, -signal.SIGTERM]
    assert not any(map(is_there, left))


def test_ends_a_daemon_that_has_gone_its_own_way(watch: Watch) -> None:
    observed = watch(
        *python("""
        def daemon():
            os.setsid()
            os.closerange(3, 256)
            child(lambda: (say(os.getpid()), os.chdir("/"), sleep()))
        child(daemon)
        """)
    )
    (daemon,) = observed.numbers()
    assert observed.exit_code(daemon) == -signal.SIGTERM
    assert observed.program.wait(PATIENCE)
    assert not is_there(daemon)


def test_kills_what_ignores_sigterm_but_not_before_the_grace(watch: Watch) -> None:
    observed = watch(
        *python("""
        def stubborn():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            say(os.getpid())
            sleep()
        child(stubborn)
        sleep()
        """)
    )
    (stubborn,) = observed.numbers()
    asked = time.monotonic_ns()
    observed.program.end()
    assert observed.event(ProgramEnded).exit_code == -signal.SIGTERM
    exited = observed.event(ProcessExited, lambda event: event.child == stubborn)
    assert exited.exit_code == -signal.SIGKILL
    assert exited.time - asked > 0.9e9


def test_lets_a_program_clean_up_when_it_is_asked_to_end(watch: Watch) -> None:
    observed = watch(
        *python("""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(42))
        say(1)
        sleep()
        """)
    )
    observed.numbers()
    observed.program.end()
    observed.program.end()
    assert observed.event(ProgramEnded).exit_code == 42


def test_terminate_asks_the_first_process_alone_and_has_patience(watch: Watch) -> None:
    observed = watch(
        *python("""
        told = []
        signal.signal(signal.SIGTERM, lambda *_: told.append(True))
        worker = child(lambda: (sys.stdin.readline(), os._exit(5)))
        say(worker)
        while not told:
            time.sleep(0.01)
        say(1)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
        """),
        stdin=subprocess.PIPE,
    )
    (worker,) = observed.numbers()
    observed.program.terminate(600)
    assert observed.numbers() == [1]
    assert is_there(worker)
    observed.program.write_stdin(b"go\n")
    assert observed.event(ProgramEnded).exit_code == 5
    signalled = [e for e in observed.all_events() if isinstance(e, SupervisorSignalled)]
    first = observed.event(ProgramStarted).child
    assert [(e.child, e.signal) for e in signalled] == [(first, signal.SIGTERM)]


def test_terminate_ends_all_that_is_left_after_its_patience(watch: Watch) -> None:
    observed = watch(*python("signal.signal(15, signal.SIG_IGN); say(child(sleep)); sleep()"))
    observed.numbers()
    observed.program.terminate(0.2)
    assert observed.event(ProgramEnded).exit_code == -signal.SIGKILL


def test_ends_a_stopped_tree(watch: Watch) -> None:
    observed = watch(
        *python("""
        stopped = child(lambda: (os.kill(os.getpid(), signal.SIGSTOP), sleep()))
        say(os.getpid(), stopped)
        os.kill(os.getpid(), signal.SIGSTOP)
        """)
    )
    pids = observed.numbers()
    wait_until(lambda: all(psutil.Process(pid).status() == "stopped" for pid in pids))
    observed.program.end()
    assert {observed.exit_code(pid) for pid in pids} == {-signal.SIGTERM}


def test_knows_the_exit_code_of_a_process_that_its_own_parent_reaps(watch: Watch) -> None:
    observed = watch(
        *python("""
        def work():
            sys.stdin.readline()
            os._exit(7)
        pid = child(work)
        say(pid)
        os.waitpid(pid, 0)
        sleep()
        """),
        stdin=subprocess.PIPE,
    )
    (pid,) = observed.numbers()
    wait_until(lambda: is_held(observed.program.supervisor_pid, pid))
    assert observed.program.write_stdin(b"go\n") == 3
    assert observed.exit_code(pid) == 7


def test_knows_the_exit_code_of_a_zombie_that_nobody_reaps(watch: Watch) -> None:
    observed = watch(
        *python("""
        say(child(lambda: (sys.stdin.readline(), os.kill(os.getpid(), signal.SIGKILL))))
        sleep()
        """),
        stdin=subprocess.PIPE,
    )
    (pid,) = observed.numbers()
    wait_until(lambda: is_held(observed.program.supervisor_pid, pid))
    observed.program.write_stdin(b"go\n")
    assert observed.exit_code(pid) == -signal.SIGKILL
    assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    observed.program.end()
    told = [e for e in observed.all_events() if isinstance(e, ProcessExited) and e.child == pid]
    assert len(told) == 1


def test_starts_the_program_as_a_shell_would(watch: Watch) -> None:
    observed = watch("cat", "/proc/self/status")
    assert observed.program.stdout is not None
    with observed.program.stdout.makefile() as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    assert int(status["SigBlk"], 16) == 0
    # What is ignored for us stays so, as under nohup; but not what Python itself ignores.
    python_ignores = {signal.SIGPIPE, signal.SIGXFSZ}
    inherited = {
        number
        for number in signal.valid_signals() - python_ignores
        if signal.getsignal(number) is signal.SIG_IGN
    }
    assert int(status["SigIgn"], 16) == sum(1 << (number - 1) for number in inherited)
    assert status["NSsid"] == status["Pid"]


def test_the_program_finds_no_descriptor_of_ours(watch: Watch) -> None:
    observed = watch(*python("say(*map(int, os.listdir('/proc/self/fd')))"))
    # None that we were given is missing; the one more is that of the listing itself.
    given = {0, 1, 2, *kernel.inherited_descriptors()}
    found = set(observed.numbers())
    assert found >= given
    assert len(found - given) == 1


def test_a_fork_chain_that_never_stands_still_is_caught(watch: Watch) -> None:
    observed = watch(
        *python("""
        end = time.monotonic() + 30
        say(0)
        while time.monotonic() < end:
            if os.fork():
                os._exit(0)
            os.setsid()
        """)
    )
    observed.numbers()
    assert observed.program.wait(10)


def test_ends_a_parent_that_replaces_its_children(watch: Watch) -> None:
    observed = watch(
        *python("""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end = time.monotonic() + 30
        say(0)
        while time.monotonic() < end:
            child(sleep)
            time.sleep(0.01)
        """)
    )
    observed.numbers()
    observed.program.end()
    assert observed.program.wait(10)


def test_the_supervisor_does_not_give_in_to_signals(watch: Watch) -> None:
    observed = watch(*python("say(os.getpid()); sleep()"))
    observed.numbers()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(observed.program.supervisor_pid, number)
    observed.program.end()
    assert observed.event(ProgramEnded).exit_code == -signal.SIGTERM


VIEWER = """
import subprocess, sys, time
from mpviz.trace.launch.leftovers import end_marked
from mpviz.trace.launch.program import launch
from mpviz.trace.collect.transport import Transport

queue = Transport()
with launch(sys.argv[1:], fifo=queue.path, stdin=subprocess.DEVNULL, capture=True) as program:
    pass
print(queue.path, program.supervisor_pid, flush=True)
print(program.stdout.recv(4096).decode(), end="", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("reaction", ["SIG_DFL", "SIG_IGN"])
def test_nothing_outlives_a_viewer_that_was_killed(reaction: str) -> None:
    command = python(f"""
        signal.signal(signal.SIGTERM, signal.{reaction})
        children = [child(sleep), child(sleep)]
        say(os.getpid(), *children)
        sleep()
    """)
    viewer = subprocess.Popen([sys.executable, "-c", VIEWER, *command], stdout=subprocess.PIPE)
    assert viewer.stdout is not None
    queue, supervisor = viewer.stdout.readline().decode().split()
    pids = [int(supervisor), *map(int, viewer.stdout.readline().split())]
    assert all(map(is_there, pids))
    viewer.kill()
    killed = time.monotonic()
    viewer.wait()
    viewer.stdout.close()
    wait_until(lambda: not any(map(is_there, pids)) and not marked_processes(queue))
    assert time.monotonic() - killed < 2
    wait_until(lambda: not Path(queue).parent.exists())


WAYS = ("end", "terminate", "kill supervisor")


def end_by(way: str, program: Program) -> None:
    """End a program in one of these ways."""
    if way == "end":
        program.end()
    elif way == "terminate":
        program.terminate(60)
    else:
        os.kill(program.supervisor_pid, signal.SIGKILL)
    assert program.wait(PATIENCE)


LISTENING = """
    import multiprocessing.connection
    from multiprocessing import util
    listener = multiprocessing.connection.Listener(family="AF_UNIX")
    if os.fork() == 0:
        sleep()
    say(os.path.dirname(listener.address))
    sleep()
"""


@pytest.mark.parametrize("way", WAYS)
def test_the_folder_of_a_listener_goes_if_we_end_the_program(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """It is removed when Python exits, and a SIGTERM takes the chance of that away."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    others = tmp_path / "pymp-otherone"
    others.mkdir()
    program = watch(*python(LISTENING)).program
    assert program.stdout is not None
    folder = Path(program.stdout.recv(1000).decode().strip())
    assert folder.parent == tmp_path
    assert folder.is_dir()
    end_by(way, program)
    wait_until(lambda: not folder.exists())
    assert list(tmp_path.iterdir()) == [others]


LOCKING = """
    import multiprocessing
    from multiprocessing import resource_tracker
    lock = multiprocessing.get_context("spawn").Lock()
    os.kill(resource_tracker._resource_tracker._pid, signal.SIGKILL)
    if os.fork() == 0:
        sleep()
    say(lock._semlock.name)
    sleep()
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_semaphore_goes_also_if_the_resource_tracker_was_killed(watch: Watch, way: str) -> None:
    program = watch(*python(LOCKING)).program
    assert program.stdout is not None
    name = program.stdout.recv(1000).decode().strip()
    semaphore = Path("/dev/shm", "sem." + name.removeprefix("/"))
    assert semaphore.exists()
    end_by(way, program)
    wait_until(lambda: not semaphore.exists())


def test_nothing_is_started_for_a_viewer_that_is_gone_already(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    queue, proof = tmp_path / "queue" / "events", tmp_path / "proof"
    queue.parent.mkdir()
    os.mkfifo(queue)
    control = str(theirs.fileno())
    command = [
        sys.executable,
        "-I",
        "-S",
        str(SUPERVISOR),
        control,
        str(BOOT),
        str(queue),
        "remove",
    ]
    with theirs:
        subprocess.run(
            [*command, "1024", "touch", str(proof)], pass_fds=[theirs.fileno()], check=True
        )
    assert not proof.exists()
    assert not queue.parent.exists()


FAMILY = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
hidden = ["env", "-i", sys.executable, "-c", "import time; time.sleep(600)"]
hiding = child(lambda: os.execvp("env", hidden))
say(os.getpid(), child(sleep), hiding, child(lambda: (os.setsid(), sleep())))
sleep()
"""


@pytest.mark.parametrize("who", ["supervisor", "stand-in"])
def test_if_one_of_the_two_is_killed_the_other_ends_the_program(watch: Watch, who: str) -> None:
    observed = watch(*python(FAMILY))
    family = observed.numbers()
    program = observed.program
    os.kill(program.supervisor_pid if who == "supervisor" else program.stand_in.pid, signal.SIGKILL)
    assert program.wait(PATIENCE)
    assert program.was_abandoned()
    assert not any(map(is_there, family))
    wait_until(lambda: not is_there(program.supervisor_pid))


def test_both_killed_the_viewer_ends_what_bears_the_mark_of_the_run(watch: Watch) -> None:
    observed = watch(*python("say(os.getpid(), child(sleep), child(sleep)); sleep()"))
    first, *others = observed.numbers()
    program = observed.program
    os.kill(program.stand_in.pid, signal.SIGKILL)
    os.kill(program.supervisor_pid, signal.SIGKILL)
    assert program.wait(PATIENCE)
    assert program.was_abandoned()
    wait_until(lambda: not is_there(first))
    end_marked(program.fifo)
    wait_until(lambda: not any(map(is_there, others)))


@pytest.mark.parametrize("who", ["supervisor", "stand-in"])
def test_neither_of_the_two_can_be_stopped_for_long(watch: Watch, who: str) -> None:
    observed = watch(*python("say(os.getpid(), child(sleep)); sleep()"))
    family = observed.numbers()
    program = observed.program
    pid = program.supervisor_pid if who == "supervisor" else program.stand_in.pid
    os.kill(pid, signal.SIGSTOP)
    program.end()
    deadline = time.monotonic() + PATIENCE
    while not program.wait(0.05):
        assert time.monotonic() < deadline
    assert not program.was_abandoned()
    assert not any(map(is_there, family))


def test_no_signal_reaches_a_process_that_is_none_of_the_program_s(watch: Watch) -> None:
    observed = watch(*python("say(child(sleep)); sleep()"))
    (child,) = observed.numbers()
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            started = kernel.start_time(stranger.pid)
            assert started is not None
            assert not observed.program.send_signal(stranger.pid, started, signal.SIGKILL)
            assert not observed.program.send_signal(
                os.getpid(), kernel.start_time(os.getpid()) or 0, 0
            )
            assert is_there(stranger.pid)
        finally:
            stranger.kill()
    assert observed.program.send_signal(child, kernel.start_time(child) or 0, signal.SIGKILL)
    wait_until(lambda: not is_there(child))


SPAWNING = """
import multiprocessing, time

def hold(semaphores):
    time.sleep(600)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    semaphores = [context.Semaphore() for _ in range(20)]
    workers = [context.Process(target=hold, args=(semaphores,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    print(*[semaphore._semlock.name for semaphore in semaphores], flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("how", ["end", "kill", "kill supervisor"])
def test_the_resource_tracker_is_left_to_clean_up(watch: Watch, tmp_path: Path, how: str) -> None:
    script = tmp_path / "spawning.py"
    script.write_text(SPAWNING)
    observed = watch(sys.executable, "-I", str(script))
    semaphores = [Path(f"/dev/shm/sem.{name[1:]}") for name in observed.words()]
    assert len(semaphores) == 20
    assert all(semaphore.exists() for semaphore in semaphores)
    if how == "end":
        observed.program.end()
    elif how == "kill supervisor":
        os.kill(observed.program.supervisor_pid, signal.SIGKILL)
    else:
        started = observed.event(ProgramStarted)
        observed.program.send_signal(started.child, started.started, signal.SIGKILL)
    assert observed.program.wait(PATIENCE)
    assert not any(semaphore.exists() for semaphore in semaphores)


SLOW_TRACKER = """
ours, theirs = os.pipe()
code = "from multiprocessing.resource_tracker import main; import os, sys, time; "
code += "os.read(int(sys.argv[1]), 1); time.sleep(0.8); open(sys.argv[2], 'w').close()"
tracker = child(
    lambda: (
        os.close(theirs),
        os.set_inheritable(ours, True),
        os.execv(sys.executable, [sys.executable, "-c", code, str(ours), sys.argv[1]]),
    )
)
os.close(ours)
say(tracker)
sleep()
"""


def test_a_slow_resource_tracker_is_waited_for_if_the_supervisor_was_killed(
    watch: Watch, tmp_path: Path
) -> None:
    """On a busy machine it takes longer than the half second that it has without a viewer."""
    cleaned_up = tmp_path / "cleaned up"
    observed = watch(*python(SLOW_TRACKER), str(cleaned_up))
    (tracker,) = observed.numbers()
    wait_until(lambda: kernel.is_tracker(tracker))
    os.kill(observed.program.supervisor_pid, signal.SIGKILL)
    assert observed.program.wait(PATIENCE)
    assert cleaned_up.exists()


def test_a_ctrl_c_that_comes_before_the_program_reaches_it(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine, it is read together with the word that the program may start."""
    start = Program.start

    def interrupt_and_start(program: Program) -> None:
        program.interrupt()
        start(program)

    monkeypatch.setattr(Program, "start", interrupt_and_start)
    observed = watch("sleep", "600")
    assert observed.event(ProgramEnded).exit_code == -signal.SIGINT
