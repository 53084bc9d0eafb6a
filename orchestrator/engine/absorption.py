"""What a document on disk turns out to be: ours, stale, lost, torn, or somebody's edit to be recorded."""

from __future__ import annotations

import errno
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator import documents, files, openings, system
from orchestrator.documents import Stamp
from orchestrator.documents.status_json import dump, load
from orchestrator.engine.desk import Desk
from orchestrator.engine.folder import Folder
from orchestrator.engine.merge import merge_json, merge_text
from orchestrator.errors import Damaged, Refused
from orchestrator.events import Actor, Event, Kind, ProseWritten, TextEdited
from orchestrator.task import Task, digest
from orchestrator.transitions import apply, apply_all

_NOT_ITS_FAULT = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
SETTLE = 0.02
"""Seconds a document must have been left alone, and closed by whoever wrote it, before it is read as an edit."""

_PATIENCE = 50
MASKED = "secrets in it are masked"
OVERTAKEN = "another document that was saved at that time says otherwise of the same, and counts"


@dataclass(frozen=True)
class Aside:
    """A text to be kept beside its document, or where nobody else looks: what it was, and why it is not obeyed."""

    kind: Kind
    data: bytes | None
    reason: str
    private: bool = False


@dataclass
class Findings:
    """What was found on disk, all documents together.

    `edited`: with the digests of the edited texts. `unsettled`: still being written, to be left alone.
    """

    events: list[Event] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    edited: dict[Kind, str] = field(default_factory=dict)
    restored: list[Kind] = field(default_factory=list)
    unsettled: list[Kind] = field(default_factory=list)


@dataclass(frozen=True)
class Unreadable:
    """Something has a document's name and cannot be read as a file."""

    reason: str


Found = dict[Kind, bytes | Unreadable | None]


def actor(task: Task) -> Actor:
    """Whose an edit is: a command's while one runs, else an editor's."""
    return "command" if any(intent.command is not None for intent in task.pending) else "editor"


def look(path: Path, *, finished: bool = False) -> bytes | Unreadable | None:
    """What is under a document's name, None when there is nothing; with `finished` not while it is written.

    Raises OSError for what is no fault of the document's.
    """
    try:
        return files.read(path, finished=finished)
    except OSError as error:
        if error.errno in _NOT_ITS_FAULT:
            raise
        return Unreadable("a symbolic link" if error.errno == errno.ELOOP else error.strerror or str(error))


def look_at_last(path: Path) -> bytes | Unreadable | None:
    """What is in a file that nobody finds under its name any more, once its writer has finished with it.

    One that stays open for writing for a second is Unreadable: the file is to be kept, not its text.
    """
    for _ in range(_PATIENCE):
        if is_settled(path):
            break
        time.sleep(SETTLE)
    return look(path, finished=True)


def absorb(desk: Desk, found: Found, now: Callable[[], str], folder: Folder | None = None) -> Findings:
    """Read every document's bytes as what they are. Changes nothing: the shelf records and publishes.

    With `folder`, the bytes are what lies there now, and may still be in the making or torn by a power loss.
    """
    findings = Findings()
    task = desk.task
    expected = documents.kinds(task)
    said: dict[Kind, tuple[bytes, list[Event]]] = {}
    for kind, data in found.items():
        if isinstance(data, Unreadable):
            findings.asides.append(Aside(kind, None, data.reason))
        elif data is None:
            if kind in task.documents:
                _refuse_newer_elsewhere(desk, kind, folder)
                findings.restored.append(kind)
        elif kind not in expected or data != desk.text(kind):
            path, begun = folder.document(desk.task, kind) if folder else None, len(findings.events)
            task = _absorb_one(desk, task, kind, data, path, findings, now())
            said[kind] = data, findings.events[begun:]
    findings.restored = [kind for kind in findings.restored if kind in expected]
    known = {aside.kind for aside in findings.asides}
    for kind, (data, events) in said.items():
        if kind not in known and any(_overtaken(task, event) for event in events):
            findings.asides.append(Aside(kind, data, OVERTAKEN))
    findings.asides.extend(_unseen(desk, task, {kind: data for kind, (data, events) in said.items() if events}))
    return findings


def _unseen(desk: Desk, task: Task, edited: Mapping[Kind, bytes]) -> Iterator[Aside]:
    """Documents in which somebody said, after these edits were begun, what is overtaken by them."""
    stamps = [stamp.revision for kind, data in edited.items() if (stamp := _unstamp(kind, data)[1])]
    for commit in desk.since(min(stamps, default=desk.task.revision)):
        said = commit.events if commit.actor == "editor" else ()
        if any(_overtaken(task, event) and not _overtaken(desk.task, event) for event in said):
            for kind in commit.absorbed.keys() - edited:  # who saves the same once more knows what they said
                if then := desk.at(commit.revision):
                    yield Aside(kind, documents.stamp(then, kind, documents.render(then, kind)).encode(), OVERTAKEN)


def _overtaken(task: Task, event: Event) -> bool:
    """True for what somebody said that is so no more: to say it again would change something."""
    if isinstance(event, TextEdited | ProseWritten):
        return False
    try:
        return apply(task, event, actor="editor", at=task.updated_at) != task
    except Refused:
        return False


def _absorb_one(
    desk: Desk, task: Task, kind: Kind, data: bytes, path: Path | None, findings: Findings, at: str
) -> Task:
    """One document that is not what it should be; returns the task after its edit."""
    if not is_settled(path):  # first: an empty or cut-off document may be an edit whose writer is about to go on
        findings.unsettled.append(kind)
        return task
    try:
        body, stamp = _unstamp(kind, data)
    except ValueError as error:
        if not data.strip() or is_cut_off(desk, kind, data):
            findings.restored.append(kind)
        else:
            said = data.decode("utf-8", "replace")
            findings.asides.append(Aside(kind, data, str(error), private=desk.mask(said) != said))
        return task
    typed, body = body, masked(kind, body, desk.mask)
    hidden = [MASKED] if typed != body else []
    _refuse_newer(desk, task, documents.file_name(kind, task.id), kind, body, stamp)
    if _is_stale(desk, kind, body, stamp) or is_cut_off(desk, kind, data) or not body.strip():
        findings.restored.append(kind)
        if hidden:
            findings.asides.append(Aside(kind, data, MASKED, private=True))
    elif _in_doubt(desk, kind, path):
        findings.asides.append(Aside(kind, data, "it may have been torn when the system went down"))
    else:
        findings.edited[kind] = digest(body)
        difference = documents.diff(task, kind, _brought_forward(desk, task, kind, body, stamp))
        if why := [*hidden, *difference.refused]:
            findings.asides.append(Aside(kind, data, "; ".join(why), private=bool(hidden)))
        findings.events.extend(difference.events)
        return apply_all(task, difference.events, actor=actor(task), at=at)
    return task


def masked(kind: Kind, body: str, mask: Callable[[str], str]) -> str:
    """The body without secrets. Those of a JSON are looked for in its texts, so that it stays JSON."""
    if kind != "task-status":
        return mask(body)
    said = load(body)
    clean = _each_text(said, mask)
    return body if clean == said else dump(clean)


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _each_text(inner, change) for key, inner in value.items()}
    return [_each_text(inner, change) for inner in value] if isinstance(value, list) else value


def is_newer(task: Task, stamp: Stamp | None) -> bool:
    """True for the stamp of what we published at a revision that the journal lacks."""
    ours = stamp is not None and stamp.intact and stamp.task in (None, task.id)
    return stamp is not None and ours and stamp.revision > task.revision


def _refuse_newer(desk: Desk, task: Task, name: str, kind: Kind, body: str, stamp: Stamp | None) -> None:
    """Raises Damaged for what is newer than the journal, unless it was adopted without one."""
    if stamp is None or not is_newer(task, stamp) or desk.journal.absorbed(kind, digest(body), 0):
        return
    lost = f"{name} was published at revision {stamp.revision}: without a backup, take the documents away to go on"
    raise Damaged(task.id, desk.journal.name, task.revision + 1, lost)


def _refuse_newer_elsewhere(desk: Desk, kind: Kind, folder: Folder | None) -> None:
    """As `_refuse_newer`, for a missing document: the journal may have lost that it was archived, or reopened."""
    if folder is None:
        return
    path = folder.elsewhere(desk.task, kind)
    with suppress(OSError, ValueError):
        if data := files.read(path):
            name = str(path.relative_to(folder.temp))
            _refuse_newer(desk, desk.task, name, kind, *_unstamp(kind, data))


def _brought_forward(desk: Desk, task: Task, kind: Kind, body: str, stamp: Stamp | None) -> str:
    """The edit brought forward to this revision, when it was made on an older one that is known."""
    if kind not in desk.task.documents:
        return body
    before: Task | None = desk.task
    if stamp is not None and stamp.task in (None, task.id) and stamp.revision < desk.task.documents[kind].revision:
        before = desk.at(stamp.revision)
    if before is None or before is task or kind not in documents.kinds(before):
        return body
    base, ours = documents.render(before, kind), documents.render(task, kind)
    return merge_json(base, ours, body) if kind == "task-status" else merge_text(base, ours, body)


def edits(desk: Desk, task: Task, texts: Mapping[Kind, str], actor: Actor) -> tuple[Event, ...]:
    """What documents written on the desk's state change in the task; raises Refused for what cannot be obeyed."""
    events: list[Event] = []
    for kind, text in texts.items():
        try:
            body, stamp = documents.unstamp(kind, text)
        except ValueError as error:
            raise Refused("TextEdited", f"{documents.file_name(kind, task.id)}: {error}") from None
        difference = documents.diff(task, kind, _brought_forward(desk, task, kind, body, stamp))
        if difference.refused:
            raise Refused("TextEdited", "; ".join(difference.refused))
        task = apply_all(task, difference.events, actor=actor, at=task.updated_at)
        events.extend(difference.events)
    return tuple(events)


def _unstamp(kind: Kind, data: bytes) -> tuple[str, Stamp | None]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    if "\0" in text:
        raise ValueError("it holds zero bytes, as a file that was torn does")
    return documents.unstamp(kind, text)


def is_known(desk: Desk, kind: Kind, data: bytes) -> bool:
    """True for a whole text of ours or one that was ever recorded, and for none: nobody has to keep it."""
    try:
        body, stamp = _unstamp(kind, data)
    except ValueError:
        return not data.strip()
    recorded = stamp is not None and desk.journal.absorbed(kind, digest(body), stamp.revision)
    return recorded or _is_stale(desk, kind, body, stamp) or not body.strip()


def _is_stale(desk: Desk, kind: Kind, body: str, stamp: Stamp | None) -> bool:
    """True for what we published, and for the last edit when that was recorded since.

    One that was changed back to what it was once is an edit: its stamp does not fit it, or another edit came between.
    """
    if stamp is None:
        return False
    last = desk.task.absorbed.get(kind)
    recorded = last is not None and last.digest == digest(body) and last.revision > stamp.revision
    return recorded or (stamp.intact and desk.journal.published(kind, digest(body)))


def is_cut_off(desk: Desk, kind: Kind, data: bytes) -> bool:
    """True for the first part of what we published, without the rest."""
    return kind in desk.task.documents and kind in documents.kinds(desk.task) and desk.text(kind).startswith(data)


def _in_doubt(desk: Desk, kind: Kind, path: Path | None) -> bool:
    """True when power was lost after our last publication of a document that no checkpoint covers."""
    published = desk.task.documents.get(kind)
    if path is None or not desk.journal.rebooted or published is None or published.revision <= desk.journal.durable:
        return False
    try:
        return path.lstat().st_mtime < system.boot_time()
    except OSError:
        return False


def is_settled(path: Path | None) -> bool:
    if path is None:
        return True
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return True
        age = time.time() - found.st_mtime
        return not 0 <= age < SETTLE and not openings.is_being_written(path)
    except OSError:
        return True
