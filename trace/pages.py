"""Memory that an observed process shares with us, and can take away at any moment.

To load from a page behind the end of its file is a SIGBUS, and whoever can write to the file can
shorten it. So the kernel does the copying: for a page that is not there, ``pwrite`` from it and
``preadv`` into it fail with EFAULT. That takes 3 µs and 15 µs for each 32 KiB (measured), and no
descriptor for each mapping.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import threading
import weakref
from functools import cache

_SCRATCH_BYTES = 1 << 16
_WORD = struct.Struct("<q")


class Pages:
    """A file that is mapped whole, for reading and writing; :class:`OSError` where it cannot be."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._memory = _map(descriptor, size)

    def read(self, start: int, size: int) -> bytes:
        """Copy so many bytes; :class:`OSError` where they are not there any more."""
        pieces = []
        end = start + size
        while start < end:
            piece = _scratch().read(self._memory[start : min(end, start + _SCRATCH_BYTES)])
            pieces.append(piece)
            start += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def write_word(self, start: int, value: int) -> None:
        """Store a number of 8 bytes; :class:`OSError` where its place is not there any more."""
        _scratch().write(self._memory[start : start + _WORD.size], _WORD.pack(value))


class _Scratch:
    """Memory of our own with a descriptor, over which the kernel copies; any thread may use it."""

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("mpviz", os.MFD_CLOEXEC)
        os.ftruncate(self._descriptor, _SCRATCH_BYTES)
        self._memory = mmap.mmap(self._descriptor, _SCRATCH_BYTES)
        self._lock = threading.Lock()

    def read(self, source: memoryview) -> bytes:
        with self._lock:
            copied = os.pwrite(self._descriptor, source, 0)
            return self._memory[:copied]

    def write(self, target: memoryview, data: bytes) -> None:
        with self._lock:
            self._memory[: len(data)] = data
            os.preadv(self._descriptor, [target], 0)


@cache
def _scratch() -> _Scratch:
    return _Scratch()


def _map(descriptor: int, size: int) -> memoryview:
    """Map the file, and keep no descriptor, of which there may be fewer than processes."""
    if sys.version_info >= (3, 13):
        return memoryview(mmap.mmap(descriptor, size, trackfd=False))
    # Before that the mmap module keeps a duplicate. ctypes takes 7 ms to import.
    import ctypes  # noqa: PLC0415

    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_int,
        ctypes.c_long,
    ]
    library.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    how = mmap.PROT_READ | mmap.PROT_WRITE
    address = library.mmap(None, size, how, mmap.MAP_SHARED, descriptor, 0)
    if address == ctypes.c_void_p(-1).value:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    memory = (ctypes.c_char * size).from_address(address)
    weakref.finalize(memory, library.munmap, address, size)
    return memoryview(memory).cast("B")
