"""The scenarios that one digit starts from the list: what a talk shows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mpviz.scenarios.catalogue import Value

_NONE: Mapping[str, Value] = MappingProxyType({})

_ENDS = (
    "start; start daemon; start stubborn; terminate 1; join 1 1; terminate 3; join 3 1; kill 3;"
    " join 3 1; return"
)
"""For the lab: who ends at SIGTERM, who does not, and whom the end of the parent takes along."""

SHORTCUTS: Mapping[str, tuple[str, Mapping[str, Value]]] = MappingProxyType(
    {
        "1": ("gil-race", _NONE),
        "2": ("lab", MappingProxyType({"script": _ENDS})),
        "3": ("pool-map", _NONE),
        "4": ("producer-consumer", _NONE),
        "5": ("shared-counter", _NONE),
        "6": ("race", _NONE),
        "7": ("killed-worker", _NONE),
        "8": ("deadlock", _NONE),
    }
)
"""By the digit: a scenario, and values that differ from those of its form; in the list's order."""


def digit_of(scenario: str) -> str:
    """The digit that starts this scenario; empty if none does."""
    return next((digit for digit, (name, _) in SHORTCUTS.items() if name == scenario), "")
