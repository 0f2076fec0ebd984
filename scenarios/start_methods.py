"""Start methods: what fork, spawn and forkserver cost and pass on.

Watch how soon each child gets to its first line, and what it knows there.

fork copies the parent as it is: at once, with all that it has imported and
changed. spawn starts a new Python, which imports the program anew and knows
nothing of later changes. forkserver starts a helper once, a clean Python
that is forked for every child: the first child waits for the helper too,
the second only imports the program.
"""

import os
import time
from multiprocessing import current_process, get_context
from typing import Annotated, Any

from mpviz.scenarios.catalogue import Choice, Range

CHAPTER = "processes"
ORDER = 2

# These two lines run in every process that imports this file.
imported_by = os.getpid()
setting = {"colour": "blue"}


def worker(asked: float, seconds: float) -> None:
    """Say when we got here and with what, then stay for a while."""
    # All processes read the same clock.
    milliseconds = (time.monotonic() - asked) * 1000
    imports = "anew" if imported_by == os.getpid() else "inherited"
    say(
        f"{current_process().name}: first line after {milliseconds:.1f} ms,"
        f" imports {imports}, colour {setting['colour']}"
    )
    time.sleep(seconds)


def say(line: str) -> None:
    """Print a line in one piece: all processes write to one terminal."""
    print(f"{line}\n", end="", flush=True)


def main(
    *,
    method: Annotated[
        str,
        Choice(
            ("all", "fork", "spawn", "forkserver"), "how to start children"
        ),
    ] = "all",
    seconds: Annotated[float, Range(0, 60, "how long a child stays")] = 1.2,
) -> None:
    """Start two children with each method, one after the other."""
    setting["colour"] = "red"  # The file says blue: which will they see?
    say(f"{current_process().name}: colour {setting['colour']}")
    methods = (
        ["fork", "spawn", "forkserver"] if method == "all" else [method]
    )
    for each in methods:
        # All that multiprocessing has, with this method.
        context: Any = get_context(each)
        for number in (1, 2):
            asked = time.monotonic()
            process = context.Process(
                target=worker,
                args=(asked, seconds),
                name=f"{each}-{number}",
            )
            process.start()
            milliseconds = (time.monotonic() - asked) * 1000
            say(f"{process.name}: start() took {milliseconds:.1f} ms")
            process.join()
