"""The forms in which a recorded run can be exported, and the one way to do it.

To add one: a file in ``mpviz.trace.export``, or here if it draws, and a line in :data:`FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mpviz.trace.export import chrome, csv
from mpviz.trace.export.passage import Passage, Write
from mpviz.trace.record.recording import Recording
from mpviz.trace.system.destination import destination
from mpviz.tui.exports import html, svg


@dataclass(frozen=True)
class Format:
    """A form that other tools read."""

    name: str
    endings: tuple[str, ...]
    """The endings of files that ask for this form; the usual one first."""
    what: str
    """One word."""
    help: str
    """A few more, for those who choose."""
    write: Callable[[Passage, Write], list[str]]
    """Writes it, and returns what a person has to know of it, a sentence each."""


FORMATS: tuple[Format, ...] = (
    Format(
        "chrome",
        (".json",),
        "trace",
        "a trace for ui.perfetto.dev or chrome://tracing",
        chrome.write,
    ),
    Format("html", (".html", ".htm"), "report", "a report to mail, in one file", html.write),
    Format("svg", (".svg",), "timeline", "the timeline as a picture", svg.write),
    Format("csv", (".csv",), "tasks", "a row for each task, for a spreadsheet", csv.write),
)


class UnknownFormat(ValueError):
    """Nobody knows the form that is asked for; the text says why in one line."""


def format_for(name: str | None, path: str) -> Format:
    """The form with this name, else the one that the file's ending names.

    :class:`UnknownFormat` if there is none.
    """
    names = ", ".join(each.name for each in FORMATS)
    if name is not None:
        named = [each for each in FORMATS if each.name == name]
        if not named:
            raise UnknownFormat(f"there is no format {name!r}; there are {names}")
        return named[0]
    for each in FORMATS:
        if path.lower().endswith(each.endings):
            return each
    endings = ", ".join(each.endings[0] for each in FORMATS)
    raise UnknownFormat(f"the ending of {path} names no format; there are {endings}")


def export(recording: Path, form: Format, path: str, report: Callable[[float], None]) -> list[str]:
    """Write a recorded run into a file in this form; what a person has to know of it.

    ``report`` hears how much is done, 0 to 1. :class:`mpviz.trace.record.recording.NotARecording`
    where it is none, :class:`OSError` if the file cannot be written; it is as it was then.
    """
    opened = Recording(recording)
    try:
        passage = Passage(opened, report)
        with destination(path) as file:
            notes = form.write(passage, file.write)
    finally:
        opened.close()
    cut = f"{recording}: {passage.trouble}; all before that is exported"
    return [*notes, cut] if passage.trouble else notes
