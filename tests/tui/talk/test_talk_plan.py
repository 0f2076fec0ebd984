"""The file of a talk: what it may say, and the one line for what it may not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers.story import MAIN, VIEWER, Story, process_sample
from mpviz.trace.model.events import Sample
from mpviz.tui.commands.talks.giving import prepared
from mpviz.tui.layout import Wanted
from mpviz.tui.talk.answers import answer_lines, unfair
from mpviz.tui.talk.layout import stage_slots
from mpviz.tui.talk.plan import BUILT_IN, PlanError, Step, Stop, Talk, read_talk
from mpviz.tui.talk.run import StageRun
from mpviz.tui.talk.slides import card_frame, card_rows, last_slide

STEP = '[[step]]\ntitle = "One"\nrun = "pool-map"\nquestion = "Why?"\n'
TALK = 'title = "T"\n' + STEP


def talk(folder: Path, text: str) -> Path:
    file = folder / "talk.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = ", "talk.toml is no TOML: Invalid value (at end of document)"),
        ('title = "T"\n', "talk.toml: the key 'step' is missing"),
        ('title = "T"\nstep = []\n', "talk.toml has no [[step]]"),
        (TALK.replace('run = "pool-map"\n', ""), "step 1: the key 'run' is missing"),
        (TALK + "slow = 'x'\n", "step 1: slow: it has to be a number, not a text"),
        (TALK + "slow = 65\n", "step 1 (One): slow: it has to be from 1 to 64"),
        (TALK + "stop = []\n", "step 1: stop: it has to be a number or a text, not a list"),
        (TALK + "answer = [1]\n", "not a whole number"),
        (TALK + "title2 = 1\n", "step 1: no such key 'title2'; did you mean 'title'?"),
        (TALK + STEP + "wach = 'locks'\n", "step 2: no such key 'wach'; did you mean 'watch'?"),
        (TALK + "colour = 1\n", "step 1: no such key 'colour' (there is title, run, question,"),
        ("titel = 'T'\n" + TALK, "talk.toml: no such key 'titel'; did you mean 'title'?"),
        (
            TALK + STEP + "watch = 'lock'\n",
            "step 2 (One): watch: there is no panel 'lock'; did you mean 'locks'?",
        ),
        (TALK + "stop = 'deadlok'\n", "mpviz rules lists; did you mean 'deadlock'?"),
        (TALK + "stop = 0\n", "step 1 (One): stop: it has to be more than 0"),
        (TALK + "answer = '{lost}'\n", "step 1 (One): answer: there is no number {lost} (there is"),
        (TALK + "numbers = {a = '('}\n", "step 1 (One): numbers.a: '(' is no pattern: missing )"),
        (TALK + "numbers = {a = 'b'}\n", "numbers.a: 'b' needs one pair of parentheses"),
        (TALK.replace("pool-map", "a 'b"), "step 1 (One): run: No closing quotation"),
        (TALK.replace("pool-map", " "), "step 1 (One): run: it names no program"),
        (TALK.replace("pool-map", "pool-map workers=0"), "(One): run: workers must be a whole"),
        (TALK.replace("pool-map", "nowhere.py"), "(One): run: there is no file nowhere.py"),
        (TALK + 'python = "/nowhere"\n', "step 1 (One): run: "),
    ],
)
def test_a_file_that_makes_no_talk_is_one_clear_line(
    text: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PlanError) as told:
        prepared(talk(tmp_path, text))
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there_is_said_too(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"nowhere\.toml cannot be read: No such file"):
        prepared(tmp_path / "nowhere.toml")


def test_programs_are_found_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    (tmp_path / "own.py").write_text("print(1)")
    performance = prepared(talk(tmp_path, TALK.replace("pool-map", "own.py 'a b'")))
    (target,) = performance.targets
    assert target.arguments == ["own.py", "a b"]
    assert target.directory == performance.folder == tmp_path


@pytest.mark.parametrize(
    ("says", "stop", "words"),
    [
        ("", Stop(), "the end"),
        ("stop = 'end'", Stop(), "the end"),
        ("stop = 'finding'", Stop(finding="finding"), "the first finding"),
        ("stop = 'deadlock'", Stop(finding="deadlock"), "the finding deadlock"),
        ("stop = 2", Stop(seconds=2), "2 s"),
        ("stop = 2.5", Stop(seconds=2.5), "2.5 s"),
    ],
)
def test_a_step_stops_where_its_file_says(
    says: str, stop: Stop, words: str, tmp_path: Path
) -> None:
    (step,) = read_talk(talk(tmp_path, TALK + says)).step
    assert step.stops == stop
    assert step.stops.words == words


def test_a_number_that_the_run_did_not_give_takes_its_line_with_it() -> None:
    story = Story()
    for line in ("counted 7", "counted 9", "=> twice"):
        story.output(5, MAIN, line)
    lines = ["{n} at last", "lost {lost-updates}", "{result}: {printed}", "no number"]
    found = answer_lines(lines, {"n": r"counted (\d+)"}, story.state)
    assert found == ["9 at last", "twice: => twice", "no number"]


@pytest.mark.parametrize(("others", "is_said"), [(90.0, True), (45.0, False)])
def test_an_answer_says_that_other_programs_had_the_cores(others: float, is_said: bool) -> None:
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
        story.tell(time, VIEWER, Sample, cores=[others] * 2, processes=[seen])
    said = unfair(["{threads} times as fast"], story.state)
    assert re.fullmatch(r"Other programs had \d+% of the cores: .* not fair", said) or not is_said
    assert bool(said) is is_said
    assert unfair(["no number", "{lost-updates} updates are lost"], story.state) == ""


def test_the_question_is_whole_beside_its_answer() -> None:
    question = "One child, one daemon, and one that ignores SIGTERM: who outlives terminate()?"
    step = Step(title="One", run="lab", question=question)
    for width in (60, 80, 84, 85, 86, 87, 120):
        frame = "".join(text for text, _ in card_frame(step, width, ascii=False).title)
        inside = [each.text.strip() for each in card_rows(step, ["It was."], "unfair", width - 2)]
        assert " ".join([frame.strip(), *inside]).strip() == f"{question} unfair It was."


def test_the_last_slide_has_whole_answers_if_there_are_rows() -> None:
    answers = [f"{number}: {'word ' * 20}end{number}" for number in range(8)]
    step = Step(title="Terminate and daemon", run="lab", question="?")
    talk = Talk(title="T", step=[step] * 8)
    text = "\n".join(row.text for row in last_slide(talk, answers, 80, 30))
    assert all(f"end{number}" in text for number in range(8))
    few = last_slide(talk, answers, 80, 12)
    assert len(few) <= 12
    assert sum("…" in row.text for row in few) >= 6
    assert all(f"{number}: " in "\n".join(row.text for row in few) for number in range(8))


def test_the_built_in_talk_is_the_guide() -> None:
    performance = prepared(None)
    titles = " ".join(step.title for step in performance.talk.step).lower()
    for topic in ("gil", "pool", "queue", "lock", "race", "deadlock", "daemon", "killed"):
        assert topic in titles
    assert performance.folder == BUILT_IN.parent
    for step in performance.talk.step:
        assert step.recording


@pytest.mark.parametrize("height", range(1, 60))
def test_the_stage_is_full_and_the_timeline_on_top(height: int) -> None:
    wanted = [Wanted("timeline", 12, (6, 9, 12)), Wanted("tasks", 30)]
    slots = stage_slots(100, height, wanted)
    assert sum(slot.height for slot in slots) == height
    assert slots[0].panels[0] == "timeline"
    # Where only the timeline alone has rows for all lanes, the panel is a tab behind it.
    assert len(slots) == 2 or height < 12
    if len(slots) == 2:
        assert slots[1].panels == ("tasks",)
        assert slots[0].height >= 6
        assert slots[1].height >= (4 if height < 16 else 6)


def test_who_waits_for_whom_is_read_whole_if_the_lanes_need_no_gaps_for_it() -> None:
    lanes, ring = Wanted("timeline", 20, (5, 7, 10)), Wanted("why blocked", 8)
    timeline, panel = stage_slots(80, 17, [lanes, ring])
    assert (timeline.height, panel.height) == (7, 10)


def test_the_rows_that_the_lanes_cannot_use_are_those_of_the_panel() -> None:
    timeline, panel = stage_slots(
        160, 36, [Wanted("timeline", 30, (6, 9, 13, 17)), Wanted("locks", 2)]
    )
    assert (timeline.height, panel.height) == (17 + 2, 36 - 17 - 2)


def test_a_recorded_run_stops_while_what_was_found_is_still_so() -> None:
    run = StageRun(None, recording=BUILT_IN.with_name("recordings") / "deadlock.jsonl.gz")
    try:
        run.go_on()
        assert run.replay is not None
        while not run.replay.is_read:
            run.step(0.1)
        run.replay.seek(run.replay.end)
        assert not any(process.alive for process in run.state.processes.values())
        run.go_back_to_stop(Stop(finding="deadlock"))
        (finding,) = run.state.findings.values()
        assert run.moment == finding.found
        assert finding.over < 0
        assert all(run.state.processes[key].alive for key in finding.processes)
    finally:
        run.close()
