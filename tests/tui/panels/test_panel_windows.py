"""Lists far longer than their panel: only rows in sight are made, and items in use come first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from helpers.story import MAIN, Story
from mpviz.trace.explain.follow import follow
from mpviz.trace.model.primitives.process import Hello
from mpviz.trace.model.state import RunState
from mpviz.tui.panels import locks, memory, pipes, processes, queues, synchronization, values
from mpviz.tui.panels.panel import Panel
from mpviz.tui.render.view import View

MANY = 400


def lines_of(panel: Panel, state: RunState, width: int = 100, height: int = 12) -> list[str]:
    """The rows as text, without the blanks between columns."""
    rows = panel.draw(state, View(now=state.now), width, height)
    return [" ".join(row.text.split()) for row in rows]


@pytest.mark.parametrize(
    ("panel", "module", "one"),
    [
        (locks.PANEL, locks, lambda story, n: story.lock(f"lock{n}")),
        (queues.PANEL, queues, lambda story, n: story.queue(f"queue{n}")),
        (values.PANEL, values, lambda story, n: story.value(f"value{n}")),
        (synchronization.PANEL, synchronization, lambda story, n: story.event(f"event{n}")),
        (memory.PANEL, memory, lambda story, n: story.memory(3, f"block{n}", 8)),
        (pipes.PANEL, pipes, lambda story, n: story.pipe(f"a{n}", f"b{n}")),
    ],
    ids=lambda param: getattr(param, "name", ""),
)
def test_only_the_rows_in_sight_are_made(
    panel: Panel,
    module: Any,
    one: Callable[[Story, int], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = Story()
    for number in range(MANY):
        one(story, number)
    # Each row has one name.
    original, made = module.fit_name, []

    def count(*arguments: Any) -> Any:
        made.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(module, "fit_name", count)
    last = lines_of(panel, story.state)[-1]
    assert len(made) == 11
    assert last.endswith(" more")


def epochs(number: int) -> Story:
    """A loop that makes new queues and workers each time, as a DataLoader does."""
    story = Story("epochs")
    for epoch in range(number):
        time, pids = 10 + 3000 * epoch, (2001 + 2 * epoch, 2002 + 2 * epoch)
        names = [story.queue(f"queue{epoch}_{pid}") for pid in pids]
        for pid, queue in zip(pids, names, strict=True):
            story.start(time, pid, f"Process-{pid}")
            story.put(time + 1, MAIN, queue)
            story.get(time + 2, pid, queue)
            if epoch < number - 1:
                story.exit(time + 5, pid)
    return story


def test_queues_of_the_dead_are_one_line_below_those_in_use() -> None:
    lines = lines_of(queues.PANEL, epochs(20).state)
    assert lines[0].startswith("queue19_2039")
    assert any(line.startswith("queue19_2040") for line in lines)
    assert lines[-1] == "▸ 38 left by processes that have ended"
    assert not any(line.startswith("queue0") for line in lines)


def test_with_room_for_all_lanes_those_of_the_dead_come_last() -> None:
    lines = lines_of(queues.PANEL, epochs(3).state, height=6)
    order = [line.split()[0] for line in lines]
    assert order == [f"queue{name}" for name in ("2_2005", "2_2006", *FORMER)]


FORMER = ("0_2001", "0_2002", "1_2003", "1_2004")


def test_ordered_by_something_or_after_the_end_all_are_alike() -> None:
    story = epochs(20)
    view = View(now=story.state.now, order={"queues": "name"})
    rows = queues.PANEL.draw(story.state, view, 100, 12)
    assert rows[0].text.startswith("queue0_2001")
    story.end(70_000)
    assert lines_of(queues.PANEL, story.state)[0].startswith("queue0_2001")


def test_a_queue_used_a_moment_ago_is_in_use_whoever_has_ended() -> None:
    story = Story()
    queue = story.queue("jobs")
    story.queue("spare")
    story.start(5, 2001, "Process-1")
    story.put(6, 2001, queue)
    story.exit(7, 2001)
    story.get(8, MAIN, queue)
    assert lines_of(queues.PANEL, story.state, height=1)[0].startswith("jobs")


def test_a_chain_of_a_thousand_forks_is_a_tree_of_a_thousand_rows() -> None:
    state = RunState()
    for pid in range(1, 1001):
        follow(
            state,
            [
                Hello(
                    time=pid,
                    pid=pid,
                    number=1,
                    parent=pid - 1,
                    started=pid,
                    role="main" if pid == 1 else "process",
                    forked=pid > 1,
                )
            ],
        )
    tree = processes.tree_of(state, View())
    assert [depth for _, depth in tree] == list(range(1000))
    assert state.processes["1000"].name == "fork of MainProcess (999 deep)"
    assert "fork of MainProcess" in lines_of(processes.PANEL, state)[2]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_reason_of_a_wait_is_cut_short_and_not_left_out(width: int) -> None:
    story = Story()
    name = "self._multiprocessing_context_of_the_data_loader._index_queues_of_workers[12]"
    queue = story.queue(name)
    story.start(5, 2001, "Process-1")
    story.wait(9, 2001, "get", queue)
    state = story.state_at(3200)
    line = next(line for line in lines_of(processes.PANEL, state, width) if "Process-1" in line)
    assert "an item from" in line or "waiting for an item" in line
    assert "rs[12]" in line
