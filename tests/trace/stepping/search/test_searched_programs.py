"""Real programs, searched: each fault is found in a few runs, and in its twin there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.programs_to_search import PAIRS, source
from mpviz.trace.launch.start import Target
from mpviz.trace.stepping.quick import QuickRun
from mpviz.trace.stepping.search.dpor import Dpor
from mpviz.trace.stepping.search.driver import Limits, Outcome, search
from mpviz.trace.stepping.search.failure import DEADLOCK, EXIT

pytestmark = pytest.mark.usefixtures("nothing_left")

LIMITS = Limits(seconds=60, run_seconds=60)
QUICKEST = "two locks"
OTHERS = [pytest.param(each, marks=pytest.mark.thorough) for each in PAIRS if each != QUICKEST]


def searched(folder: Path, body: str) -> Outcome:
    file = folder / "program.py"
    file.write_text(source(body))
    target = Target([str(file)], name=file.name, directory=folder)
    *_, outcome = search(lambda: QuickRun(target), [(Dpor(), 1.0)], LIMITS, {EXIT, DEADLOCK})
    return outcome


@pytest.mark.parametrize("name", [QUICKEST, *OTHERS])
def test_the_fault_is_found_and_its_twin_has_none(tmp_path: Path, name: str) -> None:
    pair = PAIRS[name]
    found = searched(tmp_path, pair.faulty)
    assert (found.failure, found.diverged, found.endless) == (pair.kind, 0, 0), found
    sound = searched(tmp_path, pair.mended)
    assert not sound.failure, sound.failed.blocked
    assert sound.complete, sound
