"""What a command line says: the program, and whether it can have a probe."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

_PYTHON = re.compile(r"(?:python|pypy)[\d.]*[a-z]?(?:-\w+)?")
"""python, python3.12, python3.13t, pypy3, python3-dbg."""


def words_of(command: str) -> list[str]:
    """The words of a command line from ``shlex.join``, which may have been cut."""
    try:
        return shlex.split(command)
    except ValueError:
        # Cut within a quoted word.
        return command.split()


def program_of(command: str) -> str:
    """The name of the program: ``git`` for ``/usr/bin/git status``; empty if unknown.

    >>> program_of("/bin/sh -c 'make all'"), program_of("-bash")
    ('sh', 'bash')
    """
    words = words_of(command)
    return words[0].rsplit("/", 1)[-1].lstrip("-") or words[0] if words else ""


def is_python(program: str) -> bool:
    """Whether an executable of this name, or at this path, is a Python.

    >>> [is_python(name) for name in ("python", "/usr/bin/python3.12", "pypy3", "pythonic")]
    [True, True, True, False]
    """
    return _PYTHON.fullmatch(program.rsplit("/", 1)[-1]) is not None


def name_of_program(command: str) -> str:
    """The name of a process that is no ``Process``: the script of a Python, or its program.

    >>> name_of_program("python3 -u tools/build.py all"), name_of_program("python -m pip list")
    ('build.py', 'python -m pip')
    >>> name_of_program("python -c 'import this'"), name_of_program("/usr/bin/git status")
    ('python -c', 'git')
    """
    program = program_of(command)
    if not is_python(program):
        return program
    options, rest = _options(words_of(command)[1:])
    if options.endswith("c"):
        return f"{program} -c"
    if options.endswith("m"):
        return " ".join([program, "-m", *rest[:1]])
    script = rest[0] if rest else "-"
    return program if script == "-" else script.rstrip("/").rsplit("/", 1)[-1]


def keeps_probe_out(command: str) -> str:
    """The option that keeps the probe out of a Python, such as ``-I``; empty for none.

    The probe is found by ``PYTHONPATH``, which ``-I`` and ``-E`` make a Python ignore, and starts
    in ``sitecustomize``, which ``-S`` keeps from being imported.

    >>> keeps_probe_out("python -u -Im pip"), keeps_probe_out("python -X dev a.py -I")
    ('-I', '')
    """
    if not is_python(program_of(command)):
        return ""
    options, _ = _options(words_of(command)[1:])
    return next((f"-{letter}" for letter in options if letter in "IES"), "")


def is_supervisor(command: str) -> bool:
    """Whether this is the command of our supervisor, or of its fork before the exec.

    >>> is_supervisor("python3 -I -S /opt/mpviz/trace/supervisor/supervisor.py 5 /boot make")
    True
    """
    # A recording may come from another machine, with another folder.
    options, script = words_of(command)[1:3], words_of(command)[3:4]
    return (
        options == ["-I", "-S"]
        and script != []
        and script[0].endswith("trace/supervisor/supervisor.py")
    )


def _options(words: Sequence[str]) -> tuple[str, list[str]]:
    """The letters of a Python's options, and the words after them, first what it runs."""
    letters = ""
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            del rest[: word == "--check-hash-based-pycs"]
            continue
        for place, letter in enumerate(word[1:], 2):
            letters += letter
            if letter in "cm":
                return letters, [word[place:], *rest] if word[place:] else rest
            if letter in "WX":
                # They have an argument, which may be the next word.
                del rest[: place == len(word)]
                break
    return letters, rest
