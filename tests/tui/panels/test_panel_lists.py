"""The panels beside the timeline, drawn from golden runs and read as text."""

import pytest

from helpers.panel_stories import counter, factory, pool_map, shared, stages, talk
from helpers.story import MAIN, Story, moment
from mpviz.trace.model.state import RunState
from mpviz.tui.panels import (
    PANELS,
    cores,
    locks,
    log,
    managers,
    memory,
    output,
    pipes,
    processes,
    queues,
    signals,
    tasks,
    values,
)
from mpviz.tui.panels.panel import Panel
from mpviz.tui.panels.source import make_panel, short_path
from mpviz.tui.render.rows import Row
from mpviz.tui.render.view import View
from mpviz.tui.source_files import Source, highlighted


def rows_of(
    panel: Panel, state: RunState, width: int = 80, height: int = 12, **view: object
) -> list[Row]:
    looked = View(now=state.now, **view)  # type: ignore[arg-type]
    return panel.draw(state, looked, width, height)


def text_of(
    panel: Panel, state: RunState, width: int = 80, height: int = 12, **view: object
) -> str:
    return "\n".join(row.text.rstrip() for row in rows_of(panel, state, width, height, **view))


def words_of(line: str) -> str:
    """A line without the spaces that keep its columns in place."""
    return " ".join(line.split())


def styles_of(rows: list[Row], word: str) -> set[str]:
    return {style for row in rows for text, style in row.parts if word in text}


def test_every_panel_has_a_name_a_help_and_an_empty_state() -> None:
    state = RunState()
    assert len({panel.name for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        rows = panel.draw(state, View(), 60, 5)
        assert len(rows) == 1
        assert rows[0].text.strip().split()[0] in ("no", "nothing")
        assert len(panel.help) > 80
        assert panel.title(state, View())
        assert panel.wanted_height(state, View()) >= 1


def test_panels_are_there_only_for_what_the_program_uses() -> None:
    used = {panel.name for panel in PANELS if panel.used(counter().state)}
    assert used == {
        "cores", "processes", "timeline", "locks", "values", "source", "output", "log", "chain",
        "time",
    }  # fmt: skip
    assert {"tasks"} <= {panel.name for panel in PANELS if panel.used(pool_map().state)}
    assert {"queues"} <= {panel.name for panel in PANELS if panel.used(factory().state)}
    assert {"signals"} <= {panel.name for panel in PANELS if panel.used(stages().state)}
    assert {"pipes"} <= {panel.name for panel in PANELS if panel.used(talk().state)}
    assert {"managers", "memory"} <= {panel.name for panel in PANELS if panel.used(shared().state)}


# Processes ---------------------------------------------------------------------------------------


def held(signal: bool = False) -> Story:
    """Process-2 holds a lock, Process-1 waits for it; SIGTERM may have been sent to it in vain."""
    story = Story()
    lock = story.lock("counter")
    story.start(5, 1001, "Process-1", function="add")
    story.start(6, 1002, "Process-2", function="add", daemon=True)
    story.wait(8, MAIN, "process", "1001")
    story.acquire(10, 1002, lock)
    story.wait(12, 1001, "lock", lock)
    if signal:
        story.signal(400, 1001, 15)
    return story


def test_a_waiting_process_says_for_what_who_holds_it_and_for_how_long() -> None:
    text = text_of(processes.PANEL, held().state_at(1312), 110)
    assert "waiting for lock counter, held by Process-2" in text
    assert "1.3 s" in text
    assert "waiting to join Process-1" in text


def test_a_signal_without_effect_is_said() -> None:
    rows = rows_of(processes.PANEL, held(signal=True).state_at(2500), 140)
    assert "held by Process-2  SIGTERM sent 2.1 s ago" in rows[2].text
    assert styles_of(rows, "SIGTERM") == {"warning"}
    assert "SIGTERM" in text_of(processes.PANEL, held(signal=True).state_at(2500), 60)


def test_the_tree_indents_children_and_marks_daemons() -> None:
    lines = text_of(processes.PANEL, held().state_at(100)).splitlines()
    assert lines[1].startswith(" ●M MainProcess")
    assert lines[2].startswith(" ●1   Process-1")
    assert lines[3].startswith(" ●2   Process-2 d")


@pytest.mark.parametrize(
    ("width", "there", "gone"),
    [
        (40, (), ("cpu", "pid", "memory", "core", "start")),
        (70, ("cpu",), ("memory", "core", "start")),
        (90, ("cpu", "pid", "memory"), ("start",)),
        (120, ("cpu", "pid", "memory", "core", "start"), ()),
    ],
)
def test_columns_go_in_order_as_the_width_shrinks(
    width: int, there: tuple[str, ...], gone: tuple[str, ...]
) -> None:
    heading = rows_of(processes.PANEL, counter().state, width)[0].text.split()
    assert [word for word in there if word not in heading] == []
    assert [word for word in gone if word in heading] == []


def test_words_get_shorter_before_they_are_cut() -> None:
    for width in range(40, 121):
        text = text_of(processes.PANEL, held().state_at(1312), width)
        assert "…" not in text


def test_ended_processes_are_dim_and_below_the_living() -> None:
    story = Story()
    for number in range(1, 6):
        story.start(4 + number, 1000 + number, f"Process-{number}")
    story.exit(50, 1001, 0)
    story.exit(51, 1002, -9)
    story.exit(52, 1003, 3)
    rows = rows_of(processes.PANEL, story.state_at(60), 100)
    assert [row.key for row in rows[1:]] == ["1000", "1004", "1005", "1001", "1002", "1003"]
    assert "exit code 0" in rows[4].text
    assert styles_of(rows, "exit code 0") == {"faint"}
    assert "ended by SIGKILL" in rows[5].text
    assert styles_of(rows, "SIGKILL") == {"trouble"}
    assert styles_of(rows, "exit code 3") == {"trouble"}


def test_a_termination_that_was_asked_for_is_no_trouble() -> None:
    story = Story()
    story.start(5, 1001, "Process-1")
    story.signal(20, 1001, 15)
    story.exit(22, 1001, -15)
    rows = rows_of(processes.PANEL, story.state_at(60), 100)
    assert styles_of(rows, "ended by SIGTERM") == {"faint"}


def test_two_hundred_ended_processes_do_not_hide_the_living() -> None:
    story = Story()
    for number in range(1, 204):
        story.start(4 + number, 1000 + number, f"Process-{number}")
        if number <= 200:
            story.exit(300 + number, 1000 + number)
    rows = rows_of(processes.PANEL, story.state_at(900), 100, 10)
    assert [row.key for row in rows[1:5]] == ["1000", "1201", "1202", "1203"]
    assert "▾ 196 more, all ended" in rows[-1].text
    scrolled = rows_of(processes.PANEL, story.state_at(900), 100, 10, scroll={"processes": 50})
    assert "50 above" in scrolled[-1].text


def test_the_selected_process_is_set_apart_in_the_whole_row() -> None:
    rows = rows_of(processes.PANEL, held().state_at(100), 100, selected="1002")
    chosen = next(row for row in rows if row.key == "1002")
    assert chosen.text.startswith("▸")
    assert all(style.endswith("selected") for _, style in chosen.parts)


def test_the_filter_lists_matches_only() -> None:
    rows = rows_of(processes.PANEL, held().state_at(100), 100, filter="PROCESS-2")
    assert [row.key for row in rows[1:]] == ["1002"]
    assert "no process matches" in text_of(processes.PANEL, held().state, filter="zzz")


def test_helpers_are_dim_and_last() -> None:
    story = held()
    story.sample(20, [1.0], {1001: (0, 2.0), 1002: (0, 1.0), 1500: (0, 0.0)})
    state = story.state_at(100)
    helper = state.processes["1500"]
    helper.role = helper.name = "resource tracker"
    rows = rows_of(processes.PANEL, state, 100)
    assert rows[-1].key == "1500"
    assert ("●R", "process.4") in rows[-1].parts
    assert styles_of(rows, "resource tracker") == {"faint"}


def test_the_title_counts() -> None:
    assert processes.title(held().state, View()) == "3 processes, 2 waiting"
    assert processes.title(counter(ended=True).state, View()) == "0 processes, 5 ended"


# Cores -------------------------------------------------------------------------------------------


def sampled(number: int = 4) -> RunState:
    story = Story(cores=number)
    story.start(5, 1001, "Process-1")
    story.start(6, 1002, "Process-2")
    for time in range(100, 1100, 100):
        story.sample(
            time,
            [90.0, 50.0, *[5.0] * (number - 2)],
            {1001: (0, 60.0), 1002: (1, 20.0)},
        )
    return story.state


def test_a_core_has_its_bar_percent_and_tags() -> None:
    rows = rows_of(cores.PANEL, sampled(), 60)
    assert rows[0].text.startswith("0 ████")
    assert " 90% ●1" in rows[0].text
    assert " 50% ●2" in rows[1].text
    assert "●" not in rows[2].text
    assert ("█" * 10, "process.2") in [(text[:10], style) for text, style in rows[0].parts]
    assert "░" in rows[0].text


def test_observed_and_other_are_as_long_as_their_shares() -> None:
    bar = rows_of(cores.PANEL, sampled(), 40)[0].text
    observed, other = bar.count("█"), bar.count("░")
    width = observed + other + bar.count("·")
    assert observed == pytest.approx(0.6 * width, abs=1)
    assert other == pytest.approx(0.3 * width, abs=1)


def test_history_is_coloured_by_who_used_the_core_most() -> None:
    rows = rows_of(cores.PANEL, sampled(), 80)
    assert rows[0].parts[-2][1] == "process.2"
    assert rows[1].parts[-2][1] == "other"


@pytest.mark.parametrize(("width", "height"), [(40, 6), (40, 3), (76, 8), (200, 12)])
def test_sixty_four_cores_fit(width: int, height: int) -> None:
    rows = rows_of(cores.PANEL, sampled(64), width, height)
    assert len(rows) <= height
    text = " ".join(row.text for row in rows)
    assert "●1" in text
    if "busy" in text:
        assert "2 of 64 busy" in text
    else:
        assert " 63 " in text


def test_the_title_says_the_rate_that_was_reached() -> None:
    assert cores.title(sampled(), View()) == "4 cores, 10 samples/s"


def test_cores_that_the_program_may_not_use_are_marked_and_not_counted_as_its_own() -> None:
    state = sampled()
    state.cores.allowed, state.cores.count = frozenset({0, 2}), 2
    rows = rows_of(cores.PANEL, state, 80)
    assert [row.text[:2] for row in rows[:4]] == ["0 ", "1-", "2 ", "3-"]
    assert "- not for the program" in rows[4].text
    assert cores.title(state, View()) == "4 cores, 2 for the program, 10 samples/s"


def test_the_cores_say_that_other_programs_have_most_of_them() -> None:
    story = Story(cores=2)
    story.start(5, 1001, "Process-1")
    for time in (100, 200, 300):
        story.sample(time, [100.0, 90.0], {1001: (0, 60.0)})
    assert "other programs have 1.3 of 2" in text_of(cores.PANEL, story.state)
    assert "other programs" not in text_of(cores.PANEL, sampled())


# Tasks -------------------------------------------------------------------------------------------


def test_a_job_shows_each_task_in_the_colour_of_its_worker() -> None:
    state = pool_map().state_at(430)
    rows = rows_of(tasks.PANEL, state, 120)
    assert rows[1].text.split() == (
        [
            "map",
            "square",
            "19",
            "of",
            "24",
            "done",
            "3",
            "running",
            "1",
            "queued",
            "1",
            "raised",
            "1",
            "lost",
        ]
    )
    blocks = [style for text, style in rows[2].parts if text.strip()]
    assert len(blocks) == 24
    assert blocks.count("trouble") == 2
    assert blocks.count("track") == 1
    assert sum("▒" in text for text, _ in rows[2].parts) == 3


def test_tasks_that_went_wrong_come_first() -> None:
    lines = text_of(tasks.PANEL, pool_map().state_at(430), 120).splitlines()
    assert "task 13 of square, lost: its worker died" in lines[3]
    assert "task 6 of square, raised ValueError" in lines[4]
    rows = rows_of(tasks.PANEL, pool_map().state_at(430), 120)
    assert styles_of(rows, "raised ValueError") == {"trouble"}


def test_a_job_of_many_tasks_is_a_bar_of_shares() -> None:
    state = pool_map(900).state
    rows = rows_of(tasks.PANEL, state, 80)
    styles = [style for text, style in rows[2].parts if "█" in text]
    assert {"process.2", "process.4", "process.5"} <= set(styles)


def test_a_job_of_unknown_length_says_so() -> None:
    story = Story("imap")
    pool = story.pool(4, [1001])
    story.submit(8, pool, 1, -1, call="imap")
    story.task(10, 1001, pool, 1, 0, until=12)
    text = text_of(tasks.PANEL, story.state, 100)
    assert "1 of   ? done" in text or "1 of ? done" in text


def test_single_calls_are_counted_together() -> None:
    story = Story("apply")
    pool = story.pool(4, [1001])
    for job in range(40):
        story.submit(8, pool, job, 1, call="apply", function="fetch")
        story.task(10 + job, 1001, pool, job, 0, until=10.5 + job)
    text = text_of(tasks.PANEL, story.state, 100)
    assert "apply fetch" in text
    assert "40 of 40 done" in text


def test_trouble_stays_when_the_panel_is_narrow() -> None:
    for width in (40, 50, 60):
        line = text_of(tasks.PANEL, pool_map().state_at(430), width).splitlines()[1]
        assert "1 raised" in line
        assert "1 lost" in line
        assert "19 of 24 done" in line


def executor_of_calls(calls: int = 6) -> tuple[Story, str]:
    """An executor of two that has been given so many calls of one function."""
    story = Story("executor")
    pool = story.pool(4, [1001, 1002], "executor", kind="ProcessPoolExecutor")
    for call in range(calls):
        story.submit(8, pool, call, 1, call="submit", function="fetch")
    return story, pool


def test_an_executor_looks_like_a_pool_and_says_what_it_is() -> None:
    story, pool = executor_of_calls()
    story.task(10, 1001, pool, 0, 0, until=12, function="fetch")
    story.task(10, 1002, pool, 1, 0, function="fetch")
    story.future(12, pool, 0)
    story.future(13, pool, 5, cancelled=True)
    state = story.state
    heading, job, *_ = text_of(tasks.PANEL, state, 110).splitlines()
    assert heading.startswith("executor  2 workers  ")
    assert heading.endswith("ProcessPoolExecutor")
    assert " ".join(job.split()) == ("submit fetch 1 of 6 done 1 running 3 queued 1 cancelled")
    assert tasks.title(state, View()) == "tasks, 1 of 6 done, 1 cancelled"
    # The calls have no other name than their numbers.
    assert "task 1 of fetch" in text_of(tasks.PANEL, state, 110)
    assert "running task 1 of fetch" in text_of(processes.PANEL, state, 110)


def test_a_broken_executor_says_so_and_what_never_ran() -> None:
    story, pool = executor_of_calls()
    story.task(10, 1001, pool, 0, 0, until=12, function="fetch")
    story.future(12, pool, 0)
    story.task(13, 1002, pool, 1, 0, function="fetch")
    story.exit(20, 1002, -9)
    story.fail(20, pool, [1, 2, 3, 4, 5])
    for width in (60, 110):
        rows = rows_of(tasks.PANEL, story.state, width)
        assert rows[0].text.startswith("executor  broken, 1 worker")
        assert styles_of(rows[:1], "broken") == {"trouble"}
        job = " ".join(rows[1].text.split())
        assert "1 of 6 done" in job
        assert "1 lost 4 never run" in job
        assert " 4 queued" not in job
    assert tasks.title(story.state, View()) == "tasks, 1 of 6 done, 1 lost, 4 never run"
    logged = text_of(log.PANEL, story.state, 110)
    assert "executor is broken by the end of a worker: BrokenProcessPool for all 5 calls" in logged


def test_a_worker_is_seen_to_be_initialized() -> None:
    story = Story("initializer")
    pool = story.pool(4, [1001])
    story.worker(10, 1002, pool, 2, "load_model", ready=0)
    state = story.state_at(300)
    assert "pool  2 workers, 1 initializing" in text_of(tasks.PANEL, state, 100)
    assert "initializing: load_model" in text_of(processes.PANEL, state, 100)
    assert "starting by" not in text_of(processes.PANEL, state, 100)
    story.worker(310, 1003, pool, 3, "load_model", ready=50)
    assert "3 workers, 1 initializing" in text_of(tasks.PANEL, story.state, 100)


def test_workers_that_had_their_share_are_counted_and_no_trouble() -> None:
    story = Story("recycled")
    pool = story.pool(4, [1001], max_tasks=2)
    story.submit(8, pool, 1, 4)
    for index in range(2):
        story.task(10 + index, 1001, pool, 1, index, until=10.5 + index)
    story.exit(13, 1001, 0)
    story.worker(14, 1002, pool, 2)
    story.task(20, 1002, pool, 1, 2)
    text = text_of(tasks.PANEL, story.state, 100)
    assert "pool  1 worker, 1 replaced" in text
    logged = rows_of(log.PANEL, story.state, 100)
    assert "trouble" not in {style for row in logged for _, style in row.parts}
    assert "takes the place of ForkPoolWorker-1" in text_of(log.PANEL, story.state, 100)


# Queues ------------------------------------------------------------------------------------------


def test_a_queue_says_how_full_it_is_and_who_waits() -> None:
    state = factory().state
    text = text_of(queues.PANEL, state, 110, 6)
    first = text.splitlines()[0]
    assert "8 of 8" in first
    assert "full" in first
    assert "waiting to put ●p1 ●p2" in first
    assert "waiting to put ●p1 ●p2" in text_of(queues.PANEL, state, 60, 6)
    assert queues.title(state, View()) == "2 queues, 1 full"


def test_a_queue_without_bound_is_measured_by_its_top() -> None:
    lines = text_of(queues.PANEL, factory().state, 110, 6).splitlines()
    assert "top 83" in lines[3]


def test_an_empty_queue_says_so_and_who_waits_to_get() -> None:
    story = Story()
    queue = story.queue("jobs", 4)
    story.start(5, 1001, "consumer-1")
    story.wait(10, 1001, "get", queue)
    text = text_of(queues.PANEL, story.state_at(50), 100, 3)
    assert "empty" in text
    assert "waiting to get ●c1" in text
    assert "█" not in text


def test_rows_for_a_queue_depend_on_the_height() -> None:
    state = factory().state
    assert len(rows_of(queues.PANEL, state, 80, 2)) == 2
    assert len(rows_of(queues.PANEL, state, 80, 4)) == 4
    assert len(rows_of(queues.PANEL, state, 80, 9)) == 8


# Locks -------------------------------------------------------------------------------------------


def test_a_lock_is_a_picture_of_holder_and_waiters() -> None:
    story = held()
    story.start(20, 1003, "Process-3")
    story.wait(30, 1003, "lock", "/counter")
    text = text_of(locks.PANEL, story.state_at(1012), 90, 4)
    assert "●2 Process-2   1.0 s ← ●1 1.0 s  ●3 982 ms" in text
    assert locks.title(story.state, View()) == "1 lock, 2 waiting"


def test_more_waiters_than_fit_are_counted() -> None:
    text = text_of(locks.PANEL, counter().state, 40, 4)
    assert "+" in text.splitlines()[0]


def test_a_dead_holder_is_trouble() -> None:
    story = held()
    story.exit(500, 1002, -9)
    rows = rows_of(locks.PANEL, story.state_at(1000), 90, 4)
    assert "Process-2 is dead and holds it" in rows[0].text
    assert styles_of(rows, "is dead") == {"trouble"}


def test_a_free_lock_says_who_held_it_last() -> None:
    story = held()
    story.release(900, 1002, "/counter")
    story.acquire(901, 1001, "/counter")
    story.release(902, 1001, "/counter")
    lines = text_of(locks.PANEL, story.state, 110, 4).splitlines()
    assert "free, last held by ●1" in lines[0]
    assert "contended  50%" in lines[1]
    assert "hold p50" in lines[1]


def test_a_semaphore_says_how_many_have_it() -> None:
    story = Story()
    gate = story.lock("gate", "Semaphore", 3)
    story.start(5, 1001, "Process-1")
    story.start(6, 1002, "Process-2")
    story.acquire(10, 1001, gate)
    story.acquire(11, 1002, gate)
    text = text_of(locks.PANEL, story.state, 80, 2)
    assert "2 of 3 taken ●1 ●2" in text


def test_the_lock_of_a_value_shows_once_the_program_takes_it() -> None:
    story = Story()
    story.value("counter")
    story.start(5, 1001, "Process-1")
    assert not locks.PANEL.used(story.state)
    story.acquire(10, 1001, "lock of counter")
    assert "counter.get_lo" in text_of(locks.PANEL, story.state, 80, 2)


# Values ------------------------------------------------------------------------------------------


def racing() -> Story:
    """Two processes read 7, and both write 8."""
    story = Story()
    value = story.value("counter", 7)
    story.start(5, 1001, "Process-1")
    story.start(6, 1002, "Process-2")
    for pid in (1001, 1002):
        story.read(10, pid, value, 7)
    story.write(11, 1001, value, 8, 7)
    story.write(12, 1002, value, 8, 8)
    return story


def test_a_value_says_what_it_holds_who_wrote_and_what_was_lost() -> None:
    rows = rows_of(values.PANEL, racing().state, 80, 3)
    assert "counter" in rows[0].text
    assert "by ●2" in rows[0].text
    assert "1 lost update" in rows[0].text
    assert styles_of(rows, "lost update") == {"trouble"}
    assert "2 writes" in rows[2].text
    assert values.title(racing().state, View()) == "1 shared value, 1 lost update"


def test_a_single_value_with_room_is_written_big() -> None:
    rows = rows_of(values.PANEL, racing().state, 80, 6)
    assert rows[1].text.strip() == "█▀█"
    assert len(rows) == 6


def test_an_array_is_a_strip_of_bars() -> None:
    story = Story()
    story.value("cells", None, length=8)
    story.start(5, 1001, "Process-1")
    for index, content in enumerate((1, 4, 8)):
        story.write(10 + index, 1001, "cells", content, 0, index=index)
    rows = rows_of(values.PANEL, story.state, 80, 3)
    assert "[2] = 8" in rows[0].text
    assert "Array of 8" in rows[0].text
    assert "▁▄█" in rows[1].text


# Events, barriers and conditions -----------------------------------------------------------------


def test_an_event_is_a_gate_with_those_who_wait_in_front_of_it() -> None:
    state = stages(40).state_at(40)
    lines = text_of(signals.PANEL, state, 100, 8).splitlines()
    assert lines[0] == "start │───│ shut ← ●1 30.0 ms  ●2 29.0 ms  ●3 28.0 ms  ●4 27.0 ms"
    assert signals.title(state, View()) == "2 events, 1 barrier, 1 condition, 4 waiting"
    assert "+3" in text_of(signals.PANEL, state, 40, 8).splitlines()[0]
    waits = text_of(processes.PANEL, state, 100)
    assert waits.count("waiting for event start, not set yet") == 4


def test_an_open_gate_says_since_when_and_by_whom() -> None:
    lines = text_of(signals.PANEL, stages().state_at(1300), 100, 8).splitlines()
    assert lines[0] == "start │   │ open 1.2 s, set by ●M MainProcess"
    assert lines[1].split()[:6] == ["set", "1", "cleared", "0", "waits", "4"]


def test_a_barrier_shows_who_is_there_and_how_many_are_missing() -> None:
    lines = text_of(signals.PANEL, stages().state_at(1300), 100, 8).splitlines()
    assert lines[4] == "stage │●1 ●2 · ·│ 2 of 4 there, waiting 290 ms"
    assert "rounds 3  ●4 last in 3" in lines[5]
    narrow = text_of(signals.PANEL, stages().state_at(1300), 30, 8).splitlines()
    assert narrow[4] == "stage │●1 ●2 · ·│ 2 of 4"


def test_an_empty_barrier_says_for_whom_the_others_waited() -> None:
    story = Story()
    stage = story.barrier("stage", 2)
    story.start(5, 1001, "Process-1")
    story.arrive(10, 1001, stage)
    story.arrive(20, MAIN, stage, last=True)
    story.leave(21, 1001, stage)
    text = text_of(signals.PANEL, story.state, 80, 2)
    assert "│· ·│ 0 of 2 there, last to arrive ●M MainProcess" in text


def test_a_barrier_for_more_than_there_is_room_for_is_a_bar() -> None:
    story = Story()
    stage = story.barrier("stage", 64)
    for number in range(32):
        story.start(5, 1001 + number, f"Process-{number + 1}")
        story.arrive(10 + number, 1001 + number, stage)
    first = rows_of(signals.PANEL, story.state, 60, 2)[0].text
    assert "32 of 64" in first
    assert first.count("█") == first.count("·")


def test_a_broken_barrier_and_one_in_which_a_process_died_are_trouble() -> None:
    broken, dead = stages(), stages()
    broken.breaks(1280, 1002, "barrier-stage")
    dead.exit(1250, 1001, -9)
    rows = rows_of(signals.PANEL, broken.state, 100, 8)
    assert "│· · · ·│ broken: a time-out in ●2 Process-2" in rows[4].text
    assert styles_of(rows, "broken") == {"trouble"}
    assert "broken" in rows_of(signals.PANEL, broken.state, 30, 8)[4].text
    rows = rows_of(signals.PANEL, dead.state, 100, 8)
    assert "│○1 ●2 · ·│ 2 of 4 there, Process-1 died in it" in rows[4].text
    assert styles_of(rows, "died in it") == {"trouble"}
    assert "1 dead" in rows_of(signals.PANEL, dead.state, 30, 8)[4].text


def test_a_dead_waiter_of_an_event_is_trouble() -> None:
    story = stages(40)
    story.exit(45, 1001, -9)
    rows = rows_of(signals.PANEL, story.state, 100, 8)
    assert "shut, 1 died waiting ← ●2" in rows[0].text
    assert styles_of(rows, "died waiting") == {"trouble"}


def test_a_condition_has_waiters_or_else_the_last_who_notified() -> None:
    lines = text_of(signals.PANEL, stages().state_at(1300), 100, 8).splitlines()
    assert lines[6] == "ready 2 wait ← ●M 300 ms  ●4 100 ms"
    assert "1 to nobody" in lines[7]
    story = Story()
    ready = story.condition("ready")
    story.start(5, 1001, "Process-1")
    story.wait(10, 1001, "condition", ready)
    story.notify(30, MAIN, ready, waiters=1)
    story.wake(31, 1001, ready)
    text = text_of(signals.PANEL, story.state_at(50), 100, 2)
    assert "nobody waits, last notify by ●M MainProcess 20.0 ms ago" in text
    assert "to nobody" not in text


def test_the_signals_are_drawn_in_ascii_and_without_a_word_cut_where_they_are_shorter() -> None:
    text = text_of(signals.PANEL, stages().state_at(1300), 60, 8, ascii=True)
    assert "start |   | open 1.2 s, set by *M MainProcess" in text
    assert "stop  |---| shut < *3 200 ms" in text
    for width in range(30, 101):
        assert "…" not in text_of(signals.PANEL, stages().state_at(1300), width, 8)


# Pipes -------------------------------------------------------------------------------------------


def test_a_pipe_is_a_picture_of_each_way() -> None:
    state = talk().state_at(400)
    lines = text_of(pipes.PANEL, state, 100, 10).splitlines()
    assert lines[0].split() == ["parent/child", "●M", "═" * 35 + "▶", "●1", "waits", "68.0", "ms"]
    assert lines[2].split() == ["●1", "═" * 35 + "▶", "●M", "waits", "90.0", "ms"]
    assert lines[3].split()[:8] == ["29", "sent", "29/s", "29", "got", "29/s", "11.6", "kB"]
    assert pipes.title(state, View()) == "4 pipes, 3 waiting"


def test_messages_on_their_way_lie_where_they_are_read() -> None:
    story = Story()
    end, _ = story.pipe("reader", "writer", duplex=False)
    story.start(5, 1001, "Process-1")
    assert "writer ═" in text_of(pipes.PANEL, story.state, 80)
    for _ in range(3):
        story.send(10, MAIN, end)
    rows = rows_of(pipes.PANEL, story.state, 80)
    assert "●M 3 ══" in rows[0].text
    assert "══███▶ reader" in rows[0].text
    assert styles_of(rows, "███") == {"activity.queue"}
    story.receive(11, 1001, end)
    assert "●M 2 ══" in text_of(pipes.PANEL, story.state, 80)
    assert "==##> *1" in text_of(pipes.PANEL, story.state, 80, ascii=True)


@pytest.mark.parametrize("width", [40, 60, 100])
def test_who_waits_for_room_stands_where_it_sends(width: int) -> None:
    rows = rows_of(pipes.PANEL, talk().state_at(400), width, 5)
    assert rows[2].text.index("●2") < rows[2].text.index("70.0 ms") < rows[2].text.index(" 45 ")
    assert rows[2].text.index(" 45 ") < rows[2].text.index("█▶ ●3")


def test_a_pipe_that_is_read_to_its_end_says_so_and_one_that_refuses_too() -> None:
    story = talk()
    story.read_to_end(340, 1003, "readings")
    text = text_of(pipes.PANEL, story.state_at(400), 120, 5)
    assert "read to its end" in text.splitlines()[2]
    assert "1 message refused" in text.splitlines()[4]


def test_pipes_are_filtered_by_name() -> None:
    state = talk().state
    assert len(rows_of(pipes.PANEL, state, 80, 9, filter="sensor")) == 2
    assert "no pipe matches" in text_of(pipes.PANEL, state, 80, 9, filter="zzz")


# Managers ----------------------------------------------------------------------------------------


def test_a_manager_has_its_objects_below_it_the_busiest_first() -> None:
    state = shared().state_at(300)
    lines = text_of(managers.PANEL, state, 100, 6).splitlines()
    assert words_of(lines[0]) == "●s1 SyncManager-1 122/s of 122 calls 1 waiting 2 objects pid 1001"
    assert words_of(lines[1]) == "scores 120 calls 120/s dict p50 0.52 ms ●2 ●3 ●4 update 78 get 42"
    assert lines[2].split()[:1] == ["gate"]
    assert managers.title(state, View()) == "1 manager, 2 objects, 1 waiting"


@pytest.mark.parametrize(
    ("width", "words"),
    [(100, "●3 waits 38.0 ms for acquire"), (60, "●3 38.0 ms acquire"), (54, "●3 38.0 ms")],
)
def test_who_waits_for_an_answer_is_said_in_what_room_there_is(width: int, words: str) -> None:
    rows = rows_of(managers.PANEL, shared().state_at(300), width, 6)
    assert words in rows[2].text
    assert "activity.result" in styles_of(rows[2:], " 38.0 ms")


def test_a_manager_that_has_ended_with_callers_waiting_is_trouble() -> None:
    story = shared()
    story.exit(290, 1001, -9)
    rows = rows_of(managers.PANEL, story.state_at(300), 100, 6)
    assert "○s1 SyncManager-1 has ended" in rows[0].text
    assert styles_of(rows, "has ended") == {"trouble"}


# Shared memory -----------------------------------------------------------------------------------


def test_a_block_says_how_large_it_is_and_who_has_it() -> None:
    lines = text_of(memory.PANEL, shared().state, 100, 6).splitlines()
    assert words_of(lines[0]) == "frame 8.3 MB attached ●M ●2 ●3 ●4 made by ●M psm_frame"
    assert words_of(lines[1]) == "another 4.1 kB attached ●3 not made here"
    assert words_of(lines[2]) == "table 4.1 kB unlinked made by ●M psm_table"
    assert memory.title(shared().state, View()) == "3 blocks of shared memory, 8.3 MB"


def test_more_users_than_fit_are_counted() -> None:
    assert "attached ●M ●2 +2" in text_of(memory.PANEL, shared().state, 40, 6)


def test_a_block_that_was_never_unlinked_is_trouble_when_the_program_has_ended() -> None:
    story = shared()
    assert "never" not in text_of(memory.PANEL, story.state, 100, 6)
    story.end(400)
    rows = rows_of(memory.PANEL, story.state, 100, 6)
    assert "attached by nobody  never unlinked" in rows[0].text
    assert styles_of(rows, "never unlinked") == {"trouble"}
    assert "never" not in rows[1].text + rows[2].text


# Output and log ----------------------------------------------------------------------------------


def spoken() -> Story:
    story = Story()
    story.start(5, 1001, "Process-1")
    for number in range(20):
        story.output(10 + number, 1001, f"line {number}")
    story.output(40, MAIN, "it broke", "stderr")
    return story


def test_output_ends_at_the_bottom_and_tells_stderr_by_a_sign() -> None:
    rows = rows_of(output.PANEL, spoken().state, 60, 3)
    assert [row.text.rstrip() for row in rows] == ["●1 │ line 18", "●1 │ line 19", "●M ! it broke"]
    assert output.title(spoken().state, View()) == "output, 21 lines"


def test_output_scrolls_up_and_filters() -> None:
    state = spoken().state
    rows = rows_of(output.PANEL, state, 60, 3, scroll={"output": 5})
    assert [row.text.strip() for row in rows] == ["●1 │ line 14", "●1 │ line 15", "▾ 5 newer"]
    assert "line 7" in text_of(output.PANEL, state, filter="line 7")
    assert text_of(output.PANEL, state, filter="main") == "●M ! it broke"


def test_output_shows_markup_and_wide_text_as_it_is() -> None:
    story = spoken()
    story.output(50, 1001, "[bold]日本語[/bold] 🎉")
    story.output(51, 1001, "世" * 4000)
    rows = rows_of(output.PANEL, story.state, 40, 2)
    assert "[bold]日本語[/bold] 🎉" in rows[0].text
    assert rows[1].text.startswith("●1 │ 世世")


def test_the_log_tells_what_happened_with_trouble_in_red() -> None:
    rows = rows_of(log.PANEL, counter(ended=True).state, 90, 20)
    text = "\n".join(row.text for row in rows)
    assert "MainProcess starts Process-1 (1001, fork)" in text
    assert "! Process-4 ended by SIGKILL" in text
    assert styles_of(rows, "ended by SIGKILL") == {"trouble"}
    assert styles_of(rows, "exit code 0") == {""}


def test_every_record_can_be_read() -> None:
    story = held()
    story = held(signal=True)
    text = text_of(log.PANEL, story.state, 110, 40, all_events=True)
    assert "Process-2 lock.acquired counter" in text
    assert "Process-1 wait counter what=lock" in text
    assert "MainProcess wait Process-1 what=process" in text
    assert "MainProcess process.signalled child=Process-1 SIGTERM" in text
    story.exit(500, 1001, 0)
    text = text_of(log.PANEL, story.state, 110, 40, all_events=True)
    assert "process.exited child=Process-1 exit_code=0" in text


def test_every_record_can_be_filtered() -> None:
    text = text_of(log.PANEL, held().state, 110, 40, all_events=True, filter="lock.acq")
    assert len(text.splitlines()) == 1


# Source ------------------------------------------------------------------------------------------

PROGRAM = "\n".join(f"step_{number} = {number}" for number in range(1, 101))


def at_lines() -> Story:
    story = held()
    for number in (40, 41, 42):
        story.site(number, number)
    story.events = [event for event in story.events if event.time < moment(8)]
    story.acquire(10, 1002, "/counter", site=41)
    story.wait(12, 1001, "lock", "/counter", site=40)
    return story


source = make_panel(lambda file: Source(highlighted(PROGRAM) if file == "counter.py" else ()))


def test_the_source_shows_who_is_at_which_line_and_who_waits() -> None:
    rows = rows_of(source, at_lines().state, 80, 12)
    waiting = next(row for row in rows if "step_40" in row.text)
    working = next(row for row in rows if "step_41" in row.text)
    assert "●1▷ " in waiting.text
    assert "●2▶ " in working.text
    assert source.title(at_lines().state, View()) == "source, counter.py:40"


def test_the_source_keeps_the_busy_lines_in_sight_and_has_colours() -> None:
    for height in (3, 5, 9, 16, 40):
        rows = rows_of(source, at_lines().state, 80, height)
        assert any("step_40" in row.text for row in rows)
    assert styles_of(rows, "40") & {"code.number", "strong"}


def test_the_source_can_be_scrolled_and_follows_the_selected() -> None:
    state = at_lines().state
    rows = rows_of(source, state, 80, 5, scroll={"source": 9})
    assert "step_10 " in rows[0].text
    rows = rows_of(source, state, 80, 5, selected="1002")
    chosen = next(row for row in rows if "step_41" in row.text)
    assert all("selected" in style for _, style in chosen.parts)


def test_an_unreadable_file_says_so() -> None:
    silent = make_panel(lambda file: Source((), error="No such file or directory"))
    (row,) = rows_of(silent, at_lines().state, 60, 5)
    assert row.text.strip() == "counter.py cannot be read: No such file or directory"


@pytest.mark.parametrize(("then", "now", "changed"), [(7, 7, False), (7, 8, True), (0, 8, False)])
def test_a_file_that_was_changed_since_says_so(then: int, now: int, changed: bool) -> None:
    story = Story()
    story.start(5, 1001, "Process-1")
    story.wait(8, 1001, "lock", "no lock", site=story.site(1, 40, checksum=then))
    edited = make_panel(lambda file: Source(highlighted(PROGRAM), now))
    rows = rows_of(edited, story.state, 80, 12)
    assert ("the file has changed since" in rows[0].text) == changed
    assert any("step_40" in row.text for row in rows)
    assert len(rows) == 12


def test_a_file_has_its_path_within_the_program() -> None:
    story = Story()
    for number, file in enumerate(
        ("/home/me/bank/main.py", "/home/me/bank/ledger/account.py", "/usr/lib/python3.11/queue.py")
    ):
        story.site(number + 1, 3, file=file)
    state = story.state
    paths = {
        file: short_path(state, file)
        for file in (
            "/home/me/bank/main.py",
            "/home/me/bank/ledger/account.py",
            "/venv/lib/python3.11/site-packages/library/wait.py",
            "/usr/lib/python3.11/queue.py",
            "/elsewhere/other.py",
        )
    }
    assert list(paths.values()) == [
        "main.py",
        "ledger/account.py",
        "library/wait.py",
        "queue.py",
        "other.py",
    ]


def test_numbers_without_end_and_none_are_drawn_too() -> None:
    story = racing()
    for time, content in enumerate((float("inf"), float("nan"), -3.5, 2**64 - 1, None, b"x".hex())):
        story.write(20 + time, 1001, "counter", content, 0)
        assert rows_of(values.PANEL, story.state, 60, 6)


def test_output_that_went_past_mpviz_is_not_told_as_nothing() -> None:
    state = spoken().state
    state.output.clear()
    assert state.run is not None
    state.run.captured = False
    assert "the output went past mpviz" in text_of(output.PANEL, state)


def test_cores_that_a_system_does_not_tell_of_are_said_to_be_unknown() -> None:
    state = counter().state
    state.cores.history.append((state.now, []))
    assert "does not say how its cores are used" in text_of(cores.PANEL, state)
