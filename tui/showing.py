"""Shows the app, and what follows its end: the scenarios, a run, a recording, a talk."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mpviz.tui.app import MpvizApp
from mpviz.tui.endings import Signals, exit_status, final_status
from mpviz.tui.file_names import RECORDING
from mpviz.tui.sessions import Session, Start, Steps, starter
from mpviz.tui.settings import Settings, pictures_a_second

if TYPE_CHECKING:
    from mpviz.trace.launch.start import Target
    from mpviz.trace.record.replay import Replay
    from mpviz.tui.talk.plan import Performance

SWITCH_SECONDS = 0.0005
"""How soon the thread that reads what processes tell gets its turn; Python's own is 5 ms.

While it waits, a pipe may fill up: its longest absences are half as long like this (measured).
"""

WORDLESS_SECONDS = 1.0
WAITING_PAUSE = 0.02
"""Seconds between two looks at a program that was asked to end.

For the first WORDLESS_SECONDS nothing is printed.
"""


def pick(settings: Settings) -> int:
    """Show the scenarios; the exit status."""
    start = starter(10.0, None)
    return _run(MpvizApp(start=start, fps=pictures_a_second(settings), settings=settings), None)


def watch(
    target: Target,
    json_file: str | None,
    record: Path | None,
    rate: float,
    settings: Settings,
    fail_on: frozenset[str],
    steps: Steps = (),
) -> int:
    """Run this and show it, after the steps of a schedule; the exit status."""
    start = starter(rate, record, steps)
    app = MpvizApp(target, start=start, fps=pictures_a_second(settings), settings=settings)
    return _run(app, json_file, fail_on)


def watch_attached(target: Target, start: Start, settings: Settings) -> int:
    """Show a program that runs already, which ``start`` attaches to; the exit status."""
    fps = pictures_a_second(settings)
    return _run(MpvizApp(target, start=start, fps=fps, settings=settings, attached=True), None)


def choose_program(settings: Settings) -> tuple[int, int | None]:
    """Show the programs that run already; the exit status, and the pid that was chosen."""
    from mpviz.tui.programs.screen import ProgramsScreen  # noqa: PLC0415 - only attach needs it

    start, fps, screen = starter(10.0, None), pictures_a_second(settings), ProgramsScreen()
    status = _run(MpvizApp(start=start, fps=fps, settings=settings, first=screen), None)
    return status, screen.chosen


def step_through(target: Target, settings: Settings, schedule: Sequence[Sequence[str]] = ()) -> int:
    """Let a person choose each step of this, after those of a schedule; the exit status."""
    start, fps = starter(10.0, None), pictures_a_second(settings)
    app = MpvizApp(target, start=start, fps=fps, settings=settings, stepped=True, schedule=schedule)
    return _run(app, None)


def show_replay(recorded: Replay, settings: Settings) -> int:
    """Show a recording; the exit status."""
    try:
        start, fps = starter(10.0, None), pictures_a_second(settings)
        app = MpvizApp(start=start, fps=fps, replay=recorded, settings=settings)
        return _run(app, None)
    finally:
        recorded.close()


def give_talk(performance: Performance, settings: Settings) -> int:
    """Show a talk; the exit status. All of its runs are recorded, until it is over."""
    from mpviz.trace.system.run_folder import temporary_folder  # noqa: PLC0415 - a talk does

    with temporary_folder() as folder:
        start, fps = starter(10.0, folder / f"run{RECORDING}"), pictures_a_second(settings)
        app = MpvizApp(start=start, fps=fps, performance=performance, settings=settings)
        return _run(app, None, keeps=False)


def _run(
    app: MpvizApp,
    json_file: str | None,
    fail_on: frozenset[str] = frozenset(),
    *,
    keeps: bool = True,
) -> int:
    """Show the app; the exit status. What ``keeps`` its recordings says where they are."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with app.signals.handled():
        try:
            status = app.run() or app.return_code or 0
            signal.alarm(0)
            if app.session is not None:
                _wait_for_program(app.session, app.signals)
        finally:
            try:
                if app.session is not None:
                    app.session.close()
            finally:
                app.settle_terminal()
        if app.failure:
            print(f"mpviz: {app.failure}", file=sys.stderr)
        state = app.session.state if app.session is not None else None
        if state is not None and app.signals.is_programs:
            status = exit_status(state)
        if app.session is not None and not _has_written(app.session, json_file):
            status = status or 1
        if keeps:
            _say_where(app.recordings())
        return final_status(app.signals, state, fail_on, status)


def _has_written(session: Session, json_file: str | None) -> bool:
    """Write what was asked for; False, after a message, if that or the recording failed."""
    from mpviz.trace.explain.report import document  # noqa: PLC0415 - picking needs no msgspec
    from mpviz.tui.messages import record_problem, say, write_json  # noqa: PLC0415

    problem = record_problem(session)
    if problem:
        say(f"--record: {problem}")
    written = json_file is None or write_json(document(session.state), json_file)
    return written and not problem


def _say_where(recordings: list[Path]) -> None:
    """Say in which files the runs are."""
    from mpviz.tui.messages import say  # noqa: PLC0415 - as below

    for file in recordings:
        say(f"recorded in {file}")


def _wait_for_program(session: Session, signals: Signals) -> None:
    """Wait for a program that was sent SIGTERM to end by itself; a second signal ends the wait."""
    tell_at = time.monotonic() + WORDLESS_SECONDS
    signals.act()
    while signals.is_programs and not session.over:
        if not session.step(WAITING_PAUSE):
            time.sleep(WAITING_PAUSE)
        if time.monotonic() >= tell_at:
            tell_at = math.inf
            print("mpviz: the program was sent SIGTERM and has not ended yet", file=sys.stderr)
        signals.act()
