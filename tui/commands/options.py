"""The options that commands share, and what can be checked of them before anything begins."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

MOST_COMPARED = 12
"""Recordings; a table with more columns is none."""

_MOST_SPACE = 64
"""Bytes at the start of a JSON file in which its object begins."""


def number_between(least: float, most: float) -> click.FloatRange:
    """The type of a number within these bounds; click would call it a "float range"."""
    kind = click.FloatRange(least, most)
    kind.name = "number"
    return kind


def whole_number_between(least: int, most: int) -> click.IntRange:
    """The same without fractions."""
    kind = click.IntRange(least, most)
    kind.name = "whole number"
    return kind


def check_number(
    context: click.Context, parameter: click.Parameter, value: float | None
) -> float | None:
    """Refuse what is no number and yet within every range."""
    if value is not None and value != value:  # noqa: PLR0124 - only NaN is not itself
        raise click.BadParameter("nan is not a number")
    return value


def rule_names(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> frozenset[str]:
    """The rules of the findings that are named, by commas apart; "all" stands for every one."""
    if value is None:
        return frozenset()
    from mpviz.trace.explain.findings import RULES

    known = frozenset(rule.name for rule in RULES)
    names = frozenset(name.strip() for name in value.split(","))
    for name in sorted(names - known - {"all"}):
        listed = ", ".join(sorted(known))
        raise click.BadParameter(f"there is no finding {name!r} (there is {listed}, or all)")
    return known if "all" in names else names


def _say_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import version

    from mpviz.trace.version import VERSION

    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    runs_on = f"Python {platform.python_version()}, Textual {version('textual')}, {system}"
    click.echo(f"mpviz {VERSION}\n{runs_on}")
    context.exit()


module_option = click.option(
    "-m", "module", is_flag=True, help="The target is a module, as in python -m."
)
python_option = click.option(
    "--python",
    metavar="EXE",
    help="The interpreter that runs it: a path, a name, or a virtual environment's folder."
    "  [default: the active virtual environment's, or python3]",
)
start_method_option = click.option(
    "--start-method",
    type=click.Choice(["fork", "spawn", "forkserver"]),
    help="How processes start, unless the program chooses.",
)

version_option = click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_say_version,
    help="Show the version, and what it runs on, for a report of a fault.",
)
silence_option = click.option(
    "--silence",
    "silenced",
    metavar="NAME,...",
    callback=rule_names,
    help="Findings that are not to be made; mpviz rules lists them.",
)
grace_option = click.option(
    "--grace",
    metavar="SECONDS",
    type=number_between(0, 86_400),
    callback=check_number,
    default=30.0,
    show_default=True,
    help="Time that the program has to end after SIGTERM, before mpviz ends all its processes.",
)
fps_option = click.option(
    "--fps", type=whole_number_between(1, 60), help="Pictures a second.  [default: 10; 4 over SSH]"
)


def theme_name(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse a theme that there is none of."""
    if value is None:
        return None
    from mpviz.tui.render.themes import NAMES

    if value not in NAMES:
        raise click.BadParameter(f"there is no theme {value!r} (there is {', '.join(NAMES)})")
    return value


theme_option = click.option(
    "--theme",
    metavar="NAME",
    callback=theme_name,
    help="dark, light, high-contrast, ansi-dark or ansi-light.  [default: the settings' theme, or "
    "what fits the terminal]",
)


def check_can_fail(fail_on: frozenset[str], silenced: frozenset[str]) -> None:
    """Refuse a finding that the run is to fail on and that is not to be made.

    All but some is fine: ``--fail-on all --silence NAME``.
    """
    from mpviz.trace.explain.findings import RULES

    never = fail_on & silenced
    if never and (len(fail_on) < len(RULES) or not fail_on - silenced):
        names = "all" if len(never) == len(RULES) else ", ".join(sorted(never))
        raise click.UsageError(f"--fail-on {names} can never fail: --silence turns it off")


def check_recordings(files: Sequence[Path]) -> None:
    """Refuse what leaves nothing to compare."""
    if len(files) < 2:
        raise click.UsageError("a comparison needs two recordings or more, not one")
    if len(files) > MOST_COMPARED:
        raise click.UsageError(f"no more than {MOST_COMPARED} recordings are compared")
    known: dict[Path, Path] = {}
    for file in files:
        other = known.setdefault(file.resolve(), file)
        if other is not file:
            raise click.UsageError(f"{other} and {file} are the same recording")


def check_json_file(path: str, headless: bool) -> None:
    """As :func:`check_file`; also refuse to overwrite what is no JSON object, and say if one is.

    A dash stands for stdout, where nothing else is in the way.
    """
    if path == "-":
        if not headless:
            raise click.UsageError("--json - needs --headless: the screen is in the way")
        return
    check_file("--json", path)
    if not has_content(path):
        return
    with Path(path).open("rb") as file:
        if not file.read(_MOST_SPACE).lstrip().startswith(b"{"):
            raise click.UsageError(
                f"--json: {path} is not a JSON object, and would be lost: choose another name"
            )
    say_replaced("--json", "document", path)


def has_content(path: str) -> bool:
    """Whether there is a regular file that is not empty: an empty one is as good as none."""
    file = Path(path)
    return file.is_file() and file.stat().st_size > 0


def say_replaced(option: str, what: str, path: str) -> None:
    """Say on stderr that a file will be replaced, and how old it is."""
    from mpviz.tui.messages import say

    written = datetime.fromtimestamp(Path(path).stat().st_mtime)
    say(f"{option}: replaces the {what} of {written:%Y-%m-%d %H:%M} in {path}")


def check_file(option: str, path: str) -> None:
    """Find out before the run whether a file can be written, and leave no trace."""
    from mpviz.tui.commands.headless import check_writable

    try:
        check_writable(path)
    except OSError as error:
        raise click.UsageError(f"{option}: cannot write {path}: {error.strerror}") from None


def check_record_file(path: str) -> None:
    """As :func:`check_file`; also refuse to overwrite what is no recording, and say if one is."""
    check_file("--record", path)
    if not has_content(path):
        return
    from mpviz.trace.record.recording import NotARecording, Recording

    try:
        Recording(Path(path)).close()
    except NotARecording as bad:
        raise click.UsageError(f"--record: {bad}, and would be lost: choose another name") from None
    say_replaced("--record", "recording", path)


def is_same_file(one: str, other: str) -> bool:
    """Whether two paths lead to one file that is there."""
    try:
        return Path(one).samefile(other)
    except OSError:
        # One of them is not there.
        return False


def why_no_terminal() -> str:
    """Why Textual cannot draw; empty if it can. It reads from stdin and writes to stderr."""
    try:
        are_terminals = sys.stdin.isatty() and sys.stderr.isatty()
    except (AttributeError, ValueError):
        # Closed, or taken away: 2>&- leaves no stderr at all.
        are_terminals = False
    if not are_terminals:
        return "there is no terminal at stdin and stderr"
    if os.environ.get("TERM", "dumb") in ("dumb", ""):
        return "TERM names no terminal that mpviz can draw on; try TERM=xterm-256color"
    return ""
