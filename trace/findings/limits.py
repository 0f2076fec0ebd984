"""From when on each rule says something: the one table of all thresholds.

A false alarm costs more than a miss, so each is well beyond what a healthy program does.
"""

from typing import Final

LOST_UPDATES: Final = 1
"""Updates lost, of a value that counts in whole numbers."""

DEADLOCK_NANOSECONDS: Final = 300_000_000
"""How long the same threads wait for each other in the same ring."""

LOST_TASK_NANOSECONDS: Final = 500_000_000
"""How long somebody waits for a job, a task of which is lost."""

DEAD_HOLDER_NANOSECONDS: Final = 1_000_000_000
"""How long somebody waits for a lock whose holder is dead."""

DEAD_QUEUE_NANOSECONDS: Final = 1_000_000_000
"""How long somebody waits for a queue in which a process died in its turn."""

JOIN_BEFORE_DRAIN_NANOSECONDS: Final = 1_000_000_000
"""How long nothing is taken out of a queue for whose emptying somebody waits in a join."""

ZOMBIE_NANOSECONDS: Final = 10_000_000_000
"""How long a child has ended that nobody has joined."""

LEFT_BEHIND: Final = 1
"""Processes that are still there after the program's end."""

FORK_WITH_THREADS: Final = 1
"""Other threads of the program at a fork."""

BARE_FORK_NANOSECONDS: Final = 1_000_000_000
"""How long a child of os.fork lives before it counts: by then it has become what it is to be."""
