"""Opens a file descriptor, uses it and closes it, wherever a signal handler raises an exception."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Result = TypeVar("Result")

LOWEST = 100
"""The lowest descriptor that the probe keeps: programs number their own by hand from 0 on."""


def use(act: "Callable[[int], Result]", get: "Callable[..., int]", *arguments: object) -> "Result":
    """Call ``act`` with the descriptor that ``get`` returns for these arguments, then close it.

    ``get`` is a function written in C, such as ``os.open``.
    """
    opened: "list[int]" = []
    closing = map(os.close, opened)
    try:
        # The descriptor is in the list before a signal can be handled; so it was after ``get``.
        opened.extend(map(get, *zip(arguments)))
        result = act(opened[0])
        # Here as well, because up to Python 3.9 a signal can be handled before a ``finally``.
        any(closing)
        return result
    finally:
        any(closing)
