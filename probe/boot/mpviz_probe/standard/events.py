"""Observes Event: who waits for it, who sets it and who clears it."""

from functools import partial

from mpviz_probe import sites, wire
from mpviz_probe.arm import report
from mpviz_probe.guard import is_the_programs, replaces, unframe
from mpviz_probe.hooks import after
from mpviz_probe.standard import conditions
from mpviz_probe.standard.conditions import UNSEEN, Observed, sleepers
from mpviz_probe.standard.locks import hush


def patch(module):
    """Patch ``multiprocessing.synchronize``."""
    event = module.Event
    event.__init__ = after(event.__init__, partial(conditions.tell_of_new, _begin), "event")
    event.is_set = _prepared(event.is_set)
    event.set = _prepared(event.set)
    event.clear = _observed_clear(event.clear)
    event.wait = _observed_wait(event.wait)


def hide(event):
    """Report nothing of an Event that is a part of something else."""
    conditions.hide(event._cond)
    hush(event._flag)


class _Event(Observed):
    __slots__ = ("cleared", "set", "site_of_call", "site_of_set", "waited")

    kind = "event"
    depth = 4

    def __init__(self, condition):
        super().__init__(condition)
        self.set = wire.form(b"event.set", self.fields, (b"s", b"waiters"))
        self.cleared = wire.form(b"event.cleared", self.fields, (b"s",))
        self.waited = wire.form(b"event.waited", self.fields, (b"s", b"passed"))
        self.site_of_call = sites.of_caller(2)
        self.site_of_set = sites.of_caller(6)

    def tell_of_notify(self, condition, number):
        """Report that the event was set, which nobody can have seen yet: that takes the lock."""
        try:
            wire.send(self.set, self.site_of_set(), sleepers(condition))
        except BaseException as error:
            if is_the_programs(error) and not wire.was_told(error):
                wire.send(self.set)
            raise


def _begin(event, own):
    conditions.hide(event._cond)
    if own:
        observed = _Event(event._cond)
        observed.announce()
        event._cond._mpviz = observed


def _observed_of(event):
    """The :class:`_Event` of an Event; None if nothing is to be told of it."""
    try:
        observed = event._cond._mpviz
        if observed is UNSEEN:
            hide(event)
            observed = event._cond._mpviz = _Event(event._cond)
        return observed
    except BaseException:
        report("event")
        return None


def _prepared(method):
    """Wrap a method of which nothing is told, or only the notify that it makes."""

    @replaces(method)
    def observed(self):
        try:
            if self._cond._mpviz is UNSEEN:
                _observed_of(self)
            return method(self)
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _observed_clear(clear):
    send = wire.send

    @replaces(clear)
    def observed(self):
        try:
            event = _observed_of(self)
            if event is None:
                return clear(self)
            # The same steps as in the original, but told while no other process can set the event.
            with self._cond:
                try:
                    send(event.cleared, event.site_of_call())
                except BaseException as error:
                    if is_the_programs(error) and wire.was_told(error):
                        self._flag.acquire(False)
                    report("event")
                self._flag.acquire(False)
            return None
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _observed_wait(wait):
    send = wire.send

    @replaces(wait)
    def observed(self, timeout=None):
        try:
            event = _observed_of(self)
            passed = wait(self, timeout)
            if event is not None:
                try:
                    send(event.waited, event.site_of_call(), 1 if passed else 0)
                except BaseException:
                    report("event")
            return passed
        except BaseException as error:
            unframe(error)
            raise

    return observed
