"""Finds the folders of sockets that multiprocessing leaves if it is killed.

A fork server and a manager listen on a socket in a folder ``pymp-XXXXXXXX`` for temporary files.
The process that made the folder removes it when it exits (``multiprocessing.util.get_temp_dir``), a
chance that our SIGTERM or SIGKILL takes away. So the supervisor notes these folders before it sends
a signal, and removes them when no process is left. Only the supervisor's script imports this.
"""

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from mpviz.trace.system import removal
else:
    import removal

_FOLDER = re.compile(rb"(/.*/pymp-[a-z0-9_]{8})/[^/]+\n")

_LISTENS = 1 << 16
"""The flag of a socket that listens (``__SO_ACCEPTCON``, include/linux/net.h)."""


def folders_of_sockets(pids: "Iterable[int]") -> set[str]:
    """The folders in which one of these processes listens on a socket."""
    sockets = _listening()
    found: set[str] = set()
    if sockets:
        for pid in pids:
            found |= {sockets[each] for each in _sockets_of(pid) & sockets.keys()}
    return found


def remove(path: str) -> str:
    """Remove such a folder; returns what is left and why as a sentence, empty if nothing is."""
    try:
        descriptor = removal.open_folder(path)
    except OSError:
        # The program has removed it itself, or somebody has put something else in its place.
        return ""
    try:
        return removal.remove(path, descriptor) if removal.is_ours(descriptor) else ""
    finally:
        os.close(descriptor)


def _listening() -> dict[str, str]:
    """The folder of each such socket that listens, by what /proc/PID/fd calls the socket.

    Lines are as in man 5 proc_net: number, reference count, protocol, flags, type, state, inode and
    path.
    """
    found = {}
    with open("/proc/net/unix", "rb") as lines:  # noqa: PTH123 - pathlib is slow to import
        for line in lines:
            words = line.split(None, 7)
            path = _FOLDER.fullmatch(words[7]) if len(words) > 7 else None
            if path and int(words[3], 16) & _LISTENS:
                found[f"socket:[{int(words[6])}]"] = os.fsdecode(path[1])
    return found


def _sockets_of(pid: int) -> set[str]:
    """What a process of our user has open, if its paths mean the same as ours.

    One of another user may not make us remove what that user could not.
    """
    folder = f"/proc/{pid}"
    try:
        if os.stat(folder).st_uid != os.geteuid():  # noqa: PTH116
            return set()
        if os.stat(f"{folder}/ns/mnt").st_ino != os.stat("/proc/self/ns/mnt").st_ino:  # noqa: PTH116
            return set()
        if not os.path.samefile(f"{folder}/root", "/proc/self/root"):  # noqa: PTH121
            return set()
        return {os.readlink(f"{folder}/fd/{name}") for name in os.listdir(f"{folder}/fd")}  # noqa: PTH115, PTH208
    except OSError:
        # It has ended, or we may not look.
        return set()
