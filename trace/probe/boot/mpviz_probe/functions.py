"""Names and places of functions, without running any code of the program."""

from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType

from mpviz_probe import sites


def name_of(function):
    """A function's own name; the class's for other callables; empty for None."""
    if function is None:
        return ""
    if isinstance(function, partial):
        return name_of(function.func)
    if isinstance(function, (FunctionType, BuiltinFunctionType, MethodType, type)):
        return function.__qualname__
    return type(function).__qualname__


def site_of(function):
    """Where a function is written; 0 where it is not written in Python."""
    if isinstance(function, partial):
        return site_of(function.func)
    if isinstance(function, MethodType):
        return site_of(function.__func__)
    if isinstance(function, FunctionType):
        return sites.of_function(function.__code__)
    return 0
