"""What a launched program finds: all as without us, but for a few words in its environment."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mpviz.probe import BOOT
from mpviz.trace.collect.transport import Transport
from mpviz.trace.launch.program import LaunchError, Program, launch
from mpviz.trace.system import kernel

PATIENCE = 20.0
Launch = Callable[..., Program]


@pytest.fixture
def queue() -> Iterator[Transport]:
    queue = Transport()
    yield queue
    queue.close()


@pytest.fixture
def start(queue: Transport) -> Iterator[Launch]:
    """Launch programs over the queue, and see them all ended."""
    programs: list[Program] = []

    def launch_one(*arguments: str, **options: Any) -> Program:
        settings: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture": True, **options}
        with launch(arguments, fifo=queue.path, **settings) as program:
            queue.hear(program.control, program.supervisor_pid)
        programs.append(program)
        return programs[-1]

    yield launch_one
    for program in programs:
        program.end()
        assert program.wait(PATIENCE)
        program.close()
    queue.close()
    mark = f"MPVIZ_EVENTS={queue.path}".encode()
    wait_until(lambda: not any(mark in kernel.read_environment(pid) for pid in kernel.list_pids()))


def read_all(program: Program) -> bytes:
    """Everything the program writes to stdout, till its end."""
    assert program.stdout is not None
    program.stdout.settimeout(PATIENCE)
    text = b""
    while received := program.stdout.recv(1 << 16):
        text += received
    return text


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-c", "import os, signal, sys, time\n" + code]


def read_parent(pid: int) -> int:
    reading = kernel.read_status(pid)
    return reading.parent if reading else 0


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_only_our_words_are_new_in_the_environment(
    start: Launch, queue: Transport, monkeypatch: pytest.MonkeyPatch, locale: str
) -> None:
    for name in [name for name in os.environ if name.startswith("LC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LANG", locale)
    monkeypatch.setenv("ODD", "=a\nb=\udcff")
    monkeypatch.setenv("PYTHONPATH", "/a:/b")
    program = start("cat", "/proc/self/environ", start_method="spawn")
    entries = read_all(program).removesuffix(b"\0").split(b"\0")
    found = dict(entry.split(b"=", 1) for entry in entries)
    assert found == {
        **os.environb,
        b"PYTHONPATH": os.fsencode(f"{BOOT}:/a:/b"),
        b"MPVIZ_EVENTS": os.fsencode(queue.path),
        b"MPVIZ_START_METHOD": b"spawn",
    }


def test_without_a_start_method_none_is_shown(
    start: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("MPVIZ_START_METHOD", "fork")
    found = read_all(start("cat", "/proc/self/environ")).split(b"\0")
    assert not [entry for entry in found if entry.startswith(b"MPVIZ_START_METHOD")]
    assert os.fsencode(f"PYTHONPATH={BOOT}") in found


def test_words_and_directory_arrive_as_given(start: Launch, tmp_path: Path) -> None:
    script = tmp_path / "program"
    script.write_text('#!/bin/sh\npwd\nprintf "%s|" "$0" "$@"')
    script.chmod(0o755)
    program = start("./program", "a b", "", "*", "--remove", directory=tmp_path)
    assert read_all(program).decode() == f"{tmp_path}\n./program|a b||*|--remove|"


def test_stdin_can_be_a_pipe_of_ours(start: Launch) -> None:
    program = start("cat", stdin=subprocess.PIPE)
    assert program.write_stdin(b"one\n") == 4
    assert program.write_stdin(b"two\n") == 4
    program.close_stdin()
    program.close_stdin()
    assert read_all(program) == b"one\ntwo\n"
    assert program.write_stdin(b"three\n") == 0


def test_a_pipe_that_the_program_does_not_read_does_not_block_us(start: Launch) -> None:
    program = start("sleep", "600", stdin=subprocess.PIPE)
    taken = 0
    while more := program.write_stdin(b"x" * 4096):
        taken += more
    assert taken >= 4096


def test_stdin_can_be_a_file(start: Launch, tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"from a file")
    with (tmp_path / "input").open("rb") as file:
        assert read_all(start("cat", stdin=file.fileno())) == b"from a file"


HEADLESS = """
import sys
from mpviz.trace.launch.program import launch
from mpviz.trace.collect.transport import Transport

queue = Transport()
with launch(sys.argv[1:], fifo=queue.path) as program:
    pass
program.wait()
program.close()
queue.close()
"""


def test_headless_the_program_has_our_own_three_streams() -> None:
    echo = "cat; echo err >&2; ls -l /proc/self/fd"
    done = subprocess.run(
        [sys.executable, "-c", HEADLESS, "sh", "-c", echo],
        input=b"in\n",
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )
    assert done.stderr == b"err\n"
    assert done.stdout.startswith(b"in\n")
    assert done.stdout.count(b" -> pipe:[") == 3


def test_descriptors_that_we_were_given_are_the_program_s_and_no_others() -> None:
    reading, writing = os.pipe()
    kept, unkept = os.pipe()
    os.write(writing, b"given")
    os.close(writing)
    # A descriptor that is gone after the listing was that of the listing itself.
    reader = (
        "import os, sys\n"
        "listed = sorted(map(int, os.listdir('/proc/self/fd')))\n"
        "there = [each for each in listed if os.path.exists(f'/proc/self/fd/{each}')]\n"
        "print(there, os.read(int(sys.argv[1]), 9))"
    )
    lister = [sys.executable, "-I", "-S", "-c", reader, str(reading)]
    done = subprocess.run(
        [sys.executable, "-c", HEADLESS, *lister],
        pass_fds=[reading],
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )
    for descriptor in (reading, kept, unkept):
        os.close(descriptor)
    assert done.stdout.decode() == f"{[0, 1, 2, reading]} b'given'\n"


def test_the_supervisor_lets_go_of_what_it_passes_on() -> None:
    reading, writing = os.pipe()
    closing = "import os, sys, time; os.close(int(sys.argv[1])); time.sleep(600)"
    code = HEADLESS.replace("program.wait()", f"import os; os.close({writing}); program.wait()")
    viewer = subprocess.Popen(
        [sys.executable, "-c", code, sys.executable, "-I", "-S", "-c", closing, str(writing)],
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        # The end of file comes when no process holds the other end any more.
        assert os.read(reading, 1) == b""
    finally:
        viewer.kill()
        viewer.wait()
        os.close(reading)


@pytest.mark.parametrize("closed", ["0", "1", "2", "0,1,2"])
def test_streams_that_we_do_not_have_the_program_does_not_have(tmp_path: Path, closed: str) -> None:
    proof = tmp_path / "proof"
    close = " ".join(f"{number}>&-" for number in closed.split(","))
    listing = f"import os; open({str(proof)!r}, 'w').write(' '.join(os.listdir('/proc/self/fd')))"
    lister = [sys.executable, "-I", "-S", "-c", listing]
    subprocess.run(
        ["sh", "-c", f'exec "$@" {close}', "sh", sys.executable, "-c", HEADLESS, *lister],
        check=True,
        timeout=PATIENCE,
    )
    # The listing and the file that is written take the lowest numbers that are free.
    expected = {"0", "1", "2"} - set(closed.split(","))
    assert len(proof.read_text().split()) == len(expected) + 2


def test_works_where_pythons_own_streams_have_no_descriptors(
    start: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoFile:
        def fileno(self) -> int:
            return -1

    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, NoFile())
    assert read_all(start("echo", "all the same")) == b"all the same\n"


def test_interrupt_reaches_the_program_and_its_children_as_control_c_would(start: Launch) -> None:
    program = start(
        *python("""
os.fork()
try:
    os.write(1, b"here\\n")
    while True:
        # One long sleep could begin just after the signal has come, and sleep on.
        time.sleep(0.01)
except KeyboardInterrupt:
    os.write(1, b"interrupted\\n")
""")
    )
    assert program.stdout is not None
    here = b""
    while here.count(b"here") < 2:
        here += program.stdout.recv(100)
    program.interrupt()
    assert read_all(program).count(b"interrupted") == 2


def test_freeze_and_thaw(start: Launch) -> None:
    program = start(*python("os.fork()\nos.write(1, b'%d\\n' % os.getpid())\ntime.sleep(600)"))
    assert program.stdout is not None
    text = b""
    while text.count(b"\n") < 2:
        text += program.stdout.recv(100)
    processes = [(pid, kernel.start_time(pid) or 0) for pid in map(int, text.split())]

    def statuses() -> set[str]:
        readings = [kernel.read_status(pid) for pid, _ in processes]
        return {reading.status for reading in readings if reading}

    assert not program.send_signal(processes[0][0], 1, signal.SIGSTOP), "it started later"
    for pid, started in processes:
        assert program.send_signal(pid, started, signal.SIGSTOP)
    wait_until(lambda: statuses() == {"T"})
    for pid, started in processes:
        program.send_signal(pid, started, signal.SIGCONT)
    wait_until(lambda: statuses() == {"S"})
    # The child would stay a zombie, which still can be sent signals.
    (parent,) = (p for p in processes if read_parent(p[0]) == program.supervisor_pid)
    assert program.send_signal(*parent, signal.SIGKILL)
    wait_until(lambda: kernel.start_time(parent[0]) is None)
    assert not program.send_signal(*parent, signal.SIGKILL)


def test_waiting_has_an_end(start: Launch) -> None:
    program = start("sleep", "600")
    assert not program.wait(0.01)
    program.end()
    assert program.wait()
    assert program.wait(0)
    program.end()
    program.interrupt()


def test_closing_our_end_ends_the_program(start: Launch) -> None:
    program = start("sleep", "600")
    program.close()
    program.close()
    assert program.wait(PATIENCE)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "there is no command to run"),
        (["no-such-command"], "there is no command no-such-command on the PATH"),
        (["./nothing"], "there is no file ./nothing"),
        (["./folder"], "./folder is a directory, not a program"),
        (["./text"], "./text is not executable"),
        (["cat", "a\0b"], "cat could not be started: embedded null byte"),
    ],
)
def test_a_command_that_cannot_be_run_is_one_clear_line(
    queue: Transport, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no program")
    before = set(Path("/proc/self/fd").iterdir())
    launching = launch(arguments, fifo=queue.path, directory=tmp_path, capture=True)
    with pytest.raises(LaunchError) as error, launching:
        pass
    assert str(error.value) == sentence
    # What an earlier test has left to the garbage collector may be closed meanwhile.
    assert set(Path("/proc/self/fd").iterdir()) <= before


def test_a_directory_that_is_not_there_is_one_clear_line(queue: Transport, tmp_path: Path) -> None:
    launching = launch(["true"], fifo=queue.path, directory=tmp_path / "nowhere")
    with pytest.raises(LaunchError, match=r"^there is no directory .*/nowhere$"), launching:
        pass
