"""Runs a scenario as the plain program it is.

python -m mpviz.scenarios                      the list
python -m mpviz.scenarios pool-map workers=2   one of them
"""

import argparse
import importlib
import os
import signal
import sys
from typing import NoReturn

from mpviz.scenarios import catalogue

OURS = f"{catalogue.__package__}."


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
        method = catalogue.start_method(scenario, arguments.start_method)
    except (catalogue.UnknownScenario, catalogue.BadParameter) as mistake:
        parser.error(str(mistake))
    return run(scenario, values, method)


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
    if sys.version_info < (3, 11) and scenario.module.startswith(OURS):
        # A spawned Python imports from the current folder first, which may
        # have a foreign queue.py; from Python 3.11 on, -P prevents that.
        os.chdir("/")
    import multiprocessing  # noqa: PLC0415 - the list does without it

    if start_method is not None:
        multiprocessing.set_start_method(start_method)
    if scenario.hangs_given(values):
        print(
            f"{scenario.name} hangs on purpose; Ctrl-C ends it",
            file=sys.stderr,
        )
    try:
        importlib.import_module(scenario.module).main(**values)
    except KeyboardInterrupt:
        # Python would wait for the others at its exit.
        for child in multiprocessing.active_children():
            child.terminate()
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(main())
