"""What was found, as one reads it."""

from collections.abc import Sequence
from string import ascii_uppercase

from tests.model.explore import Exploration
from tests.model.state import LIFTED, STATUSES, Bounds, State, Step, Wallet


def told(found: Exploration) -> str:
    """The number of states; or the violation, and each step and state on the way to it."""
    bounds = found.model.bounds
    if not found.violation:
        return f"{bounds.name}: {len(found.states):,} states, {found.steps:,} steps, no violation"
    return f"{found.violation}\n{trace(bounds, found.model.initial(), found.trace)}"


def trace(bounds: Bounds, state: State, steps: Sequence[tuple[Step, State]]) -> str:
    """Each step, and the state after it."""
    names = [*ascii_uppercase[: bounds.workers]]
    lines = [f"     {shown(state)}"]
    for number, (step, after) in enumerate(steps, 1):
        lines += [f"{number:3}. {sentence(bounds, step, names)}", f"     {shown(after)}"]
        names, state = follow(names, state, step, after), after
    return "\n".join(lines)


def follow[Name](names: list[Name], before: State, step: Step, after: State) -> list[Name]:
    """The workers' names in their new order: a state keeps its workers sorted."""
    if step.actor != "worker":
        return names
    others = [
        (worker, name)
        for place, (worker, name) in enumerate(zip(before.workers, names, strict=True))
        if place != step.who
    ]
    changed = [*after.workers]
    for worker, _ in others:
        changed.remove(worker)
    pairs = [*others, (changed[0], names[step.who])]
    return [name for _, name in sorted(pairs, key=lambda pair: pair[0])]


def sentence(bounds: Bounds, step: Step, names: list[str]) -> str:
    if step.actor == "caller":
        request = bounds.requests[step.who]
        what = f"{request.kind} of {request.of}" + f" ({request.amount})" * bool(request.amount)
        return f"{what}: {step.what}" + f" {step.reply}" * bool(step.reply)
    refunds = step.what in {"receives", "answers", "lets wait", "loses", "delivers once more"}
    of = ", ".join(f"r{each}" if refunds else f"{each}" for each in step.detail)
    by = f"worker {names[step.who]}" if step.actor == "worker" else "the queue"
    told = f"{by} {step.what} {of}".rstrip()
    if step.what == "answers":
        told = f"{by} answers: all done" if not of else f"{by} gives back {of}"
    return told + f": {step.reply}" * bool(step.reply)


def shown(state: State) -> str:
    refunds = ", ".join(f"r{number} {STATUSES[each]}" for number, each in enumerate(state.status))
    wallets = "; ".join(map(_wallet, state.wallets))
    return f"{refunds} | wallet {wallets} | buyers {', '.join(map(str, state.buyers))}"


def _frozen(wallet: Wallet) -> str:
    if wallet.frozen in {0, wallet.all_marks}:
        return " frozen" * bool(wallet.frozen)
    return " being unfrozen" if wallet.frozen & LIFTED else " being frozen"


def _wallet(wallet: Wallet) -> str:
    told = "+".join(map(str, wallet.shards))
    for name in ("deposit", "owed", "headroom"):
        amount = getattr(wallet, name)
        told += f" {name} {amount}" if amount else ""
    return told + _frozen(wallet) + " held" * bool(wallet.held)
