"""A talk from its file: read, looked up, and given, checked or recorded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mpviz.trace.model.text import clean
from mpviz.tui.commands.interpreters import BadTarget
from mpviz.tui.commands.targets import from_words
from mpviz.tui.endings import Signals
from mpviz.tui.messages import say_at_once
from mpviz.tui.settings import Settings
from mpviz.tui.talk.plan import BUILT_IN, STEP, Performance, PlanError, Step, read_talk
from mpviz.tui.talk.portable import make_portable
from mpviz.tui.talk.rehearsal import rehearse, too_small

if TYPE_CHECKING:
    from mpviz.trace.launch.start import Target


def prepared(file: Path | None) -> Performance:
    """The talk in this file, or the one that is built in; :class:`PlanError` if there is none.

    What its steps name is looked for in the folder of the file, and runs there.
    """
    talk = read_talk(file or BUILT_IN)
    folder = (file or BUILT_IN).absolute().parent
    if file is not None:
        os.chdir(folder)
    targets = []
    for number, step in enumerate(talk.step, 1):
        try:
            targets.append(_target(step))
        except BadTarget as bad:
            raise PlanError(
                f"{file or BUILT_IN}: step {number} ({step.title}): run: {bad}"
            ) from None
    return Performance(talk, tuple(targets), folder)


def give(performance: Performance, settings: Settings) -> int:
    """Show it; the exit status."""
    from mpviz.tui.showing import give_talk

    return give_talk(performance, settings)


def check(performance: Performance) -> int:
    """Run all steps without a screen, and say what would go wrong; 1 if anything would."""
    with _signals() as signals:
        wrong = 0
        for number in range(len(performance.talk.step)):
            wrong += len(_rehearsed(performance, number, signals, None))
            if signals.received:
                break
        narrow = _too_small()
        if narrow:
            print(f"  !! {narrow}")
        return signals.status or int(bool(wrong or narrow))


def record(performance: Performance) -> int:
    """Record what each step is to fall back on; 1 if a step went wrong, or names no file."""
    with _signals() as signals:
        wrong = 0
        for number, step in enumerate(performance.talk.step):
            if not step.recording:
                continue
            file = performance.folder / step.recording
            file.parent.mkdir(parents=True, exist_ok=True)
            wrong += len(_rehearsed(performance, number, signals, file))
            if signals.received:
                break
            make_portable(file)
            print(f"  {file.stat().st_size / 1000:.1f} kB in {step.recording}")
        return signals.status or int(bool(wrong))


@contextmanager
def _signals() -> Iterator[Signals]:
    signals = Signals(has_screen=True, announce=say_at_once)
    with signals.handled():
        yield signals


def _rehearsed(
    performance: Performance, number: int, signals: Signals, file: Path | None
) -> list[str]:
    """What goes wrong in this step, which is said, too."""
    step = performance.talk.step[number]
    outcome = rehearse(performance, number, signals, file)
    print(clean(f"{number + 1:2} {step.title}: {outcome.said}"))
    for problem in outcome.problems:
        print(clean(f"  !! {problem}"), flush=True)
    return outcome.problems


def _too_small() -> str:
    """What is wrong with the terminal, if there is one."""
    try:
        size = os.get_terminal_size(sys.stdin.fileno())
    except (OSError, ValueError, AttributeError):
        return ""
    return too_small(size.columns, size.lines)


def _target(step: Step) -> Target:
    module = step.words[0] == "-m"
    words = step.words[1:] if module else step.words
    return from_words(
        words,
        module=module,
        python=step.python,
        start_method=step.start_method,
        is_stepped=step.kind == STEP,
    )
