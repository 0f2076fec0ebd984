"""The main guard: why it says if __name__ == "__main__".

Watch the child import the file, and try to start a child of its own.

A spawned child is a new Python. To find the function that it is to run, it
imports the program's file, as __mp_main__, and everything at the top level
of the file runs again: without a guard, the start of a child too. Python
sees that and raises RuntimeError, so that children do not start children
for ever. Here a small program is written to a file and run, once without
the guard and once with it.
"""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import indent
from typing import Annotated

from mpviz.scenarios.catalogue import Choice, Range

CHAPTER = "processes"
ORDER = 3

DEFINITIONS = """\
import os, sys, time
from multiprocessing import get_context

def worker():
    print(f"{os.getpid()} works", flush=True)

print(f"{os.getpid()} runs the file as {__name__}", flush=True)
time.sleep(SECONDS)
"""
GUARD = """\
if __name__ == "__main__":
"""
START = """\
process = get_context("spawn").Process(target=worker)
process.start()
process.join()
sys.exit(process.exitcode)
"""


def run(name: str, program: str) -> None:
    """Run a program from a file, and show how it ended."""
    print(f"--- {name}\n{program}---", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, name)
        file.write_text(program)
        ended = subprocess.run(
            [sys.executable, file],
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    # The traceback before the error leads through Python's own files.
    error = ended.stderr[max(0, ended.stderr.rfind("RuntimeError")) :]
    print(f"{error}{name}: exit code {ended.returncode}", flush=True)


def main(
    *,
    guard: Annotated[
        str, Choice(("both", "without", "with"), "the program to run")
    ] = "both",
    seconds: Annotated[
        float, Range(0, 10, "how long each import of the file takes")
    ] = 2,
) -> None:
    """Run the same program without the guard and with it."""
    # A run that is terminated must leave no file behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    definitions = DEFINITIONS.replace("SECONDS", str(seconds))
    if guard != "with":
        run("unguarded.py", definitions + START)
    if guard != "without":
        run("guarded.py", definitions + GUARD + indent(START, "    "))
