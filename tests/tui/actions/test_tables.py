"""The table of actions: every action can be done, and no key does two things."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from mpviz.tui.actions.action import Action, Situation, footer, sign
from mpviz.tui.actions.attached import ATTACHED_ACTIONS
from mpviz.tui.actions.picker import HELP_ACTIONS, PICKER_ACTIONS
from mpviz.tui.actions.programs import PROGRAMS_ACTIONS
from mpviz.tui.actions.replay import REPLAY_ACTIONS
from mpviz.tui.actions.run import RUN_ACTIONS
from mpviz.tui.actions.shared import HELP, QUIT
from mpviz.tui.actions.step import STEP_ACTIONS
from mpviz.tui.actions.talk import TALK_ACTIONS, TALK_STEP_ACTIONS
from mpviz.tui.panels import KEYS, NUMBERS, PANELS
from mpviz.tui.screens.help import help_rows
from mpviz.tui.widgets.footer import Hint, footer_row

Actions = tuple[Action[Any], ...]

TABLES = [
    *(PICKER_ACTIONS, RUN_ACTIONS, ATTACHED_ACTIONS, REPLAY_ACTIONS, TALK_ACTIONS, HELP_ACTIONS),
    *(STEP_ACTIONS, TALK_STEP_ACTIONS, PROGRAMS_ACTIONS),
]


@pytest.mark.parametrize("actions", TABLES)
def test_every_action_has_its_keys_and_a_sentence(actions: Actions) -> None:
    # That its function is there, mypy has checked.
    for action in actions:
        assert action.keys
        assert action.help.endswith(".")


@pytest.mark.parametrize("actions", TABLES)
def test_no_key_is_bound_twice(actions: Actions) -> None:
    keys = Counter(key for action in actions for key in action.keys)
    assert [key for key, times in keys.items() if times > 1] == []


@pytest.mark.parametrize("actions", TABLES)
def test_every_action_is_in_the_help(actions: Actions) -> None:
    text = "\n".join(row.text for row in help_rows(actions, (), 100))
    for action in actions:
        assert action.title in text
        assert sign(action.keys[0]) in text


def test_a_panel_without_a_digit_is_explained_with_its_key() -> None:
    keys = {sign(key) for action in RUN_ACTIONS for key in action.keys}
    assert set(KEYS.values()) <= keys
    assert not KEYS.keys() & NUMBERS.keys()
    text = "\n".join(row.text for row in help_rows((), PANELS, 100))
    for name, key in KEYS.items():
        assert re.search(rf"^ *{re.escape(key)} +{name}$", text, re.MULTILINE)


def words(situation: Situation) -> list[str]:
    return [said for _, said in footer(RUN_ACTIONS, situation)]


def test_the_footer_says_what_matters_now() -> None:
    assert "freeze" in words(Situation(started=True))
    assert "resume" in words(Situation(started=True, frozen=True))
    assert "live" in words(Situation(started=True, paused=True))
    assert "kill" not in words(Situation(started=True))
    assert "kill" in words(Situation(started=True, selected=True))
    over = words(Situation(started=True, over=True))
    assert "run again" in over
    assert "end program" not in over
    assert "freeze" not in over


def test_the_footer_leaves_out_a_key_that_is_a_button_s() -> None:
    button = Action[object](("K",), "kill", "", lambda screen: None)
    now = Situation(started=True, selected=True)
    said = [said for _, said in footer([button, *RUN_ACTIONS], now)]
    assert "terminate" in said
    assert "kill" not in said


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
def test_the_footer_fits_and_always_ends_in_help_and_quit(width: int) -> None:
    hints = [
        Hint(sign(action.keys[0]), said, lambda: None, action in (HELP, QUIT))
        for action, said in footer(RUN_ACTIONS, Situation(started=True, selected=True))
    ]
    row, hits = footer_row(hints, width)
    assert len(row.text) == width
    assert row.text.rstrip().endswith("quit")
    assert [hint.words for _, _, hint in hits][-2:] == ["help", "quit"]
    for start, end, hint in hits:
        assert hint.key in row.text[start:end]
