"""Observes Values and Arrays: each read and write, told while their own lock is held."""

import sys
from functools import wraps
from math import isfinite

from mpviz_probe import sites, wire
from mpviz_probe.arm import report
from mpviz_probe.locks import identify as identify_lock
from mpviz_probe.locks import is_observed, observe

_WHOLE = -1


def patch(module):
    """Patch ``multiprocessing.sharedctypes``."""
    base = module.SynchronizedBase
    base.__init__ = _observed_init(base.__init__)
    base._mpviz = None
    module.Synchronized.value = _observed_property(module.Synchronized.value, "value")
    string = module.SynchronizedString
    string.value = _observed_property(string.value, "value")
    string.raw = _observed_property(string.raw, "raw")
    array = module.SynchronizedArray
    array.__getitem__ = _observed_getitem(array.__getitem__)
    array.__setitem__ = _observed_setitem(array.__setitem__)


def identify(value):
    """The id of a Value, the same in every process: its lock's, and its place in shared memory."""
    known = value.__dict__.get("_mpviz_id")
    if known is None:
        start = value._obj._wrapper._state[0][1]
        known = value._mpviz_id = "%s@%d" % (identify_lock(value._lock), start)
    return known


def _observed_init(init):
    @wraps(init)
    def observed(self, *args, **kwargs):
        init(self, *args, **kwargs)
        try:
            if not (hasattr(self._lock, "_semlock") and hasattr(self._obj, "_wrapper")):
                # A lock of another kind, or no shared memory: nothing that has an id everywhere.
                return
            self._mpviz = _Observed(self)
            _observe_lock(self)
            if _is_new(sys._getframe(1)):
                _announce(self)
        except Exception:
            report("value")

    return observed


def _observe_lock(value):
    """Tell of the value's own lock where the program takes it by itself, and only there."""
    lock = value._lock
    if not is_observed(lock):
        observe(lock)
    if hasattr(value._obj, "_type_"):
        value.acquire, value.release = lock.acquire, lock.release
    else:
        # The fields of a Structure take the lock through these.
        value.acquire, value.release = lock._semlock.acquire, lock._semlock.release


def _is_new(frame):
    """Whether a value is being made here, and not rebuilt from a pickle in a child."""
    while frame is not None and sites.is_machinery(frame.f_code.co_filename):
        if frame.f_code.co_name in ("_main", "main", "spawn_main", "_serve_one", "recv", "get"):
            return False
        frame = frame.f_back
    return frame is not None


def _announce(value):
    item = value._obj
    kind = type(item)
    length = getattr(kind, "_length_", 0)
    typecode = getattr(kind._type_, "_type_", "") if length else getattr(kind, "_type_", "")
    initial = _content(item.value) if not length and hasattr(item, "value") else b"null"
    wire.put(
        b"value.created",
        b'"o":%b,"lock":%b,"kind":%b,"typecode":%b,"length":%d,"initial":%b,"s":%d'
        % (
            wire.text(identify(value)),
            wire.text(identify_lock(value._lock)),
            b'"Array"' if length else b'"Value"',
            wire.text(typecode if isinstance(typecode, str) else ""),
            length or 1,
            initial,
            sites.here(2),
        ),
    )


def _content(content):
    """A C value as JSON, which has no word for infinities and none for bytes."""
    if isinstance(content, bool):
        return b"true" if content else b"false"
    if isinstance(content, int):
        return b"%d" % content
    if isinstance(content, float):
        return repr(content).encode("ascii") if isfinite(content) else b'"%a"' % content
    if isinstance(content, bytes):
        return wire.text(content[: wire.TEXT_LIMIT].decode("latin-1"))
    if isinstance(content, str):
        return wire.text(content)
    return b"null"


class _Observed:
    """What telling of one value takes: its lock's own methods, and its records, prepared.

    Those for whole numbers stand apart, for they are the usual.
    """

    __slots__ = ("give", "read", "read_number", "take", "waiting", "write", "write_number")

    def __init__(self, value):
        lock = value._lock
        self.take = lock._semlock.acquire
        self.give = lock._semlock.release
        name = wire.text(identify(value))
        end = b',"index":%d,"s":%d'
        read, written = b'"o":' + name + b',"value":', b'"o":' + name + b',"before":'
        self.read = wire.template(b"value.read", read + b"%b" + end)
        self.read_number = wire.template(b"value.read", read + b"%d" + end)
        self.write = wire.template(b"value.written", written + b'%b,"value":%b' + end)
        self.write_number = wire.template(b"value.written", written + b'%d,"value":%d' + end)
        lock_name = wire.text(identify_lock(lock))
        self.waiting = wire.template(b"wait", b'"what":"lock","o":' + lock_name + b',"s":%d')

    def hold(self):
        """Take the lock as the original does, and say that it takes waiting."""
        wire.send(self.waiting, sites.here(2))
        try:
            self.take()
        finally:
            wire.put(b"wait.over")


def _observed_property(original, name):
    def read(self):
        value = self._mpviz
        if value is None:
            return original.fget(self)
        if not value.take(False):
            value.hold()
        try:
            content = getattr(self._obj, name)
            _tell_read(value, content, 0)
        finally:
            value.give()
        return content

    def write(self, content):
        value = self._mpviz
        if value is None:
            original.fset(self, content)
            return
        if not value.take(False):
            value.hold()
        try:
            item = self._obj
            before = getattr(item, name)
            setattr(item, name, content)
            _tell_write(value, before, getattr(item, name), 0)
        finally:
            value.give()

    return property(read, write)


def _observed_getitem(getitem):
    @wraps(getitem)
    def observed(self, index):
        value = self._mpviz
        if value is None:
            return getitem(self, index)
        if not value.take(False):
            value.hold()
        try:
            content = self._obj[index]
            _tell_read(value, content, _position(self, index))
        finally:
            value.give()
        return content

    return observed


def _observed_setitem(setitem):
    @wraps(setitem)
    def observed(self, index, content):
        value = self._mpviz
        if value is None:
            return setitem(self, index, content)
        if not value.take(False):
            value.hold()
        try:
            before = self._obj[index]
            self._obj[index] = content
            _tell_write(value, before, self._obj[index], _position(self, index))
        finally:
            value.give()
        return None

    return observed


def _position(array, index):
    if isinstance(index, int):
        return index % len(array._obj)
    return _WHOLE


def _tell_read(value, content, index):
    try:
        if content.__class__ is int:
            wire.send(value.read_number, content, index, sites.here(2))
        else:
            wire.send(value.read, _content(content), index, sites.here(2))
    except Exception:
        report("value")


def _tell_write(value, before, content, index):
    try:
        if content.__class__ is int:
            wire.send(value.write_number, before, content, index, sites.here(2))
        else:
            here = sites.here(2)
            wire.send(value.write, _content(before), _content(content), index, here)
    except Exception:
        report("value")
