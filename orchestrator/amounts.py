"""What can be limited, and by what amounts, as people write them. Fast to import."""

from __future__ import annotations

import sys
from collections.abc import Callable


def _is_count(value: object) -> bool:
    return type(value) is int and value > 0


def _is_amount(value: object) -> bool:
    return type(value) in (int, float) and 0 < value <= sys.float_info.max  # type: ignore[operator]


AMOUNTS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "turns": ("a whole number above 0", _is_count),
    "tokens": ("a whole number above 0", _is_count),
    "seconds": ("a number above 0", _is_amount),
    "cost": ("a number of US dollars above 0", _is_amount),
}
"""By what is limited, named as in `usage.Limits`: what an amount of it is, in words, and whether a value is one."""


def flaw(name: object, value: object) -> str | None:
    """What is wrong with a limit; None for a good one."""
    if name not in AMOUNTS:
        return f"{name!r} is none of {', '.join(AMOUNTS)}"
    wanted, fits = AMOUNTS[str(name)]
    return None if fits(value) else f"{name} is {value!r}, not {wanted}"
