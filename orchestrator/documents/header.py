"""Facts in the lines above the first section: `**Key**: value`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from orchestrator.documents.draft import Draft
from orchestrator.documents.edits import Edits
from orchestrator.documents.markdown import Page, plain
from orchestrator.events import Life, PhaseChanged
from orchestrator.task import Task

_KEY = re.compile(r"(\*\*([A-Za-z][A-Za-z ]*?)[ \t]*(?:\*\*[ \t]*:|:[ \t]*\*\*))([ \t]*)(.*?)[ \t]*\r?")
_WORDS: dict[str, Life] = {
    "pending": "pending",
    "not started": "pending",
    "todo": "pending",
    "to do": "pending",
    "deferred": "pending",
    "in progress": "in-progress",
    "started": "in-progress",
    "active": "in-progress",
    "partially": "in-progress",
    "blocked": "blocked",
    "stopped": "stopped",
    "completed": "completed",
    "complete": "completed",
    "done": "completed",
    "finished": "completed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
_NO_REASON = "none any more"


def status_word(text: str) -> Life | None:
    """The status that somebody's words begin with: `In Progress ✅` is in-progress."""
    words = re.findall(r"[a-z]+|[0-9]+", text.casefold())[:2]
    return _WORDS.get(" ".join(words)) or _WORDS.get("".join(words[:1]))


def life(task: Task) -> Life:
    """The task's status as documents say it: an archived task is what it was closed as, or was left as."""
    return task.left_as or task.ended or task.status


def _progress(task: Task) -> str:
    items = task.live_items
    return f"{sum(item.checked for item in items)} of {len(items)} items"


def _usage(task: Task) -> str:
    spent = task.usage
    read = spent.input_tokens + spent.cache_read_input_tokens + spent.cache_creation_input_tokens
    turns = f"{task.turns:,} turn{'s' if task.turns != 1 else ''}"
    return f"{turns}, {read:,} input tokens, {spent.output_tokens:,} output tokens"


FACTS: dict[str, Callable[[Task], str]] = {
    "Agent": lambda task: task.agent,
    "Task": lambda task: task.description,
    "Mode": lambda task: task.mode,
    "Phase": lambda task: task.phase,
    "Status": life,
    "Reason": lambda task: task.reason or "",
    "Progress": _progress,
    "Completed": lambda task: task.completed_at or "",
    "Resumed": lambda task: f"{task.resumed} time{'s' if task.resumed != 1 else ''}",
    "Usage": _usage,
}
_LABELS = {label.casefold(): label for label in FACTS}


def line(task: Task, label: str) -> str:
    return f"**{label}**: {plain(FACTS[label](task))}".rstrip()


@lru_cache(maxsize=256)
def read(page: Page) -> dict[str, tuple[int, str, str]]:
    """By label: the line, what stands before the value, the value; the first of a label."""
    found: dict[str, tuple[int, str, str]] = {}
    for number in page.header:
        text = page.lines[number]
        if text.startswith("**") and number not in page.code and (match := _KEY.fullmatch(text)):
            label = _LABELS.get(plain(match[2]).casefold())
            if label and label not in found and (label != "Progress" or re.fullmatch(r"\d+ of \d+ items", match[4])):
                found[label] = number, match[1] + (match[3] or " "), match[4]
    return found


def weave(edits: Edits, task: Task, known: Task | None) -> None:
    """Put the values of today into the lines that say them; what `known` had already stays as it was typed."""
    for label, (number, before, said) in read(edits.page).items():
        if (wanted := _wanted(label, said, task, known)) is not None:
            edits.put(number, before + wanted)


def _wanted(label: str, said: str, task: Task, known: Task | None) -> str | None:
    """The value a line must get, None when it may stay."""
    value = plain(FACTS[label](task))
    if known is not None and plain(FACTS[label](known)) == value:
        return None
    if not value:
        return _NO_REASON if label == "Reason" and said != _NO_REASON else None
    return None if _same(label, said, value) else value


def _same(label: str, said: str, wanted: str) -> bool:
    if label == "Status":
        return said == wanted or status_word(said) == status_word(wanted)
    return said == wanted or _core(said) == _core(wanted)


def _core(text: str) -> str:
    """What of a value counts: not its case, nor signs and emoji around it."""
    return re.sub(r"^\W+|\W+$", "", plain(text).casefold()) or plain(text)


def changes(draft: Draft, page: Page, shown: Page, known: Task | None) -> None:
    """Propose a phase that was typed; refuse the facts that are not a person's to say."""
    before = {label: value for label, (_, _, value) in read(shown).items()}
    for label, (_, _, said) in read(page).items():
        if label == "Phase":
            old = before.get(label, draft.told.phase)
            if said and not _same(label, said, old):
                draft.propose(PhaseChanged(phase=said))
        elif label in before and _same(label, said, before[label]):
            continue
        elif (wanted := _wanted(label, said, draft.told, known)) is not None:
            draft.refuse(f"{label} is not a person's to say: {said!r} was put back to {wanted!r}")
