"""The scenarios of pools and of real work as plain programs: what they print is what they did."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def lines(
    program: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[str]]:
    """Run a scenario well to its end, without a trace of it in the folder for temporary files."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))

    def run(*words: str) -> list[str]:
        done = program(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert list(temporary.iterdir()) == []
        return done.stdout.splitlines()

    return run


Lines = Callable[..., list[str]]


def test_starmap_returns_the_powers_in_the_order_of_the_list(lines: Lines) -> None:
    """Whichever of them was done first."""
    pairs = [(3, 10), (4, 15), (5, 20), (6, 13), (7, 18), (8, 11), (9, 16), (10, 10)]

    first, *others = lines("pool-starmap", "workers=3", "items=8", "size=10")

    assert first == "3 workers, 8 pairs"
    done, results = others[:8], others[8:]
    matches = [re.fullmatch(r"\w+PoolWorker-\d: (\d+) \*\* (\d+) is done", each) for each in done]
    assert sorted((int(each[1]), int(each[2])) for each in matches if each) == pairs
    assert results == [
        f"{base} ** {exponent} has {(base**exponent).bit_length()} bits" for base, exponent in pairs
    ]


SAID = r"MainProcess \(pid \d+\), (?:MainThread|Thread-\d+ \(_handle_results\)): "


def test_the_parent_is_called_back_once_for_every_task(lines: Lines) -> None:
    """By one thread, with a result or with an error; a single worker leaves no choice of order."""
    first, submitted, *calls, last = lines("pool-async", "workers=1", "items=5", "task_ms=1")

    assert re.fullmatch(SAID + "1 workers, 5 tasks", first)
    assert re.fullmatch(SAID + "5 results, 0 errors", last)
    called = [submitted, *calls]
    # The first of the callbacks may come before the submitting is over.
    (end,) = [each for each in called if each.endswith("MainThread: all submitted")]
    called.remove(end)
    results = [f"item {item}, result {item * item}" for item in range(1, 6)]
    assert [re.sub(SAID, "", each) for each in called] == results
    assert len({each.partition(":")[0] for each in called}) == 1
    assert all("_handle_results" in each for each in called)
    assert len({each.partition(",")[0] for each in (first, *called, last)}) == 1


def test_an_error_callback_gets_what_a_task_raised(lines: Lines) -> None:
    """Every third of them, here."""
    said = lines("pool-async", "workers=2", "items=7", "failing=3", "task_ms=1")

    texts = {re.sub(SAID, "", each) for each in said}
    assert {text for text in texts if "Error" in text} == {
        "ValueError: Negative item: -3",
        "ValueError: Negative item: -6",
    }
    assert {"item 1, result 1", "item 7, result 49", "5 results, 2 errors"} <= texts


def test_map_holds_all_results_at_once(lines: Lines) -> None:
    """It also has read all of its input before it hands out the first task."""
    words = ("workers=2", "items=30", "stop_after=4", "task_ms=1")

    assert lines("pool-imap", "call=map", *words) == [
        "map: 2 workers, 30 tasks",
        "30 items were read before the first result",
        *[f"result {item + 1}: {item * item}" for item in range(4)],
        "took 4 of 30 results",
        "held 30 results at once, at most",
    ]


@pytest.mark.parametrize("call", ["imap", "imap_unordered"])
def test_imap_can_be_taken_to_the_end(lines: Lines, call: str) -> None:
    """In the order of the list, or in that in which they are done."""
    words = ("workers=2", "items=9", "stop_after=0", "task_ms=1")

    first, read, *results, took, held = lines("pool-imap", f"call={call}", *words)

    assert first == f"{call}: 2 workers, 9 tasks"
    assert re.fullmatch(r"[1-9] items were read before the first result", read)
    squares = [int(result.partition(": ")[2]) for result in results]
    assert (sorted(squares) if call == "imap_unordered" else squares) == [n * n for n in range(9)]
    assert took == "took 9 of 9 results"
    assert re.fullmatch(r"held [1-9] results at once, at most", held)


def test_imap_stops_when_there_is_enough(lines: Lines) -> None:
    """What is left would take many times as long as a test may."""
    words = ("workers=2", "items=1000", "stop_after=2", "task_ms=100")

    printed = lines("pool-imap", "call=imap", *words)

    assert printed[-2] == "took 2 of 1000 results"
    assert [line for line in printed if line.startswith("result ")] == [
        "result 1: 0",
        "result 2: 1",
    ]


def test_each_worker_opens_the_database_once(lines: Lines) -> None:
    """And the workers together answer every query, whoever answers which."""
    words = ("workers=3", "queries=20", "rows=30")

    first, *others, last = lines("pool-initializer", *words)

    assert first == "3 workers, 20 queries"
    opened = re.findall(r"^\w+PoolWorker-\d \((\d+)\): opened$", "\n".join(others), re.MULTILINE)
    answered = dict(re.findall(r"^(\d+): (\d+) queries$", "\n".join(others), re.MULTILINE))
    assert len(opened) + len(answered) == len(others)
    assert len(opened) == len(set(opened)) <= 3
    assert answered.keys() <= set(opened)
    assert sum(map(int, answered.values())) == 20
    # Of two different measurements one is the warmer, and each is compared with all.
    assert last == f"{600 * 599 // 2} pairs found"


def test_map_raises_and_loses_what_apply_async_returns(lines: Lines) -> None:
    """The worker's traceback names the line that raised."""
    printed = lines("pool-errors", "workers=2", "items=4", "negative=3", "task_ms=1")

    place = printed.pop(2)
    assert re.fullmatch(r'RemoteTraceback: File ".*", line (\d+), in risky_function', place)
    assert printed == [
        "map of 4 tasks",
        "map raised ValueError: Negative value: -3",
        "no results",
        "apply_async of 4 tasks",
        "1: 2",
        "2: 4",
        "-3: ValueError: Negative value: -3",
        "4: 8",
    ]


def test_without_an_error_map_has_its_results(lines: Lines) -> None:
    """So what was lost was lost for one of them."""
    printed = lines("pool-errors", "workers=2", "items=3", "negative=0", "task_ms=0")

    assert printed[1] == "results: 2 4 6"


def test_the_chunksize_changes_who_does_how_much(lines: Lines) -> None:
    """Never what is done; whole chunks go to one worker."""
    printed = lines("pool-chunks", "workers=2", "items=32", "size=10")

    assert printed.pop(0) == "2 workers, 32 items"
    rounds: dict[str, list[int]] = {}
    for line in printed:
        if match := re.fullmatch(r"chunksize (.+): \d+\.\d\d s", line):
            counts = rounds.setdefault(match[1], [])
        else:
            count = re.fullmatch(r"  \w+PoolWorker-\d: (\d+) items, \d+\.\d\d s of work", line)
            assert count
            counts.append(int(count[1]))
    assert list(rounds) == ["1", "auto", "16, all at once"]
    assert [sum(counts) for counts in rounds.values()] == [32, 32, 32]
    assert all(1 <= len(counts) <= 2 for counts in rounds.values())
    assert all(count % 4 == 0 for count in rounds["auto"])
    assert all(count % 16 == 0 for count in rounds["16, all at once"])


def kept(printed: list[str]) -> dict[str, list[int]]:
    """Return how much each worker kept, task by task."""
    found: dict[str, list[int]] = {}
    for line in printed:
        if match := re.fullmatch(r"task \d+: pid (\d+) keeps (\d+) MB", line):
            found.setdefault(match[1], []).append(int(match[2]))
    return found


def test_a_worker_that_is_replaced_keeps_nothing(lines: Lines) -> None:
    """Each starts with nothing and ends with its last task, and the parent never has any."""
    words = ("workers=2", "items=9", "maxtasksperchild=2", "megabytes=1", "task_ms=1")

    printed = lines("pool-recycle", *words)

    assert printed[0] == "2 workers, 9 tasks, 2 to a worker"
    workers = kept(printed)
    assert Counter(map(tuple, workers.values()))[1, 2] >= 4
    assert set(map(tuple, workers.values())) <= {(1,), (1, 2)}
    assert sum(map(len, workers.values())) == 9
    pids = " ".join(map(str, sorted(map(int, workers))))
    assert printed[-2] == f"{len(workers)} workers did the tasks: {pids}"
    assert printed[-1] == "0 things kept in the parent"


def test_a_worker_that_is_never_replaced_keeps_all(lines: Lines) -> None:
    """One worker, so that it is one count."""
    words = ("workers=1", "items=5", "maxtasksperchild=0", "megabytes=2", "task_ms=0")

    printed = lines("pool-recycle", *words)

    assert printed[0] == "1 workers, 5 tasks, no limit to a worker"
    assert list(kept(printed).values()) == [[2, 4, 6, 8, 10]]


def test_all_images_but_the_broken_one_become_thumbnails(lines: Lines) -> None:
    """Each is reported as it is done, and the shares of the workers add up."""
    words = ("workers=3", "images=9", "width=400", "size=100")

    first, *others = lines("thumbnails", *words)

    assert first == "3 workers, 9 images"
    reports, summary, shares = others[:9], others[9], others[10:]
    assert [report.split("/")[0] for report in reports] == [str(n) for n in range(1, 10)]
    results = dict(report.split(" ", 1)[1].split(": ", 1) for report in reports)
    assert sorted(results) == [f"photo-{n:04}.jpg" for n in range(1, 10)]
    assert results.pop("photo-0001.jpg").startswith("error: ")
    assert set(results.values()) == {"100 x 75"}
    assert re.fullmatch(r"processed 8, failed 1, \d+\.\d\d s", summary)
    matches = [re.fullmatch(r"\w+PoolWorker-\d: (\d+) images", share) for share in shares]
    assert sum(int(match[1]) for match in matches if match) == 9


def test_all_files_may_be_broken(lines: Lines) -> None:
    """More than there are is no more than all."""
    printed = lines("thumbnails", "workers=1", "images=3", "broken=5", "width=64")

    assert printed[4].startswith("processed 0, failed 3, ")


def test_without_pillow_thumbnails_says_what_to_install(program: Run, tmp_path: Path) -> None:
    """In one line; all the rest works without it."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['PIL'] = None\n")

    done = program("thumbnails")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "thumbnails needs Pillow: pip install 'mpviz[images]'\n"
    assert "\nthumbnails " in program().stdout


def test_the_list_does_not_import_pillow(python: Run) -> None:
    """Nor does any other scenario."""
    done = python("-X", "importtime", "-m", "mpviz.scenarios")

    assert "thumbnails" in done.stdout
    assert "mpviz.scenarios.catalogue" in done.stderr
    assert "PIL" not in done.stderr
