"""``mpviz export``: write a recorded run into a file, with the progress on stderr."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from types import FrameType

from mpviz.trace.model.text import clean
from mpviz.tui.exports import Format, export
from mpviz.tui.messages import say

PATIENCE = 2.0
"""Seconds before the first progress message, and between two of them in a log."""
REDRAWN = 0.1
"""Seconds between two progress messages on a terminal, where each replaces the last."""


_ending: list[int] = []
"""The signals that asked us to end."""


class _Ended(SystemExit):
    """A signal asks us to end; the half-written file is removed on the way out."""


class Progress:
    """Says on stderr how far it is, if it takes long."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_terminal = sys.stderr.isatty()
        self._next = time.monotonic() + PATIENCE
        self._is_shown = False

    def tell(self, share: float) -> None:
        """Say it if it is time; end if a signal has asked us to."""
        if _ending:
            raise _Ended(128 + _ending[0])
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (REDRAWN if self._is_terminal else PATIENCE)
        words = f"mpviz: {self._name}: {share:4.0%}"
        if self._is_terminal:
            self._is_shown = True
            print(f"\r{words}", end="", file=sys.stderr, flush=True)
        else:
            print(words, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the last word off the terminal."""
        if self._is_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def export_by_command(recording: Path, form: Format, path: str) -> None:
    """Export, and say what there is to say.

    :class:`mpviz.trace.record.recording.NotARecording` and :class:`OSError` as :func:`export` has
    them.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    progress = Progress(clean(recording.name))
    try:
        notes = export(recording, form, path, progress.tell)
    finally:
        progress.clear()
    for note in notes:
        say(note)


def _end(number: int, frame: FrameType | None) -> None:
    # What is raised while an object is being freed goes nowhere; so the next word raises it again.
    _ending.append(number)
    raise _Ended(128 + number)
