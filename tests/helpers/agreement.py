"""One truth: what the header, the findings and the exit status say of a program at one moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mpviz.trace.explain.findings import RULES
from mpviz.trace.model.state import RunState
from mpviz.tui.endings import FOUND, has_found
from mpviz.tui.widgets.header import Status, header_row

ALL_RULES = frozenset(rule.name for rule in RULES)

WIDTH = 160
"""Cells in which the header has room for all that it says."""


def header_of(state: RunState) -> str:
    """The header of a run that goes on."""
    row = header_row(state, Status(target="program.py", start_method=""), WIDTH)
    return "".join(text for text, _ in row.parts)


def exit_status_of(state: RunState) -> int:
    """What ``--fail-on all`` makes of a program that ends well."""
    return FOUND if has_found(state, ALL_RULES) else 0


@dataclass
class Agreement:
    """What was said of programs when what was waited for had come true."""

    headers: dict[str, str] = field(default_factory=dict)
    """By the name of the program."""
    statuses: dict[str, int] = field(default_factory=dict)
    dead_ends: dict[str, list[str]] = field(default_factory=dict)
    """The rules that said why a program can never end."""

    def at(self, name: str, until: Callable[[RunState], bool]) -> Callable[[RunState], bool]:
        """The same condition; what is said at that moment is kept."""

        def is_true(state: RunState) -> bool:
            if not until(state):
                return False
            self.headers[name] = header_of(state)
            self.statuses[name] = exit_status_of(state)
            self.dead_ends[name] = [each.rule for each in state.dead_ends]
            return True

        return is_true

    def check(self, name: str) -> None:
        """Assert that all say the same of this program."""
        if name not in self.headers:
            # It has ended by itself before it was found.
            return
        header = self.headers[name]
        # Where the main process only waits for others, it is a second later that all have waited.
        assert "STUCK" not in header or self.dead_ends[name]
        assert ("finding" in header) is (self.statuses[name] == FOUND)
        if self.dead_ends[name]:
            assert "everyone is waiting" not in header
