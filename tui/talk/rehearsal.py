"""Runs the steps of a talk without a screen, to find out what would go wrong on stage."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from mpviz.trace.launch.start import Target
from mpviz.trace.model.state import RunState
from mpviz.trace.model.text import clean
from mpviz.trace.record.recording import NotARecording, Recording
from mpviz.trace.stepping.steps import ModelFault
from mpviz.tui.endings import Signals
from mpviz.tui.render.steps.cast import known_tasks
from mpviz.tui.render.steps.choices import choice_by_key
from mpviz.tui.render.steps.verdict import verdict
from mpviz.tui.sessions import NotStarted, Session, begin_steps, starter
from mpviz.tui.stepping.walk import LeftPath, Walk
from mpviz.tui.talk.answers import answer_lines, answer_of_steps
from mpviz.tui.talk.plan import STEP, Performance, Step
from mpviz.tui.talk.stops import has_ended, reached

PATIENCE = 120.0
"""Seconds after which a step that is to stop at a finding or at its end should have."""

PAUSE = 0.05
"""Seconds between two looks at a run in which nothing happened."""

LEAST_WIDTH, LEAST_HEIGHT = 80, 24
"""Cells of a terminal in which the stage has room for all that it says."""


@dataclass
class Rehearsed:
    """What came of a step."""

    said: str
    """How it went, in a few words."""
    problems: list[str] = field(default_factory=list)


def rehearse(
    performance: Performance, number: int, signals: Signals, record: Path | None = None
) -> Rehearsed:
    """Run a step until it stops, in the file ``record`` if it is given; say how it went."""
    step, target = performance.talk.step[number], performance.targets[number]
    if step.kind == STEP:
        return _rehearse_steps(step, target, signals)
    problems = _of_recording(step, performance.folder) if record is None else []
    try:
        session = starter(10.0, record)(target)
    except NotStarted as reason:
        return Rehearsed("not started", [str(reason), *problems])
    signals.session = session
    try:
        in_time = _run_to_stop(step, session, signals)
        problems = [*_of_run(step, session.state, in_time=in_time), *problems]
        seconds = (session.state.end - session.state.origin) / 1e9
    finally:
        session.close()
    return Rehearsed(f"stops at {step.stops.words}, after {seconds * step.slow:.1f} s", problems)


def _rehearse_steps(step: Step, target: Target, signals: Signals) -> Rehearsed:
    """Take the moves of a step in which the room chooses; without moves, the default order."""
    walk, problems = Walk(lambda: begin_steps(target)), []
    try:
        walk.begin()
        if not step.moves:
            walk.run_on()
        known: tuple[str, ...] = ()
        for number, key in enumerate(step.moves.split(), 1):
            known = known_tasks(walk.moment, known)
            choice = choice_by_key(walk.moment, known, key)
            if signals.received:
                break
            if choice is None:
                problems.append(f"move {number}: {key} cannot go")
                break
            walk.go(choice)
        told = verdict(walk.moment)
        for line in step.lines if step.moves else ():
            if not answer_of_steps([line], step.numbers, walk.moment, walk.output):
                problems.append(f"the answer {line!r} is left out: these moves give no such number")
        return Rehearsed(f"{len(walk.moment.steps)} steps; {told.words}", problems)
    except (NotStarted, LeftPath, ModelFault) as reason:
        return Rehearsed("not started", [str(reason)])
    finally:
        walk.close()


def too_small(width: int, height: int) -> str:
    """What is wrong with a terminal of this size; empty if nothing is."""
    if width >= LEAST_WIDTH and height >= LEAST_HEIGHT:
        return ""
    least = f"{LEAST_WIDTH} by {LEAST_HEIGHT}"
    return f"this terminal has {width} by {height} cells, and a talk needs {least}"


def _run_to_stop(step: Step, session: Session, signals: Signals) -> bool:
    """Follow the run to where it stops; False if it does not in time."""
    deadline = time.monotonic() + max(PATIENCE, 2 * step.stops.seconds)
    while not session.over and not reached(step.stops, session.state):
        signals.act()
        if not session.step(PAUSE):
            time.sleep(PAUSE)
        if time.monotonic() > deadline:
            return False
    return True


def _of_run(step: Step, state: RunState, *, in_time: bool) -> list[str]:
    """What would go wrong on stage in a run that was like this one."""
    problems = []
    if not in_time:
        problems.append(f"it does not come to {step.stops.words} in {PATIENCE:g} s")
    elif (step.stops.finding or step.stops.seconds) and not reached(step.stops, state):
        problems.append(f"it ends before {step.stops.words}")
    if has_ended(state) and state.exit_code:
        problems.append(f"it ends with exit code {state.exit_code}{_last_words(state)}")
    if state.lost:
        problems.append(f"it is too fast for mpviz: {state.lost:,} events were lost")
    for line in step.lines if in_time else ():
        if not answer_lines([line], step.numbers, state):
            problems.append(f"the answer {line!r} is left out: its run gives no such number")
    return problems


def _last_words(state: RunState) -> str:
    told = [line.text.strip() for line in state.output if line.text.strip()]
    return f": {clean(told[-1])}" if told else ""


def _of_recording(step: Step, folder: Path) -> list[str]:
    """What is wrong with the recording to fall back on."""
    if not step.recording:
        return []
    try:
        Recording(folder / step.recording).close()
    except NotARecording as bad:
        return [f"recording: {bad}"]
    return []
