"""The scenarios that were made to be stepped through, as plain programs, and their short forms."""

from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from helpers.scenario_output import lines
from mpviz.scenarios import catalogue
from mpviz.scenarios.catalogue import Scenario, as_text

Run = Callable[..., CompletedProcess[str]]

STEPPED = [each for each in catalogue.scenarios().values() if each.stepped]


def test_a_bank_whose_transfers_keep_to_one_order_loses_no_money(program: Run) -> None:
    assert lines(program("bank", "way=in-order", "pause_ms=5")) == [
        "alice 100, bob 100; two transfers of 60, in-order",
        "alice 100, bob 100",
    ]


@pytest.mark.parametrize(
    ("way", "left", "why"),
    [
        ("check-first", "alice -20, bob 220", "alice has paid more than there was"),
        ("unlocked", "", "the transfers cancel out, so both should have 100"),
    ],
)
def test_two_wrong_ways_come_out_wrong(program: Run, way: str, left: str, why: str) -> None:
    """The pause is long enough for the other one to step in."""
    done = program("bank", f"way={way}")

    assert (done.returncode, done.stderr.splitlines()) == (1, [why])
    assert left in done.stdout


def test_with_a_sentinel_every_item_is_taken_and_nobody_waits_on(program: Run) -> None:
    first, *taken, last = lines(program("last-item", "way=sentinel", "pause_ms=1", "consumers=3"))

    assert (first, last) == ("3 consumers, 7 items", "all ended, 0 left in the queue")
    assert sorted(line.partition(": ")[2] for line in taken) == [f"item {n}" for n in range(7)]


def test_these_are_short_when_they_are_stepped_through() -> None:
    assert {each.name for each in STEPPED} == {
        *("bank", "last-item", "race", "deadlock", "shared-counter", "condition"),
        "producer-consumer",
    }


@pytest.mark.parametrize("scenario", STEPPED, ids=lambda each: each.name)
def test_what_makes_it_short_is_allowed(scenario: Scenario) -> None:
    words = [f"{name}={as_text(value)}" for name, value in scenario.stepped.items()]
    assert catalogue.parse(scenario, words).items() >= scenario.stepped.items()
