"""The panels: each a pure function from what is true and what is looked at to rows of text.

A new panel is one new file here, and its name in :data:`PANELS`.
"""

from collections.abc import Sequence

from mpviz.scenarios.catalogue import Command
from mpviz.tui.panels import (
    chain,
    cores,
    findings,
    lab,
    locks,
    log,
    managers,
    memory,
    output,
    phases,
    pipes,
    process,
    processes,
    queues,
    source,
    stacks,
    synchronization,
    tasks,
    timeline,
    values,
)
from mpviz.tui.panels.panel import Panel

PANELS: tuple[Panel, ...] = (
    cores.PANEL,
    processes.PANEL,
    timeline.PANEL,
    tasks.PANEL,
    queues.PANEL,
    locks.PANEL,
    values.PANEL,
    pipes.PANEL,
    managers.PANEL,
    memory.PANEL,
    synchronization.PANEL,
    source.PANEL,
    output.PANEL,
    log.PANEL,
    phases.PANEL,
    findings.PANEL,
    chain.PANEL,
    stacks.PANEL,
    process.PANEL,
)
"""In the order in which they lie on the screen and in which tab goes through them."""

NUMBERS: dict[str, str] = {
    "cores": "1",
    "processes": "2",
    "lab": "3",
    "timeline": "3",
    "tasks": "4",
    "queues": "5",
    "pipes": "5",
    "locks": "6",
    "synchronization": "6",
    "values": "7",
    "memory": "7",
    "managers": "7",
    "source": "8",
    "output": "9",
    "log": "0",
}
"""The digit that goes to a panel. Panels of one kind share a digit and take turns; a panel without
one has a key of its own for what it shows, or is reached with tab."""

KEYS: dict[str, str] = {"findings": "!", "why blocked": "w", "stacks": "L", "process": "enter"}
"""The key that shows a panel which has no digit."""


def panels_for(commands: Sequence[Command] | None) -> tuple[Panel, ...]:
    """The panels for a program that can be told these commands; None for one that is no lab."""
    if commands is None:
        return PANELS
    place = PANELS.index(timeline.PANEL) + 1
    return (*PANELS[:place], lab.make_panel(commands), *PANELS[place:])
