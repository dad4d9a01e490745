"""Each side's statement: pages, months, and CSV to download."""

import csv
from io import StringIO
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from refunds import http, paging, statements
from refunds.errors import InvalidCursor, InvalidRange, RoleRequired
from refunds.fields import Currency, Instant
from refunds.members import Party, Role
from refunds.observability import observed
from refunds.paging import Page
from refunds.settings import Settings
from refunds.statements import Entry, Owner, StatementLine, StatementMonths, StatementPage
from refunds.stores.members import MemberStore
from refunds.stores.statements import StatementStore
from refunds.times import format_instant

CSV_ROWS = 5000
"""Rows of one CSV answer; a longer statement goes on at the address in its Link header."""
BEGINNING, END = "0000", "9999"

app = http.resolver()
settings = Settings.from_env()
members = MemberStore.from_settings(settings)
store = StatementStore.from_settings(settings)
From = Annotated[Instant | None, Query(alias="from")]
To = Annotated[Instant | None, Query(alias="to")]
CONTRACT = http.contract("party", RoleRequired, InvalidRange, InvalidCursor)


@app.get("/wallet/statement", openapi_extensions=CONTRACT)
def get_statement(
    currency: Currency,
    start: From = None,
    end: To = None,
    role: http.As = None,
    cursor: http.Cursor = None,
    limit: http.Limit = None,
) -> StatementPage:
    page, next_cursor = _page(currency, start, end, role, cursor, http.limit_of(limit))
    return StatementPage(items=page.items, next_cursor=next_cursor)


@app.get("/wallet/statement.csv", openapi_extensions=CONTRACT)
def download_statement(
    currency: Currency,
    start: From = None,
    end: To = None,
    role: http.As = None,
    cursor: http.Cursor = None,
) -> Response[str]:
    page, next_cursor = _page(currency, start, end, role, cursor, CSV_ROWS)
    text = StringIO()
    writer = csv.DictWriter(text, fieldnames=list(StatementLine.model_fields))
    writer.writeheader()
    writer.writerows(statements.csv_rows(page.items))
    link = {"Link": f'<?cursor={next_cursor}>; rel="next"'} if next_cursor else {}
    return Response(
        status_code=200, content_type="text/csv; charset=utf-8", headers=link, body=text.getvalue()
    )


@app.get("/wallet/statement/months", openapi_extensions=http.contract("party", RoleRequired))
def list_statement_months(currency: Currency, role: http.As = None) -> StatementMonths:
    owner = _owner(_party(role), currency)
    return StatementMonths(currency=currency, items=store.months(owner))


def _page(
    currency: str,
    start: Instant | None,
    end: Instant | None,
    role: Role | None,
    cursor: str | None,
    limit: int,
) -> tuple[Page[StatementLine], str | None]:
    party = _party(role)
    statements.check_range(start, end)
    bounds = {
        "start": format_instant(start) if start else BEGINNING,
        "end": format_instant(end) if end else END,
    }
    query = {"list": "statement", "role": party.role.value, "id": party.id, **bounds}
    page: Page[Entry] = store.entries(
        _owner(party, currency),
        **bounds,
        after=paging.decode(cursor, currency=currency, **query),
        limit=limit,
    )
    lines = [statements.line(entry) for entry in page.items]
    return Page(lines, page.after), paging.encode(page.after, currency=currency, **query)


def _party(role: Role | None) -> Party:
    return http.caller(app, settings=settings, store=members).party(role)


def _owner(party: Party, currency: str) -> Owner:
    return Owner(party.role.value, party.id, currency)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.serve(app, event, context)
