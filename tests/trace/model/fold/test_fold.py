"""The fold as a whole: samples, output, lost records, and what is kept of a long run."""

from __future__ import annotations

import pytest

from helpers.story import (
    ANNA,
    BERT,
    MAIN,
    MS,
    VIEWER,
    Story,
    doing,
    process_sample,
)
from mpviz.trace.explain.follow import follow
from mpviz.trace.explain.report import summary
from mpviz.trace.model.events import (
    Event,
    Marked,
    Output,
    ProbeError,
    Sample,
    Site,
    Unreadable,
    WaitOver,
)
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.lock import (
    Lock,
    LockAcquired,
    LockCreated,
    LockReleased,
)
from mpviz.trace.model.primitives.pool_events import (
    TaskEnded,
    TaskStarted,
)
from mpviz.trace.model.primitives.pool_state import TASK_LIMIT, Pool, Task
from mpviz.trace.model.primitives.queue import (
    ItemPut,
    Queue,
)
from mpviz.trace.model.primitives.value import SharedValue
from mpviz.trace.model.state import LOG_LIMIT, OUTPUT_LIMIT
from mpviz.trace.model.told import RECENT_LIMIT


def test_samples_say_what_the_machine_does(two: Story) -> None:
    busy = {"cpu_percent": 90.0, "cpu_seconds": 1.5, "core": 1}
    two.tell(
        20,
        VIEWER,
        Sample,
        cores=[10.0, 95.0],
        processes=[
            process_sample(ANNA, started=ANNA, status="R", rss=5000, **busy),
            process_sample(BERT, started=BERT, status="S"),
        ],
    )
    two.tell(
        120,
        VIEWER,
        Sample,
        cores=[30.0, 5.0],
        processes=[process_sample(ANNA, started=ANNA, status="T", rss=4000, core=0)],
        gone=[BERT],
    )
    assert [entry["mean_percent"] for entry in two.document()["cores"]] == [20.0, 50.0]
    anna, bert = two.process(ANNA), two.process(BERT)
    assert (anna.state, anna.rss, anna.peak_rss, anna.cpu_seconds) == ("stopped", 4000, 5000, 1.5)
    assert doing(bert, 19, 20, 119) == ["running", "sleeping", "sleeping"]
    two.tell(220, VIEWER, Sample, cores=[20.0, 50.0], processes=[])
    assert (bert.alive, bert.exit_code) == (False, None)
    uses = [[core.shares for core in moment] for _, moment in two.state.cores.history]
    assert uses == [[{}, {str(ANNA): 90.0}], [{}, {}], [{}, {}]]
    assert two.state.cores.samples_per_second == pytest.approx(10)
    # mpviz was stopped for ten seconds.
    two.tell(10_220, VIEWER, Sample, cores=[20.0, 50.0], processes=[])
    two.tell(10_320, VIEWER, Sample, cores=[20.0, 50.0], processes=[])
    assert two.state.cores.samples_per_second == pytest.approx(10)


def test_output_comes_together_again_line_by_line(two: Story) -> None:
    two.tell(20, ANNA, Output, stream="stdout", text="half ", ended=False)
    two.output(21, ANNA, "and half")
    two.output(22, BERT, "all", "stderr")
    lines = [(line.process, line.stream, line.text) for line in two.state.output]
    assert lines == [(str(ANNA), "stdout", "half and half"), (str(BERT), "stderr", "all")]
    assert two.state.output_lines == 2


def test_lines_of_two_writers_are_not_mixed(two: Story) -> None:
    two.tell(20, ANNA, Output, stream="stdout", text="half", ended=False)
    two.output(21, BERT, "other")
    assert [line.text for line in two.state.output] == ["half", "other"]


def test_what_a_person_did_is_in_the_log(two: Story) -> None:
    two.tell(20, VIEWER, Marked, action="freeze")
    assert two.state.frozen
    two.tell(21, VIEWER, Marked, action="go on")
    assert not two.state.frozen
    two.tell(22, VIEWER, Marked, action="stop")
    assert two.state.ending == 22 * MS
    assert two.log[-3:] == [
        "the program is frozen by hand",
        "the program is resumed by hand",
        "the program is being ended by hand",
    ]


def test_troubles_of_our_own_are_counted_and_shown(two: Story) -> None:
    two.tell(20, ANNA, ProbeError, where="lock", error="KeyError: 1")
    two.tell(21, VIEWER, Unreadable, text="rubbish")
    stream = two.document()["stream"]
    assert (stream["probe_errors"], stream["unreadable"], stream["lost"]) == (1, 1, 0)
    assert "KeyError: 1" in summary(two.state)
    assert [entry.trouble for entry in list(two.state.log)[-2:]] == [True, True]


def test_a_wait_of_an_unknown_kind_is_our_error_and_not_a_wait(two: Story) -> None:
    two.wait(20, ANNA, "godot", "x")
    assert (two.state.probe_errors, two.process(ANNA).wait) == (1, None)


def test_dropped_records_are_lost_at_once(two: Story) -> None:
    two.tell(20, ANNA, WaitOver, dropped=5)
    assert two.state.lost == 5
    two.go_on(21, ANNA)
    assert two.document()["stream"]["lost"] == 5


def test_a_gap_in_the_numbers_of_a_dead_process_is_lost(two: Story) -> None:
    # It is the third, after a hello and a beginning.
    two.tell(20, ANNA, WaitOver, number=6)
    assert two.state.lost == 0
    two.exit(21, ANNA, -9)
    assert two.state.lost == 3


def test_an_object_without_an_assignment_is_named_by_its_place(story: Story) -> None:
    story.begin()
    story.tell(
        1, MAIN, Site, site=3, file="/a/b/story.py", line=30, function="f", code="return Lock()"
    )
    for number in range(3):
        story.tell(2, MAIN, LockCreated, object=f"L{number}", kind="Lock", maximum=1, site=3)
    story.tell(2, MAIN, LockCreated, object="L3", kind="Lock", maximum=1)
    assert [lock.name for lock in story.state.table(Lock).values()] == [
        "story.py:30",
        "story.py:30 #2",
        "story.py:30 #3",
        "Lock 1",
    ]


def test_old_detail_goes_and_the_totals_stay(pool: Story) -> None:
    pool.lock("L")
    lock = pool.state.table(Lock)["/L"]
    events: list[Event] = []
    times = 2 * TASK_LIMIT
    for number in range(times):
        at = (20 + number) * MS
        common = {"object": "P", "job": 0, "index": number}
        events += [
            TaskStarted(time=at, pid=ANNA, function="square", items=1, **common),
            LockAcquired(time=at + 1, pid=ANNA, object="/L"),
            LockReleased(time=at + 2, pid=ANNA, object="/L"),
            TaskEnded(time=at + 3, pid=ANNA, error="E" if number % 2 else "", **common),
            Output(time=at + 4, pid=ANNA, stream="stdout", text="line"),
        ]
    follow(pool.state, events)
    state = pool.state
    assert len(state.table(Task)) <= 1.1 * TASK_LIMIT
    assert len(state.log) <= LOG_LIMIT
    assert len(state.recent) <= RECENT_LIMIT
    assert len(state.output) <= OUTPUT_LIMIT
    job = state.table(Pool)["P"].jobs[0]
    assert (job.started, job.done, job.raised) == (times, times // 2, times // 2)
    assert state.table(Pool)["P"].done_by == {str(ANNA): times}
    assert state.table(Pool)["P"].duration.count == times
    assert (lock.acquisitions, lock.releases, lock.hold.total) == (times, times, times)
    assert state.output_lines == times
    assert state.log_entries > times // 2
    anna = pool.process(ANNA)
    assert sum(anna.lane.mix(0, state.now)) == state.now - anna.lane.origin
    assert anna.lane.mix(0, state.now)[Activity.TASK] == 3 * times


def test_a_long_task_is_remembered_over_any_number_of_short_ones(pool: Story) -> None:
    pool.task(13, BERT, "P", 0, 0)
    events: list[Event] = []
    for number in range(2 * TASK_LIMIT):
        common = {"time": 20 * MS + number, "pid": ANNA, "object": "P", "job": 1, "index": number}
        events += [TaskStarted(function="f", items=1, **common), TaskEnded(**common)]
    follow(pool.state, events)
    pool.tell(30, BERT, TaskEnded, object="P", job=0, index=0)
    job = pool.state.table(Pool)["P"].jobs[0]
    assert (job.started, job.done) == (1, 1)
    assert pool.process(BERT).task == ""
    first = pool.document()["tasks"][0]
    assert (first["job"], first["outcome"], first["worker_pid"]) == (0, "done", BERT)


def test_values_and_queues_keep_their_history_bounded(value: Story) -> None:
    queue = value.state.table(Queue)[value.queue("Q")]
    for number in range(5000):
        value.tell(20 + 3 * number, ANNA, ItemPut, object="Q")
        value.write(20 + 3 * number, ANNA, "counter", number + 1, number)
    history = value.state.table(SharedValue)["counter"].history
    assert len(history.times) <= history.LIMIT
    assert len(queue.depths.times) <= queue.depths.LIMIT
    assert (queue.depth, queue.max_depth, queue.puts.count) == (5000, 5000, 5000)
    assert history.peak(0, value.state.now + 1) == 5000


def test_a_look_that_saw_a_process_in_a_wait_does_not_say_that_it_sleeps_after_it() -> None:
    story = Story()
    story.start(3, ANNA, "Anna")
    gate = story.lock("gate")
    for time in (100, 200, 300):
        story.wait(time - 90, ANNA, "lock", gate)
        story.acquire(time - 1, ANNA, gate)
        # It was read while Anna waited, and is told with the time at the end of the look.
        story.sample(time, [0, 0], {MAIN: (0, 0), ANNA: (0, 0)})
        assert story.process(ANNA).state == "running"
        story.release(time + 1, ANNA, gate)
    story.sample(400, [0, 0], {MAIN: (0, 0), ANNA: (0, 0)})
    assert story.process(ANNA).state == "sleeping", "nothing else explains it"


def test_a_line_that_comes_before_its_writer_is_known_is_signed_later() -> None:
    story = Story()
    story.tell(5, ANNA, Output, stream="stdout", text="hello", ended=True)
    story.start(6, ANNA, "Anna")
    story.tell(7, BERT, Output, stream="stdout", text="never seen", ended=True)
    assert [line.process for line in story.state.output] == [str(ANNA), ""]
