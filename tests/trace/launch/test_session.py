"""A session: from launch to the last record, whatever the program or the person does."""

from __future__ import annotations

import gzip
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from helpers.recordings import replay_of
from helpers.runs import PATIENCE, run_to_end
from mpviz.trace.collect import transport
from mpviz.trace.collect.merge import Look
from mpviz.trace.collect.transport import Transport
from mpviz.trace.explain.report import document, losses_in_words
from mpviz.trace.explain.stalls import stuck
from mpviz.trace.launch import program as launch
from mpviz.trace.launch.leftovers import end_marked
from mpviz.trace.launch.program import LaunchError
from mpviz.trace.launch.session import Session
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.events import Event, Sample
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.trace.model.told import Told

Begin = Callable[..., Session]

pytestmark = pytest.mark.usefixtures("nothing_left")

PRELUDE = "import multiprocessing, os, signal, sys, time\n"

CHILDREN = """
def work():
    print("at work", flush=True)
    while True:
        time.sleep(0.01)

if __name__ == "__main__":
    children = [multiprocessing.Process(target=work, name=f"child-{n}") for n in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    print("joined", [child.exitcode for child in children], flush=True)
"""


@pytest.fixture
def begin(tmp_path: Path, nothing_left: None) -> Iterator[Begin]:
    """Start a program; every session is closed in the end."""
    sessions: list[Session] = []

    def start_program(code: str, *arguments: str, **options: Any) -> Session:
        program = tmp_path / "program.py"
        program.write_text(PRELUDE + code)
        target = Target([str(program), *arguments], name="program", directory=tmp_path, **options)
        sessions.append(start(target, capture=True))
        return sessions[-1]

    yield start_program
    for session in sessions:
        session.close()


def lines(state: RunState) -> list[str]:
    """What the program printed."""
    return [line.text for line in state.output if line.stream == "stdout" and line.ended]


def named(state: RunState, name: str) -> Process:
    """The process of this name."""
    (found,) = [process for process in state.processes.values() if process.name == name]
    return found


def at_work(state: RunState) -> bool:
    """All three are known with their start times, and both children are up."""
    known = {process.name for process in state.processes.values() if process.started_ticks}
    return lines(state).count("at work") == 2 and known == {"MainProcess", "child-0", "child-1"}


def test_a_session_is_over_when_all_is_told(begin: Begin) -> None:
    session = begin("print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert not session.over
    run_to_end(session)
    state = session.state
    assert (state.exit_code, state.ended > 0, session.behind) == (3, True, 0)
    assert [(line.stream, line.text) for line in state.output] == [
        ("stdout", "out"),
        ("stderr", "err"),
    ]
    assert not session.step(0)


def test_output_that_was_not_folded_in_time_does_not_hold_up_the_end(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that reads it waits for room, which only the one that folds can make."""
    monkeypatch.setattr(transport, "BACKLOG_BYTES", 10_000)
    session = begin("print('\\n' * 999)")
    while not session._program.wait(0.01):
        pass
    run_to_end(session)
    assert session.state.output_lines == 1000


DEADLOCK = """
def take(first, second, ready):
    with first:
        ready.wait()
        with second:
            pass

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    locks, ready = [context.Lock(), context.Lock()], context.Barrier(2)
    for pair in (locks, locks[::-1]):
        context.Process(target=take, args=(*pair, ready)).start()
"""


@pytest.mark.parametrize("end", [Session.close, Session.interrupt, Session.terminate, Session.stop])
def test_the_stuck_processes_are_named_however_a_person_ends_the_program(
    begin: Begin, end: Callable[[Session], None]
) -> None:
    session = begin(DEADLOCK)
    run_to_end(session, until=stuck)
    end(session)
    run_to_end(session)
    hang = document(session.state)["run"]["hang"]
    assert sorted(each["what"] for each in hang if each["what"] == "lock") == ["lock", "lock"]


def test_a_close_reads_on_although_too_much_lies_unread(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor has more to tell than its socket holds, and ends only when it has told all."""
    monkeypatch.setattr(transport, "BACKLOG_BYTES", 10_000)
    monkeypatch.setattr(transport, "SLOW_BYTES", 5_000)
    session = begin("""
for _ in range(1000):
    if os.fork() == 0:
        os._exit(0)
for _ in range(1000):
    os.wait()
open("done", "w").close()
time.sleep(600)
""")
    while not (tmp_path / "done").exists():
        session.wait(0.01)
    session.close()
    assert session.over
    assert session.state.exit_code == -signal.SIGTERM
    assert sum(each.exit_code == 0 for each in session.state.processes.values()) > 500
    assert len(session.state.processes) == 1001
    assert losses_in_words(session.state).endswith("events, none lost")


def test_the_state_can_be_looked_at_while_the_program_runs(begin: Begin) -> None:
    session = begin(CHILDREN)
    run_to_end(session, at_work)
    run_to_end(session, lambda state: named(state, "MainProcess").wait is not None)
    assert {process.name for process in session.state.processes.values()} == {
        "MainProcess",
        "child-0",
        "child-1",
    }
    assert all(process.alive for process in session.state.processes.values())
    assert document(session.state)["run"]["exit_code"] is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_reaches_its_process_and_is_told(begin: Begin, number: signal.Signals) -> None:
    session = begin(CHILDREN)
    run_to_end(session, at_work)
    for name in ("child-0", "child-1"):
        assert session.signal(named(session.state, name).key, number)
    run_to_end(session)
    assert lines(session.state)[-1] == f"joined [{-number}, {-number}]"
    for name in ("child-0", "child-1"):
        process = named(session.state, name)
        assert process.exit_code == -number
        assert [(sender, sent) for _, sender, sent in process.signals] == [("mpviz", number)]
        assert process.signals[0][0] <= process.ended
    assert not any(entry.trouble for entry in session.state.log)


def test_a_signal_to_whoever_is_gone_reaches_nobody(begin: Begin) -> None:
    session = begin("")
    run_to_end(session)
    assert not session.signal(session.state.main, signal.SIGTERM)
    assert not session.signal("no such process", signal.SIGTERM)


def test_a_frozen_program_stands_still_and_goes_on(begin: Begin) -> None:
    session = begin(CHILDREN)
    run_to_end(session, at_work)
    session.freeze()
    assert session.state.frozen

    def all_stopped(state: RunState) -> bool:
        return {process.state for process in state.processes.values()} == {"stopped"}

    run_to_end(session, all_stopped)
    session.thaw()
    run_to_end(
        session,
        lambda state: not any(process.stopped for process in state.processes.values()),
    )
    assert not session.state.frozen
    for name in ("child-0", "child-1"):
        assert session.signal(named(session.state, name).key, signal.SIGTERM)
    run_to_end(session)
    assert session.state.exit_code == 0


def test_a_child_that_was_being_started_is_frozen_too(begin: Begin) -> None:
    session = begin("""
def work():
    time.sleep(600)

if __name__ == "__main__":
    while True:
        multiprocessing.Process(target=work).start()
        time.sleep(0.02)
""")
    run_to_end(session, lambda state: len(state.processes) > 3)
    session.freeze()
    run_to_end(
        session,
        lambda state: {process.state for process in state.processes.values()} == {"stopped"},
    )
    session.stop()
    run_to_end(session)


def test_a_frozen_program_can_be_stopped(begin: Begin) -> None:
    session = begin(CHILDREN)
    run_to_end(session, at_work)
    session.freeze()
    session.stop()
    run_to_end(session)
    assert all(not process.alive for process in session.state.processes.values())


def test_a_stop_ends_everything_and_says_that_a_person_wanted_it(begin: Begin) -> None:
    session = begin(CHILDREN)
    run_to_end(session, at_work)
    session.stop()
    session.stop()
    run_to_end(session)
    assert session.state.ending > 0
    assert "the program is being ended by hand" in [entry.text for entry in session.state.log]
    assert {process.exit_code for process in session.state.processes.values()} <= {-15, 0}
    assert session.state.lost == 0


def test_a_process_that_ignores_sigterm_is_killed(begin: Begin) -> None:
    session = begin("""
if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("deaf", flush=True)
    time.sleep(600)
""")
    run_to_end(session, lambda state: lines(state) == ["deaf"])
    session.stop()
    run_to_end(session)
    assert session.state.exit_code == -signal.SIGKILL


def test_a_process_that_hid_from_the_program_ends_with_it(begin: Begin) -> None:
    session = begin("""
if __name__ == "__main__":
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            print("hidden", os.getpid(), flush=True)
            time.sleep(600)
        os._exit(0)
    os.wait()
    time.sleep(0.1)
""")
    run_to_end(session)
    (word,) = [line for line in lines(session.state) if line.startswith("hidden")]
    hidden = session.state.by_pid[int(word.split()[1])]
    assert (hidden.alive, hidden.exit_code) == (False, -signal.SIGTERM)


def test_an_interrupt_is_a_ctrl_c_for_the_program(begin: Begin) -> None:
    session = begin("""
if __name__ == "__main__":
    try:
        print("ready", flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        sys.exit(9)
""")
    run_to_end(session, lambda state: "ready" in lines(state))
    session.interrupt()
    run_to_end(session)
    assert (lines(session.state)[-1], session.state.exit_code) == ("interrupted", 9)


def test_the_program_reads_what_a_person_types(begin: Begin) -> None:
    session = begin("print('got', input(), input(), flush=True)")
    assert session.write_stdin("one\n")
    assert session.write_stdin("zwei ü\n")
    run_to_end(session)
    assert lines(session.state) == ["got one zwei ü"]
    assert not session.write_stdin("late\n")


def test_closing_a_running_session_ends_it_and_may_be_repeated(begin: Begin) -> None:
    session = begin(CHILDREN)
    run_to_end(session, at_work)
    session.close()
    assert session.over
    assert all(not process.alive for process in session.state.processes.values())
    session.close()


def test_two_threads_may_close_a_session_at_once(begin: Begin) -> None:
    session = begin(CHILDREN)
    run_to_end(session, at_work)
    with ThreadPoolExecutor(2) as threads:
        for closed in [threads.submit(session.close) for _ in range(2)]:
            closed.result()
    assert session.over


def test_a_recording_is_whole_as_soon_as_its_run_is_over(begin: Begin, tmp_path: Path) -> None:
    """The stage shows it while the session is still open."""
    session = begin("print('last words')")
    session.record(tmp_path / "run.jsonl.gz")
    run_to_end(session)
    replay = replay_of(tmp_path / "run.jsonl.gz")
    replay.go_to_event(replay.known)
    assert replay.state.ended == session.state.ended
    assert lines(replay.state) == ["last words"]
    replay.close()


def test_a_close_that_fails_has_closed_everything_all_the_same(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = begin(CHILDREN)
    session.record(tmp_path / "run.jsonl.gz")
    run_to_end(session, at_work)
    folder = session._transport.directory
    with monkeypatch.context() as patch:
        patch.setattr(session, "_collect_if_gone", lambda: False)
        with pytest.raises(RuntimeError, match="could not be ended"):
            session.close()
    assert not folder.exists()
    assert session._program.control.fileno() < 0
    # Read it to its end: a gzip file without its end would raise an exception.
    with gzip.open(tmp_path / "run.jsonl.gz") as recording:
        assert recording.read()
    session.over = True


@pytest.mark.parametrize("name", ["mpviz-transport", "mpviz-output", "mpviz-sampler"])
def test_if_no_thread_can_be_started_it_says_so_and_leaves_nothing(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    start_thread = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        start_thread(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(LaunchError, match="too many processes and threads"):
        begin(CHILDREN)


def test_a_supervisor_that_does_not_come_up_is_said_and_nothing_is_left(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ends_at_once = tmp_path / "supervisor.py"
    ends_at_once.touch()
    monkeypatch.setattr(launch, "SUPERVISOR", ends_at_once)
    threads = threading.active_count()
    with pytest.raises(LaunchError, match="the supervisor of the program did not come up"):
        begin(CHILDREN)
    assert threading.active_count() == threads


def test_a_session_can_be_closed_before_anything_was_seen(begin: Begin) -> None:
    session = begin(CHILDREN)
    session.close()
    assert session.over


def test_the_death_of_the_supervisor_ends_everything_and_is_told(begin: Begin) -> None:
    session = begin(CHILDREN)
    run_to_end(session, at_work)
    supervisor = session.state.supervisor
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    run_to_end(session)
    assert any(
        "supervisor was killed" in entry.text for entry in session.state.log if entry.trouble
    )
    assert all(not process.alive for process in session.state.processes.values())


@pytest.mark.parametrize("slow", ["the fold", "the search for what is left"])
def test_a_run_ends_although_samples_come_faster_than_they_are_folded(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    """As on a busy machine: by the time that one thing is done, there is always another sample."""
    session = begin(CHILDREN)
    run_to_end(session, at_work)
    arrived = threading.Event()
    hand_over, get = Transport._hand_over, Transport.get

    def hand_over_and_say(self: Transport, each: Look | Event) -> None:
        hand_over(self, each)
        if isinstance(each, Sample):
            arrived.set()

    def get_with_a_sample(self: Transport, *arguments: Any, **options: Any) -> list[Told]:
        while not (self._closing or arrived.wait(0.001)):
            pass
        arrived.clear()
        return get(self, *arguments, **options)

    def end_marked_within_a_sample(fifo: str) -> int:
        arrived.clear()
        assert arrived.wait(PATIENCE)
        return end_marked(fifo)

    monkeypatch.setattr(Transport, "_hand_over", hand_over_and_say)
    if slow == "the fold":
        monkeypatch.setattr(Transport, "get", get_with_a_sample)
    else:
        monkeypatch.setattr("mpviz.trace.launch.session.end_marked", end_marked_within_a_sample)
    supervisor = session.state.supervisor
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    run_to_end(session)
    assert all(not process.alive for process in session.state.processes.values())


def test_children_outlive_their_fork_server_and_are_shown_so(begin: Begin) -> None:
    session = begin("""
def work(go):
    go.wait()
    sys.exit(3)

if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    go = context.Event()
    child = context.Process(target=work, args=(go,), name="child")
    child.start()
    from multiprocessing.forkserver import _forkserver
    os.kill(_forkserver._forkserver_pid, signal.SIGKILL)
    child.join()
    print("told", child.exitcode, flush=True)
    input()
    go.set()
    time.sleep(600)
""")
    run_to_end(session, lambda state: "told 255" in lines(state))
    samples = session.state.cores.samples
    run_to_end(session, lambda state: state.cores.samples > samples + 2)
    child = named(session.state, "child")
    assert child.alive
    session.write_stdin("go on\n")
    run_to_end(session, lambda state: not child.alive)
    assert child.exit_code == 3
    session.stop()
    run_to_end(session)


def test_a_file_that_is_no_interpreter_is_refused(tmp_path: Path) -> None:
    for python in (str(tmp_path / "none"), str(tmp_path)):
        with pytest.raises(LaunchError):
            start(Target(["x.py"], name="x", python=python), capture=True)


def test_a_file_that_cannot_be_executed_is_a_failure_of_the_run(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF nonsense")
    broken.chmod(0o755)
    session = start(Target(["x.py"], name="x", python=str(broken)), capture=True)
    run_to_end(session)
    session.close()
    assert session.state.failure
    assert session.state.exit_code is None
    assert document(session.state)["run"]["error"] == session.state.failure


def test_a_program_that_is_not_there_is_python_s_own_error(tmp_path: Path) -> None:
    session = start(Target([str(tmp_path / "none.py")], name="none"), capture=True)
    run_to_end(session)
    session.close()
    assert session.state.exit_code == 2
    assert "can't open file" in session.state.output[0].text


def test_a_program_without_a_probe_is_observed_as_far_as_it_can_be(tmp_path: Path) -> None:
    code = "import os, time; os.fork() or time.sleep(0.3); time.sleep(0.3)"
    target = Target(["-I", "-c", code], name="isolated", python=sys.executable)
    session = start(target, capture=True, rate=50)
    run_to_end(session)
    session.close()
    main = session.state.processes[session.state.main]
    assert (main.name, main.role, main.exit_code) == ("MainProcess", "main", 0)
    (child,) = [process for process in session.state.processes.values() if process is not main]
    assert (child.parent, child.role) == (main.key, "program")
    assert session.state.probe_errors == 0


def test_a_flood_of_output_is_kept_to_its_end(begin: Begin) -> None:
    session = begin("for number in range(50_000): print(number)\nprint('last')")
    run_to_end(session)
    assert session.state.output_lines == 50_001
    assert lines(session.state)[-1] == "last"


def test_what_a_program_prints_cannot_act_on_a_terminal(begin: Begin) -> None:
    session = begin(r"""
os.write(1, b"\x1b[2J\x1b]0;title\x07red [bold]\xff\x00\x9b31m\n" + b"x" * 3_000_000 + b"\n")
""")
    run_to_end(session)
    first, *rest = [line.text for line in session.state.output]
    assert "\x1b" not in first
    assert "[bold]" in first
    assert sum(map(len, rest)) == 3_000_000


def test_the_start_method_is_the_one_asked_for_unless_the_program_chooses(
    begin: Begin, start_method: str
) -> None:
    code = """
def work():
    pass

if __name__ == "__main__":
    print(multiprocessing.get_start_method(allow_none=True), multiprocessing.get_start_method())
    if len(sys.argv) > 1:
        multiprocessing.set_start_method(sys.argv[1])
    child = multiprocessing.Process(target=work, name="child")
    child.start()
    child.join()
"""
    session = begin(code, start_method=start_method)
    run_to_end(session)
    assert named(session.state, "child").start_method == start_method
    assert lines(session.state)[0].endswith(start_method)


def test_a_program_that_chooses_its_start_method_gets_it(begin: Begin) -> None:
    code = """
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    child = multiprocessing.Process(target=print, args=("hello",), name="child")
    child.start()
    child.join()
"""
    session = begin(code, start_method="fork")
    run_to_end(session)
    assert named(session.state, "child").start_method == "spawn"
    assert lines(session.state) == ["hello"]
