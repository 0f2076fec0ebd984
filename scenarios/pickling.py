"""Pickling: what can travel to another process, and what cannot.

Watch three calls fail before any worker hears of them, and their fixes.

What a pool is given goes through a pipe, and is pickled for that: data by
its contents, functions and classes only by their names. A lambda, or a
class made in a function, has no name that a worker could import, and an
open file belongs to this one process. So give it a function or a class at
the top level of a module, and the path of a file. A Process pickles, too,
if it is started by spawn or forkserver; under fork it is a copy of
everything, and nothing is pickled: that works, until it runs elsewhere.
"""

import time
from collections.abc import Callable
from multiprocessing import Pool, Process, get_start_method
from pathlib import Path
from typing import Annotated, Any, TextIO

from mpviz.scenarios.catalogue import Range

CHAPTER = "pitfalls"
ORDER = 1


def double(number: int) -> int:
    """Double a number: workers find this function by its name."""
    return 2 * number


class Image:
    """A picture, of a class that workers find by its name."""

    width, height = 300, 200


def count_pixels(image: Any) -> int:
    """Count the pixels of a picture, of whatever class."""
    return int(image.width * image.height)


def count_lines(file: TextIO) -> int:
    """Count the lines of an open file."""
    return len(file.readlines())


def count_lines_at(path: Path) -> int:
    """Open a file here, in the worker, and count its lines."""
    with path.open(encoding="utf-8") as file:
        return count_lines(file)


def attempt(what: str, call: Callable[..., object], *args: object) -> None:
    """Make a call and print its result, or the error it raises."""
    try:
        outcome = f"works, {call(*args)}"
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"
    print(f"{what}: {outcome}", flush=True)


def run_process(function: Callable[..., object], *args: object) -> str:
    """Let a process of its own make the call; return how it ended."""
    process = Process(target=function, args=args)
    process.start()  # Where anything is pickled, it is now.
    process.join()
    return f"exit code {process.exitcode}"


def main(
    *,
    pause: Annotated[
        float, Range(0, 5, "seconds between one attempt and the next")
    ] = 0.7,
) -> None:
    """Try to hand over what cannot be pickled, then what can."""

    class LocalImage(Image):
        """A class that nobody knows but this call of main."""

    here = Path(__file__)
    with here.open(encoding="utf-8") as file:
        cannot: list[tuple[str, Callable[..., int], object]] = [
            ("a lambda", lambda number: 2 * number, 21),
            ("an object of a local class", count_pixels, LocalImage()),
            ("an open file", count_lines, file),
        ]
        can: list[tuple[str, Callable[..., int], object]] = [
            ("a function with a name", double, 21),
            ("an object of a module's class", count_pixels, Image()),
            ("the path of a file", count_lines_at, here),
        ]
        with Pool(2) as pool:
            for pair in zip(cannot, can, strict=True):
                for what, function, item in pair:
                    # The pool pickles in a thread of its own; its error
                    # comes out where the result would: of apply, map, get.
                    call = f"{what}, to a pool"
                    attempt(call, pool.apply, function, (item,))
                    time.sleep(pause)
        for what, function, item in cannot:
            call = f"{what}, by {get_start_method()}"
            attempt(call, run_process, function, item)
            time.sleep(pause)
