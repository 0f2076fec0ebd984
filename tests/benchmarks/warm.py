"""What a talk gains by reading ahead: what a run reads from the disk, and how long it takes.

Before each run, the kernel is asked to forget what it has read of the files.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from mpviz.probe import BOOT
from mpviz.scenarios import catalogue
from mpviz.trace.launch.start import Target, start
from mpviz.tui.commands.targets import from_words
from mpviz.tui.talk.warm import Warmth

ROUNDS = 9
BLOCK = 512
"""Bytes, as getrusage counts what is read from a disk."""

STDLIB = "import sysconfig, sys; print(sysconfig.get_path('stdlib')); print(sys.base_exec_prefix)"


def main(pythons: Sequence[str]) -> None:
    """Print the table; the interpreters should be ones that nothing else is running."""
    print(f"\n{'a talk reads ahead':24}{'read by the run':>24}{'seconds of the run':>24}")
    for python in pythons or [sys.executable]:
        words = ["pool-map", "workers=2", "items=2", "size=10"]
        target = from_words(words, module=False, python=python, start_method="spawn")
        for ahead in (False, True):
            runs = [_run(target, ahead) for _ in range(ROUNDS)]
            name = f"{Path(python).parents[1].name}, {'ahead' if ahead else 'not ahead'}"
            read, seconds = (median(column) for column in zip(*runs, strict=True))
            print(f"{name:24}{read / 1e6:21.2f} MB{seconds:22.3f} s", flush=True)


def _run(target: Target, ahead: bool) -> tuple[int, float]:
    """Bytes that a run reads from the disk, and how long it takes."""
    _drop(target.python)
    warmth = Warmth()
    if ahead:
        warmth.warm(target)
        while not warmth.is_done:
            time.sleep(0.02)
    warmth.end()
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_inblock
    began = time.monotonic()
    session = start(target, capture=True)
    try:
        while not session.over:
            if not session.step(0.01):
                session.wait(0.001)
        seconds = time.monotonic() - began
    finally:
        session.close()
    read = resource.getrusage(resource.RUSAGE_CHILDREN).ru_inblock - before
    return read * BLOCK, seconds


def _drop(python: str) -> None:
    """Have the kernel forget what it has read of an interpreter's files, and of ours."""
    told = subprocess.run([python, "-c", STDLIB], capture_output=True, text=True, check=True)
    library, prefix = told.stdout.splitlines()
    folders = [Path(library), Path(prefix) / "bin", BOOT, Path(catalogue.__file__).parent]
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file():
                descriptor = os.open(file, os.O_RDONLY)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)
