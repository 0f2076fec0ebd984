"""A recording may contain anything: it is shown as far as it is valid, or refused in one line."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from helpers.examples import examples
from helpers.hostile import HEADER, hostile, read_all
from mpviz.trace.collect.decode import decode
from mpviz.trace.model.events import Unreadable
from mpviz.trace.model.state import RunState
from mpviz.trace.record.recording import Recording

SUPERVISOR, MAIN = 900, 1000
BEGUN: tuple[dict[str, Any], ...] = (
    {"k": "program.started", "t": 5001, "p": SUPERVISOR, "n": 1, "child": MAIN, "started": 7},
    {"k": "process.hello", "t": 5002, "p": MAIN, "n": 1, "parent": SUPERVISOR, "started": 7}
    | {"role": "main"},
)


def begun(cores: int = 2) -> list[dict[str, Any]]:
    """The records at the beginning of each run."""
    run = {"target": "x", "arguments": ["x"], "python": "", "start_method": "", "version": "0"}
    return [{"k": "run.started", "t": 5000, "p": 0, "cores": cores, **run}, *BEGUN]


def shown(records: list[dict[str, Any]]) -> RunState:
    """The state of a run after everything that reads recordings has read this one."""
    state = read_all(msgspec.json.Encoder().encode_lines(records), seed=0)
    assert state is not None
    return state


@examples(150)
@given(seed=some.integers(0, 1 << 40))
def test_whatever_a_recording_says_it_can_be_replayed_exported_and_compared(seed: int) -> None:
    read_all(hostile(seed), seed)


@pytest.mark.parametrize(
    "line",
    [
        '"k":"process.finished","exit_code":0,"cpu":1e308,"rss":1',
        '"k":"process.finished","exit_code":0,"cpu":-1.0,"rss":1',
        '"k":"process.finished","exit_code":0,"cpu":1.0,"rss":1' + "0" * 400,
        '"k":"process.finished","exit_code":0,"cpu":NaN,"rss":1',
        '"k":"process.finished","exit_code":0,"cpu":1e999,"rss":1',
        '"k":"process.started","child":99999999,"name":"","daemon":false,"method":"","function":""',
        '"k":"sample","cores":[1e300],"processes":[]',
        '"k":"sample","cores":[-1.0],"processes":[]',
        '"k":"sample","cores":[],"processes":[],"gone":[-1]',
        '"k":"run.started","target":"","arguments":[],"python":"","start_method":"","version":"",'
        '"cores":-4',
        '"k":"value.written","o":"v","value":1' + "0" * 20 + ',"before":1',
        '"k":"value.written","o":"v","before":-1' + "0" * 20 + ',"value":1',
        '"k":"value.read","o":"v","value":1' + "0" * 400,
        '"k":"queue.created","o":"q","kind":"Queue","maxsize":1' + "0" * 19,
        '"k":"lock.acquired","o":"L","h":-1',
    ],
)
def test_a_number_that_no_machine_has_makes_a_record_unreadable(line: str) -> None:
    (event,) = decode(b'{"t":5003,"p":1000,"n":2,' + line.encode() + b"}\n", 0)
    assert isinstance(event, Unreadable)


def test_all_that_an_unsigned_value_of_64_bits_can_hold_is_readable() -> None:
    most = (1 << 64) - 1
    (event,) = decode(b'{"k":"value.read","t":1,"p":7,"o":"v","value":%d}\n' % most, 0)
    assert msgspec.structs.asdict(event)["value"] == most


@pytest.mark.parametrize("pid", [SUPERVISOR, 0])
def test_neither_the_supervisor_nor_the_viewer_is_a_worker(pid: int) -> None:
    pool = {"k": "pool.created", "t": 5003, "p": MAIN, "n": 2, "o": "pool-1", "workers": 2}
    task = {"o": "pool-1", "job": 1, "index": 0, "function": "f", "items": 1}
    lies = [
        {"k": "pool.worker", "t": 5004, "p": pid, "n": 2, "o": "pool-1", "cpu": 0.1},
        {"k": "task.started", "t": 5005, "p": pid, "n": 3, **task},
    ]
    state = shown([*begun(), pool, *lies])
    assert state.unreadable == len(lies)
    assert list(state.processes) == [str(MAIN)]
    assert [entry.text for entry in state.log if entry.trouble] == [
        f"unreadable record: pool.worker by pid {pid}",
        f"unreadable record: task.started by pid {pid}",
    ]


def test_a_barrier_for_very_many_is_drawn_as_a_bar() -> None:
    many = {"k": "barrier.created", "t": 5003, "p": MAIN, "n": 2, "o": "b", "parties": 10**12}
    assert shown([*begun(), many]).unreadable == 0


def test_a_process_that_waits_for_a_century_is_drawn() -> None:
    late = {"k": "wait", "t": 5003, "p": MAIN, "n": 2, "what": "lock", "o": "L"}
    end = {"k": "wait.over", "t": (1 << 62) - 1, "p": MAIN, "n": 3}
    assert shown([*begun(), late, end]).now == (1 << 62) - 1


def test_samples_of_very_many_cores_take_bounded_room() -> None:
    cores = {"k": "sample", "p": 0, "cores": [1.0] * 8192, "processes": []}
    state = shown([*begun(8192), *({**cores, "t": 6000 + at} for at in range(40))])
    assert state.cores.samples == 40
    assert len(state.cores.history) == 20


def test_what_the_header_says_is_cleaned(tmp_path: Any) -> None:
    text = HEADER.replace(b"2026", b"\\u001b]0;x\\u0007\\u202e2026").replace(b"0.1.0", b"\\u009b1m")
    path = tmp_path / "run"
    path.write_bytes(text + msgspec.json.Encoder().encode_lines(begun()))
    header = Recording(path).header
    assert header.began == "·2026-01-01T00:00:00"
    assert header.version == "·1m"
