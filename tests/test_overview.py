"""The folder as it can be told without the engine: from documents, and from journals whose documents are gone."""

from __future__ import annotations

from pathlib import Path

from orchestrator import overview
from orchestrator.engine import Engine
from orchestrator.events import TaskCompleted, TaskCreated


def test_a_task_whose_documents_are_all_gone_is_still_listed(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    engine = Engine(temp)
    open_task = engine.create(TaskCreated(agent="a", description="open")).id
    done = engine.create(TaskCreated(agent="b", description="done")).id
    engine.lease(done).release()
    engine.commit(done, [TaskCompleted(summary="Done.")], actor="user")
    engine.archive(done)
    engine.close()
    assert [(row.id, row.archived, row.problem) for row in overview.read(temp)] == [
        (open_task, False, None),
        (done, True, None),
    ]
    for path in [*temp.glob("*.*"), *(temp / "completed").iterdir()]:
        if path.is_file():
            path.unlink()
    assert [(row.id, row.archived, row.problem) for row in overview.read(temp)] == [
        (open_task, False, overview.LOST),
        (done, True, overview.LOST),
    ]


def test_files_kept_by_hand_are_rows_too_and_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    temp.mkdir()
    (temp / "task-status-A2B3C4.json").write_text('{"agentId": "x", "status": "in_progress", "workstreams": [1, {}]}')
    (temp / "task-status-B2B3C4.json").write_text('{"agentId": "x"}}')
    (temp / "task-status-C2B3C4.json").write_text("[]")
    (temp / "task-status-toolong.json").write_text("{}")
    rows = {row.id: row for row in overview.read(temp)}
    assert set(rows) == {"A2B3C4", "B2B3C4", "C2B3C4"}
    assert rows["A2B3C4"].rows("workstreams") == [{}]
    assert not rows["A2B3C4"].kept
    assert rows["B2B3C4"].problem
    assert rows["C2B3C4"].problem == "it is not a JSON object"
