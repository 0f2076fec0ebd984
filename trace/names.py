"""Human names for objects that have none: the variable they were assigned to, else where."""

from __future__ import annotations

import ast
import re

from mpviz.trace.state import RunState

_WITH = re.compile(r"\s*(?:async\s+)?with\b")
_AS = re.compile(r"\bas\s+([\w.]+)\s*[,:)]")
_ASSIGNED = re.compile(r"^\s*(?:self\.)?([\w.]+(?:\s*,\s*[\w.]+)*)\s*(?::[^=]+)?=(?!=)")


def name_object(state: RunState, site: int, kind: str) -> str:
    """Name the object of this kind that was just created at this site; each call counts one."""
    place = state.sites.get(site)
    name = name_from_line(place.code, state.created_at.get(site, 0)) if place is not None else ""
    if not name:
        return name_by_place(state, site, kind)
    state.created_at[site] = state.created_at.get(site, 0) + 1
    return name


def name_by_place(state: RunState, site: int, kind: str) -> str:
    """Name an object that its line has no name for, likewise: by its kind, and where it is made."""
    order = state.created_at.get(site, 0)
    state.created_at[site] = order + 1
    if site not in state.sites:
        return f"{kind} {order + 1}"
    return f"{kind} at {state.place(site)}" + (f" #{order + 1}" if order else "")


def name_pair(state: RunState, site: int, kind: str) -> tuple[str, str, str]:
    """Name an object that is made as a pair of two, such as a pipe; its own name, then theirs."""
    order = state.created_at.get(site, 0)
    place = state.sites.get(site)
    pair = pair_from_line(place.code, order) if place is not None else None
    if pair is None:
        return name_object(state, site, kind), "", ""
    state.created_at[site] = order + 1
    return "/".join(pair), *pair


def pair_from_line(line: str, order: int) -> tuple[str, str] | None:
    """The names that a line gives to the two of its ``order``-th pair; None if it names none.

    >>> pair_from_line("parent, child = Pipe()", 0), pair_from_line("a, b = Pipe()", 1)
    (('parent', 'child'), ('a[1]', 'b[1]'))
    >>> pair_from_line("left, right = Pipe(), Pipe()", 0) is None
    True
    """
    targets, many = _targets(line)
    made = _elements(line)
    if many or not targets or len(targets) % 2 or made == len(targets):
        return None
    turn, place = divmod(order, len(targets) // 2)
    first, second = targets[2 * place : 2 * place + 2]
    return (f"{first}[{turn}]", f"{second}[{turn}]") if turn else (first, second)


def name_from_line(line: str, order: int) -> str:
    """The name that a line gives to the object it creates as its ``order``-th; empty if none.

    >>> name_from_line("lock = Lock()", 0), name_from_line("left, right = Lock(), Lock()", 1)
    ('lock', 'right')
    >>> name_from_line("self.locks = [Lock() for _ in range(3)]", 2)
    'locks[2]'
    """
    targets, many = _targets(line)
    if not targets:
        return ""
    if len(targets) > 1:
        name = targets[order % len(targets)]
        return f"{name}[{order // len(targets)}]" if order >= len(targets) else name
    return f"{targets[0]}[{order}]" if many or order else targets[0]


def _targets(line: str) -> tuple[list[str], bool]:
    """The names that a line assigns to, and whether it makes many objects for one name."""
    try:
        statements = ast.parse(line.strip()).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        # The line is only the beginning of a statement, or no Python at all.
        match = _ASSIGNED.match(line)
        names = match[1].split(",") if match else _AS.findall(line) if _WITH.match(line) else []
        is_display = match is not None and line[match.end() :].lstrip().startswith(("[", "{"))
        return [name.strip().split(".")[-1] for name in names], is_display
    names = [name for statement in statements for name in _assigned(statement)]
    return names, any(map(_makes_many, statements))


def _elements(line: str) -> int:
    """How many values a line assigns that are written side by side."""
    try:
        statements = ast.parse(line.strip()).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return 1
    value = statements[0].value if statements and isinstance(statements[0], ast.Assign) else None
    return len(value.elts) if isinstance(value, ast.Tuple) else 1


def _makes_many(statement: ast.stmt) -> bool:
    """Whether the value is a collection: one written out, comprehended, or built from such."""
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Call) and value.args:
        value = value.args[0]
        return isinstance(value, ast.GeneratorExp | ast.ListComp)
    return isinstance(
        value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
    )


def _assigned(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.AnnAssign):
        return _names(statement.target)
    if isinstance(statement, ast.Assign):
        return _names(statement.targets[0])
    return []


def _names(target: ast.expr) -> list[str]:
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Attribute):
        return [target.attr]
    if isinstance(target, ast.Tuple | ast.List):
        return [name for element in target.elts for name in _names(element)]
    if isinstance(target, ast.Subscript):
        return [ast.unparse(target)]
    return []
