"""Observes Event, Condition and Barrier: who waits, who lets the others go on, who comes last.

Each of the three has a Condition inside. What is done to one of them is told while the lock of that
Condition is held, so that its records come in the order in which things happened.
"""

import sys
from functools import wraps

from mpviz_probe import creations, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.locks import hush, identify, is_observed, is_the_programs_own, observe

_UNSEEN = False
"""What is known of a Condition that came by a pickle and has not been used here."""


def patch(module):
    """Patch ``multiprocessing.synchronize``."""
    condition = module.Condition
    condition._mpviz = _UNSEEN
    condition.__init__ = _observed_init(condition.__init__, _begin_condition)
    condition.wait = _observed_condition_wait(condition.wait)
    condition.notify = _observed_notify(condition.notify)

    event = module.Event
    event.__init__ = _observed_init(event.__init__, _begin_event)
    event.is_set = _prepared(event.is_set)
    event.set = _prepared(event.set)
    event.clear = _observed_clear(event.clear)
    event.wait = _observed_event_wait(event.wait)

    # These are threading's, and stay as they are for threads.
    barrier = module.Barrier
    barrier._mpviz = None
    barrier.__init__ = _observed_init(barrier.__init__, _begin_barrier)
    barrier.__setstate__ = _observed_setstate(barrier.__setstate__)
    barrier._enter = _observed_enter(barrier._enter)
    barrier._wait = _observed_barrier_wait(barrier._wait)
    barrier._release = _observed_release(barrier._release)
    barrier._break = _observed_break(barrier._break)
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


def _tell(form, *values):
    try:
        wire.send(form, sites.here(), *values)
    except Exception:
        report("signal")


def _observed_init(init, begin):
    @wraps(init)
    def observed(self, *args, **kwargs):
        init(self, *args, **kwargs)
        try:
            begin(self, is_the_programs_own(sys._getframe(1)))
        except Exception:
            report("signal")

    return observed


class _Observed:
    """What telling of one Condition, or of what it is inside of, takes."""

    __slots__ = ("fields", "waiting")

    kind = ""

    def __init__(self, condition):
        # The semaphores are always its own; the lock may be the program's, and others' as well.
        name = "%s-%s" % (self.kind, identify(condition._sleeping_count))
        self.fields = b'"o":%b' % wire.text(name)
        self.waiting = self.form_of_wait(self.kind)
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

    def acquire(block=True, timeout=None):
        if take(False):
            return True
        if not block:
            return False
        _tell(waiting)
        try:
            return take(block, timeout)
        finally:
            wire.put(b"wait.over")

    return acquire


def _sleepers(condition):
    """How many wait; exact while the lock is held."""
    sleeping, woken = condition._sleeping_count._semlock, condition._woken_count._semlock
    return sleeping._get_value() - woken._get_value()


# Conditions


class _Condition(_Observed):
    __slots__ = ("notified",)

    kind = "condition"

    def __init__(self, condition):
        super().__init__(condition)
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
        _tell(self.notified, asked, _sleepers(condition))


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
    except Exception:
        report("signal")
        return None


def _observed_condition_wait(wait):
    @wraps(wait)
    def observed(self, timeout=None):
        condition = _observed_of(self)
        if condition is None:
            return wait(self, timeout)
        try:
            _tell(condition.waiting)
            return wait(self, timeout)
        except BaseException:
            wire.put(b"wait.over")
            raise

    return observed


def _observed_sleep(take, woken):
    """Wrap the acquire in which a wait sleeps; told before the wait for the lock that follows."""

    def acquire(block=True, timeout=None):
        if not block:
            return take(False)
        notified = False
        try:
            notified = take(True, timeout)
        finally:
            _tell(woken, 1 if notified else 0)
        return notified

    return acquire


def _observed_notify(notify):
    @wraps(notify)
    def observed(self, n=1):
        condition = _observed_of(self)
        if condition is not None:
            try:
                condition.tell_of_notify(self, n)
            except Exception:
                report("signal")
        return notify(self, n)

    return observed


# Events


class _Event(_Observed):
    __slots__ = ("cleared", "set", "waited")

    kind = "event"

    def __init__(self, condition):
        super().__init__(condition)
        self.set = wire.form(b"event.set", self.fields, (b"s", b"waiters"))
        self.cleared = wire.form(b"event.cleared", self.fields, (b"s",))
        self.waited = wire.form(b"event.waited", self.fields, (b"s", b"passed"))

    def tell_of_notify(self, condition, number):
        """Tell that the event was set, which nobody can have seen yet: that takes the lock."""
        _tell(self.set, _sleepers(condition))


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
    except Exception:
        report("signal")
        return None


def _prepared(method):
    """Wrap a method of which nothing, or only its notify, is told."""

    @wraps(method)
    def observed(self):
        _event_of(self)
        return method(self)

    return observed


def _observed_clear(clear):
    @wraps(clear)
    def observed(self):
        event = _event_of(self)
        if event is None:
            return clear(self)
        # What the original does, and told while nobody else can set it.
        with self._cond:
            _tell(event.cleared)
            self._flag.acquire(False)
        return None

    return observed


def _observed_event_wait(wait):
    @wraps(wait)
    def observed(self, timeout=None):
        event = _event_of(self)
        passed = wait(self, timeout)
        if event is not None:
            _tell(event.waited, 1 if passed else 0)
        return passed

    return observed


# Barriers


class _Barrier(_Observed):
    __slots__ = ("arrived", "draining", "left", "released")

    kind = "barrier"

    def __init__(self, condition):
        super().__init__(condition)
        self.draining = self.form_of_wait("drain-barrier")
        self.arrived = wire.form(b"barrier.arrived", self.fields, (b"s",))
        self.left = wire.form(b"barrier.left", self.fields, (b"s", b"passed"))
        self.released = wire.form(b"barrier.released", self.fields, (b"s",))


def _begin_barrier(barrier, own):
    observed = barrier._mpviz
    if observed is not None and own:
        observed.announce(b',"parties":%d' % barrier._parties)
    else:
        barrier._mpviz = None


def _observed_setstate(setstate):
    """Wrap what both ``__init__`` and a pickle call."""

    @wraps(setstate)
    def observed(self, state):
        setstate(self, state)
        try:
            hide(self._cond)
            self._mpviz = _Barrier(self._cond)
        except Exception:
            report("signal")

    return observed


def _observed_enter(enter):
    """Wrap the wait until all of the round before have left."""

    @wraps(enter)
    def observed(self):
        barrier = self._mpviz
        if barrier is None or self._state not in (_RESETTING, _DRAINING):
            return enter(self)
        try:
            _tell(barrier.draining)
            return enter(self)
        finally:
            wire.put(b"wait.over")

    return observed


def _observed_barrier_wait(wait):
    """Wrap what all do but the last to arrive."""

    @wraps(wait)
    def observed(self, timeout):
        barrier = self._mpviz
        if barrier is None:
            return wait(self, timeout)
        passed = 0
        try:
            _tell(barrier.arrived)
            _tell(barrier.waiting)
            wait(self, timeout)
            passed = 1
        finally:
            _tell(barrier.left, passed)
        return None

    return observed


def _observed_release(release):
    """Wrap what the last to arrive does: the barrier's action, and to let all go on."""

    @wraps(release)
    def observed(self):
        barrier = self._mpviz
        if barrier is None:
            return release(self)
        done = False
        try:
            _tell(barrier.arrived)
            release(self)
            done = True
        finally:
            # Nobody goes on before the lock is given back.
            if done:
                _tell(barrier.released)
            else:
                _tell(barrier.left, 0)
        return None

    return observed


def _observed_break(break_barrier):
    @wraps(break_barrier)
    def observed(self):
        if self._mpviz is not None:
            try:
                caller = sys._getframe(1).f_code.co_name
                fields = b'%b,"reason":%b,"s":%d'
                reason = wire.text(_REASONS.get(caller, ""))
                wire.put(b"barrier.broken", fields % (self._mpviz.fields, reason, sites.here()))
            except Exception:
                report("signal")
        return break_barrier(self)

    return observed


def _observed_reset(reset):
    @wraps(reset)
    def observed(self):
        if self._mpviz is None:
            return reset(self)
        # Its lock can be taken again by who holds it.
        with self._cond:
            try:
                fields = b'%b,"s":%d' % (self._mpviz.fields, sites.here())
                wire.put(b"barrier.reset", fields)
            except Exception:
                report("signal")
            return reset(self)

    return observed


_RESETTING, _DRAINING = -1, 1
"""States of a barrier; see ``threading``."""

_REASONS = {"abort": "abort", "_wait": "time-out", "_release": "action"}
"""Why a barrier breaks, by the function that breaks it."""
