"""``mpviz export`` from outside: what it writes, where, what it says, and what it leaves."""

from __future__ import annotations

import csv
import io
import json
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.command import CALL, mpviz
from helpers.recordings import recorded
from mpviz.trace.model.events import Event
from mpviz.trace.system.destination import destination


def export(*words: object, directory: Path, code: str = CALL) -> subprocess.CompletedProcess[str]:
    return mpviz("export", *words, directory=directory, code=code)


@pytest.fixture
def recording(tmp_path: Path, stream: list[Event]) -> Path:
    return recorded(tmp_path, stream)


def beginning_of(name: str) -> str:
    return {"json": "{", "html": "<!doctype html>", "svg": "<svg ", "csv": "pool,call,job"}[name]


@pytest.mark.parametrize("ending", ["json", "html", "svg", "csv"])
def test_the_ending_names_the_format(recording: Path, tmp_path: Path, ending: str) -> None:
    done = export(recording, "-o", f"out.{ending}", directory=tmp_path)
    note = "mpviz: the table has no rows: a row is a task" if ending == "csv" else ""
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith(note)
    assert bool(done.stderr) == bool(note)
    assert (tmp_path / f"out.{ending}").read_text().startswith(beginning_of(ending))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"out.{ending}", "run.jsonl.gz"]


def test_a_format_can_be_asked_for_and_stdout_be_written_to(
    recording: Path, tmp_path: Path
) -> None:
    done = export(recording, "--to", "chrome", "-o", "-", directory=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["traceEvents"]
    done = export(recording, "--to", "csv", "-o", "table.txt", directory=tmp_path)
    assert next(csv.reader(io.StringIO((tmp_path / "table.txt").read_text())))[0] == "pool"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no.jsonl.gz", "-o", "x.json"], ["no.jsonl.gz", "no file"]),
        (["other.txt", "-o", "x.json"], ["other.txt", "no recording"]),
        (["run.jsonl.gz", "-o", "x.pdf"], ["x.pdf", ".html", ".json"]),
        (["run.jsonl.gz", "-o", "-"], ["--to"]),
        (["run.jsonl.gz", "--to", "pdf", "-o", "x"], ["'pdf'", "chrome", "html"]),
        (["run.jsonl.gz", "-o", "no/such/x.json"], ["no/such/x.json", "No such file"]),
        (["run.jsonl.gz", "-o", "folder.json"], ["folder.json", "directory"]),
        (["run.jsonl.gz", "-o", "run.jsonl.gz", "--to", "csv"], ["itself"]),
        (["run.jsonl.gz"], ["-o"]),
    ],
)
def test_bad_input_gets_one_clear_line_and_changes_nothing(
    recording: Path, tmp_path: Path, words: list[str], said: list[str]
) -> None:
    (tmp_path / "other.txt").write_text("hello")
    (tmp_path / "folder.json").mkdir()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    done = export(*words, directory=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("mpviz: ")
    for word in said:
        assert word in line
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_it_imports_no_textual(recording: Path, tmp_path: Path) -> None:
    code = """if True:
        import sys
        from mpviz.tui.commands.command_line import main
        status = main()
        assert "textual" not in sys.modules
        sys.exit(status)
    """
    for ending in ("json", "html", "svg", "csv"):
        done = export(recording, "-o", f"out.{ending}", directory=tmp_path, code=code)
        assert done.returncode == 0, done.stderr


def test_a_recording_that_is_cut_off_is_exported_up_to_there_and_it_says_so(
    recording: Path, tmp_path: Path
) -> None:
    whole = recording.read_bytes()
    recording.write_bytes(whole[: len(whole) // 2])
    done = export(recording, "-o", "out.html", directory=tmp_path)
    assert done.returncode == 0
    assert "cut off" in done.stderr
    assert "The recording is not whole: it is cut off" in (tmp_path / "out.html").read_text()


def test_a_reader_that_is_gone_ends_it_silently(recording: Path, tmp_path: Path) -> None:
    pipe = subprocess.Popen(
        [sys.executable, "-c", CALL, "export", str(recording), "--to", "chrome", "-o", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert pipe.stdout is not None
    assert pipe.stderr is not None
    pipe.stdout.close()
    assert pipe.stderr.read() == b""
    pipe.stderr.close()
    assert pipe.wait(60) == 141


# Where it goes


def test_a_file_is_replaced_when_the_new_one_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    out.write_text("before")
    with destination(str(out)) as file:
        file.write("after")
        file.flush()
        assert out.read_text() == "before"
    assert out.read_text() == "after"
    assert list(tmp_path.iterdir()) == [out]


def test_a_failed_export_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    out.write_text("before")
    with pytest.raises(KeyboardInterrupt), destination(str(out)) as file:
        file.write("half")
        raise KeyboardInterrupt
    assert out.read_text() == "before"
    assert list(tmp_path.iterdir()) == [out]


def test_a_new_file_is_for_nobody_else(tmp_path: Path) -> None:
    with destination(str(tmp_path / "out.txt")) as file:
        file.write("x")
    assert stat.S_IMODE((tmp_path / "out.txt").stat().st_mode) == 0o600


def test_a_link_still_leads_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real.txt")
    with destination(str(tmp_path / "link")) as file:
        file.write("x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "x"


def test_a_device_is_written_into(recording: Path, tmp_path: Path) -> None:
    done = export(recording, "--to", "svg", "-o", "/dev/null", directory=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_ending_it_on_the_way_leaves_nothing_half_written(recording: Path, tmp_path: Path) -> None:
    code = """if True:
        import sys
        from mpviz.tui.commands.export import Progress
        from mpviz.tui.entry import main
        def wait(self, share):
            print("on the way", flush=True)
            sys.stdin.read()
        Progress.tell = wait
        sys.exit(main())
    """
    process = subprocess.Popen(
        [sys.executable, "-c", code, "export", str(recording), "-o", str(tmp_path / "out.json")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"on the way\n"
    assert list(tmp_path.glob(".out.json.*"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    assert process.communicate()[1] == b""
    assert list(tmp_path.iterdir()) == [recording]


def test_the_name_of_a_file_is_told_without_what_a_terminal_would_obey(
    recording: Path, tmp_path: Path
) -> None:
    name = "\x1b]0;owned\x07run\x1b[2J"
    missing = export(name, "-o", "x.json", directory=tmp_path)
    (tmp_path / name).write_bytes(recording.read_bytes()[:-30])
    cut = export(name, "-o", "x.json", directory=tmp_path)
    assert "there is no file run" in missing.stderr
    assert "run: it is cut off" in cut.stderr
    assert (missing.returncode, cut.returncode) == (2, 0)
    assert "\x1b" not in missing.stderr + cut.stderr
