"""Observes Condition: who waits, and who wakes the others. Event and Barrier have one inside.

What is done to any of the three is reported while the lock of that Condition is held, so the
records are in the order in which things happened.
"""

import sys
from functools import partial

from mpviz_probe import creations, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.guard import replaces, seamless, unframe
from mpviz_probe.hooks import after, begin_wait, end_wait
from mpviz_probe.standard.locks import (
    answers_of,
    hush,
    identify,
    is_observed,
    is_the_programs_own,
    observe,
)

UNSEEN = False
"""Marks a Condition that came by a pickle and has not been used in this process."""

_QUIET_SECONDS = 0.01
"""Seconds that a notify waits for the waiters to wake before this wait is reported.

Usually they wake sooner, unless one of them was killed while it waited.
"""


def patch(module):
    """Patch ``multiprocessing.synchronize``."""
    condition = module.Condition
    condition._mpviz = UNSEEN
    condition.__init__ = after(condition.__init__, partial(tell_of_new, _begin), "condition")
    condition.wait = _observed_wait(condition.wait)
    condition.notify = _observed_notify(condition.notify)


def hide(condition):
    """Report nothing of a Condition that is a part of something else, nor of its locks."""
    condition._mpviz = None
    hush(condition._sleeping_count, condition._woken_count, condition._wait_semaphore)
    hush(condition._lock)
    condition._make_methods()


def tell_of_new(begin, _, thing, *args, **kwargs):
    """Call ``begin`` with an object that was made, and whether the program itself made it."""
    # The frame of the wrapper is between the program's and ours.
    begin(thing, is_the_programs_own(sys._getframe(2)))


class Observed:
    """What is needed to report what is done to one Condition, or to the object that it is part of.

    Subclasses name the ``kind`` of that object.
    """

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
        """The form for a wait for this object, or for something that happens to it."""
        return wire.form(b"wait", b'"what":%b,%b' % (wire.text(what), self.fields), (b"s",))

    def announce(self, fields=b""):
        """Report that the program has made the object."""
        kind = b"%b.created" % self.kind.encode("ascii")
        wire.put(kind, b'%b%b,"s":%d' % (self.fields, fields, creations.here()))


def _observed_wake(take, waiting):
    """Wrap the acquire in which a notify waits until the waiters are awake.

    A waiter that was killed never is.
    """

    @seamless
    def acquire(block=True, timeout=None):
        try:
            if not block or timeout is not None:
                return take(block, timeout)
            if take(True, _QUIET_SECONDS):
                return True
            try:
                begin_wait(waiting)
                return take()
            finally:
                end_wait()
        except BaseException as error:
            unframe(error)
            raise

    return acquire


def sleepers(condition):
    """How many wait; exact while the lock is held."""
    sleeping, woken = condition._sleeping_count._semlock, condition._woken_count._semlock
    return sleeping._get_value() - woken._get_value()


class _Condition(Observed):
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
        """Report a notify that is about to happen."""
        asked = number if number.__class__ is int and number < sys.maxsize else -1
        wire.send(self.notified, self.site_of_notify(), asked, sleepers(condition))


def _begin(condition, own):
    condition._mpviz = None
    if own and hasattr(condition._lock, "_semlock"):
        observed = _Condition(condition)
        observed.announce(b',"lock":%b' % wire.text(identify(condition._lock)))
        condition._mpviz = observed


def _observed_of(condition):
    """The :class:`Observed` of a Condition whose lock is held; None if nothing is to be told."""
    try:
        observed = condition._mpviz
        if observed is UNSEEN:
            condition._mpviz = None
            observed = condition._mpviz = _Condition(condition)
        return observed if observed is None or condition._lock._semlock._is_mine() else None
    except BaseException:
        report("condition")
        return None


def _observed_wait(wait):
    send = wire.send

    @replaces(wait)
    def observed(self, timeout=None):
        try:
            condition = _observed_of(self)
            if condition is None:
                return wait(self, timeout)
            try:
                try:
                    send(condition.waiting, condition.here())
                except BaseException:
                    report("condition")
                return wait(self, timeout)
            except BaseException:
                end_wait()
                raise
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _observed_sleep(take, woken):
    """Wrap the acquire in which a wait sleeps; its end is reported before the lock is retaken."""
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
                    report("condition")
        except BaseException as error:
            unframe(error)
            raise

    return acquire


def _observed_notify(notify):
    @replaces(notify)
    def observed(self, n=1):
        try:
            condition = _observed_of(self)
            if condition is not None:
                try:
                    condition.tell_of_notify(self, n)
                except BaseException:
                    report("condition")
            return notify(self, n)
        except BaseException as error:
            unframe(error)
            raise

    return observed
