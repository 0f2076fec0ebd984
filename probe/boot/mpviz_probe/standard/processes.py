"""Observes processes: start, life, join, signals and end."""

import os
import sys
import time
from functools import partial

from mpviz_probe import sections, sites, wire
from mpviz_probe.arm import start_ticks
from mpviz_probe.errors import error_in_words, place_of
from mpviz_probe.functions import name_of
from mpviz_probe.hooks import after, around, before, during, failing
from mpviz_probe.wrappers import called_in_the_end, code_of

START_METHOD_VARIABLE = "MPVIZ_START_METHOD"

_prepared: "dict[int, tuple]" = {}
"""By its id, a function that processes of a library call, and what is called before it."""

_ended = 0
"""The pid of the process that has told of the end of its own code: this one, or its parent."""


def patch(module):
    """Patch one of the modules that make up a process."""
    _PATCHES[module.__name__.rpartition(".")[2]](module)


def _patch_process(module):
    base = module.BaseProcess
    base.start = around(base.start, _work_of, _tell_start, "start")
    base.join = during(base.join, _end_of, "join")
    base._bootstrap = around(base._bootstrap, _tell_beginning, _tell_finish, "bootstrap")
    module.active_children = before(module.active_children, _tell_of_exiting, "exit")


def patch_popen(module, terminating=None):
    """Patch the class that starts processes by one start method, and learns how they ended.

    ``terminating`` is the signal that its ``terminate`` sends, if that does not use the method.
    """
    popen = module.Popen
    if "poll" in popen.__dict__:
        popen.poll = around(popen.poll, _is_over, _tell_of_end, "poll")
    if "_send_signal" in popen.__dict__:
        popen._send_signal = before(popen._send_signal, _tell_of_signal, "signal")
    if terminating is not None and "terminate" in popen.__dict__:
        tell = partial(_tell_of_signal, signal=terminating)
        popen.terminate = before(popen.terminate, tell, "signal")


def _patch_forkserver(module):
    module.os = _ReapingOs()


def _patch_context(module):
    """Make the start method that was asked for the default one of the program."""
    method = os.environ.get(START_METHOD_VARIABLE)
    if method:
        module._default_context._default_context = module._concrete_contexts[method]


def _work_of(process):
    """The time, and the target of a process with its arguments, which it forgets at its start."""
    names = process.__dict__
    return time.monotonic_ns(), names.get("_target"), names.get("_args", ())


def _tell_start(work, _, process):
    began, target, arguments = work
    popen = process._popen
    function = wire.text(_name_of_work(process, target, arguments))
    fields = b'"child":%d,%b,"method":%b,"function":%b,"started":%d'
    told = popen.pid, _describe(process), wire.text(popen.method), function, start_ticks(popen.pid)
    sections.tell(b"process.started", fields % told, began)


def _describe(process):
    daemon = b"true" if process._config.get("daemon") else b"false"
    return b'"name":%b,"daemon":%b' % (wire.text(process._name), daemon)


def _name_of_work(process, function, arguments):
    """The program's function that a process will call; empty for a library's worker."""
    if function is None:
        # If a class of the program has its own ``run``, nothing else is called.
        function = type(process).run
    function = called_in_the_end(function, arguments)
    code = code_of(function)
    if code is not None and sites.is_machinery(code.co_filename):
        return ""
    return name_of(function)


def _tell_beginning(process, *args, **kwargs):
    told = _describe(process), process._parent_pid or 0, cpu_so_far()
    wire.put(b"process.began", b'%b,"parent":%d,%b' % told)
    for function, arguments in (process._target, process._args), (type(process).run, (process,)):
        _, prepare = _prepared.get(id(function), (None, None))
        if prepare is not None:
            prepare(*arguments)
    _observe_run(process)


def prepare_for(function, prepare):
    """Have this called before a process calls a function, which is its target or its ``run``.

    It gets the same arguments. If the function were wrapped, a frame of ours would be in the
    traceback of what it raises.
    """
    _prepared[id(function)] = function, prepare


def _tell_of_exiting():
    """Report when a process begins to exit: then ``util._exit_function`` asks for its children.

    That function itself cannot be wrapped: ``atexit`` has it already.
    """
    if sys._getframe(2).f_code.co_name == "_exit_function":
        # Where an exception ends the main process, Python has printed it and left it here.
        _tell_end_of_run(getattr(sys, "last_value", None))


def _tell_end_of_run(error=None):
    """Tell, once in a process, that its own code has ended, and of what it has died."""
    global _ended
    if _ended == wire.pid():
        return
    # First: a signal handler that comes meanwhile may exit as well, as in pebble's workers, and
    # would leave the record that is being written behind for one of its own.
    _ended = wire.pid()
    if error is None or issubclass(type(error), SystemExit):
        wire.put(b"process.exiting")
    else:
        fields = wire.text(error_in_words(error)), place_of(error)
        wire.put(b"process.exiting", b'"error":%b,"s":%d' % fields)


def _observe_run(process):
    """Have the end of a child's own code told, before anything tidies up behind it.

    The wrapper is gone before that code can see it.
    """

    if "run" in process.__dict__:
        # The program has put its own there.
        return

    def run():
        process.__dict__.pop("run", None)
        return process.run()

    told = failing(run, _tell_end_of_run, "run")
    process.__dict__["run"] = after(told, lambda _: _tell_end_of_run(), "run")


def cpu_so_far():
    """Give the field that says how much CPU time this process has had, in seconds."""
    return b'"cpu":%.6f' % time.process_time()


def _tell_finish(_, exit_code, *args, **kwargs):
    import resource

    # Kilobytes on Linux, bytes on macOS: getrusage(2).
    unit = 1 if sys.platform == "darwin" else 1024
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    told = exit_code if isinstance(exit_code, int) else 1, cpu_so_far(), memory
    wire.put(b"process.finished", b'"exit_code":%d,%b,"rss":%d' % told)


def _end_of(process, timeout=None):
    """What a join waits for; None if it does not wait."""
    popen = process._popen
    if popen is None or process._parent_pid != os.getpid() or not wire.may_wait(timeout):
        return None
    if popen.poll() is not None:
        return None
    limit = wire.milliseconds(timeout)
    return b'"what":"process","o":"%d","s":%d,"limit":%d' % (popen.pid, sites.here(), limit)


def _is_over(popen, *_, **__):
    return popen.returncode is not None


def _tell_of_end(was_over, exit_code, popen, *_, **__):
    if exit_code is not None and not was_over:
        fields = b'"child":%d,"exit_code":%d' % (popen.pid, exit_code)
        sections.tell(b"process.joined", fields)


def _tell_of_signal(popen, signal):
    """Report a signal that is about to be sent to a child, unless it is known to be over."""
    if popen.returncode is None:
        sections.tell_cause(b"process.signalled", child=popen.pid, signal=signal)


def _patch_spawn(module):
    prepare = module.get_preparation_data
    current = module.process.current_process
    tell = partial(_tell_if_unguarded, current)
    module.get_preparation_data = failing(prepare, tell, "start")


def _tell_if_unguarded(current, error, *_, **__):
    """Report that the program's file starts a process while a new process imports that file."""
    if type(error) is RuntimeError and getattr(current(), "_inheriting", False):
        wire.put(b"process.unguarded", b'"s":%d' % _line_of_main(sys._getframe(1)))


def _line_of_main(frame):
    """The site in the body of the program's file that led to this frame; 0 if there is none."""
    while frame is not None:
        code = frame.f_code
        if code.co_name == "<module>" and frame.f_globals.get("__name__") == "__mp_main__":
            return sites.announce(code.co_filename, frame.f_lineno or 0, code.co_name)
        frame = frame.f_back
    return sites.here()


class _ReapingOs:
    """``os`` as the fork server sees it: only this process learns how its children ended."""

    def __init__(self):
        self.waitpid = after(os.waitpid, _tell_of_exit, "fork server")

    def __getattr__(self, name):
        return getattr(os, name)


def _tell_of_exit(ended, *_):
    child, status = ended
    if child:
        killed = os.WIFSIGNALED(status)
        exit_code = -os.WTERMSIG(status) if killed else os.WEXITSTATUS(status)
        wire.put(b"process.exited", b'"child":%d,"exit_code":%d' % (child, exit_code))


_PATCHES = {
    "process": _patch_process,
    "popen_fork": patch_popen,
    "popen_forkserver": patch_popen,
    "forkserver": _patch_forkserver,
    "context": _patch_context,
    "spawn": _patch_spawn,
}
