"""Turns texts and time-outs of the program into fields of records, and runs none of its code."""

from ..guard import raise_if_the_programs

try:
    # The C function behind ``json``; importing ``json`` costs the program 8 ms (measured).
    from _json import encode_basestring_ascii as _quote
except ImportError:
    from json.encoder import encode_basestring_ascii as _quote

TEXT_LIMIT = 240
"""Maximum number of characters in a text of a record; a longer one is cut, with an ellipsis."""

_TEXT_BYTES = 900
"""Maximum size of a quoted text: the four texts of the largest record fit into ``PIPE_BUF``."""

_PLAIN = (bool, bytes, float, int, type(None))
"""Types whose ``repr`` runs no code of the program."""

_type_name = type.__dict__["__name__"].__get__


def text(value, limit=TEXT_LIMIT):
    """Turn a text into JSON, quotes and all, in ASCII, and cut it to so many characters."""
    if type(value) is not str:
        value = _as_text(value)
    if not value.isascii():
        value = _as_unicode(value)
    while True:
        cut = value if len(value) <= limit else value[: limit - 1] + "\u2026"
        quoted = _quote(cut)
        if len(quoted) <= _TEXT_BYTES:
            return quoted.encode("ascii")
        limit //= 2


def _as_text(value):
    """The text for a name that the program gave, which may be of any type."""
    kind = type(value)
    if issubclass(kind, str):
        return str.__str__(value)
    # Not "in", which may ask a metaclass of the program whether the classes are equal.
    is_plain = any(kind is each for each in _PLAIN)
    return repr(value) if is_plain else "<%s>" % _type_name(kind)


def _as_unicode(value):
    """Write lone surrogates, which JSON must not have, as ``\\xe9``.

    Python uses them for bytes that are not UTF-8 (:pep:`383`); a shell would write them like this.
    """
    try:
        octets = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        octets = value.encode("utf-8", "backslashreplace")
    return octets.decode("utf-8", "backslashreplace")


def may_wait(timeout):
    """Whether a call with this time-out, in seconds, may wait at all."""
    try:
        return timeout is None or timeout > 0
    except BaseException as error:
        raise_if_the_programs(error)
        # It is not a number; the original will tell its caller.
        return False


def milliseconds(timeout):
    """A time-out in seconds as records have it: milliseconds, at least 1; 0 if there is none."""
    try:
        return 0 if timeout is None else min(1 + int(timeout * 1000), 1 << 40)
    except BaseException as error:
        raise_if_the_programs(error)
        # It is not a number; the original will tell its caller.
        return 0
