"""The recorded runs of the built-in talk: small, current, of no machine, and up to their stops."""

from __future__ import annotations

import gzip
import re

import pytest

from helpers.recordings import replay_of
from mpviz.trace.record.recording import FORMAT
from mpviz.tui.talk.answers import answer_lines
from mpviz.tui.talk.plan import BUILT_IN, Step, read_talk
from mpviz.tui.talk.stops import has_ended, reached

MOST_BYTES = 30_000

STEPS = read_talk(BUILT_IN).step


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.title)
def test_a_recording_of_the_built_in_talk_can_take_the_place_of_its_run(step: Step) -> None:
    # If one is out of date: mpviz talk --record tui/talk/guide.toml
    file = BUILT_IN.with_name("recordings") / step.recording.removeprefix("recordings/")
    assert file.stat().st_size < MOST_BYTES
    replay = replay_of(file)
    assert replay.recording.header.format == FORMAT
    replay.go_to_event(replay.known)
    state = replay.state
    assert replay.trouble == ""
    assert state.unreadable == state.lost == state.probe_errors == 0
    assert reached(step.stops, state) or (step.stop == "end" and has_ended(state))
    assert len(answer_lines(step.lines, step.numbers, state)) == len(step.lines)
    replay.close()


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.title)
def test_a_recording_says_nothing_of_the_machine_that_made_it(step: Step) -> None:
    text = gzip.decompress((BUILT_IN.parent / step.recording).read_bytes()).decode()
    assert re.findall(r'"[^"]*(?:^|["\s=:])(/[\w.]+/[^"\s]*)', text) == []


def test_no_recording_is_left_over() -> None:
    named = {BUILT_IN.parent / step.recording for step in STEPS}
    assert named == set((BUILT_IN.parent / "recordings").iterdir())
