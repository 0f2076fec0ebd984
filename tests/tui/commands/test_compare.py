"""Comparing from outside: recordings, lists of values, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.command import mpviz
from mpviz.tui.commands.interpreters import BadTarget
from mpviz.tui.commands.sweeps import MOST_RUNS, sweep_of

pytestmark = pytest.mark.usefixtures("nothing_left")

RUN = ("run", "pool-map", "workers=2", "items=8", "size=300")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a run with two values has written."""
    folder = tmp_path_factory.mktemp("swept")
    done = mpviz(
        *("run", "--record", "run.jsonl.gz", "--json", "both.json"),
        *(*RUN[1:], "chunksize=1,8"),
        directory=folder,
    )
    assert done.returncode == 0, done.stderr
    (folder / "stdout").write_text(done.stdout)
    (folder / "stderr").write_text(done.stderr)
    return folder


def test_each_value_is_run_in_turn_and_the_table_is_all_of_stdout(swept: Path) -> None:
    assert (swept / "stderr").read_text().splitlines() == [
        "mpviz: run 1 of 2: chunksize=1",
        "mpviz: run 2 of 2: chunksize=8",
    ]
    lines = (swept / "stdout").read_text().splitlines()
    assert lines[:3] == ["2 runs side by side: pool-map", "  A chunksize=1", "  B chunksize=8"]
    (tasks,) = [line.split() for line in lines if "number" in line]
    assert tasks[-3:] == ["8", "1", "-88%"]
    assert "\x1b" not in "".join(lines)


def test_the_document_of_a_comparison_has_both_runs(swept: Path) -> None:
    found = json.loads((swept / "both.json").read_text())
    assert [each["label"] for each in found["runs"]] == ["chunksize=1", "chunksize=8"]
    for run in found["runs"]:
        phases = run["phases"]
        assert sum(phases["total"].values()) == pytest.approx(phases["wall"] * phases["workers"])
    by_name = {each["name"]: each["values"] for each in found["measures"]}
    assert by_name["end"] == ["exit code 0", "exit code 0"]


def test_the_recordings_of_both_compare_to_the_same(swept: Path) -> None:
    done = mpviz("compare", "run.jsonl.gz", "run-2.jsonl.gz", directory=swept)
    assert (done.returncode, done.stderr) == (0, "")
    before = (swept / "stdout").read_text().splitlines()
    after = done.stdout.splitlines()
    assert after[1:3] == ["  A run.jsonl.gz chunksize=1", "  B run-2.jsonl.gz chunksize=8"]
    wall = [line for line in before if "wall time" in line]
    assert [line for line in after if "wall time" in line] == wall


def test_with_the_document_on_stdout_there_is_nothing_else(swept: Path) -> None:
    files = ("run.jsonl.gz", "run-2.jsonl.gz")
    done = mpviz("compare", "--json", "-", *files, directory=swept)
    assert json.loads(done.stdout)["runs"][1]["label"] == "run-2.jsonl.gz chunksize=8"
    assert "2 runs side by side" in done.stderr


def test_it_is_as_wide_as_columns_says_and_ascii_where_it_must_be(swept: Path) -> None:
    files = ("run.jsonl.gz", "run-2.jsonl.gz")
    done = mpviz("compare", *files, directory=swept, COLUMNS="70", PYTHONIOENCODING="ascii")
    assert done.stdout.isascii()
    assert max(map(len, done.stdout.splitlines())) <= 70


def test_half_a_recording_is_compared_and_said_to_be_half(swept: Path) -> None:
    whole = (swept / "run-2.jsonl.gz").read_bytes()
    (swept / "half.jsonl.gz").write_bytes(whole[: len(whole) * 2 // 3])
    done = mpviz("compare", "run.jsonl.gz", "half.jsonl.gz", directory=swept)
    assert done.returncode == 0
    assert "cut off" in done.stdout.splitlines()[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare"], ["two recordings or more"]),
        (["compare", "run.jsonl.gz"], ["two recordings"]),
        (["compare", "run.jsonl.gz", "run.jsonl.gz"], ["same recording"]),
        (["compare", "run.jsonl.gz", "./run.jsonl.gz"], ["same recording"]),
        (["compare", "run.jsonl.gz", "no.gz"], ["no.gz"]),
        (["compare", "run.jsonl.gz", "both.json"], ["both.json is no recording"]),
        (["compare", "run.jsonl.gz", "."], ["directory"]),
        (["compare", *[f"{number}.gz" for number in range(13)]], ["12"]),
        (["compare", "--json", "/no/such/x", "run.jsonl.gz", "run-2.jsonl.gz"], ["/no/such/x"]),
        (["run", "pool-map", "workers=1,2,99"], ["workers", "from 1 to 64", "'99'"]),
        (["run", "pool-map", "workers=1,,2"], ["workers", "''"]),
        (["run", "pool-map", "workers=1,2", "chunksize=1,2,3,4,5,6,7"], ["14 runs", "12"]),
        (["run", "--json", "/no/such/x", "pool-map", "workers=1,2"], ["/no/such/x"]),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(
    swept: Path, words: list[str], said: list[str]
) -> None:
    done = mpviz(*words, directory=swept)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    for word in said:
        assert word in line


def test_a_run_that_fails_is_said_to_and_gives_its_status(tmp_path: Path) -> None:
    # In the lab a script ends the main process by a signal.
    done = mpviz("run", "lab", "script=start; die", "seconds=1,2", directory=tmp_path)
    assert done.returncode == 128 + 9
    assert "mpviz: MainProcess: ended by SIGKILL" in done.stderr.splitlines()
    assert "about the same in all" in done.stdout


# Which runs a list of values asks for


def labels(*words: str) -> list[str]:
    return [label for label, _ in sweep_of(words, python=None, start_method=None)]


def test_several_lists_mean_each_value_with_each() -> None:
    assert labels("pool-map", "workers=1,2", "items=5", "chunksize=1,4") == [
        "workers=1 chunksize=1",
        "workers=1 chunksize=4",
        "workers=2 chunksize=1",
        "workers=2 chunksize=4",
    ]


def test_yes_or_no_and_choices_have_lists_too() -> None:
    assert labels("shared-counter", "lock=yes,no") == ["lock=yes", "lock=no"]


def test_a_text_may_have_commas_of_its_own() -> None:
    assert labels("lab", "script=start; join 1 0,5") == []


def test_without_a_list_it_is_no_comparison() -> None:
    assert labels("pool-map", "workers=2") == []
    assert labels("script.py", "a,b", "workers=1,2") == []


def test_nothing_is_run_where_one_of_the_values_is_wrong() -> None:
    with pytest.raises(BadTarget, match="workers must be"):
        labels("pool-map", "workers=1,2,none")
    with pytest.raises(BadTarget, match=f"no more than {MOST_RUNS}"):
        labels("pool-map", f"workers={','.join(map(str, range(1, 14)))}")
