"""After all tests: each branch that no fault of AWS reaches was executed by another test.

`cases.py` says by which; what is not said there, the faults execute themselves.
"""

import sys

from coverage import CoverageData

from tests.faults import branches
from tests.faults.branches import Branch
from tests.faults.cases import UNREACHED, UNREACHED_MODULES


def main() -> None:
    executed = CoverageData()
    executed.read()
    missed = [
        each
        for each in branches.of_the_product()
        if _excused(each) and each.line not in (executed.lines(each.file) or ())
    ]
    for each in missed:
        print(f"{each.file}:{each.line}: nothing executes this except branch", file=sys.stderr)  # noqa: T201  # whoever ran the tests
    sys.exit(bool(missed))


def _excused(branch: Branch) -> bool:
    return branch.module in UNREACHED_MODULES or (branch.place, branch.caught) in UNREACHED


if __name__ == "__main__":
    main()
