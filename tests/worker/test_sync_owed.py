"""The triggers that the engine can see: asked for in the next message, then enforced."""

from __future__ import annotations

import pytest

from orchestrator import prompts
from orchestrator.events import DecisionRecorded, TaskCompleted
from orchestrator.worker import Moment

from .conftest import Stage

TRIGGERS = prompts.lines("triggers")
ASKED = "Your documents are behind your work"
REFUSED = "Not done: a Sync is owed"
GIVE_UP = "- calls: [{Sync: {raise_blockers: [That was all]}}]\n- say: That was all."


def triggers_named(message: str) -> set[str]:
    return {name for name, words in TRIGGERS.items() if words in message}


@pytest.mark.parametrize(
    ("calls", "named"),
    [
        ("{Write: {file_path: note.txt, content: hello}}", {"files-changed"}),
        ("{Bash: {command: echo hello >note.txt}}", {"files-changed"}),
        ("{Bash: {command: npm test || true}}", {"check-ran"}),
        ("{Bash: {command: 'true'}}, {Bash: {command: 'true'}}, {Bash: {command: 'true'}}", {"calls-without-sync"}),
        ("{Bash: {command: 'true'}}, {Bash: {command: 'true'}}", set()),
        ("{Read: {file_path: old.txt}}", set()),
        ("{Bash: {command: echo pytest >a.txt}}", {"files-changed", "check-ran"}),
        ("{Write: {file_path: note.txt, content: hello}}, {Sync: {phase: writing}}", set()),
    ],
    ids=["Write", "a command that writes", "a test", "three commands", "two", "Read", "a test that writes", "synced"],
)
def test_the_next_message_asks_for_sync_and_names_the_trigger(stage: Stage, calls: str, named: set[str]) -> None:
    (stage.workspace / "old.txt").write_text("old")
    stage.play(f"- calls: [{calls}]", GIVE_UP)
    assert triggers_named(stage.told[1]) == named
    assert (ASKED in stage.told[1]) == bool(named)


def test_once_asked_one_more_effectful_call_is_run_and_the_next_refused_until_sync(stage: Stage) -> None:
    stage.play(
        """
        - calls: [{Bash: {command: echo 1 >>log.txt}}]
        - calls: [{Read: {file_path: log.txt}}]
        - calls: [{Bash: {command: echo 2 >>log.txt}}]
        - calls: [{Bash: {command: echo 3 >>log.txt}}, {Read: {file_path: log.txt}}]
        - calls: [{Sync: {phase: counting}}, {Bash: {command: echo 4 >>log.txt}}]
        """,
        GIVE_UP,
    )
    assert (stage.workspace / "log.txt").read_text() == "1\n2\n4\n"
    assert [receipt.outcome for receipt in stage.task.receipts[:7]] == ["ok", "ok", "ok", "refused", "ok", "ok", "ok"]
    assert ASKED in stage.told[1]
    assert ASKED not in stage.told[2] + stage.told[3] + stage.told[4]
    assert REFUSED in stage.told[4]
    assert ASKED in stage.told[5]


def test_within_one_message_too_the_second_effectful_call_is_refused_and_run_after_a_sync(stage: Stage) -> None:
    stage.play(
        """
        - calls: [{Bash: {command: echo 1 >>log.txt}}]
        - calls:
          - Bash: {command: echo 2 >>log.txt}
          - Write: {file_path: other.txt, content: refused}
          - Sync: {phase: counting}
          - Bash: {command: echo 3 >>log.txt}
        """,
        GIVE_UP,
    )
    assert (stage.workspace / "log.txt").read_text() == "1\n2\n3\n"
    assert not (stage.workspace / "other.txt").exists()
    assert stage.told[2].count(REFUSED) == 1


def test_a_sync_that_was_refused_records_nothing_and_is_still_owed(stage: Stage) -> None:
    stage.play(
        """
        - calls: [{Bash: {command: echo 1 >>log.txt}}]
        - calls: [{Sync: {check_items: [{item: c9, evidence: [R1]}]}}, {Bash: {command: echo 2 >>log.txt}}]
        - calls: [{Bash: {command: echo 3 >>log.txt}}]
        """,
        GIVE_UP,
    )
    assert (stage.workspace / "log.txt").read_text() == "1\n2\n"


def test_a_command_that_nobody_permitted_is_not_owed_a_sync(stage: Stage) -> None:
    stage.permitted = False
    stage.play("- calls: [{Bash: {command: npm test >log.txt}}]", GIVE_UP)
    assert ASKED not in stage.told[1]
    assert not (stage.workspace / "log.txt").exists()


@pytest.mark.parametrize("work", ["{Read: {file_path: nowhere}}", "{Bash: {command: echo 1 >log.txt}}"])
def test_a_task_it_refers_to_has_moved(stage: Stage, work: str) -> None:
    """Also when a Sync was owed already: then it is named as soon as that is done."""
    stage.agent("architect")
    other = stage.start("architect")

    def decide(moment: Moment) -> None:
        if moment.kind == "call" and len(stage.requests) == 2:
            with stage.engine() as engine:
                engine.commit(other, [DecisionRecorded(id="D1", decision="Oak it is")], actor="user")

    stage.watch = decide
    stage.play(
        f"""
        - calls:
          - Sync: {{references: [{{task: {other}, document: plan}}]}}
          - {work}
        - calls: [{{Read: {{file_path: nowhere}}}}]
        - calls: [{{Sync: {{phase: reading}}}}]
        """,
        GIVE_UP,
    )
    assert "dependency-moved" in triggers_named(stage.told[2] + stage.told[3])
    assert "dependency-moved" not in triggers_named(stage.told[1] + stage.told[4])


def test_a_task_it_refers_to_is_archived(stage: Stage) -> None:
    stage.agent("architect")
    other = stage.start("architect")

    def archive(moment: Moment) -> None:
        if moment.kind == "call" and len(stage.requests) == 2:
            with stage.engine() as engine:
                engine.lease(other).release()
                engine.commit(other, [TaskCompleted(summary="Designed.")], actor="user")
                engine.archive(other)

    stage.watch = archive
    stage.play(
        f"- calls: [{{Sync: {{references: [{{task: {other}, document: plan}}]}}}}]",
        "- calls: [{Read: {file_path: nowhere}}]",
        GIVE_UP,
    )
    assert f"Task {other} was archived; its documents are in .temp/completed/ now." in stage.told[2]
    assert "Somebody edited" not in stage.told[2]
    assert "dependency-moved" in triggers_named(stage.told[2])
