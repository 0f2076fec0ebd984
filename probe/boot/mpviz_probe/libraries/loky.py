"""Observes loky, and the copy of it in joblib: executors with their own kind of processes."""

from signal import SIGTERM

from mpviz_probe import sections, sites
from mpviz_probe.arm import report
from mpviz_probe.functions import see_through
from mpviz_probe.guard import replaces, unframe
from mpviz_probe.standard.futures import patch_executor
from mpviz_probe.standard.locks import Own
from mpviz_probe.standard.processes import patch_popen


def patch(module):
    """Patch one of loky's modules, in whichever of the two packages it is."""
    sites.count_as_library(module)
    _PATCHES[module.__name__.rpartition(".")[2]](module)


def _patch_synchronize(module):
    module.SemLock.__enter__ = Own("acquire", "acquire")


def _patch_wrapper(module):
    for kind in (module.CloudpickledObjectWrapper, module.CallableObjectWrapper):
        see_through(kind, lambda wrapper: ([wrapper._obj], 1))


def _patch_reusable_executor(module):
    executor = module._ReusablePoolExecutor
    get = executor.get_reusable_executor.__func__
    executor.get_reusable_executor = classmethod(sections.locked(get))
    executor._resize = sections.locked(_observed_resize(executor._resize))
    # It takes one more lock than the method that it overrides.
    executor.submit = sections.locked(executor.submit)


def _observed_resize(resize):
    @replaces(resize)
    def observed(self, *args, **kwargs):
        try:
            known = self._max_workers
            try:
                return resize(self, *args, **kwargs)
            finally:
                try:
                    _tell_size(self, known)
                except BaseException:
                    report("executor")
        except BaseException as error:
            unframe(error)
            raise

    return observed


def _tell_size(executor, known):
    name = executor.__dict__.get("_mpviz_id")
    if name is not None and executor._max_workers != known:
        sections.tell(b"pool.resized", b'"o":%b,"workers":%d' % (name, executor._max_workers))


_PATCHES = {
    "cloudpickle_wrapper": _patch_wrapper,
    "popen_loky_posix": lambda module: patch_popen(module, SIGTERM),
    "process_executor": lambda module: patch_executor(module, b"loky executor"),
    "reusable_executor": _patch_reusable_executor,
    "synchronize": _patch_synchronize,
}
