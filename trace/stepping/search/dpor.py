"""All orders that differ in what can be noticed, each as seldom as possible: dynamic partial-order
reduction with source sets and sleep sets (Abdulla and others, 2014).

After each run, those steps are looked for that could have come the other way round: of different
tasks, dependent, and neither needs the other. There the other one is let go first in a later run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mpviz.trace.stepping.search.clocks import Clocks, Event, dependent, gone_after
from mpviz.trace.stepping.search.dependence import bears_on, must_wait
from mpviz.trace.stepping.search.explorer import (
    Diverged,
    Situation,
    hold_to,
    preempts,
    preferred,
    situation,
)
from mpviz.trace.stepping.steps import Choice, Held, Moment, Operation


@dataclass
class _Node:
    """A moment of the run that is being varied."""

    before: Situation
    next: Mapping[str, Operation]
    possible: Mapping[str, Choice]
    objects: Mapping[str, Held]
    chosen: Choice
    asleep: dict[str, Event]
    """Tasks whose next step was tried from here, or before with nothing since that it depends on:
    all that begins with it has been seen."""
    preempting: frozenset[str]
    """Tasks that would take the turn from one that could go on."""
    preempted: int
    """How often that was done before."""
    todo: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)


class Dpor:
    """Finds whatever plain depth-first search finds, in fewer runs.

    With a bound for preemptions no task sleeps: what was seen before may have cost more of them.
    And where a step should be tried before another, it is also tried before all that the task of
    that one did in a row, which costs no more preemptions (Coons and others, 2013).
    """

    def __init__(self, preemptions: int | None = None) -> None:
        """``preemptions``: how often a run may take the turn from a task that could go on."""
        self.more = True
        self._most = preemptions
        self._nodes: list[_Node] = []
        self._clocks = Clocks()
        self._known = 0
        """How many steps of the run were looked at when the run before it had ended."""
        self._places: dict[str, int] = {}
        self._left_out = False

    @property
    def complete(self) -> bool:
        """Whether nothing is left, and nothing was left out."""
        return not self.more and not self._left_out

    def choose(self, moment: Moment) -> Choice | None:
        """What is to be tried now; None if all that could follow has been seen."""
        self._learn(moment)
        depth = len(moment.steps)
        if depth < len(self._nodes):
            self._hold_to(self._nodes[depth], moment)
            return self._nodes[depth].chosen
        asleep = self._still_asleep()
        awake = [choice for choice in moment.possible if choice.task not in asleep]
        if not awake:
            self._conclude(moment.next, moment.possible)
            return None
        chosen = preferred(moment, awake)
        self._nodes.append(
            _Node(
                before=situation(moment),
                next=moment.next,
                possible={choice.task: choice for choice in moment.possible},
                objects=moment.objects,
                chosen=chosen,
                asleep=asleep,
                preempting=frozenset(
                    choice.task for choice in moment.possible if preempts(moment, choice)
                ),
                preempted=self._preempted(),
                todo={chosen.task},
                done={chosen.task},
            )
        )
        return chosen

    def _preempted(self) -> int:
        if not self._nodes:
            return 0
        last = self._nodes[-1]
        return last.preempted + (last.chosen.task in last.preempting)

    def finish(self, moment: Moment) -> None:
        """Look for what could have come the other way round, and take back the last steps."""
        self._learn(moment)
        is_short = len(moment.steps) < len(self._nodes)
        if moment.end is None:
            self._conclude(moment.next, moment.possible)
        else:
            self._conclude(self._cut_off(), ())
        if is_short:
            self._left_out = True
            raise Diverged(len(moment.steps), "the program has ended earlier than before")

    def _learn(self, moment: Moment) -> None:
        """Note the step that has led here, if it is a new one."""
        if moment.outside:
            # What such a task waits for is not known, and so not what it depends on.
            self._left_out = True
        for known, held in moment.objects.items():
            if held.places:
                self._places[known] = held.places
        number = len(moment.steps) - 1
        if number == len(self._clocks.events) and number >= 0:
            step = moment.steps[number]
            gone = gone_after(self._nodes[number].next, step.operation, moment)
            self._clocks.add(step.operation, step.choice, gone, self._places)

    def _still_asleep(self) -> dict[str, Event]:
        if not self._nodes:
            return {}
        event = self._clocks.events[-1]
        return {
            task: sleeper
            for task, sleeper in self._nodes[-1].asleep.items()
            if task != event.task and not dependent(event, sleeper, self._places)
        }

    def _cut_off(self) -> Mapping[str, Operation]:
        """What was about to be done when the program ended."""
        last = self._nodes[-1]
        return {task: each for task, each in last.next.items() if task != last.chosen.task}

    def _hold_to(self, node: _Node, moment: Moment) -> None:
        try:
            hold_to(node.before, moment)
        except Diverged:
            self._left_out = True
            self._go_back()
            raise

    # Which other orders there are

    def _conclude(self, pending: Mapping[str, Operation], possible: Sequence[Choice]) -> None:
        """Look at the new steps of a run, and at what was never let go."""
        events = self._clocks.events
        for number in range(self._known, len(events)):
            self._reverse(events[number], number)
        can_go = {choice.task for choice in possible}
        for task, operation in pending.items():
            if task not in can_go:
                self._reverse(Event(operation, past=self._clocks.past(task)), len(events))
        self._go_back()

    def _reverse(self, event: Event, number: int) -> None:
        """Have it tried before each earlier step with which it could change places."""
        for earlier in self._dependent_on(event, number):
            if event.past.get(self._clocks.events[earlier].task, -1) < earlier:
                self._try_before(earlier, event, number)

    def _dependent_on(self, event: Event, number: int) -> Iterator[int]:
        for earlier in self._clocks.related(event):
            if earlier < number:
                other = self._clocks.events[earlier]
                if other.task != event.task and self._is_other_way_round(other, event):
                    yield earlier

    def _is_other_way_round(self, one: Event, other: Event) -> bool:
        """Whether it makes a difference if the second comes before the first, or waits for it."""
        if dependent(one, other, self._places):
            return True
        # Who waits can be left without a preemption.
        is_bounded = self._most is not None
        return is_bounded and bears_on(one.operation, other.operation, self._places)

    def _try_before(self, earlier: int, event: Event, number: int) -> None:
        if self._most is not None:
            for place in {earlier, self._begin_of_turn(earlier)}:
                there = self._nodes[place].possible
                self._nodes[place].todo.update([event.task] if event.task in there else there)
            return
        node = self._nodes[earlier]
        between = list(self._independent_of(earlier, number))
        bearing = [
            each
            for each in between
            if bears_on(self._clocks.events[each].operation, event.operation, self._places)
        ]
        if not bearing and must_wait(event.operation, node.objects):
            return
        first = self._first_of(between, event, bearing)
        if not first & node.todo and not first & node.asleep.keys():
            can_go = [task for task in [event.task, *node.possible] if task in first]
            node.todo.update(
                [task for task in can_go if task in node.possible][:1] or node.possible
            )

    def _begin_of_turn(self, number: int) -> int:
        """Since when the task of a step had gone in a row."""
        task = self._nodes[number].chosen.task
        while number and self._nodes[number - 1].chosen.task == task:
            number -= 1
        return number

    def _independent_of(self, earlier: int, number: int) -> Iterator[int]:
        """The steps after one that do not need it."""
        task = self._clocks.events[earlier].task
        for each in range(earlier + 1, number):
            event = self._clocks.events[each]
            if event.task != task and event.clock.get(task, -1) < earlier:
                yield each

    def _first_of(self, between: list[int], event: Event, bearing: list[int]) -> set[str]:
        """The tasks of which one can begin, if these steps and then the event are taken."""
        first: set[str] = set()
        seen: list[int] = []
        for each in between:
            other = self._clocks.events[each]
            if all(other.clock.get(self._clocks.events[k].task, -1) < k for k in seen):
                first.add(other.task)
            seen.append(each)
        tasks = [(self._clocks.events[each].task, each) for each in between]
        if not bearing and all(event.past.get(task, -1) < each for task, each in tasks):
            first.add(event.task)
        return first

    # Where to go on

    def _go_back(self) -> None:
        while self._nodes:
            node = self._nodes[-1]
            number = len(self._nodes) - 1
            tried = self._clocks.events[number] if number < len(self._clocks.events) else None
            if tried is not None and self._most is None:
                node.asleep[node.chosen.task] = Event(tried.operation, tried.outcome, tried.gone)
            self._clocks.take_back(number)
            untried = node.todo - node.done - node.asleep.keys()
            left = [task for task in node.possible if task in untried and self._may(node, task)]
            self._left_out |= len(left) < len(untried)
            if left:
                node.chosen = node.possible[left[0]]
                node.done.add(left[0])
                break
            self._nodes.pop()
        self._known = len(self._nodes) - 1
        self.more = bool(self._nodes)

    def _may(self, node: _Node, task: str) -> bool:
        return self._most is None or node.preempted + (task in node.preempting) <= self._most
