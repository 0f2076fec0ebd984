"""Observes Lock, RLock and the semaphores: who takes them, who waits, who gives them back."""

import sys
from functools import partial
from itertools import count, repeat, starmap
from operator import attrgetter, methodcaller
from time import monotonic_ns
from types import MethodType

from mpviz_probe import creations, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.guard import is_the_programs, passed_call, seamless, unframe
from mpviz_probe.hooks import after, begin_wait, end_wait

try:
    # Where ``collections`` has it from, which not every program imports.
    from _collections import defaultdict  # type: ignore[import-not-found]
except ImportError:
    from collections import defaultdict

# Not from 1: after an exec, the pid is the same, and the locks are others.
_numbers = count(monotonic_ns() // 1000)


def patch(module):
    """Patch ``multiprocessing.synchronize``."""
    base = module.SemLock
    base.__init__ = after(base.__init__, _tell_of_new, "lock")
    base.__setstate__ = after(base.__setstate__, _tell_of_copy, "lock")
    # The originals are in C, and would not call the methods that `observe` puts on an instance.
    base.__enter__ = Own("acquire", "acquire")
    base.__exit__ = Own("_mpviz_exit", "release")
    base._mpviz_exit = _exit
    condition = module.Condition
    condition.__setstate__ = after(condition.__setstate__, _hush_parts, "condition")


def hush(*locks):
    """Give internal locks, or None, their own methods back: nothing is reported of them."""
    for lock in locks:
        if lock is not None:
            lock.acquire = lock._semlock.acquire
            lock.release = lock._semlock.release
            _exit_in_c(lock)


def _exit_in_c(lock):
    """Let the end of a ``with`` run no Python code: an alarm before it would leave the lock taken.

    The function in C takes what ``with`` passes.
    """
    lock._mpviz_exit = lock._semlock.__exit__


def is_observed(lock):
    """Whether this lock has the methods that :func:`observe` gives."""
    return isinstance(lock.acquire, MethodType)


def identify(lock):
    """The id of a lock, the same in every process, as text; empty if it cannot have one."""
    name = lock._semlock.name
    if name is not None:
        return name
    # Under fork, a semaphore has no name, and its address is used again when it is gone.
    known = lock.__dict__.get("_mpviz_id")
    if known is None:
        known = lock._mpviz_id = "%d.%d" % (wire.pid(), next(_numbers))
    return known


class Own(property):
    """Gives a ``with`` the method that the lock itself has, and so saves a call.

    :class:`contextlib.ExitStack` looks it up on the type, and calls it with the lock.
    """

    def __init__(self, found, called):
        super().__init__(attrgetter(found))
        self.call = methodcaller(called)

    @seamless
    def __call__(self, lock, *_):
        try:
            return self.call(lock)
        except BaseException as error:
            unframe(error)
            raise


@seamless
def _exit(self, *_):
    """Release a lock that has not been observed."""
    try:
        return self.release()
    except BaseException as error:
        unframe(error)
        raise


def _tell_of_new(_, lock, kind, value, maxvalue, **kwargs):
    if is_the_programs_own(sys._getframe(2)):
        told = wire.text(identify(lock)), wire.text(type(lock).__name__), value, creations.here()
        wire.put(b"lock.created", b'"o":%b,"kind":%b,"maximum":%d,"s":%d' % told)
        observe(lock)
    else:
        _exit_in_c(lock)


def _tell_of_copy(_, lock, state):
    observe(lock)


def _hush_parts(_, condition, state):
    hush(condition._sleeping_count, condition._woken_count, condition._wait_semaphore)


def is_the_programs_own(frame):
    """Whether the program makes the object that is being made in this frame, for itself.

    The object's constructors come first, then the context that called them, if one did. The caller
    of those is the program, or the container that the object is a part of.
    """
    while frame is not None and _is_constructor(frame.f_code):
        frame = frame.f_back
    while frame is not None and sites.is_context(frame.f_code.co_filename):
        frame = frame.f_back
    return frame is not None and not sites.is_machinery(frame.f_code.co_filename)


def _is_constructor(code):
    return code.co_name in ("__init__", "observed") and sites.is_machinery(code.co_filename)


def observe(lock):
    """Replace methods of this lock by ones that act the same and report it.

    Like the originals, they are bound to the semaphore, which cannot be pickled: so pickling them
    fails with the same error.
    """
    semlock = lock._semlock
    take, give = semlock.acquire, semlock.release
    count_held = semlock._count if semlock.kind == _RECURSIVE else None
    object_field = b'"o":%b' % wire.text(identify(lock))
    waiting = wire.form(b"wait", b'"what":"lock",' + object_field, (b"s", b"limit"))
    acquired = wire.form(b"lock.acquired", object_field, (b"s",))
    released = wire.form(b"lock.released", object_field)
    refused = wire.form(b"lock.refused", object_field)
    acquire = _observed_acquire(take, give, count_held, (waiting, acquired, released))
    is_last = partial(_is_last, semlock) if count_held is not None else None
    release = partial(_observed_release, give, is_last, released, refused)
    lock.acquire = MethodType(acquire, semlock)
    lock.release = MethodType(release(is_exit=False), semlock)
    lock._mpviz_exit = MethodType(release(is_exit=True), semlock)


def _observed_acquire(take, give, count_held, forms):
    waiting, acquired, released = forms
    send, here, attempt = wire.send, sites.of_caller(2), attempts(take)

    @seamless
    def acquire(_, /, block=True, timeout=None, *more):
        try:
            taken = answers = False
            try:
                # C also checks its arguments and first tries without waiting, so the order of
                # these steps is the same.
                if timeout is None and not more:
                    for taken in attempt:
                        break
                else:
                    answers = answers_of(take, False, timeout, *more)
                    taken = answers[0]
                if not taken and block and (timeout is None or timeout > 0):
                    answers = answers_of(take, True, timeout)
                    taken = wait_for(answers, timeout, waiting)
                if taken and (count_held is None or count_held() == 1):
                    send(acquired, here())
                return taken
            except BaseException as error:
                return keep_or_undo(error, error, taken, answers, [], give, send, released)
        except BaseException as error:
            unframe(error)
            raise

    return acquire


def _is_last(semlock):
    """Whether this thread holds an RLock, and frees it with its next release."""
    return semlock._is_mine() and semlock._count() == 1


def _observed_release(give, is_last, released, refused, *, is_exit):
    """Wrap the release of a lock; ``is_exit``: for the end of a ``with``, which passes arguments.

    For that, a function that calls the other would cost each ``with`` one more call.
    """
    send, giving = wire.send, starmap(give, repeat(()))

    @seamless
    def release(_, /, *more):
        try:
            given = False
            if is_exit:
                more = ()
            if more or (is_last is not None and not is_last()):
                return give(*more)
            try:
                send(released)
                # None in the step that does it.
                for given in giving:
                    break
                return None
            except BaseException as error:
                return _complete_release(error, error, given, [], give, refused)
        except BaseException as error:
            unframe(error)
            raise

    return release


@seamless
def _complete_release(error, first, given, done, *actions):
    """Release a lock whose release was reported; raise the exception again if it is not ours.

    ``first`` is the exception that came out of ``release``, ``error`` the last one. Each act makes
    the list ``done`` longer in the same step.
    """
    try:
        if given is False and not done:
            give, refused = actions
            if not is_the_programs(error) and not wire.was_told(error):
                done.append(None)
                wire.send(refused)
            elif wire.was_told(first) or passed_call(first, 1):
                # The program's exception follows right after.
                done.extend(starmap(give, ((),)))
    except BaseException as another:
        _complete_release(another, first, given, done, *actions)
    if is_the_programs(error) or not wire.was_told(error):
        raise error
    report("lock")


def attempts(take):
    """Tries to take a lock without waiting, for a ``for`` loop that breaks after one step.

    After a call, a signal could be handled before the result is stored, and the lock would stay
    taken. From Python 3.10 on, no signal is handled before a ``for`` loop stores its value. ``map``
    calls as fast as the interpreter does; ``iter`` would compare each answer with a sentinel.
    """
    return map(take, repeat(False))


def answers_of(take, *arguments):
    """A dict whose item 0 is what ``take`` returns, which is called when that item is first read.

    The answer is in the dict before a signal can be handled. Unlike a ``for`` loop, this passes on
    a StopIteration that a signal handler of the program raises while ``take`` waits.
    """
    return defaultdict(partial(take, *arguments))


def wait_for(answers, timeout, waiting):
    """Take a lock that is not free, and report the wait with this form; False for a time-out.

    The end of the wait is reported here only if the lock was not taken.
    """
    try:
        begin_wait(waiting, timeout)
        return answers[0]
    finally:
        _end_wait(answers)


@seamless
def _end_wait(answers, error=None):
    try:
        if not (answers.get(0) or wire.was_told_since(error)):
            end_wait()
    except BaseException as another:
        _end_wait(answers, another)
    if error is not None:
        raise error


@seamless
def keep_or_undo(error, first, taken, answers, given, *actions):
    """Give back what was taken if the program raised this exception, and raise it again.

    Then it is as if the exception had come before. If the error is ours, it is reported, what was
    taken is kept, and the result is True. ``first`` is the exception that the caller caught,
    ``error`` the last one. The list ``given`` becomes longer in the step that gives back. The
    actions are the function that gives back, and one that reports it, with its arguments.
    """
    try:
        taken = taken or bool(answers and answers.get(0))
        if taken and not given and is_the_programs(error):
            give, tell, *arguments = actions
            is_told = wire.was_told(first) or passed_call(first, 2)
            if is_told and not wire.was_told_since(error, first):
                tell(*arguments)
            given.extend(starmap(give, ((),)))
    except BaseException as another:
        keep_or_undo(another, first, taken, answers, given, *actions)
    if not taken or is_the_programs(error):
        raise error
    report("lock")
    return True


_RECURSIVE = 0
