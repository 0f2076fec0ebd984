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


def test_a_lost_update_by_hand_in_at_most_eight_keys(tmp_path: Path) -> None:
    """The keys of docs/stepping.md, one at a time as a learner presses them."""
    terminal = Terminal("step", "race", directory=tmp_path, rows=30, columns=100)
    try:
        terminal.see("who goes next?")
        for key in "1211122":
            terminal.type(key)
            terminal.settle()
        terminal.type("a")
        terminal.see("stops at each step")
        terminal.type("q")
        assert terminal.wait() == 0
        terminal.assert_as_it_was()
        assert b"An update of counter is lost" in terminal.drawn
    finally:
        terminal.close()
