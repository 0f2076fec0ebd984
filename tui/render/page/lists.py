"""The lists on the page of a process: what it holds and waits for, its tasks, children, output."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.primitives import PRIMITIVES
from mpviz.trace.model.primitives.lock import waiters
from mpviz.trace.model.primitives.pool_state import Pool, Task
from mpviz.trace.model.processes.identity import described, signal_name
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import behind_waits, wait_in_words
from mpviz.tui.render.formatting import count, moment
from mpviz.tui.render.glyphs import mark, marks
from mpviz.tui.render.palette import activity_style
from mpviz.tui.render.rows import Part, Row, row
from mpviz.tui.render.states import in_words, state_style

MOST_LINES = 60
"""Lines of output, and tasks, that are shown: the latest ones."""
WAITERS_WIDTH = 24
"""Cells for the marks of those that wait for a lock."""


def held_rows(state: RunState, process: Process, now: int) -> list[Row]:
    """Each lock that it holds: for how long, where it took it, and who waits for it."""
    rows: list[Row] = []
    for primitive in PRIMITIVES:
        for held in primitive.held(state, process):
            parts: list[Part] = [(held.words, "strong")]
            if held.since >= 0:
                parts.append((f" for {duration(max(0, now - held.since))}", "number"))
            place = state.place(held.site)
            parts += [(f", taken at {place}", "")] if place else []
            waiting = [each.key for each, _ in waiters(state, held.what, held.object)]
            if waiting:
                parts += [(" ← ", "activity.lock"), *marks(state, waiting, WAITERS_WIDTH)]
            rows.append(Row(tuple(parts)))
    return rows


def wait_rows(state: RunState, process: Process, now: int) -> list[Row]:
    """What each of its threads waits for, who has that, for how long and where."""
    rows: list[Row] = []
    last = process.last_wait
    if not process.alive and last is not None:
        waited = f" for {duration(max(0, process.ended - last.since))}, when it ended"
        place = state.place(last.site)
        rows.append(
            row(
                (behind_waits(last.words), ""),
                (waited, "number"),
                (f", at {place}" * bool(place), ""),
            )
        )
    for thread, wait in sorted(process.waits.items()):
        known = process.threads.named(thread) if thread else None
        name = f"thread {known.name if known is not None else thread}: " if thread else ""
        place = state.place(wait.site)
        rows.append(
            row(
                (name, "dim"),
                (behind_waits(wait_in_words(state, wait)), activity_style(wait.activity)),
                (f" for {duration(max(0, now - wait.since))}", "number"),
                (f", at {place}" if place else "", ""),
            )
        )
    return rows


def task_rows(state: RunState, process: Process, now: int) -> list[Row]:
    """How many tasks it has done, then each that is kept, the latest first."""
    rows: list[Row] = []
    for pool in state.table(Pool).values():
        done = pool.done_by.get(process.key, 0)
        if done:
            items = pool.items_by.get(process.key, 0)
            of_items = f", {plural(items, 'item')}" if items != done else ""
            rows.append(row((f"{plural(done, 'task')} of {pool.name} done{of_items}", "")))
    return [*rows, *(_task(each, now) for each in islice(_tasks(state, process), MOST_LINES))]


def _tasks(state: RunState, process: Process) -> Iterator[Task]:
    tasks = state.table(Task)
    return (task for task in reversed(tasks.values()) if task.worker == process.key)


def _task(task: Task, now: int) -> Row:
    until = task.ended if task.ended >= 0 else now
    time = duration(max(0, until - task.started))
    fine = task.outcome in ("running", "done")
    parts: list[Part] = [
        (f"task {task.number} of {task.function}  ", ""),
        (
            f"{task.outcome} " if task.ended < 0 else f"{task.outcome} in ",
            "dim" if fine else "trouble",
        ),
        (f"for {time}" if task.ended < 0 else time, "number"),
    ]
    if task.error:
        parts.append((f"  {task.error}", "trouble"))
    return Row(tuple(parts))


def child_rows(state: RunState, process: Process, now: int) -> list[Row]:
    """Each process that it has started: the living first, with what they do."""
    children = [each for each in state.processes.values() if each.parent == process.key]
    children.sort(key=lambda each: (not each.alive, each.number))
    return [_child(state, each, now) for each in children]


def _child(state: RunState, child: Process, now: int) -> Row:
    since = child.since if child.alive else child.ended
    words = in_words(state, child, where=True)[0]
    time = f"  {duration(max(0, now - since))}" if child.alive else ""
    parts: list[Part] = [
        *mark(child),
        (f" {described(child)}  ", "" if child.alive else "faint"),
        (words, state_style(child)),
        (time, "number"),
    ]
    return Row(tuple(parts), child.key)


def signal_rows(state: RunState, process: Process) -> list[Row]:
    """Each signal that it was sent: by whom and when, the latest first."""
    rows: list[Row] = []
    for time, sender, number in reversed(process.signals):
        known = state.processes.get(sender)
        who = described(known) if known is not None else sender or "somebody"
        at = moment(time - state.origin, 10_000_000)
        rows.append(row((signal_name(number), "strong"), (f" from {who} at {at}", "")))
    return rows


def output_rows(state: RunState, process: Process) -> list[Row]:
    """The latest lines that it wrote, in the order in which it did."""
    lines = (line for line in reversed(state.output) if line.process == process.key)
    latest = list(islice(lines, MOST_LINES))[::-1]
    return [
        row(("! " if line.stream == "stderr" else "", "warning"), (line.text, ""))
        for line in latest
    ]


def loss_rows(process: Process) -> list[Row]:
    """How many of its events are missing, if any are."""
    return [row((f"{count(process.lost)} of its events", "trouble"))] if process.lost else []
