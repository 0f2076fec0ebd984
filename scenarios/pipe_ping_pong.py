"""Ping-pong: two processes with one pipe between them.

Watch the ball go to and fro: while one process thinks, the other waits.

What is sent into one end of a pipe comes out of the other. recv waits until
something comes, so the two take turns, and need no lock for it. And when
the other end is closed, recv raises EOFError: no more can come. But every
process has its own copies of the ends, and an end is closed only when the
last copy is. So each side first closes the end that it does not use.
"""

import time
from multiprocessing import Pipe, Process, connection
from typing import Annotated

from mpviz.scenarios.catalogue import Range

CHAPTER = "talking"
ORDER = 2


def say(line: str) -> None:
    """Print a line at once and in one piece."""
    print(f"{line}\n", end="", flush=True)


def pong(
    end: "connection.Connection[int, int]",
    other_end: "connection.Connection[int, int]",
    think_ms: float,
) -> None:
    """Return every ball, until the other side has closed its end."""
    other_end.close()  # With this copy open, recv sees no end.
    returned = 0
    try:
        while True:
            ball = end.recv()  # Waits for the ball.
            time.sleep(think_ms / 1000)
            say(f"      pong {ball}")
            end.send(ball)
            returned += 1
    except EOFError:
        say(f"the other end is closed, {returned} balls returned")


def main(
    *,
    rounds: Annotated[
        int, Range(0, 100_000, "times that the ball goes to and fro")
    ] = 12,
    think_ms: Annotated[
        float,
        Range(0, 10_000, "milliseconds that a player thinks, ball in hand"),
    ] = 300,
) -> None:
    """Serve the ball to another process, and wait until it is back."""
    ping_end, pong_end = Pipe()
    player = Process(
        target=pong, args=(pong_end, ping_end, think_ms), name="pong"
    )
    player.start()
    pong_end.close()  # The other player has a copy of it by now.

    for ball in range(1, rounds + 1):
        time.sleep(think_ms / 1000)
        say(f"ping {ball}")
        ping_end.send(ball)
        ping_end.recv()  # Waits until the ball is back.
    ping_end.close()  # The game is over: this ends the other's loop.
    player.join()
    print(f"{rounds} rounds, exit code of pong: {player.exitcode}")
