"""The README's pictures, taken of the running product: a local AWS of its own, after the story."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import typer
from playwright.sync_api import Browser, Page, ViewportSize

from local import accounts, aws, chromium
from local.cast import Actor, Member
from local.cli import Stage, on_stage, told_to_the_person
from local.failures import CommandFailed
from local.paths import ROOT
from local.story import APPLICATION, POLICY, SHOP
from local.telling import Api
from local.terminal import step

IMAGES = ROOT / "docs" / "images"
LOCALES = {"zh": "zh-CN", "en": "en-US"}
SIZE: ViewportSize = {"width": 1280, "height": 800}
ANOTHER = {
    "company_name": "深圳前海数码有限公司",
    "unified_social_credit_code": "914403007152639475",
}
WAIT_MS = 60_000


@dataclass(frozen=True)
class Studio:
    """A browser, the people of the story, and how to call the product for them."""

    browser: Browser
    stage: Stage
    api: Api


def main() -> None:
    """Take them all anew."""
    path = chromium.executable()
    with told_to_the_person():
        if path is None:
            raise CommandFailed("No Chromium is here.", next_step=f"{chromium.TO_GET_ONE}.")
        with (
            on_stage(None) as stage,
            aws.http(stage.endpoint) as http,
            chromium.launched(path) as browser,
        ):
            take_all(Studio(browser, stage, Api(http, stage.outputs.api_url)))


def take_all(studio: Studio) -> None:
    cast = studio.stage.cast
    [refund, *_] = studio.api.call(cast.buyer, "GET", "/refunds?status=succeeded")["items"]
    apply(studio)
    for language in LOCALES:
        with picture(studio, cast.operator, "operator-decides", language) as page:
            page.locator("tbody tr").first.wait_for()
    certify_the_newcomer(studio)
    for language in LOCALES:
        with picture(studio, cast.buyer, "buyer-follows", language) as page:
            page.goto(f"{studio.stage.outputs.console_url}buyer/refunds/{refund['refund_id']}")
            page.locator(".timeline .good").wait_for()
        with picture(studio, cast.newcomer, "merchant-confirms", language) as page:
            page.goto(f"{studio.stage.outputs.console_url}merchant/settlement")
            page.locator(".form-end .primary").click()
            page.locator(".digest + .hint").wait_for()
            page.locator(".check input").check()


@contextmanager
def picture(studio: Studio, member: Member, name: str, language: str) -> Iterator[Page]:
    """What this person's browser shows when the block is left, kept under this name."""
    file = IMAGES / f"{name}.{language}.png"
    with step(file.relative_to(ROOT).as_posix()):
        page = studio.browser.new_page(
            locale=LOCALES[language], viewport=SIZE, color_scheme="light", timezone_id="UTC"
        )
        page.set_default_timeout(WAIT_MS)
        page.goto(studio.stage.outputs.console_url)
        chromium.sign_in(page, member.account.username, member.account.password)
        page.locator("h1").wait_for()
        yield page
        page.locator("[aria-busy=true]").first.wait_for(state="detached")
        whole = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({**SIZE, "height": whole})
        page.screenshot(path=file)
        page.context.close()


def apply(studio: Studio) -> None:
    """The newcomer's shop and another wait for the operator's decision."""
    cast, endpoint, outputs = studio.stage.cast, studio.stage.endpoint, studio.stage.outputs
    merchant_id = f"{cast.merchant_id}-2"
    account = accounts.create_person(endpoint, outputs, merchant_id)
    membership = {"merchant_id": merchant_id}
    studio.api.call(cast.platform, "PUT", f"/members/{account.subject}", membership)
    another = Actor("another", accounts.person_token(endpoint, outputs, account))
    for applicant, application in (
        (cast.newcomer, APPLICATION),
        (another, APPLICATION | ANOTHER),
    ):
        studio.api.call(applicant, "PUT", "/shop", SHOP)
        studio.api.call(applicant, "POST", "/certification", application, expect=201)


def certify_the_newcomer(studio: Studio) -> None:
    cast = studio.stage.cast
    decision = {"decision": "certified", "reason": "营业执照已核对 licence checked"}
    path = f"/certifications/{cast.newcomer.acts_for}/decision"
    studio.api.call(cast.operator, "POST", path, decision)
    studio.api.call(cast.newcomer, "PUT", "/refund-policy/draft", POLICY)


if __name__ == "__main__":
    typer.run(main)
