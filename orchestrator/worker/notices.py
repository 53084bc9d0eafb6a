"""What a worker tells its model beside tool results: the brief, what others did, what is owed.

The words are in `prompts/`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from orchestrator import prompts
from orchestrator.completion import missing
from orchestrator.documents import file_name, kinds, render
from orchestrator.events import (
    BlockerResolved,
    ChangesUndone,
    Commit,
    Event,
    InstructionGiven,
    Json,
    Kind,
    MessageReceived,
    Receipt,
    ReferenceMoved,
    TaskCancelled,
    TaskRenamed,
    TaskReopened,
)
from orchestrator.task import Task
from orchestrator.tools.tool import ToolResult
from orchestrator.usage import TURNS
from orchestrator.worker import listing
from orchestrator.worker.others import Look

LONGEST_DOCUMENT = 10_000
"""Characters of a document that a renewed conversation begins with; the rest is to be read."""
MOST_RECEIPTS = 40
MOST_MISSING = 60


def text(words: str) -> Json:
    """A text block."""
    return {"type": "text", "text": words}


def brief(task: Task, workspace: Path, temp: Path, others: str, agents: Mapping[str, str]) -> Json:
    """The first message: the task, its documents, the other open tasks, and the agents that may be given work."""
    absent = prompts.lines("absent")
    limits = {"turns": TURNS} | {key: value for key, value in task.limits.model_dump().items() if value is not None}
    names = [file_name(kind, task.id) for kind in kinds(task)]
    return text(
        prompts.render(
            "brief",
            agent=task.agent,
            task_id=task.id,
            workspace=workspace,
            temp=temp,
            mode=task.mode,
            place=prompts.render("apart", temp=temp) if task.isolate else absent["place"],
            description="\n\n".join([task.description, *(row.text for row in task.instructions)]),
            documents="\n".join(f"- `{temp.name}/{name}`" for name in names),
            others=others,
            agents=_list([f"{name}: {purpose}" for name, purpose in agents.items()]) or absent["agents"],
            parent=f"Task {task.parent}, whose documents say what it is part of." if task.parent else absent["parent"],
            limits="\n".join(f"- {key}: {value}" for key, value in limits.items()) or absent["limits"],
            verify="\n".join(f"- `{command}`" for command in task.verify) or absent["verify"],
            output_schema=_fenced(task.output_schema) if task.output_schema else absent["output_schema"],
        )
    )


def begin() -> Json:
    return text(prompts.render("begin"))


def renewed(task: Task) -> Json:
    """How the task stands, for a model that remembers nothing of it: the lists are cut where they grow long."""
    nothing = prompts.lines("absent")["list"]
    return text(
        prompts.render(
            "renewed",
            turns=task.turns,
            documents="\n\n".join(_document(task, kind) for kind in kinds(task)),
            missing=_list(list(missing(task))[:MOST_MISSING]) or nothing,
            receipts=_list([_receipt(receipt) for receipt in task.receipts[-MOST_RECEIPTS:]]) or nothing,
        )
    )


def _document(task: Task, kind: Kind) -> str:
    body = render(task, kind)
    rest = "" if len(body) <= LONGEST_DOCUMENT else prompts.lines("absent")["rest"]
    return prompts.render("document", file=file_name(kind, task.id), text=body[:LONGEST_DOCUMENT] + rest)


def _receipt(receipt: Receipt) -> str:
    """`R9 Bash ok: npm test`"""
    about = receipt.command or ", ".join(change.path for change in receipt.files)
    return f"{receipt.id} {receipt.tool} {receipt.outcome}" + (f": {about[:200]}" if about else "")


def news(task: Task, commits: Iterable[Commit], restored: Iterable[Kind] = ()) -> list[Json]:
    """What others did since the model was last told, in words: people, its own commands, other tasks."""
    told: dict[str, list[str]] = {"asked": [], "message": [], "edited": [], "edited-by-command": [], "elsewhere": []}
    told["edited-by-command"] += [_change("DocumentRestored", {"document": kind}) or "" for kind in restored]
    for commit in commits:
        for event in commit.events:
            if name := _prompt(task, commit, event):
                told[name] += filter(None, [_words(task, event)])
    return [text(prompts.render(name, changes=_list(words))) for name, words in told.items() if words]


def messages(task: Task, commits: Iterable[Commit]) -> list[Json]:
    """What others told the task: of all news, the part that its documents and its brief do not say."""
    return news(task, [row for row in commits if any(isinstance(event, MessageReceived) for event in row.events)])


def elsewhere(seen: Look) -> list[Json]:
    """What happened to other tasks: their decisions, and what people did to those that were given away."""
    decided = list(listing.decided(seen.decided))
    people = [
        _change("ChildTouched", {"task": child.id, "text": words}) or ""
        for child, commits in seen.touched
        for commit in commits
        for event in commit.events
        if (words := _words(child, event))
    ]
    told = {"decided": decided, "children-touched": people}
    return [text(prompts.render(name, changes=_list(words))) for name, words in told.items() if words]


def _prompt(task: Task, commit: Commit, event: Event) -> str | None:
    """Which notice tells of an event; None for what the model did or knows itself."""
    if isinstance(event, ReferenceMoved | TaskRenamed):
        return "elsewhere"
    if isinstance(event, MessageReceived):
        return "message"
    if isinstance(event, InstructionGiven | TaskCancelled | TaskReopened):
        return "asked"
    if isinstance(event, BlockerResolved) and any(row.id == event.id and row.call for row in task.blockers):
        return None  # the answer is the result of the call that asked
    return {"editor": "edited", "user": "edited", "command": "edited-by-command"}.get(commit.actor)


def interrupted(ended: Iterable[tuple[Json, ToolResult]]) -> Json:
    """After a crash: what became of the calls that had begun."""
    words = [
        _change(f"Call{result.outcome.capitalize()}", {"tool": block["name"], "call": block["id"]}) or ""
        for block, result in ended
    ]
    return text(prompts.render("interrupted", calls=_list(words)))


def sync_due(triggers: Iterable[str]) -> Json:
    words = prompts.lines("triggers")
    return text(prompts.render("sync-due", triggers=_list([words[name] for name in triggers])))


def stuck(reason: str) -> Json:
    return text(prompts.render("stuck", reason=reason))


def silence(seconds: float, reason: str) -> Json:
    return text(prompts.render("silence", seconds=f"{seconds:g}", reason=reason))


def unfinished(missing: Iterable[str], attempts_left: int) -> Json:
    return text(prompts.render("unfinished", missing=_list(list(missing)), attempts_left=attempts_left))


def _words(task: Task, event: Event) -> str | None:
    fields = event.model_dump(mode="json", exclude_none=True)
    item = next((row for row in task.items if row.id == fields.get("id")), None)
    if isinstance(event, ChangesUndone):
        fields["files"] = ", ".join(f"`{change.path}`" for change in event.files)
    shown = {key: value for key, value in fields.items() if key != "id"}
    summary = "; ".join(f"{key} = {_plain(value)}" for key, value in shown.items())
    name = type(event).__name__
    if isinstance(event, ReferenceMoved) and (event.previous or not event.archived):
        name = "ReferenceRenamed" if event.previous else "ReferenceReturned"
    if isinstance(event, MessageReceived) and event.sender is None:
        name = "MessageFromPerson"
    return _change(name, {"text": item.text if item else "", **fields, "fields": summary})


def _change(name: str, values: Mapping[str, object]) -> str | None:
    template = prompts.lines("changes").get(name)
    return None if template is None else prompts.fill(template, values)


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _list(words: list[str]) -> str:
    return "\n".join(f"- {line}" for line in words)


def _fenced(schema: Json) -> str:
    return f"```json\n{json.dumps(schema, indent=2)}\n```"
