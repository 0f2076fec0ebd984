"""The table of actions: every action can be done, and no key does two things."""

from __future__ import annotations

from collections import Counter

import pytest

from mpviz.tui.actions.action import Action, Situation, footer, sign
from mpviz.tui.actions.keys import bindings
from mpviz.tui.actions.picker_actions import HELP_ACTIONS, PICKER_ACTIONS
from mpviz.tui.actions.replay_actions import REPLAY_ACTIONS
from mpviz.tui.actions.tables import RUN_ACTIONS
from mpviz.tui.app import MpvizApp
from mpviz.tui.screens.help import HelpScreen, help_rows
from mpviz.tui.screens.picker import PickerScreen
from mpviz.tui.screens.replay import ReplayScreen
from mpviz.tui.screens.run import RunScreen
from mpviz.tui.widgets.footer import footer_row

SCREENS = [
    (PickerScreen, PICKER_ACTIONS),
    (RunScreen, RUN_ACTIONS),
    (ReplayScreen, REPLAY_ACTIONS),
    (HelpScreen, HELP_ACTIONS),
]


@pytest.mark.parametrize(("screen", "actions"), SCREENS)
def test_every_action_has_its_method_and_its_keys(
    screen: type, actions: tuple[Action, ...]
) -> None:
    for action in actions:
        assert hasattr(MpvizApp if action.of_app else screen, f"action_{action.name}"), action
        assert action.keys
        assert action.help.endswith(".")


@pytest.mark.parametrize(("screen", "actions"), SCREENS)
def test_no_key_is_bound_twice(screen: type, actions: tuple[Action, ...]) -> None:
    keys = Counter(key for action in actions for key in action.keys)
    assert [key for key, times in keys.items() if times > 1] == []
    assert {binding.key for binding in bindings(actions)} == set(keys)  # type: ignore[union-attr]
    assert screen.BINDINGS  # type: ignore[attr-defined]


@pytest.mark.parametrize(("screen", "actions"), SCREENS)
def test_every_action_is_in_the_help(screen: type, actions: tuple[Action, ...]) -> None:
    text = "\n".join(row.text for row in help_rows(actions, (), 100))
    for action in actions:
        assert action.title in text
        assert sign(action.keys[0]) in text


def words(situation: Situation) -> list[str]:
    return [said for _, said in footer(RUN_ACTIONS, situation)]


def test_the_footer_says_what_matters_now() -> None:
    assert "freeze" in words(Situation(started=True))
    assert "go on" in words(Situation(started=True, frozen=True))
    assert "live" in words(Situation(started=True, paused=True))
    assert "kill" not in words(Situation(started=True))
    assert "kill" in words(Situation(started=True, selected=True))
    over = words(Situation(started=True, over=True))
    assert "run again" in over
    assert "stop" not in over
    assert "freeze" not in over


def test_the_footer_leaves_out_a_key_that_is_a_button_s() -> None:
    now = Situation(started=True, selected=True, taken=frozenset("k"))
    assert "terminate" in words(now)
    assert "kill" not in words(now)


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
def test_the_footer_fits_and_always_ends_in_help_and_quit(width: int) -> None:
    row, hits = footer_row(RUN_ACTIONS, Situation(started=True, selected=True), width)
    assert len(row.text) == width
    assert row.text.rstrip().endswith("quit")
    assert [action.name for _, _, action in hits][-2:] == ["help", "quit"]
    for start, end, action in hits:
        assert sign(action.keys[0]) in row.text[start:end]
