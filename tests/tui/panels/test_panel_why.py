"""The findings and the wait chain, drawn from runs in which processes wait for each other."""

from __future__ import annotations

import pytest

from helpers.panel_stories import counter, talk
from helpers.panels import rows_of, styles_of, text_of, words_of
from helpers.story import MAIN, Story
from helpers.why_stories import WORKERS, broken_ring, line, ring
from mpviz.trace.explain.chains import End, chain_of
from mpviz.trace.model.primitives.lock import Lock
from mpviz.trace.model.state import RunState
from mpviz.tui.panels import PANELS, chain, findings, timeline
from mpviz.tui.render.view import View


def key(state: RunState) -> str:
    return " ".join(next(iter(state.findings)))


def test_a_finding_is_said_with_its_cause_and_what_to_do() -> None:
    text = text_of(findings.PANEL, ring().state, 100)
    assert "! 3 processes wait for each other: worker-1 holds lock1" in text
    assert "releases it only after its own wait" in words_of(text)
    assert "→ Take the locks in the same order everywhere" in text
    assert "deadlock, at 22 ms, 3.0 s ago" in text


def test_with_little_room_what_to_do_is_whole_since_the_verdict_says_what_is_wrong() -> None:
    lines = text_of(findings.PANEL, ring().state, 44, 4).splitlines()
    assert lines[0].startswith("! 3 processes wait for each other")
    assert lines[0].endswith("…")
    assert words_of(" ".join(lines[1:3])).endswith("timeout.")


def test_what_is_wrong_is_red_and_what_was_wrong_is_not() -> None:
    assert styles_of(rows_of(findings.PANEL, ring().state), "3 processes") == {"trouble"}
    over = broken_ring().state
    assert styles_of(rows_of(findings.PANEL, over), "3 processes") == {"dim"}
    assert findings.title(over, View()) == "1 finding, 1 over"
    assert "over after 3.1 s" in text_of(findings.PANEL, over, 100)


def test_the_one_that_was_gone_to_is_marked() -> None:
    state = ring().state
    rows = rows_of(findings.PANEL, state, finding=key(state))
    assert rows[0].text.startswith("▸ 3 processes")
    assert {row.key for row in rows} == {key(state)}


def test_the_panel_comes_with_the_first_finding() -> None:
    assert not findings.PANEL.used(counter().state)
    assert findings.PANEL.used(ring().state)


def test_the_time_of_a_finding_is_marked_at_the_axis() -> None:
    rows = rows_of(timeline.PANEL, ring().state, 100, 10)
    (axis,) = [row for row in rows if "╷1.0 s" in row.text]
    assert ("!", "trouble") in axis.parts
    assert not styles_of(rows_of(timeline.PANEL, line().state, 100, 10), "!")


def test_a_ring_leads_back_to_where_it_began() -> None:
    lines = text_of(chain.PANEL, ring().state, 90, 20).splitlines()
    assert [words_of(each) for each in lines[:8]] == [
        "●M MainProcess waits 3.0 s to join worker-1",
        "│ worker-1 has to end",
        "╭▸ ●w1 worker-1 waits 3.0 s for lock2, at ring.py:12",
        "│ │ worker-2 holds it",
        "│ ●w2 worker-2 waits 3.0 s for lock3, at ring.py:12",
        "│ │ worker-3 holds it",
        "│ ●w3 worker-3 waits 3.0 s for lock1",
        "╰─ worker-1 holds it: none of them can go on",
    ]
    assert chain.title(ring().state, View()) == "why blocked: MainProcess, a cycle"


def test_a_line_ends_with_who_is_at_work() -> None:
    text = text_of(chain.PANEL, line().state, 90, 20)
    assert "●w3 worker-3" in text.splitlines()[6]
    assert "sleeping" in text.splitlines()[6]
    assert "\nMainProcess waits to join worker-1; worker-1 waits for lock2" in text
    assert words_of(text).endswith("worker-3 is sleeping.")


def test_a_line_may_end_with_the_dead() -> None:
    story = line()
    story.exit(3100, WORKERS[2], -9)
    state = story.state
    rows = rows_of(chain.PANEL, state, 90, 20)
    assert styles_of(rows, "is dead: ended by SIGKILL") == {"trouble"}
    assert chain.title(state, View()) == "why blocked: MainProcess, ends with one that is dead"


def test_a_line_may_end_with_one_that_has_ended_well() -> None:
    story = line()
    story.exit(3100, WORKERS[2], 0)
    state = story.state
    assert styles_of(rows_of(chain.PANEL, state, 90, 20), "has ended with exit code 0") == {"dim"}
    assert "is dead" not in text_of(chain.PANEL, state, 90, 20)
    assert chain.title(state, View()) == "why blocked: MainProcess, ends with one that has ended"


@pytest.mark.parametrize(
    ("code", "said"), [(0, "has ended with exit code 0"), (3, "is dead: exit code 3")]
)
def test_of_a_program_that_has_ended_nobody_waits(code: int, said: str) -> None:
    story = Story("ends")
    story.exit(50, MAIN, code)
    state, selected = story.state, str(MAIN)
    assert chain.title(state, View(selected=selected)) == "why blocked: nobody waits"
    text = words_of(text_of(chain.PANEL, state, 90, 20, selected=selected))
    assert text == f"○M MainProcess {said} Nobody waits."


def test_how_old_the_news_of_a_holder_is_is_said_only_if_records_got_lost() -> None:
    state = ring().state
    assert " ago" not in text_of(chain.PANEL, state, 90, 20)
    state.processes["1001"].dropped = 5
    text = text_of(chain.PANEL, state, 90, 20)
    assert "worker-2 holds it (as told 3.0 s ago; some events were lost)" in text
    for lock in state.table(Lock).values():
        lock.heard = -1
    assert " ago" not in text_of(chain.PANEL, state, 90, 20), "it was never told"


def test_the_chain_is_that_of_the_selected_and_stays_while_it_is_gone_along() -> None:
    state = line().state
    assert chain.title(state, View(selected="1002")) == "why blocked: worker-2"
    along = View(selected="1002", chain=str(MAIN))
    assert chain.title(state, along) == "why blocked: MainProcess"
    # Who selects another that is not in it has another chain.
    assert chain.title(state, View(selected=str(MAIN), chain="1002")).endswith("MainProcess")


def test_a_chain_through_queues_goes_to_those_who_used_them() -> None:
    state = talk().state
    waiting = [process for process in state.processes.values() if process.waits]
    ends = {chain_of(state, process).end for process in waiting}
    assert ends <= {End.AT_WORK, End.UNKNOWN, End.CYCLE}


@pytest.mark.parametrize("width", [20, 34, 60, 120])
@pytest.mark.parametrize("make", [ring, line, broken_ring, counter])
def test_both_fit_whatever_room_there_is(make: object, width: int) -> None:
    state = make().state  # type: ignore[operator]
    for panel in (each for each in PANELS if each.name in ("findings", chain.NAME)):
        for height in (1, 2, 5, 30):
            rows = panel.draw(state, View(now=state.now, ascii=True), width, height)
            assert len(rows) <= height
            assert all(len(row.text) == width and row.text.isascii() for row in rows)
