"""Words become values: what is right is taken, what is wrong gets one line that says what is."""

from pathlib import Path

import pytest

from mpviz.scenarios import catalogue
from mpviz.scenarios.catalogue import BadParameter, Parameter, Scenario

SCENARIO = Scenario(
    name="demo",
    chapter="pools",
    order=1,
    title="A demo",
    sentence="Watch it.",
    doc="",
    module="demo",
    path=Path("demo.py"),
    parameters=(
        Parameter("workers", int, 4, "processes", minimum=1, maximum=64),
        Parameter("rate", float, 2.5, "a second", minimum=-1, maximum=1000),
        Parameter("lock", bool, True, "hold a lock", choices=("yes", "no")),
        Parameter("order", str, "first", "which one", choices=("first", "last", "any")),
    ),
)


def test_what_is_not_given_has_its_default() -> None:
    """So a run always knows the value of every parameter."""
    values = {"workers": 4, "rate": 2.5, "lock": True, "order": "first"}

    assert catalogue.parse(SCENARIO, []) == values
    assert catalogue.parse(SCENARIO, ["workers=8"]) == values | {"workers": 8}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("workers=1", 1),
        ("workers=64", 64),
        ("rate=-1", -1.0),
        ("rate=0", 0.0),
        ("rate=1e2", 100.0),
        ("lock=yes", True),
        ("lock=no", False),
        ("order=any", "any"),
    ],
)
def test_a_word_becomes_a_value_of_the_right_kind(word: str, value: catalogue.Value) -> None:
    """Whole numbers are int, others float, yes and no are bool."""
    name = word.partition("=")[0]

    parsed = catalogue.parse(SCENARIO, [word])[name]

    assert (type(parsed), parsed) == (type(value), value)
    assert catalogue.parse(SCENARIO, [f"{name}={catalogue.as_text(parsed)}"])[name] == value


WORKERS = "workers must be a whole number from 1 to 64, not "
RATE = "rate must be a number from -1 to 1000, not "
TAKES = "it takes workers, rate, lock, order"


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("workers=0", WORKERS + "'0'"),
        ("workers=65", WORKERS + "'65'"),
        ("workers=-1", WORKERS + "'-1'"),
        ("workers=", WORKERS + "''"),
        ("workers=2.0", WORKERS + "'2.0'"),
        ("workers=many", WORKERS + "'many'"),
        ("workers=2=2", WORKERS + "'2=2'"),
        ("workers=" + 30 * "9", WORKERS + f"'{30 * '9'}'"),
        ("workers=" + 9999 * "9", WORKERS + f"'{40 * '9'}...'"),
        ("workers=two\nthree", WORKERS + r"'two\nthree'"),
        ("rate=nan", RATE + "'nan'"),
        ("rate=inf", RATE + "'inf'"),
        ("rate=-inf", RATE + "'-inf'"),
        ("rate=1e999", RATE + "'1e999'"),
        ("rate=", RATE + "''"),
        ("lock=true", "lock must be yes or no, not 'true'"),
        ("lock=", "lock must be yes or no, not ''"),
        ("order=none", "order must be first, last or any, not 'none'"),
        ("workers", "'workers' is not of the form name=value"),
        ("", "'' is not of the form name=value"),
        ("wrokers=8", f"demo has no parameter 'wrokers'; the nearest is 'workers'; {TAKES}"),
        ("Lock=no", f"demo has no parameter 'Lock'; the nearest is 'lock'; {TAKES}"),
    ],
)
def test_a_wrong_word_gets_one_line(word: str, complaint: str) -> None:
    """It says what is allowed."""
    with pytest.raises(BadParameter) as caught:
        catalogue.parse(SCENARIO, [word])

    assert str(caught.value) == complaint


def test_a_parameter_is_given_once() -> None:
    """Even if both times it is the same."""
    with pytest.raises(BadParameter, match=r"^workers is given twice$"):
        catalogue.parse(SCENARIO, ["workers=8", "lock=no", "workers=8"])


def test_a_scenario_may_take_nothing() -> None:
    """Then there is no nearest name."""
    bare = Scenario("bare", "pools", 1, "", "", "", "bare", Path("bare.py"), ())

    assert catalogue.parse(bare, []) == {}
    with pytest.raises(BadParameter, match=r"^bare has no parameter 'x'; it takes no parameters$"):
        catalogue.parse(bare, ["x=1"])
