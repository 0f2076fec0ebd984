"""Coverage and tracers see no file of ours: they count only the program, as without mpviz."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers.runs import RunProgram, run_to_end
from mpviz.trace.launch.start import Target, start

TRACED = """
import multiprocessing, os, sys, threading
from telling import tell

files = set()

def trace(frame, event, argument):
    for name in (frame.f_code.co_filename, frame.f_globals.get("__file__", "")):
        if name and not name.startswith("<"):
            files.add(os.path.basename(os.path.dirname(name)))
    return trace

def child(lock, queue):
    sys.settrace(trace)
    with lock:
        queue.put(1)
    sys.settrace(None)
    tell(child=sorted(files))

if __name__ == "__main__":
    files.clear()
    sys.settrace(trace)
    threading.settrace(trace)
    lock, queue, event = multiprocessing.Lock(), multiprocessing.Queue(), multiprocessing.Event()
    process = multiprocessing.Process(target=child, args=(lock, queue))
    process.start()
    queue.get()
    event.set()
    event.wait()
    process.join()
    with multiprocessing.Pool(1) as pool:
        pool.map(abs, [1])
    import concurrent.futures.process
    sys.settrace(None)
    threading.settrace(None)
    tell(parent=sorted(files))
"""


def test_a_tracer_sees_no_file_of_the_probe(run_everywhere: RunProgram) -> None:
    run = run_everywhere(TRACED)
    run.assert_nothing_was_missed()
    seen = {*run.facts("parent"), *run.facts("child")}
    assert "multiprocessing" in seen
    assert not seen & {"boot", "mpviz_probe"}


COVERED = """
import multiprocessing, subprocess, sys

def main():
    lock = multiprocessing.Lock()
    with lock:
        pass
    queue = multiprocessing.Queue()
    queue.put(lock is not None)
    queue.get()

if len(sys.argv) == 1:
    subprocess.run([sys.executable, __file__, "again"], check=True)
main()
"""


@pytest.mark.usefixtures("nothing_left")
def test_coverage_counts_the_program_alone(tmp_path: Path) -> None:
    """The same lines as without mpviz; a Python may have a sitecustomize of its own, as Debian's.

    Coverage starts before the probe, so it may name a file of ours, but it counts no line of it.
    """
    words = ["-m", "coverage", "run", "covered.py"]
    counted = {}
    for name in ("bare", "observed"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "covered.py").write_text(COVERED)
        (folder / ".coveragerc").write_text(
            "[run]\nparallel = true\nbranch = true\npatch = subprocess"
        )
        if name == "bare":
            subprocess.run([sys.executable, *words], cwd=folder, check=True)
        else:
            session = start(Target(words, name="covered", directory=folder), capture=True)
            run_to_end(session)
            session.close()
            assert session.state.exit_code == 0
        counted[name] = lines_counted(folder)
    assert counted["observed"] == counted["bare"]
    assert counted["bare"]["covered.py"]["percent_covered"] == 100


def lines_counted(folder: Path) -> dict[str, dict[str, Any]]:
    """What coverage says of each file in which it counts a line."""
    for words in (["combine", "-q"], ["json", "-q", "-o", "report.json"]):
        subprocess.run([sys.executable, "-m", "coverage", *words], cwd=folder, check=True)
    files = json.loads((folder / "report.json").read_text())["files"]
    return {
        name: each["summary"] for name, each in files.items() if each["summary"]["num_statements"]
    }
