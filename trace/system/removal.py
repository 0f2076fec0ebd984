"""Removes a folder with all that is in it, however deep, and nothing that is elsewhere.

It follows no link and enters no mount, such as a folder of the user that is bound to a place in
this one. It changes and opens each folder by a descriptor, so it does not matter what a program
puts in the place of a name meanwhile, and it goes on only while that folder is still in its place.

``shutil.rmtree`` calls itself or holds a descriptor for each level, so a program can nest folders
too deep for it. Here, inner folders are moved up to the first level instead. The supervisor imports
this file too, so it avoids modules that are slow to import.
"""

# ruff: noqa: PTH106, PTH108, PTH115 - pathlib costs the supervisor 8 ms to import

import os
import stat
from itertools import islice
from time import monotonic

MOST_NAMES = 20_000
"""Maximum number of names that are read at once."""

SECONDS = 30.0
"""Seconds after which we give up a folder, which a process out of our reach may go on filling."""

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FLAGS_OF_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(path: str, descriptor: int) -> str:
    """Remove the folder that was made at this path and is open as ``descriptor``.

    If it was moved, it is removed where it is now, and so is a link in its old place. Returns what
    is left and why as a sentence, empty if nothing is.
    """
    place, problem = path, ""
    try:
        place = os.readlink(f"/proc/self/fd/{descriptor}")
        # Its permissions may have been changed.
        os.fchmod(descriptor, 0o700)
        problem = _empty(descriptor)
        if stat.S_ISLNK(_mode(path, None)):
            os.unlink(path)
        os.rmdir(place)
    except FileNotFoundError:
        # Somebody else has removed it.
        return ""
    except OSError as error:
        problem = problem or error.strerror or str(error)
        return f"{place} is left: {problem}"
    return ""


def open_folder(path: str) -> int:
    """Open a folder, and not what a link leads to; :class:`OSError`."""
    return os.open(path, _FLAGS)


def is_ours(descriptor: int) -> bool:
    """Whether an open file belongs to our user."""
    return os.fstat(descriptor).st_uid == os.geteuid()


def _empty(folder: int) -> str:
    """Empty a folder; returns a name that is left and why, empty if nothing is."""
    left: dict[str, str] = {}
    give_up_at = monotonic() + SECONDS
    while names := _names(folder, left):
        for name in names:
            if monotonic() > give_up_at:
                return f"it was not empty after {SECONDS:g} seconds"
            try:
                _remove_one(folder, name)
            except FileNotFoundError:
                # Somebody else was quicker.
                continue
            except OSError as error:
                left[name] = error.strerror or str(error)
    return "".join(f"{name}: {reason}" for name, reason in islice(left.items(), 1))


def _names(folder: int, left: dict[str, str]) -> list[str]:
    """Names in a folder, at most :data:`MOST_NAMES`, without those that cannot be removed."""
    with os.scandir(folder) as entries:
        others = (entry.name for entry in entries if entry.name not in left)
        return list(islice(others, MOST_NAMES))


def _remove_one(folder: int, name: str) -> None:
    """Remove this file or folder; folders in it are moved up, so that they come next."""
    if not stat.S_ISDIR(_mode(name, folder)):
        os.unlink(name, dir_fd=folder)
        return
    inner = _open_inner(name, folder)
    try:
        problem = None
        for each in _names(inner, {}):
            try:
                _check_place(inner, folder)
                _take_out(inner, each, folder)
            except FileNotFoundError:
                # Somebody else was quicker.
                continue
            except OSError as error:
                problem = problem or error
        if problem:
            raise problem
        is_empty = not _names(inner, {})
    finally:
        os.close(inner)
    if is_empty:
        # If not, it has more names than are read at once, and its turn comes again.
        os.rmdir(name, dir_fd=folder)


def _take_out(inner: int, name: str, folder: int) -> None:
    if not stat.S_ISDIR(_mode(name, inner)):
        os.unlink(name, dir_fd=inner)
        return
    # A folder that we may not write to cannot be moved to another one.
    os.close(_open_inner(name, inner))
    os.rename(name, os.urandom(8).hex(), src_dir_fd=inner, dst_dir_fd=folder)


def _open_inner(name: str, folder: int) -> int:
    """Open a folder in this one, and let us write to it; :class:`OSError` if it is mounted."""
    place = os.open(name, _FLAGS_OF_PLACE, dir_fd=folder)
    try:
        if _mount_of(place) != _mount_of(folder):
            raise OSError(0, "something is mounted there")
        os.chmod(f"/proc/self/fd/{place}", 0o700)  # noqa: PTH101 - no path
        return os.open(".", _FLAGS, dir_fd=place)
    finally:
        os.close(place)


def _mount_of(descriptor: int) -> str:
    """The number of the mount through which a file was opened (man 5 proc_pid_fdinfo).

    A device number does not tell a bind mount of the same file system.
    """
    with open(f"/proc/self/fdinfo/{descriptor}") as lines:  # noqa: PTH123 - no path
        return next(line for line in lines if line.startswith("mnt_id:"))


def _check_place(inner: int, folder: int) -> None:
    """:class:`OSError` if somebody has moved a folder out of this one."""
    above = os.stat("..", dir_fd=inner)
    if not os.path.samestat(above, os.fstat(folder)):
        raise OSError(0, "it was moved to another folder while it was being removed")


def _mode(path: str, folder: int | None) -> int:
    try:
        return os.stat(path, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0
