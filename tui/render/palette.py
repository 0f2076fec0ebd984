"""What the names of styles look like on a theme: built once for each theme.

Colour is never the only sign: whatever a colour says, a glyph or a tag beside it says too. Blue and
orange carry meaning, red is for trouble and for nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Literal

from rich.color import Color
from rich.style import Style

from mpviz.trace.model.lane import Activity

Colours = Literal["truecolor", "256", "16", "none"]


@dataclass(frozen=True, slots=True)
class Look:
    """One style as it should be on every kind of terminal."""

    dark: str
    """Colour on a dark background, as #rrggbb; empty for the terminal's own."""
    light: str
    ansi_dark: str = ""
    """Of the sixteen colours, on a dark background."""
    ansi_light: str = ""
    attributes: str = ""
    """bold, dim, reverse … with colours."""
    plain: str = ""
    """The same without colours."""


PROCESS_LOOKS: tuple[Look, ...] = (
    Look("#6cb6ff", "#1f6fbf", "bright_blue", "blue"),
    Look("#f5a14d", "#a85500", "yellow", "yellow"),
    Look("#4fd1b5", "#0b7563", "cyan", "cyan"),
    Look("#c79bf2", "#7b3fb5", "magenta", "magenta"),
    Look("#e6d35c", "#7d6400", "bright_yellow", "green"),
    Look("#f48fc8", "#b3307a", "bright_magenta", "bright_blue"),
    Look("#a9d65f", "#477000", "green", "bright_magenta"),
    Look("#5ad3f7", "#00718f", "bright_cyan", "black"),
    Look("#cfa377", "#7a5530", "white", "bright_black"),
    Look("#9aa5ff", "#4450c8", "blue", "blue"),
    Look("#7fe3a3", "#00600f", "bright_green", "green"),
    Look("#da8ae0", "#8c0a8c", "bright_magenta", "magenta"),
    Look("#b9c6d4", "#55606b", "bright_white", "bright_black"),
    Look("#e0b48a", "#8a5a2b", "bright_yellow", "yellow"),
)
"""By ``Process.number``, again from the start after the last."""

ACTIVITY_LOOKS: dict[Activity, Look] = {
    Activity.STARTING: Look("#7fb3d5", "#3f7ea6", "cyan", "cyan"),
    Activity.RUNNING: Look("#4f9dea", "#2477c9", "bright_blue", "blue"),
    Activity.TASK: Look("#38b8b0", "#12857e", "bright_cyan", "cyan"),
    Activity.LOCK: Look("#f0903c", "#c25e00", "yellow", "yellow"),
    Activity.QUEUE: Look("#dcc04a", "#8f7200", "bright_yellow", "yellow"),
    Activity.PROCESS: Look("#8792a5", "#6a7483", "white", "bright_black"),
    Activity.RESULT: Look("#a891dd", "#7557b5", "magenta", "magenta"),
    Activity.SIGNAL: Look("#e08fc4", "#ad3f88", "bright_magenta", "magenta"),
    Activity.IDLE: Look("#66707f", "#8b93a0", "bright_black", "bright_black"),
    Activity.SLEEPING: Look("#7483a0", "#76829a", "bright_black", "bright_black"),
    Activity.STOPPED: Look("#d5dae2", "#343b45", "bright_white", "black", "bold", "bold"),
    Activity.ZOMBIE: Look("#a58ba5", "#7d5f7d", "magenta", "magenta"),
    Activity.INITIALIZING: Look("#5fa3a8", "#2f7f86", "cyan", "cyan"),
    Activity.ENDING: Look("#8f9bb0", "#5f6b80", "white", "bright_black"),
    Activity.ENDED: Look("#4d5562", "#a9b0ba", "bright_black", "bright_black"),
}

_GROUND: dict[Activity, float] = {
    Activity.LOCK: 0.50,
    Activity.QUEUE: 0.38,
    Activity.SIGNAL: 0.26,
    Activity.STARTING: 0.26,
    Activity.INITIALIZING: 0.30,
    Activity.RUNNING: 0.55,
    Activity.TASK: 0.55,
    Activity.STOPPED: 0.30,
    Activity.ZOMBIE: 0.26,
}
"""How much of an activity's colour its ground has, 0 to 1; the rest is the theme's background. An
activity that is not named has that background alone, so that idleness looks empty."""

_SHADED = (Activity.LOCK, Activity.QUEUE)
"""Activities whose glyph is a pattern, which is quieter when its ground is near its colour."""

_NAMED: dict[str, Look] = {
    "dim": Look("#8b94a3", "#646c78", "bright_black", "bright_black", plain="dim"),
    "faint": Look("#5b6472", "#9aa1ac", "bright_black", "bright_black", plain="dim"),
    "track": Look("#444c58", "#c2c7ce", "bright_black", "bright_black", plain="dim"),
    "strong": Look("", "", attributes="bold", plain="bold"),
    "title": Look("#79b8ff", "#1862ad", "bright_blue", "blue", "bold", "bold"),
    "number": Look("#d7dde6", "#2b323b"),
    "good": Look("#4fa8f0", "#1f6fbf", "bright_blue", "blue"),
    "warning": Look("#f0903c", "#b35600", "yellow", "yellow", "bold", "bold"),
    "trouble": Look("#ff5f5f", "#c4161c", "bright_red", "red", "bold", "bold"),
    "other": Look("#6d7685", "#8d95a1", "bright_black", "bright_black", plain="dim"),
    "history": Look("#5d7da6", "#7b98bd", "blue", "blue"),
    "border": Look("#4a5361", "#b3b9c2", "bright_black", "bright_black", plain="dim"),
    "activity.task.shade": Look("#2a938f", "#4aa39d", "cyan", "bright_cyan"),
    "code.keyword": Look("#c79bf2", "#7b3fb5", "magenta", "magenta", plain="bold"),
    "code.name": Look("#6cb6ff", "#1f6fbf", "bright_blue", "blue"),
    "code.builtin": Look("#4fd1b5", "#0b7563", "cyan", "cyan"),
    "code.string": Look("#b5cc7a", "#4b6a10", "green", "green"),
    "code.number": Look("#e6b673", "#985a00", "yellow", "yellow"),
    "code.comment": Look("#7b8594", "#737b87", "bright_black", "bright_black", plain="dim"),
}


def _filled(dark: str, light: str, ansi_dark: str, ansi_light: str) -> Look:
    """Bold words on a ground of this colour."""
    return Look(
        f"#10151c on {dark}",
        f"#ffffff on {light}",
        f"reverse {ansi_dark}",
        f"reverse {ansi_light}",
        "bold",
        "bold reverse",
    )


_ON_ORANGE = _filled("#f5a14d", "#a85500", "yellow", "blue")
_ORANGE = Look("#f5a14d", "#a85500", "yellow", "blue", plain="bold")
_BRIGHT = Look("#f2f5f9", "#0d131b", attributes="bold", plain="bold")

_AROUND: dict[str, Look] = {
    "brand": _ON_ORANGE,
    "frame": Look("#3b4654", "#bcc3cb", "bright_black", "bright_black"),
    "frame.on": _ORANGE,
    "frame.title": Look("#d7dde6", "#1b2430", attributes="bold", plain="bold"),
    "frame.title.on": replace(_ORANGE, attributes="bold", plain="bold reverse"),
    "frame.tab": Look("#8b94a3", "#5a6776"),
    "frame.number": Look("#6d7a8a", "#7d8894", "bright_black", "bright_black"),
    "text": Look("#c9d3df", "#2a3441"),
    "head": _BRIGHT,
    "watch": Look("#f7c58b", "#8a4a00", "yellow", "blue"),
    "chapter": Look("#6cb6ff", "#1f6fbf", "cyan", "blue", plain="underline"),
    "chosen": _ON_ORANGE,
    "chosen.off": Look(
        "#f2f5f9 on #2b3644",
        "#0d131b on #dbe1e8",
        "underline",
        "underline",
        "bold",
        "bold underline",
    ),
    "key": replace(_ORANGE, attributes="bold"),
    "hint": Look("#a3afbe", "#465260"),
    "live": Look("#4fd1b5", "#0b7563", "cyan", "cyan", "bold", "bold"),
    "paused.sign": Look("#6cb6ff", "#1f6fbf", "bright_blue", "blue", "bold", "bold"),
    "scrubber.here": _BRIGHT,
    "scrubber.past": _ORANGE,
    "scrubber.to.come": Look("#5a6776", "#9aa4ae", "bright_black", "bright_black"),
    "paused": _filled("#6cb6ff", "#1f6fbf", "bright_blue", "blue"),
    "frozen": replace(
        _filled("#a9e3ff", "#23708f", "cyan", "cyan"), plain="bold reverse underline"
    ),
    "over": Look("#a3afbe", "#465260", attributes="bold", plain="bold"),
    "alarm": replace(_filled("#c4313b", "#b3202b", "red", "red"), dark="#ffffff on #c4313b"),
    "wrong": Look("#ff7b72", "#b3202b", "bright_red", "red", "bold", "bold"),
    "value": Look("#9fd0ff", "#1862ad", "cyan", "blue", "bold", "bold"),
    "value.changed": Look("#f5a14d", "#a85500", "yellow", "magenta", "bold", "bold"),
    "button": _filled("#4fd1b5", "#0b7563", "cyan", "cyan"),
    "button.off": Look("#8b94a3 on #232c38", "#646c78 on #e3e6ea", "bright_black", "bright_black"),
}
"""What is around the panels: frames, header, footer, forms."""

_DARK_BACKGROUND = "#121212"
_LIGHT_BACKGROUND = "#e0e0e0"


class Palette(dict[str, Style]):
    """Style names and their styles; use ``palette[name]``, which also makes what is composed.

    Beside the plain names there are

    ``process.7``      the colour of the process with that number
    ``A on B``         the colour of A on a ground of the colour of B
    ``A+selected``     A within what a person has selected (any other name may follow the plus)

    Every composition is made once. An unknown name is the terminal's own style.
    """

    def __missing__(self, name: str) -> Style:
        style = self[name] = self._composed(name)
        return style

    def _composed(self, name: str) -> Style:
        if "+" in name:
            name, _, other = name.rpartition("+")
            return _upon(self[name], self[other])
        if " on " in name:
            return self._on(*name.split(" on ", 1))
        if name.startswith("process.") and name[8:].isdigit():
            return self[f"process.{(int(name[8:]) - 1) % len(PROCESS_LOOKS) + 1}"]
        return Style.null()

    def _on(self, front: str, back: str) -> Style:
        style, ground = self[front], self[back].color
        if ground is None or ground.is_default:
            return style
        if front == "ink":
            # The terminal's own inversion: it reads wherever the colour itself reads.
            return Style(color=self.ink, bgcolor=ground)
        return Style(color=style.color, bgcolor=ground, bold=style.bold)

    ink: Color | None = None
    """What is written with on a ground of one of the colours."""


@lru_cache(maxsize=16)
def palette(dark: bool = True, colours: Colours = "truecolor", background: str = "") -> Palette:
    """The styles for a theme; ``background`` as #rrggbb, if the theme has one."""
    result = Palette()
    for name, look in _looks().items():
        result[name] = _style(look, dark, colours)
    ground = background if _is_hex(background) else _DARK_BACKGROUND if dark else _LIGHT_BACKGROUND
    _add_grounds(result, dark, colours, ground)
    _add_selection(result, dark, colours, ground)
    return result


def _looks() -> dict[str, Look]:
    looks = _NAMED | _AROUND
    for number, look in enumerate(PROCESS_LOOKS, 1):
        looks[f"process.{number}"] = look
    for activity, look in ACTIVITY_LOOKS.items():
        looks[activity_style(activity)] = look
    return looks


@cache
def activity_style(activity: Activity) -> str:
    """The style name of an activity: ``activity.lock``."""
    return f"activity.{activity.name.lower()}"


@cache
def lane_style(activity: Activity) -> str:
    """The style name of a column that an activity fills; a softer one for the shaded glyphs."""
    return activity_style(activity) + (".lane" if activity in _SHADED else "")


def process_style(number: int) -> str:
    """The style name of the process with this number: ``process.3``."""
    return f"process.{number}"


def _style(look: Look, dark: bool, colours: Colours) -> Style:
    if colours == "none":
        return Style.parse(look.plain) if look.plain else Style.null()
    if colours == "16":
        colour = look.ansi_dark if dark else look.ansi_light
    else:
        colour = look.dark if dark else look.light
    return Style.parse(f"{look.attributes} {colour}".strip() or "none")


def _add_grounds(result: Palette, dark: bool, colours: Colours, background: str) -> None:
    """The grounds that mixed columns are drawn on, and what is written over colours."""
    for activity, look in ACTIVITY_LOOKS.items():
        name = activity_style(activity) + ".ground"
        share = _GROUND.get(activity, 0.0)
        result[activity_style(activity) + ".lane"] = result[activity_style(activity)]
        if colours == "none" or not share:
            result[name] = Style.null()
        elif colours == "16":
            result[name] = result[activity_style(activity)]
        else:
            colour = look.dark if dark else look.light
            result[name] = Style(color=mixed(colour, background, share))
            result[activity_style(activity) + ".lane"] = Style(
                color=mixed(colour, background, share * 1.5),
                bgcolor=mixed(colour, background, share * 0.8),
            )
    if colours == "none":
        result["ink"] = result["gap"] = Style(reverse=True)
        return
    written = "black" if dark else "bright_white"
    result.ink = Color.parse(written if colours == "16" else "#10141a" if dark else "#ffffff")
    result["ink"] = Style(color=result.ink)
    result["gap"] = Style(color=written if colours == "16" else background)


def _add_selection(result: Palette, dark: bool, colours: Colours, background: str) -> None:
    if colours == "none":
        result["selected"] = Style(reverse=True)
        # Reversed, a lane would say the opposite; the sign before its name says enough.
        result["selected.lane"] = Style.null()
        return
    if colours == "16":
        # A ground would swallow one of the sixteen: the sign at the left and bold text must do.
        result["selected"] = Style(bold=True)
    else:
        tint = mixed("#6cb6ff" if dark else "#1f6fbf", background, 0.22 if dark else 0.16)
        result["selected"] = Style(bgcolor=tint)
    result["selected.lane"] = result["selected"]


def _upon(style: Style, other: Style) -> Style:
    """This style, with what it leaves open from the other."""
    return other + style


def mixed(colour: str, background: str, share: float) -> str:
    """This much of a colour over a background, all as #rrggbb."""
    pairs = zip(_triplet(colour), _triplet(background), strict=True)
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def _triplet(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _is_hex(colour: str) -> bool:
    return len(colour) == 7 and colour.startswith("#")
