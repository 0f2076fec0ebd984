"""Makes Textual's bindings and palette entries from the table of actions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from mpviz.tui.actions.action import Action, binding_action


def bindings(actions: Iterable[Action]) -> list[BindingType]:
    """One binding for each key of each action."""
    return [
        Binding(key, binding_action(action, key), action.title, show=False, tooltip=action.help)
        for action in actions
        for key in action.keys
    ]


def palette_entries(actions: Iterable[Action], screen: Screen[Any]) -> Iterator[SystemCommand]:
    """One entry of the command palette for each action that needs no key to be told apart."""
    for action in actions:
        if not action.takes_key:
            yield SystemCommand(action.title, action.help, _runner(screen, action))


def _runner(screen: Screen[Any], action: Action) -> Any:
    async def run() -> None:
        await screen.run_action(binding_action(action, ""))

    return run
