"""Dead letters: an operator sees what is in each queue, and sends it again."""

from typing import Any

from refunds import http, redrive
from refunds.errors import QueueNotFound
from refunds.letters import debit_reader, read_changes, read_orders
from refunds.observability import logger, metrics, observed
from refunds.queue import DebitQueue
from refunds.redrive import (
    DeadLetterQueues,
    DeadLetters,
    Queue,
    Redriven,
    RedriveRequest,
    Way,
)
from refunds.settings import Settings
from refunds.stores.changes import EventBus
from refunds.stores.letters import (
    ChangeTarget,
    DebitTarget,
    LetterQueue,
    OrderTarget,
    RedriveStore,
)
from refunds.stores.members import MemberStore

app = http.resolver()
settings = Settings.from_env()
members = MemberStore.from_settings(settings)
WAYS = {
    Queue.DEBITS: Way(
        LetterQueue.at(settings.debit_dead_letter_queue_url),
        debit_reader(RedriveStore.from_settings(settings)),
        DebitTarget(DebitQueue.from_settings(settings)),
    ),
    Queue.ORDERS: Way(
        LetterQueue.at(settings.order_dead_letter_queue_url),
        read_orders,
        OrderTarget(EventBus.from_settings(settings)),
    ),
    Queue.CHANGES: Way(
        LetterQueue.at(settings.change_dead_letter_queue_url),
        read_changes,
        ChangeTarget.from_env(),
    ),
}
OF_A_QUEUE = http.contract("operator", QueueNotFound)


@app.get("/dead-letters", openapi_extensions=http.contract("operator"))
def list_dead_letter_queues() -> DeadLetterQueues:
    http.operator(app, settings=settings, store=members)
    return DeadLetterQueues(items=[redrive.overview(*each) for each in WAYS.items()])


@app.get("/dead-letters/<queue>", openapi_extensions=OF_A_QUEUE)
def list_dead_letters(queue: http.PathId) -> DeadLetters:
    http.operator(app, settings=settings, store=members)
    named = redrive.queue_named(queue)
    return redrive.show(named, WAYS[named], ready=http.ready(app))


@app.post("/dead-letters/<queue>/redrive", openapi_extensions=OF_A_QUEUE)
def redrive_dead_letters(queue: http.PathId, request: RedriveRequest) -> Redriven:
    http.operator(app, settings=settings, store=members)
    way = WAYS[redrive.queue_named(queue)]
    done = redrive.redrive(way, limit=request.limit, ready=http.ready(app))
    metrics.add_metric(name="DeadLettersRedriven", unit="Count", value=done.moved)
    logger.info(
        "redriven",
        queue=queue,
        moved=done.moved,
        left_here=done.left_here,
        stopped_by=done.stopped_by,
    )
    return done


@observed
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return http.serve(app, event, context)
