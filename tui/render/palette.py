"""What the names of styles look like on a theme: built once for each theme.

One colour has one meaning, and is never the only sign: a glyph or a tag beside it says the same.
Red is trouble, yellow a warning, green what is well or alive. The rest belongs to activities and to
processes; what is of mpviz itself has no colour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Literal

from rich.color import Color
from rich.style import Style

from mpviz.trace.model.lane import Activity
from mpviz.tui.colours import BLACK, WHITE, contrast, darkened, mixed

Colours = Literal["truecolor", "256", "16", "none", "strong"]
"""How many there are; "strong" has all, for a high contrast on white."""

STRONG_CONTRAST = 7.0
"""Of texts in the high contrast: what WCAG 2.2 asks for at its highest level (AAA)."""


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
    strong: str = ""
    """Colour of the high contrast, on white; if empty, the light one, as dark as it needs to be."""


_LOOKS_OF_PROCESSES = (
    ("#bdfc88", "#1853ce", "#1b49d7"),
    ("#e66ac6", "#965b16", "#420526"),
    ("#9d9c12", "#621674", "#066507"),
    ("#03f3bd", "#044721", "#09175b"),
    ("#8d8dfe", "#6552a9", "#585080"),
    ("#9ee3fa", "#7e4d6f", "#9021a8"),
    ("#cd864e", "#002c9e", "#6d2f3f"),
    ("#65a481", "#426635", "#4d01a2"),
    ("#d4a3c5", "#424304", "#7f0058"),
    ("#ecad79", "#740058", "#334115"),
    ("#bbca45", "#662840", "#032907"),
    ("#3aadda", "#8b3783", "#073683"),
)
"""Dark, light and high contrast. Found by a search for colours that are far apart also to people
who see no red, no green or no blue, and that nothing else on the screen has; the tests measure it.
Those that come first are the farthest apart."""

_ANSI_OF_PROCESSES = (
    ("bright_green", "blue"),
    ("bright_magenta", "magenta"),
    ("cyan", "black"),
    ("white", "bright_blue"),
    ("green", "blue"),
    ("bright_cyan", "magenta"),
)

PROCESS_LOOKS: tuple[Look, ...] = tuple(
    Look(dark, light, *_ANSI_OF_PROCESSES[number % len(_ANSI_OF_PROCESSES)], strong=strong)
    for number, (dark, light, strong) in enumerate(_LOOKS_OF_PROCESSES)
)
"""By ``Process.number``, again from the start after the last."""

ACTIVITY_LOOKS: dict[Activity, Look] = {
    Activity.STARTING: Look("#9db4c9", "#40627e", "white", "black"),
    Activity.RUNNING: Look("#4a9df0", "#1763b0", "bright_cyan", "blue"),
    Activity.TASK: Look("#3ccfc0", "#0a7165", "cyan", "bright_blue"),
    Activity.LOCK: Look("#ff9f43", "#a54f00", "bright_magenta", "magenta"),
    Activity.QUEUE: Look("#c9b3ff", "#6f42c1", "green", "black"),
    Activity.PROCESS: Look("#a3adbc", "#586271", "white", "black"),
    Activity.RESULT: Look("#b9c4d4", "#4a5666", "white", "black"),
    Activity.SIGNAL: Look("#f08fc8", "#a83284", "bright_magenta", "magenta", strong="#a80066"),
    Activity.IDLE: Look("#8b95a5", "#5a626d", "white", "black"),
    Activity.SLEEPING: Look("#8f9db8", "#566480", "white", "black"),
    Activity.STOPPED: Look("#e3e8ef", "#2b323c", "bright_white", "black", "bold", "bold"),
    Activity.ZOMBIE: Look("#b79cb7", "#6f4f6f", "white", "black"),
    Activity.INITIALIZING: Look("#6fb7bd", "#23686e", "cyan", "bright_blue"),
    Activity.ENDING: Look("#9aa6ba", "#566174", "white", "black"),
    Activity.ENDED: Look("#8b95a5", "#5a626d", "white", "black"),
}
"""Work is blue and teal. Waits that processes cause each other have a colour, all other states are
grey: a parent that waits for its children is as it should be."""

VIVID_GROUNDS: dict[Activity, tuple[str, str]] = {
    Activity.LOCK: ("#6e3800", "#ffc890"),
    Activity.QUEUE: ("#4f2f9e", "#cbb4ff"),
    Activity.SIGNAL: ("#7a2460", "#ffb5e1"),
}
"""The grounds, dark and light, of waits that processes cause each other: as vivid as work on them
can be seen with 3:1. From a few rows away, a paler one is no colour at all."""

_GROUND: dict[Activity, float] = {
    Activity.STARTING: 0.16,
    Activity.INITIALIZING: 0.22,
    Activity.STOPPED: 0.20,
    Activity.ZOMBIE: 0.20,
}
"""How much of an activity's colour its ground has, 0 to 1; the rest is the theme's background. An
activity that is not named has that background alone, so that idleness looks empty."""

_CORE_GROUND = 0.28
"""The same for the colour of work, where a process had no core."""

_SHADED = (Activity.LOCK, Activity.QUEUE)
"""Activities whose glyph is a pattern; in a lane, it lies on the ground of its colour."""

_GREY = Look("#98a2b1", "#525a66", "white", "black", plain="dim")
_LINE = "#7d848e"
_BRIGHT = Look("#f2f5f9", "#0d131b", "bright_white", "black", "bold", "bold")

_NAMED: dict[str, Look] = {
    "dim": _GREY,
    "faint": Look("#8b95a5", "#5a626d", "white", "black", plain="dim"),
    "track": Look("#444c58", "#c2c7ce", "bright_black", "bright_black", plain="dim", strong=_LINE),
    "strong": Look("", "", attributes="bold", plain="bold"),
    "title": _BRIGHT,
    "number": Look("#d7dde6", "#2b323b"),
    "update": _BRIGHT,
    "good": Look("#6fdc8c", "#187533", "bright_green", "black", plain="bold"),
    "warning": Look("#ffd23f", "#7a6000", "bright_yellow", "underline black", "bold", "bold"),
    "trouble": Look("#ff6b6b", "#c4161c", "bright_red", "red", "bold", "bold"),
    "other": Look("#8b95a5", "#5a626d", "white", "black", plain="dim"),
    "history": Look("#8b9cb3", "#586880", "white", "black"),
    "border": Look("#4a5361", "#b3b9c2", "bright_black", "bright_black", plain="dim", strong=_LINE),
    "activity.task.shade": Look("#2ea597", "#2c7d72", "green", "blue"),
    "activity.task.2": Look("#dcc98a", "#4b1038", "white", "black"),
    "activity.task.2.shade": Look("#b3a470", "#66324f", "white", "black"),
    "activity.task.3": Look("#e59a8c", "#9a1c00", "white", "black"),
    "activity.task.3.shade": Look("#bd7d71", "#a83c24", "white", "black"),
    "activity.task.4": Look("#9ccc65", "#0e2ab6", "white", "black"),
    "activity.task.4.shade": Look("#7fa653", "#3a52c4", "white", "black"),
    "code.keyword": Look("#d7dde6", "#1b2430", attributes="bold", plain="bold"),
    "code.name": Look("#d7dde6", "#1b2430", attributes="bold"),
    "code.builtin": Look("#c9d3df", "#2a3441"),
    "code.string": Look("#a8bfa0", "#4a5f42", "green", "black"),
    "code.number": Look("#c9b79c", "#665333", "white", "black"),
    "code.comment": replace(_GREY, attributes="italic"),
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


_ON_BRIGHT = _filled("#e3e8ef", "#2a3441", "bright_white", "black")

_AROUND: dict[str, Look] = {
    "brand": _ON_BRIGHT,
    "frame": Look("#3b4654", "#bcc3cb", "bright_black", "bright_black", strong=_LINE),
    "frame.on": Look("#f2f5f9", "#0d131b", "bright_white", "black", plain="bold"),
    "frame.title": Look("#d7dde6", "#1b2430", attributes="bold", plain="bold"),
    "frame.title.on": replace(_BRIGHT, plain="bold reverse"),
    "frame.tab": _GREY,
    "frame.number": replace(_GREY, plain=""),
    "text": Look("#c9d3df", "#2a3441"),
    "head": _BRIGHT,
    "watch": Look("#d7dde6", "#1b2430", attributes="italic"),
    "chapter": replace(_GREY, attributes="bold", plain="underline"),
    "chosen": _ON_BRIGHT,
    "chosen.off": Look(
        "#f2f5f9 on #2b3644",
        "#0d131b on #dbe1e8",
        "underline",
        "underline",
        "bold",
        "bold underline",
    ),
    "key": _BRIGHT,
    "hint": Look("#a3afbe", "#465260"),
    "live": Look("#6fdc8c", "#187533", "bright_green", "black", "bold", "bold"),
    "paused.sign": _BRIGHT,
    "scrubber.here": _BRIGHT,
    "scrubber.past": Look("#c9d3df", "#2a3441", "bright_white", "black", plain="bold"),
    "scrubber.to.come": Look("#5a6776", "#9aa4ae", "bright_black", "bright_black", strong=_LINE),
    "paused": _filled("#b9c4d4", "#4a5666", "white", "black"),
    "frozen": replace(
        _filled("#a9e3ff", "#23708f", "cyan", "blue"), plain="bold reverse underline"
    ),
    "over": Look("#a3afbe", "#465260", attributes="bold", plain="bold"),
    "alarm": Look(
        "#ffffff on #c4313b",
        "#ffffff on #b3202b",
        "bright_white on red",
        "bright_white on red",
        "bold",
        "bold reverse",
    ),
    "wrong": Look("#ff6b6b", "#c4161c", "bright_red", "red", "bold", "bold"),
    "value": _BRIGHT,
    "value.changed": replace(_BRIGHT, attributes="bold underline", plain="bold underline"),
    "button": _filled("#6fdc8c", "#187533", "bright_green", "black"),
    "button.off": Look("#98a2b1 on #232c38", "#525a66 on #e3e6ea", "white", "black"),
}
"""What is around the panels: frames, header, footer, forms. All of it is black, white and grey, so
that a colour always says something of the program."""

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
    elif colours == "strong":
        colour = _strong(look)
    else:
        colour = look.dark if dark else look.light
    return Style.parse(f"{look.attributes} {colour}".strip() or "none")


def _strong(look: Look) -> str:
    """The colour of the high contrast; decoration becomes a grey that can be seen, too."""
    front, _, ground = look.light.partition(" on ")
    if look.strong or not front:
        return look.strong
    if not ground:
        return darkened(front, WHITE, STRONG_CONTRAST)
    if contrast(ground, WHITE) > contrast(ground, BLACK):
        return f"{WHITE} on {darkened(ground, WHITE, STRONG_CONTRAST)}"
    return f"{darkened(front, ground, STRONG_CONTRAST)} on {ground}"


def _add_grounds(result: Palette, dark: bool, colours: Colours, background: str) -> None:
    """The grounds that mixed columns are drawn on, and what is written over colours."""
    for activity in ACTIVITY_LOOKS:
        name = activity_style(activity)
        result[name + ".lane"], result[name + ".ground"] = result[name], Style.null()
        colour = result[name].color
        # Sixteen colours have none that both work and a wait can be seen on.
        if colour is None or colours in ("none", "16"):
            continue
        if activity in VIVID_GROUNDS:
            ground = VIVID_GROUNDS[activity][0 if dark else 1]
        else:
            ground = mixed(colour.get_truecolor().hex, background, _GROUND.get(activity, 0.0))
        if activity in VIVID_GROUNDS or activity in _GROUND:
            result[name + ".ground"] = Style(color=ground)
            result[name + ".lane"] = Style(color=colour, bgcolor=ground)
    _add_core_ground(result, dark, colours, background)
    if colours == "none":
        result["ink"] = result["gap"] = Style(reverse=True)
        return
    written = "black" if dark else "bright_white"
    result.ink = Color.parse(written if colours == "16" else "#10141a" if dark else "#ffffff")
    result["ink"] = Style(color=result.ink)
    result["gap"] = Style(color=written if colours == "16" else background)


def _add_core_ground(result: Palette, dark: bool, colours: Colours, background: str) -> None:
    """What is ready to run and has no core: a little of the colour of work."""
    result["core.ground"] = Style.null()
    work = result[activity_style(Activity.RUNNING)].color
    if colours == "16":
        result["core.ground"] = Style(color="blue" if dark else "white")
    elif colours != "none" and work is not None:
        ground = mixed(work.get_truecolor().hex, background, _CORE_GROUND)
        result["core.ground"] = Style(color=ground)


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
        tint = mixed(WHITE, background, 0.10) if dark else mixed(BLACK, background, 0.07)
        result["selected"] = Style(bgcolor=tint)
    result["selected.lane"] = result["selected"]


def _upon(style: Style, other: Style) -> Style:
    """This style, with what it leaves open from the other."""
    return other + style


def _is_hex(colour: str) -> bool:
    return len(colour) == 7 and colour.startswith("#")
