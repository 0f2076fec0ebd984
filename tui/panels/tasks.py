"""The tasks of pools: how far each job is, who did what, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.primitives.pool_state import SINGLE_CALLS, Job, Pool, Task
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.tui.panels.listing import Listing, Order, by_name, from_top, left_row
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.formatting import DURATION_WIDTH, count, rate
from mpviz.tui.render.glyphs import mark, moment_of, stacked_bar
from mpviz.tui.render.palette import process_style
from mpviz.tui.render.rows import Part, Row, crop, fit, fitting, length, right, row, selected
from mpviz.tui.render.view import View

JOBS = 3
"""How many jobs of a pool are shown: those at work, then the last ones."""
LOOK_BACK = 2_000
"""How many tasks are searched for those that raised or were lost."""
ENDED = {"close": "closed", "terminate": "terminated", "shutdown": "shut down"}
LOWEST = 2
"""In so few rows, there is the latest job with its bar, or only the bar."""
SIDE_BY_SIDE = 76
"""Minimum width, in cells, for workers and last tasks side by side."""


def draw(state: RunState, view: View, width: int, height: int) -> list[Row]:
    """For each pool its jobs, then its workers beside its last tasks."""
    pools, left = LISTING.standing(state, view, "tasks", height // 6)
    height -= bool(left)
    if not pools:
        return []
    scroll = view.scroll.get("tasks", 0)
    if height <= LOWEST and len(pools) == 1 and not scroll:
        return _latest_job(state, pools[0], width)[-height:]
    rows: list[Row] = []
    for index, pool in enumerate(pools):
        if len(rows) > scroll + height:
            rows.append(row((f" {plural(len(pools) - index, 'more pool')}", "dim")))
            break
        room = max(0, (height - len(rows)) // max(1, len(pools) - index))
        rows += _pool(state, view, pool, width, room)
    return [*from_top(rows, height, scroll), *left_row(left, "with no worker alive")]


def _is_left(state: RunState, pool: Pool) -> bool:
    has_worked = bool(pool.workers) and bool(pool.ended or pool.broken)
    return has_worked and not any(state.processes[key].alive for key in pool.workers)


LISTING = Listing[Pool](
    items=lambda state, view: list(state.table(Pool).values()),
    words=lambda state, pool: (pool.name, *(job.function for job in pool.jobs.values())),
    is_left=_is_left,
    orders=(
        Order("tasks done", lambda state, pool: -pool.duration.count),
        Order("longest task", lambda state, pool: -pool.duration.longest),
        by_name(lambda pool: pool.name),
    ),
)


def _pool(state: RunState, view: View, pool: Pool, width: int, room: int) -> list[Row]:
    rows = [_heading(state, view, pool, width)]
    for job in _jobs(pool)[: max(1, min(JOBS, (room - 1) // 2))]:
        rows += [_job(job, width), _bar(state, pool, job, width)]
    left = max(2, room - len(rows))
    rows += _details(state, view, pool, width, left)
    return rows


def _latest_job(state: RunState, pool: Pool, width: int) -> list[Row]:
    jobs = _jobs(pool)[:1]
    return [line for job in jobs for line in (_job(job, width), _bar(state, pool, job, width))]


def _heading(state: RunState, view: View, pool: Pool, width: int) -> Row:
    per_second = rate(pool.finished.per_second(moment_of(state, view)))
    groups: list[list[Part]] = [
        [(pool.name + "  ", "title"), ("broken, " if pool.broken else "", "trouble")],
        [(_workers_in_words(state, pool), "")],
        [("  ", ""), (right(per_second, 7), "number")],
        _took("  p50 ", pool.duration.quantile(0.5)),
        _took("  p99 ", pool.duration.quantile(0.99)),
        [("" if pool.kind == "Pool" else f"  {pool.kind}", "dim")],
    ]
    parts: list[Part] = []
    for group in groups:
        if parts and length(parts) + length(group) > width:
            break
        parts += group
    return Row(crop(parts, width), pool.id)


def _workers_in_words(state: RunState, pool: Pool) -> str:
    """How many there are, what is not usual about them, and whether they are to end."""
    alive = [state.processes[key] for key in pool.workers if state.processes[key].alive]
    words = [plural(len(alive), "worker")]
    initializing = sum(bool(process.initializing) for process in alive)
    if initializing:
        words.append(f"{initializing} initializing")
    if pool.replaced:
        words.append(f"{count(pool.replaced)} replaced")
    if pool.ended:
        words.append(ENDED.get(pool.ended, pool.ended))
    return ", ".join(words)


def _took(words: str, time: int) -> list[Part]:
    return [(words, "dim"), (right(duration(time), DURATION_WIDTH), "number")]


def _jobs(pool: Pool) -> list[Job]:
    """The jobs to show: those at work, then the last; single calls together as one."""
    jobs = list(islice(reversed(pool.jobs.values()), LOOK_BACK))
    single = [job for job in jobs if job.call in SINGLE_CALLS or job.tasks == 1]
    shown = [job for job in jobs if not (job.call in SINGLE_CALLS or job.tasks == 1)]
    shown.sort(key=lambda job: (job.ended >= 0, -job.number))
    return shown + _together(single, "submit" if pool.is_executor else "apply")


def _together(jobs: list[Job], call: str) -> list[Job]:
    """One job for all single calls of one function."""
    groups: dict[str, Job] = {}
    for job in jobs:
        group = groups.get(job.function)
        if group is None:
            group = groups[job.function] = Job(
                job.number, call, job.function, job.submitted, 0, 0, 1, ended=0
            )
        group.tasks += max(1, job.tasks)
        group.started += job.started
        group.done += job.done
        group.raised += job.raised
        group.lost += job.lost
        group.cancelled += job.cancelled
        group.never_run += job.never_run
        group.stopped += job.stopped
        for key, times in job.done_by.items():
            group.done_by[key] = group.done_by.get(key, 0) + times
    return list(groups.values())


def _running(job: Job) -> int:
    return max(0, job.started - job.done - job.raised - job.lost - job.stopped)


def _job(job: Job, width: int) -> Row:
    """The numbers of a job, each in a column of constant width; trouble is the last to go."""
    total = count(job.tasks) if job.tasks >= 0 else "?"
    digits = max(3, len(total))
    done = f"{right(count(job.done + job.raised), digits)} of {total} done"
    queued = count(job.queued) if job.tasks >= 0 else "?"
    trouble: list[Part] = []
    if job.raised:
        trouble.append((f"  {job.raised} raised", "trouble"))
    if job.lost:
        trouble.append((f"  {job.lost} lost", "trouble"))
    if job.never_run:
        trouble.append((f"  {job.never_run} never run", "trouble"))
    if job.stopped:
        trouble.append((f"  {job.stopped} stopped", "warning"))
    if job.cancelled:
        trouble.append((f"  {job.cancelled} cancelled", "warning"))
    parts: list[Part] = [(done, "number")]
    function = f" {job.function or job.call} "
    name = f" {job.call}{function}" if job.function else function
    room = width - min(len(name), 24) - length(trouble)
    for part in (
        (f"  {_running(job):>3} running", "activity.task"),
        (f"  {right(queued, digits)} queued", "dim"),
    ):
        if length(parts) + len(part[0]) <= room:
            parts.append(part)
    left = max(1, min(24, width - length(parts) - length(trouble)))
    return Row(((fit(name if len(name) <= left else function, left), ""), *parts, *trouble))


def _bar(state: RunState, pool: Pool, job: Job, width: int) -> Row:
    """A cell or more for each task where they fit, else shares of the bar."""
    room = max(1, width - 2)
    if 0 < job.tasks <= room and job.call not in SINGLE_CALLS:
        return Row(((" ", ""), *_task_cells(state, pool, job, room)))
    total = max(1, job.tasks if job.tasks >= 0 else job.started)
    ended = max(1, job.done + job.raised)
    shares = [
        (times * job.done / ended / total, process_style(state.processes[key].number))
        for key, times in job.done_by.items()
        if key in state.processes
    ]
    shares.append(((job.raised + job.lost + job.never_run) / total, "trouble"))
    parts = [part for part in stacked_bar(room, shares, ("", "")) if part[0]]
    used = length(parts)
    running = min(room - used, -(-_running(job) * room // total))
    parts.append(("▒" * running, "activity.task"))
    return Row(((" ", ""), *parts, ("·" * (room - used - running), "track")))


def _task_cells(state: RunState, pool: Pool, job: Job, room: int) -> Iterator[Part]:
    """Each task in the colour of its worker, in the order of the input."""
    cells = min(6, room // job.tasks)
    tasks = state.table(Task)
    for index in range(job.tasks):
        task = tasks.get(f"{pool.id}/{job.number}/{index}")
        glyph, style = _task_sign(state, job, task)
        if cells == 1 or glyph == "·":
            yield glyph * cells, style
        else:
            # A thin gap tells neighbours of one worker apart.
            yield glyph * (cells - 1) + ("▊" if glyph == "█" else " "), style


def _task_sign(state: RunState, job: Job, task: Task | None) -> Part:
    if task is None:
        return "·", "track"
    if task.outcome in ("raised", "lost"):
        return "✗", "trouble"
    process = state.processes.get(task.worker)
    style = process_style(process.number) if process else ""
    return {"done": "█", "running": "▒"}.get(task.outcome, "✗"), style


def _details(state: RunState, view: View, pool: Pool, width: int, room: int) -> list[Row]:
    """Workers and last tasks: beside each other, or one above the other."""
    if width < SIDE_BY_SIDE:
        workers = _workers(state, view, pool, width, max(1, room // 2))
        return workers + _last(state, view, pool, width, max(1, room - len(workers)))
    half = width // 2
    left = _workers(state, view, pool, half - 1, room)
    other = _last(state, view, pool, width - half, room)
    rows = []
    for index in range(max(len(left), len(other))):
        first = left[index] if index < len(left) else Row(())
        second = other[index] if index < len(other) else Row(())
        rows.append(Row((*crop(first.parts, half), *second.parts), first.key or second.key))
    return rows


def _workers(state: RunState, view: View, pool: Pool, width: int, room: int) -> list[Row]:
    """What share of the work each worker did; those that have ended are last."""
    found = [state.processes[key] for key in pool.workers if key in state.processes]
    found.sort(key=lambda process: (not process.alive, process.number))
    most = max(pool.done_by.values(), default=1)
    longest = max((len(described(process)) for process in found), default=0)
    name = max(6, min(20, longest, width - 7 - 13 - 4))
    rows = [_worker(view, pool, process, most, name, width) for process in found[:room]]
    if len(found) > room and rows:
        rows[-1] = row((f" ▾ {len(found) - room + 1} more workers", "dim"))
    return rows


def _worker(view: View, pool: Pool, process: Process, most: int, name: int, width: int) -> Row:
    done, items = pool.done_by.get(process.key, 0), pool.items_by.get(process.key, 0)
    numbers = f"{count(done):>6} {_tasks(done)} {count(items):>7} items"
    if width < 60:
        numbers = f"{count(done):>6} {_tasks(done)}"
    bar = max(4, width - name - 7 - len(numbers))
    style, colour = "" if process.alive else "faint", process_style(process.number)
    parts: list[Part] = [
        (" ", ""),
        *mark(process, 2),
        (" " + fit(described(process), name) + " ", style),
        (fit("━" * max(bool(done), round(bar * done / max(1, most))), bar), style or colour),
        (numbers, "number"),
    ]
    if process.key == view.selected:
        parts = list(selected(parts, width))
    return Row(tuple(parts), process.key)


def _tasks(number: int) -> str:
    return "task " if number == 1 else "tasks"


def _last(state: RunState, view: View, pool: Pool, width: int, room: int) -> list[Row]:
    """The last tasks, those that raised or were lost before all others."""
    recent = islice(reversed(state.table(Task).values()), LOOK_BACK)
    mine = [task for task in recent if task.pool == pool.id]
    bad = [task for task in mine if task.outcome in ("raised", "lost")]
    good = [task for task in mine if task.outcome not in ("raised", "lost")]
    return [_task(state, view, task, width) for task in (bad + good)[:room]]


def _task(state: RunState, view: View, task: Task, width: int) -> Row:
    worker = state.processes.get(task.worker)
    now = moment_of(state, view)
    took = (task.ended if task.ended >= 0 else now) - task.started
    bad = task.outcome in ("raised", "lost")
    sign = {"done": "✓", "running": "▒"}.get(task.outcome, "✗")
    text = fitting(_task_in_words(task), max(0, width - 7 - DURATION_WIDTH))
    parts: list[Part] = [
        (f" {sign} ", "trouble" if bad else "activity.task"),
        *(mark(worker, 2) if worker else ()),
        (" " + text, "trouble" if bad else "" if task.outcome == "running" else "dim"),
        (right(duration(max(0, took)), DURATION_WIDTH), "dim"),
    ]
    chosen = worker is not None and worker.key == view.selected
    return Row(selected(parts, width) if chosen else tuple(parts), task.worker)


def _task_in_words(task: Task) -> list[str]:
    """From the longest way to say it to the shortest; the sign before it says the outcome too."""
    name, function = f"task {task.number}", f"task {task.number} of {task.function}"
    if task.outcome == "raised":
        words = f"raised {task.error}"
        return [f"{function}, {words}", f"{name}, {words}", f"{name} raised"]
    if task.outcome == "lost":
        return [f"{function}, lost: its worker died", f"{name}, its worker died", f"{name} lost"]
    return [f"{function}, {task.outcome}", function, f"{name}, {task.outcome}", name]


def title(state: RunState, view: View) -> str:
    """How many tasks are done, and how many of them went wrong."""
    pools = state.table(Pool).values()
    jobs = [job for pool in pools for job in (*pool.jobs.values(), pool.past)]
    ended = sum(job.done + job.raised for job in jobs)
    known = all(job.tasks >= 0 for job in jobs)
    total = count(sum(job.tasks for job in jobs)) if known else "?"
    text = f"tasks, {count(ended)} of {total} done" if jobs else "tasks"
    for word, number in (
        ("raised", sum(job.raised for job in jobs)),
        ("lost", sum(job.lost for job in jobs)),
        ("never run", sum(job.never_run for job in jobs)),
        ("stopped", sum(job.stopped for job in jobs)),
        ("cancelled", sum(job.cancelled for job in jobs)),
    ):
        text += f", {number} {word}" if number else ""
    return text


def wanted_height(state: RunState, view: View) -> int:
    """For each pool its heading, two rows a job, and its workers."""
    rows = sum(
        1 + 2 * min(JOBS, max(1, len(pool.jobs))) + max(3, min(8, len(pool.workers)))
        for pool in state.table(Pool).values()
    )
    return max(1, rows)


PANEL = Panel(
    name="tasks",
    title=title,
    help=(
        "The jobs of pools and executors. A job is one call of map, apply, submit or the like; it "
        "is cut into tasks (chunks of items), each for one worker. The bar of a job shows its "
        "tasks in the order of the input, each in the colour of the worker that did it: █ done, ▒ "
        "running, · queued, ✗ raised or lost with its worker. Where there are too many for a cell "
        "each, the bar shows shares. Below it the share of each worker, and the last tasks, those "
        "that went wrong first. p50 and p99: half of the tasks, and 99 of 100, took no longer "
        "than that. A worker is initializing until the pool's initializer has made it ready, and "
        "replaced when it has done as many tasks as it may. An executor is broken once a worker "
        "has died: what is not done by then fails, and what has not begun is never run."
    ),
    body=draw,
    thing="pool",
    nothing="no pool was made",
    listing=LISTING,
    used=lambda state: bool(state.table(Pool)),
    wanted_height=wanted_height,
)
