"""Everything at once: writers and movers that are killed and stopped, people who edit, readers; all is accounted for.

Nobody here does harm to anybody's text but the engine: a person adds words, never takes one away, and each has a
document kind of their own.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from random import Random

from orchestrator.documents import file_name, unstamp
from orchestrator.engine import Engine
from orchestrator.engine.absorption import SETTLE
from orchestrator.errors import Conflict, Refused, UnknownTask
from orchestrator.events import Commit, DecisionRecorded, Kind, PhaseChanged, ReferenceAdded
from orchestrator.task import Task
from proof.child import Child
from proof.folder import CREATED, PLAN, assert_in_step
from proof.many import listed, marking, marks
from proof.result import Part, Result

SECONDS, MOST_SECONDS = 60, 600
"""It lasts so long, and until there were enough commits and edits, but not for ever: then there were too few."""
COMMITS, EDITS = 10_000, 2_000
TASKS, WRITERS, MOVERS = 12, 5, 2
EDITED: tuple[Kind, ...] = ("plan", "progress", "checklist", "architecture-notes")
INTERNAL = ".orchestrator"
WORD = re.compile(r"word-[a-z-]+-\d+-end")
EXPECTED = (UnknownTask, Refused, Conflict)
"""Others are faster."""


def parts(full: bool) -> Iterator[Part]:
    times = 10 if full else 1
    for number in range(times):
        yield partial(chaos, number, times)


def chaos(number: int, times: int) -> list[Result]:
    """One of so many."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        populate(root / ".temp")
        reader = Child(partial(read, root))
        harm, failures = directed(root, number)
        whole, mixed = reader.result()
        engine = Engine(root / ".temp")
        tasks = settled(engine)
        journals = [engine.since(task.id, 0) for task in tasks]
        engine.close()
        made, edits = sum(map(len, journals)), sum(len(lines(path)) for path in root.glob("edits-*"))
        out_of_step = (*failures, *misplaced(root / ".temp", tasks))
        return [
            Result(
                *("chaos: no commit is lost or doubled", made, "commits", tuple(unkept(root, journals))),
                note=harm + f", in the first of {times}" * (times > 1),
                least=COMMITS * times,
            ),
            Result("  no edit is lost", edits, "edits", tuple(lost(root)), least=EDITS * times),
            Result("  no mixed set is taken for a whole one", whole, "reads", tuple(mixed)),
            Result("  nobody fails, and afterwards all is in step", len(tasks), "tasks", out_of_step),
        ]


def populate(temp: Path) -> None:
    """Tasks that refer to each other, in a ring."""
    engine = Engine(temp)
    first = (*PLAN, DecisionRecorded(id="D1", decision="UUID keys"), *marking(0))
    ids = [engine.create(CREATED, *first).id for _ in range(TASKS)]
    for task_id, other in zip(ids, ids[1:] + ids[:1], strict=True):
        engine.commit(task_id, [ReferenceAdded(task=other, document="plan")], actor="user")
    engine.close()


# -- who does what -------------------------------------------------------------


def directed(root: Path, number: int) -> tuple[str, list[str]]:
    """Let them all loose, and kill and stop them, until there was enough of everything; how often, and who failed."""
    rng, numbers, harm, failures = Random(number), count(1), Counter[str](), []
    people = [Child(partial(edit, root, kind)) for kind in EDITED]
    roles = [write] * WRITERS + [move] * MOVERS
    victims = [Child(partial(role, root, next(numbers))) for role in roles]
    begun = time.monotonic()
    while not enough(root, time.monotonic() - begun):
        time.sleep(rng.uniform(0, 0.3))
        place = rng.randrange(len(victims) + len(people))
        chosen = [*victims, *people][place]
        if place < len(victims) and rng.random() < 0.3:
            failures.append(chosen.kill())
            victims[place] = Child(partial(roles[place], root, next(numbers)))
            harm["killed"] += 1
        else:
            chosen.stop()
            time.sleep(rng.uniform(0, 0.05))
            chosen.go_on()
            harm["stopped"] += 1
    failures += [victim.kill() for victim in victims]
    (root / "over").touch()
    failures += [person.failure() for person in people]
    said = f"{harm['killed']:,} killed, {harm['stopped']:,} stopped"
    return said, [f"a process failed: {failure}" for failure in failures if failure]


def enough(root: Path, seconds: float) -> bool:
    """What was told so far says."""
    if seconds < SECONDS:
        return False
    commits, edits = (sum(len(lines(path)) for path in root.glob(f"{what}-*")) for what in ("commits", "edits"))
    done = commits + edits >= COMMITS and edits >= EDITS  # an edit is recorded by a commit
    return done or seconds > MOST_SECONDS


def lines(path: Path) -> list[str]:
    """The whole ones."""
    return path.read_text().split("\n")[:-1]


def write(root: Path, number: int) -> None:
    """Commit marks to tasks at random, and tell each that was durable."""
    engine, rng = Engine(root / ".temp"), Random(number)
    with (root / f"commits-{number}").open("w", buffering=1) as log:
        for step in count(number * 1_000_000):
            with suppress(*EXPECTED):
                revision = engine.commit(rng.choice(engine.ids()), marking(step), actor="user").revision
                log.write(f"mark-{step} {revision}\n")


def move(root: Path, number: int) -> None:
    """Cancel, archive, reopen, instruct, rename at random."""
    engine, rng = Engine(root / ".temp"), Random(number)
    cancel, instruct = partial(engine.cancel, reason="no"), partial(engine.instruct, text="more")
    moves = (engine.rename, engine.archive, engine.reopen, engine.refresh, cancel, instruct, instruct)
    while True:
        with suppress(*EXPECTED):
            rng.choice(moves)(rng.choice(engine.ids()))
        time.sleep(rng.uniform(0, 0.1))


def edit(root: Path, kind: Kind) -> None:
    """A person with an editor: adds words, in every way that editors have, and throws documents away."""
    rng, temp = Random(kind), root / ".temp"
    with (root / f"edits-{kind}").open("w", buffering=1) as log:
        for number in count():
            if (root / "over").exists():
                return
            found = [path for place in (temp, temp / "completed") for path in place.glob(f"{kind}-??????.md")]
            word = f"word-{kind}-{number}-end"
            with suppress(FileNotFoundError):  # moved meanwhile
                rng.choice(WAYS)(rng, rng.choice(found), word)
                log.write(f"{word}\n")
            if rng.random() < 0.05 and found:
                with suppress(FileNotFoundError):
                    rng.choice(found).rename(root / f"thrown-away-{kind}-{number}.md")
            time.sleep(rng.uniform(0, 0.25))


def append(rng: Random, path: Path, word: str) -> None:
    """In place, perhaps slowly."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    for piece in ("\n", f"{word}\n"):
        time.sleep(rng.choice([0, 0, 0, rng.uniform(0, 0.01)]))
        os.write(descriptor, piece.encode())
    os.close(descriptor)


def overwrite(rng: Random, path: Path, word: str) -> None:
    """In place: emptied, then written."""
    text = typed(rng, path, word)
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def replace(rng: Random, path: Path, word: str) -> None:
    """Saved under another name first."""
    text = typed(rng, path, word)
    saved = path.with_name(f".{path.name}.swp")
    saved.write_text(text)
    time.sleep(rng.choice([0, rng.uniform(0, 0.01)]))
    saved.rename(path)


def typed(rng: Random, path: Path, word: str) -> str:
    """The document with a word more, on a line of its own."""
    rows = path.read_text().splitlines(keepends=True)
    rows.insert(rng.randint(min(6, len(rows)), len(rows)), f"{word}\n")
    return "".join(rows)


WAYS = (append, append, overwrite, replace)


def read(root: Path) -> tuple[int, list[str]]:
    """Sets of documents, taken for whole by the manifest: how many, and the mixed ones."""
    temp, whole, mixed = root / ".temp", 0, []
    while not (root / "over").exists():
        time.sleep(0.01)
        for path in temp.glob("task-status-??????.json"):
            with suppress(FileNotFoundError, ValueError):
                status = path.read_text()
                stamp = unstamp("task-status", status)[1]
                assert stamp is not None
                texts = {kind: (temp / file_name(kind, path.stem[-6:])).read_text() for kind in stamp.documents}
                if stamp.intact and all(listed(kind, text, stamp) for kind, text in texts.items()):
                    whole += 1
                    if len(found := marks((status, *texts.values()))) != 1:
                        mixed.append(f"{path.name} {stamp.revision}: {sorted(found)}")
    return whole, mixed


# -- what is left --------------------------------------------------------------


def settled(engine: Engine) -> list[Task]:
    """All tasks, once nobody is at them any more."""
    time.sleep(2 * SETTLE)
    for task_id in engine.ids():
        engine.refresh(task_id)
    return [engine.refresh(task_id).task for task_id in engine.ids()]


def misplaced(temp: Path, tasks: Sequence[Task]) -> Iterator[str]:
    """What is not where it should be."""
    if len(tasks) != TASKS:
        yield f"{len(tasks)} tasks are left of {TASKS}"
    for task in tasks:
        try:
            assert_in_step(temp, task)
        except AssertionError as error:
            yield f"{task.id}: {error}"
        if task.moving:
            yield f"{task.id}: still moving"
    yield from (f"left in staging: {path.name}" for path in (temp / ".orchestrator" / "staging").iterdir())


def unkept(root: Path, journals: Iterable[Sequence[Commit]]) -> Iterator[str]:
    """Commits that were told, and are not there or later than told; commits that are there twice."""
    told = {mark: int(revision) for path in root.glob("commits-*") for mark, revision in map(str.split, lines(path))}
    made: dict[str, list[int]] = {}
    for commit in (commit for journal in journals for commit in journal):
        for event in commit.events:
            if isinstance(event, PhaseChanged):
                made.setdefault(event.phase, []).append(commit.revision)
    yield from (
        f"{mark} is in a journal at {rows}" for mark, rows in made.items() if len(rows) != 1 and mark != "mark-0"
    )
    for mark, revision in told.items():
        if min(made.get(mark, [revision + 1])) > revision:
            yield f"{mark} was told at r{revision}, and is at {made.get(mark)}"


def lost(root: Path) -> Iterator[str]:
    """Words that are in no document, and none set aside or thrown away: nobody takes one out."""
    kept: set[str] = set()
    for path in (path for path in root.rglob("*") if path.suffix in (".md", ".json") and INTERNAL not in path.parts):
        kept.update(WORD.findall(path.read_text(errors="replace")))
    yield from (word for path in root.glob("edits-*") for word in lines(path) if word not in kept)
