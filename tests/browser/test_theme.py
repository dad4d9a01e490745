"""Light, dark, or as the system has it: chosen by a person, at once and for good."""

from playwright.sync_api import Page, expect

from tests.browser.axe import Theme
from tests.browser.conftest import Visit
from tests.browser.visitor import Visitor
from tests.integration.world import Scene

LIGHT, DARK = "rgb(243, 244, 247)", "rgb(18, 20, 26)"


def choose(visitor: Visitor, choice: str) -> None:
    words = visitor.words.theme
    visitor.page.get_by_label(words.label).select_option(label=getattr(words, choice))


def shows(page: Page, background: str) -> None:
    expect(page.locator("body")).to_have_css("background-color", background)


def is_kept(visitor: Visitor, choice: str, background: str, *, against: Theme) -> None:
    """Over a reload, on the next screen, and whatever the system has."""
    page = visitor.page
    page.emulate_media(color_scheme=against)
    page.reload()
    chosen = getattr(visitor.words.theme, choice)
    expect(page.get_by_label(visitor.words.theme.label).locator(":checked")).to_have_text(chosen)
    shows(page, background)
    visitor.open("merchant/wallet")
    shows(page, background)


def test_until_one_is_chosen_the_theme_is_the_system_s(visit: Visit) -> None:
    page = visit(color_scheme="dark").page
    shows(page, DARK)
    page.emulate_media(color_scheme="light")
    shows(page, LIGHT)


def test_a_chosen_theme_is_shown_at_once_and_kept(visit: Visit, scene: Scene) -> None:
    seller = visit(scene.merchant, color_scheme="light")
    choose(seller, "dark")
    shows(seller.page, DARK)
    is_kept(seller, "dark", DARK, against="light")
    choose(seller, "light")
    shows(seller.page, LIGHT)
    is_kept(seller, "light", LIGHT, against="dark")


def test_the_system_s_theme_can_be_had_again(visit: Visit, scene: Scene) -> None:
    seller = visit(scene.merchant, color_scheme="dark", language="zh")
    choose(seller, "light")
    shows(seller.page, LIGHT)
    choose(seller, "auto")
    shows(seller.page, DARK)
    is_kept(seller, "auto", LIGHT, against="light")
