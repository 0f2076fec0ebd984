"""The report's tables: tasks, locks, queues and their like, and the processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from mpviz.trace.model.formatting import duration
from mpviz.trace.model.measures import Distribution
from mpviz.trace.model.primitive import so_far
from mpviz.trace.model.primitives import PRIMITIVES
from mpviz.trace.model.primitives.lock import Lock, contention, hold_times, locks_in_use, wait_times
from mpviz.trace.model.primitives.pipe import pipes_made, waits_for
from mpviz.trace.model.primitives.pool_state import Task
from mpviz.trace.model.primitives.queue import Queue
from mpviz.trace.model.primitives.value import SharedValue
from mpviz.trace.model.processes.identity import described, exit_in_words, fate
from mpviz.trace.model.state import RunState
from mpviz.tui.exports.report_stats import ReportStats, Work
from mpviz.tui.render.formatting import count, moment, percent, size

ROWS = 100
"""A longer table is cut, and says so."""

_WITH_COLUMNS = ("pools", "locks and semaphores", "queues", "pipes", "values")
"""What has a table of its own; the objects of other primitives have a line each."""

OPEN_ROWS = 30
"""A list of processes that is longer is folded up at first."""

Cells = Sequence[str]


def tables(state: RunState, stats: ReportStats) -> Iterator[str]:
    """All sections that the run has something for."""
    if stats.work:
        yield "<section><h2>Tasks</h2>"
        yield _table(_TASK_HEAD, [_work(work) for work in stats.work.values()])
        yield from _slowest(state, stats)
        yield "</section>\n"
    locks = locks_in_use(state)
    if locks:
        yield _section("Locks", _LOCK_HEAD, [_lock(state, lock) for lock in _by_wait(locks)])
    queues = list(state.table(Queue).values())
    if queues:
        yield _section("Queues", _QUEUE_HEAD, [_queue(state, queue) for queue in queues])
    pipes = pipes_made(state)
    if pipes:
        rows = [
            (
                pipe.name,
                count(sum(each.sends.count - each.refused for each in pipe.directions)),
                count(sum(each.receives.count for each in pipe.directions)),
                size(sum(each.sent_size for each in pipe.directions)),
                duration(sum(waits_for(state, each, "receive").total for each in pipe.directions)),
            )
            for pipe in pipes
        ]
        yield _section("Pipes", ("pipe", *_n("sent", "received", "bytes", "waited for")), rows)
    values = list(state.table(SharedValue).values())
    if values:
        yield _section("Shared values", _VALUE_HEAD, [_value(value) for value in values])
    for primitive in PRIMITIVES:
        report = primitive.report
        objects = report.objects(state) if report and report.things not in _WITH_COLUMNS else ()
        if report and objects:
            lines = [(report.line(state, each),) for each in objects]
            yield _section(report.things.capitalize(), (report.thing,), lines)
    yield from _processes(state)


def _n(*names: str) -> tuple[str, ...]:
    """Names of columns that hold numbers, which stand to the right."""
    return tuple("#" + name for name in names)


_TASK_HEAD = (
    "function",
    "pool",
    *_n("tasks", "items", "in all", "p50", "p90", "p99", "longest", "queued, p50"),
    "came to no good end",
)
_SLOW_HEAD = ("task", "worker", *_n("began", "queued", "took"), "outcome")
_LOCK_HEAD = (
    "lock",
    "kind",
    *_n("taken", "after a wait", "waited in all", "wait p99", "longest wait", "longest hold"),
    "held at the end by",
)
_QUEUE_HEAD = (
    "queue",
    "kind",
    *_n("put", "taken", "left", "most in it", "room", "waited to put", "waited to take"),
)
_VALUE_HEAD = ("value", *_n("reads", "writes", "stale writes", "lost updates"), "last")
_PROCESS_HEAD = (
    "process",
    *_n("pid"),
    "parent",
    *_n("began", "lived", "CPU", "most memory"),
    "end",
)


def _section(name: str, head: Cells, rows: Sequence[Cells]) -> str:
    return f"<section><h2>{name}</h2>{_table(head, rows)}</section>\n"


def _table(head: Cells, rows: Sequence[Cells]) -> str:
    """A table; every cell is text that is still to be made harmless."""
    classes = [' class="n"' if name.startswith("#") else "" for name in head]
    columns = list(zip(head, classes, strict=True))
    lines = ["".join(f"<th{look}>{escape(name.lstrip('#'))}</th>" for name, look in columns)]
    for row in rows[:ROWS]:
        cells = zip(row, classes, strict=True)
        lines.append("".join(f"<td{look}>{escape(cell)}</td>" for cell, look in cells))
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    more = f'<p class="dim small">and {count(len(rows) - ROWS)} more</p>' if rows[ROWS:] else ""
    return f'<div class="scroll"><table>{body}</table></div>{more}'


def _work(work: Work) -> Cells:
    bad = [f"{count(n)} {how}" for how, n in work.outcomes.items() if how != "done"]
    return (
        work.function or "?",
        work.pool,
        count(sum(work.outcomes.values())),
        count(work.items),
        duration(work.took.total),
        *_quantiles(work.took, (0.5, 0.9, 0.99, 1.0)),
        *_quantiles(work.queued, (0.5,)),
        ", ".join(bad),
    )


def _quantiles(distribution: Distribution, shares: Iterable[float]) -> list[str]:
    """Empty if it never happened; 1.0 is the longest."""
    if not distribution.count:
        return ["" for _ in shares]
    return [duration(distribution.quantile(share)) for share in shares]


def _slowest(state: RunState, stats: ReportStats) -> Iterator[str]:
    if stats.tasks <= 1:
        return
    slowest = [task for _, _, task in sorted(stats.slowest, reverse=True)]
    yield "<h3>The longest</h3>"
    yield _table(_SLOW_HEAD, [_task(state, task) for task in slowest])


def _task(state: RunState, task: Task) -> Cells:
    return (
        f"{task.number} of {task.function}",
        described(state.processes[task.worker]),
        moment(task.started - state.origin, 1_000_000),
        duration(task.started - task.submitted),
        duration(task.ended - task.started),
        f"{task.outcome} {task.error}".rstrip(),
    )


def _by_wait(locks: list[Lock]) -> list[Lock]:
    return sorted(locks, key=lambda lock: -lock.wait.total)


def _lock(state: RunState, lock: Lock) -> Cells:
    holder = state.processes.get(lock.holder)
    dead = "" if holder is None or holder.alive else f", which {fate(holder)}"
    wait = wait_times(state, lock)
    return (
        lock.name,
        lock.kind,
        count(lock.acquisitions),
        percent(contention(state, lock)).strip(),
        duration(wait.total),
        *_quantiles(wait, (0.99, 1.0)),
        *_quantiles(hold_times(state, lock), (1.0,)),
        f"{described(holder)}{dead}" if holder is not None else "",
    )


def _queue(state: RunState, queue: Queue) -> Cells:
    return (
        queue.name,
        queue.kind,
        count(queue.puts.count),
        count(queue.gets.count),
        count(queue.depth),
        count(queue.max_depth),
        count(queue.maxsize) if queue.maxsize else "any",
        duration(queue.put_wait.total + sum(so_far(state, queue.id, "put"))),
        duration(queue.get_wait.total + sum(so_far(state, queue.id, "get"))),
    )


def _value(value: SharedValue) -> Cells:
    return (
        value.name,
        count(value.reads),
        count(value.writes.count),
        count(value.stale_writes),
        count(value.lost_updates),
        str(value.last),
    )


def _processes(state: RunState) -> Iterator[str]:
    rows = []
    for process in state.processes.values():
        parent = state.processes.get(process.parent)
        until = process.ended if process.ended >= 0 else state.now
        rows.append(
            (
                described(process),
                str(process.pid),
                described(parent) if parent is not None else "",
                moment(max(0, process.first_seen - state.origin), 1_000_000),
                duration(until - process.first_seen),
                duration(round(process.cpu_seconds * 1e9)),
                size(process.peak_rss) if process.peak_rss else "",
                exit_in_words(process) if not process.alive else "still there",
            )
        )
    if not rows:
        return
    table = _table(_PROCESS_HEAD, rows)
    if len(rows) > OPEN_ROWS:
        table = f"<details><summary>All {count(len(rows))}</summary>{table}</details>"
    yield f"<section><h2>Processes</h2>{table}</section>\n"
