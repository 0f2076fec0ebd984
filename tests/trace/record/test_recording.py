"""A recording on disk: what was folded comes back, and whatever else is in a file does no harm."""

from __future__ import annotations

import gzip
import json
import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.examples import examples
from mpviz.trace.collect.decode import decode
from mpviz.trace.explain.follow import follow
from mpviz.trace.model.events import Event, Output, Unreadable
from mpviz.trace.model.state import RunState
from mpviz.trace.record.recorder import TIDIED_BYTES, Recorder
from mpviz.trace.record.recording import FORMAT, NotARecording, Recording
from mpviz.trace.record.replay import Replay

Write = Callable[..., Path]

HEADER = b'{"k":"mpviz.recording","format":1,"version":"0.1.0","began":"","t":0}\n'


def read(path: Path) -> tuple[list[Event], str]:
    """All events of a file, and what is missing of them."""
    recording = Recording(path)
    cursor = recording.first.copy()
    events: list[Event] = []
    while (more := cursor.read()) is not None:
        events += more
    recording.close()
    return events, cursor.trouble


def lines_of(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines()


@pytest.fixture
def recorded(tmp_path: Path, stream: list[Event]) -> Path:
    """A file with the recorded run of ``counting.py``."""
    path = tmp_path / "run.jsonl.gz"
    recorder = Recorder(path, "0.1.0")
    for begin in range(0, len(stream), 50):
        recorder.add(stream[begin : begin + 50])
    recorder.close()
    return path


def test_what_was_recorded_comes_back(recorded: Path, stream: list[Event]) -> None:
    events, trouble = read(recorded)
    assert events == stream
    assert trouble == ""


def test_it_is_json_lines_that_others_read(recorded: Path, stream: list[Event]) -> None:
    header, *events = [json.loads(line) for line in lines_of(recorded)]
    assert header["k"] == "mpviz.recording"
    assert header["format"] == FORMAT
    assert header["began"].startswith("20")
    assert len(events) == len(stream)
    assert {"run.started", "sample", "lock.acquired"} <= {event["k"] for event in events}
    assert all(event["t"] >= 0 for event in events)


def test_a_recording_holds_events_and_nothing_derived_from_them(recorded: Path) -> None:
    kinds = {json.loads(line)["k"] for line in lines_of(recorded)[1:]}
    told = {event.__struct_config__.tag for event in read(recorded)[0]}
    assert kinds == told


def test_without_compression_it_is_read_as_well(recorded: Path, tmp_path: Path) -> None:
    plain = tmp_path / "run.jsonl"
    plain.write_bytes(gzip.decompress(recorded.read_bytes()))
    assert read(plain) == read(recorded)


def test_what_was_compressed_by_another_and_in_parts_is_read_as_well(
    recorded: Path, tmp_path: Path
) -> None:
    lines = gzip.decompress(recorded.read_bytes()).splitlines(keepends=True)
    path = tmp_path / "parts.gz"
    parts = (lines[:1], lines[1:40], lines[40:])
    path.write_bytes(b"".join(gzip.compress(b"".join(part)) for part in parts))
    assert read(path) == read(recorded)


def test_a_run_is_kept_until_somebody_asks_for_it(tmp_path: Path, stream: list[Event]) -> None:
    recorder = Recorder(None, "0.1.0")
    path = tmp_path / "late.jsonl.gz"
    recorder.add(stream[:100])
    recorder.tidy()
    recorder.add(stream[100:150])
    assert list(tmp_path.iterdir()) == []
    recorder.keep(path)
    assert recorder.path == path
    recorder.add(stream[150:])
    recorder.close()
    assert read(path) == (stream, "")


@pytest.mark.parametrize("asked", [False, True])
def test_a_copy_of_what_was_told_so_far_is_whole_and_the_recording_goes_on(
    tmp_path: Path, stream: list[Event], asked: bool
) -> None:
    path, copy = tmp_path / "run.jsonl.gz", tmp_path / "copy.jsonl.gz"
    recorder = Recorder(path if asked else None, "0.1.0")
    recorder.add(stream[:100])
    recorder.copy(copy)
    assert read(copy) == (stream[:100], "")
    recorder.add(stream[100:])
    recorder.copy(copy)
    assert read(copy) == (stream, "")
    if not asked:
        recorder.keep(path)
    recorder.close()
    assert read(path) == (stream, "")


def test_a_recording_written_to_a_pipe_cannot_be_copied(
    tmp_path: Path, stream: list[Event]
) -> None:
    path, copy = tmp_path / "pipe", tmp_path / "copy.jsonl.gz"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    recorder = Recorder(path, "0.1.0")
    recorder.add(stream[:10])
    with pytest.raises(OSError, match="cannot be read again"):
        recorder.copy(copy)
    recorder.close()
    os.close(reader)


def test_a_pipe_that_nobody_reads_ends_the_recording_and_says_so(
    tmp_path: Path, stream: list[Event]
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    recorder = Recorder(path, "0.1.0")
    for number in range(100_000):
        if recorder.problem:
            break
        text = f"{random.Random(number).getrandbits(128):032x}"
        recorder.add([Output(time=number, pid=1, stream="stdout", text=text)])
    assert recorder.problem == "its reader is too slow"
    recorder.close()
    os.close(reader)


def test_it_can_be_asked_for_when_the_run_has_ended(tmp_path: Path, stream: list[Event]) -> None:
    recorder = Recorder(None, "0.1.0")
    recorder.add(stream)
    path = tmp_path / "late.jsonl.gz"
    recorder.keep(path)
    assert read(path)[0] == stream
    recorder.close()
    assert read(path) == (stream, "")


def test_a_file_that_cannot_be_written_leaves_the_recording_where_it_is(
    tmp_path: Path, stream: list[Event]
) -> None:
    recorder = Recorder(None, "0.1.0")
    recorder.add(stream[:100])
    with pytest.raises(OSError):
        recorder.keep(tmp_path / "nowhere" / "run.jsonl.gz")
    with pytest.raises(OSError, match="No space left"):
        recorder.keep(Path("/dev/full"))
    assert recorder.path is None
    recorder.add(stream[100:])
    path = tmp_path / "run.jsonl.gz"
    recorder.keep(path)
    recorder.close()
    assert read(path) == (stream, "")


def test_too_much_to_be_kept_unasked_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stream: list[Event]
) -> None:
    monkeypatch.setattr("mpviz.trace.record.recorder.UNASKED_BYTES", 1000)
    monkeypatch.setattr("mpviz.trace.record.recorder.WAITING_BYTES", 0)
    recorder = Recorder(None, "0.1.0")
    for _ in range(200):
        recorder.add(stream)
    assert "--record" in recorder.problem
    with pytest.raises(OSError, match="--record"):
        recorder.keep(tmp_path / "run.jsonl.gz")
    assert list(tmp_path.iterdir()) == []
    recorder.close()


def test_a_run_that_has_grown_too_long_to_keep_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stream: list[Event]
) -> None:
    monkeypatch.setattr("mpviz.trace.record.recorder.UNASKED_BYTES", 1000)
    recorder = Recorder(None, "0.1.0")
    for _ in range(20):
        recorder.add(stream)
    assert recorder.problem == ""
    with pytest.raises(OSError, match="--record"):
        recorder.keep(tmp_path / "run.jsonl.gz")
    assert list(tmp_path.iterdir()) == []
    recorder.close()


def test_held_records_are_written_when_there_is_nothing_else_to_do(stream: list[Event]) -> None:
    recorder = Recorder(None, "0.1.0")
    for _ in range(200):
        recorder.add(stream)
    waiting = recorder._waiting_bytes
    looks = 0
    while recorder._waiting:
        recorder.tidy()
        looks += 1
    assert looks == pytest.approx(waiting / TIDIED_BYTES, abs=2)
    recorder.close()


def test_a_disk_that_fills_up_ends_the_recording_and_nothing_else(stream: list[Event]) -> None:
    recorder = Recorder(Path("/dev/full"), "0.1.0")
    state = RunState()
    for _ in range(20_000):
        recorder.add(stream[:50])
        if recorder.problem:
            break
    assert recorder.problem == "No space left on device"
    recorder.add(stream)
    recorder.tidy()
    recorder.close()
    assert follow(state, stream).records > 0


SIGNALLED = """
import sys, os, signal
from pathlib import Path
from mpviz.trace.collect.decode import decode
from mpviz.trace.record.recorder import Recorder
events = decode(Path(sys.argv[1]).read_bytes())
recorder = Recorder(Path(sys.argv[2]), "0.1.0")
while True:
    recorder.add(events)
    sys.stdout.write("x"); sys.stdout.flush()
"""


def test_a_viewer_that_is_killed_leaves_a_file_that_is_good_up_to_its_last_line(
    tmp_path: Path, stream: list[Event]
) -> None:
    lines = tmp_path / "lines"
    lines.write_bytes(msgspec.json.Encoder().encode_lines(stream))
    path = tmp_path / "run.jsonl.gz"
    command = [sys.executable, "-c", SIGNALLED, str(lines), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as viewer:
        assert viewer.stdout is not None
        viewer.stdout.read(300)
        viewer.kill()
    events, trouble = read(path)
    assert trouble == "it is cut off"
    rounds, rest = divmod(len(events), len(stream))
    assert rounds >= 1
    assert events == stream * rounds + stream[:rest]


@pytest.mark.parametrize("compressed", [True, False])
def test_a_recording_that_is_cut_anywhere_gives_all_that_is_whole(
    compressed: bool, recorded: Path, tmp_path: Path, stream: list[Event]
) -> None:
    whole = recorded.read_bytes() if compressed else gzip.decompress(recorded.read_bytes())
    path = tmp_path / "cut"
    longest = 0
    for length in sorted({*range(min(len(whole), 700)), *range(0, len(whole), 97)}):
        path.write_bytes(whole[:length])
        try:
            events, trouble = read(path)
        except NotARecording as bad:
            assert str(bad).startswith(str(path))
            assert longest == 0
        else:
            assert events == stream[: len(events)]
            assert len(events) >= longest
            assert trouble == "it is cut off" or not compressed
            longest = len(events)
    assert longest > len(stream) * 0.8


@examples(60)
@given(
    seed=st.integers(0, 1 << 32), where=st.floats(0, 1), noise=st.binary(min_size=1, max_size=80)
)
def test_a_recording_that_is_damaged_anywhere_does_no_harm(
    tmp_path_factory: pytest.TempPathFactory,
    stream: list[Event],
    seed: int,
    where: float,
    noise: bytes,
) -> None:
    text = HEADER + msgspec.json.Encoder().encode_lines(stream)
    whole = gzip.compress(text) if seed % 2 else text
    at = int(where * len(whole))
    path = tmp_path_factory.mktemp("damaged") / "run"
    path.write_bytes(whole[:at] + noise + whole[at + seed % 90 :])
    try:
        replay = Replay(path)
    except NotARecording as bad:
        assert "\n" not in str(bad)
        return
    while not replay.is_read:
        replay.step(1)
    replay.seek(replay.end)
    replay.close()


def test_rubbish_between_the_lines_is_shown_as_unreadable_and_cleaned(
    tmp_path: Path, stream: list[Event]
) -> None:
    path = tmp_path / "run"
    encoded = msgspec.json.Encoder().encode_lines(stream[:20])
    rubbish = b'\x1b]0;pwned\x07\x1b[2J not json \xff\xfe\n{"k":"nothing.we.know","t":1,"p":1}\n'
    path.write_bytes(HEADER + encoded + rubbish + msgspec.json.Encoder().encode_lines(stream[20:]))
    events, _ = read(path)
    bad = [event for event in events if isinstance(event, Unreadable)]
    assert [event for event in events if not isinstance(event, Unreadable)] == stream
    assert len(bad) == 2
    assert all(event.text.isprintable() for event in bad)
    # They stand where they were found, in time as well.
    assert bad[0].time == stream[19].time


def test_strings_in_a_recording_are_made_harmless(tmp_path: Path) -> None:
    line = {
        "k": "output",
        "t": 1,
        "p": 1,
        "stream": "stdout",
        "text": "\x1b[31mred\x07" + "x" * 9999,
    }
    path = tmp_path / "run"
    path.write_bytes(HEADER + json.dumps(line).encode() + b"\n")
    (event,) = read(path)[0]
    assert isinstance(event, Output)
    assert event.text.isprintable()
    assert len(event.text) <= 4096


def test_a_bomb_is_unpacked_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(HEADER + b'{"k":"' + b"x" * (100 << 20)))
    recording = Recording(path)
    cursor = recording.first.copy()
    while cursor.read() is not None:
        assert len(cursor.half_line) < 10 << 20
    recording.close()
    assert cursor.trouble == "a line in it has no end"


def refusal(path: Path) -> str:
    with pytest.raises(NotARecording) as refused:
        Replay(path)
    assert "\n" not in str(refused.value)
    return str(refused.value).removeprefix(f"{path} ")


def test_what_is_no_recording_is_refused_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert refusal(path) == f"there is no file {path}"
    assert refusal(tmp_path) == "is a directory, not a recording"
    path.write_bytes(b"")
    assert refusal(path) == "is empty: nothing was recorded in it"
    path.write_bytes(b"#!/bin/sh\necho \x1b[31m\n")
    assert refusal(path) == "is no recording of mpviz"
    path.write_bytes(random.Random(1).randbytes(5000))
    assert refusal(path) == "is no recording of mpviz"
    path.write_bytes(gzip.compress(b'{"k":"output"}\n'))
    assert refusal(path) == "is no recording of mpviz"
    path.write_bytes(HEADER)
    assert refusal(path) == "holds no event"
    path.write_bytes(HEADER.replace(b'"format":1', b'"format":99').replace(b"0.1.0", b"7.5\\u001b"))
    assert refusal(path) == (
        "was written by mpviz 7.5·, in a newer form than this one reads: update mpviz"
    )
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == "is no regular file, not a recording"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        assert "cannot be read" in refusal(tmp_path / "socket")


def test_a_file_that_may_not_be_read_is_refused(recorded: Path) -> None:
    recorded.chmod(0)
    was_root = os.geteuid() == 0
    if was_root:
        # Root may read everything.
        os.seteuid(65534)
    try:
        assert refusal(recorded) == "cannot be read: Permission denied"
    finally:
        if was_root:
            os.seteuid(0)


@given(
    texts=st.lists(
        st.text(max_size=50)
        # As long as a line may be, and longer; a few characters again and again.
        | st.builds(
            lambda text, size: (text * size)[:size],
            st.text(st.characters(codec="utf-8"), min_size=1, max_size=5),
            st.integers(4090, 4200),
        ),
        max_size=5,
    ),
    times=st.lists(st.integers(0, 1 << 61), max_size=5),
)
@examples(50)
def test_what_was_cleaned_once_is_not_changed_again(texts: list[str], times: list[int]) -> None:
    encoder = msgspec.json.Encoder()
    lines = [
        json.dumps({"k": "output", "t": time, "p": 1, "stream": "stdout", "text": text}).encode()
        for text, time in zip(texts, times, strict=False)
    ]
    events = decode(b"\n".join(lines))
    assert decode(encoder.encode_lines(events)) == events


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 1.0])
def test_a_recording_that_is_still_written_is_read_on_as_it_grows(
    recorded: Path, stream: list[Event], tmp_path: Path, share: float
) -> None:
    text = recorded.read_bytes()
    file, grows = tmp_path / "growing.jsonl.gz", [True]
    cut = int(len(text) * share)
    file.write_bytes(text[:cut])
    replay = Replay(file, grows=lambda: grows[0])
    for _ in range(3):
        replay.step(0.01)
        assert not replay.is_read
        assert replay.behind == 0
    known = replay.known
    assert 0 < known <= len(stream)
    # Wherever the file was cut, in a line or in a block of the compressed data.
    with file.open("ab") as more:
        more.write(text[cut:])
    grows[0] = False
    while not replay.is_read:
        replay.step(0.01)
    assert replay.known == len(stream)
    assert replay.trouble == ""
    replay.go_to_event(replay.known)
    assert replay.state == follow(RunState(), stream)
    replay.close()
