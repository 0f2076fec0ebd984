"""All orders, one by one, without any reduction: what the others are held to."""

from __future__ import annotations

from dataclasses import dataclass

from mpviz.trace.stepping.search.explorer import (
    Diverged,
    Situation,
    hold_to,
    preempts,
    preferred,
    situation,
)
from mpviz.trace.stepping.steps import Choice, Moment


@dataclass
class _Node:
    before: Situation
    chosen: Choice
    left: list[Choice]


class DepthFirst:
    """Goes back to the last step at which something is left to try, run after run."""

    def __init__(self, preemptions: int | None = None) -> None:
        """``preemptions``: how often a run may take the turn from a task that could go on."""
        self.more = True
        self._most = preemptions
        self._nodes: list[_Node] = []
        self._used = 0
        self._left_out = False

    @property
    def complete(self) -> bool:
        """Whether nothing is left, and nothing was left out."""
        return not self.more and not self._left_out

    def choose(self, moment: Moment) -> Choice:
        """What is to be tried now, at the depth of this moment."""
        depth = len(moment.steps)
        if depth == 0:
            self._used = 0
        if depth < len(self._nodes):
            self._hold_to(self._nodes[depth], moment)
        else:
            self._nodes.append(self._new(moment))
        chosen = self._nodes[depth].chosen
        self._used += preempts(moment, chosen)
        return chosen

    def finish(self, moment: Moment) -> None:
        """Take back the last step at which something is left."""
        is_short = len(moment.steps) < len(self._nodes)
        self._go_back()
        if is_short:
            self._left_out = True
            raise Diverged(len(moment.steps), "the program has ended earlier than before")

    def _new(self, moment: Moment) -> _Node:
        chosen = preferred(moment, moment.possible)
        left = [choice for choice in moment.possible if choice != chosen]
        allowed = [choice for choice in left if self._may(moment, choice)]
        self._left_out |= len(allowed) < len(left)
        return _Node(situation(moment), chosen, allowed)

    def _may(self, moment: Moment, choice: Choice) -> bool:
        return self._most is None or self._used + preempts(moment, choice) <= self._most

    def _hold_to(self, node: _Node, moment: Moment) -> None:
        try:
            hold_to(node.before, moment)
        except Diverged:
            self._left_out = True
            self._go_back()
            raise

    def _go_back(self) -> None:
        while self._nodes and not self._nodes[-1].left:
            self._nodes.pop()
        if self._nodes:
            self._nodes[-1].chosen = self._nodes[-1].left.pop(0)
        self.more = bool(self._nodes)
