"""Other tasks in words: the list of the open ones, one in full, what they decided and what people did to them.

What agents wrote is data: it comes in quotes, on one line, cut where it is long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestrator import files, overview, prompts
from orchestrator.engine import Engine
from orchestrator.errors import ToolError
from orchestrator.overview import Row
from orchestrator.task import Task
from orchestrator.worker import others

MOST_TASKS = 20
"""So many are listed; Tasks shows each that is asked for."""
MOST = 8
"""So many decisions, artifacts and the like of a task that is listed."""
MOST_IN_FULL = 100
MOST_DECISIONS = 12
"""So many are told at once."""
LONGEST = 300
"""Characters of what somebody wrote."""
_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\[.\]\ufe0f?[ \t]+\S.*", re.MULTILINE)


def quoted(text: object) -> str:
    """Somebody's words, as data."""
    line = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    short = line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"
    return "“" + short.replace("“", '"').replace("”", '"') + "”"


def tasks(engine: Engine, task: Task, task_id: str | None = None) -> str:
    """The other open tasks, those that touch the same files first; or one task in full, closed ones too.

    Raises ToolError when there is no such task.
    """
    return in_full(engine.folder.temp, task_id) if task_id else listed(engine, task)


def listed(engine: Engine, task: Task) -> str:
    rows = others.neighbours(engine, task)
    words = [_one(row, shared) for row, shared in rows[:MOST_TASKS]]
    if more := [row.id for row, _ in rows[MOST_TASKS:]]:
        words.append(_line("MoreTasks", count=len(more), text=", ".join(more[:MOST_IN_FULL])))
    return "\n\n".join(words) or prompts.lines("absent")["others"]


def in_full(temp: Path, task_id: str) -> str:
    row = overview.find(temp, task_id) if re.fullmatch(r"[A-Z0-9]{6}", task_id) else None
    if row is None:
        raise ToolError(f"There is no task {task_id!r} here: call Tasks without an id for those that are open.")
    if row.problem:
        raise ToolError(f"The status document of task {task_id} cannot be read: {row.problem}")
    return prompts.render(
        "task",
        **_facts(row),
        reason=quoted(row.text("reason")) if row.text("reason") else _nothing(),
        workstreams=_rows(_workstreams(row)),
        items=_rows(map(quoted, _items(row))),
        decisions=_rows(_decisions(row)),
        blockers=_rows(map(quoted, _blockers(row))),
        artifacts=_few([f"`{_plain(name)}`" for name in others.artifacts(row)], MOST_IN_FULL, ", "),
    )


def decided(found: Sequence[others.Decided]) -> Iterator[str]:
    """The newest of these, a line each, and how many more there are."""
    if len(found) > MOST_DECISIONS:
        yield _line("MoreDecisions", count=len(found) - MOST_DECISIONS)
    for row in found[-MOST_DECISIONS:]:
        yield _line("OtherDecided", task=row.task, agent=_plain(row.agent), text=quoted(row.text))


def _one(row: Row, shared: Sequence[str]) -> str:
    """An open task as it is listed. Its newest decisions are the ones shown."""
    return prompts.render(
        "other-task",
        **_facts(row),
        shared=_few([f"`{_plain(path)}`" for path in shared], MOST, ", "),
        decisions=_few(list(_decisions(row))[::-1], MOST, "; "),
        artifacts=_few([f"`{_plain(name)}`" for name in others.artifacts(row)], MOST, ", "),
        blockers=_few(list(map(quoted, _blockers(row))), MOST, "; "),
    )


def _facts(row: Row) -> dict[str, str]:
    place = ".temp/completed" if row.archived else ".temp"
    return {
        "id": row.id,
        "agent": _plain(row.text("agentId")),
        "goal": quoted(row.text("description")),
        "status": _plain(row.text("status")),
        "phase": _plain(row.text("phase")),
        "documents": ", ".join(f"`{place}/{name}`" for name in row.documents),
    }


def _workstreams(row: Row) -> Iterator[str]:
    for stream in row.rows("workstreams"):
        name, status = _plain(stream.get("id")), _plain(stream.get("status"))
        yield f"{name} ({status}): {quoted(stream.get('description') or '')}"


def _items(row: Row) -> list[str]:
    """The lines of its checklist, ticked or not."""
    try:
        text = files.read(row.path.with_name(f"checklist-{row.id}.md"), follow=True) or b""
    except OSError:
        text = b""
    return [line.strip() for line in _ITEM.findall(text.decode(errors="replace"))]


def _decisions(row: Row) -> Iterator[str]:
    for decision in row.rows("decisions"):
        why = decision.get("rationale")
        yield quoted(decision.get("decision", "")) + (f" ({quoted(why)})" if why else "")


def _blockers(row: Row) -> list[Any]:
    return [blocker.get("text", "") for blocker in row.rows("blockers") if not blocker.get("resolution")]


def _plain(text: object) -> str:
    return quoted(text)[1:-1].replace("`", "'")


def _few(words: list[str], most: int, between: str) -> str:
    more = [_line("More", count=len(words) - most)] if len(words) > most else []
    return between.join([*words[:most], *more]) or _nothing()


def _rows(words: Iterable[str]) -> str:
    return _few([f"- {line}" for line in words], MOST_IN_FULL, "\n")


def _line(name: str, **values: object) -> str:
    return prompts.fill(prompts.lines("changes")[name], values)


def _nothing() -> str:
    return prompts.lines("absent")["list"]
