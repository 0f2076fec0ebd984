"""The cores that a program can keep busy, by its affinity, its control group and the parents."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mpviz.trace.model.cores import cores_in_words, why_so_few
from mpviz.trace.model.fold.samples import allow_cores
from mpviz.trace.model.state import Cores
from mpviz.trace.system.allowance import (
    allowed_cores,
    granted_cores,
    limit_of,
    read_throttling,
)

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
    ("outer", "inner", "cores"),
    [
        ("-1", "-1", 0.0),
        ("-1", "150000", 1.5),
        ("50000", "-1", 0.5),
        ("50000", "200000", 0.5),
        ("nonsense", "100000", 1.0),
    ],
)
@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
def test_limits_of_version_1_are_in_the_folder_of_their_controller(
    tmp_path: Path, mount: str, outer: str, inner: str, cores: float
) -> None:
    proc, root = tmp_path / "proc", tmp_path / "cgroup"
    (proc / str(PID)).mkdir(parents=True)
    lines = f"12:cpuset:/\n4:{mount}:/box\n1:name=systemd:/\n0::/\n"
    (proc / str(PID) / "cgroup").write_text(lines)
    for folder, quota in ((root / mount, outer), (root / mount / "box", inner)):
        folder.mkdir(parents=True)
        (folder / "cpu.cfs_quota_us").write_text(quota + "\n")
        (folder / "cpu.cfs_period_us").write_text("100000\n")
    assert granted_cores(PID, root, proc) == cores


def test_in_a_container_the_groups_root_is_its_own(tmp_path: Path) -> None:
    root, proc = in_groups(tmp_path, "/", cgroup="50000 100000")
    (proc / str(PID) / "cgroup").write_text("0::/machine/container-of-which-nothing-is-here\n")
    limit = limit_of(PID, root, proc)
    assert limit is not None
    assert (limit.cores, limit.folder) == (0.5, root)


def test_throttling_is_read_in_both_versions_and_may_be_hidden(tmp_path: Path) -> None:
    assert read_throttling(tmp_path) is None
    (tmp_path / "cpu.stat").write_text("usage_usec 5\nnr_periods 20\nnr_throttled 7\n")
    assert read_throttling(tmp_path) == (20, 7)
    (tmp_path / "cpu.stat").write_text("nr_periods 9\nnr_throttled 3\nthrottled_time 12\n")
    assert read_throttling(tmp_path) == (9, 3)
    (tmp_path / "cpu.stat").write_text("usage_usec 5\n")
    assert read_throttling(tmp_path) is None


@pytest.mark.parametrize(
    ("allowed", "granted", "words", "why"),
    [
        ([], 0.0, "8 cores", ""),
        ([2], 0.0, "1 core", "may run on core 2 only"),
        ([2, 5], 4.0, "2 cores", "may run on cores 2, 5 only"),
        ([], 0.5, "half a core", "limits the program to half a core of the machine's 8 cores"),
        ([2, 5], 1.5, "1.5 cores", "A control group"),
        ([], 0.25, "0.25 of a core", "A control group"),
        ([], 1.0, "1 core", "A control group"),
    ],
)
def test_the_words_say_how_many_cores_there_are_and_why(
    allowed: list[int], granted: float, words: str, why: str
) -> None:
    cores = Cores(machine=8, granted=granted)
    allow_cores(cores, allowed)
    assert cores_in_words(cores) == words
    assert why in why_so_few(cores)
    assert bool(why_so_few(cores)) == bool(why)


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
    cores = Cores(machine=machine, granted=granted)
    allow_cores(cores, allowed)
    assert cores.count == usable


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
