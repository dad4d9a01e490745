"""No token, secret, statement text or personal datum is in any log line."""

import json
import re
from datetime import UTC, datetime

from tests.integration.world import (
    FUNCTIONS,
    Json,
    World,
    http_event,
    unique,
    until,
)

LINES = re.compile(r'"message": ?"(\w+)"')


def test_no_log_line_holds_what_is_secret_or_personal(world: World) -> None:
    """A whole story, each secret or personal field of it a marker that no log may have."""
    marks = Marks()
    merchant = world.certified_merchant(
        shop={
            "name": marks.text("shop"),
            "logo_url": f"https://{marks.text('logo')}.example/logo.png",
            "category": marks.text("category"),
            "customer_service_phone": marks.phone(),
            "return_address": {
                "recipient": marks.text("recipient"),
                "phone": marks.phone(),
                "province": marks.text("province"),
                "city": marks.text("city"),
                "street": marks.text("street"),
            },
        },
        application={
            "company_name": marks.text("company"),
            "unified_social_credit_code": marks.whole("91350100M000100Y43"),
            "legal_representative": marks.text("representative"),
            "contact": {
                "name": marks.text("contact"),
                "phone": marks.phone(),
                "email": f"{marks.text('mail')}@shop.example",
            },
            "documents": [{"kind": "business_licence", "reference": marks.text("document")}],
        },
        reason=marks.text("decision"),
    )
    statement = {"reasons": marks.text("reasons"), "handling": marks.text("handling")}
    terms = {"instant_refund": True, "statement": statement}
    digest = world.ok(merchant, "PUT", "/refund-policy/draft", terms)["digest"]
    world.ok(merchant, "POST", "/refund-policy/confirm", {"digest": digest}, status=201)
    buyer = world.buyer()
    said = {"reason": marks.text("reason"), "evidence": [marks.text("evidence")]}
    order_id = world.order(merchant.id, buyer.id)
    waiting = world.ask(buyer, order_id, 10, key=marks.text("key"), **said)
    world.becomes(buyer, waiting.json()["refund_id"], "awaiting_funds")
    world.credit(merchant.id, 1000)
    world.settled(buyer, waiting.json()["refund_id"])
    world.ask(buyer, order_id, 10, key=marks.text("key"), goods_condition="used", **said)

    blunders(world, marks, buyer_token=buyer.token, order_id=order_id)

    world.sweep()
    world.call(None, "GET", f"/{marks.text('path')}?token={marks.text('query')}")
    for person in (merchant, buyer, world.operator):
        for token in (person.token, person.id_token):
            marks.whole(token.rsplit(".", 1)[1])
    marks.whole(world.platform.token.rsplit(".", 1)[1])
    marks.whole(
        world.cognito.describe_user_pool_client(
            UserPoolId=world.outputs.user_pool_id, ClientId=world.outputs.service_client_id
        )["UserPoolClient"]["ClientSecret"]
    )

    lines = until(lambda: log_lines(world), lambda lines: len(events_in(lines)) >= len(EXPECTED))
    lines += world.stack.log.read_text(encoding="utf-8", errors="replace").splitlines()
    leaked = {mark for mark in marks.all for line in lines if mark in line}
    assert leaked == set()


EXPECTED = {"refund_accepted", "debits_processed", "swept", "problem"}


def blunders(world: World, marks: "Marks", *, buyer_token: str, order_id: str) -> None:
    """Requests and events that are wrong in ways that tempt a program to quote them."""
    headers = {"Authorization": f"Bearer {buyer_token}", "Content-Type": "application/json"}
    for body in (
        f'{{"order_id": "{marks.text("cut")}',
        json.dumps({"order_id": order_id, "goods_condition": marks.text("condition")}),
        json.dumps({"order_id": order_id, "goods_condition": "intact", marks.text("field"): 1}),
        json.dumps({"order_id": order_id, "goods_condition": "intact", "amount": marks.text("n")}),
        json.dumps({"order_id": marks.text("order") + "!", "goods_condition": "intact"}),
    ):
        sent = headers | {"Idempotency-Key": unique("key")}
        assert world.call(None, "POST", "/refunds", content=body, headers=sent).is_client_error
    for path in (f"/refunds?cursor={marks.text('cursor')}", f"/refunds?as={marks.text('as')}"):
        assert world.call(None, "GET", path, headers=headers).is_client_error
    now = datetime.now(UTC).isoformat()
    bad_event = {"order_id": unique("o"), "buyer_id": marks.text("buyer") + "!", "placed_at": now}
    world.deliver(bad_event)
    world.deliver_unheeded(bad_event)
    world.parked(world.queue_url("OrderDeadLetterQueue"), bad_event["order_id"])
    broken: Json = {"Records": [{"messageId": "m", "body": marks.text("message")}]}
    world.invoke("process_debits", broken)
    no_context = http_event("GET", f"/{marks.text('event')}", requestContext={})
    answer = world.invoke("manage_wallet", no_context)
    assert answer["statusCode"] >= 400


def log_lines(world: World) -> list[str]:
    """Every line of every function's log group."""
    lines: list[str] = []
    groups = world.logs.get_paginator("describe_log_groups").paginate()
    names = [group["logGroupName"] for page in groups for group in page["logGroups"]]
    for name in names:
        pages = world.logs.get_paginator("filter_log_events").paginate(logGroupName=name)
        lines += [event["message"] for page in pages for event in page["events"]]
    return lines


def events_in(lines: list[str]) -> set[str]:
    """Which of the events that this story must leave are in the lines."""
    return {match[1] for line in lines for match in LINES.finditer(line)} & EXPECTED


class Marks:
    """Words that stand nowhere else."""

    def __init__(self) -> None:
        self.all: set[str] = set()

    def text(self, name: str) -> str:
        return self.whole(unique(f"mark-{name}"))

    def phone(self) -> str:
        return self.whole(f"+86139{len(self.all):04d}{datetime.now(UTC).microsecond:06d}")

    def whole(self, word: str) -> str:
        self.all.add(word)
        return word


def test_every_function_has_a_log_group_of_its_own(world: World) -> None:
    configured = [
        world.lambdas.get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
        for name in function_names(world)
    ]
    assert len(set(configured)) == len(FUNCTIONS)


def function_names(world: World) -> list[str]:
    pages = world.lambdas.get_paginator("list_functions").paginate()
    return [each["FunctionName"] for page in pages for each in page["Functions"]]
