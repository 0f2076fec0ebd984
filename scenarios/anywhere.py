"""Runs a scenario in any Python, also where mpviz is not installed.

python path/to/scenarios/anywhere.py pool-map workers=2
"""

import sys
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent


def find_scenarios() -> None:
    """Have this folder found as mpviz.scenarios, and only as that."""
    sys.path[:] = [entry for entry in sys.path if Path(entry) != HERE]
    for name, folders in (("mpviz", []), ("mpviz.scenarios", [str(HERE)])):
        package = ModuleType(name)
        package.__path__ = folders
        sys.modules.setdefault(name, package)


# Also in children: multiprocessing imports this file there before all else.
find_scenarios()

if __name__ == "__main__":
    from mpviz.scenarios.__main__ import main

    sys.exit(main())
