"""Replay: the state of a recorded run at any of its moments, by the fold that made it live.

The recording is read once from its start to its end, a stretch at a time between two pictures, by a
fold of its own; every so often what is true by then is kept as a *keyframe*. To go to a moment is
to take a copy of the keyframe before it and to fold the events in between. There are not more than
so many keyframes: when there would be, every second one is given up.
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
from mpviz.trace.record.snapshot import still

KEYFRAMES = 128
"""At most; with 2 million events each stretch has 16 thousand, which fold in some 20 ms."""

FIRST_STRETCH = 4_000
"""Events between two keyframes, as long as there are few."""

STRETCHES = 3
"""So many are kept decoded: the one that is looked at, and its neighbours."""

SLOWEST, FASTEST = 1 / 256, 64.0
"""Seconds of the run for each second of a replay."""


@dataclass(slots=True)
class Keyframe:
    """What was true at a place in the recording, and how to read on from there."""

    position: int
    """How many events come before it."""
    now: int
    """The latest time in them, nanoseconds."""
    cursor: Cursor
    state: RunState
    speakers: set[int] = field(default_factory=set)
    """The pids that speak between here and the next keyframe."""


class Replay:
    """A recorded run at a moment that can be moved; :meth:`close` closes the file.

    :class:`mpviz.trace.record.recording.NotARecording` where the file is none.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], int] = time.monotonic_ns,
        silenced: frozenset[str] = frozenset(),
    ) -> None:
        self.recording = Recording(path)
        self.state = RunState(silenced=silenced)
        """What is true at this moment."""
        self.position = 0
        """How many events of the recording are folded into it."""
        self.moment = 0
        """The time that is looked at, nanoseconds; it may lie between two events."""
        self.playing = False
        self.speed = 1.0
        """Seconds of the run for each second."""
        self.marks: list[int] = []
        """Moments that a person has marked, in order."""
        self.density = Density()
        """How many events there are, over time."""
        self.trouble = ""
        """What is missing of the recording; empty where it is whole, or not read to its end."""
        self._clock = clock
        self._looked = clock()
        self._reading = RunState(silenced=silenced)
        """What is true where the recording has been read to."""
        self._cursor: Cursor | None = self.recording.first.copy()
        self.known = 0
        """How many events have been read."""
        self._keyframes = [Keyframe(0, 0, self.recording.first.copy(), still(self.state))]
        self._stretch = FIRST_STRETCH
        self._decoded: dict[int, list[Event]] = {}
        """By the position of a keyframe: the events from there to the next."""
        self._is_late = False
        """It plays slower than it should: there is too much to fold."""
        self._wanted: int | None = None
        """A moment that is asked for, in what is not read yet."""
        while not self.known and not self.is_read:
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
        """The moment that is asked for and not read yet, nanoseconds; -1 for none."""
        return -1 if self._wanted is None else self._wanted

    @property
    def behind(self) -> int:
        """Bytes of the file that are still to be read, and one where it should have played more."""
        left = self.recording.size - self._cursor.offset if self._cursor is not None else 0
        # What was read of the file may still have to be unpacked.
        return max(left, int(self._is_late or not self.is_read))

    def step(self, budget: float) -> bool:
        """Read on, and play on, for about so many seconds; True if the picture is another."""
        deadline = self._clock() + int(budget * 1e9)
        was_read = self.is_read
        self._read()
        while not self.is_read and self._clock() < deadline:
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
        """How much of the file has been read, 0 to 1."""
        return self._cursor.offset / max(1, self.recording.size) if self._cursor else 1.0

    def troubles(self) -> list[int]:
        """The moments at which something went wrong, as far as it is read."""
        reading = self._reading
        return sorted(
            [
                *(entry.time for entry in reading.log if entry.trouble),
                *(finding.since for finding in reading.findings.values()),
            ]
        )

    def findings(self) -> list[Finding]:
        """What was found wrong in the recording, as far as it is read."""
        return list(self._reading.findings.values())

    # Going to a moment

    def play(self) -> None:
        """Go on from here, or from the start again where this is the end."""
        if self.is_read and self.moment >= self.end:
            self.seek(self.start)
        self._looked = self._clock()
        self.playing = True

    def pause(self) -> None:
        """Stand still."""
        self.playing = False

    def set_speed(self, speed: float) -> None:
        """Play so many seconds of the run for each second, within what makes sense."""
        self.speed = min(FASTEST, max(SLOWEST, speed))

    def seek(self, moment: int) -> None:
        """Go to this time: all that happened up to it is folded. If it is not read yet, soon."""
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
        """Go to right after the next event, of this process if one is named; False for none."""
        for position, _ in self._events_from(self.position, pid):
            self.go_to_event(position + 1)
            return True
        return False

    def previous_event(self, pid: int | None = None) -> bool:
        """Go to right after the event before the last one; False where that is the first."""
        for position, _ in self._events_before(self.position - 1, pid):
            self.go_to_event(position + 1)
            return True
        return False

    def last_event(self) -> Event | None:
        """What happened last; None before the first event."""
        return next((event for _, event in self._events_before(self.position, None)), None)

    def mark(self) -> bool:
        """Mark this moment, or take its mark away; True where it is marked now."""
        if self.moment in self.marks:
            self.marks.remove(self.moment)
            return False
        self.marks = sorted([*self.marks, self.moment])
        return True

    def next_mark(self, direction: int) -> bool:
        """Go to the next mark, or with -1 to the one before; False where there is none."""
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
        """Fold on up to this time; where the time for it runs out, only as far as it goes."""
        target = self._position_at(moment)
        while self.position < target:
            self._go_to(min(target, self.position + FIRST_STRETCH))
            if self._clock() >= deadline:
                break
        self._is_late = self.position < target
        self.moment = self.state.now if self._is_late else moment

    def _go_to(self, position: int) -> None:
        """Make the state what it was after so many events."""
        index = self._keyframe_at(position)
        keyframe = self._keyframes[index]
        if not keyframe.position <= self.position <= position:
            self.state = still(keyframe.state)
            self.position = keyframe.position
        while self.position < position:
            index = self._keyframe_at(self.position)
            begin = self._keyframes[index].position
            events = self._events(index)[self.position - begin : position - begin]
            follow(self.state, events)
            self.position += len(events)

    def _position_at(self, moment: int) -> int:
        """How many events there are up to this time; the first is there in any case."""
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
        """Read a piece more of the file; before that, keep what is true by now if it is time."""
        cursor = self._cursor
        if cursor is None:
            return
        if self.known - self._keyframes[-1].position >= self._stretch:
            self._add_keyframe(cursor)
        events = cursor.read()
        if events is None:
            self.trouble = cursor.trouble
            self._cursor = None
            return
        follow(self._reading, events)
        self.known += len(events)
        self.density.add([event.time for event in events])
        last = self._keyframes[-1]
        last.speakers.update([event.pid for event in events])
        # It goes on further than it did.
        self._decoded.pop(last.position, None)

    def _add_keyframe(self, cursor: Cursor) -> None:
        state = still(self._reading)
        self._keyframes.append(Keyframe(self.known, state.now, cursor.copy(), state))
        if len(self._keyframes) > KEYFRAMES:
            for kept, dropped in zip(self._keyframes[::2], self._keyframes[1::2], strict=False):
                kept.speakers |= dropped.speakers
            self._keyframes = self._keyframes[::2]
            self._stretch *= 2
            self._decoded.clear()

    def _keyframe_at(self, position: int) -> int:
        """Which keyframe is the last that comes before this many events, or right there."""
        return bisect_right(self._keyframes, position, key=_position) - 1

    def _events(self, index: int) -> list[Event]:
        """The events between a keyframe and the next, as far as they have been read."""
        keyframe = self._keyframes[index]
        events = self._decoded.pop(keyframe.position, None)
        if events is None:
            end = self._keyframes[index + 1].position if self._is_followed(index) else self.known
            events = _read_events(keyframe.cursor.copy(), end - keyframe.position)
        # The one that was looked at last is the last to be forgotten.
        self._decoded[keyframe.position] = events
        while len(self._decoded) > STRETCHES:
            del self._decoded[next(iter(self._decoded))]
        return events

    def _is_followed(self, index: int) -> bool:
        return index + 1 < len(self._keyframes)

    def _events_from(self, position: int, pid: int | None) -> Iterator[tuple[int, Event]]:
        """The events from this place on, with their places; those of a process, if one is named."""
        for index in range(self._keyframe_at(position), len(self._keyframes)):
            keyframe = self._keyframes[index]
            if pid is None or pid in keyframe.speakers:
                for at, event in enumerate(self._events(index), keyframe.position):
                    if at >= position and _is_asked_for(event, pid):
                        yield at, event

    def _events_before(self, position: int, pid: int | None) -> Iterator[tuple[int, Event]]:
        """The events before this place, the last of them first."""
        for index in range(self._keyframe_at(position), -1, -1):
            keyframe = self._keyframes[index]
            if pid is None or pid in keyframe.speakers:
                events = self._events(index)
                last = min(len(events), position - keyframe.position)
                for at in range(last - 1, -1, -1):
                    if _is_asked_for(events[at], pid):
                        yield keyframe.position + at, events[at]


def _position(keyframe: Keyframe) -> int:
    return keyframe.position


def _read_events(cursor: Cursor, count: int) -> list[Event]:
    events: list[Event] = []
    while len(events) < count and (more := cursor.read()) is not None:
        events += more
    return events[:count]


def _is_asked_for(event: Event, pid: int | None) -> bool:
    """A step goes from one thing that happened to the next; a sample is only a look at them."""
    return event.pid == pid if pid is not None else not isinstance(event, Sample)
