"""A Chromium that this machine has, driven by Playwright: for tests, measurements and pictures."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
TO_GET_ONE = "apt-get install chromium, or put any Chromium or Chrome on PATH"
# It is to call nobody but the console: not its maker, not by another protocol.
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


def executable() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def launched(path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=FLAGS,
            chromium_sandbox=os.geteuid() != 0,  # it refuses root
        )
        yield browser
        browser.close()


def sign_in(page: Page, username: str, password: str) -> None:
    """From the console's sign-in button, over the hosted page, back to where the person was."""
    console: str = page.evaluate("document.baseURI")
    page.locator(".welcome .button.primary, dialog .button.primary").click()
    page.locator("[name=username]").fill(username)
    page.locator("[name=password]").fill(password)
    page.locator("[type=submit]").click()
    page.wait_for_url(lambda url: url.startswith(console) and "code=" not in url)
