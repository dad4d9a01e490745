"""Orders: recorded by the platform, over HTTP or by the event `OrderCompleted`; read by both."""

from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.event_handler import Response

from refunds import http, orders, paging
from refunds.errors import (
    InvalidCursor,
    OrderConflict,
    OrderNotFound,
    OrderTimesImpossible,
    RoleRequired,
)
from refunds.members import Scope
from refunds.observability import observed
from refunds.orders import OrderCompleted, OrderPage, OrderRecord, OrderView
from refunds.settings import Settings
from refunds.stores.members import MemberStore
from refunds.stores.orders import OrderStore

app = http.resolver()
settings = Settings.from_env()
members = MemberStore.from_settings(settings)
store = OrderStore.from_settings(settings)


@app.put(
    "/orders/<order_id>",
    status_code=201,
    openapi_extensions=http.contract(
        Scope.WRITE_ORDERS, OrderTimesImpossible, OrderConflict, repeatable=True
    ),
)
def put_order(order_id: http.PathId, order: OrderRecord) -> Response[OrderView]:
    http.caller(app, settings=settings, store=members).machine(Scope.WRITE_ORDERS)
    recorded, new = orders.record(order_id, order, store=store, now=datetime.now(UTC))
    return http.created(recorded, new=new)


@app.get("/orders", openapi_extensions=http.contract("party", RoleRequired, InvalidCursor))
def list_orders(
    role: http.As = None, cursor: http.Cursor = None, limit: http.Limit = None
) -> OrderPage:
    party = http.caller(app, settings=settings, store=members).party(role)
    query = {"list": "orders", "role": party.role.value, "id": party.id}
    page = store.orders(party, after=paging.decode(cursor, **query), limit=http.limit_of(limit))
    return OrderPage(
        items=[orders.view(order) for order in page.items],
        next_cursor=paging.encode(page.after, **query),
    )


@app.get(
    "/orders/<order_id>", openapi_extensions=http.contract("party", RoleRequired, OrderNotFound)
)
def get_order(order_id: http.PathId, role: http.As = None) -> OrderView:
    party = http.caller(app, settings=settings, store=members).party(role)
    return orders.show(order_id, party, store=store)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    if event.get("detail-type") == OrderCompleted.__name__:
        completed = OrderCompleted.model_validate(event["detail"])
        orders.record(completed.order_id, completed.record(), store=store, now=datetime.now(UTC))
        return {}
    return http.serve(app, event, context)
