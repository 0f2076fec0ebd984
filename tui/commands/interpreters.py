"""Which Python runs a program: the one asked for, or the one that it would run in anyway."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

FIRST_FOR_SCENARIOS = (3, 10)
"""The first Python in which the scenarios run; programs are observed from 3.8 on."""

_ASKING = "import sys; print(*sys.version_info[:2])"


class BadTarget(ValueError):
    """What was asked for cannot be run; the text says why in one line."""


def default() -> str:
    """The interpreter of a program that names none itself.

    The active virtual environment's; else the one beside the command ``mpviz`` that was called, as
    in ``.venv/bin/mpviz``; else ``python3`` on the ``PATH``, as the shell would take it. Not simply
    mpviz's own: installed as a tool of its own, mpviz lives in an environment where nothing is that
    the program wants to import, with no more than a link to the command on the ``PATH``.
    """
    for folder in (_active_environment(), _folder_of_command()):
        if folder is not None and _is_executable(folder / "python"):
            return str(folder / "python")
    return shutil.which("python3") or shutil.which("python") or sys.executable


def find(wanted: str) -> str:
    """The interpreter that ``--python`` means: a path, a name, or a virtual environment's folder.

    :class:`BadTarget` if there is none.
    """
    if Path(wanted).is_dir():
        found = Path(wanted, "bin", "python").absolute()
        if not _is_executable(found):
            raise BadTarget(f"--python: {wanted} is no virtual environment: it has no bin/python")
        return str(found)
    path = shutil.which(wanted)
    if path is None:
        raise BadTarget(f"--python: there is no program {wanted!r} that can be run")
    return path


def version_for_scenarios(python: str) -> tuple[int, int]:
    """This interpreter's version; :class:`BadTarget` if it cannot run a scenario."""
    asked = subprocess.run(
        [python, "-I", "-S", "-c", _ASKING],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    words = asked.stdout.split()
    if asked.returncode != 0 or len(words) != 2 or not all(map(str.isdecimal, words)):
        raise BadTarget(f"--python: {python} does not answer as a Python does")
    version = (int(words[0]), int(words[1]))
    if version < FIRST_FOR_SCENARIOS:
        needed, found = (".".join(map(str, each)) for each in (FIRST_FOR_SCENARIOS, version))
        raise BadTarget(f"--python: the scenarios need Python {needed} or newer, not {found}")
    return version


def _active_environment() -> Path | None:
    folder = os.environ.get("VIRTUAL_ENV")
    return Path(folder, "bin").absolute() if folder else None


def _folder_of_command() -> Path | None:
    command = Path(sys.argv[0])
    return command.parent.absolute() if command.name == "mpviz" else None


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
