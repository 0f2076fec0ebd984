"""What a command with ``--schedule`` runs: what its words name, or else what the file names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mpviz.trace.launch.start import Target
    from mpviz.tui.sessions import Steps


def scheduled(
    file: str | None,
    words: Sequence[str],
    *,
    module: bool,
    python: str | None,
    start_method: str | None,
) -> tuple[Target | None, Steps]:
    """What to run, stepped, and the steps that come first; no target if nothing names one."""
    from mpviz.trace.stepping.schedule import NoSchedule, read_schedule
    from mpviz.tui.commands.interpreters import BadTarget
    from mpviz.tui.commands.targets import from_words

    try:
        schedule = read_schedule(Path(file)) if file is not None else None
        named = (
            from_words(
                words, module=module, python=python, start_method=start_method, is_stepped=True
            )
            if words
            else None
        )
    except (BadTarget, NoSchedule) as bad:
        raise click.UsageError(str(bad)) from None
    if schedule is None:
        return named, ()
    return named or schedule.target, schedule.steps
