"""The one table: a line for each kind of item, then one function for each key.

| item                  | pk                            | sk                   | lists           |
|-----------------------|-------------------------------|----------------------|-----------------|
| membership            | MEMBER#<subject>              | MEMBER               |                 |
| merchant, its shop    | MERCHANT#<m>                  | MERCHANT             | merchant, due   |
| certification         | MERCHANT#<m>                  | CERTIFICATION#<time> |                 |
| suspension            | MERCHANT#<m>                  | SUSPENSION#<time>    |                 |
| a merchant's currency | CURRENCIES#<m>                | <currency>           | due             |
| draft policy          | DRAFT#<m>                     | DRAFT                |                 |
| confirmed policy      | POLICY#<m>                    | POLICY               |                 |
| order                 | ORDER#<o>                     | ORDER                | merchant, buyer |
| refund, its posting   | REFUND#<r>                    | REFUND               | all four        |
| what the buyer said   | REFUND#<r>                    | DETAILS              |                 |
| wallet shard          | WALLET#<m>#<currency>#<k>     | WALLET               |                 |
| deposit               | DEPOSIT#<m>#<currency>        | DEPOSIT              |                 |
| debt to the platform  | RECEIVABLE#<m>#<currency>     | RECEIVABLE           |                 |
| buyer's balance       | BUYER#<b>                     | BALANCE#<currency>   |                 |
| any other posting     | POSTING#<id>                  | POSTING              |                 |
| correction            | CORRECTION#<id>               | CORRECTION           | merchant        |
| statement's head      | STATEMENT#<owner>             | HEAD                 |                 |
| a month of it         | STATEMENT#<owner>             | MONTH#<month>        |                 |
| an entry of it        | STATEMENT#<owner>#<block>#<k> | <booked_at>#<number> |                 |
| what is booked        | BOOKED#<owner>#<k>            | <posting id>         |                 |
| reconciliation        | RECONCILIATION#<run>          | REPORT               |                 |

`<owner>` is `<role>#<id>#<currency>`.

Four sparse indexes, all KEYS_ONLY: `merchant_list` and `buyer_list` (what a party sees, newest
first), `waiting_list` (what a credit wakes, oldest first), `due_bucket` (what the sweeper sees).
The items that a debit writes stay within 1 KB, and it moves no list entry but the last two.
Outside ids match `[A-Za-z0-9_-]`, so that `#` always separates.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from refunds.statements import Owner

type Key = dict[str, dict[str, str]]

DUE_BUCKETS = 32
"""Keys of the sweeper's index for each kind of due refund: no merchant and no minute makes one of
them hot."""

LIST_BUCKETS = 8
"""Keys of each list of a merchant: 8,000 writes a second before an index key is hot."""
STATEMENT_BLOCK = 8_000
"""Numbers of a statement that lie together, 1,000 in each bucket: a page is in one or two of them,
however seldom its owner's money moves."""
HOT_WALLETS = "wallets"
"""The due bucket of wallets with several shards: when to look whether they are quiet."""
FUNDS_SUSPENSIONS = "suspensions"
CORRECTIONS = "CORRECTIONS"


class DueKind(StrEnum):
    """What begins a due bucket's name. No kind stands in another's way."""

    NEW = ""
    """Pending, and never sent again: its only message may be lost."""
    RESENT = "resent#"
    WAITING = "waiting#"


MERCHANT_LIST = "ByMerchant"
BUYER_LIST = "ByBuyer"
WAITING_LIST = "ByWaiting"
DUE_LIST = "ByDue"


def _key(pk: str, sk: str) -> Key:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def key_of(item: Mapping[str, Any]) -> Key:
    return _key(item["pk"], item["sk"])


def member(subject: str) -> Key:
    return _key(f"MEMBER#{subject}", "MEMBER")


def merchant(merchant_id: str) -> Key:
    return _key(f"MERCHANT#{merchant_id}", "MERCHANT")


def certification(merchant_id: str, submitted_at: str) -> Key:
    return _key(f"MERCHANT#{merchant_id}", f"CERTIFICATION#{submitted_at}")


def suspension(merchant_id: str, began_at: str) -> Key:
    return _key(f"MERCHANT#{merchant_id}", f"SUSPENSION#{began_at}")


def merchant_currency(merchant_id: str, currency: str) -> Key:
    return _key(f"CURRENCIES#{merchant_id}", currency)


def draft(merchant_id: str) -> Key:
    return _key(f"DRAFT#{merchant_id}", "DRAFT")


def policy(merchant_id: str) -> Key:
    return _key(f"POLICY#{merchant_id}", "POLICY")


def order(order_id: str) -> Key:
    return _key(f"ORDER#{order_id}", "ORDER")


def refund(refund_id: str) -> Key:
    return _key(f"REFUND#{refund_id}", "REFUND")


def refund_details(refund_id: str) -> Key:
    return _key(f"REFUND#{refund_id}", "DETAILS")


def wallet(merchant_id: str, currency: str, shard: int = 0) -> Key:
    return _key(f"WALLET#{merchant_id}#{currency}#{shard}", "WALLET")


def deposit(merchant_id: str, currency: str) -> Key:
    return _key(f"DEPOSIT#{merchant_id}#{currency}", "DEPOSIT")


def correction(correction_id: str) -> Key:
    return _key(f"CORRECTION#{correction_id}", "CORRECTION")


def receivable(merchant_id: str, currency: str) -> Key:
    return _key(f"RECEIVABLE#{merchant_id}#{currency}", "RECEIVABLE")


def buyer_balance(buyer_id: str, currency: str) -> Key:
    return _key(f"BUYER#{buyer_id}", f"BALANCE#{currency}")


def posting(posting_id: str) -> Key:
    return _key(f"POSTING#{posting_id}", "POSTING")


def merchant_list(kind: str, merchant_id: str, thing_id: str) -> str:
    """`kind` is ORDERS or REFUNDS; each thing is in the bucket of its id."""
    return f"{kind}#{merchant_id}#{bucket(thing_id)}"


def merchant_lists(kind: str, merchant_id: str) -> tuple[str, ...]:
    return tuple(f"{kind}#{merchant_id}#{number}" for number in range(LIST_BUCKETS))


def buyer_list(kind: str, buyer_id: str) -> str:
    return f"{kind}#{buyer_id}"


def certification_list(status: str) -> str:
    return f"CERTIFICATIONS#{status}"


def waiting_list(merchant_id: str, currency: str, refund_id: str) -> str:
    return f"{merchant_id}#{currency}#{bucket(refund_id)}"


def waiting_lists(merchant_id: str, currency: str) -> tuple[str, ...]:
    return tuple(f"{merchant_id}#{currency}#{number}" for number in range(LIST_BUCKETS))


def bucket(thing_id: str) -> int:
    """Which of a merchant's list buckets an order or refund is in."""
    return crc32(thing_id.encode()) % LIST_BUCKETS


def due_bucket(refund_id: str, kind: DueKind = DueKind.NEW) -> str:
    return f"{kind}{crc32(refund_id.encode()) % DUE_BUCKETS}"


def due_buckets(kind: DueKind) -> tuple[str, ...]:
    return tuple(f"{kind}{number}" for number in range(DUE_BUCKETS))


def reconciliation(run_id: str) -> Key:
    return _key(f"RECONCILIATION#{run_id}", "REPORT")


def statement_head(owner: "Owner") -> Key:
    return _key(_statement(owner), "HEAD")


def statement_month(owner: "Owner", month: str) -> Key:
    return _key(_statement(owner), f"MONTH#{month}")


def statement_bucket(owner: "Owner", number: int) -> str:
    return f"{_statement(owner)}#{number // STATEMENT_BLOCK}#{number % LIST_BUCKETS}"


def statement_entry(owner: "Owner", booked_at: str, number: int) -> Key:
    return _key(statement_bucket(owner, number), f"{booked_at}#{number:012}")


def booked_bucket(owner: "Owner", number: int) -> str:
    return f"BOOKED#{owner.role}#{owner.id}#{owner.currency}#{number}"


def booked(owner: "Owner", posting_id: str) -> Key:
    return _key(booked_bucket(owner, bucket(posting_id)), posting_id)


def _statement(owner: "Owner") -> str:
    return f"STATEMENT#{owner.role}#{owner.id}#{owner.currency}"
