"""The warden: the small process that stands between the viewer and the program it watches.

It starts the program, adopts its orphans, tells how each process ended, and ends whatever is left
when the program has ended, when it is told to, or when the viewer is gone. It runs as a script of
its own, ``python -I -S warden.py CONTROL BOOT QUEUE AT-THE-END DESCRIPTORS COMMAND...``, in an
interpreter that has to be up in a few milliseconds: hence no ``dataclasses``, no ``typing``, no
``pathlib``.

It is one thread and one loop, which sleeps until a descriptor has news:

- ``CONTROL`` is the socket to the viewer. The line ``start`` says that the queue now exists; a
  queue made before the warden would stay behind if the viewer was killed just then. The line
  ``end`` ends all; ``terminate SECONDS`` sends SIGTERM to the program's first process alone, and
  ends all when that process has ended or the time is up; ``interrupt`` is a Ctrl-C; and the end of
  file means that the viewer is gone, for whatever reason. The warden's own records go the other
  way, see ``warden_words.py``.
- A pidfd of each process it knows tells of that one's end, also when another is its parent.
- A pipe that SIGCHLD writes to tells of the end of children that it did not know yet.

The process that the viewer starts is the warden's stand-in: it forks the warden and waits for its
end. If the warden is killed, the kernel makes its orphans children of the stand-in, which then ends
them as the warden would; if the warden is stopped, the stand-in continues it. So processes are left
behind only if both are killed.

``AT-THE-END`` says what to do with the folder of the FIFO if a viewer who is gone left it behind:
``remove`` it with all that is in it, or ``keep`` it. ``DESCRIPTORS`` is the program's limit of open
files: our own limit is higher, because we inherit it from the viewer, which has raised it for
itself.
"""

# Without pathlib, which costs 8 ms to import.
# ruff: noqa: PTH100, PTH120

import fcntl
import os
import resource
import select
import signal
import sys
from time import monotonic, monotonic_ns, sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mpviz.trace import (
        kernel,
        removal,
        warden_folders,
        warden_semaphores,
        warden_start,
        warden_tree,
        warden_words,
    )
else:
    # Behind all else, so that ``queue.py`` in this folder is nobody's ``queue``.
    sys.path += [os.path.dirname(os.path.abspath(__file__)), sys.argv[2]]
    import kernel
    import removal
    import warden_folders
    import warden_semaphores
    import warden_start
    import warden_tree
    import warden_words

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
"""How many times in a row new processes are killed before the warden turns to its other news."""

_DESCRIPTORS_KEPT_FREE = 64


class Ending:
    """How far the ending of the tree has come; all times are seconds of the monotonic clock."""

    __slots__ = ("kill_at", "kill_trackers_at", "terminate_at")

    def __init__(self, patience: float) -> None:
        self.terminate_at = monotonic() + patience
        self.kill_at = self.terminate_at + GRACE_SECONDS
        self.kill_trackers_at: float | None = None
        """Set while nobody but resource trackers is left."""


class Warden:
    """All that the loop knows."""

    __slots__ = (
        "command_rest",
        "control",
        "ending",
        "first_group",
        "folders",
        "has_children",
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
        self.words = warden_words.Words(control, self.poll)
        self.tree = warden_tree.Tree(self.poll, descriptor_limit)
        self.first_group = -1
        """A pidfd of the program's first process; after its end, used to signal its group."""
        self.folders: set[str] = set()
        """Folders that the program would remove itself if it was not killed."""
        self.semaphores: set[str] = set()
        """Names of semaphores that it would remove."""
        self.may_start = False
        """The viewer has made the queue."""
        self.has_children = True
        self.ending: Ending | None = None
        self.viewer_is_gone = control < 0
        self.stand_in = -1
        """A pidfd of our stand-in; -1 if there is none."""
        self.command_rest = b""


def main() -> None:
    """Watch over one program from its start to the end of its last process."""
    _, control_text, _, queue, at_the_end, descriptors, *command = sys.argv
    warden_start.occupy_standard_descriptors()
    control = int(control_text)
    os.set_inheritable(control, False)
    surroundings = warden_start.Surroundings(int(descriptors))
    for number in warden_start.HELD_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    warden_start.adopt_orphans()
    most = surroundings.limits[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    limit = most - _DESCRIPTORS_KEPT_FREE
    stand_in = os.getpid()
    # Without a stand-in, if the fork fails, this process is the warden itself.
    warden_pid = _fork()
    if warden_pid > 0:
        os.close(control)
        warden_start.let_go_of_descriptors(surroundings)
        is_done = _has_done_its_work(warden_pid)
        if not is_done:
            _take_over(limit)
        if at_the_end == "remove":
            _remove_folder(os.path.dirname(queue))
        sys.exit(0 if is_done else 1)
    # A forked process has to set this again.
    warden_start.adopt_orphans()
    warden = Warden(control, _wake_up_on_child(), limit)
    if warden_pid == 0:
        _watch_stand_in(warden, stand_in)
    warden.words.introduce()
    _wait_for_start(warden)
    folder = _hold_folder(queue) if at_the_end == "remove" else -1
    start_program(warden, command, surroundings)
    _watch_over(warden)
    if os.getppid() == stand_in:
        # It has to notice our end, even if it was stopped.
        kernel.signal_process(warden.stand_in, signal.SIGCONT)
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


def _has_done_its_work(warden_pid: int) -> bool:
    """Wait for the end of the warden, and continue it if it is stopped; False if it failed."""
    while True:
        _, status = os.waitpid(warden_pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return status == 0
        os.kill(warden_pid, signal.SIGCONT)


def _take_over(descriptor_limit: int) -> None:
    """End the processes that the killed warden has left."""
    warden = Warden(-1, _wake_up_on_child(), descriptor_limit)
    begin_ending(warden, 0)
    _watch_over(warden)


def _watch_stand_in(warden: Warden, stand_in: int) -> None:
    """Make the poll report the end of our stand-in, which is our parent."""
    try:
        warden.stand_in = os.pidfd_open(stand_in)
    except ProcessLookupError:
        begin_ending(warden, 0)
        return
    warden.poll.register(warden.stand_in, select.EPOLLIN)
    if os.getppid() != stand_in:
        begin_ending(warden, 0)


def _watch_over(warden: Warden) -> None:
    """Do the warden's work until nobody is left."""
    while warden.has_children and not _only_others_are_left(warden):
        try:
            turn(warden)
        except Exception as error:
            # Whatever it is: the warden may not leave before its work is done.
            warden.words.tell_error(error)
            sleep(warden_tree.LOOK_SECONDS)
    if warden.has_children:
        beyond_us = ", ".join(str(pid) for pid in warden.tree.processes)
        problem = f"processes of another user could not be ended: {beyond_us}"
        warden.words.tell_error(PermissionError(problem))
    else:
        _remove_what_stayed(warden)
    warden.words.finish()


def _remove_what_stayed(warden: Warden) -> None:
    for folder in warden.folders:
        problem = warden_folders.remove(folder)
        if problem:
            warden.words.tell_error(OSError(problem))
    for name in warden.semaphores:
        try:
            warden_semaphores.remove(name)
        except OSError as error:
            warden.words.tell_error(error)


def _wait_for_start(warden: Warden) -> None:
    """Wait for the viewer to make the queue, or to go away, or to change its mind."""
    while not (warden.may_start or warden.ending):
        for descriptor, _ in warden.poll.poll():
            if descriptor == warden.control:
                _read_control(warden)


def start_program(
    warden: Warden, command: list[str], surroundings: warden_start.Surroundings
) -> None:
    """Start the program's first process, or tell why it cannot be."""
    for descriptor, _ in warden.poll.poll(0):
        if descriptor == warden.control:
            _read_control(warden)
    if warden.ending:
        warden.words.tell_failure(
            f"{command[0]} was not started, because mpviz was asked to end it before that"
        )
        return
    outcome, report = os.pipe2(os.O_CLOEXEC)
    warden_pid = os.getpid()
    stamp = monotonic_ns()
    try:
        child = os.fork()
    except OSError as problem:
        warden.words.tell_failure(f"{command[0]} could not be started: {problem.strerror}")
        return
    if child == 0:
        warden_start.become_program(command, surroundings, report, warden_pid)
    os.close(report)
    # Ends with the exec, which closes the other end; till then there is nothing else to do.
    error = os.read(outcome, 4096)
    os.close(outcome)
    warden_start.let_go_of_descriptors(surroundings)
    if error:
        os.waitpid(child, 0)
        warden.words.tell_failure(f"{command[0]} could not be started: {error.decode()}")
        return
    # Nobody but us can reap it, so it is there, if only as a zombie.
    warden.tree.first = child
    warden.first_group = os.pidfd_open(child)
    warden.words.tell_start(child, kernel.start_time(child) or 0, stamp)


def turn(warden: Warden) -> None:
    """Sleep until there is news or something is due, and see to it."""
    for descriptor, happened in warden.poll.poll(_pause(warden)):
        if descriptor == warden.control:
            if happened & select.EPOLLOUT:
                warden.words.send()
            if happened & ~select.EPOLLOUT:
                _read_control(warden)
        elif descriptor == warden.wake_up:
            os.read(descriptor, 4096)
        elif descriptor == warden.stand_in:
            # If we were killed too, nobody would be left to end the program.
            warden.poll.unregister(descriptor)
            begin_ending(warden, 0)
        elif descriptor in warden.tree.by_descriptor:
            process = warden.tree.by_descriptor[descriptor]
            exit_code = warden.tree.see_end(process, happened)
            if exit_code is not None:
                warden.words.tell_exit(process.pid, exit_code)
    _reap(warden)
    if not warden.has_children:
        return
    if monotonic() >= warden.tree.look_at:
        warden.tree.look()
    if warden.ending:
        _advance(warden, warden.ending)


def begin_ending(warden: Warden, patience: float) -> None:
    """Begin to end the tree after so many seconds, or sooner if that has been decided before."""
    ending = Ending(patience)
    if warden.ending is None or ending.terminate_at < warden.ending.terminate_at:
        warden.ending = ending


def _advance(warden: Warden, ending: Ending) -> None:
    now = monotonic()
    if now < ending.terminate_at:
        return
    if not warden.tree.is_ending:
        warden.tree.begin_ending()
        warden.tree.look()
        _note_what_stays(warden)
    living = [process for process in warden.tree.processes.values() if process.is_in_reach]
    others: list[warden_tree.Process] = []
    trackers: list[warden_tree.Process] = []
    for process in living:
        is_tracker = not process.killed and warden.tree.is_tracker(process)
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
        patience = TRACKER_SECONDS_ALONE if warden.viewer_is_gone else kernel.TRACKER_SECONDS
        ending.kill_trackers_at = now + patience
        for tracker in trackers:
            warden.tree.send(tracker, signal.SIGCONT)
    elif now >= ending.kill_trackers_at:
        for tracker in trackers:
            warden.tree.send(tracker, signal.SIGKILL)


def _note_what_stays(warden: Warden) -> None:
    """Note what the program would remove at its own end, before we send it a signal."""
    try:
        warden.folders |= warden_folders.folders_of_sockets(warden.tree.processes)
        warden.semaphores |= warden_semaphores.semaphores_of(warden.tree.processes)
    except OSError as error:
        # The signal is more important.
        warden.words.tell_error(error)


def _ask_to_end(warden: Warden, processes: list[warden_tree.Process]) -> None:
    for process in processes:
        if not process.asked:
            process.asked = True
            _tell_signal(warden, process, signal.SIGTERM)
            warden.tree.send(process, signal.SIGTERM)
            # A stopped process gets the SIGTERM only when it goes on.
            warden.tree.send(process, signal.SIGCONT)


def _kill(warden: Warden, processes: list[warden_tree.Process]) -> bool:
    """Kill these, and those that were forked meanwhile, till a look finds no new one.

    True when there were some that had not been killed before.
    """
    were_new = any(not process.killed for process in processes)
    for _ in range(KILL_ROUNDS):
        for process in processes:
            if not process.killed and not warden.tree.is_tracker(process):
                process.killed = True
                if process.asked:
                    # One that was never asked is too new for this: it may be one of thousands.
                    _tell_signal(warden, process, signal.SIGKILL)
                warden.tree.send(process, signal.SIGKILL)
        processes = warden.tree.look()
        if not processes:
            break
    return were_new


def _only_others_are_left(warden: Warden) -> bool:
    """Say whether all that is left belongs to other users, so that there is nothing more to do."""
    ending = warden.ending
    if ending is None or monotonic() < ending.kill_at:
        return False
    living = [process for process in warden.tree.processes.values() if not process.ended]
    return bool(living) and all(process.beyond_us for process in living)


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
        known = warden.tree.processes.get(pid)
        is_same = known is not None and known.started == kernel.start_time(pid)
        _, status = os.waitpid(pid, 0)
        exit_code = os.waitstatus_to_exitcode(status)
        if not (known and is_same and known.told):
            warden.words.tell_exit(pid, exit_code)
        if known:
            warden.tree.forget(known)
        if pid == warden.tree.first:
            warden.tree.first = 0
            warden.words.tell_end(pid, exit_code)
            begin_ending(warden, NATURAL_SECONDS)


def _read_control(warden: Warden) -> None:
    try:
        received = os.read(warden.control, 4096)
    except ConnectionResetError:
        received = b""
    if not received:
        warden.viewer_is_gone = True
        warden.poll.unregister(warden.control)
        warden.words.stop()
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
        elif line.startswith(b"terminate "):
            _terminate(warden, float(line.split()[1]))
        elif line == b"interrupt" and warden.tree.first:
            # Not reaped yet and the leader of its session: the group is still its own.
            os.killpg(warden.tree.first, signal.SIGINT)


def _terminate(warden: Warden, patience: float) -> None:
    """Ask the program to end in its own way, by SIGTERM to its first process.

    If that process is gone, or was not started yet, end all at once.
    """
    first = warden.tree.first
    if not first:
        begin_ending(warden, 0)
        return
    begin_ending(warden, patience)
    warden.tree.look()
    _note_what_stays(warden)
    warden.words.tell_signal(first, signal.SIGTERM, left_behind=False)
    for number in (signal.SIGTERM, signal.SIGCONT):
        # It is not reaped yet, so the pid still belongs to it.
        os.kill(first, number)


def _pause(warden: Warden) -> float:
    """Seconds until something is due."""
    if warden.ending and monotonic() >= warden.ending.terminate_at:
        return warden_tree.ENDING_PAUSE
    due = warden.tree.look_at
    if warden.ending:
        due = min(due, warden.ending.terminate_at)
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


def _tell_signal(warden: Warden, process: warden_tree.Process, number: int) -> None:
    warden.words.tell_signal(process.pid, number, left_behind=not warden.tree.first)


if __name__ == "__main__":
    main()
