"""Arms an observed interpreter: says hello, patches multiprocessing as the program imports it."""

import os
import sys

from mpviz_probe import stacks, wire
from mpviz_probe.descriptors import use
from mpviz_probe.guard import is_the_programs, raise_if_the_programs, seamless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PRIMITIVES = {
    "standard.processes": (
        "multiprocessing.process",
        "multiprocessing.popen_fork",
        "multiprocessing.popen_forkserver",
        "multiprocessing.forkserver",
        "multiprocessing.context",
        "multiprocessing.spawn",
    ),
    "standard.locks": ("multiprocessing.synchronize",),
    "standard.conditions": ("multiprocessing.synchronize",),
    "standard.events": ("multiprocessing.synchronize",),
    "standard.barriers": ("multiprocessing.synchronize",),
    "standard.queues": ("multiprocessing.queues",),
    "standard.simple_queues": ("multiprocessing.queues",),
    "standard.values": ("multiprocessing.sharedctypes",),
    "standard.pools": ("multiprocessing.pool",),
    "standard.pipes": ("multiprocessing.connection",),
    "standard.managers": ("multiprocessing.managers",),
    "standard.memory": ("multiprocessing.shared_memory",),
    "libraries.dask": ("dask.local",),
    "libraries.billiard": (
        "billiard.process",
        "billiard.popen_fork",
        "billiard.synchronize",
        "billiard.queues",
        "billiard.pool",
    ),
    "libraries.celery": ("celery.app.trace",),
    "libraries.pebble": ("pebble.pool.process",),
    "libraries.aiomultiprocess": ("aiomultiprocess.core", "aiomultiprocess.pool"),
    "libraries.xdist": ("_pytest.runner", "_pytest.reports"),
    "standard.futures": ("concurrent.futures.process",),
    "libraries.loky": tuple(
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
    "libraries.joblib": (
        "joblib._parallel_backends",
        "joblib._utils",
        "joblib.parallel",
        "joblib.pool",
    ),
    "libraries.mpire": ("mpire.async_result", "mpire.comms", "mpire.pool", "mpire.worker"),
    "standard.subprocesses": ("subprocess",),
    "standard.threads": ("threading",),
    "stacks": ("signal", "faulthandler"),
}
"""Our module for each primitive, and the modules whose import it waits for.

Each has a ``patch(module)`` that is called once for each of those, right after its import.
"""

STEPPED = {
    "stepping.processes": ("multiprocessing.process",),
    "stepping.locks": ("multiprocessing.synchronize", "multiprocessing.sharedctypes"),
    "stepping.queues": ("multiprocessing.queues",),
}
"""The same for what has gates, where somebody decides who goes next."""

_COPY = "multiprocess"
"""A copy of multiprocessing that pickles with dill; it is patched in the same way."""

_IMPORTLIB = "<frozen importlib._bootstrap_external>"
_ERRORS_TOLD = 20
_errors = 0


def arm():
    """Begin to observe this interpreter, if the queue is there and it is not one of our helpers."""
    words = getattr(sys, "orig_argv", None)
    if words is None:
        # Before Python 3.10. What follows -c is not in sys.argv.
        words = read_command(os.getpid()) or [sys.executable]
    role = _role(words)
    if role is None:
        return
    is_stepped = "MPVIZ_STEPS" in os.environ
    try:
        wire.open_queue(os.environ[wire.ENVIRONMENT_VARIABLE])
    except OSError:
        # The viewer is gone, and the program goes on without it; or nobody wants to see more of it
        # than its steps.
        if not is_stepped:
            return
    _say_hello(role, " ".join(words))
    _prepare_stacks()
    os.register_at_fork(after_in_child=_after_fork)
    finder = _Finder(PRIMITIVES)
    if is_stepped:
        finder.wait_for(STEPPED)
        _begin_steps(role)
    finder.patch_loaded()
    sys.meta_path.insert(0, finder)


def _begin_steps(role):
    try:
        from mpviz_probe.stepping import gate, processes

        processes.sleep_by_steps()
        if role == "main":
            gate.begin("main", "main")
    except BaseException:
        report("steps")


def _prepare_stacks():
    try:
        stacks.prepare()
    except BaseException:
        report("stacks")


def report(where):
    """Report the exception that is being handled to the viewer; raise it again if not ours."""
    global _errors
    error: "Any" = sys.exc_info()[1]
    if is_the_programs(error):
        raise error
    _errors += 1
    if _errors <= _ERRORS_TOLD:
        _tell_error(where, error)
    # Frames in its traceback refer to the error: such a cycle would keep objects of the program
    # alive, which can crash Python up to 3.12.6 (CPython issue 77894).
    error.__traceback__ = error.__context__ = None


def _tell_error(where, error):
    try:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        line = trace.tb_lineno if trace is not None else 0
        text = "%s: %s (line %d)" % (type(error).__name__, error, line)
        wire.put(b"probe.error", b'"where":%b,"error":%b' % (wire.text(where), wire.text(text)))
    except BaseException as another:
        raise_if_the_programs(another)
        # All that is left is silence: an error of ours must not reach the program.
        another.__traceback__ = another.__context__ = None


def start_ticks(pid):
    """When a process started, in clock ticks since boot; 0 if the system does not say."""
    status = read_file("/proc/%d/stat" % pid, 1024)
    return int(status[status.rindex(b")") + 2 :].split()[19]) if status else 0


def read_command(pid):
    """The words of a process's command line; none if it is gone, or the system does not say."""
    return os.fsdecode(read_file("/proc/%d/cmdline" % pid, 1 << 16)).split("\0")[:-1]


def read_file(path, size):
    """The first bytes of a file, at most so many; empty if it cannot be read."""
    try:
        return use(lambda file: os.read(file, size), os.open, path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise_if_the_programs(error)
        return b""


def _code(words):
    """The argument of -c on a Python's command line; empty if it runs something else."""
    rest = iter(words[1:])
    for word in rest:
        if word == "-c":
            return next(rest, "")
        if word in ("-X", "-W"):
            next(rest, "")
        elif not word.startswith("-"):
            break
    return ""


def _role(words):
    code = _code(words)
    if any(".%s_tracker import main" % what in code for what in ("resource", "semaphore")):
        return None
    if ".forkserver import main" in code:
        return "fork server"
    is_loky = any(word.endswith(".popen_loky_posix") for word in words)
    if ".spawn import spawn_main" in code or is_loky:
        return "process"
    return "main"


def _executable():
    """The name of the file that runs us, which is no Python where Python is embedded."""
    try:
        return os.path.basename(os.readlink("/proc/self/exe"))
    except OSError:
        return ""


def _say_hello(role, command):
    fields = b'"parent":%d,"started":%d,"role":%b,"command":%b,"python":%b,"executable":%b'
    texts = role, command, "%d.%d.%d" % sys.version_info[:3], _executable()
    fields %= (os.getppid(), start_ticks(os.getpid()), *map(wire.text, texts))
    wire.put(b"process.hello", fields)


@seamless
def _after_fork(parent=0, told=None):
    # Exceptions raised here are lost, so this is as short as possible, and all of it runs in the
    # child: its signals and timers are its own from the start. If a signal handler raises one, the
    # rest is done nevertheless: a child must not write as if it were its parent.
    try:
        # The process that forked us. The system may already name another, which has adopted us.
        parent = parent or wire.pid()
        if told is None:
            wire.reset()
            told = []
        if not told:
            fields = b'"parent":%d,"started":%d,"role":"process","forked":true'
            started = start_ticks(os.getpid())
            wire.put(b"process.hello", fields % (parent, started), told=told)
        running = getattr(sys.modules.get("threading"), "_active", ())
        if wire.is_open() and len(running) > 1:
            # Only then: the import takes each such child most of a millisecond.
            from mpviz_probe import threads

            threads.tell_beside_fork()
    except BaseException as error:
        _after_interrupted_fork(error, parent, told)


@seamless
def _after_interrupted_fork(error, parent, told):
    try:
        if is_the_programs(error) and not told:
            _after_fork(parent, told)
    except BaseException as another:
        _after_interrupted_fork(another, parent, told)
    report("fork")


def _count_copy(module):
    from mpviz_probe import sites

    sites.count_as_machinery(module)
    if "dill" in sys.modules:
        # Its unpickler is in Python, unlike pickle's: it is on the stack when the copy unpickles.
        sites.count_as_machinery(sys.modules["dill"])


class _Finder:
    """Leaves the finding to the other finders, and has modules patched when they are loaded."""

    def __init__(self, primitives):
        self.waiting: "dict[str, list[str]]" = {}
        self.wait_for(primitives)

    def wait_for(self, primitives):
        """Have these of our modules patch others, after those that do already."""
        for ours, modules in primitives.items():
            for module in modules:
                self.waiting.setdefault(module, []).append(ours)
                package, _, name = module.partition(".")
                if package == "multiprocessing":
                    self.waiting.setdefault(_COPY + "." + name, []).append(ours)

    def patch_loaded(self):
        """Patch what is loaded already: a ``.pth`` file of the environment may import anything."""
        for name in [name for name in self.waiting if name in sys.modules]:
            _patch(sys.modules[name], self.waiting.pop(name))

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
        except BaseException:
            report("finder")
        return spec

    def _patch_after_loading(self, spec, name):
        loader = spec.loader
        execute = loader.exec_module

        def execute_and_patch(module):
            execute(module)
            loader.__dict__.pop("exec_module", None)
            # Not earlier: a module that was found may be loaded later, or never.
            _patch(module, self.waiting.get(name, ()))
            # An import that a signal handler has interrupted is repeated.
            self.waiting.pop(name, None)

        # Python removes importlib's frames from the traceback of a failed import, and so ours.
        execute_and_patch.__code__ = execute_and_patch.__code__.replace(co_filename=_IMPORTLIB)
        loader.exec_module = execute_and_patch


def _patch(module, primitives):
    for ours in primitives:
        try:
            if module.__name__.startswith(_COPY + "."):
                _count_copy(module)
            name = "mpviz_probe." + ours
            __import__(name)
            sys.modules[name].patch(module)
        except BaseException:
            report("patch of " + module.__name__)
