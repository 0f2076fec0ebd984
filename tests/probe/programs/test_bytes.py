"""Paths, arguments and the environment are bytes, not always UTF-8; records are text."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from helpers.runs import run_to_end
from mpviz.trace.explain.report import document
from mpviz.trace.launch.start import Target, start
from mpviz.tui import source_files

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import multiprocessing, os, sys

def take(lock):
    with lock:
        pass

if __name__ == "__main__":
    assert os.fsencode(sys.argv[1]) == b"caf\\xe9", sys.argv
    assert os.environb[b"ODD"] == b"\\xff\\xfe"
    lock = multiprocessing.Lock()
    process = multiprocessing.Process(target=take, args=(lock,))
    process.start()
    process.join()
    sys.exit(process.exitcode)
"""


@pytest.mark.usefixtures("nothing_left")
def test_what_is_no_utf_8_reaches_the_program_and_is_told_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str, start_method: str
) -> None:
    monkeypatch.setenv("ODD", os.fsdecode(b"\xff\xfe"))
    folder = tmp_path / os.fsdecode(b"d\xe9")
    folder.mkdir()
    program = folder / os.fsdecode(b"p\xe9.py")
    program.write_text(PROGRAM)
    target = Target(
        [str(program), os.fsdecode(b"caf\xe9")],
        name=program.name,
        start_method=start_method,
        python=python,
        directory=folder,
    )
    session = start(target, capture=True, record=tmp_path / "run.jsonl.gz")
    run_to_end(session)
    session.close()
    state = session.state
    assert state.exit_code == 0, list(state.output)
    assert (state.lost, state.unreadable, state.probe_errors) == (0, 0, 0)
    found: dict[str, Any] = json.loads(json.dumps(document(state)).encode("utf-8"))
    assert found["run"]["target"] == "p\\xe9.py"
    assert found["run"]["argv"][-1] == "caf\\xe9"
    assert all("caf\\xe9" in each["command"] for each in found["processes"][:1])
    assert [(each["name"], each["acquisitions"]) for each in found["locks"]] == [("lock", 1)]
    # The recording is UTF-8 too, and the source panel finds the file that it names.
    gzip.decompress((tmp_path / "run.jsonl.gz").read_bytes()).decode("utf-8")
    (file,) = {site.file for site in state.sites.values()}
    assert file.endswith("/d\\xe9/p\\xe9.py")
    source = source_files.read(file)
    assert (source.error, len(source.lines)) == ("", PROGRAM.count("\n"))
    assert source.checksum in {site.checksum for site in state.sites.values()}


GENERATED = """
import multiprocessing, os, sys
lock = multiprocessing.Lock()
os.mkfifo("pipe")
with open("large", "wb") as file:
    file.truncate(6 << 30)
for name in ("/dev/zero", "/dev/stdin", "/proc/kmsg", "pipe", "large", ".", "a\\0b", "missing"):
    code = "import multiprocessing\\ndef take():\\n    with lock: multiprocessing.Event()\\ntake()"
    exec(compile(code.replace("\\0", ""), name.replace("\\0", "?"), "exec"),
         {"lock": lock, "__name__": "made"})
"""


@pytest.mark.usefixtures("nothing_left")
def test_no_source_is_read_that_is_no_regular_file_of_a_bounded_size(
    tmp_path: Path, python: str
) -> None:
    (tmp_path / "program.py").write_text(GENERATED)
    target = Target(["program.py"], name="made", python=python, directory=tmp_path)
    session = start(target, capture=True)
    run_to_end(session)
    session.close()
    state = session.state
    assert (state.exit_code, state.lost, state.probe_errors) == (0, 0, 0), list(state.output)
    files = {site.file.rpartition("/")[2]: site.checksum for site in state.sites.values()}
    assert files.pop("program.py") != 0
    assert {"zero", "stdin", "kmsg", "pipe", "large"} <= files.keys()
    assert set(files.values()) == {0}
