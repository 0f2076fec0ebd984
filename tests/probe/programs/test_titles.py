"""A process that writes a title over its command line, as setproctitle does, is named by it."""

from __future__ import annotations

from helpers.runs import RunTogether
from mpviz.trace.model.state import RunState

PROGRAM = """
import ctypes, os, sys, time

def entitle(text):
    with open("/proc/self/stat") as file:
        start, end = map(int, file.read().rsplit(")", 1)[1].split()[45:47])
    room = end - start
    ctypes.memmove(start, text.encode().ljust(room, b"\\0")[:room], room)

if __name__ == "__main__":
    entitle("shop: master")
    for number in range(2):
        if os.fork() == 0:
            entitle("shop: worker %d" % number)
            deadline = time.monotonic() + 600
            while time.monotonic() < deadline:
                time.sleep(0.05)
    time.sleep(600)
"""


def test_a_title_is_shown(run_together: RunTogether) -> None:
    def all_have_titles(state: RunState) -> bool:
        return {process.name for process in state.processes.values()} == {
            "shop: master",
            "shop: worker 0",
            "shop: worker 1",
        }

    run = run_together({"titles": (PROGRAM, all_have_titles)})["titles"]
    commands = {process["command"].split()[-1] for process in run.document["processes"]}
    assert {command.rsplit("/", 1)[-1] for command in commands} == {"program.py"}
    run.assert_no_probe_error()
