"""What the answers promise, and what must have become of everything in the end."""

from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from refunds import funding, invariants
from refunds.errors import InternalError
from refunds.funding import Funds
from tests.simulation.callers import Request, posted
from tests.simulation.line import Crashed
from tests.simulation.monitor import Violation
from tests.simulation.sandboxes import CLOCK
from tests.simulation.sqs import message
from tests.simulation.tasks import Task
from tests.simulation.world import World, named
from tests.stores import market
from tests.stores.wire import FAILURES
from tests.unit import api

if TYPE_CHECKING:
    from tests.simulation.schedule import Schedule

CLOSED = {"succeeded", "canceled", "refused", "reversed"}


def failed(task: Task, schedule: "Schedule") -> None:
    """Nothing raises unless something failed; and then what AWS, or the product, calls it."""
    assert task.ended
    error = task.ended.error
    if error is None or isinstance(error, Crashed):
        return
    if not task.faults:
        schedule.world.found.append(f"E: {task.name} raised {error!r}, and nothing had failed")
    elif not isinstance(error, FAILURES):
        schedule.world.found.append(f"E: {task.name} raised {error!r}, which is no failure of AWS")


def answered(request: Request, task: Task, schedule: "Schedule") -> None:
    """Keep the answer, if it says what became of the request; and hold it to what is stored."""
    assert task.ended
    if task.ended.error is not None:
        return
    answer, world = api.answer_of(task.ended.answer), schedule.world
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        if answer.code == InternalError.code:
            world.found.append(f"E: {request} was answered {answer.text}")
        return
    before, request.answer = request.answer, answer
    if before and _promise(before.body) != _promise(answer.body):
        world.found.append(f"7: {request} was answered {before.text}, and then {answer.text}")
    if answer.status >= HTTPStatus.BAD_REQUEST or not request.made:
        return
    kind = "REFUND" if request.made.startswith("rf_") else "POSTING"
    item = world.item((f"{kind}#{request.made}", kind))
    if not item or not request.body or request.made not in answer.text:
        world.found.append(f"7: {request} was answered {answer.text}, and is not stored")


def _promise(body: Any) -> Any:
    """Of a refund or posting, what no repetition may answer otherwise."""
    kept = ("refund_id", "credit_id", "payout_id", "amount", "code", "allocation")
    return {name: body.get(name) for name in kept if name in body}


def processed(messages: list[Any], task: Task, schedule: "Schedule") -> set[str]:
    """Which messages are given back; an acknowledged one is of a refund that is decided."""
    assert task.ended
    every = {each.message_id for each in messages}
    if task.ended.error is not None:
        return every
    given_back = {each["itemIdentifier"] for each in task.ended.answer["batchItemFailures"]}
    for each in messages:
        refund = schedule.world.refund(named(each.body))
        decided = refund.get("status", "missing") not in {"pending", "missing"}
        if each.message_id not in given_back and not decided:
            schedule.world.found.append(f"6: {each.body} was acknowledged, and is not decided")
        if each.message_id in given_back and decided and not task.faults and schedule.quiet:
            schedule.world.found.append(f"8: {each.body} was given back, and is decided")
    return given_back


def unsettled(world: World) -> list[str]:
    """Refunds that are open, though nothing is in their way."""
    return [*_unsettled(world, _open(world))]


def _open(world: World) -> list[dict[str, Any]]:
    return [refund for refund in world.refunds() if refund["status"] not in CLOSED]


def _unsettled(world: World, still_open: list[dict[str, Any]]) -> Iterator[str]:
    for merchant in {refund["merchant_id"] for refund in still_open}:
        funds = world.left(merchant)
        waiting = [each for each in still_open if each["merchant_id"] == merchant]
        waiting.sort(key=lambda each: (each["requested_at"], each["refund_id"]))
        in_turn = True
        for refund in waiting:
            if refund["status"] == "pending":
                yield f"{refund['refund_id']} is pending"
            elif not funds.frozen and _payable(refund, funds) and in_turn:
                yield f"{refund['refund_id']} awaits {refund['amount']} of {funds}"
            since = datetime.fromisoformat(refund["requested_at"])
            if CLOCK.now - since > funding.HELD_AFTER:
                # No newer one is paid before it.
                in_turn = False


def _payable(refund: dict[str, Any], funds: Funds) -> bool:
    amount: int = refund["amount"]
    return amount <= funds.total


def judge(schedule: "Schedule") -> None:
    """Once all has come to its end. Raises Violation."""
    world = schedule.world
    _check(f"6: {each}" for each in unsettled(world))
    _check(_stream(world))
    _check(_books(world))
    _check(_answers(schedule))
    rows = {name: dict(item) for name, item in world.database.items.items()}
    _repeat(schedule)
    changed = [name for name in rows.keys() | world.database.items if _otherwise(name, rows, world)]
    _check(f"7: repeated, and {name} is otherwise" for name in changed)


def _stream(world: World) -> Iterator[str]:
    if world.streamed < len(world.database.commits):
        yield "T: the stream comes to no end"
    yield from (f"T: {each} was told to nobody" for each in sorted(world.untold()))


def _books(world: World) -> Iterator[str]:
    rows = world.rows()
    stored, moved = market.balances_of(rows), market.balances_of_postings(rows)
    for account in stored.keys() | moved.keys():
        kept = account[0].startswith(("merchant:", "buyer:"))
        if kept and stored[account] != moved[account]:
            yield f"1: {account} holds {stored[account]}, and its postings say {moved[account]}"
    for _, differences in invariants.look(rows, books=world.books(), ready=lambda _: True):
        yield from (f"reconciliation: {each}" for each in differences)


def _answers(schedule: "Schedule") -> Iterator[str]:
    """Each posting was asked for, and answered; each canceled refund is."""
    world = schedule.world
    every = {name[0].partition("#")[2] for name in world.database.items if name[1] == "POSTING"}
    told = {*world.funded, *posted(schedule.asked)}
    if every != told:
        yield f"7: postings {sorted(every ^ told)} are stored or were answered, and not both"
    for request in schedule.asked:
        if request.answer is None:
            yield f"{request} was never answered"
        elif request.path.endswith("/cancel"):
            yield from _canceled(request, request.answer, world)
    accepted = {each.made for each in schedule.asked if each.answer and each.answer.status == 202}
    asked = accepted | {*world.asked_before}
    stored = {refund["refund_id"] for refund in world.refunds()}
    if asked != stored:
        yield f"7: refunds {sorted(asked ^ stored)} are stored or were accepted, and not both"


def _canceled(request: Request, answer: api.Answer, world: World) -> Iterator[str]:
    refund_id = request.path.split("/")[2]
    refund = world.refund(refund_id)
    if answer.status == HTTPStatus.OK and refund["status"] != "canceled":
        yield f"5: {refund_id} was canceled, and is not"
    if answer.status != HTTPStatus.NOT_FOUND and refund["buyer_id"] != request.claims["sub"]:
        yield f"9: {request} is not this buyer's, and was answered {answer.text}"


def _repeat(schedule: "Schedule") -> None:
    """All refunds are named once more, and one request is sent again: nothing changes."""
    for refund in schedule.world.refunds():
        if refund["status"] in CLOSED:
            schedule.world.queue.put(message(refund["refund_id"]))
    schedule.empty_the_queue()
    for request in schedule.asked:
        if request.key and request.answer and request.answer.status < HTTPStatus.BAD_REQUEST:
            schedule.ask(request)
            schedule.run()
            return


def _otherwise(name: Any, rows: Any, world: World) -> bool:
    return bool(rows.get(name) != world.database.items.get(name))


def _check(found: Iterator[str]) -> None:
    wrong = [*found]
    if wrong:
        raise Violation("; ".join(wrong))
