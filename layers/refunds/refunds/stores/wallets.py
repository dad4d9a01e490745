"""Postings, and the balances that they change in the same transaction."""

from collections.abc import Iterator, Sequence

from refunds import funding, ledger, table
from refunds.errors import InsufficientBalance
from refunds.fields import Model
from refunds.funding import Funds
from refunds.ledger import Leg, Part, Posting
from refunds.stores.dynamo import Action, Values
from refunds.stores.funds import FundStore
from refunds.table import Key
from refunds.wallets import AlreadyPosted, BalancesChanged, Wallet

MAX_WAITING_READ = 1000
"""Waiting refunds that a payout sums up; with more, nothing is paid out."""


def _already_posted(_: Values | None) -> Exception:
    return AlreadyPosted()


def _insufficient(_: Values | None) -> Exception:
    return InsufficientBalance()


def _changed(_: Values | None) -> Exception:
    return BalancesChanged()


class WalletStore(FundStore):
    def post(
        self,
        posting: Posting,
        *,
        record: Model,
        request_digest: str,
        funds: dict[str, Funds],
        gate: Sequence[Action] = (),
    ) -> None:
        """Write the posting and change every balance of its legs, in one transaction.

        `funds` is what was read of each merchant concerned: the posting was planned on it, and is
        written only as long as it holds. `gate` is what its cause changes and is conditioned on.
        """
        values = {
            "posting_id": posting.posting_id,
            "cause": posting.cause.value,
            "currency": posting.currency,
            "posted_at": posting.posted_at,
            "legs": [{"account": leg.account, "amount": leg.amount} for leg in posting.legs],
            "record": record.model_dump(mode="json", exclude_none=True),
            "request_digest": request_digest,
        }
        # The gate comes first: of several conditions that fail, the first says what is wrong.
        actions = [*gate]
        actions.append(self.action_put(table.posting(posting.posting_id), values, _already_posted))
        for leg in posting.legs:
            actions += self._move(leg, posting.currency, funds)
        for merchant_id, read in funds.items():
            actions += self._rest(merchant_id, posting, read)
        self.transact(*actions)

    def posted(self, posting_id: str) -> tuple[dict[str, object], str] | None:
        item = self.get(table.posting(posting_id))
        return (item["record"], item["request_digest"]) if item else None

    def buyer_balance(self, buyer_id: str, currency: str) -> int:
        item = self.get(table.buyer_balance(buyer_id, currency)) or {}
        balance: int = item.get("available", 0)
        return balance

    def buyer_wallets(self, buyer_id: str) -> list[Wallet]:
        return [
            Wallet(currency=item["sk"].removeprefix("BALANCE#"), available=item["available"])
            for item in self.query(table.buyer_balance(buyer_id, ""))
        ]

    def waiting_amount(self, merchant_id: str, currency: str) -> int | None:
        """What the merchant's waiting refunds sum to, in minor units; none when they are many."""
        keys = self.waiting_keys(merchant_id, currency, limit=MAX_WAITING_READ + 1)
        if len(keys) > MAX_WAITING_READ:
            return None
        waiting: list[int] = [
            item["amount"] for item in self.get_many(keys) if "waiting_list" in item
        ]
        return sum(waiting)

    def _move(self, leg: Leg, currency: str, funds: dict[str, Funds]) -> Iterator[Action]:
        kind, owner, part = [*leg.account.split(":"), ""][:3]
        if kind == "buyer":
            yield self._move_buyer(table.buyer_balance(owner, currency), leg.amount)
        elif kind == "merchant" and part == Part.AVAILABLE:
            yield from self._move_wallet(owner, currency, leg.amount, funds[owner])

    def _move_wallet(
        self, merchant_id: str, currency: str, amount: int, funds: Funds
    ) -> Iterator[Action]:
        if amount > 0:
            poorest = min(range(len(funds.shards)), key=lambda shard: funds.shards[shard])
            yield self.action_update(
                table.wallet(merchant_id, currency, poorest),
                "ADD available :amount",
                "attribute_exists(pk)",
                {"amount": amount},
                _changed,
            )
            return
        if -amount > funds.available:
            raise InsufficientBalance
        # A frozen wallet pays nobody out (`funding.payable`), but can be corrected.
        frozen = "attribute_exists" if funds.frozen else "attribute_not_exists"
        for shard, taken in funding.draw_shards(funds, -amount):
            yield self.action_update(
                table.wallet(merchant_id, currency, shard),
                "SET available = available - :taken",
                f"available >= :taken AND {frozen}(frozen)",
                {"taken": taken},
                _changed,
            )

    def _move_buyer(self, key: Key, amount: int) -> Action:
        if amount >= 0:
            return self.action_update(key, "ADD available :amount", None, {"amount": amount})
        return self.action_update(
            key,
            "ADD available :amount",
            "available >= :taken",
            {"amount": amount, "taken": -amount},
            _insufficient,
        )

    def _rest(self, merchant_id: str, posting: Posting, funds: Funds) -> Iterator[Action]:
        """Deposit and debt: changed from what was read, or checked to be it still."""
        deposit = _moved(posting, ledger.merchant(merchant_id, Part.DEPOSIT))
        receivable = _moved(posting, ledger.merchant(merchant_id, Part.RECEIVABLE))
        if funds.deposit + deposit < 0 or funds.owed - receivable < 0:
            raise InsufficientBalance
        if receivable < 0 and funds.headroom + receivable < 0:
            raise InsufficientBalance
        yield self._from_read(
            table.deposit(merchant_id, posting.currency),
            "ADD available :amount",
            {"amount": deposit},
            name="available",
            seen=funds.deposit,
        )
        yield self._from_read(
            table.receivable(merchant_id, posting.currency),
            "ADD owed :owed, headroom :amount",
            {"owed": -receivable, "amount": receivable},
            name="owed",
            seen=funds.owed,
            # An advance: the limit may be lowered meanwhile, which leaves the debt as read.
            besides="headroom >= :owed" if receivable < 0 else "",
        )

    def _from_read(
        self, key: Key, expression: str, values: Values, *, name: str, seen: int, besides: str = ""
    ) -> Action:
        """On condition that `name` is as it was seen: what is not there is 0."""
        as_read = f"{name} = :seen" if seen else f"attribute_not_exists({name}) OR {name} = :seen"
        if not any(values.values()):
            return self.action_check(key, as_read, {"seen": seen}, _changed)
        condition = f"({as_read}) AND {besides}" if besides else as_read
        return self.action_update(key, expression, condition, {**values, "seen": seen}, _changed)


def _moved(posting: Posting, account: str) -> int:
    return sum(leg.amount for leg in posting.legs if leg.account == account)
