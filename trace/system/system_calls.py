"""The system call in which a thread sleeps, and what its file descriptor stands for, in words."""

from __future__ import annotations

import os
import re
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

# asm/unistd_64.h
_NAMES_X86 = {
    0: "read",
    1: "write",
    2: "open",
    7: "poll",
    17: "pread64",
    18: "pwrite64",
    19: "readv",
    20: "writev",
    23: "select",
    34: "pause",
    35: "nanosleep",
    40: "sendfile",
    42: "connect",
    43: "accept",
    44: "sendto",
    45: "recvfrom",
    46: "sendmsg",
    47: "recvmsg",
    61: "wait4",
    65: "semop",
    70: "msgrcv",
    72: "fcntl",
    73: "flock",
    74: "fsync",
    75: "fdatasync",
    128: "rt_sigtimedwait",
    130: "rt_sigsuspend",
    202: "futex",
    220: "semtimedop",
    230: "clock_nanosleep",
    232: "epoll_wait",
    247: "waitid",
    257: "openat",
    270: "pselect6",
    271: "ppoll",
    275: "splice",
    281: "epoll_pwait",
    288: "accept4",
    299: "recvmmsg",
    441: "epoll_pwait2",
}

# asm-generic/unistd.h
_NAMES_ARM = {
    22: "epoll_pwait",
    25: "fcntl",
    32: "flock",
    56: "openat",
    63: "read",
    64: "write",
    65: "readv",
    66: "writev",
    67: "pread64",
    68: "pwrite64",
    71: "sendfile",
    72: "pselect6",
    73: "ppoll",
    76: "splice",
    82: "fsync",
    83: "fdatasync",
    95: "waitid",
    98: "futex",
    101: "nanosleep",
    115: "clock_nanosleep",
    133: "rt_sigsuspend",
    137: "rt_sigtimedwait",
    188: "msgrcv",
    192: "semtimedop",
    193: "semop",
    202: "accept",
    203: "connect",
    206: "sendto",
    207: "recvfrom",
    211: "sendmsg",
    212: "recvmsg",
    242: "accept4",
    243: "recvmmsg",
    260: "wait4",
    441: "epoll_pwait2",
}

_NAMES = {"x86_64": _NAMES_X86, "aarch64": _NAMES_ARM}.get(os.uname().machine, {})

_OF_A_FILE = re.compile(
    r"p?(read|write)(v|64)?|sendfile|connect|accept4?|send.*|recv.*|fcntl|flock|f(data)?sync"
)
"""System calls whose first argument is a file descriptor."""

MOST_WATCHED = 3
"""Files of an ``epoll`` that are told, at most."""

_SLEEPS = {
    "futex": "lock",
    "__futex": "lock",
    "do_futex": "lock",
    "locks_lock": "file lock",
    "flock_lock": "file lock",
    "fcntl_setlk": "file lock",
    "posix_lock": "file lock",
    "hrtimer_nanosleep": "clock",
    "do_nanosleep": "clock",
    "inet_csk_accept": "network",
    "inet_wait_for_connect": "network",
    "sk_wait_data": "network",
    "sk_stream_wait": "network",
    "wait_woken": "network",
    "__skb_wait_for_more_packets": "network",
    "io_schedule": "disk",
    "folio_wait": "disk",
    "wait_on_page": "disk",
}
"""Beginnings of the names of kernel functions in which threads sleep, and their meaning:
kernel/futex, fs/locks.c, kernel/time/hrtimer.c, net/core, net/ipv4 and mm/filemap.c, with their
names from Linux 3.10 to 6.18. ``wait_woken`` is also in reads from a terminal."""

_SOCKET = re.compile(r"socket:\[(\d+)\]")

_UNIX_LISTENS = 1 << 16
"""A flag in ``/proc/net/unix`` (``__SO_ACCEPTCON``)."""

_TCP_LISTENS = "0A"

_MOST_PID = 1 << 22
"""Larger numbers stand for "any child"."""


@dataclass(frozen=True, slots=True)
class SystemCall:
    """A system call in which a thread is blocked."""

    name: str
    """Its number, if it is none that blocks as a rule."""
    arguments: tuple[int, ...]
    """Six numbers."""
    stack_pointer: int


def meaning_of_sleep(place: str) -> str:
    """The word of :attr:`ProcessSample.asleep_in` for the place in which a thread sleeps."""
    if not place:
        return ""
    return next((word for start, word in _SLEEPS.items() if place.startswith(start)), "else")


def read_system_call(pid: int, thread: int) -> SystemCall | None:
    """Read in which system call a thread is blocked (man 5 proc_pid_syscall).

    None if it is in none, is gone, or the kernel does not say.
    """
    try:
        text = Path(f"/proc/{pid}/task/{thread}/syscall").read_text(encoding="ascii")
    except OSError:
        return None
    fields = text.split()
    # It says "running", and -1 for a thread that is blocked outside a system call.
    if len(fields) < 9 or not fields[0].isdecimal():
        return None
    number, *arguments, stack_pointer, _ = (int(field, 0) for field in fields)
    return SystemCall(_NAMES.get(number, str(number)), tuple(arguments), stack_pointer)


def call_in_words(pid: int, call: SystemCall) -> str:
    """``recvfrom, TCP 127.0.0.1:5000 to 127.0.0.1:5001``; only a name without a known file."""
    name = call.name if not call.name.isdecimal() else f"system call {call.name}"
    if _OF_A_FILE.fullmatch(call.name):
        target = file_in_words(pid, call.arguments[0])
        return f"{name}, {target}" if target else name
    if call.name.startswith("epoll"):
        watched = [file_in_words(pid, each) for each in _watched_by(pid, call.arguments[0])]
        return ", ".join([name, *dict.fromkeys(filter(None, watched))])
    if call.name == "wait4" and 0 < call.arguments[0] < _MOST_PID:
        return f"{name}, process {call.arguments[0]}"
    return name


def file_in_words(pid: int, descriptor: int) -> str:
    """What a process has open under this number: a path, a pipe, a socket with its addresses."""
    try:
        target = str(Path(f"/proc/{pid}/fd/{descriptor}").readlink())
    except OSError:
        return ""
    found = _SOCKET.fullmatch(target)
    if found is not None:
        return _socket_in_words(pid, found[1])
    return "a pipe" if target.startswith("pipe:[") else target.removeprefix("anon_inode:")


def _watched_by(pid: int, descriptor: int) -> list[int]:
    """The files that an ``epoll`` watches, a few of them."""
    text = _read(f"/proc/{pid}/fdinfo/{descriptor}")
    return [int(each) for each in re.findall(r"^tfd:\s*(\d+)", text, re.M)[:MOST_WATCHED]]


def _socket_in_words(pid: int, inode: str) -> str:
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in _read(f"/proc/{pid}/net/{table}").splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[9] == inode:
                here, there = _address(fields[1]), _address(fields[2])
                listens = fields[3] == _TCP_LISTENS
                other = ", which listens" if listens else f" to {there}" if there else ""
                return f"{table[:3].upper()} {here or 'without an address'}{other}"
    return _unix_socket_in_words(pid, inode)


def _unix_socket_in_words(pid: int, inode: str) -> str:
    for line in _read(f"/proc/{pid}/net/unix").splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if len(fields) > 6 and fields[6] == inode:
            path = f" {fields[7]}" if len(fields) > 7 else ""
            listens = ", which listens" if int(fields[3], 16) & _UNIX_LISTENS else ""
            return f"a Unix socket{path}{listens}"
    return "a socket"


def _address(text: str) -> str:
    """``127.0.0.1:80`` for ``0100007F:0050``; empty for no port, as of a peer that there is not.

    The address is in words of four bytes in the machine's order (Documentation/networking/
    proc_net_tcp.rst).
    """
    host, _, port = text.partition(":")
    number = int(port, 16)
    if not number:
        return ""
    words = [host[start : start + 8] for start in range(0, len(host), 8)]
    packed = b"".join(int(word, 16).to_bytes(4, sys.byteorder) for word in words)
    if len(packed) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, packed)}:{number}"
    return f"[{socket.inet_ntop(socket.AF_INET6, packed)}]:{number}"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
