"""What the tests of exports share: events as a recording, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from mpviz.trace.export.passage import Passage, Write
from mpviz.trace.model.events import Event
from mpviz.trace.record.recorder import Recorder
from mpviz.trace.record.recording import Recording


def recorded(folder: Path, events: Iterable[Event]) -> Path:
    """A recording of these events."""
    path = folder / "run.jsonl.gz"
    recorder = Recorder(path, "0.1.0")
    recorder.add(events)
    recorder.close()
    return path


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
