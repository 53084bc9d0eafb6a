"""Documents that were kept by hand, as the first events of a task: what they say is true, how they say it stays.

Where they contradict each other, the place is believed first (what lies in `completed/` is archived), then the status
JSON, then the checklist for its items, then the others in the order of `KINDS`. None of them is changed for that.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from json import JSONDecodeError
from typing import NamedTuple

from orchestrator import documents, overview
from orchestrator.documents import dates, header, standing
from orchestrator.documents.markdown import Page, page, plain
from orchestrator.documents.status_json import dump, flaw, load, salvage
from orchestrator.engine.absorption import MASKED, masked
from orchestrator.engine.handmade import HandMade
from orchestrator.events import (
    DecisionChanged,
    Event,
    Json,
    Kind,
    PhaseChanged,
    ReferenceAdded,
    ReferenceMoved,
    Stage,
    TaskAdopted,
    TaskCreated,
    TextEdited,
    WorkstreamChanged,
)
from orchestrator.mentions import PLACED
from orchestrator.task import digest
from orchestrator.transitions import apply, create

NOBODY = "unknown"
"""The agent of a task whose documents name none."""

PRIVATE = "in .orchestrator/contents"
"""Where the engine puts a text with secrets in it."""

_STATUS, _SUMMARY = "task-status", "completion-summary"


class Adoption(NamedTuple):
    """The events of the first commit, with the digests of the texts that it takes over.

    `notes`: a sentence for each thing in the documents that could not be.
    """

    events: tuple[Event, ...]
    absorbed: Mapping[Kind, str]
    notes: tuple[str, ...]


def adopt(found: HandMade, texts: Mapping[Kind, str], mask: Callable[[str], str] = str) -> Adoption:
    """What the documents say, as the begin of a journal."""
    bodies, notes = _bodies(found.id, texts, mask)
    said = load(bodies[_STATUS]) if _STATUS in bodies else {}
    pages = {kind: page(body, "", None, frozenset()) for kind, body in bodies.items() if kind != _STATUS}
    created = TaskCreated(
        agent=overview.agent(said) or _header(pages, "Agent") or NOBODY,
        description=overview.description(said) or _header(pages, "Task") or _title(pages),
        mode="full" if {"plan", "architecture-notes"} & texts.keys() else "lightweight",
    )
    adopted = TaskAdopted(
        status=_status(said, bodies, pages, found.archived),
        archived=found.archived,
        split=bool(found.strays),
        companions=tuple(name for name in map(os.path.basename, found.strays) if documents.identify(name) is None),
        started_at=_text(said, "startedAt") or _earliest(said, pages),
        completed_at=_text(said, "completedAt") or None,
    )
    events: list[Event] = [created, adopted]
    task = apply(create(created, task_id=found.id, uuid="", at=""), adopted, actor="user", at="")
    for kind, body in sorted(bodies.items(), key=lambda row: row[0] != _STATUS):
        difference = documents.diff(task, kind, body)
        notes += difference.refused if kind == _STATUS else ()  # where the others say otherwise, they are not believed
        news = [event for event in difference.events if not isinstance(event, TextEdited)]
        for event in chain(news, [TextEdited(document=kind, text=body)]):  # that always: its words are to stay
            if _is_news(events, event):
                task = apply(task, event, actor="user", at="")
                events.append(event)
    events += _references(found, bodies.values())
    notes += [f"{path} goes to the task's other documents" for path in found.strays]
    return Adoption(tuple(events), {kind: digest(body) for kind, body in bodies.items()}, tuple(notes))


def _bodies(task_id: str, texts: Mapping[Kind, str], mask: Callable[[str], str]) -> tuple[dict[Kind, str], list[str]]:
    """The documents without their stamps, and what could not be read of them."""
    bodies: dict[Kind, str] = {}
    notes: list[str] = []
    for kind, text in texts.items():
        if not text.strip():
            continue
        try:
            body = documents.unstamp(kind, text)[0]
        except ValueError as error:
            saved = salvage(text)
            body = "" if saved is None else dump(saved)
            read = "cannot be read" if saved is None else "was salvaged"
            line = f", line {error.lineno}" if isinstance(error, JSONDecodeError) else ""
            place = "beside it" if mask(text) == text else PRIVATE
            notes.append(f"{documents.file_name(kind, task_id)} {read}, its text is kept {place}: {flaw(error)}{line}")
        if body.strip():
            bodies[kind] = masked(kind, body, mask)
            if bodies[kind] != body:
                notes.append(f"{documents.file_name(kind, task_id)}: {MASKED}, its text is kept {PRIVATE}")
    return bodies, notes


def _references(found: HandMade, bodies: Iterable[str]) -> Iterator[Event]:
    """To the other tasks whose files are mentioned where they are: from now on the mentions follow those.

    One that is mentioned where it is not stays so: no word is changed.
    """
    said: dict[str, set[bool]] = defaultdict(set)
    for body in bodies:
        for mention in PLACED.finditer(body):
            said[mention["task"]].add(bool(mention["completed"]))
    for name, places in sorted(said.items()):
        archived = found.around.get(name)
        if name != found.id and places == {archived}:
            yield ReferenceAdded(task=name, document=_STATUS)
            if archived:
                yield ReferenceMoved(task=name)


def _is_news(events: Sequence[Event], event: Event) -> bool:
    """False for what says otherwise than a document that was read before, and is believed."""
    if isinstance(event, PhaseChanged):
        return not any(isinstance(before, PhaseChanged) for before in events)
    return not isinstance(event, WorkstreamChanged | DecisionChanged)


# -- how it stood ------------------------------------------------------------------


def _status(said: Json, kinds: Collection[Kind], pages: Mapping[Kind, Page], archived: bool) -> Stage:
    """How far the task is: the JSON's word, or what its other keys mean, or else the status line of the progress.

    Where none of them says anything, the place does.
    """
    if word := _word(_text(said, "status")):
        return word
    if _text(said, "completedAt"):
        return "completed"
    listed = said.get("workstreams")
    listed = listed if isinstance(listed, list) else []
    rows = {_word(_text(row, "status")) for row in listed if isinstance(row, dict)}
    if rows == {"completed"} and _SUMMARY in kinds:
        return "completed"
    if rows:
        return "in-progress" if rows - {"pending", None} else "pending"
    if _SUMMARY in kinds:
        return "completed"
    line = standing.read(pages["progress"]) if "progress" in pages else None
    if line is not None and line.done:
        return "completed"
    word = _word(line.value) if line else None
    if line is None and archived:
        return "completed"
    return "in-progress" if word in (None, "completed") else word


def _earliest(said: Json, pages: Mapping[Kind, Page]) -> str | None:
    """The first of all times that the documents know of, None where they know of none."""
    written = [text for _, text, _ in dates.values(said)]
    for each in pages.values():
        prose = "\n".join("" if number in each.code else line for number, line in enumerate(each.lines))
        written += [found.said for found in dates.lines(prose)]
    return min((str(at) for at in map(dates.moment, written) if at), default=None)


def _word(text: str) -> Stage | None:
    word = header.status_word(text)
    return None if word == "archiving" or word == "archived" else word


def _text(said: Json, key: str) -> str:
    """A value that is a text with something in it, else nothing."""
    value = said.get(key)
    return value if isinstance(value, str) and value.strip() else ""


def _header(pages: Mapping[Kind, Page], label: str) -> str:
    found = (header.read(each).get(label) for each in pages.values())
    return next((row[2] for row in found if row and row[2]), "")


def _title(pages: Mapping[Kind, Page]) -> str:
    """The first heading there is."""
    return next((plain(heading.text) for each in pages.values() for heading in each.headings), "")
