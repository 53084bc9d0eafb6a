"""answer: what a task asks, from the files alone; and what other commands say of a question."""

from __future__ import annotations

import json

from orchestrator.events import Intent, ModelReplied, TaskCreated
from orchestrator.receipts import Asked
from tests.cli.conftest import Shell

ASKS = """
- calls:
    - Sync: {add_items: [{text: The note is written}]}
    - Write: {file_path: note.txt, content: hello}
    - Ask: {question: Which name?}
- calls:
    - Sync: {check_items: [{item: c1, evidence: [R2]}]}
    - Finish: {summary: The note is written.}
"""


def test_a_question_nobody_was_there_for_is_answered_later(shell: Shell) -> None:
    with shell.model(ASKS) as server:
        ended = shell("run", "clerk", "Write a note")
        [task_id] = {path.stem[-6:] for path in shell.temp.glob("plan-*.md")}
        assert ended.code == 3
        resume = f"orchestrator resume {task_id}"
        how = f"orchestrator answer {task_id} '…', then {resume}"
        assert ended.err.splitlines()[-1] == f"orchestrator: task {task_id} asks: Which name?; go on with: {how}"
        assert "asks a person: Which name?" in shell("status").out
        assert "asks a person: Which name?" in shell("log", task_id).out
        assert "B1 Which name?" in shell("show", task_id).out.replace("  ", " ")
        why = json.loads(shell("why", task_id, "--json").out)
        assert "it asks a person, B1: Which name?" in why["why"]
        assert why["next"] == [f"orchestrator answer {task_id} '…'"]
        assert f"  go on with: {why['next'][0]}\n" in shell("show", task_id).out
        other = shell("answer", task_id, "--question", "B9", "note.txt")
        assert (other.code, other.err) == (1, f"orchestrator: answer refused: task {task_id} asks B1, not B9\n")
        assert shell("answer", task_id, "note.txt").out == f"{task_id} has its answer; go on with: {resume}\n"
        again = shell("answer", task_id, "letter.txt")
        assert (again.code, again.err) == (
            1,
            f"orchestrator: answer refused: task {task_id} asks nothing: B1 was answered already\n",
        )
        assert shell("resume", task_id).code == 0
        said = json.dumps(server.requests[-1]["messages"][-1])
    assert "note.txt" in said
    assert "letter.txt" not in said


def test_who_asks_nothing_is_given_no_answer(shell: Shell) -> None:
    refused = shell("answer", shell.task().id, "Anything")
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "there is no such question" in refused.err


def test_a_cancelled_task_is_reopened_before_it_has_its_answer(shell: Shell) -> None:
    with shell.model(ASKS.partition("- calls:\n    - Sync: {check")[0]):
        shell("run", "clerk", "Write a note")
    [task_id] = {path.stem[-6:] for path in shell.temp.glob("plan-*.md")}
    shell("cancel", task_id)
    refused = shell("answer", task_id, "note.txt")
    said = f"task {task_id} is cancelled: nobody waits for it; reopen it first: orchestrator reopen {task_id}"
    assert (refused.code, refused.err) == (1, f"orchestrator: answer refused: {said}\n")
    assert shell("reopen", task_id).code == 0
    assert shell("answer", task_id, "note.txt").code == 0


def test_of_two_questions_one_that_was_answered_is_told_from_the_one_that_is_open(shell: Shell) -> None:
    with shell.engine() as engine:
        task_id = engine.create(TaskCreated(agent="clerk", description="Write a note")).id
        asked = tuple(Intent(call=f"c{n}", tool="Ask", asked=Asked(question=f"Name {n}?", to="person")) for n in "12")
        engine.commit(
            task_id, [ModelReplied(content=(), stop_reason="tool_use", model="m", intents=asked)], actor="worker"
        )
    assert "say which: B1 (Name 1?); B2 (Name 2?)" in shell("answer", task_id, "note.txt").err
    assert shell("answer", task_id, "--question", "B1", "note.txt").code == 0
    said = shell("answer", task_id, "--question", "B1", "letter.txt").err
    assert f"task {task_id} asks B2: B1 was answered already" in said
