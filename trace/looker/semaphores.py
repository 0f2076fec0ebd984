"""The semaphores that processes share, and who holds them, from the memory of these processes."""

from __future__ import annotations

import os
import struct

from mpviz.trace.looker.memory import Memory, Region
from mpviz.trace.looker.objects import SEMLOCK, Objects

# ruff: noqa: PTH123, PTH208

_FOLDER = "/dev/shm/"
_PREFIX = _FOLDER + "sem."

STACK_WORDS = 4096
"""Words of the C stack of a thread that are searched for the object of a lock, from its end on."""

SCANNED_BYTES = 48 << 20
"""Most memory of a process that is searched for such an object, bytes: a tenth of a second."""

_ARENA = 4 << 20
"""Small objects lie in arenas of 256 KiB or 1 MiB (Objects/obmalloc.c), a few of them in a row."""


def semaphores_in(regions: list[Region]) -> dict[int, str]:
    """The identities of the semaphores that a process maps, by address.

    Their path is of no use: it is a temporary name that is gone (sem_open in glibc and musl).
    """
    return {each.start: each.identity for each in regions if each.path.startswith(_PREFIX)}


def value_in_memory(memory: Memory, address: int) -> tuple[int, int] | None:
    """Value and sleepers of a semaphore (glibc sysdeps/nptl/internaltypes.h); None if refused."""
    octets = memory.read(address, 8)
    if len(octets) < 8:
        return None
    return struct.unpack("<II", octets)


def values_in_files() -> dict[str, tuple[int, int]]:
    """The same by identity from the files of those that still have one, as under spawn."""
    found: dict[str, tuple[int, int]] = {}
    try:
        names = [name for name in os.listdir(_FOLDER) if name.startswith("sem.")]
    except OSError:
        return found
    for name in names:
        try:
            with open(_FOLDER + name, "rb") as file:
                status, octets = os.fstat(file.fileno()), file.read(8)
        except OSError:
            continue
        device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
        if len(octets) == 8:
            found[f"{device}:{status.st_ino}"] = struct.unpack("<II", octets)
    return found


def on_stack(memory: Memory, objects: Objects, pointer: int, handles: dict[int, str]) -> int:
    """The address of the SemLock for which a thread waits, by its C stack; 0 if there is none.

    ``SemLock.acquire(self)`` calls ``sem_wait``, so its ``self`` lies near the end of the stack.
    """
    seen = set()
    for word in memory.words(pointer, STACK_WORDS):
        if word & 7 or word in seen or not 1 << 16 < word < 1 << 47:
            continue
        seen.add(word)
        if memory.word(word + 16) in handles and objects.semlock(word) is not None:
            return word
    return 0


def in_arenas(memory: Memory, objects: Objects, regions: list[Region], handle: int) -> list[int]:
    """The addresses of SemLocks with this handle, by a search of a part of the memory."""
    # The address ends in two zero bytes, which are everywhere; the other six are not.
    needle = struct.pack("<Q", handle)[:6]
    left = SCANNED_BYTES
    found = []
    for region in regions:
        if not region.writable or (region.path and region.path != "[heap]"):
            continue
        size = region.end - region.start
        if size > left or (size > _ARENA * 8 and region.path != "[heap]"):
            continue
        left -= size
        octets = memory.read(region.start, size)
        at = octets.find(needle)
        while at >= 0:
            address = region.start + at - 16
            if at % 8 == 0 and objects.type_name(address) == SEMLOCK:
                told = objects.semlock(address)
                if told is not None and told["handle"] == handle:
                    found.append(address)
            at = octets.find(needle, at + 1)
    return found
