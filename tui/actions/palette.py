"""The command palette: the actions of a screen, in the order of their table."""

from __future__ import annotations

from textual.command import DiscoveryHit, Hits
from textual.system_commands import SystemCommandsProvider


class ActionsProvider(SystemCommandsProvider):
    """Lists what Textual's own provider would put in the order of the alphabet."""

    async def discover(self) -> Hits:
        """All actions, before a letter is typed."""
        for title, text, do, _ in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(title, do, help=text)
