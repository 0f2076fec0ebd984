"""A replay: at every moment, however one comes there, the state is what the fold had live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from helpers.examples import examples
from helpers.fold_model import play, streams
from helpers.recordings import Clock, recorded, replay_of
from mpviz.trace.explain.follow import follow
from mpviz.trace.launch import session as live
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.events import Event, Sample
from mpviz.trace.model.state import RunState
from mpviz.trace.model.told import Told, as_events
from mpviz.trace.record.replay import Replay
from mpviz.trace.record.snapshot import snapshot

Steps = list[tuple[int, int, int, int]]
Open = Callable[[list[Event]], Replay]

SECOND = 1_000_000_000


@pytest.fixture
def small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a recording of millions of events has it: many stretches, and keyframes given up."""
    monkeypatch.setattr("mpviz.trace.record.recording._TEXT_BYTES", 1500)
    monkeypatch.setattr("mpviz.trace.record.replay.FIRST_STRETCH", 16)
    monkeypatch.setattr("mpviz.trace.record.replay.KEYFRAMES", 6)


@pytest.fixture
def open_replay(tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Record these events and open them; they are read to their end."""
    opened: list[Replay] = []

    def open_events(events: list[Event]) -> Replay:
        path = recorded(tmp_path, events, f"{len(opened)}.jsonl.gz")
        opened.append(replay_of(path, clock))
        assert opened[-1].known == len(events)
        return opened[-1]

    yield open_events
    for replay in opened:
        replay.close()


def state_after(events: list[Event], position: int) -> RunState:
    return follow(RunState(), events[:position])


@pytest.mark.usefixtures("small_stretches")
@examples(60)
@given(steps=streams, data=some.data())
def test_however_one_comes_to_a_moment_the_state_is_that_of_the_live_fold(
    steps: Steps, data: some.DataObject
) -> None:
    events = play(steps).events
    with TemporaryDirectory() as directory:
        replay = replay_of(recorded(Path(directory), events), lambda: 0)
        assert replay.known == len(events)
        for _ in range(8):
            if data.draw(some.booleans()):
                position = data.draw(some.integers(0, len(events)))
                replay.go_to_event(position)
                assert replay.position == position
            else:
                moment = data.draw(some.integers(replay.start, replay.end))
                replay.seek(moment)
                assert replay.moment == moment
                assert replay.state.now <= moment
                # The next event would lead beyond it.
                after = state_after(events, replay.position + 1)
                assert after.now > moment or replay.position == len(events)
            assert replay.state == state_after(events, replay.position)
        replay.close()


def test_a_real_run_is_the_same_again_at_every_moment_at_which_it_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_stretches: None, nothing_left: None
) -> None:
    folded = 0
    looks: list[tuple[int, RunState]] = []

    def count(state: RunState, told: list[Told]) -> RunState:
        nonlocal folded
        folded += len(as_events(told))
        return follow(state, told)

    monkeypatch.setattr(live, "follow", count)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    file = tmp_path / "run.jsonl.gz"
    target = Target([str(program)], name="program", directory=tmp_path)
    run = start(target, capture=True, record=file)
    while not run.over:
        if run.step(0.002):
            looks.append((folded, snapshot(run.state)))
    run.close()
    replay = replay_of(file)
    assert replay.known == folded
    assert any(1 < position < folded for position, _ in looks)
    # Backwards: none of them is on the way to the next.
    for position, state in reversed(looks):
        replay.go_to_event(position)
        assert replay.state == state
    replay.go_to_event(folded)
    assert replay.state == run.state
    replay.close()


PROGRAM = """
from multiprocessing import Lock, Pool, Process, Queue, Value

def add(counter, lock, queue):
    for number in range(300):
        with lock:
            counter.value += 1
        queue.put(number)

def square(number):
    return number * number

if __name__ == "__main__":
    counter, lock, queue = Value("i", 0), Lock(), Queue()
    children = [Process(target=add, args=(counter, lock, queue)) for _ in range(3)]
    for child in children:
        child.start()
    for _ in range(900):
        queue.get()
    for child in children:
        child.join()
    with Pool(2) as pool:
        print(sum(pool.map(square, range(50))), counter.value)
"""


@pytest.mark.usefixtures("small_stretches")
def test_steps_go_through_all_events_but_samples_and_back(
    stream: list[Event], open_replay: Open
) -> None:
    replay = open_replay(stream)
    replay.go_to_event(0)
    steps = [index + 1 for index, event in enumerate(stream) if not isinstance(event, Sample)]
    forth = []
    while replay.next_event():
        forth.append(replay.position)
        assert replay.last_event() == stream[replay.position - 1]
    assert forth == steps
    back = [replay.position]
    while replay.previous_event():
        back.append(replay.position)
    assert back == steps[::-1]


@pytest.mark.usefixtures("small_stretches")
def test_steps_of_a_process_go_through_what_it_told(stream: list[Event], open_replay: Open) -> None:
    replay = open_replay(stream)
    pids = {event.pid for event in stream} - {0}
    for pid in pids:
        replay.go_to_event(0)
        positions = []
        while replay.next_event(pid):
            positions.append(replay.position)
        assert positions == [at + 1 for at, event in enumerate(stream) if event.pid == pid]
        while replay.previous_event(pid):
            positions.pop()
            assert replay.position == positions[-1]
        assert len(positions) == 1


def test_after_a_look_in_between_the_step_back_is_to_the_last_event(
    stream: list[Event], open_replay: Open
) -> None:
    replay = open_replay(stream)
    sample = next(at for at, event in enumerate(stream) if isinstance(event, Sample))
    replay.go_to_event(sample + 1)
    assert replay.previous_event()
    assert replay.position < sample + 1
    assert not isinstance(stream[replay.position - 1], Sample)


def test_a_replay_plays_at_the_chosen_speed_and_stops_at_the_end(
    stream: list[Event], open_replay: Open, clock: Clock
) -> None:
    replay = open_replay(stream)
    replay.seek(replay.start)
    replay.set_speed(0.5)
    replay.play()
    clock.now += SECOND // 5
    assert replay.step(1)
    assert replay.moment == replay.start + SECOND // 10
    assert replay.state == state_after(stream, replay.position)
    replay.set_speed(4)
    clock.now += SECOND // 40
    replay.step(1)
    assert replay.moment == replay.start + SECOND // 5
    replay.pause()
    clock.now += SECOND
    assert not replay.step(1)
    assert replay.moment == replay.start + SECOND // 5
    replay.play()
    clock.now += 100 * SECOND
    replay.step(1)
    assert replay.moment == replay.end
    assert replay.state == state_after(stream, len(stream))
    assert not replay.playing
    # Once more from the start.
    replay.play()
    assert replay.moment == replay.start


def test_a_moment_that_is_not_read_yet_is_gone_to_when_it_is(
    tmp_path: Path, stream: list[Event], small_stretches: None
) -> None:
    replay = Replay(recorded(tmp_path, stream))
    end = max(event.time for event in stream)
    replay.seek(end)
    assert replay.going_to == end
    assert replay.behind > 0
    while not replay.is_read:
        replay.step(0)
    replay.step(0)
    assert replay.going_to == -1
    assert replay.behind == 0
    assert (replay.moment, replay.state) == (end, state_after(stream, len(stream)))
    replay.close()


def test_marks_are_gone_to_in_order(stream: list[Event], open_replay: Open) -> None:
    replay = open_replay(stream)
    moments = [replay.start + share * (replay.end - replay.start) // 10 for share in (7, 2, 5)]
    for moment in moments:
        replay.seek(moment)
        assert replay.mark()
    replay.seek(replay.start)
    visited = []
    while replay.next_mark(1):
        visited.append(replay.moment)
    assert visited == sorted(moments)
    assert replay.next_mark(-1)
    assert replay.moment == sorted(moments)[1]
    assert not replay.mark()
    assert not replay.next_mark(1) or replay.moment == max(moments)


def test_a_replay_s_snapshots_are_bounded_however_long_the_run(
    stream: list[Event], open_replay: Open, small_stretches: None
) -> None:
    lines = []
    last = max(event.time for event in stream)
    for turn in range(30):
        for event in stream:
            later = msgspec.structs.replace(event, time=event.time + turn * last)
            lines.append(later)
    replay = open_replay(lines)
    assert len(replay._keyframes) <= 6
    for share in (0.1, 0.9, 0.5):
        replay.go_to_event(int(len(lines) * share))
        assert replay.state == state_after(lines, replay.position)
        assert len(replay._decoded) <= 3


def test_the_density_counts_every_event(stream: list[Event], open_replay: Open) -> None:
    replay = open_replay(stream)
    middle = (replay.start + replay.end) // 2
    whole = replay.density.between(replay.start, replay.end + SECOND)
    assert whole == pytest.approx(len(stream))
    halves = [
        replay.density.between(replay.start, middle),
        replay.density.between(middle, replay.end + SECOND),
    ]
    assert sum(halves) == pytest.approx(len(stream))
    early = sum(event.time < middle for event in stream)
    assert halves[0] == pytest.approx(early, abs=20)
