"""A folder in which engine and people are at work at the same time; what must hold is looked at after every step."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

from orchestrator import documents
from orchestrator import events as happened
from orchestrator.documents import KINDS, file_name
from orchestrator.documents.markdown import plain
from orchestrator.engine import Engine
from orchestrator.errors import Refused
from orchestrator.events import Commit, Event, Kind
from orchestrator.task import Task
from orchestrator.transitions import apply_all
from proof import saving as ways
from proof.disk import ScriptedDisk
from proof.editor import WORD, Editor
from proof.folder import CREATED, ID, PLAN, all_texts, assert_in_step, open_engine
from proof.happening import happening
from proof.lines import concerned, disordered, facts, same, taken_back, wronged
from proof.promises import (
    AGAIN,
    DEAD,
    DOUBLED,
    IN_STEP,
    INSTANT,
    LAST,
    LOST,
    OBEYED,
    READS_BACK,
    SAME,
    TICKED,
    UNREAD,
    WORDED,
    WORKS,
    Broken,
)
from proof.saving import Saving

STEPS = 14
FURTHEST = 40
"""No commit of these has more disk operations."""
_FACTS = ("phase", "items", "workstreams", "decisions", "blockers", "next_steps")
"""A document says a fact once more where somebody made its line a part of something else."""
CLUTTER = (".{}.swp", "{}~", "4913", "#{}#", ".#{}", "{}.bak")
LIVED, FAILED, DIED = 0, 1, 9


class Life:
    """`seed` says all that happens. `portable`: documents are published by rename.

    `begun`: documents that were there before the engine was. `careless`: only in the one instant that the portable way
    documents.
    """

    def __init__(
        self,
        place: Path,
        seed: str,
        *,
        portable: bool = False,
        begun: dict[Kind, bytes] | None = None,
        careless: bool = False,
    ) -> None:
        self.temp = place / ".temp"
        self.tried: Counter[str] = Counter()
        self._played = place / "played"
        self._seed = seed
        self._portable = portable
        self._careless = careless
        self._words: dict[bytes, int] = {}
        self._clutter: dict[Path, bytes] = {}
        self._buffers: list[dict[Kind, bytes]] = []
        self.temp.mkdir(parents=True)
        for kind, data in (begun or {}).items():
            self._path(kind).write_bytes(data)
            for word in WORD.findall(data):
                self._words[word] = data.count(word)
        self._disk = ScriptedDisk()
        self.engine = open_engine(self.temp, self._disk, portable=portable)
        self._begun = begun or {}

    def begin(self) -> None:
        """The task is created; documents that were there are taken over as they are."""
        self.engine.create(CREATED, *(() if self._begun else PLAN), task_id=ID)
        self._look()
        for kind, data in self._begun.items():
            if kind != "task-status" and not self._task.set_aside:
                self.tried[SAME] += data.count(b"\n")
                if documents.unstamp(kind, self._texts[kind].decode())[0] != data.decode():
                    raise Broken(SAME, f"{kind} changed when it was adopted")

    def step(self, number: int) -> None:
        """One thing happens, and is judged; raises Broken."""
        rng = Random(f"{self._seed}/{number}")
        self._savings: list[Saving] = []
        self._claim = LOST
        editor = Editor(rng, number)
        actions = (self._quietly, self._meanwhile, self._around_a_death, self._between, self._taken_away, self._back)
        action = self._meanwhile if self._careless else rng.choices(actions, (9, 8, 5, 2, 1, 1))[0]
        if rng.random() < 0.2:
            self._litter(rng, editor)
        try:
            action(rng, editor)
            self._judge()
        except (AssertionError, ValueError, OSError, LookupError, TypeError, AttributeError) as error:
            raise Broken(WORKS, f"{type(error).__name__}: {error}") from error

    # -- what happens ----------------------------------------------------------

    def _quietly(self, rng: Random, editor: Editor) -> None:
        """Saved, and then a command."""
        for saving in self._begin(rng, editor, rng.randint(1, 2)):
            saving.finish()
            if rng.random() < 0.8:
                ways.settle(saving.path)
        if rng.random() < 0.3:
            self._commit(self.engine, rng)

    def _meanwhile(self, rng: Random, editor: Editor) -> None:
        """Saved while a commit is going on: a step at a disk operation, or two."""
        self._claim = INSTANT
        self._arrange(self._disk, self._begin(rng, editor, rng.randint(1, 2)), rng)
        self._commit(self.engine, rng)
        self._disk.before = self._disk.after = lambda number, operation, path: None
        for saving in self._savings:
            saving.finish()

    def _around_a_death(self, rng: Random, editor: Editor) -> None:
        """Saved before or while a process dies in a commit, or both."""
        self._claim = DEAD
        begun = self._begin(rng, editor, rng.randint(1, 2))
        for saving in begun:
            for _ in range(rng.choice([0, 1, len(saving.steps)])):
                saving.go_on()
        self.engine.close()
        self._die(begun, rng)
        self._reopen(rng)
        played = self._played.read_text().split() if self._played.exists() else []
        for saving in begun:
            if saving.kind in played:
                saving.steps.clear()
            saving.finish()
        self._played.unlink(missing_ok=True)

    def _between(self, rng: Random, editor: Editor) -> None:
        """Only the engine does something, or another process takes over."""
        self._commit(self.engine, rng)
        if rng.random() < 0.5:
            self.engine.close()
            self._reopen(rng)

    def _taken_away(self, rng: Random, editor: Editor) -> None:
        for kind in rng.sample(KINDS, rng.randint(1, len(KINDS))):
            self._path(kind).unlink(missing_ok=True)
        self._commit(self.engine, rng)

    def _back(self, rng: Random, editor: Editor) -> None:
        """Saved, saved otherwise, and then as before: from one buffer, which knows nothing of what was recorded."""
        kind = rng.choice([kind for kind in KINDS if self._path(kind).exists()])
        base = self._texts[kind]
        one, other = editor.changed(kind, base), editor.changed(kind, base)
        for data in (one, other, one):
            saving = Saving(kind, self._path(kind), base, data, {}, old=True)
            self._savings.append(saving)
            ways.in_place(saving, rng)[0]()
            ways.settle(saving.path)
            self.engine.refresh(ID)
        new = {*WORD.findall(one)} - {*WORD.findall(base)}
        self.tried[LAST] += len(new)
        if lost := new - {*WORD.findall(b"".join(all_texts(self.temp).values()))}:
            raise Broken(LAST, f"{kind}: not there: {sorted(lost)}")

    def _begin(self, rng: Random, editor: Editor, many: int) -> list[Saving]:
        """Somebody has so many documents in their editor, and has changed them."""
        here = [kind for kind in KINDS if self._path(kind).exists()]
        for kind in rng.sample(here, min(many, len(here))):
            old = bool(self._buffers) and rng.random() < 0.15
            base = rng.choice(self._buffers).get(kind) if old else None
            base = self._texts[kind] if base is None else base
            saving = Saving(kind, self._path(kind), base, base, {}, old)
            if kind != "task-status" and not old and rng.random() < 0.15:
                saving.data = base + f"\n{editor.phrase()}\n".encode()
                saving.steps = ways.appended(saving, rng)
            else:
                saving.data = base if old and rng.random() < 0.1 else editor.changed(kind, base)
                saving.ticks = {} if old else editor.ticks
                saving.steps = rng.choice(ways.WAYS)(saving, rng)
            self._savings.append(saving)
            if not old:
                self._laws(kind, saving.data)
        return self._savings

    def _arrange(self, disk: ScriptedDisk, savings: list[Saving], rng: Random) -> None:
        """Let each step of a saving fall into an operation of a commit, one after the other."""
        moments: list[tuple[int, bool, Saving]] = []
        for saving in savings:
            first = rng.randrange(FURTHEST)
            near = rng.random() < 0.7
            for _ in saving.steps:
                moments.append((first, rng.random() < 0.5, saving))
                first += rng.randint(0, 1) if near else rng.randint(0, 6)
        if self._careless:
            moments = []
        done: set[int] = set()

        def at(after: bool) -> Callable[[int, str, Path], None]:
            def moment(number: int, operation: str, path: Path) -> None:
                place = number - start
                if self._documented(operation, path) and not after:
                    for saving in savings if self._careless else ():
                        if path == saving.path:
                            saving.finish()
                    return
                for index, (when, behind, saving) in enumerate(moments):
                    if index not in done and (when, behind) <= (place, after) and saving.steps:
                        done.add(index)
                        saving.go_on()

            return moment

        start = len(disk.log)
        disk.before, disk.after = at(False), at(True)

    def _die(self, begun: list[Saving], rng: Random) -> None:
        """A commit in a process of its own, which is gone at an operation; others may save meanwhile."""
        point, after, moment = rng.randrange(FURTHEST), rng.random() < 0.5, rng.randrange(FURTHEST)
        if rng.random() < 0.6:
            moment = rng.randrange(point + 1)
        fresh = [saving for saving in begun if not saving.begun]  # the others go on in this process
        child = os.fork()
        if not child:
            code = FAILED
            try:
                disk = ScriptedDisk()

                def at(number: int, operation: str, path: Path) -> None:
                    documented = self._documented(operation, path) and not after
                    if number >= moment and not documented and not self._played.exists():
                        for saving in fresh:
                            saving.finish()
                        self._played.write_text(" ".join(saving.kind for saving in fresh))
                    if number == point:
                        os._exit(DIED)

                setattr(disk, "after" if after else "before", at)
                self._commit(open_engine(self.temp, disk, portable=self._portable), rng)
                code = LIVED
            finally:
                os._exit(code)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == FAILED:
            raise Broken(WORKS, "it failed before it died")

    def _documented(self, operation: str, path: Path) -> bool:
        """True just before the operation by which an edit may be lost where names cannot be exchanged."""
        return self._portable and operation == "move" and path.parent == self.temp

    def _reopen(self, rng: Random) -> None:
        self._disk = ScriptedDisk()
        self.engine = open_engine(self.temp, self._disk, portable=self._portable)

    def _commit(self, engine: Engine, rng: Random) -> None:
        self.tried[WORKS] += 1
        with suppress(Refused):
            engine.commit(ID, happening(rng, self._task), actor="user")

    def _litter(self, rng: Random, editor: Editor) -> None:
        name = rng.choice(CLUTTER).format(file_name(rng.choice(KINDS), ID))
        path = self.temp / name
        self._clutter[path] = editor.word().encode() + rng.choice(list(self._texts.values()))
        path.write_bytes(self._clutter[path])

    # -- what must hold --------------------------------------------------------

    def _laws(self, kind: Kind, data: bytes) -> None:
        """Both laws of the documents, for an edit of the task as it is."""
        try:
            body, _ = documents.unstamp(kind, data.decode())
        except ValueError:
            return
        if "\0" in body:
            return  # it is set aside
        self.tried[OBEYED] += 1
        task = apply_all(self._task, documents.diff(self._task, kind, body).events, actor="editor", at="")
        if again := documents.diff(task, kind, body).events:
            raise Broken(OBEYED, f"{kind}: {again}")
        if kind != "task-status":
            self.tried[WORDED] += 1
            if body not in (documents.render(task, kind), task.texts.get(kind)):
                raise Broken(WORDED, f"{kind}: {body!r}")

    def _judge(self) -> None:
        was, before = self._task, self._texts
        self.tried[WORKS] += 1
        self._refresh()
        commits = self.engine.since(ID, was.revision)
        events = [event for commit in commits for event in commit.events]
        kept = b"".join(path.read_bytes() for path in sorted(self.temp.glob("set-aside-*")))
        self._judge_words(kept, was, commits)
        self._judge_lines(was, before, events)
        self._judge_ticks(was, events)
        for kind in documents.kinds(self._task):
            self.tried[READS_BACK] += 1
            found = documents.diff(self._task, kind, documents.render(self._task, kind))
            if found.events or found.refused:
                raise Broken(READS_BACK, f"{kind}: {found}")
        for path, data in self._clutter.items():
            self.tried[UNREAD] += 1
            if not path.exists() or path.read_bytes() != data:
                raise Broken(UNREAD, path.name)

    def _refresh(self) -> None:
        found = self.engine.refresh(ID)
        texts = all_texts(self.temp)
        self.tried[AGAIN] += 1
        again = self.engine.refresh(ID)
        if again.task.revision != found.task.revision or all_texts(self.temp) != texts:
            raise Broken(AGAIN, f"r{found.task.revision} became r{again.task.revision}")
        self._look()
        self.tried[IN_STEP] += len(found.task.documents)
        try:
            assert_in_step(self.temp, found.task)
        except (AssertionError, ValueError) as error:
            raise Broken(IN_STEP, str(error)) from None

    def _look(self) -> None:
        self._task: Task = self.engine.refresh(ID).task
        self._texts = {kind: self._path(kind).read_bytes() for kind in documents.kinds(self._task)}
        self._buffers = [*self._buffers, self._texts][-6:]

    def _judge_words(self, kept: bytes, was: Task, commits: Sequence[Commit]) -> None:
        new: set[bytes] = set()
        last = {saving.kind: saving for saving in self._savings}
        for saving in self._savings:
            counts = Counter(WORD.findall(saving.data))
            new |= counts.keys() - self._words.keys()
            for word, count in counts.items():
                self._words[word] = max(count, self._words.get(word, 0))
        journal = (self.temp / ".orchestrator" / "journal" / f"{ID}.jsonl").read_bytes()
        there = {word for data in (*self._texts.values(), kept, journal) for word in WORD.findall(data)}
        self.tried[self._claim] += len(new)
        if lost := self._words.keys() - there:
            raise Broken(self._claim, f"lost: {sorted(lost)}")
        shown = {word for data in (*self._texts.values(), kept) for word in WORD.findall(data)}
        wanted = new & {word for saving in last.values() for word in WORD.findall(saving.data)}
        if (hidden := wanted - shown) and (hidden := hidden - taken_back(was, commits, self._savings)):
            raise Broken(self._claim, f"in the journal alone: {sorted(hidden)}")
        self.tried[DOUBLED] += len(new)
        for saving in self._savings:
            if saving.old and saving.kind in self._texts:  # what was moved since may be in its old place, too
                for word, count in Counter(WORD.findall(self._texts[saving.kind])).items():
                    self._words[word] = max(count, self._words.get(word, 0))
        told = Counter(WORD.findall(repr([getattr(self._task, name) for name in _FACTS]).encode()))
        for place, words in facts(self._task).items():
            for word, count in words.items():
                if count > self._words.get(word, 0):
                    raise Broken(DOUBLED, f"{word!r} stands in the {place} {count} times")
        for kind, data in self._texts.items():
            for word, count in Counter(WORD.findall(data)).items():
                if count > self._words.get(word, 0) + told[word]:
                    raise Broken(DOUBLED, f"{word!r} stands in {kind} {count} times")

    def _judge_lines(self, was: Task, before: dict[Kind, bytes], events: list[Event]) -> None:
        left = {event.document for event in events if isinstance(event, happened.EditSetAside | happened.ProseWritten)}
        for kind, data in before.items():
            if kind == "task-status" or kind in left or kind not in self._texts:
                continue
            savings = [saving for saving in self._savings if saving.kind == kind]
            if any(saving.old for saving in savings):
                continue  # where others wrote in the same place since, the edit wins
            self.tried[SAME] += data.count(b"\n")
            if wrong := wronged(kind, data, self._texts[kind], savings, events, (was, self._task)):
                raise Broken(SAME, f"{kind}: {dict(wrong)}")
            if moved := disordered(kind, data, self._texts[kind], savings, events, (was, self._task)):
                raise Broken(SAME, f"{kind}: not in their order: {moved}")
            if not savings and not concerned(kind, events) and not same(kind, data, self._texts[kind]):
                raise Broken(SAME, f"{kind}: nobody saved it, nothing concerns it, and it changed")

    def _judge_ticks(self, was: Task, events: list[Event]) -> None:
        if any(isinstance(event, happened.EditSetAside) and event.document == "checklist" for event in events):
            return
        ticked = {event.id for event in events if isinstance(event, happened.ItemChecked)}
        unticked = {event.id for event in events if isinstance(event, happened.ItemUnchecked)}
        for text, wanted in [row for saving in self._savings for row in saving.ticks.items()]:
            self.tried[TICKED] += 1
            named = {item.id for task in (was, self._task) for item in task.items if plain(item.text) == text}
            now = {item.id for item in self._task.items if item.checked == wanted}
            if not named & (now | (ticked if wanted else unticked)):
                raise Broken(TICKED, f"{text!r} is not {'ticked' if wanted else 'open'}")

    def _path(self, kind: Kind) -> Path:
        return self.temp / file_name(kind, ID)
