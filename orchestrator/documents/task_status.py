"""The status JSON: what programs read, and the manifest of the set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator import budget
from orchestrator.documents.document import adopted
from orchestrator.documents.draft import Diff, Draft
from orchestrator.documents.file_names import file_name
from orchestrator.documents.header import life, status_word
from orchestrator.documents.items import pair
from orchestrator.documents.markdown import plain
from orchestrator.documents.status_json import (
    BlockerJson,
    DecisionJson,
    StatusJson,
    UsageJson,
    WorkstreamJson,
    dump,
    load,
)
from orchestrator.documents.workstreams import workstream_status
from orchestrator.events import (
    DecisionChanged,
    DecisionRecorded,
    Json,
    Kind,
    PhaseChanged,
    TextEdited,
    WorkstreamAdded,
    WorkstreamChanged,
)
from orchestrator.mentions import moved, relocate, relocated
from orchestrator.task import Blocker, Decision, Task, Workstream

_PASSING = ("revision", "updatedAt", "usage")
"""Keys that change all the time: a text that still says older values is no edit of them."""
_LISTS = ("workstreams", "decisions", "relatedAgentFiles")
_WORKSTREAM = {
    "description": "description",
    "status": "status",
    "assignedAgent": "assigned_agent",
    "dependencies": "dependencies",
    "artifacts": "artifacts",
    "crossAgentReferences": "cross_agent_references",
    "notes": "notes",
}
_DECISION = {
    "decision": "decision",
    "rationale": "rationale",
    "referencedAgentWork": "referenced_agent_work",
}


def facts(task: Task) -> Json:
    """What the document says, in its order; keys that have nothing to say are left out."""
    said: StatusJson = {
        "agentId": task.agent,
        "taskId": task.id,
        "relatedAgentFiles": [
            f".temp/{'completed/' if row.moved else ''}{file_name(row.document, row.task)}" for row in task.references
        ],
        "description": task.description,
        "startedAt": task.started_at,
        "status": life(task),
        "phase": task.phase,
        "mode": task.mode,
        "parentTask": task.parent,
        "paused": task.paused,
        "workstreams": [_workstream(row) for row in task.workstreams],
        "decisions": [_decision(row) for row in task.decisions],
        "blockers": [_blocker(row) for row in task.blockers] or None,
        "instructions": [{"timestamp": row.at, "instruction": row.text} for row in task.instructions] or None,
        "revision": task.revision,
        "updatedAt": task.updated_at,
        "completedAt": task.completed_at,
        "usage": _usage(task),
    }
    return {key: value for key, value in said.items() if value is not None}


def _usage(task: Task) -> UsageJson:
    said: UsageJson = {
        "turns": task.turns,
        "inputTokens": task.usage.input_tokens,
        "outputTokens": task.usage.output_tokens,
        "cacheReadInputTokens": task.usage.cache_read_input_tokens,
        "cacheCreationInputTokens": task.usage.cache_creation_input_tokens,
    }
    if task.cost is not None:
        said["costUsd"] = round(task.cost, 6)
    if any(row.task != task.id for row in task.draws):
        spent = budget.spent(task)
        said["withBelow"] = {"turns": int(spent.turns), "tokens": int(spent.tokens), "costUsd": round(spent.cost, 6)}
    return said


def _workstream(row: Workstream) -> WorkstreamJson:
    return {
        "id": row.id,
        "description": row.description,
        "status": row.status,
        "assignedAgent": row.assigned_agent,
        "dependencies": list(row.dependencies),
        "artifacts": list(row.artifacts),
        "crossAgentReferences": list(row.cross_agent_references),
        "notes": row.notes,
    }


def _decision(row: Decision) -> DecisionJson:
    return {
        "timestamp": row.at,
        "decision": row.decision,
        "rationale": row.rationale,
        "referencedAgentWork": row.referenced_agent_work,
    }


def _blocker(row: Blocker) -> BlockerJson:
    said: BlockerJson = {"id": row.id, "text": row.text, "resolution": row.resolution}
    return {**said, "asks": row.to} if row.to else said


# -- render --------------------------------------------------------------------


def _overlay(base: Json, new: Json, old: Json, *, whole: bool = False) -> Json:
    """The base with the new facts in it: in place where it has the key, else at the end.

    A value that means the same stays as it was typed; a fact that was so in `old` already is left as the base has it,
    but said when the base does not and it has to be `whole`.
    """
    out = dict(base)
    for key, value in new.items():
        if key in old and old[key] == value and (key in base or not whole):
            continue
        if key in base and _same(key, base[key], value):
            continue
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            out[key] = base[key] | value
        elif key in base or value not in (None, "", []):
            out[key] = value
    return out


def _same(key: str, said: Any, wanted: Any) -> bool:
    if key == "status" and isinstance(said, str):
        return wanted in (said, status_word(said))
    equal: bool = (said or None) == (wanted or None)
    return equal and type(said) in (type(wanted), type(None))


def _rows(base: Any, new: list[Json], old: list[Json], bound: dict[int, int]) -> list[Any]:
    """A list with facts in it: `bound` says which element of the base is which fact; facts bound to none come last."""
    rows = list(base) if isinstance(base, list) else []
    for place, index in bound.items():
        before = old[index] if index < len(old) else {}
        rows[place] = _overlay(rows[place], new[index], before)
    taken = set(bound.values())
    return rows + [row for index, row in enumerate(new) if index not in taken and row not in old]


def _bind_ids(base: Any, new: Sequence[Json]) -> dict[int, int]:
    """Of an id that is there twice the last row counts."""
    said = {row["id"]: place for place, row in _identified(base)}
    return {said[row["id"]]: index for index, row in enumerate(new) if row["id"] in said}


def _identified(rows: Any) -> list[tuple[int, Json]]:
    """The elements of a list that have an id, and their places."""
    listed = enumerate(rows) if isinstance(rows, list) else ()
    return [(place, row) for place, row in listed if isinstance(row, dict) and isinstance(row.get("id"), str)]


def _decision_places(base: Any) -> list[int]:
    """Which elements of a list are decisions; the others are somebody's own."""
    rows = base if isinstance(base, list) else ()
    return [place for place, row in enumerate(rows) if isinstance(row, dict) and isinstance(row.get("decision"), str)]


def _bind_decisions(base: Any, new: Sequence[Json]) -> dict[int, int]:
    places = _decision_places(base)
    found = pair(
        [(plain(base[place]["decision"]), "") for place in places], [(plain(row["decision"]), "") for row in new]
    )
    return {places[line]: item for line, item in found.pairs}


def _bind_written(base: Any, new: Sequence[Json]) -> dict[int, int]:
    """The same for a text whose decisions were all recorded once: what is not there any more was reworded since."""
    bound = _bind_decisions(base, new)
    said = [place for place in _decision_places(base) if place not in bound and base[place]["decision"].strip()]
    free = [index for index in range(len(new)) if index not in bound.values()]
    return bound | dict(zip(said, free, strict=False))


def _weave(base: Json, task: Task, known: Task | None) -> Json:
    new, old = facts(task), facts(known) if known else {}
    scalars = {key: value for key, value in new.items() if key not in _LISTS}
    woven = _overlay(base, scalars, old, whole=True)
    for key, bind in (("workstreams", _bind_ids), ("decisions", _bind_written)):
        before = old.get(key, [])
        if key in base and not isinstance(base[key], list) and new[key] == before:
            continue
        rows = _rows(base.get(key), new[key], before, bind(base.get(key), new[key]))
        if rows or key in base or not known:
            woven[key] = rows
    if woven.get("completedAt") and not task.completed_at and (known is None or known.completed_at):
        woven["completedAt"] = None
    if task.forked and task.id not in str(woven.get("taskId")):  # what it has is its source's
        woven["taskId"] = task.id
    files = base.get("relatedAgentFiles")
    listed = list(files) if isinstance(files, list) else []
    missing = [name for name in new["relatedAgentFiles"] if name not in [*listed, *old.get("relatedAgentFiles", [])]]
    if missing or (files is None and not known):
        woven["relatedAgentFiles"] = listed + missing
    return woven


class TaskStatus:
    kind: Kind = "task-status"

    def exists(self, task: Task) -> bool:
        return True

    def render(self, task: Task) -> str:
        return dump(self._object(task))

    def _object(self, task: Task) -> Json:
        gone, known = moved(task), self._known(task)
        task = relocated(task, gone)
        typed = task.texts.get(self.kind)
        if typed is None:
            return facts(task)
        return _weave(load(typed), task, relocated(known, gone) if known else None)

    def _known(self, task: Task) -> Task | None:
        """What need not be said; everything, once somebody has edited what this document had said."""
        known = adopted(task, self.kind)
        if known is None or known.texts[self.kind] == task.texts[self.kind]:
            return known
        return None if "revision" in load(task.texts[self.kind]) else known

    def diff(self, task: Task, text: str) -> Diff:
        """What the object says otherwise than `render`; white space is no difference."""
        draft = Draft(task, file_name(self.kind, task.id), adopting=False)
        try:
            said = load(relocate(text, moved(task)))
        except (ValueError, RecursionError) as error:
            draft.refuse(f"not JSON that can be obeyed: {error}")
            return draft.diff()
        shown = self._object(task)
        if dump(said) == dump(shown) or self._awaits(task, text):
            return Diff()
        first = self.kind not in task.documents and (task.by_hand is not None or "revision" not in said)
        if not first:
            self._refuse(draft, said, shown)
        phase = said.get("phase")
        if isinstance(phase, str) and phase.strip() and phase != shown.get("phase"):
            draft.propose(PhaseChanged(phase=phase))
        self._workstreams(draft, said.get("workstreams"), shown)
        self._decisions(draft, said.get("decisions"), shown, first)
        if draft.task.texts.get(self.kind) != text and _lasting(self._object(draft.task)) != _lasting(said):
            draft.propose(TextEdited(document=self.kind, text=text))
        return draft.diff()

    def _awaits(self, task: Task, text: str) -> bool:
        """True for the text that was adopted and was not published with what is known beside it yet."""
        return task.by_hand is not None and self.kind in task.documents and task.texts.get(self.kind) == text

    def _refuse(self, draft: Draft, said: Json, shown: Json) -> None:
        told = facts(draft.told) | {"completedAt": draft.told.completed_at}
        for key, value in told.items():
            if key in _LISTS:
                if key in said and not isinstance(said[key], list):
                    draft.refuse(f"{key} is a list; it was put back")
            elif key == "phase":
                if key in said and not (isinstance(said[key], str) and said[key].strip()):
                    draft.refuse("phase is a text; it was put back")
            elif (
                key in said
                and key not in _PASSING
                and not any(_same(key, said[key], x) for x in (shown.get(key), value))
            ):
                draft.refuse(f"{key} is not a person's to say; it was put back to {value!r}")

    def _workstreams(self, draft: Draft, said: Any, shown: Json) -> None:
        by_id = {row["id"]: row for row in facts(draft.told)["workstreams"]}
        was, now = ({row["id"]: row for _, row in _identified(rows)} for rows in (shown.get("workstreams"), said))
        for name, row in now.items():
            if name.strip():
                self._workstream(draft, name, row, was.get(name, by_id.get(name, {})), by_id.get(name))

    def _workstream(self, draft: Draft, name: str, row: Json, was: Json, fact: Json | None) -> None:
        changed: dict[str, Any] = {}
        for key, field in _WORKSTREAM.items():
            if key not in row or (key in was and was[key] == row[key]):
                continue
            if fact is not None and _same(key, row[key], fact[key]):
                continue
            value = _typed(key, row[key])
            if value is None:
                draft.refuse(f"{key} of {name} cannot be {row[key]!r}")
            else:
                changed[field] = value
        if fact is None:
            draft.propose(WorkstreamAdded(id=name, **changed))
            return
        status = changed.pop("status", None)
        if status is not None:  # on its own: an illegal move takes nothing else with it
            draft.propose(WorkstreamChanged(id=name, status=status))
        if changed:
            draft.propose(WorkstreamChanged(id=name, **changed))

    def _decisions(self, draft: Draft, said: Any, shown: Json, first: bool) -> None:
        was = shown.get("decisions")
        rows = facts(draft.told)["decisions"]
        bound, before = _bind_decisions(said, rows), _bind_decisions(was, rows)
        old = {index: was[place] for place, index in before.items()} if isinstance(was, list) else {}
        for place in _decision_places(said):
            row = {key: said[place][key] for key in _DECISION if key in said[place]}
            for key in [key for key, value in row.items() if not (value is None or isinstance(value, str))]:
                draft.refuse(f"{key} of a decision is a text, not {row.pop(key)!r}")
            if place not in bound:
                if row["decision"].strip():
                    then = said[place].get("timestamp") if first else None
                    at = then if isinstance(then, str) else None
                    draft.propose(DecisionRecorded(id=draft.task.fresh_id("D"), at=at, **_fields(row)))
                continue
            index = bound[place]
            fact, shown_row = rows[index], old.get(index, rows[index])
            if any(new != shown_row.get(key) and not _same(key, new, fact[key]) for key, new in row.items()):
                event = DecisionChanged(id=draft.task.decisions[index].id, **_fields({**fact, **row}))
                draft.propose(event)


def _fields(row: Json) -> dict[str, Any]:
    return {field: row[key] for key, field in _DECISION.items() if key in row}


def _typed(key: str, value: Any) -> Any:
    """A typed value as the event takes it, None when it cannot be."""
    if key == "status":
        return workstream_status(value) if isinstance(value, str) else None
    if key in ("dependencies", "artifacts", "crossAgentReferences"):
        rows = [] if value is None else value
        return tuple(rows) if isinstance(rows, list) and all(isinstance(row, str) for row in rows) else None
    return "" if value is None else value if isinstance(value, str) else None


def _lasting(data: Json) -> str:
    lasting = {key: value for key, value in data.items() if key not in _PASSING}
    if isinstance(usage := data.get("usage"), dict):
        usage = {key: value for key, value in usage.items() if key not in UsageJson.__annotations__}
    return dump(lasting | ({"usage": usage} if usage else {}))


DOCUMENT = TaskStatus()
