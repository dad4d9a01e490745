"""The API's page: a call tried from it reaches the API, under whatever address it is served."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.integration.world import Scene, World


def test_a_call_is_tried_from_the_page(visit: Visit, world: World, scene: Scene) -> None:
    page = visit().page
    page.goto(f"{world.outputs.api_url}/docs")
    call = page.locator(".opblock").filter(has_text="/merchants/{merchant_id}/refund-policy")
    call.locator(".opblock-summary-control").click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_placeholder("merchant_id").fill(scene.merchant.id)
    call.get_by_role("button", name="Execute").click()
    answer = call.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("200")
    expect(answer).to_contain_text("enabled_since")


def test_the_page_s_link_to_its_document_is_json(world: World) -> None:
    answer = world.call(None, "GET", "/docs", params={"format": "json"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["servers"] == [{"url": "./"}]
