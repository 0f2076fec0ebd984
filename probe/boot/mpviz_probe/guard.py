"""Tells the program's exceptions from ours, and keeps our frames out of the program's tracebacks.

A signal handler of the program may raise an exception at any line of ours, and that exception
belongs to the program. So the probe asks here about each exception that it catches. An error of
ours is reported to the viewer and goes no further (:func:`mpviz_probe.arm.report`); an exception of
the program is raised again, and none of our frames is left in its traceback.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, TracebackType

OURS = sys._getframe().f_code.co_filename.rpartition("guard")[0]
"""How the file names of the probe's code begin: <mpviz_probe.guard>, see ``sitecustomize``."""
STDLIB = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_TESTS = os.path.join(STDLIB, "test") + os.sep
INSTALLED = tuple(os.sep + name + os.sep for name in ("site-packages", "dist-packages"))
_OPCODES = {
    "POP_TOP": 1,
    "DUP_TOP": 4,
    "ROT_FOUR": 6,
    "NOP": 9,
    "RERAISE": 48,
    "POP_BLOCK": 87,
    "END_FINALLY": 88,
    "FOR_ITER": 93,
    "LOAD_CONST": 100,
    "SETUP_FINALLY": 122,
    "LOAD_FAST": 124,
    "STORE_FAST": 125,
}
"""Some instructions of Python 3.8 and 3.9, as in ``opcode``, which a program may not import."""
_BUILT_IN = ("builtins", "struct", "_struct")

_rewritten: "dict[int, tuple[CodeType, CodeType]]" = {}
"""For the address of code: the code, kept alive so that the address stays valid, and its copy."""


def is_the_programs(error):
    """Whether an exception that came out of lines of ours was raised by the program.

    Our lines call no code of the program. So if the traceback has code of the program, a signal
    handler, another thread or a tracer has raised the exception here. If those are written in C,
    they leave no frame, but the exception itself decides: ours have built-in classes and a message.
    """
    if not isinstance(error, Exception) or passed_the_program(error):
        return True
    if isinstance(error, (MemoryError, RecursionError)):
        return False
    return (
        type(error).__module__ not in _BUILT_IN
        or not error.args
        or isinstance(error, (TimeoutError, InterruptedError))
    )


def raise_if_the_programs(error):
    """Raise an exception that is being handled again if it is the program's."""
    if is_the_programs(error):
        raise error


def passed_the_program(error):
    """Whether the traceback has code of the program, below the function that calls this."""
    trace = error.__traceback__
    while trace is not None and is_ours_or_pythons(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace is not None


def is_ours_or_pythons(file):
    """Whether code in this file is the probe's or the standard library's, and not the program's."""
    if file.startswith((OURS, "<frozen ")):
        return True
    return file.startswith(STDLIB) and not (
        # Python's own tests are programs.
        file.startswith(_TESTS) or any(part in file for part in INSTALLED)
    )


def unframe(error):
    """Remove our frames and our own errors from an exception that goes on to the program.

    Call this in a :func:`seamless` function, right before a bare ``raise``.
    """
    seen: "set[int]" = set()
    each = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        _remove_our_contexts(each)
        each.__traceback__ = _without_ours(each.__traceback__)
        each = each.__context__
    return type(error), error, error.__traceback__


def _remove_our_contexts(error):
    """Remove the errors during whose handling in lines of ours this exception was raised."""
    context = error.__context__
    while context is not None and _is_our_error(context):
        context = context.__context__
    if context is not error.__context__:
        error.__context__ = context


def _is_our_error(error):
    # Where an exception is handled, its traceback begins with the frame that handles it.
    trace = error.__traceback__
    return trace is not None and is_ours(trace) and not is_the_programs(error)


def _without_ours(trace):
    while trace is not None and is_ours(trace):
        trace = trace.tb_next
    at: "TracebackType | None" = trace
    while at is not None:
        following = at.tb_next
        while following is not None and is_ours(following):
            following = following.tb_next
        if following is not at.tb_next:
            at.tb_next = following
        at = following
    return trace


if sys.version_info >= (3, 11):

    def passed_call(error, arguments):
        """As below; from Python 3.11 on, no signal is handled between such a call and the next."""
        return False

else:

    def passed_call(error, arguments):
        """Whether the frame that caught this exception had made its call with so many arguments.

        Up to Python 3.10, a signal can be handled right after the call of a Python function.
        """
        from opcode import opmap

        trace = error.__traceback__
        code = trace.tb_frame.f_code.co_code
        call = bytes((opmap["CALL_FUNCTION"], arguments))
        places = (at for at in range(0, len(code), 2) if code.startswith(call, at))
        return trace.tb_lasti >= next(places, len(code))


def is_ours(trace):
    """Whether an entry of a traceback is of a function of ours."""
    return trace.tb_frame.f_code.co_filename.startswith(OURS)


def seamless(function):
    """Make a function leave no entry in the traceback of an exception that passes through it.

    The whole body has to be one ``try``, whose ``except BaseException as error`` ends with
    ``unframe(error)`` and ``raise``. Such a ``raise`` adds no entry for its function (``do_raise``
    in CPython's ``ceval.c``), and from Python 3.11 on it uses ``__traceback__``, which ``unframe``
    has changed. Three problems remain, for which the function's bytecode is rewritten here:

    - up to Python 3.10, the interpreter has a second copy of the traceback; so the ``raise``
      becomes the instruction that ends a ``finally`` block, with the values that ``unframe``
      returned;
    - up to Python 3.9, a signal can be handled between a step of an iterator and its storing; so a
      loop of the form ``for each in iterator: break`` has its own ``try``;
    - from Python 3.11 on, a signal can be handled at the first instruction, before the ``try``; so
      the ``try`` is extended to that instruction.
    """
    code = function.__code__
    known = _rewritten.get(id(code))
    if known is None:
        known = _rewritten[id(code)] = code, _rewrite(code)
    # Setting ``__code__`` would make Python 3.13 lose its specialization of calls.
    made = type(function)(
        known[1],
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    if function.__kwdefaults__:
        made.__kwdefaults__ = function.__kwdefaults__
    return made


def replaces(original):
    """Make a function seamless, and named like the original that it takes the place of."""
    from functools import wraps

    return lambda function: wraps(original)(seamless(function))


if sys.version_info >= (3, 11):

    def _rewrite(code):
        """Extend the first ``try`` to all before it; see ``exception_handling_notes.txt``."""
        table = code.co_exceptiontable
        start, at = _number_at(table, 0)
        length, at = _number_at(table, at)
        return code.replace(co_exceptiontable=b"\x80" + _as_number(start + length) + table[at:])

    def _number_at(table, at):
        """Read a number of an exception table, six bits in a byte; also the place of the next."""
        number = table[at] & 63
        while table[at] & 64:
            at += 1
            number = number << 6 | table[at] & 63
        return number, at + 1

    def _as_number(number):
        digits = [number & 63]
        while number >= 64:
            number >>= 6
            digits.append(number & 63 | 64)
        return bytes(reversed(digits))

else:

    def _rewrite(code):
        """Make the ``raise`` use what ``unframe`` returns, and each step of a loop be one step."""
        is_stepwise = sys.version_info < (3, 10) and any(
            code.co_code[at] == _OPCODES["FOR_ITER"] for at in range(0, len(code.co_code), 2)
        )
        if "unframe" not in code.co_names and not is_stepwise:
            return code
        instructions = bytearray(code.co_code)
        if "unframe" in code.co_names:
            from opcode import opmap

            _use_what_unframe_returns(instructions, code.co_names.index("unframe"), opmap)
        names = code.co_varnames + ("type", "value", "trace")
        constants = code.co_consts + (None,)
        for at in range(0, len(instructions) - 8 if is_stepwise else 0, 2):
            _store_at_once(instructions, at, len(names), len(constants))
        return code.replace(
            co_code=bytes(instructions),
            co_consts=constants,
            co_nlocals=len(names),
            co_stacksize=code.co_stacksize + 8,
            co_varnames=names,
        )

    def _use_what_unframe_returns(instructions, unframe, opmap):
        # LOAD_GLOBAL unframe; LOAD_FAST error; CALL_FUNCTION 1; POP_TOP; RAISE_VARARGS 0
        load = bytes((opmap["LOAD_GLOBAL"], unframe, opmap["LOAD_FAST"]))
        raised = bytes((opmap["CALL_FUNCTION"], 1, opmap["POP_TOP"], 0, opmap["RAISE_VARARGS"], 0))
        end_of_finally = opmap["RERAISE" if "RERAISE" in opmap else "END_FINALLY"]
        for at in range(0, len(instructions) - 8, 2):
            if instructions.startswith(load, at) and instructions.startswith(raised, at + 4):
                instructions[at + 6 : at + 10] = opmap["UNPACK_SEQUENCE"], 3, end_of_finally, 0

    def _store_at_once(instructions, at, names, constants):
        """Let no exception of a signal handler come between a step of an iterator and its storing.

        That is what ``for each in iterator: break`` is used for. Up to Python 3.9, a signal can be
        handled before the value is stored, unless the next instruction is SETUP_FINALLY. So a
        ``try`` is put around the storing, and its handler stores the value as well.
        """
        if (
            instructions[at] != _OPCODES["FOR_ITER"]
            or instructions[at + 2] != _OPCODES["STORE_FAST"]
        ):
            return
        # FOR_ITER; STORE_FAST; POP_TOP and a jump for the break; a jump back that is never taken
        end = at + 2 + instructions[at + 1]
        if end not in (at + 10, at + 12) or instructions[at + 4] != _OPCODES["POP_TOP"]:
            return
        way = len(instructions) - (at + 4)
        if way > 255:
            return
        target = instructions[at + 3]
        block = ("SETUP_FINALLY", way, "STORE_FAST", target, "POP_BLOCK", 0, "POP_TOP", 0, "NOP", 0)
        instructions[at + 2 : end] = _assemble(block)[: end - at - 2]
        last, value, trace = range(names - 3, names)
        # The value is below the three of the exception before this one, which ROT_FOUR moves. All
        # but the last of these instructions are followed by the next without a look at signals.
        handler: "tuple[str | int, ...]" = (
            "STORE_FAST",
            last,
            "STORE_FAST",
            value,
            "STORE_FAST",
            trace,
        )
        handler += ("ROT_FOUR", 0) * 3 + ("DUP_TOP", 0, "STORE_FAST", target, "ROT_FOUR", 0)
        handler += ("LOAD_FAST", trace, "LOAD_FAST", value, "LOAD_FAST", last)
        for name in (last, value, trace):
            handler += ("LOAD_CONST", constants - 1, "STORE_FAST", name)
        handler += ("RERAISE" if sys.version_info >= (3, 9) else "END_FINALLY", 0)
        instructions += _assemble(handler)

    def _assemble(words):
        return bytes(_OPCODES[word] if isinstance(word, str) else word for word in words)
