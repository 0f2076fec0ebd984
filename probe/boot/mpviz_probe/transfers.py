"""Notes what a connection has written and read, even if an exception comes right after.

A signal handler of the program may raise between a write or a read and the storing of its result.
Without a note, nobody would know then whether the message was sent or received.

The notes of a connection are a list, which is emptied before each message; each step adds a list of
its own, so threads that use one connection at the same time mix up the notes, but not the data.
"""

from weakref import ref

HEADER = 4
"""Bytes before each message, which say how long it is."""

NONE_YET = -1
"""The size of a message that has not been read completely."""

_NOTED_BYTES = 1 << 16
"""A message of more is not noted when it is read: the notes keep it till the next message."""


def note_writes(connection):
    """Note what is written through this connection in the list that is returned."""
    notes: "list[list[int]]" = []
    original, known = type(connection)._send, ref(connection)
    # The method of a subclass is left as it is.
    if _takes(original, "self", "buf", "write"):
        (write,) = original.__defaults__

        def noting(handle, buf):
            note: "list[int]" = []
            notes.append(note)
            # Written and noted in one step.
            note.extend(map(write, (handle,), (buf,)))
            return note[0]

        noted = (noting,)

        def send(buf, *args):
            # Known weakly: a connection that kept itself would not be closed when it is dropped.
            return original(known(), buf, *(args or noted))

        connection._send = send
    return notes


def was_sent(notes, size):
    """Whether these are the notes of a whole message of this size in bytes."""
    return sum(map(sum, notes)) >= HEADER + size


def noting_reads(connection):
    """The list for notes of what is read, and a function like ``connection._recv`` that notes it.

    The function gets the connection and the size.
    """
    notes: "list" = []
    original = type(connection)._recv
    if not _takes(original, "self", "size", "read"):
        return notes, original
    (read,) = original.__defaults__

    def noting(handle, size):
        note: "list" = [size]
        notes.append(note)
        # Read and noted in one step.
        note.extend(map(read, (handle,), (size,)))
        return note[1]

    def receive(connection, size, *args):
        if args or not notes or size > _NOTED_BYTES:
            # The header, or a part of a large message.
            notes.append(None)
            return original(connection, size, *args)
        return original(connection, size, noting)

    return notes, receive


def note_reads(connection):
    """Note what is read through this connection in the list that is returned."""
    notes, receive = noting_reads(connection)
    known = ref(connection)
    connection._recv = lambda size, *args: receive(known(), size, *args)
    return notes


def size_received(notes):
    """The size of the message whose reads these notes are of, or :data:`NONE_YET`.

    Of one that is empty, or large, it is not known.
    """
    if len(notes) < 2 or None in notes[1:]:
        return NONE_YET
    asked, *read = notes[-1]
    is_whole = bool(read) and len(read[0]) == asked
    return notes[1][0] if is_whole else NONE_YET


def _takes(function, *parameters):
    """Whether a method has just these parameters, the last of them with a default."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_varnames[: code.co_argcount] != parameters:
        return False
    return len(function.__defaults__ or ()) == 1
