"""Observes loky, and the copy of it in joblib: executors with processes of a kind of their own."""

from functools import wraps
from signal import SIGTERM

from mpviz_probe import sites, wire
from mpviz_probe.arm import report
from mpviz_probe.functions import see_through
from mpviz_probe.futures import patch_executor
from mpviz_probe.processes import patch_popen


def patch(module):
    """Patch one of loky's modules, in whichever of the two packages it is."""
    sites.count_as_library(module)
    _PATCHES[module.__name__.rpartition(".")[2]](module)


def _patch_popen(module):
    patch_popen(module)
    popen = module.Popen
    if "terminate" in popen.__dict__:
        popen.terminate = _observed_terminate(popen.terminate)


def _observed_terminate(terminate):
    @wraps(terminate)
    def observed(self):
        if self.returncode is None:
            fields = b'"child":%d,"signal":%d' % (self.pid, SIGTERM)
            wire.put(b"process.signalled", fields)
        return terminate(self)

    return observed


def _patch_synchronize(module):
    module.SemLock.__enter__ = _enter


def _enter(self):
    """Take a lock by its own ``acquire``, as its namesakes of multiprocessing do when observed."""
    return self.acquire()


def _patch_wrapper(module):
    for kind in (module.CloudpickledObjectWrapper, module.CallableObjectWrapper):
        see_through(kind, lambda wrapper: ([wrapper._obj], 1))


def _patch_executor(module):
    patch_executor(module, b"loky executor")


def _patch_reusable_executor(module):
    executor = module._ReusablePoolExecutor
    executor._resize = _observed_resize(executor._resize)


def _observed_resize(resize):
    @wraps(resize)
    def observed(self, *args, **kwargs):
        before = self._max_workers
        try:
            return resize(self, *args, **kwargs)
        finally:
            try:
                name = self.__dict__.get("_mpviz_id")
                if name is not None and self._max_workers != before:
                    fields = b'"o":%b,"workers":%d' % (name, self._max_workers)
                    wire.put(b"pool.resized", fields)
            except Exception:
                report("executor")

    return observed


_PATCHES = {
    "cloudpickle_wrapper": _patch_wrapper,
    "popen_loky_posix": _patch_popen,
    "process_executor": _patch_executor,
    "reusable_executor": _patch_reusable_executor,
    "synchronize": _patch_synchronize,
}
