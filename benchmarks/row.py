"""A row of the table: what we need, what a peer needs, and the ratio that is aimed at."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Key = TypeVar("Key")
Way = TypeVar("Way")


@dataclass(frozen=True)
class Row:
    """`theirs` is None where the peer is not installed. `most` and `least` bound ours divided by theirs."""

    figure: str
    ours: float
    unit: str
    peer: str
    theirs: float | None
    most: float | None = None
    least: float | None = None

    @property
    def ratio(self) -> float | None:
        return None if self.theirs is None else self.ours / self.theirs

    @property
    def target(self) -> str:
        if self.most is not None:
            return f"≤ {self.most:g}"
        return "" if self.least is None else f"≥ {self.least:g}"

    @property
    def met(self) -> bool | None:
        """None where nothing is aimed at; not met where it could not be compared."""
        if not self.target:
            return None
        if self.ratio is None:
            return False
        return (self.most is None or self.ratio <= self.most) and (self.least is None or self.ratio >= self.least)


def medians(ways: Mapping[Key, Way], measure: Callable[[Way], float], rounds: int) -> dict[Key, float]:
    """The median of each way's figure, measured in turn: what disturbs the machine disturbs all of them."""
    found: dict[Key, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(measure(way))
    return {name: statistics.median(values) for name, values in found.items()}
