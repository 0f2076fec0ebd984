"""What is wrong with the file of a talk, in words that need no knowledge of how it is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

KINDS = {
    "str": "a text",
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "datetime": "a date",
    "date": "a date",
    "time": "a time of day",
}
"""What msgspec calls the kinds of values, and what a person does."""

UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
MISSING = re.compile(r"Object missing required field `(.*)`")
KIND = re.compile(r"Expected `(.*)`, got `(.*)`")
"""Messages of msgspec.ValidationError."""


def in_our_words(problem: str, keys: Sequence[str]) -> str:
    """A message of msgspec about a table that may have these keys, as a person would say it."""
    if unknown := UNKNOWN.fullmatch(problem):
        return f"no such key {unknown[1]!r}{meant(unknown[1], keys)}"
    if missing := MISSING.fullmatch(problem):
        return f"the key {missing[1]!r} is missing"
    if kind := KIND.fullmatch(problem):
        wanted = " or ".join(_kind(name) for name in kind[1].split(" | ") if name != "null")
        return f"it has to be {wanted}, not {_kind(kind[2])}"
    return problem


def nearest(name: str, names: Sequence[str]) -> str:
    """The one of these names that was probably meant; empty if none is near."""
    return next(iter(get_close_matches(name[:40], names, n=1)), "")


def meant(name: str, names: Sequence[str]) -> str:
    """What follows after a name that is none of these: the nearest, or all."""
    near = nearest(name, names)
    return f"; did you mean {near!r}?" if near else f" (there is {', '.join(names)})"


def _kind(name: str) -> str:
    return KINDS.get(name, name)
