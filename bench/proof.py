"""How much the model explores, and how many wrong protocols it catches."""

from typing import Any

from bench import report
from tests.model.bounds import BOUNDS, STATES
from tests.model.explore import explore
from tests.model.model import Model
from tests.model.mutants import MUTANTS


def main() -> dict[str, Any]:
    states = caught = 0
    with report.progress() as bar:
        for bounds in bar.track(BOUNDS, description="the model is explored"):
            found = explore(Model(bounds))
            if found.violation:
                report.miss(found.violation)
            else:
                states += len(found.states)
        for mutant in bar.track(MUTANTS, description="wrong protocols are caught"):
            caught += explore(mutant()).violation.startswith(f"{mutant.breaks}: ")
    if states < STATES:
        report.miss(f"Fewer than {STATES:,} states were explored.")
    if caught < len(MUTANTS):
        report.miss("A wrong protocol is not caught.")
    keys = {"model_states": states, "model_mutants_caught": caught}
    rows = [["states without a violation", f"{states:,}"]]
    rows.append(["wrong protocols that are caught", f"{caught} of {len(MUTANTS)}"])
    report.publish("proof", report.table(["explored", "count"], rows), keys)
    return keys


if __name__ == "__main__":
    main()
    report.end()
