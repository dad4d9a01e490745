"""How much the model explores, and how many wrong protocols it catches."""

from typing import Any

from bench import report
from tests.model.bounds import BOUNDS
from tests.model.explore import explore
from tests.model.model import Model
from tests.model.mutants import MUTANTS


def main() -> dict[str, Any]:
    """Raises SystemExit: something within the bounds breaks an invariant."""
    states = caught = 0
    with report.progress() as bar:
        for bounds in bar.track(BOUNDS, description="the model is explored"):
            found = explore(Model(bounds))
            if found.violation:
                raise SystemExit(found.violation)
            states += len(found.states)
        for mutant in bar.track(MUTANTS, description="wrong protocols are caught"):
            caught += explore(mutant()).violation.startswith(f"{mutant.breaks}: ")
    keys = {"model_states": states, "model_mutants_caught": caught}
    rows = [["states without a violation", f"{states:,}"]]
    rows.append(["wrong protocols that are caught", f"{caught} of {len(MUTANTS)}"])
    report.publish("proof", report.table(["explored", "count"], rows), keys)
    return keys


if __name__ == "__main__":
    main()
