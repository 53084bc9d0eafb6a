"""`orchestrator show` and `orchestrator archive`: one task, brought up to date."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from orchestrator.events import (
    BlockerRaised,
    BudgetDrawn,
    CallSettled,
    DecisionRecorded,
    Delegated,
    FileChange,
    Intent,
    ItemAdded,
    ItemChecked,
    Limits,
    ModelReplied,
    NextStepsSet,
    Receipt,
    ReferenceAdded,
    TaskCompleted,
    TaskCreated,
    Usage,
    WorkerStarted,
    WorkstreamAdded,
)

from .conftest import Shell, begin, give, team


@dataclass
class Known:
    shell: Shell
    id: str

    def texts(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.shell.temp.glob(f"*-{self.id}.*")}


@pytest.fixture
def known(shell: Shell) -> Known:
    """A task in the middle of its work, which its worker has left."""
    task = shell.task("Write \u202ea note")
    with shell.engine() as engine:
        engine.commit(task.id, [WorkerStarted(epoch=1, holder="a test")], actor="engine")
        happened = [
            WorkstreamAdded(id="ink", description="Find ink"),
            ItemAdded(id="c1", text="There is ink"),
            DecisionRecorded(id="D1", decision="Blue ink", rationale="It is there"),
            BlockerRaised(id="B1", text="No paper"),
            NextStepsSet(steps=("Buy paper",)),
            ReferenceAdded(task="ABC234", document="plan"),
        ]
        engine.commit(task.id, happened, actor="worker")
    return Known(shell, task.id)


def test_a_task_is_shown_with_all_that_is_true_of_it(known: Known) -> None:
    ended = known.shell("show", known.id.lower())
    assert ended.code == 0, ended.err
    for said in ("interrupted", "Write <U+202E>a note", "ink: Find ink", "Items 0/1", "Blue ink", "It is there"):
        assert said in ended.out
    for said in ("No paper", "Buy paper", "plan of ABC234", f".temp/plan-{known.id}.md"):
        assert said in ended.out
    assert f"orchestrator resume {known.id}" in ended.out
    assert ended.err == ""


def test_json_has_the_same_facts(known: Known) -> None:
    said = json.loads(known.shell("show", known.id, "--json").out)
    assert said["task"] == known.id
    assert said["worker"] is None
    assert said["status"] == "interrupted"
    assert said["items"][0]["text"] == "There is ink"
    assert said["decisions"][0]["rationale"] == "It is there"
    assert said["documents"] == [f".temp/{name}" for name in said_names(known)]
    assert set(said) == {
        *("task", "agent", "description", "status", "reason", "phase", "mode", "revision", "started", "updated"),
        *("completed", "forked", "worker", "turns", "usage", "limits", "workstreams", "items", "decisions", "blockers"),
        *(
            "spent",
            "held",
            "children",
            "costs",
            "instructions",
            "next_steps",
            "references",
            "set_aside",
            "summary",
            "result",
            "documents",
            "problem",
            "worktree",
        ),
    }


def said_names(known: Known) -> list[str]:
    kinds = ("architecture-notes", "checklist", "plan", "progress")
    return [*(f"{kind}-{known.id}.md" for kind in kinds), f"task-status-{known.id}.json"]


def test_deleted_documents_come_back_byte_for_byte_and_are_named(known: Known) -> None:
    before = known.texts()
    for name in before:
        (known.shell.temp / name).unlink()
    ended = known.shell("show", known.id)
    assert known.texts() == before
    assert ended.err == "orchestrator: restored: architecture-notes, checklist, plan, progress, task-status\n"


def test_an_edit_that_is_refused_is_set_aside_and_only_what_was_recorded_is_said_to_be(known: Known) -> None:
    status = known.shell.temp / f"task-status-{known.id}.json"
    whole = status.read_text()
    status.write_text(whole.replace(f'"taskId": "{known.id}"', '"taskId": "ABC234"'))
    refused = known.shell("show", known.id).err
    assert "recorded" not in refused
    assert "orchestrator: an edit of task-status is set aside as set-aside-task-status" in refused
    status.write_text("{\n" * 2)
    assert f"set-aside-task-status-2-{known.id}.json: not valid JSON, line 2\n" in known.shell("show", known.id).err
    plan = known.shell.temp / f"plan-{known.id}.md"
    plan.write_text(plan.read_text().replace("## Plan\n\nNone", "## Plan\n\nAsk for ink."))
    assert "recorded what was edited by hand: " in known.shell("show", known.id).err


@pytest.mark.parametrize(
    ("name", "said"), [("R1", "R1  Bash  error, exit code 3\n  make ink\n"), ("r2", "R2  Write  ok\n")]
)
def test_a_receipt_that_documents_cite_is_explained(known: Known, name: str, said: str) -> None:
    made = FileChange(path="ink.txt", after="0" * 64)
    receipts = [
        Receipt(id="R1", call="a", tool="Bash", outcome="error", command="make ink", exit_code=3),
        Receipt(id="R2", call="b", tool="Write", outcome="ok", files=(made,)),
    ]
    with known.shell.engine() as engine:
        engine.commit(known.id, [CallSettled(receipt=row) for row in receipts], actor="worker")
        engine.commit(known.id, [ItemChecked(id="c1", evidence=("R2",))], actor="worker")
    shown = known.shell("show", known.id, name)
    assert shown.out.startswith(said)
    assert ("+ ink.txt" in shown.out) == ("There is ink" in shown.out) == (name == "r2")
    as_json = json.loads(known.shell("show", known.id, name, "--json").out)
    assert as_json == {"task": known.id, "receipt": receipts[int(name[1]) - 1].model_dump(mode="json")}


def test_a_receipt_that_there_is_not_is_one_line(known: Known) -> None:
    ended = known.shell("show", known.id, "R9")
    assert (ended.code, ended.err) == (2, f"orchestrator: task {known.id} has no receipt R9\n")


def test_an_edit_is_recorded_and_one_that_cannot_be_read_is_set_aside(known: Known) -> None:
    checklist = known.shell.temp / f"checklist-{known.id}.md"
    checklist.write_text(checklist.read_text().replace("- [ ] There is ink", "- [x] There is ink"))
    (known.shell.temp / f"task-status-{known.id}.json").write_text('{"agentId": nonsense}')
    ended = known.shell("show", known.id)
    assert "Items 1/1" in ended.out
    assert f"set-aside-task-status-{known.id}.json" in ended.out
    assert "orchestrator: recorded what was edited by hand: 1 change\n" in ended.err
    assert "orchestrator: an edit of task-status is set aside as set-aside-task-status" in ended.err


@pytest.mark.parametrize(("name", "kind"), [("plan", "plan"), ("ch", "checklist"), ("notes", "architecture-notes")])
def test_a_document_is_found_by_the_beginning_of_its_name(known: Known, name: str, kind: str) -> None:
    ended = known.shell("show", known.id, name)
    text = (known.shell.temp / f"{kind}-{known.id}.md").read_text()
    assert ended.out == text.replace("\u202e", "<U+202E>")


def test_a_document_as_json_is_its_whole_text(known: Known) -> None:
    said = json.loads(known.shell("show", known.id, "plan", "--json").out)
    path = known.shell.temp / f"plan-{known.id}.md"
    assert said == {"task": known.id, "document": "plan", "path": f".temp/{path.name}", "text": path.read_text()}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["p"], "'p' names more than one document: there are plan, progress"),
        (["diary"], "'diary' names no document: there are architecture-notes, checklist"),
        (["summary"], "has no completion-summary: it keeps architecture-notes"),
    ],
)
def test_a_document_that_cannot_be_shown_is_one_line(known: Known, arguments: list[str], said: str) -> None:
    ended = known.shell("show", known.id, *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


def test_what_is_not_completed_is_not_archived_and_what_is_missing_is_said(known: Known) -> None:
    ended = known.shell("archive", known.id)
    assert ended.code == 1
    assert f"task {known.id} is interrupted, not completed" in ended.err
    assert "c1 “There is ink” is open" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_completed_task_is_archived_with_what_lies_beside(known: Known) -> None:
    with known.shell.engine() as engine:
        engine.commit(known.id, [TaskCompleted(summary="Done.")], actor="worker")
    (known.shell.temp / f"report-{known.id}.md").write_text("mine\n")
    said = json.loads(known.shell("archive", known.id, "--json").out)
    assert said["status"] == "archived"
    assert f".temp/completed/report-{known.id}.md" in said["documents"]
    assert all((known.shell.project / path).exists() for path in said["documents"])
    assert known.shell("archive", known.id).out.startswith(f"{known.id} is archived:\n")


@pytest.mark.parametrize(
    "words",
    [
        "show ID",
        "show ID --at r5",
        "log ID",
        "blame ID plan",
        "diff ID r1 r2",
        "fork ID --at r1",
        "why ID",
        "resume ID",
    ],
)
def test_without_a_folder_there_is_nothing_to_show_and_none_is_made(shell: Shell, words: str) -> None:
    ended = shell(*words.replace("ID", "K7Q2MX").split())
    said = f"there is no .temp in {shell.project} or above it: no tasks yet, `orchestrator run` begins one"
    assert (ended.code, ended.err) == (2, f"orchestrator: {said}\n")
    assert not shell.temp.exists()


def test_what_a_tree_costs_is_told_by_task_agent_and_file_and_of_a_limit_what_is_left(shell: Shell) -> None:
    def replied(tokens: int, cost: float, *intents: Intent) -> ModelReplied:
        usage = Usage(input_tokens=tokens)
        return ModelReplied(content=(), stop_reason="tool_use", model="a", usage=usage, cost=cost, intents=intents)

    wrote = Receipt(id="R1", call="1", tool="Write", outcome="ok", files=(FileChange(path="note.txt", after="x"),))
    with shell.engine() as engine:
        top = engine.create(TaskCreated(agent="lead", description="All", limits=Limits(tokens=9_000, cost=2.5)))
        below = engine.create(TaskCreated(agent="clerk", description="A part", parent=top.id))
        given = Delegated(child=below.id, agent="clerk", description="A part", workstream="note")
        engine.commit(top.id, [replied(1_000, 0.25, Intent(call="1", tool="Delegate", delegated=given))], actor="user")
        engine.commit(below.id, [replied(3_000, 0.5), CallSettled(receipt=wrote)], actor="user")
        drawn = BudgetDrawn(
            task=below.id, turns=1, tokens=3_000, cost=0.5, held_turns=1, held_tokens=700, held_cost=0.1
        )
        engine.commit(top.id, [drawn], actor="engine")
    told = shell("show", top.id).out
    for line in (
        "· tokens: 4,000 of 9,000 used, 700 held for requests under way, 4,300 left",
        "· cost: $0.75 of $2.50 used, $0.10 held for requests under way, $1.65 left",
        f"{below.id} clerk: pending, 1 turn, 3,000 tokens, $0.50",
        "Costs: 2 turns, 4,000 tokens, $0.75",
        "· clerk: 1 turn, 3,000 tokens, $0.50",
        "· lead: 1 turn, 1,000 tokens, $0.25",
        "· note.txt: 3,000 tokens, $0.50",
        "· no file: 1,000 tokens, $0.25",
    ):
        assert line in told
    said = json.loads(shell("show", top.id, "--json").out)
    assert (said["spent"]["tokens"], said["held"]["tokens"]) == (4_000, 700)
    assert said["costs"]["total"] == {"turns": 2, "tokens": 4_000, "cost_usd": 0.75}
    assert said["costs"]["own"] == {"turns": 1, "tokens": 1_000, "cost_usd": 0.25}
    assert [row["task"] for row in said["children"]] == [below.id]
    assert said["costs"]["files"][-1] == {"file": None, "tokens": 1_000, "cost_usd": 0.25}
    rows = {row["task"]: row for row in json.loads(shell("status", "--json").out)["tasks"]}
    assert (rows[top.id]["cost_usd"], rows[top.id]["total_cost_usd"]) == (0.25, 0.75)
    assert rows[below.id]["total_cost_usd"] == 0.5
    assert "$0.75" in shell("status").out


def test_of_what_was_given_away_it_is_told_who_gave_it_and_that_its_worker_is_gone(shell: Shell) -> None:
    with shell.engine() as engine:
        given = team(engine)
        child = begin(engine, given.first, given.lead)
        part = Delegated(child=engine.free_id(), agent="third", description="A part", workstream="part")
        give(engine, child.id, part)
        begin(engine, part, child.id)
        for task_id in (child.id, part.child):
            engine.commit(task_id, [WorkerStarted(epoch=1, holder="a test")], actor="engine")
        begin(engine, given.second, given.lead)
    told = shell("show", given.lead).out.partition("Given away\n")[2].splitlines()
    assert [row.partition(",")[0] for row in told[:3]] == [
        f"  {child.id}   first: interrupted",
        f"  └ {part.child} third: interrupted",
        f'  {given.second.child}   a "b": pending',
    ]
    rows = json.loads(shell("show", given.lead, "--json").out)["children"]
    assert [row["status"] for row in rows] == ["interrupted", "interrupted", "pending"]
