"""The themes that a person can choose, and the styles of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpviz.tui.render.palette import Colours, Palette, palette

if TYPE_CHECKING:
    from textual.theme import Theme

DARK = "mpviz-dark"
LIGHT = "mpviz-light"
CONTRAST = "high-contrast"
ANSI_DARK = "ansi-dark"
ANSI_LIGHT = "ansi-light"
THEMES = (DARK, LIGHT, CONTRAST, ANSI_DARK, ANSI_LIGHT)
"""In the order in which the key for the next theme goes through them."""

NAMES = {theme.removeprefix("mpviz-"): theme for theme in THEMES}
"""The themes by the name that a person gives to them: dark, light, high-contrast …"""

PLAIN = "plain"
"""No theme of Textual's: the styles where NO_COLOR forbids all colours."""

BACKGROUNDS = {DARK: "#10151c", LIGHT: "#fbfaf7", CONTRAST: "#ffffff"}

_COLOURS: dict[str, Colours] = {
    ANSI_DARK: "16",
    ANSI_LIGHT: "16",
    PLAIN: "none",
    CONTRAST: "strong",
}


def styles_for(theme: str) -> Palette:
    """The style of every name in this theme, made once; an unknown theme looks like the dark."""
    dark = theme not in (LIGHT, ANSI_LIGHT, CONTRAST)
    return palette(dark, _COLOURS.get(theme, "truecolor"), BACKGROUNDS.get(theme, ""))


def own_themes() -> tuple[Theme, ...]:
    """The themes that Textual does not bring along."""
    from textual.theme import Theme  # noqa: PLC0415 - tests of rows need no Textual

    dark = Theme(
        name=DARK,
        primary="#a9b8cc",
        secondary="#8b9cb3",
        accent="#f2f5f9",
        warning="#ffd23f",
        error="#ff6b6b",
        success="#6fdc8c",
        foreground="#c9d3df",
        background=BACKGROUNDS[DARK],
        surface="#161d26",
        panel="#1c2530",
        dark=True,
    )
    light = Theme(
        name=LIGHT,
        primary="#4a5666",
        secondary="#586880",
        accent="#0d131b",
        warning="#7a6000",
        error="#c4161c",
        success="#187533",
        foreground="#2a3441",
        background=BACKGROUNDS[LIGHT],
        surface="#f2f1ec",
        panel="#e8e8e3",
        dark=False,
    )
    contrast = Theme(
        name=CONTRAST,
        primary="#20262e",
        secondary="#39424e",
        accent="#000000",
        warning="#5c4800",
        error="#9c1116",
        success="#0e5a24",
        foreground="#000000",
        background=BACKGROUNDS[CONTRAST],
        surface="#ffffff",
        panel="#eeeeee",
        dark=False,
    )
    return dark, light, contrast
