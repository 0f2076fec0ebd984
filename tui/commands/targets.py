"""What the words after ``mpviz run`` mean: a scenario, a module, or a program of any kind."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mpviz.scenarios import catalogue
from mpviz.scenarios.catalogue import (
    BadParameter,
    Command,
    Scenario,
    UnknownScenario,
    Value,
    as_text,
    find,
    parse,
    scenarios,
)
from mpviz.scenarios.catalogue import start_method as scenario_start_method
from mpviz.tui.commands import executables, interpreters
from mpviz.tui.commands.executables import Executable
from mpviz.tui.commands.interpreters import BadTarget

if TYPE_CHECKING:
    from mpviz.trace.launch.start import Target

_BY_PATH = str(Path(catalogue.__file__).with_name("anywhere.py"))
"""Runs a scenario if mpviz is not installed, or if Python would import from the current folder."""

_FILES = (".py", ".pyz", ".zip", ".sh")
"""Endings of what can only be meant as a file."""

_SAFE_PATH = (3, 11)
"""The first Python with ``-P``: then neither it nor its workers import from the current folder, in
which there may be a foreign ``queue.py``."""


def from_words(
    words: Sequence[str], *, module: bool, python: str | None, start_method: str | None
) -> Target:
    """What these words ask to run, or :class:`BadTarget`.

    A scenario's name comes first, then a file or a folder, then a command on the ``PATH``.
    ``python`` is the interpreter that was asked for; else a scenario runs in mpviz's own, which has
    the scenarios, and all else in its own, see :mod:`mpviz.tui.commands.interpreters`.
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
        values = parse(scenario, rest)
        method = scenario_start_method(scenario, start_method)
    except BadParameter as bad:
        raise BadTarget(str(bad)) from None
    version = sys.version_info[:2]
    if chosen is not None:
        version = interpreters.version_for_scenarios(chosen)
    return from_scenario(scenario, values, python=chosen, version=version, start_method=method)


def from_scenario(
    scenario: Scenario,
    values: Mapping[str, Value],
    *,
    python: str | None = None,
    version: tuple[int, int] = sys.version_info[:2],
    start_method: str | None = None,
) -> Target:
    """A run of this scenario with these values, in an interpreter of this version.

    Another interpreter than mpviz's own need not have it: there the scenarios run by their path.
    """
    from mpviz.trace.launch.start import Target  # noqa: PLC0415 - only a run needs it

    words = [scenario.name, *(f"{name}={as_text(value)}" for name, value in values.items())]
    safe = ["-P"] if version >= _SAFE_PATH else []
    runs = ["-m", "mpviz.scenarios"] if safe and python is None else [_BY_PATH]
    return Target(
        arguments=[*safe, *runs, *words],
        name=scenario.name,
        scenario=scenario.name,
        parameters=dict(values),
        start_method=start_method,
        python=python or sys.executable,
        directory=Path.cwd(),
        limit=scenario.limit if scenario.hangs_given(values) else 0.0,
    )


def commands_of(target: Target) -> tuple[Command, ...] | None:
    """What the program can be told on its standard input; None for one that is no lab."""
    scenario = scenarios().get(target.scenario) if target.scenario else None
    if scenario is None or not scenario.commands:
        return None
    # With a script it does not read its standard input.
    return () if target.parameters.get("script") else scenario.commands


def default_start_method() -> str:
    """What Python takes when a program does not choose; to ask multiprocessing would fix it."""
    return "forkserver" if sys.version_info >= (3, 14) else "fork"


def _nothing_there(word: str, unknown: UnknownScenario) -> str:
    """Why this word cannot be run; a word that is meant as a file is not taken for a scenario."""
    path = Path(word)
    if "/" not in word and path.suffix not in _FILES:
        return f"{unknown}, and no file or command has that name"
    name = path.stem.replace("_", "-")
    hint = f"; the scenario is run by mpviz run {name}" if name in scenarios() else ""
    return f"there is no file {word}{hint}"


def _program(runs: Executable, rest: list[str], name: str, start_method: str | None) -> Target:
    from mpviz.trace.launch.start import Target  # noqa: PLC0415 - only a run needs it

    return Target(
        arguments=[*runs.arguments, *rest],
        name=name,
        start_method=start_method,
        python=runs.python,
        directory=Path.cwd(),
    )
