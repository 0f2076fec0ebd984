"""The one place where an observed program is started, and the handle by which it is ended.

Only its environment is changed. Between us and the program stands the supervisor, see
``supervisor.py``; it ends everything when we are gone, for whatever reason.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType

from mpviz.probe import BOOT
from mpviz.probe.boot.mpviz_probe.stepping import ENVIRONMENT_VARIABLE as STEPS_VARIABLE
from mpviz.probe.boot.mpviz_probe.wire import ENVIRONMENT_VARIABLE
from mpviz.trace.supervisor import SUPERVISOR
from mpviz.trace.system import kernel
from mpviz.trace.system.send_signal import send_signal

START_METHOD_VARIABLE = "MPVIZ_START_METHOD"
"""Tells the probe the start method, where the program does not choose one itself."""

INTRODUCTION_SECONDS = 30.0
"""Maximum seconds until a supervisor is up: 30 ms, and a hundred times that on a busy machine."""


class LaunchError(Exception):
    """The program cannot be started; the text is one line for the person who asked for it."""


@dataclass
class Program:
    """A program that was launched, with all processes that it started."""

    stand_in: subprocess.Popen[bytes]
    """The process that we started: it forks the supervisor, and ends after everything else."""
    control: socket.socket
    """Carries orders to the supervisor, and its records to us."""
    fifo: str
    stdin: int | None
    """Our end of the program's stdin, non-blocking; None if it is no pipe of ours."""
    stdout: socket.socket | None
    """Gives what the program writes, with the pid of the writer; None if it is not captured."""
    stderr: socket.socket | None

    _roots: list[tuple[int, int]] = field(default_factory=list)
    """Pid and start time of the supervisor and its stand-in."""

    @cached_property
    def supervisor_pid(self) -> int:
        """The pid of the supervisor: all observed processes are below it.

        Waits until the supervisor has sent it; so read this before :meth:`start`.
        :class:`LaunchError` if the supervisor does not come up.
        """
        self.control.settimeout(INTRODUCTION_SECONDS)
        try:
            supervisor = int(self.control.recv(100))
        except (OSError, ValueError):
            raise LaunchError("the supervisor of the program did not come up") from None
        finally:
            self.control.settimeout(None)
        for pid in (self.stand_in.pid, supervisor):
            self._roots.append((pid, kernel.start_time(pid) or 0))
        return supervisor

    def start(self) -> None:
        """Have the program itself started: its FIFO is there now."""
        self._ask(b"start\n")

    def end(self) -> None:
        """Have everything ended: SIGTERM now, SIGKILL a second later; may be called again."""
        self._ask(b"end\n")

    def terminate(self, grace: float) -> None:
        """Send SIGTERM to the program's first process alone; end all after ``grace`` seconds.

        If that process ends earlier, its helpers get a moment to notice, and then all is ended.
        """
        self._ask(b"terminate %.3f\n" % grace)

    def interrupt(self) -> None:
        """Send SIGINT to the program's process group, as Ctrl-C in its own terminal would."""
        self._ask(b"interrupt\n")

    def send_signal(self, pid: int, started: int, number: int) -> bool:
        """Signal one process of the program.

        False if it is gone, belongs to another user by now, or is no process of the program. Only
        the kernel is asked whether it is below the supervisor.
        """
        if (pid, started) in self._roots:
            # The supervisor is below its stand-in, and none of the program's.
            return False
        try:
            return send_signal(pid, started, number, below=self._roots)
        except PermissionError:
            return False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait up to ``timeout`` seconds for the end of everything; say whether it has come."""
        if self.stand_in.poll() is None:
            self._let_stand_in_go_on()
            _wait_for_end(self.stand_in.pid, timeout)
        if self.stand_in.poll() in (None, 0):
            return self.stand_in.poll() is not None
        # Either it was killed, and the supervisor may still be at work; or the supervisor was
        # killed.
        return self._has_hung_up(timeout)

    def was_abandoned(self) -> bool:
        """Whether the supervisor or its stand-in was killed, so that processes may be left.

        :func:`mpviz.trace.launch.leftovers.end_marked` ends them.
        """
        return self.stand_in.poll() not in (None, 0)

    def write_stdin(self, data: bytes) -> int:
        """Give the program input; return the number of bytes that it took.

        It takes fewer if it does not read and the pipe is full, and none if it has closed its
        stdin, or its stdin is not ours.
        """
        if self.stdin is None:
            return 0
        try:
            return os.write(self.stdin, data)
        except (BlockingIOError, BrokenPipeError):
            return 0

    def close_stdin(self) -> None:
        """Let the program read end of file; may be called again."""
        if self.stdin is not None:
            os.close(self.stdin)
            self.stdin = None

    def close(self) -> None:
        """Close our ends of everything; if the program still runs, this ends it."""
        self.close_stdin()
        _close(self.control, self.stdout, self.stderr)

    def abandon(self) -> None:
        """End everything at once and wait for it; used when a start fails."""
        self.close()
        self.stand_in.wait()

    def _ask(self, line: bytes) -> None:
        try:
            self.control.sendall(line)
        except OSError:
            # The supervisor has ended, or we closed the socket: all is over, or about to be.
            return

    def _let_stand_in_go_on(self) -> None:
        """Continue the stand-in if it was stopped; it does the same for the supervisor."""
        with suppress(ChildProcessError):
            if os.waitid(os.P_PID, self.stand_in.pid, os.WSTOPPED | os.WNOHANG) is not None:
                self.stand_in.send_signal(signal.SIGCONT)

    def _has_hung_up(self, timeout: float | None) -> bool:
        """Whether the supervisor closes its end of the socket, and so is gone, within these
        seconds."""
        if self.control.fileno() < 0:
            return True
        poll = select.poll()
        poll.register(self.control, 0)
        return bool(poll.poll(None if timeout is None else timeout * 1000))


@contextmanager
def launch(
    arguments: Sequence[str],
    *,
    fifo: Path | str,
    start_method: str | None = None,
    stdin: int | None = None,
    capture: bool = False,
    directory: Path | str | None = None,
    keep_folder: bool = False,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Program]:
    """Start a supervisor, and the program natively under the probe at the end of the block.

    In the block, make the FIFO: then there is a supervisor already, which removes it should we be
    killed. If the block raises, nothing is started.

    ``arguments``: the command, word by word; found by ``PATH`` as a shell would.
    ``fifo``: its path, open for reading on our side at the end of the block.
    ``stdin``: a descriptor, ``subprocess.DEVNULL``, ``subprocess.PIPE`` for
    :meth:`Program.write_stdin`, or None for our own.
    ``capture``: give the program sockets of ours for stdout and stderr, which tell with each
    reading the pid that wrote; else it gets our own, untouched.
    ``directory``: where it runs; None for where we are.
    ``variables``: more for the program's environment.
    ``keep_folder``: have the supervisor keep the FIFO and its folder if we are gone by then.

    :class:`LaunchError` if the command or the directory cannot be used. What only the start itself
    can tell comes as an event, ``ProgramFailed``.
    """
    _check(arguments, directory)
    path = str(Path(fifo).absolute())
    options = [str(BOOT), path, "keep" if keep_folder else "remove", str(descriptor_limit())]
    environment = {**_environment(os.environ, path, start_method), **variables}
    program = _start_supervisor(
        options, arguments, environment, stdin=stdin, capture=capture, directory=directory
    )
    try:
        yield program
    except BaseException:
        # The supervisor sees us gone, and has not started anything.
        program.abandon()
        raise
    program.start()


def _start_supervisor(
    options: list[str],
    arguments: Sequence[str],
    environment: dict[str, str],
    *,
    stdin: int | None,
    capture: bool,
    directory: Path | str | None,
) -> Program:
    """Start a supervisor, which waits for :meth:`Program.start`; the rest as for :func:`launch`.

    ``options``: what its command line has between the control socket and the program's command.
    """
    control, theirs = _socket_pair()
    stdout, stdout_of_program = _capturing_pair() if capture else (None, None)
    stderr, stderr_of_program = _capturing_pair() if capture else (None, None)
    command = [sys.executable, "-I", "-S", str(SUPERVISOR), str(theirs.fileno()), *options]
    try:
        stand_in = subprocess.Popen(
            [*command, *arguments],
            stdin=stdin,
            stdout=stdout_of_program.fileno() if stdout_of_program else None,
            stderr=stderr_of_program.fileno() if stderr_of_program else None,
            cwd=directory,
            env=environment,
            pass_fds=[theirs.fileno(), *kernel.inherited_descriptors()],
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        _close(control, stdout, stderr)
        reason = error.strerror if isinstance(error, OSError) else error
        raise LaunchError(f"{arguments[0]} could not be started: {reason}") from error
    finally:
        _close(theirs, stdout_of_program, stderr_of_program)
    return Program(stand_in, control, options[1], _take_stdin(stand_in), stdout, stderr)


def _close(*ends: socket.socket | None) -> None:
    for end in ends:
        if end is not None:
            end.close()


@cache
def descriptor_limit() -> int:
    """Raise our limit of descriptors to the maximum; return the limit that we started with.

    The viewer needs a few for each run, and a shell's limit of 20 is meant for the program.
    """
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return before


def _wait_for_end(pid: int, timeout: float | None) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        # Another thread has waited for it meanwhile.
        return
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll(None if timeout is None else timeout * 1000)
    finally:
        os.close(descriptor)


def _check(arguments: Sequence[str], directory: Path | str | None) -> None:
    """:class:`LaunchError` in clear words for what is wrong before anything is started."""
    if not sys.platform.startswith("linux") or not hasattr(os, "pidfd_open"):
        raise LaunchError("programs can be observed on Linux 5.3 or newer only")
    if kernel.read_status(os.getpid()) is None:
        raise LaunchError("programs can be observed only where /proc is mounted")
    if not arguments:
        raise LaunchError("there is no command to run")
    place = Path(directory) if directory is not None else Path.cwd()
    if not place.is_dir():
        raise LaunchError(f"there is no directory {place}")
    name = arguments[0]
    if "/" not in name:
        if shutil.which(name) is None:
            raise LaunchError(f"there is no command {name} on the PATH")
        return
    executable = place / name
    if not executable.exists():
        raise LaunchError(f"there is no file {name}")
    if executable.is_dir():
        raise LaunchError(f"{name} is a directory, not a program")
    if not os.access(executable, os.X_OK):
        raise LaunchError(f"{name} is not executable")


def _environment(
    environment: Mapping[str, str], fifo: str, start_method: str | None
) -> dict[str, str]:
    changed = dict(environment)
    before = environment.get("PYTHONPATH")
    changed["PYTHONPATH"] = f"{BOOT}{os.pathsep}{before}" if before else str(BOOT)
    changed[ENVIRONMENT_VARIABLE] = fifo
    # They may be set for an outer run.
    changed.pop(START_METHOD_VARIABLE, None)
    changed.pop(STEPS_VARIABLE, None)
    if start_method:
        changed[START_METHOD_VARIABLE] = start_method
    return changed


def _capturing_pair() -> tuple[socket.socket, socket.socket]:
    """A pair of sockets; the kernel tells the first one who wrote what it reads (man 7 unix)."""
    ours, theirs = _socket_pair()
    # Before the first write: credentials are attached when something is sent.
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return ours, theirs


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    """A pair of sockets, not on descriptors 0 to 2, even if we were started without those."""
    first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return _moved_up(first), _moved_up(second)


def _moved_up(end: socket.socket) -> socket.socket:
    if end.fileno() > 2:
        return end
    with end:
        return socket.socket(fileno=fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, 3))


def _take_stdin(process: subprocess.Popen[bytes]) -> int | None:
    """Take the pipe from Popen, whose file object would block if the pipe is full."""
    if process.stdin is None:
        return None
    descriptor = os.dup(process.stdin.fileno())
    process.stdin.close()
    process.stdin = None
    os.set_blocking(descriptor, False)
    return descriptor
