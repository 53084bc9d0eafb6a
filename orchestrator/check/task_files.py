"""The documents of one task as they were read: what they claim about it, done or open, and which line says so."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple

from orchestrator import documents, overview
from orchestrator.check.finding import Finding, Fix, Severity, Witness
from orchestrator.check.listing import Listing
from orchestrator.check.text import JsonText, Steps, Text
from orchestrator.documents.header import status_word
from orchestrator.documents.status_line import StatusLine, status_line
from orchestrator.documents.workstreams import workstream_status
from orchestrator.events import Json, Kind, Status
from orchestrator.task import digest

BOX = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\[([ xX✅✓✔☑])\ufe0f?\][ \t]+\S", re.MULTILINE)
Part = Literal["done", "part", "none"]


class WorkstreamSaid(NamedTuple):
    """`place`: in its list. `name`: what it is called beside its id. `word`: what we call the status that is `said`."""

    place: int | str
    id: str
    name: str
    word: Status | None
    said: str


@dataclass(frozen=True, slots=True)
class Claim:
    """`source`: what makes it. `says`: as part of a sentence. `find`: finds its place, which takes a while."""

    source: str
    done: bool
    says: str
    find: Callable[[], Witness]

    @property
    def witness(self) -> Witness:
        return self.find()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the documents of one task say, in short. `items`: ticked ones, and all; None without a checklist.

    `artifacts`: the files its workstreams are to make, each with the keys that lead to where it is said.
    """

    id: str
    archived: bool
    kept: bool
    ours: bool
    workstreams: Part | None
    items: tuple[int, int] | None
    progress: Literal["done", "open"] | None
    summary: bool
    finished: bool
    name: str | None
    parent: str | None
    artifacts: dict[str, Steps]
    listing: Listing = field(compare=False, repr=False)

    def at(self, *path: str | int) -> Witness:
        """The place in its status document: that is read again, since of thousands of tasks few are asked."""
        task = TaskFiles(self.id, self.listing)
        return task.status.at(*path) if task.status else task.home


class TaskFiles:
    """The documents of one task as they were read. `elsewhere`: what lies in the other place.

    `status`: the status document when it says anything; `json`: what was made of its text in any case.
    """

    def __init__(self, task_id: str, listing: Listing) -> None:
        places = listing.documents.get(task_id, {})
        # where its status document is, or else most of its documents, or its journal
        away = "/journal/completed/" in listing.journals.get(task_id, [""])[0]
        self.archived = max(places, key=lambda place: ("task-status" in places[place], not place), default=away)
        self.id = task_id
        self.listing = listing
        self.texts = dict(listing.texts(task_id, self.archived, places.get(self.archived, [])))
        self.elsewhere = dict(listing.texts(task_id, not self.archived, places.get(not self.archived, [])))
        self.kept = task_id in listing.journals
        self.json = JsonText(self.texts["task-status"]) if "task-status" in self.texts else None
        self.status = self.json if self.json and self.json.data else None

    @property
    def home(self) -> Witness:
        """Where its documents lie."""
        return Witness(self.listing.path("", self.archived))

    def path(self, kind: Kind) -> str:
        """How the path of one of its documents is shown, where they lie."""
        return self.listing.path(documents.file_name(kind, self.id), self.archived)

    @property
    def data(self) -> Json:
        return self.status.data if self.status else {}

    @cached_property
    def keeping(self) -> overview.Keeping:
        return "kept" if self.kept else overview.unkept(self.listing.folder, self.id, self.data)

    @property
    def ours(self) -> bool:
        """True when the engine wrote its documents, though the journal may not be here."""
        return self.keeping != "by hand"

    @cached_property
    def missing(self) -> tuple[Kind, ...]:
        """What the engine published and is not there; without a status document nothing tells of the others."""
        sync = self.data.get("sync")
        listed = sync.get("documents") if isinstance(sync, dict) else None
        published = {"task-status", *(listed if isinstance(listed, dict) else ())}
        wanted = (kind for kind in documents.KINDS if kind in published and kind not in {*self.texts, *self.elsewhere})
        return tuple(kind for kind in wanted if self.kept and self.listing.lacks(self.id, kind))

    @property
    def markdown(self) -> Iterator[Text]:
        return (text for kind, text in self.texts.items() if kind != "task-status" and text.content)

    def finding(
        self,
        rule: str,
        severity: Severity,
        says: str,
        *witnesses: Witness,
        fix: Fix | None = "refresh",
        about: str | None = None,
    ) -> Finding:
        """A finding about this task; what the engine does not keep, it cannot fix."""
        one, other = witnesses
        return self.offered(Finding(rule, severity, self.id, says, (one, other), fix, about))

    def offered(self, finding: Finding) -> Finding:
        """The finding without its fix when there is none: a refresh puts right what differs from what was published."""
        possible = self.kept and (finding.fix != "refresh" or {row.path for row in finding.witnesses} & self.edited)
        return finding if possible or not finding.fix else replace(finding, fix=None)

    @cached_property
    def edited(self) -> frozenset[str]:
        """The paths of the documents that are not as the engine published them, by the stamps they carry."""
        stamp, found = None, {self.path(kind) for kind in self.missing}
        for kind in reversed(documents.KINDS):  # the status document first: it lists the digests of the others
            if text := self.texts.get(kind):
                try:
                    body, own = documents.unstamp(kind, text.whole)
                except ValueError:
                    body, own = "", None
                stamp = own if kind == "task-status" else stamp
                listed = stamp and stamp.documents.get(kind)
                if own is None or not own.intact or (listed and listed.digest != digest(body)):
                    found.add(text.shown)
        return frozenset(found)

    @cached_property
    def boxes(self) -> list[tuple[int, bool]] | None:
        """Where in its prose each box of the checklist is, and whether it is ticked; None without a checklist."""
        text = self.texts.get("checklist")
        if text is None or text.problem:
            return None
        return [(found.start(1), found[1] != " ") for found in BOX.finditer(text.prose)]

    @property
    def ticked(self) -> int:
        return sum(ticked for _, ticked in self.boxes or ())

    def first_box(self) -> Witness:
        """The first that is not ticked, or else the first."""
        place = next((place for place, ticked in self.boxes or () if not ticked), (self.boxes or [(0, True)])[0][0])
        return self.texts["checklist"].at_prose(place)

    @cached_property
    def workstreams(self) -> list[WorkstreamSaid]:
        """Those that have a status."""
        rows = self.status.rows("workstreams") if self.status else []
        return [
            WorkstreamSaid(
                place, name := str(row.get("id", place)), str(row.get("name", name)), workstream_status(said), said
            )
            for place, row in rows
            if isinstance(said := row.get("status"), str)
        ]

    @cached_property
    def part(self) -> Part | None:
        """How many of the workstreams are completed, None where there are none."""
        words = {row.word for row in self.workstreams}
        if not words:
            return None
        return "done" if words == {"completed"} else "part" if words & {"completed", "in-progress"} else "none"

    @cached_property
    def progress(self) -> StatusLine | None:
        text = self.texts.get("progress")
        return status_line(text.lines) if text else None

    @property
    def summary(self) -> Text | None:
        """The completion summary, when it says anything."""
        text = self.texts.get("completion-summary")
        return text if text and text.content.strip() else None

    @cached_property
    def life(self) -> str | None:
        """The task's status in the status document, as we call it."""
        said = self.data.get("status")
        return status_word(said) if isinstance(said, str) else None

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """The strongest first. None of a task that was cancelled: its documents may be as they were then."""
        if self.life == "cancelled":
            return ()
        found = (
            self._life(),
            self._completion(),
            self._workstreams(),
            self._summary(),
            self._progress(),
            self._items(),
        )
        return tuple(claim for claim in found if claim is not None)

    @property
    def finished(self) -> bool:
        """True when more of the documents say so than not."""
        done = sum(claim.done for claim in self.claims)
        return self.life == "cancelled" or 2 * done > len(self.claims)

    def _life(self) -> Claim | None:
        if self.status is None or self.life is None:
            return None
        says = f"the status is {quoted(self.data['status'])}"
        return Claim("status", self.life == "completed", says, partial(self.status.at, "status"))

    def _completion(self) -> Claim | None:
        if self.status is None or not (said := self.data.get("completedAt")) or not isinstance(said, str):
            return None
        return Claim("completion-time", True, f"it was completed at {said}", partial(self.status.at, "completedAt"))

    def _workstreams(self) -> Claim | None:
        rows = self.workstreams
        if self.status is None or not rows:
            return None
        left = [row for row in rows if row.word != "completed"]
        if not left:
            says = f"all {len(rows)} workstreams are completed" if len(rows) > 1 else "its workstream is completed"
            return Claim("workstreams", True, says, partial(self.status.at, "workstreams", rows[-1].place, "status"))
        says = f"{len(left)} of {len(rows)} workstreams {'is' if len(left) == 1 else 'are'} not completed"
        return Claim("workstreams", False, says, partial(self.status.at, "workstreams", left[0].place, "status"))

    def _progress(self) -> Claim | None:
        if (said := self.progress) is None:
            return None
        says = f"the progress report says {quoted(said.value)}"
        return Claim("progress", said.done, says, partial(self.texts["progress"].at_line, said.line))

    def _summary(self) -> Claim | None:
        text = self.summary
        return Claim("summary", True, "there is a completion summary", partial(text.at_line, 0)) if text else None

    def _items(self) -> Claim | None:
        if not self.boxes:
            return None
        total, left = len(self.boxes), len(self.boxes) - self.ticked
        says = f"all of its {total} items are ticked" if not left else f"{left} of {total} items are not ticked"
        return Claim("checklist", not left, says, self.first_box)

    @property
    def artifacts(self) -> dict[str, Steps]:
        """As `Facts` has them."""
        found: dict[str, Steps] = {}
        for place, row in self.status.rows("workstreams") if self.status else ():
            listed = row.get("artifacts")
            for index, said in enumerate(listed if isinstance(listed, list) else ()):
                if isinstance(said, str) and (path := self._path(said)) != ".":
                    found.setdefault(path, ("workstreams", place, "artifacts", index))
        return found

    def _path(self, said: str) -> str:
        """A path as it is from the workspace."""
        return posixpath.normpath(said.strip().removeprefix(f"{self.listing.workspace}/"))

    def facts(self) -> Facts:
        line, name, parent = self.progress, self.data.get("taskId"), self.data.get("parentTask")
        return Facts(
            id=self.id,
            archived=self.archived,
            kept=self.kept,
            ours=self.ours,
            workstreams=self.part,
            items=None if self.boxes is None else (self.ticked, len(self.boxes)),
            progress=line and ("done" if line.done else "open"),
            summary=self.summary is not None,
            finished=self.finished,
            name=name if isinstance(name, str) and name.strip() else None,
            parent=parent if isinstance(parent, str) else None,
            artifacts=self.artifacts,
            listing=self.listing,
        )


def quoted(value: Any, longest: int = 60) -> str:
    """A value as it is shown in a sentence: on one line, not too long."""
    said = " ".join(str(value).split())
    return f'"{said if len(said) <= longest else said[: longest - 1] + "…"}"'
