"""What ``mpviz attach`` and ``mpviz why`` share: the program behind a pid, and whether it can be
looked at.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mpviz.trace.attach.session import AttachedSession
    from mpviz.tui.settings import Settings


class CannotAttach(Exception):
    """There is nothing to look at; the text says why in one line."""


def attach_to(
    pid: int,
    *,
    only: bool,
    sudo: bool,
    silenced: frozenset[str],
    record: Path | None = None,
    unasked: bool = False,
) -> AttachedSession:
    """Begin to look at the program of a process; :class:`CannotAttach` if that cannot be."""
    from mpviz.trace.attach.session import AttachedSession
    from mpviz.trace.looker.stacks import find_py_spy

    root = _root(pid, only)
    try:
        return AttachedSession(
            root,
            py_spy=find_py_spy(),
            silenced=silenced,
            record=record,
            unasked=unasked,
            prefix=("sudo", "--") if sudo else (),
        )
    except ProcessLookupError:
        raise CannotAttach(f"process {pid} has ended") from None
    except OSError as error:
        if sudo and error.filename == "sudo":
            raise CannotAttach("--sudo needs the command sudo, which is not here") from None
        raise CannotAttach(str(error)) from None


def _root(pid: int, only: bool) -> int:
    """The process from which the program is shown; :class:`CannotAttach` if there is none."""
    from mpviz.trace.attach.roots import first_process
    from mpviz.trace.system import kernel

    if pid <= 0 or kernel.start_time(pid) is None:
        raise CannotAttach(f"there is no process {pid}")
    return pid if only else first_process(pid)


def _enter(
    pid: int, *, only: bool, silenced: frozenset[str], record: Path | None
) -> AttachedSession:
    """Have the program of a process take in the probe; :class:`CannotAttach` if it cannot."""
    from mpviz.trace.attach.live import LiveSession

    root = _root(pid, only)
    try:
        return LiveSession(root, silenced=silenced, record=record, unasked=True)
    except ProcessLookupError:
        raise CannotAttach(f"process {pid} has ended") from None
    except OSError as error:
        raise CannotAttach(str(error)) from None


def watch_running(
    pid: int,
    settings: Settings,
    *,
    only: bool,
    sudo: bool,
    live: bool,
    silenced: frozenset[str],
    record: Path | None,
) -> int:
    """Show the program of a process; the exit status. :class:`CannotAttach` if that cannot be."""
    from mpviz.trace.launch.start import Target
    from mpviz.tui.showing import watch_attached

    if live:
        session: AttachedSession = _enter(pid, only=only, silenced=silenced, record=record)
    else:
        session = attach_to(
            pid, only=only, sudo=sudo, silenced=silenced, record=record, unasked=True
        )
    run = session.run_started
    target = Target(arguments=run.arguments, name=run.target, python="")
    try:
        return watch_attached(target, lambda _: session, settings)
    finally:
        session.close()
