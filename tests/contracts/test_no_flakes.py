"""A verdict does not depend on how many scenarios run at once, on their order, or on how busy the machine is.

`nox -s bench` does the same twenty times over.
"""

from __future__ import annotations

from fixtures.mutants import find
from harness.sandbox.documents import DocumentsPlace
from harness.sandbox.embedded import EmbeddedSandbox
from harness.sandbox.rates import RatesPlace
from tests.steadiness import MUTANT, differences, load, verdicts


def test_verdicts_are_the_same_whatever_jobs_order_and_load() -> None:
    with EmbeddedSandbox(mutant=MUTANT, rates=RatesPlace(), documents=DocumentsPlace()) as sandbox:
        alone = verdicts(sandbox, jobs=8, seed=0)
        assert {name for name, verdict in alone.items() if verdict != "passed"} == find(MUTANT).fails
        with load():
            for jobs, seed in ((16, 1), (1, 2)):
                assert differences(alone, verdicts(sandbox, jobs=jobs, seed=seed)) == {}
