"""The warden: the small process that stands between the viewer and the program it watches.

It starts the program, adopts its orphans, tells how each process ended, and ends whatever is left
when the program has ended, when it is told to, or when the viewer is gone. It runs as a script of
its own, ``python -I -S warden.py CONTROL BOOT QUEUE AT-THE-END COMMAND...``, in an interpreter that
has to be up in a few milliseconds: hence no ``dataclasses``, no ``typing``, no ``pathlib``.

It is one thread and one loop, which sleeps until a descriptor has news:

- ``CONTROL`` is the socket to the viewer. The line ``start`` says that there is a queue now; made
  sooner, it would be left behind by a viewer that is killed just then. The line ``end`` ends all,
  ``interrupt`` is a Ctrl-C, and the end of file means that the viewer is gone, by whatever cause.
- A pidfd of each process it knows tells of that one's end, also when another is its parent.
- A pipe that SIGCHLD writes to tells of the end of children that it did not know yet.

``AT-THE-END`` says what to do with a FIFO that a viewer who is gone left behind: ``remove`` it, and
its folder, or ``keep`` it.
"""

# Without pathlib, which costs 8 ms to import.
# ruff: noqa: PTH100, PTH106, PTH108, PTH120, PTH123

import ctypes
import os
import resource
import select
import signal
import stat
import sys
from time import monotonic, monotonic_ns, process_time, sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from mpviz.trace import kernel

    ring: ModuleType
    wire: ModuleType
else:
    # Behind all else, so that ``queue.py`` in this folder is nobody's ``queue``.
    sys.path += [os.path.dirname(os.path.abspath(__file__)), sys.argv[2]]
    import kernel
    from mpviz_probe import ring, wire

LOOK_SECONDS = 0.05
"""How often the warden looks for processes that are new to it."""

LOOK_SECONDS_AT_MOST = 0.25
LOOK_SHARE = 0.003
"""The part of a core that looking may cost; on a machine full of processes it looks less often."""

LOOK_AT_ALL_SECONDS = 5.0
"""How often it looks at every process there is, in case a pid was reused between two looks."""

LOOK_AT_ALL_SECONDS_ENDING = 0.1

NATURAL_SECONDS = 0.25
"""How long helpers may take to see for themselves that the program has ended."""

GRACE_SECONDS = 1.0
"""From SIGTERM to SIGKILL."""

GROUP_SECONDS = 0.3
"""If new processes still come after so long a rain of SIGKILLs, the program's process group is
killed at one stroke: also a resource tracker in it, which is why this is not done at once."""

TRACKER_SECONDS = 3.0
"""How long the resource trackers may clean up when all others are gone, before SIGKILL."""

TRACKER_SECONDS_ALONE = 0.5
"""The same when the viewer is gone, and all has to be over within 2 s."""

ENDING_PAUSE = 0.01
"""Seconds between two looks while the tree is being ended."""

KILL_ROUNDS = 50
"""How many times in a row new processes are killed before the warden turns to its other news."""

TRACKER_COMMANDS = tuple(
    f"from {package}.resource_tracker import main"
    for package in ("multiprocessing", "multiprocess", "loky.backend")
)
"""How a resource tracker's code begins on its command line."""

_DESCRIPTORS_KEPT_FREE = 64
_ERRORS_TOLD = 10
_HELD_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# include/uapi/linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class Process:
    """A descendant, held by a pidfd so that a signal can reach no other."""

    __slots__ = ("asked", "beyond_us", "descriptor", "ended", "killed", "pid", "started", "told")

    def __init__(self, pid: int, started: int, descriptor: int) -> None:
        self.pid = pid
        self.started = started
        self.descriptor = descriptor
        """-1 where there are more processes than descriptors."""
        self.asked = False
        """It was sent SIGTERM."""
        self.killed = False
        """It was sent SIGKILL."""
        self.beyond_us = False
        """It belongs to another user by now and cannot be signalled."""
        self.ended = False
        """It is a zombie, or gone."""
        self.told = False
        """Its exit code was told."""


class Ending:
    """How far the ending of the tree has come; all times are seconds of the monotonic clock."""

    __slots__ = ("kill_at", "kill_trackers_at", "terminate_at")

    def __init__(self, patience: float) -> None:
        self.terminate_at = monotonic() + patience
        self.kill_at = self.terminate_at + GRACE_SECONDS
        self.kill_trackers_at: float | None = None
        """Set while nobody but resource trackers is left."""


class Surroundings:
    """What the program is to find as if we were not there; to be taken before we change it."""

    __slots__ = ("environment", "ignored", "limits", "parent")

    def __init__(self) -> None:
        self.environment = _environment()
        self.ignored = {
            number for number in _HELD_SIGNALS if signal.getsignal(number) is signal.SIG_IGN
        }
        """Ignored before us means ignored for the program too (nohup); all else is the default."""
        self.limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.parent = os.getpid()
        """Us."""


class Warden:
    """All that the loop knows."""

    __slots__ = (
        "by_descriptor",
        "command_rest",
        "control",
        "descendants",
        "descriptor_limit",
        "ending",
        "errors_told",
        "first",
        "first_group",
        "has_children",
        "look_at",
        "look_at_all_at",
        "may_start",
        "poll",
        "processes",
        "viewer_is_gone",
        "wake_up",
    )

    def __init__(self, control: int, wake_up: int, descriptor_limit: int) -> None:
        self.control = control
        self.wake_up = wake_up
        self.descriptor_limit = descriptor_limit
        """How many processes can be held by a pidfd."""
        self.poll = select.epoll()
        self.poll.register(control, select.EPOLLIN)
        self.poll.register(wake_up, select.EPOLLIN)
        self.descendants = kernel.Descendants(os.getpid())
        self.processes: dict[int, Process] = {}
        """By pid, parents before their children."""
        self.by_descriptor: dict[int, Process] = {}
        self.first = 0
        """The pid of the program's first process; 0 before its start and once it is reaped."""
        self.first_group = -1
        """A pidfd of it, which stands for its process group even after its end."""
        self.may_start = False
        """The viewer has made the queue."""
        self.has_children = True
        self.ending: Ending | None = None
        self.viewer_is_gone = False
        self.look_at = 0.0
        self.look_at_all_at = 0.0
        self.command_rest = b""
        self.errors_told = 0


def main() -> None:
    """Watch over one program from its start to the end of its last process."""
    _, control_text, _, queue, at_the_end, *command = sys.argv
    _occupy_standard_descriptors()
    control = int(control_text)
    os.set_inheritable(control, False)
    surroundings = Surroundings()
    for number in _HELD_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    most = surroundings.limits[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    warden = Warden(control, _wake_up_on_child(), most - _DESCRIPTORS_KEPT_FREE)
    _wait_for_start(warden)
    _open_queue(queue)
    start_program(warden, command, surroundings)
    while warden.has_children and not _only_others_are_left(warden):
        try:
            turn(warden)
        except Exception as error:
            # Whatever it is: the warden may not leave before its work is done.
            _tell_error(warden, error)
            sleep(LOOK_SECONDS)
    if warden.has_children:
        beyond_us = ", ".join(str(pid) for pid in warden.processes)
        _tell_error(warden, PermissionError(f"another user's and could not be ended: {beyond_us}"))
    if at_the_end == "remove" and warden.viewer_is_gone:
        _remove_queue(queue)


def _wait_for_start(warden: Warden) -> None:
    """Wait for the viewer to make the queue, or to go away, or to change its mind."""
    while not (warden.may_start or warden.ending):
        for descriptor, _ in warden.poll.poll():
            if descriptor == warden.control:
                _read_control(warden)


def start_program(warden: Warden, command: list[str], surroundings: Surroundings) -> None:
    """Start the program's first process, or tell why it cannot be."""
    for descriptor, _ in warden.poll.poll(0):
        if descriptor == warden.control:
            _read_control(warden)
    if warden.ending:
        _tell_failure(f"{command[0]} was not started, since its end was asked for first")
        return
    outcome, report = os.pipe2(os.O_CLOEXEC)
    stamp = monotonic_ns()
    child = os.fork()
    if child == 0:
        _become_program(command, surroundings, report)
    os.close(report)
    # Ends with the exec, which closes the other end; till then there is nothing else to do.
    error = os.read(outcome, 4096)
    os.close(outcome)
    _let_go_of_standard_descriptors()
    if error:
        os.waitpid(child, 0)
        _tell_failure(f"{command[0]} could not be started: {error.decode()}")
        return
    # Nobody but us can reap it, so it is there, if only as a zombie.
    warden.first = child
    warden.first_group = os.pidfd_open(child)
    fields = b'"child":%d,"started":%d' % (child, kernel.start_time(child) or 0)
    wire.put(b"program.started", fields, stamp)


def turn(warden: Warden) -> None:
    """Sleep until there is news or something is due, and see to it."""
    for descriptor, happened in warden.poll.poll(_pause(warden)):
        if descriptor == warden.control:
            _read_control(warden)
        elif descriptor == warden.wake_up:
            os.read(descriptor, 4096)
        elif descriptor in warden.by_descriptor:
            _see_end(warden, warden.by_descriptor[descriptor], happened)
    _reap(warden)
    if not warden.has_children:
        return
    if monotonic() >= warden.look_at:
        look(warden)
    if warden.ending:
        _advance(warden, warden.ending)


def look(warden: Warden) -> list[Process]:
    """Take in the processes that are new since the look before."""
    began = process_time()
    at_all = monotonic() >= warden.look_at_all_at
    if at_all:
        _forget_the_gone(warden)
        pause = LOOK_AT_ALL_SECONDS_ENDING if warden.ending else LOOK_AT_ALL_SECONDS
        warden.look_at_all_at = monotonic() + pause
    found = [_take_in(warden, new) for new in warden.descendants.look(everything=at_all)]
    pause = min(max(LOOK_SECONDS, (process_time() - began) / LOOK_SHARE), LOOK_SECONDS_AT_MOST)
    warden.look_at = monotonic() + (ENDING_PAUSE if warden.ending else pause)
    return [process for process in found if process]


def begin_ending(warden: Warden, patience: float) -> None:
    """Begin to end the tree after so many seconds, or sooner if that has been decided before."""
    ending = Ending(patience)
    if warden.ending is None or ending.terminate_at < warden.ending.terminate_at:
        warden.ending = ending
        warden.look_at = warden.look_at_all_at = 0.0


def _advance(warden: Warden, ending: Ending) -> None:
    now = monotonic()
    if now < ending.terminate_at:
        return
    living = [process for process in warden.processes.values() if _is_in_reach(process)]
    others: list[Process] = []
    trackers: list[Process] = []
    for process in living:
        is_tracker = not process.killed and _is_tracker(warden, process)
        (trackers if is_tracker else others).append(process)
    if others:
        ending.kill_trackers_at = None
        if now < ending.kill_at:
            _ask_to_end(warden, others)
        else:
            keep_coming = _kill(warden, others)
            if keep_coming and now >= ending.kill_at + GROUP_SECONDS and warden.first_group >= 0:
                kernel.signal_group(warden.first_group, signal.SIGKILL)
    elif ending.kill_trackers_at is None:
        # All that they watched over is let go now: they clean up and end by themselves.
        is_alone = warden.viewer_is_gone
        ending.kill_trackers_at = now + (TRACKER_SECONDS_ALONE if is_alone else TRACKER_SECONDS)
        for tracker in trackers:
            _send(warden, tracker, signal.SIGCONT)
    elif now >= ending.kill_trackers_at:
        for tracker in trackers:
            _send(warden, tracker, signal.SIGKILL)


def _ask_to_end(warden: Warden, processes: list[Process]) -> None:
    for process in processes:
        if not process.asked:
            process.asked = True
            _tell_signal(warden, process, signal.SIGTERM)
            _send(warden, process, signal.SIGTERM)
            # A stopped process gets the SIGTERM only when it goes on.
            _send(warden, process, signal.SIGCONT)


def _kill(warden: Warden, processes: list[Process]) -> bool:
    """Kill these, and those that were forked meanwhile, till a look finds no new one.

    True when there were some that had not been killed before.
    """
    were_new = any(not process.killed for process in processes)
    for _ in range(KILL_ROUNDS):
        for process in processes:
            if not process.killed and not _is_tracker(warden, process):
                process.killed = True
                if process.asked:
                    # One that was never asked is too new for this: it may be one of thousands.
                    _tell_signal(warden, process, signal.SIGKILL)
                _send(warden, process, signal.SIGKILL)
        processes = look(warden)
        if not processes:
            break
    return were_new


def _send(warden: Warden, process: Process, number: int) -> None:
    descriptor: int | None = process.descriptor
    # Asked now, since forgetting the process closes the descriptor that it is held by.
    opened_here = process.descriptor < 0
    if opened_here:
        descriptor = kernel.open_process(process.pid, process.started)
    try:
        if descriptor is None or not kernel.signal_process(descriptor, number):
            _forget(warden, process)
    except PermissionError:
        process.beyond_us = True
    finally:
        if descriptor is not None and opened_here:
            os.close(descriptor)


def _is_in_reach(process: Process) -> bool:
    return not process.ended and not process.beyond_us


def _is_tracker(warden: Warden, process: Process) -> bool:
    # Asked anew each time: a process that was just forked is not yet what it will be.
    return process.pid != warden.first and any(
        word.startswith(TRACKER_COMMANDS) for word in kernel.read_command(process.pid)
    )


def _only_others_are_left(warden: Warden) -> bool:
    """Say whether all that is left belongs to other users, so that there is nothing more to do."""
    ending = warden.ending
    if ending is None or monotonic() < ending.kill_at:
        return False
    living = [process for process in warden.processes.values() if not process.ended]
    return bool(living) and all(process.beyond_us for process in living)


def _take_in(warden: Warden, found: kernel.ProcessStatus) -> Process | None:
    if found.pid in warden.processes:
        # A pid that was reused before the end of its former owner was read.
        known = warden.processes.pop(found.pid)
        _close(warden, known)
    descriptor = -1
    if len(warden.by_descriptor) < warden.descriptor_limit:
        opened = kernel.open_process(found.pid, found.started)
        if opened is None:
            warden.descendants.forget(found.pid)
            return None
        descriptor = opened
    process = Process(found.pid, found.started, descriptor)
    warden.processes[found.pid] = process
    if descriptor >= 0:
        warden.by_descriptor[descriptor] = process
        warden.poll.register(descriptor, select.EPOLLIN)
    return process


def _forget(warden: Warden, process: Process) -> None:
    process.ended = True
    if warden.processes.get(process.pid) is process:
        del warden.processes[process.pid]
        warden.descendants.forget(process.pid)
    _close(warden, process)


def _close(warden: Warden, process: Process) -> None:
    if process.descriptor >= 0:
        warden.poll.unregister(process.descriptor)
        del warden.by_descriptor[process.descriptor]
        os.close(process.descriptor)
        process.descriptor = -1


def _forget_the_gone(warden: Warden) -> None:
    """Drop those whose end no descriptor told of: before Linux 6.9, or for want of descriptors."""
    for process in list(warden.processes.values()):
        if kernel.start_time(process.pid) != process.started:
            _forget(warden, process)


def _see_end(warden: Warden, process: Process, happened: int) -> None:
    """Tell the exit code of a process that is another's child, and let it go once it is reaped."""
    process.ended = True
    if not process.told:
        exit_code = kernel.exit_code_of_ended(process.descriptor, process.pid)
        if exit_code is not None:
            process.told = True
            _tell_exit(process.pid, exit_code)
    if happened & select.EPOLLHUP:
        _forget(warden, process)
    else:
        # A zombie: from now on only the hang-up matters, which comes when it is reaped.
        warden.poll.modify(process.descriptor, 0)


def _reap(warden: Warden) -> None:
    """Reap all children that have ended and tell their exit codes.

    Every descendant has a chain of parents that ends here, and the kernel hands on orphans in one
    step: as soon as there are no children there are no descendants either.
    """
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            warden.has_children = False
            return
        if ended is None:
            return
        pid = ended.si_pid
        known = warden.processes.get(pid)
        is_same = known is not None and known.started == kernel.start_time(pid)
        _, status = os.waitpid(pid, 0)
        exit_code = os.waitstatus_to_exitcode(status)
        if not (known and is_same and known.told):
            _tell_exit(pid, exit_code)
        if known:
            _forget(warden, known)
        if pid == warden.first:
            warden.first = 0
            wire.put(b"program.ended", b'"child":%d,"exit_code":%d' % (pid, exit_code))
            begin_ending(warden, NATURAL_SECONDS)


def _read_control(warden: Warden) -> None:
    try:
        received = os.read(warden.control, 4096)
    except ConnectionResetError:
        received = b""
    if not received:
        warden.viewer_is_gone = True
        warden.poll.unregister(warden.control)
        begin_ending(warden, 0)
        if warden.ending:
            # The patience with trackers is shorter from now on.
            warden.ending.kill_trackers_at = None
        return
    *lines, warden.command_rest = (warden.command_rest + received).split(b"\n")
    for line in lines:
        if line == b"start":
            warden.may_start = True
        elif line == b"end":
            begin_ending(warden, 0)
        elif line == b"interrupt" and warden.first:
            # Not reaped yet and the leader of its session: the group is still its own.
            os.killpg(warden.first, signal.SIGINT)


def _pause(warden: Warden) -> float:
    """Seconds until something is due."""
    if warden.ending and monotonic() >= warden.ending.terminate_at:
        return ENDING_PAUSE
    due = warden.look_at
    if warden.ending:
        due = min(due, warden.ending.terminate_at)
    return max(0.0, due - monotonic())


def _become_program(command: list[str], surroundings: Surroundings, report: int) -> None:
    """Turn the forked child into the program as a shell would start it; never returns."""
    try:
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != surroundings.parent:
            # The warden was killed before the kernel knew that we want to go with it.
            return
        for number in set(_HELD_SIGNALS) - surroundings.ignored:
            signal.signal(number, signal.SIG_DFL)
        # Python ignores these two at its start.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        resource.setrlimit(resource.RLIMIT_NOFILE, surroundings.limits)
        os.execvpe(command[0], command, surroundings.environment)
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) else None
        os.write(report, (reason or repr(error)).encode())
    finally:
        os._exit(127)


def _environment() -> dict[bytes, bytes]:
    """The environment as we got it: at its own start Python may set ``LC_CTYPE`` (PEP 538)."""
    with open("/proc/self/environ", "rb") as file:
        entries = file.read().split(b"\0")
    return dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)


def _occupy_standard_descriptors() -> None:
    """Keep our own files off descriptors 0 to 2 where the program is to find those closed."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)


def _let_go_of_standard_descriptors() -> None:
    """Leave the program's pipes to the program, so that their end of file is its own doing."""
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    for descriptor in range(3):
        os.dup2(null, descriptor, inheritable=False)
    os.close(null)


def _wake_up_on_child() -> int:
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # A full pipe has woken us already.
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _prctl(option: int, argument: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    rest = [ctypes.c_ulong(value) for value in (argument, 0, 0, 0)]
    if library.prctl(option, *rest) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _open_queue(queue: str) -> None:
    try:
        wire.open_queue(queue)
    except OSError:
        # Nobody reads any more. The control socket will tell so, and there is nobody to tell.
        wire.close()


def _remove_queue(queue: str) -> None:
    try:
        if os.path.lexists(queue) and stat.S_ISFIFO(os.lstat(queue).st_mode):
            os.unlink(queue)
        directory = os.path.dirname(queue)
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.endswith(ring.SUFFIX):
                    os.unlink(entry)
        os.rmdir(directory)
    except OSError:
        # Removed by another, or not ours to remove: a folder with other files in it stays.
        return


def _tell_exit(pid: int, exit_code: int) -> None:
    wire.put(b"process.exited", b'"child":%d,"exit_code":%d' % (pid, exit_code))


def _tell_signal(warden: Warden, process: Process, number: int) -> None:
    if warden.viewer_is_gone:
        return
    left_behind = b"false" if warden.first else b"true"
    fields = b'"child":%d,"signal":%d,"left_behind":%b' % (process.pid, number, left_behind)
    wire.put(b"warden.signalled", fields)


def _tell_failure(sentence: str) -> None:
    wire.put(b"program.failed", b'"error":%b' % wire.text(sentence))


def _tell_error(warden: Warden, error: Exception) -> None:
    if warden.errors_told < _ERRORS_TOLD:
        warden.errors_told += 1
        text = wire.text(f"{type(error).__name__}: {error}")
        wire.put(b"probe.error", b'"where":"warden","error":%b' % text)


if __name__ == "__main__":
    main()
