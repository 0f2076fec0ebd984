"""The table of tasks: every task once, with its times, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from helpers.examples import examples
from helpers.fold_model import play, streams
from helpers.recordings import exported, recorded
from mpviz.trace.export import csv as tasks_csv
from mpviz.trace.model.events import Event, ProcessExited, RunStarted
from mpviz.trace.model.primitives.pool_events import (
    JobSubmitted,
    PoolCreated,
    TaskEnded,
    TaskStarted,
    WorkerReady,
)
from mpviz.trace.model.primitives.pool_state import TASK_LIMIT

MS = 1_000_000
MAIN, WORKER, OTHER = 100, 101, 102


def rows_of(folder: Path, events: list[Event]) -> list[dict[str, str]]:
    text, notes, _ = exported(tasks_csv.write, recorded(folder, events))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert notes == ([] if rows else [tasks_csv.NO_TASKS])
    return rows


def test_a_table_without_rows_says_why(tmp_path: Path) -> None:
    text, notes, _ = exported(tasks_csv.write, recorded(tmp_path, beginning(1)[:-1]))
    assert text.splitlines() == [",".join(tasks_csv.COLUMNS)]
    assert notes == [tasks_csv.NO_TASKS]


def beginning(tasks: int, function: str = "square") -> list[Event]:
    run = {"target": "t", "arguments": [], "python": "", "start_method": "", "version": ""}
    job = {"call": "map", "function": function, "tasks": tasks, "items": tasks, "chunksize": 1}
    return [
        RunStarted(time=10 * MS, pid=0, cores=2, **run),
        PoolCreated(time=11 * MS, pid=MAIN, object="P", workers=2),
        WorkerReady(time=12 * MS, pid=WORKER, object="P"),
        WorkerReady(time=12 * MS, pid=OTHER, object="P"),
        JobSubmitted(time=20 * MS, pid=MAIN, object="P", job=0, **job),
    ]


def started(time: int, pid: int, index: int, function: str = "square") -> Event:
    common: dict[str, Any] = {"object": "P", "job": 0, "function": function, "items": 1}
    return TaskStarted(time=time, pid=pid, index=index, **common)


def ended(time: int, pid: int, index: int, error: str = "") -> Event:
    return TaskEnded(time=time, pid=pid, object="P", job=0, index=index, error=error)


def test_each_task_has_its_worker_its_times_and_its_end(tmp_path: Path) -> None:
    events = [
        *beginning(3),
        started(21 * MS, WORKER, 0),
        started(22 * MS, OTHER, 1),
        ended(30 * MS, OTHER, 1, "ValueError"),
        ended(41 * MS, WORKER, 0),
        started(50 * MS, WORKER, 2),
    ]
    rows = rows_of(tmp_path, events)
    shown = [
        (row["task"], row["pid"], row["queued_s"], row["took_s"], row["outcome"], row["error"])
        for row in rows
    ]
    assert shown == [
        ("1", "102", "0.002000000", "0.008000000", "raised", "ValueError"),
        ("0", "101", "0.001000000", "0.020000000", "done", ""),
        ("2", "101", "0.030000000", "", "running", ""),
    ]
    assert rows[0]["submitted_s"] == "0.010000000"
    assert {row["call"] for row in rows} == {"map"}


def test_a_task_that_no_worker_has_begun_has_a_row_without_a_worker(tmp_path: Path) -> None:
    events = [*beginning(3), started(21 * MS, WORKER, 0), ended(30 * MS, WORKER, 0)]
    done, *not_begun = rows_of(tmp_path, events)
    assert done["outcome"] == "done"
    for row in not_begun:
        assert (row["outcome"], row["function"], row["submitted_s"]) == (
            "queued",
            "square",
            "0.010000000",
        )
        assert not row["worker"] + row["started_s"] + row["task"]
    assert len(not_begun) == 2


def test_a_job_of_countless_tasks_fills_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks_csv, "MOST_NOT_BEGUN", 7)
    text, notes, _ = exported(tasks_csv.write, recorded(tmp_path, beginning(10**15)))
    assert len(text.splitlines()) == 1 + 7
    assert "7 are in the table" in notes[0]


def test_a_task_whose_worker_dies_is_lost_when_that_is_known(tmp_path: Path) -> None:
    events = [
        *beginning(1),
        started(21 * MS, WORKER, 0),
        ProcessExited(time=25 * MS, pid=50, child=WORKER, exit_code=-9),
    ]
    (row,) = rows_of(tmp_path, events)
    assert (row["outcome"], row["ended_s"]) == ("lost", "0.015000000")


def test_all_tasks_are_told_of_also_those_that_are_no_longer_kept(tmp_path: Path) -> None:
    tasks = TASK_LIMIT + TASK_LIMIT // 2
    events = beginning(tasks)
    for index in range(tasks):
        events += [started(30 * MS + index, WORKER, index), ended(30 * MS + index, WORKER, index)]
    assert [row["task"] for row in rows_of(tmp_path, events)] == [str(n) for n in range(tasks)]


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "=cmd|' /C x'"])
def test_no_name_is_a_formula(tmp_path: Path, name: str) -> None:
    events = [*beginning(1, name), started(21 * MS, WORKER, 0, name), ended(22 * MS, WORKER, 0)]
    (row,) = rows_of(tmp_path, events)
    assert row["function"] == "'" + name


@given(some.text())
def test_a_name_is_changed_by_no_more_than_a_quote(name: str) -> None:
    safe = tasks_csv.harmless(name)
    assert safe in (name, "'" + name)
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r"))


@given(streams)
@examples(60)
def test_whatever_happens_every_task_that_was_started_has_one_row(
    steps: list[tuple[int, int, int, int]],
) -> None:
    model = play(steps)
    with TemporaryDirectory() as folder:
        rows = rows_of(Path(folder), model.events)
    counts = model.counts
    rows = [row for row in rows if row["worker"]]
    assert len(rows) == counts["tasks started"]
    outcomes = [row["outcome"] for row in rows]
    assert outcomes.count("done") == counts["tasks done"]
    assert outcomes.count("raised") == counts["tasks raised"]
    assert outcomes.count("lost") == counts["tasks lost"]
    assert outcomes.count("running") == 0
