"""The panels: each a pure function from what is true and what is looked at to rows of text.

A new panel is one new file here, and its name in :data:`PANELS`.
"""

from mpviz.tui.panels import (
    cores,
    locks,
    log,
    managers,
    memory,
    output,
    pipes,
    processes,
    queues,
    source,
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
    source.PANEL,
    output.PANEL,
    log.PANEL,
)
"""In the order in which they take their places on the screen."""
