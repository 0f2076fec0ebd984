"""The catalogue is derived: a file in the folder is a scenario, and it says what the file says."""

import importlib
import inspect
import json
import shutil
import textwrap
import typing
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from mpviz.scenarios import catalogue

Run = Callable[..., CompletedProcess[str]]

ALL = list(catalogue.scenarios().values())


def test_every_scenario_is_found_in_the_order_that_teaches() -> None:
    """By chapter, then by the order in the chapter."""
    places = [(catalogue.CHAPTERS.index(each.chapter), each.order) for each in ALL]
    assert places == sorted(places)
    first_of_chapters = {each.chapter: each.name for each in reversed(ALL)}
    assert first_of_chapters == {
        "the GIL": "gil-race",
        "processes": "two-workers",
        "pools": "pool-map",
        "talking": "producer-consumer",
        "sharing": "shared-counter",
        "synchronization": "event-gate",
        "pitfalls": "pickling",
        "real work": "thumbnails",
    }
    files = Path(catalogue.__file__).parent.glob("*.py")
    named = {path.stem.replace("_", "-") for path in files if "\nCHAPTER = " in path.read_text()}
    assert {each.name for each in ALL} == named
    assert catalogue.problems() == ()


@pytest.mark.parametrize("scenario", ALL, ids=lambda each: each.name)
def test_the_catalogue_says_what_the_program_says(scenario: catalogue.Scenario) -> None:
    """It only reads the source; here the module is imported and asked."""
    module = importlib.import_module(scenario.module)
    rules = typing.get_type_hints(module.main, include_extras=True)

    assert scenario.doc == inspect.getdoc(module)
    assert scenario.path == Path(inspect.getfile(module))
    signature = inspect.signature(module.main).parameters.values()
    assert [each.name for each in signature] == [each.name for each in scenario.parameters]
    for actual, read in zip(signature, scenario.parameters, strict=True):
        kind, rule = typing.get_args(rules[read.name])
        assert (actual.kind, actual.default) == (inspect.Parameter.KEYWORD_ONLY, read.default)
        assert kind is read.kind
        for name, value in vars(rule).items():
            assert getattr(read, name) == value


@pytest.mark.parametrize("scenario", ALL, ids=lambda each: each.name)
def test_every_scenario_explains_itself(scenario: catalogue.Scenario) -> None:
    """One sentence on what to watch for, a chapter that we know, words for every parameter."""
    assert scenario.chapter in catalogue.CHAPTERS
    assert scenario.title
    assert scenario.sentence.startswith("Watch ")
    assert scenario.sentence.endswith(".")
    assert len(scenario.sentence) <= 76
    assert all(parameter.sentence for parameter in scenario.parameters)


def test_find_names_the_nearest() -> None:
    """A name is easily mistyped."""
    assert catalogue.find("pool-map").module == "mpviz.scenarios.pool_map"
    with pytest.raises(catalogue.UnknownScenario) as caught:
        catalogue.find("share-count")
    assert str(caught.value) == (
        "there is no scenario 'share-count'; the nearest is 'shared-counter'"
    )


READ = """
import json
from mpviz.scenarios import catalogue
chapters = {name: each.chapter for name, each in catalogue.scenarios().items()}
print(json.dumps([chapters, catalogue.problems()]))
"""

GOOD = '''
"""A title.

Watch it.
"""
CHAPTER = "pools"
def main(*, times: Annotated[int, Range(1, 9, "how often")] = 2) -> None: ...
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the scenarios to a place that the python fixture finds first."""
    here = Path(inspect.getfile(catalogue)).parent
    copy = tmp_path / "mpviz" / "scenarios"
    shutil.copytree(here, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def test_adding_a_scenario_is_adding_one_file(folder: Path, python: Run) -> None:
    """Without an ORDER it comes last in its chapter, and a chapter of its own comes last."""
    (folder / "extra.py").write_text(GOOD)
    (folder / "a_first.py").write_text(GOOD + "ORDER = 0.5\n")
    (folder / "own.py").write_text(GOOD.replace("pools", "a chapter"))

    chapters, problems = json.loads(python("-c", READ).stdout)

    pools = [name for name, chapter in chapters.items() if chapter == "pools"]
    assert (pools[0], pools[-1]) == ("a-first", "extra")
    assert list(chapters.items())[-1] == ("own", "a chapter")
    assert set(chapters) == {*catalogue.scenarios(), "a-first", "extra", "own"}
    assert problems == []


ANNOTATE = 'times needs an annotation such as Annotated[int, Range(1, 64, "what it is")]'
EXPLAIN = (
    "its docstring needs a title and, as its second paragraph, a sentence on what to watch for"
)


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        ("Watch it.", "", EXPLAIN),
        ("CHAPTER", "SECTION", 'it needs a chapter, as in CHAPTER = "pools"'),
        ("def main", "def start", "it needs a function: def main(*, ...)"),
        ("(*, ", "(", "its main takes keywords only: def main(*, ...)"),
        (" = 2", "", "times needs a default"),
        (" = 2", " = 10", "times must be a whole number from 1 to 9, not '10'"),
        (" = 2", ' = "2.5"', "times must be a whole number from 1 to 9, not '2.5'"),
        ("Annotated[int, Range(1, 9, 'how often')]".replace("'", '"'), "int", ANNOTATE),
        ("[int", "[str", ANNOTATE),
        ("None: ...", "None ...", "expected ':' (wrong.py, line 7)"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem_in_one_line(
    folder: Path, python: Run, right: str, wrong: str, reason: str
) -> None:
    """The others are listed all the same."""
    assert right in GOOD
    (folder / "wrong.py").write_text(GOOD.replace(right, wrong))

    chapters, problems = json.loads(python("-c", READ).stdout)

    assert list(chapters) == list(catalogue.scenarios())
    assert problems == [f"wrong: {reason} (wrong.py)"]


def test_numbers_may_be_negative_and_words_a_choice(folder: Path, python: Run) -> None:
    """Every kind of annotation, by position or by name."""
    parameters = """
        low: Annotated[int, Range(minimum=-5, maximum=-1, sentence="low")] = -2,
        part: Annotated[float, Range(0, 0.5, "part")] = 0.25,
        way: Annotated[str, Choice(("up", "down"), "way")] = "up",
        loud: Annotated[bool, YesNo("loud")] = False,
    """
    extra = GOOD.replace("*, times", f"*,{textwrap.dedent(parameters)}times")
    (folder / "extra.py").write_text(extra)
    code = "from mpviz.scenarios.catalogue import find\n"
    code += "for each in find('extra').parameters: print(each.name, each.default, each.allowed)"

    assert python("-c", code).stdout.splitlines() == [
        "low -2 a whole number from -5 to -1",
        "part 0.25 a number from 0 to 0.5",
        "way up up or down",
        "loud False yes or no",
        "times 2 a whole number from 1 to 9",
    ]
