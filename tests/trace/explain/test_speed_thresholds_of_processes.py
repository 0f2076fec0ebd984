"""Rules on the speed of processes find something just beyond their thresholds, not just before.

MAIN is the first process of the program, and 101, 102 … are its children. Times are milliseconds.
"""

from __future__ import annotations

import pytest

from helpers.speed_story import CORES, Story, rules
from helpers.story import MAIN, MS, VIEWER, process_sample
from mpviz.trace.model.events import RunStarted, Sample
from mpviz.trace.model.primitives.queue import ItemGot, ItemPut, QueueCreated


def starts(count: int, starting: float, working: float, method: str = "spawn") -> Story:
    """Processes started one after the other."""
    story = Story()
    for number in range(count):
        time = 10 + number * (starting + working)
        story.child(time, 110 + number, starting, method)
        story.ends(time + starting + working, 110 + number)
        story.look(time + starting + working)
    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (starts(4, 260, 120), ["startup-longer"]),
        (starts(3, 400, 100), []),
        (starts(4, 240, 100), []),
        (starts(4, 260, 140), []),
        (starts(100, 12, 1), ["startup-longer"]),
    ],
    ids=["long", "few", "not long in all", "works as well", "many"],
)
def test_starts_that_take_longer_than_the_work(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


@pytest.mark.parametrize(("lacked", "expected"), [(0.2, []), (0.01, ["startup-longer"])])
def test_starts_that_take_long_for_want_of_a_core_are_not_to_blame(
    lacked: float, expected: list[str]
) -> None:
    story = starts(4, 260, 120)
    for number in range(4):
        seen = process_sample(110 + number, status="R", cpu_percent=5.0, without_core=lacked)
        time = 10 + number * 380 + 250
        story.tell(time, VIEWER, Sample, cores=[100.0] * 2, processes=[seen])
    assert rules(story.found()) == expected


def test_the_finding_on_starts_ends_when_the_others_work_longer_than_half_of_the_starts() -> None:
    story = starts(4, 260, 120)
    (said,) = story.found()
    story.child(2000, 120, 260, "spawn")
    story.ends(2000 + 260 + 200, 120)
    story.look(2500)
    (found,) = story.found()
    assert (found.over, found.message) == (2500 * MS, said.message)


@pytest.mark.parametrize(
    ("method", "cause"),
    [
        ("fork", "a copy of the parent"),
        ("spawn", "a new Python that imports the program again"),
        ("forkserver", "a copy of the fork server"),
    ],
)
def test_a_start_is_called_what_it_is_by_its_method(method: str, cause: str) -> None:
    story = starts(4, 260, 120, method=method)
    (found,) = story.found()
    assert cause in found.cause
    assert "took up to 0.3 s" in found.cause


def test_starts_by_several_methods_have_no_common_cause() -> None:
    story = starts(3, 260, 120)
    story.child(2000, 120, 260, "fork")
    story.ends(2380, 120)
    story.look(2381)
    (found,) = story.found()
    assert found.cause == "Each start took up to 0.3 s."


def test_the_finding_on_starts_is_withdrawn_when_the_others_work_longer() -> None:
    story = starts(4, 260, 120)
    story.child(2000, 120, 260, "spawn")
    story.ends(4000, 120)
    story.look(4001)
    assert story.found() == []


def parts(
    *lives: float, now: float, letter: str = "R", exit_code: int = 0, late: float = 0
) -> Story:
    """Processes that run side by side from the start; of the last the end is still to come."""
    story = Story()
    for number, life in enumerate(lives):
        story.child(1, 110 + number)
        story.ends(1 + life, 110 + number, exit_code)
    story.child(1 + late, 150)
    for time in range(100, int(now) + 1, 100):
        if time > late:
            story.look(time, p150=letter)
    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (parts(300, 300, now=1400), ["uneven-workers"]),
        (parts(300, 300, now=1200), []),
        (parts(300, now=2000), []),
        (parts(1800, 1800, 1800, now=3500), []),
        (parts(1800, 1800, 1800, now=3700), ["uneven-workers"]),
        (parts(200, 400, 2400, now=3400), []),
        (parts(200, 400, 2400, now=3500), ["uneven-workers"]),
        (parts(300, 300, now=3000, letter="S"), []),
        (parts(300, 300, now=3000, exit_code=1), []),
        (parts(300, 300, now=3000, late=400), []),
    ],
)
def test_a_process_with_more_work_than_its_like(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


@pytest.mark.parametrize(("lacked", "expected"), [(0.8, []), (0.05, ["uneven-workers"])])
def test_a_process_that_takes_long_for_want_of_a_core_has_no_larger_share(
    lacked: float, expected: list[str]
) -> None:
    story = Story()
    for pid in (110, 111):
        story.child(1, pid)
        story.ends(301, pid)
    story.child(1, 150)
    for time in range(100, 1401, 100):
        seen = process_sample(
            150,
            status="R",
            cpu_percent=100 * (1 - lacked),
            cpu_seconds=time / 1000 * (1 - lacked),
            without_core=time / 1000 * lacked,
        )
        story.tell(time, VIEWER, Sample, cores=[100.0] * 2, processes=[seen])
    assert rules(story.found()) == expected


def test_a_worker_that_takes_from_a_queue_has_no_share_of_its_own() -> None:
    story = parts(300, 300, now=1400)
    story.tell(2, MAIN, QueueCreated, object="items", kind="Queue", maxsize=0)
    story.tell(3, MAIN, ItemPut, object="items")
    story.tell(4, 150, ItemGot, object="items", size=1)
    assert story.found() == []


def crowd(
    count: int,
    own: float = 1.9,
    others: float = 0.0,
    *,
    idle: float = 0.0,
    samples: int = 20,
    allowed: tuple[int, ...] = (),
    granted: float = 0.0,
    told: bool = True,
) -> Story:
    """Eight processes on two cores: some share ``own`` cores, other programs use the rest.

    ``idle`` is the share of the time in which each process wants no core. ``told`` says whether the
    kernel counts how long they wait for a core.
    """
    story = Story()
    run = story.events[0]
    assert isinstance(run, RunStarted)
    run.allowed, run.granted = list(allowed), granted
    for number in range(8):
        story.child(1, 110 + number)
    used = own / count
    for time in range(1, samples + 1):
        processes = [
            process_sample(
                110 + number,
                status="R" if number < count else "S",
                cpu_percent=100 * used if number < count else 0.0,
                cpu_seconds=used * time / 10,
                core=number % 2,
                without_core=max(0.0, 1 - used - idle) * time / 10 if told else -1.0,
            )
            for number in range(8)
        ]
        cores = [50 * (own + others)] * CORES
        if allowed:
            cores = [100.0 * (own + others) if index in allowed else 30.0 for index in range(CORES)]
        story.tell(time * 100, VIEWER, Sample, cores=cores, processes=processes)
    return story


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (crowd(6), ["too-many-for-cores"]),
        (crowd(5), []),
        (crowd(6, told=False), ["too-many-for-cores"]),
        (crowd(5, told=False), []),
        (crowd(6, own=1.7), []),
        (crowd(6, samples=19), []),
        # The program has 11 and 9 percent of the cores.
        (crowd(6, own=0.22, others=1.7), ["too-many-for-cores"]),
        (crowd(6, own=0.18, others=1.8), []),
        # Alone, each process would use 83 and 51 percent of a core.
        (crowd(8, own=1.6, others=0.3, idle=0.04), ["too-many-for-cores"]),
        (crowd(8, own=1.6, others=0.3, idle=0.19), []),
        (crowd(5, own=0.95, allowed=(1,)), ["too-many-for-cores"]),
        (crowd(4, own=0.95, allowed=(1,)), []),
        (crowd(5, own=0.95, granted=0.95), ["too-many-for-cores"]),
        (crowd(5, own=1.9, granted=1.5), []),
    ],
    ids=[
        *("6 on 2", "5 on 2", "6 on 2, seen", "5 on 2, seen", "cores are free", "short"),
        *("with a tenth of the cores", "with less", "busy", "half busy"),
        *("5 on 1 of 2", "4 on 1 of 2", "5 on a quota of 1", "5 on a quota of 2"),
    ],
)
def test_more_that_want_to_run_than_cores(story: Story, expected: list[str]) -> None:
    assert rules(story.found()) == expected


def test_a_crowd_is_told_with_what_each_had_and_how_many_cores_there_are_for_it() -> None:
    (found,) = crowd(6).found()
    assert "6 processes want to run at once on 2 cores, so that each gets 32% of a core" in (
        found.message
    )
    assert "Start 2 of them: that is os.cpu_count()" in found.fix
    assert found.processes == tuple(str(110 + number) for number in range(6))
    (found,) = crowd(5, own=0.95, allowed=(1,)).found()
    assert "5 processes want to run at once on 1 core, so that each gets 19% of a core" in (
        found.message
    )
    assert "Start 1 of them. The program may run on core 1 only" in found.fix
    (found,) = crowd(6, own=0.9, others=1.1).found()
    assert found.message.endswith("15% of a core; other programs use 1.1 of them")


def test_a_crowd_in_a_container_is_measured_by_what_the_container_may_use() -> None:
    (found,) = crowd(5, own=0.5, granted=0.5).found()
    assert found.message.startswith("5 processes want to run at once on half a core, so that each")
    assert "A control group, such as that of a container, limits the program to half" in found.fix
    # What others do on the cores that it may not use is no concern of the program's.
    (found,) = crowd(6, own=1.5, others=0.5, granted=1.5).found()
    assert found.message.endswith("on 1.5 cores, so that each gets 25% of a core")
    assert crowd(4, own=0.5, granted=0.5).found() == []


def bound(count: int, *, before: tuple[int, ...], to: tuple[int, ...], granted: float) -> Story:
    """Processes that want to run, on a machine of four cores of which they may use a few."""
    story = Story()
    run = story.events[0]
    assert isinstance(run, RunStarted)
    run.cores, run.allowed, run.granted = 4, list(before), granted
    for number in range(count):
        story.child(1, 110 + number)
    for time in range(1, 11):
        processes = [
            process_sample(110 + number, status="R", cpu_percent=50.0, cpu_seconds=time / 20)
            for number in range(count)
        ]
        cores = [100.0 * (index in to) for index in range(4)]
        allowed = list(to) if time == 1 else []
        story.tell(100 * time, VIEWER, Sample, cores=cores, processes=processes, allowed=allowed)
    return story


@pytest.mark.parametrize(
    ("before", "to", "granted", "unused"),
    [
        ((0, 1, 2, 3), (0,), 0.0, "core 0 only; 3 other cores stay unused"),
        ((1, 2), (1,), 0.0, "core 1 only; 1 other core stays unused"),
        ((0, 1, 2, 3), (0,), 2.0, "core 0 only; 1 other core stays unused"),
        # They could not use more than one core anyway.
        ((0, 1, 2, 3), (0,), 1.0, ""),
        # The program was started that way.
        ((0,), (0,), 0.0, ""),
    ],
)
def test_cores_are_unused_if_the_program_could_use_them(
    before: tuple[int, ...], to: tuple[int, ...], granted: float, unused: str
) -> None:
    found = bound(3, before=before, to=to, granted=granted).found()
    assert [each.rule for each in found] == ["bound-to-cores"] * bool(unused)
    assert all(unused in each.message for each in found)
    start = f"os.sched_setaffinity(0, range({before[0]}, {before[-1] + 1}))"
    assert all(start in each.fix for each in found)


def test_a_crowd_that_has_gone_is_over() -> None:
    story = crowd(6)
    for time in range(2100, 4100, 100):
        story.look(time, p110="S")
    (found,) = story.found()
    assert found.since == 100 * MS
    assert found.over > 0
