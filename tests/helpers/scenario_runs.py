"""Runs a scenario by the real command, without a screen, and takes in what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from helpers.command import watch_headless
from mpviz.trace.explain.findings import RULES
from mpviz.trace.model.primitives.queue import Turns

PATIENCE = 60

FAULTS = {"left-behind", "fork-with-threads", "zombies"} | {
    rule.name for rule in RULES if rule.is_a_dead_end or rule.is_last_resort
}
"""Rules of which nothing may be found in a scenario that comes to its end."""


@dataclass
class Finished:
    """A headless run: the document, and what the program itself printed."""

    document: dict[str, Any]
    printed: str

    def only(self, section: str) -> dict[str, Any]:
        (entry,) = self.document[section]
        found: dict[str, Any] = entry
        return found

    def named(self, section: str) -> dict[str, dict[str, Any]]:
        """The entries of a section by their names."""
        return {entry["name"]: entry for entry in self.document[section]}

    def started(self) -> dict[str, dict[str, Any]]:
        """The processes that were started through multiprocessing, by name."""
        started = [each for each in self.document["processes"] if each["start_method"]]
        by_name = {each["name"]: each for each in started}
        assert len(by_name) == len(started)
        return by_name

    def main(self) -> dict[str, Any]:
        """The process that the command started."""
        (found,) = [each for each in self.document["processes"] if each["role"] == "main"]
        process: dict[str, Any] = found
        return process

    def assert_exact_stream(self) -> None:
        stream = self.document["stream"]
        assert (stream["lost"], stream["probe_errors"], stream["unreadable"]) == (0, 0, 0)


def assert_time_adds_up(document: dict[str, Any]) -> None:
    """The phases of each process are as long as the run, and those of all as long as all."""
    found = document["phases"]
    wall = document["run"]["duration"]
    assert found["wall"] == pytest.approx(wall, abs=1e-6)
    for process in found["processes"]:
        assert sum(process["phases"].values()) == pytest.approx(wall, abs=1e-6), process
        assert min(process["phases"].values()) >= 0, process
    assert sum(found["total"].values()) == pytest.approx(wall * found["workers"], abs=1e-5)
    counted = [each for each in found["processes"] if each["counted_as"] == "worker"]
    assert len(counted) == found["workers"]
    assert 0 <= (found["efficiency"] or 0) <= 1


def assert_all_ended_well(finished: Finished, names: Iterable[str]) -> None:
    """The main process and exactly these others ended with exit code 0."""
    processes = finished.document["processes"]
    helpers = ("resource tracker", "fork server")
    ended = {each["name"]: each["exit_code"] for each in processes if each["name"] not in helpers}
    assert ended == {"MainProcess": 0} | dict.fromkeys(names, 0)


def run(start_method: str, *words: str) -> Finished:
    """Run a scenario that starts all its processes by the method it is given."""
    finished = run_as_it_chooses(start_method, *words)
    methods = {process["start_method"] for process in finished.document["processes"]}
    assert methods - {""} == {start_method}
    return finished


def run_as_it_chooses(start_method: str, *words: str, fault: str = "") -> Finished:
    """Run a scenario that may start processes by another method than the one it is given.

    ``fault``: the rule that finds what the scenario shows; no other fault may be found.
    """
    document, printed, status = watch_headless("--start-method", start_method, *words)
    assert status == 0
    finished = Finished(document, "\n".join(printed))
    finished.assert_exact_stream()
    assert_time_adds_up(finished.document)
    found = {each["rule"] for each in finished.document["findings"]} & FAULTS
    assert found == ({fault} if fault else set())
    return finished


def counts(turns: dict[str, Turns]) -> dict[str, int]:
    """By process key, how many items it has put into a queue, or taken out."""
    return {key: each.count for key, each in turns.items()}
