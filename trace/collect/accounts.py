"""Counts of dropped records: each process keeps its count in a file, which survives its death."""

from __future__ import annotations

import time

from mpviz.probe.boot.mpviz_probe.wire.fifo import DROPPED_SUFFIX, LINK_SUFFIX
from mpviz.trace.collect.rings import NUMBERS, PIDS
from mpviz.trace.model.events import RecordsDropped
from mpviz.trace.system.kernel import read_status
from mpviz.trace.system.run_folder import NO_ROOM, RunFolder


class Accounts:
    """The files of a run's folder in which processes count the records that they dropped."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._known: dict[str, str] = {}
        """For each file, the text that was read last."""

    def read(self, names: list[str]) -> list[RecordsDropped]:
        """The counts that have changed, of those among these files.

        :class:`OSError` if there is no memory or no descriptor left to read them.
        """
        names = [name for name in names if name.endswith((DROPPED_SUFFIX, LINK_SUFFIX))]
        self._known = {name: self._known.get(name, "") for name in names}
        return [account for name in names if (account := self._read_one(name))]

    def _read_one(self, name: str) -> RecordsDropped | None:
        try:
            text = self._folder.read_text(name)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise
            # Not one of ours, or gone.
            return None
        account = _account(name, text)
        if text != self._known[name]:
            self._known[name] = text
            return account
        if account and read_status(account.child) is None:
            self._folder.unlink(name)
        return None


def _account(name: str, text: str) -> RecordsDropped | None:
    """The count in a file with this name and text; None if it cannot be true."""
    words = text.split()
    pid = name.partition("-")[0]
    if len(words) != 3 or not all(word.isdecimal() for word in (*words, pid)):
        return None
    last, count, stamp = map(int, words)
    if not (0 < count <= last < NUMBERS and stamp <= time.monotonic_ns() and 0 < int(pid) < PIDS):
        return None
    return RecordsDropped(time=stamp, pid=0, child=int(pid), last=last, count=count)
