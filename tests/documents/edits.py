"""Random tasks and random human edits, for the laws."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from orchestrator import events as happened
from orchestrator.errors import Refused
from orchestrator.events import Event, Kind
from orchestrator.task import Task
from orchestrator.transitions import apply

from .example import AT, new, receipt

WORDS = (
    "write the model",
    "Write  it",
    "a",
    "a",
    "b",
    "✅ done",
    "שלום עולם",
    "see .temp/plan-P4R7TW.md.",
    "**bold** `code`",
    "~~gone~~ resolved: x",
    "[x] box",
    "# head",
    "tab\there",
    "None",
    "nbsp\u00a0end",
    "```",
    "<!-- orchestrator:end -->",
    "- [ ] nested",
    "*",
    "**D1** [pending] x",
    "x** [pending] y",
)
characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")  # a text with zero bytes is not obeyed
words = st.one_of(st.sampled_from(WORDS), st.text(characters, min_size=1, max_size=8))
prose = st.lists(
    st.one_of(words, st.sampled_from(["## Notes", "## Items", "```", "- [ ] a", "- **D1** x", "", "1. one"])),
    max_size=6,
).map("\n".join)
statuses = st.sampled_from(["pending", "in-progress", "completed", "blocked"])
small = st.integers(1, 5)


def happening(task: Task, draw: Callable[[Any], Any]) -> Event:
    """Something that an agent or a person may want to happen next."""
    kind: int = draw(st.integers(0, 17))
    item, row, blocker = f"c{draw(small)}", f"w{draw(small)}", f"B{draw(small)}"
    choices: list[Callable[[], Event]] = [
        lambda: happened.ItemAdded(
            id=task.fresh_id("c"),
            text=draw(words),
            section=draw(st.sampled_from([None, None, "Model", "Phase 2 ##", "Items", "Notes"])),
            after=draw(st.sampled_from([None, *[row.id for row in task.items]])),
        ),
        lambda: happened.ItemAdded(id=task.fresh_id("c"), text=draw(words), checked=True),
        lambda: happened.ItemChecked(id=item, evidence=("R1",)),
        lambda: happened.ItemUnchecked(id=item),
        lambda: happened.ItemReworded(id=item, text=draw(words)),
        lambda: happened.ItemDropped(id=item, reason="not needed"),
        lambda: happened.WorkstreamAdded(id=draw(st.one_of(st.just(row), words)), description=draw(words)),
        lambda: happened.WorkstreamChanged(id=row, status=draw(statuses), notes=draw(words)),
        lambda: happened.DecisionRecorded(
            id=task.fresh_id("D"), decision=draw(words), rationale=draw(st.one_of(st.none(), words))
        ),
        lambda: happened.BlockerRaised(id=task.fresh_id("B"), text=draw(words)),
        lambda: happened.BlockerResolved(id=blocker, resolution=draw(words)),
        lambda: happened.NextStepsSet(steps=tuple(draw(st.lists(words, max_size=4)))),
        lambda: happened.ProseWritten(
            document=draw(st.sampled_from(["plan", "progress", "architecture-notes"])), text=draw(prose)
        ),
        lambda: happened.ReferenceAdded(task=draw(st.sampled_from(["P4R7TW", "H8V3NC"])), document="plan"),
        lambda: happened.ReferenceMoved(task="P4R7TW"),
        lambda: happened.PhaseChanged(phase=draw(words)),
        lambda: receipt(
            len(task.receipts) + 1, "Write", files=[{"path": f"src/{draw(small)}.js", "before": None, "after": "x"}]
        ),
        lambda: happened.TextEdited(
            document=draw(st.sampled_from(["plan", "checklist", "progress", "architecture-notes"])),
            text="\n".join(draw(st.lists(lines, max_size=6))),
        ),
    ]
    return choices[kind]()


lines = st.one_of(
    st.builds("- [ ] {}".format, words),
    st.builds("  * [✅] {}".format, words),
    st.builds("1. [X] {}".format, words),
    st.builds("- **w{}** [{}] {}".format, small, st.one_of(statuses, st.just("In Progress ✅")), words),
    st.builds("- **D{}** {}".format, small, words),
    st.builds("  - Rationale: {}".format, words),
    st.builds("- **B{}** ~~{}~~ resolved: {}".format, small, words, words),
    st.builds("- **B{}** {}".format, small, words),
    st.builds("- {}".format, words),
    st.builds("## {}".format, st.sampled_from(["Items", "Model", "Next Steps", "Notes", "Plan", "Decisions", "Else"])),
    st.builds("**{}**: {}".format, st.sampled_from(["Phase", "Status", "Agent", "Progress", "Other"]), words),
    st.sampled_from(
        ["", "```", "~~~~", "\t", "<!-- orchestrator:begin -->", "<!-- orchestrator:end -->", "---", "None"]
    ),
    words,
)


@st.composite
def tasks(draw: Callable[[Any], Any]) -> Task:
    """A task after random events, those refused left out."""
    task = new(mode=draw(st.sampled_from(["full", "lightweight"])))
    first: list[Event] = [happened.WorkerStarted(epoch=1, holder="here"), receipt(1, "Read")]
    for event in first if draw(st.booleans()) else ():
        task = apply(task, event, actor="engine", at=AT)
    for _ in range(draw(st.integers(0, 14))):
        task = attempt(task, happening(task, draw))
    if task.status == "in-progress" and draw(st.integers(0, 4)) == 0:
        task = attempt(task, happened.TaskCompleted(summary=draw(words), result={"n": [1, "```"]}))
        if draw(st.booleans()):
            task = attempt(task, happened.ArchiveBegun())
    return task


def worked_on(draw: Callable[[Any], Any], task: Task) -> Task:
    """The task after a few more events."""
    for _ in range(draw(st.integers(1, 6))):
        task = attempt(task, happening(task, draw))
    return task


def attempt(task: Task, event: Event) -> Task:
    try:
        return apply(task, event, actor="engine", at=AT)
    except Refused:
        return task


def edited(draw: Callable[[Any], Any], kind: Kind, text: str) -> str:
    """The text after some random human edits."""
    if kind == "task-status":
        return _edited_status(draw, text)
    rows = text.split("\n")
    for _ in range(draw(st.integers(1, 5))):
        place = draw(st.integers(0, max(len(rows) - 1, 0)))
        action = draw(st.sampled_from(["tick", "word", "insert", "cut", "cut", "swap", "copy", "insert", "tick"]))
        if action == "insert" or not rows:
            rows.insert(place, draw(lines))
        elif action == "cut":
            del rows[place : place + draw(st.integers(1, 3))]
        elif action == "word":
            rows[place] += draw(words)
        elif action == "tick":
            swap = {"[ ]": "[x]", "[x]": "[ ]", "[pending]": "[completed]", "[completed]": "[pending]"}
            boxes = [index for index, row in enumerate(rows) if any(old in row for old in swap)]
            if boxes:
                chosen = draw(st.sampled_from(boxes))
                old = next(old for old in swap if old in rows[chosen])
                rows[chosen] = rows[chosen].replace(old, swap[old], 1)
        elif action == "swap":
            other = draw(st.integers(0, len(rows) - 1))
            rows[place], rows[other] = rows[other], rows[place]
        else:
            rows.insert(draw(st.integers(0, len(rows))), rows[place])
    ending = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    text = ending.join(row.rstrip("\r") for row in rows)
    return text.rstrip("\r\n") if draw(st.integers(0, 4)) == 0 else text


values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 10**20), st.floats(allow_nan=False, allow_infinity=False), words
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(words, inner, max_size=2)),
    max_leaves=4,
)
_KEYS = (
    "status",
    "phase",
    "workstreams",
    "decisions",
    "decision",
    "rationale",
    "notes",
    "dependencies",
    "id",
    "taskId",
)


def _edited_status(draw: Callable[[Any], Any], text: str) -> str:
    data = json.loads(text)
    for _ in range(draw(st.integers(1, 4))):
        spots: list[Any] = [data]
        for spot in spots:
            spots.extend(
                row for row in (spot.values() if isinstance(spot, dict) else spot) if isinstance(row, dict | list)
            )
        spot = draw(st.sampled_from(spots))
        value = draw(st.one_of(values, statuses, st.builds(lambda s: [{"id": "w9", "status": s}], statuses)))
        if isinstance(spot, list):
            spot.insert(draw(st.integers(0, len(spot))), draw(st.one_of(st.just(value), _rows)))
            if draw(st.booleans()):
                spot.pop(draw(st.integers(0, len(spot) - 1)))
        else:
            spot[draw(st.one_of(st.sampled_from([*_KEYS, *spot]), words))] = value
            if spot and draw(st.integers(0, 3)) == 0:
                del spot[draw(st.sampled_from(list(spot)))]
    return json.dumps(data, indent=draw(st.sampled_from([None, 2, 4])), ensure_ascii=draw(st.booleans()))


_rows = st.one_of(
    st.fixed_dictionaries({"id": st.sampled_from(["w1", "w2", "w7"]), "status": statuses, "notes": values}),
    st.fixed_dictionaries({"decision": words, "rationale": st.one_of(st.none(), words), "extra": values}),
)
