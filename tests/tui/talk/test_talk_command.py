"""``mpviz talk`` as a command: what it checks and records, and the built-in talk on a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.command import mpviz
from helpers.recordings import replay_of
from helpers.terminal import Terminal
from mpviz.tui.talk.plan import BUILT_IN, read_talk

pytestmark = pytest.mark.usefixtures("nothing_left")

STEP = '[[step]]\ntitle = "One"\nrun = "own.py 3"\nquestion = "How many?"\n'


def write(folder: Path, *says: str, program: str = "import sys; print('got', sys.argv[1])") -> Path:
    (folder / "own.py").write_text(program)
    file = folder / "talk.toml"
    file.write_text("\n".join(['title = "T"', STEP, *says]))
    return file


def test_a_check_says_how_long_each_step_takes(tmp_path: Path) -> None:
    done = mpviz("talk", "--check", write(tmp_path, "answer = '{printed}'"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(" 1 One: stops at the end, after ")


@pytest.mark.parametrize(
    ("says", "program", "problem"),
    [
        ("stop = 'deadlock'", "print(1)", "it ends before the finding deadlock"),
        ("stop = 3", "print(1)", "it ends before 3 s"),
        ("", "raise SystemExit(3)", "it ends with exit code 3"),
        ("", "1 / 0", "it ends with exit code 1: ZeroDivisionError: division by zero"),
        ("answer = '{speed-up}'", "print(1)", "the answer '{speed-up}' is left out"),
        ("recording = 'x'", "print(1)", "recording: there is no file "),
    ],
)
def test_a_check_says_what_would_go_wrong(
    says: str, program: str, problem: str, tmp_path: Path
) -> None:
    done = mpviz("talk", "--check", write(tmp_path, says, program=program))
    assert done.returncode == 1
    assert f"!! {problem}" in done.stdout


def test_a_bad_file_is_a_usage_error(tmp_path: Path) -> None:
    done = mpviz("talk", "--check", write(tmp_path, "stop = 'never'"))
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"mpviz: {tmp_path}/talk.toml: step 1 (One): stop: 'never' is not"
    )
    assert len(done.stderr.splitlines()) == 1


def test_recordings_are_made_where_the_file_says(tmp_path: Path) -> None:
    file = write(tmp_path, "recording = 'runs/one.jsonl.gz'")
    done = mpviz("talk", "--record", file)
    assert done.returncode == 0, done.stderr
    assert "kB in runs/one.jsonl.gz" in done.stdout
    replay = replay_of(tmp_path / "runs" / "one.jsonl.gz")
    replay.go_to_event(replay.known)
    assert [line.text for line in replay.state.output] == ["got 3"]
    replay.close()
    assert mpviz("talk", "--check", file).returncode == 0


def test_without_a_terminal_it_says_so(tmp_path: Path) -> None:
    done = mpviz("talk", write(tmp_path))
    assert done.returncode == 2
    assert "mpviz talk --check needs no terminal" in done.stderr


@pytest.mark.thorough
def test_nothing_would_go_wrong_in_the_built_in_talk(tmp_path: Path) -> None:
    done = mpviz("talk", "--check", directory=tmp_path, seconds=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "!!" not in done.stdout


@pytest.mark.thorough
def test_the_built_in_talk_from_the_first_key_to_the_last(tmp_path: Path) -> None:
    steps = read_talk(BUILT_IN).step
    terminal = Terminal("talk", directory=tmp_path)
    try:
        terminal.see("1 of ")
        for number, step in enumerate(steps, 1):
            terminal.see(f"{number} of {len(steps)}") if number > 1 else None
            terminal.type(" ")
            terminal.see("stopped here", patience=200)
            terminal.see(step.lines[-1].split("{")[0][:30])
            terminal.type(" ")
        terminal.see(steps[0].title)
        terminal.type("q")
        terminal.see("leave the talk?")
        terminal.type("q")
        assert terminal.wait() == 0
        terminal.assert_as_it_was()
    finally:
        terminal.close()


OF_STEPS = """
kind = "step"
moves = "1 2 1 1 1 2 2 2 0 0"
answer = ["{final}: {lost-updates} is lost after {steps} steps", "{printed}", "{finding}"]
numbers = { final = 'final (\\d+)' }
"""


def test_a_check_takes_the_moves_of_a_step_in_which_the_room_chooses(tmp_path: Path) -> None:
    file = tmp_path / "talk.toml"
    file.write_text(f'title = "T"\n{STEP.replace("own.py 3", "race")}{OF_STEPS}')
    done = mpviz("talk", "--check", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(" 1 One: 22 steps; An update of counter is lost: adder-2 read 0")
