"""Many at once on real engines: one wins, the sums hold, and what is final stays as it is."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest

from refunds import certification, funding, intake, policies, shops, table, wallets
from refunds.certification import DecisionRequest, Verdict
from refunds.debits import Debit
from refunds.errors import (
    AmountExceedsRefundable,
    IdempotencyKeyReused,
    PolicyAlreadyConfirmed,
    PolicyDraftChanged,
    RefundsError,
)
from refunds.intake import Superseded
from refunds.members import Party, Role
from refunds.policies import Draft, PolicyTerms, RefundStatement
from refunds.refunds import Refund, RefundStatus
from refunds.settlement import Reply, Settled
from refunds.standing import Cause
from refunds.stores.dynamo import to_item
from refunds.wallets import CreditRequest
from tests.stores import market, tables
from tests.stores.engines import Stores
from tests.unit import examples
from tests.unit.examples import BUYER, MERCHANT, NOON, ORDER, SECOND

THREADS = 16
CREDIT = CreditRequest.model_validate(
    {"amount": 1000, "currency": "CNY", "source": "top_up", "target": "wallet"}
)


def at_once[Given, Found](
    do: Callable[[Given], Found], each_with: Iterable[Given]
) -> list[Found | RefundsError]:
    """Call it in as many threads at the same moment; refusals are answers too."""
    given = [*each_with]
    gate = Barrier(len(given))

    def one(argument: Given) -> Found | RefundsError:
        gate.wait()
        try:
            return do(argument)
        except RefundsError as refusal:
            return refusal

    with ThreadPoolExecutor(len(given)) as threads:
        return [*threads.map(one, given)]


def in_good_standing(stores: Stores) -> None:
    shops.change(MERCHANT, examples.SHOP, store=stores.merchants)
    certification.submit(MERCHANT, examples.APPLICATION, store=stores.merchants, now=NOON)
    decide(stores, Verdict.CERTIFIED)


def decide(stores: Stores, verdict: Verdict) -> None:
    certification.decide(
        MERCHANT,
        DecisionRequest(decision=verdict, reason="核查"),
        operator="op",
        store=stores.merchants,
        now=NOON,
    )


def terms(number: int) -> PolicyTerms:
    statement = RefundStatement(reasons=f"{number}", handling="b")
    return PolicyTerms(instant_refund=True, statement=statement)


def drawn(*group: Debit) -> funding.Plan:
    return funding.from_one_shard(group, 0)


def stored(stores: Stores, key: table.Key) -> dict[str, object] | None:
    return tables.item(stores.client, stores.table, key)


def test_of_16_confirmations_of_different_drafts_one_wins_and_nothing_changes_it_again(
    racing: Stores,
) -> None:
    in_good_standing(racing)
    store = racing.policies

    def draft_and_confirm(number: int) -> bool:
        wanted = terms(number)
        policies.edit(MERCHANT, wanted, store=store, now=NOON)
        return policies.confirm(MERCHANT, wanted.digest(), store=store, now=NOON)[1]

    answers = at_once(draft_and_confirm, range(THREADS))
    while True not in answers:
        # Each overwrote another's draft before that was confirmed: the last draft stands.
        answers = at_once(draft_and_confirm, range(THREADS))
    assert answers.count(True) == 1
    losers = [each for each in answers if each is not True]
    assert {type(each) for each in losers} <= {PolicyAlreadyConfirmed, PolicyDraftChanged}

    final = stored(racing, table.policy(MERCHANT))
    assert final
    _call_everything_that_could_touch_it(racing)
    assert stored(racing, table.policy(MERCHANT)) == final


def _call_everything_that_could_touch_it(stores: Stores) -> None:
    store = stores.policies
    winner = store.confirmed_policy(MERCHANT)
    assert winner
    other = terms(99)
    draft = Draft(**dict(other), digest=other.digest(), updated_at=NOON)
    forged = winner.model_copy(update={"digest": other.digest(), "confirmed_at": NOON + SECOND})
    for refused in (
        lambda: policies.edit(MERCHANT, other, store=store, now=NOON),
        lambda: policies.confirm(MERCHANT, other.digest(), store=store, now=NOON + SECOND),
        lambda: store.put_draft(MERCHANT, draft),
        lambda: store.confirm(forged),
        lambda: store.confirm(winner),
    ):
        with pytest.raises(PolicyAlreadyConfirmed) as told:
            refused()
        assert told.value.facts == {"confirmed_digest": winner.digest}
    again, new = policies.confirm(MERCHANT, winner.digest, store=store, now=NOON + SECOND)
    assert (again.digest, again.confirmed_at, new) == (winner.digest, winner.confirmed_at, False)
    # Even a draft that came into being behind the rule's back is not confirmed over it.
    item = {**table.draft(MERCHANT), **to_item(draft.model_dump(mode="json"))}
    stores.client.put_item(TableName=stores.table, Item=item)
    with pytest.raises(PolicyAlreadyConfirmed):
        store.confirm(forged)
    decide(stores, Verdict.SUSPENDED)
    decide(stores, Verdict.CERTIFIED)
    shops.change(MERCHANT, shops.ShopSettings(), store=stores.merchants)
    policies.show(MERCHANT, store=store)
    policies.show_publicly(MERCHANT, store=store)
    with suppress(RefundsError):
        store.check_standing(MERCHANT)


def test_16_confirmations_of_the_same_draft_are_one_confirmation(racing: Stores) -> None:
    in_good_standing(racing)
    digest = policies.edit(MERCHANT, terms(1), store=racing.policies, now=NOON).digest
    assert digest

    def confirm(number: int) -> bool:
        now = NOON + number * SECOND
        return policies.confirm(MERCHANT, digest, store=racing.policies, now=now)[1]

    answers = at_once(confirm, range(THREADS))
    assert sorted(map(str, answers)) == ["False"] * (THREADS - 1) + ["True"]


def test_of_20_refunds_of_one_order_as_many_are_accepted_as_it_is_worth(racing: Stores) -> None:
    store = racing.refunds
    for order_id, paid, fit in (("order-1000", 1000, 10), ("order-950", 950, 9)):
        store.put_order(examples.order(order_id=order_id, amount=paid))

        def ask(number: int, order_id: str = order_id) -> bool:
            wanted = examples.wanted(order_id=order_id)
            key = f"{order_id}-{number}"
            return intake.request(BUYER, key, wanted, store=store, arrived_at=NOON)[1]

        answers = at_once(ask, range(20))
        assert answers.count(True) == fit
        refused = {type(each) for each in answers if each is not True}
        assert refused == {AmountExceedsRefundable}
        order = store.order(order_id)
        assert order
        assert order.refundable == paid - 100 * fit


def test_of_20_accepts_at_the_store_itself_no_more_are_taken_than_the_order_is_worth(
    racing: Stores,
) -> None:
    store = racing.refunds
    store.put_order(examples.order(amount=500))

    def accept(number: int) -> bool:
        try:
            store.accept(examples.refund(refund_id=f"rf_{number}"))
        except Superseded:
            return False
        return True

    assert at_once(accept, range(20)).count(True) == 5
    order = store.order(ORDER)
    assert order
    assert order.refundable == 0


def test_20_equal_requests_with_one_key_are_one_refund(racing: Stores) -> None:
    store = racing.refunds
    store.put_order(examples.order())

    def ask(_: int) -> tuple[str, bool]:
        refund, new = intake.request(BUYER, "k", examples.wanted(), store=store, arrived_at=NOON)
        return refund.refund_id, new

    answers = at_once(ask, range(20))
    assert len({each[0] for each in answers if isinstance(each, tuple)}) == 1
    assert [each[1] for each in answers if isinstance(each, tuple)].count(True) == 1
    assert not [each for each in answers if not isinstance(each, tuple)]
    order = store.order(ORDER)
    assert order
    assert order.refundable == 900


def test_of_different_requests_with_one_key_one_wins_and_the_others_are_told(
    racing: Stores,
) -> None:
    store = racing.refunds
    store.put_order(examples.order())

    def ask(amount: int) -> int:
        wanted = examples.wanted(amount=amount)
        return intake.request(BUYER, "k", wanted, store=store, arrived_at=NOON)[0].amount

    answers = at_once(ask, range(1, 17))
    [taken] = [each for each in answers if isinstance(each, int)]
    assert sum(isinstance(each, IdempotencyKeyReused) for each in answers) == 15
    order = store.order(ORDER)
    assert order
    assert order.refundable == 1000 - taken


def test_one_refund_debited_by_16_at_once_is_debited_once(racing: Stores) -> None:
    store = racing.refunds
    store.put_order(examples.order())
    refund = examples.refund()
    store.accept(refund)
    credit(racing, "k")

    def debit(_: int) -> Reply:
        return racing.debits.debit(drawn(examples.debit()), now=NOON)

    answers = at_once(debit, range(THREADS))
    assert answers.count(Settled()) == 1
    assert balances(racing) == (900, 100)


def test_a_refund_canceled_and_debited_at_once_is_one_of_both(racing: Stores) -> None:
    store = racing.refunds
    credit(racing, "k")
    canceled = 0
    for number in range(12):
        refund_id, order_id = f"rf_{number}", f"order-{number}"
        refund = examples.refund(refund_id=refund_id, order_id=order_id, amount=10)
        store.put_order(examples.order(order_id=order_id))
        store.accept(refund)
        debit = examples.debit(refund_id, amount=10)

        def either(which: str, refund: Refund = refund, debit: Debit = debit) -> bool:
            if which == "debit":
                return racing.debits.debit(drawn(debit), now=NOON) == Settled()
            return store.cancel(refund, now=NOON)

        debited, gave_back = at_once(either, ["debit", "cancel"])
        assert debited is not gave_back
        canceled += gave_back is True
        found, order = store.refund(refund_id), store.order(order_id)
        assert found
        assert order
        ended = RefundStatus.CANCELED if gave_back else RefundStatus.SUCCEEDED
        assert found.status is ended
        assert order.refundable == (1000 if gave_back else 990)
    moved = 10 * (12 - canceled)
    assert balances(racing) == (1000 - moved, moved)


def test_a_wallet_is_never_overdrawn_by_debits_at_once(racing: Stores) -> None:
    store = racing.refunds
    credit(racing, "k")
    group = [examples.debit(f"rf_{number}", amount=300) for number in range(8)]
    for each in group:
        store.put_order(examples.order(order_id=each.refund_id))
        store.accept(examples.refund(refund_id=each.refund_id, order_id=each.refund_id, amount=300))
    answers = at_once(lambda each: racing.debits.debit(drawn(each), now=NOON), group)
    assert answers.count(Settled()) == 3
    assert balances(racing) == (100, 900)


def test_16_equal_credits_with_one_key_are_one_credit(racing: Stores) -> None:
    answers = at_once(lambda _: credit(racing, "k"), range(THREADS))
    assert len({str(each) for each in answers}) == 1
    assert balances(racing) == (1000, 0)


def test_16_credits_with_a_key_each_are_all_there(racing: Stores) -> None:
    at_once(lambda number: credit(racing, f"k{number}"), range(THREADS))
    assert balances(racing) == (16_000, 0)


def test_of_16_decisions_on_one_submission_one_is_taken(racing: Stores) -> None:
    certification.submit(MERCHANT, examples.APPLICATION, store=racing.merchants, now=NOON)

    def decide_as(number: int) -> bool:
        verdict = Verdict.CERTIFIED if number % 2 else Verdict.REFUSED
        decision = DecisionRequest(decision=verdict, reason=f"{number}")
        return racing.merchants.decide(MERCHANT, decision, operator=f"op-{number}", now=NOON)

    answers = at_once(decide_as, range(THREADS))
    assert answers.count(True) == 1
    standing = racing.merchants.certification(MERCHANT)
    assert standing
    assert standing.reason == f"{answers.index(True)}"
    assert standing.status.value == standing.decision


def test_of_16_suspensions_at_once_one_is_in_force(racing: Stores) -> None:
    in_good_standing(racing)

    def suspend(number: int) -> bool:
        now = NOON + number * SECOND
        return racing.merchants.suspend(MERCHANT, Cause.OPERATOR, "x", by="op", now=now)

    answers = at_once(suspend, range(THREADS))
    assert answers.count(True) == 1
    suspension = racing.refunds.last_suspension(MERCHANT, NOON + timedelta(days=1))
    assert suspension
    assert suspension.began_at == NOON + answers.index(True) * SECOND


def credit(stores: Stores, key: str) -> str:
    made = wallets.credit(
        MERCHANT, CREDIT, client_id="c", idempotency_key=key, store=stores.wallets, now=NOON
    )
    return made.credit_id


def balances(stores: Stores) -> tuple[int, int]:
    """The merchant's and the buyer's."""
    merchant, buyer = (
        sum(each.available for each in wallets.show(party, store=stores.wallets).wallets)
        for party in (Party(Role.MERCHANT, MERCHANT), Party(Role.BUYER, BUYER))
    )
    return merchant, buyer


def accept_32(stores: Stores) -> None:
    for number in range(32):
        refund_id, buyer = f"rf_{number}", f"b{number % 4}"
        stores.refunds.put_order(examples.order(order_id=refund_id))
        stores.refunds.accept(
            examples.refund(refund_id=refund_id, order_id=refund_id, amount=50, buyer_id=buyer)
        )


def debit_until_done(stores: Stores, refund_ids: Iterable[str]) -> None:
    """As the queue does: delivered again until there is nothing left to do."""
    for refund_id in refund_ids:
        while stores.debits.debits([refund_id])[0]:
            market.settle(stores, refund_id, now=NOON)


def test_a_wallet_grows_and_shrinks_under_debits_and_credits_and_not_a_unit_is_lost(
    racing: Stores,
) -> None:
    """From 1 shard to 4 and back, while 8 threads debit and 4 credit."""
    credit(racing, "first")
    accept_32(racing)
    seen: set[int] = set()

    def reshard() -> None:
        for count in (2, 4, 3, 4, 2, 1) * 3:
            market.retried(partial(racing.debits.reshard, MERCHANT, "CNY", count, now=NOON))
            funds = market.retried(lambda: racing.wallets.read_funds(MERCHANT, "CNY"))
            seen.add(len(funds.shards))
            assert min(funds.shards) >= 0

    def credit_thrice(number: int) -> None:
        for part in range(3):
            market.retried(partial(credit, racing, f"k{number}-{part}"))

    work: list[Callable[[], None]] = [reshard]
    work += [partial(credit_thrice, number) for number in range(4)]
    for first in range(8):
        work.append(partial(debit_until_done, racing, [f"rf_{n}" for n in range(first, 32, 8)]))
    assert at_once(lambda do: do(), work) == [None] * 13
    racing.debits.reshard(MERCHANT, "CNY", 1, now=NOON)
    assert len(seen) > 1
    assert racing.wallets.read_funds(MERCHANT, "CNY").shards == (13_000 - 32 * 50,)
    buyers = [racing.wallets.buyer_balance(f"b{number}", "CNY") for number in range(4)]
    assert buyers == [400] * 4
