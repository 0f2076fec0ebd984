"""The supervisor: the small process that stands between the viewer and the program it watches.

It starts the program, adopts its orphans, tells how each process ended, and ends whatever is left
when the program has ended, when it is told to, or when the viewer is gone. It runs as a script of
its own, ``python -I -S supervisor.py CONTROL BOOT QUEUE AT-THE-END DESCRIPTORS COMMAND...``, in an
interpreter that has to be up in a few milliseconds: hence no ``dataclasses``, no ``typing``, no
``pathlib``.

It is one thread and one loop, which sleeps until a descriptor has news:

- ``CONTROL`` is the socket to the viewer. The line ``start`` says that the queue now exists; a
  queue made before the supervisor would stay behind if the viewer was killed just then. The line
  ``end`` ends all; ``terminate SECONDS`` sends SIGTERM to the program's first process alone, and
  ends all when that process has ended or the time is up; ``interrupt`` is a Ctrl-C; and the end of
  file means that the viewer is gone, for whatever reason. The supervisor's own records go the other
  way, see ``supervisor_records.py``.
- A pidfd of each process it knows tells of that one's end, also when another is its parent.
- A pipe that SIGCHLD writes to tells of the end of children that it did not know yet.

The process that the viewer starts is the supervisor's stand-in: it forks the supervisor and waits
for its end. If the supervisor is killed, the kernel makes its orphans children of the stand-in,
which then ends them as the supervisor would; if the supervisor is stopped, the stand-in continues
it. So processes are left behind only if both are killed.

``AT-THE-END`` says what to do with the folder of the FIFO if a viewer who is gone left it behind:
``remove`` it with all that is in it, or ``keep`` it. ``DESCRIPTORS`` is the program's limit of open
files: our own limit is higher, because we inherit it from the viewer, which has raised it for
itself.
"""

# Without pathlib, which costs 8 ms to import.
# ruff: noqa: PTH100, PTH118, PTH120

import fcntl
import os
import resource
import select
import signal
import sys
from time import monotonic, monotonic_ns, sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mpviz.trace.supervisor import (
        supervisor_folders,
        supervisor_records,
        supervisor_semaphores,
        supervisor_start,
        supervisor_tree,
    )
    from mpviz.trace.system import kernel, removal
else:
    # Behind all else, so that no module of ours takes the place of one of Python's.
    _HERE = os.path.dirname(os.path.abspath(__file__))
    sys.path += [_HERE, os.path.join(os.path.dirname(_HERE), "system"), sys.argv[2]]
    import kernel
    import removal
    import supervisor_folders
    import supervisor_records
    import supervisor_semaphores
    import supervisor_start
    import supervisor_tree

NATURAL_SECONDS = 0.25
"""How long helpers may take to see for themselves that the program has ended."""

GRACE_SECONDS = 1.0
"""From SIGTERM to SIGKILL."""

GROUP_SECONDS = 0.3
"""If new processes still come after so long a rain of SIGKILLs, the program's process group is
killed at one stroke: also a resource tracker in it, which is why this is not done at once."""

TRACKER_SECONDS_ALONE = 0.5
"""As ``kernel.TRACKER_SECONDS``, if the viewer is gone and all has to be over within 2 s."""

KILL_ROUNDS = 50
"""How many times in a row new processes are killed before the supervisor turns to its other
news."""

_DESCRIPTORS_KEPT_FREE = 64


class Ending:
    """How far the ending of the tree has come; all times are seconds of the monotonic clock."""

    __slots__ = ("kill_at", "kill_trackers_at", "terminate_at")

    def __init__(self, patience: float) -> None:
        self.terminate_at = monotonic() + patience
        self.kill_at = self.terminate_at + GRACE_SECONDS
        self.kill_trackers_at: float | None = None
        """Set while nobody but resource trackers is left."""


class Supervisor:
    """All that the loop knows."""

    __slots__ = (
        "command_rest",
        "control",
        "ending",
        "first_group",
        "folders",
        "has_children",
        "is_interrupted",
        "may_start",
        "poll",
        "semaphores",
        "stand_in",
        "tree",
        "viewer_is_gone",
        "wake_up",
        "words",
    )

    def __init__(self, control: int, wake_up: int, descriptor_limit: int) -> None:
        self.control = control
        self.wake_up = wake_up
        self.poll = select.epoll()
        if control >= 0:
            self.poll.register(control, select.EPOLLIN)
        self.poll.register(wake_up, select.EPOLLIN)
        self.words = supervisor_records.Words(control, self.poll)
        self.tree = supervisor_tree.Tree(self.poll, descriptor_limit)
        self.first_group = -1
        """A pidfd of the program's first process; after its end, used to signal its group."""
        self.folders: set[str] = set()
        """Folders that the program would remove itself if it was not killed."""
        self.semaphores: set[str] = set()
        """Names of semaphores that it would remove."""
        self.may_start = False
        """The viewer has made the queue."""
        self.is_interrupted = False
        """A Ctrl-C has come before the program was there."""
        self.has_children = True
        self.ending: Ending | None = None
        self.viewer_is_gone = control < 0
        self.stand_in = -1
        """A pidfd of our stand-in; -1 if there is none."""
        self.command_rest = b""


def main() -> None:
    """Watch over one program from its start to the end of its last process."""
    _, control_text, _, queue, at_the_end, descriptors, *command = sys.argv
    supervisor_start.occupy_standard_descriptors()
    control = int(control_text)
    os.set_inheritable(control, False)
    surroundings = supervisor_start.Surroundings(int(descriptors))
    for number in supervisor_start.HELD_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    supervisor_start.adopt_orphans()
    most = surroundings.limits[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    limit = most - _DESCRIPTORS_KEPT_FREE
    stand_in = os.getpid()
    # Without a stand-in, if the fork fails, this process is the supervisor itself.
    supervisor_pid = _fork()
    if supervisor_pid > 0:
        os.close(control)
        supervisor_start.let_go_of_descriptors(surroundings)
        is_done = _has_done_its_work(supervisor_pid)
        if not is_done:
            _take_over(limit)
        if at_the_end == "remove":
            _remove_folder(os.path.dirname(queue))
        sys.exit(0 if is_done else 1)
    # A forked process has to set this again.
    supervisor_start.adopt_orphans()
    supervisor = Supervisor(control, _wake_up_on_child(), limit)
    if supervisor_pid == 0:
        _watch_stand_in(supervisor, stand_in)
    supervisor.words.introduce()
    _wait_for_start(supervisor)
    folder = _hold_folder(queue) if at_the_end == "remove" else -1
    start_program(supervisor, command, surroundings)
    _watch_over(supervisor)
    if os.getppid() == stand_in:
        # It has to notice our end, even if it was stopped.
        kernel.signal_process(supervisor.stand_in, signal.SIGCONT)
    elif folder >= 0:
        os.close(folder)
        # For a viewer whose stand-in is gone, our end is the end of this.
        os.close(control)
        _remove_folder(os.path.dirname(queue))


def _fork() -> int:
    """Fork; returns the child's pid, 0 in the child, and -1 if the fork fails."""
    try:
        return os.fork()
    except OSError:
        return -1


def _has_done_its_work(supervisor_pid: int) -> bool:
    """Wait for the end of the supervisor, and continue it if it is stopped; False if it failed."""
    while True:
        _, status = os.waitpid(supervisor_pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return status == 0
        os.kill(supervisor_pid, signal.SIGCONT)


def _take_over(descriptor_limit: int) -> None:
    """End the processes that the killed supervisor has left."""
    supervisor = Supervisor(-1, _wake_up_on_child(), descriptor_limit)
    begin_ending(supervisor, 0)
    _watch_over(supervisor)


def _watch_stand_in(supervisor: Supervisor, stand_in: int) -> None:
    """Make the poll report the end of our stand-in, which is our parent."""
    try:
        supervisor.stand_in = os.pidfd_open(stand_in)
    except ProcessLookupError:
        begin_ending(supervisor, 0)
        return
    supervisor.poll.register(supervisor.stand_in, select.EPOLLIN)
    if os.getppid() != stand_in:
        begin_ending(supervisor, 0)


def _watch_over(supervisor: Supervisor) -> None:
    """Do the supervisor's work until nobody is left."""
    while supervisor.has_children and not _only_others_are_left(supervisor):
        try:
            turn(supervisor)
        except Exception as error:
            # Whatever it is: the supervisor may not leave before its work is done.
            supervisor.words.tell_error(error)
            sleep(supervisor_tree.LOOK_SECONDS)
    if supervisor.has_children:
        beyond_us = ", ".join(str(pid) for pid in supervisor.tree.processes)
        problem = f"processes of another user could not be ended: {beyond_us}"
        supervisor.words.tell_error(PermissionError(problem))
    else:
        _remove_what_stayed(supervisor)
    supervisor.words.finish()


def _remove_what_stayed(supervisor: Supervisor) -> None:
    for folder in supervisor.folders:
        problem = supervisor_folders.remove(folder)
        if problem:
            supervisor.words.tell_error(OSError(problem))
    for name in supervisor.semaphores:
        try:
            supervisor_semaphores.remove(name)
        except OSError as error:
            supervisor.words.tell_error(error)


def _wait_for_start(supervisor: Supervisor) -> None:
    """Wait for the viewer to make the queue, or to go away, or to change its mind."""
    while not (supervisor.may_start or supervisor.ending):
        for descriptor, _ in supervisor.poll.poll():
            if descriptor == supervisor.control:
                _read_control(supervisor)


def start_program(
    supervisor: Supervisor, command: list[str], surroundings: supervisor_start.Surroundings
) -> None:
    """Start the program's first process, or tell why it cannot be."""
    for descriptor, _ in supervisor.poll.poll(0):
        if descriptor == supervisor.control:
            _read_control(supervisor)
    if supervisor.ending:
        supervisor.words.tell_failure(
            f"{command[0]} was not started, because mpviz was asked to end it before that"
        )
        return
    outcome, report = os.pipe2(os.O_CLOEXEC)
    supervisor_pid = os.getpid()
    stamp = monotonic_ns()
    try:
        child = os.fork()
    except OSError as problem:
        supervisor.words.tell_failure(f"{command[0]} could not be started: {problem.strerror}")
        return
    if child == 0:
        supervisor_start.become_program(command, surroundings, report, supervisor_pid)
    os.close(report)
    # Ends with the exec, which closes the other end; till then there is nothing else to do.
    error = os.read(outcome, 4096)
    os.close(outcome)
    supervisor_start.let_go_of_descriptors(surroundings)
    if error:
        os.waitpid(child, 0)
        supervisor.words.tell_failure(f"{command[0]} could not be started: {error.decode()}")
        return
    # Nobody but us can reap it, so it is there, if only as a zombie.
    supervisor.tree.first = child
    supervisor.first_group = os.pidfd_open(child)
    supervisor.words.tell_start(child, kernel.start_time(child) or 0, stamp)
    if supervisor.is_interrupted:
        os.killpg(child, signal.SIGINT)


def turn(supervisor: Supervisor) -> None:
    """Sleep until there is news or something is due, and see to it."""
    for descriptor, happened in supervisor.poll.poll(_pause(supervisor)):
        if descriptor == supervisor.control:
            if happened & select.EPOLLOUT:
                supervisor.words.send()
            if happened & ~select.EPOLLOUT:
                _read_control(supervisor)
        elif descriptor == supervisor.wake_up:
            os.read(descriptor, 4096)
        elif descriptor == supervisor.stand_in:
            # If we were killed too, nobody would be left to end the program.
            supervisor.poll.unregister(descriptor)
            begin_ending(supervisor, 0)
        elif descriptor in supervisor.tree.by_descriptor:
            process = supervisor.tree.by_descriptor[descriptor]
            exit_code = supervisor.tree.see_end(process, happened)
            if exit_code is not None:
                supervisor.words.tell_exit(process.pid, exit_code)
    _reap(supervisor)
    if not supervisor.has_children:
        return
    if monotonic() >= supervisor.tree.look_at:
        supervisor.tree.look()
    if supervisor.ending:
        _advance(supervisor, supervisor.ending)


def begin_ending(supervisor: Supervisor, patience: float) -> None:
    """Begin to end the tree after so many seconds, or sooner if that has been decided before."""
    ending = Ending(patience)
    if supervisor.ending is None or ending.terminate_at < supervisor.ending.terminate_at:
        supervisor.ending = ending


def _advance(supervisor: Supervisor, ending: Ending) -> None:
    now = monotonic()
    if now < ending.terminate_at:
        return
    if not supervisor.tree.is_ending:
        supervisor.tree.begin_ending()
        supervisor.tree.look()
        _note_what_stays(supervisor)
    living = [process for process in supervisor.tree.processes.values() if process.is_in_reach]
    others: list[supervisor_tree.Process] = []
    trackers: list[supervisor_tree.Process] = []
    for process in living:
        is_tracker = not process.killed and supervisor.tree.is_tracker(process)
        (trackers if is_tracker else others).append(process)
    if others:
        ending.kill_trackers_at = None
        if now < ending.kill_at:
            _ask_to_end(supervisor, others)
        else:
            keep_coming = _kill(supervisor, others)
            if (
                keep_coming
                and now >= ending.kill_at + GROUP_SECONDS
                and supervisor.first_group >= 0
            ):
                kernel.signal_group(supervisor.first_group, signal.SIGKILL)
    elif ending.kill_trackers_at is None:
        # All that they watched over is let go now: they clean up and end by themselves.
        patience = TRACKER_SECONDS_ALONE if supervisor.viewer_is_gone else kernel.TRACKER_SECONDS
        ending.kill_trackers_at = now + patience
        for tracker in trackers:
            supervisor.tree.send(tracker, signal.SIGCONT)
    elif now >= ending.kill_trackers_at:
        for tracker in trackers:
            supervisor.tree.send(tracker, signal.SIGKILL)


def _note_what_stays(supervisor: Supervisor) -> None:
    """Note what the program would remove at its own end, before we send it a signal."""
    try:
        supervisor.folders |= supervisor_folders.folders_of_sockets(supervisor.tree.processes)
        supervisor.semaphores |= supervisor_semaphores.semaphores_of(supervisor.tree.processes)
    except OSError as error:
        # The signal is more important.
        supervisor.words.tell_error(error)


def _ask_to_end(supervisor: Supervisor, processes: list[supervisor_tree.Process]) -> None:
    for process in processes:
        if not process.asked:
            process.asked = True
            _tell_signal(supervisor, process, signal.SIGTERM)
            supervisor.tree.send(process, signal.SIGTERM)
            # A stopped process gets the SIGTERM only when it goes on.
            supervisor.tree.send(process, signal.SIGCONT)


def _kill(supervisor: Supervisor, processes: list[supervisor_tree.Process]) -> bool:
    """Kill these, and those that were forked meanwhile, till a look finds no new one.

    True when there were some that had not been killed before.
    """
    were_new = any(not process.killed for process in processes)
    for _ in range(KILL_ROUNDS):
        for process in processes:
            if not process.killed and not supervisor.tree.is_tracker(process):
                process.killed = True
                if process.asked:
                    # One that was never asked is too new for this: it may be one of thousands.
                    _tell_signal(supervisor, process, signal.SIGKILL)
                supervisor.tree.send(process, signal.SIGKILL)
        processes = supervisor.tree.look()
        if not processes:
            break
    return were_new


def _only_others_are_left(supervisor: Supervisor) -> bool:
    """Say whether all that is left belongs to other users, so that there is nothing more to do."""
    ending = supervisor.ending
    if ending is None or monotonic() < ending.kill_at:
        return False
    living = [process for process in supervisor.tree.processes.values() if not process.ended]
    return bool(living) and all(process.beyond_us for process in living)


def _reap(supervisor: Supervisor) -> None:
    """Reap all children that have ended and tell their exit codes.

    Every descendant has a chain of parents that ends here, and the kernel hands on orphans in one
    step: as soon as there are no children there are no descendants either.
    """
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            supervisor.has_children = False
            return
        if ended is None:
            return
        pid = ended.si_pid
        known = supervisor.tree.processes.get(pid)
        is_same = known is not None and known.started == kernel.start_time(pid)
        _, status = os.waitpid(pid, 0)
        exit_code = os.waitstatus_to_exitcode(status)
        if not (known and is_same and known.told):
            supervisor.words.tell_exit(pid, exit_code)
        if known:
            supervisor.tree.forget(known)
        if pid == supervisor.tree.first:
            supervisor.tree.first = 0
            supervisor.words.tell_end(pid, exit_code)
            begin_ending(supervisor, NATURAL_SECONDS)


def _read_control(supervisor: Supervisor) -> None:
    try:
        received = os.read(supervisor.control, 4096)
    except ConnectionResetError:
        received = b""
    if not received:
        supervisor.viewer_is_gone = True
        supervisor.poll.unregister(supervisor.control)
        supervisor.words.stop()
        begin_ending(supervisor, 0)
        if supervisor.ending:
            # The patience with trackers is shorter from now on.
            supervisor.ending.kill_trackers_at = None
        return
    *lines, supervisor.command_rest = (supervisor.command_rest + received).split(b"\n")
    for line in lines:
        if line == b"start":
            supervisor.may_start = True
        elif line == b"end":
            begin_ending(supervisor, 0)
        elif line.startswith(b"terminate "):
            _terminate(supervisor, float(line.split()[1]))
        elif line == b"interrupt" and supervisor.tree.first:
            # Not reaped yet and the leader of its session: the group is still its own.
            os.killpg(supervisor.tree.first, signal.SIGINT)
        elif line == b"interrupt" and supervisor.first_group < 0:
            supervisor.is_interrupted = True


def _terminate(supervisor: Supervisor, patience: float) -> None:
    """Ask the program to end in its own way, by SIGTERM to its first process.

    If that process is gone, or was not started yet, end all at once.
    """
    first = supervisor.tree.first
    if not first:
        begin_ending(supervisor, 0)
        return
    begin_ending(supervisor, patience)
    supervisor.tree.look()
    _note_what_stays(supervisor)
    supervisor.words.tell_signal(first, signal.SIGTERM, left_behind=False)
    for number in (signal.SIGTERM, signal.SIGCONT):
        # It is not reaped yet, so the pid still belongs to it.
        os.kill(first, number)


def _pause(supervisor: Supervisor) -> float:
    """Seconds until something is due."""
    if supervisor.ending and monotonic() >= supervisor.ending.terminate_at:
        return supervisor_tree.ENDING_PAUSE
    due = supervisor.tree.look_at
    if supervisor.ending:
        due = min(due, supervisor.ending.terminate_at)
    return max(0.0, due - monotonic())


def _wake_up_on_child() -> int:
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # A full pipe has woken us already.
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _hold_folder(queue: str) -> int:
    """Lock the run's folder, so that no other run takes it for a leftover.

    Returns the descriptor that keeps it locked, -1 if the viewer has already removed the folder.
    """
    try:
        folder = removal.open_folder(os.path.dirname(queue))
        fcntl.flock(folder, fcntl.LOCK_SH)
    except OSError:
        return -1
    return folder


def _remove_folder(path: str) -> None:
    """Remove the run's folder as soon as the viewer has let go of it, for whatever reason.

    The viewer removes it itself, unless it is killed before that. It waits for our end, so a child
    of ours waits for the viewer.
    """
    try:
        folder = removal.open_folder(path)
    except OSError:
        # The viewer has removed it.
        return
    if not removal.is_ours(folder):
        return
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if _fork() != 0:
            return
        fcntl.flock(folder, fcntl.LOCK_EX)
    # Nobody is left to be told what could not be removed; the next run tries again, and tells it.
    removal.remove(path, folder)


def _tell_signal(supervisor: Supervisor, process: supervisor_tree.Process, number: int) -> None:
    supervisor.words.tell_signal(process.pid, number, left_behind=not supervisor.tree.first)


if __name__ == "__main__":
    main()
