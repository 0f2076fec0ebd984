"""The supervisor: the small process that stands between the viewer and the program it watches.

It starts the program, adopts its orphans, reports how each process ended, and ends what is left
when the program has ended, when it is told to, or when the viewer is gone. It runs as a script,
``python -I -S supervisor.py CONTROL BOOT FIFO AT-THE-END DESCRIPTORS COMMAND...``, in an
interpreter that has to be up in a few milliseconds: hence no ``dataclasses``, no ``typing``, no
``pathlib``.

It is one thread and one loop, which sleeps until a descriptor has news:

- ``CONTROL`` is the socket to the viewer. The line ``start`` says that the FIFO now exists; a FIFO
  made before the supervisor would stay behind if the viewer was killed just then. The line ``end``
  ends all; ``terminate SECONDS`` sends SIGTERM to the program's first process alone, and ends all
  when that process has ended or the time is up; ``interrupt`` is a Ctrl-C; and the end of file
  means that the viewer is gone, for whatever reason. The supervisor's own records go the other way,
  see ``records.py``.
- A pidfd of each known process tells when it ends, even if its parent is another process.
- A pipe that SIGCHLD writes to tells when a child ends that was not known yet.

The process that the viewer starts is the supervisor's stand-in: it forks the supervisor and waits
for its end. If the supervisor is killed, the kernel makes its orphans children of the stand-in,
which then ends them as the supervisor would; if the supervisor is stopped, the stand-in continues
it. So processes are left behind only if both are killed.

``AT-THE-END`` says what to do with the FIFO's folder if the viewer is gone and left it behind:
``remove`` it with all that is in it, or ``keep`` it. ``DESCRIPTORS`` is the program's limit of open
files: our own is higher, because we inherit it from the viewer, which has raised it for itself.
"""

# Without pathlib, which takes 8 ms to import; and our modules can only be imported after their
# places are known.
# ruff: noqa: PTH100, PTH118, PTH120, E402

import os
import resource
import select
import signal
import sys
from time import monotonic, monotonic_ns, sleep

# This script runs without site-packages, so it has to tell Python where our packages are. The
# probe's folder comes last, so that nothing in it takes the place of a module of Python's.
_TRACE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
for _package, _folders in (
    ("mpviz", []),
    ("mpviz.trace", [_TRACE]),
    ("mpviz.trace.supervisor", [os.path.join(_TRACE, "supervisor")]),
    ("mpviz.trace.system", [os.path.join(_TRACE, "system")]),
):
    sys.modules[_package] = type(sys)(_package)
    sys.modules[_package].__path__ = _folders
sys.path.append(sys.argv[2])

from mpviz.trace.supervisor.ending import NATURAL_SECONDS, Ending
from mpviz.trace.supervisor.leftovers import hold_run_folder, remove_run_folder
from mpviz.trace.supervisor.records import Records
from mpviz.trace.supervisor.start import (
    HELD_SIGNALS,
    Surroundings,
    adopt_orphans,
    become_program,
    fork,
    let_go_of_descriptors,
    occupy_standard_descriptors,
)
from mpviz.trace.supervisor.tree import ENDING_PAUSE, LOOK_SECONDS, Tree
from mpviz.trace.system import kernel

_DESCRIPTORS_KEPT_FREE = 64


class Supervisor:
    """All that the loop knows."""

    def __init__(self, control: int, wake_up: int, descriptor_limit: int) -> None:
        self.control = control
        self.wake_up = wake_up
        self.poll = select.epoll()
        if control >= 0:
            self.poll.register(control, select.EPOLLIN)
        self.poll.register(wake_up, select.EPOLLIN)
        self.records = Records(control, self.poll)
        self.tree = Tree(self.poll, descriptor_limit)
        self.ending = Ending(self.tree, self.records)
        self.may_start = False
        """The viewer has made the FIFO."""
        self.early_orders: list[bytes] = []
        """Orders that can only be followed when the program is there."""
        self.has_children = True
        self.stand_in = -1
        """A pidfd of our stand-in; -1 if there is none."""
        self.orders_rest = b""
        """The beginning of an order whose end has not come yet."""


def main() -> None:
    """Watch over one program from its start to the end of its last process."""
    _, control_text, _, fifo, at_the_end, descriptors, *command = sys.argv
    run_folder = os.path.dirname(fifo) if at_the_end == "remove" else ""
    viewer = os.getppid()
    occupy_standard_descriptors()
    control = int(control_text)
    os.set_inheritable(control, False)
    surroundings = Surroundings(int(descriptors))
    for number in HELD_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    adopt_orphans()
    most = surroundings.limits[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    limit = most - _DESCRIPTORS_KEPT_FREE
    stand_in = os.getpid()
    # Without a stand-in, if the fork fails, this process is the supervisor itself.
    supervisor_pid = fork()
    if supervisor_pid > 0:
        os.close(control)
        let_go_of_descriptors(surroundings)
        is_done = _has_done_its_work(supervisor_pid)
        if not is_done:
            # End the processes that the killed supervisor has left.
            supervisor = Supervisor(-1, _wake_up_on_child(), limit)
            if os.getppid() == viewer:
                supervisor.ending.begin(0)
            else:
                supervisor.ending.begin_alone()
            _watch_over(supervisor)
        if run_folder:
            remove_run_folder(run_folder)
        sys.exit(0 if is_done else 1)
    # A forked process has to set this again.
    adopt_orphans()
    supervisor = Supervisor(control, _wake_up_on_child(), limit)
    if supervisor_pid == 0:
        _watch_stand_in(supervisor, stand_in)
    supervisor.records.introduce()
    _wait_for_start(supervisor)
    held = hold_run_folder(run_folder) if run_folder else -1
    start_program(supervisor, command, surroundings)
    _watch_over(supervisor)
    if os.getppid() == stand_in:
        # It has to notice our end, even if it was stopped.
        kernel.signal_process(supervisor.stand_in, signal.SIGCONT)
    elif held >= 0:
        os.close(held)
        # For a viewer whose stand-in is gone, our end is the end of this.
        os.close(control)
        remove_run_folder(run_folder)


def _has_done_its_work(supervisor_pid: int) -> bool:
    """Wait for the end of the supervisor, and continue it if it is stopped; False if it failed."""
    while True:
        _, status = os.waitpid(supervisor_pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return status == 0
        os.kill(supervisor_pid, signal.SIGCONT)


def _watch_stand_in(supervisor: Supervisor, stand_in: int) -> None:
    """Make the poll report the end of our stand-in, which is our parent."""
    try:
        supervisor.stand_in = os.pidfd_open(stand_in)
    except ProcessLookupError:
        supervisor.ending.begin(0)
        return
    supervisor.poll.register(supervisor.stand_in, select.EPOLLIN)
    if os.getppid() != stand_in:
        supervisor.ending.begin(0)


def _watch_over(supervisor: Supervisor) -> None:
    """Do the supervisor's work until nobody is left."""
    while supervisor.has_children and not supervisor.ending.only_others_are_left():
        try:
            turn(supervisor)
        except Exception as error:
            # Whatever it is: the supervisor may not leave before its work is done.
            supervisor.records.tell_error(error)
            sleep(LOOK_SECONDS)
    if supervisor.has_children:
        beyond_us = ", ".join(str(pid) for pid in supervisor.tree.processes)
        problem = f"processes of another user could not be ended: {beyond_us}"
        supervisor.records.tell_error(PermissionError(problem))
    else:
        supervisor.ending.remove_leftovers()
    supervisor.records.finish()


def _wait_for_start(supervisor: Supervisor) -> None:
    """Wait until the viewer has made the FIFO, has gone, or has changed its mind."""
    while not (supervisor.may_start or supervisor.ending.has_begun):
        for descriptor, _ in supervisor.poll.poll():
            if descriptor == supervisor.control:
                _read_control(supervisor)


def start_program(supervisor: Supervisor, command: list[str], surroundings: Surroundings) -> None:
    """Start the program's first process, or tell why it cannot be."""
    for descriptor, _ in supervisor.poll.poll(0):
        if descriptor == supervisor.control:
            _read_control(supervisor)
    if supervisor.ending.has_begun:
        supervisor.records.tell_failure(
            f"{command[0]} was not started, because mpviz was asked to end it before that"
        )
        return
    outcome, report = os.pipe2(os.O_CLOEXEC)
    supervisor_pid = os.getpid()
    stamp = monotonic_ns()
    try:
        child = os.fork()
    except OSError as problem:
        supervisor.records.tell_failure(f"{command[0]} could not be started: {problem.strerror}")
        return
    if child == 0:
        become_program(command, surroundings, report, supervisor_pid)
    os.close(report)
    # The exec closes the other end; until then there is nothing else to do.
    error = os.read(outcome, 4096)
    os.close(outcome)
    let_go_of_descriptors(surroundings)
    if error:
        os.waitpid(child, 0)
        supervisor.records.tell_failure(f"{command[0]} could not be started: {error.decode()}")
        return
    # Nobody but us can reap it, so it is there, if only as a zombie.
    supervisor.tree.first = child
    supervisor.ending.first_group = os.pidfd_open(child)
    supervisor.records.tell_start(child, kernel.start_time(child) or 0, stamp)
    for order in supervisor.early_orders:
        _follow(supervisor, order)


def turn(supervisor: Supervisor) -> None:
    """Sleep until there is news or something is due, and see to it."""
    for descriptor, happened in supervisor.poll.poll(_pause(supervisor)):
        if descriptor == supervisor.control:
            if happened & select.EPOLLOUT:
                supervisor.records.send()
            if happened & ~select.EPOLLOUT:
                _read_control(supervisor)
        elif descriptor == supervisor.wake_up:
            os.read(descriptor, 4096)
        elif descriptor == supervisor.stand_in:
            # If we were killed too, nobody would be left to end the program.
            supervisor.poll.unregister(descriptor)
            supervisor.ending.begin(0)
        elif descriptor in supervisor.tree.by_descriptor:
            process = supervisor.tree.by_descriptor[descriptor]
            exit_code = supervisor.tree.see_end(process, happened)
            if exit_code is not None:
                supervisor.records.tell_exit(process.pid, exit_code)
    _reap(supervisor)
    if not supervisor.has_children:
        return
    if monotonic() >= supervisor.tree.look_at:
        supervisor.tree.look()
    supervisor.ending.advance()


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
            supervisor.records.tell_exit(pid, exit_code)
        if known:
            supervisor.tree.forget(known)
        if pid == supervisor.tree.first:
            supervisor.tree.first = 0
            supervisor.records.tell_end(pid, exit_code)
            supervisor.ending.begin(NATURAL_SECONDS)


def _read_control(supervisor: Supervisor) -> None:
    try:
        received = os.read(supervisor.control, 4096)
    except ConnectionResetError:
        received = b""
    if not received:
        supervisor.poll.unregister(supervisor.control)
        supervisor.records.stop()
        supervisor.ending.begin_alone()
        return
    *orders, supervisor.orders_rest = (supervisor.orders_rest + received).split(b"\n")
    for order in orders:
        _follow(supervisor, order)


def _follow(supervisor: Supervisor, order: bytes) -> None:
    if order == b"start":
        supervisor.may_start = True
    elif order == b"end":
        supervisor.ending.begin(0)
    elif supervisor.ending.first_group < 0:
        supervisor.early_orders.append(order)
    elif order.startswith(b"terminate "):
        supervisor.ending.terminate_first(float(order.split()[1]))
    elif order == b"interrupt" and supervisor.tree.first:
        # Not reaped yet and the leader of its session: the group is still its own.
        os.killpg(supervisor.tree.first, signal.SIGINT)


def _pause(supervisor: Supervisor) -> float:
    """Seconds until something is due."""
    now = monotonic()
    if now >= supervisor.ending.terminate_at:
        return ENDING_PAUSE
    return max(0.0, min(supervisor.tree.look_at, supervisor.ending.terminate_at) - now)


def _wake_up_on_child() -> int:
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # A full pipe has woken us already.
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


if __name__ == "__main__":
    main()
