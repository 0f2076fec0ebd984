"""The Python stacks of a process: from py-spy, or from the target's own Python 3.14 or newer.

Neither stops the process. py-spy also tells the addresses of local variables, by which objects are
known and named; so it is asked where it is installed.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import subprocess
import sys

# ruff: noqa: PTH100, PTH115, PTH118, PTH120

SECONDS = 10.0
"""Most seconds that an answer takes; on an idle machine 10 to 50 thousandths."""

FIRST_REMOTE = (3, 14)
"""The first Python that reads the stacks of another process (``_remote_debugging``)."""

_TOLD = re.compile(r"<([A-Za-z_][\w.]*) at 0x[0-9a-f]+>")
"""What py-spy says of a local variable that is an object, such as ``<Lock at 0x7f…>``."""

_NUMBERS = ("timeout", "remaining", "size", "n", "flag", "methodname")
"""Local variables of multiprocessing whose values are told: how long, how much."""

Frame = "list[object]"


def find_py_spy() -> str:
    """The path of py-spy: beside our own Python, else on PATH; empty without it."""
    beside = os.path.join(os.path.dirname(sys.executable), "py-spy")
    return beside if os.access(beside, os.X_OK) else shutil.which("py-spy") or ""


class Stacks:
    """Reads stacks; keeps a process of each newer Python that reads those of its like."""

    def __init__(self, py_spy: str) -> None:
        self._py_spy = py_spy
        self._remotes: dict[str, subprocess.Popen[bytes]] = {}

    def close(self) -> None:
        """End the processes that were started."""
        for remote in self._remotes.values():
            remote.kill()
            remote.wait()
        self._remotes.clear()

    def source(self, version: tuple[int, int]) -> str:
        """What tells the stacks of this version; empty if nothing does."""
        if self._py_spy:
            return "py-spy"
        return "python" if version >= FIRST_REMOTE else ""

    def begin(self, pid: int, version: tuple[int, int]) -> subprocess.Popen[bytes] | None:
        """Ask py-spy for the stacks of a process; several may be asked at once."""
        if not self._py_spy or not version:
            return None
        return subprocess.Popen(
            [self._py_spy, "dump", "--nonblocking", "--json", "--locals", "--pid", str(pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def take(
        self, pid: int, version: tuple[int, int], asked: subprocess.Popen[bytes] | None
    ) -> tuple[list[dict[str, object]], str]:
        """The threads with their frames, the innermost first; else none, and why."""
        if asked is not None:
            return _of_py_spy(asked)
        if version >= FIRST_REMOTE:
            return self._of_remote(pid)
        return [], "names and lines need py-spy: pip install 'mpviz[attach]'"

    def _of_remote(self, pid: int) -> tuple[list[dict[str, object]], str]:
        try:
            executable = os.readlink(f"/proc/{pid}/exe")
            remote = self._remote(pid, executable)
            assert remote.stdin is not None and remote.stdout is not None
            remote.stdin.write(b"%d\n" % pid)
            remote.stdin.flush()
            if not select.select([remote.stdout], [], [], SECONDS)[0]:
                raise OSError(0, "its Python does not answer")
            told = json.loads(remote.stdout.readline())
        except (OSError, ValueError) as error:
            return [], str(getattr(error, "strerror", None) or "its Python does not answer")
        if isinstance(told, dict):
            return [], str(told.get("error", ""))
        return [
            {"number": number, "ident": 0, "name": "", "frames": [[*each, []] for each in frames]}
            for number, frames in told
        ], ""

    def _remote(self, pid: int, executable: str) -> subprocess.Popen[bytes]:
        remote = self._remotes.get(executable)
        if remote is None or remote.poll() is not None:
            script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "remote.py")
            remote = self._remotes[executable] = subprocess.Popen(
                [f"/proc/{pid}/exe", "-I", "-S", script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return remote


def _of_py_spy(
    asked: subprocess.Popen[bytes],
) -> tuple[list[dict[str, object]], str]:
    try:
        out, problem = asked.communicate(timeout=SECONDS)
        told = json.loads(out)
    except subprocess.TimeoutExpired:
        asked.kill()
        asked.communicate()
        return [], "py-spy does not answer"
    except ValueError:
        lines = problem.decode("utf-8", "replace").strip().splitlines()
        return [], "py-spy: " + (lines[0].removeprefix("Error: ")[:100] if lines else "no answer")
    return [
        {
            "number": thread.get("os_thread_id") or 0,
            "ident": thread.get("thread_id") or 0,
            "name": thread.get("thread_name") or "",
            "frames": [
                [frame["filename"], frame["line"], frame["name"], _locals(frame)]
                for frame in thread["frames"][:100]
            ],
        }
        for thread in told
    ], ""


def _locals(frame: dict[str, object]) -> list[list[object]]:
    """Those local variables that are objects of a known type, or say how long a wait may take.

    Name, address and type; or name, 0 and value.
    """
    found: list[list[object]] = []
    listed = frame.get("locals") or []
    assert isinstance(listed, list)
    for each in listed[:200]:
        told = each.get("repr") or ""
        object_type = _TOLD.fullmatch(told)
        if object_type is not None:
            found.append([each["name"], each["addr"], object_type[1]])
        elif each["name"] in _NUMBERS and re.fullmatch(r"-?[\d.]{1,20}|None|\"\w{1,60}\"", told):
            found.append([each["name"], 0, told])
    return found
