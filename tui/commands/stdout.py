"""What to do if nobody reads what mpviz prints, or if it cannot be printed."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress


def reader_is_gone() -> int:
    """End quietly: the reader of our output has gone."""
    print_no_more()
    return 128 + 13


def cannot_print(error: OSError) -> int:
    """Say why nothing more can be printed, such as a full disk."""
    from mpviz.tui.messages import say

    print_no_more()
    say(f"cannot write to stdout: {error.strerror or error}")
    return 1


def print_no_more() -> None:
    """Keep Python from a second complaint, when it flushes what could not be written."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Closed(io.TextIOBase):
    """Takes the place of stdout if we were started without one (``>&-``)."""

    def write(self, text: str) -> int:
        """Refuse it as a closed descriptor does."""
        raise OSError(errno.EBADF, "it is closed")


class Nowhere(io.TextIOBase):
    """Takes the place of a missing stderr; without it, ``print`` would write to stdout."""

    def write(self, text: str) -> int:
        """Discard it."""
        return len(text)
