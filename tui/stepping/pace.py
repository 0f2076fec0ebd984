"""The thread of a walk: it does one thing after another, and the screen never waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from mpviz.tui.stepping.walk import Walk

LOOK_SECONDS = 0.2
"""Seconds between two looks at a program that stands."""

Do = Callable[[Walk], "bool | None"]
"""Something to do with the walk; False if nothing has changed."""


def _look(walk: Walk) -> bool:
    return walk.look()


class Pace:
    """Does what it is asked to, in order, and says when something has changed."""

    def __init__(self, walk: Walk, changed: Callable[[], None]) -> None:
        self.walk = walk
        self.failure: Exception | None = None
        """Why the last of it could not be done."""
        self._changed = changed
        self._wanted: SimpleQueue[Do | None] = SimpleQueue()
        self._asked = 0
        """Written by the screen's thread only, and the next by the other only."""
        self._done = 0
        self._ended = False
        walk.is_stopped = lambda: self._ended or self._asked > self._done + 1
        walk.heard = lambda moment: changed()
        # A daemon, so that mpviz can end whatever the program keeps this thread waiting for.
        self._thread = threading.Thread(target=self._work, name="mpviz-steps", daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether something is being done, or waits to be done."""
        return self._asked > self._done

    def ask(self, do: Do) -> None:
        """Do this after all that was asked for before; a run to the next failure stops for it."""
        self._asked += 1
        self._wanted.put(do)

    def end(self) -> None:
        """End the program and, soon, the thread; may be repeated."""
        self._ended = True
        self._wanted.put(None)
        self.walk.close()

    def _work(self) -> None:
        while not self._ended:
            try:
                do = self._wanted.get(timeout=LOOK_SECONDS)
            except Empty:
                do = _look
            if do is None or not self._did(do):
                break
        # What was begun while the end was asked for.
        self.walk.close()

    def _did(self, do: Do) -> bool:
        """Do one thing; False if all is over."""
        is_look = do is _look
        try:
            is_news = do(self.walk)
            if not is_look:
                self.failure = None
        except Exception as error:
            # Whatever it is, the screen says it, or raises it where it is seen.
            self.failure, is_news = error, None
        self._done += not is_look
        if not self._ended and is_news is not False:
            self._changed()
        return not self._ended
