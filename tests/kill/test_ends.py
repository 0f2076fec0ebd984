"""However mpviz ends, it ends, and leaves nothing: some trials of tests/benchmarks/ends.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("nothing_left")]

ROOT = Path(__file__).parents[2]
TRIES = 22
"""Number of trials, out of 44 combinations of way, rest or work, and terminal or none."""


def test_every_end_is_an_end_and_leaves_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.ends", "--tries", f"{TRIES}", "--at-once", "3"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    summary = f"{TRIES} ends: 0 hung, 0 alive, 0 left, 0 terminal"
    assert done.stdout.splitlines()[-1] == summary, done.stderr
    assert done.returncode == 0
