"""Currencies of ISO 4217: those it lists, and those it listed once.

A newer list can lack a currency. Money that is recorded in it is read, refunded and paid out as
before, to the same minor unit: what was known stays known, and `test_currencies.py` sees to it.
"""

from iso4217 import Currency

WITHDRAWN: dict[str, int] = {}
"""Digits of those that the list had, and has no more or otherwise."""
MINOR_DIGITS = {
    each.code: each.exponent for each in Currency if each.exponent is not None
} | WITHDRAWN
"""Decimal digits of each minor unit; metals, tests and funds have none, and nobody pays in them."""
HUNDREDTH = 2
"""The digits of most."""
