"""Colours as numbers: mixed, and how well one reads on another. All are written as #rrggbb."""

from __future__ import annotations

BLACK, WHITE = "#000000", "#ffffff"


def triplet(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, each 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mixed(colour: str, background: str, share: float) -> str:
    """This much of a colour over a background."""
    pairs = zip(triplet(colour), triplet(background), strict=True)
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1, as WCAG 2.2 defines it."""
    red, green, blue = (_linear(part / 255) for part in triplet(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(share: float) -> float:
    return float(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)


def contrast(colour: str, background: str) -> float:
    """How well one colour reads on another, 1 to 21, as WCAG 2.2 defines it."""
    lighter, darker = sorted((luminance(colour), luminance(background)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def darkened(colour: str, background: str, least: float) -> str:
    """The colour, with as much black as it needs to reach this contrast on a light background."""
    for share in range(100):
        found = mixed(BLACK, colour, share / 100)
        if contrast(found, background) >= least:
            return found
    return BLACK
