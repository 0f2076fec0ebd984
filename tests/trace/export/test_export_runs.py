"""Exports of real runs: an item's arrow leads from where it was put to where it was got."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from helpers.chrome_schema import Begin, Complete, FlowEnd, FlowStart, check
from helpers.recordings import exported
from mpviz.trace.export import chrome
from mpviz.trace.launch.start import start
from mpviz.trace.model.primitives.pool_state import Task
from mpviz.trace.model.state import RunState
from mpviz.trace.record.snapshot import snapshot
from mpviz.tui.commands.targets import from_words

PATIENCE = 60

pytestmark = pytest.mark.usefixtures("nothing_left")


PUTTERS_AND_GETTERS = """
import json, multiprocessing, sys, time

def put(queue, name):
    for number in range(150):
        queue.put((name, number))

def get(queue, pipe):
    seen = []
    while True:
        item = queue.get()
        if item is None:
            break
        seen.append(item)
    pipe.send(seen)

if __name__ == "__main__":
    kind, putters, getters, out = sys.argv[1:]
    queue = getattr(multiprocessing, kind)()
    putting = [
        multiprocessing.Process(target=put, args=(queue, f"putter-{n}"), name=f"putter-{n}")
        for n in range(int(putters))
    ]
    ends = [multiprocessing.Pipe(False) for n in range(int(getters))]
    getting = [
        multiprocessing.Process(target=get, args=(queue, end[1]), name=f"getter-{n}")
        for n, end in enumerate(ends)
    ]
    for process in putting + getting:
        process.start()
    for process in putting:
        process.join()
    while not queue.empty():
        time.sleep(0.001)
    for process in getting:
        queue.put(None)
    seen = {f"getter-{n}": ends[n][0].recv() for n in range(int(getters))}
    for process in getting:
        process.join()
    with open(out, "w") as file:
        json.dump(seen, file)
"""


@dataclass
class Drawn:
    """A run as a trace."""

    trace: Any
    names: dict[int, str]
    """By track: of whom it is."""
    notes: list[str]

    def arrows(self, kind: str) -> list[tuple[FlowStart, FlowEnd]]:
        ends = {event.id: event for event in self.trace.of(FlowEnd)}
        return [(event, ends[event.id]) for event in self.trace.of(FlowStart) if event.name == kind]

    def order(self, name: str) -> dict[tuple[int, float], int]:
        """Of the moments of this name, by track and time: the how-many-eth of their track."""
        counts: Counter[int] = Counter()
        found = {}
        for event in sorted(self.trace.of(Complete), key=lambda event: event.ts):
            if event.name == name:
                found[event.tid, event.ts] = counts[event.tid]
                counts[event.tid] += 1
        return found


def draw(
    folder: Path, *words: str, until: Callable[[RunState], bool] = lambda state: False
) -> Drawn:
    """Record a run, to its end or until something is true of it, and export it."""
    file = folder / "run.jsonl.gz"
    target = from_words(words, module=False, python=None, start_method=None)
    session = start(target, capture=True, record=file)
    try:
        deadline = time.monotonic() + PATIENCE
        while not session.over and not until(session.state):
            assert time.monotonic() < deadline
            if not session.step(0.02):
                session.wait(0.02)
        session.stop()
    finally:
        session.close()
    text, notes, passage = exported(chrome.write, file)
    assert passage.trouble == ""
    trace = check(text)
    names = {
        event.pid: str(event.args["name"])
        for event in trace.traceEvents
        if getattr(event, "name", "") == "process_name"
    }
    return Drawn(trace, names, notes)


@pytest.mark.parametrize(
    ("kind", "putters", "getters", "all_known"),
    [
        ("Queue", 1, 2, True),
        ("SimpleQueue", 3, 2, True),
        ("Queue", 3, 2, False),
        ("JoinableQueue", 2, 1, False),
    ],
)
def test_every_arrow_of_an_item_is_true(
    tmp_path: Path, kind: str, putters: int, getters: int, all_known: bool
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PUTTERS_AND_GETTERS)
    out = tmp_path / "seen.json"
    drawn = draw(tmp_path, str(program), kind, str(putters), str(getters), str(out))
    seen = json.loads(out.read_text())
    puts, gets = drawn.order("put queue"), drawn.order("got queue")
    arrows = [
        (put, got) for put, got in drawn.arrows("item") if drawn.names[put.pid].startswith("putter")
    ]
    for put, got in arrows:
        item = seen[drawn.names[got.pid]][gets[got.tid, got.ts]]
        assert item == [drawn.names[put.pid], puts[put.tid, put.ts]]
    assert drawn.notes == []
    total = sum(map(len, seen.values()))
    assert total == 150 * putters
    assert len(arrows) == total if all_known else len(arrows) <= total


def test_a_pool_s_tasks_have_arrows_to_them_and_back(tmp_path: Path) -> None:
    drawn = draw(tmp_path, "pool-map", "items=6", "size=100", "chunksize=1", "workers=2")
    assert len(drawn.arrows("task")) == len(drawn.arrows("result")) == 6
    assert {drawn.names[put.pid] for put, _ in drawn.arrows("task")} == {"MainProcess"}
    workers = {drawn.names[end.pid] for _, end in drawn.arrows("task")}
    assert all(name.startswith("worker ") for name in workers)


def test_a_waiter_for_a_counter_s_lock_has_an_arrow_from_another_process(tmp_path: Path) -> None:
    words = ("shared-counter", "processes=2", "increments=15", "work_ms=5")
    arrows = draw(tmp_path, *words).arrows("lock")
    assert arrows
    assert all(release.pid != acquire.pid for release, acquire in arrows)


def test_in_a_deadlock_nobody_has_what_they_wait_for(tmp_path: Path) -> None:
    def is_deadlocked(state: RunState) -> bool:
        waits = [process.wait for process in state.processes.values()]
        return [wait.what for wait in waits if wait is not None].count("lock") == 2

    drawn = draw(tmp_path, "deadlock", until=is_deadlocked)
    assert drawn.arrows("lock") == []
    waits = {event.name for event in drawn.trace.of(Begin) if event.name.startswith("wait: lock")}
    assert len(waits) == 2


def test_a_killed_worker_s_task_leads_nowhere(tmp_path: Path) -> None:
    def is_lost(state: RunState) -> bool:
        return any(task.outcome == "lost" for task in state.table(Task).values())

    words = ("killed-worker", "items=6", "workers=2", "work=0.1", "pause=0.5")
    drawn = draw(tmp_path, *words, until=is_lost)
    assert len(drawn.arrows("task")) > len(
        [event for event in drawn.trace.of(Complete) if event.name == "hand back the result"]
    )
    assert drawn.arrows("result") == []


def test_a_run_that_goes_on_is_exported_up_to_its_last_record(tmp_path: Path) -> None:
    target = from_words(
        ["shared-counter", "processes=2"], module=False, python=None, start_method=None
    )
    session = start(target, capture=True)
    copy = tmp_path / "copy.jsonl.gz"
    try:
        deadline = time.monotonic() + PATIENCE
        while not any(process.wait for process in session.state.processes.values()):
            assert time.monotonic() < deadline
            if not session.step(0.02):
                session.wait(0.02)
        assert not session.over
        session.copy_recording(copy)
        text, _, passage = exported(chrome.write, copy)
        assert passage.trouble == ""
        picture = snapshot(session.state)
        assert passage.state == picture
        check(text)
    finally:
        session.close()
