"""How soon the console's first screens can be used: from the click on its address to the button.

In Chromium, by the page's own clock, against the product on a local AWS after the story.
"""

from collections.abc import Iterator
from statistics import median, quantiles

import typer
from playwright.sync_api import Browser, Page

from bench import report
from local import chromium
from local.cli import Stage, on_stage, told_to_the_person
from local.failures import CommandFailed

TRIES = 15
WAIT_MS = 60_000
SIGN_IN = ".welcome .button.primary"
FIRST_SCREENS = {
    "merchant": ("the four steps", ".four .button"),
    "buyer": ("the orders", "tbody .button"),
    "operator": ("the certifications to decide", ".empty, tbody .button"),
}
# In the frame after the one that finds it, that one has been painted.
WATCH = """selector => {
  window.usableAt = new Promise(tell => {
    const look = () => requestAnimationFrame(
      document.querySelector(selector) ? () => tell(performance.now()) : look
    );
    look();
  });
}"""


def main() -> None:
    """Measure, and put the table into docs/performance.md."""
    path = chromium.executable()
    with told_to_the_person():
        if path is None:
            raise CommandFailed("No Chromium is here.", next_step=f"{chromium.TO_GET_ONE}.")
        with on_stage(None) as stage, chromium.launched(path) as browser:
            found = dict(measured(browser, stage))
            version = browser.version
    rows = [
        [
            name,
            cache,
            *(f"{ms:.0f}" for ms in (min(tries), median(tries), quantiles(tries, n=10)[-1])),
        ]
        for (name, cache), tries in found.items()
    ]
    said = [
        *report.table(["first screen", "cache", "least, ms", "median, ms", "p90, ms"], rows),
        "",
        f"{TRIES} loads each, functions already started. Chromium {version}.",
    ]
    kept = {f"{name}, {cache}": tries for (name, cache), tries in found.items()}
    report.publish("first-screen", said, kept)


def measured(browser: Browser, stage: Stage) -> Iterator[tuple[tuple[str, str], list[float]]]:
    page = opened(browser, stage)
    yield from loads(page, stage, "sign in", SIGN_IN)
    accounts = {member.name: member.account for member in stage.cast.people}
    for role, (name, selector) in FIRST_SCREENS.items():
        page = opened(browser, stage)
        chromium.sign_in(page, accounts[role].username, accounts[role].password)
        page.locator(selector).first.wait_for()
        yield from loads(page, stage, f"{role}: {name}", selector)


def opened(browser: Browser, stage: Stage) -> Page:
    page = browser.new_page(locale="zh-CN")
    page.set_default_timeout(WAIT_MS)
    page.goto(stage.outputs.console_url)
    return page


def loads(
    page: Page, stage: Stage, name: str, selector: str
) -> Iterator[tuple[tuple[str, str], list[float]]]:
    """With the cache switched off, then with what the loads before have left in it."""
    browser_itself = page.context.new_cdp_session(page)
    page.add_init_script(f"({WATCH})({selector!r})")
    for cache in ("empty", "filled"):
        browser_itself.send("Network.enable")
        browser_itself.send("Network.setCacheDisabled", {"cacheDisabled": cache == "empty"})
        page.goto(stage.outputs.console_url)
        yield (name, cache), [usable_at(page, stage) for _ in range(TRIES)]
    page.context.close()


def usable_at(page: Page, stage: Stage) -> float:
    """Milliseconds from the beginning of the navigation."""
    page.goto(stage.outputs.console_url)
    milliseconds: float = page.evaluate("window.usableAt")
    return milliseconds


if __name__ == "__main__":
    typer.run(main)
