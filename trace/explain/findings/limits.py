"""From when on each rule says something: the one table of all thresholds.

A false alarm costs more than a miss, so each is well beyond what a healthy program does.
"""

from typing import Final

LOST_UPDATES: Final = 1
"""Updates lost, of a value that counts in whole numbers."""

DEADLOCK_NANOSECONDS: Final = 300_000_000
"""How long the same threads wait for each other in the same ring."""

MARGIN: Final = 0.1
"""How far below its threshold a share may fall before the finding is withdrawn. Until then the
finding is marked as over."""

FLAG_CONTENTS: Final = 2
"""A value that has never held more different things is a flag: it is set, and not counted up."""

QUEUE_ITEMS: Final = 30
"""Items that have gone through a queue before anything is said of its pace."""
QUEUE_NANOSECONDS: Final = 2_000_000_000
"""How long they have gone through it."""
QUEUE_FULL_SHARE: Final = 0.8
"""Of the producers' time, that they wait for room."""
QUEUE_STARVED_SHARE: Final = 0.75
"""Of the consumers' time, that they wait for items."""
QUEUE_WAITS_SHARE: Final = 0.75
"""Of the items that had to be waited for: one long wait is no lack of pace."""
QUEUE_OTHER_END_SHARE: Final = 0.1
"""The most of their time that those at the other end wait: they set the pace."""
QUEUE_MAKING_NANOSECONDS: Final = 1_000_000
"""Who makes an item in less hands out what is there already."""
QUEUE_GROWN: Final = 500
"""Items in a queue without a bound, each quarter of its time a tenth of them more."""
BUSY_SHARE: Final = 0.7
"""Of the samples of a process, that found it at work: who sleeps may wait for the world outside."""
BUSY_SAMPLES: Final = 10
"""How many of them there are, at least: before the first a process only seems to be at work."""

TAIL_NANOSECONDS: Final = 1_000_000_000
"""How long some work alone, and all others have nothing left to do."""
TAIL_SHARE: Final = 0.3
"""How much of the time of all the work that is."""
TAIL_LATE_SHARE: Final = 0.1
"""Minimum delay from the start of a job to that of its last tasks for them to count as begun late,
as a share of the time that they have run."""
TAIL_TIMES: Final = 2.0
"""How many times as long as the others they take."""

SMALL_TASKS: Final = 1000
"""Tasks that a pool has done before anything is said of their size."""
SMALL_TASK_NANOSECONDS: Final = 200_000
"""What they take on average, and at most."""
SMALL_TASKS_A_SECOND: Final = 500
"""Tasks a second: it is the pool that is busy, and not who has none for it."""
SMALL_TASKS_WORK_SHARE: Final = 0.5
"""Of the workers' time, that they are at a task, at most."""
SMALL_TASKS_HOLD_NANOSECONDS: Final = 500_000_000
GOOD_TASK_NANOSECONDS: Final = 20_000_000
"""A task that takes so long makes the way to a worker and back cheap."""

STARTING_NANOSECONDS: Final = 1_000_000_000
"""How long the starts took, all together."""
STARTING_PROCESSES: Final = 4
"""Processes that have come to their end: how much work one does is known only then."""
STARTING_TIMES: Final = 2.0
"""How many times as long as the work the starts took."""

LOCK_NANOSECONDS: Final = 1_500_000_000
"""How long a lock has been taken in turn."""
LOCK_TURNS: Final = 20
"""How often it was taken."""
LOCK_LONGEST_SHARE: Final = 0.5
"""How much of the time that it was held one turn may be: once is no rule, and a person may freeze
the program meanwhile."""
LOCK_HELD_SHARE: Final = 0.8
"""Of that time, that it is held: the work is done under it."""
LOCK_AT_WORK: Final = 1.5
"""Processes that do not wait for it, on average: its holder works, and hardly anybody else."""
LOCK_BESIDE_SHARE: Final = 0.3
"""Of those that are not its holder, that do not wait for it, at most: of two that is 1.3."""
LOCK_WAIT_SHARE: Final = 0.5
"""Of the processes' time, that they wait for a lock that is mostly free or changes hands."""
LOCK_PROCESSES: Final = 3
"""Processes that take it by turns, for these waits to be called a convoy."""

CROWD_TIMES: Final = 2.5
"""Minimum average number of processes that want to run, for each core that the program may use."""
CROWD_MORE: Final = 4
"""Minimum excess of such processes over cores: on one core, two or three do no harm."""
CROWD_CORES_SHARE: Final = 0.9
"""Minimum share of these cores that is in use meanwhile, by any program."""
CROWD_OWN_SHARE: Final = 0.1
"""Minimum share of these cores that the program itself uses: below it, others cause the wait."""

STARVED_SHARE: Final = 0.2
"""Minimum share of the workers' working time in which they are ready but have no core."""
STARVED_NANOSECONDS: Final = 200_000_000
"""Minimum time, all workers together: less is no reason for anything that anybody notices."""
STARVED_OTHERS_SHARE: Final = 0.5
"""Minimum share of the cores that other programs use before they are named as the cause."""

FED_WORKERS: Final = 8
"""Workers of a pool, at least: a few too many cost nothing."""
FED_AT_WORK_SHARE: Final = 0.25
"""Of the workers, that ever were at work at once."""
FED_WORK_SHARE: Final = 0.15
"""Of the workers' time, that they were at a task."""
FED_NANOSECONDS: Final = 2_000_000_000
"""How long since the first task."""
FED_FEEDER_SHARE: Final = 0.7
"""Of that time, that who hands out the tasks is at it, or waits for their results."""

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
