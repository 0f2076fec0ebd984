"""Names for objects: the variable that they are assigned to, or the place of their creation."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import lru_cache

from mpviz.trace.model.events import Site
from mpviz.trace.model.state import MOST_SITES, RunState

_WITH = re.compile(r"\s*(?:async\s+)?with\b")
_AS = re.compile(r"\bas\s+([\w.]+)\s*[,:)]")
_ASSIGNED = re.compile(r"^\s*([\w.]+(?:\s*,\s*[\w.]+)*)\s*(?::[^=]+)?=(?!=)")
_SELF = re.compile(r"(?:self|cls)\.")

_FACTORIES = ("default", "default_factory", "factory")
"""Keywords whose argument becomes what the call is assigned to, as for dataclass fields."""
_BAGS = ("args", "kwargs", "initargs", "kwds")
"""Keywords that say nothing about the objects in their argument."""

_INDEX, _COUNT = "\0", "\1"
"""Stand in a name for the number of objects made there, counted from 0 and from 1."""

_DEEPEST = 100
"""Maximum depth of nesting: nobody writes deeper code by hand."""

_ANYWHERE = (0, 1 << 16)


def name_object(state: RunState, site: int, kind: str) -> str:
    """Name an object of this kind that was just created at this site; each call counts one more."""
    order = _count(state, site, kind)
    place = state.sites.get(site)
    if place is None:
        return f"{kind} {order + 1}"
    name = name_from_line(place.code, order, kind, _extent(place), class_of(place.function))
    if place.attribute:
        return f"{name}.{place.attribute}" if name else _again(place.attribute, order)
    return name or _again(state.place(site), order)


def name_by_place(state: RunState, site: int, kind: str) -> str:
    """Name an object by its kind and the place of its creation, as its line has no name for it."""
    order = _count(state, site, kind)
    if site not in state.sites:
        return f"{kind} {order + 1}"
    return _again(f"{kind} at {state.place(site)}", order)


def name_pair(state: RunState, site: int, kind: str) -> tuple[str, str, str]:
    """Name a pair of objects, such as a pipe: the name of the pair, then those of the two."""
    order = state.created_at.get((site, kind), 0)
    place = state.sites.get(site)
    pair = pair_from_line(place.code, order, kind, _extent(place)) if place is not None else None
    if pair is None:
        return name_object(state, site, kind), "", ""
    _count(state, site, kind)
    return "/".join(pair), *pair


def _count(state: RunState, site: int, kind: str) -> int:
    """Count an object of this kind at this site; return how many it has created before.

    A site that was not told, or not kept, counts as site 0.
    """
    place = (site if site in state.sites else 0), kind
    order = state.created_at.get(place, 0)
    if order or len(state.created_at) < MOST_SITES:
        state.created_at[place] = order + 1
    return order


def _extent(place: Site) -> tuple[int, int]:
    return (place.start, place.end) if place.end else _ANYWHERE


def class_of(function: str) -> str:
    """The class of a method, by the qualified name of the function; empty for other functions.

    >>> class_of("Account.__init__"), class_of("main"), class_of("main.<locals>.work")
    ('Account', '', '')
    >>> class_of("Account.__init__.<locals>.<listcomp>")
    'Account'
    """
    while function.endswith(">"):
        function = function.rpartition(".")[0].removesuffix(".<locals>")
    name = function.rpartition(".")[0].rpartition(".")[2]
    return "" if name == "<locals>" else name


def pair_from_line(
    line: str, order: int, kind: str = "", extent: tuple[int, int] = _ANYWHERE
) -> tuple[str, str] | None:
    """The names that a line gives to the two of its ``order``-th pair; None if it names none.

    >>> pair_from_line("parent, child = Pipe()", 0), pair_from_line("a, b = Pipe()", 1)
    (('parent', 'child'), ('a #2', 'b #2'))
    >>> pair_from_line("left, right = Pipe(), Pipe()", 0) is None
    True
    """
    statement = _parsed(line)
    if statement is None:
        names, is_display = _at_first_sight(line)
        pairs = [names] if len(names) == 2 and not is_display else []
    else:
        targets = [statement.target_of(call) for call in statement.calls(kind, extent)]
        named = [statement.names_of(target) for target in targets if target is not None]
        pairs = [names for names in named if len(names) == 2]
    if not pairs:
        return None
    turn, place = divmod(order, len(pairs))
    first, second = pairs[place]
    return _again(first, turn), _again(second, turn)


def name_from_line(
    line: str,
    order: int,
    kind: str = "",
    extent: tuple[int, int] = _ANYWHERE,
    owner: str = "",
) -> str:
    """The name that a line gives to the object it creates as its ``order``-th; empty if none.

    ``extent`` says where in the line the call is that creates it, as far as that is known;
    ``kind`` what it creates; ``owner`` of which class the line is a part.

    >>> name_from_line("lock = Lock()", 0), name_from_line("left, right = Lock(), Lock()", 1)
    ('lock', 'right')
    >>> name_from_line("locks = [Lock() for _ in range(3)]", 2)
    'locks[2]'
    >>> name_from_line("self.lock = Lock()", 1, owner="Account")
    'Account.lock #2'
    """
    statement = _parsed(line)
    if statement is None:
        names, is_display = _at_first_sight(line)
        names = [f"{names[0]}[{_INDEX}]"] if is_display else names
    else:
        names = statement.all_names(statement.calls(kind, extent))
    if not names:
        return ""
    turn, place = divmod(order, len(names))
    name = _SELF.sub(f"{owner}.", names[place], count=1) if owner else names[place]
    if _INDEX in name or _COUNT in name:
        return name.replace(_INDEX, str(turn)).replace(_COUNT, str(turn + 1))
    return _again(name, turn)


def _again(name: str, order: int) -> str:
    """Number the objects that are made again at one place."""
    return f"{name} #{order + 1}" if order else name


def _at_first_sight(line: str) -> tuple[list[str], bool]:
    """The names in an incomplete statement, and whether one name stands for a collection."""
    match = _ASSIGNED.match(line)
    names = match[1].split(",") if match else _AS.findall(line) if _WITH.match(line) else []
    is_display = match is not None and line[match.end() :].lstrip().startswith(("[", "{"))
    return [name.strip() for name in names], is_display


@lru_cache(maxsize=256)
def _parsed(line: str) -> _Statement | None:
    """The statement in a line; None if it is incomplete, or no Python."""
    text = line.strip()
    if text.startswith("@"):
        text += "\ndef decorated(): pass"
    elif text.endswith(":"):
        text += " pass"
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    parents: dict[ast.AST, ast.AST] = {}
    depths: dict[ast.AST, int] = dict.fromkeys(statements, 0)
    # The walk yields each node before its children.
    for node in (node for statement in statements for node in ast.walk(statement)):
        for child in ast.iter_child_nodes(node):
            parents[child], depths[child] = node, depths[node] + 1
    if max(depths.values(), default=0) > _DEEPEST:
        return None
    return _Statement(text, parents)


@dataclass(frozen=True, eq=False)
class _Statement:
    """A statement that creates objects: which of its calls becomes what."""

    text: str
    parents: dict[ast.AST, ast.AST]

    def calls(self, kind: str, extent: tuple[int, int]) -> list[ast.Call]:
        """The calls that may have created an object of this kind, in the order of evaluation."""
        start, end = map(self._octets, extent)
        found = [node for node in self.parents if isinstance(node, ast.Call)]
        found = [call for call in found if call.lineno == 1 and start <= call.col_offset < end]
        found.sort(key=lambda call: call.end_col_offset or 0)
        exact = [call for call in found if (call.col_offset, call.end_col_offset) == (start, end)]
        of_kind = [call for call in found if kind and _last_name(call.func) == kind]
        return exact or of_kind or found

    def _octets(self, characters: int) -> int:
        """A place in the text as the parser counts it."""
        is_inside = characters <= len(self.text)
        return len(self.text[:characters].encode()) if is_inside else characters

    def all_names(self, calls: list[ast.Call]) -> list[str]:
        """What these calls become; a call that wraps another one of them does not count."""
        named: list[tuple[ast.Call, list[str]]] = []
        for call in calls:
            names = self.names(call)
            if names and not any(inner in ast.walk(call) for inner, _ in named):
                named.append((call, names))
        return [name for _, names in named for name in names]

    def names(self, node: ast.AST) -> list[str]:
        """The names of what this expression becomes: several if it is unpacked."""
        target = self.target_of(node)
        return self._names_as_part(node) if target is None else self.names_of(target)

    def _names_as_part(self, node: ast.AST) -> list[str]:
        parent = self.parents.get(node)
        place = _place_in(parent, node)
        if place:
            names = self.names(parent) if parent is not None else []
            return [names[0] + place] if len(names) == 1 else []
        match parent:
            case ast.keyword():
                return self._names_by_keyword(parent)
            case ast.Call() if node is not parent.func:
                return self._names_of_argument(parent)
            case ast.arguments():
                return _names_of_default(parent, node)
            case ast.IfExp() | ast.BoolOp() | ast.Await() | ast.Starred() | ast.Lambda():
                return self.names(parent)
        return []

    def _names_by_keyword(self, keyword: ast.keyword) -> list[str]:
        if keyword.arg in _FACTORIES:
            return self.names(self.parents[keyword])
        return [keyword.arg] if keyword.arg and keyword.arg not in _BAGS else []

    def _names_of_argument(self, call: ast.Call) -> list[str]:
        """The name of an argument: by the list that it is appended to, or by the call's result."""
        if isinstance(call.func, ast.Attribute) and call.func.attr == "append":
            return [f"{ast.unparse(call.func.value)} #{_COUNT}"]
        return self.names(call) if len(call.args) == 1 and not call.keywords else []

    def target_of(self, node: ast.AST) -> ast.expr | None:
        """What exactly this expression is assigned to; None if it is only a part of something."""
        parent = self.parents.get(node)
        match parent:
            case ast.Assign():
                return parent.targets[0]
            case ast.AnnAssign() | ast.NamedExpr() if node is parent.value:
                return parent.target
            case ast.withitem() if node is parent.context_expr:
                return parent.optional_vars
            case ast.Tuple() | ast.List():
                target = self.target_of(parent)
                if isinstance(target, ast.Tuple | ast.List) and _match(target, parent):
                    # The node is an expression of the two: mypy sees any AST.
                    return target.elts[parent.elts.index(node)]  # type: ignore[arg-type]
        return None

    def names_of(self, target: ast.expr) -> list[str]:
        """The names in the target of an assignment, as they are written."""
        if isinstance(target, ast.Tuple | ast.List):
            return [name for element in target.elts for name in self.names_of(element)]
        return [ast.unparse(target)]


def _place_in(collection: ast.AST | None, node: ast.AST) -> str:
    """The part of a name that identifies an element of a collection; empty if it is no element."""
    match collection:
        case ast.Tuple() | ast.List():
            # The same.
            return f"[{collection.elts.index(node)}]"  # type: ignore[arg-type]
        case ast.Dict() if node in collection.values:
            key = collection.keys[collection.values.index(node)]
            return f"[{ast.unparse(key)}]" if key else ""
        case ast.ListComp() | ast.GeneratorExp() if node is collection.elt:
            return f"[{_INDEX}]"
        case ast.SetComp(elt=made) | ast.DictComp(value=made) if node is made:
            return f" #{_COUNT}"
    return ""


def _match(target: ast.Tuple | ast.List, value: ast.Tuple | ast.List) -> bool:
    """Whether each value is assigned to the target in the same place."""
    elements = [*target.elts, *value.elts]
    is_plain = not any(isinstance(element, ast.Starred) for element in elements)
    return is_plain and len(target.elts) == len(value.elts)


def _names_of_default(arguments: ast.arguments, node: ast.AST) -> list[str]:
    """The name of the parameter with this default."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = dict(zip(reversed(arguments.defaults), reversed(positional), strict=False))
    defaults |= {
        default: argument
        for default, argument in zip(arguments.kw_defaults, arguments.kwonlyargs, strict=True)
        if default is not None
    }
    argument = defaults.get(node)  # type: ignore[call-overload]
    return [argument.arg] if argument is not None else []


def _last_name(function: ast.expr) -> str:
    """``Lock`` for ``multiprocessing.Lock``."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def with_kind(kind: str, name: str) -> str:
    """A name behind what it is a name of, unless it says that itself.

    >>> with_kind("Lock", "gate"), with_kind("Lock", "locks[0]"), with_kind("Lock", "Lock 1")
    ('lock gate', 'locks[0]', 'Lock 1')
    >>> with_kind("RLock", "total.get_lock()")
    'total.get_lock()'
    """
    word = "lock" if kind == "RLock" else kind.lower()
    return name if word in name.lower() else f"{kind.lower()} {name}"


def object_name(state: RunState, object_id: str) -> str:
    """The name of any object of the program by its id; empty if it is unknown."""
    for table in state.tables.values():
        found = table.get(object_id)
        if found is not None:
            return str(getattr(found, "name", ""))
    return ""
