"""Reports what goes wrong in the viewer's threads: each trouble once, as an event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic_ns

from mpviz.trace.model import own_errors
from mpviz.trace.model.events import Event, Trouble

MOST_TROUBLES = 100
"""Maximum number of troubles that one reporter reports in full."""

_MORE_LOSSES = "there are further troubles of this kind, each of which may have cost records"


class Troubles:
    """Hands each trouble to ``put`` once."""

    def __init__(self, put: Callable[[Event], None]) -> None:
        self._put = put
        self._reported: set[str] = set()

    def report(self, text: str, *, hides_losses: bool = False) -> None:
        """Report this trouble, unless it was reported before.

        ``hides_losses`` says that an unknown number of records may be lost because of it.
        """
        if len(self._reported) >= MOST_TROUBLES:
            if not hides_losses:
                return
            text = _MORE_LOSSES
        if text not in self._reported:
            self._reported.add(text)
            self._put(Trouble(time=monotonic_ns(), pid=0, text=text, hides_losses=hides_losses))

    @contextmanager
    def instead_of_errors(self, what: str, *, hides_losses: bool = False) -> Iterator[None]:
        """Report an error of ours in the block, in which we do ``what``, and go on behind it."""
        try:
            yield
        except Exception as error:
            self.report(own_errors.in_words(what, error), hides_losses=hides_losses)
