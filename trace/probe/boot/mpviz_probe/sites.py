"""Places in the program's source: each gets a number that is the same in every process."""

import os
import sys
from binascii import crc32
from sys import _getframe

from mpviz_probe import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType

_LIMIT = 4096
_CONTEXTS = ("multiprocessing/context.py", "multiprocess/context.py", "loky/backend/context.py")
_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_STDLIB = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_machinery = tuple(
    _STDLIB + part for part in ("multiprocessing", "concurrent", "threading", "queue.py")
) + (_OURS, "<frozen")
_libraries: "tuple[str, ...]" = ()

# Keyed by the address of the code object and the position in it; the code object is kept so that
# its address cannot pass to another. A fork hands all of this down, announcements included.
_known: "dict[tuple[int, int], tuple[int, CodeType]]" = {}
_announced: "set[int]" = set()


def here():
    """The site of the program's own code that led here; 0 where there is none.

    Frames of multiprocessing and of the probe are passed over.
    """
    frame: "FrameType | None" = _getframe(1)
    while frame is not None:
        known = _known.get((id(frame.f_code), frame.f_lasti))
        if known is None:
            known = _learn(frame)
        if known[0]:
            return known[0]
        frame = frame.f_back
    return 0


def called():
    """The name of the function with which the program's own code has called multiprocessing."""
    frame: "FrameType | None" = _getframe(1)
    name = ""
    while frame is not None and is_machinery(frame.f_code.co_filename):
        name = frame.f_code.co_name
        frame = frame.f_back
    return name


def of_caller(depth):
    """Make a function that gives the same as :func:`here`, and is quick where one place calls it.

    ``depth`` counts the frames from that function up to the one that is probably the program's.
    """
    known = (None, -1, 0)

    def site():
        nonlocal known
        try:
            frame = _getframe(depth)
        except ValueError:
            # C code has called the outermost of ours.
            return 0
        code, position, number = known
        if frame.f_lasti != position or frame.f_code is not code:
            known = _place(frame)
            number = known[2]
        return number

    return site


def _place(frame):
    """Code, position and site of a frame; no code where its place does not tell the site."""
    known = _known.get((id(frame.f_code), frame.f_lasti))
    if known is None:
        known = _learn(frame)
    if known[0]:
        return frame.f_code, frame.f_lasti, known[0]
    return None, -1, here()


def of_function(code):
    """The site where a function is written, by its code object."""
    key = (id(code), -1)
    known = _known.get(key)
    if known is None:
        known = (announce(code.co_filename, code.co_firstlineno, code.co_name), code)
        if len(_known) < _LIMIT:
            _known[key] = known
    return known[0]


def announce(file, line, function):
    """Tell the viewer of a place, once, and return its number."""
    site = crc32(("%s:%d" % (file, line)).encode("utf-8", "replace")) or 1
    if site not in _announced:
        _announced.add(site)
        wire.put(
            b"site",
            b'"s":%d,"file":%b,"line":%d,"function":%b,"code":%b'
            % (
                site,
                wire.text(os.path.abspath(file)),
                line,
                wire.text(function),
                wire.text(_line_of(file, line)),
            ),
        )
    return site


def is_machinery(file):
    """Whether a file belongs to multiprocessing, its relatives or the probe."""
    return file.startswith(_machinery)


def is_context(file):
    """Whether this is where a context's methods are, by which a program makes its objects."""
    return file.endswith(_CONTEXTS)


def count_as_machinery(module):
    """Count the package that a module is in among the relatives of multiprocessing."""
    global _machinery
    folder = _folder_of(module)
    if folder not in _machinery:
        _machinery += (folder,)


def count_as_library(module):
    """Count it so as well, and what it makes for its own use as no business of the program's."""
    global _libraries
    count_as_machinery(module)
    folder = _folder_of(module)
    if folder not in _libraries:
        _libraries += (folder,)


def _folder_of(module):
    package = sys.modules[module.__name__.partition(".")[0]]
    return os.path.abspath(package.__path__[0]) + os.sep


def is_library(file):
    """Whether a file belongs to one of the packages that were counted as libraries."""
    return file.startswith(_libraries)


def _learn(frame):
    code = frame.f_code
    # Code that belongs to no module was written by a program, as the methods of a proxy are.
    if is_machinery(code.co_filename) or "__name__" not in frame.f_globals:
        known = (0, code)
    else:
        name = getattr(code, "co_qualname", code.co_name)
        known = (announce(code.co_filename, frame.f_lineno or 0, name), code)
    if len(_known) < _LIMIT:
        _known[(id(code), frame.f_lasti)] = known
    return known


def _line_of(file, number):
    try:
        with open(file, encoding="utf-8", errors="replace") as source:
            for index, line in enumerate(source, 1):
                if index == number:
                    return line.strip()
    except (OSError, ValueError):
        # A program typed into a terminal or read from an archive has no file.
        return ""
    return ""
