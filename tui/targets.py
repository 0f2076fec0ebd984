"""What the words after ``mpviz run`` mean: a scenario with parameters, a program, or a module."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from mpviz.trace.session import Target


class BadTarget(ValueError):  # noqa: N818 - it reads as what it says
    """The words name nothing that can be run; the text says why in one line."""


def from_words(
    words: Sequence[str], *, module: bool, python: str | None, start_method: str | None
) -> Target:
    """What these words ask to run, or :class:`BadTarget`."""
    interpreter = _interpreter(python)
    first, *rest = words
    if module:
        return _program(["-m", *words], first, interpreter, start_method)
    try:
        scenario = find(first)
    except UnknownScenario as unknown:
        if Path(first).exists():
            return _program(list(words), Path(first).name, interpreter, start_method)
        raise BadTarget(f"{unknown}, and no file has that name") from None
    try:
        values = parse(scenario, rest)
        method = scenario_start_method(scenario, start_method)
    except BadParameter as bad:
        raise BadTarget(str(bad)) from None
    return from_scenario(scenario, values, python=interpreter, start_method=method)


def from_scenario(
    scenario: Scenario,
    values: Mapping[str, Value],
    *,
    python: str = sys.executable,
    start_method: str | None = None,
) -> Target:
    """A run of this scenario with these values."""
    from mpviz.trace.session import Target  # noqa: PLC0415 - only a run needs it

    words = [f"{name}={as_text(value)}" for name, value in values.items()]
    return Target(
        arguments=["-m", "mpviz.scenarios", scenario.name, *words],
        name=scenario.name,
        scenario=scenario.name,
        parameters=dict(values),
        start_method=start_method,
        python=python,
        directory=Path.cwd(),
        limit=scenario.limit,
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


def _program(arguments: list[str], name: str, python: str, start_method: str | None) -> Target:
    from mpviz.trace.session import Target  # noqa: PLC0415 - only a run needs it

    return Target(
        arguments=arguments,
        name=name,
        scenario=None,
        parameters={},
        start_method=start_method,
        python=python,
        directory=Path.cwd(),
    )


def _interpreter(python: str | None) -> str:
    if python is None:
        return sys.executable
    found = shutil.which(python)
    if found is None:
        raise BadTarget(f"--python: there is no program {python!r} that can be run")
    return found
