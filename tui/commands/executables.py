"""How a file is run: as a Python program, by which interpreter, or as a command."""

from __future__ import annotations

import os
import shlex
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mpviz.trace.model.processes.commands import is_python
from mpviz.tui.commands import interpreters
from mpviz.tui.commands.interpreters import BadTarget

_BEGINNING = 1024
"""Bytes of a file that are looked at; the kernel reads 256 of a ``#!`` line."""

_BINARY = b"\x7fELF\0"
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Executable:
    """How a file is run."""

    python: str
    """The interpreter; empty if the file is run as it is."""
    arguments: list[str]
    """What the interpreter is given, or the command itself; the program's own words follow."""


def find(word: str, python: str | None) -> Executable | None:
    """How this file, folder or command on the ``PATH`` is run; None if there is none.

    ``python`` is the interpreter that was asked for. A ``#!`` line counts where the file may be
    executed, as in the shell. :class:`BadTarget` for what is there and cannot be run.
    """
    path = Path(word)
    if path.is_dir():
        if (path / "__main__.py").is_file():
            return Executable(python or interpreters.default(), [word])
    elif path.exists():
        return _from_file(word, path, word if "/" in word else f"./{word}", python)
    found = None if "/" in word else shutil.which(word)
    if found is not None:
        return _from_file(found, Path(found), word, python)
    if path.is_dir():
        raise BadTarget(f"{word} is a folder without a __main__.py, so there is nothing to run")
    return None


def _from_file(word: str, path: Path, command: str, python: str | None) -> Executable:
    """``word`` names the file for a Python, ``command`` for the kernel."""
    beginning = _read_beginning(path)
    line = _first_line(beginning)
    may_run = os.access(path, os.X_OK)
    by_itself = may_run and python is None
    if line and by_itself:
        return _by_first_line(line, word, command)
    if _may_be_python(path, beginning, line):
        return Executable(python or interpreters.default(), [word])
    if by_itself:
        return Executable("", [command])
    if may_run:
        raise BadTarget(f"--python: {word} is no Python program, and runs as it is")
    what = f"begins with {line}" if line else "is no text"
    raise BadTarget(f"{word} is no Python program (it {what}), and it may not be executed")


def _by_first_line(line: str, word: str, command: str) -> Executable:
    """As the kernel would run it; ``env python3`` is whichever is active."""
    program, words = _read_line(line)
    if not os.access(program, os.X_OK) or Path(program).is_dir():
        raise BadTarget(f"{word} begins with {line}, and there is no such program; see --python")
    if not is_python(words[0]):
        return Executable("", [command])
    name, *options = words
    if name in ("python", "python3"):
        name = interpreters.default()
    elif "/" not in name:
        found = shutil.which(name)
        if found is None:
            raise BadTarget(f"{word} begins with {line}, and there is no {name} on the PATH")
        name = found
    return Executable(name, [*options, word])


def _read_beginning(path: Path) -> bytes:
    if not path.is_file():
        # A pipe or a device, which would lose what is read from it.
        return b""
    try:
        with path.open("rb") as file:
            return file.read(_BEGINNING)
    except OSError as error:
        if os.access(path, os.X_OK):
            # A program may be one that can be run and not be read.
            return _BINARY
        raise BadTarget(f"cannot read {path}: {error.strerror}") from None


def _first_line(beginning: bytes) -> str:
    """The ``#!`` line; empty if there is none, or nothing stands in it."""
    line = os.fsdecode(beginning.split(b"\n", 1)[0]).strip()
    return line if line.startswith("#!") and line[2:].strip() else ""


def _read_line(line: str) -> tuple[str, list[str]]:
    """The program in a ``#!`` line, and the command that it stands for, which ``env`` may find."""
    program, *argument = line[2:].split(maxsplit=1)
    if program.rsplit("/", 1)[-1] != "env" or not argument:
        # The kernel hands on all that follows as one word.
        return program, [program, *argument]
    (text,) = argument
    if text.startswith("-S"):
        # Quotes that do not match: it is no command line.
        with suppress(ValueError):
            return program, shlex.split(text[2:]) or [text]
    return program, [text]


def _may_be_python(path: Path, beginning: bytes, line: str) -> bool:
    """Whether to hand a file to Python: it is called one, or is text that says nothing else."""
    if path.suffix in (".py", ".pyw", ".pyc", ".pyz") or beginning.startswith(_ZIP):
        return True
    if line:
        return is_python(_read_line(line)[1][0])
    return b"\0" not in beginning
