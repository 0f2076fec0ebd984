"""Observes Event, Condition and Barrier: who waits, who lets the others go on, who comes last.

Each of the three has a Condition inside. What is done to one of them is told while the lock of that
Condition is held, so that its records come in the order in which things happened.
"""

import sys
from functools import partial, wraps

from mpviz_probe import creations, sites, wire
from mpviz_probe.arm import over, report
from mpviz_probe.guard import is_the_programs, seamless, unframe
from mpviz_probe.hooks import after, before
from mpviz_probe.standard.locks import (
    answers_of,
    hush,
    identify,
    is_observed,
    is_the_programs_own,
    observe,
)

_UNSEEN = False
"""What is known of a Condition that came by a pickle and has not been used here."""

_QUIET_SECONDS = 0.01
"""Seconds that a notify waits for the waiters to wake before this wait is reported.

Usually they wake sooner, unless one of them was killed while it waited.
"""


def patch(module):
    """Patch ``multiprocessing.synchronize``."""
    condition = module.Condition
    condition._mpviz = _UNSEEN
    condition.__init__ = after(
        condition.__init__, partial(_tell_of_new, _begin_condition), "signal"
    )
    condition.wait = _observed_condition_wait(condition.wait)
    condition.notify = _observed_notify(condition.notify)

    event = module.Event
    event.__init__ = after(event.__init__, partial(_tell_of_new, _begin_event), "signal")
    event.is_set = _prepared(event.is_set)
    event.set = _prepared(event.set)
    event.clear = _observed_clear(event.clear)
    event.wait = _observed_event_wait(event.wait)

    # These are threading's, and stay as they are for threads.
    barrier = module.Barrier
    barrier._mpviz = None
    barrier.__init__ = after(barrier.__init__, partial(_tell_of_new, _begin_barrier), "signal")
    barrier.__setstate__ = after(barrier.__setstate__, _begin_parts, "signal")
    barrier._enter = _observed_enter(barrier._enter)
    barrier._wait = _observed_barrier_wait(barrier._wait)
    barrier._release = _observed_release(barrier._release)
    barrier._break = before(barrier._break, _tell_of_break, "signal")
    barrier.reset = _observed_reset(barrier.reset)


def hide_event(event):
    """Keep still about an Event that is a part of something else."""
    hide(event._cond)
    hush(event._flag)


def hide(condition):
    """Keep still about a Condition that is a part of something else, and about its locks."""
    condition._mpviz = None
    locks = (condition._sleeping_count, condition._woken_count, condition._wait_semaphore)
    for lock in (condition._lock, *locks):
        hush(lock)
    condition._make_methods()


def _tell_of_new(begin, _, thing, *args, **kwargs):
    # The frame of the wrapper is between the program's and ours.
    begin(thing, is_the_programs_own(sys._getframe(2)))


class _Observed:
    """What telling of one Condition, or of what it is inside of, takes."""

    __slots__ = ("fields", "here", "waiting")

    kind = ""
    depth = 2
    """Frames between :attr:`here` and the program's frame that waits; see ``sites.of_caller``."""

    def __init__(self, condition):
        # The semaphores are always its own; the lock may be the program's, and others' as well.
        name = "%s-%s" % (self.kind, identify(condition._sleeping_count))
        self.fields = b'"o":%b' % wire.text(name)
        self.waiting = self.form_of_wait(self.kind)
        self.here = sites.of_caller(self.depth)
        woken = condition._woken_count
        woken.acquire = _observed_wake(
            woken._semlock.acquire, self.form_of_wait("wake-" + self.kind)
        )

    def form_of_wait(self, what):
        """The record of a wait for this object; what is the word that says which."""
        return wire.form(b"wait", b'"what":%b,%b' % (wire.text(what), self.fields), (b"s",))

    def announce(self, fields=b""):
        """Tell that the program has made it."""
        kind = b"%b.created" % self.kind.encode("ascii")
        wire.put(kind, b'%b%b,"s":%d' % (self.fields, fields, creations.here()))


def _observed_wake(take, waiting):
    """Wrap the acquire in which a notify waits until the waiters are awake.

    One that was killed while it waited never is.
    """

    @seamless
    def acquire(block=True, timeout=None):
        try:
            if not block or timeout is not None:
                return take(block, timeout)
            if take(True, _QUIET_SECONDS):
                return True
            try:
                try:
                    wire.send(waiting, sites.here())
                except BaseException:
                    report("signal")
                return take()
            finally:
                over()
        except BaseException as error:
            unframe(error)
            raise

    return acquire


def _sleepers(condition):
    """How many wait; exact while the lock is held."""
    sleeping, woken = condition._sleeping_count._semlock, condition._woken_count._semlock
    return sleeping._get_value() - woken._get_value()


# Conditions


class _Condition(_Observed):
    __slots__ = ("notified", "site_of_notify")

    kind = "condition"

    def __init__(self, condition):
        super().__init__(condition)
        self.site_of_notify = sites.of_caller(3)
        self.notified = wire.form(b"condition.notified", self.fields, (b"s", b"asked", b"waiters"))
        woken = wire.form(b"condition.woken", self.fields, (b"s", b"notified"))
        semaphore = condition._wait_semaphore
        semaphore.acquire = _observed_sleep(semaphore._semlock.acquire, woken)
        if not is_observed(condition._lock):
            observe(condition._lock)
            condition._make_methods()

    def tell_of_notify(self, condition, number):
        """Tell of a notify that is about to happen."""
        asked = number if number.__class__ is int and number < sys.maxsize else -1
        wire.send(self.notified, self.site_of_notify(), asked, _sleepers(condition))


def _begin_condition(condition, own):
    condition._mpviz = None
    if own and hasattr(condition._lock, "_semlock"):
        observed = _Condition(condition)
        observed.announce(b',"lock":%b' % wire.text(identify(condition._lock)))
        condition._mpviz = observed


def _observed_of(condition):
    """What tells of a Condition whose lock is held; None where nothing is to be told."""
    try:
        observed = condition._mpviz
        if observed is _UNSEEN:
            condition._mpviz = None
            observed = condition._mpviz = _Condition(condition)
        return observed if observed is None or condition._lock._semlock._is_mine() else None
    except BaseException:
        report("signal")
        return None


def _observed_condition_wait(wait):
    send = wire.send

    @wraps(wait)
    @seamless
    def observed(self, timeout=None):
        try:
            condition = _observed_of(self)
            if condition is None:
                return wait(self, timeout)
            try:
                try:
                    send(condition.waiting, condition.here())
                except BaseException:
                    report("signal")
                return wait(self, timeout)
            except BaseException:
                over()
                raise
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _observed_sleep(take, woken):
    """Wrap the acquire in which a wait sleeps; told before the wait for the lock that follows."""
    send, here = wire.send, sites.of_caller(4)

    @seamless
    def acquire(block=True, timeout=None):
        try:
            if not block:
                return take(False)
            answers = answers_of(take, True, timeout)
            try:
                return answers[0]
            finally:
                try:
                    send(woken, here(), 1 if answers.get(0) else 0)
                except BaseException:
                    report("signal")
        except BaseException as error:
            unframe(error)
            raise

    return acquire


def _observed_notify(notify):
    @wraps(notify)
    @seamless
    def observed(self, n=1):
        try:
            condition = _observed_of(self)
            if condition is not None:
                try:
                    condition.tell_of_notify(self, n)
                except BaseException:
                    report("signal")
            return notify(self, n)
        except BaseException as error:
            unframe(error)
            raise

    return observed


# Events


class _Event(_Observed):
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
        """Tell that the event was set, which nobody can have seen yet: that takes the lock."""
        try:
            wire.send(self.set, self.site_of_set(), _sleepers(condition))
        except BaseException as error:
            if is_the_programs(error) and not wire.was_told(error):
                wire.send(self.set)
            raise


def _begin_event(event, own):
    hide(event._cond)
    if own:
        observed = _Event(event._cond)
        observed.announce()
        event._cond._mpviz = observed


def _event_of(event):
    """What tells of an Event; None where nothing is to be told."""
    try:
        observed = event._cond._mpviz
        if observed is _UNSEEN:
            hide_event(event)
            observed = event._cond._mpviz = _Event(event._cond)
        return observed
    except BaseException:
        report("signal")
        return None


def _prepared(method):
    """Wrap a method of which nothing, or only its notify, is told."""

    @wraps(method)
    @seamless
    def observed(self):
        try:
            if self._cond._mpviz is _UNSEEN:
                _event_of(self)
            return method(self)
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _observed_clear(clear):
    send = wire.send

    @wraps(clear)
    @seamless
    def observed(self):
        try:
            event = _event_of(self)
            if event is None:
                return clear(self)
            # The same steps as in the original, but told while no other process can set the event.
            with self._cond:
                try:
                    send(event.cleared, event.site_of_call())
                except BaseException as error:
                    if is_the_programs(error) and wire.was_told(error):
                        self._flag.acquire(False)
                    report("signal")
                self._flag.acquire(False)
            return None
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _observed_event_wait(wait):
    send = wire.send

    @wraps(wait)
    @seamless
    def observed(self, timeout=None):
        try:
            event = _event_of(self)
            passed = wait(self, timeout)
            if event is not None:
                try:
                    send(event.waited, event.site_of_call(), 1 if passed else 0)
                except BaseException:
                    report("signal")
            return passed
        except BaseException as error:
            unframe(error)
            raise

    return observed


# Barriers


class _Barrier(_Observed):
    __slots__ = ("arrived", "draining", "left", "released")

    kind = "barrier"
    depth = 3

    def __init__(self, condition):
        super().__init__(condition)
        self.draining = self.form_of_wait("drain-barrier")
        self.arrived = wire.form(b"barrier.arrived", self.fields, (b"s", b"waits"))
        self.left = wire.form(b"barrier.left", self.fields, (b"s", b"passed"))
        self.released = wire.form(b"barrier.released", self.fields, (b"s",))


def _begin_barrier(barrier, own):
    observed = barrier._mpviz
    if observed is not None and own:
        observed.announce(b',"parties":%d' % barrier._parties)
    else:
        barrier._mpviz = None


def _begin_parts(_, barrier, state):
    """Begin to observe the parts of a barrier, made by ``__init__`` or by unpickling."""
    hide(barrier._cond)
    barrier._mpviz = _Barrier(barrier._cond)


def _observed_enter(enter):
    """Wrap the wait until all of the round before have left."""

    @wraps(enter)
    @seamless
    def observed(self):
        try:
            barrier = self._mpviz
            if barrier is None or self._state not in (_RESETTING, _DRAINING):
                return enter(self)
            try:
                try:
                    wire.send(barrier.draining, barrier.here())
                except BaseException:
                    report("signal")
                return enter(self)
            finally:
                over()
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _observed_barrier_wait(wait):
    """Wrap what all do but the last to arrive."""
    send = wire.send

    @wraps(wait)
    @seamless
    def observed(self, timeout):
        try:
            barrier = self._mpviz
            if barrier is None:
                return wait(self, timeout)
            passed = 0
            try:
                try:
                    send(barrier.arrived, barrier.here(), 1)
                except BaseException:
                    report("signal")
                wait(self, timeout)
                passed = 1
            finally:
                try:
                    send(barrier.left, barrier.here(), passed)
                except BaseException:
                    report("signal")
            return None
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _observed_release(release):
    """Wrap what the last to arrive does: the barrier's action, and to let all go on."""
    send = wire.send

    @wraps(release)
    @seamless
    def observed(self):
        try:
            barrier = self._mpviz
            if barrier is None:
                return release(self)
            over = barrier.left
            try:
                try:
                    send(barrier.arrived, barrier.here(), 0)
                except BaseException:
                    report("signal")
                release(self)
                over = barrier.released
            finally:
                # No process continues before the lock is released. One that leaves in another
                # way has not passed.
                try:
                    send(over, barrier.here())
                except BaseException:
                    report("signal")
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
    @wraps(reset)
    @seamless
    def observed(self):
        try:
            if self._mpviz is None:
                return reset(self)
            # Its lock is recursive: the holder can take it again.
            with self._cond:
                try:
                    wire.put(b"barrier.reset", b'%b,"s":%d' % (self._mpviz.fields, sites.here()))
                except BaseException:
                    report("signal")
                return reset(self)
        except BaseException as error:
            unframe(error)
            raise

    return observed


_RESETTING, _DRAINING = -1, 1
"""States of a barrier; see ``threading``."""

_REASONS = {"abort": "abort", "_wait": "time-out", "_release": "action"}
"""Why a barrier breaks, by the function that breaks it."""
