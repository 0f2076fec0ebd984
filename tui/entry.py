"""The console script: until mpviz can answer, Ctrl-C ends it without a word."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the command line and return the exit status."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from mpviz.tui import cli  # noqa: PLC0415 - Ctrl-C must not come in the middle of it

    signal.signal(signal.SIGINT, handler)
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
