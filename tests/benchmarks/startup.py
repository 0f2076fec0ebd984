"""How soon mpviz answers: against an import of click, and against an empty app."""

import os
import pty
import select
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from tests.benchmarks.pairs import Measure, compare, print_head, print_row

ROUNDS = 9

EMPTY_APP = "from textual.app import App; App().run()"

# An empty app has painted when it goes to the first cell; ours when there is something to read.
FIRST_CELL = b"\x1b[1;1H"
FIRST_WORDS = b"choose a scenario"


def main() -> None:
    """Print the table."""
    mpviz = str(Path(sys.executable).with_name("mpviz"))
    print_head("start-up", "mpviz", "other")
    click = _seconds([sys.executable, "-c", "import click"])
    print_row("--help, to import click", compare(_seconds([mpviz, "--help"]), click, ROUNDS), "1.5")
    print_row("list, to import click", compare(_seconds([mpviz, "list"]), click, ROUNDS), "1.5")
    empty = [sys.executable, "-c", EMPTY_APP]
    first_paint = compare(
        partial(_first_paint, [mpviz], FIRST_WORDS),
        partial(_first_paint, empty, FIRST_CELL),
        ROUNDS,
    )
    print_row("first paint, to an empty app", first_paint, "1.6")


def _seconds(command: list[str]) -> Measure:
    def run() -> float:
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - began

    return run


def _first_paint(command: list[str], sign: bytes) -> float:
    """Seconds from the start until this comes out, in a terminal of 120x40."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="120", LINES="40")
        os.execvp(command[0], command)
    began = time.monotonic()
    try:
        seen = b""
        while sign not in seen:
            select.select([terminal], [], [])
            seen += os.read(terminal, 1 << 16)
        return time.monotonic() - began
    finally:
        _quit(pid, terminal)


def _quit(pid: int, terminal: int) -> None:
    """Leave the app as a person does, and read on so that it can say goodbye."""
    os.write(terminal, b"\x11")
    while True:
        try:
            if not os.read(terminal, 1 << 16):
                break
        except OSError:
            # The terminal's other end is closed.
            break
    os.waitpid(pid, 0)
    os.close(terminal)
