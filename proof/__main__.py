"""Prints what was tried and what broke; names of proofs choose some. `--full` tries ten times as much.

Exits 1 when something broke that must not, or a control did not break.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module

from proof.result import Result, joined

PROOFS = ("crash", "calls", "people", "many", "takeovers", "chaos", "controls", "power", "kernel")
LINE = "{:<58} {:>9} {:<14} {:>6}  {}"
SHOWN = 5


def results(name: str, full: bool) -> Iterator[Result]:
    """Every process of the pool takes the next part."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        shares = [pool.submit(part) for part in import_module(f"proof.{name}").parts(full)]
        yield from joined(result for share in shares for result in _several(share.result()))


def _several(found: Result | list[Result]) -> list[Result]:
    return found if isinstance(found, list) else [found]


def line(result: Result) -> str:
    if result.skipped:
        return LINE.format(result.claim, "skipped", "", "", result.skipped)
    met = "✓" if result.met else "✗"
    note = f"{met} {'a control: it must break' if result.control else result.note}"
    return LINE.format(result.claim, f"{result.tried:,}", result.unit, f"{len(result.violations):,}", note).rstrip()


def main(words: list[str]) -> int:
    full = "--full" in words
    names = [word for word in words if word != "--full"] or list(PROOFS)
    if unknown := set(names) - set(PROOFS):
        print(f"no proof {', '.join(sorted(unknown))}: there are {', '.join(PROOFS)}", file=sys.stderr)
        return 2
    begun, broken = time.monotonic(), 0
    print(LINE.format("CLAIM", "TRIED", "", "BROKEN", "").rstrip())
    for name in names:
        for result in results(name, full):
            print(line(result), flush=True)
            if not result.met:
                broken = 1
                print(*(f"    {words}" for words in result.violations[:SHOWN]), sep="\n")
    print(f"{time.monotonic() - begun:.0f} seconds")
    return broken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
