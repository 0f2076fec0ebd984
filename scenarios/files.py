"""Finds the scenario files: those of this folder and of other packages."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

NOT_SCENARIOS = ("__init__", "__main__", "anywhere", "catalogue", "files")
"""The modules of this folder that are no scenarios; all others are."""

ENTRY_POINT_GROUP = "mpviz.scenarios"
"""Where another package names the scenario modules it brings along."""


def modules_here() -> Iterator[tuple[str, str, Path | None, str]]:
    """Give name, module, path and origin of each scenario here."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem not in NOT_SCENARIOS:
            name = path.stem.replace("_", "-")
            yield name, f"{__package__}.{path.stem}", path, path.name


def modules_elsewhere() -> Iterator[tuple[str, str, Path | None, str]]:
    """Give the same, without the path, of those of other packages."""
    # Importing importlib.metadata takes longer than all the rest, so it is
    # imported only if a package's files mention scenarios.
    if not any(_mentions_scenarios(Path(folder)) for folder in sys.path):
        return
    from importlib.metadata import entry_points  # noqa: PLC0415

    for entry in entry_points(group=ENTRY_POINT_GROUP):
        package = entry.dist.name if entry.dist else "a package"
        yield entry.name, entry.value, None, f"entry point of {package}"


def _mentions_scenarios(folder: Path) -> bool:
    for listing in folder.glob("*-info/entry_points.txt"):
        # What cannot be read offers nothing.
        with suppress(OSError):
            if f"[{ENTRY_POINT_GROUP}]".encode() in listing.read_bytes():
                return True
    return False


def source_of(module: str) -> Path:
    """Find a module's file without importing what packages it is in."""
    name = ""
    search: Sequence[str] | None = None
    for part in module.split("."):
        name = f"{name}.{part}".lstrip(".")
        specs = (finder.find_spec(name, search) for finder in sys.meta_path)
        spec = next(filter(None, specs), None)
        if spec is None:
            raise ValueError(f"there is no module {name}")
        search = spec.submodule_search_locations
    if spec is None or spec.origin is None or not spec.has_location:
        raise ValueError(f"{module} has no source file")
    return Path(spec.origin)
