"""Finds the function that a wrapper will call, by looking at what it holds, without running it.

A library seldom hands the program's own function to a worker: it hands over its own function, which
calls the program's. Nothing here uses ``getattr`` on unknown objects: it only reads dicts, slots
and closures, so that no ``__getattr__``, property or metaclass of the program is ever called.

Tried with joblib 1.6, scikit-learn 1.9, pathos 0.3.5, p_tqdm 1.4, mapply 0.1, pandarallel 1.6,
parallelbar 2.5 and wrapt 2.5. Of these only wrapt is known here by its name.
"""

from functools import partial
from types import (
    BuiltinFunctionType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
)

from mpviz_probe import sites

_TAKES_MORE, _IS_NESTED = 4, 16
"""``inspect.CO_VARARGS`` and ``inspect.CO_NESTED``, without importing ``inspect``."""

_DEEPEST = 16
"""Maximum number of nested wrappers that are followed."""

_ATTRIBUTES = frozenset(
    "func function fn f callable wrapped target pyfunc work_function user_function".split()
)
"""Names, without underscores, under which objects of libraries hold the function that they call.

Functions under other names, such as a network's activation, are not what the object calls.
"""

_WRAPT = "FunctionWrapper"
"""wrapt's decorators: written in C, with a special slot for the wrapped function."""

_COMPILED = frozenset(
    "method_descriptor cython_function_or_method fused_cython_function ufunc".split()
)
"""Types of functions that are not written in Python, but in C, Cython or numpy."""

_type_dict = type.__dict__["__dict__"].__get__
_type_name = type.__dict__["__name__"].__get__
_mro = type.__dict__["__mro__"].__get__
_partial_function = partial.__dict__["func"].__get__
_partial_arguments = partial.__dict__["args"].__get__

_own: "dict[int, tuple[bool, object]]" = {}
"""For the address of a code object (kept alive): whether it is the program's own."""


def called_in_the_end(function, arguments=()):
    """The function that a call of this, with these arguments, leads to.

    If it holds exactly one function of the program, that one; else the innermost that is known.
    """
    if type(function) is FunctionType and not function.__closure__ and is_own(function):
        # The usual case has to be quick.
        if not dict.__contains__(function.__dict__, "__wrapped__"):
            return function
    for _ in range(_DEEPEST):
        function, arguments = _straight(function, arguments)
        inner = _inner(function, arguments)
        if inner is None:
            break
        function, arguments = inner, ()
    return function


def _straight(function, arguments=()):
    """Follow objects that reveal which function they call, and with which further arguments."""
    for _ in range(_DEEPEST):
        kind = type(function)
        if issubclass(kind, partial):
            function, arguments = (
                _partial_function(function),
                _partial_arguments(function) + arguments,
            )
        elif kind is MethodType:
            # The object of a method does not show what the method calls.
            function, arguments = function.__func__, ()
        else:
            wrapped = _wrapped(function, kind)
            if wrapped is None:
                break
            function = wrapped
    return function, arguments


def _wrapped(function, kind):
    """The function that a decorator has wrapped, with or without ``functools.wraps``; or None."""
    if kind is BuiltinFunctionType or issubclass(kind, type):
        return None
    wrapped = _attribute(function, kind, "__wrapped__")
    if wrapped is not None and callable(wrapped):
        return wrapped
    if kind is FunctionType and function.__closure__ and _takes_anything(function.__code__):
        functions = _in_closure(function)
        own = [each for each in functions if type(each) is FunctionType and is_own(each)]
        return _only(own or functions)
    return None


def _takes_anything(code):
    """Whether code accepts any arguments, like a decorator's wrapper."""
    return code.co_flags & _TAKES_MORE and not code.co_argcount and not code.co_kwonlyargcount


def _inner(function, arguments):
    """The function that a library's function calls; None if it is no wrapper, or not known."""
    kind = type(function)
    if kind is FunctionType:
        if is_own(function):
            return None
        if arguments and _is_function(arguments[0]):
            own, _ = _straight(arguments[0])
            if type(own) is FunctionType and is_own(own):
                return own
        return _held(_in_closure(function)) if function.__code__.co_flags & _IS_NESTED else None
    if kind is BuiltinFunctionType or issubclass(kind, type):
        return None
    call = _in_classes(kind, "__call__")
    if type(call) is FunctionType and not is_own(call):
        return _held(_in_attributes(function, kind))
    return None


def code_of(thing):
    """The code that a call of this runs first; None if that is not written in Python."""
    kind = type(thing)
    if kind is MethodType:
        return code_of(thing.__func__)
    call = thing if kind is FunctionType else _in_classes(kind, "__call__")
    return call.__code__ if type(call) is FunctionType else None


def is_own(function):
    """Whether a function is written in the program's own code."""
    code = function.__code__
    known = _own.get(id(code))
    if known is None:
        names = function.__globals__
        owner = sites.owner_of(code, names)
        if owner == sites.OF_NO_FILE:
            # A function pickled by value keeps its module's name, but not the module's file.
            owner = names.get("__name__") in ("__main__", "__mp_main__")
        known = sites.remember(_own, id(code), owner > 0, code)
    return known[0]


def _held(functions):
    """The one that leads to the program's own code; if none does, the only one. None if unclear."""
    own = [function for function in functions if _leads_to_own(function)]
    return _only(own or functions)


def _leads_to_own(function):
    function, _ = _straight(function)
    kind = type(function)
    if kind is FunctionType:
        return is_own(function)
    call = None if kind is BuiltinFunctionType else _in_classes(kind, "__call__")
    return type(call) is FunctionType and is_own(call)


def _only(functions):
    return functions[0] if len(functions) == 1 else None


def _is_function(value):
    """Whether this can be called and is not a class: objects may hold classes for any reason."""
    return callable(value) and not issubclass(type(value), type)


def _in_closure(function):
    found = []
    for cell in function.__closure__ or ():
        try:
            value = cell.cell_contents
        except ValueError:
            # The cell is still empty.
            continue
        if _is_function(value):
            found.append(value)
    return found


def _in_attributes(thing, kind):
    """The functions that an object holds under a name that says that it calls them."""
    names = [name for name in list(dict.keys(_vars(thing, kind))) if type(name) is str]
    for base in _mro(kind):
        slots = _type_dict(base).items()
        names += [name for name, slot in slots if type(slot) is MemberDescriptorType]
    names = [name for name in dict.fromkeys(names) if name.strip("_") in _ATTRIBUTES]
    values = [_attribute(thing, kind, name) for name in names]
    return [value for value in values if value is not None and _is_function(value)]


def _attribute(thing, kind, name):
    """The value that an object has under this name in its dict or in a slot; else None."""
    value = dict.get(_vars(thing, kind), name)
    if value is None:
        slot = _in_classes(kind, name)
        is_of_wrapt = type(slot) is GetSetDescriptorType and _WRAPT in map(_type_name, _mro(kind))
        if type(slot) is MemberDescriptorType or is_of_wrapt:
            try:
                value = slot.__get__(thing)
            except AttributeError:
                # The slot is empty.
                return None
    return value


def own_name(thing):
    """The name of a callable that is not a Python function, from ``functools.update_wrapper``.

    Empty if it has none. Compiled functions have their names in slots of their type.
    """
    kind = type(thing)
    is_compiled = _type_name(kind) in _COMPILED
    for key in ("__qualname__", "__name__"):
        name = dict.get(_vars(thing, kind), key)
        slot = _in_classes(kind, key) if is_compiled else None
        if isinstance(slot, (GetSetDescriptorType, MemberDescriptorType)):
            name = slot.__get__(thing)
        if type(name) is str:
            return name
    return ""


def _vars(thing, kind):
    """The dict of an object, as the interpreter sees it; empty if there is none."""
    if kind is FunctionType:
        return thing.__dict__
    descriptor = _in_classes(kind, "__dict__")
    if type(descriptor) is GetSetDescriptorType:
        found = descriptor.__get__(thing)
        if issubclass(type(found), dict):
            return found
    return {}


def _in_classes(kind, name):
    """The value of a name in a class or the first of its bases that has it; None if none has."""
    for base in _mro(kind):
        names = _type_dict(base)
        if name in names:
            return names[name]
    return None
