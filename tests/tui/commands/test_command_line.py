"""The command line from outside: what it prints, where, and the exit status."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from itertools import count
from pathlib import Path

import psutil
import pytest

import mpviz as mpviz_package
from helpers.command import CALL, mpviz
from helpers.recordings import replay_of
from mpviz.trace.explain.findings import RULES
from mpviz.trace.version import VERSION
from mpviz.tui.sessions import _next_file

pytestmark = pytest.mark.usefixtures("nothing_left")


def assert_one_line_of_error(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("mpviz: ")
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "pol-map"], ["'pol-map'", "pool-map", "no file"]),
        (["run", "no/such/file.py"], ["no/such/file.py"]),
        (["run", "pool-map", "workers=0"], ["workers", "from 1 to 64", "'0'"]),
        (["run", "pool-map", "wrokers=2"], ["wrokers", "workers"]),
        (["run", "pool-map", "workers"], ["name=value"]),
        (["run", "--start-method", "spoon", "pool-map"], ["spoon"]),
        (["run", "--python", "/no/such/python", "pool-map"], ["/no/such/python"]),
        (["run", "--fps", "0", "pool-map"], ["--fps"]),
        (["run", "--rate", "nan", "pool-map"], ["--rate"]),
        (["run", "--bogus", "pool-map"], ["--bogus"]),
        (["run"], ["TARGET"]),
        (["pool-map"], ["mpviz run pool-map"]),
        (["run", "--headless", "--json", "/no/such/dir/x.json", "pool-map"], ["/no/such/dir"]),
        (["run", "--headless", "--json", "/", "pool-map"], ["--json"]),
        ([], ["no terminal", "mpviz list"]),
    ],
)
def test_bad_input_gets_one_clear_line(words: list[str], said: list[str]) -> None:
    assert_one_line_of_error(mpviz(*words), *said)


def test_list_has_one_line_for_each_scenario() -> None:
    done = mpviz("list")
    assert done.returncode == 0
    assert done.stderr == ""
    assert any(line.startswith("pool-map  ") for line in done.stdout.splitlines())


@pytest.mark.parametrize("words", [["--help"], ["list"], ["run", "--help"], ["--version"]])
def test_commands_that_answer_at_once_import_next_to_nothing(words: list[str]) -> None:
    code = f"""if True:
        import sys
        from mpviz.tui.commands.command_line import main
        status = main({words!r})
        heavy = {{"textual", "rich", "msgspec", "psutil", "multiprocessing", "asyncio"}}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
        sys.exit(status)
    """
    done = mpviz(code=code)
    assert done.returncode == 0, done.stderr


def test_the_first_screen_imports_nothing_that_only_a_run_needs() -> None:
    code = """if True:
        import sys
        import mpviz.tui.showing, mpviz.tui.screens.picker
        heavy = {"msgspec", "mpviz.trace.model.state", "mpviz.tui.panels"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
    """
    done = mpviz(code=code)
    assert done.returncode == 0, done.stderr


def test_a_headless_run_imports_no_textual(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("print('hello')")
    code = """if True:
        import sys
        from mpviz.tui.commands.command_line import main
        status = main(["run", "--headless", "x.py"])
        assert not {"textual", "rich"} & set(sys.modules)
        sys.exit(status)
    """
    done = mpviz(directory=tmp_path, code=code)
    assert done.returncode == 0, done.stderr


def test_a_program_gets_its_own_options_untouched(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("import sys; print(sys.argv)")
    words = ["--json", "a", "--headless", "-m", "--", "-x", "", "a b", "--help"]
    done = mpviz("run", "--headless", "x.py", *words, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{['x.py', *words]}\n"
    assert "mpviz: " in done.stderr
    assert not (tmp_path / "a").exists()


def test_a_module_runs_as_one(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("import sys; print(__name__, sys.argv[1:])")
    done = mpviz("run", "--headless", "-m", "x", "-m", "y", directory=tmp_path)
    assert done.stdout == "__main__ ['-m', 'y']\n"


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("raise SystemExit(7)", 7),
        ("import os; os.kill(os.getpid(), 9)", 137),
        ("1 / 0", 1),
        ("def", 1),
    ],
)
def test_the_exit_status_is_the_program_s_own(tmp_path: Path, source: str, status: int) -> None:
    (tmp_path / "x.py").write_text(source)
    assert mpviz("run", "--headless", "x.py", directory=tmp_path).returncode == status


def test_without_a_terminal_a_run_is_headless_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("print('hello')")
    done = mpviz("run", "x.py", directory=tmp_path)
    assert done.returncode == 0
    assert done.stdout == "hello\n"
    assert "headless" in done.stderr.splitlines()[0]


def test_json_goes_to_a_file_or_to_stdout(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("pass")
    done = mpviz("run", "--headless", "--json", "out.json", "x.py", directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["run"]["target"] == "x.py"
    done = mpviz("run", "--headless", "--json", "-", "x.py", directory=tmp_path)
    assert json.loads(done.stdout)["run"]["exit_code"] == 0


def test_a_run_that_does_not_start_leaves_no_json_and_spoils_none(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text("{}")
    for name in ("kept.json", "new.json"):
        words = ["run", "--headless", "--json", name, "--python", "/no/such", "pool-map"]
        assert mpviz(*words, directory=tmp_path).returncode == 2
    assert kept.read_text() == "{}"
    assert not (tmp_path / "new.json").exists()


def headless(
    directory: Path, source: str, *options: str, words: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """A headless run of a program with these words, when it has said that it is ready."""
    (directory / "x.py").write_text(source)
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            CALL,
            "run",
            "--headless",
            "--json",
            "out",
            *options,
            "x.py",
            *words,
        ],
        cwd=directory,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


SLOW = """
import signal, sys, time
def stop(number, frame):
    print("interrupted", flush=True)
    if "stubborn" not in sys.argv:
        sys.exit(5)
signal.signal(signal.SIGINT, stop)
print("ready", flush=True)
for _ in range(3000):
    time.sleep(0.01)
"""


@pytest.mark.parametrize(
    ("words", "signals", "status"),
    [
        ([], [signal.SIGINT], 5),
        (["stubborn"], [signal.SIGINT, signal.SIGINT], 128 + signal.SIGTERM),
        ([], [signal.SIGTERM], 128 + signal.SIGTERM),
    ],
)
def test_ctrl_c_goes_to_the_program_and_a_second_ends_it_all(
    tmp_path: Path, words: list[str], signals: list[int], status: int
) -> None:
    process = headless(tmp_path, SLOW, words=words)
    for number in signals:
        os.kill(process.pid, number)
        time.sleep(0.3)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == status, errors
    assert json.loads((tmp_path / "out").read_text())["run"]["target"] == "x.py"
    assert "Traceback" not in errors


SAVING = """
import multiprocessing, signal, sys, time

def work():
    time.sleep(1)
    # In one write: print() would write the end of the line by itself, and the two run at once.
    sys.stdout.write("saved\\n")
    sys.stdout.flush()

if __name__ == "__main__":
    children = [multiprocessing.Process(target=work) for _ in range(2)]
    for child in children:
        child.start()
    signal.signal(signal.SIGTERM, lambda *_: print("told", flush=True))
    print("ready", flush=True)
    for child in children:
        child.join()
    sys.exit(sum(child.exitcode for child in children) + 7)
"""

DEAF = """
import multiprocessing, signal, time

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    multiprocessing.Process(target=time.sleep, args=(600,)).start()
    print("ready", flush=True)
    time.sleep(600)
"""


def test_the_first_sigterm_is_the_program_s_own(tmp_path: Path) -> None:
    process = headless(tmp_path, SAVING)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=60)
    assert sorted(output.splitlines()) == ["saved", "saved", "told"], errors
    assert process.returncode == 7
    assert json.loads((tmp_path / "out").read_text())["run"]["exit_code"] == 7


def test_if_the_supervisor_is_killed_the_exit_status_says_that_it_is_not_known(
    tmp_path: Path,
) -> None:
    process = headless(tmp_path, DEAF)
    (stand_in,) = psutil.Process(process.pid).children()
    (supervisor,) = stand_in.children()
    supervisor.kill()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 125, errors
    assert json.loads((tmp_path / "out").read_text())["run"]["exit_code"] is None


def test_a_second_sigterm_ends_a_program_that_ignores_the_first(tmp_path: Path) -> None:
    process = headless(tmp_path, DEAF)
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM, errors


def test_a_program_that_ignores_sigterm_is_ended_after_its_grace(tmp_path: Path) -> None:
    process = headless(tmp_path, DEAF, "--grace", "0.5")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGKILL, errors


def test_what_was_ignored_before_us_stays_ignored_for_us_and_the_program(tmp_path: Path) -> None:
    ignoring = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM}
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ignoring}
    try:
        process = headless(
            tmp_path,
            "import os, signal, sys\n"
            "print('ready', flush=True)\n"
            "sys.stdin.readline()\n"
            "for number in (1, 2, 15): os.kill(os.getpid(), number)\n"
            "print('unmoved')\n",
        )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number in ignoring:
        process.send_signal(number)
    output, errors = process.communicate("go on\n", timeout=60)
    assert (output, process.returncode) == ("unmoved\n", 0), errors


PRINTING = [
    ["list"],
    ["rules"],
    ["--version"],
    ["--help"],
    ["compare", "a.gz", "b.gz"],
    ["compare", "--json", "-", "a.gz", "b.gz"],
    ["export", "--to", "csv", "-o", "-", "a.gz"],
    ["run", "--headless", "--json", "-", "quiet.py"],
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a program that prints nothing, and two recordings of it."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "quiet.py").write_text("")
    for name in ("a.gz", "b.gz"):
        done = mpviz("run", "--headless", "--record", name, "quiet.py", directory=folder)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize(
    ("where", "reason"), [(">/dev/full", "No space left on device"), (">&-", "it is closed")]
)
@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_what_cannot_be_printed_is_said_in_one_line(
    recorded: Path, words: list[str], where: str, reason: str
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {where}', "sh", sys.executable, "-c", CALL, *words],
        cwd=recorded,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].endswith(f": {reason}")


def test_a_report_that_nobody_can_read_is_no_success(recorded: Path) -> None:
    command = [sys.executable, "-c", CALL, "run", "--headless", "--json", "-", "quiet.py"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>/dev/full', "sh", *command],
        cwd=recorded,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["run"]["exit_code"] == 0


def test_files_about_a_run_are_for_nobody_else(recorded: Path, tmp_path: Path) -> None:
    was_there = tmp_path / "was.json"
    was_there.write_text("{}")
    was_there.chmod(0o644)
    options = ["--json", str(tmp_path / "new.json"), "--record", str(tmp_path / "new.gz")]
    assert mpviz("run", "--headless", *options, "quiet.py", directory=recorded).returncode == 0
    out = str(tmp_path / "new.html")
    assert mpviz("export", "-o", out, str(tmp_path / "new.gz")).returncode == 0
    options = ["--json", str(was_there)]
    assert mpviz("run", "--headless", *options, "quiet.py", directory=recorded).returncode == 0
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    private = dict.fromkeys(("new.json", "new.gz", "new.html"), 0o600)
    assert modes == {**private, "was.json": 0o644}
    assert json.loads(was_there.read_text())["run"]["exit_code"] == 0


def test_a_folder_that_vanishes_meanwhile_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "x.py").write_text("import os; os.rmdir('out')")
    done = mpviz("run", "--headless", "--json", "out/end.json", "x.py", directory=tmp_path)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == "mpviz: --json: cannot write out/end.json: No such file or directory"


STILL_LOADING = """if True:
    import sys, time
    class Slow:
        def find_spec(self, name, *rest):
            if name == "click":
                print("loading", flush=True)
                time.sleep(60)
    sys.meta_path.insert(0, Slow())
    from mpviz.tui.entry import main
    main()
"""


def test_ctrl_c_while_it_loads_ends_it_without_a_word() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STILL_LOADING, "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == -signal.SIGINT


def test_a_headless_run_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("print('hello')")
    done = mpviz("run", "--headless", "--record", "run.jsonl.gz", "x.py", directory=tmp_path)
    assert (done.returncode, done.stdout) == (0, "hello\n")
    replay = replay_of(tmp_path / "run.jsonl.gz")
    replay.seek(replay.end)
    assert replay.trouble == ""
    assert replay.state.exit_code == 0
    assert replay.state.run is not None
    assert replay.state.run.target == "x.py"
    assert not replay.state.run.captured
    replay.close()


def test_a_recording_takes_the_place_of_another_and_of_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("print('hello')")
    (tmp_path / "empty.gz").touch()
    run = ("run", "--headless", "--record")
    assert "replaces" not in mpviz(*run, "empty.gz", "x.py", directory=tmp_path).stderr
    before = (tmp_path / "empty.gz").read_bytes()
    again = mpviz(*run, "empty.gz", "x.py", directory=tmp_path)
    assert again.returncode == 0
    assert "mpviz: --record: replaces the recording of 20" in again.stderr
    assert (tmp_path / "empty.gz").read_bytes() != before
    wrong = mpviz(*run, "x.py", "x.py", directory=tmp_path)
    assert_one_line_of_error(wrong, "--record: x.py is no recording of mpviz", "another name")
    assert (tmp_path / "x.py").read_text() == "print('hello')"
    sweep = mpviz(*run, "x.gz", "pool-map", "items=1,2", directory=tmp_path)
    assert "replaces" not in sweep.stderr
    assert (tmp_path / "x-2.gz").exists()
    (tmp_path / "x-2.gz").write_text("mine")
    wrong = mpviz(*run, "x.gz", "pool-map", "items=1,2", directory=tmp_path)
    assert "x-2.gz is no recording" in wrong.stderr
    assert (tmp_path / "x-2.gz").read_text() == "mine"


def test_a_document_takes_the_place_of_another_and_of_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("print('hello')")
    run = ("run", "--headless", "--json")
    assert "replaces" not in mpviz(*run, "out.json", "x.py", directory=tmp_path).stderr
    again = mpviz(*run, "out.json", "x.py", directory=tmp_path)
    assert again.returncode == 0
    assert again.stderr.count("mpviz: --json: replaces the document of 20") == 1
    wrong = mpviz(*run, "x.py", "x.py", directory=tmp_path)
    assert_one_line_of_error(wrong, "--json: x.py is not a JSON object", "another name")
    assert (tmp_path / "x.py").read_text() == "print('hello')"


def test_an_export_says_which_file_it_replaces(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("print('hello')")
    mpviz("run", "--headless", "--record", "run.gz", "x.py", directory=tmp_path)
    export = ("export", "run.gz", "-o", "run.svg")
    assert mpviz(*export, directory=tmp_path).stderr == ""
    again = mpviz(*export, directory=tmp_path)
    assert (again.returncode, again.stderr.count("\n")) == (0, 1)
    assert again.stderr.startswith("mpviz: -o: replaces the file of 20")
    assert "replaces" not in mpviz(*export[:2], "--to", "svg", "-o", "-", directory=tmp_path).stderr


def test_a_run_again_is_recorded_under_a_free_name(tmp_path: Path) -> None:
    record = tmp_path / "run.gz"
    for name in ("run.gz", "run-2.gz", "run-4.gz"):
        (tmp_path / name).touch()
    runs = count(1)
    names = [_next_file(record, runs).name for _ in range(3)]
    assert names == ["run.gz", "run-3.gz", "run-5.gz"]


def test_the_example_of_lost_updates_in_the_docs_loses_many(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "using.md").read_text()
    (example,) = [line for line in page.splitlines() if ".lost_updates' a.json" in line]
    words = example.partition(";")[0].split()
    assert words.pop(0) == "mpviz"
    done = mpviz(*words, directory=tmp_path)
    (value,) = json.loads((tmp_path / "a.json").read_text())["values"]
    expected, final, lost = map(int, re.findall(r"\d+", done.stdout.splitlines()[-1]))
    assert value["lost_updates"] == lost == expected - final
    assert lost > expected // 4


def test_a_disk_that_fills_up_is_said_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("print('hello')")
    done = mpviz("run", "--headless", "--record", "/dev/full", "x.py", directory=tmp_path)
    assert done.stdout == "hello\n"
    assert done.stderr.splitlines()[-1] == "mpviz: --record: /dev/full: No space left on device"
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--headless", "--record", "no/where", "x.py"], ["--record", "no/where"]),
        (["run", "--headless", "--record", "no.gz", "--python", "/no/such", "x.py"], ["/no/such"]),
        (["replay", "no.gz"], ["terminal"]),
        (["replay", "no.gz", "--speed", "0"], ["--speed"]),
        (["replay", "no.gz", "--at", "nan"], ["nan"]),
    ],
)
def test_what_cannot_be_recorded_or_replayed_gets_one_line(
    tmp_path: Path, words: list[str], said: list[str]
) -> None:
    (tmp_path / "x.py").write_text("print('hello')")
    assert_one_line_of_error(mpviz(*words, directory=tmp_path), *said)
    assert not (tmp_path / "no.gz").exists()


def test_the_version_is_that_of_the_package() -> None:
    first, second = mpviz("--version").stdout.splitlines()
    assert first == f"mpviz {VERSION}"
    runs_on = f"Python {platform.python_version()}, Textual {version('textual')}, Linux"
    assert second.startswith(runs_on)
    assert mpviz_package.__version__ == VERSION
    assert version("mpviz") == VERSION


EARLY = """if True:
    import contextlib, os, signal, sys
    from mpviz.trace.launch import program as launch, start
    @contextlib.contextmanager
    def launch_and_be_told(*words, launch=launch.launch, **options):
        with launch(*words, **options) as program:
            yield program
        os.kill(os.getpid(), signal.%s)
    start.launch = launch_and_be_told
    from mpviz.tui.commands.command_line import main
    sys.exit(main(["run", "--headless", "--json", "out", "sleep", "600"]))
"""
"""A program that is no Python: one that is still starting ends in its own way by a Ctrl-C."""


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_in_the_moment_of_the_start_is_not_lost(
    tmp_path: Path, name: str, status: int
) -> None:
    done = mpviz(directory=tmp_path, code=EARLY % name)
    assert done.returncode == status, done.stderr
    assert json.loads((tmp_path / "out").read_text())["run"]["target"] == "sleep"


LOSING = """
from multiprocessing import Process, Value

def write(number, before):
    number.value = before + 1

if __name__ == "__main__":
    number = Value("i", 0)
    number.value = 1
    before = number.value
    child = Process(target=write, args=(number, before))
    child.start()
    child.join()
    number.value = before + 1
"""
"""Both write one more than the parent has read, so what the child has added is lost."""


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ([], 0),
        (["--fail-on", "deadlock"], 0),
        (["--fail-on", "lost-updates"], 3),
        (["--fail-on", "deadlock, lost-updates"], 3),
        (["--fail-on", "all"], 3),
        (["--fail-on", "all", "--silence", "lost-updates"], 0),
    ],
)
def test_a_finding_that_is_to_fail_makes_the_status_3(
    tmp_path: Path, options: list[str], status: int
) -> None:
    (tmp_path / "x.py").write_text(LOSING)
    done = mpviz("run", "--headless", *options, "x.py", directory=tmp_path)
    assert done.returncode == status
    assert ("(lost-updates)" in done.stderr) is ("--silence" not in options)


@pytest.mark.parametrize("option", ["--fail-on", "--silence"])
def test_a_finding_that_there_is_not_gets_one_line_with_those_that_there_are(
    tmp_path: Path, option: str
) -> None:
    (tmp_path / "x.py").write_text("print('hello')")
    done = mpviz("run", "--headless", option, "nonsense", "x.py", directory=tmp_path)
    assert_one_line_of_error(done, option, "'nonsense'", "deadlock", "all")


def test_the_rules_are_listed_with_their_thresholds() -> None:
    done = mpviz("rules")
    for rule in RULES:
        assert f"{rule.name}\n" in done.stdout
        assert rule.threshold in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run"], "run needs a TARGET, a scenario or a program, such as mpviz run pool-map"),
        (["replay"], "replay needs a recording, such as"),
        (["compare"], "compare needs two recordings or more, such as"),
        (["export"], "export needs a recording and a file, such as"),
        (["run", "missing.py"], "there is no file missing.py\n"),
        (
            ["run", "./pool_map.py"],
            "there is no file ./pool_map.py; the scenario is run by mpviz run pool-map\n",
        ),
        (["run", "pool-mapp"], "there is no scenario 'pool-mapp'; the nearest is 'pool-map', and"),
        (
            ["run", "--fail-on", "deadlock,lost-task", "--silence", "deadlock", "deadlock"],
            "--fail-on deadlock can never fail: --silence turns it off\n",
        ),
        (
            ["run", "--fail-on", "all", "--silence", "all", "pool-map"],
            "--fail-on all can never fail: --silence turns it off\n",
        ),
    ],
)
def test_a_mistake_is_answered_by_what_to_type(words: list[str], says: str, tmp_path: Path) -> None:
    done = mpviz(*words, directory=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"mpviz: {says}")
    assert done.stderr.count("\n") == 1


def test_all_findings_but_some_may_fail_a_run(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("pass")
    words = ["--fail-on", "all", "--silence", "deadlock", "x.py"]
    assert mpviz("run", "--headless", *words, directory=tmp_path).returncode == 0


def test_the_rules_are_listed_within_eighty_columns() -> None:
    assert max(map(len, mpviz("rules").stdout.splitlines())) <= 80
