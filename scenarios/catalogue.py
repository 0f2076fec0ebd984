"""The catalogue: which scenarios there are, and what each of them takes.

It reads the scenario files and imports neither them nor multiprocessing.
"""

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from mpviz.scenarios.files import modules_elsewhere, modules_here, source_of

CHAPTERS = (
    "the GIL",
    "processes",
    "pools",
    "talking",
    "sharing",
    "synchronization",
    "pitfalls",
    "real work",
)
"""The order of the list; any other chapter comes last."""

OLD_NAMES = {"lifecycle": "lab"}
"""Names that scenarios had before, which still find them."""

TOLD = (
    "CHAPTER",
    "ORDER",
    "START_METHODS",
    "HANGS",
    "HANGS_WITH",
    "LIMIT",
    "COMMANDS",
    "STEPPED",
)
"""The constants by which a scenario file tells about itself."""

START_METHODS = ("fork", "spawn", "forkserver")
"""What a scenario works under if it does not say otherwise."""

TEXT_LIMIT = 1000
"""Characters of a parameter that may be any text."""

Value = int | float | bool | str


class UnknownScenario(LookupError):
    """There is no such scenario; the text names the nearest in one line."""


class BadParameter(ValueError):
    """A word is not a valid parameter; the text says why in one line."""


@dataclass(frozen=True)
class Range:
    """What a scenario file says of an int or a float."""

    minimum: float
    maximum: float
    sentence: str


@dataclass(frozen=True)
class Choice:
    """What a scenario file says of a str."""

    choices: tuple[str, ...]
    sentence: str


@dataclass(frozen=True)
class Text:
    """What a scenario file says of a str that may be any text."""

    sentence: str


@dataclass(frozen=True)
class YesNo:
    """What a scenario file says of a bool."""

    sentence: str
    choices: tuple[str, ...] = ("yes", "no")


RULES: dict[tuple[str, str], tuple[type[Value], Callable[..., object]]] = {
    ("int", "Range"): (int, Range),
    ("float", "Range"): (float, Range),
    ("str", "Choice"): (str, Choice),
    ("str", "Text"): (str, Text),
    ("bool", "YesNo"): (bool, YesNo),
}
"""What may stand in Annotated[...], and what it stands for."""


@dataclass(frozen=True)
class Parameter:
    """One keyword parameter of a scenario's main."""

    name: str
    kind: type[Value]
    default: Value
    sentence: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether it may be any text."""
        return self.kind is str and not self.choices

    @property
    def allowed(self) -> str:
        """What may be given: "a whole number from 1 to 64", "yes or no"."""
        if self.is_text:
            return f"a text of at most {TEXT_LIMIT} characters"
        if self.choices:
            return _either(self.choices)
        number = "a whole number" if self.kind is int else "a number"
        return f"{number} from {self.minimum} to {self.maximum}"


@dataclass(frozen=True)
class Command:
    """A line that a scenario understands on its standard input."""

    key: str
    line: str
    """{n} stands for the number of a child."""
    words: str


@dataclass(frozen=True)
class Scenario:
    """One program to watch, as its file describes it."""

    name: str
    chapter: str
    order: float
    title: str
    sentence: str
    doc: str
    module: str
    path: Path
    parameters: tuple[Parameter, ...]
    start_methods: tuple[str, ...] = START_METHODS
    hangs: str = ""
    """What gets stuck for ever, by design; empty where nothing does."""
    hangs_with: Mapping[str, Value] = field(default_factory=dict)
    """Parameters with which it gets stuck; for a number, the minimum."""
    limit: float = 0.0
    """Seconds after which a run without a screen ends such a program."""
    commands: tuple[Command, ...] = ()
    """What can be said to it on its standard input."""
    stepped: Mapping[str, Value] = field(default_factory=dict)
    """Values with which it is short enough to be stepped through."""

    def hangs_given(self, values: Mapping[str, Value]) -> bool:
        """Say whether it gets stuck with these parameters."""
        return bool(self.hangs) and all(
            _is_so(values.get(name), wanted)
            for name, wanted in self.hangs_with.items()
        )


def _is_so(value: Value | None, wanted: Value) -> bool:
    """Say whether a value is as wanted: equal, or for numbers at least."""
    if isinstance(value, bool | str | None) or isinstance(
        wanted, bool | str
    ):
        return value == wanted
    return value >= wanted


def scenarios() -> dict[str, Scenario]:
    """Return all scenarios by name, in the order that teaches."""
    return dict(_read_all()[0])


def problems() -> tuple[str, ...]:
    """Return one line for each scenario that could not be read."""
    return _read_all()[1]


def find(name: str) -> Scenario:
    """Return the scenario of this name, or raise UnknownScenario."""
    found = scenarios()
    name = OLD_NAMES.get(name, name)
    if name in found:
        return found[name]
    for problem in problems():
        if problem.startswith(f"{name}: "):
            raise UnknownScenario(problem)
    nearest = _nearest(name, found)
    raise UnknownScenario(f"there is no scenario {_quoted(name)}{nearest}")


def parse(scenario: Scenario, words: Iterable[str]) -> dict[str, Value]:
    """Return a value for each parameter: the default, or "workers=8"."""
    parameters = {each.name: each for each in scenario.parameters}
    given: dict[str, Value] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise BadParameter(
                f"{_quoted(word)} is not of the form name=value"
            )
        if name not in parameters:
            known = ", ".join(parameters) or "no parameters"
            raise BadParameter(
                f"{scenario.name} has no parameter {_quoted(name)}"
                f"{_nearest(name, parameters)}; it takes {known}"
            )
        if name in given:
            raise BadParameter(f"{name} is given twice")
        given[name] = _value(parameters[name], text)
    defaults = {each.name: each.default for each in scenario.parameters}
    return defaults | given


def start_method(scenario: Scenario, wanted: str | None) -> str | None:
    """Return the start method to ask for; None for Python's own default.

    BadParameter for one that the scenario does not work under.
    """
    methods = scenario.start_methods
    if wanted is None:
        return None if len(methods) == len(START_METHODS) else methods[0]
    if wanted not in methods:
        needed = _either(methods)
        raise BadParameter(f"{scenario.name} needs {needed}, not {wanted}")
    return wanted


def _either(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def as_text(value: Value) -> str:
    """Write a value in the way that parse reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _value(parameter: Parameter, text: str) -> Value:
    if text in parameter.choices:
        return text == "yes" if parameter.kind is bool else text
    if parameter.is_text and len(text) <= TEXT_LIMIT:
        return text
    if parameter.minimum is not None and parameter.maximum is not None:
        number: float
        with suppress(ValueError):
            number = int(text) if parameter.kind is int else float(text)
            if parameter.minimum <= number <= parameter.maximum:
                return number  # Never nan: it is not within anything.
    raise BadParameter(
        f"{parameter.name} must be {parameter.allowed}, not {_quoted(text)}"
    )


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


def _nearest(name: str, names: Iterable[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - seldom needed

    nearest = get_close_matches(name[:40], names, n=1, cutoff=0)
    return f"; the nearest is {nearest[0]!r}" if nearest else ""


@cache
def _read_all() -> tuple[dict[str, Scenario], tuple[str, ...]]:
    """Read all scenario files; each that cannot be read is a problem."""
    found: dict[str, Scenario] = {}
    problems: list[str] = []
    modules = list(modules_here())
    # Whatever is wrong with one scenario, the others are listed.
    try:
        modules += modules_elsewhere()
    except Exception as error:
        problems.append(f"entry points: {_reason(error)}")
    for name, module, path, origin in modules:
        try:
            if name in found:
                raise ValueError(
                    f"{found[name].module} has this name already"
                )
            found[name] = _read(name, module, path or source_of(module))
        except Exception as error:
            problems.append(f"{name}: {_reason(error)} ({origin})")
    ordered = sorted(found.values(), key=_place)
    return {each.name: each for each in ordered}, tuple(problems)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _place(scenario: Scenario) -> tuple[int, str, float, str]:
    known = scenario.chapter in CHAPTERS
    chapter = CHAPTERS.index(scenario.chapter) if known else len(CHAPTERS)
    return chapter, scenario.chapter, scenario.order, scenario.name


def _read(name: str, module: str, path: Path) -> Scenario:
    """Read one scenario from its source, or raise and say what it lacks."""
    tree = ast.parse(path.read_bytes(), path.name)
    doc = ast.get_docstring(tree) or ""
    title, sentence = [*doc.split("\n\n"), "", ""][:2]
    if not sentence:
        raise ValueError(
            "its docstring needs a title and, as its second paragraph,"
            " a sentence on what to watch for"
        )
    constants: dict[str, ast.expr] = {}
    main = None
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=constant)], value=value):
                constants[constant] = value
            case ast.FunctionDef(name="main"):
                main = node
    if "CHAPTER" not in constants:
        raise ValueError('it needs a chapter, as in CHAPTER = "pools"')
    if main is None:
        raise ValueError("it needs a function: def main(*, ...)")
    told = {
        name: ast.literal_eval(value)
        for name, value in constants.items()
        if name in TOLD
    }
    if bool(told.get("HANGS")) != bool(told.get("LIMIT")):
        raise ValueError("HANGS and LIMIT, its seconds, go together")
    return Scenario(
        name=name,
        chapter=str(told["CHAPTER"]),
        order=float(told.get("ORDER", "inf")),
        title=" ".join(title.split()).rstrip("."),
        sentence=" ".join(sentence.split()),
        doc=doc,
        module=module,
        path=path,
        parameters=_parameters(main.args),
        start_methods=tuple(told.get("START_METHODS", START_METHODS)),
        hangs=" ".join(str(told.get("HANGS", "")).split()),
        hangs_with=dict(told.get("HANGS_WITH", {})),
        limit=float(told.get("LIMIT", 0)),
        commands=tuple(Command(*each) for each in told.get("COMMANDS", ())),
        stepped=dict(told.get("STEPPED", {})),
    )


def _parameters(main: ast.arguments) -> tuple[Parameter, ...]:
    if main.posonlyargs or main.args or main.vararg or main.kwarg:
        raise ValueError("its main takes keywords only: def main(*, ...)")
    return tuple(map(_parameter, main.kwonlyargs, main.kw_defaults))


def _parameter(argument: ast.arg, default: ast.expr | None) -> Parameter:
    """Read one, as in workers: Annotated[int, Range(1, 64, "...")] = 4."""
    if default is None:
        raise ValueError(f"{argument.arg} needs a default")
    match argument.annotation:
        case ast.Subscript(
            slice=ast.Tuple(
                elts=[
                    ast.Name(id=kind),
                    ast.Call(func=ast.Name(id=rule)) as call,
                ]
            )
        ) if (kind, rule) in RULES:
            make_kind, make_rule = RULES[kind, rule]
        case _:
            raise ValueError(
                f"{argument.arg} needs an annotation such as"
                ' Annotated[int, Range(1, 64, "what it is")]'
            )
    values = map(ast.literal_eval, call.args)
    named = {
        str(each.arg): ast.literal_eval(each.value)
        for each in call.keywords
    }
    parameter = Parameter(
        name=argument.arg,
        kind=make_kind,
        default=ast.literal_eval(default),
        **vars(make_rule(*values, **named)),
    )
    # A default has to be allowed as well.
    _value(parameter, as_text(parameter.default))
    return parameter
