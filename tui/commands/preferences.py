"""The settings for a screen: an option goes before the file, the file before the default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mpviz.trace.model.text import clean
from mpviz.tui.messages import say
from mpviz.tui.render.themes import NAMES
from mpviz.tui.settings import Settings, SettingsError, read_settings, settings_file

if TYPE_CHECKING:
    from mpviz.tui.actions.action import Action


def preferences(theme: str | None = None, fps: int | None = None) -> Settings:
    """The settings; what is wrong with the file is said in one line on stderr."""
    file = settings_file()
    try:
        settings = read_settings(file)
        problems = list(_problems(settings))
    except SettingsError as bad:
        settings, problems = Settings(), [f"{bad}; the defaults are used"]
    if problems:
        say(clean(f"{file}: {'; '.join(problems)}"))
    if settings.theme not in NAMES:
        settings = replace(settings, theme="")
    return replace(settings, theme=theme or settings.theme, fps=fps or settings.fps)


def _problems(settings: Settings) -> Iterator[str]:
    """What the file names and is not there."""
    if settings.unknown:
        yield f"there is no setting {', '.join(settings.unknown)}"
    if settings.theme and settings.theme not in NAMES:
        yield f"there is no theme {settings.theme} (there is {', '.join(NAMES)})"
    if settings.away:
        from mpviz.tui.panels import PANELS

        names = {panel.name for panel in PANELS}
        missing = [name for name in settings.away if name not in names]
        if missing:
            yield f"there is no panel {', '.join(missing)}"
    if settings.keys:
        yield from _problems_of_keys(settings)


def _problems_of_keys(settings: Settings) -> Iterator[str]:
    from mpviz.tui.actions.attached import ATTACHED_ACTIONS
    from mpviz.tui.actions.picker import PICKER_ACTIONS
    from mpviz.tui.actions.programs import PROGRAMS_ACTIONS
    from mpviz.tui.actions.replay import REPLAY_ACTIONS
    from mpviz.tui.actions.run import RUN_ACTIONS
    from mpviz.tui.actions.step import STEP_ACTIONS
    from mpviz.tui.actions.talk import TALK_ACTIONS, TALK_STEP_ACTIONS

    tables: tuple[Sequence[Action[Any]], ...] = (
        PICKER_ACTIONS,
        PROGRAMS_ACTIONS,
        ATTACHED_ACTIONS,
        REPLAY_ACTIONS,
        RUN_ACTIONS,
        STEP_ACTIONS,
        TALK_ACTIONS,
        TALK_STEP_ACTIONS,
    )
    known = {action.title for table in tables for action in table}
    missing = [title for title in settings.keys if title not in known]
    if missing:
        yield f"there is no action {', '.join(map(repr, missing))}"
