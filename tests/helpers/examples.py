"""How many examples Hypothesis tries: all of them with ``--all``, else a share of them."""

from __future__ import annotations

from hypothesis import settings

ALL, PLAIN = 100, 20
"""The examples of a test that does not say how many it needs, with ``--all`` and without."""


def examples(number: int) -> settings:
    """That a test tries this many with ``--all``, and without it the same share as others do."""
    return settings(max_examples=number * settings.default.max_examples // ALL)
