"""Who may see and do what (D11, D19): roles, scopes, other tenants, lists and their cursors."""

from typing import Any

import pytest

from tests.integration.world import Json, Scene, World, http_event, problem, unique

UNKNOWN = {"type", "title", "title_zh", "status", "code"}


# ── Roles and scopes ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/orders", "/refunds", "/wallet", "/orders/ORDER"])
def test_who_is_merchant_and_buyer_says_as_which_they_call(world: World, path: str) -> None:
    """D11."""
    merchant_id, buyer_id = unique("m"), unique("b")
    both = world.person(merchant_id=merchant_id, buyer_id=buyer_id)
    sold = world.order(merchant_id, unique("b"))
    bought = world.order(unique("m"), buyer_id)
    unsaid = world.call(both, "GET", path.replace("ORDER", sold))
    assert problem(unsaid) == (400, "role_required")
    for role, own, others in [("merchant", sold, bought), ("buyer", bought, sold)]:
        answer = world.ok(both, "GET", f"{path.replace('ORDER', own)}?as={role}")
        assert others not in str(answer)
        assert (own in str(answer)) == path.startswith("/orders")
        if path == "/wallet":
            assert answer["role"] == role
        if "ORDER" in path:
            wrong = world.call(both, "GET", f"{path.replace('ORDER', others)}?as={role}")
            assert problem(wrong) == (404, "order_not_found")


@pytest.mark.parametrize("role", ["merchant", "buyer"])
def test_nobody_gets_a_role_by_asking_for_it(world: World, scene: Scene, role: str) -> None:
    """D11."""
    other = scene.buyer if role == "merchant" else scene.merchant
    for caller in (other, world.person(), world.operator, world.platform):
        refused = world.call(caller, "GET", f"/orders?as={role}")
        assert problem(refused) == (403, "membership_required")


def test_revoking_a_membership_acts_at_once(world: World, scene: Scene) -> None:
    world.ok(scene.buyer, "GET", "/wallet")
    world.ok(world.platform, "DELETE", f"/members/{scene.buyer.subject}", status=204)
    refused = world.call(scene.buyer, "GET", "/wallet")
    assert problem(refused) == (403, "membership_required")
    again = world.call(world.platform, "DELETE", f"/members/{scene.buyer.subject}")
    assert problem(again) == (404, "member_not_found")


WANTED = "refunds/wallet.credit"


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        (WANTED, 201),
        (f"{WANTED} refunds/orders.write", 201),
        (f"refunds/orders.write {WANTED}", 201),
        (f"[refunds/orders.write {WANTED}]", 201),
        (f"[{WANTED}]", 201),
        ([WANTED], 201),
        (["refunds/orders.write", WANTED], 201),
        ("refunds/wallet.credit2", 403),
        ("refunds/wallet.credi", 403),
        ("xrefunds/wallet.credit", 403),
        ("wallet.credit", 403),
        ("REFUNDS/WALLET.CREDIT", 403),
        ("refunds/orders.write,refunds/wallet.credit", 403),
        ("[refunds/wallet.credit2 refunds/orders.write]", 403),
        (["refunds/wallet.credit2"], 403),
        ([f"{WANTED} refunds/orders.write"], 403),
        ([[WANTED]], 403),
        ({WANTED: True}, 403),
        ("", 403),
        ("[]", 403),
        ([], 403),
        (None, 403),
        (7, 403),
    ],
    ids=str,
)
def test_a_scope_is_held_in_whichever_form_it_comes_and_never_by_likeness(
    world: World, scope: object, status: int
) -> None:
    """D11: as issuers and API Gateway hand claims over."""
    answer = credit_with(world, client_id=world.outputs.service_client_id, scope=scope)
    assert answer["statusCode"] == status


@pytest.mark.parametrize("client", ["people_client_id", "user_pool_id"])
def test_a_scope_is_worth_nothing_without_the_platform_s_client(world: World, client: str) -> None:
    answer = credit_with(world, client_id=getattr(world.outputs, client), scope=WANTED)
    assert answer["statusCode"] in {401, 403}


def credit_with(world: World, **claims: object) -> Json:
    merchant_id = unique("m")
    event = http_event(
        "POST",
        f"/merchants/{merchant_id}/wallet/credits",
        '{"amount": 5, "currency": "CNY", "source": "top_up", "target": "wallet"}',
        headers={"content-type": "application/json", "idempotency-key": unique("key")},
        context={"authorizer": {"jwt": {"claims": {"token_use": "access", **claims}}}},
    )
    answer: Json = world.invoke("manage_wallet", event)
    return answer


# ── Other tenants ───────────────────────────────────────────────────────────────────────────────


def test_what_is_another_s_is_answered_as_if_it_were_not_there(world: World, scene: Scene) -> None:
    """D19: in each call that names a thing, for each kind of stranger."""
    refund_id = world.accepted(scene.buyer, scene.order_id, 100)
    before = world.settled(scene.buyer, refund_id)
    buyer, merchant = world.buyer(), world.newcomer()

    def tried(name: str) -> list[tuple[Any, str, str, Json | None]]:
        refund = refund_id if name == "theirs" else "rf_unknown"
        order = scene.order_id if name == "theirs" else "o-unknown"
        wanted = {"order_id": order, "amount": 1, "goods_condition": "intact"}
        return [
            (buyer, "GET", f"/refunds/{refund}", None),
            (buyer, "POST", f"/refunds/{refund}/cancel", None),
            (buyer, "GET", f"/orders/{order}", None),
            (buyer, "POST", "/refunds", wanted),
            (buyer, "POST", "/refunds/preview", wanted),
            (buyer, "POST", "/refunds", wanted | {"goods_condition": "used"}),
            (merchant, "GET", f"/refunds/{refund}", None),
            (merchant, "GET", f"/orders/{order}", None),
        ]

    for theirs, unknown in zip(tried("theirs"), tried("unknown"), strict=True):
        answers = [
            world.call(caller, method, path, body, key=unique("key"))
            for caller, method, path, body in (theirs, unknown)
        ]
        assert problem(answers[0])[0] == 404
        assert answers[0].json() == answers[1].json()
        assert answers[0].json().keys() == UNKNOWN
    for stranger in (buyer, merchant):
        assert world.refunds(stranger) == []
        assert world.ok(stranger, "GET", "/orders")["items"] == []
        assert world.ok(stranger, "GET", "/wallet")["wallets"] == []
    assert world.refund(scene.merchant, refund_id) == before
    assert world.refundable(scene.buyer, scene.order_id) == 900


def test_a_merchant_cannot_cancel_or_ask_for_a_buyer(world: World, scene: Scene) -> None:
    """D19: not even of their own sale."""
    with world.debits_paused():
        refund_id = world.accepted(scene.buyer, scene.order_id, 100)
        cancel = world.call(scene.merchant, "POST", f"/refunds/{refund_id}/cancel")
        asked = world.ask(scene.merchant, scene.order_id, 100)
        assert world.refund(scene.merchant, refund_id)["status"] == "pending"
    assert problem(cancel) == problem(asked) == (403, "membership_required")
    world.settled(scene.buyer, refund_id)


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def long_list(world: World) -> tuple[Scene, list[str], list[str]]:
    """A scene with seven orders and a refund of each, newest first."""
    scene = world.scene()
    orders = [scene.order_id]
    orders += [world.order(scene.merchant.id, scene.buyer.id) for _ in range(6)]
    refunds = [world.accepted(scene.buyer, order_id, 5) for order_id in orders]
    for refund_id in refunds:
        world.settled(scene.buyer, refund_id)
    return scene, orders[::-1], refunds[::-1]


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
@pytest.mark.parametrize("role", ["merchant", "buyer"])
def test_pages_together_are_the_whole_list_newest_first(
    world: World, long_list: tuple[Scene, list[str], list[str]], role: str, limit: int
) -> None:
    scene, orders, refunds = long_list
    party = getattr(scene, role)
    for path, name, expected in [
        ("/orders", "order_id", orders),
        ("/refunds", "refund_id", refunds),
        ("/refunds?status=succeeded", "refund_id", refunds),
        ("/refunds?status=pending", "refund_id", []),
    ]:
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            query = f"limit={limit}" + (f"&cursor={cursor}" if cursor else "")
            page = world.ok(party, "GET", f"{path}{'&' if '?' in path else '?'}{query}")
            assert len(page["items"]) <= limit
            seen += [each[name] for each in page["items"]]
            cursor = page["next_cursor"]
        assert seen == expected


def test_a_cursor_is_good_only_for_the_caller_and_query_it_came_from(
    world: World, long_list: tuple[Scene, list[str], list[str]]
) -> None:
    scene, *_ = long_list
    cursor = world.ok(scene.buyer, "GET", "/refunds?limit=2")["next_cursor"]
    stranger = world.buyer()
    both = world.person(buyer_id=scene.buyer.id, merchant_id=scene.merchant.id)
    for caller, query in [
        (stranger, f"/refunds?cursor={cursor}"),
        (scene.merchant, f"/refunds?cursor={cursor}"),
        (both, f"/refunds?as=merchant&cursor={cursor}"),
        (scene.buyer, f"/orders?cursor={cursor}"),
        (scene.buyer, f"/refunds?status=succeeded&cursor={cursor}"),
        (scene.buyer, f"/refunds?cursor={cursor[:-2]}"),
        (scene.buyer, f"/refunds?cursor={cursor[4:]}"),
        (scene.buyer, "/refunds?cursor=garbage"),
        (scene.buyer, "/refunds?cursor=%00"),
        (scene.buyer, "/refunds?cursor=W10"),
        (world.operator, f"/certifications?cursor={cursor}"),
    ]:
        assert problem(world.call(caller, "GET", query)) == (400, "invalid_cursor"), query
    same = world.ok(both, "GET", f"/refunds?as=buyer&limit=2&cursor={cursor}")
    assert same == world.ok(scene.buyer, "GET", f"/refunds?limit=2&cursor={cursor}")


def test_operators_walk_through_all_that_is_submitted(world: World) -> None:
    merchants = [world.newcomer() for _ in range(3)]
    for merchant in merchants:
        application = {
            "company_name": "Tea",
            "unified_social_credit_code": "91110000600037341L",
            "legal_representative": "Lin",
            "contact": {"name": "Lin", "phone": "+8613800000000", "email": "lin@shop.example"},
            "documents": [{"kind": "business_licence", "reference": "licence"}],
        }
        world.ok(merchant, "POST", "/certification", application, status=201)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = "status=submitted&limit=2" + (f"&cursor={cursor}" if cursor else "")
        page = world.ok(world.operator, "GET", f"/certifications?{query}")
        seen += [each["merchant_id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen))
    assert {merchant.id for merchant in merchants} <= set(seen)
