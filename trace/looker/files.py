"""What the descriptors of a process lead to: pipes, sockets and their other ends."""

from __future__ import annotations

import array
import fcntl
import os
import re
import socket
import stat
import struct
import termios

# ruff: noqa: PTH115, PTH208

_LINK = re.compile(r"(pipe|socket):\[(\d+)\]")
_MOST_FILES = 2000

# linux/netlink.h, linux/sock_diag.h, linux/unix_diag.h
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_NLM_F_REQUEST, _NLM_F_DUMP, _NLMSG_ERROR, _NLMSG_DONE = 0x1, 0x300, 2, 3
_UDIAG_SHOW_PEER, _UDIAG_SHOW_RQLEN = 0x4, 0x10
_UNIX_DIAG_PEER, _UNIX_DIAG_RQLEN = 2, 4


def read_descriptors(pid: int) -> dict[int, tuple[str, int, bool]]:
    """Pipes and sockets by descriptor: kind, inode, and whether the process may write there."""
    found: dict[int, tuple[str, int, bool]] = {}
    try:
        names = os.listdir(f"/proc/{pid}/fd")[:_MOST_FILES]
    except OSError:
        return found
    for name in names:
        try:
            link = _LINK.fullmatch(os.readlink(f"/proc/{pid}/fd/{name}"))
            if link is None:
                continue
            # The link is writable if the descriptor is (man 5 proc_pid_fd).
            mode = os.lstat(f"/proc/{pid}/fd/{name}").st_mode
        except OSError:
            # It was closed meanwhile.
            continue
        found[int(name)] = link[1], int(link[2]), bool(mode & stat.S_IWUSR)
    return found


def bytes_in_pipe(pid: int, descriptor: int) -> int:
    """How many bytes lie in a pipe; -1 if unknown.

    The pipe is opened for reading once more, for some microseconds.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        ours = os.open(f"/proc/{pid}/fd/{descriptor}", flags)
    except OSError:
        return -1
    try:
        count = array.array("i", [0])
        fcntl.ioctl(ours, termios.FIONREAD, count)
        return count[0]
    except OSError:
        return -1
    finally:
        os.close(ours)


def read_unix_sockets() -> dict[int, tuple[int, int]]:
    """By inode of each Unix socket: the inode of its other end, and the bytes to be read.

    It needs no rights (man 7 sock_diag). None if the kernel does not tell.
    """
    found: dict[int, tuple[int, int]] = {}
    shows = _UDIAG_SHOW_PEER | _UDIAG_SHOW_RQLEN
    asked = struct.pack("<BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, shows, 0, 0)
    head = struct.pack(
        "<IHHII", 16 + len(asked), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST | _NLM_F_DUMP, 1, 0
    )
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as diag:
            diag.settimeout(1.0)
            diag.send(head + asked)
            while _take(diag.recv(1 << 16), found):
                pass
    except OSError:
        return found
    return found


def _take(answer: bytes, found: dict[int, tuple[int, int]]) -> bool:
    """Take in a part of the answer; say whether more of it follows."""
    at = 0
    while at + 16 <= len(answer):
        length, kind = struct.unpack_from("<IH", answer, at)
        if kind in (_NLMSG_DONE, _NLMSG_ERROR) or length < 32:
            return False
        (inode,) = struct.unpack_from("<I", answer, at + 20)
        peer = size = 0
        place = at + 32
        while place + 8 <= at + length:
            part, what = struct.unpack_from("<HH", answer, place)
            if what == _UNIX_DIAG_PEER:
                (peer,) = struct.unpack_from("<I", answer, place + 4)
            elif what == _UNIX_DIAG_RQLEN:
                (size,) = struct.unpack_from("<I", answer, place + 4)
            place += max(4, part + 3 & ~3)
        found[inode] = peer, size
        at += length + 3 & ~3
    return bool(answer)
