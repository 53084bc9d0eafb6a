"""People edit the documents while commits, deaths and other people go on: nothing they typed is lost or doubled.

`python -m proof.people SEED [STEP,STEP…]` lives one life again and says what broke in it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from orchestrator.documents import identify
from orchestrator.events import Kind
from proof.folder import MEMORY
from proof.life import STEPS, Life
from proof.promises import CLAIMS, DEAD, INSTANT, LOST, TICKED, Broken
from proof.result import Part, Result

CORPUS = Path(os.environ.get("ORCHESTRATOR_CORPUS") or Path(__file__).resolve().parents[2] / "shared" / "corpus")
HAND_MADE = CORPUS / "temp" / "hand-made"
LIVES = 20
"""So many a part."""
PARTS = 12
WAYS = ("exchange", "exchange", "exchange", "portable")
"""How documents are published; a seed begins with it."""
LEAST = {LOST: 4_000, INSTANT: 3_000, DEAD: 2_000, TICKED: 200}
KEPT = "the same in documents kept by hand before"
LOSES = "by rename, one saved in the one instant before it"


def parts(full: bool) -> Iterator[Part]:
    """A seed is the way, the number of the part, that of the life, and whose documents there were."""
    times = 10 if full else 1
    for number in range(PARTS * times):
        yield partial(lives, [f"{WAYS[number % 4]}-{number}-{life}" for life in range(LIVES)])
    yield partial(careless, [f"careless-0-{life}" for life in range(LIVES)])
    if not HAND_MADE.is_dir():
        yield partial(Result, KEPT, 0, "lives", skipped="needs the corpus: set ORCHESTRATOR_CORPUS")
    for task_id in sorted(kept_by_hand()):
        yield partial(adopted, [f"{way}-{number}-0-{task_id}" for way in set(WAYS) for number in range(times)])


def kept_by_hand() -> dict[str, dict[Kind, bytes]]:
    """The documents in the corpus, by task."""
    found: dict[str, dict[Kind, bytes]] = {}
    for path in sorted(HAND_MADE.rglob("*")):
        if identity := identify(path.name):
            found.setdefault(identity[1], {})[identity[0]] = path.read_bytes()
    return found


def adopted(seeds: Sequence[str]) -> list[Result]:
    """`lives`, and how many there were."""
    return [*lives(seeds), Result(KEPT, len(seeds), "lives")]


def careless(seeds: Sequence[str]) -> Result:
    """What the documentation says may be lost is lost: who looks for it finds it."""
    broken = [str(found) for seed in seeds if (found := lived(seed, range(STEPS))[1])]
    return Result(LOSES, len(seeds), "lives", tuple(broken), control=True)


def lives(seeds: Sequence[str]) -> list[Result]:
    """One result a claim."""
    tried: Counter[str] = Counter()
    violations: dict[str, list[str]] = {claim: [] for claim in CLAIMS}
    for seed in seeds:
        counted, broken = lived(seed, range(STEPS))
        tried += counted
        if broken is not None:
            violations[broken.claim].append(f"{shortest(seed, broken.claim)}: {broken}"[:300])
    return [
        Result(claim, tried[claim], unit, tuple(violations[claim]), least=LEAST.get(claim, 0))
        for claim, unit in CLAIMS.items()
    ]


def lived(seed: str, steps: Sequence[int]) -> tuple[Counter[str], Broken | None]:
    """A life of these steps: what was tried in it, and what broke first."""
    way, _, _, *task_id = seed.split("-")
    begun = kept_by_hand()[task_id[0]] if task_id else None
    with tempfile.TemporaryDirectory(dir=MEMORY) as place:
        life = Life(Path(place), seed, portable=way != "exchange", begun=begun, careless=way == "careless")
        try:
            life.begin()
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
