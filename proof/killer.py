"""Tries to break the orchestrator that is imported here: exits 1, and says how, at the first thing that breaks."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from proof import crash, power
from proof.flows import FLOWS, checkpoint
from proof.power import SHORT, STATES
from proof.result import Result

STATES_OF_EACH = 60


def attempts() -> Iterator[Result]:
    """What breaks most comes first."""
    flows = sorted(FLOWS, key=lambda flow: (flow is checkpoint, flow not in SHORT))
    for flow in flows:
        points = crash.points(flow)
        yield crash.judged("", "deaths", flow, points[:: max(1, len(points) // 12)], after=True)
    for kind in STATES:
        for flow in flows:
            yield power.tried(kind, flow, 0, STATES_OF_EACH)


def main() -> int:
    for result in attempts():
        if result.violations:
            print(result.violations[0])
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
