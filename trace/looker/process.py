"""One process of the program, looked at from outside again and again."""

from __future__ import annotations

import os
import re
import time
from typing import Any

from mpviz.trace.looker.files import bytes_in_pipe, read_descriptors
from mpviz.trace.looker.memory import Memory, Region, read_regions
from mpviz.trace.looker.objects import Objects
from mpviz.trace.looker.semaphores import in_arenas, on_stack, semaphores_in
from mpviz.trace.looker.threads import SleepClock, changes_of, look_at_thread
from mpviz.trace.system import kernel
from mpviz.trace.system.process_signals import list_wakers, read_signal_masks

# ruff: noqa: PTH110, PTH115, PTH118

PAUSE_SECONDS = 1.0
"""Least seconds between two looks at the stacks, files and maps of a process that is at work."""

MOST_THREADS = 256
MOST_FAILURES = 10
"""How often in a row the stacks of a process that sleeps are asked for in vain."""

_MOST_DESCRIBED = 200

_PYTHON = re.compile(r"(?:^|/)(?:lib)?python(3)\.(\d+)(t?)(?:\D|$)")

_OF_PYTHON = re.compile(r"/lib(64)?/python3\.\d+/(?!(site|dist)-packages/)")

_DESCRIBED = re.compile(
    r"R?Lock|(Bounded)?Semaphore|Condition|Event|Barrier|(Simple|Joinable)?Queue|Connection"
    r"|Synchronized\w*|\w*Process|\w*Pool|(Map|Apply)Result|IMap\w*Iterator|Thread|Popen"
)
"""Types of local variables whose own fields are read."""

_THREAD_NUMBER = 0x2D0
"""Where glibc keeps the kernel's number in ``struct pthread``, on x86-64 (nptl/descr.h)."""


class Watched:
    """A process, and what the last look has found."""

    def __init__(self, status: kernel.ProcessStatus) -> None:
        self.pid, self.started = status.pid, status.started
        self.facts: dict[str, Any] = {}
        self.semlocks: dict[int, str] = {}
        """Identities of semaphores by the addresses of their objects."""
        self.handles: dict[int, str] = {}
        """The same by the addresses at which they are mapped."""
        self.version: tuple[int, int] = (0, 0)
        self.problem = ""
        """Why there are no stacks; empty if there are."""
        self.memory = Memory(self.pid)
        self.objects = Objects(self.memory, self.version)
        self.regions: list[Region] = []
        self._before: dict[int, tuple[int, int, int] | None] = {}
        self._stacks: dict[int, tuple[object, dict[str, Any]]] = {}
        """By thread: what it had run when its stack was read, and the stack."""
        self._main_ran: object = None
        self._status = ""
        self._read_at = 0.0
        self._scanned: set[str] = set()
        self._folder = ""
        """Its working directory; empty if it is hidden."""
        self._is_stale = True
        self._inside: dict[int, int] = {}
        """The numbers of its threads by those by which they know themselves."""
        self._owes_stacks = False
        """There was no time for its stacks at the last look."""
        self._failures = 0
        """How often in a row its stacks could not be read since it has run."""

    def close(self) -> None:
        """Close what was opened to read it."""
        self.memory.close()

    def has_changed(self, status: kernel.ProcessStatus) -> bool:
        """Whether a thread of it has run since the last look, or the last look was torn."""
        threads = kernel.list_threads(self.pid)[:MOST_THREADS]
        now = {thread: changes_of(self.pid, thread) for thread in threads}
        same = now == self._before and status.status == self._status and None not in now.values()
        self._before, self._status = now, status.status
        if not same:
            self._failures = 0
        return not same or self._is_stale

    def look(self, status: kernel.ProcessStatus, clock: SleepClock) -> bool:
        """Read what the kernel says; say whether its stacks are to be read as well."""
        self._is_stale = False
        now = time.monotonic()
        # A thread of a Pool wakes ten times a second, which says nothing about the others.
        ran = (
            [each for each in self._before.items() if not _is_helper(self._stacks.get(each[0]))],
            len(self._before),
        )
        has_run = ran != self._main_ran
        is_due = now - self._read_at >= PAUSE_SECONDS or (status.status in "SD" and has_run)
        # If it has not run since, only its stacks are missing.
        is_owed, self._owes_stacks = self._owes_stacks and not has_run, False
        is_due = is_due and not is_owed
        self._main_ran = ran
        threads: list[dict[str, Any]] = [
            look_at_thread(self.pid, each, clock) for each in self._before
        ]
        began = _monotonic(self.started)
        for each in threads:
            if 0 <= each["since"] < began:
                # It has not been on a core since its fork, as far as the kernel has noted.
                each["since"] = began
        threads.sort(key=lambda each: (each["number"] != self.pid, each["number"]))
        masks = read_signal_masks(self.pid)
        self.facts = {
            **self.facts,
            "pid": self.pid,
            "started": self.started,
            "parent": status.parent,
            "status": status.status,
            # Where only the main thread has ended, others are left.
            "exit_status": kernel.exit_status_of_zombie(self.pid) if status.threads <= 1 else None,
            "listed": status.threads,
            "handled": masks.caught if masks is not None else 0,
            "wakers": [int(each) for each in list_wakers(self.pid)],
            "threads": threads,
        }
        if is_due:
            self._read_at = now
            self._read_surroundings(status)
        elif not is_owed:
            self._is_stale = True
        for thread in threads:
            self._name_semaphore(thread)
        if not (is_due or is_owed):
            self.take_stacks([], self.problem)
        return (is_due or is_owed) and status.status != "Z" and self.version > (3, 7)

    def _read_surroundings(self, status: kernel.ProcessStatus) -> None:
        self.regions = read_regions(self.pid)
        self.handles = semaphores_in(self.regions)
        if self.facts.get("image") != status.image or not self.facts.get("command"):
            self.facts["image"] = status.image
            self.facts["command"] = kernel.read_command(self.pid)
            self.facts["executable"] = kernel.read_executable(self.pid)
            self.facts["name"] = kernel.read_name(self.pid)
        kind, self.version = _python_of(str(self.facts["executable"]), self.regions)
        words = self.facts["command"]
        if not kind and not self.facts["executable"] and words and "python" in words[0]:
            # It hides what it runs from us, but not how it was called.
            kind = "?"
        self.facts["python"] = kind
        self.objects = Objects(self.memory, self.version)
        self.objects.handles = self.handles
        try:
            self._folder = os.readlink(f"/proc/{self.pid}/cwd")
        except OSError:
            self._folder = ""
        self._inside = {kernel.number_inside(self.pid, each): each for each in self._before}
        self.facts["inside"] = kernel.number_inside(self.pid, self.pid)
        self.facts["files"] = {
            str(number): list(each) for number, each in read_descriptors(self.pid).items()
        }

    def _name_semaphore(self, thread: dict[str, object]) -> None:
        """Find which semaphore it waits for, and how much lies in the pipe that it waits for."""
        arguments = thread["arguments"]
        assert isinstance(arguments, list)
        if not arguments:
            return
        if thread["call"] == "futex":
            identity = self.handles.get(arguments[0])
            if identity is not None:
                thread["semaphore"] = identity
                pointer = thread["stack_pointer"]
                assert isinstance(pointer, int)
                address = on_stack(self.memory, self.objects, pointer, self.handles)
                self._note_semlock(address)
        files = self.facts.get("files")
        assert files is None or isinstance(files, dict)
        file = (files or {}).get(str(arguments[0]))
        if file is not None and thread["call"] in ("read", "write") and file[0] == "pipe":
            thread["bytes"] = bytes_in_pipe(self.pid, arguments[0])

    def _note_semlock(self, address: int) -> None:
        """Note where the object of a semaphore is, if the process is still there to be read."""
        identity = self.handles.get(self.memory.word(address + 16)) if address else None
        if identity is not None:
            self.semlocks[address] = identity

    def take_stacks(self, told: list[dict[str, Any]], problem: str) -> None:
        """Add the stacks to what is known of its threads, and read the objects that they name."""
        self.problem = problem
        self._stacks = {each: self._stacks[each] for each in self._stacks if each in self._before}
        for each in told:
            for frame in each["frames"]:
                frame[0] = self._absolute(frame[0])
        threads = self.facts["threads"]
        assert isinstance(threads, list)
        stacks: dict[int, dict[str, Any]] = {}
        for each in told:
            number = self._outside(each["number"]) or self.number_of(each["ident"])
            if not number and each["name"] == "MainThread":
                number = self.pid
            stacks[number if len(told) > 1 or number else self.pid] = each
        addresses: dict[int, None] = {}
        for thread in threads:
            number = thread["number"]
            stack = stacks.get(number) or self._kept(number)
            if stack is not None:
                self._stacks[number] = self._before.get(number), stack
                thread["ident"], thread["thread_name"] = stack["ident"], stack["name"]
                thread["frames"] = stack["frames"]
                addresses.update(dict.fromkeys(_interesting(stack["frames"])))
            elif _is_helper(self._stacks.get(number)):
                # It has run since, but it is still what it was.
                thread["frames_before"] = self._stacks[number][1]["frames"]
        listed = list(addresses)[:_MOST_DESCRIBED]
        objects = {str(each): self.objects.describe(each) for each in listed}
        self.facts["objects"] = objects
        for address in self._semlocks_in(listed):
            self._note_semlock(address)

    def _absolute(self, file: str) -> str:
        """The path of a source file: that of the script is as it was called up to Python 3.8."""
        if file.startswith(("/", "<")) or not file:
            return file
        path = os.path.join(self._folder, file)
        return path if os.path.exists(path) else file

    def look_again(self) -> None:
        """Have its stacks read again though no thread of it runs: on a busy machine an answer may
        fail to come, and else it would stay without a stack and a name for as long as it sleeps.
        """
        self._failures += 1
        self._is_stale = self._is_stale or self._failures <= MOST_FAILURES

    def postpone(self) -> None:
        """Have its stacks read at the next look, in which there may be time for them."""
        self.take_stacks([], self.problem)
        self._is_stale = self._owes_stacks = True

    def _kept(self, number: int) -> dict[str, Any] | None:
        """The stack that was read before of a thread that has not run since."""
        ran, stack = self._stacks.get(number, (None, None))
        return stack if ran is not None and ran == self._before.get(number) else None

    def _semlocks_in(self, addresses: list[int]) -> list[int]:
        """Addresses of the SemLocks to which these objects lead."""
        found, todo, seen = [], [(each, 4) for each in addresses], set(addresses)
        while todo:
            address, depth = todo.pop()
            for value in self.objects.attributes(address).values():
                if value in seen or depth <= 0:
                    continue
                seen.add(value)
                kind = self.objects.type_name(value)
                if self.memory.word(value + 16) in self.handles and self.objects.semlock(value):
                    found.append(value)
                elif _DESCRIBED.fullmatch(kind):
                    todo.append((value, depth - 1))
        return found

    def number_of(self, ident: int) -> int:
        """The kernel's number of the thread that Python gives this one; 0 if unknown."""
        number = int.from_bytes(self.memory.read(ident + _THREAD_NUMBER, 4), "little")
        return self._outside(number)

    def _outside(self, number: int) -> int:
        """The number of a thread by that which it or we have for it; 0 if there is none."""
        return number if number in self._before else self._inside.get(number, 0)

    def search(self, identity: str) -> list[int]:
        """Search a part of its memory for the objects of a semaphore, once."""
        if identity in self._scanned:
            return []
        self._scanned.add(identity)
        handle = next((at for at, each in self.handles.items() if each == identity), 0)
        return in_arenas(self.memory, self.objects, self.regions, handle) if handle else []

    def finish(self, known: set[int]) -> None:
        """Read who holds what, at these addresses too; note what has moved meanwhile.

        A forked process has its objects where its parent had them.
        """
        held: dict[str, dict[str, int]] = {}
        for address in known | set(self.semlocks):
            lock = self.objects.semlock(address)
            identity = self.handles.get(lock["handle"]) if lock is not None else None
            if lock is None or identity is None:
                self.semlocks.pop(address, None)
                continue
            self.semlocks[address] = identity
            lock["number"] = self.number_of(lock["thread"]) if lock["count"] > 0 else 0
            before = held.get(identity)
            if before is None or lock["count"] > before["count"]:
                held[identity] = lock
        self.facts["semlocks"] = held
        self.facts["maps"] = sorted(set(self.handles.values()))
        self.facts["refused"] = self.memory.refused
        self.facts["problem"] = self.problem
        threads = self.facts["threads"]
        assert isinstance(threads, list)
        moving = False
        for thread in threads:
            now = changes_of(self.pid, thread["number"])
            thread["moving"] = now != self._before.get(thread["number"])
            moving = moving or thread["moving"]
        self.facts["moving"] = moving
        self._is_stale = self._is_stale or moving


def _is_helper(kept: tuple[object, dict[str, Any]] | None) -> bool:
    """Whether a stack that was read is that of a thread of multiprocessing's own."""
    if kept is None:
        return False
    files = [str(frame[0]) for frame in kept[1]["frames"]]
    return all(_OF_PYTHON.search(file) for file in files) and any(
        "/multiprocessing/" in file or "/concurrent/" in file for file in files
    )


def _monotonic(ticks: int) -> int:
    """A start time in clock ticks since boot, as nanoseconds of the monotonic clock."""
    asleep = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
    return ticks * 1_000_000_000 // kernel.TICKS_PER_SECOND - asleep


def _interesting(frames: object) -> list[int]:
    assert isinstance(frames, list)
    return [
        address
        for frame in frames
        for _, address, kind in frame[3]
        if address and _DESCRIBED.fullmatch(kind.rpartition(".")[2])
    ]


def _python_of(executable: str, regions: list[Region]) -> tuple[str, tuple[int, int]]:
    """The Python that a process runs: "3.12", "3.13t", "PyPy" or nothing; and its version."""
    name = executable.rsplit("/", 1)[-1]
    if name.startswith("pypy"):
        return "PyPy", (0, 0)
    paths = dict.fromkeys(each.path for each in regions if "python" in each.path)
    for path in (executable, *paths):
        found = _PYTHON.search(path)
        if found is not None:
            kind = f"{found[1]}.{found[2]}{found[3]}"
            # Without the GIL, objects have another layout.
            return kind, (0, 0) if found[3] else (int(found[1]), int(found[2]))
    return "", (0, 0)
