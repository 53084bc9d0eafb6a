"""A task from its first message to its archive, and what goes into the requests."""

from __future__ import annotations

import json

import pytest

from orchestrator.definitions import ALWAYS
from orchestrator.task import Task

from .conftest import DONE, PLAN, WRITE, Stage, conversation, texts

WORK = f"- calls: [{PLAN}, {WRITE}]"


def test_a_task_is_worked_on_to_its_archive(stage: Stage) -> None:
    end = stage.play(WORK, DONE)
    assert isinstance(end, Task)
    assert (end.status, end.turns, end.summary) == ("archived", 2, "The note is written.")
    assert (stage.workspace / "note.txt").read_text() == "hello"
    assert not list(stage.temp.glob(f"*{stage.id}*"))
    assert "- [x] The note is written" in stage.document("checklist").read_text()
    assert "The note is written." in stage.document("completion-summary").read_text()
    assert json.loads(stage.document("task-status").read_text())["status"] == "completed"
    assert [moment.kind for moment in stage.moments if moment.kind not in ("told", "recording")] == [
        *("started", "asking", "call", "call", "ended", "ended"),
        *("asking", "call", "call", "ended", "ended", "done"),
    ]


def test_the_system_prompt_is_the_agents_body_and_then_the_standard_orchestration(stage: Stage) -> None:
    stage.agent("clerk", "You write notes. Briefly.")
    stage.play(WORK, DONE)
    body, standard = (block["text"] for block in stage.requests[0]["system"])
    assert body == "You write notes. Briefly."
    assert standard.startswith("# Working in this orchestrator")


def test_an_agent_without_a_body_has_the_standard_orchestration_alone(stage: Stage) -> None:
    stage.agent("clerk", "")
    stage.play(WORK, DONE)
    assert len(stage.requests[0]["system"]) == 1


def test_the_brief_names_task_workspace_limits_verification_and_schema(stage: Stage) -> None:
    stage.agent("clerk", output_schema="{type: object}", verify="test -f note.txt")
    stage.start(description="Write a note about §4")
    stage.play(WORK, DONE.replace("written.}", "written., result: {}}"))
    for words in (
        f"Task id: {stage.id}",
        f"Workspace: {stage.workspace}",
        "Write a note about §4",
        f"`.temp/checklist-{stage.id}.md`",
        "- turns: 200",
        "- `test -f note.txt`",
        '"type": "object"',
    ):
        assert words in stage.told[0]


def test_the_brief_names_the_other_open_tasks_and_what_they_decided(stage: Stage) -> None:
    stage.agent("architect")
    other = stage.start("architect", "Design the drawers")
    with stage.model(
        architect="""
        - calls:
          - Sync:
              phase: drawing
              workstreams: [{id: drawers, status: in-progress, artifacts: [docs/drawers.md]}]
              decisions: [{decision: Oak it is, rationale: it lasts}]
              raise_blockers: [The oak is not there]
        - say: I wait for oak.
        """
    ):
        stage.work(other)
    stage.play(WORK, DONE)
    brief = stage.told[0]
    for words in (
        f"### {other}, agent architect",
        "Goal: “Design the drawers”",
        "Status: blocked, phase drawing",
        "Decisions, newest first: “Oak it is” (“it lasts”)",
        "Artifacts: `docs/drawers.md`",
        f"`.temp/architecture-notes-{other}.md`",
    ):
        assert words in brief
    assert f"### {stage.id}" not in brief


def test_the_brief_names_the_blockers_of_other_tasks(stage: Stage) -> None:
    stage.agent("architect")
    other = stage.start("architect")
    with stage.model(architect="- calls: [{Sync: {raise_blockers: [The oak is not there]}}]\n- say: I wait."):
        stage.work(other)
    stage.play(WORK, DONE)
    assert "Blockers: “The oak is not there”" in stage.told[0]


def test_an_archived_task_is_not_in_the_brief(stage: Stage) -> None:
    stage.play(WORK, DONE)
    (stage.workspace / "note.txt").unlink()
    first, stage.id = stage.id, ""
    stage.play(WORK, DONE)
    assert first not in stage.told[0]


def test_every_call_has_a_receipt_which_the_model_is_told(stage: Stage) -> None:
    stage.play(
        f"""
        - calls:
          - {PLAN}
          - Fly: {{to: the moon}}
          - Read: {{}}
          - Read: {{file_path: nowhere.txt}}
          - Write: '{{"file_path": "half.t'
          - {WRITE}
          - Read: {{file_path: note.txt}}
        - calls:
          - Sync: {{check_items: [{{item: c1, evidence: [R6, R7]}}]}}
          - Finish: {{summary: Written.}}
        """
    )
    receipts = stage.task.receipts
    assert [(receipt.id, receipt.tool, receipt.outcome) for receipt in receipts] == [
        ("R1", "Sync", "ok"),
        ("R2", "Fly", "error"),
        ("R3", "Read", "error"),
        ("R4", "Read", "error"),
        ("R5", "Write", "error"),
        ("R6", "Write", "ok"),
        ("R7", "Read", "ok"),
        ("R8", "Sync", "ok"),
        ("R9", "Finish", "ok"),
    ]
    answers = stage.requests[1]["messages"][-1]["content"]
    for number, answer in enumerate(answers[:7], 1):
        assert answer["tool_use_id"] == f"toolu_clerk_01_{number}"
        assert answer["content"][-1]["text"] == f"[receipt R{number}]"
        assert answer["is_error"] == (number in (2, 3, 4, 5))


def test_what_is_wrong_with_a_call_is_said_and_nothing_is_run(stage: Stage) -> None:
    stage.play(
        f"""
        - calls:
          - {PLAN}
          - {WRITE}
          - Fly: {{to: the moon}}
          - Read: {{path: note.txt}}
          - Bash: '{{"command": "rm note.txt"'
          - Write: {{file_path: ../outside.txt, content: x}}
        """,
        DONE,
    )
    told = stage.told[1]
    assert "No such tool available: Fly" in told
    assert "The required parameter `file_path` is missing" in told
    assert "An unexpected parameter `path` was provided" in told
    assert "was not valid JSON, so it was not run" in told
    assert "outside the workspace" in told
    assert (stage.workspace / "note.txt").exists()
    assert not (stage.workspace.parent / "outside.txt").exists()


def test_a_definitions_tools_are_the_ones_offered_beside_ask_sync_and_finish(stage: Stage) -> None:
    stage.agent("clerk", tools="Read, Write")
    stage.play(f"- calls: [{PLAN}, {WRITE}, {{Bash: {{command: touch ran}}}}]", DONE)
    assert {tool["name"] for tool in stage.requests[0]["tools"]} == {"Read", "Tasks", "Write", "Ask", "Sync", "Finish"}
    assert "No such tool available: Bash" in stage.told[1]
    assert not (stage.workspace / "ran").exists()


def test_a_definition_without_tools_has_them_all(stage: Stage) -> None:
    stage.play(WORK, DONE)
    offered = {tool["name"] for tool in stage.requests[0]["tools"]}
    giving = {"Delegate", "Answer", "Await", "Cancel", "Tell"}
    assert offered == {"Read", "Write", "Edit", "Bash", "Glob", "Grep", *giving, "Tasks", *ALWAYS}


@pytest.mark.parametrize(
    ("named", "asked"),
    [("opus", "claude-opus-5-5"), ("haiku", "claude-haiku-5-5"), ("some-model-7", "some-model-7"), (None, "sonnet")],
)
def test_the_definitions_model_is_asked(stage: Stage, named: str | None, asked: str) -> None:
    stage.agent("clerk", **({"model": named} if named else {}))
    stage.play(WORK, DONE)
    assert {request["model"] for request in stage.requests} == {"claude-sonnet-5-5" if named is None else asked}


def test_a_model_given_for_the_task_is_asked_instead(stage: Stage) -> None:
    stage.agent("clerk", model="opus")
    stage.start(model="haiku")
    stage.play(WORK, DONE)
    assert stage.requests[0]["model"] == "claude-haiku-5-5"


def test_each_request_begins_as_the_one_before_it_so_that_the_cache_holds(stage: Stage) -> None:
    stage.play("- say: Well, well.", WORK, DONE)
    first, second, third = stage.requests
    assert conversation(third)[:3] == conversation(second)
    assert conversation(second)[:1] == conversation(first)
    assert first["system"] == third["system"]
    assert first["tools"] == third["tools"]


def test_the_model_is_told_nothing_that_did_not_happen(stage: Stage) -> None:
    stage.play(f"- calls: [{PLAN}]", f"- calls: [{WRITE}]", DONE)
    (block,) = stage.requests[1]["messages"][-1]["content"]
    assert block["type"] == "tool_result"
    assert (
        texts([block]) == "Recorded.\nNew: c1 “The note is written”\nOpen items: c1 “The note is written”\n[receipt R1]"
    )
