"""Currencies as ISO 4217 lists them."""

from typing import Annotated

from iso4217 import Currency as Listed
from pydantic import AfterValidator

from refunds.fields import Currency

MINOR_DIGITS = {each.code: each.exponent for each in Listed if each.exponent is not None}
"""Decimal digits of each minor unit; metals, tests and funds have none, and nobody pays in them."""
HUNDREDTH = 2
"""The digits of most."""


def _listed(code: str) -> str:
    if code not in MINOR_DIGITS:
        raise ValueError("must be an ISO 4217 currency code")
    return code


ListedCurrency = Annotated[Currency, AfterValidator(_listed)]
"""One in which money may come in."""
