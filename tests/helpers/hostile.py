"""Manipulated recordings: true streams, changed in their structure.

A stream is a list of records as plain dictionaries. The changes depend only on a ``random.Random``,
so that the same seed always gives the same stream.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from rich.cells import cell_len

from helpers.panel_stories import counter, factory, pool_map, shared, stages, talk
from helpers.why_stories import broken_ring, line_of_three
from mpviz.trace.explain.report import document, summary
from mpviz.trace.export.passage import Passage
from mpviz.trace.model.fold.reducer import EVENTS
from mpviz.trace.model.state import RunState
from mpviz.trace.record.comparison import Run, comparison_document, read
from mpviz.trace.record.recording import NotARecording, Recording
from mpviz.trace.record.replay import Replay
from mpviz.trace.record.snapshot import snapshot
from mpviz.tui.exports import FORMATS
from mpviz.tui.panels import PANELS
from mpviz.tui.panels.log import in_words
from mpviz.tui.panels.panel import title_of
from mpviz.tui.panels.source import make_panel
from mpviz.tui.render.comparison_rows import comparison_rows
from mpviz.tui.render.view import View
from mpviz.tui.source_files import Source
from mpviz.tui.widgets.header import Status, header_row
from mpviz.tui.widgets.scrubber import Place, scrubber_rows

Record = dict[str, Any]

LONGEST = 70
"""Maximum records of a stream: longer ones find no more faults, and take longer."""

HEADER = (
    b'{"k":"mpviz.recording","format":1,"version":"0.1.0","began":"2026-01-01T00:00:00","t":5}\n'
)

NUMBERS = (
    *(0, 1, -1, 2, 3, 7, 64, 255, 900, 1000, 1001, 1 << 22, (1 << 31) - 1, 1 << 40, 10**9),
    *((1 << 62) - 1, 1 << 62, (1 << 63) - 1, -(1 << 63), 1 << 63, (1 << 64) - 1, 1 << 64),
    *(10**30, 10**308, 10**400, -(10**400), 10**4000),
    *(0.0, -0.0, 0.5, -1.5, 5e-324, 1e9, 1e18, 1e300, 1e308, -1e308, 1.0, 99.9, 1e-9),
    *(float("nan"), float("inf"), float("-inf")),
)
TEXTS = (
    *("", "0", "900", "1000", "1000.2", "1001", "/", "//", "~2", "#", "1/2/3", "-1", "²", "٣"),
    *("lock", "put", "get", "join", "process", "results", "workers", "receive", "send", "answer"),
    *("drain", "done", "event", "condition", "barrier", "wake-event", "drain-barrier", "stop"),
    *("main", "worker", "fork server", "resource tracker", "program", "signal", "freeze"),
    *("Lock", "RLock", "Semaphore", "Pool", "Queue", "ProcessPoolExecutor", "map", "submit"),
    *(
        "x = " + "(" * 300,
        "a, b = Pipe()",
        "x" * 5000,
        "世" * 50,
        "a\x1b[2Jb\r\n\0\u202e",
        "\ud800",
    ),
    *("R", "Z", "T", "S", "stdout", "stderr", "terminate", "close", "close()", "%s{}", "</script>"),
    *("nan", "inf", "9" * 400, "9" * 4000, "-9", "1e400", "python -c 'x", "'", '"', "\\"),
)


@cache
def seeds() -> tuple[list[Record], ...]:
    """True streams that together have most kinds of records."""
    stories = (counter(150), factory(), pool_map(), stages(300), talk(), shared())
    told = [story.events for story in (*stories, broken_ring(), line_of_three())]
    told += [counter(150, ended=True).events]
    recorded = (Path(__file__).parents[1] / "tui" / "stream.jsonl").read_bytes().splitlines()
    streams = [[json.loads(msgspec.json.encode(event)) for event in events] for events in told]
    return (*streams, [json.loads(line) for line in recorded])


@cache
def kinds() -> dict[str, list[tuple[str, Any]]]:
    """All kinds of records, with a value of the right type for each of their fields."""
    return {
        str(kind.__struct_config__.tag): [
            (field.encode_name, field) for field in msgspec.structs.fields(kind)
        ]
        for kind in EVENTS
    }


def hostile(seed: int) -> bytes:
    """The text of a recording, without its header, that this seed makes of a true one."""
    dice = random.Random(seed)
    records = _excerpt(dice, dice.choice(seeds()))
    for _ in range(dice.choice((1, 1, 2, 3, 5, 8, 13, 30))):
        if not records:
            records = _excerpt(dice, dice.choice(seeds()))
        dice.choice(_MUTATIONS)(dice, records)
    lines = [_line(dice, record) for record in records[: 4 * LONGEST]]
    return b"".join(line + b"\n" for line in lines)


def _excerpt(dice: random.Random, stream: list[Record]) -> list[Record]:
    """The beginning of a stream, which creates all objects, and a part of the rest."""
    begin = dice.randrange(6, 30)
    start = dice.randrange(begin, max(begin + 1, len(stream)))
    chosen = stream[:begin] + stream[start : start + LONGEST - begin]
    if dice.random() < 0.3:
        chosen += stream[-5:]
    return [dict(record) for record in chosen]


def _line(dice: random.Random, record: Record) -> bytes:
    text = json.dumps(record).encode()
    if dice.random() < 0.003:
        at = dice.randrange(len(text) + 1)
        return dice.choice((text[:at], text[at:], text + text, b"[" * at, b"\0" * at))
    return text


def _any_record(dice: random.Random, records: list[Record]) -> Record:
    return dice.choice(records)


def _value_like(dice: random.Random, records: list[Record]) -> Any:
    """A value from elsewhere in the records, or one that nobody would write there."""
    which = dice.random()
    if which < 0.35:
        return dice.choice(NUMBERS)
    if which < 0.6:
        return dice.choice(TEXTS)
    if which < 0.9:
        other = _any_record(dice, records)
        return dice.choice(list(other.values())) if other else None
    return dice.choice((None, True, False, [], {}, [0] * 70, [[]], _deep(60), [1e308] * 3))


def _deep(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def _change_field(dice: random.Random, records: list[Record]) -> None:
    record = _any_record(dice, records)
    if record:
        record[dice.choice(list(record))] = _value_like(dice, records)


def _change_likely(dice: random.Random, records: list[Record]) -> None:
    """Another value of the type of a field, so that the record remains valid."""
    record = _any_record(dice, records)
    names = [name for name in record if name != "k"]
    if not names:
        return
    name = dice.choice(names)
    value = record[name]
    if isinstance(value, bool):
        record[name] = not value
    elif isinstance(value, int):
        record[name] = dice.choice((*_INTEGERS, value + 1, -value, value << 20))
    elif isinstance(value, float):
        record[name] = dice.choice((0.0, 1e9, 1e-300, 1e308, -1.0, value * 1e6))
    elif isinstance(value, str):
        record[name] = _text_like(dice, records)
    elif isinstance(value, list) and value:
        record[name] = value * dice.choice((0, 2, 30))


_INTEGERS = tuple(number for number in NUMBERS if isinstance(number, int) and number < 1 << 65)


def _text_like(dice: random.Random, records: list[Record]) -> str:
    others = [value for value in _any_record(dice, records).values() if isinstance(value, str)]
    return dice.choice(others) if others and dice.random() < 0.5 else dice.choice(TEXTS)


def _change_everywhere(dice: random.Random, records: list[Record]) -> None:
    """Change the same field in all records, such as the pid in all records of one process."""
    record = _any_record(dice, records)
    if not record:
        return
    name = dice.choice(list(record))
    old, new = record[name], _value_like(dice, records)
    for each in records:
        if each.get(name) == old:
            each[name] = new


def _change_kind(dice: random.Random, records: list[Record]) -> None:
    record = _any_record(dice, records)
    record["k"] = kind = dice.choice(list(kinds()))
    for name, field in kinds()[kind]:
        if name not in record and (field.required or dice.random() < 0.3):
            record[name] = _of_type(dice, records, field)


def _of_type(dice: random.Random, records: list[Record], field: Any) -> Any:
    kind = str(field.type)
    if "list" in kind:
        return []
    if "str" in kind and "int" not in kind:
        return _text_like(dice, records)
    if "bool" in kind and "int" not in kind:
        return dice.random() < 0.5
    numbers = [value for record in records for value in record.values() if type(value) is int]
    return dice.choice(_INTEGERS if dice.random() < 0.4 or not numbers else numbers)


def _add(dice: random.Random, records: list[Record]) -> None:
    """Insert a record of any kind, at any place, from any process."""
    record: Record = {"t": _any_record(dice, records).get("t", 5), "p": _a_pid(dice, records)}
    records.insert(dice.randrange(len(records) + 1), record)
    record["k"] = kind = dice.choice(list(kinds()))
    for name, field in kinds()[kind]:
        if name not in record and (field.required or dice.random() < 0.5):
            record[name] = _of_type(dice, records, field)


def _a_pid(dice: random.Random, records: list[Record]) -> int:
    pids = [pid for record in records if type(pid := record.get("p")) is int]
    return dice.choice((0, 900, 4242, *pids))


def _speak_as_another(dice: random.Random, records: list[Record]) -> None:
    _any_record(dice, records)["p"] = _a_pid(dice, records)


def _drop(dice: random.Random, records: list[Record]) -> None:
    at = dice.randrange(len(records))
    del records[at : at + dice.choice((1, 1, 3, 20))]


def _drop_field(dice: random.Random, records: list[Record]) -> None:
    record = _any_record(dice, records)
    if record:
        del record[dice.choice(list(record))]


def _repeat(dice: random.Random, records: list[Record]) -> None:
    at = dice.randrange(len(records))
    copies = [dict(records[at]) for _ in range(dice.choice((1, 2, 40)))]
    records[at:at] = copies


def _move(dice: random.Random, records: list[Record]) -> None:
    record = records.pop(dice.randrange(len(records)))
    records.insert(dice.randrange(len(records) + 1), record)


def _shuffle(dice: random.Random, records: list[Record]) -> None:
    at = dice.randrange(len(records))
    part = records[at : at + 12]
    dice.shuffle(part)
    records[at : at + 12] = part


def _splice(dice: random.Random, records: list[Record]) -> None:
    """Insert a part of another stream, with the same pids and the same ids of objects."""
    other = dice.choice(seeds())
    start = dice.randrange(len(other))
    at = dice.randrange(len(records) + 1)
    records[at:at] = [dict(record) for record in other[start : start + 12]]


def _shift_time(dice: random.Random, records: list[Record]) -> None:
    at = dice.randrange(len(records))
    by = dice.choice((-(10**12), 10**12, 1 << 60, 10**10, 3600 * 10**9, -1))
    for record in records[at:]:
        if isinstance(record.get("t"), int):
            record["t"] = max(0, record["t"] + by)


def _turn_back(dice: random.Random, records: list[Record]) -> None:
    records.reverse()


_MUTATIONS: tuple[Callable[[random.Random, list[Record]], None], ...] = (
    _change_field,
    _change_likely,
    _change_likely,
    _change_likely,
    _change_everywhere,
    _change_kind,
    _add,
    _add,
    _speak_as_another,
    _drop,
    _drop_field,
    _repeat,
    _move,
    _shuffle,
    _splice,
    _shift_time,
    _turn_back,
)

_PANELS = tuple(
    make_panel(lambda file: Source(((("code", "code.keyword"), (file, "")),) * 30))
    if panel.name == "source"
    else panel
    for panel in PANELS
)
"""All panels; the source panel among them does not read from disk."""

SIZES = ((80, 24), (120, 12), (200, 40), (34, 3), (60, 6))


def read_all(text: bytes, seed: int) -> RunState | None:
    """Do everything with a recording that mpviz can do; give its state, or None if it is refused.

    The only permitted exception is :class:`NotARecording`, with a text of one line.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder, "run")
        path.write_bytes(HEADER + text)
        dice = random.Random(seed)
        # Each export takes as long as all panels together, so two are enough for an input.
        if not all(use(dice, path) for use in (_replay, _export, _export, _compare)):
            return None
        return read(path, "run").state


def read_somehow(text: bytes, path: Path, seed: int) -> bool:
    """Do one thing with a recording, chosen by the seed; False if the recording is refused.

    ``path`` is the file to use for it.
    """
    path.write_bytes(HEADER + text)
    return (_replay, _export, _compare)[seed % 3](random.Random(seed), path)


def _replay(dice: random.Random, path: Path) -> bool:
    try:
        replay = Replay(path, lambda: 0)
    except NotARecording as bad:
        assert "\n" not in str(bad)
        return False
    try:
        _play(dice, replay)
    finally:
        replay.close()
    return True


def _export(dice: random.Random, path: Path) -> bool:
    try:
        recording = Recording(path)
    except NotARecording as bad:
        assert "\n" not in str(bad)
        return False
    pieces: list[str] = []
    dice.choice(FORMATS).write(Passage(recording), pieces.append)
    recording.close()
    "".join(pieces).encode()
    return True


def _compare(_: random.Random, path: Path) -> bool:
    try:
        run = read(path, "run")
    except NotARecording as bad:
        assert "\n" not in str(bad)
        return False
    runs = [run, Run("none", RunState())]
    json.dumps(comparison_document(runs), allow_nan=False)
    comparison_rows(runs, 100)
    json.dumps(document(run.state), allow_nan=False)
    summary(run.state).encode()
    return True


def _play(dice: random.Random, replay: Replay) -> None:
    while not replay.is_read:
        replay.step(1)
    for moment in (replay.end, dice.randint(replay.start, max(replay.start, replay.end))):
        replay.seek(moment)
        draw_all(dice, replay.state, replay.moment)
        scrubber_rows(_place(replay), 80)
    replay.previous_event()
    replay.next_event(dice.choice((1000, 1001, 900)))


def _place(replay: Replay) -> Place:
    event = replay.last_event()
    return Place(
        start=replay.start,
        end=replay.end,
        moment=replay.moment,
        position=replay.position,
        known=replay.known,
        playing=False,
        speed=1.0,
        marks=(),
        troubles=replay.troubles(),
        density=replay.density,
        share_read=replay.share_read,
        going_to=-1,
        trouble=replay.trouble,
        happened=in_words(replay.state, event) if event is not None else "",
    )


def draw_all(dice: random.Random, state: RunState, now: int) -> None:
    """Draw every panel, in a random size and with random choices of a person."""
    state = snapshot(state)
    width, height = dice.choice(SIZES)
    keys = ("", *state.processes, "nobody")
    view = View(
        selected=dice.choice(keys),
        filter=dice.choice(("", "", "lock", "1")),
        now=now,
        span=dice.choice((0, 0, 50_000, 10**12)),
        end=dice.choice((-1, -1, now, 0)),
        all_events=dice.random() < 0.5,
        ascii=dice.random() < 0.3,
    )
    for panel in _PANELS:
        orders = panel.listing.orders if panel.listing is not None else ()
        if orders and dice.random() < 0.5:
            view.order[panel.name] = dice.choice(orders).name
        rows = panel.draw(state, view, width, height)
        assert 0 < len(rows) <= height, panel.name
        for row in rows:
            assert cell_len(row.text) == width, (panel.name, row.text)
        assert title_of(panel, state, view), panel.name
        assert panel.wanted_height(state, view) >= 1, panel.name
        assert panel.used(state) in (True, False)
    header_row(state, Status("run", ""), width)
