"""The cores that a program can keep busy, by its affinity, its control group and the parents."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mpviz.trace.model.fold.samples import usable_cores
from mpviz.trace.system.allowance import allowed_cores, granted_cores

PID = 7


def in_groups(folder: Path, path: str, **limits: str) -> tuple[Path, Path]:
    """A tree of control groups with their limits by name, and a process in one of them."""
    proc, root = folder / "proc", folder / "cgroup"
    (proc / str(PID)).mkdir(parents=True)
    (proc / str(PID) / "cgroup").write_text(f"12:cpu:/elsewhere\n0::{path}\n")
    (root / path.lstrip("/")).mkdir(parents=True)
    for name, limit in limits.items():
        place = next(each for each in (root, *root.rglob("*")) if each.name == name)
        (place / "cpu.max").write_text(limit + "\n")
    return root, proc


@pytest.mark.parametrize(
    ("limits", "cores"),
    [
        ({}, 0.0),
        ({"job": "max 100000"}, 0.0),
        ({"job": "150000 100000"}, 1.5),
        ({"slice": "50000 100000"}, 0.5),
        ({"slice": "300000 100000", "job": "200000 100000"}, 2.0),
        ({"slice": "100000 100000", "job": "max 100000"}, 1.0),
        ({"cgroup": "400000 100000"}, 4.0),
        ({"job": "nonsense"}, 0.0),
        ({"job": "100000 0"}, 0.0),
    ],
)
def test_the_least_of_the_limits_from_the_root_to_the_group_counts(
    tmp_path: Path, limits: dict[str, str], cores: float
) -> None:
    assert granted_cores(PID, *in_groups(tmp_path, "/slice/job", **limits)) == cores


def test_where_there_are_no_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert granted_cores(PID, tmp_path, tmp_path) == 0.0
    root, proc = in_groups(tmp_path, "/../outside")
    assert granted_cores(PID, root, proc) == 0.0


@pytest.mark.parametrize(
    ("machine", "allowed", "granted", "usable"),
    [
        (8, [], 0.0, 8),
        (8, [2, 5, 7], 0.0, 3),
        (8, [2, 5, 7], 1.5, 2),
        (8, [2], 6.0, 1),
        (8, [], 0.25, 1),
        (8, [], float("nan"), 8),
        (8, [], float("inf"), 8),
        (0, [], 0.0, 1),
    ],
)
def test_part_of_a_core_is_one_to_keep_busy(
    machine: int, allowed: list[int], granted: float, usable: int
) -> None:
    assert usable_cores(machine, allowed, granted) == usable


def test_the_cores_of_several_processes_are_those_of_any_and_the_gone_have_none() -> None:
    pinned = subprocess.Popen(
        [sys.executable, "-c", "import os; os.sched_setaffinity(0, {0}); print(); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert pinned.stdout is not None
    pinned.stdout.readline()
    assert allowed_cores([pinned.pid]) == [0]
    assert allowed_cores([pinned.pid, os.getpid()]) == sorted(os.sched_getaffinity(0) | {0})
    pinned.communicate()
    assert allowed_cores([pinned.pid]) == []
