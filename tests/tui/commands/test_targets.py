"""What the words after ``mpviz run`` mean: which program, in which interpreter, or why not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path
from typing import Any

import pytest

from helpers.command import CALL
from mpviz.trace.explain.follow import follow
from mpviz.trace.launch.start import Target
from mpviz.trace.model.events import RunStarted
from mpviz.trace.model.primitives.process import Hello
from mpviz.trace.model.processes.process import Process
from mpviz.trace.model.state import RunState
from mpviz.tui.commands.interpreters import BadTarget
from mpviz.tui.commands.targets import from_words
from mpviz.tui.widgets.header import Status, header_row


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a PATH of its own and no virtual environment that is active."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin:/usr/bin")
    monkeypatch.setattr(sys, "argv", ["pytest"])
    link("bin/python3")
    return tmp_path


def link(path: str) -> str:
    """A Python at this path; give its absolute path."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).symlink_to(sys.executable)
    return str(Path(path).absolute())


def write(path: str, text: str | bytes = "", mode: int = 0o755) -> str:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(mode)
    return path


def target(*words: str, module: bool = False, python: str | None = None) -> Target:
    return from_words(words, module=module, python=python, start_method=None)


def command(*words: str, module: bool = False, python: str | None = None) -> list[str]:
    """The interpreter and what it is given; for what runs as it is, the first word is empty."""
    found = target(*words, module=module, python=python)
    return [found.python, *found.arguments]


def complaint(*words: str, python: str | None = None) -> str:
    with pytest.raises(BadTarget) as bad:
        target(*words, python=python)
    assert "\n" not in str(bad.value)
    return str(bad.value)


def test_the_active_virtual_environment_runs_scripts_and_modules(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    active = link(".venv/bin/python")
    monkeypatch.setenv("VIRTUAL_ENV", str(place / ".venv"))
    write("script.py", mode=0o644)
    write("app/__main__.py")
    assert command("script.py", "-x") == [active, "script.py", "-x"]
    assert command("app", "word") == [active, "app", "word"]
    assert command("a.module", "-m", module=True) == [active, "-m", "a.module", "-m"]


def test_without_a_python_it_is_the_one_of_the_command_mpviz(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("script.py")
    beside = link("project/bin/python")
    monkeypatch.setattr(sys, "argv", [write("project/bin/mpviz")])
    assert command("script.py")[0] == beside


def test_an_mpviz_in_an_environment_of_its_own_takes_the_python_of_the_shell(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("script.py")
    link("tools/mpviz/bin/python")
    write("tools/mpviz/bin/mpviz")
    Path("bin/mpviz").symlink_to(place / "tools/mpviz/bin/mpviz")
    monkeypatch.setattr(sys, "argv", [str(place / "bin/mpviz")])
    monkeypatch.setenv("VIRTUAL_ENV", str(place / "deleted since"))
    assert command("script.py")[0] == str(place / "bin/python3")


def test_the_interpreter_that_is_asked_for_wins(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(place / "active"))
    link("active/bin/python")
    other, named = link("other/bin/python"), link("bin/python3.99")
    write("script.py", "#!/usr/bin/env python3\n")
    for python, expected in [
        ("other", other),
        ("other/", other),
        ("other/bin/python", "other/bin/python"),
        ("python3.99", named),
    ]:
        assert command("script.py", python=python) == [expected, "script.py"]
        assert command("x", module=True, python=python) == [expected, "-m", "x"]


def test_a_first_line_that_names_a_python_is_heeded_where_the_file_may_be_executed(
    place: Path,
) -> None:
    own = link("env/bin/python3.12")
    write("env/bin/black", f"#!{own}\n")
    assert command("env/bin/black", "src") == [own, "env/bin/black", "src"]
    write("flags", f"#! {own}  -u -B \n")
    assert command("flags") == [own, "-u -B", "flags"]
    write("plain.py", f"#!{own}\n", mode=0o644)
    assert command("plain.py") == [str(place / "bin/python3"), "plain.py"]


def test_a_first_line_that_asks_env_for_python_gets_the_active_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    active, named = link("active/bin/python"), link("bin/python3.99")
    monkeypatch.setenv("VIRTUAL_ENV", str(place / "active"))
    for name in ("python", "python3"):
        write("tool", f"#!/usr/bin/env {name}\nprint()")
        assert command("tool", "a") == [active, "tool", "a"]
    write("tool", "#!/usr/bin/env -S python3.99 -u -B\n")
    assert command("tool") == [named, "-u", "-B", "tool"]


def test_a_zip_app_runs_as_with_python(place: Path) -> None:
    write("app/__main__.py")
    zipapp.create_archive("app", "app.pyz")
    zipapp.create_archive("app", "app.zip")
    zipapp.create_archive("app", "executable.pyz", interpreter="/usr/bin/env python3")
    default = str(place / "bin/python3")
    for name in ("app.pyz", "app.zip", "executable.pyz"):
        assert command(name) == [default, name]


def test_what_is_no_python_runs_as_it_is(place: Path) -> None:
    write("run.sh", "#!/bin/sh\necho")
    write("uv.py", "#!/usr/bin/env -S sh -x\n")
    shutil.copy("/bin/true", "binary")
    assert command("run.sh", "a", "-b") == ["", "./run.sh", "a", "-b"]
    assert command("./run.sh") == ["", "./run.sh"]
    assert command("uv.py") == ["", "./uv.py"]
    assert command("./binary", "x") == ["", "./binary", "x"]
    assert target("./binary").name == "binary"


def test_a_command_on_the_path_runs_as_in_the_shell(place: Path) -> None:
    own = link("env/bin/python")
    black = str(place / write("bin/black", f"#!{own}\n"))
    assert command("black", "src") == [own, black, "src"]
    assert command("sh", "-c", "true") == ["", "sh", "-c", "true"]
    assert target("black").name == "black"
    # A folder of the same name is not in its way, a file is.
    Path("black").mkdir()
    assert command("black") == [own, black]
    write("sh", mode=0o644)
    assert command("sh")[1:] == ["sh"]


@pytest.mark.parametrize(
    ("word", "text", "mode", "said"),
    [
        ("run.sh", "#!/bin/sh\n", 0o644, "run.sh is no Python program (it begins with #!/bin/sh)"),
        (
            "data",
            b"\x7fELF\0\0",
            0o644,
            "data is no Python program (it is no text), and it may not",
        ),
        ("lost", "#!/no/python3\n", 0o755, "lost begins with #!/no/python3, and there is no such"),
        ("lost.sh", "#!/no/sh -e\n", 0o755, "lost.sh begins with #!/no/sh -e, and there is no"),
        ("old", "#!/usr/bin/env python2.1\n", 0o755, "there is no python2.1 on the PATH"),
        ("folder", None, 0, "folder is a folder without a __main__.py"),
        ("none.py", None, 0, "there is no file none.py"),
        ("none", None, 0, "no file or command has that name"),
    ],
)
def test_what_cannot_run_is_said_in_one_line(
    word: str, text: str | bytes | None, mode: int, said: str
) -> None:
    if text is not None:
        write(word, text, mode)
    elif word == "folder":
        Path(word).mkdir()
    assert said in complaint(word)


def test_a_file_that_cannot_be_read_is_one_line_unless_it_can_run_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    write("secret.py", mode=0o644)
    write("sudo", mode=0o755)
    # For root, every file can be read.
    monkeypatch.setattr(Path, "open", refuse)
    assert complaint("secret.py") == "cannot read secret.py: Permission denied"
    assert command("sudo") == ["", "./sudo"]


def test_a_wrong_interpreter_is_one_line(place: Path) -> None:
    write("script.py")
    write("run.sh", "#!/bin/sh\n")
    Path("empty").mkdir()
    good = link("good")
    assert "there is no program 'nothing'" in complaint("script.py", python="nothing")
    assert "empty is no virtual environment" in complaint("script.py", python="empty")
    assert "run.sh is no Python program, and runs as it is" in complaint("run.sh", python=good)
    assert "/bin/true does not answer as a Python" in complaint("pool-map", python="/bin/true")
    old = write("./old", "#!/bin/sh\necho 3 8\n")
    assert "the scenarios need Python 3.10 or newer, not 3.8" in complaint("pool-map", python=old)


def test_a_scenario_runs_in_mpviz_s_own_interpreter(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link("active/bin/python")
    monkeypatch.setenv("VIRTUAL_ENV", str(place / "active"))
    python, *options = command("pool-map")[: 4 if sys.version_info >= (3, 11) else 2]
    assert python == sys.executable
    if sys.version_info >= (3, 11):
        assert options == ["-P", "-m", "mpviz.scenarios"]
    else:
        assert options[0].endswith("/scenarios/anywhere.py")


FOREIGN = """
import os, sys
with open({log!r}, "a") as file:
    file.write("%s in %s\\n" % (__name__, sys.argv))
raise ImportError("of the folder, not of Python")
"""


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        ("deadlock", 10),
        ("deadlock order=same", 0),
        ("join-before-drain size_kb=63", 0),
        ("join-before-drain size_kb=64", 10),
        ("pool-map", 0),
    ],
)
def test_only_a_scenario_that_hangs_with_these_values_has_a_limit(words: str, limit: int) -> None:
    assert target(*words.split()).limit == limit


@pytest.mark.parametrize("start_method", ["fork", "spawn", "forkserver"])
def test_a_scenario_imports_nothing_from_the_folder_that_one_is_in(
    place: Path, nothing_left: None, python: str, start_method: str
) -> None:
    if any(f"/{old}" in python for old in ("3.8", "3.9")):
        assert "the scenarios need Python 3.10 or newer" in complaint("pool-map", python=python)
        return
    for name in ("queue", "random", "argparse", "multiprocessing", "runpy", "socket", "mpviz"):
        write(f"{name}.py", FOREIGN.format(log=str(place / "imported")))
    words = ["--start-method", start_method, "pool-map", "workers=2", "items=3"]
    found = report("--python", python, *words)
    assert [pool["size"] for pool in found["pools"]] == [2]
    main_guard = report("--python", python, "main-guard", "guard=with", "seconds=0")
    assert main_guard["run"]["exit_code"] == 0
    assert not Path("imported").exists(), Path("imported").read_text()


def report(*words: str) -> dict[str, Any]:
    """Run mpviz without a screen, and give the document."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", CALL, "run", "--headless", "--json", "out.json", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(Path("out.json").read_text())
    return found


@pytest.mark.parametrize("start_method", ["fork", "spawn", "forkserver"])
def test_a_scenario_runs_in_an_environment_that_has_nothing_of_ours(
    nothing_left: None, start_method: str
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "bare"], check=True)
    missing = "import importlib.util as u, sys; sys.exit(u.find_spec('mpviz') is not None)"
    subprocess.run(["bare/bin/python", "-c", missing], check=True)
    words = ["--start-method", start_method, "pool-map", "workers=2", "items=3"]
    found = report("--python", "bare", *words)
    assert found["run"]["python"].endswith("bare/bin/python")
    assert [pool["size"] for pool in found["pools"]] == [2]
    assert found["stream"]["lost"] == found["stream"]["probe_errors"] == 0


def test_a_console_script_runs_and_is_observed_in_its_own_environment(
    place: Path, nothing_left: None
) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "bare"], check=True)
    code = "import multiprocessing as m, sys; lock = m.Lock()\nwith lock: print(sys.prefix)"
    write("bare/bin/tool", f"#!{place}/bare/bin/python\n{code}\nassert sys.argv[1:] == ['src']")
    found = report("bare/bin/tool", "src")
    assert found["run"]["python"] == f"{place}/bare/bin/python"
    assert [lock["acquisitions"] for lock in found["locks"]] == [1]


def test_what_a_shell_script_starts_is_observed(nothing_left: None) -> None:
    code = "import multiprocessing as m; lock = m.Lock(); lock.acquire(); lock.release()"
    write("run.sh", f'#!/bin/sh\npython3 -c "{code}"\ntrue')
    found = report("run.sh")
    assert (found["run"]["python"], found["run"]["argv"]) == ("", ["./run.sh"])
    assert [lock["acquisitions"] for lock in found["locks"]] == [1]
    roles = {process["name"]: process["role"] for process in found["processes"]}
    assert roles["python3 -c"] == "program"


def header(python: str, version: str, width: int = 160) -> str:
    state = RunState()
    started = {"target": "x", "arguments": [], "start_method": "", "cores": 1, "version": ""}
    follow(state, [RunStarted(time=1, pid=0, python=python, **started)])
    hello = {"parent": 1, "started": 1, "role": "main", "python": version}
    follow(state, [Hello(time=1, pid=5, number=1, **hello)])
    return header_row(state, Status("x", ""), width).text


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("/home/me/work/.venv/bin/python", "python 3.12 · .venv  "),
        ("/usr/bin/python3", "python 3.12  "),
        ("/usr/local/bin/python3.12", "python 3.12  "),
        ("/opt/versions/3.12.1/bin/python", "python 3.12  "),
        ("python3", "python 3.12  "),
        ("", "python 3.12  "),
    ],
)
def test_the_header_says_which_interpreter(python: str, said: str) -> None:
    assert said in header(python, "3.12.1")
    assert "python" not in header(python, "3.12.1", width=50)


def test_the_header_says_what_is_not_observed() -> None:
    state = RunState(now=3_000_000_000, main="5")
    main = state.processes["5"] = Process("5", 5, 1, 0, unobserved="python -I, not observed")
    assert "python -I, not observed" in header_row(state, Status("x", ""), 120).text
    main.unobserved = ""
    assert "no Python in it has told anything" in header_row(state, Status("x", ""), 120).text
    state.processes["6"] = Process("6", 6, 2, 0, probed=True)
    assert "told anything" not in header_row(state, Status("x", ""), 120).text
