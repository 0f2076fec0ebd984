"""The name of an object is the variable it was assigned to, as far as a line can tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mpviz.trace.model.events import Site
from mpviz.trace.model.names import class_of, name_from_line, name_object, name_pair, pair_from_line
from mpviz.trace.model.state import RunState


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("lock = Lock()", ["lock"]),
        ("    lock = multiprocessing.Lock()  # one for all", ["lock"]),
        ("lock: Lock = ctx.Lock()", ["lock"]),
        ("self.lock = Lock()", ["self.lock", "self.lock #2"]),
        ("self.a.b = Queue(2)", ["self.a.b"]),
        ("left, right = Lock(), Lock()", ["left", "right"]),
        ("(left, [middle, right]) = make()", ["left", "middle", "right"]),
        ("first = second = Lock()", ["first"]),
        ("locks = [Lock() for _ in range(3)]", ["locks[0]", "locks[1]", "locks[2]"]),
        ("by_name = {n: Lock() for n in names}", ["by_name #1", "by_name #2"]),
        ("locks = [Lock(), Lock()]", ["locks[0]", "locks[1]"]),
        ("locks = {'a': Lock(), 'b': Lock()}", ["locks['a']", "locks['b']", "locks['a'] #2"]),
        ("locks = tuple(Lock() for _ in range(2))", ["locks[0]", "locks[1]"]),
        ("locks: list[Lock] = [", ["locks[0]", "locks[1]"]),
        ("numbers = Array('i', [1, 2, 3])", ["numbers"]),
        ("numbers = Array('i', [0 for _ in range(3)])", ["numbers"]),
        ("queue = Queue(sizes['small'])", ["queue"]),
        ("locks['a'] = Lock()", ["locks['a']"]),
        ("queue = Queue(", ["queue"]),
        ("self.queue = Queue(maxsize=(", ["self.queue"]),
        ("with Pool(4) as pool:", ["pool"]),
        ("with Pool(4) as pool, open(name) as file:", ["pool"]),
        ("async with Pool(4) as self.left, Pool(2) as self.right:", ["self.left", "self.right"]),
        ("for each in made(as_it, comes):", [""]),
        ("a, b = Lock(", ["a", "b"]),
        ("a, (b, c) = Lock(), (Lock(), Lock())", ["a", "b", "c", "a #2"]),
        ("first, *others = Lock(), Lock()", [""]),
        ("pairs = [(Lock(), Lock()) for _ in range(2)]", ["pairs[0][0]", "pairs[0][1]"]),
        ("left, queue = Lock(), Queue()", ["left"]),
        ("if (lock := Lock()):", ["lock"]),
        ("def work(queue, *, lock=Lock()):", ["lock"]),
        ("def work(queue, lock=Lock(), times=1):", ["lock"]),
        ("lock: Lock = field(default_factory=lambda: Lock())", ["lock"]),
        ("locks.append(Lock())", ["locks #1", "locks #2"]),
        ("queue = closing(Queue())", ["queue"]),
        ("lock = given or Lock()", ["lock"]),
        ("child = Process(target=work, args=(Lock(),))", ["child"]),
        ("proxy = Manager().dict()", ["proxy"]),
        ("locks = Lock", [""]),
        ("lock == Lock()", [""]),
        ("return Lock()", [""]),
        ("Process(target=work, args=(Queue(),))", [""]),
        ("run(lock=Lock())", ["lock"]),
        ("", [""]),
    ],
)
def test_a_line_names_what_it_creates(line: str, names: list[str]) -> None:
    assert [name_from_line(line, order) for order in range(len(names))] == names


def test_what_one_line_creates_again_and_again_is_told_apart() -> None:
    assert name_from_line("lock = Lock()", 1) == "lock #2"
    assert [name_from_line("a, b = make()", order) for order in range(4)] == [
        "a",
        "b",
        "a #2",
        "b #2",
    ]


@pytest.mark.parametrize(
    ("line", "call", "name"),
    [
        ("child = Process(target=work, args=(Lock(),))", "Lock()", ""),
        ("proxy = Manager().dict()", "Manager()", ""),
        ("left, right = Lock(), Lock()", "Lock()", "left"),
        ("größe, lock = Lock(), RLock()", "RLock()", "lock"),
        ("made = [make(Lock()), made]", "Lock()", "made[0]"),
        ("locks.append(Lock())", "locks.append(Lock())", ""),
    ],
)
def test_if_the_extent_of_a_call_is_known_its_name_is_certain(
    line: str, call: str, name: str
) -> None:
    start = line.index(call)
    assert name_from_line(line, 0, extent=(start, start + len(call))) == name


def test_before_python_3_11_the_kind_tells_the_calls_in_a_line_apart() -> None:
    line = "with Pool(2) as pool, ProcessPoolExecutor(2) as executor:"
    assert name_from_line(line, 0, "ProcessPoolExecutor", (0, len(line))) == "executor"
    line = "table = { 'lock': Lock(), 'other': Lock() }"
    middle = line.index("'other'")
    assert name_from_line(line, 0, "Lock", (middle, 1 << 16)) == "table['other']"


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("Account.__init__", "Account.lock"),
        ("Bank.Account.open", "Account.lock"),
        ("main.<locals>.Account.__init__", "Account.lock"),
        ("Account.__init__.<locals>.<lambda>", "Account.lock"),
        ("main.<locals>.make", "self.lock"),
        ("make", "self.lock"),
    ],
)
def test_an_attribute_is_named_by_its_object_s_class(function: str, name: str) -> None:
    assert name_from_line("self.lock = Lock()", 0, owner=class_of(function)) == name


def test_what_a_generated_constructor_fills_is_named_by_what_it_constructs() -> None:
    state = RunState()
    common = {"time": 0, "pid": 1, "file": "a.py", "line": 3, "function": "f", "attribute": "lock"}
    state.sites[1] = Site(site=1, code="book = Book()", **common)
    state.sites[2] = Site(site=2, code="use(Book())", **common)
    names = [name_object(state, site, "Lock") for site in (1, 1, 2, 2)]
    assert names == ["book.lock", "book #2.lock", "lock", "lock #2"]


@given(
    some.one_of(
        some.text(max_size=60), some.from_regex(r"[a-c.=,()\[\]{}: ]{0,30}", fullmatch=True)
    ),
    some.integers(0, 5),
    some.tuples(some.integers(-9, 99), some.integers(-9, 99)),
)
def test_no_line_is_too_strange(line: str, order: int, extent: tuple[int, int]) -> None:
    assert isinstance(name_from_line(line, order, "c", extent), str)
    assert len(pair_from_line(line, order, "c", extent) or "ab") == 2


@pytest.mark.parametrize(
    "line",
    [
        ".".join("a" * 2000) + " = Lock()",
        "x" + "[0]" * 1300 + " = Lock()",
        "x = " + "lambda: " * 700 + "Lock()",
        "x = " + "a if b else " * 900 + "Lock()",
        "x = " + "[1, " * 180 + "Lock()" + "]" * 180,
        "(" * 5000,
        "-" * 50_000 + "1",
        "x = " + "[" * 3000,
        "a" * 100_000 + " = Lock()",
        "x\0 = 1",
    ],
)
def test_no_line_is_too_deep_or_too_long(line: str) -> None:
    assert isinstance(name_from_line(line, 0), str)
    assert pair_from_line(line, 0) is None


def test_without_a_name_the_place_has_to_do() -> None:
    state = RunState()
    state.sites[7] = Site(
        time=0, pid=1, site=7, file="/a/b/program.py", line=12, function="f", code="return Lock()"
    )
    names = [name_object(state, 7, "Lock"), name_object(state, 7, "Lock")]
    assert names == ["program.py:12", "program.py:12 #2"]
    assert name_object(state, 0, "Queue") == "Queue 1"
    assert name_object(state, 0, "Queue") == "Queue 2"


@pytest.mark.parametrize(
    ("line", "pairs"),
    [
        ("parent, child = Pipe()", [("parent", "child"), ("parent #2", "child #2")]),
        ("self.parent, (child) = mp.Pipe(False)", [("self.parent", "child")]),
        ("(a, b), (c, d) = Pipe(), Pipe()", [("a", "b"), ("c", "d"), ("a #2", "b #2")]),
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
