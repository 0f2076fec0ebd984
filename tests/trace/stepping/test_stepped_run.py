"""Real programs under gates: who can go is known, and each order happens as it was chosen."""

from __future__ import annotations

import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.runs import wait_until
from mpviz.trace.launch.start import Target
from mpviz.trace.stepping.run import SteppedRun
from mpviz.trace.stepping.schedule import NoSchedule, read_schedule, written
from mpviz.trace.stepping.steps import Choice, Closed, Moment
from mpviz.tui.commands.targets import from_words
from mpviz.tui.render.steps.verdict import verdict
from mpviz.tui.stepping.walk import LeftPath, Walk

pytestmark = pytest.mark.usefixtures("nothing_left")

Begin = Callable[..., Walk]

TASKS = {"0": "main", "9": "main/feeder-main:queue1"}


@pytest.fixture
def begin(tmp_path: Path, fork_at_least: str) -> Iterator[Begin]:
    """A walk through a scenario, or through the lines of a program's ``work`` and ``main``."""
    walks: list[Walk] = []

    def made(scenario: str = "", program: str = "", moves: str = "") -> Walk:
        if scenario:
            target = from_words(
                scenario.split(),
                module=False,
                python=None,
                start_method=fork_at_least,
                is_stepped=True,
            )
        else:
            file = tmp_path / "program.py"
            file.write_text(textwrap.dedent(program))
            target = Target([str(file)], name="program", start_method=fork_at_least)
        walk = Walk(lambda: SteppedRun(target))
        walks.append(walk)
        walk.begin()
        for move in moves.split():
            go(walk, move)
        return walk

    yield made
    for walk in walks:
        walk.close()


def go(walk: Walk, move: str) -> None:
    """Let the task with this digit go; a T after it is its time-out."""
    task = TASKS.get(move[0], f"main.{move[0]}")
    choice = Choice(task, "timeout" if move.endswith("T") else "go")
    assert choice in walk.moment.possible, walk.moment
    walk.go(choice)


def verbs(moment: Moment, task: str) -> list[str]:
    """What a task has done, with what came of it."""
    steps = [step for step in moment.steps if step.operation.task == task]
    return [f"{step.operation.verb} {step.result}".strip() for step in steps]


def test_a_lost_update_by_the_seven_moves_of_the_page(begin: Begin) -> None:
    walk = begin("race", moves="1 2 1 1 1 2 2")
    told = verdict(walk.moment)
    assert told.words == (
        "An update of counter is lost: adder-2 read 0 (step 9), adder-1 wrote 1 (step 12), and"
        " adder-2 wrote 1 over it (step 17)."
    )
    for move in "200":
        go(walk, move)
    assert walk.moment.end is not None
    assert walk.moment.end.status == 0
    assert walk.output[-1] == "expected 2, final 1, lost 1"


def test_the_same_moves_are_the_same_steps_each_time(begin: Begin) -> None:
    walk = begin("race", moves="1 2 1 1 1 2 2")
    before = walk.moment.steps
    for _ in range(3):
        walk.back()
        go(walk, "2")
        assert walk.moment.steps == before


def test_a_schedule_takes_the_same_steps_again_or_says_where_it_cannot(
    begin: Begin, tmp_path: Path, fork_at_least: str
) -> None:
    walk = begin("race", moves="1 2 1 1 1 2 2")
    file = tmp_path / "race.schedule.json"
    words = {"module": False, "python": None, "start_method": fork_at_least}
    target = from_words(["race"], **words, is_stepped=True)  # type: ignore[arg-type]
    file.write_text(written(target, walk.moment, "lost"))
    schedule = read_schedule(file)
    again = Walk(lambda: SteppedRun(schedule.target))
    again.follow(schedule.steps)
    assert again.moment.steps == walk.moment.steps
    again.back()
    assert not again.moment.steps
    again.close()
    file.write_text(file.read_text().replace("main.1 read main:value1", "main.1 write main:value1"))
    with pytest.raises(LeftPath, match="at step 7: adder-1 is about to do something else: read"):
        again.follow(read_schedule(file).steps)
    again.close()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no schedule: it has no steps of a program"),
        ("[]", "is no schedule: it has no steps of a program"),
        (
            '{"program": "p", "arguments": [], "python": "", "start method": "", "steps": ["m"]}',
            "step 1 is not of the form: task verb target",
        ),
    ],
)
def test_what_is_no_schedule_is_said_in_a_line(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(text)
    with pytest.raises(NoSchedule, match=why):
        read_schedule(file)
    with pytest.raises(NoSchedule, match="cannot be read"):
        read_schedule(tmp_path / "none")


def test_another_order_loses_nothing(begin: Begin) -> None:
    walk = begin("race", moves="1 1 1 1 2 2 2 2 0 0")
    assert not verdict(walk.moment).is_bad
    assert walk.output[-1] == "expected 2, final 2, lost 0"


def test_a_deadlock_is_known_without_waiting_for_it(begin: Begin) -> None:
    walk = begin("deadlock", moves="1 2")
    assert verdict(walk.moment).words == (
        "Deadlock: nobody can go. worker-1 waits for locks[1], held by worker-2; worker-2 waits for"
        " locks[0], held by worker-1; main waits for worker-1 to end."
    )
    assert walk.moment.objects["main:lock1"].holders == ("main.1",)


def test_with_one_order_of_locks_there_is_none(begin: Begin) -> None:
    walk = begin("deadlock order=same", moves="1")
    assert walk.moment.blocked["main.2"] == "waits for locks[0], held by worker-1"
    walk.run_on()
    assert walk.moment.end is not None
    assert not verdict(walk.moment).is_bad


def test_the_last_item_is_taken_between_a_look_and_a_get(begin: Begin) -> None:
    walk = begin("last-item", moves="0 9 1 2 1 1")
    told = verdict(walk.moment)
    assert told.is_bad
    assert "consumer-2 waits for an item in queue" in told.words
    assert walk.moment.objects["main:queue1"].words == "empty"


def test_an_item_that_is_not_in_the_pipe_yet_cannot_be_seen(begin: Begin) -> None:
    walk = begin("last-item", moves="0")
    assert walk.moment.objects["main:queue1"].words == "empty; 1 on the way"
    go(walk, "1")
    assert "empty True" in verbs(walk.moment, "main.1")


@pytest.mark.parametrize(
    ("way", "moves", "said"),
    [
        ("unlocked", "1 2 1 1 1 2 2 2", "alice 100, bob 40"),
        ("check-first", "1 1 1 2 2 2", "alice -20, bob 220"),
    ],
)
def test_two_wrong_ways_of_the_bank_by_hand(begin: Begin, way: str, moves: str, said: str) -> None:
    walk = begin(f"bank way={way}", moves=moves)
    while walk.moment.end is None:
        walk.run_on()
    assert said in walk.output
    assert walk.moment.end.status == 1


def test_the_third_wrong_way_is_a_deadlock_and_the_right_one_is_none(begin: Begin) -> None:
    assert (
        "transfer-1 waits for bob.get_lock(), held by transfer-2"
        in verdict(begin("bank way=own-order", moves="1 2").moment).words
    )
    walk = begin("bank way=in-order", moves="2")
    walk.run_on()
    assert walk.moment.end is not None
    assert "alice 100, bob 100" in walk.output


@pytest.mark.parametrize(
    "name", ["barrier", "condition", "event-gate", "producer-consumer", "semaphore"]
)
def test_other_scenarios_go_through_by_default(begin: Begin, name: str) -> None:
    walk = begin(name)
    walk.run_on()
    assert walk.moment.end is not None, walk.moment
    assert walk.moment.end.status == 0


TIMED = """
    from multiprocessing import Lock, Process
    import time

    def work(lock):
        time.sleep(3600)
        print("got" if lock.acquire(timeout=3600) else "gave up", flush=True)

    if __name__ == "__main__":
        lock = Lock()
        lock.acquire()
        process = Process(target=work, args=(lock,))
        process.start()
        process.join()
"""


def test_a_sleep_takes_no_time_and_a_time_out_comes_when_it_is_chosen(begin: Begin) -> None:
    began = time.monotonic()
    walk = begin(program=TIMED, moves="0")
    assert walk.moment.possible == (Choice("main.1", "timeout"),)
    assert not verdict(walk.moment).is_bad
    go(walk, "1T")
    assert walk.moment.end is not None
    assert walk.output == ["gave up"]
    assert time.monotonic() - began < 60


OUTSIDE = """
    from multiprocessing import Process, Value, set_start_method
    import os

    def blocks(inner):
        os.read(inner, 1)

    def counts(value, outer):
        value.value += 1
        os.write(outer, b"x")

    if __name__ == "__main__":
        set_start_method("fork")
        value = Value("i", 0)
        inner, outer = os.pipe()
        one = Process(target=blocks, args=(inner,))
        two = Process(target=counts, args=(value, outer))
        one.start(), two.start(), one.join(), two.join()
"""


def test_who_blocks_outside_is_shown_and_the_others_go_on(begin: Begin) -> None:
    walk = begin(program=OUTSIDE)
    assert list(walk.moment.outside) == ["main.1"]
    assert Choice("main.2") in walk.moment.possible
    go(walk, "2")
    go(walk, "2")
    wait_until(lambda: walk.look() or walk.moment.end is not None)
    assert not walk.moment.outside
    assert walk.moment.end is not None


TOGETHER = """
    from multiprocessing import Barrier, Event, Process

    def work(barrier, event):
        print(barrier.wait(), event.is_set(), event.wait(5), flush=True)

    if __name__ == "__main__":
        barrier, event = Barrier(2), Event()
        processes = [Process(target=work, args=(barrier, event)) for _ in range(2)]
        for process in processes:
            process.start()
        event.set()
        for process in processes:
            process.join()
"""


def test_a_barrier_and_an_event_answer_as_they_do_without_gates(begin: Begin) -> None:
    walk = begin(program=TOGETHER, moves="1")
    assert walk.moment.blocked["main.1"] == "waits at barrier: 1 of 2 are there"
    for move in "211":
        go(walk, move)
    assert walk.moment.blocked["main.1"] == "waits until event is set"
    go(walk, "1T")
    for move in "202":
        go(walk, move)
    go(walk, "2")
    assert walk.moment.end is not None
    assert sorted(walk.output) == ["0 False False", "1 True True"]


def test_an_item_that_is_larger_than_the_pipe_blocks_outside(begin: Begin) -> None:
    walk = begin("join-before-drain")
    go(walk, "1")
    walk.go(Choice("main.1/feeder-main:queue1"))
    assert set(walk.moment.outside) == {"main.1", "main.1/feeder-main:queue1"}
    assert walk.moment.blocked == {"main": "waits for Process-1 to end"}
    assert not verdict(walk.moment).is_bad


ON_EACH = """
    from multiprocessing import Condition, Lock, Process, Queue, Value

    def work(lock, value, queue, condition):
        value.value += 1
        with lock:
            queue.put(value.value)
        with condition:
            condition.wait_for(lambda: value.value == 1)

    if __name__ == "__main__":
        things = Lock(), Value("i", 0), Queue(), Condition()
        processes = [Process(target=work, args=things) for _ in range(2)]
        for process in processes:
            process.start()
        print(things[2].get(), things[2].get(), flush=True)
        for process in processes:
            process.join()
"""


def test_on_each_python(tmp_path: Path, python: str, start_method: str) -> None:
    file = tmp_path / "program.py"
    file.write_text(textwrap.dedent(ON_EACH))
    target = Target([str(file)], name="program", python=python, start_method=start_method)
    walk = Walk(lambda: SteppedRun(target))
    try:
        walk.begin()
        for move in "1212":
            go(walk, move)
        assert "An update of things[1] is lost" in verdict(walk.moment).words
        walk.run_on()
        walk.run_on()
        assert walk.moment.end is not None, walk.moment
        assert walk.moment.end.status == 0
        assert walk.output[-1] == "1 1"
    finally:
        walk.close()


def test_a_run_can_be_ended_while_another_thread_waits_for_it(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text("import threading; threading.Event().wait()")
    run = SteppedRun(Target([str(file)], name="program"))
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            while True:
                run.wait()
        except Closed as error:
            ended.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    run.close()
    waiting.join()
    assert len(ended) == 1
