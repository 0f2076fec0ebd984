"""Wakes the probe in an observed interpreter, then gives way to the program's own sitecustomize.

Python imports this at its start because a launch under mpviz puts this folder in front of
``PYTHONPATH``; so every descendant finds it, whatever its start method.
"""

if True:  # pragma: no cover - if coverage started before us, it must not count our lines
    import os
    import sys


def _wake(folder):  # pragma: no cover
    if "MPVIZ_EVENTS" not in os.environ:
        return
    try:
        if not _is_main_interpreter():
            return
        _hide(folder)
        from mpviz_probe import arm

        arm.arm()
    except Exception:
        # There is no queue to report to; and the program must never notice that we failed.
        return


def _is_main_interpreter():  # pragma: no cover
    """Whether this is the main interpreter, the only one with a probe.

    Sub-interpreters share its pid, descriptors and threads. A second probe would number its records
    from 1 again under the same pid.
    """
    import _thread

    ask = getattr(_thread, "_is_main_interpreter", None)
    if ask is not None:
        return ask()
    # Before Python 3.12 only signal() tells: it checks this first (Modules/signalmodule.c). There
    # is no signal 0, so the call has no effect in the main interpreter either.
    import _signal

    try:
        _signal.signal(0, _signal.SIG_DFL)
    except ValueError as error:
        return "main thread" not in str(error)
    return True


def _hide(folder):  # pragma: no cover
    """Give the probe's code file names such as ``<mpviz_probe.standard.locks>``.

    Coverage, ``trace`` and debuggers skip code that is in no file. They also look at a module's
    ``__file__``, so the probe's modules have none.
    """
    import _frozen_importlib_external as importers

    # Our own __file__ is among the names of this module, so these three get separate names.
    names = {"__builtins__": __builtins__, "SourceFileLoader": importers.SourceFileLoader}
    for function in (_renamed, _get_code, _exec_module):
        code = _renamed(function.__code__, "<mpviz_probe.sitecustomize>")
        names[function.__name__] = type(function)(code, names)
    methods = {"get_code": names["_get_code"], "exec_module": names["_exec_module"]}
    loader = type("HidingLoader", (importers.SourceFileLoader,), methods)
    package = os.path.join(folder, "mpviz_probe")
    rooms = ("wire", "workers", "standard", "libraries", "stepping", "live")
    rooms = [os.path.join(package, room) for room in rooms]
    # Python 2 reads this file too, and knows no star here.
    for place in [folder, package] + rooms:
        sys.path_importer_cache[place] = importers.FileFinder(place, (loader, [".py"]))


def _get_code(self, name):  # pragma: no cover
    return _renamed(SourceFileLoader.get_code(self, name), "<%s>" % name)  # noqa: F821


def _exec_module(self, module):  # pragma: no cover
    del module.__file__
    SourceFileLoader.exec_module(self, module)  # noqa: F821 - it runs where that is known


def _renamed(code, name):  # pragma: no cover
    """A copy of the code, and of all code within it, with this file name."""
    inside = tuple(
        _renamed(each, name) if hasattr(each, "co_filename") else each for each in code.co_consts
    )
    return code.replace(co_filename=name, co_consts=inside)


def _give_way(folder):  # pragma: no cover
    """Take this folder off the path, and run the sitecustomize that the program would have had."""
    sys.path[:] = [entry for entry in sys.path if entry != folder]
    sys.path_importer_cache.pop(folder, None)
    ours = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize  # noqa: F401 - to run it
    except ImportError as error:
        # A Python 2, in which the probe stays silent, does not have the name.
        name = getattr(error, "name", None) or str(error).split()[-1]
        if name != "sitecustomize":
            raise
        sys.modules["sitecustomize"] = ours


# A program that already runs reads this file for _hide alone; see trace/attach/entering.py.
if __name__ == "sitecustomize":  # pragma: no cover
    FOLDER = os.path.dirname(os.path.abspath(__file__))
    _wake(FOLDER)
    _give_way(FOLDER)
