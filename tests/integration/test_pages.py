"""What answers without a token, and what answers where there is nothing."""

import pytest

from local.openapi import DOCUMENT
from tests.integration.world import World, problem


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/no-such-call", "/refunds/a/b/c", "/refund-policy/draft/x"])
def test_an_unknown_call_is_a_problem_document(world: World, method: str, path: str) -> None:
    body = {"any": "thing"} if method != "GET" else None
    answer = world.call(None, method, path, body)
    assert problem(answer) == (404, "route_not_found")
    assert answer.json()["title_zh"]


def test_the_page_of_the_api_needs_nothing_from_elsewhere(world: World) -> None:
    page = world.call(None, "GET", "/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for loaded in ('src="http', "src='http", 'href="http', "//cdn", "url(http"):
        assert loaded not in page.text


def test_the_document_is_the_one_that_is_committed(world: World) -> None:
    answer = world.call(None, "GET", "/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == DOCUMENT.read_text(encoding="utf-8")
