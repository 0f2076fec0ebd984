"""What ``mpviz run NAME chunksize=1,10,100`` asks for: a run with each of the values in turn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

from mpviz.scenarios.catalogue import Scenario, UnknownScenario, find
from mpviz.tui.commands.interpreters import BadTarget
from mpviz.tui.commands.targets import from_words

if TYPE_CHECKING:
    from mpviz.trace.launch.start import Target

    Sweep = list[tuple[str, Target]]
    """What tells each run apart, as "chunksize=10", and what to run."""

MOST_RUNS = 12


def sweep_of(words: Sequence[str], *, python: str | None, start_method: str | None) -> Sweep:
    """The runs that these words ask for; none if no parameter of a scenario has a list.

    With several lists it is each value with each, the last list the quickest to change.
    :class:`BadTarget` if one of them could not be run, or where they are too many: before the
    first of them is.
    """
    name, *rest = words
    try:
        scenario = find(name)
    except UnknownScenario:
        return []
    values = [_values(scenario, word) for word in rest]
    listed = [index for index, each in enumerate(values) if len(each) > 1]
    if not listed:
        return []
    runs = list(product(*values))
    if len(runs) > MOST_RUNS:
        raise BadTarget(f"that makes {len(runs)} runs, and no more than {MOST_RUNS} are compared")
    return [
        (
            " ".join(run[index] for index in listed),
            from_words([name, *run], module=False, python=python, start_method=start_method),
        )
        for run in runs
    ]


def _values(scenario: Scenario, word: str) -> list[str]:
    """The word, or one for each value of its list; a text may have commas of its own."""
    name, _, text = word.partition("=")
    parameter = next((each for each in scenario.parameters if each.name == name), None)
    if parameter is None or parameter.is_text or text in parameter.choices:
        return [word]
    return [f"{name}={value}" for value in text.split(",")]
