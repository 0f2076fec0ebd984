"""The ring: memory that one process shares with the viewer, for what it tells many times a second.

A record that goes through the pipe costs the program a system call and a line of JSON, together
more than the lock that it tells of. In the ring it is one call of ``pack_into``, and a SIGKILL can
take it back no more than from the pipe: the pages are the file's, not the process's.

A ring is a file of four parts, all of it zero at first:

- the head: whose ring it is, and which number the viewer has read last;
- the forms: what the records of one kind and one object have in common, once, as JSON;
- the slots: the record with the number ``n`` is in slot ``n % SLOTS``, and its last word is ``n``;
  for each number there is a slot, also for those that went through the pipe.

The last word is written last, and x86 lets no processor see it before the words in front of it; so
who finds the number it expects has the whole record (Intel SDM 3A, 9.2.2: stores are seen in
order). On other machines there is no ring, and all goes through the pipe.
"""

import os
import sys
from functools import partial
from struct import Struct

# The viewer imports this module too, as part of a larger package.
from ..descriptors import LOWEST, use

SUFFIX = ".ring"
"""Of the file's name, in the directory of the FIFO; the viewer unlinks it when it has mapped it."""

HEAD = Struct("<qqqQ")
"""The mark that says it is ready, the number read last, the pid and its main thread."""

READY = 0x474E495256504D
READ_WORD = 1
"""The index, in words of 8 bytes, of the number read last: at first the one before the first
that is in the ring, and from then on the viewer's to write."""

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
"""The form of a record that went through the pipe: its number and a stamp, and nothing else."""

_WORD = Struct("<q")


def create(directory, pid, read):
    """Make a ring that is not ready yet, to be used behind this number; OSError where none can be.

    What the system has against it comes as the OSError or ValueError that it is.
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
        # All of it, now: a store to a page for which there is no room would kill the program.
        os.posix_fallocate(descriptor, 0, SIZE)
        return _map(descriptor)
    except BaseException:
        os.unlink(path)
        raise


def make_ready(memory, pid, read, main_thread):
    """Let the viewer begin to read behind this number."""
    HEAD.pack_into(memory, 0, 0, read, pid, main_thread)
    _WORD.pack_into(memory, 0, READY)


def write_form(memory, number, form):
    """Put a form in its place; for who has checked that there is a place, and that it fits."""
    start = FORMS_AT + number * FORM_BYTES
    memory[start : start + len(form)] = form


def number_read(memory):
    """The number that the viewer has read last."""
    return _WORD.unpack_from(memory, READ_WORD * 8)[0]


def number_at(memory, place):
    """The number of the record whose slot begins here, as far as it is written."""
    return _WORD.unpack_from(memory, place + SLOT_BYTES - 8)[0]


def _map(descriptor):
    """Map the file, and take no descriptor that the program could want.

    Before Python 3.13 a mapping keeps a duplicate, on the lowest number that is free.
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
