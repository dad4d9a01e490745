"""The currencies that the product knows, one by one: none is ever forgotten."""

import csv
from pathlib import Path

from refunds.currencies import MINOR_DIGITS

KNOWN = Path(__file__).with_name("currencies.csv")


def test_a_currency_that_was_known_is_known_for_ever_and_so_is_its_minor_unit() -> None:
    with KNOWN.open(encoding="utf-8", newline="") as file:
        known = {row["code"]: int(row["minor_digits"]) for row in csv.DictReader(file)}
    changed = {code for code, digits in known.items() if MINOR_DIGITS.get(code) != digits}
    assert not changed, "Money may be recorded in these: put them into refunds.currencies.WITHDRAWN"
    new = MINOR_DIGITS.keys() - known
    assert not new, f"Add these to {KNOWN.name}, so that they are never forgotten"
