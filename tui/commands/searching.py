"""Searches for an order that fails: says how it goes on, and writes down what it has found."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from mpviz.trace.launch.program import LaunchError
from mpviz.trace.launch.start import Target
from mpviz.trace.model.formatting import plural
from mpviz.trace.stepping.along import start_along
from mpviz.trace.stepping.quick import QuickRun
from mpviz.trace.stepping.run import SteppedRun
from mpviz.trace.stepping.schedule import differs, line_of, written
from mpviz.trace.stepping.search.dpor import Dpor
from mpviz.trace.stepping.search.driver import Limits, Outcome, search
from mpviz.trace.stepping.search.explorer import Explorer
from mpviz.trace.stepping.search.failure import EXIT
from mpviz.trace.stepping.search.randomly import Randomly
from mpviz.trace.stepping.search.shortest import Along, shortest, switches
from mpviz.trace.stepping.steps import Choice, ModelFault, Moment
from mpviz.tui.commands.steps_in_words import told_steps
from mpviz.tui.endings import NOT_STARTED
from mpviz.tui.file_names import SCHEDULE, file_name
from mpviz.tui.messages import say
from mpviz.tui.render.steps.cast import name_of
from mpviz.tui.render.steps.verdict import verdict

FAILS, INTERRUPTED, FAULT_OF_OURS = 3, 130, 70

BY_PLAN = 0.5
"""Share (0 to 1) of the time and the runs in which orders are tried one after the other, by plan;
then they come by chance: a plan varies the end of a long run first, and chance all of it."""

PROGRESS_SECONDS = 0.2
"""Seconds between two words on how it goes."""

SHORTENING_SECONDS = 20.0
"""Seconds in which an order that fails is made simpler."""

STANDING_SECONDS = 5.0
"""Seconds that a recorded run has to end, or to be seen hanging, after its schedule."""


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    target: Target
    until: frozenset[str]
    seconds: float
    runs: int
    """0 for no limit."""
    seed: int
    preemptions: int | None
    schedule: Path | None
    record: Path | None
    junit: Path | None


def search_for(asked: Asked) -> int:
    """Search, say what came of it, and write what was asked for; the exit status."""
    outcome = Outcome()
    interrupted = False
    try:
        for latest in _searched(asked):
            outcome = latest
    except (LaunchError, OSError) as error:
        say(str(error))
        return NOT_STARTED
    except ModelFault as fault:
        say(f"this is a fault of mpviz, not of the program: {fault}. Please report it.")
        return FAULT_OF_OURS
    except KeyboardInterrupt:
        interrupted = True
    lines = _result(asked, outcome, interrupted)
    print("\n".join(lines), flush=True)
    if asked.junit is not None:
        _write_junit(asked, outcome, lines)
    if outcome.failure:
        return FAILS
    return INTERRUPTED if interrupted else 0


def _searched(asked: Asked) -> Iterator[Outcome]:
    """The outcomes so far; on a terminal, a line says how it goes."""
    is_bounded = asked.preemptions is not None
    explorers: list[tuple[Explorer, float]] = [
        (Dpor(asked.preemptions), 1.0 if is_bounded else BY_PLAN),
        *[(Randomly(asked.seed), 1.0)] * (not is_bounded),
    ]
    limits = Limits(seconds=asked.seconds, runs=asked.runs)
    is_shown, last = sys.stderr.isatty(), 0.0
    try:
        for outcome in search(lambda: QuickRun(asked.target), explorers, limits, asked.until):
            if is_shown and time.monotonic() - last >= PROGRESS_SECONDS:
                last = time.monotonic()
                print(f"\r\x1b[K{_progress(outcome)}", end="", file=sys.stderr, flush=True)
            yield outcome
    finally:
        if is_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _progress(outcome: Outcome) -> str:
    pace = outcome.runs / max(outcome.seconds, 1e-3)
    return f"{plural(outcome.runs, 'run')}, {pace:.1f} a second, none fails so far"


def _result(asked: Asked, outcome: Outcome, interrupted: bool) -> list[str]:
    """What is said at the end."""
    took = f"{plural(outcome.runs, 'run')} in {outcome.seconds:.1f} s"
    if outcome.failure:
        return [*_failed(asked, outcome), *_notes(outcome)]
    if outcome.complete:
        return [f"all orders of the gated operations were tried, in {took}: none fails"]
    if outcome.within_bound and asked.preemptions is not None:
        few = f"with at most {plural(asked.preemptions, 'preemption')}"
        return [f"all orders of the gated operations {few} were tried, in {took}: none fails"]
    why = "interrupted" if interrupted else "not all orders were tried"
    return [*_notes(outcome), f"{why}: {took}, none fails"]


def _notes(outcome: Outcome) -> Iterator[str]:
    """What keeps the search from being sure."""
    if outcome.diverged:
        yield (
            f"{plural(outcome.diverged, 'run')} did not repeat the beginning of an earlier run:"
            f" the last {outcome.why_diverged}. Does the program depend on chance or a clock?"
        )
    if outcome.endless:
        yield (
            f"{plural(outcome.endless, 'run')} came to no end and had to be ended: a process waits"
            " in a loop, or outside of all gates"
        )
    if outcome.killed:
        yield (
            f"in {plural(outcome.killed, 'run')} a process ended by a signal or os._exit: whether"
            " it failed is not known"
        )
    for place, runs in outcome.outside.items():
        yield (
            f"in {plural(runs, 'run')} a process blocked outside of all gates ({place}): nobody"
            " chooses when it comes back"
        )


def _failed(asked: Asked, outcome: Outcome) -> list[str]:
    """What failed and how; and where the files are that show it again."""
    schedule = asked.schedule or Path(file_name(asked.target.name, SCHEDULE))
    # At once: whatever happens while it is made simpler, this order fails.
    _write_schedule(schedule, asked.target, outcome.failed, outcome.failure)
    try:
        moment, again = _with_names(asked.target, _with_fewest_switches(asked, outcome))
    except (ModelFault, LaunchError, OSError, KeyboardInterrupt) as error:
        moment, again = outcome.failed, [f"not run once more: {error or 'interrupted'}"]
    words = _failure(moment, outcome.failure)
    files = [_write_schedule(schedule, asked.target, moment, words)]
    if asked.record is not None:
        files.append(_record(asked.record, asked.target, moment))
    return [
        *told_steps(moment),
        *again,
        *files,
        f"run it again:  mpviz run --schedule {schedule}",
        f"step by step:  mpviz step --schedule {schedule}",
        f"failed in run {outcome.runs}: {words}",
    ]


def _with_fewest_switches(asked: Asked, outcome: Outcome) -> Moment:
    """How a run ends that fails in the same way, and in which the turn changes less often."""
    best = outcome.failed
    deadline = time.monotonic() + SHORTENING_SECONDS

    def fails(choices: list[Choice]) -> list[Choice] | None:
        nonlocal best
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        limits = Limits(seconds=left, runs=1)
        *_, tried = search(
            lambda: QuickRun(asked.target), [(Along(choices), 1.0)], limits, {outcome.failure}
        )
        found = _choices(tried.failed)
        if not tried.failure:
            return None
        if switches(found) < switches(_choices(best)):
            best = tried.failed
        return found

    if sys.stderr.isatty():
        said = f"failed in run {outcome.runs}; looking for a simpler order that fails in this way"
        print(said, file=sys.stderr, flush=True)
    # A Ctrl-C says that what was found is simple enough.
    with suppress(KeyboardInterrupt):
        shortest(_choices(best), fails)
    return best


def _choices(moment: Moment) -> list[Choice]:
    return [step.choice for step in moment.steps]


def _failure(moment: Moment, kind: str) -> str:
    end = moment.end
    if kind != EXIT or end is None:
        return verdict(moment).words
    code = f"exit code {end.status}"
    if end.failed:
        task = min(end.failed)
        code = f"{name_of(moment, task)} ends with exit code {end.failed[task]}"
    return f"{code}: {end.error}" if end.error else code


def _with_names(target: Target, failed: Moment) -> tuple[Moment, list[str]]:
    """The same run once more, in which objects have their names; and what to say if it differs."""
    run = SteppedRun(target)
    try:
        moment = run.wait()
        for step in failed.steps:
            words = line_of(step).partition("  ")[0].split()
            why = differs(moment, words)
            if why:
                number = len(moment.steps) + 1
                return failed, [f"once more, the program left this order at step {number}: {why}"]
            run.let_go(step.choice)
            moment = run.wait()
        return moment, []
    finally:
        run.close()


def _write_schedule(file: Path, target: Target, moment: Moment, words: str) -> str:
    try:
        file.write_text(written(target, moment, words), encoding="utf-8")
    except OSError as error:
        return f"the schedule could not be written into {file}: {error.strerror}"
    return f"schedule:      {file}"


def _record(file: Path, target: Target, moment: Moment) -> str:
    """Record a run in this order, until it has ended or its hang has been seen."""
    steps = [line_of(step).partition("  ")[0].split() for step in moment.steps]
    session = start_along(steps, target, capture=True, record=file)
    deadline = time.monotonic() + STANDING_SECONDS
    try:
        while not session.over and time.monotonic() < deadline:
            if not session.step(PROGRESS_SECONDS):
                session.wait(0.01)
    finally:
        session.close()
    problem = session.record_problem
    return f"the recording is not whole: {problem}" if problem else f"recording:     {file}"


def _write_junit(asked: Asked, outcome: Outcome, lines: list[str]) -> None:
    """One test case, as CI systems read it."""
    assert asked.junit is not None
    count = str(int(bool(outcome.failure)))
    seconds = f"{outcome.seconds:.3f}"
    suite = ElementTree.Element(
        "testsuite", name="mpviz search", tests="1", failures=count, errors="0", time=seconds
    )
    name = " ".join([asked.target.name, *map(str, asked.target.parameters.values())])
    case = ElementTree.SubElement(
        suite, "testcase", classname="mpviz.search", name=name, time=seconds
    )
    text = "\n".join(lines)
    if outcome.failure:
        failure = ElementTree.SubElement(case, "failure", message=lines[-1], type=outcome.failure)
        failure.text = text
    else:
        ElementTree.SubElement(case, "system-out").text = text
    try:
        ElementTree.ElementTree(suite).write(asked.junit, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        say(f"--junit: {error.strerror}")
