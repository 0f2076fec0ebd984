"""What mpviz says on stderr, and the document that ``--json`` asks for."""

from __future__ import annotations

import json
import select
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from mpviz.trace.model.text import clean

if TYPE_CHECKING:
    from mpviz.tui.sessions import Session


def say(words: str) -> None:
    """Print a message on stderr, if there is one.

    Names of files and programs may contain terminal escape sequences.
    """
    with suppress(OSError):
        print(f"mpviz: {clean(words)}", file=sys.stderr, flush=True)


def say_at_once(words: str) -> None:
    """The same while the program runs, unless stderr has no room: a reader may be stopped."""
    with suppress(OSError, ValueError):
        if select.select([], [sys.stderr.fileno()], [], 0)[1]:
            say(words)


def write_json(document: object, path: str) -> bool:
    """Write a document to the place that ``--json`` names; if that fails, say so and give False."""
    from mpviz.trace.system.destination import destination  # noqa: PLC0415 - few ask for JSON

    try:
        with destination(path) as file:
            file.write(json.dumps(document) + "\n")
    except BrokenPipeError:
        raise
    except OSError as error:
        place = "stdout" if path == "-" else path
        say(f"--json: cannot write {place}: {error.strerror}")
        return False
    return True


def record_problem(session: Session) -> str:
    """Why the run could not be recorded although requested; empty if there was no problem."""
    if session.recorded is None or not session.record_problem:
        return ""
    return f"{session.recorded}: {session.record_problem}"
