"""The Trace Event Format, as far as mpviz writes it, written down strictly.

After "Trace Event Format" (Google, 2016). The processor of Perfetto itself would be the better
judge, but its package brings no binary along and fetches one over the network.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import msgspec


class _Strict(msgspec.Struct, forbid_unknown_fields=True, tag_field="ph", kw_only=True):
    """No field but those that the phase has."""


class Begin(_Strict, tag="B"):
    name: str
    cat: str
    pid: int
    tid: int
    ts: float
    args: dict[str, str | int] = {}


class End(_Strict, tag="E"):
    pid: int
    tid: int
    ts: float


class Complete(_Strict, tag="X"):
    name: str
    cat: str
    pid: int
    tid: int
    ts: float
    dur: float


class FlowStart(_Strict, tag="s"):
    name: str
    cat: str
    id: int
    pid: int
    tid: int
    ts: float


class FlowEnd(_Strict, tag="f"):
    name: str
    cat: str
    id: int
    bp: Literal["e"]
    """Bound to the slice that encloses it, not to the next that begins."""
    pid: int
    tid: int
    ts: float


class CounterValue(_Strict, tag="C"):
    name: str
    pid: int
    ts: float
    args: dict[str, float]


class Instant(_Strict, tag="i"):
    name: str
    cat: str
    s: Literal["g", "p", "t"]
    pid: int
    tid: int
    ts: float


class Metadata(_Strict, tag="M"):
    name: Literal["process_name", "process_sort_index", "thread_name"]
    pid: int
    args: dict[str, str | int]
    tid: int = 0


Timed = Begin | End | Complete | FlowStart | FlowEnd | CounterValue | Instant


class Trace(msgspec.Struct, forbid_unknown_fields=True):
    """A whole file."""

    displayTimeUnit: Literal["ms", "ns"]  # noqa: N815 - the form's own name
    traceEvents: list[Timed | Metadata]  # noqa: N815
    otherData: dict[str, Any] = {}  # noqa: N815

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.traceEvents if isinstance(event, kind)]


def check(text: str | bytes) -> Trace:
    """The trace, which holds to the form; AssertionError or a msgspec error where it does not."""
    trace = msgspec.json.decode(text, type=Trace)
    timed = [event for event in trace.traceEvents if not isinstance(event, Metadata)]
    assert all(event.ts >= 0 for event in timed)
    # As every reader does: by time, and what is of the same time as it lies in the file.
    timed.sort(key=lambda event: event.ts)
    _slices_nest(timed)
    _arrows_have_two_ends_on_slices(timed)
    _counters_say_one_thing_at_a_time(trace)
    _tracks_have_names(trace)
    return trace


def _slices_nest(timed: list[Timed]) -> None:
    open_slices: Counter[tuple[int, int]] = Counter()
    for event in timed:
        if isinstance(event, Begin):
            open_slices[event.pid, event.tid] += 1
            assert open_slices[event.pid, event.tid] == 1, event
        elif isinstance(event, End):
            open_slices[event.pid, event.tid] -= 1
            assert open_slices[event.pid, event.tid] == 0, event
        elif isinstance(event, Complete):
            assert event.dur == 0, "what has no length fits into any slice"
    assert not +open_slices, "all that begins ends"


def _arrows_have_two_ends_on_slices(timed: list[Timed]) -> None:
    slices: dict[tuple[int, int], list[tuple[float, float]]] = {}
    begun: dict[tuple[int, int], float] = {}
    for event in timed:
        if isinstance(event, Begin):
            begun[event.pid, event.tid] = event.ts
        elif isinstance(event, End):
            track = event.pid, event.tid
            slices.setdefault(track, []).append((begun.pop(track), event.ts))
        elif isinstance(event, Complete):
            slices.setdefault((event.pid, event.tid), []).append((event.ts, event.ts))
    starts = {event.id: event for event in timed if isinstance(event, FlowStart)}
    ends = {event.id: event for event in timed if isinstance(event, FlowEnd)}
    assert starts.keys() == ends.keys()
    assert len(starts) + len(ends) == sum(isinstance(e, FlowStart | FlowEnd) for e in timed)
    for number, start in starts.items():
        end = ends[number]
        assert (start.name, start.cat) == (end.name, end.cat)
        assert start.ts <= end.ts, "a cause comes before its effect"
        for each in (start, end):
            on = slices.get((each.pid, each.tid), [])
            assert any(begin <= each.ts <= stop for begin, stop in on), each


def _counters_say_one_thing_at_a_time(trace: Trace) -> None:
    latest: dict[tuple[int, str], float] = {}
    for event in trace.of(CounterValue):
        assert event.args
        assert latest.get((event.pid, event.name), 0) <= event.ts
        latest[event.pid, event.name] = event.ts


def _tracks_have_names(trace: Trace) -> None:
    names = [event for event in trace.of(Metadata) if event.name == "process_name"]
    processes = Counter(event.pid for event in names)
    assert all(times == 1 for times in processes.values())
    threads = Counter(
        (event.pid, event.tid) for event in trace.of(Metadata) if event.name == "thread_name"
    )
    assert all(times == 1 for times in threads.values())
    assert len({tid for _, tid in threads}) == len(threads), "a thread is of one process"
    for event in trace.traceEvents:
        if isinstance(event, Begin | End | Complete | FlowStart | FlowEnd):
            assert event.pid in processes
            assert (event.pid, event.tid) in threads
        elif isinstance(event, CounterValue) or (isinstance(event, Instant) and event.s != "g"):
            assert event.pid in processes
