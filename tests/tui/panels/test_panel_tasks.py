"""The panel of pools and their tasks, drawn from golden runs and read as text."""

from helpers.panel_stories import pool_map
from helpers.panels import rows_of, styles_of, text_of
from helpers.story import Story
from mpviz.tui.panels import (
    log,
    processes,
    tasks,
)
from mpviz.tui.render.view import View


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


def test_two_rows_are_the_job_and_its_bar_and_one_is_the_bar() -> None:
    state = pool_map().state_at(430)
    job, bar = text_of(tasks.PANEL, state, 100, 2).splitlines()
    assert "1 lost" in job
    assert bar.count("✗") == 2 * 3, "of two tasks"
    assert text_of(tasks.PANEL, state, 100, 1) == bar


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
    assert "worker 2 takes the place of worker 1" in text_of(log.PANEL, story.state, 100)
