"""Runs a scenario as the plain program it is.

python -m mpviz.scenarios                      the list
python -m mpviz.scenarios pool-map workers=2   one of them
"""

import argparse
import importlib
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from mpviz.scenarios import catalogue


class Parser(argparse.ArgumentParser):
    """A parser that complains in one line, without its usage before it."""

    def error(self, message: str) -> NoReturn:
        """End the program as a usage error does."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())}\n")


def main() -> int:
    """List the scenarios, or run one; return the exit status."""
    parser = Parser(
        prog="python -m mpviz.scenarios",
        description="List the scenarios, or run one as a plain program.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "scenario", nargs="?", help="its name; none: list all"
    )
    parser.add_argument("parameters", nargs="*", help="such as workers=2")
    parser.add_argument(
        "--start-method", choices=("fork", "spawn", "forkserver")
    )
    arguments = parser.parse_intermixed_args()
    if arguments.scenario is None:
        show_list()
        return 0
    try:
        scenario = catalogue.find(arguments.scenario)
        values = catalogue.parse(scenario, arguments.parameters)
    except (catalogue.UnknownScenario, catalogue.BadParameter) as mistake:
        parser.error(str(mistake))
    return run(scenario, values, arguments.start_method)


def show_list() -> None:
    """Print one line for each scenario, and the problems on stderr."""
    scenarios = catalogue.scenarios()
    for name, scenario in scenarios.items():
        print(f"{name:<20} {scenario.chapter:<10} {scenario.sentence}")
    for problem in catalogue.problems():
        print(problem, file=sys.stderr)


def run(
    scenario: catalogue.Scenario,
    values: dict[str, catalogue.Value],
    start_method: str | None,
) -> int:
    """Run a scenario to its end, or until Ctrl-C."""
    import multiprocessing  # noqa: PLC0415 - the list does without it

    if start_method is not None:
        multiprocessing.set_start_method(start_method)
    os.register_at_fork(after_in_child=leave_interrupts_to_main)
    # Children that are not forked from here import the main module by its
    # name, but never a __main__.py; without a name they take its path.
    sys.modules["__main__"].__spec__ = None
    try:
        importlib.import_module(scenario.module).main(**values)
    except KeyboardInterrupt:
        end_children()
        return 128 + signal.SIGINT
    return 0


def end_children() -> None:
    """End what was started: Python would wait for it at exit."""
    from multiprocessing import active_children, process  # noqa: PLC0415

    # A Pool interrupted while it was made goes on replacing its workers.
    process.BaseProcess.start = start_no_more  # type: ignore[assignment, method-assign]
    children = {child.pid for child in active_children() if child.pid}
    # One interrupted while it was started is known to the kernel alone.
    for listing in Path("/proc/self/task").glob("*/children"):
        children.update(map(int, listing.read_text().split()))
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def start_no_more(process: object) -> NoReturn:
    """Take the place of Process.start: quietly end the thread that asks."""
    raise SystemExit


def leave_interrupts_to_main() -> None:
    """Ignore Ctrl-C, which reaches all processes: the main one ends us.

    A Pool replaces workers that die of it, and while it does so the main
    process can miss its own interrupt and wait for ever.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
elif __name__ == "__mp_main__":
    leave_interrupts_to_main()
