"""Observes Values and Arrays: each read and write, reported while their own lock is held."""

import sys
from math import isfinite
from operator import getitem

from mpviz_probe import creations, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.guard import is_ours, is_the_programs, passed_call, replaces, seamless, unframe
from mpviz_probe.hooks import after, begin_wait, end_wait
from mpviz_probe.standard.locks import answers_of, attempts, is_observed, observe
from mpviz_probe.standard.locks import hush as hush_lock
from mpviz_probe.standard.locks import identify as identify_lock

_WHOLE = -1


def patch(module):
    """Patch ``multiprocessing.sharedctypes``."""
    base = module.SynchronizedBase
    base.__init__ = after(base.__init__, _tell_of_new, "value")
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


def _tell_of_new(_, value, *args, **kwargs):
    if not (hasattr(value._lock, "_semlock") and hasattr(value._obj, "_wrapper")):
        # A lock of another kind, or no shared memory: it has no id that all processes share.
        return
    frame = sys._getframe(2)
    if _is_a_librarys(frame):
        return
    value._mpviz = _Observed(value)
    _observe_lock(value)
    if _is_new(frame):
        _announce(value)


def _observe_lock(value):
    """Have the value's lock reported where the program takes it itself, and only there."""
    lock = value._lock
    if not is_observed(lock):
        observe(lock)
    if hasattr(value._obj, "_type_"):
        value.acquire, value.release = lock.acquire, lock.release
    else:
        # The fields of a Structure take the lock through these.
        value.acquire, value.release = lock._semlock.acquire, lock._semlock.release


def hush(value):
    """Report nothing of a value that is a part of something else, nor of its lock."""
    value._mpviz = None
    hush_lock(value._lock)
    value.acquire, value.release = value._lock.acquire, value._lock.release


def _is_a_librarys(frame):
    """Whether a library makes a value for its own use."""
    while frame is not None:
        file = frame.f_code.co_filename
        if not (file.endswith("/sharedctypes.py") or sites.is_context(file)):
            return sites.is_library(file)
        frame = frame.f_back
    return False


def _is_new(frame):
    """Whether a value is being made here, and not rebuilt from a pickle in a child."""
    while frame is not None and sites.is_machinery(frame.f_code.co_filename):
        if frame.f_code.co_name in ("_main", "main", "spawn_main", "_serve_one", "recv", "get"):
            return False
        frame = frame.f_back
    return frame is not None


def _announce(value, site=None, more=b""):
    item = value._obj
    kind = type(item)
    length = getattr(kind, "_length_", 0)
    typecode = getattr(kind._type_, "_type_", "") if length else getattr(kind, "_type_", "")
    initial = _content(item.value) if not length and hasattr(item, "value") else b"null"
    names = identify(value), identify_lock(value._lock), "Array" if length else "Value"
    texts = map(wire.text, (*names, typecode if isinstance(typecode, str) else ""))
    fields = b'"o":%b,"lock":%b,"kind":%b,"typecode":%b,"length":%d,"initial":%b,"s":%d'
    if site is None:
        site = creations.here()
    wire.put(b"value.created", fields % (*texts, length or 1, initial, site) + more)


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
    """What is needed to report what is done to one value: its lock's own methods, and forms."""

    __slots__ = ("attempt", "give", "object_field", "read", "take", "waiting", "write")

    def __init__(self, value):
        lock = value._lock
        self.take = lock._semlock.acquire
        self.give = lock._semlock.release
        self.attempt = attempts(self.take)
        name = wire.text(identify(value))
        self.object_field = b'"o":' + name
        self.read = wire.form(b"value.read", self.object_field, (b"s", b"value", b"index"))
        written = (b"s", b"before", b"value", b"index")
        self.write = wire.form(b"value.written", self.object_field, written)
        lock_name = wire.text(identify_lock(lock))
        self.waiting = wire.form(b"wait", b'"what":"lock","o":' + lock_name, (b"s",))

    def hold(self):
        """Take the lock as the original does, and report the wait for it."""
        answers = answers_of(self.take, True)
        try:
            try:
                begin_wait(self.waiting)
                return answers[0]
            finally:
                end_wait()
        except BaseException:
            if answers.get(0):
                self.give()
            raise


def _observed_property(original, name):
    """Wrap ``value`` or ``raw``; the code is shortest for whole numbers, the usual values."""
    return property(_observed_read(original.fget, name), _observed_write(original.fset, name))


def _observed_read(original, name):
    send, here = wire.send, sites.of_caller(2)

    @seamless
    def read(self):
        try:
            taken = False
            value = self._mpviz
            if value is None:
                return original(self)
            try:
                for taken in value.attempt:
                    break
                if not taken:
                    taken = value.hold()
                content = getattr(self._obj, name)
                try:
                    if content.__class__ is int:
                        send(value.read, here(), content)
                    else:
                        _tell_read(value, content, 0)
                except BaseException:
                    report("value")
                return content
            finally:
                if taken:
                    value.give()
        except BaseException as error:
            unframe(error)
            raise

    return read


def _observed_write(original, name):
    send, here = wire.send, sites.of_caller(2)

    @seamless
    def write(self, content):
        try:
            taken = False
            value = self._mpviz
            if value is None:
                return original(self, content)
            try:
                for taken in value.attempt:
                    break
                if not taken:
                    taken = value.hold()
                item = self._obj
                before = getattr(item, name)
                try:
                    setattr(item, name, content)
                    content = getattr(item, name)
                    if content.__class__ is int:
                        send(value.write, here(), before, content, 0)
                    else:
                        _tell_write(value, before, content, 0)
                except BaseException as error:
                    _complete_write(error, value, before, getattr, item, name)
            finally:
                if taken:
                    value.give()
            return None
        except BaseException as error:
            unframe(error)
            raise

    return write


def _observed_getitem(getitem):
    @replaces(getitem)
    def observed(self, index):
        try:
            taken = False
            value = self._mpviz
            if value is None:
                return getitem(self, index)
            try:
                for taken in value.attempt:
                    break
                if not taken:
                    taken = value.hold()
                content = self._obj[index]
                _tell_read(value, content, _position(self._obj, index))
                return content
            finally:
                if taken:
                    value.give()
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _observed_setitem(setitem):
    send, here = wire.send, sites.here

    @replaces(setitem)
    def observed(self, index, content):
        try:
            taken = False
            value = self._mpviz
            if value is None:
                return setitem(self, index, content)
            try:
                for taken in value.attempt:
                    break
                if not taken:
                    taken = value.hold()
                item = self._obj
                before = item[index]
                try:
                    item[index] = content
                    content = item[index]
                    if content.__class__ is int:
                        send(value.write, here(), before, content, _position(item, index))
                    else:
                        _tell_write(value, before, content, _position(item, index))
                except BaseException as error:
                    _complete_write(error, value, before, getitem, item, index)
            finally:
                if taken:
                    value.give()
            return None
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _position(items, index):
    """The index of one item of an array; :data:`_WHOLE` for a slice or any other kind of index."""
    if issubclass(type(index), int):
        return int.__mod__(index, len(items))
    return _WHOLE


def _tell_read(value, content, index):
    try:
        here = sites.here()
        if content.__class__ is int:
            wire.send(value.read, here, content, index)
            return
        fields = b'%b,"value":%b,"index":%d,"s":%d'
        wire.put(b"value.read", fields % (value.object_field, _content(content), index, here))
    except BaseException:
        report("value")


def _tell_write(value, before, content, index):
    here = sites.here()
    if content.__class__ is int:
        wire.send(value.write, here, before, content, index)
        return
    told = (value.object_field, _content(before), _content(content), index, here)
    wire.put(b"value.written", b'%b,"before":%b,"value":%b,"index":%d,"s":%d' % told)


def _complete_write(error, value, before, read, item, key):
    """Report a write that happened before this exception; raise it again if it is not ours."""
    index = 0 if read is getattr else _position(item, key)
    trace = error.__traceback__.tb_next
    if trace is None or not is_ours(trace):
        # It came from the write, right after it, or right after a call of ``send``.
        content = before if passed_call(error, 5) else read(item, key)
        if _content(content) != _content(before):
            _tell_write(value, before, content, index)
        raise error
    if is_the_programs(error) and not wire.was_told(error):
        _tell_write(value, before, read(item, key), index)
    report("value")
