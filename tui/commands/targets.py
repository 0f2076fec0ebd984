"""What the words after ``mpviz run`` mean: a scenario, a module, or a program of any kind."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mpviz.scenarios import catalogue
from mpviz.scenarios.catalogue import BadParameter, UnknownScenario, find, parse, scenarios
from mpviz.tui.commands import executables, interpreters
from mpviz.tui.commands.executables import Executable
from mpviz.tui.commands.interpreters import BadTarget
from mpviz.tui.scenario_runs import from_scenario, stepped

if TYPE_CHECKING:
    from mpviz.trace.launch.start import Target

_FILES = (".py", ".pyz", ".zip", ".sh")
"""Endings of what can only be meant as a file."""


def from_words(
    words: Sequence[str],
    *,
    module: bool,
    python: str | None,
    start_method: str | None,
    is_stepped: bool = False,
) -> Target:
    """What these words ask to run, or :class:`BadTarget`.

    A scenario's name comes first, then a file or a folder, then a command on the ``PATH``.
    ``python`` is the interpreter that was asked for; else a scenario runs in mpviz's own, which has
    the scenarios, and all else in its own, see :mod:`mpviz.tui.commands.interpreters`.
    A scenario that is stepped through is a short one, unless its parameters say otherwise.
    """
    chosen = None if python is None else interpreters.find(python)
    first, *rest = words
    if module:
        runs = Executable(chosen or interpreters.default(), ["-m", first])
        return _program(runs, rest, first, start_method)
    try:
        scenario = find(first)
    except UnknownScenario as unknown:
        found = executables.find(first, chosen)
        if found is None:
            raise BadTarget(_nothing_there(first, unknown)) from None
        return _program(found, rest, Path(first).absolute().name, start_method)
    try:
        values = parse(stepped(scenario) if is_stepped else scenario, rest)
        method = catalogue.start_method(scenario, start_method)
    except BadParameter as bad:
        raise BadTarget(str(bad)) from None
    version = sys.version_info[:2]
    if chosen is not None:
        version = interpreters.version_for_scenarios(chosen)
    return from_scenario(scenario, values, python=chosen, version=version, start_method=method)


def _nothing_there(word: str, unknown: UnknownScenario) -> str:
    """Why this word cannot be run; a word that is meant as a file is not taken for a scenario."""
    path = Path(word)
    if "/" not in word and path.suffix not in _FILES:
        return f"{unknown}, and no file or command has that name"
    name = path.stem.replace("_", "-")
    hint = f"; the scenario is run by mpviz run {name}" if name in scenarios() else ""
    return f"there is no file {word}{hint}"


def _program(runs: Executable, rest: list[str], name: str, start_method: str | None) -> Target:
    from mpviz.trace.launch.start import Target

    return Target(
        arguments=[*runs.arguments, *rest],
        name=name,
        start_method=start_method,
        python=runs.python,
        directory=Path.cwd(),
    )
