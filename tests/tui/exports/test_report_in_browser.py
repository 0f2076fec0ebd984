"""A real browser opens the report: it asks for nothing, runs nothing, and shows what it should."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from helpers.recordings import recorded
from mpviz.trace.model.events import Event
from mpviz.tui.exports import export, format_for

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(
        CHROMIUM is None, reason="there is no chromium here to open the report with"
    ),
]

WIDTHS = (1280, 400)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The system's own chromium, all of whose files lie in a folder of the test's."""
    home = str(tmp_path_factory.mktemp("b"))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            patch.setenv(name, home)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM)
            yield browser
            browser.close()


class Opened:
    """A page, and everything that its browser had to say of it."""

    def __init__(self, browser: Browser, file: Path, **settings: Any) -> None:
        self.context = browser.new_context(**settings)
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())
        self.text = self.page.inner_text("body")


def report(folder: Path, events: list[Event]) -> Path:
    file = folder / "report.html"
    export(recorded(folder, events), format_for(None, file.name), str(file), lambda share: None)
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_report_loads_no_other_file_and_fits_its_window(
    browser: Browser, tmp_path: Path, stream: list[Event], width: int, scheme: str
) -> None:
    file = report(tmp_path, stream)
    size = {"width": width, "height": 800}
    opened = Opened(browser, file, viewport=size, color_scheme=scheme)
    assert opened.said == []
    assert opened.requests == [file.as_uri()]
    for words in ("counting.py", "Findings", "Timeline", "waiting for a lock", "Process-2"):
        assert words in opened.text
    assert opened.page.evaluate("document.documentElement.scrollWidth") == width
    ground = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(251, 250, 247)", "dark": "rgb(16, 21, 28)"}[scheme]
    opened.context.close()


def test_the_report_reads_the_same_without_scripts(
    browser: Browser, tmp_path: Path, stream: list[Event]
) -> None:
    file = report(tmp_path, stream)
    with_scripts = Opened(browser, file)
    without = Opened(browser, file, java_script_enabled=False)
    assert without.text == with_scripts.text
    with_scripts.context.close()
    without.context.close()


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "</script><script>alert(2)</script>",
        "</style><svg onload=alert(3)>",
        "\"'><img src=https://example.invalid/x onerror=alert(4)>",
        "\x1b[31mred\x1b[0m",
    ],
)
def test_what_a_program_calls_its_processes_is_shown_and_nothing_else(
    browser: Browser, tmp_path: Path, stream: list[Event], name: str
) -> None:
    file = report(tmp_path, [renamed(event, name) for event in stream])
    opened = Opened(browser, file)
    assert opened.said == []
    assert opened.requests == [file.as_uri()]
    assert name.replace("\x1b[31m", "").replace("\x1b[0m", "") in opened.text
    assert opened.page.locator("script, img, iframe").count() == 0
    opened.context.close()


def renamed(event: Event, name: str) -> Event:
    event = copy(event)
    for field in ("name", "function", "target", "code", "kind"):
        if isinstance(getattr(event, field, None), str):
            setattr(event, field, name)
    return event
