"""The console as a person meets it: in Chromium, against the product on the local AWS."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from local import chromium
from local.paths import STATE
from tests.browser.axe import WIDE
from tests.browser.visitor import WAIT_MS, Visitor
from tests.integration.world import APPLICATION, Party, Person, World
from tests.lacking import leave_out

LOCALES = {"zh": "zh-CN", "en": "en-US"}

type Visit = Callable[..., Visitor]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium.executable()
    if path is None:
        told = f"The browser tests need a Chromium. To get one: {chromium.TO_GET_ONE}"
        leave_out(told, unless="REQUIRE_BROWSER")
    with chromium.launched(path) as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, world: World, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Opens a browser for a person; in the end, none complained or called another host."""
    expect.set_options(timeout=WAIT_MS)
    visitors: list[Visitor] = []
    failed_before = request.session.testsfailed

    def visit(
        person: Person | None = None,
        *,
        language: str = "en",
        beside: Visitor | None = None,
        **context: Any,
    ) -> Visitor:
        """With a browser of their own; or in another tab, beside that one."""
        given = {"locale": LOCALES[language], "viewport": WIDE, **context}
        opened = beside.context if beside else browser.new_context(**given)
        visitor = Visitor(opened, world.outputs.console_url, language)
        visitors.append(visitor)
        visitor.open()
        if person:
            visitor.sign_in(person)
        return visitor

    yield visit
    if request.session.testsfailed > failed_before:
        for number, visitor in enumerate(visitors):
            picture = STATE / "browser" / f"{request.node.name}-{number}.png"
            visitor.page.screenshot(path=picture, full_page=True)
    for visitor in visitors:
        visitor.context.close()
    assert [each.unwanted for each in visitors] == [[] for _ in visitors]


@pytest.fixture
def applicant(world: World) -> Party:
    """A merchant whose certification is to be decided."""
    applicant = world.newcomer()
    world.ok(applicant, "POST", "/certification", APPLICATION, status=201)
    return applicant
