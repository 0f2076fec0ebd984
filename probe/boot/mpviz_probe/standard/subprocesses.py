"""Observes ``subprocess``: the children, however short their lives, and how they end.

Nothing of ours is where an exception may pass: that of a missing command, or of a time-out, looks
as ever.
"""

import os
from _thread import get_ident
from functools import partial
from time import monotonic_ns

from mpviz_probe import wire
from mpviz_probe.arm import read_command, read_file, report, start_ticks
from mpviz_probe.guard import seamless, unframe
from mpviz_probe.hooks import around, before

_began: "dict[int, int]" = {}
"""By thread, when the making of a ``Popen`` began there."""
_commands: "dict[int, list]" = {}
"""By thread, the command that is being run there."""


def patch(module):
    """Patch ``subprocess``."""
    popen = module.Popen
    popen.pid = _Pid()
    if hasattr(module, "_fork_exec"):
        module._fork_exec = before(module._fork_exec, _keep_command, "subprocess")
    else:
        module._posixsubprocess = _Forking(module._posixsubprocess)
    end = popen._handle_exitstatus
    tell = partial(_tell_of_end, module.signal)
    popen._handle_exitstatus = around(end, _is_over, tell, "subprocess")
    popen.send_signal = before(popen.send_signal, _tell_of_signal, "subprocess")


class _Pid:
    """The pid of a ``Popen``, in its ``__dict__`` as ever; a child is reported when it is set."""

    @seamless
    def __get__(self, popen, kind=None):
        try:
            if popen is None:
                raise AttributeError("type object %r has no attribute 'pid'" % kind.__name__)
            pid = popen.__dict__.get("pid", self)
            if pid is self:
                raise AttributeError("%r object has no attribute 'pid'" % type(popen).__name__)
            return pid
        except BaseException as error:
            unframe(error)
            raise

    @seamless
    def __set__(self, popen, pid):
        try:
            popen.__dict__["pid"] = pid
            try:
                if pid:
                    _tell_start(pid)
                else:
                    _commands.pop(get_ident(), None)
                    _began[get_ident()] = monotonic_ns()
            except BaseException:
                report("subprocess")
        except BaseException as error:
            unframe(error)
            raise


def _tell_start(child):
    thread = get_ident()
    # Without a command, posix_spawn was used, which returns when the child runs its program.
    words = _commands.pop(thread, None) or read_command(child)
    # One that has ended and was not waited for has a name, but no command; it has no name either if
    # the parent ignores SIGCHLD.
    words = words or read_file("/proc/%d/comm" % child, 64).split()
    text = " ".join([os.fsdecode(word) for word in words])
    fields = b'"child":%d,"started":%d,"command":%b' % (child, start_ticks(child), wire.text(text))
    wire.put(b"subprocess.started", fields, _began.pop(thread, None))


def _keep_command(command, *_):
    """Keep the command that is really run, which ``shell=True`` makes another one."""
    _commands[get_ident()] = command


class _Forking:
    """``_posixsubprocess`` as ``subprocess`` sees it up to Python 3.11."""

    def __init__(self, original):
        self._original = original
        self.fork_exec = before(original.fork_exec, _keep_command, "subprocess")

    def __getattr__(self, name):
        return getattr(self._original, name)


def _tell_of_signal(popen, sig):
    if popen.returncode is None:
        wire.put(b"process.signalled", b'"child":%d,"signal":%d' % (popen.pid, sig))


def _is_over(popen, *_, **__):
    return popen.returncode is not None


def _tell_of_end(signal, was_over, _, popen, *args, **kwargs):
    # If SIGCHLD is ignored, no wait is possible, and Python reports exit code 0.
    is_known = signal.getsignal(signal.SIGCHLD) is not signal.SIG_IGN
    if is_known and not was_over and popen.returncode is not None:
        fields = b'"child":%d,"exit_code":%d' % (popen.pid, popen.returncode)
        wire.put(b"process.joined", fields)
