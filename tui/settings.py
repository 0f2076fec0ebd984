"""What a person wants every time: read from a file, and written to it when they say so."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FEWEST_FPS, MOST_FPS = 1, 60


class SettingsError(ValueError):
    """The file cannot be read as settings; the text says why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file says, or an option in its place."""

    theme: str = ""
    """Its name, as --theme takes it; empty for what fits the terminal."""
    fps: int = 0
    """Pictures a second; 0 for what fits the line."""
    away: tuple[str, ...] = ()
    """Names of panels that are put away."""
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By the title of an action, the keys that do it."""
    unknown: tuple[str, ...] = ()
    """Names in the file that stand for nothing."""


DEFAULTS = Settings()

FPS = 10
FPS_OVER_SSH = 4
"""Each repaint is some kilobytes, and a key has to wait until they are sent."""


def pictures_a_second(settings: Settings) -> float:
    """As many as a person wants, or as many as the line can take."""
    if settings.fps:
        return settings.fps
    over_ssh = "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ
    return FPS_OVER_SSH if over_ssh else FPS


def settings_file() -> Path:
    """Where the settings are: config.toml in XDG_CONFIG_HOME/mpviz, or in ~/.config/mpviz."""
    from platformdirs import user_config_path  # noqa: PLC0415 - headless runs have no settings

    return user_config_path("mpviz") / "config.toml"


def read_settings(file: Path) -> Settings:
    """What the file says; the defaults if there is none; SettingsError if it makes no sense."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except UnicodeDecodeError:
        raise SettingsError("it is not UTF-8") from None
    except OSError as error:
        raise SettingsError(error.strerror or str(error)) from None
    return _checked(_parsed(text))


def _parsed(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 - only if there is a file
    else:
        import tomli as tomllib  # noqa: PLC0415 - the same

    try:
        found: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"it is no TOML: {error}") from None
    return found


def _checked(found: dict[str, Any]) -> Settings:
    layout, keys = _table(found, "layout"), _table(found, "keys")
    unknown = [name for name in found if name not in ("theme", "fps", "layout", "keys")]
    unknown += [f"layout.{name}" for name in layout if name != "away"]
    theme, fps = found.get("theme", ""), found.get("fps", 0)
    if not isinstance(theme, str):
        raise SettingsError("theme has to be a name")
    if "fps" in found and (type(fps) is not int or not FEWEST_FPS <= fps <= MOST_FPS):
        raise SettingsError(f"fps has to be a whole number from {FEWEST_FPS} to {MOST_FPS}")
    return Settings(
        theme=theme,
        fps=fps,
        away=_names(layout.get("away", []), "layout.away"),
        keys={title: _names(value, f"keys.{title}") for title, value in keys.items()},
        unknown=tuple(unknown),
    )


def _table(found: dict[str, Any], name: str) -> dict[str, Any]:
    table = found.get(name, {})
    if not isinstance(table, dict):
        raise SettingsError(f"{name} has to be a table, [{name}]")
    return table


def _names(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise SettingsError(f'{name} has to be a list of names, such as ["a", "b"]')
    return tuple(value)


def keep(file: Path, theme: str, away: tuple[str, ...]) -> None:
    """Write theme and panels into the file, and leave the rest of it as it is.

    Raises SettingsError if the file is none of ours, OSError if it cannot be written.
    """
    import tomlkit  # noqa: PLC0415 - few keep anything

    read_settings(file)
    document = tomlkit.parse(file.read_text(encoding="utf-8") if file.exists() else "")
    document["theme"] = theme
    if "layout" not in document:
        document["layout"] = tomlkit.table()
    document["layout"]["away"] = list(away)
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_name(f".{file.name}.new")
    written.write_text(tomlkit.dumps(document), encoding="utf-8")
    # A link stays one, for those who keep their settings under version control elsewhere.
    written.replace(file.resolve())
