"""The themes that a person can choose, and the styles of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

_COLOURS: dict[str, Colours] = {ANSI_DARK: "16", ANSI_LIGHT: "16", PLAIN: "none"}


def styles_for(theme: str) -> Palette:
    """The style of every name in this theme, made once; an unknown theme looks like the dark."""
    dark = theme not in (LIGHT, ANSI_LIGHT)
    return palette(dark, _COLOURS.get(theme, "truecolor"), BACKGROUNDS.get(theme, ""))


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
