"""Arms an observed interpreter: says hello, patches multiprocessing as the program imports it."""

import os
import sys

from mpviz_probe import wire

PRIMITIVES = {
    "processes": (
        "multiprocessing.process",
        "multiprocessing.popen_fork",
        "multiprocessing.popen_forkserver",
        "multiprocessing.forkserver",
        "multiprocessing.context",
    ),
    "locks": ("multiprocessing.synchronize",),
    "signals": ("multiprocessing.synchronize",),
    "queues": ("multiprocessing.queues",),
    "values": ("multiprocessing.sharedctypes",),
    "pools": ("multiprocessing.pool",),
    "pipes": ("multiprocessing.connection",),
    "managers": ("multiprocessing.managers",),
    "memory": ("multiprocessing.shared_memory",),
    "futures": ("concurrent.futures.process",),
    "loky": tuple(
        package + module
        for package in ("loky", "joblib.externals.loky")
        for module in (
            ".backend.popen_loky_posix",
            ".backend.synchronize",
            ".cloudpickle_wrapper",
            ".process_executor",
            ".reusable_executor",
        )
    ),
    "joblib": (
        "joblib._parallel_backends",
        "joblib._utils",
        "joblib.parallel",
        "joblib.pool",
    ),
    "mpire": ("mpire.async_result", "mpire.comms", "mpire.pool", "mpire.worker"),
}
"""Our module for each primitive, and the modules whose import it waits for.

Each has a ``patch(module)`` that is called once for each of those, right after its import.
"""

_COPY = "multiprocess"
"""A copy of multiprocessing that pickles with dill; what patches the one patches the other."""

_IMPORTLIB = "<frozen importlib._bootstrap_external>"
_ERRORS_TOLD = 20
_errors = 0


def arm():
    """Begin to observe this interpreter, if the queue is there and it is not one of our helpers."""
    words = _command()
    role = _role(" ".join(words[:4]))
    if role is None:
        return
    try:
        wire.open_queue(os.environ[wire.ENVIRONMENT_VARIABLE])
    except OSError:
        # The viewer is gone, and the program goes on without it.
        return
    _say_hello(role, " ".join(words))
    os.register_at_fork(after_in_child=_after_fork)
    sys.meta_path.insert(0, _Finder())


def report(where):
    """Tell the viewer of the exception that is being handled, which is ours; never raises."""
    global _errors
    _errors += 1
    if _errors > _ERRORS_TOLD:
        return
    try:
        kind, error, trace = sys.exc_info()
        line = trace.tb_lineno if trace else 0
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
            line = trace.tb_lineno
        text = "%s: %s (line %d)" % (getattr(kind, "__name__", ""), error, line)
        wire.put(b"probe.error", b'"where":%b,"error":%b' % (wire.text(where), wire.text(text)))
    except Exception:
        # What is left is to stay silent: an error of ours must not reach the program.
        return


def start_ticks(pid):
    """When a process started, in clock ticks since boot; 0 where the system does not say."""
    try:
        descriptor = os.open("/proc/%d/stat" % pid, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        status = os.read(descriptor, 1024)
    finally:
        os.close(descriptor)
    return int(status[status.rindex(b")") + 2 :].split()[19])


def _command():
    """The words with which this interpreter was started."""
    if hasattr(sys, "orig_argv"):
        return sys.orig_argv
    # Before Python 3.10 only the system knows what comes before the program's own arguments.
    descriptor = os.open("/proc/self/cmdline", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.fsdecode(os.read(descriptor, 4096)).split("\0")[:-1]
    finally:
        os.close(descriptor)


def _role(command):
    if ".resource_tracker import main" in command:
        return None
    if ".forkserver import main" in command:
        return "fork server"
    if ".spawn import spawn_main" in command or ".popen_loky_posix" in command:
        return "process"
    return "main"


def _say_hello(role, command):
    fields = b'"parent":%d,"started":%d,"role":%b,"command":%b,"python":%b' % (
        os.getppid(),
        start_ticks(os.getpid()),
        wire.text(role),
        wire.text(command),
        wire.text("%d.%d.%d" % sys.version_info[:3]),
    )
    wire.put(b"process.hello", fields)


def _after_fork():
    try:
        wire.reset()
        fields = b'"parent":%d,"started":%d,"role":"process","forked":true'
        wire.put(b"process.hello", fields % (os.getppid(), start_ticks(os.getpid())))
    except Exception:
        report("fork")


def _count_copy(module):
    from mpviz_probe import sites

    sites.count_as_machinery(module)
    if "dill" in sys.modules:
        # What unpickles stands between the copy and what the copy makes; pickle's is in C.
        sites.count_as_machinery(sys.modules["dill"])


class _Finder:
    """Lets the ordinary finders find, and patches what they load when it is one of ours."""

    def __init__(self):
        self.waiting: "dict[str, list[str]]" = {}
        for ours, modules in PRIMITIVES.items():
            for module in modules:
                self.waiting.setdefault(module, []).append(ours)
                package, _, name = module.partition(".")
                if package == "multiprocessing":
                    self.waiting.setdefault(_COPY + "." + name, []).append(ours)

    def find_spec(self, name, path=None, target=None):
        """Find as if this finder were not there; see :pep:`451`."""
        if name not in self.waiting:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find else None
            if spec is not None:
                break
        else:
            return None
        try:
            self._patch_after_loading(spec, name)
        except Exception:
            report("finder")
        return spec

    def _patch_after_loading(self, spec, name):
        loader = spec.loader
        execute = loader.exec_module

        def execute_and_patch(module):
            execute(module)
            loader.__dict__.pop("exec_module", None)
            # Only now: who asks where a module is may never load it, or load it later.
            for ours in self.waiting.pop(name, ()):
                try:
                    if name.startswith(_COPY + "."):
                        _count_copy(module)
                    package = __import__("mpviz_probe." + ours)
                    getattr(package, ours).patch(module)
                except Exception:
                    report("patch of " + module.__name__)

        # An import that fails has its traceback freed of importlib's frames, and so of ours.
        execute_and_patch.__code__ = execute_and_patch.__code__.replace(co_filename=_IMPORTLIB)
        loader.exec_module = execute_and_patch
