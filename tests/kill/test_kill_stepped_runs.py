"""A stepped run whose viewer is killed in the middle of its steps leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from helpers.runs import wait_until

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("nothing_left")]

STEPS = """
import time
from mpviz.trace.stepping.run import SteppedRun
from mpviz.trace.stepping.steps import Choice
from mpviz.tui.commands.targets import from_words
from mpviz.tui.stepping.walk import Walk

target = from_words(["race"], module=False, python=None, start_method=None, is_stepped=True)
walk = Walk(lambda: SteppedRun(target))
walk.begin()
for task in {moves}:
    walk.go(Choice(task))
print(flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moves", [[], ["main.1", "main.2"], ["main.1"] * 2])
def test_nothing_is_left_of_the_program(number: int, moves: list[str]) -> None:
    command = [sys.executable, "-c", STEPS.format(moves=moves)]
    viewer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert viewer.stdout is not None
    with viewer:
        viewer.stdout.readline()
        below = psutil.Process(viewer.pid).children(recursive=True)
        os.kill(viewer.pid, number)
        viewer.wait()
    assert len(below) >= 4
    wait_until(lambda: not any(each.is_running() for each in below))
