"""Currencies as ISO 4217 lists them.

The list is asked where an order, a wallet or a correction begins, and nowhere else: what is
recorded in a currency that is withdrawn later goes on as before.
"""

from iso4217 import Currency

from refunds.errors import InvalidRequest

MINOR_DIGITS = {each.code: each.exponent for each in Currency if each.exponent is not None}
"""Decimal digits of each minor unit; metals, tests and funds have none, and nobody pays in them."""
HUNDREDTH = 2
"""The digits of most."""


def check_listed(currency: str) -> None:
    """Raises InvalidRequest: ISO 4217 lists no such currency, or not as one to pay in."""
    if currency not in MINOR_DIGITS:
        raise InvalidRequest(
            [
                {
                    "pointer": "#/body/currency",
                    "type": "value_error",
                    "message": "must be an ISO 4217 currency code",
                }
            ]
        )
