"""The API document as a page, all in one piece: it loads nothing from anywhere else."""

from pathlib import Path

from aws_lambda_powertools.event_handler.openapi import swagger_ui
from aws_lambda_powertools.event_handler.openapi.swagger_ui import generate_swagger_html

_FOLDER = Path(swagger_ui.__file__).parent


def render(document: str) -> str:
    """`document` is the OpenAPI JSON; no text of it can end the page's script."""
    return generate_swagger_html(
        spec=document.replace("</", "<\\/"),
        swagger_js=(_FOLDER / "swagger-ui-bundle.min.js").read_text(encoding="utf-8"),
        swagger_css=(_FOLDER / "swagger-ui.min.css").read_text(encoding="utf-8"),
        swagger_base_url="",
        oauth2_config=None,
    )
