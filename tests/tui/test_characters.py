"""Which terminals get only ASCII."""

import os
import subprocess
import sys

import pytest

from mpviz.tui.characters import first_environment, is_ascii_only


@pytest.mark.parametrize(
    ("encoding", "environment"),
    [
        ("utf-8", {}),
        ("utf-8", {"LANG": "C.UTF-8"}),
        ("UTF-8", {"LANG": "de_DE.utf8"}),
        ("utf-8", {"LANG": "de_DE.UTF-8@euro"}),
        ("utf-8", {"LANG": "en_US"}),
        ("utf-8", {"LC_CTYPE": "C.UTF-8", "LANG": "C"}),
        ("utf-8", {"LC_ALL": "", "LANG": "en_US.UTF-8"}),
        ("utf-8", {"PYTHONIOENCODING": "utf-8", "LANG": "C"}),
        ("utf-8", {"PYTHONUTF8": "1", "LC_ALL": "C"}),
    ],
)
def test_all_characters(encoding: str, environment: dict[str, str]) -> None:
    assert not is_ascii_only(encoding, environment)


@pytest.mark.parametrize(
    ("encoding", "environment"),
    [
        (None, {}),
        ("ascii", {"LANG": "C.UTF-8"}),
        ("iso8859-1", {"LANG": "de_DE"}),
        ("utf-8", {"LANG": "C"}),
        ("utf-8", {"LC_ALL": "POSIX", "LANG": "C.UTF-8"}),
        ("utf-8", {"LC_CTYPE": "C"}),
        ("utf-8", {"LANG": "de_DE.ISO-8859-1"}),
    ],
)
def test_only_ascii(encoding: str | None, environment: dict[str, str]) -> None:
    assert is_ascii_only(encoding, environment)


def test_the_first_environment_has_no_locale_that_python_put_there() -> None:
    code = (
        "import os; from mpviz.tui.characters import first_environment as first;"
        "print(os.environ.get('LC_CTYPE'), first().get('LC_CTYPE'), first()['LANG'])"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "PYTHON"))}
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "LANG": "C"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert said.split() == ["C.UTF-8", "None", "C"]
    assert first_environment()
