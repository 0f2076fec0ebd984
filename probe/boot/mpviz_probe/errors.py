"""Exceptions of the program in words, and where they were raised, without running its code."""

from mpviz_probe import sites
from mpviz_probe.guard import is_ours_or_pythons

_PLAIN = (bool, bytes, complex, float, str, type(None))
"""Types whose ``repr`` is C code, and short or cut."""

_LARGEST = 1 << 64
"""Python refuses to write very large numbers (``sys.set_int_max_str_digits``)."""

_type_name = type.__dict__["__name__"].__get__
_arguments = BaseException.__dict__["args"].__get__
_trace = BaseException.__dict__["__traceback__"].__get__
_reason = OSError.__dict__["strerror"].__get__
_file = OSError.__dict__["filename"].__get__


def error_in_words(error):
    """An exception much as Python prints it: its class, and what it was made with.

    Only the class is told if that would take code of the program.
    """
    kind = type(error)
    arguments = _arguments(error)
    if issubclass(kind, OSError) and type(_reason(error)) is str:
        words = _reason(error) + (": " + _file(error) if type(_file(error)) is str else "")
    elif arguments and all(_is_plain(each) for each in arguments):
        first = arguments[0]
        is_text = len(arguments) == 1 and type(first) is str and not issubclass(kind, KeyError)
        words = first if is_text else ", ".join(map(repr, arguments))
    else:
        words = ""
    return "%s: %s" % (_type_name(kind), words) if words else _type_name(kind)


def _is_plain(value):
    # Not "in", which may ask a metaclass of the program whether the classes are equal.
    if type(value) is int:
        return -_LARGEST < value < _LARGEST
    return any(type(value) is each for each in _PLAIN)


def place_of(error):
    """The site of the innermost line of the program in a traceback; 0 if it has none."""
    trace, found = _trace(error), None
    while trace is not None:
        code = trace.tb_frame.f_code
        # Such as <string>: a library has generated the code.
        is_generated = code.co_filename.startswith("<")
        if not (is_generated or is_ours_or_pythons(code.co_filename)):
            found = code.co_filename, trace.tb_lineno, code.co_name
        trace = trace.tb_next
    return sites.announce(*found) if found is not None else 0
