"""Observes Barrier: who arrives, who waits for the others, and who comes last or breaks it."""

import sys
from functools import partial

from mpviz_probe import sites, wire
from mpviz_probe.arm import report
from mpviz_probe.guard import replaces, unframe
from mpviz_probe.hooks import after, before, during
from mpviz_probe.standard.conditions import Observed, hide, tell_of_new

_RESETTING, _DRAINING = -1, 1
"""States of a barrier; see ``threading``."""

_REASONS = {"abort": "abort", "_wait": "time-out", "_release": "action"}
"""Why a barrier breaks, by the function that breaks it."""


def patch(module):
    """Patch ``multiprocessing.synchronize``; its Barrier's methods are those of ``threading``."""
    barrier = module.Barrier
    # Set here, not in threading: the barriers of threads stay as they are.
    barrier._mpviz = None
    barrier.__init__ = after(barrier.__init__, partial(tell_of_new, _begin), "barrier")
    barrier.__setstate__ = after(barrier.__setstate__, _begin_parts, "barrier")
    barrier._enter = during(barrier._enter, _round_before, "barrier")
    barrier._wait = _observed_arrival(barrier._wait, True)
    barrier._release = _observed_arrival(barrier._release, False)
    barrier._break = before(barrier._break, _tell_of_break, "barrier")
    barrier.reset = _observed_reset(barrier.reset)


class _Barrier(Observed):
    __slots__ = ("arrived", "left", "released")

    kind = "barrier"
    depth = 3

    def __init__(self, condition):
        super().__init__(condition)
        self.arrived = wire.form(b"barrier.arrived", self.fields, (b"s", b"waits"))
        self.left = wire.form(b"barrier.left", self.fields, (b"s", b"passed"))
        self.released = wire.form(b"barrier.released", self.fields, (b"s",))


def _begin(barrier, own):
    observed = barrier._mpviz
    if observed is not None and own:
        observed.announce(b',"parties":%d' % barrier._parties)
    else:
        barrier._mpviz = None


def _begin_parts(_, barrier, state):
    """Begin to observe the parts of a barrier, made by ``__init__`` or by unpickling."""
    hide(barrier._cond)
    barrier._mpviz = _Barrier(barrier._cond)


def _round_before(barrier):
    """The fields of a wait until all of the round before have left; None if they have."""
    if barrier._mpviz is None or barrier._state not in (_RESETTING, _DRAINING):
        return None
    return b'"what":"drain-barrier",%b,"s":%d' % (barrier._mpviz.fields, sites.here())


def _observed_arrival(original, waits):
    """Wrap what a process does that has arrived: it waits, or lets all go on if it is the last."""
    send = wire.send

    @replaces(original)
    def observed(self, *timeout):
        try:
            barrier = self._mpviz
            if barrier is None:
                return original(self, *timeout)
            passed = False
            try:
                try:
                    send(barrier.arrived, barrier.here(), waits)
                except BaseException:
                    report("barrier")
                original(self, *timeout)
                passed = True
            finally:
                # No process continues before the lock is released.
                try:
                    if passed and not waits:
                        send(barrier.released, barrier.here())
                    else:
                        send(barrier.left, barrier.here(), passed)
                except BaseException:
                    report("barrier")
            return None
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _tell_of_break(barrier):
    if barrier._mpviz is not None:
        caller = sys._getframe(2).f_code.co_name
        reason = wire.text(_REASONS.get(caller, ""))
        fields = b'%b,"reason":%b,"s":%d' % (barrier._mpviz.fields, reason, sites.here())
        wire.put(b"barrier.broken", fields)


def _observed_reset(reset):
    @replaces(reset)
    def observed(self):
        try:
            if self._mpviz is None:
                return reset(self)
            # Its lock is recursive: the holder can take it again.
            with self._cond:
                try:
                    wire.put(b"barrier.reset", b'%b,"s":%d' % (self._mpviz.fields, sites.here()))
                except BaseException:
                    report("barrier")
                return reset(self)
        except BaseException as error:
            unframe(error)
            raise

    return observed
