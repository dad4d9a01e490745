"""Currencies as ISO 4217 lists them."""

from iso4217 import Currency

MINOR_DIGITS = {each.code: each.exponent for each in Currency if each.exponent is not None}
"""Decimal digits of each minor unit; metals, tests and funds have none, and nobody pays in them."""
HUNDREDTH = 2
"""The digits of most."""
