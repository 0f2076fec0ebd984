"""Gates of processes: start, begin, join, end; and sleeps, which take no time."""

import time

from mpviz_probe.stepping import gate

_sleep = time.sleep


def patch(module):
    """Patch ``multiprocessing.process``."""
    base = module.BaseProcess
    base.start = _gated_start(base.start)
    base.join = gate.gated(base.join, _join, _not_joined)
    base._bootstrap = _gated_bootstrap(base._bootstrap)


def sleep_by_steps():
    """Let a sleep of the program be a step that takes no time."""

    def sleep(seconds):
        if not gate.is_outermost() or not seconds >= 0:
            return _sleep(seconds)
        with gate.Inside():
            gate.ask("sleep", "", "time", detail="%g s" % seconds)
            gate.did()
        return None

    time.sleep = sleep


def _gated_start(original):
    def describe(process):
        process._mpviz_path = gate.child_path()
        return "start", process._mpviz_path, "process", {"name": process.name}

    return gate.gated(original, describe)


def _join(process, timeout=None):
    path = process.__dict__.get("_mpviz_path")
    if path is None:
        return None
    return "join", path, "process", {"timed": timeout is not None}


def _not_joined(process, timeout=None):
    return None


def _finish():
    # Typeshed lists no private functions.
    from multiprocessing.util import _exit_function  # type: ignore[attr-defined]

    _exit_function()


def _gated_bootstrap(original):
    def _bootstrap(self, *args, **kwargs):
        path = self.__dict__.get("_mpviz_path")
        gate.path = ""
        if path is not None:
            gate.begin(path, self.name)
            gate.ask("begin", "", "process")
            gate.did()
        code = original(self, *args, **kwargs)
        if path is not None:
            # Python 3.13 leaves it to the exit of the interpreter. What it waits for, such as a
            # queue's thread, has to come before the end; once more, it finds nothing left to do.
            _finish()
            gate.ask("end", "", "process")
            gate.end(code)
        return code

    return _bootstrap
