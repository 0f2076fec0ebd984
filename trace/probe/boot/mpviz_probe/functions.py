"""Names and places of functions, without running any code of the program."""

import os
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
    if isinstance(function, MethodType):
        return site_of(function.__func__)
    if isinstance(function, FunctionType):
        return sites.of_function(function.__code__)
    return 0
