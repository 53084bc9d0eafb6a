"""Prints what was tried and what broke; names of proofs choose some. `--full` tries ten times as much.

Exits 1 when something broke that must not, or a control did not break.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module

from proof.result import Part, Result, joined

TOGETHER = ("calls", "people", "kernel", "crash", "power", "mutants", "controls")
ALONE = ("takeovers", "many", "chaos")
"""Have processes of their own, whose shares and speed count."""
PROOFS = (*TOGETHER, *ALONE)
AT_ONCE = 3
"""So many parts for each processor: some wait."""
LINE = "{:<58} {:>9} {:<14} {:>6}  {}"
SHOWN = 5


def results(names: Sequence[str], full: bool) -> Iterator[Result]:
    """Proof by proof."""
    processors = os.cpu_count() or 1
    yield from found([name for name in names if name in TOGETHER], full, AT_ONCE * processors)
    for name in names:
        if name in ALONE:
            yield from found([name], full, processors)


def found(names: Sequence[str], full: bool, processes: int) -> Iterator[Result]:
    """What so many processes find: the next proof is begun where one has no more parts to begin."""
    with ProcessPoolExecutor(processes) as pool:
        shares = [[pool.submit(part) for part in parts(name, full)] for name in names]
        for share in shares:
            yield from joined(result for part in share for result in _several(part.result()))


def parts(name: str, full: bool) -> Iterator[Part]:
    every: Iterator[Part] = import_module(f"proof.{name}").parts(full)
    return every


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
    for result in results(names, full):
        print(line(result), flush=True)
        if not result.met:
            broken = 1
            print(*(f"    {words}" for words in result.violations[:SHOWN]), sep="\n")
    print(f"{time.monotonic() - begun:.0f} seconds")
    return broken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
