"""Numbers in words: how many things, and how long; the same on screen, in reports and findings."""

from __future__ import annotations


def plural(number: int, word: str, words: str = "") -> str:
    """A number of things: ``1 process``, ``3 processes``.

    ``words`` is the plural, needed if ``s`` or ``es`` does not form it.

    >>> plural(1, "task"), plural(2_000, "task"), plural(2, "process")
    ('1 task', '2,000 tasks', '2 processes')
    >>> plural(1, "entry", "entries"), plural(0, "entry", "entries")
    ('1 entry', '0 entries')
    """
    several = words or word + ("es" if word.endswith("s") else "s")
    return f"{number:,} {word if number == 1 else several}"


def duration(nanoseconds: float) -> str:
    """A duration: ``4 µs``, ``0.02 ms``, ``340 ms``, ``1.3 s``, ``2:05``, ``1:02:05``.

    >>> duration(20_000), duration(1_300_000_000), duration(125_000_000_000)
    ('0.02 ms', '1.3 s', '2:05')
    """
    if nanoseconds <= 0:
        return "0 ms"
    if nanoseconds < 9_500:
        return f"{max(1, round(nanoseconds / 1e3))} µs"
    milliseconds = nanoseconds / 1e6
    if milliseconds < 999.5:
        digits = 2 if milliseconds < 9.995 else 1 if milliseconds < 99.95 else 0
        return f"{milliseconds:.{digits}f} ms"
    seconds = nanoseconds / 1e9
    return f"{seconds:.1f} s" if seconds < 59.95 else clock(round(seconds))


def briefly(nanoseconds: float) -> str:
    """A duration in as few digits as a sentence needs.

    >>> briefly(2_000_000_000), briefly(25_400_000), briefly(50_000)
    ('2 s', '25 ms', '0.05 ms')
    """
    if nanoseconds >= 59.95e9:
        return clock(round(nanoseconds / 1e9))
    if nanoseconds >= 99.5e6:
        return f"{nanoseconds / 1e9:.1f}".removesuffix(".0") + " s"
    if nanoseconds >= 1e6:
        return f"{nanoseconds / 1e6:.0f} ms"
    return f"{nanoseconds / 1e6:.2g} ms"


def clock(seconds: int) -> str:
    """Whole seconds, a minute or more.

    >>> clock(125), clock(3_725)
    ('2:05', '1:02:05')
    """
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
