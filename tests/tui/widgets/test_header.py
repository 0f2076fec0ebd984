"""What is drawn around the panels, as text: frame, header, themes."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from mpviz.trace.explain.follow import follow
from mpviz.trace.model.events import Event, Trouble
from mpviz.trace.model.state import RunState
from mpviz.tui.render.frame import Frame, framed
from mpviz.tui.render.rows import length, row
from mpviz.tui.render.themes import PLAIN, THEMES, styles_for
from mpviz.tui.widgets.header import Status, header_row

STATUS = Status(target="counting.py", start_method="fork")


def test_a_frame_has_title_end_and_walls() -> None:
    frame = Frame((("TITLE", ""),), (("end", ""),), ascii=True)
    rows = framed([row("inside", key="7")], frame, 20, 4)
    assert [each.text for each in rows] == [
        "+-TITLE--------end-+",
        "|inside            |",
        "|                  |",
        "+------------------+",
    ]
    assert [each.key for each in rows] == ["", "7", "", ""]


@pytest.mark.parametrize("width", range(30))
@pytest.mark.parametrize("height", [0, 1, 2, 3, 9])
def test_a_frame_has_exactly_the_size_that_it_is_given(width: int, height: int) -> None:
    frame = Frame((("a long title 世界", ""),), (("and an end", ""),), (("and a foot", ""),))
    rows = framed([row("世界" * 9)] * 20, frame, width, height)
    assert len(rows) == height
    assert {length(each.parts) for each in rows} <= {width}


def state_after(events: Iterable[Event]) -> RunState:
    return follow(RunState(), events)


@pytest.mark.parametrize("width", [1, 20, 40, 60, 80, 120, 200])
def test_the_header_fits_and_keeps_what_matters(stream: list[Event], width: int) -> None:
    state = state_after(stream)
    next(iter(state.processes.values())).dropped = 7
    line = header_row(state, Status("counting.py", "fork", over=True), width)
    if width >= 60:
        assert length(line.parts) == width
        assert "lost 7" in line.text
        assert "exit code 0" in line.text


def words(state: RunState, status: Status) -> str:
    return header_row(state, status, 160).text


def test_the_header_shows_the_stage_of_the_run(stream: list[Event]) -> None:
    half = state_after(stream[: len(stream) // 2])
    assert "● live" in words(half, STATUS)
    assert "4 processes" in words(half, STATUS)
    assert "fork" in words(half, STATUS)
    assert "❚❚ paused" in words(half, Status("x", "", paused=True))
    assert "behind 0.4 s" in words(half, Status("x", "", behind=0.4))
    assert "behind" not in words(half, Status("x", "", behind=0.05))
    assert "starting" in words(RunState(), STATUS)
    half.frozen = True
    assert "❄ frozen" in words(half, STATUS)
    half.exit_code, half.probe_errors = -9, 1
    ended = words(half, Status("x", "", over=True))
    assert "ended by SIGKILL" in ended
    assert "1 probe error " in ended


def test_the_header_says_that_more_may_be_lost_and_that_there_is_trouble(
    stream: list[Event],
) -> None:
    half = state_after(stream[: len(stream) // 2])
    assert "trouble" not in words(half, STATUS)
    follow(half, [Trouble(time=half.now, pid=0, text="no descriptors")])
    assert "trouble: see log" in words(half, STATUS)
    assert "lost" not in words(half, STATUS)
    follow(half, [Trouble(time=half.now, pid=0, text="it is gone", hides_losses=True)])
    assert " lost 0+ " in words(half, STATUS)


def test_the_header_has_an_ascii_face(stream: list[Event]) -> None:
    half = state_after(stream[: len(stream) // 2])
    for status in (Status("x", "", ascii=True), Status("x", "", paused=True, ascii=True)):
        assert words(half, status).isascii()


@pytest.mark.parametrize("theme", [*THEMES, PLAIN])
def test_every_theme_has_every_style(theme: str) -> None:
    styles = styles_for(theme)
    if theme == PLAIN:
        assert all(style.color is None for style in styles.values())
    else:
        assert styles["alarm"] != styles["text"]
    assert styles["process.3"] is styles["process.3"]
