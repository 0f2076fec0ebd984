"""The scenarios know nothing of the rooms that watch them, and listing them is cheap."""

from collections.abc import Callable
from subprocess import CompletedProcess

Run = Callable[..., CompletedProcess[str]]

IMPORT_ALL = """
import importlib, sys
from mpviz.scenarios import __main__, catalogue
for scenario in catalogue.scenarios().values():
    importlib.import_module(scenario.module)
print(*sys.modules)
"""


def test_scenarios_import_nothing_of_the_other_rooms(python: Run) -> None:
    """Nor what the other rooms are made with."""
    imported = python("-c", IMPORT_ALL).stdout.split()

    assert "mpviz.scenarios.pool_map" in imported
    ours = {name for name in imported if name.startswith("mpviz.")}
    assert {".".join(name.split(".")[:2]) for name in ours} == {"mpviz.scenarios"}
    assert not {"textual", "rich", "click", "psutil", "msgspec"} & set(imported)


def test_listing_imports_neither_scenarios_nor_multiprocessing(python: Run) -> None:
    """A list that starts at once is a list that is used."""
    done = python("-X", "importtime", "-m", "mpviz.scenarios")

    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "mpviz.scenarios.catalogue" in imported
    assert (
        not {
            "multiprocessing",
            "mpviz.scenarios.pool_map",
            "importlib.metadata",
            "difflib",
        }
        & imported
    )
