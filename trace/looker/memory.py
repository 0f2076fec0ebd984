"""The memory of another process, read through ``/proc/PID/mem``: nothing is ever written."""

from __future__ import annotations

import os
import struct

# ruff: noqa: PTH123

_LOWEST, _HIGHEST = 1 << 12, 1 << 47
"""Between these lie all addresses of user space (Documentation/arch/x86/x86_64/mm.rst)."""


class Region:
    """A line of ``/proc/PID/maps``."""

    def __init__(self, line: str) -> None:
        fields = line.split(None, 5)
        start, _, end = fields[0].partition("-")
        self.start, self.end = int(start, 16), int(end, 16)
        self.writable = fields[1].startswith("rw")
        self.identity = f"{fields[3]}:{fields[4]}"
        """Device and inode: the same in every process that maps the same file."""
        self.path = fields[5] if len(fields) > 5 else ""


def read_regions(pid: int) -> list[Region]:
    """The memory regions of a process; none if it is gone, or if that is refused."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
            return [Region(line.rstrip("\n")) for line in file]
    except (OSError, ValueError):
        return []


class Memory:
    """Reads what lies at an address; bad addresses give nothing."""

    def __init__(self, pid: int) -> None:
        self.refused = ""
        """Why it cannot be read, in the system's words; empty if it can."""
        self._descriptor = -1
        try:
            self._descriptor = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            self.refused = error.strerror or "refused"

    def close(self) -> None:
        """Close it; may be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def read(self, address: int, size: int) -> bytes:
        """At most so many bytes; fewer if not all of them are mapped."""
        if self._descriptor < 0 or not _LOWEST < address < _HIGHEST:
            return b""
        try:
            return os.pread(self._descriptor, size, address)
        except OSError:
            return b""

    def word(self, address: int) -> int:
        """Eight bytes as a number; 0 if they cannot be read."""
        octets = self.read(address, 8)
        return int.from_bytes(octets, "little") if len(octets) == 8 else 0

    def words(self, address: int, count: int) -> tuple[int, ...]:
        """So many words, or fewer."""
        octets = self.read(address, 8 * count)
        return struct.unpack_from(f"<{len(octets) // 8}Q", octets)

    def text(self, address: int, most: int = 80) -> str:
        """A string of C; empty if there is none."""
        return self.read(address, most).split(b"\0")[0].decode("ascii", "replace")
