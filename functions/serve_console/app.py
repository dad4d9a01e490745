"""The back office web application, and what it has to know of the identity provider."""

from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import Response

from refunds import console, http
from refunds.console import Site
from refunds.observability import observed
from refunds.settings import ConsoleSettings

app = http.resolver()
settings = ConsoleSettings.from_env()
site = Site.of(Path(__file__).parent / "site", settings=settings)


@app.get("/console/config.json", include_in_schema=False)
def get_config() -> Response[str]:
    return site.answer(console.CONFIG, app.current_event.headers)


@app.get("/console", include_in_schema=False)
@app.get("/console/", include_in_schema=False)
@app.get("/console/.+", include_in_schema=False)
def get_console() -> Response[str]:
    return site.answer(app.current_event.path, app.current_event.headers)


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.serve(app, event, context)
