"""Where the time went: phases that add up to the run's length, and what sharing work has brought.

Times are milliseconds.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from helpers.examples import examples
from helpers.fold_model import play, streams
from helpers.story import ANNA, BERT, CARL, MAIN, MS, SUPERVISOR
from helpers.time_story import Story
from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.phases import Phase, gain, phases, workers_of
from mpviz.trace.explain.report import document, summary
from mpviz.trace.explain.time_report import gain_in_words
from mpviz.trace.model.events import ProcessExited, ProcessSample, Sample, Waiting, WaitOver
from mpviz.trace.model.lane import CpuReadings
from mpviz.trace.model.primitives.lock import LockAcquired, LockCreated, LockReleased
from mpviz.trace.model.primitives.manager import ManagerServing
from mpviz.trace.model.primitives.pool_events import (
    PoolCreated,
    TaskArrived,
    TaskEnded,
    TaskStarted,
    WorkerInitializing,
    WorkerReady,
)
from mpviz.trace.model.primitives.process import Began, Exiting, Finished, Hello, Started
from mpviz.trace.model.state import RunState
from mpviz.tui.render.states import in_words


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def pool(story: Story) -> Story:
    """Anna and Bert are the workers of a pool from 20 ms on, after 10 ms of start-up."""
    story.tell(5, MAIN, PoolCreated, object="P", workers=2)
    for pid, name in ((ANNA, "Anna"), (BERT, "Bert")):
        story.child(10, pid, name, began=18, cpu=8)
        story.tell(18, pid, WorkerInitializing, object="P", function="prepare")
        story.tell(20, pid, WorkerReady, object="P", cpu=0.010)
    return story


def test_the_life_of_a_worker_from_before_its_start_to_after_its_end(pool: Story) -> None:
    pool.work(30, 60, ANNA, cpu=10 + 25)
    pool.tell(80, ANNA, Exiting)
    pool.tell(82, ANNA, Finished, exit_code=0, cpu=0.036, rss=1)
    pool.tell(85, SUPERVISOR, ProcessExited, child=ANNA, exit_code=0)
    pool.end(100)
    assert pool.spent("Anna") == {
        "not_there_yet": 10,
        "starting": 8,
        "initializing": 2,
        "working_on_cpu": 25,
        "working_off_cpu": 5,
        "waiting_for_task": 10 + 20,
        "ending": 5,
        "gone": 15,
    }


def test_a_wait_is_a_phase_of_its_own_also_within_a_task(pool: Story) -> None:
    pool.tell(25, MAIN, LockCreated, object="L", kind="Lock", maximum=1)
    common = {"object": "P", "job": 0, "index": 1}
    pool.tell(30, ANNA, TaskStarted, function="f", items=1, **common)
    pool.tell(35, ANNA, Waiting, what="lock", object="L")
    pool.tell(55, ANNA, LockAcquired, object="L")
    pool.tell(60, ANNA, TaskEnded, cpu=0.020, **common)
    pool.end(100)
    spent = pool.spent("Anna")
    assert (spent["waiting_for_lock"], spent["working_on_cpu"]) == (20, 10)
    assert "working_off_cpu" not in spent


def test_what_a_killed_worker_did_after_its_last_reading_is_not_known(pool: Story) -> None:
    common = {"object": "P", "job": 0, "index": 1}
    pool.tell(30, ANNA, TaskStarted, function="f", items=1, **common)
    pool.look(40, p1001=18)
    pool.tell(47, SUPERVISOR, ProcessExited, child=ANNA, exit_code=-9)
    pool.end(100)
    spent = pool.spent("Anna")
    assert (spent["working_on_cpu"], spent["working_off_cpu"]) == (8, 2)
    assert spent["working_unmeasured"] == 7
    assert pool.gain().is_lower_bound
    assert "speed-up at least" in summary(pool.state)


def test_a_child_of_the_fork_server_starts_until_it_has_loaded_the_program(story: Story) -> None:
    story.tell(5, 70, Hello, parent=MAIN, started=70, role="fork server")
    story.tell(10, ANNA, Hello, parent=70, started=ANNA, role="process", forked=True)
    fields = {"name": "Anna", "daemon": False}
    story.tell(10, MAIN, Started, child=ANNA, method="forkserver", function="f", **fields)
    story.tell(35, ANNA, Began, parent=MAIN, cpu=0.020, **fields)
    story.look(60, p1001=20 + 25)
    story.end(60)
    assert story.spent("Anna") == {"not_there_yet": 10, "starting": 25, "working_on_cpu": 25}


def test_asleep_in_its_own_code_and_stopped_are_told_apart(story: Story) -> None:
    story.child(0, ANNA, "Anna", began=10)
    story.tell(
        40,
        0,
        Sample,
        cores=[0.0],
        processes=[ProcessSample(ANNA, ANNA, MAIN, "S", 0.0, 0.010, 1, 0)],
    )
    story.look(60, "T", p1001=10)
    story.look(70, "Z", p1001=10)
    story.tell(80, SUPERVISOR, ProcessExited, child=ANNA, exit_code=0)
    story.end(100)
    spent = story.spent("Anna")
    assert [spent[phase] for phase in ("sleeping", "stopped", "zombie", "gone")] == [20, 10, 10, 20]


def test_the_main_process_has_phases_of_its_own_and_is_not_in_the_total(story: Story) -> None:
    story.child(20, ANNA, "Anna", began=30)
    story.tell(30, MAIN, Waiting, what="process", object=str(ANNA))
    story.tell(80, MAIN, WaitOver)
    story.end(100)
    assert story.spent("MainProcess")["waiting_for_process"] == 50
    found = document(story.state)["phases"]
    assert found["total"]["waiting_for_process"] == 0
    assert [each["counted_as"] for each in found["processes"]] == ["worker", "main"]


def test_workers_are_those_of_the_pools_else_the_children_and_never_helpers(story: Story) -> None:
    def names() -> list[str]:
        return [process.name for process in workers_of(story.state)]

    story.tell(5, 70, Hello, parent=MAIN, started=70, role="resource tracker")
    story.child(5, CARL, "Manager", began=6)
    story.tell(7, CARL, ManagerServing, object="address")
    assert names() == []
    story.tell(10, 90, Hello, parent=MAIN, started=90, role="process", forked=True)
    assert names() == ["fork of MainProcess"]
    story.child(10, ANNA, "Anna", began=11)
    assert names() == ["Anna"]
    story.child(10, BERT, "Bert", began=11)
    story.tell(20, BERT, WorkerReady, object="P")
    assert names() == ["Bert"]


# Speed-up


def test_two_at_work_on_two_cores_are_twice_as_fast(pool: Story) -> None:
    for pid in (ANNA, BERT):
        pool.work(20, 90, pid, cpu=80)
        pool.tell(90, SUPERVISOR, ProcessExited, child=pid, exit_code=0)
    pool.end(100)
    found = pool.gain()
    assert (found.at_once, found.window, found.serial) == (2, 80 * MS, 140 * MS)
    assert found.by_cpu
    assert (found.speed_up, found.efficiency) == (1.75, 0.875)
    assert "speed-up 1.8: 140 ms of CPU time in 80.0 ms, efficiency 88% with 2 workers at once" in (
        summary(pool.state)
    )


def test_work_that_waits_is_counted_by_its_time(pool: Story) -> None:
    found = asleep_in_tasks(pool, "network", 10).gain()
    assert not found.by_cpu
    assert found.serial == 140 * MS
    said = "140 ms of work, with its waits for disks and the network, in 90.0 ms"
    assert said in summary(pool.state)


def test_work_that_waits_for_a_core_is_counted_by_its_cpu_time(story: Story) -> None:
    story.tell(5, MAIN, PoolCreated, object="P", workers=8)
    for pid in range(101, 109):
        story.child(10, pid, f"worker {pid}", began=10)
        story.tell(10, pid, WorkerReady, object="P", cpu=0.000001)
        story.work(10, 90, pid, cpu=20)
        story.tell(90, SUPERVISOR, ProcessExited, child=pid, exit_code=0)
    story.end(100)
    found = story.gain()
    assert (found.by_cpu, found.at_once) == (True, 8)
    assert found.speed_up == pytest.approx(2.0, rel=0.01)
    assert "efficiency 25% with 8 workers at once, 2 cores" in summary(story.state)


@pytest.mark.parametrize(("status", "by_cpu"), [("R", True), ("S", False)])
def test_a_look_at_the_work_tells_whether_it_waits_for_a_core_that_others_have(
    pool: Story, status: str, by_cpu: bool
) -> None:
    pool.tell(20, ANNA, TaskStarted, object="P", job=0, index=1, function="f", items=1)
    pool.look(60, status, p1001=12)
    pool.tell(90, ANNA, TaskEnded, object="P", job=0, index=1, cpu=0.014)
    pool.end(100)
    assert pool.gain().by_cpu is by_cpu


def test_a_worker_in_the_place_of_another_is_not_one_more_at_once(pool: Story) -> None:
    pool.tell(50, SUPERVISOR, ProcessExited, child=ANNA, exit_code=0)
    pool.child(50, CARL, "Carl", began=55)
    pool.tell(55, CARL, WorkerReady, object="P")
    pool.end(100)
    assert (pool.gain().at_once, document(pool.state)["phases"]["workers"]) == (2, 3)


def test_before_any_work_there_is_nothing_to_say(story: Story) -> None:
    assert "speed-up" not in summary(story.state)
    assert "time of" not in summary(story.state)
    story.child(5, ANNA, "Anna", began=10)
    found = document(story.state)["phases"]
    assert (found["speed_up"], found["efficiency"]) == (None, None)


# How long things took


def test_tasks_waits_and_holds_have_their_distributions(pool: Story) -> None:
    pool.tell(20, MAIN, LockCreated, object="L", kind="Lock", maximum=1)
    for number in range(10):
        pool.work(20 + number, 20.5 + number, ANNA, cpu=20)
    pool.tell(40, ANNA, LockAcquired, object="L")
    pool.tell(41, BERT, Waiting, what="lock", object="L")
    pool.tell(48, ANNA, LockReleased, object="L")
    pool.tell(49, BERT, LockAcquired, object="L")
    pool.end(100)
    told = {each["what"]: each for each in document(pool.state)["timings"]}
    assert list(told) == ["task", "wait", "hold"]
    assert [told[what]["count"] for what in told] == [10, 1, 1]
    task, wait, hold = told.values()
    assert (wait["total"], hold["longest"]) == (0.008, 0.008)
    assert task["p50"] == pytest.approx(0.0005, rel=0.2)
    assert task["p50"] <= task["p90"] <= task["p99"] <= task["longest"] == 0.0005
    assert sum(count for _, count in task["histogram"]) == 10
    assert (task["object"], wait["object"]) == ("P", "L")


# The readings of the CPU's clock


def test_between_two_readings_there_is_no_more_cpu_than_time_at_work() -> None:
    readings = CpuReadings()
    readings.add(200 * MS, 100 * MS, 0)
    assert readings.on_cpu == 100 * MS
    # Four threads at once: what they had more does not fill up the time that comes after.
    readings.add(210 * MS, 300 * MS, 0)
    assert readings.on_cpu == 120 * MS


def test_a_clock_read_a_little_late_counts_for_the_time_after_it() -> None:
    readings = CpuReadings()
    readings.add(103 * MS, 100 * MS, 0)
    readings.add(200 * MS, 200 * MS, 0)
    assert readings.on_cpu == 200 * MS


def test_starting_and_working_share_the_cpu_by_their_time() -> None:
    readings = CpuReadings()
    readings.add(80 * MS, 25 * MS, 75 * MS)
    assert readings.on_cpu == 20 * MS


def test_an_old_reading_says_nothing() -> None:
    readings = CpuReadings()
    readings.add(50 * MS, 50 * MS, 0)
    readings.add(40 * MS, 60 * MS, 0)
    assert (readings.on_cpu, readings.worked) == (50 * MS, 50 * MS)


amounts = some.integers(0, 10**10)


@given(some.lists(some.tuples(amounts, amounts, amounts)))
def test_on_a_cpu_is_never_more_than_at_work(told: list[tuple[int, int, int]]) -> None:
    readings = CpuReadings()
    for clock, worked, aside in told:
        readings.add(clock, worked, aside)
        assert 0 <= readings.on_cpu <= readings.worked


# The sum


def assert_adds_up(state: RunState) -> None:
    found = phases(state)
    everybody = [*found.workers, *([found.main] if found.main else [])]
    for each in everybody:
        assert min(each.amounts) >= 0
        assert sum(each.amounts) == found.wall
        assert len(each.amounts) == len(Phase)
    assert sum(found.total) == found.wall * len(found.workers)
    assert gain(state, found).efficiency <= 1


@given(streams, some.booleans())
def test_the_phases_add_up_to_the_length_of_the_run_times_the_workers(
    steps: list[tuple[int, int, int, int]], ended: bool
) -> None:
    state = follow(RunState(), play(steps, ended=ended).events)
    found = phases(state)
    assert (found.begin, found.end) == (state.origin, state.now)
    assert found.workers or len(state.processes) == 1
    assert_adds_up(state)


@examples(50)
@given(streams)
def test_they_add_up_at_every_moment(steps: list[tuple[int, int, int, int]]) -> None:
    state = RunState()
    for event in play(steps).events:
        assert_adds_up(follow(state, [event]))


def test_they_add_up_where_the_lanes_are_thinned(pool: Story) -> None:
    lane = pool.state.by_pid[ANNA].lane
    lane.limit = 4
    for number in range(100):
        pool.work(20 + number, 20.25 + number, ANNA, cpu=20)
    assert lane.buckets
    assert_adds_up(pool.state)
    lane.condense(1)
    assert_adds_up(pool.state)
    assert pool.spent("Anna")["working_off_cpu"] == pytest.approx(25 - 10, abs=0.001)


# The thread that counts as the work of its process


def seen(
    story: Story,
    time: float,
    *,
    percent: float,
    status: str = "R",
    main: float = -1.0,
    asleep_in: str = "",
    without: float = 0.0,
) -> None:
    """A sample of Anna, 100 ms after the previous one: percent of a core, total seconds."""
    process = ProcessSample(ANNA, ANNA, MAIN, status, percent, time * percent / 100_000, 1, 0)
    process.main_seconds = process.cpu_seconds if main < 0 else main
    process.without_core, process.asleep_in = without, asleep_in
    story.tell(time, 0, Sample, cores=[0.0, 0.0], processes=[process])


def helped(story: Story, thread: int = 9) -> Story:
    """A thread of Anna waits for commands from 20 ms on."""
    story.child(0, ANNA, "Anna", began=10)
    story.tell(20, ANNA, Waiting, what="get", object="Q", thread=thread)
    return story


def test_a_main_thread_at_work_is_the_work_though_a_helper_waits(story: Story) -> None:
    helped(story)
    for time in (100, 200, 300):
        seen(story, time, percent=95)
    story.end(310)
    spent = story.spent("Anna")
    assert "waiting_for_queue" not in spent
    assert spent["working_on_cpu"] == pytest.approx(285, abs=11)


def test_a_main_thread_that_joins_a_thread_waits_for_the_same_thing_as_the_thread(
    story: Story,
) -> None:
    helped(story)
    seen(story, 100, percent=0, status="S", main=0, asleep_in="lock")
    assert story.state.by_pid[ANNA].state == "waiting"
    story.tell(180, ANNA, WaitOver, thread=9)
    assert story.state.by_pid[ANNA].state == "running"
    story.end(200)
    # Nothing is known about the time before its first sample.
    assert story.spent("Anna")["waiting_for_queue"] == 80


def test_the_wait_of_a_joined_thread_is_told_back_to_the_sample_before(story: Story) -> None:
    helped(story)
    seen(story, 100, percent=20, status="S", main=0, asleep_in="else")
    seen(story, 200, percent=20, status="S", main=0, asleep_in="lock")
    story.end(250)
    assert story.spent("Anna")["waiting_for_queue"] == 150


@pytest.mark.parametrize("asleep_in", ["clock", "else", "file lock"])
def test_a_main_thread_that_sleeps_by_itself_sleeps_whatever_a_helper_waits_for(
    story: Story, asleep_in: str
) -> None:
    helped(story)
    seen(story, 100, percent=0, status="S", main=0, asleep_in=asleep_in)
    assert story.state.by_pid[ANNA].state == "sleeping"


def test_where_the_system_hides_what_a_thread_sleeps_in_the_helper_counts(story: Story) -> None:
    helped(story)
    seen(story, 100, percent=0, status="S", main=0, asleep_in="")
    assert story.state.by_pid[ANNA].state == "waiting"


def test_a_thread_that_computes_is_the_work_though_the_main_thread_waits(story: Story) -> None:
    helped(story, thread=0)
    seen(story, 100, percent=0, status="S", main=0, asleep_in="else")
    assert story.state.by_pid[ANNA].state == "waiting"
    seen(story, 200, percent=51, status="S", main=0, asleep_in="else")
    assert story.state.by_pid[ANNA].state == "running"
    seen(story, 300, percent=49, status="S", main=0, asleep_in="else")
    assert story.state.by_pid[ANNA].state == "waiting"
    story.end(300)
    # It was at work between the two samples that show it, and not after the second one.
    assert story.spent("Anna")["waiting_for_queue"] == 80 + 100


def test_a_worker_on_a_core_since_its_last_task_unpickles_one(pool: Story) -> None:
    seen(pool, 50, percent=0, status="S", asleep_in="lock")
    assert pool.state.by_pid[ANNA].state == "idle"
    seen(pool, 150, percent=90)
    assert pool.state.by_pid[ANNA].state == "running"
    pool.work(170, 180, ANNA, cpu=200)
    assert pool.state.by_pid[ANNA].state == "idle"
    pool.end(200)
    assert pool.spent("Anna")["waiting_for_task"] == 30 + 20


# Ready, but without a core


def test_a_lack_of_cores_is_told_apart_from_other_reasons_for_work_off_the_cpu(pool: Story) -> None:
    pool.tell(20, ANNA, TaskStarted, object="P", job=0, index=1, function="f", items=1)
    seen(pool, 50, percent=40, without=0.0)
    seen(pool, 150, percent=40, without=0.030)
    pool.tell(150, ANNA, TaskEnded, object="P", job=0, index=1, cpu=0.060)
    pool.end(160)
    spent = pool.spent("Anna")
    assert (spent["waiting_for_core"], spent["working_off_cpu"]) == (30, 50)
    assert (pool.gain().without_core, pool.gain().by_cpu) == (30 * MS, True)


def test_waits_for_a_core_while_it_waits_for_something_else_are_no_work() -> None:
    readings = CpuReadings()
    readings.add_waits(0, 0, 0)
    readings.add_waits(40 * MS, 0, 0)
    assert readings.without_core == 0
    readings.add_waits(80 * MS, 10 * MS, 30 * MS)
    assert readings.without_core == 10 * MS
    readings.add_waits(70 * MS, 99 * MS, 30 * MS)
    assert readings.without_core == 10 * MS


def test_a_long_wait_for_a_core_counts_in_full_though_it_is_told_when_it_is_over(
    pool: Story,
) -> None:
    fields = {"object": "P", "job": 0, "index": 1}
    pool.tell(20, ANNA, TaskStarted, function="f", items=1, **fields)
    seen(pool, 100, percent=50, without=0.0)
    for time in range(200, 900, 100):
        seen(pool, time, percent=0, without=0.0)
    seen(pool, 900, percent=10, without=0.780)
    pool.end(900)
    assert pool.spent("Anna")["waiting_for_core"] == 780


@pytest.mark.parametrize(
    ("others", "without", "is_said"),
    [(1.2, 300, True), (0.9, 300, False), (1.2, 50, False), (1.2, 150, False)],
    ids=["starved", "they have less than half", "hardly ever without", "not for long"],
)
def test_a_starved_machine_is_named_with_numbers(
    story: Story, others: float, without: float, is_said: bool
) -> None:
    story.child(0, ANNA, "Anna", began=10)
    for time in (100, 200, 300, 400):
        process = ProcessSample(ANNA, ANNA, MAIN, "R", 20.0, time * 0.0002, 1, 0)
        process.without_core = without / 1000 * time / 400
        cores = [50.0 * others + 10] * 2
        story.tell(time, 0, Sample, cores=cores, processes=[process])
    story.end(400)
    lines = summary(story.state).splitlines()
    said = (
        f"other programs have {others / 2:.0%} of the 2 cores: this one's work was ready, but had"
    )
    found = [line for line in lines if said in line]
    assert bool(found) is is_said
    # Who reads the speed-up has read before that it is not the program's fault.
    assert not is_said or lines.index(found[0]) < len(lines) - 2
    told = document(story.state)["core_time"]
    assert (told["usable"], told["others"]) == (2, pytest.approx(others))
    assert (told["in_words"] is not None) is is_said


# Unexplained sleep


def test_sleep_in_code_of_its_own_is_no_work_and_the_speed_up_is_not_known(story: Story) -> None:
    story.child(0, ANNA, "Anna", began=10)
    story.child(0, BERT, "Bert", began=10)
    story.look(60, "S", p1001=1, p1002=1)
    story.end(100)
    found = story.gain()
    assert (found.is_known, found.serial, found.speed_up) == (False, 0, 0.0)
    assert "no speed-up is given: of the" in summary(story.state)
    told = document(story.state)["phases"]
    assert [told[each] for each in ("speed_up", "efficiency", "serial_estimate")] == [None] * 3
    assert "mpviz cannot see for what" in told["in_words"]


@pytest.mark.parametrize(
    ("statuses", "is_known"),
    [("RS", False), ("RRRRRRRRRR", True), ("S", False)],
    ids=["short sleeps", "no sleep, but a wait for a core that is not told yet", "asleep"],
)
def test_on_a_busy_machine_sleep_is_told_from_waits_for_a_core(
    story: Story, statuses: str, is_known: bool
) -> None:
    """Of each 100 ms, 10 are on a CPU, 45 are told as a wait for a core, and 45 may be anything."""
    story.child(0, ANNA, "Anna", began=1)
    for number in range(1, 11):
        status = statuses[number % len(statuses)]
        process = ProcessSample(ANNA, ANNA, MAIN, status, 10.0, number / 100, 1, 0)
        process.without_core = 0.045 * number
        story.tell(100 * number, 0, Sample, cores=[100.0, 100.0], processes=[process])
    story.end(1000)
    found = story.gain()
    assert (found.is_known, found.by_cpu) == (is_known, is_known)
    said = "speed-up 0.1" if is_known else "no speed-up is given"
    assert said in summary(story.state)


def test_little_that_is_not_explained_does_not_hide_the_speed_up(pool: Story) -> None:
    """A worker unpickles between its tasks, off the CPU for 2% of the time."""
    story = asleep_in_tasks(pool, "clock", 10)
    found = story.gain()
    slightly = replace(found, unexplained=found.worked // 40)
    assert slightly.is_known
    assert not replace(found, unexplained=found.worked // 10).is_known


def asleep_in_tasks(pool: Story, asleep_in: str, times: int, rest: str = "else") -> Story:
    """Anna and Bert each do one task, and ten samples find them asleep, so many of them in this."""
    for pid in (ANNA, BERT):
        pool.tell(20, pid, TaskStarted, object="P", job=0, index=pid, function="f", items=1)
    for number in range(10):
        sleeps_in = asleep_in if number < times else rest
        processes = [
            ProcessSample(pid, pid, MAIN, "S", 0.0, 0.010, 1, 0, asleep_in=sleeps_in)
            for pid in (ANNA, BERT)
        ]
        pool.tell(30 + 5 * number, 0, Sample, cores=[0.0, 0.0], processes=processes)
    for pid in (ANNA, BERT):
        pool.tell(90, pid, TaskEnded, object="P", job=0, index=pid, cpu=0.010)
    pool.end(100)
    return pool


@pytest.mark.parametrize(
    ("asleep_in", "times", "is_known"),
    [
        ("file lock", 10, False),
        ("lock", 10, False),
        ("clock", 10, False),
        ("else", 10, False),
        ("network", 1, False),
        ("network", 9, False),
        ("network", 10, True),
        ("disk", 10, True),
    ],
)
def test_a_task_off_the_cpu_is_at_work_only_if_it_is_known_to_be(
    pool: Story, asleep_in: str, times: int, is_known: bool
) -> None:
    assert asleep_in_tasks(pool, asleep_in, times).gain().is_known is is_known


@pytest.mark.parametrize(
    ("asleep_in", "said"),
    [
        ("clock", "they slept for 140 ms (time.sleep, or a wait with a time-out)"),
        ("lock", "they waited for 140 ms in locks between threads"),
        ("else", "they slept or waited for 140 ms, and mpviz cannot see for what"),
    ],
)
def test_who_gets_no_speed_up_reads_why(pool: Story, asleep_in: str, said: str) -> None:
    story = asleep_in_tasks(pool, asleep_in, 10)
    told = f"no speed-up is given: of the 140 ms that the workers had work, {said}"
    assert told in summary(story.state)
    assert document(story.state)["phases"]["speed_up"] is None


def test_sleeps_of_which_the_kernel_tells_no_place_are_as_the_others(pool: Story) -> None:
    story = asleep_in_tasks(pool, "network", 6, rest="")
    assert story.gain().is_known


@pytest.mark.parametrize(("length", "is_known"), [(1000, True), (4000, False)])
def test_workers_that_hardly_have_work_are_not_graded(
    pool: Story, length: int, is_known: bool
) -> None:
    """Two tasks of 60 ms each, which are on a CPU all the time, and then a wait for more."""
    for pid in (ANNA, BERT):
        pool.tell(20, pid, TaskStarted, object="P", job=0, index=pid, function="f", items=1)
        pool.tell(80, pid, TaskEnded, object="P", job=0, index=pid, cpu=0.060)
    pool.end(length)
    assert pool.gain().is_known is is_known
    told = "speed-up 0.1: " if is_known else "no speed-up is given: the workers had work for 120 ms"
    assert told in summary(pool.state)


def test_a_program_that_hangs_gets_no_grade(pool: Story) -> None:
    found = replace(asleep_in_tasks(pool, "network", 10).gain(), hangs=True)
    assert (found.is_known, found.speed_up, gain_in_words(found)) == (False, 0.0, [])


def test_a_limit_of_a_control_group_is_named_before_other_programs(story: Story) -> None:
    story.child(0, ANNA, "Anna", began=10)
    for time in range(100, 2100, 100):
        process = ProcessSample(ANNA, ANNA, MAIN, "R", 20.0, time * 0.0002, 1, 0)
        process.without_core = time / 1000 * 0.75
        stopped = {"periods": time // 100, "throttled": time // 200}
        story.tell(time, 0, Sample, cores=[80.0] * 2, processes=[process], **stopped)
    assert "other programs have" in summary(story.state)
    story.state.cores.granted = 0.5
    assert "limits the program to half a core, and stopped it in 50% of all" in (
        summary(story.state)
    )
    assert "other programs" not in summary(story.state)
    assert document(story.state)["core_time"]["throttled"] == 10


def test_work_on_the_cpu_is_known_whatever_else_slept(story: Story) -> None:
    story.child(0, ANNA, "Anna", began=10)
    story.look(60, p1001=50)
    story.look(70, "S", p1001=55)
    story.end(100)
    assert story.gain().by_cpu
    assert story.gain().is_known


def test_a_worker_unpickles_from_the_arrival_of_a_task_to_its_start(pool: Story) -> None:
    pool.tell(30, ANNA, TaskArrived, object="P")
    assert in_words(pool.state, pool.state.by_pid[ANNA])[1] == "unpickling a task"
    pool.look(50, "S", p1001=10)
    assert pool.state.by_pid[ANNA].state == "running"
    pool.work(70, 90, ANNA, cpu=20)
    pool.end(100)
    spent = pool.spent("Anna")
    assert (spent["waiting_for_task"], spent["working_off_cpu"]) == (10 + 10, 50)


def test_a_wait_for_a_core_that_is_told_late_does_not_make_a_light_process_busy(
    story: Story,
) -> None:
    """It sleeps 9 ms, waits 200 ms for a core and computes 1 ms: alone, it would use a tenth."""
    story.child(0, ANNA, "Anna", began=10)
    for number in range(1, 61):
        rounds = number * 100 // 210
        process = ProcessSample(ANNA, ANNA, MAIN, "R", 0.0, rounds / 1000, 1, 0)
        process.without_core = rounds * 0.2
        process.cpu_percent = rounds - (number - 1) * 100 // 210
        story.tell(number * 100, 0, Sample, cores=[100.0, 100.0], processes=[process])
    assert story.state.by_pid[ANNA].demand == pytest.approx(0.1, abs=0.15)
