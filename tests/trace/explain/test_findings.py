"""A look at a state with rules: what is said when, for how long, and what becomes of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest

from mpviz.trace.explain import findings
from mpviz.trace.explain.findings import RULES
from mpviz.trace.explain.findings.look import look
from mpviz.trace.explain.findings.rule import Rule, Stays
from mpviz.trace.model.state import Finding, RunState


class Weather:
    """Something that a rule can be asked about: the subjects that are wrong now."""

    def __init__(self, stays: Stays = Stays.OVER, holds: int = 0) -> None:
        self.wrong: list[str] = []
        self.words = "wet"
        self.state = RunState()
        self.rule = Rule("weather", "rain", "1 drop", "snow", self._find, stays, holds)

    def _find(self, state: RunState) -> Iterator[Finding]:
        for subject in self.wrong:
            yield Finding(subject, self.words, "a cloud", "an umbrella", ())

    def look(self, now: int, *wrong: str) -> list[tuple[str, int, int]]:
        """Subject, since and over of each finding after a look at this time."""
        self.state.now, self.wrong = now, list(wrong)
        look(self.state, [self.rule])
        return [(each.subject, each.since, each.over) for each in self.state.findings.values()]


def test_a_fact_is_said_at_the_first_look_and_once() -> None:
    weather = Weather()
    assert weather.look(10, "here") == [("here", 10, -1)]
    assert weather.look(20, "here", "there") == [("here", 10, -1), ("there", 20, -1)]
    assert [entry.text for entry in weather.state.log] == ["found: wet", "found: wet"]


def test_a_lasting_condition_is_found_after_its_time_with_its_start() -> None:
    weather = Weather(holds=30)
    assert weather.look(10, "here") == []
    assert weather.look(39, "here") == []
    assert weather.look(40, "here") == [("here", 10, -1)]


def test_an_interruption_restarts_the_time_that_a_rule_waits() -> None:
    weather = Weather(holds=30)
    assert weather.look(10, "here") == []
    assert weather.look(20) == []
    assert weather.look(40, "here") == []
    assert weather.look(69, "here") == []
    assert weather.look(70, "here") == [("here", 40, -1)]


def test_one_look_is_never_enough_for_that_however_late() -> None:
    weather = Weather(holds=30)
    assert weather.look(10_000, "here") == []


def test_a_finding_is_over_when_it_is_no_longer_true_and_may_come_back() -> None:
    weather = Weather(Stays.OVER)
    weather.look(10, "here")
    assert weather.look(20) == [("here", 10, 20)]
    assert weather.look(30) == [("here", 10, 20)]
    assert weather.look(40, "here") == [("here", 10, -1)]


def test_what_happened_stays() -> None:
    weather = Weather(Stays.AS_IT_WAS)
    weather.look(10, "here")
    assert weather.look(20) == [("here", 10, -1)]


def test_a_judgement_is_withdrawn() -> None:
    weather = Weather(Stays.WITHDRAWN)
    weather.look(10, "here")
    assert weather.look(20) == []


def test_a_later_look_has_later_numbers_and_keeps_the_time() -> None:
    weather = Weather()
    weather.look(10, "here")
    weather.words = "very wet"
    weather.look(20, "here")
    (finding,) = weather.state.findings.values()
    assert (finding.message, finding.found) == ("very wet", 10)


def test_a_rule_that_is_silenced_is_not_asked() -> None:
    weather = Weather()
    weather.state.silenced = frozenset({"weather"})
    assert weather.look(10, "here") == []


def test_once_the_end_has_begun_nobody_is_blamed_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr(findings, "look", lambda state, rules: looked.append(state.now))
    findings.look_while_it_runs(RunState(now=10))
    findings.look_while_it_runs(RunState(now=20, ending=15))
    assert looked == [10]


def test_the_rules_have_names_of_their_own() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_thresholds_of_a_rule_are_positive_numbers(rule: Rule) -> None:
    constants = vars(sys.modules[rule.find.__module__])
    numbers = [value for value in constants.values() if isinstance(value, int | float)]
    assert all(value > 0 for value in numbers)
    assert re.search(r"\d|two|half|quarter", rule.threshold)
