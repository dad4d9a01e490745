import httpx
import pytest

from local import story, telling
from local.cast import Actor
from local.failures import UnexpectedAnswer

BUYER = Actor("buyer", "the-token")
PROBLEM = {"code": "goods_not_intact", "title": "The goods are not intact", "status": 422}


def api_answering(status: int, body: dict[str, object], seen: list[httpx.Request]) -> telling.Api:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, json=body)

    http = httpx.Client(transport=httpx.MockTransport(answer))
    return telling.Api(http, "http://127.0.0.1/api")


def test_a_call_is_made_as_the_actor_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[httpx.Request] = []
    api = api_answering(200, {"wallets": []}, seen)
    assert api.call(BUYER, "GET", "/wallet", key="once") == {"wallets": []}
    assert seen[0].headers["authorization"] == "Bearer the-token"
    assert seen[0].headers["idempotency-key"] == "once"
    printed = capsys.readouterr().out
    assert "/wallet" in printed
    assert "200" in printed
    assert "the-token" not in printed


def test_a_refusal_that_the_story_expects_is_printed_with_its_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    api = api_answering(422, PROBLEM, [])
    api.call(BUYER, "POST", "/refunds", {}, expect=422, code="goods_not_intact")
    assert "goods_not_intact: The goods are not intact" in capsys.readouterr().out


@pytest.mark.parametrize(("status", "code"), [(200, None), (422, "refund_window_closed")])
def test_any_other_answer_ends_the_story(status: int, code: str | None) -> None:
    api = api_answering(422, PROBLEM, [])
    with pytest.raises(UnexpectedAnswer, match="answered 422"):
        api.call(BUYER, "POST", "/refunds", {}, expect=status, code=code)


def test_wallets_that_moved_otherwise_end_the_story() -> None:
    before = {"merchant": 10_000, "buyer": 0}
    story.show_wallets(before, {"merchant": 100, "buyer": 9_900})
    with pytest.raises(UnexpectedAnswer, match="moved by"):
        story.show_wallets(before, {"merchant": 100, "buyer": 0})


def test_money_is_shown_in_yuan_and_reckoned_in_fen() -> None:
    assert telling.yuan(123_456) == "1,234.56 CNY"
    assert telling.yuan(-9_900, sign="+") == "-99.00 CNY"
