"""The themes, and the style of every name in each: those of the panels, and what is around."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from rich.style import Style

from mpviz.tui.render.palette import Colours, Palette, palette

if TYPE_CHECKING:
    from textual.theme import Theme

DARK = "mpviz-dark"
LIGHT = "mpviz-light"
ANSI_DARK = "ansi-dark"
ANSI_LIGHT = "ansi-light"
THEMES = (DARK, LIGHT, ANSI_DARK, ANSI_LIGHT)
"""In the order in which the key for the next theme goes through them."""

PLAIN = "plain"
"""No theme of Textual's: the styles where NO_COLOR forbids all colours."""

BACKGROUNDS = {DARK: "#10151c", LIGHT: "#fbfaf7"}

# What is around the panels: on dark, on light, in 16 colours on dark and on light, with none.
_AROUND: dict[str, tuple[str, str, str, str, str]] = {
    "brand": (
        "bold #10151c on #f5a14d",
        "bold #ffffff on #a85500",
        "bold reverse yellow",
        "bold reverse blue",
        "bold reverse",
    ),
    "frame": ("#3b4654", "#bcc3cb", "bright_black", "bright_black", ""),
    "frame.on": ("#f5a14d", "#a85500", "yellow", "blue", "bold"),
    "frame.title": ("bold #d7dde6", "bold #1b2430", "bold", "bold", "bold"),
    "frame.title.on": ("bold #f5a14d", "bold #a85500", "bold yellow", "bold blue", "bold reverse"),
    "frame.tab": ("#8b94a3", "#5a6776", "", "", ""),
    "frame.number": ("#6d7a8a", "#7d8894", "bright_black", "bright_black", ""),
    "text": ("#c9d3df", "#2a3441", "", "", ""),
    "head": ("bold #f2f5f9", "bold #0d131b", "bold", "bold", "bold"),
    "watch": ("#f7c58b", "#8a4a00", "yellow", "blue", ""),
    "chapter": ("#6cb6ff", "#1f6fbf", "cyan", "blue", "underline"),
    "chosen": (
        "bold #10151c on #f5a14d",
        "bold #ffffff on #a85500",
        "bold reverse yellow",
        "bold reverse blue",
        "bold reverse",
    ),
    "chosen.off": (
        "bold #f2f5f9 on #2b3644",
        "bold #0d131b on #dbe1e8",
        "bold underline",
        "bold underline",
        "bold underline",
    ),
    "key": ("bold #f5a14d", "bold #a85500", "bold yellow", "bold blue", "bold"),
    "hint": ("#a3afbe", "#465260", "", "", ""),
    "live": ("bold #4fd1b5", "bold #0b7563", "bold cyan", "bold cyan", "bold"),
    "paused.sign": ("bold #6cb6ff", "bold #1f6fbf", "bold bright_blue", "bold blue", "bold"),
    "scrubber.here": ("bold #f2f5f9", "bold #0d131b", "bold", "bold", "bold"),
    "scrubber.past": ("#f5a14d", "#a85500", "yellow", "blue", "bold"),
    "scrubber.to.come": ("#5a6776", "#9aa4ae", "bright_black", "bright_black", ""),
    "paused": (
        "bold #10151c on #6cb6ff",
        "bold #ffffff on #1f6fbf",
        "bold reverse bright_blue",
        "bold reverse blue",
        "bold reverse",
    ),
    "frozen": (
        "bold #10151c on #a9e3ff",
        "bold #ffffff on #23708f",
        "bold reverse cyan",
        "bold reverse cyan",
        "bold reverse underline",
    ),
    "over": ("bold #a3afbe", "bold #465260", "bold", "bold", "bold"),
    "alarm": (
        "bold #ffffff on #c4313b",
        "bold #ffffff on #b3202b",
        "bold reverse red",
        "bold reverse red",
        "bold reverse",
    ),
    "wrong": ("bold #ff7b72", "bold #b3202b", "bold bright_red", "bold red", "bold"),
    "value": ("bold #9fd0ff", "bold #1862ad", "bold cyan", "bold blue", "bold"),
    "value.changed": ("bold #f5a14d", "bold #a85500", "bold yellow", "bold magenta", "bold"),
    "button": (
        "bold #10151c on #4fd1b5",
        "bold #ffffff on #0b7563",
        "bold reverse cyan",
        "bold reverse cyan",
        "bold reverse",
    ),
    "button.off": ("#8b94a3 on #232c38", "#646c78 on #e3e6ea", "bright_black", "bright_black", ""),
}


class Styles(dict[str, Style]):
    """The styles around the panels, and behind them those of the panels' palette."""

    def __init__(self, around: dict[str, Style], behind: Palette) -> None:
        super().__init__(around)
        self._behind = behind

    def __missing__(self, name: str) -> Style:
        style = self[name] = self._behind[name]
        return style


@cache
def styles_for(theme: str) -> Styles:
    """The style of every name in this theme, made once; an unknown theme looks like the dark."""
    column = (DARK, LIGHT, ANSI_DARK, ANSI_LIGHT, PLAIN)
    index = column.index(theme) if theme in column else 0
    around = {name: Style.parse(looks[index] or "none") for name, looks in _AROUND.items()}
    colours: tuple[Colours, ...] = ("truecolor", "truecolor", "16", "16", "none")
    dark = theme not in (LIGHT, ANSI_LIGHT)
    return Styles(around, palette(dark, colours[index], BACKGROUNDS.get(theme, "")))


def own_themes() -> tuple[Theme, Theme]:
    """The two themes that Textual does not bring along."""
    from textual.theme import Theme  # noqa: PLC0415 - tests of rows need no Textual

    dark = Theme(
        name=DARK,
        primary="#6cb6ff",
        secondary="#c79bf2",
        accent="#f5a14d",
        warning="#f5a14d",
        error="#ff7b72",
        success="#4fd1b5",
        foreground="#c9d3df",
        background=BACKGROUNDS[DARK],
        surface="#161d26",
        panel="#1c2530",
        dark=True,
    )
    light = Theme(
        name=LIGHT,
        primary="#1f6fbf",
        secondary="#7b3fb5",
        accent="#a85500",
        warning="#a85500",
        error="#b3202b",
        success="#0b7563",
        foreground="#2a3441",
        background=BACKGROUNDS[LIGHT],
        surface="#f2f1ec",
        panel="#e8e8e3",
        dark=False,
    )
    return dark, light
