"""When to build again: what a build was made from, and one build at a time."""

import fcntl
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(state: Path) -> Iterator[None]:
    """While inside, every other process of this checkout waits for its turn."""
    state.mkdir(exist_ok=True)
    with (state / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def digest(sources: Iterable[Path], *, root: Path, seed: str = "") -> str:
    """Of the sources' names and contents, in the order given."""
    whole = hashlib.sha256(seed.encode())
    for path in sources:
        whole.update(f"{path.relative_to(root)}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
