"""The one table: a line for each kind of item, then one function for each key.

| item                  | pk                        | sk                   | lists             |
|-----------------------|---------------------------|----------------------|-------------------|
| membership            | MEMBER#<subject>          | MEMBER               |                   |
| merchant, its shop    | MERCHANT#<m>              | MERCHANT             | merchant          |
| certification         | MERCHANT#<m>              | CERTIFICATION#<time> |                   |
| suspension            | MERCHANT#<m>              | SUSPENSION#<time>    |                   |
| a merchant's currency | CURRENCIES#<m>            | <currency>           |                   |
| draft policy          | DRAFT#<m>                 | DRAFT                |                   |
| confirmed policy      | POLICY#<m>                | POLICY               |                   |
| order                 | ORDER#<o>                 | ORDER                | merchant, buyer   |
| refund, its posting   | REFUND#<r>                | REFUND               | all four          |
| what the buyer said   | REFUND#<r>                | DETAILS              |                   |
| wallet shard          | WALLET#<m>#<currency>#<k> | WALLET               |                   |
| deposit               | DEPOSIT#<m>#<currency>    | DEPOSIT              |                   |
| buyer's balance       | BUYER#<b>                 | BALANCE#<currency>   |                   |
| credit, its posting   | CREDIT#<id>               | CREDIT               |                   |

Four sparse indexes, all KEYS_ONLY: `merchant_list` and `buyer_list` (what a party sees, newest
first), `waiting_list` (what a credit wakes, oldest first), `due_bucket` (what the sweeper sees).
The items that a debit writes stay within 1 KB, and it moves no list entry but the last two.
Outside ids match `[A-Za-z0-9_-]`, so that `#` always separates.
"""

from zlib import crc32

type Key = dict[str, dict[str, str]]

DUE_BUCKETS = 32
"""Keys of the sweeper's index: no merchant and no minute makes one of them hot."""

MERCHANT_LIST = "ByMerchant"
BUYER_LIST = "ByBuyer"
WAITING_LIST = "ByWaiting"
DUE_LIST = "ByDue"


def _key(pk: str, sk: str) -> Key:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


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


def buyer_balance(buyer_id: str, currency: str) -> Key:
    return _key(f"BUYER#{buyer_id}", f"BALANCE#{currency}")


def credit(credit_id: str) -> Key:
    return _key(f"CREDIT#{credit_id}", "CREDIT")


def merchant_list(kind: str, merchant_id: str, bucket: int = 0) -> str:
    """`kind` is ORDERS or REFUNDS; a bucket more for each shard of a hot merchant."""
    return f"{kind}#{merchant_id}#{bucket}"


def buyer_list(kind: str, buyer_id: str) -> str:
    return f"{kind}#{buyer_id}"


def certification_list(status: str) -> str:
    return f"CERTIFICATIONS#{status}"


def waiting_list(merchant_id: str, currency: str, bucket: int = 0) -> str:
    return f"{merchant_id}#{currency}#{bucket}"


def due_bucket(refund_id: str) -> str:
    return str(crc32(refund_id.encode()) % DUE_BUCKETS)
