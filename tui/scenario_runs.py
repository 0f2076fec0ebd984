"""A scenario as something to run: its command, and what it can be told while it runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mpviz.scenarios import catalogue
from mpviz.scenarios.catalogue import Command, Scenario, Value, as_text, scenarios

if TYPE_CHECKING:
    from mpviz.trace.launch.start import Target

_BY_PATH = str(Path(catalogue.__file__).with_name("anywhere.py"))
"""Runs a scenario if mpviz is not installed, or if Python would import from the current folder."""

_SAFE_PATH = (3, 11)
"""The first Python with ``-P``: then neither it nor its workers import from the current folder, in
which there may be a foreign ``queue.py``."""


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


def stepped(scenario: Scenario) -> Scenario:
    """The scenario with the defaults that make it short enough to be stepped through."""
    wanted = scenario.stepped
    parameters = tuple(
        replace(each, default=wanted.get(each.name, each.default)) for each in scenario.parameters
    )
    return replace(scenario, parameters=parameters)


def stepped_values(scenario: Scenario, values: Mapping[str, Value]) -> dict[str, Value]:
    """These values; where one is the default, that for stepping."""
    short = {each.name: each.default for each in stepped(scenario).parameters}
    usual = {each.name: each.default for each in scenario.parameters}
    return {name: short[name] if value == usual[name] else value for name, value in values.items()}


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
