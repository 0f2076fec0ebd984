"""Writes events as a recording, and reads, replays and exports recordings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from mpviz.trace.export.passage import Passage, Write
from mpviz.trace.model.events import Event
from mpviz.trace.record.recorder import Recorder
from mpviz.trace.record.recording import Recording
from mpviz.trace.record.replay import Replay


class Clock:
    """A clock that a test sets, in nanoseconds."""

    now = 1

    def __call__(self) -> int:
        return self.now


def recorded(folder: Path, events: Iterable[Event], name: str = "run.jsonl.gz") -> Path:
    """A recording of these events."""
    path = folder / name
    recorder = Recorder(path, "0.1.0")
    recorder.add(events)
    recorder.close()
    return path


def replay_of(
    path: Path,
    clock: Callable[[], int] = time.monotonic_ns,
    silenced: frozenset[str] = frozenset(),
) -> Replay:
    """A replay that has read the whole recording."""
    replay = Replay(path, clock, silenced)
    while not replay.is_read:
        replay.step(1)
    return replay


def exported(
    write: Callable[[Passage, Write], list[str]], path: Path
) -> tuple[str, list[str], Passage]:
    """What is written, what a person is told of it, and the way that the events went."""
    recording = Recording(path)
    pieces: list[str] = []
    passage = Passage(recording)
    notes = write(passage, pieces.append)
    recording.close()
    return "".join(pieces), notes, passage
