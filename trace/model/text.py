"""The one place where strings from observed programs are made harmless."""

import re

LIMIT = 4096
"""Maximum number of characters of a string; a longer one is cut and ends in an ellipsis."""

# C0 and C1 controls, DEL, lone surrogates, and the marks that reorder or hide text on a screen.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~])", re.DOTALL
)

# Surrogates that stand for bytes of a path or an argument that Python could not decode (PEP 383).
_BYTES = re.compile("[\udc80-\udcff]+")


def clean(text: str) -> str:
    """Drop terminal escape sequences, show other controls as ``·``, turn tabs into spaces.

    A byte of a path or an argument that is not UTF-8 becomes ``\\xe9``, as a shell would write it.
    """
    text = _cut(text)
    if text.isascii() and text.isprintable():
        return text
    text = _ESCAPE.sub("", text).replace("\t", "    ")
    text = _BYTES.sub(_decoded, text)
    return _UNSAFE.sub("·", _cut(text))


def _decoded(found: re.Match[str]) -> str:
    octets = bytes(ord(character) - 0xDC00 for character in found[0])
    return octets.decode("utf-8", "backslashreplace")


def _cut(text: str) -> str:
    return text[: LIMIT - 1] + "…" if len(text) > LIMIT else text
