"""When to build again: what a build was made from."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def digest(sources: Iterable[Path], *, root: Path, seed: str = "") -> str:
    """Of the sources' names and contents, in the order given."""
    whole = hashlib.sha256(seed.encode())
    for path in sources:
        whole.update(f"{path.relative_to(root)}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
