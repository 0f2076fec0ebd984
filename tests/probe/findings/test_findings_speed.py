"""The rules on speed, on real programs: each is made once and live, and not for what is near it.

A program that is at fault goes on until the finding is there, however busy the machine is; then it
is told that it is enough. So each finding here was made while its program was still at it. The
programs that are near a fault, and not at fault, run for longer than any rule needs.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from helpers.command import watch_side_by_side
from helpers.watching import CROWD, HEAD, PATIENCE, Watched, Watching, watch
from mpviz.trace.explain.findings.startup_longer import STARTING_NANOSECONDS, STARTING_TIMES
from mpviz.trace.model.processes.worker_groups import WorkerGroup

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("nothing_left")]

AT_FAULT = {
    "lost-updates": """
def add(counter, both):
    for _ in range(5):
        both.wait()
        number = counter.value
        both.wait()
        counter.value = number + 1
    while not is_enough():
        time.sleep(0.01)

if __name__ == "__main__":
    counter, both = Value("i", 0), Barrier(2)
    run(*[Process(target=add, args=(counter, both), name=f"adder-{n}") for n in (1, 2)])
""",
    "queue-full": """
def make(items):
    while not is_enough():
        time.sleep(0.003)
        items.put(1)

def use(items):
    while items.get() is not None:
        if not is_enough():
            time.sleep(0.05)

if __name__ == "__main__":
    items = Queue(2)
    user = Process(target=use, args=(items,), name="user")
    user.start()
    run(*[Process(target=make, args=(items,), name=f"maker-{n}") for n in (1, 2)])
    items.put(None)
    user.join()
""",
    "queue-starved": """
def make(items):
    while not is_enough():
        spin(0.05)
        items.put(1)

def use(items):
    while items.get() is not None:
        time.sleep(0.001)

if __name__ == "__main__":
    items = Queue()
    users = [Process(target=use, args=(items,), name=f"user-{n}") for n in (1, 2, 3, 4)]
    for user in users:
        user.start()
    run(Process(target=make, args=(items,), name="maker"))
    for user in users:
        items.put(None)
    for user in users:
        user.join()
""",
    "queue-growing": """
def make(items):
    while not is_enough():
        time.sleep(0.003)
        items.put(1)

def use(items):
    while items.get() is not None:
        if not is_enough():
            time.sleep(0.02)

if __name__ == "__main__":
    items = Queue()
    user = Process(target=use, args=(items,), name="user")
    user.start()
    run(*[Process(target=make, args=(items,), name=f"maker-{n}") for n in (1, 2, 3)])
    items.put(None)
    user.join()
""",
    "straggler": """
def work(seconds):
    while seconds is None and not is_enough():
        time.sleep(0.01)
    time.sleep(seconds or 0)
    return os.getpid()

if __name__ == "__main__":
    with Pool(3) as pool:
        pids = pool.map(work, [0.1] * 8 + [None], chunksize=1)
    print(pids[-1])
""",
    "uneven-workers": """
def work(part):
    if part == 3:
        print(os.getpid(), flush=True)
        while not is_enough():
            spin(0.01)
    else:
        spin(0.1)

if __name__ == "__main__":
    run(*[Process(target=work, args=(part,), name=f"part-{part}") for part in (1, 2, 3, 4)])
""",
    "tasks-too-small": """
if __name__ == "__main__":
    with Pool(2) as pool:
        while not is_enough():
            pool.map(abs, range(5000), chunksize=1)
""",
    "startup-longer": """
def prepare():
    # It takes the more time, the busier the machine is, as does the little work that follows.
    end = time.process_time() + 0.4
    while time.process_time() < end:
        pass

if __name__ == "__main__":
    with Pool(4, prepare) as pool:
        pool.map(abs, range(8))
    while not is_enough():
        time.sleep(0.01)
""",
    "startup-longer, again and again": """
if __name__ == "__main__":
    while not is_enough():
        run(*[Process(target=abs, args=(1,)) for _ in (1, 2)])
""",
    "serial-by-lock": """
def work(lock):
    while not is_enough():
        with lock:
            time.sleep(0.01)

if __name__ == "__main__":
    gate = Lock()
    run(*[Process(target=work, args=(gate,), name=f"worker-{n}") for n in (1, 2, 3)])
""",
    "lock-convoy": """
def work(lock):
    while not is_enough():
        with lock:
            time.sleep(0.003)
        time.sleep(0.006)

if __name__ == "__main__":
    gate = Lock()
    run(*[Process(target=work, args=(gate,), name=f"worker-{n}") for n in range(12)])
""",
    "too-many-for-cores": """
def work(number):
    while not is_enough():
        spin(0.05)

if __name__ == "__main__":
    run(*[Process(target=work, args=(n,), name=f"worker-{n}") for n in range(CROWD)])
""",
    "too-many-to-feed": """
def work(number):
    time.sleep(0.01)

if __name__ == "__main__":
    with Pool(16) as pool:
        while not is_enough():
            pool.map(work, (1, 2), chunksize=1)
""",
}
"""Programs that raise the rule that they are named for."""

NEAR = {
    "a flag that two set at once": """
def find(found, both):
    both.wait()
    before = found.value
    both.wait()
    if not before:
        found.value = 1

if __name__ == "__main__":
    found, both = Value("i", 0), Barrier(2)
    run(*[Process(target=find, args=(found, both)) for n in (1, 2)])
""",
    "a bounded queue that one process feeds": """
def use(items):
    while items.get() is not None:
        time.sleep(0.05)

if __name__ == "__main__":
    items = Queue(2)
    users = [Process(target=use, args=(items,)) for n in (1, 2)]
    for user in users:
        user.start()
    for item in [1] * 120 + [None] * 2:
        items.put(item)
    for user in users:
        user.join()
""",
    "consumers of what comes from outside": """
def make(items):
    for _ in range(60):
        time.sleep(0.05)
        items.put(1)

def use(items):
    while items.get() is not None:
        time.sleep(0.001)

if __name__ == "__main__":
    items = Queue()
    users = [Process(target=use, args=(items,)) for n in (1, 2, 3, 4)]
    for user in users:
        user.start()
    run(Process(target=make, args=(items,)))
    for user in users:
        items.put(None)
    for user in users:
        user.join()
""",
    "a parent that collects results": """
def work(results):
    for _ in range(30):
        spin(0.02)
        time.sleep(0.08)
        results.put(1)

if __name__ == "__main__":
    results = Queue()
    workers = [Process(target=work, args=(results,)) for n in (1, 2)]
    for worker in workers:
        worker.start()
    for _ in range(60):
        results.get()
    for worker in workers:
        worker.join()
""",
    "a queue that is filled at once, and then worked off": """
def use(items):
    while items.get() is not None:
        time.sleep(0.001)

if __name__ == "__main__":
    items = Queue()
    for item in [1] * 2000 + [None]:
        items.put(item)
    run(Process(target=use, args=(items,)))
""",
    "one task too many for the workers": """
if __name__ == "__main__":
    with Pool(3) as pool:
        pool.map(time.sleep, [1.3] * 4, chunksize=1)
""",
    "a process that outlives its like and sleeps": """
def work(seconds):
    time.sleep(seconds)

if __name__ == "__main__":
    run(*[Process(target=work, args=(seconds,)) for seconds in (0.1, 0.1, 0.1, 3)])
""",
    "many tasks that are worth their way": """
if __name__ == "__main__":
    with Pool(2) as pool:
        pool.map(time.sleep, [0.003] * 1500, chunksize=1)
""",
    "a lock that is held to add and for nothing else": """
def work(gate, total):
    for _ in range(120):
        time.sleep(0.02)
        with gate:
            total.value += 1

if __name__ == "__main__":
    gate, total = Lock(), Value("i", 0)
    run(*[Process(target=work, args=(gate, total)) for n in range(8)])
""",
    "many processes that sleep": """
def work(number):
    for _ in range(30):
        time.sleep(0.1)

if __name__ == "__main__":
    run(*[Process(target=work, args=(n,)) for n in range(CROWD)])
""",
    "a pool that waits for the program's next idea": """
def work(number):
    time.sleep(0.02)

if __name__ == "__main__":
    with Pool(10) as pool:
        for number in range(30):
            time.sleep(0.08)
            pool.apply_async(work, (number,))
""",
    "a pool that is fed": """
def work(number):
    time.sleep(0.02)

if __name__ == "__main__":
    with Pool(10) as pool:
        pool.map(work, range(1200), chunksize=1)
""",
}
"""Programs that look like a fault and have none."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Watched]:
    """All that are at fault, side by side: what a rule says does not depend on a quiet machine."""
    folder = tmp_path_factory.mktemp("w")
    methods = {"startup-longer, again and again": "spawn"}
    together = [rule for rule in AT_FAULT if rule != "too-many-for-cores"]
    ended = watch(
        *[
            Watching(rule.partition(",")[0], AT_FAULT[rule], folder / rule, methods.get(rule))
            for rule in together
        ]
    )
    # If other programs take the cores, the program is not to blame.
    rule = "too-many-for-cores"
    return dict(zip(together, ended, strict=True)) | {
        rule: watch(Watching(rule, AT_FAULT[rule], folder / rule))[0]
    }


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What is told of the programs that are near a fault, run side by side."""
    folder = tmp_path_factory.mktemp("n")
    words = {name: [str(folder / f"program{number}.py")] for number, name in enumerate(NEAR)}
    for name, source in NEAR.items():
        Path(*words[name]).write_text(HEAD + source)
    return watch_side_by_side(folder, words, seconds=PATIENCE)


@pytest.mark.parametrize("name", NEAR)
def test_a_healthy_run_close_to_a_fault_is_not_blamed(
    documents: dict[str, dict[str, Any]], name: str
) -> None:
    assert documents[name]["findings"] == []
    assert documents[name]["stream"]["lost"] == 0


def test_lost_updates_are_counted_from_the_first(watched: dict[str, Watched]) -> None:
    run = watched["lost-updates"]
    found = run.finding("lost-updates")
    assert "5 updates of counter are lost: it is 5 and should be 10" in found.message
    assert sorted(run.pids_of(found)) == sorted([run.pids["adder-1"], run.pids["adder-2"]])
    assert "counter.get_lock()" in found.fix


def test_producers_that_wait_for_room(watched: dict[str, Watched]) -> None:
    run = watched["queue-full"]
    found = run.finding("queue-full")
    assert "2 producers of items wait for room" in found.message
    assert run.pids_of(found)[0] == run.pids["user"]
    assert set(run.pids_of(found)[1:]) == {run.pids["maker-1"], run.pids["maker-2"]}


def test_consumers_that_wait_for_items(watched: dict[str, Watched]) -> None:
    run = watched["queue-starved"]
    found = run.finding("queue-starved")
    assert "4 consumers of items wait for items" in found.message
    assert run.pids_of(found)[0] == run.pids["maker"]
    assert set(run.pids_of(found)[1:]) == {run.pids[f"user-{n}"] for n in (1, 2, 3, 4)}


def test_a_queue_that_grows_and_then_does_not_any_more(watched: dict[str, Watched]) -> None:
    run = watched["queue-growing"]
    found = run.finding("queue-growing")
    assert "items has grown to" in found.message
    assert run.pids_of(found)[0] == run.pids["user"]
    assert set(run.pids_of(found)[1:]) == {run.pids[f"maker-{n}"] for n in (1, 2, 3)}


def test_a_task_that_all_wait_for(watched: dict[str, Watched]) -> None:
    run = watched["straggler"]
    found = run.finding("straggler")
    assert "task 8 of work has run for" in found.message
    assert "2 workers of pool had nothing to do" in found.message
    assert run.pids_of(found) == [int(run.printed[-1])]


def test_a_process_with_more_work_than_its_like(watched: dict[str, Watched]) -> None:
    run = watched["uneven-workers"]
    found = run.finding("uneven-workers")
    assert "part-3 has run work for" in found.message
    assert "3 others" in found.message
    assert run.pids_of(found) == [run.pids["part-3"]] == [int(run.printed[-1])]


def test_tasks_smaller_than_their_way(watched: dict[str, Watched]) -> None:
    run = watched["tasks-too-small"]
    found = run.finding("tasks-too-small")
    assert "tasks of abs take" in found.message
    (chunksize, tasks) = map(
        int, re.findall(r"chunksize=(\d+) would make (\d+) tasks", found.fix)[0]
    )
    # Four chunks for each of two workers, at least.
    assert 1 < chunksize <= 625
    assert tasks == -(-5000 // chunksize)
    assert run.pids_of(found)[0] == run.pids["MainProcess"]
    assert len(run.pids_of(found)) == 3


def test_workers_that_take_longer_to_start_than_to_work(watched: dict[str, Watched]) -> None:
    run = watched["startup-longer"]
    found = run.finding("startup-longer")
    assert "4 workers of pool took" in found.message
    assert "to run prepare first" in found.cause
    assert run.pids_of(found)[0] == run.pids["MainProcess"]
    assert run.state.processes[found.processes[1]].pool == found.objects[0]


def test_processes_that_are_started_again_and_again(watched: dict[str, Watched]) -> None:
    run = watched["startup-longer, again and again"]
    found = run.finding("startup-longer")
    assert "to run abs, all together" in found.message
    assert "a new Python that imports the program again" in found.cause
    assert run.pids_of(found)[0] == run.pids["MainProcess"]
    slowest = run.state.processes[found.processes[1]]
    assert (slowest.start_method, slowest.function) == ("spawn", "abs")


def test_work_that_a_lock_makes_serial(watched: dict[str, Watched]) -> None:
    run = watched["serial-by-lock"]
    found = run.finding("serial-by-lock")
    assert "lock gate is held" in found.message
    assert "only 1.0 of 3 processes make progress" in found.message
    assert set(run.pids_of(found)) == {run.pids[f"worker-{n}"] for n in (1, 2, 3)}


def test_a_convoy_before_a_lock(watched: dict[str, Watched]) -> None:
    run = watched["lock-convoy"]
    found = run.finding("lock-convoy")
    assert "12 processes wait for lock gate" in found.message
    assert set(run.pids_of(found)) == {run.pids[f"worker-{n}"] for n in range(12)}


def test_more_that_want_to_run_than_cores(watched: dict[str, Watched]) -> None:
    run = watched["too-many-for-cores"]
    found = run.finding("too-many-for-cores")
    cores = len(os.sched_getaffinity(0))
    assert "processes want to run at once on" in found.message
    assert f"Start {cores} of them" in found.fix
    assert set(run.pids_of(found)) <= {run.pids[f"worker-{n}"] for n in range(CROWD)}


def test_more_workers_than_ever_have_a_task(watched: dict[str, Watched]) -> None:
    run = watched["too-many-to-feed"]
    found = run.finding("too-many-to-feed")
    assert "of 16 workers of pool at most 2 worked at once" in found.message
    assert "are handed out more slowly than so many workers do them" in found.cause
    assert run.pids_of(found)[0] == run.pids["MainProcess"]
    assert len(run.pids_of(found)) == 17


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_forks_that_do_little_work_are_blamed_only_if_they_take_long(
    run_program: Any, method: str
) -> None:
    run = run_program(
        HEAD
        + """
from telling import tell

if __name__ == "__main__":
    begun = time.monotonic()
    for _ in range(20):
        run(*[Process(target=abs, args=(1,)) for _ in (1, 2)])
    tell(elapsed=time.monotonic() - begun)
""",
        start_method=method,
    )
    (group,) = run.state.table(WorkerGroup).values()
    # Two start at a time, so together they cannot have taken longer than this.
    assert 0 < group.starting <= 2 * run.facts("elapsed") * 1_000_000_000
    found = run.document["findings"]
    if found:
        assert [each["rule"] for each in found] == ["startup-longer"]
        assert group.starting >= max(STARTING_NANOSECONDS, group.working)
    else:
        short_in_all = group.starting < STARTING_NANOSECONDS
        assert short_in_all or group.starting < STARTING_TIMES * group.working
