"""log: what happened to a task, from its journal alone: no lock, no write, no engine. Starts fast."""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from orchestrator import overview
from orchestrator.cli import outcome, screen, standing
from orchestrator.cli.project import Project, TaskId, pass_project
from orchestrator.errors import StorageError, UsageError

if TYPE_CHECKING:
    from orchestrator.history import Json

PAUSE = 0.2
"""Seconds between two looks at a journal that is followed."""


@click.command(
    epilog="JSON: one commit a line {v, revision, at, actor, epoch, events, documents, uuid}; without ID also `task`."
)
@click.argument("task_id", metavar="[ID]", type=TaskId(), required=False)
@click.option("--follow", is_flag=True, help="Go on as it happens, until the task is archived or Ctrl-C.")
@click.option("--all", "everything", is_flag=True, help="What was said by and to the model too.")
@click.option("--json", "as_json", is_flag=True, help="The whole commits, one JSON object a line.")
@pass_project
def command(project: Project, task_id: str | None, follow: bool, everything: bool, as_json: bool) -> int:
    """Show what happened to a task, or to all, oldest first.

    Only reads the journals, and so works while agents run.
    """
    if task_id is not None:
        _show_task(project, task_id, follow, Page(everything, as_json))
        return 0
    if follow:
        raise UsageError("--follow needs an ID: `orchestrator watch` shows all tasks as it happens")
    from orchestrator.history import merged

    problems: list[StorageError] = []
    page = Page(everything, as_json, named=True)
    journals = overview.Folder(project.temp).journals
    unkept = [row for row in overview.rows(project.temp) if not row.kept]
    if not journals and not unkept and not as_json:
        click.echo(f"no tasks in {project.workspace}: nothing has happened")
    for name, commit in merged(project.temp, journals, problems.append):
        page.show(name, commit)
    problems += [StorageError(row.absent) for row in unkept if row.keeping == "gone"]
    for problem in problems:
        screen.complain(str(problem))
    if not as_json and (said := standing.copies([row for row in unkept if row.keeping == "copy"])):
        screen.complain(said)
    by_hand = sum(row.keeping == "by hand" for row in unkept)
    if by_hand and not as_json:
        have = "1 task kept by hand has" if by_hand == 1 else f"{by_hand:,} tasks kept by hand have"
        screen.complain(f"{have} no journal yet: `orchestrator adopt` takes over what is kept by hand")
    return 1 if problems else 0


def _show_task(project: Project, task_id: str, follow: bool, page: Page) -> None:
    from orchestrator.history import History

    history = History(project.temp, project.with_journal(task_id))
    ends = (KeyboardInterrupt,) if follow else ()
    with suppress(*ends):
        archived = False
        while True:
            for commit in history.read():
                page.show(task_id, commit)
                for event in commit["events"]:
                    archived = event["type"] == "ArchiveDone" or (archived and event["type"] != "TaskReopened")
            if archived or not follow:
                return
            time.sleep(PAUSE)


class Page:
    """Commits, as JSON or for people: a row an event, days as headings.

    `everything`: what the model said and was told too; `named`: whose task it is.
    """

    def __init__(self, everything: bool, as_json: bool, *, named: bool = False) -> None:
        self._everything = everything
        self._as_json = as_json
        self._named = named
        self._day = ""
        self._items: dict[str, dict[str, str]] = defaultdict(dict)

    def show(self, task_id: str, commit: Json) -> None:
        if self._as_json:
            named = {"task": task_id} if self._named else {}
            click.echo(json.dumps({**named, **commit}, separators=(",", ":")))
            return
        at = datetime.fromisoformat(commit["at"]).astimezone()
        name = f"{task_id}  " if self._named else ""
        lead = f"{name}{'r' + str(commit['revision']):>5}  {at:%H:%M:%S}  {commit['actor']:<7}  "
        for event in commit["events"]:
            said = _said(event) if self._everything else ""
            told = self._words(event, self._items[task_id])
            what = "says" if said and event["type"] == "ModelReplied" else "is told" if said else told
            if not what:
                continue
            if self._day != (day := f"{at:%Y-%m-%d}"):
                click.echo(screen.dim(day))
                self._day = day
            what = screen.fit(what, screen.columns() - len(lead))
            click.echo(screen.dim(lead) + click.style(what, fg=colour(event)))
            if said:
                outcome.show_text(said, indent=len(lead))
            lead = " " * len(lead)

    def _words(self, event: Json, items: dict[str, str]) -> str:
        match event:
            case {"type": "InstructionGiven", "item": name, "text": text}:
                items[name] = text
            case {"type": "ItemAdded" | "ItemReworded", "id": name, "text": text}:
                items[name] = text
        return words(event, items)


def words(event: Json, items: Mapping[str, str]) -> str:
    """What happened, on a line; nothing for what interests nobody. An event of a later version: its name.

    `items`: the texts of the checklist, by id.
    """
    match event:
        case {"type": "CallSettled", "receipt": receipt}:
            return _call(receipt)
        case {"type": "ModelReplied", "intents": intents}:
            given = [intent["delegated"] for intent in intents if intent.get("delegated")]
            asked = [intent["asked"] for intent in intents if intent.get("asked")]
            gives = (f"gives {row['child']} to {row['agent']}: {row['description']}" for row in given)
            return "; ".join([*gives, *(f"asks {_WHOM[row['to']]}: {row['question']}" for row in asked)])
        case {"type": "WorkstreamAdded", "id": name}:
            return f"workstream {name} {event.get('status', 'pending')}: {event.get('description', '')}"
        case {"type": "WorkstreamChanged", "id": name}:
            return f"workstream {name} {event.get('status') or ', '.join(event.keys() - {'type', 'id'})}"
        case {"type": "WorkerStarted", "epoch": epoch, "holder": holder}:
            before = f"; the one before died: {event['died']}" if "died" in event else ""
            begun = "resumed" if event.get("resumed") else "started"
            return f"worker {begun}: {screen.who(holder)} (epoch {epoch}){before}"
        case {"type": "LimitsChanged", "limits": limits}:
            return f"limits changed: {outcome.limits(limits)}"
        case {"type": "ChangesUndone", "files": files}:
            return f"taken back: {', '.join(change['path'] for change in files)}"
        case {"type": "InstructionGiven", "item": name, "text": text}:
            return f"more to do, item {name}: {text}"
        case {"type": "MessageReceived", "text": text}:
            return f"{event.get('sender', 'a person')} says: {text}"
        case {"type": "TaskBlocked", "reason": reason}:
            return outcome.because("blocked", reason)
        case {"type": "TaskStopped", "reason": reason}:
            return outcome.because("stopped", reason)
        case {"type": "TaskCancelled"}:
            return f"cancelled{': ' if 'reason' in event else ''}{event.get('reason', '')}"
        case {"type": "ReferenceMoved", "task": name, "previous": previous}:
            return f"{previous}, which it refers to, is called {name} now"
        case {"type": "ReferenceMoved", "task": name, "archived": False}:
            return f"{name}, which it refers to, is open again"
    fields = defaultdict(lambda: "none", event, item=items.get(event.get("id", ""), ""))
    fields |= {key: "; ".join(map(str, value)) for key, value in event.items() if isinstance(value, list) and value}
    return _WORDS.get(event["type"], "{type}").format_map(fields)


def textless(event: Json) -> str:
    """The same without what agents, and people, have written: names, numbers and states alone.

    Of an event of a later version, too, no text gets through.
    """
    plain = _PLAIN if event["type"] in _REASONED else _PLAIN - {"reason"}
    return re.sub(r"[ ,:]+(?=;|$)", "", words(_bare(event, plain), {}))


def _bare(value: Any, plain: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: _bare(inner, plain) if key in plain else "" for key, inner in value.items()}
    return [_bare(inner, plain) for inner in value] if isinstance(value, list) else value


_PLAIN = frozenset(
    (
        *("type", "id", "agent", "task", "child", "item", "document", "name", "previous", "sender", "epoch", "holder"),
        *("resumed", "revision", "status", "mode", "phase", "limits", "files", "path", "before", "after", "evidence"),
        *("receipt", "tool", "outcome", "command", "exit_code", "archived", "limited_by", "commit", "to"),
        *("tokens", "cost", "turns", "seconds", "reason", "intents", "delegated", "asked"),
    )
)
_REASONED = ("TaskStopped", "TaskCancelled", "EditSetAside", "StuckNoticed")
"""Whose reason is a person's, or our own words."""


def _call(receipt: Json) -> str:
    """`R9 Bash ok, exit code 0: npm test`"""
    code = f", exit code {receipt['exit_code']}" if "exit_code" in receipt else ""
    about = receipt.get("command") or ", ".join(map(_file, receipt.get("files", [])))
    return f"{receipt['id']} {receipt['tool']} {receipt['outcome']}{code}{': ' if about else ''}{about}"


def _file(change: Json) -> str:
    before, after = change.get("before"), change.get("after")
    if before == after:
        return str(change["path"])
    return f"{'created' if before is None else 'deleted' if after is None else 'modified'} {change['path']}"


def _said(event: Json) -> str:
    """The texts of a message, in either direction."""
    found = []
    for block in event.get("content", []):
        inner = block.get("content")
        found += [part.get("text") for part in (inner if isinstance(inner, list) else [block])]
    return "\n".join(text for text in found if text)


def colour(event: Json) -> str | None:
    if event["type"] == "CallSettled":
        return {"ok": None, "error": "red"}.get(event["receipt"]["outcome"], "yellow")
    return _COLOURS.get(event["type"])


_WHOM = {"parent": "its parent", "person": "a person"}
_COLOURS = {"TaskCompleted": "green", "ArchiveDone": "green"} | dict.fromkeys(
    (
        *("BlockerRaised", "ChangesUndone", "EditSetAside", "FinishRefused", "SilenceNoticed", "StuckNoticed"),
        *("TaskBlocked", "TaskCancelled", "TaskPaused", "TaskStopped"),
    ),
    "yellow",
)
_WORDS = {
    "TaskCreated": "created for {agent}: {description}",
    "TaskAdopted": "adopted: {status}, kept by hand until then",
    "AnswerLost": "an answer was lost; it counts as all it may have cost",
    "TaskPaused": "paused by a person",
    "TaskContinued": "goes on, as a person wants",
    "ModeChanged": "mode {mode}",
    "ChildObserved": "{child}, which it gave away, is {status}",
    "TaskCompleted": "completed: {summary}",
    "TaskReopened": "open again",
    "WorktreeMade": "works apart, in the worktree {name}",
    "WorkLanded": "its work landed: {commit}",
    "MergeRefused": "its work could not be merged: {reason}",
    "TaskForked": "forked from {task} at r{revision}",
    "TaskRenamed": "called {id} now, no longer {previous}",
    "ArchiveBegun": "archiving begun",
    "ArchiveDone": "archived",
    "PhaseChanged": "phase {phase}",
    "ItemAdded": "item {id}: {text}",
    "ItemChecked": "{id} checked, evidence {evidence}: {item}",
    "ItemUnchecked": "{id} unchecked: {item}",
    "ItemReworded": "{id} reworded: {text}",
    "ItemDropped": "{id} dropped, {reason}: {item}",
    "DecisionRecorded": "decision {id}: {decision}",
    "DecisionChanged": "decision {id} changed: {decision}",
    "BlockerRaised": "blocker {id}: {text}",
    "BlockerResolved": "blocker {id} resolved: {resolution}",
    "NextStepsSet": "next: {steps}",
    "ProseWritten": "{document} written",
    "TextEdited": "{document} edited",
    "EditSetAside": "an edit of {document} set aside as {name}: {reason}",
    "ReferenceAdded": "refers to {document} of {task}",
    "ReferenceMoved": "{task}, which it refers to, is archived",
    "ContextRenewed": "the conversation begins anew",
    "FinishRefused": "Finish refused: {missing}",
    "SilenceNoticed": "nothing happened for long: {reason}",
    "StuckNoticed": "going round in circles: {reason}",
} | dict.fromkeys(
    (
        *("BudgetDrawn", "DirectoryChanged", "MessageAdded", "ModelReplied"),
        *("MoveDone", "StateRecorded", "SyncAsked"),
    ),
    "",
)
