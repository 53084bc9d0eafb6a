"""A nicely filled task, and a shorthand to make one true event after another."""

from __future__ import annotations

from dataclasses import replace

from orchestrator import events as happened
from orchestrator.documents import KINDS
from orchestrator.events import Actor, Event
from orchestrator.task import Published, Task
from orchestrator.transitions import apply_all, create

AT = "2026-03-01T09:30:00.000Z"


def new(**fields: object) -> Task:
    """A task that was just created."""
    event = happened.TaskCreated.model_validate({"agent": "db-worker", "description": "Create a User model", **fields})
    return create(event, task_id="K7Q2MX", uuid="00000000-0000-4000-8000-000000000000", at="2026-03-01T09:00:00.000Z")


def after(task: Task, *events: Event, actor: Actor = "engine") -> Task:
    return apply_all(task, events, actor=actor, at=AT)


def published(task: Task) -> Task:
    """The task as it is once every document has been on the disk."""
    return replace(task, documents={kind: Published(1, "0" * 64) for kind in KINDS}, adopted={})


def receipt(number: int, tool: str, **fields: object) -> happened.CallSettled:
    row = {"id": f"R{number}", "call": f"call-{number}", "tool": tool, "outcome": "ok", **fields}
    return happened.CallSettled(receipt=happened.Receipt.model_validate(row))


def working() -> Task:
    """In the middle of its work."""
    task = new(verify=("npm test",))
    task = after(
        task,
        happened.WorkerStarted(epoch=1, holder="here"),
        happened.PhaseChanged(phase="implementation"),
        happened.WorkstreamAdded(id="model", description="The model and its migration", status="in-progress"),
        happened.WorkstreamAdded(id="tests", description="Tests of the model"),
        happened.ItemAdded(id="c1", text="Look at the existing models"),
        happened.ItemAdded(id="c2", text="Write src/models/user.js", section="Model"),
        happened.ItemAdded(id="c3", text="Write the migration", section="Model"),
        happened.ItemAdded(id="c4", text="Write a seeder", section="Model"),
        happened.ItemAdded(id="c5", text="Test the associations", section="Tests"),
        receipt(1, "Read", files=[{"path": "src/models/index.js", "before": "a" * 64, "after": "a" * 64}]),
        receipt(2, "Write", files=[{"path": "src/models/user.js", "before": None, "after": "b" * 64}]),
        receipt(3, "Edit", files=[{"path": "src/models/index.js", "before": "a" * 64, "after": "c" * 64}]),
        happened.DecisionRecorded(
            id="D1",
            decision="Use UUIDs as primary keys",
            rationale="Rows are made on several machines",
            referenced_agent_work=".temp/architecture-notes-P4R7TW.md",
        ),
        happened.DecisionRecorded(id="D2", decision="Soft deletes with `paranoid`"),
        happened.BlockerRaised(id="B1", text="No credentials for the test database"),
        happened.BlockerRaised(id="B2", text="The migration folder is not configured"),
        happened.BlockerResolved(id="B1", resolution="SQLite is used for tests"),
        happened.NextStepsSet(steps=("Write the migration", "Run the tests")),
        happened.ReferenceAdded(task="P4R7TW", document="architecture-notes"),
        happened.ReferenceAdded(task="H8V3NC", document="plan"),
        happened.ReferenceMoved(task="H8V3NC"),
        happened.ProseWritten(document="plan", text="First the model, then its migration.\n\n### Risks\n\nNone known."),
        happened.ProseWritten(document="architecture-notes", text="The model follows `src/models/role.js`."),
        happened.ProseWritten(document="progress", text="The model is written; the migration comes next."),
    )
    return after(
        task,
        happened.ItemChecked(id="c1", evidence=("R1",)),
        happened.ItemChecked(id="c2", evidence=("R2", "R3")),
        happened.ItemDropped(id="c4", reason="the seeds live in another repository"),
    )


def done() -> Task:
    """Completed, after having been resumed once."""
    usage = happened.Usage(input_tokens=41250, output_tokens=6120, cache_read_input_tokens=9000)
    reply = happened.ModelReplied(content=(), stop_reason="end_turn", model="m", usage=usage)
    return after(
        working(),
        happened.WorkerStarted(epoch=2, holder="here", resumed=True),
        receipt(4, "Write", files=[{"path": "migrations/1-user.js", "before": None, "after": "d" * 64}]),
        receipt(5, "Bash", command="npm test", exit_code=0),
        happened.ItemChecked(id="c3", evidence=("R4",)),
        happened.ItemChecked(id="c5", evidence=("R5",)),
        happened.WorkstreamChanged(id="model", status="completed"),
        happened.WorkstreamChanged(id="tests", status="completed"),
        happened.BlockerResolved(id="B2", resolution="configured in .sequelizerc"),
        reply,
        happened.TaskCompleted(
            summary="The User model, its migration and its tests are in place.",
            result={"files_created": ["src/models/user.js", "migrations/1-user.js"], "tests": 12},
        ),
    )
