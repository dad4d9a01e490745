"""What a person sees: data on stdout, progress and messages on stderr, both plain in a pipe."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

data = Console(highlight=False, soft_wrap=True, emoji=False)
messages = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


@contextmanager
def step(doing: str) -> Iterator[None]:
    """Show what takes a while, then how long it took."""
    began = time.perf_counter()
    with messages.status(f"{doing} …") if messages.is_terminal else _line(doing):
        yield
    messages.print(f"[green]✓[/] {doing} [dim]{time.perf_counter() - began:.1f} s[/]")


@contextmanager
def _line(doing: str) -> Iterator[None]:
    messages.print(f"… {doing}")
    yield


def failure(fact: str, next_step: str) -> None:
    messages.print("✗", style="red", end=" ")
    messages.print(fact, markup=False)
    messages.print("Next:", style="bold", end=" ")
    messages.print(next_step, markup=False)
