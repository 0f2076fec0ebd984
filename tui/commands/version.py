"""``mpviz --version``: the version, and what it runs on, as a report of a fault needs it."""

from __future__ import annotations

import platform
from importlib.metadata import version

from mpviz.trace.version import VERSION


def version_in_words() -> str:
    """Name the versions of mpviz, Python, Textual and the system, on two lines."""
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    python, textual = platform.python_version(), version("textual")
    return f"mpviz {VERSION}\nPython {python}, Textual {textual}, {system}"
