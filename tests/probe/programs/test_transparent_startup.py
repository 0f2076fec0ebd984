"""However a Python is started and set up, it runs as it does without us."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.stage import Stage


@pytest.mark.parametrize(
    "flags",
    [["-W", "error"], ["-W", "always"], ["-X", "dev"], ["-O", "-B", "-s", "-u"], ["-bb", "-v"][:1]],
    ids=" ".join,
)
def test_flags_change_nothing_about_it(stage: Stage, flags: list[str]) -> None:
    assert stage.assert_same(sys.executable, *flags, "alone.py").exit_code == 0
    assert stage.events()


@pytest.mark.parametrize("program", ["-c", "-m", "-"])
def test_other_ways_to_name_the_program_work_too(stage: Stage, program: str) -> None:
    command = {
        "-c": ["-c", "import __main__, sys; print(sys.argv, sorted(vars(__main__)))", "word"],
        "-m": ["-m", "alone", "word"],
        "-": ["-", "word"],
    }[program]
    stage.assert_same(sys.executable, *command)
    assert stage.events()


def test_modules_of_the_program_s_are_not_imported_early(stage: Stage, python: str) -> None:
    stage.write("modules.py", "import sys\nprint(*sorted(sys.modules))\n")
    bare = stage.run(python, "modules.py", observed=False).stdout.split()
    observed = stage.run(python, "modules.py", observed=True).stdout.split()
    news = {name.decode() for name in set(observed) - set(bare)}
    ours = {name for name in news if name.split(".")[0] in ("mpviz_probe", "sitecustomize")}
    # What the probe itself needs: small modules of C, and two of Python's own.
    allowed = {
        *("_collections", "_functools", "_json", "_operator", "_struct", "_thread"),
        *("binascii", "errno", "fcntl", "itertools", "math", "resource", "select", "time", "zlib"),
    }
    assert ours
    assert news - ours <= allowed
    assert set(bare) <= set(observed)


def test_the_program_s_own_sitecustomize_still_runs(stage: Stage, python: str) -> None:
    own = stage.folder / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import sys\nprint('customized', __name__, __file__)\n")
    stage.write("main.py", "import sitecustomize, sys; print(sitecustomize.__file__, sys.path)")
    seen = stage.assert_same(python, "main.py", path=str(own))
    assert seen.stdout.startswith(b"customized sitecustomize")


def test_the_program_s_own_sitecustomize_and_usercustomize_run_each_once_and_in_turn(
    stage: Stage, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, user = stage.folder / "own", stage.folder / "user"
    own.mkdir()
    asking = [python, "-c", "import site; print(site.getusersitepackages(), site.ENABLE_USER_SITE)"]
    monkeypatch.setenv("PYTHONUSERBASE", str(user))
    packages, is_enabled = subprocess.check_output(asking, text=True).split()
    Path(packages).mkdir(parents=True)
    (own / "sitecustomize.py").write_text(
        "import sys\nprint('site', 'usercustomize' in sys.modules)"
    )
    (Path(packages) / "usercustomize.py").write_text("print('user', __name__, __file__)")
    stage.write("main.py", "import sys; print('main', sys.path)")
    seen = stage.assert_same(python, "main.py", path=str(own))
    first = [line.split()[0] for line in seen.stdout.decode().splitlines()]
    # A virtual environment has no packages of the user.
    assert first == (["site", "user", "main"] if is_enabled == "True" else ["site", "main"])
    assert stage.events()


@pytest.mark.parametrize(
    "text", ["raise ValueError('own')", "import no_such_module", "1 +", "import sys; del sys.argv"]
)
def test_a_sitecustomize_that_fails_fails_as_it_did(stage: Stage, python: str, text: str) -> None:
    own = stage.folder / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text(text)
    stage.assert_same(python, "-c", "print('runs')", path=str(own))
    assert stage.events()


@pytest.mark.parametrize("flag", ["-I", "-S", "-E"])
def test_an_isolated_interpreter_runs_without_us(stage: Stage, python: str, flag: str) -> None:
    seen = stage.assert_same(python, flag, "-c", "import sys; print(sys.flags, len(sys.modules))")
    assert seen.exit_code == 0
    assert stage.events() == []


def test_a_python_that_is_too_old_runs_as_without_us(stage: Stage, old_python: str) -> None:
    own = stage.folder / "own"
    own.mkdir()
    stage.write("main.py", "import multiprocessing, sys\nprint(sys.path)\n")
    assert stage.assert_same(old_python, "main.py").exit_code == 0
    for text in ("import sys; print('customized')", "import no_such_module"):
        (own / "sitecustomize.py").write_text(text)
        stage.assert_same(old_python, "main.py", path=str(own))


@pytest.mark.parametrize("viewer", ["was killed", "is gone", "never was"])
def test_without_a_viewer_the_program_just_runs(stage: Stage, python: str, viewer: str) -> None:
    if viewer == "was killed":
        # Then the FIFO is still there, and nobody reads it.
        stage.transport.path.rename(stage.folder / "kept")
    if viewer != "never was":
        stage.transport.close()
        stage.transport.directory.mkdir()
    if viewer == "was killed":
        (stage.folder / "kept").rename(stage.transport.path)
    stage.assert_same(python, "alone.py")
    if viewer != "never was":
        shutil.rmtree(stage.transport.directory)


@pytest.mark.parametrize("variable", ["PYTHONSAFEPATH", "PYTHONNOUSERSITE", "PYTHONDEVMODE"])
def test_what_the_environment_asks_of_python_stays_as_it_was(
    stage: Stage, python: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    stage.write("main.py", "import sys; print(sys.flags, sys.path, 'site' in sys.modules)")
    assert stage.assert_same(python, "main.py").exit_code == 0
    assert stage.events()


@pytest.mark.parametrize("name", ["terminate", "kill"])
def test_signals_end_the_program_as_they_did(stage: Stage, name: str) -> None:
    number = {"terminate": 15, "kill": 9}[name]
    text = f"import multiprocessing, os; os.kill(os.getpid(), {number})"
    assert stage.assert_same(sys.executable, "-c", text).exit_code == -number
