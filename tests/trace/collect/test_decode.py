"""What comes through the queue is an event, or is shown as unreadable in its place."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mpviz.trace.collect.decode import decode
from mpviz.trace.model.events import Event, Site, Unreadable, WaitOver
from mpviz.trace.model.primitives.process import Began
from mpviz.trace.model.text import LIMIT, clean

BEFORE = b'{"k":"wait.over","t":1,"p":7,"n":1}\n'
AFTER = b'{"k":"wait.over","t":3,"p":7,"n":3}\n'


def between(line: bytes) -> Event:
    """The event that a line becomes, among neighbours that have to stay whole."""
    before, event, after = decode(BEFORE + line + b"\n" + AFTER)
    assert before == WaitOver(time=1, pid=7, number=1)
    assert after == WaitOver(time=3, pid=7, number=3)
    return event


def began(name: Any) -> bytes:
    """A record that holds a text of the program's."""
    fields = {"k": "process.began", "t": 2, "p": 7, "n": 2, "daemon": False, "parent": 1}
    return json.dumps({**fields, "name": name}).encode()


def test_a_record_becomes_its_event() -> None:
    assert between(began("worker")) == Began(
        time=2, pid=7, number=2, name="worker", daemon=False, parent=1
    )


@pytest.mark.parametrize(
    "name",
    [
        "\x1b[31mred\x1b[0m",
        "\x1b]0;owned\x07",
        "c1 \x9b31m",
        "pay\u202eeman",
        "del \x7f",
        "nul \0",
        "new\nline",
        "[bold]markup[/bold]",
        "naïve",
        "🙂",
        'quoted "\\"',
    ],
)
def test_a_text_of_the_program_comes_out_cleaned(name: str) -> None:
    event = between(began(name))
    assert isinstance(event, Began)
    assert event.name == clean(name)


def test_a_text_is_cleaned_also_where_it_came_unescaped() -> None:
    line = began("x").replace(b'"x"', "\x7f \u202e naïve".encode())
    line = line.replace(b"\x7f \xe2", b'"\x7f \xe2').replace("naïve".encode(), 'naïve"'.encode())
    event = between(line)
    assert isinstance(event, Began)
    assert event.name == "· · naïve"


def test_a_very_long_text_is_cut() -> None:
    site = {"k": "site", "t": 2, "p": 7, "s": 1, "file": "f", "line": 1, "function": "f"}
    event = between(json.dumps({**site, "code": "é" * 1_000_000}).encode())
    assert isinstance(event, Site)
    assert len(event.code) == LIMIT


@pytest.mark.parametrize(
    "line",
    [
        b"rubbish",
        b"{",
        b"}",
        b"null",
        b"[]",
        b"1",
        b'""',
        b"{}",
        b"\0",
        b"\0" * 100,
        b"\xff\xfe\x00",
        b'{"k":"wait.over"}',
        b'{"k":"wait.over","t":"1","p":7}',
        b'{"k":"wait.over","t":1.5,"p":7}',
        b'{"k":"wait.over","t":null,"p":7}',
        b'{"k":"wait.over","t":true,"p":7}',
        b'{"k":"wait.over","t":1,"p":[7]}',
        b'{"k":"wait.over","t":1e999,"p":7}',
        b'{"k":"no.such.kind","t":1,"p":7}',
        b'{"k":7,"t":1,"p":7}',
        b'{"t":1,"p":7,"n":2}',
        b'{"k":"wait.over","t":1,"p":7',
        b'"k":"wait.over","t":1,"p":7}',
        b'{"k":"process.began","t":2,"p":7,"name":"\\ud800","daemon":false,"parent":1}',
        b'{"k":"process.began","t":2,"p":7,"name":"\xff","daemon":false,"parent":1}',
        b'{"k":"process.began","t":2,"p":7,"name":"\x1b","daemon":false,"parent":1}',
        b"[" * 100_000,
        b'{"k":"wait.over","t":1,"p":7,"x":' + b"[" * 100_000,
        b'{"k":"wait.over","t":1,"p":7,"x":' + b'{"x":' * 5_000 + b"1" + b"}" * 5_001,
        b'{"k":"wait.over","t":1,"p":7,"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}x",
        b"x" * 1_000_000,
        b'{"k":"' + b"x" * 1_000_000 + b'"}',
        b"\x1b[2J\x1b]0;t\x07",
        b"\xe2\x80\xae",
    ],
    ids=lambda line: repr(line[:40]),
)
def test_a_line_that_is_no_event_is_shown_in_its_place(line: bytes) -> None:
    event = between(line)
    assert isinstance(event, Unreadable)
    assert event.pid == 0
    assert len(event.text) <= 1000
    assert event.text == clean(event.text)


def test_what_a_newer_mpviz_adds_to_an_event_is_passed_over() -> None:
    event = between(b'{"k":"wait.over","t":2,"p":7,"n":2,"new":{"deep":["\\u001b"]}}')
    assert event == WaitOver(time=2, pid=7, number=2)


def test_empty_lines_are_nothing() -> None:
    assert decode(b"") == []
    assert len(decode(b"\n" + BEFORE + b"\n\n" + AFTER)) == 2


@given(some.lists(some.one_of(some.binary(max_size=60), some.just(BEFORE[:-1])), max_size=8))
def test_any_bytes_are_decoded_and_whole_records_among_them_stay_whole(lines: list[bytes]) -> None:
    lines = [line.replace(b"\n", b"") for line in lines]
    events = decode(b"".join(line + b"\n" for line in lines))
    assert len(events) == sum(bool(line.strip(b" \t\r")) for line in lines), "blank lines are none"
    whole = [line for line in lines if line].count(BEFORE[:-1])
    assert sum(event == WaitOver(time=1, pid=7, number=1) for event in events) == whole


json_values = some.recursive(
    some.one_of(some.none(), some.booleans(), some.integers(), some.floats(), some.text()),
    lambda children: some.one_of(
        some.lists(children, max_size=3), some.dictionaries(some.text(), children, max_size=3)
    ),
    max_leaves=6,
)


@given(
    some.sampled_from(["site", "process.began", "value.written", "sample", "output", "x"]),
    some.dictionaries(
        some.sampled_from(["t", "p", "n", "s", "o", "value", "name", "text", "cores", "d"]),
        json_values,
    ),
)
def test_any_json_is_decoded(kind: str, fields: dict[str, Any]) -> None:
    (event,) = decode(json.dumps({"k": kind, **fields}).encode() + b"\n")
    assert isinstance(event, Event)
