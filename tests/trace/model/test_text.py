"""Whatever a program calls things, nothing of it reaches a terminal but what can be seen."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mpviz.trace.model.text import LIMIT, clean


@pytest.mark.parametrize("text", ["", "plain", "naïve café", "日本語", "π ≈ 3.14 → ok", "🙂 fine"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x1b[?1049h\x1b[>4;1mmode", "mode"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$r0m\x1b\\after", "after"),
        ("\x1b]52;c;stolen", ""),
        ("\x1bc\x1b(0\x1b7\x1b#8reset", "reset"),
        ("\x1b[31", "31"),
        ("\x1b\x1b[0m[31mred", "·[31mred"),
        ("a\tb", "a    b"),
        ("a\r\nb\0c\x08\x7f", "a··b·c··"),
        ("\x9b31mred\x90", "·31mred·"),
        ("\ud800half", "·half"),
        ("caf\udce9", "caf\\xe9"),
        # In the C locale, Python does not decode valid UTF-8 either.
        ("caf\udcc3\udca9 \udcc2\udc9b1m", "café ·1m"),
        ("pay\u202eeman", "pay·eman"),
        ("a\u2066b\u2069c\u200fd\u061ce", "a·b·c·d·e"),
        ("zero\u200bwidth\ufeff", "zero·width·"),
        ("line\u2028break\u2029", "line·break·"),
        ("tag\U000e0041\U000e007fged", "tag··ged"),
        ("[bold red]markup[/]", "[bold red]markup[/]"),
    ],
)
def test_what_would_act_on_a_terminal_is_taken_out_or_shown(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(
    some.text(
        some.one_of(
            some.sampled_from("\x1b\x1b\x1b[]0;31mPX^_\\\x07\x9b\r\n\t\0\x7f\u202e\u200b\ud800"),
            some.characters(),
        ),
        max_size=40,
    )
)
def test_nothing_unseen_comes_through(text: str) -> None:
    cleaned = clean(text)
    for character in cleaned:
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp"), hex(ord(character))
        assert unicodedata.bidirectional(character) not in BIDIRECTIONAL_CONTROLS
    cleaned.encode("utf-8")
    assert clean(cleaned) == cleaned


BIDIRECTIONAL_CONTROLS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


@pytest.mark.parametrize("piece", ["x", "\x1b[", "\x1b]", "\x1b", "\u202e", "é", "\x1b[0;"])
def test_a_long_text_is_cut_in_no_time(piece: str) -> None:
    cleaned = clean(piece * (1_000_000 // len(piece)))
    assert len(cleaned) <= LIMIT


def test_a_cut_text_says_so() -> None:
    assert clean("x" * (LIMIT + 1)) == "x" * (LIMIT - 1) + "…"
    assert clean("x" * LIMIT) == "x" * LIMIT
