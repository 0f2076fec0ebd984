"""``mpviz step`` as a command: what it refuses, and a real program stepped through by keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.command import mpviz
from helpers.terminal import Terminal

pytestmark = pytest.mark.usefixtures("nothing_left")


def test_without_a_terminal_it_says_so(tmp_path: Path) -> None:
    done = mpviz("step", "race", directory=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "mpviz run --headless needs none" in done.stderr


UNGATED = """
import multiprocessing, sys, time
from multiprocessing import queues, sharedctypes, synchronize
print([name for name in sys.modules if "stepping" in name], type(time.sleep).__name__)
"""


def test_without_gates_a_program_has_nothing_of_them(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(UNGATED)
    done = mpviz("run", "--headless", file)
    assert done.stdout == "[] builtin_function_or_method\n"


KEYS = (
    ("1", "adder-1 reads counter: 0"),
    ("2", "adder-2 reads counter: 0"),
    ("1", "adder-1 acquires counter.get_lock()"),
    ("1", "adder-1 writes 1 to counter"),
    ("1", "adder-1 releases counter.get_lock()"),
    ("2", "If adder-2 writes now, what adder-1"),
    ("2", "An update of counter is lost"),
)
"""Those of docs/stepping.md, each with what it brings on the screen."""


def test_a_lost_update_by_hand_in_at_most_eight_keys(tmp_path: Path) -> None:
    terminal = Terminal("step", "race", directory=tmp_path, rows=30, columns=100)
    try:
        terminal.see("who goes next?")
        for key, text in KEYS:
            terminal.type(key)
            terminal.see(text)
        terminal.type("q")
        assert terminal.wait() == 0
        terminal.assert_as_it_was()
    finally:
        terminal.close()
