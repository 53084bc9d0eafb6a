"""Sync: all of it is recorded or nothing, and the result tells the ids."""

import pytest

from orchestrator.errors import ToolError
from orchestrator.events import ItemChecked, ItemUnchecked, ProseWritten, StateRecorded
from orchestrator.tools import accept, catalog
from orchestrator.transitions import Refused, apply_all


def test_everything_a_sync_can_say_becomes_true_of_the_task(agent):
    agent.call("Sync", add_items=[{"text": "Old item"}, {"text": "Write a.js", "section": "Models"}])
    agent.call("Write", file_path="a.js", content="x")
    result = agent.call(
        "Sync",
        phase="models",
        workstreams=[{"id": "models", "description": "The models", "status": "in-progress", "artifacts": ["a.js"]}],
        add_items=[{"text": "Write b.js"}],
        check_items=[{"item": "c2", "evidence": ["R2"]}],
        drop_items=[{"item": "Old item", "reason": "not needed"}],
        decisions=[{"decision": "Use UUIDs", "rationale": "no clashes"}],
        raise_blockers=["No database"],
        next_steps=["Write b.js"],
        references=[{"task": "AAAAA2", "document": "plan"}],
        plan="# Plan\n",
        notes="Layers",
        progress="Half way",
    )
    task = agent.task
    assert (task.phase, task.next_steps) == ("models", ("Write b.js",))
    assert [(item.id, item.checked, item.dropped) for item in task.items] == [
        ("c1", False, "not needed"),
        ("c2", True, None),
        ("c3", False, None),
    ]
    assert (task.workstreams[0].status, task.decisions[0].id, task.blockers[0].text) == (
        "in-progress",
        "D1",
        "No database",
    )
    assert task.references[0].task == "AAAAA2"
    assert task.prose == {"plan": "# Plan\n", "architecture-notes": "Layers", "progress": "Half way"}
    assert result.events[-1] == StateRecorded()
    assert result.text == (
        "Recorded.\nNew: c3 “Write b.js”, D1 “Use UUIDs”, B1 “No database”\nOpen items: c3 “Write b.js”\n"
        "Open workstreams: models (in-progress)\nOpen blockers: B1"
    )


def test_a_known_workstream_is_changed_only_where_it_is_said(agent):
    agent.call("Sync", workstreams=[{"id": "models", "description": "The models", "notes": "n"}])
    agent.call("Sync", workstreams=[{"id": "models", "status": "completed"}])
    row = agent.task.workstreams[0]
    assert (row.description, row.status, row.notes) == ("The models", "completed", "n")


def test_when_one_part_is_refused_nothing_is_recorded_and_the_reason_is_said(agent):
    text = agent.error("Sync", phase="models", check_items=[{"item": "c9", "evidence": ["R1"]}])
    assert text.startswith("Nothing was recorded: no single item is meant by “c9”")
    assert agent.task.phase == "planning"


def test_a_tick_needs_the_receipt_of_a_later_successful_call_that_touched_the_file(agent):
    agent.call("Write", file_path="a.js", content="x")
    agent.call("Sync", add_items=[{"text": "Write a.js"}])
    assert "older than the item" in agent.error("Sync", check_items=[{"item": "c1", "evidence": ["R1"]}])
    agent.call("Write", file_path="b.js", content="x")
    check = {"item": "Write a.js", "evidence": [agent.task.receipts[-1].id]}
    assert "names a.js" in agent.error("Sync", check_items=[check])


def test_an_item_is_meant_by_its_text_only_when_one_item_says_it(agent):
    agent.call("Sync", add_items=[{"text": "Test"}, {"text": "Test"}])
    assert "c1, c2" in agent.error("Sync", uncheck_items=["Test"])
    agent.call("Sync", drop_items=[{"item": "c1", "reason": "twice"}])
    agent.call("Sync", drop_items=[{"item": "Test", "reason": "twice"}])
    assert all(item.dropped for item in agent.task.items)
    assert "dropped" in agent.error("Sync", uncheck_items=["c1"])


def test_an_item_may_be_taken_back(agent):
    agent.call("Sync", add_items=[{"text": "Test"}])
    agent.apply(ItemChecked(id="c1"), actor="user")
    assert agent.call("Sync", uncheck_items=["c1"]).events[0] == ItemUnchecked(id="c1")
    assert not agent.task.items[0].checked


def test_an_empty_sync_is_refused(agent):
    assert "at least one field" in agent.error("Sync")


def test_prose_says_what_it_was_written_against(agent):
    before = agent.task
    result = agent.call("Sync", plan="mine")
    theirs = apply_all(before, [ProseWritten(document="plan", text="theirs")], actor="editor", at="")
    with pytest.raises(Refused):
        apply_all(theirs, result.events, actor="worker", at="")


def test_a_sync_is_made_again_when_its_process_died(agent):
    given = {"add_items": [{"text": "Test"}]}
    (intent,) = agent.intend(("Sync", given))
    assert agent.settle(intent, given).text.startswith("Recorded.\nNew: c1")


def test_every_field_of_every_tool_tells_the_model_what_it_is():
    for tool in catalog().values():
        schema = tool.input.model_json_schema()
        for part in (schema, *schema.get("$defs", {}).values()):
            for name, field in part.get("properties", {}).items():
                assert field.get("description"), f"{tool.name}: {name}"


def test_ids_that_are_not_ids_are_refused(agent):
    tool = catalog()["Sync"]
    with pytest.raises(ToolError, match="task"):
        accept(tool, {"references": [{"task": "../../x", "document": "plan"}]})
