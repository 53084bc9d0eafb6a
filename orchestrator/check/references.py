"""References to the documents of tasks that lead nowhere, or to where those were before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

from orchestrator import documents
from orchestrator.check.finding import Finding, Fix, Witness
from orchestrator.check.task_files import TaskFiles
from orchestrator.check.text import Text
from orchestrator.mentions import PLACED

_NAMED = re.compile(
    r"(?<![\w./\\-])(?:\.{1,2}/|(?P<completed>completed/))?"
    rf"(?P<name>(?:{'|'.join(documents.KINDS)})-(?P<task>[A-Z0-9]{{6}})\.(?:md|json))(?![\w/-])",
    re.ASCII,
)
_ANY = re.compile(r"-[A-Z0-9]{6}\.|_[A-Z0-9]{6}\.", re.ASCII)
"""Most texts mention none, which this tells faster."""
_TASK = re.compile(r"(?=[A-Z]*\d)(?=\d*[A-Z])([A-Z0-9]{6})(?=\Z|\s*[-–—:(])", re.ASCII)
"""A text that begins with the id of a task."""
_KEYS = ("crossAgentReferences", "referencedAgentWork", "dependencies")
_ALONE = re.compile(r"(?<![\w./-])(?=[A-Z]*\d+[A-Z])[A-Z0-9]{6}(?![\w/-]|\.\w)", re.ASCII)
"""What may be an id in a sentence; `SHA256` and `BASE64` are none."""
_SIX = re.compile(r"\b[A-Z0-9]{6}\b", re.ASCII)
"""Found faster, and seldom there."""
_BEFORE = re.compile(
    r"\b(?:(?:build|base|depend|wait|rel(?:y|ie))(?:s|ed|ing)? (?:up)?(?:on|for)|(?:block|supersed|replac)ed by"
    r"|continu(?:es|ed|ing)|follow(?:s|ed|ing)(?: up)?(?: on)?|tasks?|agents?)"
    r"[ \t]*(?:the )?(?:work of )?(?:task |agent )?[ \t`*\"'(\[]*\Z",
    re.IGNORECASE | re.ASCII,
)
"""What stands before the id of a task that a sentence says something of."""
_REACH = 60


def references(task: TaskFiles) -> Iterator[Finding]:
    """A path or name that no file has, or whose file is in the other place; the first mention of each.

    Of its own documents a task may name some that are still to come.
    """
    seen: set[str] = set()
    for text in task.texts.values():
        for pattern in (PLACED, _NAMED) if _ANY.search(text.prose) else ():
            for found in pattern.finditer(text.prose):
                if found[0] not in seen:
                    seen.add(found[0])
                    yield from _follow(task, text, found)


def _follow(task: TaskFiles, text: Text, found: re.Match[str]) -> Iterator[Finding]:
    name, about, listing = found["name"], found["task"], task.listing
    completed = found.groupdict().get("completed")
    places = [archived for archived in (False, True) if name in (listing.completed if archived else listing.open)]
    if not places:
        if about != task.id:
            first = listing.first_of(about)
            there = Witness(first, 1) if first else Witness(listing.shown)
            says = f"{found[0]} is referred to, and is not there"
            yield task.finding("dangling-reference", "error", says, text.at_prose(found.start()), there, fix=None)
    elif completed is not None and bool(completed) not in places:
        says = f"{found[0]} is now in {listing.path('', places[0])}"
        there = Witness(listing.path(name, places[0]), 1)
        where = text.at_prose(found.start())
        fix: Fix | None = None if completed or about == task.id else "refer"
        yield task.finding("outdated-reference", "warning", says, where, there, fix=fix, about=about)


def tasks(task: TaskFiles) -> Iterator[Finding]:
    """A task that is referred to by its id alone, and that nothing here is of; the first mention of each."""
    listing, seen = task.listing, {task.id}
    for about, where in chain(_named(task), _told(task)):
        if about not in seen and about not in listing.documents and about not in listing.journals:
            says = f"task {about} is referred to, and nothing is there of it"
            yield task.finding("dangling-reference", "error", says, where(), Witness(listing.shown), fix=None)
        seen.add(about)


def _named(task: TaskFiles) -> Iterator[tuple[str, Callable[[], Witness]]]:
    """The ids of tasks that the status document names, and what finds them."""
    if task.status is None:
        return
    own = {row.id for row in task.workstreams}
    rows = [((key, place), row) for key in ("workstreams", "decisions") for place, row in task.status.rows(key)]
    for path, row in [((), task.data), *rows]:
        for name in _KEYS:
            said = row.get(name)
            for index, text in enumerate(said if isinstance(said, list) else [said]):
                if isinstance(text, str) and (found := _TASK.match(text.strip())) and text not in own:
                    place = [index] if isinstance(said, list) else []
                    yield found[1], partial(task.status.at, *path, name, *place)
    if isinstance(parent := task.data.get("parentTask"), str) and _TASK.fullmatch(parent):
        yield parent, partial(task.status.at, "parentTask")


def _told(task: TaskFiles) -> Iterator[tuple[str, Callable[[], Witness]]]:
    """Those that sentences say something of."""
    for text in task.texts.values():
        for found in _SIX.finditer(text.prose):
            place = found.start()
            if _ALONE.match(text.prose, place) and _BEFORE.search(text.prose, max(0, place - _REACH), place):
                yield found[0], partial(text.at_prose, place)
