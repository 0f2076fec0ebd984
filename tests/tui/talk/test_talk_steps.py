"""A step of a talk in which the room chooses each step: its file, the stage, and the rehearsal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from helpers.screens import running, text, until
from helpers.stepped import Scripted, adders
from mpviz.trace.launch.start import Target
from mpviz.tui.app import MpvizApp
from mpviz.tui.endings import Signals
from mpviz.tui.sessions import NotStarted, Stepped
from mpviz.tui.talk.plan import Performance, PlanError, Step, Talk, read_talk
from mpviz.tui.talk.rehearsal import rehearse
from mpviz.tui.talk.stage import StageScreen
from mpviz.tui.talk.steps import TalkStepScreen
from mpviz.tui.widgets.rows_view import RowsView

QUESTION = "Two processes add one each. Is it 2 at the end?"
STEP = Step(
    title="You are the scheduler",
    kind="step",
    run="race",
    question=QUESTION,
    moves="1 2 1 2",
    answer=["{lost-updates} update is lost after {steps} steps.", "It is {final}.", "{finding}"],
    numbers={"final": r"final (\d+)"},
)
NEXT = Step(title="Next", run="race", question="And then?")


def printing() -> Scripted:
    run = adders()
    run.output = ["expected 2, final 1, lost 1"]
    return run


def performance() -> Performance:
    target = Target(["race.py"], name="race")
    return Performance(Talk(title="A talk", step=[STEP, NEXT]), (target, target), Path())


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[..., MpvizApp]:
    monkeypatch.setattr("mpviz.tui.talk.warm.Warmth.warm", lambda self, target: None)

    def make(begin: Callable[[], Stepped] = printing) -> MpvizApp:
        app = MpvizApp(
            start=lambda target: None,  # type: ignore[arg-type,return-value]
            fps=10,
            performance=performance(),
        )
        app.begin_steps = lambda target: begin()
        app.theme, app.ascii_only = "mpviz-dark", False
        return app

    return make


def said(pilot: Pilot[int]) -> str:
    views = [view for view in pilot.app.screen.query(RowsView) if view.display]
    return "\n".join(text(view) for view in views)


def stepper(pilot: Pilot[int]) -> TalkStepScreen:
    screen = pilot.app.screen
    assert isinstance(screen, TalkStepScreen)
    return screen


async def stands(pilot: Pilot[int], steps: int) -> None:
    screen = stepper(pilot)
    await until(pilot, lambda: len(screen.moment.steps) == steps and not screen.pace.is_busy)
    await pilot.pause()


async def test_the_room_steps_and_space_leads_on(made: Callable[..., MpvizApp]) -> None:
    async with running(made(), (100, 30)) as pilot:
        assert "mpviz step race" in said(pilot)
        await pilot.press("space")
        await until(pilot, lambda: isinstance(pilot.app.screen, TalkStepScreen))
        await stands(pilot, 4)
        assert QUESTION in said(pilot)
        assert "1/2" in said(pilot)
        await pilot.press("1", "2", "1", "2")
        await stands(pilot, 13)
        await pilot.press("space")
        await pilot.pause()
        assert "1 update is lost after 13 steps." in said(pilot)
        assert "It is 1." in said(pilot)
        await pilot.press("pageup")
        await pilot.pause()
        assert "It is 1." not in said(pilot)
        await pilot.press("space", "space")
        await until(pilot, lambda: isinstance(pilot.app.screen, StageScreen))
        await pilot.pause()
        assert "And then?" in said(pilot)
        stage = pilot.app.screen
        assert isinstance(stage, StageScreen)
        assert stage.shown[0].first == "1 update is lost after 13 steps."


async def test_one_goes_back_to_the_question_and_the_program_is_ended(
    made: Callable[..., MpvizApp],
) -> None:
    runs: list[Scripted] = []

    def begin() -> Scripted:
        runs.append(printing())
        return runs[-1]

    async with running(made(begin), (80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: isinstance(pilot.app.screen, TalkStepScreen))
        await stands(pilot, 4)
        await pilot.press("pageup")
        await until(pilot, lambda: isinstance(pilot.app.screen, StageScreen))
        await pilot.pause()
        assert "1 of 2" in said(pilot)
        assert runs[0].closed == 1
        await pilot.press("space")
        await until(pilot, lambda: len(runs) == 2)


async def test_what_cannot_be_started_leads_back_to_the_question(
    made: Callable[..., MpvizApp],
) -> None:
    def begin() -> Scripted:
        raise NotStarted("there is no python")

    async with running(made(begin), (80, 24)) as pilot:
        await pilot.press("space")
        await until(pilot, lambda: bool(pilot.app._notifications))
        assert isinstance(pilot.app.screen, StageScreen)


def rehearsed(monkeypatch: pytest.MonkeyPatch, moves: str) -> tuple[str, list[str]]:
    monkeypatch.setattr("mpviz.tui.talk.rehearsal.begin_steps", lambda target: printing())
    given = performance()
    step = Step(
        **{key: getattr(STEP, key) for key in ("title", "kind", "run", "question", "answer")},
        numbers=STEP.numbers,
        moves=moves,
    )
    talk = Talk(title="A talk", step=[step])
    signals = Signals(has_screen=True)
    outcome = rehearse(Performance(talk, given.targets, Path()), 0, signals)
    return outcome.said, outcome.problems


def test_a_rehearsal_takes_the_moves_and_checks_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words, problems = rehearsed(monkeypatch, "1 2 1 2")
    assert words.startswith("13 steps; An update of counter is lost")
    assert problems == []
    _, problems = rehearsed(monkeypatch, "1 1 2 2")
    assert [each.partition(" is left out")[0] for each in problems] == [
        "the answer '{lost-updates} update is lost after {steps} steps.'",
        "the answer '{finding}'",
    ]
    _, problems = rehearsed(monkeypatch, "1 0")
    assert problems[0] == "move 2: 0 cannot go"
    words, problems = rehearsed(monkeypatch, "")
    assert (words.partition(";")[0], problems) == ("13 steps", [])


HEAD = 'title = "T"\n[[step]]\ntitle = "One"\nrun = "race"\nquestion = "?"\n'


@pytest.mark.parametrize(
    ("says", "problem"),
    [
        ('kind = "walk"', 'kind: \'walk\' is neither "run" nor "step"'),
        ('moves = "1"', 'moves: only a step of kind = "step" has moves'),
        ('kind = "step"\nstop = 3', 'stop: a step of kind = "step" has none'),
        ('kind = "step"\nmoves = "1 x"', "moves: 'x' is no digit of a process, nor t"),
        ('kind = "step"\nanswer = "{speed-up}"', "answer: there is no number {speed-up}"),
    ],
)
def test_what_a_step_of_this_kind_does_not_have(tmp_path: Path, says: str, problem: str) -> None:
    file = tmp_path / "talk.toml"
    file.write_text(HEAD + says)
    with pytest.raises(PlanError) as caught:
        read_talk(file)
    assert problem in str(caught.value)
