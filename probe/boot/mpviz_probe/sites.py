"""Places in the program's source: each gets a number that is the same in every process."""

import os
import sys
from binascii import crc32
from functools import partial
from stat import S_ISREG
from sys import _getframe

from mpviz_probe import wire
from mpviz_probe.arm import report
from mpviz_probe.descriptors import use
from mpviz_probe.guard import INSTALLED, OURS, STDLIB, raise_if_the_programs

_LIMIT = 4096
_NEAR = 8
_PATH_LIMIT = 800
SOURCE_LIMIT = 4 << 20
"""Maximum size in bytes of a source file that is read; the viewer has the same bound.

Modules of the standard library have up to a quarter of a megabyte, and generated ones two. Reading
four and counting their lines takes some 6 ms, once.
"""
_SCRIPTS = os.path.join(sys.prefix, "bin") + os.sep
_CONTEXTS = tuple(
    package + "/context.py"
    for package in ("multiprocessing", "multiprocess", "billiard", "loky/backend")
)
_machinery = tuple(
    STDLIB + part for part in ("multiprocessing", "concurrent", "threading", "queue.py")
) + (OURS, "<frozen")
_libraries: "tuple[str, ...]" = ()

PASSED_OVER = 0
_OF_STDLIB = -1
_OF_LIBRARY = -2
OF_NO_FILE = -3
"""Who owns code that is not the program's own; a lower number is more specific."""

# Keyed by the address of the code object and the position in it; the code object is kept so that no
# other gets its address. A forked child inherits all of this, announcements included. The number is
# the site of a place in the program's own code, or says who owns the code.
_known: "dict[tuple[int, int], tuple[int, object]]" = {}
_chosen: "dict[tuple[int, int], tuple[int, object]]" = {}
"""The sites of places in code of others, which stand in if there is no code of the program's."""
_is_own_seen = _is_searched = False
"""Whether code of the program's own was seen (it may all be installed), and was searched for."""
_announced: "dict[int, tuple]" = {}
"""What was told of each site: the place, and further fields of the record."""
_checksums: "dict[str, int]" = {}


def here():
    """The site of the program's own code that led here; 0 if there is none.

    That is the innermost frame in a file of the program's. Where there is no such file, because
    the program itself is installed or was typed in, it is the innermost outside the standard
    library. Frames of multiprocessing and of the probe are always passed over.
    """
    return of_frame(_getframe(1))


def of_frame(frame):
    """The site of the program's own code that led to this frame; as :func:`here`."""
    best, best_frame = PASSED_OVER, None
    while frame is not None:
        number = (_known.get((id(frame.f_code), frame.f_lasti)) or _learn(frame))[0]
        if number > 0:
            return number
        if number < best:
            best, best_frame = number, frame
        frame = frame.f_back
    return _number_of(best_frame) if best_frame is not None else 0


def of_caller(depth):
    """Make a function that gives the same as :func:`here`, and is quick where one place calls it.

    ``depth`` counts the frames from that function up to the one that is probably the program's.
    This is for what happens many times a second: where the program is further away than
    :data:`_NEAR` frames, it gives 0 instead of looking for it.
    """
    known = (None, -1, 0)

    def site():
        nonlocal known
        try:
            frame = _getframe(depth)
        except ValueError as error:
            raise_if_the_programs(error)
            # C code has called the outermost of ours.
            return 0
        code, position, number = known
        if frame.f_lasti != position or frame.f_code is not code:
            known = _place(frame)
            number = known[2]
        return number

    return site


def _place(frame):
    """Code, position and site of a frame; no code if the site depends on the frames around it."""
    number = (_known.get((id(frame.f_code), frame.f_lasti)) or _learn(frame))[0]
    if number > 0:
        return frame.f_code, frame.f_lasti, number
    if number < PASSED_OVER and not _has_own_code():
        return frame.f_code, frame.f_lasti, _number_of(frame)
    return None, -1, _nearby(frame)


def _has_own_code():
    """Whether any code of the program's own was seen; the first call searches for some."""
    global _is_searched
    if not _is_own_seen and not _is_searched:
        _is_searched = True
        here()
    return _is_own_seen


def _nearby(frame):
    for _ in range(_NEAR):
        number = (_known.get((id(frame.f_code), frame.f_lasti)) or _learn(frame))[0]
        if number > 0:
            return number
        if number < PASSED_OVER and not _has_own_code():
            return _number_of(frame)
        frame = frame.f_back
        if frame is None:
            break
    return 0


def of_function(code):
    """The site where a function is written, by its code object."""
    key = (id(code), -1)
    known = _known.get(key)
    if known is None:
        place = code.co_filename, code.co_firstlineno, code.co_name
        known = remember(_known, key, announce(*place), code)
    return known[0]


def remember(cache, key, *known):
    """Store what is known if the cache is not full, and return it."""
    if len(cache) < _LIMIT:
        cache[key] = known
    return known


def announce(file, line, function, more=b"", key=""):
    """Report a place to the viewer, once, and return its number.

    ``more`` are further fields of the record, and ``key`` tells places in one line apart.
    """
    site = crc32(("%s:%d%s" % (file, line, key)).encode("utf-8", "surrogatepass")) or 1
    if site not in _announced:
        # Held until the next record, because it reads the file, and our caller may hold a lock.
        place = _absolute(file), line, function
        wire.hold(partial(_tell, site, place, more))
        # Afterwards: if a signal handler raises here, the place is reported twice, not never.
        _announced[site] = place, more
    return site


def announce_again():
    """Report all places to a viewer that has come later."""
    for site, (place, more) in list(_announced.items()):
        wire.hold(partial(_tell, site, place, more))


def _absolute(file):
    try:
        return os.path.abspath(file)
    except OSError as error:
        raise_if_the_programs(error)
        # The folder that the name is relative to has been removed.
        return file


def _tell(site, place, more, told):
    try:
        file, line, function = place
        fields = b'"s":%d,"file":%b,"line":%d,"function":%b,"checksum":%d%b'
        path = wire.text(file, _PATH_LIMIT)
        fields %= site, path, line, wire.text(function), _checksum(file), more
        wire.put(b"site", fields, told=told)
    except BaseException:
        report("site")


def _checksum(file):
    """A fingerprint of the file, taken once, to see if it has changed; 0 if it is not read."""
    known = _checksums.get(file)
    if known is None:
        known = _checksums[file] = crc32(read_source(file))
    return known


def read_source(file):
    """The content of a source file; empty if it is not a regular file of at most SOURCE_LIMIT.

    Code may name any file as its source: a pipe might never end, and opening a device may have
    effects. A program that was typed in, or is in an archive, has no file.
    """
    try:
        if not _is_source(os.stat(file)):
            return b""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        return use(_read_source, os.open, file, flags)
    except (OSError, ValueError) as error:
        raise_if_the_programs(error)
        return b""


def _read_source(descriptor):
    # Another file may have taken its place in between.
    status = os.fstat(descriptor)
    return os.read(descriptor, status.st_size) if _is_source(status) else b""


def _is_source(status):
    return S_ISREG(status.st_mode) and 0 < status.st_size <= SOURCE_LIMIT


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
    """Do the same, and report nothing of what the package makes for its own use."""
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


def owner_of(code, names):
    """Who owns code, given the names of its module: 1 for the program, or a number from above."""
    file = code.co_filename
    # Code that belongs to no module was written by a program, as the methods of a proxy are.
    if is_machinery(file) or "__name__" not in names:
        return PASSED_OVER
    if file.startswith("<"):
        # A program given with -c, or typed in, has no file either.
        is_program = names["__name__"] == "__main__" and "__file__" not in names
        return 1 if is_program else OF_NO_FILE
    if file.startswith(_SCRIPTS) or any(part in file for part in INSTALLED):
        return _OF_LIBRARY
    return _OF_STDLIB if file.startswith(STDLIB) else 1


def _learn(frame):
    global _is_own_seen
    code = frame.f_code
    number = owner_of(code, frame.f_globals)
    _is_own_seen = _is_own_seen or number > 0
    site = _announce_frame(frame) if number > 0 else number
    return remember(_known, (id(code), frame.f_lasti), site, code)


def _number_of(frame):
    """The site of a frame of others."""
    key = (id(frame.f_code), frame.f_lasti)
    known = _chosen.get(key) or remember(_chosen, key, _announce_frame(frame), frame.f_code)
    return known[0]


def _announce_frame(frame):
    code = frame.f_code
    return announce(
        code.co_filename, frame.f_lineno or 0, getattr(code, "co_qualname", code.co_name)
    )
