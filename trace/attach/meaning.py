"""From what the looker tells to events: who waits for what, who holds it, where all stand."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mpviz.trace.attach.frames import own_frames
from mpviz.trace.attach.identities import Identities
from mpviz.trace.attach.introductions import Names, method_of, problem_with, role_of
from mpviz.trace.attach.program import LATELY, ProcessLook, ProgramLook, ThreadLook
from mpviz.trace.attach.scene import Scene
from mpviz.trace.attach.waits import waiting_of
from mpviz.trace.model.events import Event
from mpviz.trace.model.primitives.seen import (
    LOCK_KINDS,
    QUEUE_KINDS,
    LookTaken,
    ObjectSeen,
    ProcessSeen,
    WaitSeen,
)
from mpviz.trace.model.processes.looks import KernelThread, StacksRead, ThreadStack
from mpviz.trace.model.processes.stacks import AT_WORK
from mpviz.trace.model.text import clean

FAULT_NANOSECONDS = 1_000_000_000
"""Nanoseconds for which each look has to find what is wrong with a pool before that is told."""

_ENDINGS = {"util._exit_function", "threading._shutdown", "util._run_finalizers"}
_IN_LINE = re.compile(
    r"([\w.]+)\.(?:get|put|recv\w*|send\w*|acquire|wait\w*|notify\w*|join|set)\(|\bwith\s+([\w.]+)\s*:"
)
"""What a line of source waits for, if it says so: ``queue.get()``, ``with lock:``."""

_UNBOUND = 0x7FFFFFFF
"""The highest value of a semaphore: that of one without a bound (SEM_VALUE_MAX)."""


@dataclass
class Meaning:
    """Makes events of what the looker tells, one look after the other."""

    root: int
    source: Callable[[str], bytes]
    """Reads a source file; empty if it cannot be read."""
    known: Identities = field(default_factory=Identities)
    _program: ProgramLook = field(init=False)
    _names: Names = field(default_factory=Names)
    _sites: dict[tuple[str, int], int] = field(default_factory=dict)
    _lines: dict[int, str] = field(default_factory=dict)
    """The text of these places."""
    _new_sites: list[tuple[int, str, int, str, int]] = field(default_factory=list)
    _told: dict[str, ObjectSeen] = field(default_factory=dict)
    _waits: list[WaitSeen] = field(default_factory=list)
    _faults: dict[tuple[str, str], int] = field(default_factory=dict)
    """By pool wait and fault: since when each look has found it, nanoseconds."""
    _lost: set[str] = field(default_factory=set)
    """Locks that the look before found without a living holder."""

    def __post_init__(self) -> None:
        self._program = ProgramLook(self.root)

    def events(self, told: dict[str, Any]) -> list[Event]:
        """The events of one look."""
        program = self._program
        changed = program.take(told)
        for place, process in enumerate(sorted(changed, key=lambda each: each.pid != self.root)):
            self._name_objects(process, place)
        waits, things = self._find_waits()
        objects = {each.object: each for each in self._objects(waits, things)}
        news = [each for key, each in objects.items() if self._told.get(key) != each]
        self._told.update(objects)
        look = LookTaken(
            time=program.time,
            pid=0,
            processes=[self._process(each) for each in changed],
            objects=news,
            waits=None if waits == self._waits else waits,
            gone=[(pid, started) for pid, started in told["gone"]],
            sites=self._new_sites,
        )
        self._waits, self._new_sites = waits, []
        return [look, *(self._stacks(each) for each in changed)]

    def _find_waits(self) -> tuple[list[WaitSeen], list[ObjectSeen]]:
        waits: list[WaitSeen] = []
        things: list[ObjectSeen] = []
        for process in self._program.processes.values():
            for thread in process.threads:
                if not thread.asleep or (thread.thread and _is_helper(thread)):
                    continue
                scene = Scene(thread, process, self._program, self.known)
                waiting = waiting_of(scene)
                if waiting is None:
                    continue
                things += waiting.things
                waits.append(
                    WaitSeen(
                        process.pid,
                        thread.thread,
                        waiting.what,
                        waiting.object,
                        max(0, thread.told["since"]),
                        self._site(scene),
                        waiting.timed,
                        waiting.turn,
                        waiting.begun,
                    )
                )
        return waits, things

    def _site(self, scene: Scene) -> int:
        own = own_frames(scene.thread.frames)
        if not own:
            return 0
        file, line, function = own[0].place
        number = self._sites.get((file, line))
        if number is None:
            number = zlib.crc32(f"{file}:{line}".encode()) or 1
            self._sites[file, line] = number
            text = self.source(file)
            self._new_sites.append((number, file, line, function, zlib.crc32(text) if text else 0))
            lines = text.splitlines()
            if line <= len(lines):
                self._lines[number] = lines[line - 1].decode("utf-8", "replace")
        return number

    def _name_objects(self, process: ProcessLook, place: int) -> None:
        """Name the objects to which local variables lead, the outermost frame first."""
        for thread in process.threads:
            for depth, frame in enumerate(reversed(thread.frames)):
                for name, (address, _) in frame.variables.items():
                    told = process.described(address) if address else {}
                    known = self.known.of_description(process, told) if told else ""
                    if known and not frame.call and name != "self":
                        rank = (0 if process.pid == self.root else 1 + place, depth)
                        self.known.propose(known, rank, name)

    def _objects(self, waits: list[WaitSeen], things: list[ObjectSeen]) -> Iterator[ObjectSeen]:
        """The objects that are waited for, and those that have a name."""
        self._hold_faults(things)
        yield from things
        wanted = {each.object: each for each in waits}
        lost = set()
        for key, kind in self._kinds(waits):
            if kind in LOCK_KINDS:
                seen = self._lock(key, kind, wanted.get(key))
                lost |= {key} if seen.lost else set()
                # What is seen only once may be on its way from one process to another.
                seen.lost = seen.lost and key in self._lost
                yield seen
            elif kind in QUEUE_KINDS:
                yield self._queue(key, kind, wanted.get(key))
        self._lost = lost

    def _hold_faults(self, things: list[ObjectSeen]) -> None:
        """Keep a fault of a pool back until it has been seen for a while: a look may be torn."""
        now = self._program.time
        found = {(each.object, each.fault) for each in things if each.fault}
        self._faults = {key: self._faults.get(key, now) for key in found}
        for each in things:
            if each.fault and now - self._faults[each.object, each.fault] < FAULT_NANOSECONDS:
                each.fault = ""

    def _kinds(self, waits: list[WaitSeen]) -> list[tuple[str, str]]:
        kinds = {key: kind for key, kind in self.known.kinds.items() if self.known.is_named(key)}
        for each in waits:
            if each.what in ("get", "put", "drain"):
                kinds[each.object] = self.known.kinds.get(each.object, "Queue")
            elif each.what == "lock":
                kinds[each.object] = self.known.kinds.get(each.object, "")
        return [(key, kind or self._kind_of_lock(key)) for key, kind in kinds.items()]

    def _kind_of_lock(self, key: str) -> str:
        for _, lock in self._semlocks(key):
            if lock["maximum"] == 1:
                return "RLock" if lock["kind"] == 0 else "Lock"
            return "RLock" if lock["kind"] == 0 else "Semaphore"
        return "Lock"

    def _semlocks(self, key: str) -> list[tuple[ProcessLook, dict[str, Any]]]:
        """The objects of a lock in the memory of each process."""
        identity = key.removeprefix("lock-")
        return [
            (process, lock)
            for process in self._program.processes.values()
            if (lock := (process.told.get("semlocks") or {}).get(identity)) is not None
        ]

    def _lock(self, key: str, kind: str, wait: WaitSeen | None) -> ObjectSeen:
        identity = key.removeprefix("lock-")
        found = self._semlocks(key)
        value = self._program.values.get(identity)
        maximum = found[0][1]["maximum"] if found else 1
        seen = ObjectSeen(key, kind, self._name_of(key, kind, wait))
        seen.count = maximum if maximum < _UNBOUND else 0
        holding = [(process, lock) for process, lock in found if lock["count"] > 0]
        is_torn = any(process.told.get("moving") for process, _ in found)
        if value is None or (value[0] > 0 and maximum == 1) or maximum >= _UNBOUND:
            return seen
        if any(lock["count"] < 0 for _, lock in found):
            # Another process than its holder has released it: the counts say nothing.
            return seen
        if maximum == 1 and len(holding) > 1:
            return seen
        seen.holders = tuple(
            (process.pid, _thread_number(process.pid, lock)) for process, lock in holding
        )
        seen.complete = bool(holding) and not is_torn
        seen.lost = (
            maximum == 1
            and not holding
            and not is_torn
            and value[0] == 0
            and value[1] > 0
            and self._is_known_of_all(identity)
        )
        return seen

    def _is_known_of_all(self, identity: str) -> bool:
        """Whether the object of a lock was found in each process that could hold it."""
        sharing = [
            each
            for each in self._program.processes.values()
            if identity in (each.told.get("maps") or ())
        ]
        return all(identity in (each.told.get("semlocks") or {}) for each in sharing)

    def _name_of(self, key: str, kind: str, wait: WaitSeen | None) -> str:
        """The name of an object: a local variable, else the word in the line that waits for it."""
        if wait is None or self.known.is_named(key) or not wait.site:
            return self.known.numbered(key, kind)
        found = _IN_LINE.search(self._lines.get(wait.site, ""))
        if found is not None:
            return self.known.distinct(key, clean(found[1] or found[2]))
        file, line = next(place for place, number in self._sites.items() if number == wait.site)
        return f"{kind} at {file.rsplit('/', 1)[-1]}:{line}"

    def _queue(self, key: str, kind: str, wait: WaitSeen | None) -> ObjectSeen:
        counter = self.known.counters.get(key, "")
        value = self._program.values.get(counter)
        limit = self.known.limits.get(key, 0)
        count = (limit or _UNBOUND) - value[0] if value is not None else -1
        name = self._name_of(key, kind, wait)
        return ObjectSeen(key, kind, name, count=max(-1, count), limit=limit)

    def _process(self, process: ProcessLook) -> ProcessSeen:
        told, main = process.told, process.main
        calls = process.calls
        own = own_frames(main.frames) if main is not None else []
        function = own[-1].function if own else ""
        role = role_of(process, self._program)
        asleep = all(each.asleep for each in process.threads)
        exiting = main is not None and bool(calls & _ENDINGS)
        return ProcessSeen(
            pid=process.pid,
            started=told["started"],
            parent=process.parent,
            name=self._names.of(process, role, function),
            role=role,
            method=method_of(process, self._program),
            function=function if role != "main" else "",
            python=clean((told.get("python") or "").strip("?")),
            asleep=max((each.told["since"] for each in process.threads), default=-1)
            if asleep
            else -1,
            exiting=max(0, main.told["since"]) if main is not None and exiting else -1,
            problem=clean(problem_with(process, self.root)),
            ended=process.ended,
            exit_code=process.exit_code,
            handles_sigterm=process.handles_sigterm,
        )

    def _why_no_stacks(self, process: ProcessLook, stacks: list[ThreadStack]) -> str:
        """Why its stacks do not say what it does; empty if they do."""
        if not stacks:
            return clean(problem_with(process, self.root)) or AT_WORK
        # A thread without a stack is one of a C library, or was at work when it was looked at.
        unknown = [each for each in process.threads if not each.frames]
        lately = self._program.time - LATELY
        return AT_WORK if any(not each.asleep or each.since > lately for each in unknown) else ""

    def _stacks(self, process: ProcessLook) -> StacksRead:
        stacks = [
            ThreadStack(
                each.number,
                clean(str(each.told.get("thread_name") or "")),
                [frame.place for frame in each.frames],
            )
            for each in reversed(process.threads)
            if each.frames
        ]
        files = (process.told.get("files") or {}).values()
        ends = {(inode, writes) for _, inode, writes in files}
        ends |= {(inode, False) for kind, inode, _ in files if kind == "socket"}
        return StacksRead(
            time=self._program.time,
            pid=0,
            child=process.pid,
            threads=stacks,
            listed=process.told["listed"],
            sleeps=sorted({each.told["sleeps"] or "else" for each in process.threads}),
            ends=sorted(ends),
            reason=self._why_no_stacks(process, stacks),
            kernel=[_kernel_thread(each) for each in process.threads],
            wakers=process.told["wakers"],
        )


def _thread_number(pid: int, lock: dict[str, int]) -> int:
    """The thread that holds a lock; if it is not known which, a number that none has."""
    number = lock["number"]
    return 0 if number == pid else number or lock["thread"]


def _kernel_thread(thread: ThreadLook) -> KernelThread:
    told = thread.told
    return KernelThread(
        number=thread.number,
        thread=thread.number if thread.frames else 0,
        name=clean(told["name"]),
        cpu_seconds=told["cpu"],
        place=clean(told["place"]),
        call=clean(told["words"]),
    )


def _is_helper(thread: ThreadLook) -> bool:
    """Whether it is a thread that multiprocessing has for its own work."""
    calls = [frame.call for frame in thread.frames]
    return bool(calls) and all(calls)
