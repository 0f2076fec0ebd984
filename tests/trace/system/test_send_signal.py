"""A signal reaches the process that was meant, or none."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mpviz.trace.system import kernel
from mpviz.trace.system.send_signal import send_signal


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def started(process: subprocess.Popen[bytes]) -> int:
    ticks = kernel.start_time(process.pid)
    assert ticks is not None
    return ticks


def test_reaches_the_process_with_this_pid_and_start(sleeper: subprocess.Popen[bytes]) -> None:
    assert send_signal(sleeper.pid, started(sleeper), signal.SIGTERM)
    assert sleeper.wait() == -signal.SIGTERM


def test_spares_a_process_that_only_has_the_pid(sleeper: subprocess.Popen[bytes]) -> None:
    assert not send_signal(sleeper.pid, started(sleeper) - 1, signal.SIGKILL)
    assert send_signal(sleeper.pid, started(sleeper), 0)


def test_reaches_nobody_when_the_process_is_gone(sleeper: subprocess.Popen[bytes]) -> None:
    ticks = started(sleeper)
    sleeper.kill()
    sleeper.wait()
    assert kernel.start_time(sleeper.pid) is None
    assert not send_signal(sleeper.pid, ticks, signal.SIGKILL)


def test_refuses_what_is_no_signal(sleeper: subprocess.Popen[bytes]) -> None:
    with pytest.raises(ValueError, match="-9 is not the number of a signal"):
        send_signal(sleeper.pid, started(sleeper), -9)


def test_the_start_time_is_read_past_a_name_that_looks_like_fields() -> None:
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(write_end)
            with open("/proc/self/comm", "w") as file:  # noqa: PTH123
                file.write("a) S 1 2 (b")
            os.read(read_end, 1)
        finally:
            os._exit(0)
    os.close(read_end)
    own_start = kernel.start_time(os.getpid())
    child_start = kernel.start_time(child)
    os.close(write_end)
    os.waitpid(child, 0)
    assert own_start is not None
    assert child_start is not None
    assert child_start >= own_start


def test_the_number_of_a_thread_is_no_process() -> None:
    """A program can tell any number for that of a child."""
    with ThreadPoolExecutor(1) as pool:
        thread = pool.submit(threading.get_native_id).result()
        assert kernel.open_process(thread, 0) is None
    assert kernel.open_process(1 << 30, 0) is None
