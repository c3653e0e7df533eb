"""A real browser, Debian's or the machine's own: pages are opened in it with the network off."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser; where there is none the tests are skipped, but never under CI."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    place = found or (str(MACOS) if MACOS.exists() else None)
    if place is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium: `make browser` installs it on Debian")
        pytest.skip("no Chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=place, args=FLAGS)
        yield running
        running.close()


@dataclass
class Heard:
    """What a page said and asked for while it was open."""

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


@contextmanager
def opened(
    browser: Browser, path: Path, *, width: int = 1280, height: int = 900, **options: object
) -> Iterator[tuple[Page, Heard]]:
    """A page from disk, with the network off, and what was heard of it."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, offline=True, **options
    )
    page, heard = context.new_page(), Heard()
    page.set_default_timeout(20_000)
    page.on("console", lambda m: m.type in ("error", "warning") and heard.errors.append(m.text))
    page.on("pageerror", lambda error: heard.errors.append(str(error)))
    page.on("request", lambda request: heard.requests.append(request.url))

    def dismissed(dialog: object) -> None:
        heard.dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismissed)
    page.goto(path.as_uri())
    try:
        yield page, heard
    finally:
        context.close()
