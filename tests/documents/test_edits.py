"""What a person's edit of a document means, one claim at a time."""

from __future__ import annotations

import json
from dataclasses import replace

from orchestrator import events as happened
from orchestrator.documents import diff, file_name, identify, kinds, render
from orchestrator.events import Event, Kind, TextEdited
from orchestrator.task import Task

from .example import after, done, new, published, working


def edit(task: Task, kind: Kind, old: str, new_text: str) -> tuple[Task, tuple[Event, ...], tuple[str, ...]]:
    """Replace one passage of a document as it was published; the task then, the facts, what was refused."""
    task = published(task)
    body = render(task, kind)
    assert body.count(old) == 1, body
    found = diff(task, kind, body.replace(old, new_text))
    facts = tuple(event for event in found.events if not isinstance(event, TextEdited))
    return after(task, *found.events, actor="editor"), facts, found.refused


def test_names_are_the_contract() -> None:
    assert file_name("plan", "K7Q2MX") == "plan-K7Q2MX.md"
    assert identify("task-status-K7Q2MX.json") == ("task-status", "K7Q2MX")
    for other in (
        "plan-K7Q2MX.json",
        "plan-k7q2mx.md",
        "plan-K7Q2MX.md\n",
        "report-K7Q2MX.md",
        "task-status-K7Q2MX.md",
    ):
        assert identify(other) is None


def test_a_lightweight_task_has_three_documents_and_one_that_somebody_wrote() -> None:
    task = new(mode="lightweight")
    assert kinds(task) == ("checklist", "progress", "task-status")
    written = after(task, TextEdited(document="plan", text="# My plan\n"))
    assert kinds(written) == ("checklist", "plan", "progress", "task-status")
    assert "completion-summary" in kinds(done())


def test_a_tick_checks_the_item_and_a_removed_tick_unchecks_it() -> None:
    task, events, _ = edit(working(), "checklist", "- [ ] Write the migration", "- [x] Write the migration")
    assert events == (happened.ItemChecked(id="c3"),)
    _, events, _ = edit(task, "checklist", "- [x] Write the migration", "- [ ] Write the migration")
    assert events == (happened.ItemUnchecked(id="c3"),)


def test_a_new_line_is_a_new_item_of_its_section_after_the_one_above() -> None:
    line = "- [ ] Write the migration\n"
    task, events, _ = edit(working(), "checklist", line, line + "  - [✅] Name it\n")
    added = happened.ItemAdded(id="c6", text="Name it", section="Model", checked=True, after="c3")
    assert events == (added,)
    assert "  - [✅] Name it\n" in render(task, "checklist")


def test_a_line_changed_in_place_rewords_and_a_removed_one_drops() -> None:
    _, events, _ = edit(working(), "checklist", "Write the migration", "Write two migrations")
    assert events == (happened.ItemReworded(id="c3", text="Write two migrations"),)
    _, events, _ = edit(working(), "checklist", "- [ ] Write the migration\n", "")
    assert events == (happened.ItemDropped(id="c3", reason="removed from the checklist by hand"),)


def test_of_items_that_read_alike_each_keeps_its_tick_in_whatever_order_their_lines_are() -> None:
    task = after(new(), happened.ItemAdded(id="c1", text="One"), happened.ItemChecked(id="c1"))
    task, _, _ = edit(task, "checklist", "- [x] One", "- [ ] Two\n- [x] One")
    task = after(task, happened.ItemReworded(id="c1", text="Two"))
    body = render(task, "checklist")
    assert "- [ ] Two\n- [x] Two" in body
    task, events, _ = edit(task, "checklist", "- [ ] Two", "My words\n- [ ] Two")
    assert (events, "- [ ] Two\n- [x] Two" in render(task, "checklist")) == ((), True)


def test_boxes_in_code_and_in_other_documents_are_prose() -> None:
    _, events, _ = edit(working(), "checklist", "## Tests\n", "## Tests\n\n```\n- [ ] not an item\n```\n")
    assert events == ()
    _, events, _ = edit(working(), "plan", "## References\n", "- [ ] not an item\n\n## References\n")
    assert events == ()


def test_an_item_the_engine_adds_stands_at_the_end_of_its_list_in_a_text_somebody_typed() -> None:
    text = "# Mine\n\n## Model\n* [ ] one\n* [x] two\n\nSome words.\n"
    task = new()
    task = published(after(task, *diff(task, "checklist", text).events, actor="editor"))
    assert render(task, "checklist") == text
    task = after(task, happened.ItemAdded(id="c3", text="three", section="Model"))
    assert render(task, "checklist") == text.replace("two\n", "two\n* [ ] three\n")
    task = after(task, happened.ItemAdded(id="c4", text="four", section="Else"))
    block = "\n<!-- orchestrator:begin -->\n\n## Else\n\n- [ ] four\n\n<!-- orchestrator:end -->\n"
    assert render(task, "checklist") == text.replace("two\n", "two\n* [ ] three\n") + block


def test_a_new_section_of_our_own_checklist_is_put_at_its_end_without_a_block() -> None:
    task, _, _ = edit(working(), "checklist", "## Tests", "A word of mine.\n\n## Tests")
    task = after(task, happened.ItemAdded(id="c6", text="Write it up", section="Docs"))
    body = render(task, "checklist")
    assert body.endswith("- [ ] Test the associations\n\n## Docs\n\n- [ ] Write it up\n")
    assert "A word of mine." in body


def test_a_phase_may_be_typed_and_a_status_is_put_back() -> None:
    task, events, _ = edit(working(), "plan", "**Phase**: implementation", "**Phase**: review 🎉")
    assert events == (happened.PhaseChanged(phase="review 🎉"),)
    assert "**Phase**: review 🎉\n" in render(task, "progress")
    task, events, refused = edit(working(), "progress", "**Status**: in-progress", "**Status**: completed")
    assert events == ()
    assert len(refused) == 1
    assert "**Status**: in-progress\n" in render(task, "progress")


def test_a_value_that_means_the_same_stays_as_it_was_typed() -> None:
    task, events, refused = edit(working(), "progress", "**Status**: in-progress", "**Status:** In Progress ✅")
    assert (events, refused) == ((), ())
    assert "**Status:** In Progress ✅\n" in render(task, "progress")
    task = after(task, happened.TaskBlocked(reason="no key"))
    assert "**Status:** blocked\n" in render(task, "progress")


def test_a_workstream_is_edited_added_and_comes_back_when_removed() -> None:
    line = "- **tests** [pending] Tests of the model\n"
    _, events, _ = edit(working(), "plan", line, line.replace("pending", "In Progress"))
    assert events == (happened.WorkstreamChanged(id="tests", status="in-progress"),)
    _, events, _ = edit(working(), "progress", line, line + "- **docs** [done] A page\n")
    assert events == (happened.WorkstreamAdded(id="docs", description="A page", status="completed"),)
    task, events, _ = edit(working(), "plan", line, "")
    assert events == ()
    assert line in render(task, "plan")


def test_the_word_for_an_empty_section_goes_once_a_person_says_something_there() -> None:
    for kind, heading in (
        ("plan", "Workstreams"),
        ("architecture-notes", "Decisions"),
        ("progress", "Next Steps"),
        ("checklist", "Items"),
    ):
        empty = f"## {heading}\n\nNone\n"
        for typed in ("- call my mother\n\nNone\n", "None\n\n- call my mother\n", "- call my mother\nNone\n"):
            task, _, refused = edit(new(), kind, empty, f"## {heading}\n\n{typed}")
            assert f"## {heading}\n\n- call my mother\n" in render(task, kind)
            assert refused == ()
            assert render(task, kind) == render(new(), kind).replace(empty, f"## {heading}\n\n- call my mother\n") or (
                kind == "checklist"
            )


def test_free_text_written_under_the_word_for_no_text_is_free_text() -> None:
    task, events, _ = edit(
        new(), "plan", "## Plan\n\nNone\n", "## Plan\n\nNone\nFirst the model.\n\n### Risks\n\nNone\n"
    )
    assert events == (happened.ProseWritten(document="plan", text="First the model.\n\n### Risks\n\nNone"),)
    assert render(task, "plan").endswith("## Plan\n\nFirst the model.\n\n### Risks\n\nNone\n")


def test_the_word_none_of_a_person_stays() -> None:
    section = "## Risks\n\nNone\n\nthat I know of\n\n## References"
    task, _, _ = edit(new(), "plan", "## References", section)
    assert section in render(task, "plan")
    mine = "# Mine\n\n## Workstreams\n\nNone\n\n- call my mother\n"
    other = published(after(new(), *diff(new(), "plan", mine).events, actor="editor"))
    assert mine in render(other, "plan")


def test_lines_the_engine_changes_or_adds_end_as_most_lines_of_the_document_do() -> None:
    for typed in ("# Mine\r\n- [ ] a\r\n- [ ] b", "# Mine\n\r\n- [ ] a\r\n- [ ] b\r\n"):
        task = published(after(new(), *diff(new(), "checklist", typed).events, actor="editor"))
        task = after(task, happened.ItemChecked(id="c1"), happened.ItemAdded(id="c3", text="c"))
        end = "\r\n" if typed.endswith("\n") else ""
        assert render(task, "checklist").endswith(f"- [x] a\r\n- [ ] b\r\n- [ ] c{end}")
        task = after(task, happened.ItemAdded(id="c4", text="d", section="Else"))
        block = "\r\n".join(
            ["", "<!-- orchestrator:begin -->", "", "## Else", "", "- [ ] d", "", "<!-- orchestrator:end -->"]
        )
        assert render(task, "checklist").endswith(f"- [ ] c\r\n{block}{end}")


def test_a_fact_that_is_not_a_persons_may_be_said_again() -> None:
    for kind, old, again in (
        ("progress", "- **c2** Write src/models/user.js (R2, R3)", "- **c2** Write src/models/user.js"),
        ("completion-summary", "`src/models/user.js` – created", "`src/models/user.js`  –  created"),
        ("completion-summary", "passed (R5)", "passed"),
        (
            "architecture-notes",
            "`paranoid`\n  - Decided: 2026-03-01T09:30:00.000Z",
            "`paranoid`\n  - Decided: 2026-03-01",
        ),
        ("checklist", "**Status**: completed", "**Status**: ✅ Done"),
    ):
        assert edit(done(), kind, old, again)[1:] == ((), ())
    crlf = render(done(), "completion-summary").replace("\n", "\r\n")
    assert diff(published(done()), "completion-summary", crlf).refused == ()


def test_a_status_as_an_adopted_document_shows_it_may_be_typed_again_in_another_form() -> None:
    typed = "# Mine\n\n**Status**: Completed ✅\n\n- [x] a\n"
    task = new()
    task = published(after(task, *diff(task, "checklist", typed).events, actor="editor"))
    task = replace(task, adopted={"checklist": task})
    assert render(task, "checklist") == typed
    again = f"# Checklist – {task.id}\n\n**Status**: completed\n\n- [x] a\n- [x] b\n"
    found = diff(task, "checklist", again)
    assert found.refused == ()
    assert "- [x] b\n" in render(after(task, *found.events, actor="editor"), "checklist")


def test_an_illegal_move_is_refused_and_put_back() -> None:
    task, events, refused = edit(done(), "plan", "**model** [completed]", "**model** [pending]")
    assert events == ()
    assert refused == ("plan-K7Q2MX.md: model is completed and cannot become pending",)
    assert "- **model** [completed] The model and its migration\n" in render(task, "plan")


def test_a_decision_is_changed_added_and_keeps_its_time() -> None:
    _, events, _ = edit(working(), "architecture-notes", "  - Rationale: Rows are", "  - Rationale: Most rows are")
    (changed,) = events
    assert isinstance(changed, happened.DecisionChanged)
    assert changed.rationale == "Most rows are made on several machines"
    _, events, _ = edit(working(), "architecture-notes", "\n## Notes", "- **D3** No triggers\n\n## Notes")
    assert events == (happened.DecisionRecorded(id="D3", decision="No triggers"),)
    task, events, refused = edit(
        working(), "architecture-notes", "`paranoid`\n  - Decided: 2026", "`paranoid`\n  - Decided: 1999"
    )
    assert events == ()
    assert len(refused) == 1
    assert "1999" not in render(task, "architecture-notes")


def test_decisions_of_a_lightweight_task_stand_in_its_progress_report() -> None:
    task = after(new(mode="lightweight"), happened.DecisionRecorded(id="D1", decision="No triggers"))
    assert "- **D1** No triggers\n" in render(task, "progress")


def test_a_struck_blocker_is_resolved_and_a_new_one_raised() -> None:
    line = "- **B2** The migration folder is not configured\n"
    struck = "- **B2** ~~The migration folder is not configured~~ resolved: it is now\n"
    task, events, _ = edit(working(), "progress", line, struck + "- **B3** No time\n")
    assert events == (
        happened.BlockerResolved(id="B2", resolution="it is now"),
        happened.BlockerRaised(id="B3", text="No time"),
    )
    assert struck in render(task, "progress")
    _, events, refused = edit(working(), "progress", line, line.replace("migration", "seed"))
    assert events == ()
    assert len(refused) == 1


def test_the_bullets_under_next_steps_are_the_next_steps() -> None:
    _, events, _ = edit(working(), "progress", "- Run the tests\n", "- Run all tests\n- Rest\n")
    assert events == (happened.NextStepsSet(steps=("Write the migration", "Run all tests", "Rest")),)


def test_free_text_may_be_rewritten_with_headings_of_its_own() -> None:
    _, events, _ = edit(working(), "plan", "### Risks\n\nNone known.", "## Workstreams\n\n- **x** [pending] prose")
    text = "First the model, then its migration.\n\n## Workstreams\n\n- **x** [pending] prose"
    assert events == (happened.ProseWritten(document="plan", text=text),)


def test_lines_made_from_other_facts_come_back() -> None:
    task, events, _ = edit(working(), "progress", "- **c1** Look at the existing models (R1)\n", "")
    assert events == ()
    assert "- **c1** Look at the existing models (R1)\n" in render(task, "progress")
    task, _, refused = edit(done(), "completion-summary", '"tests": 12', '"tests": 99')
    assert len(refused) == 1
    assert '"tests": 12' in render(task, "completion-summary")


def test_sections_that_were_removed_come_back_in_one_block_at_the_end() -> None:
    body = render(published(working()), "progress")
    cut = body[body.index("## Workstreams") : body.index("## Blockers")]
    task, events, _ = edit(working(), "progress", cut, "")
    assert events == ()
    again = render(task, "progress")
    block = again[again.index("<!-- orchestrator:begin -->") :]
    assert again.startswith(body.replace(cut, ""))
    assert block.count("## ") == 2
    assert block.rstrip().endswith("<!-- orchestrator:end -->")


def test_a_fence_left_open_in_the_block_is_closed_before_a_section_is_added() -> None:
    typed = "# Mine\n\n<!-- orchestrator:begin -->\n```\nmake\n<!-- orchestrator:end -->\n"
    task = published(after(new(), TextEdited(document="architecture-notes", text=typed)))
    task = after(task, happened.DecisionRecorded(id="D1", decision="Use UUIDs"))
    body = render(task, "architecture-notes")
    assert "```\nmake\n```\n## Decisions\n\n- **D1** Use UUIDs\n" in body
    task = after(task, TextEdited(document="architecture-notes", text=body))
    assert render(task, "architecture-notes") == body


def test_what_stands_below_the_block_is_not_under_a_section_of_the_block() -> None:
    typed = "# Mine\n\n<!-- orchestrator:begin -->\n<!-- orchestrator:end -->\n\n- **w1** [pending] The model\n"
    task = published(after(new(), happened.WorkstreamAdded(id="w1", description="The model")))
    task = after(task, TextEdited(document="progress", text=typed))
    task = after(task, happened.ItemAdded(id="c1", text="Write it", checked=True))
    body = render(task, "progress")
    assert "## Completed Work\n\n- **c1** Write it\n" in body
    task = after(task, TextEdited(document="progress", text=body))
    assert render(task, "progress") == body


def test_mentions_of_archived_documents_are_moved_wherever_they_stand() -> None:
    text = "# Mine\n\nSee `.temp/plan-P4R7TW.md`, .temp/report_P4R7TW.md. "
    text += "Not .temp/plan-P4R7TW.mdx_ or .temp/plan-XP4R7TW.md.\n"
    task = published(after(working(), TextEdited(document="plan", text=text)))
    moved = render(after(task, happened.ReferenceMoved(task="P4R7TW")), "plan")
    assert "See `.temp/completed/plan-P4R7TW.md`, .temp/completed/report_P4R7TW.md. " in moved
    assert "Not .temp/plan-P4R7TW.mdx_ or .temp/plan-XP4R7TW.md." in moved
    own = published(
        after(done(), happened.ItemAdded(id="c9", text="Read .temp/plan-K7Q2MX.md"), happened.ArchiveBegun())
    )
    body = render(own, "checklist")
    assert "- [ ] Read .temp/completed/plan-K7Q2MX.md\n" in body
    assert diff(own, "checklist", body.replace("Read", "Look:\n- [ ] Read")).events[-1].encode()["type"] == "TextEdited"


def test_unknown_keys_of_the_status_survive_at_any_depth_and_in_their_place() -> None:
    task = published(working())
    data = json.loads(render(task, "task-status"))
    data = {"mine": {"deep": [1.5, None]}, **data}
    data["workstreams"][0] = {"findings": "x", **data["workstreams"][0], "status": "completed"}
    found = diff(task, "task-status", json.dumps(data))
    assert happened.WorkstreamChanged(id="model", status="completed") in found.events
    task = after(task, *found.events, happened.PhaseChanged(phase="tests"), actor="editor")
    again = json.loads(render(task, "task-status"))
    assert next(iter(again)) == "mine"
    assert again == {**data, "phase": "tests"}


def test_facts_of_the_status_that_are_not_a_persons_are_refused() -> None:
    task, events, refused = edit(working(), "task-status", '"agentId": "db-worker"', '"agentId": "me"')
    assert events == ()
    assert len(refused) == 1
    assert json.loads(render(task, "task-status"))["agentId"] == "db-worker"
    _, _, refused = edit(working(), "task-status", '"revision": 0', '"revision": 0,')
    assert "not JSON" in refused[0]


def test_what_is_refused_for_an_archived_task_is_still_recorded() -> None:
    task = after(done(), happened.ArchiveBegun())
    task, events, refused = edit(task, "checklist", "- [x] Write the migration\n", "- [ ] Mine\n")
    assert events == ()
    assert refused
    assert "- [ ] Mine\n" in task.texts["checklist"]
    assert "- [x] Write the migration\n" in render(task, "checklist")


def test_a_key_that_somebody_adds_to_the_usage_is_kept() -> None:
    task = published(working())
    typed = json.loads(render(task, "task-status"))
    typed["usage"]["note"] = "mine"
    task = after(task, *diff(task, "task-status", json.dumps(typed)).events, actor="editor")
    task = after(task, happened.PhaseChanged(phase="later"))
    assert json.loads(render(task, "task-status"))["usage"]["note"] == "mine"


def test_a_decision_that_was_reworded_stands_once_in_a_status_that_somebody_typed() -> None:
    task = published(working())
    typed = json.loads(render(task, "task-status"))
    typed["decisions"][0]["mine"] = 1
    task = after(task, *diff(task, "task-status", json.dumps(typed)).events, actor="editor")
    task = after(
        task,
        happened.DecisionRecorded(id="D3", decision="A third one"),
        happened.DecisionChanged(id="D1", decision="Use serial numbers"),
    )
    rows = json.loads(render(task, "task-status"))["decisions"]
    assert [row["decision"] for row in rows] == ["Use serial numbers", "Soft deletes with `paranoid`", "A third one"]
    assert rows[0]["mine"] == 1


def test_an_item_reworded_by_its_agent_keeps_its_line_when_others_are_added() -> None:
    task, _, _ = edit(working(), "checklist", "- [ ] Write the migration", "  * [✅] Write the migration")
    task = after(task, happened.ItemReworded(id="c3", text="Write two migrations"))
    task = after(task, happened.ItemAdded(id="c9", text="Write a seeder again", section="Model"))
    assert "  * [✅] Write two migrations\n" in render(task, "checklist")


def test_an_item_of_an_agent_stays_where_it_was_added_when_the_one_above_is_dropped() -> None:
    task, _, _ = edit(working(), "checklist", "- [ ] Write the migration", "Mine\n  * [ ] Write the migration")
    task = after(task, happened.ItemAdded(id="c9", text="Write a seeder again", section="Model"))
    assert "Mine\n  * [ ] Write the migration\n- [ ] Write a seeder again\n" in render(task, "checklist")
    task = after(task, happened.ItemDropped(id="c3", reason="not needed"))
    assert "Mine\n- [ ] Write a seeder again\n" in render(task, "checklist")
