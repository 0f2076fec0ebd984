"""Gates of locks, semaphores, values, conditions, events and barriers."""

import sys
from types import MethodType

from mpviz_probe.hooks import after
from mpviz_probe.standard import locks, values
from mpviz_probe.stepping import gate


def patch(module):
    """Patch ``multiprocessing.synchronize`` or ``multiprocessing.sharedctypes``."""
    if module.__name__.endswith("sharedctypes"):
        _patch_values(module)
        return
    base = module.SemLock
    base.__init__ = after(base.__init__, _new_lock, "step")
    base.__setstate__ = after(base.__setstate__, _copied_lock, "step")
    _patch_events(module)
    _patch_conditions(module)
    _patch_barriers(module)


_CARRIED = "mpviz step"
"""Marks a pickled object whose id came with it."""


def id_of(thing, alias):
    """The id of an object: its own, or, where it came by a pickle, what it was called there."""
    return thing.__dict__.get("_mpviz_step") or "=" + alias


def _new_lock(_, lock, kind, value, maxvalue, **kwargs):
    if gate.is_outermost() and locks.is_the_programs_own(sys._getframe(2)):
        _announce_lock(lock, type(lock).__name__, value)
        _gate_lock(lock)


def _copied_lock(_, lock, state):
    if locks.is_observed(lock):
        _gate_lock(lock)


def _announce_lock(lock, kind, value, of=""):
    lock._mpviz_step = known = of + ".lock" if of else gate.new_id("lock")
    gate.tell(
        new=known,
        kind="lock" if value == 1 else "semaphore",
        count=value,
        recursive=kind == "RLock",
        alias=lock._semlock.name or "",
        observed=gate.observed_id(locks.identify, lock),
        of=of,
    )


def _gate_lock(lock):
    known = id_of(lock, lock._semlock.name or "")
    semlock = lock._semlock

    def describe(block=True, timeout=None):
        timed = timeout is not None
        return "acquire", known, "lock", {"blocking": bool(block), "timed": timed}

    def refuse(block=True, timeout=None):
        return False

    def release():
        return "release", known, "lock", {}

    take = gate.gated(lock.acquire, describe, refuse, _taken)
    give = gate.gated(lock.release, release)
    leave = lock._mpviz_exit

    def exit_(*more):
        if not gate.is_outermost():
            return leave(*more)
        with gate.Inside():
            gate.ask("release", known, "lock")
            result = leave(*more)
            gate.did()
            return result

    # Bound to the semaphore, which cannot be pickled, as those of the observers are.
    lock.acquire = MethodType(lambda _, *args, **named: take(*args, **named), semlock)
    lock.release = MethodType(lambda _: give(), semlock)
    lock._mpviz_exit = MethodType(lambda _, *more: exit_(*more), semlock)


def _taken(result):
    return "" if result else "no"


def _patch_values(module):
    base = module.SynchronizedBase
    base.__init__ = after(base.__init__, _new_value, "step")
    module.Synchronized.value = _gated_value(module.Synchronized.value)
    array = module.SynchronizedArray
    array.__getitem__ = gate.gated(array.__getitem__, _get_item, None, repr)
    array.__setitem__ = gate.gated(array.__setitem__, _set_item)


def _new_value(_, value, *args, **kwargs):
    lock = value._lock
    if not gate.path or not hasattr(lock, "_semlock") or "_mpviz_step" in value.__dict__:
        return
    if values._is_new(sys._getframe(2)):
        value._mpviz_step = known = gate.new_id("value")
        content = getattr(value._obj, "value", "")
        gate.tell(
            new=known,
            kind="value",
            alias="value" + (lock._semlock.name or ""),
            value=repr(content)[:40],
            observed=gate.observed_id(values.identify, value),
        )
        if "_mpviz_step" not in lock.__dict__:
            _announce_lock(lock, "RLock", 1, known)
    _gate_lock(lock)
    if hasattr(value._obj, "_type_"):
        value.acquire, value.release = lock.acquire, lock.release


def _value_id(value):
    return id_of(value, "value" + (value._lock._semlock.name or ""))


def _lock_id(value):
    return id_of(value._lock, value._lock._semlock.name or "")


def _gated_value(original):
    def describe_read(value):
        return "read", _value_id(value), "value", {"lock": _lock_id(value)}

    def describe_write(value, content):
        told = {"lock": _lock_id(value), "detail": repr(content)[:40]}
        return "write", _value_id(value), "value", told

    return property(
        gate.gated(original.fget, describe_read, None, repr),
        gate.gated(original.fset, describe_write),
    )


def _get_item(array, index):
    told = {"lock": _lock_id(array), "element": repr(index)[:20]}
    return "read", _value_id(array), "value", told


def _set_item(array, index, content):
    return (
        *("write", _value_id(array), "value"),
        {"lock": _lock_id(array), "element": repr(index)[:20], "detail": repr(content)[:40]},
    )


def _new(thing, kind, **fields):
    if gate.is_outermost():
        thing._mpviz_step = known = gate.new_id(kind)
        gate.tell(new=known, kind=kind, **fields)


def _of(kind, verb, **more):
    def describe(thing, *args, **kwargs):
        known = thing.__dict__.get("_mpviz_step")
        return None if known is None else (verb, known, kind, dict(more))

    return describe


def _patch_events(module):
    event = module.Event
    event.__init__ = _with_new(event.__init__, "event")
    event.set = gate.gated(event.set, _of("event", "set"))
    event.clear = gate.gated(event.clear, _of("event", "clear"))
    event.is_set = gate.gated(event.is_set, _of("event", "is_set"), None, str)
    wait = event.wait

    def describe(event, timeout=None):
        known = event.__dict__.get("_mpviz_step")
        return None if known is None else ("wait", known, "event", {"timed": timeout is not None})

    event.wait = gate.gated(wait, describe, lambda event, timeout=None: False, str)


def _with_new(original, kind):
    """Wrap a constructor: what it makes inside has no gates of its own."""

    def observed(self, *args, **kwargs):
        outermost = gate.is_outermost()
        with gate.Inside():
            original(self, *args, **kwargs)
        if outermost:
            parts = self if kind == "condition" else self._cond
            known = gate.observed_id(locks.identify, parts._sleeping_count)
            parties = self._parties if kind == "barrier" else 1
            _new(self, kind, count=parties, observed="%s-%s" % (kind, known))
            if kind == "condition" and "_mpviz_step" not in self._lock.__dict__:
                _announce_lock(self._lock, "RLock", 1, self._mpviz_step)
                _gate_lock(self._lock)
                self._make_methods()

    return observed


def _patch_conditions(module):
    condition = module.Condition
    condition.__init__ = _with_new(condition.__init__, "condition")
    original_wait, original_notify = condition.wait, condition.notify

    def wait(self, timeout=None):
        known = self.__dict__.get("_mpviz_step")
        if known is None or not gate.is_outermost():
            return original_wait(self, timeout)
        assert self._lock._semlock._is_mine(), "must acquire() condition before using wait()"
        with gate.Inside():
            lock, times = self._lock, self._lock._semlock._count()
            held = id_of(lock, lock._semlock.name or "")
            gate.ask("wait", known, "condition", lock=held)
            for _ in range(times):
                lock.release()
            gate.did()
            answer = gate.ask("wake", known, "condition", lock=held, timed=timeout is not None)
            if answer == gate.TIMED_OUT:
                gate.did("timed out")
                # It was not notified, and has to get the lock like anybody else.
                for _ in range(times):
                    gate.ask("acquire", held, "lock")
                    lock.acquire()
                    gate.did()
                return False
            for _ in range(times):
                lock.acquire()
            gate.did()
            return True

    def describe(condition, n=1):
        known = condition.__dict__.get("_mpviz_step")
        if known is None:
            return None
        return "notify", known, "condition", {"number": n if n < sys.maxsize else -1}

    _carry_id(condition)
    condition.wait = wait
    condition.notify = gate.gated(original_notify, describe)


def _patch_barriers(module):
    barrier = module.Barrier
    barrier.__init__ = _with_new(barrier.__init__, "barrier")
    original = barrier.wait

    def wait(self, timeout=None):
        known = self.__dict__.get("_mpviz_step")
        if known is None or self._action is not None or not gate.is_outermost():
            return original(self, timeout)
        with gate.Inside():
            gate.ask("arrive", known, "barrier")
            place = gate.number()
            gate.did()
            gate.ask("pass", known, "barrier")
            gate.did()
            return place

    _carry_id(barrier)
    barrier.wait = wait


def _carry_id(kind):
    """Have the id of an object travel with it to a process that is not forked."""
    get, put = kind.__getstate__, kind.__setstate__

    def __getstate__(self):  # noqa: N807 - the name that pickle calls
        return _CARRIED, get(self), self.__dict__.get("_mpviz_step")

    def __setstate__(self, state):  # noqa: N807 - the same
        known = None
        if state[0] == _CARRIED:
            _, state, known = state
        with gate.Inside():
            put(self, state)
        if known is not None:
            self._mpviz_step = known

    kind.__getstate__, kind.__setstate__ = __getstate__, __setstate__
