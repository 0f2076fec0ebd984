"""Names and places of functions, without running any code of the program."""

import os
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType

from mpviz_probe import sites

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_wrappers: "dict[type, Callable[[Any], tuple[list, int]]]" = {}
"""By the type of a callable that a library makes of the program's functions, what finds them."""


def see_through(wrapper, look):
    """Have the program's functions seen in all callables of this type.

    ``look`` is called with one of them, and returns the functions and how many calls they come to.
    """
    _wrappers[wrapper] = look


def name_of(function):
    """A function's own name; the class's for other callables; empty for None."""
    if function is None:
        return ""
    if isinstance(function, partial):
        return name_of(function.func)
    if type(function) in _wrappers:
        functions, _ = _wrappers[type(function)](function)
        return ", ".join(dict.fromkeys(map(name_of, functions)))
    if isinstance(function, (FunctionType, BuiltinFunctionType, MethodType, type)):
        name = _as_written(function.__qualname__)
        return _of_lambda(function) if name == "<lambda>" else name
    return _as_written(type(function).__qualname__)


def _as_written(name):
    """A name without the function in which it was given."""
    return name.rpartition("<locals>.")[2]


def _of_lambda(function):
    code = function.__code__
    return "lambda at %s:%d" % (os.path.basename(code.co_filename), code.co_firstlineno)


def site_of(function):
    """Where a function is written; 0 where it is not written in Python."""
    if isinstance(function, partial):
        return site_of(function.func)
    if type(function) in _wrappers:
        functions, _ = _wrappers[type(function)](function)
        return site_of(functions[0]) if functions else 0
    if isinstance(function, MethodType):
        return site_of(function.__func__)
    if isinstance(function, FunctionType):
        return sites.of_function(function.__code__)
    return 0


def calls_in(function):
    """How many calls of the program's functions one call of this comes to."""
    if type(function) not in _wrappers:
        return 1
    functions, calls = _wrappers[type(function)](function)
    return calls_in(functions[0]) if len(functions) == calls == 1 else calls
