"""The name of an object is the variable it was assigned to, as far as a line can tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mpviz.trace.events import Site
from mpviz.trace.names import name_from_line, name_object, name_pair, pair_from_line
from mpviz.trace.state import RunState


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("lock = Lock()", ["lock"]),
        ("    lock = multiprocessing.Lock()  # one for all", ["lock"]),
        ("lock: Lock = ctx.Lock()", ["lock"]),
        ("self.lock = Lock()", ["lock"]),
        ("self.a.b = Queue(2)", ["b"]),
        ("left, right = Lock(), Lock()", ["left", "right"]),
        ("(left, [middle, right]) = make()", ["left", "middle", "right"]),
        ("first = second = Lock()", ["first"]),
        ("locks = [Lock() for _ in range(3)]", ["locks[0]", "locks[1]", "locks[2]"]),
        ("by_name = {n: Lock() for n in names}", ["by_name[0]", "by_name[1]"]),
        ("locks = [Lock(), Lock()]", ["locks[0]", "locks[1]"]),
        ("locks = {'a': Lock()}", ["locks[0]"]),
        ("locks = tuple(Lock() for _ in range(2))", ["locks[0]", "locks[1]"]),
        ("locks: list[Lock] = [", ["locks[0]", "locks[1]"]),
        ("numbers = Array('i', [1, 2, 3])", ["numbers"]),
        ("numbers = Array('i', [0 for _ in range(3)])", ["numbers"]),
        ("queue = Queue(sizes['small'])", ["queue"]),
        ("locks['a'] = Lock()", ["locks['a']"]),
        ("queue = Queue(", ["queue"]),
        ("self.queue = Queue(maxsize=(", ["queue"]),
        ("with Pool(4) as pool:", ["pool"]),
        ("with Pool(4) as pool, open(name) as file:", ["pool"]),
        ("async with Pool(4) as self.left, Pool(2) as self.right:", ["left", "right"]),
        ("for each in made(as_it, comes):", [""]),
        ("a, b = Lock(", ["a", "b"]),
        ("lock == Lock()", [""]),
        ("return Lock()", [""]),
        ("Process(target=work, args=(Queue(),))", [""]),
        ("run(lock=Lock())", [""]),
        ("", [""]),
    ],
)
def test_a_line_names_what_it_creates(line: str, names: list[str]) -> None:
    assert [name_from_line(line, order) for order in range(len(names))] == names


def test_what_one_line_creates_again_and_again_is_told_apart() -> None:
    assert name_from_line("lock = Lock()", 1) == "lock[1]"
    assert [name_from_line("a, b = make()", order) for order in range(4)] == [
        "a",
        "b",
        "a[1]",
        "b[1]",
    ]


@given(some.text(max_size=60), some.integers(0, 5))
def test_no_line_is_too_strange(line: str, order: int) -> None:
    assert isinstance(name_from_line(line, order), str)


@pytest.mark.parametrize(
    "line",
    ["(" * 5000, "-" * 50_000 + "1", "x = " + "[" * 3000, "a" * 100_000 + " = Lock()", "x\0 = 1"],
)
def test_no_line_is_too_deep_or_too_long(line: str) -> None:
    assert isinstance(name_from_line(line, 0), str)


def test_without_a_name_the_place_has_to_do() -> None:
    state = RunState()
    state.sites[7] = Site(
        time=0, pid=1, site=7, file="/a/b/program.py", line=12, function="f", code="return Lock()"
    )
    names = [name_object(state, 7, "Lock"), name_object(state, 7, "Lock")]
    assert names == ["Lock at program.py:12", "Lock at program.py:12 #2"]
    assert name_object(state, 0, "Queue") == "Queue 1"
    assert name_object(state, 0, "Queue") == "Queue 2"


@pytest.mark.parametrize(
    ("line", "pairs"),
    [
        ("parent, child = Pipe()", [("parent", "child"), ("parent[1]", "child[1]")]),
        ("self.parent, (child) = mp.Pipe(False)", [("parent", "child")]),
        ("(a, b), (c, d) = Pipe(), Pipe()", [("a", "b"), ("c", "d"), ("a[1]", "b[1]")]),
        ("reader, writer = mp.Pipe(", [("reader", "writer")]),
        ("left, right = Pipe(), Pipe()", [None]),
        ("pipes = [Pipe() for _ in range(2)]", [None]),
        ("pipe = Pipe()", [None]),
        ("use(Pipe())", [None]),
        ("", [None]),
    ],
)
def test_the_two_of_a_pair_have_a_name_each(line: str, pairs: list[tuple[str, str] | None]) -> None:
    assert [pair_from_line(line, order) for order in range(len(pairs))] == pairs


def test_a_pair_without_names_of_its_own_is_named_as_one() -> None:
    state = RunState()
    lines = {1: "a, b = Pipe()", 2: "pipes = [Pipe() for _ in range(2)]"}
    for site, code in lines.items():
        common = {"time": 0, "pid": 1, "file": "a.py", "line": 3, "function": "f"}
        state.sites[site] = Site(site=site, code=code, **common)
    named = [name_pair(state, site, "Pipe") for site in (1, 2, 2, 3)]
    assert named == [
        ("a/b", "a", "b"),
        ("pipes[0]", "", ""),
        ("pipes[1]", "", ""),
        ("Pipe 1", "", ""),
    ]
