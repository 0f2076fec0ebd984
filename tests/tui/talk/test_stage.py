"""The stage, driven without a terminal, with a recorded run in the place of each program."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.strip import Strip

from helpers.recordings import recorded
from helpers.screens import running, shown, text, toasts, until
from mpviz.trace.launch.start import Target
from mpviz.trace.model.events import Event
from mpviz.tui.actions.talk import TALK_ACTIONS
from mpviz.tui.app import MpvizApp
from mpviz.tui.render.rows import row
from mpviz.tui.sessions import NotStarted, Session
from mpviz.tui.talk.plan import Performance, Step, Talk
from mpviz.tui.talk.stage import Phase, StageScreen
from mpviz.tui.widgets.rows_view import RowsView

QUESTION, ANSWER = "What will it be?", "It was so, after {seconds}."


def stage(pilot: Pilot[int]) -> StageScreen:
    screen = pilot.app.screen
    assert isinstance(screen, StageScreen)
    return screen


def said(pilot: Pilot[int]) -> str:
    """All rows that are on the screen."""
    views = [view for view in pilot.app.screen.query(RowsView) if view.display]
    return "\n".join(text(view) for view in views)


@pytest.fixture
def file(tmp_path: Path, stream: list[Event]) -> Path:
    """The recorded run, whole."""
    return recorded(tmp_path, stream)


Make = Callable[..., MpvizApp]


@pytest.fixture
def make(
    session: Any, file: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., MpvizApp]:
    """An app with a talk of so many steps like this one; each runs what was recorded."""
    monkeypatch.setattr("mpviz.tui.talk.warm.Warmth.warm", lambda self, target: None)
    session.file = file

    def start(target: Target) -> Session:
        session.asked.append("start")
        return session  # type: ignore[no-any-return]

    def made(steps: int = 1, start: Any = start, **says: Any) -> MpvizApp:
        usual = {"title": "Counting", "run": "counting.py", "question": QUESTION}
        usual |= {"answer": ANSWER, "watch": "locks", "recording": file.name}
        step = Step(**{**usual, **says})
        talk = Talk(title="A talk", step=[step] * steps)
        performance = Performance(talk, (target,) * steps, file.parent)
        app = MpvizApp(start=start, fps=10, performance=performance)
        app.theme, app.ascii_only = "mpviz-dark", False
        return app

    return made


async def test_space_alone_leads_through_the_talk(make: Make, session: Any) -> None:
    async with running(make(2)) as pilot:
        assert "1 of 2" in said(pilot)
        assert QUESTION in said(pilot)
        assert session.asked == []
        await pilot.press("space")
        assert stage(pilot).phase is Phase.RUNNING
        assert {QUESTION} <= {line.strip() for line in said(pilot).splitlines()}
        assert "Process-2" in text(shown(pilot, "timeline"))
        assert "1 lock" in text(shown(pilot, "locks"))
        assert "It was so" not in said(pilot)
        session.held = 0
        await until(pilot, lambda: stage(pilot).phase is Phase.ANSWERED)
        await until(pilot, lambda: "It was so, after 2" in said(pilot))
        await pilot.press("space")
        await until(pilot, lambda: stage(pilot).session is None)
        assert session.closed == 1
        assert "2 of 2" in said(pilot)
        await pilot.press("space", "space", "space")
        await pilot.pause()
        assert "A   T A L K" in said(pilot) or "A    T A L K" in said(pilot)
        assert said(pilot).count("It was so, after 2") == 2
        await pilot.press("space")
        assert toasts(pilot)[-1].startswith("that was the last slide")
        assert session.asked == ["start", "start"]


async def test_a_step_stops_at_its_time_and_the_program_runs_on(make: Make, session: Any) -> None:
    async with running(make(stop=0.1)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: stage(pilot).phase is Phase.ANSWERED)
        before = stage(pilot).picture.state.now
        session.held = 0
        await until(pilot, lambda: session.over)
        assert stage(pilot).picture.state.now == before
        await pilot.press("enter")
        await until(pilot, lambda: stage(pilot).picture.state.now > before)
        assert stage(pilot).phase is Phase.RUNNING
        assert "ended" in said(pilot)
        await pilot.press("space")
        assert stage(pilot).phase is Phase.ANSWERED


async def test_one_goes_back_in_a_run_without_having_recorded_it(make: Make, session: Any) -> None:
    async with running(make()) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: stage(pilot).picture.state.now == session.state.now)
        await pilot.press("left", "left", "left")
        await until(pilot, lambda: stage(pilot).picture.state.now < session.state.now)
        assert "earlier" in said(pilot)
        earlier = stage(pilot).moment
        await pilot.press("right")
        await until(pilot, lambda: stage(pilot).moment > earlier)
        await pilot.press("enter")
        await until(pilot, lambda: stage(pilot).moment == session.state.now)
        assert "live" in said(pilot)


async def test_slow_motion_shows_later_what_has_happened_already(make: Make, session: Any) -> None:
    async with running(make(slow=64)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: stage(pilot).moment > 0)
        await until(pilot, lambda: stage(pilot).picture.state.processes)
        assert stage(pilot).moment < session.state.now
        assert "64x slower" in said(pilot)
        session.held = 0
        await until(pilot, lambda: session.over)
        assert stage(pilot).phase is Phase.RUNNING
        # The rest may be left out, and the answer is that of the whole run all the same.
        await pilot.press("space")
        assert stage(pilot).moment < session.state.now
        await until(pilot, lambda: "It was so, after 2" in said(pilot))


async def test_an_answer_says_which_numbers_are_not_fair(
    make: Make, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mpviz.tui.talk.stage.unfair", lambda lines, state: "Others had it")
    session.held = 0
    async with running(make()) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: "Others had it; b shows a recorded run" in said(pilot))
        await pilot.press("space")
        await until(pilot, lambda: "(not a fair run)" in said(pilot))


async def test_the_recorded_run_takes_the_place_of_one_that_cannot_start(make: Make) -> None:
    def start(target: Target) -> Session:
        raise NotStarted("no such thing")

    async with running(make(start=start, stop=0.05)) as pilot:
        await pilot.press("space")
        assert toasts(pilot) == ["no such thing; b shows the recorded run"]
        assert stage(pilot).phase is Phase.ASKED
        await pilot.press("b")
        await until(pilot, lambda: stage(pilot).phase is Phase.ANSWERED)
        assert "recorded run" in said(pilot)
        await pilot.press("down", "T")
        assert toasts(pilot)[-1] == "this run was recorded: its processes are gone"


async def test_page_up_shows_the_question_and_then_the_answer_before(
    make: Make, session: Any
) -> None:
    session.held = 0
    async with running(make(2)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: stage(pilot).phase is Phase.ANSWERED)
        await pilot.press("pagedown", "pageup")
        await until(pilot, lambda: stage(pilot).phase is Phase.ANSWERED)
        assert stage(pilot).index == 0
        await until(pilot, lambda: "Process-2" in text(shown(pilot, "timeline")))
        assert "It was so" in said(pilot)
        await pilot.press("pageup")
        await until(pilot, lambda: "1 of 2" in said(pilot))
        assert session.asked == ["start"]


@pytest.mark.parametrize("when", [Phase.RUNNING, Phase.ANSWERED])
@pytest.mark.parametrize("keys", [["b"], ["b", "b"], ["pageup", "b"], ["b", "pageup", "space"]])
async def test_a_run_gives_way_to_another_at_any_time(
    make: Make, session: Any, when: Phase, keys: list[str]
) -> None:
    """Its end is asked for more than once then, and only the first has to end anything."""
    session.held = 0 if when is Phase.ANSWERED else session.held
    async with running(make()) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: stage(pilot).phase is when)
        for round in (1, 2):
            for key in keys:
                stage(pilot).do(next(each for each in TALK_ACTIONS if key in each.keys), key)
            await until(pilot, lambda: stage(pilot).run is not None and not stage(pilot).closing)
            await until(pilot, lambda: stage(pilot).phase is not Phase.ASKED)
            assert session.closed == (1 if keys[-1] == "b" else round)
            if stage(pilot).phase is Phase.RUNNING:
                stage(pilot).go_on()
            await until(pilot, lambda: "It was so" in said(pilot))
            session.again()


async def test_the_end_of_a_run_is_its_answer_although_nothing_else_changes(
    make: Make, session: Any
) -> None:
    """All may be told, and shown, before nothing is left of the program."""
    session.held, session.lingers = 0, True
    async with running(make()) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: "ended" in said(pilot))
        assert stage(pilot).phase is Phase.RUNNING
        session.lingers = False
        await until(pilot, lambda: stage(pilot).phase is Phase.ANSWERED)


async def test_a_recording_that_was_cut_off_comes_to_its_answer_too(
    make: Make, tmp_path: Path, stream: list[Event]
) -> None:
    cut = recorded(tmp_path, stream[: len(stream) // 2], "cut.jsonl.gz")
    async with running(make(recording=cut.name)) as pilot:
        await pilot.press("b")
        await until(pilot, lambda: stage(pilot).phase is Phase.ANSWERED)


async def test_a_question_shows_nothing_of_the_run_before_it(
    make: Make, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even while that run is being ended, which takes seconds on a busy machine."""
    monkeypatch.setattr(
        "mpviz.tui.widgets.verdict.verdict_rows",
        lambda state, view, width: [row(("HINT", ""))] if state.run is not None else [],
    )
    may_end = threading.Event()
    monkeypatch.setattr(session, "close", may_end.wait)
    session.held = 0
    async with running(make()) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: stage(pilot).phase is Phase.ANSWERED)
        await until(pilot, lambda: "HINT" in said(pilot))
        try:
            await pilot.press("space")
            for _ in range(3):
                await pilot.pause()
                stage(pilot).redraw()
                assert stage(pilot).closing
                assert "HINT" not in said(pilot)
        finally:
            may_end.set()
        await until(pilot, lambda: stage(pilot).session is None)
        assert "HINT" not in said(pilot)


async def test_what_ends_a_run_has_no_key_but_for_a_selected_process(
    make: Make, session: Any
) -> None:
    async with running(make()) as pilot:
        await pilot.press("space", "s", "f", "r", "R", "i", "x", "X", "escape", "T")
        assert session.asked == ["start"]
        assert toasts(pilot)[-1].startswith("select a process first")
        await pilot.press("down", "T")
        key = stage(pilot).view.selected
        await pilot.press("K")
        assert session.asked == ["start", (key, signal.SIGTERM), (key, signal.SIGKILL)]


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_leaving_asks_first(make: Make, key: str) -> None:
    app = make()
    async with running(app) as pilot:
        await pilot.press(key)
        assert "leave the talk?" in said(pilot)
        await pilot.press("escape")
        assert "leave the talk?" not in said(pilot)
        assert stage(pilot).phase is Phase.ASKED
        await pilot.press(key, "enter")
        await pilot.pause()
    assert app.return_value is None
    assert app.return_code == 0


async def test_a_digit_shows_another_panel_and_a_number_another_step(make: Make) -> None:
    async with running(make(3)) as pilot:
        await pilot.press("space", "9")
        assert "output" in text(shown(pilot, "output"))
        assert stage(pilot).panel_grid.holder("locks") is None
        await pilot.press("at", "3", "enter")
        await until(pilot, lambda: "3 of 3" in said(pilot))
        await pilot.press("at", "4", "enter")
        assert toasts(pilot)[-1] == "there is no step '4': the talk has 3"


async def test_no_place_is_empty_for_one_picture(
    make: Make, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty: list[RowsView] = []
    render_line = RowsView.render_line

    def noting(view: RowsView, y: int) -> Strip:
        if not view.shown:
            empty.append(view)
        return render_line(view, y)

    monkeypatch.setattr(RowsView, "render_line", noting)
    session.held = 0
    async with running(make()) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: stage(pilot).phase is Phase.ANSWERED)
        await pilot.pause()
        assert "It was so" in said(pilot)
    assert empty == []


async def test_what_a_file_says_cannot_harm_the_terminal(make: Make, session: Any) -> None:
    session.held = 0
    async with running(
        make(title="a\x1b[31mb", question="c\x1b]2;d\x07e", answer="f\x9bg")
    ) as pilot:
        seen = said(pilot)
        await pilot.press("space")
        await until(pilot, lambda: stage(pilot).phase is Phase.ANSWERED)
        await pilot.pause()
        seen += said(pilot)
        await pilot.press("space")
        await until(pilot, lambda: stage(pilot).is_over)
        seen += said(pilot)
        assert "\x1b" not in seen
        assert "\x9b" not in seen


async def test_keys_are_shown_to_the_room(make: Make) -> None:
    async with running(make()) as pilot:
        await pilot.press("space")
        assert "space: go on" in said(pilot)


@pytest.mark.parametrize("size", [(20, 6), (40, 10), (80, 24), (100, 30), (200, 60)])
async def test_there_is_something_to_see_at_any_size(make: Make, size: tuple[int, int]) -> None:
    async with running(make(stop=0.1), size) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: stage(pilot).phase is Phase.ANSWERED)
        await pilot.press("space")
        await until(pilot, lambda: stage(pilot).is_over)
        await pilot.pause()
