"""Sources are read in a separate thread, and only from regular files of a bounded size."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING
from zlib import crc32

from helpers.runs import wait_until
from mpviz.tui import source_files
from mpviz.tui.source_files import BEING_READ, Sources

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(6 << 30)
    said = {
        name: source_files.read(name).error
        for name in (
            "/dev/zero",
            "/dev/stdin",
            str(tmp_path),
            str(tmp_path / "pipe"),
            str(tmp_path / "large"),
            str(tmp_path / "missing"),
            "a\0b",
        )
    }
    words = list(said.values())
    assert words[:4] == ["it is no regular file"] * 4
    assert words[4] == "it has 6,442,450,944 bytes, too many to be shown"
    assert words[5] == "No such file or directory"
    assert "null" in words[6]


def test_a_long_source_is_plain_text_and_cut(tmp_path: Path) -> None:
    long = tmp_path / "long.py"
    content = b"def f(): pass\n" * (source_files.LINES_SHOWN + 50) + b"x" * 100_000
    long.write_bytes(content)
    source = source_files.read(str(long))
    assert source.checksum == crc32(content)
    assert len(source.lines) == source_files.LINES_SHOWN
    assert source.lines[0] == (("def f(): pass", "text"),)


def test_the_screen_does_not_wait_for_a_file_and_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on, reader = threading.Event(), []
    read = source_files.read

    def slow(file: str) -> source_files.Source:
        reader.append(threading.current_thread())
        may_go_on.wait()
        return read(file)

    monkeypatch.setattr(source_files, "read", slow)
    monkeypatch.setattr(source_files, "LOOK_AGAIN_SECONDS", 0.0)
    file = tmp_path / "program.py"
    file.write_text("x = 1\n")
    heard = threading.Event()
    held = Sources(heard.set)
    assert held.ask(str(file)).error == BEING_READ
    assert held.ask(str(file)).error == BEING_READ
    assert not heard.is_set()
    may_go_on.set()
    wait_until(heard.is_set)
    assert [text for text, _ in held.ask(str(file)).lines[0]] == ["x", " ", "=", " ", "1"]
    assert reader[0] is not threading.current_thread()
    # The thread looks at the file again, and says when it has changed.
    heard.clear()
    file.write_text("x = 1\ny = 2\n")
    wait_until(lambda: len(held.ask(str(file)).lines) == 2)
    wait_until(heard.is_set)


def test_only_so_many_files_are_kept(tmp_path: Path) -> None:
    held = Sources()
    for number in range(source_files.KEPT + 5):
        held.ask(str(tmp_path / f"{number}.py"))
    assert len(held._known) == source_files.KEPT
