"""What the stage shows of a step: the run as it goes on, a moment of it that is over, or a
recording.

A run on stage is recorded from its start, so each of its moments can be shown again by a replay of
the file that is still being written. Slow motion is the same replay at a fraction of the speed: the
program runs as fast as ever, and what it does is shown later.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from mpviz.trace.model.state import RunState
from mpviz.trace.record.recording import NotARecording
from mpviz.trace.record.replay import Replay
from mpviz.tui.sessions import Session
from mpviz.tui.talk.plan import Stop
from mpviz.tui.talk.stops import found_at, reached


class StageRun:
    """A session, and a replay of what it has recorded wherever that is shown instead.

    Without a session, a recording that somebody made before; then ``recording`` is its file.
    """

    def __init__(
        self, session: Session | None, *, recording: Path | None = None, slow: float = 1.0
    ) -> None:
        self.session = session
        self.recording = recording or (session.recorded if session is not None else None)
        """The file with the run; None if it is not recorded."""
        self.replay: Replay | None = None
        """What is shown in place of the present; None while that is the present."""
        self._slow = slow
        self._is_delayed = slow > 1 or session is None
        self._nothing_yet = RunState()
        self._was_out = False
        """Whether the end of the run was shown at the last step."""
        self.unseen = False
        """Whether something has changed since the last picture."""

    @property
    def state(self) -> RunState:
        """What is true at the moment that is shown."""
        if self.replay is not None:
            return self.replay.state
        if self._is_delayed or self.session is None:
            return self._nothing_yet
        return self.session.state

    @property
    def moment(self) -> int:
        """The moment that is shown, nanoseconds."""
        return self.replay.moment if self.replay is not None else self.state.now

    @property
    def over(self) -> bool:
        """Never, for the screen: one can go back in a run that has ended."""
        return False

    @property
    def ran_out(self) -> bool:
        """Whether the end of the run is shown."""
        if self.replay is None:
            return self.session is not None and self.session.over and not self._is_delayed
        return self.replay.is_read and self.replay.moment >= self.replay.end

    @property
    def whole(self) -> RunState | None:
        """The state at the end of the run, wherever in it the picture is; None if not known yet."""
        if self.session is not None:
            return self.session.state if self.session.over else None
        return self.replay.whole if self.replay is not None and self.replay.is_read else None

    @property
    def behind(self) -> int:
        """Bytes that have been read and are not folded yet."""
        ours = self.session.behind if self.session is not None and not self.session.over else 0
        return max(ours, self.replay.behind if self.replay is not None else 0)

    def step(self, budget: float) -> bool:
        """Fold what has arrived, and what is shown of it; True if the picture has changed."""
        changed = False
        if self.session is not None and not self.session.over:
            changed = self.session.step(budget)
        if self._is_delayed and self.replay is None:
            # Nothing may be in the file yet.
            with suppress(NotARecording):
                self._open().play()
        if self.replay is not None:
            changed = self.replay.step(budget)
        # The end may come without another change: the last one was told before.
        was_out, self._was_out = self._was_out, self.ran_out
        self.unseen = self.unseen or changed or self._was_out != was_out
        return self.unseen

    def go_back(self, moment: int) -> None:
        """Stand still at this earlier moment; :class:`NotARecording` if nothing was recorded."""
        replay = self.replay or self._open()
        replay.pause()
        replay.seek(moment)

    def go_back_to_stop(self, stop: Stop) -> None:
        """Of a run that is shown later than it happens: the moment at which its step stops.

        The picture may be up to a frame later, and what was found is over by then if the recording
        ends right after it.
        """
        moment = found_at(stop, self.state)
        if self.replay is None or not 0 <= moment < self.moment:
            return
        shown = self.moment
        self.replay.seek(moment)
        if not reached(stop, self.state):
            self.replay.seek(shown)

    def go_on(self) -> None:
        """Play on where it is shown later than it happens, else show the present."""
        if self._is_delayed:
            (self.replay or self._open()).play()
        else:
            self.go_to_present()

    def go_to_present(self) -> None:
        """Show what goes on now; nothing to do for a recording."""
        if self.session is not None:
            self.close_replay()
            self._is_delayed = False

    def close(self) -> None:
        """End the program, and close the files; may be repeated."""
        try:
            if self.session is not None:
                self.session.close()
        finally:
            self.close_replay()

    def _open(self) -> Replay:
        session = self.session
        if self.recording is None:
            raise NotARecording("nothing was recorded")
        replay = Replay(self.recording, grows=lambda: session is not None and not session.over)
        replay.set_speed(1 / self._slow)
        self.replay = replay
        return replay

    def close_replay(self) -> None:
        """Close the file that is replayed, if one is."""
        if self.replay is not None:
            self.replay.close()
            self.replay = None
