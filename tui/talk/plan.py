"""A talk as its TOML file says it: the steps, and what each shows, asks and answers."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from mpviz.trace.explain.findings import RULES
from mpviz.trace.launch.start import Target
from mpviz.tui.layout import TIMELINE
from mpviz.tui.panels import PANELS
from mpviz.tui.render.steps.cast import KEYS
from mpviz.tui.render.steps.choices import TIMEOUT_KEY
from mpviz.tui.talk.answers import MEASURED, OF_STEPS, VARIABLE
from mpviz.tui.talk.wording import in_our_words, meant, nearest

BUILT_IN = Path(__file__).with_name("guide.toml")
"""The talk that comes with mpviz."""

RUN, STEP = "run", "step"
"""Kinds of steps: the program runs, or the room chooses each of its steps."""

END, FINDING = "end", "finding"
"""Stops by name; any other name is that of a rule."""

SLOWEST = 64.0
MOST_SECONDS = 3600.0


class PlanError(ValueError):
    """The file makes no talk; the text says where and why, in one line."""


@dataclass(frozen=True, slots=True)
class Stop:
    """When a step stops by itself; the end of the program always stops it."""

    finding: str = ""
    """At the first finding of this rule; "finding" for any rule, empty for none."""
    seconds: float = 0.0
    """After so much time of the run; 0 for no such moment."""

    @property
    def words(self) -> str:
        """As it is said to a person: "the end", "the first finding", "8 s"."""
        if self.seconds:
            return f"{self.seconds:g} s"
        if not self.finding:
            return "the end"
        return "the first finding" if self.finding == FINDING else f"the finding {self.finding}"


class Step(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """One step, with the names that it has in the file."""

    title: str
    run: str
    """The words after ``mpviz run``: a scenario or a program, and its parameters."""
    question: str
    kind: str = RUN
    moves: str = ""
    """For a step of the kind STEP: the digits that a rehearsal presses, in their order."""
    answer: str | list[str] = ""
    """A line with a number that the run did not give is left out."""
    numbers: dict[str, str] = {}
    """Names for the answer, and patterns that find each in the program's output."""
    watch: str = TIMELINE
    """The one panel below the timeline."""
    stop: str | float = END
    slow: float = 1.0
    """How many times as slowly as it is the run is shown."""
    python: str | None = None
    start_method: str | None = None
    recording: str = ""
    """The file with a recorded run to fall back on."""

    @property
    def words(self) -> list[str]:
        """The words of :attr:`run`."""
        return shlex.split(self.run)

    @property
    def lines(self) -> list[str]:
        """The answer, line by line."""
        given = self.answer.splitlines() if isinstance(self.answer, str) else self.answer
        return [line.strip() for line in given if line.strip()]

    @property
    def stops(self) -> Stop:
        """When it stops by itself."""
        if isinstance(self.stop, str):
            return Stop(finding="" if self.stop == END else self.stop)
        return Stop(seconds=self.stop)


class Talk(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A whole talk."""

    title: str
    step: list[Step]


@dataclass(frozen=True)
class Performance:
    """A talk that can be given: what each of its steps runs is known."""

    talk: Talk
    targets: tuple[Target, ...]
    folder: Path
    """Where its recordings are."""


def read_talk(file: Path) -> Talk:
    """The talk in this file; :class:`PlanError` if there is none."""
    try:
        text = file.read_bytes()
    except OSError as error:
        raise PlanError(f"{file} cannot be read: {error.strerror}") from None
    try:
        talk = msgspec.toml.decode(text, type=Talk)
    except msgspec.ValidationError as bad:
        raise PlanError(f"{file}: {_placed(str(bad))}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        raise PlanError(f"{file} is no TOML: {bad}") from None
    if not talk.step:
        raise PlanError(f"{file} has no [[step]]")
    for number, step in enumerate(talk.step, 1):
        for key, problem in _problems(step):
            raise PlanError(f"{file}: step {number} ({step.title}): {key}: {problem}")
    return talk


def _placed(problem: str) -> str:
    """The place first, as a person counts: "step 2: stop: it has to be a number or a text, ..."."""
    what, _, where = problem.partition(" - at `$")
    places: list[str] = []
    for name, index in re.findall(r"\.([\w-]+)|\[(\d+|\.\.\.)\]", where):
        if index.isdigit() and places[-1:] == ["step"]:
            places[-1] = f"step {int(index) + 1}"
        else:
            places.append(name or f"[{index}]")
    keys = Step.__struct_encode_fields__ if places else Talk.__struct_encode_fields__
    return ": ".join([*places, in_our_words(what, keys)])


def _problems(step: Step) -> list[tuple[str, str]]:
    """What of a step stands for nothing: the key, and why."""
    problems = _problems_of_kind(step)
    try:
        if not step.words:
            problems.append(("run", "it names no program"))
    except ValueError as bad:
        problems.append(("run", f"{bad}"))
    panels = [panel.name for panel in PANELS]
    if step.watch not in panels:
        problems.append(("watch", f"there is no panel {step.watch!r}{meant(step.watch, panels)}"))
    rules = [rule.name for rule in RULES]
    if isinstance(step.stop, str) and step.stop not in (END, FINDING, *rules):
        near = nearest(step.stop, [END, FINDING, *rules])
        more = f"; did you mean {near!r}?" if near else ""
        why = f'{step.stop!r} is not "end", "finding", seconds, or a finding that mpviz rules lists'
        problems.append(("stop", f"{why}{more}"))
    if not isinstance(step.stop, str) and not 0 < step.stop <= MOST_SECONDS:
        problems.append(("stop", f"it has to be more than 0 and at most {MOST_SECONDS:g} seconds"))
    if not 1 <= step.slow <= SLOWEST:
        problems.append(("slow", f"it has to be from 1 to {SLOWEST:g}"))
    for name, pattern in step.numbers.items():
        try:
            groups: Any = re.compile(pattern).groups
        except re.error as bad:
            problems.append((f"numbers.{name}", f"{pattern!r} is no pattern: {bad}"))
        else:
            if groups != 1:
                problems.append((f"numbers.{name}", f"{pattern!r} needs one pair of parentheses"))
    known = [*step.numbers, *(OF_STEPS if step.kind == STEP else MEASURED)]
    for name in VARIABLE.findall("\n".join(step.lines)):
        if name not in known:
            problems.append(("answer", f"there is no number {{{name}}}{meant(name, known)}"))
    return problems


def _problems_of_kind(step: Step) -> list[tuple[str, str]]:
    """What a step of its kind does not have."""
    if step.kind not in (RUN, STEP):
        return [("kind", f'{step.kind!r} is neither "{RUN}" nor "{STEP}"')]
    if step.kind == RUN:
        return [("moves", f'only a step of kind = "{STEP}" has moves')] if step.moves else []
    usual = Step(title="", run="", question="")
    runs_only = ("watch", "stop", "slow", "recording")
    wrong = [key for key in runs_only if getattr(step, key) != getattr(usual, key)]
    problems = [(key, f'a step of kind = "{STEP}" has none') for key in wrong]
    bad = [word for word in step.moves.split() if word not in (*KEYS, TIMEOUT_KEY)]
    if bad:
        problems.append(("moves", f"{bad[0]!r} is no digit of a process, nor {TIMEOUT_KEY}"))
    return problems
