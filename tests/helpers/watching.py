"""Programs with a fault that run under mpviz until it is found, and are then told to end.

So a finding does not depend on how busy the machine is. A program ends when ``is_enough()``.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from mpviz.trace.explain.findings.too_many_for_cores import most_for
from mpviz.trace.launch.session import Session
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.state import Finding, RunState

PATIENCE = 60

CROWD = 3 * int(most_for(len(os.sched_getaffinity(0))))
"""Enough busy processes to be too many for this machine, even beside other load."""

HEAD = f"""
import os, sys, time
from multiprocessing import Barrier, Lock, Pool, Process, Queue, Value
ENOUGH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "enough")
CROWD = {CROWD}

def is_enough():
    return os.path.exists(ENOUGH)

def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass

def run(*processes):
    for process in processes:
        process.start()
    for process in processes:
        process.join()
"""


@dataclass
class Watched:
    """A program that was told that it is enough when the finding was there, and its end."""

    state: RunState
    at_work: bool
    """It was still at it when the finding was made."""
    pids: dict[str, int]
    printed: list[str]

    def finding(self, rule: str) -> Finding:
        """The finding of this rule, which was made once and live, and no other was."""
        assert [key[0] for key in self.state.findings] == [rule], self.state.findings
        (found,) = self.state.findings.values()
        assert self.at_work
        assert self.state.exit_code == 0
        assert 0 <= found.since <= found.found < self.state.ending
        return found

    def pids_of(self, found: Finding) -> list[int]:
        """The pids that a finding names, in its order."""
        return [self.state.processes[key].pid for key in found.processes]


class Watching:
    """A program at fault that runs under mpviz."""

    def __init__(self, rule: str, source: str, folder: Path, method: str | None = None) -> None:
        self.rule = rule
        self.folder = folder
        folder.mkdir()
        program = folder / "program.py"
        program.write_text(HEAD + source)
        target = Target(
            arguments=[str(program)],
            name=rule,
            start_method=method,
            python=sys.executable,
            directory=folder,
        )
        self.session: Session = start(target, capture=True, record=None)
        self.is_found = False
        self.at_work = False

    def step(self) -> None:
        """Fold what has come; tell the program when it is enough."""
        self.session.step(0.005)
        state = self.session.state
        if not self.is_found and any(key[0] == self.rule for key in state.findings):
            self.is_found = True
            self.at_work = state.ending < 0
            (self.folder / "enough").touch()

    def end(self) -> Watched:
        """What came of it."""
        self.session.close()
        state = self.session.state
        pids = {process.name: process.pid for process in state.processes.values()}
        return Watched(state, self.at_work, pids, [line.text for line in state.output])


def watch(*watchings: Watching) -> list[Watched]:
    """Run these side by side until they are over."""
    deadline = time.monotonic() + PATIENCE
    try:
        while not all(watching.session.over for watching in watchings):
            assert time.monotonic() < deadline, [
                (each.rule, each.session.state.findings)
                for each in watchings
                if not each.session.over
            ]
            for watching in watchings:
                if not watching.session.over:
                    watching.step()
            time.sleep(0.002)
    finally:
        watched = [watching.end() for watching in watchings]
    return watched
