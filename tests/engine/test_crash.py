"""Dying at disk operations of every flow, then opening again and committing once more; `python -m proof` tries all."""

from __future__ import annotations

import pytest

from proof.crash import FLOWS, judged, points
from proof.flows import Flow, absorb, archive, change_over, checkpoint, commit, create, restore

SHORT = (create, commit, absorb, restore, change_over)
STRIDE = {checkpoint: 43}


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_dying_at_any_operation_leaves_all_or_nothing(flow: Flow, after: bool) -> None:
    stride = 1 if flow in SHORT else STRIDE.get(flow, 6)
    found = judged("", "deaths", flow, points(flow)[3 * after % stride :: stride], after)
    assert found.tried
    assert not found.violations


@pytest.mark.parametrize("flow", [commit, absorb, archive], ids=lambda flow: flow.__name__)
def test_dying_at_any_operation_leaves_all_or_nothing_without_the_exchange_too(flow: Flow) -> None:
    assert not judged("", "deaths", flow, points(flow, True), True, portable=True).violations


@pytest.mark.parametrize("flow", [create, commit, absorb, change_over], ids=lambda flow: flow.__name__)
def test_dying_again_while_recovering_changes_nothing_of_that(flow: Flow) -> None:
    deaths = [(point, second) for point in points(flow)[::3] for second in (0, 2, 5, 9)]
    assert not judged("", "deaths", flow, deaths, True).violations
