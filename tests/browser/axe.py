"""What axe-core finds against WCAG 2.2 AA on a page, in both themes, wide and on a phone."""

from functools import cache
from itertools import product
from typing import Any, Literal

from playwright.sync_api import Page, ViewportSize, expect

from local import console

type Theme = Literal["light", "dark"]

WIDE: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
THEMES: tuple[Theme, ...] = ("light", "dark")
CRITERIA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = """
async criteria => (await axe.run({ runOnly: criteria, resultTypes: ["violations"] })).violations
"""
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@cache
def script() -> str:
    return (console.MODULES / "axe-core/axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, *sizes: ViewportSize) -> list[str]:
    """One line each; a page that scrolls sideways is one too."""
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.evaluate(script())
    lines = []
    for size, theme in product(sizes or (WIDE, PHONE), THEMES):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme)
        where = f"{page.url} {theme} {size['width']}"
        lines += [
            f"{where}: {line}" for each in page.evaluate(RUN, CRITERIA) for line in told(each)
        ]
        if page.evaluate(TOO_WIDE):
            lines.append(f"{where}: scrolls sideways")
    return lines


def told(violation: Any) -> list[str]:
    return [
        f"{violation['id']}: {node['failureSummary']} {node['html']}" for node in violation["nodes"]
    ]
