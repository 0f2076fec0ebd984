"""A screen whose keys, footer and palette entries all come from one table of actions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual import events
from textual.app import SystemCommand
from textual.screen import Screen

from mpviz.tui.actions.action import Action, Situation, are_digits, footer, signs
from mpviz.tui.actions.shared import HELP, PALETTE, QUIT
from mpviz.tui.widgets.footer import Hint
from mpviz.tui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from mpviz.tui.app import MpvizApp


class ActionScreen(Screen[None]):
    """Does what the table says for a key."""

    AUTO_FOCUS = ""
    ACTIONS: Sequence[Action[Any]] = ()
    """The table; the app has put other keys into it where a person wants them."""
    pressed = ""
    """The key of the action that is being done; empty from the palette."""

    @property
    def actions(self) -> Sequence[Action[Any]]:
        """All that can be done now; of two actions with one key, the first has it."""
        return self.ACTIONS

    @property
    def mpviz(self) -> MpvizApp:
        """The app, as what it is."""
        return cast("MpvizApp", self.app)

    @property
    def ascii_only(self) -> bool:
        """Whether the terminal shows nothing but ASCII."""
        return bool(getattr(self.app, "ascii_only", False))

    def situation(self) -> Situation:
        """What decides which keys the footer shows."""
        return Situation()

    def on_key(self, event: events.Key) -> None:
        """Do the action of this key, unless a line to type into is open and takes it.

        The keys of a quick typist may have been sent here before that line had the focus.
        """
        if any(prompt.display and prompt.take(event) for prompt in self.query(Prompt)):
            return
        action = next((each for each in self.actions if event.key in each.keys), None)
        if action is not None:
            event.stop()
            event.prevent_default()
            self.do(action, event.key)

    def do(self, action: Action[Any], key: str = "") -> None:
        """Do an action, by this key."""
        self.pressed = key
        action.do(self)

    def quit(self) -> None:
        """Leave mpviz."""
        self.app.exit()

    def hints(self) -> list[Hint]:
        """The keys that matter now, for the footer."""
        return [
            Hint(
                signs(action.keys if are_digits(action.keys) else action.keys[:1], self.ascii_only),
                words,
                partial(self.do, action, action.keys[0]),
                action.title in (HELP.title, QUIT.title),
                action.stays,
            )
            for action, words in footer(self.actions, self.situation())
        ]

    def palette_entries(self) -> Iterator[SystemCommand]:
        """An entry of the command palette for each action that needs no key to be told apart."""
        for action in self.ACTIONS:
            if not are_digits(action.keys) and action.title != PALETTE.title:
                keys = signs(action.keys, self.ascii_only)
                yield SystemCommand(
                    f"{action.title}  ({keys})", action.help, partial(self.do, action)
                )
