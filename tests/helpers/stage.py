"""A folder in which a program runs without mpviz and with it, and must show the same."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mpviz.probe import BOOT
from mpviz.trace.collect.transport import Transport
from mpviz.trace.model.events import Event
from mpviz.trace.model.told import as_events

PATIENCE = 60

_CHANGING = re.compile(rb"(?<=0x)[0-9a-f]+|(?<=pid=)\d+|(?<=Process )\d+|(?<=pid:)\d+")
"""What is another in each run of one program: addresses and pids."""

LOOKING = """
import os, sys, time

def tasks():
    # A thread that Python has joined may take a moment to be gone for the system too.
    import threading
    deadline = time.monotonic() + 5
    while True:
        found = len(os.listdir("/proc/self/task"))
        if found == threading.active_count() or time.monotonic() > deadline:
            return found

def look(place):
    import atexit, gc, signal, threading, warnings
    print("--", place)
    print("threads", [thread.name for thread in threading.enumerate()])
    print("tasks", tasks())
    print("flags", sys.flags, sys.warnoptions, sys._xoptions)
    print("filters", warnings.filters)
    print("descriptors", [fd for fd in open_descriptors() if fd < 100])
    print("path", sys.path)
    print("arguments", sys.argv)
    print("signals", [(n, signal.getsignal(n)) for n in signal.valid_signals()
                      if signal.getsignal(n) not in (signal.SIG_DFL, None)])
    print("mask", sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    print("hooks", sys.excepthook, sys.displayhook, sys.unraisablehook, threading.excepthook,
          sys.gettrace(), sys.getprofile(), sys.breakpointhook)
    print("gc", gc.isenabled(), gc.get_threshold(), gc.callbacks)
    print("limits", sys.getrecursionlimit(), sys.getswitchinterval())
    print("environment", sorted((name, value) for name, value in os.environ.items()
                                if name != "PYTHONPATH" and not name.startswith("MPVIZ_")))
    print("exit functions", atexit._ncallbacks())
    print("finders", [finder for finder in sys.meta_path
                      if not type(finder).__module__.startswith("mpviz_probe")])
    print("path hooks", len(sys.path_hooks))
    main = sys.modules["__main__"]
    print("main", sorted(vars(main)), main.__name__, main.__spec__, main.__package__)
    print("streams", sys.stdin.encoding, sys.stdout.encoding, sys.stdout.errors,
          sys.stdout.line_buffering)
    sys.stdout.flush()

def open_descriptors():
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            os.fstat(int(name))
        except OSError:
            continue
        found.append(int(name))
    return sorted(found)
"""

ALONE = """
from looking import look
import atexit, sys
for number in range(3):
    atexit.register(print, "at exit", number)
look("a program that does not use multiprocessing")
print("multiprocessing" in sys.modules)
"""


@dataclass(frozen=True)
class Seen:
    """What one run showed to the outside."""

    stdout: bytes
    stderr: bytes
    exit_code: int


@dataclass
class Stage:
    """A folder with a program, and a queue for when it is observed."""

    folder: Path
    transport: Transport

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def run(self, *command: str, observed: bool, path: str = "") -> Seen:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        if path:
            environment["PYTHONPATH"] = path
        if observed:
            environment["PYTHONPATH"] = f"{BOOT}{os.pathsep}{path}" if path else str(BOOT)
            environment["MPVIZ_EVENTS"] = str(self.transport.path)
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
        stdout, stderr = (_CHANGING.sub(b"", text) for text in (done.stdout, done.stderr))
        return Seen(stdout, stderr, done.returncode)

    def assert_same(self, *command: str, path: str = "") -> Seen:
        """Run a command without us and with us, and give what both showed."""
        bare = self.run(*command, observed=False, path=path)
        observed = self.run(*command, observed=True, path=path)
        for seen, expected in ((observed.stdout, bare.stdout), (observed.stderr, bare.stderr)):
            assert seen.decode().splitlines() == expected.decode().splitlines()
        assert observed == bare
        return observed

    def events(self) -> list[Event]:
        """All that the observed run told."""
        self.transport.finish()
        events: list[Event] = []
        while batch := self.transport.get():
            events += as_events(batch)
        return events
