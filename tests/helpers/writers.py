"""Processes that write into a transport as observed processes do, and what comes of it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mpviz.probe import BOOT
from mpviz.trace.collect.transport import Transport
from mpviz.trace.model.events import Event
from mpviz.trace.model.told import as_events

WIRE = """
import fcntl, mmap, os, random, struct, sys, threading, time
sys.path.insert(0, sys.argv[1])
from mpviz_probe import wire
from mpviz_probe.wire import ring
wire.open_queue(sys.argv[2])
"""

Write = Callable[..., "subprocess.Popen[str]"]


@contextmanager
def writers(queue: Transport, prelude: str = WIRE) -> Iterator[Write]:
    """Start processes with the probe's writing end, which run code; they are killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: str, python: str = sys.executable) -> subprocess.Popen[str]:
        command = [python, "-I", "-c", prelude + textwrap.dedent(code), str(BOOT), str(queue.path)]
        process = subprocess.Popen(
            [*command, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.communicate()


def all_of(queue: Transport) -> list[Event]:
    """What is left to read, now that nobody writes any more."""
    queue.finish()
    events: list[Event] = []
    while batch := queue.get():
        events += as_events(batch)
    return events
