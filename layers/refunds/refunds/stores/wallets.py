"""Wallets, deposits, buyers' balances, and the credits that fill them."""

from refunds import table
from refunds.stores.dynamo import Dynamo, Values, model_of
from refunds.wallets import Credit, CreditTarget, Wallet


class _Replayed(Exception):
    """The credit is there already; nothing was written."""


def _replayed(_: Values | None) -> Exception:
    return _Replayed()


class WalletStore(Dynamo):
    def credit(self, credit: Credit, request_digest: str) -> bool:
        """Posting and balance in one transaction. Whether this call wrote them."""
        to_wallet = credit.target is CreditTarget.WALLET
        key = (table.wallet if to_wallet else table.deposit)(credit.merchant_id, credit.currency)
        self._note_currency(credit.merchant_id, credit.currency)
        posting = credit.model_dump(mode="json") | {
            "legs": [leg.model_dump() for leg in credit.legs()],
            "request_digest": request_digest,
        }
        try:
            self.transact(
                self.action_put(table.credit(credit.credit_id), posting, _replayed),
                self.action_update(key, "ADD available :amount", None, {"amount": credit.amount}),
            )
        except _Replayed:
            return False
        return True

    def credited(self, credit_id: str) -> tuple[Credit, str] | None:
        item = self.get(table.credit(credit_id))
        return (model_of(Credit, item), item["request_digest"]) if item else None

    def merchant_wallets(self, merchant_id: str) -> list[Wallet]:
        """Each currency's wallet and deposit, in one serialisable read."""
        currencies = [item["sk"] for item in self.query(table.merchant_currency(merchant_id, ""))]
        return [self._wallet(merchant_id, currency) for currency in currencies]

    def buyer_wallets(self, buyer_id: str) -> list[Wallet]:
        return [
            Wallet(currency=item["sk"].removeprefix("BALANCE#"), available=item["available"])
            for item in self.query(table.buyer_balance(buyer_id, ""))
        ]

    def waiting(self, merchant_id: str, currency: str, *, limit: int) -> list[str]:
        """Ids of refunds that wait for this merchant's money, the oldest first."""
        answer = self.client.query(
            TableName=self.table,
            IndexName=table.WAITING_LIST,
            KeyConditionExpression="waiting_list = :list",
            ExpressionAttributeValues={":list": {"S": table.waiting_list(merchant_id, currency)}},
            Limit=limit,
        )
        return [item["pk"]["S"].removeprefix("REFUND#") for item in answer["Items"]]

    def _note_currency(self, merchant_id: str, currency: str) -> None:
        """So that a merchant's currencies can be listed; written once each."""
        key = table.merchant_currency(merchant_id, currency)
        if self.get(key, consistent=False) is None:
            self.put_new(key, {"currency": currency})

    def _wallet(self, merchant_id: str, currency: str) -> Wallet:
        keys = [table.wallet(merchant_id, currency), table.deposit(merchant_id, currency)]
        wallet, deposit = self.get_together(keys)
        return Wallet(
            currency=currency,
            available=(wallet or {}).get("available", 0),
            deposit=(deposit or {}).get("available", 0),
            frozen=bool(wallet and "frozen" in wallet),
        )
