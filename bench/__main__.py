"""`make bench`: every measurement, one after the other, and `build/bench.json` for programs."""

import json
from typing import Any

from bench import cost, imports, latency, proof, report, throughput, units
from local.terminal import messages


def main() -> None:
    consumed = units.main()
    found: dict[str, Any] = {
        **units.keys(consumed),
        **cost.main(consumed),
        **throughput.main(),
        **latency.main(),
        **imports.main(),
        **proof.main(),
    }
    path = report.BUILD / "bench.json"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    messages.print(f"→ {path}", style="dim", markup=False)
    report.end()


if __name__ == "__main__":
    main()
