"""Numbers as words on screen: moments, sizes, counts; durations are in mpviz.trace.model."""

from __future__ import annotations

from mpviz.trace.model.formatting import clock

DURATION_WIDTH = 7
"""Cells that the longest usual duration takes."""
SIZE_WIDTH = 7


def moment(nanoseconds: int, step: int = 100_000_000) -> str:
    """A time of the run, as finely as neighbours a ``step`` apart need it.

    >>> moment(250_000_000, 50_000_000), moment(2_500_000_000, 500_000_000), moment(125 * 10**9)
    ('250 ms', '2.5 s', '2:05.0')
    """
    sign, nanoseconds = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if nanoseconds == 0:
        return "0"
    if step < 1_000:
        return f"{sign}{nanoseconds / 1e3:,.1f} µs"
    if step < 1_000_000:
        digits = 3 if step < 10_000 else 2 if step < 100_000 else 1
        return f"{sign}{nanoseconds / 1e6:,.{digits}f} ms"
    if nanoseconds < 1_000_000_000 and step < 1_000_000_000:
        return f"{sign}{nanoseconds / 1e6:.0f} ms"
    digits = 3 if step < 10_000_000 else 2 if step < 100_000_000 else 1 if step < 10**9 else 0
    if nanoseconds < 60_000_000_000:
        return f"{sign}{nanoseconds / 1e9:.{digits}f} s"
    return sign + _long_moment(nanoseconds, digits)


def _long_moment(nanoseconds: int, digits: int) -> str:
    whole = round(nanoseconds / 10 ** (9 - digits))
    seconds, fraction = divmod(whole, 10**digits)
    return clock(seconds) + (f".{fraction:0{digits}}" if digits else "")


def size(number: int) -> str:
    """A size in memory: ``812 B``, ``12.4 kB``, ``9.4 MB``, ``1.2 GB``.

    >>> size(9_400_000), size(512)
    ('9.4 MB', '512 B')
    """
    if number < 1_000:
        return f"{number} B"
    value = float(number)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1_000
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.0f} {unit}" if value >= 99.95 else f"{value:.1f} {unit}"


def count(number: int) -> str:
    """A count with its thousands apart.

    >>> count(31204)
    '31,204'
    """
    return f"{number:,}"


def rate(per_second: float) -> str:
    """How often a second: ``312/s``, ``0.4/s``, ``12.4k/s``.

    >>> rate(0), rate(0.42), rate(31.2), rate(12_400)
    ('0/s', '0.4/s', '31/s', '12.4k/s')
    """
    if per_second <= 0:
        return "0/s"
    if per_second < 9.95:
        return f"{per_second:.1f}/s"
    if per_second < 9_999.5:
        return f"{per_second:.0f}/s"
    if per_second < 999_950:
        return f"{per_second / 1e3:.1f}k/s"
    return f"{per_second / 1e6:.1f}M/s"


def percent(share: float) -> str:
    """A share of 1 in four cells: ``  7%``, ``100%``."""
    return f"{share * 100:3.0f}%"
