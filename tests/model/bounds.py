"""What is explored. Each is exhaustive within its bounds; together they cover the protocol."""

from tests.model.state import Bounds, Refund, Request, Wallet

EVERY_FAULT = frozenset({"crash", "lost", "lose", "redrive", "conflict", "late"})
LOST_AND_CRASHED = frozenset({"lost", "crash"})

STATES = 1_000_000
"""At least as many do the bounds of the normal run have together."""

ONE = (Refund(2),)
TWO = (Refund(2), Refund(3, buyer=1))
BOUNDS = (
    Bounds(
        "two workers, two shards, three faults of any kind",
        TWO,
        (Wallet((3, 3)),),
        faults=3,
        kinds=EVERY_FAULT,
        hints=3,
    ),
    Bounds(
        "three refunds of one merchant, a shard too few",
        (Refund(2), Refund(1, buyer=1), Refund(3)),
        (Wallet((2, 2)),),
        faults=2,
        kinds=EVERY_FAULT,
    ),
    Bounds(
        "deposit, guarantee and a credit",
        TWO,
        (Wallet((1, 1), deposit=1, headroom=1, required=1),),
        requests=(Request("credit", 0, 3),),
        faults=2,
        kinds=EVERY_FAULT,
    ),
    Bounds(
        "two credits repay one debt",
        TWO,
        (Wallet((0,), owed=2, headroom=1, required=1),),
        requests=(Request("credit", 0, 3), Request("credit", 0, 2)),
        kinds=EVERY_FAULT,
        hints=1,
    ),
    Bounds(
        "freezing and unfreezing, shard by shard, with a lost answer",
        TWO,
        (Wallet((3, 2)),),
        requests=(Request("freeze"), Request("unfreeze")),
        kinds=frozenset({"lost"}),
        workers=1,
    ),
    Bounds(
        "two freeze, one unfreezes",
        ONE,
        (Wallet((3, 2)),),
        requests=(Request("freeze"), Request("freeze"), Request("unfreeze")),
        faults=0,
    ),
    Bounds(
        "freezing and unfreezing while the shards change",
        ONE,
        (Wallet((3,)),),
        requests=(Request("freeze"), Request("unfreeze"), Request("reshard", 0, 2)),
        faults=0,
        hints=2,
    ),
    Bounds(
        "freezing and a reshard, a crash or a lost answer",
        ONE,
        (Wallet((2, 2)),),
        requests=(Request("freeze"), Request("reshard", 0, 1)),
        kinds=LOST_AND_CRASHED,
        hints=2,
    ),
    Bounds(
        "two reshards at once",
        ONE,
        (Wallet((2, 1)),),
        requests=(Request("reshard", 0, 1), Request("reshard", 0, 3)),
        workers=1,
        faults=0,
        hints=3,
    ),
    Bounds(
        "a reshard, a credit and a payout",
        ONE,
        (Wallet((2, 1)),),
        requests=(Request("reshard", 0, 3), Request("credit", 0, 2), Request("payout", 0, 1)),
        workers=1,
        faults=0,
        hints=2,
    ),
    Bounds(
        "an order's refunds, asked for and canceled",
        (Refund(2, asked=False), Refund(2, asked=False), Refund(1, asked=False)),
        (Wallet((4,)),),
        orders=(3,),
        requests=(
            Request("ask", 0),
            Request("ask", 1),
            Request("ask", 2),
            Request("cancel", 0),
            Request("cancel", 2),
        ),
        kinds=LOST_AND_CRASHED,
        hints=1,
    ),
    Bounds(
        "two merchants and a bad message in one batch",
        (Refund(2), Refund(2, merchant=1)),
        (Wallet((2,)), Wallet((1, 1))),
        bad_message=True,
    ),
    Bounds(
        "one that has waited too long",
        (Refund(3, old=True), Refund(2, buyer=1)),
        (Wallet((2, 0)),),
        requests=(Request("credit", 0, 2),),
        faults=2,
        kinds=EVERY_FAULT,
    ),
)

REPLAYED = (*BOUNDS, BOUNDS[-1]._replace(name="one that has waited too long, no fault", faults=0))
"""Traces of these are: with faults, a wallet is held only beyond the states that samples are of."""

WIDER = tuple(
    bounds._replace(name=f"{bounds.name}, wider", faults=bounds.faults + 1, kinds=EVERY_FAULT)
    for bounds in BOUNDS
)
"""One more fault of any kind in each."""
WIDER_STATES = 4_000_000
