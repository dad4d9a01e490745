"""The API's page and document, and the 404 of every path that is no call."""

from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response

from refunds import api_page, http
from refunds.observability import observed

app = http.resolver()
OPENAPI = (Path(__file__).parent / "openapi.json").read_text(encoding="utf-8")


@app.get("/openapi.json", include_in_schema=False)
def get_openapi() -> Response[str]:
    return Response(status_code=200, content_type="application/json", body=OPENAPI)


@app.get("/docs", include_in_schema=False)
def get_docs() -> Response[str]:
    # The page links to its document so.
    if app.current_event.query_string_parameters.get("format") == "json":
        return get_openapi()
    return Response(status_code=200, content_type="text/html", body=api_page.render(OPENAPI))


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.serve(app, event, context)
