"""Which object is which: one id and one name for all processes that share it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mpviz.trace.attach.program import ProcessLook

Key = tuple[str, object]
"""A sign by which an object is known: a semaphore's identity, a pipe's inode."""


@dataclass
class Identities:
    """Ids and names that were given; they stay as they are."""

    _ids: dict[Key, str] = field(default_factory=dict)
    _names: dict[str, tuple[tuple[int, int], str]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    """The type of an object by its id."""
    limits: dict[str, int] = field(default_factory=dict)
    """Maximum number of items of a queue."""
    _alike: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """By kind and name: ids of the objects that are called so, in the order of their use."""
    _unnamed: dict[str, list[str]] = field(default_factory=dict)
    """By type: ids of the objects for which the program has no name, in the order of their use."""
    counters: dict[str, str] = field(default_factory=dict)
    """For a queue, the identity of the semaphore that counts its free places."""

    def same(self, prefix: str, keys: list[Key]) -> str:
        """The id of the object that has all these signs."""
        known = next((self._ids[key] for key in keys if key in self._ids), "")
        found = known or f"{prefix}-{keys[0][1]}"
        for key in keys:
            self._ids.setdefault(key, found)
        return found

    def name(self, object_id: str, otherwise: str) -> str:
        """Its name, or what it is called without one."""
        known = self._names.get(object_id)
        return self.distinct(object_id, known[1]) if known is not None else otherwise

    def distinct(self, object_id: str, name: str) -> str:
        """This name, numbered if another object of its kind is called so: "lock", "lock #2".

        Another process, or another function, may mean another object by one name.
        """
        alike = self._alike.setdefault((object_id.partition("-")[0], name), [])
        if object_id not in alike:
            alike.append(object_id)
        place = alike.index(object_id)
        return f"{name} #{place + 1}" if place else name

    def given(self, object_id: str) -> str:
        """The name that the program has for it, which others may have too; empty for none."""
        known = self._names.get(object_id)
        return known[1] if known is not None else ""

    def numbered(self, object_id: str, kind: str) -> str:
        """Its name, or its number among those of this type without one: "Lock 2"."""
        if object_id in self._names:
            return self.name(object_id, "")
        alike = self._unnamed.setdefault(kind, [])
        if object_id not in alike:
            alike.append(object_id)
        return f"{kind} {alike.index(object_id) + 1}"

    def is_named(self, object_id: str) -> bool:
        """Whether the program has a name for it."""
        return object_id in self._names

    def propose(self, object_id: str, rank: tuple[int, int], name: str) -> None:
        """Name it after a local variable: where the program begins, it has its proper name."""
        known = self._names.get(object_id)
        if known is None or rank < known[0]:
            self._names[object_id] = rank, name

    def of_description(self, process: ProcessLook, told: dict[str, Any]) -> str:
        """The id of an object by what was read of it; empty if that does not say which it is."""
        kind = str(told.get("type", ""))
        if kind in ("Lock", "RLock", "Semaphore", "BoundedSemaphore"):
            semaphore = (told.get("_semlock") or {}).get("semaphore")
            return self._known_as(kind, self.lock(semaphore)) if semaphore else ""
        if "_rlock" in told and "_reader" in told:
            return self._known_as(kind, self.queue(process, told))
        if kind == "Event" and "_flag" in told:
            return self._by_lock("event", told["_flag"])
        if kind == "Condition" and "_sleeping_count" in told:
            return self._by_lock("condition", told["_sleeping_count"])
        if kind == "Connection":
            inode = process.inode(told.get("_handle", -1))
            return f"end-{inode}" if inode else ""
        return ""

    def lock(self, semaphore: str) -> str:
        """The id of a lock by its semaphore."""
        return self.same("lock", [("semaphore", semaphore)])

    def queue(self, process: ProcessLook, told: dict[str, Any]) -> str:
        """The id of a queue: it is known by its pipe, and by its semaphores."""
        keys: list[Key] = []
        for end in ("_reader", "_writer"):
            handle = (told.get(end) or {}).get("_handle")
            inode = process.inode(handle) if isinstance(handle, int) else 0
            if inode:
                keys.append(("pipe of queue", inode))
        for lock in ("_rlock", "_wlock"):
            semaphore = ((told.get(lock) or {}).get("_semlock") or {}).get("semaphore")
            if semaphore:
                keys.append(("lock of queue", semaphore))
        if not keys:
            return ""
        found = self.same("queue", keys)
        counter = (told.get("_sem") or {}).get("_semlock") or {}
        if counter.get("semaphore"):
            self.counters[found] = counter["semaphore"]
            # What has no bound has the highest value of a semaphore.
            limit = counter.get("maximum", 0)
            self.limits[found] = limit if limit < 0x7FFFFFFF else 0
        return found

    def _by_lock(self, prefix: str, told: dict[str, Any]) -> str:
        semaphore = (told.get("_semlock") or {}).get("semaphore")
        return self.same(prefix, [(prefix, semaphore)]) if semaphore else ""

    def _known_as(self, kind: str, object_id: str) -> str:
        if object_id:
            self.kinds[object_id] = kind
        return object_id
