"""The lines under the header: the gravest finding, whole, with its places and the key to go on."""

from __future__ import annotations

import pytest

from helpers.screens import running, words
from helpers.story import VIEWER, Story, process_sample
from helpers.why_stories import broken_ring, line, ring
from mpviz.trace.model.events import Sample
from mpviz.trace.model.state import Finding
from mpviz.tui.app import MpvizApp
from mpviz.tui.render.rows import length
from mpviz.tui.render.verdict import verdict_rows
from mpviz.tui.render.view import View
from mpviz.tui.widgets.verdict import Verdict

SPEED = Finding("pool", "tasks are small", "", "", (), rule="tasks-too-small")


def texts(story_state: object, width: int = 100) -> list[str]:
    return [each.text.rstrip() for each in verdict_rows(story_state, View(), width)]  # type: ignore[arg-type]


def test_it_says_who_waits_for_whom_since_when_and_at_which_lines() -> None:
    said = texts(ring().state)
    assert said[0].startswith(" DEADLOCK  3 processes wait for each other: ")
    assert "worker-1 holds lock1 (ring.py:12) and waits for" in said[0]
    assert said[-1].endswith(" for lock1  for 3.0 s  1 more wait  ●w1  ●w2  ! what to do")


def test_it_is_empty_while_nothing_is_wrong_and_once_it_is_over() -> None:
    assert texts(line().state) == []
    assert texts(broken_ring().state) == []


def starved(percent: float) -> Story:
    """A process that has a tenth of two cores, and waits for one for the rest of its time."""
    story = Story(cores=2)
    story.start(5, 1001, "Process-1")
    for time in range(100, 1100, 100):
        seen = process_sample(
            1001,
            status="R",
            cpu_percent=10.0,
            cpu_seconds=time / 10_000,
            without_core=time / 1000 * 0.9,
        )
        story.tell(time, VIEWER, Sample, cores=[percent] * 2, processes=[seen])
    return story


def test_other_programs_that_have_the_cores_are_named_if_nothing_else_is_wrong() -> None:
    state = starved(90.0).state
    assert texts(state) == [
        " STARVED  other programs have 85% of the cores, and this one waits for a core"
    ]
    assert texts(state, 50) == [" STARVED  other programs have 85% of the cores"]
    assert texts(starved(50.0).state) == []
    state.findings = {("tasks-too-small", "pool"): SPEED}
    assert texts(state)[0].startswith(" TASKS TOO SMALL ")


def test_what_keeps_a_program_from_going_on_stands_before_what_costs_time() -> None:
    state = ring().state
    state.findings = {("tasks-too-small", "pool"): SPEED, **state.findings}
    said = texts(state)
    assert said[0].startswith(" DEADLOCK ")
    assert said[-1].endswith("! 1 more")
    # The ring of three, whole, where three lines are too few.
    assert "…" not in " ".join(texts(ring().state, 68))


@pytest.mark.parametrize("width", [*range(1, 60), 80, 120, 200])
def test_it_fits_in_four_rows_of_any_width(width: int) -> None:
    rows = verdict_rows(ring().state, View(), width)
    assert len(rows) <= 4
    assert all(length(each.parts) <= width for each in rows)
    if rows:
        assert "!" in rows[-1].text


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_it_is_on_screen_before_any_key(
    run_app: MpvizApp, session: object, size: tuple[int, int]
) -> None:
    async with running(run_app, size=size) as pilot:
        verdict = pilot.app.screen.query_one(Verdict)
        assert not verdict.display
        session.state.findings["deadlock", "x"] = Finding(  # type: ignore[attr-defined]
            "x", "2 processes wait for each other", "", "", (), since=0, found=0, rule="deadlock"
        )
        await pilot.press("down")
        await pilot.pause()
        assert "DEADLOCK  2 processes wait for each other" in words(pilot, Verdict)
        assert verdict.size.height == 1
