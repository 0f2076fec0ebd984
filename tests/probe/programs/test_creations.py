"""What a real program calls its objects, and the lines it waits at, on every Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.runs import RunProgram, run_to_end, whole
from mpviz.trace.explain.report import document
from mpviz.trace.launch.start import Target, start
from mpviz.trace.model.primitives.lock import LockAcquired
from mpviz.trace.model.state import RunState
from mpviz.trace.model.wait_kinds import wait_in_words

BANK = '''
"""A module of the program that makes objects for others."""
import multiprocessing as mp
from dataclasses import dataclass, field


class Account:
    def __init__(self):
        self.lock = mp.Lock()  # (one for each
        self.balance = mp.Value(
            "i",  # an int
            0,
        )
        self.jobs = [
            mp.Queue()
            for _ in range(2)
        ]


@dataclass
class Book:
    guard: object = field(default_factory=mp.Lock)
    pages: object = field(default_factory=lambda: mp.Queue(4))


def make_lock():
    return mp.Lock()


def take(lock, event=mp.Event()):
    with lock:
        return event
'''

LONG = "k" * 100

MAKING = """
import multiprocessing as mp, sys
sys.path.insert(0, sys.argv[1])
from concurrent.futures import ProcessPoolExecutor
from bank import Account, Book, make_lock, take

def main():
    accounts = [Account() for _ in range(2)]
    book = Book()
    made = [make_lock(), make_lock()]
    left, right = mp.Lock(), mp.RLock()
    plain = {name: mp.Lock() for name in "ab"}
    table = {"größe": mp.Lock(), "second": mp.Lock(),
             "third": mp.Semaphore(2)}
    wide = {
        "KEY one": mp.Lock(),
        "KEY two": mp.Lock(),
        "KEY three": mp.Lock(),
    }
    for name in "xy":
        table[name] = mp.Lock()
    listed = [
        mp.Lock(),
        mp.Lock(),
    ]
    appended = []
    for _ in range(2):
        appended.append(mp.Lock())
    if (walrus := mp.Lock()):
        take(lock=mp.Lock())
    backslash = \\
        mp.Lock()
    parent, child = mp.Pipe()
    with mp.Pool(1) as pool, ProcessPoolExecutor(1) as executor:
        executor.submit(abs, 1).result()
    proxy = mp.Manager().dict()
"""


def test_objects_have_the_names_that_the_program_gives_them(
    run_on_each_python: RunProgram, tmp_path: Path
) -> None:
    (tmp_path / "bank.py").write_text(BANK, encoding="utf-8")
    # Under the other start methods, workers import the program again, with all that this creates.
    run = run_on_each_python(MAKING.replace("KEY", LONG), str(tmp_path), start_method="fork")
    run.assert_nothing_was_missed()
    names = {
        section: [entry["name"] for entry in run.document[section]]
        for section in ("locks", "queues", "values", "events", "pipes", "pools")
    }
    assert names == {
        "locks": [
            "Account.lock",
            "Account.lock #2",
            "book.guard",
            "bank.py:27",
            "bank.py:27 #2",
            "left",
            "right",
            "plain #1",
            "plain #2",
            "table['größe']",
            "table['second']",
            "table['third']",
            *(f"wide['{LONG} {number}']" for number in ("one", "two", "three")),
            "table[name]",
            "table[name] #2",
            "listed[0]",
            "listed[1]",
            "appended #1",
            "appended #2",
            "walrus",
            "lock",
            "backslash",
        ],
        "queues": [
            *("Account.jobs[0]", "Account.jobs[1]", "Account.jobs[2]", "Account.jobs[3]"),
            "pages",
        ],
        "values": ["Account.balance", "Account.balance #2"],
        "events": ["event"],
        "pipes": ["parent/child"],
        "pools": ["pool", "executor"],
    }


LIBRARY = """
def run(function, *arguments):
    return function(*arguments)

def wait(event):
    event.wait()

class Guarded:
    def __init__(self, make):
        self.lock = make()
"""

HELPERS = """
from contextlib import contextmanager

@contextmanager
def holding(lock):
    lock.acquire()
    yield
    lock.release()
"""

WAITING = """
import contextlib, multiprocessing as mp, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/lib/site-packages"]
import library
from helpers import holding

def in_helper(lock, event):
    with holding(lock):
        pass

def in_library(lock, event):
    library.wait(event)

def back_from_library(lock, event):
    library.run(event.wait)

def in_standard_library(lock, event):
    with contextlib.ExitStack() as stack:
        stack.enter_context(lock)

def main():
    guarded = library.Guarded(mp.Lock)
    lock, event = mp.Lock(), mp.Event()
    lock.acquire()
    functions = (in_helper, in_library, back_from_library, in_standard_library)
    for function in functions:
        mp.Process(target=function, args=(lock, event), name=function.__name__).start()
    for child in mp.active_children():
        child.join()
"""


def test_a_wait_is_at_the_line_of_the_program_that_led_to_it(python: str, tmp_path: Path) -> None:
    packages = tmp_path / "lib/site-packages"
    packages.mkdir(parents=True)
    (packages / "library.py").write_text(LIBRARY)
    (tmp_path / "helpers.py").write_text(HELPERS)
    (tmp_path / "waiting.py").write_text(whole(WAITING))
    target = Target([str(tmp_path / "waiting.py"), str(tmp_path)], "waiting", python=python)
    session = start(target, capture=True)
    try:
        run_to_end(session, lambda state: len(waits(state)) == 5)
        found = waits(session.state)
        session.stop()
        run_to_end(session)
    finally:
        session.close()
    program = WAITING.splitlines()
    lines = {
        name: [number for number, text in enumerate(program, 1) if text.strip() == code]
        for name, code in (
            ("in_library", "library.wait(event)"),
            ("back_from_library", "library.run(event.wait)"),
            ("in_standard_library", "stack.enter_context(lock)"),
            ("MainProcess", "child.join()"),
        )
    }
    assert found == {
        "in_helper": ("lock, held by MainProcess", "helpers.py:6"),
        **{name: (found[name][0], f"waiting.py:{line}") for name, (line,) in lines.items()},
    }
    written = {each["name"]: each["wait"] for each in document(session.state)["processes"]}
    wait = written["in_helper"]
    assert (wait["what"], wait["file"], wait["line"]) == ("lock", str(tmp_path / "helpers.py"), 6)
    assert {name for name, wait in written.items() if wait} == set(found)


TAKING = """
import multiprocessing as mp, sys
sys.path[:0] = [sys.argv[1] + "/lib/site-packages"]
import library

def main():
    lock = library.run(mp.Lock)
    for _ in range(3):
        library.run(lock.acquire)
        lock.release()
"""


@pytest.mark.parametrize(
    ("folder", "place"),
    [("", "taking.py:9"), ("lib/site-packages", "library.py:3")],
    ids=["own", "installed"],
)
def test_what_a_library_does_is_at_the_line_of_the_program_if_that_has_any(
    tmp_path: Path, folder: str, place: str
) -> None:
    packages = tmp_path / "lib/site-packages"
    packages.mkdir(parents=True)
    (packages / "library.py").write_text(LIBRARY)
    program = tmp_path / folder / "taking.py"
    program.write_text(whole(TAKING))
    session = start(Target([str(program), str(tmp_path)], "taking"), capture=True)
    try:
        run_to_end(session)
    finally:
        session.close()
    state = session.state
    taken = [event for event in state.recent if isinstance(event, LockAcquired)]
    assert [state.place(event.site) for event in taken] == [place] * 3


FUNCTIONS = """
import multiprocessing as mp
from functools import partial

class Task:
    def __call__(self): pass
    def method(self): pass
    @staticmethod
    def static(): pass

def plain(*numbers): pass

def main():
    def nested(): pass
    targets = [plain, partial(plain, 1), partial(partial(plain, 1), 2), Task(), Task().method,
               Task.static, nested, lambda: None, print]
    for target in targets:
        child = mp.Process(target=target)
        child.start()
        child.join()
"""


def test_a_function_has_its_name_however_it_is_handed_over(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(FUNCTIONS, start_method="fork")
    run.assert_nothing_was_missed()
    assert [process.function for process in list(run.state.processes.values())[1:]] == [
        *("plain", "plain", "plain", "Task", "Task.method", "Task.static"),
        *("nested", "lambda at program.py:16", "print"),
    ]


WRAPPERS_OF_A_LIBRARY = """
from functools import update_wrapper

def star(function):
    return lambda arguments: function(*arguments)

def counted(function, queue, *arguments):
    return function(*arguments)

def alone(queue):
    pass

class Wrapper:
    def __init__(self, function):
        update_wrapper(self, function)
    def __call__(self):
        pass

class Work:
    def __init__(self, work_function, callback):
        self.work_function = work_function
        self.callback = callback
    def __call__(self):
        pass

class Slots:
    __slots__ = ("_func", "callback")
    def __init__(self, function, callback):
        self._func, self.callback = function, callback
    def __call__(self):
        pass

class Model:
    def __init__(self, activation):
        self.activation = activation
    def fit(self):
        pass
    def __call__(self):
        pass
"""

WRAPPING = """
import multiprocessing as mp, sys
from functools import lru_cache, partial, wraps
sys.path[:0] = [sys.argv[1] + "/lib/site-packages"]
import library

def plain(*numbers): pass
def other(*numbers): pass

def with_wraps(function):
    @wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

def without_wraps(function):
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

def of_two(function, then):
    def both(*args):
        return then(function(*args))
    return both

def of_itself():
    def again(*args):
        return again() if args else None
    return again

class Lazy:
    "Ends the program when anything of it is asked for, or it is asked for its class."
    def __init__(self): object.__setattr__(self, "ended", False)
    def __getattr__(self, name): sys.exit(name)
    def __getattribute__(self, name): sys.exit(name)
    __class__ = property(lambda self: sys.exit("its class"))
    __wrapped__ = property(lambda self: sys.exit("what it wraps"))
    __dict__ = property(lambda self: sys.exit("its dict"))
    def __call__(self): pass

def main():
    targets = [
        with_wraps(plain), with_wraps(with_wraps(plain)), without_wraps(plain), lru_cache(plain),
        of_two(plain, other), of_itself(), partial(with_wraps(plain), 1), Lazy(),
        library.star(plain), library.star(partial(plain, 1)), library.star(abs),
        library.star(with_wraps(plain)), partial(library.counted, plain, None),
        library.Wrapper(plain), library.Work(plain, other), library.Slots(plain, other),
        library.Model(plain), library.Model(plain).fit, library.alone, library.star(Lazy()),
        str.upper,
    ]
    fork = mp.get_context("fork")
    children = [fork.Process(target=target) for target in targets]
    children.append(fork.Process(target=library.counted, args=(plain, None)))
    children.append(fork.Process(target=library.counted, args=(Lazy(), None)))
    for child in children:
        child.start()
        child.join()
    with fork.Pool(1) as pool:
        for target in (plain, library.counted):
            try:
                pool.apply(target, (plain, 1))
            except Exception:
                pass
"""


def test_a_wrapper_has_the_name_of_the_function_that_it_calls(
    run_on_each_python: RunProgram, tmp_path: Path
) -> None:
    packages = tmp_path / "lib/site-packages"
    packages.mkdir(parents=True)
    (packages / "library.py").write_text(WRAPPERS_OF_A_LIBRARY)
    run = run_on_each_python(WRAPPING, str(tmp_path))
    run.assert_nothing_was_missed()
    children = list(run.state.processes.values())[1:]
    # The last one is the pool's worker, whose target is not a function of the program.
    assert [process.function for process in children] == [
        *("plain", "plain", "plain", "plain", "both", "again", "plain", "Lazy"),
        *("plain", "plain", "abs", "plain", "plain", "plain", "plain", "plain"),
        *("Model", "Model.fit", "alone", "Lazy", "str.upper", "plain", "counted", ""),
    ]
    assert [task["function"] for task in run.document["tasks"]] == ["plain", "plain"]


POOLS_OF_A_LIBRARY = """
from concurrent.futures import ProcessPoolExecutor
from functools import wraps
from multiprocessing import Pool

def every(function, items):
    with ProcessPoolExecutor(1) as inner:
        return list(inner.map(function, items))

def configured(function):
    @wraps(function)
    def wrapper(thing, *args, **kwargs):
        return function(thing, *args, **kwargs)
    return wrapper

class Crew:
    def __init__(self):
        self.inner = Pool(1)
    def map(self, function, items):
        return self.inner.map(function, items)
    def end(self):
        self.inner.terminate()
        self.inner.join()

class Search:
    @configured
    def fit(self, function):
        return every(function, range(2))
    def __call__(self, function):
        return self.fit(function)

def callback(make):
    return make()
"""

MAKING_POOLS = """
import sys
from multiprocessing import Pool
sys.path[:0] = [sys.argv[1] + "/lib/site-packages"]
from library import Crew, Search, callback, every

def work(number):
    return number

def make():
    own = Pool(1)
    return own

def main():
    every(work, range(3))
    crew = Crew()
    crew.map(work, range(2))
    crew.end()
    Search().fit(work)
    for _ in range(2):
        Search()(work)
    pool = callback(make)
    pool.terminate()
    pool.join()
"""


def test_a_pool_that_a_library_makes_is_named_by_what_the_program_has_called(
    run_on_each_python: RunProgram, tmp_path: Path
) -> None:
    packages = tmp_path / "lib/site-packages"
    packages.mkdir(parents=True)
    (packages / "library.py").write_text(POOLS_OF_A_LIBRARY)
    run = run_on_each_python(MAKING_POOLS, str(tmp_path))
    run.assert_nothing_was_missed()
    assert [pool["name"] for pool in run.document["pools"]] == [
        "every at program.py:15",
        "crew",
        "fit at program.py:19",
        "Search at program.py:21",
        "Search at program.py:21 #2",
        "own",
    ]


def waits(state: RunState) -> dict[str, tuple[str, str]]:
    """By process: what it waits for, and where."""
    return {
        process.name: (wait_in_words(state, process.wait), state.place(process.wait.site))
        for process in state.processes.values()
        if process.wait
    }


UNUSUAL = """
import multiprocessing as mp

class Name(str):
    def isascii(self):
        raise ValueError("the program's own")

    __getitem__ = isascii

def work():
    pass

if __name__ == "__main__":
    for name in (7, b"seven", ("seven",), Name("seven")):
        process = mp.Process(target=work, name=name)
        process.start()
        process.join()
"""


def test_a_process_may_have_anything_as_its_name(run_on_each_python: RunProgram) -> None:
    run = run_on_each_python(UNUSUAL, start_method="fork")
    run.assert_nothing_was_missed()
    names = [process["name"] for process in run.document["processes"][1:]]
    assert names == ["7", "b'seven'", "<tuple>", "seven"]
