"""Pools and executors as seen from outside: their workers, and what is missing of their results."""

from __future__ import annotations

from typing import Any

from mpviz.trace.attach.program import LATELY, ProcessLook, ThreadLook
from mpviz.trace.attach.scene import Scene, Waiting
from mpviz.trace.model.primitives.seen import ObjectSeen


def is_pool_worker(calls: set[str]) -> bool:
    """Whether these are calls of a worker of a pool or an executor."""
    return bool(calls & {"pool.worker", "process._process_worker"})


def task(scene: Scene) -> Waiting | None:
    """A worker that has nothing to do."""
    calls = {frame.call for frame in scene.thread.frames}
    if not is_pool_worker(calls) or not scene.is_in("queues.get"):
        return None
    thing = ObjectSeen("task", "seen-task", "a task")
    return Waiting("seen-task", "task", [thing], turn=not scene.semaphore)


def results(scene: Scene) -> Waiting | None:
    """A wait for what workers do: for results, or for the end of all their work."""
    frame = scene.frame("pool.wait", "pool.next", "pool.get")
    pid = scene.process.pid
    if frame is not None and not scene.is_in("pool._wait_for_updates"):
        told = scene.process.itself(frame)
        pool = told.get("_pool") or {}
        key = f"results {pid} {scene.address(frame)}"
        waiting = _of_pool(scene, key, _how_far(told), "seen-result", pool)
        waiting.things[0].count = _left(told)
        return waiting
    frame = scene.frame("pool.join", "pool._terminate_pool", "pool._help_stuff_finish")
    if frame is not None:
        pool = scene.process.itself(frame)
        jobs = (pool.get("_cache") or {}).get("length")
        words = "the workers of a pool to end" + f", which has {jobs} jobs to do" * bool(jobs)
        return _of_pool(scene, f"workers {pid}", words, "seen-process", pool)
    if scene.is_in("_base.result", "_base.wait", "_base.as_completed", "_base.exception"):
        return _of_executor(scene, f"executor {pid}", "a result of an executor", "seen-result")
    if scene.is_in("process.shutdown", "process._python_exit"):
        words = "the end of an executor's work"
        return _of_executor(scene, f"executor {pid}", words, "seen-process")
    return None


def _how_far(told: dict[str, Any]) -> str:
    """The results that are waited for, and how many of them are not there yet."""
    left, chunk = _left(told), told.get("_chunksize")
    if left < 0 or not isinstance(chunk, int) or chunk <= 0:
        return "a result of a pool"
    chunks = "chunks" if chunk > 1 else "tasks"
    length = (told.get("_value") or {}).get("length")
    total = -(-length // chunk) if isinstance(length, int) else 0
    return f"the results of a pool ({left}" + f" of {total}" * bool(total) + f" {chunks} missing)"


def _left(told: dict[str, Any]) -> int:
    """How many chunks of a map are not done; -1 if that is not known."""
    left = told.get("_number_left")
    return left if isinstance(left, int) else -1


def _of_executor(scene: Scene, key: str, words: str, what: str) -> Waiting:
    workers = tuple((each.pid, 0) for each in _workers(scene, ""))
    return Waiting(what, key, [ObjectSeen(key, what, words, holders=workers)])


def _of_pool(scene: Scene, key: str, words: str, what: str, pool: dict[str, Any]) -> Waiting:
    """A wait for a pool: its workers could end it, if there is still something for them to do."""
    told = pool.get("_inqueue") or {}
    queue = scene.known.queue(scene.process, told) if told else ""
    workers = _workers(scene, queue)
    holders = tuple((each.pid, 0) for each in workers)
    fault = _fault(scene, workers) if queue and not scene.thread.timed else ""
    return Waiting(what, key, [ObjectSeen(key, what, words, holders=holders, fault=fault)])


def _workers(scene: Scene, queue: str) -> list[ProcessLook]:
    """The workers below a process; those that take their tasks from this queue, if it is known."""
    found = []
    for each in scene.program.processes.values():
        if not is_pool_worker(each.calls) or each.main is None:
            continue
        parent = scene.program.processes.get(each.parent)
        is_below = scene.process.pid in (each.parent, parent.parent if parent is not None else 0)
        frame = next((one for one in each.main.frames if one.call == "queues.get"), None)
        told = each.itself(frame) if frame is not None else {}
        own = scene.known.queue(each, told) if told else ""
        if (is_below and queue in ("", own)) or (is_below and not own):
            found.append(each)
    return found


def _fault(scene: Scene, workers: list[ProcessLook]) -> str:
    """Why results of a Pool can no longer come; empty if they may.

    A task that no worker has, and that lies in no pipe, was lost with the worker that had taken it.
    """
    tasks = _helper(scene, "pool._handle_tasks")
    receiver = _helper(scene, "pool._handle_results")
    if tasks is None or not tasks.asleep:
        return ""
    if receiver is None:
        lately = scene.program.time - LATELY
        unknown = [each for each in scene.process.threads if not each.latest_frames]
        # It may be a thread whose stack could not be read.
        is_sure = all(each.asleep and each.since < lately for each in unknown)
        return "deaf" if is_sure else ""
    is_receiving = receiver.asleep and receiver.told.get("bytes") == 0
    is_idle = [frame.call for frame in tasks.frames[:1]] == ["pool._handle_tasks"]
    if not is_receiving or not is_idle or not workers:
        return ""
    reading = 0
    for each in workers:
        waiting = task(Scene(each.main, each, scene.program, scene.known)) if each.main else None
        if waiting is None or each.main is None or not each.main.asleep:
            return ""
        if waiting.turn:
            reading += 1
            if each.main.told.get("bytes") != 0:
                return ""
    return "lost" if reading else ""


def _helper(scene: Scene, call: str) -> ThreadLook | None:
    """The thread of the same process that is in this call."""
    return next(
        (
            each
            for each in scene.process.threads
            if each.thread and any(frame.call == call for frame in each.latest_frames)
        ),
        None,
    )
