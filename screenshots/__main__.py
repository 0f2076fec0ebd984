"""Makes the pictures in this folder anew from real runs: ``python -m screenshots [NAME ...]``."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mpviz.trace.session import start
from mpviz.tui.app import MpvizApp
from mpviz.tui.targets import from_words

SIZE = (120, 36)
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Picture:
    """A picture of the screen at a moment of a run."""

    words: Sequence[str] = ()
    """What follows ``mpviz run``; none for the picker."""
    seconds: float = 1.0
    """The moment, from the start of the run."""
    keys: Sequence[str] = ()
    """Pressed just before."""


PICTURES = {
    "picker": Picture(),
    "pool-map": Picture(["pool-map", "chunksize=2"], seconds=4.5),
    "producer-consumer": Picture(["producer-consumer"], seconds=4.2),
    "shared-counter": Picture(["shared-counter"], seconds=3.2, keys=["down", "down"]),
    "lost-updates": Picture(["shared-counter", "lock=no", "increments=100"], seconds=3.0),
}


async def make(picture: Picture) -> str:
    """The screen at the picture's moment as SVG; the run is ended after it."""
    words = picture.words
    target = from_words(words, module=False, python=None, start_method=None) if words else None
    app = MpvizApp(target, start=lambda chosen: start(chosen, capture=True), fps=10)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*picture.keys)
        await pilot.pause(picture.seconds)
        try:
            return app.export_screenshot(title="mpviz " + " ".join(words), simplify=True)
        finally:
            if app.session is not None:
                app.session.close()


def main() -> None:
    """Write the pictures that are named, or all."""
    for name in sys.argv[1:] or PICTURES:
        if name not in PICTURES:
            sys.exit(f"there is no picture {name!r}; there are {', '.join(PICTURES)}")
        (FOLDER / f"{name}.svg").write_text(asyncio.run(make(PICTURES[name])), encoding="utf-8")
        print(f"screenshots/{name}.svg")


if __name__ == "__main__":
    main()
