"""Who may act for whom: the platform says it, and each caller may read their own."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from refunds import http, members
from refunds.errors import MemberNotFound
from refunds.members import Me, Membership, Scope
from refunds.observability import observed
from refunds.settings import Settings
from refunds.stores.members import MemberStore

app = http.resolver()
settings = Settings.from_env()
store = MemberStore.from_settings(settings)


@app.get("/me", openapi_extensions=http.contract("caller"))
def get_me() -> Me:
    return http.caller(app, settings=settings, store=store).me()


@app.put("/members/<subject>", openapi_extensions=http.contract(Scope.WRITE_MEMBERS))
def put_member(subject: http.PathSubject, membership: Membership) -> Membership:
    http.caller(app, settings=settings, store=store).machine(Scope.WRITE_MEMBERS)
    store.put_membership(subject, membership)
    return membership


@app.delete(
    "/members/<subject>",
    status_code=204,
    openapi_extensions=http.contract(Scope.WRITE_MEMBERS, MemberNotFound),
)
def delete_member(subject: http.PathSubject) -> Response[None]:
    http.caller(app, settings=settings, store=store).machine(Scope.WRITE_MEMBERS)
    members.revoke(subject, store=store)
    return http.no_content()


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.serve(app, event, context)
