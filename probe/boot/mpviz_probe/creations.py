"""Where the program makes an object, and the statement that makes it, which gives it its name."""

from io import StringIO
from itertools import islice
from sys import _getframe

from mpviz_probe import sites, wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

_WRAPPER = 4 | 8 | 16
"""``inspect.CO_VARARGS``, ``CO_VARKEYWORDS`` and ``CO_NESTED``, without importing ``inspect``."""

_LINES = 60
_TEXT_LIMIT = 800
"""A statement that is longer, in lines or in characters, is cut."""

_known: "dict[tuple[int, int, str], tuple[int, object]]" = {}
"""Keyed as the sites are, and by the attribute that a generated constructor fills."""


def here():
    """The site of the code that makes an object; 0 if there is none.

    That is the innermost outside multiprocessing, be it the program's own or a library's. A
    constructor that was generated, as that of a dataclass, has no source: it says only which
    attribute the object becomes, and its caller has to say of what.
    """
    frame: "FrameType | None" = _getframe(1)
    attribute = ""
    while frame is not None:
        whose = sites.owner_of(frame.f_code, frame.f_globals)
        if whose and whose != sites.OF_NO_FILE:
            return _site(frame, attribute)
        if whose and not attribute:
            attribute = _stored_attribute(frame.f_code, frame.f_lasti)
        frame = frame.f_back
    return sites.here()


def of_pool():
    """The site where a pool is made, and the library's function that makes it for its own use.

    The program's own code calls that function, and gets something other than a pool from it, as
    from joblib's ``Parallel``. The function is empty if the program makes the pool itself, even as
    part of a library's object, and if the program has no code of its own.
    """
    frame: "FrameType | None" = _getframe(1)
    called = wrapper = None
    is_of_library = False
    while frame is not None:
        whose = sites.owner_of(frame.f_code, frame.f_globals)
        if whose > 0:
            break
        if whose not in (sites.PASSED_OVER, sites.OF_NO_FILE):
            if not is_of_library:
                # Anything that is made inside this call is made by the library.
                is_of_library, called = True, None
            wrapper = frame.f_code
        if _is_named(frame.f_code):
            called = frame.f_code
        frame = frame.f_back
    called = called or wrapper
    if frame is None or called is None:
        return here(), ""
    name = called.co_name
    if name in ("__init__", "__new__") and is_of_library:
        return _site(frame, ""), ""
    if not is_of_library and name != "__call__":
        return here(), ""
    if name.startswith("__"):
        qualified = getattr(called, "co_qualname", None) or _qualified(
            _lines_of(called.co_filename, called.co_firstlineno), called
        )
        name = qualified.rpartition(".")[0].rpartition(".")[2] or name
    return sites.here(), name


def _is_named(code):
    """Whether code has a name that says something: no decorator's wrapper, lambda or module has."""
    is_wrapper = code.co_flags & _WRAPPER == _WRAPPER
    return not is_wrapper and not code.co_name.startswith("<") and not code.co_filename[:1] == "<"


def _site(frame, attribute):
    key = (id(frame.f_code), frame.f_lasti, attribute)
    known = _known.get(key)
    if known is None:
        known = sites.remember(_known, key, _announce(frame, attribute), frame.f_code)
    return known[0]


def _announce(frame, attribute):
    code, line = frame.f_code, frame.f_lineno or 0
    lines = _lines_of(code.co_filename, line + _LINES)
    first = _first_line(lines, line, max(code.co_firstlineno, line - _LINES))
    statement, places = _in_one_line(lines, first)
    start, end = _extent(frame, lines, places)
    told = wire.text(statement, _TEXT_LIMIT), start, end, wire.text(attribute)
    more = b',"code":%b,"start":%d,"end":%d,"attribute":%b' % told
    function = getattr(code, "co_qualname", None) or _qualified(lines, code)
    key = ":%d:%d:%s" % (start, end, attribute)
    return sites.announce(code.co_filename, line, function, more, key)


def _stored_attribute(code, position):
    """The attribute that is set next in code without source; empty if there is none."""
    from opcode import opmap

    instructions, store = code.co_code, opmap["STORE_ATTR"]
    for at in range(position + 2, len(instructions) - 1, 2):
        if instructions[at] == store:
            return code.co_names[instructions[at + 1]]
    return ""


def _lines_of(file, until):
    text = sites.read_source(file).decode("utf-8", "replace")
    return [line.rstrip("\n") for line in islice(StringIO(text, None), until)]


def _first_line(lines, line, earliest):
    """The line where a statement begins, by the brackets that lines above leave open."""
    first, closed = line, 0
    for number in range(min(line - 1, len(lines)), earliest - 1, -1):
        closing, opening, _ = _brackets(lines[number - 1])
        if opening > closed:
            first, closed = number, closing
        else:
            closed += closing - opening
    while first > earliest and lines[first - 2 : first - 1] and lines[first - 2].endswith("\\"):
        first -= 1
    return first


def _in_one_line(lines, first):
    """A statement without its line breaks and comments, and where each of its lines begins.

    The places are (the line's number, where it begins in the text, what it was indented by).
    """
    text, places, depth = "", [], 0
    for number, line in enumerate(lines[first - 1 : first - 1 + _LINES], first):
        closing, opening, code = _brackets(line)
        depth += opening - closing
        bare = code.lstrip()
        places.append((number, len(text), len(code) - len(bare)))
        is_over = depth <= 0 and not bare.endswith("\\")
        text += (bare if is_over else bare.rstrip("\\")) + ("" if is_over else " ")
        if is_over:
            break
    return text.rstrip(), places


def _extent(frame, lines, places):
    """Where in the text the call is: exact since Python 3.11, before that somewhere in its line."""
    starts = {number: (start, indent) for number, start, indent in places}
    positions = getattr(frame.f_code, "co_positions", None)
    if positions is not None:
        line, end_line, column, end_column = next(islice(positions(), frame.f_lasti // 2, None))
        if column is not None and line in starts and end_line in starts:
            (start, indent), (end_start, end_indent) = starts[line], starts[end_line]
            return (
                start + _characters(lines[line - 1], column) - indent,
                end_start + _characters(lines[end_line - 1], end_column) - end_indent,
            )
    number = frame.f_lineno
    if number not in starts:
        return 0, 0
    following = starts.get(number + 1)
    return starts[number][0], following[0] if following else 1 << 16


def _characters(line, octets):
    """How many characters these bytes of a line are."""
    return (
        octets if line.isascii() else len(line.encode("utf-8")[:octets].decode("utf-8", "replace"))
    )


def _qualified(lines, code):
    """A function's name with its class before it, by how the source is indented."""
    first, name = code.co_firstlineno, code.co_name
    indent = _indent(lines[first - 1]) if 0 < first <= len(lines) else 0
    for line in reversed(lines[: first - 1] if indent else ()):
        if line.strip() and _indent(line) < indent:
            indent = _indent(line)
            words = line.replace("(", " ").replace(":", " ").split()
            if words[0] == "def":
                name = "%s.<locals>.%s" % (words[1], name)
            elif words[0] == "class":
                return "%s.%s" % (words[1], name)
    return name


def _indent(line):
    return len(line) - len(line.lstrip())


def _brackets(line):
    """How many brackets a line closes and how many it leaves open; its code without a comment."""
    closing = opening = at = 0
    while at < len(line):
        character = line[at]
        if character == "#":
            return closing, opening, line[:at].rstrip()
        if character in "\"'":
            at = _end_of_string(line, at)
            continue
        if character in "([{":
            opening += 1
        elif character in ")]}":
            if opening:
                opening -= 1
            else:
                closing += 1
        at += 1
    return closing, opening, line.rstrip()


def _end_of_string(line, at):
    """Where a string that begins here is over: at the end of the line, if it goes on beyond."""
    quote = line[at : at + 3]
    if quote not in ('"""', "'''"):
        quote = line[at]
    at += len(quote)
    while at < len(line) and not line.startswith(quote, at):
        at += 2 if line[at] == "\\" else 1
    return at + len(quote)
