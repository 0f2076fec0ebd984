"""One line in the place of the footer: text to type, or a question to answer with yes or no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual import events
from textual.message import Message

from mpviz.tui.render.rows import Row
from mpviz.tui.widgets.rows_view import RowsView

KEEP_HINT = "enter keeps it, esc drops it"


@dataclass(frozen=True)
class Question:
    """Whether to do something that cannot be undone.

    Enter, y, and once more the key that asked it are a yes. Any other key is a no; escape and n do
    nothing more, and the others do what they always do.
    """

    text: str
    hint: str
    do: Callable[[], object]
    key: str = ""


class Prompt(RowsView, can_focus=True):
    """Takes text or an answer while it has the focus; every key that types is its own."""

    @dataclass
    class Changed(Message):
        """What is typed has changed."""

        label: str
        text: str

    @dataclass
    class Closed(Message):
        """Enter keeps what was typed or says yes, escape gives it up or says no."""

        label: str
        text: str
        kept: bool
        is_answer: bool = False
        """It was a question that was answered."""

    @dataclass
    class Again(Message):
        """Enter was pressed in a line that stays open."""

        label: str
        text: str

    def __init__(self, label: str = "filter") -> None:
        super().__init__(id="prompt")
        self.text = ""
        self._label = label
        self._hint = ""
        self._stays = False
        self._is_fresh = False
        """Nothing was typed yet: what is typed takes the place of the text from before."""
        self._question: Question | None = None
        self.display = False

    def open(
        self, text: str = "", *, label: str = "filter", hint: str = KEEP_HINT, stays: bool = False
    ) -> None:
        """Show the line and take the keys; one that stays is closed by escape only."""
        self.text, self._label, self._hint, self._stays = text, label, hint, stays
        self._is_fresh = bool(text)
        self._question = None
        self._show()

    def ask(self, question: Question) -> None:
        """Show a question in place of a line to type into."""
        self.text, self._label, self._hint, self._stays = "", question.text, question.hint, False
        self._question = question
        self._show()

    def _show(self) -> None:
        self.display = True
        # At once: with focus() the first keys of a quick typist would still be commands.
        self.screen.set_focus(self, scroll_visible=False)
        self.redraw()

    def show_hint(self, hint: str) -> None:
        """Say something else behind what was typed."""
        self._hint = hint
        self.redraw()

    def rows(self, width: int, height: int) -> list[Row]:
        """What is asked for, what was typed, and the cursor."""
        hint = f"  {self._hint}"
        if self._question is not None:
            return [Row(((f" {self._label} ", "warning"), (hint, "text")))]
        return [
            Row(
                (
                    (f" {self._label} ", "key"),
                    (self.text, "chosen" if self._is_fresh else "head"),
                    (" ", "chosen"),
                    (hint if len(self.text) < 24 else "", "dim"),
                )
            )
        ]

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Tell Textual which keys type, so that no binding takes them."""
        return character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        """Take a key that types."""
        if self.display:
            self.take(event)
        else:
            # It was on its way here before the line was closed, and is a command again.
            event.stop()
            self.app.post_message(events.Key(event.key, event.character))

    def take(self, event: events.Key) -> bool:
        """Type, delete, keep or drop; False for a key that does none of these."""
        if self._question is not None:
            is_yes = event.key in ("enter", "y", self._question.key)
            self._close(kept=is_yes)
            if not is_yes and event.key not in ("escape", "n"):
                self.app.post_message(events.Key(event.key, event.character))
        elif event.is_printable and event.character:
            self._type(event.character)
        elif event.key in ("right", "end") and self._is_fresh:
            self._is_fresh = False
            self.redraw()
        elif event.key == "backspace":
            self._change(self.text[:-1])
        elif event.key == "ctrl+u":
            self._change("")
        elif event.key == "enter" and self._stays:
            self.post_message(self.Again(self._label, self.text))
        elif event.key in ("enter", "escape", "tab"):
            kept = event.key != "escape"
            if not kept and not self._stays:
                self._change("")
            self._close(kept=kept)
        else:
            return False
        event.stop()
        event.prevent_default()
        return True

    def _close(self, *, kept: bool) -> None:
        self.display = False
        # At once, as above: the next key is a command again.
        self.screen.set_focus(None)
        question = self._question
        self.post_message(self.Closed(self._label, self.text, kept, question is not None))
        if kept and question is not None:
            question.do()

    def on_paste(self, event: events.Paste) -> None:
        """Take the first pasted line; a question has no line."""
        event.stop()
        if self._question is not None:
            return
        self._type("".join(event.text.splitlines()[:1]))

    def _type(self, text: str) -> None:
        self._change(text if self._is_fresh else self.text + text)

    def _change(self, text: str) -> None:
        if self._is_fresh:
            self._is_fresh = False
            self.redraw()
        if text != self.text:
            self.text = text
            self.redraw()
            self.post_message(self.Changed(self._label, text))
