"""The kernel's list of file locks, as the locks that somebody waits for."""

from __future__ import annotations

from mpviz.trace.system.file_locks import FileLock, parse_file_locks

NOBODY_WAITS = "1: FLOCK  ADVISORY  WRITE 11 fe:00:100 0 EOF\n"

QUEUED = """\
1: FLOCK  ADVISORY  WRITE 11 fe:00:100 0 EOF
1: -> FLOCK  ADVISORY  WRITE 12 fe:00:100 0 EOF
1:  -> FLOCK  ADVISORY  WRITE 13 fe:00:100 0 EOF
2: POSIX  ADVISORY  WRITE 11 fe:00:100 0 EOF
"""

SHARED = """\
1: FLOCK  ADVISORY  READ 11 fe:00:100 0 EOF
1: -> FLOCK  ADVISORY  WRITE 13 fe:00:100 0 EOF
2: FLOCK  ADVISORY  READ 12 fe:00:100 0 EOF
"""

PARTS = """\
1: POSIX  ADVISORY  WRITE 11 fe:00:100 0 9
1: -> POSIX  ADVISORY  WRITE 13 fe:00:100 5 5
2: POSIX  ADVISORY  WRITE 12 fe:00:100 10 19
3: OFDLCK ADVISORY  WRITE -1 fe:00:101 0 EOF
3: -> OFDLCK ADVISORY  WRITE -1 fe:00:101 0 EOF
4: LEASE  ACTIVE    WRITE 14 fe:00:102 0 EOF
4: -> LEASE  ACTIVE    WRITE 15 fe:00:102 0 EOF
"""


def test_a_lock_that_nobody_waits_for_is_left_out() -> None:
    assert parse_file_locks(NOBODY_WAITS) == []
    assert parse_file_locks("") == []


def test_who_waits_behind_a_waiter_waits_for_the_same_lock() -> None:
    assert parse_file_locks(QUEUED) == [FileLock("flock", "fe:00:100", "", [11], [12, 13])]


def test_all_that_share_a_lock_are_in_the_way() -> None:
    (lock,) = parse_file_locks(SHARED)
    assert (lock.holders, lock.waiters, lock.inode) == ([11, 12], [13], 100)


def test_parts_of_a_file_are_locks_of_their_own_and_leases_are_none() -> None:
    assert parse_file_locks(PARTS) == [
        FileLock("lockf", "fe:00:100", "0-9", [11], [13]),
        FileLock("lockf", "fe:00:101", "", [-1], [-1]),
    ]
