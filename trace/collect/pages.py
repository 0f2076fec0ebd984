"""Memory that an observed process shares with us, and can take away at any moment.

A load from a page behind the end of its file raises SIGBUS, and any process that can write to the
file can shorten it. So the kernel copies: ``pwrite`` from a missing page, or ``pread`` into it,
fails with EFAULT. That takes 3 µs for each 32 KiB (measured), and needs no descriptor for each
mapping.

These calls keep the GIL, which ``os.pwrite`` would give up. If another thread folds, we would get
the GIL back only after the interpreter's switch interval, several times for each block of records.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import weakref
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes

_SCRATCH_BYTES = 1 << 16
_WORD = struct.Struct("<q")
_FAILED = (1 << 64) - 1
"""MAP_FAILED: what mmap(2) returns if it fails."""


class Pages:
    """A file mapped whole, for reading and writing; :class:`OSError` if it cannot be mapped."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._size = size
        self._address = _map(descriptor, size)
        weakref.finalize(self, _library().munmap, self._address, size)

    def read(self, start: int, size: int) -> bytes:
        """Copy this many bytes; :class:`OSError` if they are gone."""
        pieces = []
        end = min(start + size, self._size)
        while start < end:
            piece = _scratch().read(self._address + start, min(end - start, _SCRATCH_BYTES))
            pieces.append(piece)
            start += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def write_word(self, start: int, value: int) -> None:
        """Store a number of 8 bytes; :class:`OSError` if its place is gone."""
        _scratch().write(self._address + start, _WORD.pack(value))


class _Scratch:
    """A file in memory of our own, through which the kernel copies; any thread may use it."""

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("mpviz", os.MFD_CLOEXEC)
        os.ftruncate(self._descriptor, _SCRATCH_BYTES)
        self._memory = mmap.mmap(self._descriptor, _SCRATCH_BYTES)
        self._lock = threading.Lock()

    def read(self, source: int, size: int) -> bytes:
        with self._lock:
            return self._memory[: _copied(_library().pwrite(self._descriptor, source, size, 0))]

    def write(self, target: int, data: bytes) -> None:
        with self._lock:
            self._memory[: len(data)] = data
            _copied(_library().pread(self._descriptor, target, len(data), 0))


@cache
def _scratch() -> _Scratch:
    return _Scratch()


@cache
def _library() -> ctypes.PyDLL:
    # Its import takes 7 ms, and a program that sends few records makes no ring.
    import ctypes  # noqa: PLC0415

    library = ctypes.PyDLL(None, use_errno=True)
    size, address, offset = ctypes.c_size_t, ctypes.c_void_p, ctypes.c_long
    for name in ("pwrite", "pread"):
        function = getattr(library, name)
        function.argtypes = [ctypes.c_int, address, size, offset]
        function.restype = ctypes.c_ssize_t
    library.mmap.argtypes = [address, size, ctypes.c_int, ctypes.c_int, ctypes.c_int, offset]
    library.mmap.restype = ctypes.c_size_t
    library.munmap.argtypes = [ctypes.c_size_t, size]
    return library


def _copied(count: int) -> int:
    """What ``pread`` or ``pwrite`` has returned; :class:`OSError` if it has failed."""
    if count <= 0:
        raise _error()
    return count


def _error() -> OSError:
    import ctypes  # noqa: PLC0415 - as above

    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


def _map(descriptor: int, size: int) -> int:
    """Map the file and give its address. Unlike the mmap module, this keeps no descriptor."""
    how = mmap.PROT_READ | mmap.PROT_WRITE
    address: int = _library().mmap(None, size, how, mmap.MAP_SHARED, descriptor, 0)
    if address == _FAILED:
        raise _error()
    return address
