"""The cores that a program may use, by its affinity and the limits of its control groups."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
"""Where control groups are mounted: those of version 2, or a folder for each controller."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of CPU time that a control group sets."""

    cores: float
    """CPU time a second, in cores."""
    folder: Path
    """The folder of the group."""


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
    """The limit of CPU time of a process's control groups, in cores; 0 for no limit."""
    limit = limit_of(pid, root, proc)
    return limit.cores if limit else 0.0


def limit_of(pid: int, root: Path = CGROUPS, proc: Path = Path("/proc")) -> Limit | None:
    """The limit of CPU time of a process's control groups; None if there is none.

    A group may have less than the one above it, so the lowest limit counts. It is in ``cpu.max``
    (Documentation/admin-guide/cgroup-v2.rst), or before version 2 in ``cpu.cfs_quota_us``
    (Documentation/scheduler/sched-bwc.rst).
    """
    limits = [
        Limit(cores, folder)
        for folder in _groups_of(pid, root, proc)
        if (cores := _quota(folder)) > 0
    ]
    return min(limits, key=lambda limit: limit.cores, default=None)


def read_throttling(folder: Path) -> tuple[int, int] | None:
    """Read how many periods of a group's limit there were, and in how many it was stopped.

    None if that is hidden. Both versions have these two lines in ``cpu.stat``.
    """
    try:
        lines = (folder / "cpu.stat").read_text("ascii").splitlines()
        stat = {name: int(value) for name, value in (line.split() for line in lines)}
        return stat["nr_periods"], stat["nr_throttled"]
    except (OSError, ValueError, KeyError):
        return None


def _groups_of(pid: int, root: Path, proc: Path) -> Iterator[Path]:
    """The folders of the process's control groups that may limit it, the innermost first.

    In a container, the path is that of the machine outside, and only its root is there.
    """
    try:
        lines = (proc / str(pid) / "cgroup").read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        group = Path(path)
        if not group.is_absolute() or ".." in group.parts:
            continue
        if not controllers:
            mount = root
        elif "cpu" in controllers.split(","):
            mount = root / controllers
        else:
            continue
        yield from (mount.joinpath(*place.parts[1:]) for place in (group, *group.parents))


def _quota(folder: Path) -> float:
    """The limit of the group with this folder, in cores; 0 if there is none, or it is hidden."""
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text("ascii").split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text("ascii")
            period = (folder / "cpu.cfs_period_us").read_text("ascii")
        # Version 1 says -1 for none.
        return 0.0 if quota == "max" else max(0.0, int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return 0.0
