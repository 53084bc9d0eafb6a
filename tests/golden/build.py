"""Makes `format-1-team`, a `.temp` with every kind of event that `format-1` has not: `python tests/golden/build.py`

An event that is new gets an example in `LATER`, and the folder is made anew, until a release has it: from then on the
folder stays as it is, and what comes after begins another one.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.engine import Engine
from orchestrator.engine.handmade import survey
from orchestrator.events import (
    AnswerLost,
    BudgetDrawn,
    ChildObserved,
    Delegated,
    Event,
    Intent,
    ItemAdded,
    Limits,
    MergeRefused,
    MessageReceived,
    ModelReplied,
    SilenceNoticed,
    StuckNoticed,
    TaskContinued,
    TaskCreated,
    TaskPaused,
    TaskStopped,
    WorkerStarted,
    WorkLanded,
    WorktreeMade,
)

FOLDER = Path(__file__).with_name("format-1-team")
LEAD, CHILD, FORKED, BY_HAND = "L7D2AA", "C4H8BB", "F9K3CC", "H6N5DD"
LATER: tuple[Event, ...] = (
    ChildObserved(child=CHILD, status="pending", revision=1),
    BudgetDrawn(task=CHILD, tokens=1200, cost=0.01, held_tokens=800, held_cost=0.02),
    BudgetDrawn(task=LEAD, held_tokens=500, held_cost=0.03),
    AnswerLost(),
    MessageReceived(text="The account is acme.", sender=CHILD, call="call-2"),
    MessageReceived(text="Kim owns it."),
    StuckNoticed(reason="the same call three times"),
    SilenceNoticed(reason="others hold what is left of its budget"),
    TaskPaused(),
    TaskContinued(),
    WorktreeMade(name=LEAD, base="4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
    MergeRefused(reason="a.txt", difference="<<<<<<< HEAD"),
    WorkLanded(commit="4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
    TaskStopped(reason="limit: a turn may take 9,024 tokens, and 0 of 50,000 are left", needed=Limits(tokens=9_024)),
)
"""What happens to the lead, in this order."""


def build(temp: Path) -> None:
    now = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
    ticks = iter(now + timedelta(seconds=number) for number in range(1000))
    ids = iter([FORKED])
    temp.mkdir()
    (temp / f"checklist-{BY_HAND}.md").write_text("# To do\n\n- [x] List the users\n- [ ] Add a user\n")
    engine = Engine(temp, clock=lambda: next(ticks), ids=lambda: next(ids))
    asked = TaskCreated(
        agent="lead", description="Build the booking", limits=Limits(tokens=50_000, cost=2.0), isolate=True
    )
    engine.create(asked, ItemAdded(id="c1", text="The booking is built"), task_id=LEAD)
    engine.commit(LEAD, [WorkerStarted(epoch=1, holder="pid 7 on laptop")], actor="engine")
    gives = Delegated(child=CHILD, agent="backend", description="Write the service", workstream="service")
    intent = Intent(call="call-1", tool="Delegate", delegated=gives)
    said = {"type": "tool_use", "id": "call-1", "name": "Delegate", "input": {"agent": "backend", "task": "Write it"}}
    reply = ModelReplied(content=(said,), stop_reason="tool_use", model="claude-sonnet-5-5", intents=(intent,))
    engine.commit(LEAD, [reply], actor="worker", epoch=1)
    engine.create(TaskCreated(agent="backend", description="Write the service", parent=LEAD), task_id=CHILD)
    for event in LATER:
        engine.commit(LEAD, [event], actor="worker", epoch=1)
    engine.fork(CHILD, 1)
    (found,) = survey(temp).found
    engine.adopt(found)
    engine.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        temp = Path(place, ".temp")
        build(temp)
        for path in (temp / ".orchestrator").iterdir():  # the rest is of the machine
            if path.name != "journal":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(temp, FOLDER)


if __name__ == "__main__":
    main()
