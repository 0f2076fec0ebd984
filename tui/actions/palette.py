"""The command palette: the actions of a screen, in the order of their table."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hit, Hits
from textual.system_commands import SystemCommandsProvider


class ActionsProvider(SystemCommandsProvider):
    """Lists what Textual's own provider would put in the order of the alphabet."""

    async def discover(self) -> Hits:
        """All actions, before a letter is typed."""
        for title, text, do, _ in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(title, do, help=text)

    async def search(self, query: str) -> Hits:
        """The actions that contain all words; if none does, those that Textual takes for alike."""
        found = found_by_words(self.app.get_system_commands(self.screen), query)
        for (title, text, do, _), is_titled in found:
            score = 1.0 if is_titled else 0.5
            yield Hit(score, self.matcher(query).highlight(title), do, help=text)
        if not found:
            async for hit in super().search(query):
                yield hit


def found_by_words(
    commands: Iterable[SystemCommand], query: str
) -> list[tuple[SystemCommand, bool]]:
    """The commands that contain all of these words, and whether their titles do."""
    words = query.casefold().split()
    found = []
    for command in commands:
        title = command.title.casefold()
        text = f"{title} {command.help.casefold()}"
        if all(word in text for word in words):
            found.append((command, all(word in title for word in words)))
    return sorted(found, key=lambda each: not each[1])
