"""The cores that a program may use, by its affinity and the limits of its control groups."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
"""Where control groups of version 2 are mounted."""


def allowed_cores(pids: Iterable[int]) -> list[int]:
    """The cores that at least one of these processes may run on; empty if unknown."""
    allowed: set[int] = set()
    for pid in pids:
        try:
            allowed |= os.sched_getaffinity(pid)
        except (OSError, AttributeError):
            # The process is gone, or this system has no affinity.
            continue
    return sorted(allowed)


def granted_cores(pid: int, root: Path = CGROUPS, proc: Path = Path("/proc")) -> float:
    """The limit of CPU time of a process's control groups, in cores; 0 for no limit.

    A group may have less than the one above it, so the lowest limit counts
    (Documentation/admin-guide/cgroup-v2.rst, ``cpu.max``).
    """
    group = _group_of(pid, proc)
    if group is None:
        return 0.0
    folders = [root.joinpath(*place.parts[1:]) for place in (group, *group.parents)]
    return min((quota for folder in folders if (quota := _quota(folder / "cpu.max"))), default=0.0)


def _group_of(pid: int, proc: Path) -> Path | None:
    """The path of the process's control group, below the root of all groups."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("0::/"):
            group = Path(line.removeprefix("0::"))
            return None if ".." in group.parts else group
    return None


def _quota(file: Path) -> float:
    """The limit in a ``cpu.max`` file, in cores; 0 if there is none or it cannot be read."""
    try:
        quota, period = file.read_text("ascii").split()
        return 0.0 if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return 0.0
