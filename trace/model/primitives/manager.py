"""Managers: their objects, the calls from other processes, and who waits for answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mpviz.trace.model.events import Event, ObjectEvent, SitedEvent, Whole
from mpviz.trace.model.formatting import duration, plural
from mpviz.trace.model.lane import Activity
from mpviz.trace.model.measures import Distribution, Rate, TimingFields
from mpviz.trace.model.names import name_object, with_kind
from mpviz.trace.model.primitive import (
    Held,
    ObjectReport,
    Primitive,
    Thread,
    Unblockers,
    WaitKind,
    all_of,
    main_threads,
    waits_so_far,
)
from mpviz.trace.model.primitives.memory import free_id
from mpviz.trace.model.processes.identity import described
from mpviz.trace.model.processes.process import Process, begin_wait, end_wait, settle
from mpviz.trace.model.processes.wait import Wait
from mpviz.trace.model.state import RunState


class ManagerServing(Event, tag="manager.serving", kw_only=True):
    """The sender serves the objects of a manager from now on."""

    object: str
    """The address of the manager."""


class ManagedCreated(SitedEvent, tag="manager.created", kw_only=True):
    """An object came to be in a manager."""

    manager: str
    kind: str
    """The registered type: dict, list, Namespace, Queue …"""


class MethodCalled(SitedEvent, tag="manager.called", kw_only=True):
    """A method of an object in a manager is about to be called; the caller waits for its answer."""

    manager: str
    kind: str
    method: str


class MethodAnswered(ObjectEvent, tag="manager.answered", kw_only=True):
    """The answer has come, or an exception."""

    method: str
    taken: Whole = 0
    """1 if this was a call of ``acquire``, which has taken the lock."""


LOCKS = ("Lock", "RLock")
"""Kinds of objects that have a holder."""

_WAITED_FOR = {
    **dict.fromkeys((*LOCKS, "Semaphore", "BoundedSemaphore"), ("acquire",)),
    **dict.fromkeys(("Queue", "JoinableQueue"), ("get", "put", "join")),
    **dict.fromkeys(("Event", "Condition", "Barrier"), ("acquire", "wait")),
}
"""By kind, the methods that answer only when another process has done something."""


@dataclass(slots=True)
class Manager:
    """A manager, known by its address."""

    id: str
    server: str = ""
    """Key of the process that serves; empty if it is not of the program."""
    calls: Rate = field(default_factory=Rate)


@dataclass(slots=True)
class Method:
    """A method of an object in a manager, for whose answer callers wait."""

    id: str
    name: str
    """Includes the object's: ``shared.update``."""
    object: str
    called: str = ""
    """Without it: ``update``."""
    calls: int = 0
    wait: Distribution = field(default_factory=Distribution)


@dataclass(slots=True)
class Managed:
    """An object in a manager."""

    id: str
    name: str
    manager: str
    kind: str
    calls: Rate = field(default_factory=Rate)
    wait: Distribution = field(default_factory=Distribution)
    """The waits for answers."""
    called_by: dict[str, int] = field(default_factory=dict)
    """Process key: calls."""
    uses: int = 1
    """How often its id has been used, including this time."""
    methods: dict[str, Method] = field(default_factory=dict)
    """The methods that were called, by name."""
    holders: dict[tuple[str, int], int] = field(default_factory=dict)
    """Of a lock: (process key, thread): how often it has taken the lock. A dead holder stays."""
    taken_at: dict[tuple[str, int], int] = field(default_factory=dict)
    """(process key, thread): number of the site where that thread took the lock last."""


def objects_of(state: RunState, manager: Manager) -> list[Managed]:
    """The objects of this manager that were ever seen, oldest first."""
    return [each for each in state.table(Managed).values() if each.manager == manager.id]


def methods_of(managed: Managed) -> list[tuple[str, Method]]:
    """The methods that were called, by name, the most frequent first."""
    return sorted(managed.methods.items(), key=lambda item: -item[1].calls)


def answers(state: RunState, managed: Managed) -> Distribution:
    """How long answers of this object took, with those that are waited for."""
    going_on = waits_so_far(state)
    calls = (going_on.get(("answer", method.id), []) for method in managed.methods.values())
    return managed.wait.including([duration for durations in calls for duration in durations])


def callers(state: RunState, manager: Manager) -> Iterator[tuple[Process, Wait, Method, Managed]]:
    """The waits for answers of this manager, with the method and object that was called."""
    methods, objects = state.table(Method), state.table(Managed)
    for process in state.processes.values():
        for wait in process.waits.values():
            method = methods.get(wait.object) if wait.what == "answer" else None
            managed = objects.get(method.object) if method is not None else None
            if method is not None and managed is not None and managed.manager == manager.id:
                yield process, wait, method, managed


def manager_name(state: RunState, manager: Manager | None) -> str:
    """The name of the process that serves, else the address."""
    server = state.processes.get(manager.server) if manager is not None else None
    if server is not None:
        return described(server)
    return f"at {manager.id}" if manager is not None else "of another program"


def _manager(state: RunState, address: str) -> Manager:
    managers = state.table(Manager)
    manager = managers.get(address)
    if manager is None:
        manager = managers[address] = Manager(address)
    return manager


def _serving(state: RunState, process: Process, event: ManagerServing) -> None:
    _manager(state, event.object).server = process.key
    if process.role == "process":
        process.role = "manager"


def _created(state: RunState, process: Process, event: ManagedCreated) -> None:
    _manager(state, event.manager)
    objects = state.table(Managed)
    uses = _keep_predecessor(state, event.object)
    name = name_object(state, event.site, event.kind)
    managed = objects[event.object] = Managed(event.object, name, event.manager, event.kind)
    managed.uses = uses


def _keep_predecessor(state: RunState, object_id: str) -> int:
    """Rename a dead object whose id the manager has used again.

    Returns how often that id has been used by now.
    """
    objects, methods = state.table(Managed), state.table(Method)
    before = objects.pop(object_id, None)
    if before is None:
        return 1
    before.id, uses = free_id(objects, object_id, before.uses)
    objects[before.id] = before
    for name, method in before.methods.items():
        methods.pop(method.id, None)
        method.id, method.object = f"{before.id}.{name}", before.id
        methods[method.id] = method
    return uses


def _called(state: RunState, process: Process, event: MethodCalled) -> None:
    managed = _managed(state, event)
    method = _method(state, managed, event.method)
    method.calls += 1
    managed.calls.add(event.time)
    managed.called_by[process.key] = managed.called_by.get(process.key, 0) + 1
    _manager(state, managed.manager).calls.add(event.time)
    if event.method == "release" and managed.holders:
        # Not at the answer: by then another process may have taken the lock.
        _release(managed, (process.key, event.thread))
    wait = Wait("answer", method.id, event.time, Activity.RESULT, event.site)
    begin_wait(process, event.thread, wait)
    process.site = event.site or process.site
    settle(process, event.time)


def _release(managed: Managed, holder: tuple[str, int]) -> None:
    """A Lock may be released by any thread, an RLock by its holder alone."""
    if managed.kind == "Lock":
        holder = next(iter(managed.holders))
    held = managed.holders.pop(holder, 0)
    if held > 1:
        managed.holders[holder] = held - 1


def _over(state: RunState, process: Process, event: MethodAnswered) -> None:
    managed = state.table(Managed).get(event.object) if event.taken else None
    if managed is not None and managed.kind in LOCKS:
        holder = process.key, event.thread
        managed.holders[holder] = managed.holders.get(holder, 0) + 1
        called = process.waits.get(event.thread)
        managed.taken_at[holder] = called.site if called is not None else 0
    wait = end_wait(process, event.thread)
    if wait is not None:
        _answered(state, wait, event.time - wait.since)
        settle(process, event.time)


def _managed(state: RunState, event: MethodCalled) -> Managed:
    """The object that is called; unannounced objects of one kind count as one object.

    Iterators and the like come and go with single calls.
    """
    objects = state.table(Managed)
    managed = objects.get(event.object)
    if managed is not None:
        return managed
    together = f"{event.manager}#{event.kind}"
    managed = objects.get(together)
    if managed is None:
        managed = objects[together] = Managed(together, event.kind, event.manager, event.kind)
    return managed


def _method(state: RunState, managed: Managed, name: str) -> Method:
    method = managed.methods.get(name)
    if method is None:
        method = Method(f"{managed.id}.{name}", f"{managed.name}.{name}", managed.id, name)
        state.table(Method)[method.id] = method
        managed.methods[name] = method
    return method


def _answered(state: RunState, wait: Wait, took: int) -> None:
    method = state.table(Method).get(wait.object)
    if method is None:
        return
    method.wait.add(took)
    managed = state.table(Managed).get(method.object)
    if managed is not None:
        managed.wait.add(took)


def called_at(state: RunState, wait: Wait) -> tuple[Method | None, Managed | None, Manager | None]:
    """The method whose answer is waited for, the object that it is called of, and its manager."""
    method = state.table(Method).get(wait.object)
    managed = state.table(Managed).get(method.object) if method is not None else None
    manager = state.table(Manager).get(managed.manager) if managed is not None else None
    return method, managed, manager


def _words(state: RunState, wait: Wait) -> str:
    method, managed, manager = called_at(state, wait)
    if method is None:
        return "an answer from a manager"
    server = state.processes.get(manager.server) if manager is not None else None
    dead = ", which is dead" if server is not None and not server.alive else ""
    words = f"an answer from manager {manager_name(state, manager)} to {method.name}"
    holders = managed.holders if managed is not None and method.called == "acquire" else {}
    holder = next((state.processes[key] for key, _ in holders if key in state.processes), None)
    if dead or holder is None:
        return words + dead
    return f"{words}, held by {described(holder)}" + ", which is dead" * (not holder.alive)


def _unblockers(state: RunState, wait: Wait) -> Unblockers:
    """Who holds or uses the object, if the answer depends on that; else the manager."""
    method, managed, manager = called_at(state, wait)
    server = state.processes.get(manager.server) if manager is not None else None
    if managed is not None and method is not None and (server is None or server.alive):
        if method.called == "acquire" and managed.holders:
            holders = tuple(Thread(*holder) for holder in managed.holders)
            return Unblockers(
                holders,
                "holds it",
                complete=True,
                held=f"{with_kind(managed.kind, managed.name)} of a manager",
                taken_at=managed.taken_at.get(next(iter(managed.holders)), 0),
            )
        if method.called in _WAITED_FOR.get(managed.kind, ()):
            return Unblockers(main_threads(managed.called_by), "has used it")
    known = main_threads([server.key] if server is not None else [])
    return Unblockers(known, "answers", complete=bool(known))


def _held(state: RunState, process: Process) -> Iterator[Held]:
    for managed in state.table(Managed).values():
        for holder in managed.holders:
            if holder[0] == process.key:
                words = f"{managed.kind.lower()} {managed.name} of a manager"
                site = managed.taken_at.get(holder, 0)
                yield Held(words, "answer", f"{managed.id}.acquire", site=site)


def _entry(state: RunState, manager: Manager) -> dict[str, Any]:
    return {
        "id": manager.id,
        "name": manager_name(state, manager),
        "pid": state.pid_of(manager.server),
        "calls": manager.calls.count,
        "objects": [
            {
                "id": managed.id,
                "name": managed.name,
                "kind": managed.kind,
                "calls": managed.calls.count,
                "wait": answers(state, managed).total / 1e9,
                "methods": {name: method.calls for name, method in methods_of(managed)},
            }
            for managed in objects_of(state, manager)
        ],
    }


def _line(state: RunState, manager: Manager) -> str:
    waited = sum(answers(state, each).total for each in objects_of(state, manager))
    return (
        f"manager {manager_name(state, manager)}: {plural(manager.calls.count, 'call')},"
        f" {duration(waited)} waited for answers"
    )


def _timings(state: RunState) -> Iterator[TimingFields]:
    for managed in state.table(Managed).values():
        yield "wait", "answers of", managed.name, managed.id, answers(state, managed)


PRIMITIVE = Primitive(
    handlers={
        ManagerServing: _serving,
        ManagedCreated: _created,
        MethodCalled: _called,
        MethodAnswered: _over,
    },
    in_rings=(MethodCalled, MethodAnswered),
    waits={"answer": WaitKind(Activity.RESULT, _words, _unblockers, _answered)},
    report=ObjectReport(
        thing="manager",
        things="managers",
        objects=all_of(Manager),
        weight=lambda manager: manager.calls.count,
        entry=_entry,
        line=_line,
    ),
    held=_held,
    timings=_timings,
)
