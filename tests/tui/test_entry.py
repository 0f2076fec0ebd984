"""If mpviz cannot work as it is, it says in one line what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.command import CALL

WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {library!r}:
            raise {error}
sys.meta_path.insert(0, Missing())
"""


def call(*words: str, before: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", f"{before}{CALL}", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("library", ["click", "msgspec", "psutil", "rich", "textual"])
def test_a_library_that_is_missing_is_named_with_what_helps(library: str, tmp_path: Path) -> None:
    error = f"ModuleNotFoundError('No module named ' + repr(name), name={library!r})"
    words = ["run", "--headless", "pool-map", "workers=1", "items=1"]
    if library in ("rich", "textual"):
        words = ["compare", str(tmp_path / "a"), str(tmp_path / "b")]
        for word in words[1:]:
            Path(word).write_text(
                '{"k":"mpviz.recording","format":1,"version":"0","began":"","t":1}\n'
            )
    done = call(*words, before=WITHOUT.format(library=library, error=error))
    if library == "textual":
        # Only commands that draw on a terminal need it.
        assert "is missing" not in done.stderr
        return
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        f"mpviz: the library {library} is missing; {sys.executable} -m pip install"
    )
    assert f" install '{library}<" in line
    assert done.returncode == 1


def test_a_library_of_another_version_is_named_too() -> None:
    error = "ImportError(\"cannot import name 'x' from 'click'\", name='click')"
    done = call("list", before=WITHOUT.format(library="click", error=error))
    (line,) = done.stderr.splitlines()
    assert "the library click does not fit: cannot import name 'x' from 'click';" in line


def test_without_a_terminal_or_with_a_dumb_one_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    done = call()
    (line,) = done.stderr.splitlines()
    assert line.startswith("mpviz: there is no terminal at stdin and stderr; ")
    assert done.returncode == 2
    ours, theirs = os.openpty()
    monkeypatch.setenv("TERM", "dumb")
    try:
        status = subprocess.run(
            [sys.executable, "-I", "-c", CALL],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            timeout=60,
            check=False,
        ).returncode
        said = os.read(ours, 4096).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert status == 2
    assert said.startswith("mpviz: TERM names no terminal that mpviz can draw on; try TERM=xterm-")
    assert said.count("\n") == 1
