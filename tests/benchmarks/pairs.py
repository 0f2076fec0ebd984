"""Runs two things in turn, A B A B …, and compares them pair by pair, so that drift cancels out."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

Measure = Callable[[], float]
"""Does a thing once and returns what it cost, in seconds."""


@dataclass(frozen=True)
class Comparison:
    """The seconds of each run of both."""

    first: list[float]
    second: list[float]

    @property
    def ratios(self) -> list[float]:
        """First to second, pair by pair."""
        return [a / b for a, b in zip(self.first, self.second, strict=True)]


def compare(first: Measure, second: Measure, rounds: int) -> Comparison:
    """Run each once to warm up, then both in turn so many times."""
    first(), second()
    result = Comparison([], [])
    for _ in range(rounds):
        result.first.append(first())
        result.second.append(second())
    return result


def print_row(name: str, comparison: Comparison, goal: str) -> None:
    """One row of a table: medians, and the ratio with its range."""
    ratios = sorted(comparison.ratios)
    print(
        f"{name:34} {median(comparison.first):9.3f} s {median(comparison.second):9.3f} s"
        f"   {median(ratios):6.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f})   {goal}",
        flush=True,
    )


def print_head(title: str, first: str, second: str) -> None:
    """The head of a table."""
    print(f"\n{title:34} {first:>11} {second:>11}    ratio  (range)           goal")
