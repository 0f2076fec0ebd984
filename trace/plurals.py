"""Numbers of things in words: the one place that chooses between singular and plural."""

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
