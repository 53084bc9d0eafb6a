"""People edit the documents while commits, deaths and other people go on: nothing they typed is lost or doubled.

`python -m proof.people SEED [STEP,STEP…]` lives one life again and says what broke in it.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from proof.life import CLAIMS, STEPS, Broken, Life
from proof.result import Part, Result

LIVES = 20
"""So many a part."""
PARTS = 40
WAYS = ("exchange", "portable")
"""How documents are published; a seed begins with it."""


def parts(full: bool) -> Iterator[Part]:
    for number in range(PARTS * (10 if full else 1)):
        way = WAYS[number % 4 == 3]
        yield partial(lives, [f"{way}-{number}-{life}" for life in range(LIVES)])


def lives(seeds: Sequence[str]) -> list[Result]:
    """One result a claim."""
    tried: Counter[str] = Counter()
    violations: dict[str, list[str]] = {claim: [] for claim in CLAIMS}
    for seed in seeds:
        counted, broken = lived(seed, range(STEPS))
        tried += counted
        if broken is not None:
            violations[broken.claim].append(f"{shortest(seed, broken.claim)}: {broken}"[:300])
    return [Result(claim, tried[claim], unit, tuple(violations[claim])) for claim, unit in CLAIMS.items()]


def lived(seed: str, steps: Sequence[int]) -> tuple[Counter[str], Broken | None]:
    """A life of these steps: what was tried in it, and what broke first."""
    with tempfile.TemporaryDirectory() as place:
        life = Life(Path(place), seed, portable=seed.startswith("portable"))
        try:
            for step in steps:
                life.step(step)
        except Broken as broken:
            return life.tried, broken
        finally:
            life.engine.close()
    return life.tried, None


def shortest(seed: str, claim: str) -> str:
    """The fewest steps after which it still breaks, as the words of a command."""
    steps = list(range(STEPS))
    for step in reversed(range(STEPS)):
        fewer = [other for other in steps if other != step]
        broken = lived(seed, fewer)[1]
        if broken is not None and broken.claim == claim:
            steps = fewer
    return f"python -m proof.people {seed} {','.join(map(str, steps))}"


def main(words: list[str]) -> int:
    steps = [int(step) for step in words[1].split(",")] if words[1:] else range(STEPS)
    tried, broken = lived(words[0], steps)
    print(f"{broken.claim}: {broken}" if broken else f"{tried.total():,} things hold")
    return broken is not None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
