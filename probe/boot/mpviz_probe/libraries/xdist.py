"""Observes pytest-xdist: its workers by their names, gw0 and gw1, and the test that each runs.

Only short steps before and after a test are wrapped, so that no frame of ours is on the stack while
a test runs. Tried with pytest-xdist 3.8, pytest 9.2 and execnet 2.1.
"""

import os
from functools import wraps
from sys import _getframe, modules

from mpviz_probe import wire
from mpviz_probe.arm import report
from mpviz_probe.standard.processes import cpu_so_far
from mpviz_probe.workers import jobs, tasks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

_JOB = 0
"""The number of the only job, which has all tests."""

_pool = b""
"""The id of the run whose worker this process is."""

_running = _error = ""
"""The test that this process runs, and the exception that it has raised."""


def patch(module):
    """Patch one of pytest's modules; those of xdist are loaded by pytest's own import hook."""
    if module.__name__ == "_pytest.reports":
        module._report_to_json = _observed_report(module._report_to_json)
        return
    module.pytest_addoption = _observed_options(module.pytest_addoption)
    module.pytest_sessionstart = _observed_start(module.pytest_sessionstart)
    module._update_current_test_var = _observed_step(module._update_current_test_var)


# In the controller


def _observed_start(start):
    """Wrap a step at the start of a session, before xdist's own step."""

    @wraps(start)
    def observed(session):
        start(session)
        try:
            manager, controller = modules.get("xdist.workermanage"), modules.get("xdist.dsession")
            if manager is not None and controller is not None:
                _patch_controller(manager.NodeManager, controller.DSession)
        except Exception:
            report("xdist")

    return observed


def _patch_controller(manager, session):
    if "_mpviz" not in manager.__dict__:
        manager._mpviz = True
        manager.__init__ = _observed_init(manager.__init__)
        session.worker_collectionfinish = _observed_collection(session.worker_collectionfinish)


def _observed_init(init):
    @wraps(init)
    def observed(self, *args, **kwargs):
        init(self, *args, **kwargs)
        try:
            name = _identify(self.testrunuid)
            jobs.announce(name, b"pytest-xdist", len(self.specs), None, 0, made=(0, "pytest"))
        except Exception:
            report("xdist")

    return observed


def _identify(run):
    return wire.text("xdist-" + run)


def _observed_collection(finish):
    """Wrap the message that a worker has collected its tests; all collect the same ones."""

    @wraps(finish)
    def observed(self, node, ids, *args, **kwargs):
        try:
            if "_mpviz_told" not in self.__dict__:
                self._mpviz_told = True
                name, number = _identify(node.nodemanager.testrunuid), len(ids)
                jobs.tell_job(name, _JOB, "run", "tests", number, number, 1)
        except Exception:
            report("xdist")
        return finish(self, node, ids, *args, **kwargs)

    return observed


# In the workers


def _is_worker():
    """Whether xdist has started this pytest, in a process of its own through execnet."""
    frame: "FrameType | None" = _getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == "__channelexec__":
            return "PYTEST_XDIST_WORKER" in os.environ
        frame = frame.f_back
    return False


def _observed_options(add):
    """Wrap a step at the start of pytest at which a worker already knows its name."""

    @wraps(add)
    def observed(parser):
        global _pool
        add(parser)
        try:
            if _is_worker():
                _pool = _identify(os.environ["PYTEST_XDIST_TESTRUNUID"])
                name = os.environ["PYTEST_XDIST_WORKER"]
                wire.put(b"process.named", b'"name":%b' % wire.text(name))
        except Exception:
            report("xdist")

    return observed


def _observed_step(update):
    """Wrap the hook at the beginning of each part of a test, of which the setup comes first."""

    @wraps(update)
    def observed(item, when):
        update(item, when)
        try:
            if when == "setup" and _pool:
                _tell_start(os.environ["PYTEST_CURRENT_TEST"].rpartition(" (")[0])
        except Exception:
            report("xdist")

    return observed


def _tell_start(test):
    global _running, _error
    if not _running:
        tasks.tell_ready(_pool)
    _running, _error = test, ""
    fields = b'"o":%b,"job":%d,"index":-1,"function":%b,"items":1'
    wire.put(b"task.started", fields % (_pool, _JOB, wire.text(test)))


def _observed_report(to_json):
    """Wrap the preparation of a report on a part of a test for the controller."""

    @wraps(to_json)
    def observed(told):
        data = to_json(told)
        try:
            if _running and data.get("nodeid") == _running:
                _take_in(data)
        except Exception:
            report("xdist")
        return data

    return observed


def _take_in(data):
    global _error
    if data.get("outcome") == "failed":
        _error = _error or _error_of(data)
    if data.get("when") == "teardown":
        fields = b'"o":%b,"job":%d,"index":-1,%b' % (_pool, _JOB, cpu_so_far())
        if _error:
            fields += b',"error":%b' % wire.text(_error)
        wire.put(b"task.ended", fields)


def _error_of(data):
    """The class of the exception that a test has raised, which precedes the message."""
    crash = data["longrepr"]["reprcrash"] if isinstance(data.get("longrepr"), dict) else None
    name, _, _ = (crash or {}).get("message", "").partition(":")
    if name.replace(".", "").isidentifier():
        return name.rpartition(".")[2]
    return "AssertionError" if name.startswith("assert ") else "Failed"
