"""Prints what was tried and what broke; names choose some proofs, `team` those of a whole team at work.

`--full` tries ten times as much. Exits 1 when something broke that must not, a control did not break, or too little was
tried.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from importlib import import_module
from typing import NamedTuple

from proof.result import Part, Result, joined, spent

TOGETHER = ("controls", "mutants", "crash", "kernel", "takeovers", "people", "calls", "power")
"""Go on side by side, begun in this order: the short ones first, and last what fills each gap."""
ALONE = ("many", "chaos")
"""Have processes of their own, whose shares and speed count."""
TEAM = ("tree", "budgets", "together")
"""What workers do together, whole runs of them: side by side too, when they are asked for."""
PROOFS = (*TOGETHER, *ALONE)
"""Those of one folder, which are tried when none is named."""
AT_ONCE = 1.5
"""So many parts for each processor: some wait."""
LINE = "{:<58} {:>9} {:<14} {:>6}  {}"
SHOWN = 5


class Proven(NamedTuple):
    """What a proof found, and the seconds of a processor that it took."""

    name: str
    results: list[Result]
    seconds: float


def proven(names: Sequence[str], full: bool) -> Iterator[Proven]:
    """Proof by proof, each as soon as it is done."""
    processors = os.cpu_count() or 1
    yield from found([name for name in (*TOGETHER, *TEAM) if name in names], full, round(AT_ONCE * processors))
    for name in ALONE:
        if name in names:
            yield from found([name], full, processors)


def found(names: Sequence[str], full: bool, processes: int) -> Iterator[Proven]:
    """What so many processes find: the next proof is begun where one has no more parts to begin."""
    with ProcessPoolExecutor(processes) as pool:
        shares = {name: [pool.submit(timed, part) for part in parts(name, full)] for name in names}
        owners = {part: name for name, share in shares.items() for part in share}
        waiting = Counter(owners.values())
        for ended in as_completed(owners):
            waiting[name := owners[ended]] -= 1
            if not waiting[name]:
                outcomes = [outcome(name, part) for part in shares[name]]
                results = joined(result for rows, _ in outcomes for result in rows)
                yield Proven(name, results, sum(seconds for _, seconds in outcomes))


Timed = tuple[list[Result], float]


def timed(part: Part) -> Timed:
    begun = spent()
    found = part()
    return found if isinstance(found, list) else [found], spent() - begun


def outcome(name: str, part: Future[Timed]) -> Timed:
    """What it found; a part that failed itself does not hide the others."""
    if error := part.exception():
        return [Result(f"{name} itself", 1, "failures", (repr(error),))], 0
    return part.result()


def parts(name: str, full: bool) -> Iterator[Part]:
    every: Iterator[Part] = import_module(f"proof.{name}").parts(full)
    return every


def line(result: Result) -> str:
    if result.skipped:
        return LINE.format(result.claim, "skipped", "", "", result.skipped)
    met = "✓" if result.met else "✗"
    few = f"fewer than {result.least:,}" if result.tried < result.least else ""
    note = f"{met} {few or ('a control: it must break' if result.control else result.note)}"
    return LINE.format(result.claim, f"{result.tried:,}", result.unit, f"{len(result.violations):,}", note).rstrip()


def main(words: list[str]) -> int:
    full = "--full" in words
    names = [word for word in words if word != "--full"] or list(PROOFS)
    names = [name for word in names for name in (TEAM if word == "team" else (word,))]
    if unknown := set(names) - {*PROOFS, *TEAM}:
        print(f"no proof {', '.join(sorted(unknown))}: there are {', '.join((*PROOFS, *TEAM))}", file=sys.stderr)
        return 2
    begun, broken, seconds = time.monotonic(), 0, []
    print(LINE.format("CLAIM", "TRIED", "", "BROKEN", "").rstrip())
    for name, results, took in proven(names, full):
        seconds.append(f"{name} {took:.0f}")
        for result in results:
            print(line(result), flush=True)
            if not result.met:
                broken = 1
                for violation in result.violations[:SHOWN]:
                    print(f"    {violation}", flush=True)
    print(f"seconds of a processor: {', '.join(seconds)}")
    print(f"{time.monotonic() - begun:.0f} seconds")
    return broken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
