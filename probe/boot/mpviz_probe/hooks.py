"""Ways to observe a method or function: before it acts, after it, around it, and while it waits.

Functions that are called many times a second have their own wrappers; all others use these. If our
part fails, that is reported. Exceptions of the original, or of the program's signal handlers, pass
through without a frame of ours.
"""

from _weakref import ref

from mpviz_probe import sections, sites, wire
from mpviz_probe.arm import report
from mpviz_probe.guard import replaces, seamless, unframe


def before(original, tell, where):
    """Wrap: ``tell`` is called with the same arguments first; ``where`` names it in a report."""

    @replaces(original)
    def observed(*args, **kwargs):
        try:
            try:
                tell(*args, **kwargs)
            except BaseException:
                report(where)
            return original(*args, **kwargs)
        except BaseException as error:
            unframe(error)
            raise

    return observed


def after(original, tell, where):
    """Wrap: ``tell`` is called with the result and the same arguments when the original is over.

    The frame that called the original is ``sys._getframe(2)`` in ``tell``.
    """

    @replaces(original)
    def observed(*args, **kwargs):
        try:
            result = original(*args, **kwargs)
            try:
                tell(result, *args, **kwargs)
            except BaseException:
                report(where)
            return result
        except BaseException as error:
            unframe(error)
            raise

    return observed


def around(original, begin, end, where):
    """Wrap: ``begin`` is called with the same arguments first, and ``end`` when it is over.

    ``end`` is called with what ``begin`` returned (None if it failed), the result, and the same
    arguments.
    """

    @replaces(original)
    def observed(*args, **kwargs):
        try:
            begun = None
            try:
                begun = begin(*args, **kwargs)
            except BaseException:
                report(where)
            result = original(*args, **kwargs)
            try:
                end(begun, result, *args, **kwargs)
            except BaseException:
                report(where)
            return result
        except BaseException as error:
            unframe(error)
            raise

    return observed


def failing(original, tell, where):
    """Wrap: ``tell`` is called with what the original raises, and with the same arguments."""

    @replaces(original)
    def observed(*args, **kwargs):
        try:
            try:
                return original(*args, **kwargs)
            except BaseException as error:
                try:
                    tell(error, *args, **kwargs)
                except BaseException:
                    report(where)
                raise
        except BaseException as error:
            unframe(error)
            raise

    return observed


def weakly(method):
    """A method of an object that does not keep the object, for a wrapper that the object holds.

    A cycle of references would keep the object, and descriptors with it, after the program has
    dropped it.
    """
    function, known = method.__func__, ref(method.__self__)

    def call(*args, **kwargs):
        return function(known(), *args, **kwargs)

    return call


def during(original, wait, where):
    """Wrap a function that may wait: its wait is reported with the fields that ``wait`` returns.

    ``wait`` is called with the same arguments, and returns None if there will be no wait.
    """

    @replaces(original)
    def observed(*args, **kwargs):
        try:
            fields = None
            try:
                try:
                    fields = wait(*args, **kwargs)
                    if fields is not None:
                        wire.put(b"wait", fields)
                except BaseException:
                    report(where)
                return original(*args, **kwargs)
            finally:
                if fields is not None:
                    sections.tell_end_of_wait()
        except BaseException as error:
            unframe(error)
            raise

    return observed


@seamless
def begin_wait(form, timeout=None):
    """Report that this thread is about to wait; the form's values are the site and the limit."""
    try:
        wire.send(form, sites.here(), wire.milliseconds(timeout))
    except BaseException:
        report("wait")


@seamless
def end_wait():
    """Report that a wait of this thread is over."""
    try:
        wire.over()
    except BaseException:
        report("end of a wait")
