"""Prints what was tried and what broke; names of proofs choose some. `--full` tries ten times as much.

Exits 1 when something broke that must not, or a control did not break.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from importlib import import_module

from proof.result import Part, Result, joined

TOGETHER = ("controls", "mutants", "crash", "kernel", "people", "tree", "budgets", "together", "calls", "power")
"""Go on side by side, begun in this order: the short ones first, and last what fills each gap."""
ALONE = ("takeovers", "many", "chaos")
"""Have processes of their own, whose shares and speed count."""
PROOFS = (*TOGETHER, *ALONE)
AT_ONCE = 3
"""So many parts for each processor: some wait."""
LINE = "{:<58} {:>9} {:<14} {:>6}  {}"
SHOWN = 5


def results(names: Sequence[str], full: bool) -> Iterator[Result]:
    """Proof by proof, each as soon as it is done."""
    processors = os.cpu_count() or 1
    yield from found([name for name in TOGETHER if name in names], full, AT_ONCE * processors)
    for name in ALONE:
        if name in names:
            yield from found([name], full, processors)


def found(names: Sequence[str], full: bool, processes: int) -> Iterator[Result]:
    """What so many processes find: the next proof is begun where one has no more parts to begin."""
    with ProcessPoolExecutor(processes) as pool:
        shares = {name: [pool.submit(part) for part in parts(name, full)] for name in names}
        owners = {part: name for name, share in shares.items() for part in share}
        waiting = Counter(owners.values())
        for ended in as_completed(owners):
            waiting[name := owners[ended]] -= 1
            if not waiting[name]:
                yield from joined(result for part in shares[name] for result in outcome(name, part))


def outcome(name: str, part: Future[Result | list[Result]]) -> list[Result]:
    """What it found; a part that failed itself does not hide the others."""
    if error := part.exception():
        return [Result(f"{name} itself", 1, "failures", (repr(error),))]
    found = part.result()
    return found if isinstance(found, list) else [found]


def parts(name: str, full: bool) -> Iterator[Part]:
    every: Iterator[Part] = import_module(f"proof.{name}").parts(full)
    return every


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
