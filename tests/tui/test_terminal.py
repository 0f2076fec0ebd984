"""The real thing on a real terminal: from the command to the prompt, however it ends."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from helpers.command import CALL
from helpers.terminal import ALTERNATE_SCREEN, PATIENCE, Terminal, plain

pytestmark = pytest.mark.usefixtures("nothing_left")


def one_more(value: object) -> Any:
    """A case that is much like the one before it: only ``--all`` has it."""
    return pytest.param(value, marks=pytest.mark.thorough)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that never ends by itself."""
    file = tmp_path / "endless.py"
    file.write_text(
        "import time\n"
        "from multiprocessing import Process\n"
        "if __name__ == '__main__':\n"
        "    child = Process(target=time.sleep, args=(1000,), name='sleeper')\n"
        "    child.start()\n"
        "    child.join()\n"
    )
    return file


@pytest.fixture
def opened() -> Iterator[list[Terminal]]:
    """What is in here is closed in the end."""
    terminals: list[Terminal] = []
    yield terminals
    for terminal in terminals:
        terminal.close()


def test_pick_run_and_quit(opened: list[Terminal], tmp_path: Path) -> None:
    terminal = Terminal(directory=tmp_path)
    opened.append(terminal)
    terminal.see("choose a scenario")
    terminal.type("/shared\r")
    terminal.see("A shared counter")
    terminal.type("\r")
    terminal.see("live")
    terminal.type("q")
    assert terminal.wait() == 0
    terminal.assert_as_it_was()


def test_at_the_end_it_says_in_which_files_the_runs_were_recorded(
    opened: list[Terminal], tmp_path: Path
) -> None:
    (tmp_path / "short.py").write_text("print('was ' + 'here')")
    terminal = Terminal("run", "--record", "run.jsonl.gz", "short.py", directory=tmp_path)
    opened.append(terminal)
    terminal.see("ended, exit code 0")
    terminal.type("r")
    terminal.see("ended, exit code 0")
    terminal.type("q")
    assert terminal.wait() == 0
    said = plain(terminal.drawn[terminal.drawn.rindex(ALTERNATE_SCREEN[1]) :]).splitlines()
    names = ["run.jsonl.gz", "run-2.jsonl.gz"]
    assert [line for line in said if line] == [f"mpviz: recorded in {each}" for each in names]
    assert all((tmp_path / each).stat().st_size for each in names)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 128 + 15), (signal.SIGHUP, 128 + 1)]
)
def test_a_signal_ends_it_as_q_does(
    opened: list[Terminal], program: Path, number: int, status: int
) -> None:
    terminal = Terminal("run", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("sleeper")
    os.kill(terminal.pid, number)
    assert terminal.wait() == status
    terminal.assert_as_it_was()
    assert "recorded" not in plain(terminal.drawn)


def test_a_program_that_handles_sigterm_says_with_which_status_it_ends(
    opened: list[Terminal], program: Path
) -> None:
    program.write_text(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    terminal = Terminal("run", "--json", "end.json", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("ready")
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.wait() == 5
    terminal.assert_as_it_was()
    assert json.loads((program.parent / "end.json").read_text())["run"]["exit_code"] == 5


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, one_more(signal.SIGHUP), one_more(signal.SIGINT)]
)
@pytest.mark.parametrize("rest", ["scenarios", "ended", "paused"])
def test_a_signal_ends_it_at_once_while_nothing_moves(
    opened: list[Terminal], tmp_path: Path, rest: str, number: int
) -> None:
    (tmp_path / "short.py").write_text("print('hello')\n")
    words = () if rest == "scenarios" else ("run", "--json", "end.json", "short.py")
    terminal = Terminal(*words, directory=tmp_path)
    opened.append(terminal)
    terminal.see("choose a scenario" if rest == "scenarios" else "exit code 0")
    if rest == "paused":
        terminal.type(" ")
        terminal.see("paused")
    terminal.settle()
    asked = time.monotonic()
    os.kill(terminal.pid, number)
    assert terminal.wait() == 128 + number
    # The loop sleeps when it is asked to end, so it has to be woken; LAST_WAY_OUT is 8 s.
    assert time.monotonic() - asked < 6
    terminal.assert_as_it_was()
    if words:
        assert json.loads((tmp_path / "end.json").read_text())["run"]["exit_code"] == 0


def test_a_storm_of_signals_ends_it_as_one_does(opened: list[Terminal], program: Path) -> None:
    terminal = Terminal("run", "--json", "end.json", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("sleeper")
    ending = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    for number in (*ending, signal.SIGWINCH) * 20:
        os.kill(terminal.pid, number)
        time.sleep(0.005)
    # Python handles signals that have arrived together in the order of their numbers.
    assert terminal.wait() in [128 + number for number in ending]
    terminal.assert_as_it_was()
    assert json.loads((program.parent / "end.json").read_text())["run"]["target"] == program.name


@pytest.mark.parametrize("is_over", [False, True])
def test_an_mpviz_stopped_without_a_word_gives_the_terminal_back(
    opened: list[Terminal], program: Path, is_over: bool
) -> None:
    if is_over:
        program.write_text("print('hello')\n")
    terminal = Terminal("run", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("exit code 0" if is_over else "sleeper")
    os.kill(terminal.pid, signal.SIGSTOP)
    os.waitpid(terminal.pid, os.WUNTRACED)
    # Like a shell that has the terminal meanwhile.
    termios.tcsetattr(terminal.descriptor, termios.TCSANOW, terminal.before)
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.take_again()
    terminal.see("exit code 0" if is_over else "sleeper")
    terminal.type("q" if is_over else "qy")
    assert terminal.wait() == 0
    terminal.assert_as_it_was()


def test_ctrl_z_from_outside_gives_the_terminal_back_meanwhile(
    opened: list[Terminal], program: Path
) -> None:
    terminal = Terminal("run", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("sleeper")
    os.kill(terminal.pid, signal.SIGTSTP)
    os.waitpid(terminal.pid, os.WUNTRACED)
    terminal.settle()
    terminal.assert_as_it_was()
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.see("sleeper")
    terminal.type("qy")
    assert terminal.wait() == 0
    terminal.assert_as_it_was()


class Shell(Terminal):
    """A shell with job control, and mpviz as its first job."""

    def __init__(self, *words: str, directory: Path, ending: str = "", command: str = "") -> None:
        super().__init__(directory=directory, command=("env", "PS1=> ", "sh", "-i"))
        self.see("> ")
        command = command or shlex.join([sys.executable, "-c", CALL, *words])
        self.type(f"{command}{ending}\n")

    @property
    def job(self) -> int:
        """The pid of mpviz."""
        (child,) = psutil.Process(self.pid).children()
        return child.pid

    def wait_for_stop(self) -> None:
        """Read until the job is stopped."""
        job = psutil.Process(self.job)
        deadline = time.monotonic() + PATIENCE
        while job.status() != psutil.STATUS_STOPPED:
            assert time.monotonic() < deadline, plain(self.drawn)[-3000:]
            self.read()

    def assert_it_is_back(self) -> None:
        """The job has ended with this status, and its terminal is as it was."""
        self.type("echo status $?\n")
        self.see("status 0")
        self.assert_as_it_was()


@pytest.mark.parametrize("number", [signal.SIGTSTP, one_more(signal.SIGSTOP)])
def test_a_job_that_is_stopped_goes_on_in_the_foreground(
    opened: list[Terminal], program: Path, number: int
) -> None:
    shell = Shell("run", program.name, directory=program.parent)
    opened.append(shell)
    shell.see("sleeper")
    os.kill(shell.job, number)
    shell.wait_for_stop()
    shell.settle()
    shell.type("bg\n")
    shell.settle()
    # In the background it works on, and does not draw.
    assert psutil.Process(shell.job).status() != psutil.STATUS_STOPPED
    assert shell.drawn.rfind(ALTERNATE_SCREEN[1]) > shell.drawn.rfind(ALTERNATE_SCREEN[0])
    shell.type("fg\n")
    shell.take_again()
    shell.see("sleeper")
    shell.type("?")
    shell.see("keys to begin with")
    shell.type("q")
    shell.see("sleeper")
    shell.type("qy")
    shell.see("> ")
    shell.assert_it_is_back()


@pytest.mark.parametrize("command", ["run", one_more("picker")])
def test_ctrl_z_stops_it_as_any_job_of_a_shell(
    opened: list[Terminal], program: Path, command: str
) -> None:
    """Also where a wrapper waits for it, as `uv run` does."""
    words = ("run", program.name) if command == "run" else ()
    script = program.with_name("wrapper.sh")
    script.write_text(shlex.join([sys.executable, "-c", CALL, *words]) + "\nexit $?\n")
    shell = Shell(directory=program.parent, command=f"sh {script.name}")
    opened.append(shell)
    seen = "sleeper" if words else "gil-race"
    shell.see(seen)
    shell.type("\x1a")
    shell.see("> ")
    shell.settle()
    shell.assert_as_it_was()
    shell.type("echo still here\n")
    shell.see("still here\r\n")
    shell.type("fg\n")
    shell.see(seen)
    shell.type("qy" if words else "q")
    shell.settle()
    shell.assert_it_is_back()


def test_ctrl_z_without_a_shell_says_so_and_goes_on(opened: list[Terminal], program: Path) -> None:
    terminal = Terminal("run", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("sleeper")
    terminal.type("\x1a")
    terminal.see("there is no shell")
    terminal.type("qy")
    assert terminal.wait() == 0
    terminal.assert_as_it_was()


def test_a_job_that_begins_in_the_background_waits_for_the_terminal(
    opened: list[Terminal], program: Path
) -> None:
    shell = Shell("run", program.name, directory=program.parent, ending=" &")
    opened.append(shell)
    shell.see("> ")
    shell.settle()
    assert ALTERNATE_SCREEN[0] not in shell.drawn
    shell.type("fg\n")
    shell.see("sleeper")
    shell.type("qy")
    shell.see("> ")
    shell.assert_it_is_back()


@pytest.mark.parametrize("how", ["TSTP", one_more("STOP"), one_more("in the background")])
def test_a_job_that_is_stopped_ends_by_sigterm(
    opened: list[Terminal], program: Path, how: str
) -> None:
    shell = Shell("run", program.name, directory=program.parent)
    opened.append(shell)
    shell.see("sleeper")
    job = shell.job
    os.kill(job, signal.SIGSTOP if how == "STOP" else signal.SIGTSTP)
    shell.wait_for_stop()
    if how == "in the background":
        shell.type("bg\n")
        shell.settle()
    for number in (signal.SIGTERM, signal.SIGCONT):
        os.kill(job, number)
    deadline = time.monotonic() + PATIENCE
    while psutil.pid_exists(job) and psutil.Process(job).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, plain(shell.drawn)[-3000:]
        shell.read()
    shell.type("echo still here\n")
    shell.see("still here\r\n")
    shell.assert_as_it_was()


class Continued(Terminal):
    """Continued whenever it is seen stopped, as by a person who says ``fg`` to a shell.

    If both SIGTSTP and SIGCONT have arrived before Python calls any handler, it calls them in the
    order of their numbers, whichever came last: mpviz stops after the SIGCONT.
    """

    def read(self, seconds: float = 0.1) -> None:
        super().read(seconds)
        # That is raised once it has ended.
        with suppress(ChildProcessError):
            if os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOHANG):
                os.kill(self.pid, signal.SIGCONT)


def test_a_storm_of_stops_leaves_a_screen_that_answers(
    opened: list[Terminal], program: Path
) -> None:
    """A handler that waited for a lock of the interrupted code would hang here."""
    program.write_text("import time\nwhile True: print(time.time()); time.sleep(0.001)\n")
    terminal = Continued("run", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("live")
    for _ in range(30):
        os.kill(terminal.pid, signal.SIGTSTP)
        terminal.read(0.01)
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.read(0.05)
    terminal.see("live")
    terminal.type("qy")
    assert terminal.wait() == 0
    terminal.assert_as_it_was()


def test_ctrl_c_again_and_again_ends_it_once(opened: list[Terminal], program: Path) -> None:
    terminal = Terminal("run", "--json", "end.json", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("sleeper")
    for _ in range(60):
        terminal.type("\x03")
        terminal.read(0.02)
    assert terminal.wait() == 0
    terminal.assert_as_it_was()
    assert json.loads((program.parent / "end.json").read_text())["run"]["target"] == program.name


def test_a_terminal_that_does_not_read_is_not_waited_for(
    opened: list[Terminal], program: Path
) -> None:
    program.write_text("import time\nwhile True: print(time.time() * 1e9); time.sleep(0.001)\n")
    terminal = Terminal("run", "--json", "end.json", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("live")
    # Nobody reads, so its buffer fills up, and drawing has to wait for room.
    time.sleep(3)
    os.kill(terminal.pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while (ended := os.waitpid(terminal.pid, os.WNOHANG)) == (0, 0):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    terminal.status = os.waitstatus_to_exitcode(ended[1])
    assert terminal.status == 128 + signal.SIGTERM
    assert termios.tcgetattr(terminal.descriptor)[:4] == terminal.before[:4]
    assert json.loads((program.parent / "end.json").read_text())["run"]["target"] == program.name


def test_a_terminal_that_goes_away_takes_the_program_with_it(
    opened: list[Terminal], program: Path
) -> None:
    terminal = Terminal("run", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("sleeper")
    os.close(terminal.descriptor)
    deadline = time.monotonic() + PATIENCE
    while os.waitpid(terminal.pid, os.WNOHANG)[0] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    terminal.status = 0


def test_the_viewer_killed_takes_the_program_with_it(opened: list[Terminal], program: Path) -> None:
    terminal = Terminal("run", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("sleeper")
    os.kill(terminal.pid, signal.SIGKILL)
    assert terminal.wait() == 128 + signal.SIGKILL


def test_the_second_ctrl_c_ends_it(opened: list[Terminal], program: Path) -> None:
    program.write_text(
        "import signal, time\n"
        "signal.signal(signal.SIGINT, lambda *_: print('not yet', flush=True))\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    time.sleep(0.05)\n"
    )
    terminal = Terminal("run", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("ready")
    terminal.type("\x03")
    terminal.see("not yet")
    terminal.type("\x03")
    assert terminal.wait() == 0
    terminal.assert_as_it_was()


def test_what_a_program_asks_can_be_answered(opened: list[Terminal], program: Path) -> None:
    program.write_text("print('hello', input('name? '))\n")
    terminal = Terminal("run", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("answer")
    terminal.type("iAda\r")
    terminal.see("hello Ada")
    # It may still be running: then there is a question.
    terminal.type("qy")
    assert terminal.wait() == 0


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        one_more({"LC_ALL": "", "LC_CTYPE": "", "LANG": "C"}),
    ],
)
def test_a_terminal_without_unicode_gets_only_ascii(
    opened: list[Terminal], tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "work.py").write_text("import time\ntime.sleep(0.3)\n")
    terminal = Terminal("run", "work.py", directory=tmp_path, environment=environment)
    opened.append(terminal)
    terminal.see("exit code 0")
    terminal.type("S")
    terminal.see("saved")
    terminal.type(":")
    terminal.see("Search for commands")
    terminal.type("\x1b")
    terminal.settle()
    terminal.type("q")
    assert terminal.wait() == 0
    assert terminal.drawn.isascii()
    assert "\\u" not in plain(terminal.drawn)


def test_a_bad_file_of_settings_is_one_line_and_w_mends_a_good_one(
    opened: list[Terminal], tmp_path: Path
) -> None:
    file = tmp_path / "mpviz" / "config.toml"
    file.parent.mkdir()
    file.write_text('theme = "light"\nspeed = 3\n')
    (tmp_path / "work.py").write_text("print('worked')\n")
    terminal = Terminal("--theme", "high-contrast", "run", "work.py", directory=tmp_path)
    opened.append(terminal)
    terminal.see(f"mpviz: {file}: there is no setting speed")
    # Not earlier: while something of it may be left, q asks first.
    terminal.see("ended, exit code 0")
    terminal.type("W")
    terminal.see("kept in")
    terminal.type("q")
    assert terminal.wait() == 0
    assert 'theme = "high-contrast"\nspeed = 3\n' in file.read_text()


def test_rubbish_on_stdout_does_no_harm_and_keys_answer(
    opened: list[Terminal], program: Path
) -> None:
    program.write_text(
        "import os, sys, time\n"
        "out = sys.stdout.buffer\n"
        "out.write(b'\\x1b[2J\\x1b]0;title\\x07\\x1b[31m [bold]markup[/bold] [/]\\n')\n"
        "out.write(bytes(range(256)) * 40 + b'\\n' + b'x' * 1_000_000 + b'\\n')\n"
        "out.write(b'yes\\n' * 1_000_000)\n"
        "out.write('wide \\u6f22\\u5b57 e\\u0301\\u0301 \\u202e'.encode() + b'\\nthe last\\n')\n"
        "out.flush()\n"
        "time.sleep(1000)\n"
    )
    terminal = Terminal("run", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("the last")
    assert b"\x1b]0;title" not in terminal.drawn
    terminal.type("?")
    terminal.see("keys to begin with")
    terminal.type("q")
    terminal.see(program.name)
    terminal.type("qy")
    assert terminal.wait() == 0
    terminal.assert_as_it_was()


def test_a_run_is_recorded_and_replayed(opened: list[Terminal], program: Path) -> None:
    terminal = Terminal("run", "--record", "run.gz", program.name, directory=program.parent)
    opened.append(terminal)
    terminal.see("● rec")
    terminal.see("sleeper")
    terminal.type("qy")
    assert terminal.wait() == 0
    terminal = Terminal("replay", "run.gz", "--at", "0", "--speed", "4", directory=program.parent)
    opened.append(terminal)
    terminal.see("replay")
    terminal.see("4x")
    terminal.type("@end\r")
    terminal.see("sleeper")
    terminal.see("ended")
    terminal.type(",")
    terminal.see("event")
    terminal.type("q")
    assert terminal.wait() == 0
    terminal.assert_as_it_was()


def test_a_recording_that_is_none_is_refused_before_there_is_a_screen(
    opened: list[Terminal], tmp_path: Path
) -> None:
    (tmp_path / "rubbish").write_bytes(b"\x1b[31mrubbish")
    terminal = Terminal("replay", "rubbish", directory=tmp_path)
    opened.append(terminal)
    assert terminal.wait() == 2
    assert terminal.drawn == b"mpviz: rubbish is no recording of mpviz\r\n"


def test_each_picture_is_one_synchronized_update_where_the_terminal_has_it(
    opened: list[Terminal], program: Path
) -> None:
    terminal = Terminal("run", str(program), directory=program.parent)
    opened.append(terminal)
    terminal.see("live")
    assert b"\x1b[?2026$p" in terminal.drawn
    terminal.type("\x1b[?2026;2$y")
    begin, end = b"\x1b[?2026h", b"\x1b[?2026l"
    deadline = time.monotonic() + PATIENCE
    while begin not in terminal.drawn:
        assert time.monotonic() < deadline
        terminal.read()
    # The layout changes: a panel is put away, and another fills the screen.
    terminal.type("11e")
    terminal.see("put away")
    terminal.type("q")
    terminal.see("still runs")
    drawn = terminal.drawn[terminal.drawn.index(begin) :]
    between = [each.split(end)[-1] for each in drawn.split(begin)[1:-1]]
    assert not [each for each in between if plain(each).strip()]
