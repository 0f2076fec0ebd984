"""``mpviz compare``, and ``mpviz run`` with lists of values: runs side by side, on stdout."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.style import Style
from rich.text import Text

from mpviz.trace.model.processes.identity import described, end_and_sender
from mpviz.trace.record.comparison import Run, comparison_document, read
from mpviz.tui.commands.headless import observe
from mpviz.tui.endings import FOUND, NOT_STARTED, exit_status, has_found
from mpviz.tui.file_names import numbered
from mpviz.tui.messages import say, write_json
from mpviz.tui.render.comparison_rows import comparison_rows
from mpviz.tui.render.rows import Row
from mpviz.tui.render.themes import ANSI_DARK, BACKGROUNDS, DARK, PLAIN, styles_for

if TYPE_CHECKING:
    from mpviz.trace.model.state import RunState
    from mpviz.tui.commands.sweeps import Sweep

PIPE_WIDTH = 100
"""Width, in cells, without a terminal and without ``COLUMNS``."""
NARROWEST, WIDEST = 60, 200
LAST_LINES = 5
"""How many lines of stderr are shown from a run that failed."""


def compare_files(files: Sequence[Path], json_file: str | None) -> int:
    """Compare these recordings and print how they differ; the exit status.

    :class:`mpviz.trace.record.recording.NotARecording` if one of them is none.
    """
    runs = [read(file, label) for file, label in zip(files, _labels(files), strict=True)]
    return 0 if _report(_with_parameters(runs), json_file) else 1


def compare_runs(
    sweep: Sweep, json_file: str | None, record: Path | None, rate: float, fail_on: frozenset[str]
) -> int:
    """Run each in turn, then print how they differ; the exit status is the first that is not 0."""
    runs: list[Run] = []
    status = 0
    for number, (label, target) in enumerate(sweep, 1):
        print(f"mpviz: run {number} of {len(sweep)}: {label}", file=sys.stderr, flush=True)
        file = numbered(record, number) if record is not None else None
        observed = observe(target, file, rate, capture=True)
        if observed is None:
            return NOT_STARTED
        if observed.signals.received:
            return 128 + observed.signals.received[-1]
        state = observed.state
        failed = exit_status(state)
        if failed:
            _tell_failure(state)
        if observed.record_problem:
            say(f"--record: {observed.record_problem}")
        found = FOUND if has_found(state, fail_on) else 0
        status = status or found or failed or int(bool(observed.record_problem))
        runs.append(Run(label, state))
    written = _report(runs, json_file)
    return status or int(not written)


def _labels(files: Sequence[Path]) -> list[str]:
    """The files' names, or their paths where two have the same."""
    names = Counter(file.name for file in files)
    return [file.name if names[file.name] == 1 else str(file) for file in files]


def _with_parameters(runs: Sequence[Run]) -> list[Run]:
    """The runs with the words in their labels by which their commands differ."""
    commands = [run.state.run.arguments if run.state.run else [] for run in runs]
    if len({len(command) for command in commands}) > 1:
        return list(runs)
    differing = [index for index, words in enumerate(zip(*commands, strict=True)) if _vary(words)]
    return [
        replace(run, label=" ".join([run.label, *(command[index] for index in differing)]))
        for run, command in zip(runs, commands, strict=True)
    ]


def _vary(words: Sequence[str]) -> bool:
    return len(set(words)) > 1


def _report(runs: Sequence[Run], json_file: str | None) -> bool:
    """Print the comparison, and write the document if one was asked for; False if that fails."""
    # With the document on stdout there is no room for anything else there.
    _print(runs, sys.stderr if json_file == "-" else sys.stdout)
    return json_file is None or write_json(comparison_document(runs), json_file)


def _tell_failure(state: RunState) -> None:
    """Say how a failed run ended, with its last lines on stderr."""
    main = state.processes.get(state.main)
    fate = end_and_sender(main) if main is not None else state.failure
    print(f"mpviz: {described(main) if main else 'the program'}: {fate}", file=sys.stderr)
    errors = [line.text for line in state.output if line.stream == "stderr"]
    for line in errors[-LAST_LINES:]:
        print(f"  {line}", file=sys.stderr)


def _print(runs: Sequence[Run], file: TextIO) -> None:
    console = Console(file=file, highlight=False, markup=False, emoji=False, soft_wrap=True)
    width = console.width
    if not console.is_terminal and "COLUMNS" not in os.environ:
        width = PIPE_WIDTH
    width = min(WIDEST, max(NARROWEST, width))
    ascii_only = not (file.encoding or "").lower().startswith("utf")
    print_rows(comparison_rows(runs, width, ascii_only), console)


def print_rows(rows: Sequence[Row], console: Console) -> None:
    """Print rows on the ground that the app has, so that its colours read on any terminal."""
    theme = ANSI_DARK if console.color_system == "standard" else DARK
    if console.no_color or console.color_system is None:
        theme = PLAIN
    styles = styles_for(theme)
    ground = Style(bgcolor=BACKGROUNDS[DARK]) if theme == DARK else Style.null()
    for row in rows:
        text = Text(no_wrap=True, overflow="crop", end="")
        for words, style in row.parts:
            text.append(words, ground + styles[style])
        if theme == PLAIN:
            text.rstrip()
        console.print(text)
