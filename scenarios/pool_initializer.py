"""Initializer: what a worker needs is made once, not in every task.

Watch each worker open the database once, and answer many queries with it.

A connection to a database cannot be pickled and sent to a worker, and is
not safe to use on both sides of a fork; to open one in every task is slow.
So Pool runs the initializer in each worker as it starts, before its first
task. What that leaves in a global variable is there for all of its tasks.
"""

import os
import sqlite3
from contextlib import closing
from multiprocessing import Pool, current_process
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "pools"
ORDER = 5

CREATE = "CREATE TABLE measurements (station INTEGER, celsius REAL)"
INSERT = "INSERT INTO measurements VALUES (?, ?)"
# Slow on purpose: compares each row of a station with all rows.
COUNT_WARMER = """
    SELECT count(*) FROM measurements AS mine, measurements AS other
    WHERE mine.station = ? AND other.celsius > mine.celsius
"""

database: sqlite3.Connection  # Of this worker; in the parent there is none.


def init_worker(path: Path) -> None:
    """Open the database: run once in each worker, before its tasks."""
    global database  # noqa: PLW0603 - that is what an initializer is for
    database = sqlite3.connect(path)
    # In one piece, or another process could print in between.
    name = current_process().name
    print(f"{name} ({os.getpid()}): opened\n", end="", flush=True)


def query_database(station: int) -> tuple[int, int]:
    """Return who answers, and how many measurements were warmer."""
    (warmer,) = database.execute(COUNT_WARMER, (station,)).fetchone()
    return os.getpid(), warmer


def main(
    *,
    workers: Annotated[
        int, Range(1, 64, "worker processes in the pool")
    ] = 4,
    queries: Annotated[
        int, Range(1, 200, "stations, and a query for each of them")
    ] = 40,
    rows: Annotated[
        int, Range(1, 1000, "measurements of each station")
    ] = 350,
) -> None:
    """Put queries to a database, with a pool of worker processes."""
    celsius = Random(1).uniform  # The same numbers each time.
    measurements = [
        (station, celsius(-20, 40))
        for station in range(queries)
        for _ in range(rows)
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.db"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(CREATE)
            connection.executemany(INSERT, measurements)

        print(f"{workers} workers, {queries} queries", flush=True)
        with Pool(workers, init_worker, (path,)) as pool:
            answers = pool.map(query_database, range(queries), chunksize=1)
    for pid in sorted({pid for pid, _ in answers}):
        own = [warmer for who, warmer in answers if who == pid]
        print(f"{pid}: {len(own)} queries")
    print(f"{sum(warmer for _, warmer in answers)} pairs found")
