"""Replay: the state of a recorded run at any of its moments, made by the same fold as live.

The recording is read once from start to end, piece by piece between two pictures, by a fold of its
own, and every so often a copy of the state is kept as a *keyframe*. To go to a moment, we copy the
keyframe before it and fold the events in between. The number of keyframes is bounded: beyond it,
every second one is dropped.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mpviz.trace.explain.follow import follow
from mpviz.trace.model.events import Event, Sample
from mpviz.trace.model.measures import Density
from mpviz.trace.model.state import Finding, RunState
from mpviz.trace.record.recording import Cursor, NotARecording, Recording
from mpviz.trace.record.snapshot import snapshot

KEYFRAMES = 128
"""Maximum number of keyframes. Of 2 million events, 16 thousand lie between two of them, which fold
in some 20 ms."""

FIRST_STRETCH = 4_000
"""Events between two keyframes, while there are few keyframes."""

STRETCHES = 3
"""Number of these stretches that are kept decoded: the one that is shown, and its neighbours."""

SLOWEST, FASTEST = 1 / 256, 64.0
"""Limits of the speed: seconds of the run for each second of a replay."""


@dataclass(slots=True)
class Keyframe:
    """The state at a place in the recording, and how to read on from there."""

    position: int
    """The number of events before it."""
    now: int
    """The latest time in these events, nanoseconds."""
    cursor: Cursor
    state: RunState
    speakers: set[int] = field(default_factory=set)
    """The pids that sent events between here and the next keyframe."""


class Replay:
    """A recorded run at a moment that can be moved; :meth:`close` closes the file.

    ``grows`` says whether more will be written into the file: then its end is not the end yet.
    :class:`mpviz.trace.record.recording.NotARecording` if the file is no recording.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], int] = time.monotonic_ns,
        silenced: frozenset[str] = frozenset(),
        grows: Callable[[], bool] = lambda: False,
    ) -> None:
        self.recording = Recording(path)
        self.state = RunState(silenced=silenced)
        """The state at this moment."""
        self.position = 0
        """The number of events of the recording that are folded into it."""
        self.moment = 0
        """The time that is shown, nanoseconds; it may lie between two events."""
        self.playing = False
        self.speed = 1.0
        """Seconds of the run for each second."""
        self.marks: list[int] = []
        """Moments that a person has marked, in order."""
        self.density = Density()
        """The number of events over time."""
        self.trouble = ""
        """What is missing of the recording; empty if it is whole, or not read to its end yet."""
        self._grows = grows
        self._waits = False
        """Whether all that is in a growing file so far has been read."""
        self._clock = clock
        self._looked = clock()
        self._reading = RunState(silenced=silenced)
        """The state at the place up to which the recording has been read."""
        self._cursor: Cursor | None = self.recording.first.copy()
        self.known = 0
        """The number of events that have been read."""
        self._keyframes = [Keyframe(0, 0, self.recording.first.copy(), snapshot(self.state))]
        self._stretch = FIRST_STRETCH
        self._decoded: dict[int, list[Event]] = {}
        """The events from a keyframe to the next one, by the position of the first."""
        self._is_late = False
        """Whether it plays slower than it should, because there is too much to fold."""
        self._wanted: int | None = None
        """A moment that was asked for and is not read yet."""
        while not self.known and not self.is_read and not self._waits:
            self._read()
        if not self.known:
            self.close()
            raise NotARecording(f"{path} holds no event{self.trouble and ': ' + self.trouble}")
        self.seek(self.start)

    # What a screen asks of any run

    @property
    def over(self) -> bool:
        """A replay can always go on: back, if nowhere else."""
        return False

    @property
    def going_to(self) -> int:
        """The moment that was asked for and is not read yet, nanoseconds; -1 for none."""
        return -1 if self._wanted is None else self._wanted

    @property
    def behind(self) -> int:
        """Bytes of the file that are still to be read; at least 1 while it plays too slowly."""
        if self._waits:
            return int(self._is_late)
        left = self.recording.size - self._cursor.offset if self._cursor is not None else 0
        # All of the file may have been read, and not all of it unpacked.
        return max(left, int(self._is_late or not self.is_read))

    def step(self, budget: float) -> bool:
        """Read on and play on, for about ``budget`` seconds; True if the picture has changed."""
        deadline = self._clock() + int(budget * 1e9)
        was_read = self.is_read
        self._read()
        while not self.is_read and not self._waits and self._clock() < deadline:
            self._read()
        changed = self.is_read and not was_read
        if self._wanted is not None and (self.is_read or self._wanted <= self._reading.now):
            self.seek(self._wanted)
            changed = True
        return self._play(deadline) or changed

    def close(self) -> None:
        """Close the file; may be called again."""
        self._cursor = None
        self.recording.close()

    # What there is of the run

    @property
    def start(self) -> int:
        """The time of the first event, nanoseconds."""
        return self.density.origin

    @property
    def end(self) -> int:
        """The time of the last event as far as the recording is read, nanoseconds."""
        return self._reading.now

    @property
    def is_read(self) -> bool:
        """Whether all of the recording has been read."""
        return self._cursor is None

    @property
    def share_read(self) -> float:
        """Share of the file that has been read, 0 to 1."""
        return self._cursor.offset / max(1, self.recording.size) if self._cursor else 1.0

    @property
    def whole(self) -> RunState:
        """The state at the end, as far as the recording is read; it is read on in place."""
        return self._reading

    def troubles(self) -> list[int]:
        """The moments at which something went wrong, as far as the recording is read."""
        logged = [entry.time for entry in self._reading.log if entry.trouble]
        return sorted([*logged, *(finding.since for finding in self.findings())])

    def findings(self) -> list[Finding]:
        """What the rules have found, as far as the recording is read."""
        return list(self._reading.findings.values())

    # Going to a moment

    def play(self) -> None:
        """Go on from here, or from the start if this is the end."""
        if self.is_read and self.moment >= self.end:
            self.seek(self.start)
        self._looked = self._clock()
        self.playing = True

    def pause(self) -> None:
        """Stand still."""
        self.playing = False

    def set_speed(self, speed: float) -> None:
        """Play ``speed`` seconds of the run for each second, within the limits."""
        self.speed = min(FASTEST, max(SLOWEST, speed))

    def seek(self, moment: int) -> None:
        """Go to this time: fold all events up to it, as soon as they are read."""
        moment = max(self.start, moment)
        if not self.is_read and moment > self._reading.now:
            self._wanted = moment
            return
        self._wanted = None
        moment = min(moment, self.end)
        self._go_to(self._position_at(moment))
        self.moment = moment

    def go_to_event(self, position: int) -> None:
        """Go to the moment right after this many events."""
        self._wanted = None
        self._go_to(max(0, min(position, self.known)))
        self.moment = max(self.state.now, self.start)

    def next_event(self, pid: int | None = None) -> bool:
        """Go right after the next event, of this process if given; False if there is none."""
        for position, _ in self._events_from(self.position, pid):
            self.go_to_event(position + 1)
            return True
        return False

    def previous_event(self, pid: int | None = None) -> bool:
        """Go right after the event before the last one; False if there is none."""
        for position, _ in self._events_before(self.position - 1, pid):
            self.go_to_event(position + 1)
            return True
        return False

    def last_event(self) -> Event | None:
        """The last event up to here; None before the first event."""
        return next((event for _, event in self._events_before(self.position, None)), None)

    def mark(self) -> bool:
        """Mark this moment, or remove its mark; True if it is marked now."""
        if self.moment in self.marks:
            self.marks.remove(self.moment)
            return False
        self.marks = sorted([*self.marks, self.moment])
        return True

    def next_mark(self, direction: int) -> bool:
        """Go to the next mark, or with -1 to the previous one; False if there is none."""
        marks = [mark for mark in self.marks if (mark - self.moment) * direction > 0]
        if not marks:
            return False
        self.seek(marks[0] if direction > 0 else marks[-1])
        return True

    def _play(self, deadline: int) -> bool:
        now = self._clock()
        elapsed, self._looked = now - self._looked, now
        if not self.playing or self._wanted is not None or not self.known:
            return False
        before = self.moment
        self._is_late = False
        target = min(max(before, self.start) + int(elapsed * self.speed), self.end)
        self._advance(target, deadline)
        if self.is_read and self.moment >= self.end:
            self.playing = False
        return self.moment != before

    def _advance(self, moment: int, deadline: int) -> None:
        """Fold on up to this time, or as far as the deadline allows."""
        target = self._position_at(moment)
        while self.position < target:
            self._go_to(min(target, self.position + FIRST_STRETCH))
            if self._clock() >= deadline:
                break
        self._is_late = self.position < target
        self.moment = self.state.now if self._is_late else moment

    def _go_to(self, position: int) -> None:
        """Make the state that of ``position`` events."""
        index = self._keyframe_at(position)
        keyframe = self._keyframes[index]
        if not keyframe.position <= self.position <= position:
            self.state = snapshot(keyframe.state)
            self.position = keyframe.position
        while self.position < position:
            index = self._keyframe_at(self.position)
            begin = self._keyframes[index].position
            events = self._events(index)[self.position - begin : position - begin]
            follow(self.state, events)
            self.position += len(events)

    def _position_at(self, moment: int) -> int:
        """The number of events up to this time, at least 1."""
        index = bisect_right(self._keyframes, moment, key=lambda keyframe: keyframe.now) - 1
        keyframe = self._keyframes[max(0, index)]
        position, latest = keyframe.position, keyframe.now
        for event in self._events(max(0, index)):
            latest = max(latest, event.time)
            if latest > moment:
                break
            position += 1
        return max(position, min(1, self.known))

    # Reading

    def _read(self) -> None:
        """Read another piece of the file; before that, add a keyframe if one is due."""
        cursor = self._cursor
        if cursor is None:
            return
        if self.known - self._keyframes[-1].position >= self._stretch:
            self._add_keyframe(cursor)
        # Asked before the look into the file: what was written last is read once it grows no more.
        grows = self._grows()
        if grows:
            # What ends in the middle of a line goes on there, so the end leaves no trace.
            cursor = cursor.copy()
        events = cursor.read()
        self._waits = grows and events is None
        if self._waits:
            return
        if events is None:
            self.trouble = cursor.trouble
            self._cursor = None
            return
        self._cursor = cursor
        follow(self._reading, events)
        self.known += len(events)
        self.density.add([event.time for event in events])
        last = self._keyframes[-1]
        last.speakers.update([event.pid for event in events])
        # The last stretch has become longer.
        self._decoded.pop(last.position, None)

    def _add_keyframe(self, cursor: Cursor) -> None:
        state = snapshot(self._reading)
        self._keyframes.append(Keyframe(self.known, state.now, cursor.copy(), state))
        if len(self._keyframes) > KEYFRAMES:
            for kept, dropped in zip(self._keyframes[::2], self._keyframes[1::2], strict=False):
                kept.speakers |= dropped.speakers
            self._keyframes = self._keyframes[::2]
            self._stretch *= 2
            self._decoded.clear()

    def _keyframe_at(self, position: int) -> int:
        """The index of the last keyframe at this position or before."""
        return bisect_right(self._keyframes, position, key=lambda frame: frame.position) - 1

    def _events(self, index: int) -> list[Event]:
        """The events between a keyframe and the next, as far as they have been read."""
        keyframe = self._keyframes[index]
        events = self._decoded.pop(keyframe.position, None)
        if events is None:
            later = self._keyframes[index + 1 : index + 2]
            end = later[0].position if later else self.known
            events = _read_events(keyframe.cursor.copy(), end - keyframe.position)
        # The one that was used last is the last to be forgotten.
        self._decoded[keyframe.position] = events
        while len(self._decoded) > STRETCHES:
            del self._decoded[next(iter(self._decoded))]
        return events

    def _events_from(self, position: int, pid: int | None) -> Iterator[tuple[int, Event]]:
        """The events from this place on at which a step stops, each with its place."""
        for index in range(self._keyframe_at(position), len(self._keyframes)):
            keyframe = self._keyframes[index]
            if pid is None or pid in keyframe.speakers:
                for at, event in enumerate(self._events(index), keyframe.position):
                    if at >= position and _is_stop(event, pid):
                        yield at, event

    def _events_before(self, position: int, pid: int | None) -> Iterator[tuple[int, Event]]:
        """The events before this place at which a step stops, the last one first."""
        for index in range(self._keyframe_at(position), -1, -1):
            keyframe = self._keyframes[index]
            if pid is None or pid in keyframe.speakers:
                events = self._events(index)
                last = min(len(events), position - keyframe.position)
                for at in range(last - 1, -1, -1):
                    if _is_stop(events[at], pid):
                        yield keyframe.position + at, events[at]


def _read_events(cursor: Cursor, count: int) -> list[Event]:
    events: list[Event] = []
    while len(events) < count and (more := cursor.read()) is not None:
        events += more
    return events[:count]


def _is_stop(event: Event, pid: int | None) -> bool:
    """Whether a step stops here; it passes over samples, in which nothing happens."""
    return event.pid == pid if pid is not None else not isinstance(event, Sample)
