"""Python source as parts in the styles of code."""

from __future__ import annotations

from dataclasses import dataclass

from mpviz.tui.render.rows import Part


@dataclass(frozen=True)
class Source:
    """A source file as it is now."""

    lines: tuple[tuple[Part, ...], ...]
    checksum: int = 0
    """CRC-32 of the file; 0 where that is not known."""
    error: str = ""
    """Why it cannot be read; there are no lines then."""


def highlighted(text: str) -> tuple[tuple[Part, ...], ...]:
    """Each line of Python source as parts with the styles of their kinds."""
    # 20 ms that the first picture does not have to wait for.
    from pygments.lexers.python import PythonLexer  # noqa: PLC0415
    from pygments.token import (  # noqa: PLC0415
        Comment,
        Keyword,
        Name,
        Number,
        Operator,
        String,
    )

    kinds = (
        (Comment, "code.comment"),
        (String, "code.string"),
        (Number, "code.number"),
        (Keyword, "code.keyword"),
        (Operator.Word, "code.keyword"),
        (Name.Builtin, "code.builtin"),
        (Name.Function, "code.name"),
        (Name.Class, "code.name"),
        (Name.Decorator, "code.name"),
    )
    lines: list[list[Part]] = [[]]
    for token, piece in PythonLexer(stripnl=False).get_tokens(text):
        style = next((style for kind, style in kinds if kind in token.split()), "text")
        first, *others = piece.split("\n")
        lines[-1].append((first.expandtabs(4), style))
        lines += [[(other.expandtabs(4), style)] for other in others]
    while lines and not any(text for text, _ in lines[-1]):
        lines.pop()
    return tuple(tuple(part for part in line if part[0]) for line in lines)


def first_definition(lines: tuple[tuple[Part, ...], ...]) -> int:
    """The number, from 0, of the line where the code itself begins, after doc and imports."""
    for number, line in enumerate(lines):
        if line and line[0][0] in ("def", "class", "async", "@"):
            return number
    return 0
