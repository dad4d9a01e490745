"""A person at a browser of their own, and what the browser says besides what it shows."""

import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Route,
    expect,
)

from local import chromium
from tests.browser.words import words
from tests.integration.world import Person

WAIT_MS = 20_000
LOOK_MS = 20
YUAN = {"zh": "¥", "en": "CN¥"}
REFUSED = re.compile(r"Failed to load resource: .* status of (\d+)")
# From the console's own address. Nothing says beforehand that a merchant never applied, or that
# nothing was reconciled yet: the API's answer to these does, and Chromium writes each 404 into its
# console. The last is the sign-in page's icon, which is not ours.
NONE_YET = ("../certification", "../reconciliation", "/favicon.ico")


@dataclass
class Visitor:
    context: BrowserContext
    console: str
    """The console's address, with its slash."""
    language: str
    page: Page = field(init=False)
    refusals: set[int] = field(default_factory=set)
    """HTTP statuses that the test brings about: Chromium writes each into its console."""
    offline: bool = False
    unwanted: list[str] = field(default_factory=list)
    """What the browser complained of, and each request to another host."""

    def __post_init__(self) -> None:
        self.context.set_default_timeout(WAIT_MS)
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.unwanted.append(str(error.error)))
        self.context.on("request", self._see)
        self.page = self.context.new_page()

    @property
    def words(self) -> Any:
        return words(self.language)

    def open(self, address: str = "") -> None:
        self.page.goto(self.console + address)

    def sign_in(self, person: Person) -> None:
        chromium.sign_in(self.page, person.username, person.password)

    def follow(self, *names: str) -> None:
        """Click links of the menus and tabs, one after another."""
        for name in names:
            menus = self.page.get_by_role("navigation")
            menus.get_by_role("link", name=name, exact=True).click()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def fill(self, texts: dict[str, str]) -> None:
        """Type into fields by their labels; what is said behind a label (`optional`) is not it."""
        for label, text in texts.items():
            self.page.get_by_label(re.compile(rf"^{re.escape(label)}( \(.*)?$")).fill(text)

    def money(self, amount: int, *, signed: bool = False) -> str:
        """Fen as this person reads them."""
        sign = "-" if amount < 0 else "+" if signed and amount else ""
        return f"{sign}{YUAN[self.language]}{abs(amount) / 100:,.2f}"

    def shows(self, place: Locator, *amounts: int) -> None:
        """Exactly this money is to be seen there, in this order."""
        told = [self.money(amount) for amount in amounts]
        expect(place.locator(".amount")).to_have_text(told)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        refused = REFUSED.search(message.text)
        where = message.location["url"]
        none_yet = {urljoin(self.console, address) for address in NONE_YET}
        if refused and refused[1] == "404" and where in none_yet:
            return
        if refused and int(refused[1]) in self.refusals:
            return
        if self.offline and "net::ERR_" in message.text:
            return
        self.unwanted.append(f"{message.type}: {message.text} ({where})")

    def _see(self, request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme not in {"blob", "data"} and asked.netloc != urlsplit(self.console).netloc:
            self.unwanted.append(f"request to {asked.netloc}")


class Held:
    """Keeps what a page asks of an address waiting, for the test to answer."""

    def __init__(self, page: Page, address: str | re.Pattern[str]) -> None:
        self.page = page
        self.asked: list[Route] = []
        page.route(address, self._keep)

    def only(self) -> Route:
        """The one request so far. What the page shows of it can be seen before it is heard of."""
        give_up_at = time.monotonic() + WAIT_MS / 1000
        while not self.asked and time.monotonic() < give_up_at:
            self.page.wait_for_timeout(LOOK_MS)
        [route] = self.asked
        return route

    def _keep(self, route: Route) -> None:
        self.asked.append(route)
