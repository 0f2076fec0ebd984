"""A program in a control group that limits its CPU time, as a container does, on a real kernel."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.command import MPVIZ
from helpers.runs import PATIENCE

pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("nothing_left")]

PERIOD = 100_000
"""Microseconds."""

CROWD = """
import time
from multiprocessing import Process

def spin():
    end = time.monotonic() + 5
    while time.monotonic() < end:
        pass

if __name__ == "__main__":
    processes = [Process(target=spin) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
"""


@pytest.fixture
def half_a_core() -> Iterator[Path]:
    """The folder of a new control group that grants half a core."""
    mount = next(
        (each for each in map(Path, ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup")) if each.is_dir()),
        Path("/sys/fs/cgroup"),
    )
    group = mount / f"mpviz-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        try:
            if (group / "cpu.cfs_quota_us").exists():
                (group / "cpu.cfs_quota_us").write_text(str(PERIOD // 2))
            else:
                (group / "cpu.max").write_text(f"{PERIOD // 2} {PERIOD}")
        except OSError as error:
            pytest.skip(f"no limit can be set here: {error}")
        yield group
    finally:
        group.rmdir()


def test_a_crowd_in_a_container_reads_what_the_container_grants(
    half_a_core: Path, tmp_path: Path
) -> None:
    """The whole command runs in the group, as in a container."""
    program, report = tmp_path / "program.py", tmp_path / "report.json"
    program.write_text(CROWD)
    command = f'echo $$ > "{half_a_core}/cgroup.procs" && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", command, "sh", MPVIZ, "run", "--headless", "--json", report, program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(report.read_text())
    core_time = told["core_time"]
    assert (core_time["granted"], core_time["usable"]) == (0.5, 1)
    assert "limits the program to half a core" in core_time["limit"]
    assert core_time["periods"] > 0
    # It is stopped by the limit only if other programs leave it that much.
    stopped = core_time["throttled"] >= max(10, core_time["periods"] / 5)
    assert ("stopped it in" in (core_time["in_words"] or "")) is stopped
    # mpviz itself has its share of that half, so on a slow machine it may take too few samples.
    assert {each["rule"] for each in told["findings"]} <= {"too-many-for-cores"}
    assert all("want to run at once on half a core" in each["message"] for each in told["findings"])
