"""A finding: what does not fit, and the two places that say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
"""`error`: one of the two places says what is not so. `warning`: both may be right, and somebody should look.

`note`: that they are right is likely, and not proven.
"""
Fix = Literal["refresh", "archive", "refer"]
"""What the engine can do: record what was edited and put its own facts back; archive; say where `about` is now."""


@dataclass(frozen=True, slots=True, order=True)
class Witness:
    """A place. `line` counts from 1; None when it is the file as a whole, or one that is not there."""

    path: str
    line: int | None = None

    def __str__(self) -> str:
        return self.path if self.line is None else f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Finding:
    """`says`: one plain sentence. `witnesses`: the place that is odd, and what it is held against.

    `fix`: what `--fix` does about it, None for what only a person can mend; `about`: the other task it is about.
    """

    rule: str
    severity: Severity
    task: str
    says: str
    witnesses: tuple[Witness, Witness]
    fix: Fix | None = None
    about: str | None = None
