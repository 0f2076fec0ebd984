"""The ring: memory that a process shares with the viewer, for what happens many times a second.

A record that goes through the pipe costs the program a system call and a line of JSON, together
more than the lock that it is about. In the ring it costs one call of ``pack_into``. A SIGKILL takes
it back from neither: the pages belong to the file, not to the process.

A ring is a file of three parts, all of it zero at first:

- the head: whose ring it is, and the number of the record that the viewer has read last;
- the forms: what all records of one kind about one object have in common, once, as JSON;
- the slots: the record with the number ``n`` is in slot ``n % SLOTS``, and its last word is ``n``;
  each number has a slot, also that of a record that went through the pipe.

The last word is written last, and no x86 processor sees it before the words in front of it (Intel
SDM 3A, 9.2.2: stores are seen in order). So a reader that finds the number it expects has the
whole record. On other machines there is no ring, and all records go through the pipe.
"""

import os
import sys
from functools import partial
from struct import Struct

# The viewer imports this module too, as part of a larger package.
from ..descriptors import LOWEST, use

SUFFIX = ".ring"
"""Suffix of the file, which is beside the FIFO; the viewer unlinks it when it has mapped it."""

HEAD = Struct("<qqqQ")
"""The mark that says it is ready, the number read last, the pid and the main thread."""

READY = 0x474E495256504D
READ_WORD = 1
"""Index of the number read last, in words of 8 bytes. At first it is the number before the first
record in the ring; from then on, only the viewer writes it."""

FORMS = 512
FORM_BYTES = 256
FORMS_AT = 4096

RECORD = Struct("<qQIIqqq8xq")
"""Time, thread, form, site, three values that the form names, and the number."""

SLOTS = 1 << 14
SLOT_BYTES = RECORD.size
SLOTS_AT = FORMS_AT + FORMS * FORM_BYTES
SIZE = SLOTS_AT + SLOTS * SLOT_BYTES

VOID = 0
"""The form of a record that went through the pipe: the slot has its number and a time only."""

_WORD = Struct("<q")


def create(directory, pid, read):
    """Make a ring that is not ready yet, for the records after the one with the number ``read``.

    Raises :class:`OSError` or :class:`ValueError` if there can be none.
    """
    from time import monotonic_ns

    if sys.platform != "linux" or os.uname().machine != "x86_64":
        raise OSError("no ring on this kind of machine")
    path = "%s/%d-%d%s" % (directory, pid, monotonic_ns(), SUFFIX)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    memory = use(partial(_fill, path), os.open, path, flags, 0o600)
    _WORD.pack_into(memory, READ_WORD * 8, read)
    return memory


def _fill(path, descriptor):
    try:
        # All of it at once: a store to a page for which there is no room would kill the program.
        os.posix_fallocate(descriptor, 0, SIZE)
        return _map(descriptor)
    except BaseException:
        os.unlink(path)
        raise


def make_ready(memory, pid, read, main_thread):
    """Let the viewer begin to read after the record with this number."""
    HEAD.pack_into(memory, 0, 0, read, pid, main_thread)
    _WORD.pack_into(memory, 0, READY)


def write_form(memory, number, form):
    """Put a form in its place; the caller has checked that there is a place, and that it fits."""
    start = FORMS_AT + number * FORM_BYTES
    memory[start : start + len(form)] = form


def number_read(memory):
    """The number of the record that the viewer has read last."""
    return _WORD.unpack_from(memory, READ_WORD * 8)[0]


def number_at(memory, place):
    """The number of the record in the slot that begins here; it is the last word to be written."""
    return _WORD.unpack_from(memory, place + SLOT_BYTES - 8)[0]


def _map(descriptor):
    """Map the file without a descriptor on a low number, which the program might expect.

    Before Python 3.13, a mapping keeps a duplicate of the descriptor on the lowest free number.
    """
    from mmap import mmap

    if sys.version_info >= (3, 13):
        return mmap(descriptor, SIZE, trackfd=False)
    taken: "list[int]" = []
    closing = map(os.close, taken)
    try:
        _take_low(taken, descriptor)
        memory = mmap(descriptor, SIZE)
        # As in :func:`mpviz_probe.descriptors.use`.
        any(closing)
        return memory
    finally:
        any(closing)


def _take_low(taken, descriptor):
    while not taken or taken[-1] < LOWEST:
        taken.extend(map(os.dup, (descriptor,)))
