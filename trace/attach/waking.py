"""Wakes a thread that sleeps in a system call, so that its Python looks whether it has to do
something.

ptrace makes the call return EINTR, without a signal: what was interrupted is begun again by Python
(PEP 475), with what is left of its time. The thread stands still for some 50 microseconds.
"""

from __future__ import annotations

import ctypes
import os
import platform

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_GET_REGISTERS, _SET_REGISTERS = 12, 13
_ALL = 0x40000000
"""``__WALL``: wait for threads, too (man 2 waitpid)."""

_RESTARTED = (-512, -513, -514, -516)
"""ERESTARTSYS and its kin: the kernel would begin the call again."""

_EINTR = -4

_CALLS = {
    0: "read",
    1: "write",
    7: "poll",
    23: "select",
    35: "nanosleep",
    42: "connect",
    43: "accept",
    45: "recvfrom",
    46: "sendmsg",
    47: "recvmsg",
    61: "wait4",
    202: "futex",
    230: "clock_nanosleep",
    232: "epoll_wait",
    247: "waitid",
    270: "pselect6",
    271: "ppoll",
    281: "epoll_pwait",
    288: "accept4",
}
"""The calls in which Python waits, and which it begins again itself."""

_REGISTERS = (  # noqa: SIM905 - a list of so many words is a column
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss"
    " fs_base gs_base ds es fs gs"
).split()


class _Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in _REGISTERS]


def can_wake() -> bool:
    """Whether this kind of machine is known here."""
    return platform.machine() == "x86_64"


def wake(thread: int) -> bool:
    """Wake a thread of another process; False if it is in no call of those in which Python waits.

    :class:`OSError` if the system does not allow it.
    """
    library = ctypes.CDLL(None, use_errno=True)
    library.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    library.ptrace.restype = ctypes.c_long

    def trace(what: int, registers: _Registers | None = None) -> None:
        data = ctypes.addressof(registers) if registers is not None else None
        if library.ptrace(what, thread, None, data) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    trace(_SEIZE)
    try:
        trace(_INTERRUPT)
        _, status = os.waitpid(thread, _ALL)
        if not os.WIFSTOPPED(status):
            return False
        registers = _Registers()
        trace(_GET_REGISTERS, registers)
        call = ctypes.c_longlong(registers.orig_rax).value
        result = ctypes.c_longlong(registers.rax).value
        if call not in _CALLS or result not in _RESTARTED:
            return False
        registers.rax = ctypes.c_ulonglong(_EINTR).value
        registers.orig_rax = ctypes.c_ulonglong(-1).value
        trace(_SET_REGISTERS, registers)
        return True
    finally:
        # It fails where the thread has ended meanwhile.
        library.ptrace(_DETACH, thread, None, None)
