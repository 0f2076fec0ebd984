"""The lab, run by the real command with a script: what each call leads to, and what is left."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.command import watch_headless
from helpers.scenario_runs import assert_time_adds_up

pytestmark = pytest.mark.usefixtures("nothing_left")


def run(
    start_method: str, script: str, *, stdin: str | None = None, seconds: float = 60
) -> tuple[dict[str, Any], list[str]]:
    """The document, and the lines that the program printed."""
    words = ["lab", f"seconds={seconds}", *([f"script={script}"] if script else [])]
    document, printed, _ = watch_headless("--start-method", start_method, *words, stdin=stdin)
    assert (document["stream"]["lost"], document["stream"]["probe_errors"]) == (0, 0)
    assert_time_adds_up(document)
    return document, printed


def process(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in document["processes"] if each["name"] == name]
    assert isinstance(found, dict)
    return found


def test_terminate_join_and_return(start_method: str) -> None:
    """The example of docs/using.md, with a child that ends by itself soon."""
    document, printed = run(
        start_method,
        "start daemon; start; terminate 1; join 1; join 2 0.1; return",
        seconds=1,
    )
    first, second = process(document, "daemon-1"), process(document, "child-2")
    assert (first["daemon"], first["exit_code"], first["joined"]) == (True, -15, True)
    # The parent has waited for it, since it is no daemon.
    assert (second["daemon"], second["exit_code"], second["joined"]) == (False, 0, True)
    assert document["run"]["exit_code"] == 0
    answers = [line.strip() for line in printed if line.startswith("    ")]
    assert answers == ["is_alive() False, exitcode -15", "is_alive() True, exitcode None"]


def test_kill_and_a_stubborn_child(start_method: str) -> None:
    document, printed = run(
        start_method, "start stubborn; terminate 1; join 1 0.3; kill 1; join 1; close 1"
    )
    assert process(document, "stubborn-1")["exit_code"] == -9
    said = [line.strip() for line in printed if line.startswith("    ")]
    assert said == ["is_alive() True, exitcode None", "is_alive() False, exitcode -9"]


def test_a_daemon_does_not_outlive_its_parent_s_return(start_method: str) -> None:
    document, _ = run(start_method, "start daemon; return")
    assert process(document, "daemon-1")["exit_code"] == -15
    assert document["run"]["exit_code"] == 0


def test_a_parent_that_is_killed_leaves_all_behind_and_mpviz_ends_them(start_method: str) -> None:
    document, _ = run(start_method, "start daemon; start; die")
    assert document["run"]["exit_code"] == -9
    assert {process(document, name)["exit_code"] for name in ("daemon-1", "child-2")} == {-15}
    assert not process(document, "daemon-1")["joined"]


def test_a_child_of_a_killed_mother_is_an_orphan_and_lives_on(start_method: str) -> None:
    """Till the end of the run; that of its mother it did not even notice."""
    document, _ = run(start_method, "start mother; kill 1; join 1; start; join 2", seconds=2)
    mother, orphan = process(document, "mother-1"), process(document, "mother-1a")
    assert mother["exit_code"] == -9
    assert orphan["parent_pid"] == mother["pid"]
    assert orphan["ended"] > mother["ended"] + 0.1


def test_what_a_tidy_child_does_before_it_ends(start_method: str) -> None:
    document, printed = run(start_method, "start tidy; join 1", seconds=0.5)
    assert process(document, "tidy-1")["exit_code"] == 0
    assert "tidy-1: its finally has run" in printed
    document, printed = run(start_method, "start tidy; terminate 1; join 1")
    assert process(document, "tidy-1")["exit_code"] == -15
    assert not [line for line in printed if "has run" in line]


def test_a_dead_holder_keeps_the_lock() -> None:
    document, _ = run("fork", "start holder; join 1 1; kill 1; join 1")
    (lock,) = [each for each in document["locks"] if each["name"] == "lock"]
    assert (lock["acquisitions"], lock["releases"]) == (1, 0)
    assert lock["holder_pid"] == process(document, "holder-1")["pid"]


def test_it_reads_its_standard_input_and_ignores_what_it_does_not_know(start_method: str) -> None:
    document, printed = run(start_method, "", stdin="start\nfly\njoin 7\n\nkill 1\njoin 1\n")
    assert process(document, "child-1")["exit_code"] == -9
    assert "not understood: fly" in printed
    assert "not understood: join 7" in printed
    assert printed[-1] == ">>> return"
