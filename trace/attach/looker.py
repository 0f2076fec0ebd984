"""The looker's process: started, read from a thread, and ended."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from mpviz.trace.looker import LOOKER

END_SECONDS = 5.0
"""Seconds that it has to end when it is told to; it may wait for py-spy."""


class Looker:
    """Hands each look to ``take``, from a thread; to ``failed``, why there are no more."""

    def __init__(
        self,
        root: int,
        interval: float,
        take: Callable[[dict[str, Any]], None],
        failed: Callable[[str], None],
        *,
        py_spy: str,
        prefix: Sequence[str] = (),
    ) -> None:
        command = [sys.executable, "-I", "-S", str(LOOKER), str(root), str(interval), py_spy]
        self._process = subprocess.Popen(
            [*prefix, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._take = take
        self._failed = failed
        self._closing = False
        self.pid = self._process.pid
        self._thread = threading.Thread(target=self._read, name="mpviz-looker", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it; may be called again."""
        self._closing = True
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        assert self._process.stdout is not None and self._process.stderr is not None
        for line in self._process.stdout:
            try:
                self._take(json.loads(line))
            except Exception as error:
                self._failed(f"a look could not be understood: {type(error).__name__}: {error}")
        if not self._closing:
            lines = self._process.stderr.read().decode("utf-8", "replace").strip().splitlines()
            self._failed("the looker has ended" + f": {lines[-1]}" * bool(lines))
