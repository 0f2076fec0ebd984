"""Names and places of functions, without running any code of the program."""

import os
from types import BuiltinFunctionType, FunctionType

from mpviz_probe import sites
from mpviz_probe.wrappers import called_in_the_end, is_own, own_name

_wrappers: "dict" = {}
"""For a type of callable that libraries make of the program's functions: what finds those."""

_calls: "dict[int, tuple]" = {}
"""For the id of a library's function (kept alive): a function that names the tasks in a call."""

_qualified_name = type.__dict__["__qualname__"].__get__


def see_through(wrapper, look):
    """Have the program's functions seen in all callables of this type.

    ``look`` is called with one of them, and returns the functions and how many calls they come to.
    """
    _wrappers[wrapper] = look


def see_into_calls(function, names):
    """Name calls of a library's function by the result of another one, given their arguments."""
    _calls[id(function)] = function, names


def is_plain(function):
    """Whether all that is reported of a function follows from its code and its qualified name.

    Then it holds no other function that it could call.
    """
    return (
        type(function) is FunctionType
        and not function.__closure__
        and not function.__dict__
        and is_own(function)
    )


def name_of(function, arguments=()):
    """A function's own name; the class's for other callables; empty for None.

    For a wrapper, it is the name of the function that a call with these arguments ends up in.
    """
    if function is None:
        return ""
    function = called_in_the_end(function, arguments if type(arguments) is tuple else ())
    if id(function) in _calls and arguments:
        return ", ".join(dict.fromkeys(_calls[id(function)][1](*arguments)))
    if type(function) in _wrappers:
        functions, _ = _wrappers[type(function)](function)
        return ", ".join(dict.fromkeys(map(name_of, functions)))
    return _name(function)


def _name(function):
    kind = type(function)
    if kind is FunctionType:
        name = _as_written(function.__qualname__)
        return _of_lambda(function) if name == "<lambda>" else name
    if kind is BuiltinFunctionType:
        return _as_written(function.__qualname__)
    if issubclass(kind, type):
        return _as_written(_qualified_name(function))
    return _as_written(own_name(function) or _qualified_name(kind))


def _as_written(name):
    """A name without the function in which it was given."""
    return name.rpartition("<locals>.")[2]


def _of_lambda(function):
    code = function.__code__
    return "lambda at %s:%d" % (os.path.basename(code.co_filename), code.co_firstlineno)


def site_of(function, arguments=()):
    """Where a function is written; 0 if it is not written in Python."""
    function = called_in_the_end(function, arguments if type(arguments) is tuple else ())
    if type(function) in _wrappers:
        functions, _ = _wrappers[type(function)](function)
        return site_of(functions[0]) if functions else 0
    if type(function) is FunctionType:
        return sites.of_function(function.__code__)
    return 0


def calls_in(function, arguments=()):
    """How many calls of the program's functions one call of this makes."""
    if id(function) in _calls and arguments:
        return len(_calls[id(function)][1](*arguments))
    if type(function) not in _wrappers:
        return 1
    functions, calls = _wrappers[type(function)](function)
    return calls_in(functions[0]) if len(functions) == calls == 1 else calls
