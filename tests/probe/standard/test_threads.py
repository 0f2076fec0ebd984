"""Threads of real programs: their names and their ends, by all start methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conftest import RunProgram

PROGRAM = """
import multiprocessing, os, threading, time
from concurrent.futures import ThreadPoolExecutor
from telling import tell

class Cruncher(threading.Thread):
    def __init__(self):
        super().__init__(name="cruncher")

    def run(self):
        sum(range(1000))

def in_child(queue):
    heart = threading.Thread(target=time.sleep, args=(3600,), name="heart", daemon=True)
    heart.start()
    queue.put(1)
    tell(heart=heart.native_id)

def in_fork():
    # Another thread than the main one forks: in the child it is the only one.
    child = os.fork()
    if child == 0:
        ours = threading.Thread(target=abs, args=(1,), name="after the fork")
        ours.start()
        ours.join()
        os._exit(0)
    os.waitpid(child, 0)
    tell(forked=child)

if __name__ == "__main__":
    context = multiprocessing.get_context()
    queue = context.Queue()
    cruncher = Cruncher()
    cruncher.start()
    cruncher.join()
    tell(cruncher=cruncher.native_id)
    for number in range(3):
        short = threading.Thread(target=abs, args=(number,), name="short %d" % number)
        short.start()
        short.join()
    with ThreadPoolExecutor(1, thread_name_prefix="executor") as executor:
        executor.submit(abs, 1).result()
    child = context.Process(target=in_child, args=(queue,), name="child")
    child.start()
    queue.get()
    child.join()
    forker = threading.Thread(target=in_fork, name="forker")
    forker.start()
    forker.join()
    with context.Pool(1) as pool:
        pool.map(abs, [1])
"""


def named(entry: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in entry["threads"]}


def test_threads_are_known_by_name_from_start_to_end(run_everywhere: RunProgram) -> None:
    run = run_everywhere(PROGRAM)
    run.assert_nothing_was_missed()
    main, child = (named(run.process(name)) for name in ("MainProcess", "child"))
    assert {"cruncher", "short 0", "short 1", "short 2", "executor_0", "forker"} <= main.keys()
    assert sum(name.startswith("Thread-") for name in main) == 3, "the pool's own"
    assert main["cruncher"]["id"] == run.facts("cruncher")
    assert main["cruncher"]["daemon"] is False
    assert child["heart"]["id"] == run.facts("heart")
    assert child["heart"]["daemon"] is True
    assert "QueueFeederThread" in child
    (forked,) = (each for each in run.document["processes"] if each["pid"] == run.facts("forked"))
    assert "after the fork" in named(forked)
    # Its main thread has the kernel's name for the thread that forked it.
    forker = named(forked).get("forker", {"id": forked["pid"]})
    assert forker["id"] == forked["pid"]
    for thread in (*main.values(), *child.values()):
        assert 0 <= thread["started"] <= thread["ended"]


def test_only_threads_that_serve_a_pool_or_queue_are_not_the_programs_own(
    run_everywhere: RunProgram,
) -> None:
    run = run_everywhere(PROGRAM)
    own = {
        thread.name
        for process in run.state.processes.values()
        for thread in process.threads.ended
        if thread.own
    }
    assert {"cruncher", "short 0", "executor_0", "forker", "heart", "after the fork"} <= own
    assert "QueueFeederThread" not in own
    assert not any(name.startswith("Thread-") for name in own)
