"""Three ways to have something told of a method or function: before it acts, after, and meanwhile.

What is called many times a second has a wrapper of its own where it is observed; all others use
these. What tells may fail: that is reported. What the original raises, or a signal handler of the
program's, passes through without a trace of ours.
"""

from functools import wraps

from mpviz_probe import wire
from mpviz_probe.arm import report
from mpviz_probe.guard import seamless, unframe


def before(original, tell, where):
    """Wrap: ``tell`` is called with the same arguments first; ``where`` names it in a report."""

    @wraps(original)
    @seamless
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

    @wraps(original)
    @seamless
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


def during(original, wait, where):
    """Wrap what may wait: ``wait`` gives the fields of the wait's record, None where there is none.

    It is called with the same arguments.
    """

    @wraps(original)
    @seamless
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
                    wire.put(b"wait.over")
        except BaseException as error:
            unframe(error)
            raise

    return observed
