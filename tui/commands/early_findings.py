"""Findings of a run without a screen, told as soon as they stand: a hang may never see a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mpviz.trace.model.formatting import duration

if TYPE_CHECKING:
    from mpviz.trace.model.state import Finding, RunState

MOST_OF_A_RULE = 3
"""Maximum number of findings of one rule that are told before the report."""

MOST_CHANGES = 4
"""How often at most it is told that one finding was made or withdrawn."""


@dataclass
class _Told:
    finding: Finding
    stands: bool = True
    changes: int = 1


@dataclass
class EarlyFindings:
    """Tells each finding when it is made, and when it is withdrawn."""

    tell: Callable[[str], None]
    """Is given a sentence."""
    _told: dict[tuple[str, str], _Told] = field(default_factory=dict)
    """By rule and subject."""
    _found: Counter[str] = field(default_factory=Counter)
    """Number of findings by rule."""

    def look(self, state: RunState) -> None:
        """Tell what has changed since the last look."""
        for key, finding in state.findings.items():
            known = self._told.get(key)
            if known is None:
                self._tell_new(state, key, finding)
            elif not known.stands:
                self._tell_change(known, stands=True)
        for key in self._told.keys() - state.findings.keys():
            if self._told[key].stands:
                self._tell_change(self._told[key], stands=False)

    def _tell_new(self, state: RunState, key: tuple[str, str], finding: Finding) -> None:
        rule = finding.rule
        self._found[rule] += 1
        if self._found[rule] <= MOST_OF_A_RULE:
            self._told[key] = _Told(finding)
            when = duration(finding.found - state.origin)
            self.tell(f"found after {when}: {finding.message} ({rule})")
        else:
            # Never told, so never withdrawn.
            self._told[key] = _Told(finding, changes=MOST_CHANGES)
            if self._found[rule] == MOST_OF_A_RULE + 1:
                self.tell(f"the report will tell more findings of {rule}")

    def _tell_change(self, known: _Told, *, stands: bool) -> None:
        known.stands = stands
        known.changes += 1
        if known.changes <= MOST_CHANGES:
            what = "found again" if stands else "withdrawn"
            self.tell(f"{what}: {known.finding.message} ({known.finding.rule})")
