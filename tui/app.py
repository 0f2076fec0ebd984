"""The app: themes, the way between its screens, and a clean end however it ends."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.command import CommandPalette
from textual.screen import Screen

from mpviz.tui.actions.action import with_keys
from mpviz.tui.actions.palette import ActionsProvider
from mpviz.tui.characters import first_environment, is_ascii_only
from mpviz.tui.endings import NOT_STARTED, Signals
from mpviz.tui.file_names import PICTURE, file_name
from mpviz.tui.render.rows import in_ascii
from mpviz.tui.render.themes import ANSI_DARK, DARK, NAMES, THEMES, own_themes
from mpviz.tui.scenario_runs import commands_of
from mpviz.tui.screens.action_screen import ActionScreen
from mpviz.tui.sessions import Begin, Session, Start, begin_steps
from mpviz.tui.settings import (
    DEFAULTS,
    Settings,
    SettingsError,
    keep,
    settings_file,
)
from mpviz.tui.terminal import Terminal, is_job

if TYPE_CHECKING:
    from mpviz.trace.launch.start import Target
    from mpviz.trace.record.replay import Replay
    from mpviz.tui.screens.base import RunScreenBase
    from mpviz.tui.screens.picker import PickerScreen
    from mpviz.tui.screens.step import StepScreen
    from mpviz.tui.talk.plan import Performance

LAST_WAY_OUT = 8
"""Seconds after a signal that asked us to end; the screen should be gone by then."""

LOOK_SECONDS = 0.5
"""Seconds between two looks at whether the terminal is still there, and ours.

SIGHUP may not reach us, and a shell may send no SIGCONT when it puts us into the foreground.
"""


LEAST_PALETTE = 20
"""Minimum width of the terminal, in columns, for the command palette."""


class MpvizApp(App[int]):
    """Shows the scenarios, or a run, and takes the run with it when it ends."""

    TITLE = "mpviz"
    CSS_PATH = "app.tcss"
    COMMANDS: ClassVar = {ActionsProvider}

    def __init__(
        self,
        target: Target | None = None,
        *,
        start: Start,
        fps: float,
        replay: Replay | None = None,
        performance: Performance | None = None,
        settings: Settings = DEFAULTS,
        attached: bool = False,
        stepped: bool = False,
        schedule: Sequence[Sequence[str]] = (),
        first: ActionScreen | None = None,
    ) -> None:
        no_color = os.environ.get("NO_COLOR")
        super().__init__(driver_class=Terminal)
        if no_color is not None:
            # Textual takes it out of the environment, where the program should find it.
            os.environ["NO_COLOR"] = no_color
        self.fps = fps
        self.session: Session | None = None
        self._recordings: list[Path] = []
        """The latest run; it is closed when the app has ended, whatever ended it."""
        self._replay = replay
        self._performance = performance
        self._attached = attached
        self._stepped = stepped
        self._schedule = schedule
        self._first = first
        """The screen to begin with, if not with the scenarios."""
        self.begin_steps: Begin = begin_steps
        self.failure = ""
        """Why the app could not do what it was started for."""
        self.asked_at = 0.0
        """When a person last asked for something, in seconds of the monotonic clock."""
        self._target = target
        self._start = start
        for theme in own_themes():
            self.register_theme(theme)
        self.settings = settings
        wanted = NAMES.get(settings.theme)
        self.theme = wanted or (DARK if self.console.color_system != "standard" else ANSI_DARK)
        # Textual's own console says UTF-8 whatever the terminal shows.
        drawn_on = getattr(sys.__stderr__, "encoding", None)
        self.ascii_only = is_ascii_only(drawn_on, first_environment())
        self.signals = Signals(has_screen=True, wake=self.end_on_signal)
        self._events: asyncio.AbstractEventLoop | None = None

    def get_default_screen(self) -> Screen[None]:
        """The scenarios, or below a run that was asked for nothing yet."""
        if self._first is not None:
            return self._with_keys(self._first)
        is_asked = self._target or self._replay or self._performance
        return Screen() if is_asked is not None else self._picker()

    def on_load(self) -> None:
        """Prepare to end on a signal, which may have arrived already."""
        self._events = asyncio.get_running_loop()
        if self.signals.received:
            self.exit()

    def on_mount(self) -> None:
        """Show the run that was asked for."""
        if isinstance(self._driver, Terminal):
            if self.ascii_only:
                # Also what Textual draws by itself: its palette, and what is told.
                self._driver.outlet.spell = in_ascii
            self.set_interval(LOOK_SECONDS, self._look_at_terminal)
        if self._target is not None:
            made = self._step_screen if self._stepped else self._run_screen
            self.push_screen(made(self._target))
        elif self._replay is not None:
            self.push_screen(self._replay_screen(self._replay))
        elif self._performance is not None:
            self.push_screen(self._stage(self._performance))

    def on_ready(self) -> None:
        """Spare the garbage collector what is there for good: a full collection holds all up."""
        gc.freeze()

    async def on_event(self, event: events.Event) -> None:
        """Remember when there was a key or a click; then what Textual does with it."""
        if isinstance(event, events.Key | events.MouseDown):
            self.asked_at = time.monotonic()
        await super().on_event(event)

    def on_picker_screen_chosen(self, event: PickerScreen.Chosen) -> None:
        """Run what was chosen, and show it over the scenarios."""
        made = self._step_screen if event.stepped else self._run_screen
        self.push_screen(made(event.target))

    def on_run_screen_base_left(self) -> None:
        """Show the scenarios, again or for the first time."""
        self._show_scenarios()

    def on_step_screen_left(self) -> None:
        """The same after steps."""
        self._show_scenarios()

    def on_step_screen_failed(self, event: StepScreen.Failed) -> None:
        """The same as for a run that was not started."""
        self._say_failed(event.reason)

    def on_run_screen_base_failed(self, event: RunScreenBase.Failed) -> None:
        """Say why a run could not be started: on the command line, or over the scenarios."""
        self._say_failed(event.reason)

    def _say_failed(self, reason: str) -> None:
        if self._target is not None:
            self.failure = reason
            self.exit(NOT_STARTED)
            return
        self._show_scenarios()
        self.notify(reason, severity="error", markup=False)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The command palette: the actions of the screen, from the same table as its keys."""
        return screen.palette_entries() if isinstance(screen, ActionScreen) else ()

    def action_command_palette(self) -> None:
        """Open the palette if it has room: in a terminal of a few columns, it would end the app."""
        if self.size.width >= LEAST_PALETTE:
            super().action_command_palette()

    def on_resize(self, event: events.Resize) -> None:
        """Close the palette before it is drawn, if it has no room any more."""
        if event.size.width < LEAST_PALETTE and isinstance(self.screen, CommandPalette):
            self.pop_screen()

    def next_theme(self) -> None:
        """Take the next theme."""
        after = THEMES.index(self.theme) + 1 if self.theme in THEMES else 0
        self.theme = THEMES[after % len(THEMES)]

    def keep_settings(self) -> None:
        """Write theme and panels into the file of settings."""
        away_of = getattr(self.screen, "away_of", None)
        away = away_of(self.settings.away) if away_of is not None else self.settings.away
        theme = next(name for name, theme in NAMES.items() if theme == self.theme)
        file = settings_file()
        try:
            keep(file, theme, away)
        except (SettingsError, OSError) as error:
            why = getattr(error, "strerror", None) or error
            self.notify(f"not kept: {file}: {why}", severity="error", markup=False)
        else:
            self.settings = replace(self.settings, theme=theme, away=away)
            self.notify(f"kept in {file}", markup=False)

    def save_picture(self) -> None:
        """Write the screen as an SVG file into the current directory."""
        name = getattr(getattr(self.screen, "target", None), "name", "scenarios")
        file = file_name(name, PICTURE)
        try:
            Path(file).write_text(self.export_screenshot(title=f"mpviz {name}"), encoding="utf-8")
        except OSError as error:
            self.notify(f"no picture: {error.strerror}", severity="error", markup=False)
        else:
            self.notify(f"saved {Path.cwd() / file}", markup=False)

    def exit(self, *arguments: Any, **options: Any) -> None:
        """End the app; what was typed meanwhile says nothing more."""
        self.signals.is_quit()
        super().exit(*arguments, **options)

    def stop_as_job(self) -> None:
        """Stop as a job of the shell, with all that is of the same job, as the kernel would."""
        if is_job():
            os.kill(0, signal.SIGTSTP)
        else:
            self.notify("there is no shell that could continue mpviz", markup=False)

    def action_help_quit(self) -> None:
        """Quit with Ctrl-C wherever there is no program that it could interrupt."""
        self.exit()

    def show_help(self) -> None:
        """Explain the screen."""
        from mpviz.tui.screens.help import HelpScreen  # noqa: PLC0415 - the first picture needs none

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def end_on_signal(self, number: int) -> None:
        """End the app as q does. For a signal handler: it works whatever the loop waits for."""
        if isinstance(self._driver, Terminal):
            self._driver.outlet.leaving = True
        if self._events is None or self._events.is_closed():
            return
        if signal.getsignal(signal.SIGALRM) is signal.SIG_DFL:
            # The supervisor ends the program when we are gone.
            signal.signal(signal.SIGALRM, lambda *_: _leave(self, 128 + number))
            signal.alarm(LAST_WAY_OUT)
        # Only this wakes a sleeping loop.
        self._events.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.signals.act()
        self.exit()

    def give_terminal_back(self) -> None:
        """Restore the terminal at once, without the loop. For a signal handler about to exit."""
        if isinstance(self._driver, Terminal):
            self._driver.give_back_at_once()

    def settle_terminal(self) -> None:
        """Restore the last of the terminal's modes, once the app has ended."""
        if isinstance(self._driver, Terminal):
            self._driver.settle()

    def _look_at_terminal(self) -> None:
        if isinstance(self._driver, Terminal) and not self._exit:
            if self._driver.is_hung_up:
                self.signals.received.append(signal.SIGHUP)
                self.end_on_signal(signal.SIGHUP)
            else:
                self._driver.take_if_ours()

    def start_session(self, target: Target) -> Session:
        """Start a run, and keep it so that it can be closed."""
        self.signals.session = None
        self._note_recording()
        self.session = self._start(target)
        if not self._attached:
            # What mpviz has not started gets no signal that is meant for mpviz.
            self.signals.session = self.session
        self.signals.act()
        return self.session

    def recordings(self) -> list[Path]:
        """The files in which its runs were recorded, as they were started."""
        self._note_recording()
        return self._recordings

    def _note_recording(self) -> None:
        """Keep the name of the file of the run so far, if it has one and it could be written."""
        if self.session is None or self.session.record_problem:
            return
        file = self.session.recorded
        if file is not None and file not in self._recordings:
            self._recordings.append(file)

    def _show_scenarios(self) -> None:
        if len(self.screen_stack) > 1 and self._target is None and self._replay is None:
            self.pop_screen()
        else:
            self._target = self._replay = None
            self.switch_screen(self._picker())

    def _run_screen(self, target: Target) -> Screen[None]:
        from mpviz.tui.panels import panels_for  # noqa: PLC0415 - picking needs no msgspec
        from mpviz.tui.screens.attached import AttachedScreen  # noqa: PLC0415
        from mpviz.tui.screens.run import RunScreen  # noqa: PLC0415

        screen = (AttachedScreen if self._attached else RunScreen)(
            target,
            self.start_session,
            fps=self.fps,
            ascii_only=self.ascii_only,
            panels=panels_for(commands_of(target)),
            away=self.settings.away,
        )
        return self._with_keys(screen)

    def _step_screen(self, target: Target) -> Screen[None]:
        from mpviz.tui.screens.step import StepScreen  # noqa: PLC0415 - the others need none

        schedule, self._schedule = self._schedule, ()
        return self._with_keys(StepScreen(target, self.begin_steps, schedule))

    def _replay_screen(self, replay: Replay) -> Screen[None]:
        from mpviz.tui.screens.replay import ReplayScreen  # noqa: PLC0415 - picking needs none

        return self._with_keys(
            ReplayScreen(replay, fps=self.fps, ascii_only=self.ascii_only, away=self.settings.away)
        )

    def _stage(self, performance: Performance) -> Screen[None]:
        from mpviz.tui.talk.stage import StageScreen  # noqa: PLC0415 - only a talk needs it

        return self._with_keys(
            StageScreen(performance, self.start_session, fps=self.fps, ascii_only=self.ascii_only)
        )

    def _picker(self) -> Screen[None]:
        from mpviz.tui.screens.picker import PickerScreen  # noqa: PLC0415 - a run needs none

        return self._with_keys(PickerScreen())

    def _with_keys(self, screen: ActionScreen) -> ActionScreen:
        if self.settings.keys:
            screen.ACTIONS = with_keys(screen.ACTIONS, self.settings.keys)
        return screen


def _leave(app: MpvizApp, status: int) -> None:
    app.give_terminal_back()
    os._exit(status)
