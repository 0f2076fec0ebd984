"""Has the processes of a program that runs already take in the probe, by ``sys.remote_exec``."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

from mpviz.probe import BOOT
from mpviz.trace.attach.waking import can_wake, wake
from mpviz.trace.system import kernel

SECONDS = 5.0
"""Maximum seconds until a process answers."""

_PAUSE = 0.01
_LET_RUN = 0.1
"""Seconds in which a process that is at work answers by itself, before it is woken."""

_NOTHING = BOOT / "mpviz_probe" / "live" / "nothing.py"
_FIRST = (3, 14)
_CALLER = """\
import sys
"t" in sys.abiflags and sys.exit("free-threaded")
sys.remote_exec(int(sys.argv[1]), sys.argv[2])
"""

_SCRIPT = """\
def _mpviz():
    import os, sys
    boot, folder, order = {boot!r}, {folder!r}, {order!r}
    answer = "%s/answer-%s-%d" % (folder, order[0], os.getpid())
    if os.path.exists(answer) or not os.path.isdir(folder):
        return
    interrupted = False
    path = list(sys.path)
    try:
        if "mpviz_probe" not in sys.modules:
            with open(boot + "/sitecustomize.py") as file:
                code = compile(file.read(), "<mpviz_probe.sitecustomize>", "exec")
            names = {{"__name__": "mpviz_probe.sitecustomize"}}
            exec(code, names)
            names["_hide"](boot)
        sys.path.insert(0, boot)
        from mpviz_probe.live import enter
        sys.path.remove(boot)
        said = getattr(enter, order[0])(*order[1:])
    except KeyboardInterrupt:
        interrupted, said = True, "refused: it was interrupted meanwhile"
    except BaseException as error:
        trace = error.__traceback__
        while trace.tb_next is not None:
            trace = trace.tb_next
        place = "%s:%d" % (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        said = "failed: %s: %s (%s)" % (type(error).__name__, error, place)
        del trace
    finally:
        sys.path_importer_cache.pop(boot, None)
        if boot in sys.path and boot not in path:
            sys.path.remove(boot)
    with open(answer + "~", "w") as file:
        file.write(said)
    os.rename(answer + "~", answer)
    if interrupted:
        import _thread
        _thread.interrupt_main()


_mpviz()
"""


class CannotEnter(Exception):
    """A process cannot take in the probe; the text says why, in words that follow its name."""


def write_script(folder: Path, order: str, *arguments: object) -> Path:
    """Write the script for an order, ``enter`` or ``leave``, and its arguments."""
    script = folder / f"{order}.py"
    told = (order, *arguments)
    script.write_text(_SCRIPT.format(boot=str(BOOT), folder=str(folder), order=told))
    return script


def enter(pid: int, script: Path, *, may_wake: bool = True, seconds: float = SECONDS) -> None:
    """Have a process run a script of :func:`write_script`, and wait until it has.

    :class:`CannotEnter` if it cannot; then it will not run it later either.
    """
    _check(pid)
    answer = script.with_name(f"answer-{script.stem}-{pid}")
    _ask(pid, script)
    problem = "does not answer: its main thread is in code that gives Python no chance to run this"
    began = time.monotonic()
    until, next_wake, pause = began + seconds, began + _LET_RUN, _LET_RUN
    while not _has_said(answer, pid, script):
        now = time.monotonic()
        if kernel.read_status(pid) is None:
            raise CannotEnter("has ended")
        if now >= until:
            _take_back(pid, answer)
            if answer.exists():
                break
            raise CannotEnter(problem)
        if may_wake and now >= next_wake:
            pause *= 2
            next_wake = now + pause
            problem = _wake(pid) or problem
        time.sleep(_PAUSE)
    said = answer.read_text()
    answer.unlink()
    if said == "later":
        raise CannotEnter("does not come to an end with the import of multiprocessing")
    if said != "ok":
        raise CannotEnter(said)


def _has_said(answer: Path, pid: int, script: Path) -> bool:
    """Whether a process has answered for good; it is asked again if it was importing."""
    if not answer.exists():
        return False
    if answer.read_text() == "later":
        answer.unlink()
        _ask(pid, script)
        return False
    return True


def _check(pid: int) -> None:
    path = kernel.read_executable(pid)
    if not path:
        raise CannotEnter("cannot be read: it belongs to another user, or the system restricts it")
    if os.stat(f"/proc/{pid}").st_uid != os.geteuid():  # noqa: PTH116
        raise CannotEnter("belongs to another user: --live has to run as that user")
    version = _version(pid)
    if version is None:
        raise CannotEnter("is no CPython as far as mpviz can see")
    if version < _FIRST:
        raise CannotEnter(
            f"runs Python {version[0]}.{version[1]}; --live needs 3.14 or newer, and without it"
            " mpviz attach shows what can be seen from outside"
        )


def _version(pid: int) -> tuple[int, int] | None:
    """Of the Python that a process runs, by the library or the file that it has loaded."""
    try:
        maps = Path(f"/proc/{pid}/maps").read_text(errors="replace")
    except OSError:
        return None
    found = re.search(r"/(?:lib)?python(\d)\.(\d+)", maps)
    return (int(found[1]), int(found[2])) if found else None


def _ask(pid: int, script: Path) -> None:
    """Call ``sys.remote_exec`` in a Python of the same version: the program's own."""
    try:
        asked = subprocess.run(
            [f"/proc/{pid}/exe", "-I", "-S", "-c", _CALLER, str(pid), str(script)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotEnter(f"cannot be asked: its Python does not start ({error})") from None
    if asked.returncode:
        raise CannotEnter(_in_words(asked.stderr.decode("utf-8", "replace")))


def _in_words(said: str) -> str:
    """What ``sys.remote_exec`` has said, in one line that says what to do."""
    line = said.strip().splitlines()[-1] if said.strip() else "its Python gives no reason"
    if line == "free-threaded":
        return (
            "runs a free-threaded Python, for which --live is not made; without it, mpviz attach"
            " looks from outside"
        )
    if "not enabled in the remote" in line:
        return (
            "has remote debugging disabled (PYTHON_DISABLE_REMOTE_DEBUG or -X"
            " disable-remote-debug); without --live, mpviz attach looks from outside"
        )
    if "find the main thread" in line:
        return "was forked by a thread, and Python finds no main thread in it"
    if "PermissionError" in line or "not permitted" in line:
        return "may not be written to: the system restricts it (kernel.yama.ptrace_scope)"
    return f"cannot be asked: {line}"


def _wake(pid: int) -> str:
    """Wake the main thread if it sleeps; what is said if it does not answer then."""
    if kernel.read_thread_status(pid, pid) != "S":
        return ""
    if not can_wake():
        return "sleeps in a system call, and mpviz wakes none on this kind of processor"
    try:
        if wake(pid):
            return (
                "does not answer: its main thread waits for a lock of threading, or in code of C,"
                " from which it cannot be woken; without --live, mpviz attach shows what it waits"
                " for"
            )
    except OSError as error:
        return f"sleeps, and may not be woken: {error.strerror}"
    return ""


def _take_back(pid: int, answer: Path) -> None:
    """Have a process run nothing instead: it must not look for a script that is gone."""
    if not answer.exists():
        _ask(pid, _NOTHING)
