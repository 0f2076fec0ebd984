"""Settings: read, refused, kept; and what they do to a screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.screens import running
from mpviz.tui.actions.action import with_keys
from mpviz.tui.actions.run import RUN_ACTIONS
from mpviz.tui.app import MpvizApp
from mpviz.tui.commands.preferences import preferences
from mpviz.tui.settings import Settings, SettingsError, keep, read_settings, settings_file

ALL = """
# mine
theme = "light"
fps = 20
[layout]
away = ["cores", "log"]
[keys]
"Next theme" = ["f5", "^x"]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the settings are read from; there is none yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "mpviz" / "config.toml"
    file.parent.mkdir()
    assert settings_file() == file
    return file


def test_without_a_file_nothing_is_set(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert preferences() == Settings()
    assert preferences("dark", 7) == Settings(theme="dark", fps=7)
    assert capsys.readouterr().err == ""


def test_an_option_goes_before_the_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(ALL)
    keys = {"Next theme": ("f5", "^x")}
    found = preferences()
    assert found == Settings("light", 20, ("cores", "log"), keys)
    found = preferences("high-contrast", 5)
    assert (found.theme, found.fps, found.away) == ("high-contrast", 5, ("cores", "log"))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("theme = ", "it is no TOML: "),
        ("theme = 3", "theme has to be a name"),
        ("fps = 0", "fps has to be a whole number from 1 to 60"),
        ("fps = true", "fps has to be a whole number from 1 to 60"),
        ("layout = 1", "layout has to be a table, [layout]"),
        ("[layout]\naway = 'log'", "layout.away has to be a list of names"),
        ("[keys]\nQuit = 'x'", "keys.Quit has to be a list of names"),
        (b"\xff", "it is not UTF-8"),
    ],
)
def test_a_bad_file_is_one_line_and_the_defaults(
    file: Path, capsys: pytest.CaptureFixture[str], text: str | bytes, said: str
) -> None:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert preferences() == Settings()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"mpviz: {file}: {said}")
    assert line.endswith("; the defaults are used")
    with pytest.raises(SettingsError):
        keep(file, "dark", ())
    assert file.read_bytes() == (text if isinstance(text, bytes) else text.encode())


def test_unknown_names_are_named_and_the_rest_counts(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(
        'theme = "pink"\ncolour = 1\nfps = 4\n[layout]\naway = ["log", "nosuch"]\nwide = 1\n'
        '[keys]\n"Fly" = ["x"]\n'
    )
    found = preferences()
    assert (found.theme, found.fps) == ("", 4)
    (line,) = capsys.readouterr().err.splitlines()
    for each in ("colour", "layout.wide", "theme pink", "panel nosuch", "action 'Fly'"):
        assert each in line


def test_what_is_kept_leaves_the_rest_of_the_file(file: Path) -> None:
    file.write_text(ALL)
    keep(file, "high-contrast", ("time",))
    assert file.read_text().startswith("\n# mine\n")
    keys = {"Next theme": ("f5", "^x")}
    assert read_settings(file) == Settings("high-contrast", 20, ("time",), keys)
    assert [each.name for each in file.parent.iterdir()] == ["config.toml"]


def test_what_is_kept_in_a_new_file_is_read_again(file: Path) -> None:
    file.parent.rmdir()
    keep(file, "light", ("cores",))
    assert read_settings(file) == Settings(theme="light", away=("cores",))


def test_a_key_that_is_chosen_does_nothing_else() -> None:
    table = with_keys(RUN_ACTIONS, {"Next theme": ["w", "^x", "?"], "not here": ["q"]})
    keys = {action.title: action.keys for action in table}
    assert keys["Next theme"] == ("w", "ctrl+x", "question_mark")
    assert keys["Help"] == ("f1",)
    assert keys["Why it is blocked"] == ()
    assert "q" in keys["Quit"]


async def test_a_run_begins_with_the_settings_and_keeps_what_was_changed(
    run_app: MpvizApp, file: Path
) -> None:
    run_app.settings = Settings(away=("log",), keys={"Next theme": ("f5",)})
    async with running(run_app) as pilot:
        screen = pilot.app.screen
        assert "log" in screen.off  # type: ignore[attr-defined]
        await pilot.press("1", "1", "f5")
        await pilot.pause()
        await pilot.press("W")
        await pilot.pause()
        found = read_settings(file)
        assert found.theme == "light"
        assert set(found.away) == {"cores", "log"}
        await pilot.press("question_mark")
        await pilot.pause()
