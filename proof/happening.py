"""What may happen to a task while people edit its documents."""

from __future__ import annotations

from random import Random

from orchestrator import events as happened
from orchestrator.events import Event, Kind, Status
from orchestrator.task import Task

_STATUSES: tuple[Status, ...] = ("pending", "in-progress", "completed", "blocked")
_TEXTS = ("the engine's", "Write it", "Write it", "see `x`", "a | b", "✅ done", "**bold** words")
_PROSE: tuple[Kind, ...] = ("plan", "progress", "architecture-notes")


def happening(rng: Random, task: Task) -> tuple[Event, ...]:
    """One to three events; some cannot follow."""
    return tuple(_event(rng, task) for _ in range(rng.choice([1, 1, 1, 2, 3])))


def _event(rng: Random, task: Task) -> Event:
    text = f"{rng.choice(_TEXTS)} {rng.randrange(1000)}"
    items = [item.id for item in task.live_items] or ["c1"]
    workstreams = [row.id for row in task.workstreams] or ["models"]
    events: list[Event] = [
        happened.ItemAdded(id=f"c{rng.randrange(1000, 10**6)}", text=text, section=rng.choice([None, "Model"])),
        happened.ItemAdded(id=f"c{rng.randrange(1000, 10**6)}", text=text, after=rng.choice(items)),
        happened.ItemChecked(id=rng.choice(items)),
        happened.ItemChecked(id=rng.choice(items)),
        happened.ItemUnchecked(id=rng.choice(items)),
        happened.ItemReworded(id=rng.choice(items), text=text),
        happened.ItemDropped(id=rng.choice(items), reason="not needed"),
        happened.PhaseChanged(phase=text),
        happened.PhaseChanged(phase=text),
        happened.WorkstreamAdded(id=f"w{rng.randrange(1000)}", description=text),
        happened.WorkstreamChanged(id=rng.choice(workstreams), status=rng.choice(_STATUSES)),
        happened.WorkstreamChanged(id=rng.choice(workstreams), description=text, notes=text),
        happened.DecisionRecorded(id=f"D{rng.randrange(1000, 10**6)}", decision=text, rationale=text),
        happened.BlockerRaised(id=f"B{rng.randrange(1000, 10**6)}", text=text),
        happened.NextStepsSet(steps=(text, f"then {text}")),
        happened.ProseWritten(document=rng.choice(_PROSE), text=f"{text}\n\n### Why\n\n{text}\n"),
        happened.ReferenceAdded(task="P4R7TW", document=rng.choice(_PROSE)),
    ]
    blockers = [row.id for row in task.blockers if row.resolution is None]
    if blockers:
        events.append(happened.BlockerResolved(id=rng.choice(blockers), resolution=text))
    return rng.choice(events)
