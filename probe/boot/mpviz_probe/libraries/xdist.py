"""Observes pytest-xdist: its workers by their names, gw0 and gw1, and the test that each runs.

Only short steps before and after a test are wrapped, so that no frame of ours is on the stack while
a test runs. Tried with pytest-xdist 3.8, pytest 9.2 and execnet 2.1.
"""

import os
from sys import _getframe, modules

from mpviz_probe import wire
from mpviz_probe.hooks import after, before
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
        module._report_to_json = after(module._report_to_json, _tell_end, "xdist")
        return
    # The first step at the start of pytest at which a worker already knows its name.
    module.pytest_addoption = after(module.pytest_addoption, _tell_name, "xdist")
    # The step at the start of a session that precedes xdist's own.
    module.pytest_sessionstart = after(module.pytest_sessionstart, _patch_controller, "xdist")
    module._update_current_test_var = after(module._update_current_test_var, _tell_start, "xdist")


# In the controller


def _patch_controller(_, session):
    managers, controllers = modules.get("xdist.workermanage"), modules.get("xdist.dsession")
    if managers is None or controllers is None or hasattr(managers.NodeManager, "_mpviz"):
        return
    manager, controller = managers.NodeManager, controllers.DSession
    manager._mpviz = True
    manager.__init__ = after(manager.__init__, _announce, "xdist")
    finish = controller.worker_collectionfinish
    controller.worker_collectionfinish = before(finish, _tell_submission, "xdist")


def _announce(_, manager, *args, **kwargs):
    name, number = _identify(manager.testrunuid), len(manager.specs)
    jobs.announce(name, b"pytest-xdist", number, None, 0, made=(0, "pytest"))


def _identify(run):
    return wire.text("xdist-" + run)


def _tell_submission(session, node, ids, *args, **kwargs):
    """Report the tests when a worker has collected them; all workers collect the same ones."""
    if "_mpviz_told" not in session.__dict__:
        session._mpviz_told = True
        name, number = _identify(node.nodemanager.testrunuid), len(ids)
        jobs.tell_job(name, _JOB, "run", "tests", number, number, 1)


# In the workers


def _is_worker():
    """Whether xdist has started this pytest, in a process of its own through execnet."""
    frame: "FrameType | None" = _getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == "__channelexec__":
            return "PYTEST_XDIST_WORKER" in os.environ
        frame = frame.f_back
    return False


def _tell_name(_, parser):
    global _pool
    if _is_worker():
        _pool = _identify(os.environ["PYTEST_XDIST_TESTRUNUID"])
        wire.put(b"process.named", b'"name":' + wire.text(os.environ["PYTEST_XDIST_WORKER"]))


def _tell_start(_, item, when):
    """Report a test at the first of its parts, the setup."""
    global _running, _error
    if when != "setup" or not _pool:
        return
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" (")[0]
    if not _running:
        tasks.tell_ready(_pool)
    _running, _error = test, ""
    fields = b'"o":%b,"job":%d,"index":-1,"function":%b,"items":1'
    wire.put(b"task.started", fields % (_pool, _JOB, wire.text(test)))


def _tell_end(data, report):
    """Report the end of a test when it is told to the controller: its teardown comes last."""
    global _error
    if not _running or data.get("nodeid") != _running:
        return
    if data.get("outcome") == "failed":
        _error = _error or _error_of(data)
    if data.get("when") == "teardown":
        fields = b'"o":%b,"job":%d,"index":-1,%b' % (_pool, _JOB, cpu_so_far())
        if _error:
            fields += b',"error":%b' % wire.text(_error)
        wire.put(b"task.ended", fields)


def _error_of(data):
    """The class of the exception that a test has raised, which stands before its message."""
    crash = data["longrepr"]["reprcrash"] if isinstance(data.get("longrepr"), dict) else None
    name, _, _ = (crash or {}).get("message", "").partition(":")
    if name.replace(".", "").isidentifier():
        return name.rpartition(".")[2]
    return "AssertionError" if name.startswith("assert ") else "Failed"
