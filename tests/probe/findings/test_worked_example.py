"""The example in docs: what it says of the two programs is so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RunProgram = Callable[..., Any]

ROOT = Path(__file__).parents[3]
SLOW, FIXED = (ROOT / "screenshots" / name for name in ("words.py", "words_fixed.py"))


def test_the_change_on_the_page_is_what_makes_one_program_the_other() -> None:
    page = (ROOT / "docs" / "example.md").read_text()
    lines = [line[4:] for line in page.splitlines() if line.startswith(("    -   ", "    +   "))]
    taken = "\n".join(line[1:] for line in lines if line.startswith("-"))
    given = "\n".join(line[1:] for line in lines if line.startswith("+"))
    body = SLOW.read_text().partition('"""\n\n')[2]
    assert taken in body
    assert body.replace(taken, given) == FIXED.read_text().partition('"""\n\n')[2]


def test_the_lock_is_held_at_the_lines_that_the_page_names() -> None:
    lines = SLOW.read_text().splitlines()
    assert "with total.get_lock()" in lines[15]
    assert "words_in(path)" in lines[16]


@pytest.mark.thorough
def test_the_lock_is_held_for_the_work_in_one_and_to_add_in_the_other(
    run_program: RunProgram,
) -> None:
    slow, fixed = run_program(SLOW.read_text()), run_program(FIXED.read_text())
    assert slow.stdout == fixed.stdout
    for run in (slow, fixed):
        run.assert_nothing_was_missed()
    (slow_lock,), (fixed_lock,) = slow.document["locks"], fixed.document["locks"]
    assert slow_lock["acquisitions"] == fixed_lock["acquisitions"]
    assert slow_lock["hold"] > 10 * fixed_lock["hold"]
    worked = sum(process["cpu_seconds"] for process in slow.document["processes"])
    assert slow_lock["hold"] > worked / 2
