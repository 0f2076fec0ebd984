"""What a thread waits for: from the system call in which it sleeps, and from the calls it is in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpviz.trace.attach.frames import Frame
from mpviz.trace.attach.pools import results, task
from mpviz.trace.attach.scene import WRITES, Scene, Waiting
from mpviz.trace.model.primitives.seen import ObjectSeen


def waiting_of(scene: Scene) -> Waiting | None:
    """What a sleeping thread waits for; None if that is nothing of multiprocessing's."""
    if any(call.startswith("importlib.") for call in scene.calls):
        # It unpickles what it has got already, and that imports a module.
        return None
    for explain in _EXPLANATIONS:
        found = explain(scene)
        if found is not None:
            found.timed = scene.thread.timed
            return found
    return None


def _item(scene: Scene) -> Waiting | None:
    frame = scene.frame("queues.get")
    if frame is None:
        return None
    queue = _queue_at(scene, frame)
    if not queue:
        return None
    return Waiting("get", queue, [], turn=not scene.semaphore, begun=_has_begun(scene))


def _has_begun(scene: Scene) -> bool:
    """Whether a part of a message has come, as ``Connection._recv`` counts what remains."""
    frame = scene.frame("connection._recv")
    if frame is None:
        return False
    remaining, size = (frame.variables.get(name, (0, ""))[1] for name in ("remaining", "size"))
    return remaining.isdecimal() and size.isdecimal() and int(remaining) < int(size)


def _room(scene: Scene) -> Waiting | None:
    frame = scene.frame("queues.put", "queues._feed")
    queue = _queue_at(scene, frame) if frame is not None else ""
    if not queue or not (scene.semaphore or scene.end):
        return None
    return Waiting("put", queue, turn=not scene.semaphore)


def _drained(scene: Scene) -> Waiting | None:
    """A process at its end waits until its items are written, by a thread of the queue."""
    if not scene.is_in("queues._finalize_join"):
        return None
    for other in scene.process.threads:
        feeder = Scene(other, scene.process, scene.program, scene.known)
        if any(each.call == "queues._feed" for each in feeder.inner) and feeder.end:
            queue = scene.known.same("queue", [("pipe of queue", feeder.end)])
            return Waiting("drain", queue)
    return None


def _done(scene: Scene) -> Waiting | None:
    frame = scene.frame("queues.join")
    if frame is None:
        return None
    told = scene.process.itself(frame)
    queue = scene.known.of_description(scene.process, told) if told else ""
    name = scene.known.name(queue, "a queue")
    counter = (told.get("_unfinished_tasks") or {}).get("_semlock") or {}
    value = scene.program.values.get(counter.get("semaphore", ""))
    left = f", of which {value[0]} are not" if value is not None else ""
    words = f"all items of {name} to be done (task_done){left}"
    key = queue or f"{scene.process.pid}"
    return _signal(f"done {key}", words)


def _signal(key: str, words: str, what: str = "seen-signal") -> Waiting:
    return Waiting(what, key, [ObjectSeen(key, what, words)])


def _answer(scene: Scene) -> Waiting | None:
    frame = scene.frame("managers._callmethod")
    if frame is None:
        return None
    method = frame.variables.get("methodname", (0, ""))[1].strip('"')
    peer = scene.program.sockets.get(scene.end, (0, 0))[0]
    servers = [pid for pid in scene.program.with_end(peer) if pid != scene.process.pid]
    call = f" to {method}()" * bool(method)
    words = f"an answer from a manager{call}"
    if servers:
        words = f"an answer from the manager, pid {servers[0]},{call}".rstrip(",")
    key = f"answer {servers[0] if servers else 0} {method}"
    holders = tuple((pid, 0) for pid in servers)
    thing = ObjectSeen(key, "seen-result", words, holders=holders, complete=bool(servers))
    return Waiting("seen-result", key, [thing])


def _event_or_condition(scene: Scene) -> Waiting | None:
    waits = [
        each for each in scene.inner if each.call in ("synchronize.wait", "synchronize.wait_for")
    ]
    wakes = scene.frame("synchronize.notify", "synchronize.notify_all")
    outer = [each for each in scene.inner if each.call.startswith("synchronize.")]
    if not outer or not (waits or wakes):
        return None
    barrier = scene.frame("threading.wait", "threading._wait", "threading._enter")
    frame = outer[-1]
    told = scene.process.itself(frame)
    known = scene.known.of_description(scene.process, told) if told else ""
    if barrier is not None:
        return _signal(f"barrier {scene.semaphore}", "the others at a barrier")
    is_event = frame.call == "synchronize.set" or len(waits) > 1 or told.get("type") == "Event"
    kind = "event" if is_event else "condition"
    name = f"{kind} {scene.known.name(known, '')}".rstrip() if known else f"an {kind}"
    if name in ("event", "condition"):
        name = f"an {kind}" if is_event else f"a {kind}"
    if wakes is not None:
        return _signal(f"wake {known or scene.semaphore}", _sleepers(scene, name, told))
    if not is_event and scene.semaphore and _is_its_lock(scene, frame):
        # It was woken, and takes the lock of the condition again.
        return None
    words = f"{name} to be set" if is_event else f"a notify of {name}"
    return _signal(known or f"{kind} {scene.semaphore}", words)


def _is_its_lock(scene: Scene, frame: Frame) -> bool:
    lock = (scene.process.itself(frame).get("_lock") or {}).get("_semlock") or {}
    return bool(lock) and lock.get("semaphore") == scene.semaphore


def _sleepers(scene: Scene, name: str, told: dict[str, Any]) -> str:
    """Notify waits until all that it wakes have woken; one of them may be dead."""
    condition = told.get("_cond") or told
    counter = (condition.get("_wait_semaphore") or {}).get("_semlock") or {}
    semaphore = counter.get("semaphore", "")
    # Who is killed in sem_wait is counted there for ever.
    _, counted = scene.program.values.get(semaphore, (0, 0))
    dead = counted - scene.program.asleep_at(semaphore)
    words = f"a waiter of {name} to wake"
    if dead > 0 and not any(each.told.get("moving") for each in scene.program.processes.values()):
        return f"{words}, but {dead} of its waiters {'has' if dead == 1 else 'have'} died there"
    return words


def _child(scene: Scene) -> Waiting | None:
    """A join, or another wait for the end of a process."""
    calls = scene.thread.told["call"], scene.thread.argument
    pid = 0
    if calls[0] == "wait4":
        pid = calls[1] if 0 < calls[1] < 1 << 22 else 0
    elif calls[0] == "waitid":
        pid = scene.thread.told["arguments"][1]
    frame = scene.frame("process.join")
    if not pid and frame is not None:
        popen = scene.process.itself(frame).get("_popen") or {}
        pid = popen.get("pid") or 0
    pid = scene.program.inside(pid)
    if pid and pid in scene.program.processes:
        return Waiting("process", str(pid))
    return None


def _message(scene: Scene) -> Waiting | None:
    receives = scene.is_in("connection.recv", "connection.recv_bytes", "connection.poll")
    sends = scene.is_in("connection.send", "connection.send_bytes")
    if not (receives or sends) or scene.is_in("connection.accept", "connection.answer_challenge"):
        return None
    inode = scene.end or _end_of_connection(scene)
    pipe = pipe_at(scene, inode, writes=sends)
    if pipe is None:
        return None
    end, seen = pipe
    return Waiting("send" if sends else "receive", end, [seen], begun=_has_begun(scene))


def _end_of_connection(scene: Scene) -> int:
    frame = scene.frame("connection.recv", "connection.recv_bytes", "connection.poll")
    told = scene.process.itself(frame) if frame is not None else {}
    handle = told.get("_handle")
    return scene.process.inode(handle) if isinstance(handle, int) else 0


def pipe_at(scene: Scene, inode: int, *, writes: bool) -> tuple[str, ObjectSeen] | None:
    """The id of an end, and the pipe; None if its other end is outside the program."""
    if not inode:
        return None
    peer = scene.program.sockets.get(inode, (0, 0))[0]
    place = place_of(scene)
    # Both ends of a pipe may have one name, and then so has the pipe.
    name = scene.known.given(f"end-{inode}")
    if peer:
        if not scene.program.with_end(peer):
            return None
        first, second = sorted((f"s-{inode}", f"s-{peer}"))
        name = _of_pipe(scene, first, name, place)
        return f"s-{inode}", ObjectSeen(first, "Pipe", name, second)
    if inode in scene.program.sockets:
        return None
    name = _of_pipe(scene, f"r-{inode}", name, place)
    seen = ObjectSeen(f"r-{inode}", "Pipe", name, f"w-{inode}")
    return (f"w-{inode}" if writes else f"r-{inode}"), seen


def _of_pipe(scene: Scene, first: str, name: str, place: str) -> str:
    """What a pipe is called: by a variable, by the line that waits for it, or by a number."""
    if name:
        return scene.known.distinct(first, name)
    return f"at {place}" if place else scene.known.numbered(first, "Pipe")


def place_of(scene: Scene) -> str:
    """The program's own line at which a thread is, as ``work.py:12``."""
    own = next((each for each in scene.thread.frames if not each.call), None)
    return f"{own.file.rsplit('/', 1)[-1]}:{own.line}" if own is not None else ""


def _thread(scene: Scene) -> Waiting | None:
    """Another thread of the same process to end."""
    frame = scene.frame("threading.join")
    if frame is None or scene.is_in("threading._shutdown", "util._exit_function"):
        return None
    name = scene.process.itself(frame).get("_name")
    words = f"thread {name} to end" if isinstance(name, str) else "a thread to end"
    number = scene.process.itself(frame).get("_native_id")
    holders = ((scene.process.pid, number),) if isinstance(number, int) else ()
    key = f"thread {scene.process.pid} {scene.address(frame)}"
    thing = ObjectSeen(key, "seen-lock", words, holders=holders, complete=bool(holders))
    return Waiting("seen-lock", key, [thing])


def _lock(scene: Scene) -> Waiting | None:
    """A semaphore that nothing else explains: the program's own lock."""
    if not scene.semaphore:
        return None
    return Waiting("lock", scene.known.lock(scene.semaphore))


def _bare_end(scene: Scene) -> Waiting | None:
    """A read or a write of a pipe between processes of the program, if there is no stack."""
    if scene.thread.frames or scene.thread.thread or not scene.end:
        return None
    writes = scene.thread.told["call"] in WRITES
    found = pipe_at(scene, scene.end, writes=writes)
    if found is None:
        return None
    end, seen = found
    others = scene.program.with_end(scene.end, writes=not writes)
    return Waiting("send" if writes else "receive", end, [seen]) if others else None


def _queue_at(scene: Scene, frame: Frame) -> str:
    """The id of the queue of which a frame runs a method."""
    told = scene.process.itself(frame)
    queue = scene.known.of_description(scene.process, told) if told else ""
    if queue:
        return queue
    if scene.end:
        return scene.known.same("queue", [("pipe of queue", scene.end)])
    if scene.semaphore:
        keys: list[tuple[str, object]] = [("lock of queue", scene.semaphore)]
        # Who has the lock reads the pipe.
        for other in scene.program.processes.values():
            held = (other.told.get("semlocks") or {}).get(scene.semaphore)
            if held is not None and held["count"] > 0:
                for thread in other.threads:
                    reader = Scene(thread, other, scene.program, scene.known)
                    if reader.end and reader.frame("queues.get"):
                        keys.insert(0, ("pipe of queue", reader.end))
        return scene.known.same("queue", keys)
    # In a poll, which does not say what it is for.
    return scene.known.same("queue", [("frame", (scene.process.pid, scene.thread.number))])


_EXPLANATIONS: tuple[Callable[[Scene], Waiting | None], ...] = (
    task,
    _item,
    _drained,
    _done,
    _room,
    _answer,
    _event_or_condition,
    results,
    _child,
    _message,
    _thread,
    _lock,
    _bare_end,
)
"""The first that knows what a thread waits for."""
