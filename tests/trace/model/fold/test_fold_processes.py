"""Processes in the fold, whoever tells of them first: their names, parents, states and ends."""

from __future__ import annotations

import pytest

from helpers.story import (
    ANNA,
    BERT,
    MAIN,
    MS,
    SUPERVISOR,
    VIEWER,
    Story,
    doing,
    process_sample,
)
from mpviz.trace.explain.report import summary
from mpviz.trace.model.events import (
    Marked,
    ProcessExited,
    ProgramEnded,
    ProgramFailed,
    RunEnded,
    Sample,
    SupervisorSignalled,
    Waiting,
    WaitOver,
)
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.primitives.lock import (
    Lock,
    LockAcquired,
)
from mpviz.trace.model.primitives.pool_events import (
    TaskEnded,
)
from mpviz.trace.model.primitives.pool_state import Pool
from mpviz.trace.model.primitives.process import Began, Finished, Hello, Joined, Signalled, Started


def test_the_program_itself_stands_first_and_the_supervisor_is_not_a_process(story: Story) -> None:
    story.begin(start_method="spawn")
    story.end(500, 3)
    found = story.document()
    assert found["run"] == {
        "target": "story",
        "argv": ["python", "story.py"],
        "python": "python 3.11.7",
        "python_version": "",
        "start_method": "spawn",
        "duration": pytest.approx(0.5),
        "exit_code": 3,
        "error": None,
        "attached": None,
        "hang": [],
        "mpviz_version": "0.1.0",
    }
    (process,) = found["processes"]
    assert (process["name"], process["role"], process["exit_code"]) == ("MainProcess", "main", 3)
    assert process["parent_pid"] is None
    assert process["ended"] == pytest.approx(0.5)
    assert story.state.ended == 500 * MS


def test_a_program_that_cannot_start_says_why(story: Story) -> None:
    story.tell(0, SUPERVISOR, ProgramFailed, error="no such file")
    story.tell(1, VIEWER, RunEnded, exit_code=None)
    assert story.document()["run"]["error"] == "no such file"
    assert story.document()["run"]["exit_code"] is None
    assert summary(story.state) == "mpviz: no such file"


def test_a_join_waits_for_the_child_until_it_is_over(two: Story) -> None:
    two.wait(20, MAIN, "process", str(ANNA))
    assert two.words(MAIN) == "join Anna"
    assert two.process(MAIN).activity is Activity.PROCESS
    two.tell(28, ANNA, Finished, exit_code=0, cpu=0.5, rss=9000)
    two.exit(30, ANNA, 0)
    assert not two.process(ANNA).joined
    two.tell(31, MAIN, Joined, child=ANNA, exit_code=0)
    two.go_on(31, MAIN)
    anna = two.process(ANNA)
    assert (anna.joined, anna.exit_code, anna.ended) == (True, 0, 30 * MS)
    assert (anna.cpu_seconds, anna.peak_rss) == (0.5, 9000)
    assert doing(two.process(MAIN), 19, 20, 30, 31) == ["running", "process", "process", "running"]


def test_a_death_that_is_told_twice_stays_as_it_was_first(two: Story) -> None:
    two.tell(30, MAIN, Joined, child=ANNA, exit_code=-15)
    two.exit(35, ANNA, -15)
    two.tell(40, VIEWER, Sample, cores=[1.0], processes=[], gone=[ANNA])
    entry = two.document()["processes"][1]
    assert (entry["exit_code"], entry["signal"]) == (-15, "SIGTERM")
    assert entry["ended"] == pytest.approx(0.03)


def test_an_exit_code_that_comes_late_is_still_learnt(two: Story) -> None:
    two.tell(30, VIEWER, Sample, cores=[1.0], processes=[], gone=[ANNA])
    two.tell(130, VIEWER, Sample, cores=[1.0], processes=[])
    entry = two.document()["processes"][1]
    assert (entry["exit_code"], entry["ended"]) == (None, pytest.approx(0.03))
    two.exit(131, ANNA, 4)
    entry = two.document()["processes"][1]
    assert (entry["exit_code"], entry["ended"]) == (4, pytest.approx(0.03))


def test_a_process_missing_at_a_sample_may_still_have_records_on_their_way(pool: Story) -> None:
    pool.task(13, ANNA, "P", 0, 0)
    pool.tell(30, VIEWER, Sample, cores=[1.0], processes=[], gone=[ANNA])
    assert pool.process(ANNA).alive
    pool.tell(20, ANNA, TaskEnded, object="P", job=0, index=0)
    pool.tell(130, VIEWER, Sample, cores=[1.0], processes=[])
    assert not pool.process(ANNA).alive
    job = pool.state.table(Pool)["P"].jobs[0]
    assert (job.done, job.lost) == (1, 0)


def test_an_exit_counts_although_its_process_is_missing_at_the_sample(two: Story) -> None:
    two.tell(30, VIEWER, Sample, cores=[1.0], processes=[], gone=[ANNA])
    two.exit(31, ANNA, -9)
    two.tell(130, VIEWER, Sample, cores=[1.0], processes=[])
    assert (two.process(ANNA).exit_code, two.process(ANNA).ended) == (-9, 31 * MS)


def test_signals_are_noted_with_who_sent_them(two: Story) -> None:
    two.tell(20, MAIN, Signalled, child=ANNA, signal=15)
    two.tell(21, VIEWER, Marked, action="signal", child=BERT, signal=9)
    two.exit(22, ANNA, -15)
    two.exit(22, BERT, -9)
    two.exit(22, MAIN, -6)
    assert two.process(ANNA).signals == [(20 * MS, str(MAIN), 15)]
    assert two.process(BERT).signals == [(21 * MS, "mpviz", 9)]
    log = {entry.text: entry.trouble for entry in two.state.log}
    assert log["sends SIGTERM to Anna"] is False
    assert log["is sent SIGKILL by hand"] is False
    # A death that somebody asked for is no trouble.
    assert log["ended by SIGTERM"] is False
    assert log["ended by SIGABRT"] is True


def test_the_tree_under_a_fork_server_is_the_program_s_own(story: Story) -> None:
    server, tracker = 200, 201
    story.begin(start_method="forkserver")
    story.tell(3, server, Hello, parent=MAIN, started=5, role="fork server")
    story.tell(
        4,
        VIEWER,
        Sample,
        cores=[0.0, 0.0],
        processes=[
            process_sample(
                tracker, parent=MAIN, command="python -c from multiprocessing.resource_tracker"
            ),
            process_sample(ANNA, parent=server, started=ANNA),
        ],
    )
    story.tell(5, ANNA, Hello, parent=server, started=ANNA, role="process", forked=True)
    story.start(5, ANNA, "Anna", method="forkserver")
    names = {entry["pid"]: entry for entry in story.document()["processes"]}
    assert {pid: entry["parent_pid"] for pid, entry in names.items()} == {
        MAIN: None,
        server: MAIN,
        tracker: MAIN,
        ANNA: MAIN,
    }
    assert (names[server]["role"], names[tracker]["role"]) == ("fork server", "resource tracker")
    assert (names[ANNA]["name"], names[ANNA]["start_method"]) == ("Anna", "forkserver")


def test_the_program_is_the_main_process_also_where_a_sample_came_before_all_news(
    story: Story,
) -> None:
    story.tell(1, VIEWER, Sample, cores=[], processes=[process_sample(MAIN, command="py")])
    story.begin(2)
    assert story.process(MAIN).name == "MainProcess"
    assert story.process(MAIN).role == "main"


def test_a_helper_seen_before_its_exec_is_known_by_what_it_becomes(two: Story) -> None:
    before = process_sample(200, command="python story.py")
    two.tell(20, VIEWER, Sample, cores=[], processes=[before])
    assert (two.process(200).role, two.process(200).name) == ("program", "story.py")
    after = process_sample(
        200, command="python -c from multiprocessing.resource_tracker import main"
    )
    two.tell(120, VIEWER, Sample, cores=[], processes=[after])
    assert two.process(200).role == "resource tracker"
    two.tell(220, VIEWER, Sample, cores=[], processes=[process_sample(200)])
    assert two.process(200).name == "resource tracker"


def test_a_tracker_that_was_a_forked_child_with_a_probe_before_its_exec_is_known(
    two: Story,
) -> None:
    two.tell(20, 200, Hello, parent=MAIN, started=7200, role="process", forked=True)
    assert two.process(200).role == "process"
    command = "python -c from joblib.externals.loky.backend.resource_tracker import main; main(8)"
    two.tell(40, VIEWER, Sample, cores=[], processes=[process_sample(200, command=command)])
    two.tell(60, VIEWER, Sample, cores=[], processes=[process_sample(200)])
    assert two.process(200).role == two.process(200).name == "resource tracker"


def test_a_fork_server_seen_by_a_sample_first_gets_its_name(two: Story) -> None:
    two.tell(
        20, VIEWER, Sample, cores=[], processes=[process_sample(200, command="python story.py")]
    )
    two.tell(21, 200, Hello, parent=MAIN, started=7200, role="fork server")
    assert (two.process(200).role, two.process(200).name) == ("fork server", "fork server")


def test_a_process_killed_before_anybody_saw_it_is_shown(two: Story) -> None:
    two.exit(20, 200, -9)
    two.tell(25, VIEWER, Sample, cores=[], processes=[process_sample(200, status="Z")])
    killed = two.process(200)
    assert (killed.exit_code, killed.alive, killed.ended) == (-9, False, 20 * MS)


def test_a_process_that_mpviz_ended_unseen_is_not_shown(two: Story) -> None:
    two.tell(19, SUPERVISOR, SupervisorSignalled, child=200, signal=9, left_behind=False)
    two.exit(20, 200, -9)
    assert 200 not in two.state.by_pid


def test_a_zombie_seen_after_its_end_is_known_by_what_the_kernel_calls_it(two: Story) -> None:
    two.exit(20, 200, 1)
    zombie = process_sample(200, status="Z", executable="false")
    two.tell(25, VIEWER, Sample, cores=[], processes=[zombie])
    process = two.process(200)
    assert (process.name, process.role, process.exit_code) == ("false", "program", 1)
    assert not two.troubles


def test_a_zombie_that_mpviz_has_ended_is_no_trouble(two: Story) -> None:
    two.tell(19, SUPERVISOR, SupervisorSignalled, child=200, signal=15, left_behind=False)
    two.exit(20, 200, -15)
    two.tell(25, VIEWER, Sample, cores=[], processes=[process_sample(200, status="Z")])
    assert two.process(200).exit_code == -15
    assert not two.troubles


def test_an_unseen_end_is_not_that_of_the_next_process_with_the_pid(two: Story) -> None:
    two.exit(20, 200, 0)
    two.tell(22, 200, Hello, parent=MAIN, started=99, role="process", forked=True)
    two.tell(25, VIEWER, Sample, cores=[], processes=[process_sample(200, started=99, status="Z")])
    assert two.process(200).alive


def test_a_process_killed_before_its_parent_told_of_it_is_shown(two: Story) -> None:
    two.tell(20, ANNA, Joined, child=200, exit_code=-9)
    killed = two.process(200)
    assert (killed.exit_code, killed.joined, killed.parent) == (-9, True, str(ANNA))


def test_a_process_that_ended_unseen_is_shown_only_if_it_stays_a_zombie(
    two: Story,
) -> None:
    two.exit(20, 200, 3)
    assert 200 not in two.state.by_pid
    two.tell(25, VIEWER, Sample, cores=[], processes=[process_sample(200, status="Z")])
    assert (two.process(200).exit_code, two.process(200).alive) == (3, False)


def test_a_pid_that_is_used_again_is_another_process(two: Story) -> None:
    two.lock("L")
    two.tell(11, ANNA, LockAcquired, object="/L", number=3)
    two.exit(12, ANNA, -9)
    two.hello(20, ANNA, started=99_999, forked=True, number=1)
    two.tell(20, ANNA, Began, name="Again", daemon=False, parent=MAIN, number=2)
    two.exit(21, ANNA, 0)
    entries = [entry for entry in two.document()["processes"] if entry["pid"] == ANNA]
    assert [(entry["id"], entry["name"], entry["exit_code"]) for entry in entries] == [
        (f"{ANNA}", "Anna", -9),
        (f"{ANNA}.2", "Again", 0),
    ]
    assert two.state.table(Lock)["/L"].holder == f"{ANNA}"
    assert two.state.lost == 0


def test_a_pid_used_again_unseen_ends_the_process_that_had_it(two: Story) -> None:
    two.tell(20, VIEWER, Sample, cores=[], processes=[process_sample(ANNA, started=99_999)])
    former, latter = (two.state.processes[key] for key in (f"{ANNA}", f"{ANNA}.2"))
    assert (former.alive, former.exit_code, latter.alive) == (False, None, True)


@pytest.mark.parametrize("order", ["told first", "hello first", "sampled first", "never spoke"])
def test_a_child_is_the_same_whoever_tells_of_it_first(story: Story, order: str) -> None:
    story.begin()

    def started() -> None:
        fields = {"name": "Anna", "daemon": True, "method": "spawn", "function": "work"}
        story.tell(10, MAIN, Started, child=ANNA, started=500, **fields)

    def hello() -> None:
        story.tell(12, ANNA, Hello, parent=MAIN, started=500, role="process")
        story.tell(15, ANNA, Began, name="Anna", daemon=True, parent=MAIN)

    def seen() -> None:
        story.tell(11, VIEWER, Sample, cores=[], processes=[process_sample(ANNA, started=500)])

    steps = {
        "told first": (started, hello, seen),
        "hello first": (hello, seen, started),
        "sampled first": (seen, hello, started),
        "never spoke": (started,),
    }
    for step in steps[order]:
        step()
    story.exit(20, ANNA, -9)
    assert len(story.state.processes) == 2
    anna = story.document()["processes"][1]
    assert (anna["name"], anna["daemon"], anna["start_method"]) == ("Anna", True, "spawn")
    assert (anna["parent_pid"], anna["signal"]) == (MAIN, "SIGKILL")
    if order == "never spoke":
        assert doing(story.process(ANNA), 10, 19) == ["starting", "starting"]


def test_a_child_that_still_loads_is_starting(story: Story) -> None:
    story.begin()
    fields = {"name": "Anna", "daemon": False, "method": "spawn", "function": "work"}
    story.tell(10, MAIN, Started, child=ANNA, started=500, **fields)
    story.tell(12, ANNA, Hello, parent=MAIN, started=500, role="process")
    assert story.process(ANNA).state == "starting"
    story.tell(15, ANNA, Began, name="Anna", daemon=False, parent=MAIN)
    assert story.process(ANNA).state == "running"
    assert doing(story.process(ANNA), 10, 14, 15) == ["starting", "starting", "running"]


def test_processes_left_at_the_end_of_the_run_are_gone_too(two: Story) -> None:
    two.end(50)
    entries = two.document()["processes"]
    assert all(entry["ended"] is not None for entry in entries)
    assert [entry["exit_code"] for entry in entries] == [0, None, None]


def test_how_the_program_ended_is_the_supervisor_s_to_say(two: Story) -> None:
    two.tell(11, ANNA, ProcessExited, child=MAIN, exit_code=0)
    two.tell(12, ANNA, ProcessExited, child=BERT, exit_code=0)
    two.exit(13, BERT, -9)
    two.tell(14, SUPERVISOR, ProgramEnded, child=MAIN, exit_code=3)
    assert (two.process(MAIN).exit_code, two.process(BERT).exit_code) == (3, -9)


def test_a_process_waits_as_its_thread_that_has_waited_longest(two: Story) -> None:
    for time, thread in ((1, 7), (2, 8), (3, 7)):
        two.tell(time, ANNA, Waiting, what="lock", object=f"L{time}", thread=thread)
    wait = two.state.by_pid[ANNA].wait
    assert wait is not None
    assert wait.object == "L2"
    two.tell(4, ANNA, WaitOver, thread=8)
    wait = two.state.by_pid[ANNA].wait
    assert wait is not None
    assert wait.object == "L3"


def test_a_process_may_report_its_signal_by_its_exit_code(two: Story) -> None:
    for pid, code in ((ANNA, 15), (BERT, 143)):
        two.tell(5, MAIN, Signalled, child=pid, signal=15)
        two.tell(6, MAIN, Joined, child=pid, exit_code=code)
    assert not two.troubles
