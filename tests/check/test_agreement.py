"""What people write of a workstream, and what the status document says of it."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.check import check
from orchestrator.engine import Engine
from orchestrator.events import ItemAdded, ItemChecked, ItemDropped, TaskCompleted, TaskCreated, WorkstreamAdded

MONDAY = "# Progress\n\n## Monday\n\n- api: in progress\n- Forms: pending\n\n"


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("progress", MONDAY + "## Tuesday\n\n- The API: completed\n- forms: later\n", []),
        ("progress", MONDAY + "## Tuesday\n\n- forms: completed\n", [5, 10]),
        ("progress", "# Progress\n\n- api: completed\n\nOpened again:\n\n- **API** – in progress 🔄\n", [7]),
        ("plan", MONDAY + "## Tuesday\n\n- api: completed\n", [5]),
    ],
)
def test_of_a_progress_document_the_last_line_about_a_workstream_counts(
    name: str, text: str, lines: list[int], tmp_path: Path
) -> None:
    rows = [
        {"id": "api", "name": "The API", "status": "completed"},
        {"id": "forms", "name": "Forms", "status": "pending"},
    ]
    (tmp_path / "task-status-AB22AB.json").write_text(json.dumps({"taskId": "AB22AB", "workstreams": rows}))
    (tmp_path / f"{name}-AB22AB.md").write_text(text)
    found = [one for one in check(tmp_path, ".temp").findings if one.rule == "workstream-status"]
    assert [one.witnesses[0].line for one in found] == lines


def test_more_to_do_after_all_workstreams_is_no_contradiction_but_an_edit_that_opens_an_item_is(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    with closing(Engine(temp)) as engine:
        task = engine.create(TaskCreated(agent="clerk", description="Write a note")).id
        engine.lease(task).release()
        done = [WorkstreamAdded(id="w", description="All", status="completed"), ItemAdded(id="c1", text="Write it")]
        engine.commit(task, [*done, ItemChecked(id="c1"), TaskCompleted(summary="Written.")], actor="user")
        engine.archive(task)
        engine.reopen(task)
        ticked = (temp / f"checklist-{task}.md").read_text()
        engine.instruct(task, "Write another")
        assert check(temp).findings == ()
        engine.commit(task, [ItemDropped(id="c2", reason="not needed")], actor="user")
        assert check(temp).findings == ()
    (temp / f"checklist-{task}.md").write_text(ticked.replace("[x]", "[ ]"))
    (found,) = (one for one in check(temp).findings if one.rule == "workstreams")
    assert (found.severity, found.fix) == ("error", "refresh")
    assert found.says == "its workstream is completed, but 1 of 1 items are not ticked"
