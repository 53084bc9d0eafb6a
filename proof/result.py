"""What a proof tried, and what broke."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

Part = Callable[[], "Result | list[Result]"]
"""A share of a proof, for one process: picklable. A list has one result a claim."""


@dataclass(frozen=True)
class Result:
    """`violations` say, each in one line, how to see it again. A `control` must have some: it shows the teeth.

    `least`: who tried fewer has shown nothing. `skipped` says what this system lacks; nothing was tried then.
    """

    claim: str
    tried: int
    unit: str
    violations: tuple[str, ...] = ()
    control: bool = False
    skipped: str = ""
    note: str = ""
    least: int = 0

    @property
    def met(self) -> bool:
        return bool(self.skipped) or (self.tried >= self.least and bool(self.violations) == self.control)

    def __add__(self, other: Result) -> Result:
        """Two shares of one claim."""
        return replace(
            self,
            tried=self.tried + other.tried,
            violations=self.violations + other.violations,
            note=self.note or other.note,
            least=max(self.least, other.least),
        )


def joined(results: Iterable[Result]) -> list[Result]:
    """One result a claim, in the order in which they were first met."""
    found: dict[str, Result] = {}
    for result in results:
        found[result.claim] = found[result.claim] + result if result.claim in found else result
    return list(found.values())


def spent() -> float:
    """Seconds of a processor, of this process and of those whose end it waited for."""
    rows = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(row.ru_utime + row.ru_stime for row in rows)
