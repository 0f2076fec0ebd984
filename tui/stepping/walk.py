"""A walk through a stepped run: each choice of a person, and what goes by itself after it.

All of it blocks until the program stands again, so it has a thread of its own (``pace.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mpviz.trace.stepping.lost import Updates
from mpviz.trace.stepping.schedule import differs
from mpviz.trace.stepping.steps import Choice, Moment
from mpviz.tui.render.steps.verdict import default_choice
from mpviz.tui.render.steps.words import is_quiet
from mpviz.tui.sessions import Stepped

MOST_QUIET = 200
"""Steps in a row that go by themselves: a program may do nothing but sleep, for ever."""

MOST_STEPS = 10_000
"""Steps in a row that the default order takes while nothing is found."""


class LeftPath(Exception):
    """The program did not follow the steps that it took before; the text says where."""


class Walk:
    """The run as it stands, and how to go on, back, or to its next failure."""

    def __init__(self, start: Callable[[], Stepped]) -> None:
        self.start = start
        """Starts the program anew."""
        self._run: Stepped | None = None
        self.moment = Moment()
        self.choices: list[int] = []
        """Before each choice of a person: how many steps had been taken."""
        self.every = False
        """Whether also what nobody else can see waits for a person."""
        self.is_stopped: Callable[[], bool] = lambda: False
        """Asked between two steps of many: whether to stop here."""
        self.heard: Callable[[Moment], None] = lambda moment: None
        """Told each moment of many."""

    def begin(self) -> None:
        """Start the program, and go to the first choice."""
        self._run = self.start()
        self.choices = []
        self.moment = self._run.wait()
        self.settle()

    def follow(self, schedule: Sequence[Sequence[str]]) -> None:
        """Start the program, and take the steps of a schedule; :class:`LeftPath` if it does not."""
        self._run = self.start()
        self.choices = []
        self.moment = self._run.wait()
        for number, words in enumerate(schedule, 1):
            why = differs(self.moment, words)
            if why:
                raise LeftPath(f"the program left the schedule at step {number}: {why}")
            self._let_go(Choice(words[0], words[3] if len(words) > 3 else "go"))
        self.choices = [0]

    def go(self, choice: Choice) -> None:
        """Let a task go on, then what goes by itself; nothing if that is not possible now."""
        if choice in self.moment.possible:
            self.choices.append(len(self.moment.steps))
            self._let_go(choice)
            self.settle()

    def run_on(self) -> None:
        """Go on in the default order until something goes wrong, or nothing can go on."""
        began = len(self.moment.steps)
        updates = Updates()
        for number, step in enumerate(self.moment.steps):
            updates.add(number, step)
        for number in range(began, began + MOST_STEPS):
            choice = default_choice(self.moment)
            if choice is None or self.is_stopped():
                break
            self._let_go(choice)
            if updates.add(number, self.moment.steps[-1]) is not None:
                break
        if len(self.moment.steps) > began:
            self.choices.append(began)

    def look(self) -> bool:
        """See whether something has happened by itself: output, or who was outside came back."""
        moment = self._run.look() if self._run is not None else None
        if moment is None:
            return False
        self.moment = moment
        self.settle()
        return True

    def back(self) -> None:
        """To before the last choice: the program runs again, and takes the same steps up to it."""
        if self.choices:
            self._again(self.choices[:-1], self.choices[-1])

    def restart(self) -> None:
        """To the first choice."""
        if self.choices:
            self._again([], self.choices[0])

    @property
    def output(self) -> Sequence[str]:
        """The last lines that the program has printed."""
        return self._run.output if self._run is not None else ()

    def close(self) -> None:
        """End the program; from any thread, and more than once."""
        run, self._run = self._run, None
        if run is not None:
            run.close()

    def _again(self, choices: Sequence[int], steps: int) -> None:
        prefix = [step.choice for step in self.moment.steps[:steps]]
        self.close()
        self._run = self.start()
        self.moment = self._run.wait()
        for number, choice in enumerate(prefix):
            if choice not in self.moment.possible:
                self.choices = [each for each in choices if each < number]
                raise LeftPath(
                    f"the program did not take its steps again: step {number + 1} is not possible"
                    " this time, so its order depends on a clock, on chance, or on what is outside"
                )
            self._let_go(choice)
        self.choices = list(choices)

    def settle(self) -> None:
        """Unless each step is asked for, let go what makes no difference, up to the next choice."""
        for _ in range(0 if self.every else MOST_QUIET):
            choice = quiet_choice(self.moment)
            if choice is None:
                return
            self._let_go(choice)

    def _let_go(self, choice: Choice) -> None:
        assert self._run is not None
        self._run.let_go(choice)
        self.moment = self._run.wait()
        self.heard(self.moment)


def quiet_choice(moment: Moment) -> Choice | None:
    """The first task that can do what no other can see; None if there is none."""
    for choice in moment.possible:
        operation = moment.next.get(choice.task)
        if choice.outcome == "go" and operation is not None and is_quiet(operation):
            return choice
    return None
