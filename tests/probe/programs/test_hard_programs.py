"""Programs that do what they like with processes, signals and descriptors, as without us."""

from __future__ import annotations

import signal
from pathlib import Path

from helpers.runs import Observed, RunProgram, RunTogether
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState

COMMON = """
import multiprocessing as mp, os, resource, signal, subprocess, sys, threading, time
from telling import tell

def reap(pid):
    status = os.waitpid(pid, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
"""


def by_pid(run: Observed, pid: int) -> Process:
    return run.state.by_pid[pid]


def log_of(run: Observed, pid: int) -> list[str]:
    """What the log tells of a process."""
    return [entry.text for entry in run.state.log if entry.process == by_pid(run, pid).key]


DAEMON = """
def daemonize():
    if os.fork():
        return os.wait()
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    os.umask(0)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.closerange(0, min(limit, 1 << 16))
    for _ in range(3):
        os.open(os.devnull, os.O_RDWR)
    own = os.path.join(os.path.dirname(os.path.abspath(__file__)), "own")
    files = [os.open(own, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for _ in range(5)]
    lock = mp.Lock()
    for _ in range(10):
        with lock:
            os.write(files[0], b"x")
    tell(daemon=os.getpid())
    time.sleep(600)

if __name__ == "__main__":
    daemonize()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "told")
    while not os.path.exists(path):
        time.sleep(0.005)
    tell(own=open(os.path.join(os.path.dirname(path), "own")).read())
"""


def test_a_daemon_is_observed_to_its_end_which_is_the_program_s(
    run_on_each_python: RunProgram,
) -> None:
    run = run_on_each_python(COMMON + DAEMON)
    run.assert_nothing_was_missed()
    daemon = run.facts("daemon")
    assert by_pid(run, daemon).name == "fork of fork of MainProcess"
    assert by_pid(run, daemon).exit_code == -signal.SIGTERM
    assert run.one("locks", "lock")["acquisitions"] == 10
    # Nothing of ours has come into files that got the numbers of ours.
    assert run.facts("own") == "x" * 10
    assert log_of(run, daemon)[-2:] == [
        "is there after the program's end, so mpviz sends it SIGTERM",
        "ended by SIGTERM",
    ]


HANDLERS = """
def child(ready):
    def clean_up(number, frame):
        tell(cleaned=number)
        sys.exit(9)
    signal.signal(signal.SIGTERM, clean_up)
    ready.set()
    while True:
        time.sleep(0.01)

def count(number, frame):
    reaped.append(number)

def interrupt(number, frame):
    tell(interrupted=number)

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    reaped = []
    signal.signal(signal.SIGCHLD, count)
    signal.signal(signal.SIGINT, interrupt)
    ready = mp.Event()
    process = mp.Process(target=child, args=(ready,), name="careful")
    process.start()
    ready.wait()
    process.terminate()
    process.join()
    os.kill(os.getpid(), signal.SIGINT)
    tell(exit_code=process.exitcode, handlers=[
        signal.getsignal(signal.SIGCHLD) is count, signal.getsignal(signal.SIGINT) is interrupt])
"""


def test_a_program_s_own_signal_handlers_are_the_ones_that_run(
    run_program: RunProgram, python: str, start_method: str
) -> None:
    run = run_program(COMMON + HANDLERS, start_method, python=python)
    run.assert_nothing_was_missed()
    assert run.facts("cleaned") == signal.SIGTERM
    assert run.facts("interrupted") == signal.SIGINT
    assert run.facts("handlers") == [True, True]
    assert run.facts("exit_code") == run.process("careful")["exit_code"] == 9
    assert "sends SIGTERM to careful" in run.log


IGNORING = """
def child():
    sys.exit(3)

if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    process = mp.Process(target=child, name="unreaped")
    process.start()
    process.join()
    try:
        os.waitpid(process.pid, 0)
    except ChildProcessError:
        pass
    tell(pid=process.pid, exit_code=process.exitcode)
    tell(success=subprocess.run(["sh", "-c", "exit 3"]).returncode)
"""


def test_children_that_nobody_reaps_end_too(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(COMMON + IGNORING, start_method="fork")
    run.assert_nothing_was_missed()
    # Python itself cannot know; the kernel tells us where it is new enough.
    assert run.facts("exit_code") is None
    process = run.process("unreaped")
    assert process["ended"] is not None
    assert process["exit_code"] in (3, None)
    assert run.facts("success") == 0
    assert run.process("sh")["exit_code"] in (3, None)


LEAVING = """
def child(name):
    threading.Thread(target=time.sleep, args=(600,)).start()
    with lock:
        tell(**{name: os.getpid()})
        os._exit(3)

if __name__ == "__main__":
    mp.set_start_method("fork")
    lock = mp.Lock()
    process = mp.Process(target=child, args=("leaver",), name="leaver")
    process.start()
    process.join()
    left = mp.Process(target=time.sleep, args=(600,), name="left")
    left.start()
    tell(left=left.pid)
    os._exit(7)
"""


def test_os_exit_leaves_at_once_and_what_was_told_before_is_there(
    run_on_each_python: RunProgram,
) -> None:
    run = run_on_each_python(COMMON + LEAVING, exit_code=7)
    run.assert_nothing_was_missed()
    assert run.process("leaver")["exit_code"] == 3
    assert run.process("left")["exit_code"] == -signal.SIGTERM
    lock = run.one("locks", "lock")
    assert (lock["acquisitions"], lock["holder_pid"]) == (1, run.facts("leaver"))
    assert "is there after the program's end, so mpviz sends it SIGTERM" in log_of(
        run, run.facts("left")
    )


THREADS = """
def work():
    while not done.is_set():
        with lock:
            pass

if __name__ == "__main__":
    lock, done, ended = mp.Lock(), threading.Event(), []
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(20):
        child = os.fork()
        if child == 0:
            own = mp.Lock()
            for _ in range(number):
                with own:
                    pass
            os._exit(number)
        ended.append([child, reap(child)])
    done.set()
    for thread in threads:
        thread.join()
    tell(ended=ended)
"""


def test_forks_by_hand_amid_threads_are_all_observed(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(COMMON + THREADS)
    run.assert_nothing_was_missed()
    ended = run.facts("ended")
    assert [code for _, code in ended] == list(range(20))
    for pid, code in ended:
        assert by_pid(run, pid).probed
        # One that is gone before a look at it cannot be asked; see docs/limits.md.
        assert by_pid(run, pid).exit_code in (code, None)
    own = [lock["acquisitions"] for lock in run.document["locks"] if "own" in lock["name"]]
    assert own == list(range(20))


OWN_PATH = """
def child():
    while not os.path.exists("known"):
        time.sleep(0.01)

if __name__ == "__main__":
    mp.set_start_method("spawn")
    os.environ["PYTHONPATH"] = os.path.dirname(os.path.abspath(__file__))
    process = mp.Process(target=child, name="unseen")
    process.start()
    process.join()
    tell(exit_code=process.exitcode)
"""


def test_a_child_without_a_probe_is_known_by_its_parent_and_not_taken_for_starting(
    run_together: RunTogether, python: str
) -> None:
    def end_when_known(state: RunState) -> bool:
        if any(each.name == "unseen" and each.unobserved for each in state.processes.values()):
            assert state.run is not None
            Path(state.run.arguments[-1]).with_name("known").touch()
        return False

    run = run_together({"program": (COMMON + OWN_PATH, end_when_known)}, python=python)["program"]
    assert run.exit_code == 0
    unseen = run.process("unseen")
    assert (unseen["observed"], unseen["exit_code"], unseen["start_method"]) == (False, 0, "spawn")
    (process,) = [each for each in run.state.processes.values() if each.name == "unseen"]
    assert process.unobserved == "not observed"
    assert process.lane.spans[-1].activity.name != "STARTING"
    assert any(line.startswith("has told nothing of itself") for line in run.log)


SPAWNING = """
if __name__ == "__main__" and len(sys.argv) == 1:
    resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))
    words = [sys.executable, os.path.abspath(__file__), "child"]
    tell(spawned=reap(os.posix_spawn(sys.executable, words, os.environ)))
    tell(ran=subprocess.run(words, close_fds=True, start_new_session=True).returncode)
    os.killpg(0, signal.SIGKILL)
elif __name__ == "__main__":
    queue = mp.Queue()
    queue.put(1)
    sys.exit(queue.get() + 4)
"""


def test_however_a_python_is_started_it_is_observed(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(COMMON + SPAWNING, start_method="fork", exit_code=-signal.SIGKILL)
    run.assert_nothing_was_missed()
    assert (run.facts("spawned"), run.facts("ran")) == (5, 5)
    assert [queue["puts"] for queue in run.document["queues"]] == [1, 1]
    names = [process["name"] for process in run.document["processes"]]
    assert names == ["MainProcess", "program.py", "program.py"]
    main = run.process("MainProcess")
    assert {process["parent_pid"] for process in run.document["processes"]} == {None, main["pid"]}


DEEP = """
def descend(level):
    tell(level=[level, os.getpid(), mp.parent_process().pid if level else 0])
    if level < 3:
        process = mp.Process(target=descend, args=(level + 1,), name="level %d" % (level + 1))
        process.start()
        process.join()
        sys.exit(process.exitcode + 1)

if __name__ == "__main__":
    mp.set_start_method(sys.argv[1])
    descend(0)
"""


def test_children_of_children_of_children(
    run_program: RunProgram, python: str, start_method: str
) -> None:
    run = run_program(COMMON + DEEP, start_method, python=python, exit_code=3)
    run.assert_nothing_was_missed()
    levels = [told["level"] for told in run.told]
    for level, pid, parent in levels[1:]:
        process = run.process(f"level {level}")
        assert (process["pid"], process["parent_pid"]) == (pid, parent)
        assert process["exit_code"] == 3 - level
