"""Exceptions of the program in words, and where they were raised, without running its code."""

from mpviz_probe import sites
from mpviz_probe.guard import is_ours_or_pythons

_HEAP_TYPE = 1 << 9
"""``Py_TPFLAGS_HEAPTYPE`` (Include/object.h): a class that was made while the program ran."""

_PLAIN = (bool, bytes, complex, float, int, str, type(None))
"""Types whose ``str`` and ``repr`` are C code."""

_type_name = type.__dict__["__name__"].__get__
_type_flags = type.__dict__["__flags__"].__get__
_arguments = BaseException.__dict__["args"].__get__
_reason = OSError.__dict__["strerror"].__get__
_file = OSError.__dict__["filename"].__get__


def error_in_words(error):
    """An exception as Python prints it, as far as no code of the program is needed for that."""
    name, arguments = _type_name(type(error)), _arguments(error)
    if not all(_is_plain(each) for each in arguments):
        return name
    words = _words(error, arguments)
    return "%s: %s" % (name, words) if words else name


def _is_plain(value):
    # Not "in", which may ask a metaclass of the program whether the classes are equal.
    return any(type(value) is each for each in _PLAIN)


def _words(error, arguments):
    if issubclass(type(error), OSError):
        reason, file = _reason(error), _file(error)
        is_known = type(reason) is str and type(file) is str
        return "%s: %s" % (reason, file) if is_known else reason
    if not _type_flags(type(error)) & _HEAP_TYPE:
        return str(error)
    return ", ".join(map(str, arguments))


def place_of(error):
    """The site of the innermost line of the program in a traceback; 0 if it has none."""
    trace, found = error.__traceback__, None
    while trace is not None:
        code = trace.tb_frame.f_code
        # Such as <string>: a library has generated the code.
        is_generated = code.co_filename.startswith("<")
        if not (is_generated or is_ours_or_pythons(code.co_filename)):
            found = code.co_filename, trace.tb_lineno, code.co_name
        trace = trace.tb_next
    return sites.announce(*found) if found is not None else 0
