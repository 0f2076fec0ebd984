"""After a Ctrl-C, a SIGTERM or ``s``, nothing that this end did is told as a fault."""

from __future__ import annotations

import pytest

from helpers.story import ANNA, BERT, MAIN, SUPERVISOR, VIEWER, Story
from mpviz.trace.explain import findings
from mpviz.trace.explain.report import summary
from mpviz.trace.model.events import Marked, ProgramEnded, RunEnded, SupervisorSignalled
from mpviz.trace.model.primitives.pool_events import TaskEnded, TaskStarted
from mpviz.tui.render.exit_reasons import exit_reason_of

REQUESTS = ("stop", "interrupt")


def ask_to_end(story: Story, time: float, action: str) -> None:
    story.tell(time, VIEWER, Marked, action=action)


def reds(story: Story) -> list[str]:
    return [line for line in summary(story.state).splitlines() if "!!" in line]


@pytest.mark.parametrize("action", REQUESTS)
def test_a_task_in_progress_is_not_lost_by_the_end_that_was_asked_for(
    pool: Story, action: str
) -> None:
    pool.tell(13, ANNA, TaskStarted, object="P", job=0, index=0, function="square", items=2)
    ask_to_end(pool, 500, action)
    pool.exit(510, ANNA, -15)
    pool.exit(511, BERT, 1)
    pool.end(520, -2)
    assert pool.troubles == []
    assert reds(pool) == []
    (task,) = pool.document()["tasks"]
    assert (task["outcome"], pool.one("pools")["jobs"][0]["lost"]) == ("ended with the program", 0)


@pytest.mark.parametrize("action", REQUESTS)
def test_who_died_before_it_stays_told(pool: Story, action: str) -> None:
    pool.tell(13, ANNA, TaskStarted, object="P", job=0, index=0, function="square", items=2)
    pool.exit(400, ANNA, -9)
    ask_to_end(pool, 500, action)
    pool.exit(511, BERT, -15)
    pool.end(520, -2)
    assert pool.troubles == ["ended by SIGKILL", "died in task 0 of square: its result is lost"]
    assert pool.document()["tasks"][0]["outcome"] == "lost"


def test_what_fails_long_after_a_ctrl_c_that_the_program_survived_is_a_fault(pool: Story) -> None:
    ask_to_end(pool, 500, "interrupt")
    pool.tell(10_000, ANNA, TaskStarted, object="P", job=0, index=0, function="square", items=2)
    pool.tell(10_001, ANNA, TaskEnded, object="P", job=0, index=0, error="KeyboardInterrupt")
    pool.exit(10_600, ANNA, 1)
    assert pool.troubles == ["exit code 1"]


@pytest.mark.parametrize("action", REQUESTS)
def test_nobody_is_left_behind_by_it(action: str) -> None:
    story = Story()
    story.start(3, ANNA, "Anna")
    ask_to_end(story, 500, action)
    story.tell(510, SUPERVISOR, ProgramEnded, child=MAIN, exit_code=-2)
    story.tell(800, SUPERVISOR, SupervisorSignalled, child=ANNA, signal=15, left_behind=True)
    story.exit(810, ANNA, -15)
    story.tell(820, VIEWER, RunEnded, exit_code=-2)
    assert story.rules == []
    assert reds(story) == []


def test_the_first_line_says_who_asked() -> None:
    told = {}
    for action, code in (("interrupt", 1), ("stop", 0)):
        story = Story()
        ask_to_end(story, 500, action)
        story.end(520, code)
        told[action] = summary(story.state).splitlines()[0].partition(": ")[2]
    assert told == {
        "interrupt": "shared-counter: exit code 1 at a Ctrl-C after 520 ms, 1 process",
        "stop": "shared-counter: exit code 0 on request after 520 ms, 1 process",
    }


def test_many_that_fail_alike_are_one_line() -> None:
    story = Story()
    for number in range(300):
        story.start(3 + number, 2000 + number, f"worker-{number}")
        story.exit(1000 + number, 2000 + number, 1)
    story.start(400, ANNA, "Anna")
    story.exit(1400, ANNA, 2)
    story.end(1500)
    assert reds(story) == [
        "mpviz: !! worker-0: exit code 1 (and 299 more alike)",
        "mpviz: !! Anna: exit code 2",
    ]


def test_who_ends_by_a_ctrl_c_was_ended_by_hand() -> None:
    story = Story()
    story.start(3, ANNA, "Anna")
    ask_to_end(story, 500, "interrupt")
    story.exit(510, ANNA, -2)
    story.end(520, -2)
    reason = exit_reason_of(story.state, story.process(ANNA), story.at(520))
    assert (reason.kind, reason.words) == ("by hand", "ended by SIGINT at a Ctrl-C")


def test_a_ctrl_c_that_slows_a_program_down_is_no_advice_on_its_speed(pool: Story) -> None:
    """Calls are cancelled and workers gone: only what keeps it from its end is asked for."""
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            findings, "look", lambda _, rules: asked.append({each.name for each in rules})
        )
        pool.sample(400, [0], {})
        ask_to_end(pool, 500, "interrupt")
        pool.sample(5_000, [0], {})
        pool.sample(20_000, [0], {})
    before, at_the_request, after = asked
    assert "straggler" in before
    assert "straggler" in at_the_request
    assert "straggler" not in after
    assert {"deadlock", "stalled", "lost-task"} <= after
