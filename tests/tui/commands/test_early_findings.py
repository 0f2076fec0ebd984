"""Without a screen, a finding is told when it is made, and once more when it is withdrawn."""

from __future__ import annotations

from mpviz.trace.model.state import Finding, RunState
from mpviz.tui.commands.early_findings import MOST_CHANGES, MOST_OF_A_RULE, EarlyFindings


def finding(subject: str) -> Finding:
    made = Finding(subject, f"{subject} waits", "Because.", "Do.", (), found=6_200_000_000)
    made.rule = "stalled"
    return made


def test_a_finding_is_told_once_and_so_is_its_withdrawal() -> None:
    told: list[str] = []
    early, state = EarlyFindings(told.append), RunState()
    state.findings["stalled", "main"] = finding("main")
    early.look(state)
    early.look(state)
    assert told == ["found after 6.2 s: main waits (stalled)"]
    state.findings.clear()
    early.look(state)
    early.look(state)
    assert told[1:] == ["withdrawn: main waits (stalled)"]
    state.findings["stalled", "main"] = finding("main")
    early.look(state)
    assert told[2:] == ["found again: main waits (stalled)"]


def test_one_that_comes_and_goes_does_not_fill_the_terminal() -> None:
    told: list[str] = []
    early, state = EarlyFindings(told.append), RunState()
    for _ in range(20):
        state.findings["stalled", "main"] = finding("main")
        early.look(state)
        state.findings.clear()
        early.look(state)
    assert len(told) == MOST_CHANGES


def test_of_many_alike_a_few_are_told() -> None:
    told: list[str] = []
    early, state = EarlyFindings(told.append), RunState()
    for number in range(300):
        state.findings["stalled", str(number)] = finding(str(number))
        early.look(state)
    state.findings.clear()
    early.look(state)
    assert len(told) == 2 * MOST_OF_A_RULE + 1
    assert told[MOST_OF_A_RULE] == "the report will tell more findings of stalled"
