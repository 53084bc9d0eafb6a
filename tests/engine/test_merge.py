"""Edits made on an older revision, and several made at once: all of them hold, or what does not is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.documents.status_json import load
from orchestrator.engine import Engine
from orchestrator.engine.merge import merge_json, merge_text
from orchestrator.events import (
    DecisionRecorded,
    EditSetAside,
    ItemChecked,
    ItemUnchecked,
    Kind,
    NextStepsSet,
    PhaseChanged,
    WorkstreamChanged,
)
from proof.disk import ScriptedDisk
from proof.folder import ID, assert_in_step, path_of, text_of

BASE = "# Plan\n\n## Notes\n"


def edit(temp: Path, kind: Kind, old: str, new: str) -> None:
    text = text_of(temp, kind)
    assert old in text
    path_of(temp, kind).write_text(text.replace(old, new, 1))


def test_an_edit_made_on_an_older_revision_is_merged(engine: Engine, temp: Path) -> None:
    typed = text_of(temp, "checklist").replace("- [ ] Write the migration", "- [ ] Write the migration carefully")
    engine.commit(ID, [ItemChecked(id="c1")], actor="user")
    path_of(temp, "checklist").write_text(typed)
    task = engine.refresh(ID).task
    assert [(item.text, item.checked) for item in task.live_items] == [
        ("Write the model", True),
        ("Write the migration carefully", False),
    ]
    assert_in_step(temp, task)


def test_an_edit_of_the_status_on_an_older_revision_is_merged_key_by_key(engine: Engine, temp: Path) -> None:
    typed = json.loads(text_of(temp, "task-status"))
    typed["owner"] = {"team": "data"}
    engine.commit(ID, [PhaseChanged(phase="building")], actor="worker")
    path_of(temp, "task-status").write_text(json.dumps(typed))
    task = engine.refresh(ID).task
    now = json.loads(text_of(temp, "task-status"))
    assert (now["phase"], now["owner"]) == ("building", {"team": "data"})
    assert_in_step(temp, task)


def test_an_edit_that_goes_on_where_its_beginning_was_recorded_adds_only_the_rest() -> None:
    begun = BASE + "\nMy word\n"
    assert merge_text(BASE, begun, begun + "\nMy next word\n") == begun + "\nMy next word\n"
    empty, begun = BASE + "\nNone\n", BASE + "\nNone\n\nMy word\n"
    assert merge_text(empty, BASE + "\nMy word\n", begun + "\nMy next word\n") == BASE + "\nMy word\n\nMy next word\n"


def test_an_edit_on_an_older_revision_says_a_last_line_without_newline_once() -> None:
    base, more = BASE + "\nLast line", BASE + "\nLast line\nMore"
    assert merge_text(base, base + "\n\nOurs\n", more).count("Last line") == 1
    assert merge_text(base, base.replace("Plan", "Our plan"), more) == more.replace("Plan", "Our plan")


@pytest.mark.parametrize(
    ("ours", "edited", "merged"),
    [
        ("A B C", "a b mine", "A B C mine"),
        ("A B C", "mine a b", "mine A B C"),
        ("a b ours", "A B C", "A B C ours"),
        ("ours a b", "A B C", "ours A B C"),
        ("A b", "a B", "A B"),
        ("x y z", "A b", "A b"),
        ("x y", "A B", "A B"),
    ],
)
def test_lines_that_were_added_stand_beside_those_that_changed_and_of_one_place_the_edit_counts(
    ours: str, edited: str, merged: str
) -> None:
    base, *sides = ("".join(f"{line}\n" for line in text.split()) for text in ("a b", ours, edited))
    assert merge_text(base, *sides).split() == merged.split()


def test_an_editor_that_closes_lines_otherwise_takes_nothing_back_that_happened_meanwhile(
    engine: Engine, temp: Path
) -> None:
    typed = text_of(temp, "progress").replace("## Notes\n\nNone", "## Notes\n\nMy word").replace("\n", "\r\n")
    engine.commit(
        ID,
        [NextStepsSet(steps=("Migrate",)), WorkstreamChanged(id="models", description="All models")],
        actor="worker",
    )
    path_of(temp, "progress").write_bytes(typed.encode())
    task = engine.refresh(ID).task
    assert (task.next_steps, task.workstreams[0].description) == (("Migrate",), "All models")
    text = path_of(temp, "progress").read_bytes()
    assert b"\r\nMy word\r\n" in text
    assert text.count(b"\n") == text.count(b"\r\n")
    assert_in_step(temp, task)


def test_rows_without_an_id_are_merged_by_their_places() -> None:
    def merged(base: object, ours: object, edited: object) -> object:
        return load(merge_json(*(json.dumps({"rows": rows}) for rows in (base, ours, edited))))["rows"]

    one, two, more = {"says": "one"}, {"says": "two"}, {"says": "more"}
    assert merged([], [one], [two]) == [one, two]
    assert merged([one], [one, two], [one, more]) == [one, two, more]
    assert merged([one], [{**one, "why": "it is"}, two], [{**one, "by": "me"}, more]) == [
        {**one, "why": "it is", "by": "me"},
        two,
        more,
    ]
    assert merged(["a", "b"], ["a", "b", "c"], ["b"]) == ["b", "c"]
    assert merged(["a"], ["b"], []) == ["b"]
    assert merged(["a"], [], ["b"]) == ["b"]
    assert merged([one], [one, two], [one, two]) == [one, two]
    assert merged(["a", "b"], ["a, ours", "b"], ["a", "b, mine"]) == ["a, ours", "b, mine"]
    assert merged(["a"], ["a, ours"], ["a, mine"]) == ["a, mine"]
    assert merged(["a", "b"], ["c"], ["a", "d"]) == ["c", "d"]
    assert merged(["a", "b"], ["a", "c"], ["d"]) == ["c", "d"]
    assert merged(["a", "b"], ["b"], ["b", "a"]) == ["b"]


def test_rows_with_an_id_are_merged_wherever_they_are() -> None:
    def merged(*sides: object) -> object:
        return load(merge_json(*(json.dumps({"rows": rows}) for rows in sides)))["rows"]

    one, two, more = {"id": "one"}, {"id": "two"}, {"id": "more"}
    ours, mine = {**two, "why": "it is"}, {**two, "by": "me"}
    assert merged([one, two], [ours], [one, mine]) == [{**ours, **mine}]
    assert merged([one, two], [more, one, ours], [mine, one]) == [more, one, {**ours, **mine}]
    assert merged([two], [{**two, "by": "us"}], [mine]) == [mine]
    assert merged("none", [one], [two]) == [one, two]


def test_a_decision_typed_into_an_older_status_stands_beside_one_that_was_made_since(
    engine: Engine, temp: Path
) -> None:
    typed = json.loads(text_of(temp, "task-status"))
    typed["decisions"].append({"decision": "UUID keys", "rationale": "no guessing"})
    engine.commit(ID, [DecisionRecorded(id="D1", decision="Soft deletes")], actor="worker")
    path_of(temp, "task-status").write_text(json.dumps(typed))
    task = engine.refresh(ID).task
    assert [row.decision for row in task.decisions] == ["Soft deletes", "UUID keys"]
    assert_in_step(temp, task)


def test_decisions_typed_into_two_documents_at_once_are_both_there(engine: Engine, temp: Path) -> None:
    edit(temp, "architecture-notes", "## Decisions\n\nNone", "## Decisions\n\n- **D7** Soft deletes")
    typed = json.loads(text_of(temp, "task-status"))
    typed["decisions"].append({"decision": "UUID keys"})
    path_of(temp, "task-status").write_text(json.dumps(typed))
    task = engine.refresh(ID).task
    assert [row.decision for row in task.decisions] == ["Soft deletes", "UUID keys"]
    assert not task.set_aside
    assert_in_step(temp, task)


def test_where_two_documents_say_otherwise_of_the_same_the_one_that_does_not_count_is_kept(
    engine: Engine, temp: Path
) -> None:
    edit(temp, "plan", "- **models** [pending] Models", "- **models** [pending] Tables")
    edit(temp, "task-status", '"description": "Models"', '"description": "Classes"')
    task = engine.refresh(ID).task
    assert task.workstreams[0].description == "Classes"
    (aside,) = [event for event in engine.since(ID, 1)[0].events if isinstance(event, EditSetAside)]
    assert (aside.document, "says otherwise of the same" in aside.reason) == ("plan", True)
    assert "[pending] Tables" in (temp / aside.name).read_text()
    assert_in_step(temp, task)


def test_what_is_typed_into_one_document_and_overtaken_by_an_older_edit_of_another_is_kept(
    engine: Engine, temp: Path
) -> None:
    typed = text_of(temp, "plan").replace("**Phase**: planning", "**Phase**: by the plan")
    edit(temp, "task-status", '"phase": "planning"', '"phase": "by the status"')
    assert engine.refresh(ID).task.phase == "by the status"
    path_of(temp, "plan").write_text(typed)
    task = engine.refresh(ID).task
    (name,) = task.set_aside
    assert (task.phase, name) == ("by the plan", f"set-aside-task-status-{ID}.json")
    assert '"phase": "by the status"' in (temp / name).read_text()
    assert_in_step(temp, task)
    edit(temp, "plan", "**Phase**: by the plan", "**Phase**: again")
    assert len(engine.refresh(ID).task.set_aside) == 1


def test_what_was_typed_beside_a_text_that_is_saved_once_more_is_not_overtaken_by_that(
    engine: Engine, temp: Path
) -> None:
    first, second = (text_of(temp, "plan").replace("## Plan\n\nNone", f"## Plan\n\n{word}") for word in ("One", "Two"))
    path_of(temp, "plan").write_text(first + "\nA word of mine\n")
    edit(temp, "progress", "- **models** [pending] Models", "- **models** [pending] Tables")
    engine.refresh(ID)
    path_of(temp, "plan").write_text(second + "\nAnother word of mine\n")
    task = engine.refresh(ID).task
    assert (task.workstreams[0].description, task.set_aside) == ("Tables", ())


def test_what_is_overtaken_by_an_older_edit_in_the_instant_of_a_publication_is_kept(
    engine: Engine, temp: Path, disk: ScriptedDisk
) -> None:
    target = path_of(temp, "plan")
    typed = [target.read_text().replace("**Phase**: planning", "**Phase**: by the plan")]
    edit(temp, "task-status", '"phase": "planning"', '"phase": "by the status"')
    assert engine.refresh(ID).task.phase == "by the status"
    moment = "exchange" if engine._shelf._publisher.exchanging else "create"

    def just_before(number: int, operation: str, path: Path) -> None:
        if operation == moment and path.name == target.name and typed:
            target.write_text(typed.pop())

    disk.before = just_before
    engine.commit(ID, [WorkstreamChanged(id="models", description="All models")], actor="worker")
    assert not typed
    task = engine.refresh(ID).task
    assert (task.phase, len(task.set_aside)) == ("by the plan", 1)
    assert '"phase": "by the status"' in (temp / task.set_aside[0]).read_text()
    assert_in_step(temp, task)


def test_who_saves_one_document_twice_has_what_they_said_last(engine: Engine, temp: Path) -> None:
    text = text_of(temp, "plan")
    for phase in ("first", "second"):
        path_of(temp, "plan").write_text(text.replace("**Phase**: planning", f"**Phase**: {phase}"))
        task = engine.refresh(ID).task
        assert (task.phase, task.set_aside) == (phase, ())


def test_documents_that_say_the_same_and_of_one_row_different_things_are_both_obeyed(
    engine: Engine, temp: Path
) -> None:
    edit(temp, "plan", "- **models** [pending] Models", "- **models** [pending] Tables")
    edit(temp, "progress", "- **models** [pending] Models", "- **models** [pending] Tables")
    edit(temp, "task-status", '"notes": null', '"notes": "with care"')
    task = engine.refresh(ID).task
    (row,) = task.workstreams
    assert (row.description, row.notes, task.set_aside) == ("Tables", "with care", ())


def test_what_is_typed_behind_a_line_whose_fact_is_gone_is_kept(engine: Engine, temp: Path) -> None:
    engine.commit(ID, [ItemChecked(id="c1")], actor="user")
    typed = text_of(temp, "progress").replace("- **c1** Write the model", "- **c1** Write the model, by hand")
    engine.commit(ID, [ItemUnchecked(id="c1")], actor="user")
    path_of(temp, "progress").write_text(typed)
    task = engine.refresh(ID).task
    (name,) = task.set_aside
    assert "Write the model, by hand" in (temp / name).read_text()
    assert "**c1**" not in text_of(temp, "progress")
    assert_in_step(temp, task)
