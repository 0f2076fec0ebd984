"""Objects of Python in the memory of another process: types, attributes, numbers and short texts.

Only objects of :mod:`multiprocessing` and its like are read, never what the program passes around.
The layouts are those of CPython 3.8 to 3.15 with the GIL: Include/object.h, Include/cpython/
object.h, Objects/dict-common.h, Include/internal/pycore_dict.h, Modules/_multiprocessing/
semaphore.c. What does not fit them is left out.
"""

from __future__ import annotations

import struct

from mpviz.trace.looker.memory import Memory

Version = "tuple[int, int]"

# PyTypeObject
_TYPE_NAME, _BASIC_SIZE, _FLAGS, _DICT_OFFSET = 24, 32, 168, 288
_INLINE_VALUES, _MANAGED_DICT = 1 << 2, 1 << 4
_SUBCLASSES = {24: "int", 27: "str"}

SEMLOCK = "_multiprocessing.SemLock"
_SEMLOCK = struct.Struct("<QQQQiiiiQ")
"""PyObject_HEAD, SEM_HANDLE handle, unsigned long last_tid, int count, maxvalue and kind, char
*name: the same from 3.8 to 3.15."""

_MOST_ATTRIBUTES = 64
_DEEPEST = 5

FOLLOWED = frozenset(
    (
        *("_semlock", "_rlock", "_wlock", "_lock", "_sem", "_cond", "_flag", "_event"),
        *("_sleeping_count", "_woken_count", "_wait_semaphore", "_unfinished_tasks"),
        *("_reader", "_writer", "_handle", "_maxsize", "_inqueue", "_outqueue"),
        *("_name", "_native_id", "_popen", "pid", "_state"),
        *("_number_left", "_chunksize", "_length", "_value", "_cache", "_pool"),
    )
)
"""Attributes that are read. They hold numbers, names, and other such objects."""


class Objects:
    """Reads the objects of one process."""

    def __init__(self, memory: Memory, version: tuple[int, int]) -> None:
        self._memory = memory
        self._version = version
        self._names: dict[int, str] = {}
        self.handles: dict[int, str] = {}
        """Identities of semaphores by the addresses at which they are mapped."""

    def type_name(self, address: int) -> str:
        """The name of an object's type; empty if there is no object."""
        kind = self._memory.word(address + 8)
        if not kind:
            return ""
        if kind not in self._names:
            name = self._memory.text(self._memory.word(kind + _TYPE_NAME))
            self._names[kind] = name if name.replace(".", "_").isidentifier() else ""
        return self._names[kind]

    def semlock(self, address: int) -> dict[str, int] | None:
        """The fields of a SemLock; None if there is none at this address."""
        octets = self._memory.read(address, _SEMLOCK.size)
        if len(octets) < _SEMLOCK.size or self.type_name(address) != SEMLOCK:
            return None
        _, _, handle, last, count, maximum, kind, _, _ = _SEMLOCK.unpack(octets)
        if kind not in (0, 1):
            return None
        return {"handle": handle, "thread": last, "count": count, "maximum": maximum, "kind": kind}

    def describe(self, address: int, depth: int = _DEEPEST) -> dict[str, object]:
        """Its type, and those of its attributes that are :data:`FOLLOWED`."""
        found: dict[str, object] = {"type": self.type_name(address)}
        for name, value in self.attributes(address).items():
            # The value of a result is the program's own: only how long a list of them is.
            is_own = name == "_value" and self.type_name(value) != "list"
            if name in FOLLOWED and not is_own:
                told = self._value(value, depth - 1)
                if told is not None:
                    found[name] = told
        return found

    def _value(self, address: int, depth: int) -> object:
        kind = self.type_name(address)
        if kind == SEMLOCK:
            lock = self.semlock(address) or {}
            return {"type": kind, "semaphore": self.handles.get(lock.get("handle", 0)), **lock}
        if kind == "int":
            return self.number(address)
        if kind == "str":
            return self.string(address)
        if kind in ("dict", "list", "collections.deque"):
            return {"type": kind, "length": self._memory.word(address + 16)}
        if kind in ("", "NoneType", "tuple", "bool", "type") or depth <= 0:
            return None
        return self.describe(address, depth)

    def number(self, address: int) -> int | None:
        """A whole number below 2 ** 30."""
        _, _, size, digit = struct.unpack("<QQQI", self._memory.read(address, 28).ljust(28, b"\0"))
        if self._version >= (3, 12):
            # The sign is in the lowest two bits of what was the size: 0, 1 for zero, 2 for less.
            return (digit, 0, -digit)[size & 3] if size & 3 < 3 and size >> 3 <= 1 else None
        signed = size - (1 << 64) if size >> 63 else size
        return digit * signed if -1 <= signed <= 1 else None

    def string(self, address: int) -> str | None:
        """A short text in ASCII, which the layout keeps in one piece."""
        octets = self._memory.read(address, 200)
        if len(octets) < 64:
            return None
        length, state = int.from_bytes(octets[16:24], "little"), octets[32]
        # struct of bit fields: interned:2 (from 3.12 on 8 or 16 bits), kind:3, compact:1, ascii:1.
        start = 40 if self._version >= (3, 12) else 48
        if self._version < (3, 12) and state & 0x60 != 0x60:
            return None
        text = octets[start : start + length]
        if length > 100 or len(text) < length or not text.isascii():
            return None
        return text.decode("ascii")

    def attributes(self, address: int) -> dict[str, int]:
        """The addresses of the values of an instance's attributes, by name."""
        kind = self._memory.word(address + 8)
        flags = self._memory.word(kind + _FLAGS)
        offset = int.from_bytes(self._memory.read(kind + _DICT_OFFSET, 8), "little", signed=True)
        if self._version >= (3, 11) and flags & _MANAGED_DICT:
            return self._managed(address, kind, flags)
        if not 0 < offset < 1 << 16:
            return {}
        return self._of_dict(self._memory.word(address + offset))

    def _managed(self, address: int, kind: int, flags: int) -> dict[str, int]:
        keys = self._shared_keys(kind)
        word = self._memory.word
        if self._version >= (3, 13):
            values = address + word(kind + _BASIC_SIZE)
            if flags & _INLINE_VALUES and self._memory.read(values + 3, 1) == b"\1":
                return self._pair(keys, values + 8)
            return self._of_dict(word(address - 24))
        if self._version == (3, 12):
            either = word(address - 24)
            return self._pair(keys, either + 1) if either & 1 else self._of_dict(either)
        values = word(address - 32)
        return self._pair(keys, values) if values else self._of_dict(word(address - 24))

    def _shared_keys(self, kind: int) -> int:
        """The keys that the instances of a class share: ``ht_cached_keys`` of its PyHeapTypeObject.

        It follows ``ht_name``, ``ht_slots`` and ``ht_qualname``; they follow the type and four
        tables of methods. Their places differ, so it is the word that looks like keys.
        """
        for at in range(800, 1000, 8):
            keys = self._memory.word(kind + at)
            if keys and self._memory.read(keys + 10, 1) == b"\2" and self._key_names(keys):
                return keys
        return 0

    def _pair(self, keys: int, values: int) -> dict[str, int]:
        names = self._key_names(keys)
        found = zip(names, self._memory.words(values, len(names)), strict=False)
        return {name: value for name, value in found if name and value}

    def _of_dict(self, address: int) -> dict[str, int]:
        if self.type_name(address) != "dict":
            return {}
        keys, values = self._memory.words(address + 32, 2)
        if not values:
            return {
                self.string(key) or "": value for key, value in self._entries(keys) if key and value
            }
        if self._version >= (3, 13):
            values += 8
        return self._pair(keys, values)

    def _key_names(self, keys: int) -> list[str]:
        return [self.string(key) or "" if key else "" for key, _ in self._entries(keys)]

    def _entries(self, keys: int) -> list[tuple[int, int]]:
        """The keys and values in a PyDictKeysObject."""
        read, word = self._memory.read, self._memory.word
        if self._version >= (3, 11):
            head = read(keys, 32)
            if len(head) < 32:
                return []
            indices, kind = 1 << head[9], head[10]
            count, start = int.from_bytes(head[24:32], "little"), keys + 32
            step = 3 if kind == 0 else 2
            is_sound = head[8] <= 16 and head[9] <= 18
        else:
            size, count = word(keys + 8), word(keys + 32)
            width = 1 if size <= 0xFF else 2 if size <= 0xFFFF else 4
            indices, start, step = size * width, keys + 40, 3
            is_sound = 8 <= size <= 1 << 16
        if not is_sound or not 0 < count <= _MOST_ATTRIBUTES:
            return []
        words = self._memory.words(start + indices, count * step)
        return [
            (words[at + step - 2], words[at + step - 1])
            for at in range(0, len(words) - step + 1, step)
        ]
