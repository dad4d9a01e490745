"""Logs and metrics: an event name plus fields, never a body, a token, or a person's datum."""

import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger, Metrics

SERVICE = "instant-refunds"

logger = Logger(service=SERVICE)
metrics = Metrics(namespace="InstantRefunds", service=SERVICE)

type Handler[Answer] = Callable[[dict[str, Any], Any], Answer]


def observed[Answer](handler: Handler[Answer]) -> Handler[Answer]:
    """Name the request in every log line, and publish what the handler measured, if anything."""

    @wraps(handler)
    def observing(event: dict[str, Any], context: Any) -> Answer:
        logger.set_correlation_id(context.aws_request_id)
        try:
            return handler(event, context)
        finally:
            if metrics.metric_set:
                metrics.flush_metrics()

    return observing


def log_failure(error: BaseException) -> None:
    """What failed and where, without the error's message: it may quote what a caller sent."""
    frames = traceback.extract_tb(error.__traceback__)
    logger.error(
        "unexpected_failure",
        error_type=type(error).__qualname__,
        at=[f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames[-8:]],
    )
