"""Where a task stands, as facts: for a row on the screen, and for a line of JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.cli import status

if TYPE_CHECKING:
    from orchestrator.events import Json
    from orchestrator.overview import Row
    from orchestrator.task import Blocker, Child, Decision, Task

AT_WORK = "in-progress"
_LONGEST = 1_000
"""Characters of what a worker does that are looked at: a command may be a whole script."""


class Standing(NamedTuple):
    """`doing`: what its worker does, if one is at work; `since`: from when on that is so, or the state is.

    `awaits`: the tasks that its worker waits for, those that are done by now too.
    """

    id: str
    agent: str
    parent: str | None
    children: tuple[Child, ...]
    state: str
    doing: str
    since: str
    started: str
    awaits: tuple[str, ...]
    reason: str | None
    phase: str
    items: tuple[int, int]
    turns: int
    tokens: int
    cost: float | None
    decision: Decision | None
    blockers: tuple[str, ...]
    questions: tuple[Blocker, ...]
    closed: bool


def of(task: Task, state: str, since: str, doing: str | None = None) -> Standing:
    """`doing`: instead of what its journal tells."""
    from orchestrator.questions import unanswered

    pending = {intent.call for intent in task.pending if intent.delegated is not None}
    return Standing(
        id=task.id,
        agent=task.agent,
        parent=task.parent,
        children=task.children,
        state=state,
        doing=(doing or _doing(task))[:_LONGEST] if state == AT_WORK else "",
        since=since,
        started=task.started_at,
        awaits=tuple(child.id for child in task.children if child.call in pending),
        reason=task.reason,
        phase=task.phase,
        items=(sum(item.checked for item in task.live_items), len(task.live_items)),
        turns=task.turns,
        tokens=task.usage.total,
        cost=task.cost,
        decision=task.decisions[-1] if task.decisions else None,
        blockers=tuple(row.id for row in task.blockers if row.resolution is None),
        questions=tuple(unanswered(task)),
        closed=not task.open,
    )


def unkept(row: Row) -> Standing:
    """Of one that the engine does not keep, by its documents; its state is nobody's but theirs, and so says so."""
    return Standing(
        id=row.id,
        agent=row.agent,
        parent=row.parent,
        children=(),
        state=f"{status.state(row)}{status.MARKS[row.keeping]}",
        doing="",
        since=_iso(datetime.fromtimestamp(row.changed, UTC)) if row.changed < inf else now(),
        started=row.text("startedAt"),
        awaits=(),
        reason=None,
        phase=row.text("phase"),
        items=row.items or (0, 0),
        turns=0,
        tokens=0,
        cost=None,
        decision=None,
        blockers=(),
        questions=(),
        closed=False,
    )


def copies(rows: list[Row]) -> str | None:
    """What is said of tasks together whose journals are not here; None of none."""
    if len(rows) < 2:
        return rows[0].absent if rows else None
    return (
        f"the journals of {len(rows):,} tasks are not here, as in a copy made by git: "
        f"bring {rows[0].folder.temp.name}/.orchestrator along, or `orchestrator adopt` takes their documents over, "
        "from revision 1"
    )


def _doing(task: Task) -> str:
    """What its worker does, as far as the journal tells."""
    calls = [intent for intent in task.pending if intent.delegated is None]
    if not calls:
        return "asks the model" if not task.pending else ""
    named = [f"{intent.tool} {intent.command or intent.path}" for intent in calls if intent.command or intent.path]
    first, *more = named or [intent.tool for intent in calls]
    return f"{first}, {len(more)} more" if more else first


def waiting(row: Standing, left: list[str]) -> str:
    """`waits for 2 of 3: K7Q2MX, M4T9WC`"""
    return f"waits for {len(left)} of {len(row.awaits)}: {', '.join(left)}"


def asking(row: Standing, *, text: bool) -> str:
    """`asks a person, B1`; with `text` what it asks, too."""
    said = (f"asks {'its parent' if one.to == 'parent' else 'a person'}, {one.id}" for one in row.questions)
    asked = (f": {one.text}" if text else "" for one in row.questions)
    return "; ".join(map("".join, zip(said, asked, strict=True)))


def now() -> str:
    return _iso(datetime.now(UTC))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(moment: str) -> float:
    """How long ago an ISO 8601 time was."""
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())


def as_json(row: Standing, left: list[str]) -> Json:
    """The facts, as docs/cli.md has them. `left`: whom it waits for."""
    decision = row.decision
    return {
        "parent": row.parent,
        "agent": row.agent,
        "state": row.state,
        "reason": row.reason,
        "doing": row.doing or None,
        "since": row.since,
        "waits_for": left,
        "asks": [{"id": one.id, "whom": one.to, "question": one.text} for one in row.questions],
        "phase": row.phase,
        "items": {"done": row.items[0], "total": row.items[1]},
        "turns": row.turns,
        "tokens": row.tokens,
        "cost_usd": row.cost and round(row.cost, 6),
        "last_decision": decision and {"id": decision.id, "at": decision.at, "decision": decision.decision},
    }


def not_begun(parent: Standing, child: Child, after: list[str]) -> Json:
    """The facts of one that is given away, and not there yet."""
    nothing = dict.fromkeys(as_json(parent, []))
    return {**nothing, "parent": parent.id, "agent": child.agent, "state": status.NOT_BEGUN, "waits_for": after}
