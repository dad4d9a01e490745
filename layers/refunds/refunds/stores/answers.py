"""What an error of AWS means: not now, nobody knows, or never. The one place that says so.

A test holds the codes to the errors that AWS's own model names for each call of the stores.
"""

from http import HTTPStatus

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

NOT_NOW = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""Why a request may be sent again as it is: nothing of it was done, or its conditions will tell.

A plain write meets `TransactionConflictException` when its item is in a transaction at that moment.
`LimitExceededException` is not among them: no call on items answers it.
"""
QUEUES_NOT_NOW = frozenset({"KmsThrottled", "OverLimit", "RequestThrottled"})
"""The same of SQS: too much was asked of it, of its key, or is in hand already."""
CONTENTION = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""The same of a transaction that was canceled: why one of its actions may be sent again."""


def is_not_now(error: ClientError | BotoCoreError) -> bool:
    """Whether it was not carried out, and the same request may succeed in a moment."""
    if not isinstance(error, ClientError):
        return False
    reasons = error.response.get("CancellationReasons", [])
    contended = any(reason.get("Code") in CONTENTION for reason in reasons)
    return contended or code_of(error) in NOT_NOW | QUEUES_NOT_NOW


def is_invalid(error: ClientError) -> bool:
    """Whether it can never be carried out as it is: what is stored is of another type."""
    reasons = error.response.get("CancellationReasons", [])
    return code_of(error) == "ValidationException" or any(
        reason.get("Code") == "ValidationError" for reason in reasons
    )


def may_pass(error: ClientError | BotoCoreError) -> bool:
    """Whether whoever asked may ask again: not now, or no answer that says what was done."""
    if not isinstance(error, ClientError):
        return isinstance(error, HTTPClientError | NoConnection)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return is_not_now(error) or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def code_of(error: ClientError | BotoCoreError) -> str:
    """What AWS's own model calls it; what botocore does, when no answer came.

    SQS sends the name of its older protocol besides (`AWS.SimpleQueueService.…`), and botocore puts
    that first.
    """
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        return str(error.response["Error"].get("QueryErrorCode", code))
    return type(error).__name__
