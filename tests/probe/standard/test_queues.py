"""Queues of a real program: what was put and taken, by whom, and who had to wait."""

from __future__ import annotations

from helpers.runs import Observed
from helpers.scenario_runs import counts

PROGRAM = """
import multiprocessing as mp, os, queue, time
from telling import tell

def produce(jobs, count):
    for number in range(count):
        jobs.put(number)

def consume(jobs, done):
    taken = 0
    while jobs.get() is not None:
        taken += 1
    tell(taken=[os.getpid(), taken])
    done.put(taken)

def work_off(tasks):
    while True:
        tasks.get()
        tasks.task_done()

def refused(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except (queue.Full, queue.Empty) as error:
        return type(error).__name__

def seconds(call, *args):
    start = time.monotonic()
    yield refused(call, *args, timeout=0.5)
    yield time.monotonic() - start

def main():
    small = mp.Queue(2)
    in_vain, getting = seconds(small.get)
    refusals = [refused(small.get, False), in_vain, refused(small.get_nowait)]
    small.put("a")
    small.put("b", timeout=5)
    in_vain, putting = seconds(small.put, "c")
    refusals += [refused(small.put, "c", False), in_vain, refused(small.put_nowait, "c")]
    start = time.monotonic()
    both = [small.get(), small.get(timeout=5)]
    getting += time.monotonic() - start
    tell(refusals=refusals, both=both, size=small.qsize(), getting=getting, putting=putting)

    jobs, done = mp.Queue(maxsize=3), mp.SimpleQueue()
    producers = [mp.Process(target=produce, args=(jobs, 40)) for _ in range(2)]
    consumers = [mp.Process(target=consume, args=(jobs, done)) for _ in range(2)]
    for process in producers + consumers:
        process.start()
    for process in producers:
        process.join()
    for _ in consumers:
        jobs.put(None)
    for process in consumers:
        process.join()
    counts = [done.get(), done.get()]
    tell(counts=counts, producers=[process.pid for process in producers], empty=done.empty())

    tasks = mp.JoinableQueue()
    worker = mp.Process(target=work_off, args=(tasks,), daemon=True)
    worker.start()
    for number in range(20):
        tasks.put(number)
    tasks.join()
    tell(joined=True)
    worker.terminate()
    worker.join()

    odd = mp.Queue()
    odd.put(lambda: None)
    odd.put("fine")
    tell(odd=odd.get())

    texts = mp.SimpleQueue()
    texts.put("x" * 20000)
    tell(length=len(texts.get()))
    jobs.close()
    jobs.join_thread()
    big = mp.Queue()
    big.put("y" * 300000)
    big.cancel_join_thread()
    big.get()
"""


def test_nothing_is_missed(run: Observed) -> None:
    run.assert_nothing_was_missed()


def test_the_program_s_queues_are_known_by_name_and_kind(run: Observed) -> None:
    queues = run.document["queues"]
    assert [(queue["name"], queue["kind"], queue["maxsize"]) for queue in queues] == [
        ("small", "Queue", 2),
        ("jobs", "Queue", 3),
        ("done", "SimpleQueue", 0),
        ("tasks", "JoinableQueue", 0),
        ("odd", "Queue", 0),
        ("texts", "SimpleQueue", 0),
        ("big", "Queue", 0),
    ]
    assert len({queue["id"] for queue in queues}) == len(queues)


def test_the_program_is_refused_as_it_would_be_without_us(run: Observed) -> None:
    assert run.facts("refusals") == ["Empty", "Empty", "Empty", "Full", "Full", "Full"]
    assert (run.facts("both"), run.facts("size")) == (["a", "b"], 0)


def test_a_refused_put_or_get_is_not_counted(run: Observed) -> None:
    small = run.one("queues", "small")
    assert (small["puts"], small["gets"], small["depth"], small["max_depth"]) == (2, 2, 0, 2)


def test_waiting_in_vain_is_waiting_too(run: Observed) -> None:
    small = run.one("queues", "small")
    # Less than its limit of 0.5 s, if the program lost its core on the way to the wait.
    assert 0 < small["put_wait"] <= run.facts("putting")
    assert 0 < small["get_wait"] <= run.facts("getting")


def test_every_item_is_put_once_and_taken_once(run: Observed) -> None:
    jobs = run.one("queues", "jobs")
    items = 80 + 2
    assert (jobs["puts"], jobs["gets"], jobs["depth"]) == (items, items, 0)
    done = run.one("queues", "done")
    assert (done["puts"], done["gets"], done["depth"]) == (2, 2, 0)
    assert sum(run.facts("counts")) == 80
    assert run.facts("empty") is True


def test_a_bounded_queue_never_holds_more_than_it_may(run: Observed) -> None:
    assert 1 <= run.one("queues", "jobs")["max_depth"] <= 3


def test_puts_and_gets_are_counted_by_process(run: Observed) -> None:
    (queue,) = [
        each
        for table in run.state.tables.values()
        for each in table.values()
        if getattr(each, "name", "") == "jobs"
    ]
    taken = dict(facts["taken"] for facts in run.told if "taken" in facts)
    # Each consumer also takes the sentinel that ends it.
    assert counts(queue.takers) == {str(pid): count + 1 for pid, count in taken.items()}
    main = run.process("MainProcess")["pid"]
    expected = {**dict.fromkeys(map(str, run.facts("producers")), 40), str(main): 2}
    assert counts(queue.putters) == expected


def test_a_joinable_queue_is_joined_when_all_is_done(run: Observed) -> None:
    assert run.facts("joined") is True
    tasks = run.one("queues", "tasks")
    assert (tasks["puts"], tasks["gets"], tasks["depth"]) == (20, 20, 0)


def test_an_item_that_cannot_be_pickled_is_put_but_never_there(run: Observed) -> None:
    assert run.facts("odd") == "fine"
    odd = run.one("queues", "odd")
    assert (odd["puts"], odd["gets"], odd["depth"]) == (2, 1, 0)
    assert "could not pickle an item for odd" in run.log
    assert "lambda" in run.stderr


def test_the_locks_within_queues_are_not_the_program_s(run: Observed) -> None:
    assert run.document["locks"] == []


def test_consumers_of_an_empty_queue_are_shown_waiting(run: Observed) -> None:
    waited = {
        span.activity.name
        for process in run.state.processes.values()
        for span in process.lane.spans
        if process.name.startswith("Process-")
    }
    assert "QUEUE" in waited
