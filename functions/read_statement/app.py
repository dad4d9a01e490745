"""Each side's statement: pages, months, and CSV to download."""

import csv
from datetime import datetime
from io import StringIO
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from refunds import http, paging, statements
from refunds.errors import InvalidCursor, InvalidRange, RoleRequired
from refunds.fields import Currency, Instant
from refunds.members import Party, Role
from refunds.observability import observed
from refunds.paging import Page
from refunds.settings import Settings
from refunds.statements import BEGINNING, END, Owner, StatementLine, StatementMonths, StatementPage
from refunds.stores.members import MemberStore
from refunds.stores.statements import StatementStore
from refunds.times import format_instant

CSV_ROWS = 5000
"""Rows of one CSV answer; a longer statement goes on at the address in its Link header."""

app = http.resolver()
settings = Settings.from_env()
members = MemberStore.from_settings(settings)
store = StatementStore.from_settings(settings)
From = Annotated[Instant | None, Query(alias="from")]
To = Annotated[Instant | None, Query(alias="to")]
PROBLEMS = (RoleRequired, InvalidRange, InvalidCursor)


@app.get("/wallet/statement", openapi_extensions=http.contract("party", *PROBLEMS))
def get_statement(  # noqa: PLR0917  # each is a query parameter, given by name
    currency: Currency,
    start: From = None,
    end: To = None,
    role: http.As = None,
    cursor: http.Cursor = None,
    limit: http.Limit = None,
) -> StatementPage:
    wanted = _Query(currency, start, end, _party(role))
    page, next_cursor = _page(wanted, cursor, http.limit_of(limit))
    return StatementPage(items=page.items, next_cursor=next_cursor)


@app.get(
    "/wallet/statement.csv",
    openapi_extensions=http.contract("party", *PROBLEMS, media_type="text/csv"),
)
def download_statement(
    currency: Currency,
    start: From = None,
    end: To = None,
    role: http.As = None,
    cursor: http.Cursor = None,
) -> Response[str]:
    page, next_cursor = _page(_Query(currency, start, end, _party(role)), cursor, CSV_ROWS)
    text = StringIO()
    writer = csv.DictWriter(text, fieldnames=list(StatementLine.model_fields))
    writer.writeheader()
    writer.writerows(statements.csv_rows(page.items))
    link = {}
    if next_cursor:
        query = {**app.current_event.query_string_parameters, "cursor": next_cursor}
        link = {"Link": f'<?{urlencode(query)}>; rel="next"'}
    return Response(
        status_code=200, content_type="text/csv; charset=utf-8", headers=link, body=text.getvalue()
    )


@app.get("/wallet/statement/months", openapi_extensions=http.contract("party", RoleRequired))
def list_statement_months(currency: Currency, role: http.As = None) -> StatementMonths:
    owner = _Query(currency, None, None, _party(role)).owner
    return StatementMonths(currency=currency, items=store.months(owner))


class _Query(NamedTuple):
    currency: str
    start: datetime | None
    end: datetime | None
    party: Party

    @property
    def owner(self) -> Owner:
        return Owner(self.party.role.value, self.party.id, self.currency)

    @property
    def bounds(self) -> tuple[str, str]:
        return (
            format_instant(self.start) if self.start else BEGINNING,
            format_instant(self.end) if self.end else END,
        )


def _page(wanted: _Query, cursor: str | None, limit: int) -> tuple[Page[StatementLine], str | None]:
    statements.check_range(wanted.start, wanted.end)
    start, end = wanted.bounds
    bound = {"list": "statement", **wanted.owner._asdict(), "start": start, "end": end}
    after = paging.decode(cursor, **bound)
    page = store.entries(wanted.owner, start=start, end=end, after=after, limit=limit)
    lines = [statements.line(entry) for entry in page.items]
    return Page(lines, page.after), paging.encode(page.after, **bound)


def _party(role: Role | None) -> Party:
    return http.caller(app, settings=settings, store=members).party(role)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.serve(app, event, context)
