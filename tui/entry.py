"""The console script: until mpviz can answer, Ctrl-C ends it without a word.

If a library that it needs is missing, one line says what to do.
"""

from __future__ import annotations

import signal
import sys

LIBRARIES = (
    *("click", "msgspec", "platformdirs", "psutil", "pygments", "rich", "textual"),
    *("tomli", "tomlkit"),
)


def main() -> int:
    """Run the command line and return the exit status."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from mpviz.tui.commands import command_line  # noqa: PLC0415 - Ctrl-C must not come in between

        signal.signal(signal.SIGINT, handler)
        return command_line.main()
    except ImportError as error:
        library = (error.name or "").partition(".")[0]
        if library not in LIBRARIES:
            raise
        sys.stderr.write(f"mpviz: {_advice(library, error)}\n")
        return 1


def _advice(library: str, error: ImportError) -> str:
    """What is wrong with a library, and the command that repairs it."""
    from importlib import metadata  # noqa: PLC0415 - only here

    try:
        needed = metadata.requires("mpviz") or []
    except metadata.PackageNotFoundError:
        return "it has to be installed to run; README.md says how"
    is_missing = isinstance(error, ModuleNotFoundError) and error.name == library
    wrong = "is missing" if is_missing else f"does not fit: {' '.join(str(error).split())}"
    named = [each for each in needed if each.startswith(library)]
    wanted = named[0].partition(";")[0].strip() if named else library
    return f"the library {library} {wrong}; {sys.executable} -m pip install '{wanted}' helps"


if __name__ == "__main__":
    sys.exit(main())
