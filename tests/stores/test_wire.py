"""Conflicts, throttling, lost answers: what each store makes of a service that answers badly."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from refunds import corrections, funding, intake, policies, settlement, sweeps, table, wallets
from refunds.deadline import LONGEST_CALL_MS, Deadline
from refunds.errors import Busy
from refunds.funding import Funds
from refunds.members import Membership, Party, Role
from refunds.operations import LimitsRequest
from refunds.queue import DebitQueue
from refunds.settlement import Contended, Reply, Settled, Unknown
from refunds.standing import Cause
from refunds.stores import answers
from refunds.stores.dynamo import CONFLICT_TRIES, TRY_AGAIN_FOR
from refunds.wallets import Credit, CreditRequest
from tests.stores import engines, market, tables, wire
from tests.stores.engines import Stores
from tests.unit import examples
from tests.unit.examples import BUYER, DAY, MERCHANT, NOON, ORDER

CREDIT = CreditRequest.model_validate(
    {"amount": 1000, "currency": "CNY", "source": "top_up", "target": "wallet"}
)
CONFLICT = wire.canceled("None", "TransactionConflict")
THROTTLED = wire.canceled("ThrottlingError", "None")
NOT_NOW = {
    "conflict": CONFLICT,
    "throttled action": THROTTLED,
    "exceeded throughput": wire.canceled("ProvisionedThroughputExceeded", "None"),
    "in progress": wire.refused("TransactionInProgressException"),
    "throttled": wire.refused("ThrottlingException"),
    "exceeded": wire.refused("ProvisionedThroughputExceededException"),
    "limit": wire.refused("RequestLimitExceeded"),
}


@pytest.fixture
def stores() -> Iterator[Stores]:
    with engines.moto() as made:
        yield made


@pytest.fixture
def funded(stores: Stores) -> Stores:
    """With 1000 in the wallet, and the refund `rf_1` of 100 pending."""
    credit(stores)
    stores.refunds.put_order(examples.order())
    stores.refunds.accept(examples.refund())
    return stores


def credit(stores: Stores) -> Credit:
    return wallets.credit(
        MERCHANT, CREDIT, client_id="c", idempotency_key="k", store=stores.wallets, now=NOON
    )


def available(stores: Stores) -> int:
    return stores.wallets.read_funds(MERCHANT, "CNY").available


# ── The wallet ──────────────────────────────────────────────────────────────────────────────────


def test_a_wallet_is_opened_whole_or_not_at_all(stores: Stores) -> None:
    one_try = replace(stores, client=boto3.client("dynamodb", config=engines.ONE_TRY))
    with (
        wire.faulty(one_try.client, "PutItem", wire.fine, wire.lost),
        wire.faulty(one_try.client, "TransactWriteItems", wire.lost),
        pytest.raises(ReadTimeoutError),
    ):
        one_try.wallets.open_wallet(MERCHANT, "CNY")
    assert tables.items(stores.client, stores.table) == []


def test_a_wallet_half_opened_is_completed_and_keeps_what_its_shard_holds(stores: Stores) -> None:
    stores.wallets.put(table.wallet(MERCHANT, "CNY"), {"available": 5})
    stores.wallets.open_wallet(MERCHANT, "CNY")
    assert stores.wallets.currencies(MERCHANT) == ["CNY"]
    assert available(stores) == 5


# ── Transactions of the callers ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", NOT_NOW.values(), ids=NOT_NOW.keys())
def test_a_transaction_that_contends_is_sent_again_until_it_is_done(
    stores: Stores, fault: wire.Fault
) -> None:
    with wire.faulty(stores.client, "TransactWriteItems", *[fault] * (CONFLICT_TRIES - 1)):
        credit(stores)
    assert available(stores) == 1000


@pytest.mark.parametrize("fault", NOT_NOW.values(), ids=NOT_NOW.keys())
def test_one_that_contends_every_time_is_busy_and_wrote_nothing(
    stores: Stores, fault: wire.Fault
) -> None:
    with (
        wire.faulty(stores.client, "TransactWriteItems", *[fault] * CONFLICT_TRIES) as line,
        pytest.raises(Busy),
    ):
        credit(stores)
    assert len(line.sent) == CONFLICT_TRIES
    assert available(stores) == 0


def test_the_pauses_between_tries_have_jitter_and_double(stores: Stores) -> None:
    pauses: list[float] = []
    store = replace(stores.wallets, pause=pauses.append)
    with (
        wire.faulty(stores.client, "TransactWriteItems", *[CONFLICT] * CONFLICT_TRIES),
        pytest.raises(Busy),
    ):
        wallets.credit(MERCHANT, CREDIT, client_id="c", idempotency_key="k", store=store, now=NOON)
    assert all(0 <= pause <= 0.05 * 2**number for number, pause in enumerate(pauses))
    assert len(set(pauses)) == CONFLICT_TRIES - 1


def test_what_took_long_to_be_refused_is_not_sent_again(stores: Stores) -> None:
    """Its next try may take as long as a call can, and the function has no more time than that."""
    seconds = count(step=TRY_AGAIN_FOR)
    store = replace(stores.wallets, clock=lambda: next(seconds))
    with (
        wire.faulty(stores.client, "TransactWriteItems", *[CONFLICT] * CONFLICT_TRIES) as line,
        pytest.raises(Busy),
    ):
        wallets.credit(MERCHANT, CREDIT, client_id="c", idempotency_key="k", store=store, now=NOON)
    assert len(line.sent) == 1


@pytest.mark.parametrize(
    "fault",
    [
        wire.canceled("ValidationError", "None"),
        wire.refused("TransactionCanceledException"),
        wire.refused("ValidationException"),
        wire.refused("AccessDeniedException"),
        wire.broken(),
    ],
)
def test_what_no_other_try_would_mend_is_not_tried_again(stores: Stores, fault: wire.Fault) -> None:
    with (
        wire.faulty(stores.client, "TransactWriteItems", *[fault] * 2) as line,
        pytest.raises(ClientError),
    ):
        credit(stores)
    assert len(line.sent) == 1
    assert available(stores) == 0


def test_a_condition_without_an_error_of_its_own_is_not_taken_for_another(
    stores: Stores,
) -> None:
    limits = LimitsRequest(currency="CNY", deposit_required=1, guarantee_limit=1)
    fault = wire.canceled("ConditionalCheckFailed", "None")
    with (
        wire.faulty(stores.client, "TransactWriteItems", fault),
        pytest.raises(ClientError),
    ):
        stores.operations.set_limits(MERCHANT, limits, Funds())


def test_a_request_whose_answer_was_lost_is_the_same_refund_when_sent_again(
    stores: Stores,
) -> None:
    stores.refunds.put_order(examples.order())

    def ask() -> bool:
        return intake.request(BUYER, "k", examples.wanted(), store=stores.refunds, arrived_at=NOON)[
            1
        ]

    with (
        wire.faulty(stores.client, "TransactWriteItems", _done_but_lost(stores)),
        pytest.raises(ReadTimeoutError),
    ):
        ask()
    assert ask() is False
    order = stores.refunds.order(ORDER)
    assert order
    assert order.refundable == 900


def _done_but_lost(stores: Stores) -> wire.Fault:
    def fault(request: object) -> None:
        # The service got it: another client carries it out, and only the answer is lost.
        store = Stores(boto3.client("dynamodb"), stores.table).refunds
        wanted = examples.wanted()
        intake.request(BUYER, "k", wanted, store=store, arrived_at=NOON)
        wire.lost(request)

    return fault


def test_an_order_that_changes_under_every_decision_is_busy(stores: Stores) -> None:
    """Each time another refund takes what this one was decided on, and gives it back."""
    stores.refunds.put_order(examples.order())
    fault = wire.canceled("None", "None", "ConditionalCheckFailed")
    with (
        wire.faulty(stores.client, "TransactWriteItems", *[fault] * intake.ATTEMPTS),
        pytest.raises(Busy),
    ):
        intake.request(BUYER, "k", examples.wanted(), store=stores.refunds, arrived_at=NOON)
    order = stores.refunds.order(ORDER)
    assert order
    assert order.refundable == 1000


@pytest.mark.parametrize(
    ("amount", "arrived_at"), [(None, NOON), (100, NOON + 8 * DAY)], ids=["all", "late"]
)
def test_a_request_that_lost_to_its_own_first_try_is_told_that_one_s_refund(
    stores: Stores, amount: int | None, arrived_at: datetime
) -> None:
    """The first try was accepted after the second had looked its key up: all that was left is
    taken, or the window has closed since."""
    stores.refunds.put_order(examples.order())
    wanted = examples.wanted(amount=amount)
    answers = []

    def first_try(_: object) -> None:
        store = Stores(boto3.client("dynamodb"), stores.table).refunds
        answers.append(intake.request(BUYER, "k", wanted, store=store, arrived_at=NOON))

    with wire.faulty(stores.client, "GetItem", first_try):
        second = intake.request(BUYER, "k", wanted, store=stores.refunds, arrived_at=arrived_at)
        answers.append(second)
    assert [new for _, new in answers] == [True, False]
    assert answers[0][0] == answers[1][0]


def test_a_confirmation_that_lost_to_its_own_first_try_is_told_that_it_is_confirmed(
    stores: Stores,
) -> None:
    """The first try was confirmed, and the merchant suspended, after the second had looked."""
    stores.merchants.put_shop(MERCHANT, examples.SHOP, complete=True)
    market.certify(stores)
    draft = policies.edit(MERCHANT, examples.TERMS, store=stores.policies, now=NOON)
    digest = draft.digest or ""
    answers = []

    def first_try(_: object) -> None:
        other = Stores(boto3.client("dynamodb"), stores.table)
        answers.append(policies.confirm(MERCHANT, digest, store=other.policies, now=NOON))
        assert other.merchants.suspend(MERCHANT, Cause.OPERATOR, "x", by="op", now=NOON)

    with wire.faulty(stores.client, "GetItem", wire.fine, first_try):
        answers.append(policies.confirm(MERCHANT, digest, store=stores.policies, now=NOON))
    assert [new for _, new in answers] == [True, False]
    assert answers[0][0] == answers[1][0]


# ── Plain writes ────────────────────────────────────────────────────────────────────────────────

REFUSED = {
    code: wire.refused(code)
    for code in (
        "TransactionConflictException",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "ThrottlingException",
    )
}
WRITES: dict[str, Callable[[Stores], object]] = {
    "PutItem": lambda stores: stores.members.put_membership("s", Membership(operator=True)),
    "PutItem if new": lambda stores: stores.refunds.put_order(examples.order()),
    "UpdateItem": lambda stores: stores.refunds.complete_order(examples.order(), NOON),
    "DeleteItem": lambda stores: stores.members.delete_membership("s"),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_plain_write_that_meets_a_transaction_or_a_throttle_is_sent_again(
    stores: Stores, write: str
) -> None:
    for fault in REFUSED.values():
        line = sent_against([fault] * (CONFLICT_TRIES - 1), write, stores)
        assert len(line.sent) == CONFLICT_TRIES


@pytest.mark.parametrize("write", WRITES)
def test_a_plain_write_that_meets_one_every_time_is_busy(stores: Stores, write: str) -> None:
    for fault in REFUSED.values():
        with pytest.raises(Busy):
            sent_against([fault] * CONFLICT_TRIES, write, stores)


def sent_against(faults: list[wire.Fault], write: str, stores: Stores) -> wire.Line:
    with wire.faulty(stores.client, write.partition(" ")[0], *faults) as line:
        WRITES[write](stores)
    return line


def test_what_a_plain_write_says_after_a_conflict_is_what_it_did(stores: Stores) -> None:
    conflict = wire.refused("TransactionConflictException")
    for new in (True, False):
        with wire.faulty(stores.client, "PutItem", conflict):
            assert stores.refunds.put_order(examples.order(completed_at=None)) is new
        with wire.faulty(stores.client, "UpdateItem", conflict):
            assert stores.refunds.complete_order(examples.order(), NOON) is new


OPERATIONS = (
    "BatchGetItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "TransactGetItems",
    "TransactWriteItems",
    "UpdateItem",
)
TOLD_APART = {
    "ConditionalCheckFailedException": "the condition's own meaning",
    "TransactionCanceledException": "by its reasons",
    "InternalServerError": "nobody knows whether it was done",
}
NEVER = {
    "IdempotentParameterMismatchException",
    "ItemCollectionSizeLimitExceededException",
    "ResourceNotFoundException",
}


def test_each_error_that_aws_names_for_a_call_of_the_stores_has_a_meaning(stores: Stores) -> None:
    model = stores.client.meta.service_model
    named = {
        shape.name
        for operation in OPERATIONS
        for shape in model.operation_model(operation).error_shapes
    }
    assert named == answers.NOT_NOW | TOLD_APART.keys() | NEVER


QUEUE_OPERATIONS = (
    "ChangeMessageVisibilityBatch",
    "DeleteMessageBatch",
    "GetQueueAttributes",
    "ReceiveMessage",
)
QUEUES_NEVER = {
    *("BatchEntryIdsNotDistinct", "EmptyBatchRequest", "InvalidBatchEntryId"),
    *("InvalidAddress", "InvalidAttributeName", "InvalidSecurity", "QueueDoesNotExist"),
    *("KmsAccessDenied", "KmsDisabled", "KmsInvalidKeyUsage", "KmsInvalidState", "KmsNotFound"),
    *("KmsOptInRequired", "TooManyEntriesInBatchRequest", "UnsupportedOperation"),
}


def test_each_error_that_aws_names_for_a_call_of_the_dead_letters_has_a_meaning() -> None:
    model = botocore.session.get_session().get_service_model("sqs")
    named = {
        shape.name
        for operation in QUEUE_OPERATIONS
        for shape in model.operation_model(operation).error_shapes
    }
    assert named == answers.QUEUES_NOT_NOW | QUEUES_NEVER
    for code in answers.QUEUES_NOT_NOW:
        said: Any = {"Code": f"AWS.SimpleQueueService.{code}", "QueryErrorCode": code}
        assert answers.may_pass(ClientError({"Error": said}, "ReceiveMessage"))


# ── Reads ───────────────────────────────────────────────────────────────────────────────────────


def unprocessed(stores: Stores) -> wire.Fault:
    keys = [{"pk": {"S": "REFUND#rf_1"}, "sk": {"S": "REFUND"}}]
    left = {stores.table: {"Keys": keys, "ConsistentRead": True}}
    return wire.answer({"Responses": {}, "UnprocessedKeys": left})


def test_what_a_read_left_over_is_read_again(funded: Stores) -> None:
    with wire.faulty(funded.client, "BatchGetItem", unprocessed(funded)) as line:
        found, existing = funded.debits.debits(["rf_1"])
    assert (len(found), existing, len(line.sent)) == (1, {"rf_1"}, 2)


def test_what_is_left_over_every_time_is_busy(funded: Stores) -> None:
    with (
        wire.faulty(funded.client, "BatchGetItem", *[unprocessed(funded)] * CONFLICT_TRIES),
        pytest.raises(Busy),
    ):
        funded.debits.debits(["rf_1"])


@pytest.mark.parametrize("fault", [REFUSED["ThrottlingException"], REFUSED["RequestLimitExceeded"]])
@pytest.mark.parametrize("operation", ["BatchGetItem", "GetItem", "Query", "TransactGetItems"])
def test_a_read_that_is_throttled_is_sent_again_and_then_busy(
    funded: Stores, operation: str, fault: wire.Fault
) -> None:
    def read() -> tuple[int, object, list[str]]:
        found = funded.debits.debits(["rf_1"])[1]
        return available(funded), found, funded.wallets.currencies(MERCHANT)

    with wire.faulty(funded.client, operation, *[fault] * (CONFLICT_TRIES - 1)):
        assert read() == (1000, {"rf_1"}, ["CNY"])
    with wire.faulty(funded.client, operation, *[fault] * CONFLICT_TRIES), pytest.raises(Busy):
        read()


def test_a_read_at_one_instant_that_is_wrong_in_itself_is_not_sent_again(funded: Stores) -> None:
    with (
        wire.faulty(funded.client, "TransactGetItems", wire.canceled("ValidationError")) as line,
        pytest.raises(ClientError),
    ):
        available(funded)
    assert len(line.sent) == 1


def test_a_read_of_two_balances_at_one_instant_waits_for_writes_to_pass(funded: Stores) -> None:
    with wire.faulty(funded.client, "TransactGetItems", CONFLICT, CONFLICT):
        assert available(funded) == 1000
    with (
        wire.faulty(funded.client, "TransactGetItems", *[CONFLICT] * CONFLICT_TRIES),
        pytest.raises(Busy),
    ):
        available(funded)


def test_money_comes_in_whoever_keeps_the_shards_from_being_read_together(
    funded: Stores,
) -> None:
    """A hot wallet is never read at one instant; a credit and a reversal need no such read."""
    assert market.settle(funded, "rf_1").settled == {"rf_1"}
    hot = [CONFLICT] * 50
    with wire.faulty(funded.client, "TransactGetItems", *hot) as line:
        market.fund(funded, 70, "more")
        corrections.reverse("rf_1", "x", operator="op", store=funded.corrections, now=NOON)
    assert line.sent == []
    assert available(funded) == 1070


def test_balances_are_read_again_at_one_instant_while_there_is_time(funded: Stores) -> None:
    party = Party(Role.MERCHANT, MERCHANT)
    tries: list[int] = []

    def ready(attempt: int) -> bool:
        tries.append(attempt)
        return attempt < 30

    with wire.faulty(funded.client, "TransactGetItems", *[CONFLICT] * 29):
        [shown] = wallets.show(party, store=funded.wallets, ready=ready).wallets
    assert (shown.available, tries) == (1000, [*range(30)])
    with (
        wire.faulty(funded.client, "TransactGetItems", *[CONFLICT] * 30),
        pytest.raises(Busy),
    ):
        wallets.show(party, store=funded.wallets, ready=ready)


@pytest.mark.parametrize(
    ("at_one_instant", "operation"), [(False, "BatchGetItem"), (True, "TransactGetItems")]
)
def test_the_sources_are_not_looked_at_when_finding_their_number_took_all_the_time(
    funded: Stores, *, at_one_instant: bool, operation: str
) -> None:
    with wire.faulty(funded.client, operation) as line:
        found = funded.debits.funds(
            MERCHANT, "CNY", at_one_instant=at_one_instant, ready=lambda _: False
        )
    assert found == Contended()
    assert line.sent == []


# ── Debits ──────────────────────────────────────────────────────────────────────────────────────

PLAN = funding.from_one_shard([examples.debit()], 0)
REPLIES: list[tuple[wire.Fault, Reply]] = [
    (wire.canceled("TransactionConflict", "None", "None"), Contended()),
    (wire.canceled("None", "ThrottlingError", "None"), Contended()),
    (wire.canceled("None", "None", "ProvisionedThroughputExceeded"), Contended()),
    (wire.refused("ThrottlingException"), Contended()),
    (wire.refused("ProvisionedThroughputExceededException"), Contended()),
    (wire.refused("RequestLimitExceeded"), Contended()),
    (wire.refused("TransactionInProgressException"), Contended()),
    (wire.refused("TransactionConflictException"), Contended()),
    (wire.broken(), Unknown("InternalServerError")),
    (wire.broken(503), Unknown("InternalServerError")),
    (wire.lost, Unknown("ReadTimeoutError")),
    (wire.canceled("ValidationError", "None", "None"), Unknown("None, ValidationError")),
    (wire.refused("TransactionCanceledException"), Unknown("")),
]


@pytest.mark.parametrize(("fault", "reply"), REPLIES)
def test_each_answer_of_the_service_is_a_row_of_the_reply_table(
    funded: Stores, fault: wire.Fault, reply: Reply
) -> None:
    with wire.faulty(funded.client, "TransactWriteItems", fault):
        assert funded.debits.debit(PLAN, now=NOON) == reply
    assert available(funded) == 1000
    assert funded.debits.debit(PLAN, now=NOON) == Settled()


@pytest.mark.parametrize(
    "fault", [wire.lost, wire.broken(), REFUSED["TransactionConflictException"]]
)
def test_a_refund_that_could_not_be_put_to_wait_is_not_said_to_wait(
    funded: Stores, fault: wire.Fault
) -> None:
    with wire.faulty(funded.client, "UpdateItem", *[fault] * CONFLICT_TRIES):
        assert funded.debits.wait(examples.debit(), "funds", now=NOON) is False
    [still] = funded.debits.debits(["rf_1"])[0]
    assert not still.waiting


def test_the_sweeper_leaves_a_refund_to_the_debit_that_is_at_work_on_it(funded: Stores) -> None:
    """And goes on with the others: its run does not end at a conflict."""
    funded.refunds.accept(examples.refund(refund_id="rf_2"))
    sent = Sent()
    conflict = wire.refused("TransactionConflictException")
    with wire.faulty(funded.client, "UpdateItem", *[conflict] * CONFLICT_TRIES):
        sweeps.sweep(store=funded.sweeps, queue=sent, now=NOON + DAY, ready=lambda _: True)
    assert sorted(sent.refunds) == ["rf_1", "rf_2"]
    first, _ = sent.refunds
    due = {each.debit.refund_id for each in funded.sweeps.due(NOON + DAY)}
    assert due == {first}, "the other was moved on"
    with wire.faulty(funded.client, "UpdateItem", conflict):
        sweeps.sweep(store=funded.sweeps, queue=sent, now=NOON + DAY, ready=lambda _: True)
    assert funded.sweeps.due(NOON + DAY) == []


@dataclass
class Sent:
    """A queue that holds nothing for long."""

    refunds: list[str] = field(default_factory=list)

    def depth(self) -> int:
        return 0

    def send(self, refunds: Iterable[tuple[str, str]]) -> frozenset[str]:
        names = [refund_id for refund_id, _ in refunds]
        self.refunds += names
        return frozenset(names)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (wire.refused("AccessDeniedException"), "AccessDeniedException"),
        (wire.lost, "ReadTimeoutError"),
    ],
)
def test_what_cannot_be_read_is_not_known_by_the_name_that_aws_gives_it(
    funded: Stores, fault: wire.Fault, reason: str
) -> None:
    with (
        wire.faulty(funded.client, "TransactGetItems", fault),
        wire.faulty(funded.client, "Query", fault),
    ):
        funds = funded.debits.funds(MERCHANT, "CNY", at_one_instant=True)
        assert funds == Unknown(reason)
        assert funded.debits.overdue(MERCHANT, "CNY", now=NOON) == Unknown(reason)


@pytest.mark.parametrize("fault", [wire.lost, wire.broken(), REFUSED["ThrottlingException"]])
@pytest.mark.parametrize("operation", ["Query", "BatchGetItem"])
def test_a_look_for_the_overdue_that_fails_releases_no_hold(
    funded: Stores, operation: str, fault: wire.Fault
) -> None:
    """A newer refund, which the wallet would cover, must not be paid before the overdue one."""
    day_ago = NOON - DAY
    market.accept(funded, 2, amount=600, requested_at=day_ago)
    assert market.settle(funded, "rf_2", now=day_ago).settled == {"rf_2"}
    market.accept(funded, 3, amount=600, requested_at=day_ago)
    assert market.settle(funded, "rf_3", now=day_ago).waiting == {"rf_3"}
    assert market.settle(funded, "rf_3").waiting == {"rf_3"}
    debit = market.read(funded, "rf_1")
    faults = [fault] * settlement.TRIES * CONFLICT_TRIES
    with wire.faulty(funded.client, operation, *faults):
        outcome = settlement.settle(
            [debit], store=funded.debits, clock=lambda: NOON, ready=lambda _: True
        )
    assert outcome.failed == {"rf_1"}
    assert funded.wallets.read_funds(MERCHANT, "CNY").held
    assert available(funded) == 400


def test_contention_that_passes_is_settled_in_place(funded: Stores) -> None:
    slept: list[float] = []
    deadline = Deadline(lambda: 30_000, slept.append)
    with wire.faulty(funded.client, "TransactWriteItems", CONFLICT_3, wire.lost):
        outcome = settlement.settle(
            [examples.debit()], store=funded.debits, clock=lambda: NOON, ready=deadline.ready
        )
    assert outcome.settled == {"rf_1"}
    assert available(funded) == 900
    assert len(slept) == 2


CONFLICT_3 = wire.canceled("TransactionConflict", "None", "None")


@pytest.mark.parametrize(
    ("remaining_ms", "ready"), [(LONGEST_CALL_MS, False), (LONGEST_CALL_MS + 1, True)]
)
def test_nothing_is_begun_that_may_outlast_the_function(*, remaining_ms: int, ready: bool) -> None:
    slept: list[float] = []
    deadline = Deadline(lambda: remaining_ms, slept.append)
    assert deadline.ready(0) is ready
    assert slept == []
    assert deadline.ready(3) is ready
    assert 0 <= slept[0] <= 0.4


# ── The queue ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def queue() -> Iterator[DebitQueue]:
    with mock_aws():
        client = boto3.client("sqs", config=engines.ONE_TRY)
        yield DebitQueue(client, client.create_queue(QueueName="DebitQueue")["QueueUrl"])


def numbered(count: int) -> list[tuple[str, str]]:
    return [(f"rf_{number}", MERCHANT) for number in range(count)]


def test_every_refund_has_its_message_however_many_there_are(queue: DebitQueue) -> None:
    assert queue.send(numbered(23)) == {f"rf_{number}" for number in range(23)}
    assert queue.depth() == 23


def test_nothing_to_send_is_nothing_sent(queue: DebitQueue) -> None:
    assert queue.send([]) == frozenset()
    assert queue.depth() == 0


@pytest.mark.parametrize("fault", [wire.lost, wire.broken(), wire.refused("ThrottlingException")])
def test_what_the_queue_does_not_say_it_holds_is_not_known(
    queue: DebitQueue, fault: wire.Fault
) -> None:
    with wire.faulty(queue.client, "GetQueueAttributes", fault):
        assert queue.depth() is None


@pytest.mark.parametrize("fault", [wire.lost, wire.broken(), wire.refused("ThrottlingException")])
def test_after_a_batch_that_is_not_taken_no_other_is_tried(
    queue: DebitQueue, fault: wire.Fault
) -> None:
    with wire.faulty(queue.client, "SendMessageBatch", wire.fine, fault) as line:
        assert queue.send(numbered(35)) == {f"rf_{number}" for number in range(10)}
    assert len(line.sent) == 2
    assert queue.depth() == 10


@pytest.mark.parametrize("fault", [wire.lost, wire.broken(), REFUSED["ThrottlingException"]])
def test_who_wakes_what_waits_is_not_failed_by_what_cannot_be_found(
    funded: Stores, queue: DebitQueue, fault: wire.Fault
) -> None:
    funded.debits.wait(examples.debit(), "funds", now=NOON)
    with wire.faulty(funded.client, "Query", *[fault] * CONFLICT_TRIES):
        queue.wake(MERCHANT, "CNY", store=funded.wallets)
    assert queue.depth() == 0
    queue.wake(MERCHANT, "CNY", store=funded.wallets)
    assert queue.depth() == 1


def test_of_a_batch_taken_in_part_only_the_taken_are_named(queue: DebitQueue) -> None:
    taken = [{"Id": "1", "MessageId": "m", "MD5OfMessageBody": "x"}]
    failed = [{"Id": "0", "SenderFault": False, "Code": "InternalError"}]
    fault = wire.answer({"Successful": taken, "Failed": failed})
    with wire.faulty(queue.client, "SendMessageBatch", fault):
        assert queue.send(numbered(2)) == {"rf_1"}
