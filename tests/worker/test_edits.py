"""Documents that people, commands and the agent itself change while it works."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.worker import Moment

from .conftest import DONE, PLAN, WRITE, Stage

LOOK = "- calls: [{Read: {file_path: nowhere}}]"
PUT_BACK = "was missing, emptied or outdated; it was put back"


def meanwhile(stage: Stage, act: Callable[[], object], turn: int = 2) -> None:
    """Somebody acts while the calls of a turn are run."""

    def watch(moment: Moment) -> None:
        if moment.kind == "call" and len(stage.requests) == turn:
            act()

    stage.watch = watch


def test_what_a_person_edits_during_the_run_is_recorded_and_told_in_words(stage: Stage) -> None:
    new = "- [ ] The note is written\n- [ ] It is signed\n"
    meanwhile(stage, lambda: stage.edit("checklist", "- [ ] The note is written\n", new))
    stage.play(
        f"- calls: [{PLAN}, {WRITE}]",
        "- calls: [{Sync: {phase: signing}}]",
        """
        - expect: '(?s)Somebody edited the documents.*Added the item c2: It is signed'
          calls:
          - Sync: {check_items: [{item: c1, evidence: [R2]}]}
          - Bash: {command: echo me >>note.txt}
          - Sync: {check_items: [{item: c2, evidence: [R5]}]}
          - Finish: {summary: Written and signed.}
        """,
    )
    assert "- [x] It is signed" in stage.document("checklist").read_text()
    assert "A command of yours" not in stage.told[2]
    assert "Somebody edited" not in stage.told[3]


def test_what_a_person_edits_before_a_resume_is_told_at_once(stage: Stage) -> None:
    begin = "- calls: [{Sync: {add_items: [{text: The note is written}], raise_blockers: [No ink]}}]\n- say: I wait."
    stage.play(begin)
    stage.edit("checklist", "The note is written", "The letter is written")
    stage.play(
        begin,
        f"""
        - expect: 'Reworded the item c1, which now reads: The letter is written'
          calls: [{WRITE}, {{Sync: {{resolve_blockers: [{{id: B1, resolution: ink}}]}}}}]
        """,
        DONE,
    )


def test_what_a_person_edits_while_the_model_is_asked_at_a_limit_is_told_first_thing_after(stage: Stage) -> None:
    stage.start()
    with stage.team() as team:
        team.allow(stage.id, stage.task.limits.model_copy(update={"turns": 1}))
    begin = f"- calls: [{PLAN}, {WRITE}]"
    stage.play(begin)
    stage.edit("checklist", "The note is written", "The letter is written")
    with stage.team() as team:
        team.allow(stage.id, stage.task.limits.model_copy(update={"turns": 9}))
    stage.play(begin, DONE.replace("- calls", "- expect: The letter is written\n  calls"))


@pytest.mark.parametrize("kind", ["checklist", "progress", "plan", "task-status"])
@pytest.mark.parametrize("harm", ["deleted", "emptied", "cut off"])
def test_a_document_harmed_during_the_run_comes_back(stage: Stage, kind: str, harm: str) -> None:
    def act() -> None:
        path = stage.document(kind)
        match harm:
            case "deleted":
                path.unlink()
            case "emptied":
                path.write_bytes(b"")
            case "cut off":
                path.write_bytes(path.read_bytes()[:40])

    meanwhile(stage, act)
    stage.play(f"- calls: [{PLAN}, {WRITE}]", LOOK, DONE)
    assert len(stage.document(kind).read_bytes()) > 100
    assert stage.task.status == "archived"
    assert "- [x] The note is written" in stage.document("checklist").read_text()


def test_a_document_made_unreadable_is_set_aside_comes_back_and_is_named(stage: Stage) -> None:
    meanwhile(stage, lambda: stage.document("task-status").write_text('{"status": "compl'))
    stage.play(f"- calls: [{PLAN}, {WRITE}]", LOOK, DONE)
    assert "An edit of the document task-status could not be obeyed" in stage.told[2]
    (aside,) = (stage.temp / "completed").glob(f"set-aside-*{stage.id}*")
    assert aside.read_text() == '{"status": "compl'


@pytest.mark.parametrize("writes", ["", "; echo more >>note.txt"], ids=["", "and writes a file"])
@pytest.mark.parametrize(
    "command", ["rm .temp/checklist-*", "mv .temp/checklist-* notes", ": >.temp/checklist-{{id}}.md"]
)
def test_documents_that_a_command_removed_come_back_and_the_model_is_told(
    stage: Stage, command: str, writes: str
) -> None:
    stage.play(f"- calls: [{PLAN}, {WRITE}, {{Bash: {{command: '{command}{writes}'}}}}]", DONE)
    assert "A command of yours changed documents" in stage.told[1]
    assert f"The document checklist {PUT_BACK}" in stage.told[1]
    assert "- [x] The note is written" in stage.document("checklist").read_text()


def test_a_tick_made_by_a_command_is_told_and_lacks_evidence_which_finish_says(stage: Stage) -> None:
    tick = "sed -i 's/- \\[ \\]/- [x]/' .temp/checklist-{{id}}.md"
    stage.play(
        f"- calls: [{PLAN}, {WRITE}]",
        f"""
        - calls: [{{Bash: {{command: "{tick.replace(chr(92), chr(92) * 2)}"}}}}]
        - expect: '(?s)A command of yours.*Checked the item c1'
          calls: [{{Sync: {{phase: done}}}}, {{Finish: {{summary: Done.}}}}]
        - expect: 'c1 “The note is written” is checked without proof: no evidence'
          calls:
          - Sync: {{check_items: [{{item: c1, evidence: [R2]}}]}}
          - Finish: {{summary: Done.}}
        """,
    )
    assert "Somebody edited" not in "".join(stage.told)
    assert stage.task.status == "archived"


def test_a_tick_that_a_person_made_needs_no_evidence(stage: Stage) -> None:
    meanwhile(stage, lambda: stage.edit("checklist", "- [ ] The", "- [x] The"))
    stage.play(f"- calls: [{PLAN}]", LOOK, "- calls: [{Finish: {summary: It was done already.}}]")
    assert stage.task.status == "archived"


def test_writing_its_own_document_is_an_edit_of_it(stage: Stage) -> None:
    stage.play(
        f"- calls: [{PLAN}, {WRITE}]",
        """
        - calls:
          - Edit: {file_path: ".temp/checklist-{{id}}.md", old_string: The note is, new_string: The short note is}
        - calls:
          - Edit: {file_path: ".temp/checklist-{{id}}.md", old_string: "- [ ] The", new_string: "- [x] The"}
        """,
        DONE,
    )
    assert [receipt.outcome for receipt in stage.task.receipts[2:4]] == ["ok", "error"]
    assert "no evidence" in stage.told[3]
    assert "- [x] The short note is written" in stage.document("checklist").read_text()
    assert "edited the documents" not in "".join(stage.told)


def test_two_edits_of_one_document_in_one_message_both_hold(stage: Stage) -> None:
    stage.play(
        "- calls: [{Sync: {add_items: [{text: The note is written}, {text: The pen is put away}]}}]",
        """
        - calls:
          - Edit: {file_path: ".temp/checklist-{{id}}.md", old_string: The note is, new_string: The short note is}
          - Edit: {file_path: ".temp/checklist-{{id}}.md", old_string: The pen is, new_string: The red pen is}
          - Write: {file_path: note.txt, content: hello}
        - calls:
          - Sync: {check_items: [{item: c1, evidence: [R4]}, {item: c2, evidence: [R4]}]}
          - Finish: {summary: Done.}
        """,
    )
    checklist = stage.document("checklist").read_text()
    assert "- [x] The short note is written" in checklist
    assert "- [x] The red pen is put away" in checklist


def test_a_sync_and_an_edit_in_one_message_both_hold(stage: Stage) -> None:
    stage.play(
        f"- calls: [{PLAN}, {WRITE}]",
        """
        - calls:
          - Sync: {phase: signing, add_items: [{text: It is signed}]}
          - Edit: {file_path: ".temp/checklist-{{id}}.md", old_string: The note is, new_string: The short note is}
        - calls:
          - Bash: {command: echo me >>note.txt}
          - Sync: {check_items: [{item: c1, evidence: [R2]}, {item: c2, evidence: [R5]}]}
          - Finish: {summary: Done.}
        """,
    )
    checklist = stage.document("checklist").read_text()
    assert "- [x] The short note is written" in checklist
    assert "- [x] It is signed" in checklist
    assert stage.task.receipts[3].outcome == "ok"


def test_documents_of_another_task_are_read_but_not_written(stage: Stage) -> None:
    stage.agent("architect")
    other = stage.start("architect")
    before = (stage.temp / f"plan-{other}.md").read_bytes()
    stage.play(
        f"""
        - calls:
          - {PLAN}
          - {WRITE}
          - Read: {{file_path: .temp/plan-{other}.md}}
          - Write: {{file_path: .temp/plan-{other}.md, content: mine}}
          - Edit: {{file_path: .temp/plan-{other}.md, old_string: a, new_string: b, replace_all: 'true'}}
          - Write: {{file_path: .temp/.orchestrator/journal/{other}.jsonl, content: mine}}
        """,
        DONE,
    )
    assert [receipt.outcome for receipt in stage.task.receipts[2:6]] == ["ok", "error", "error", "error"]
    assert stage.told[1].count("is a document of another task") == 2
    assert (stage.temp / f"plan-{other}.md").read_bytes() == before


def test_a_report_beside_the_documents_is_archived_with_the_task(stage: Stage) -> None:
    report = "{Write: {file_path: '.temp/audit-{{id}}.md', content: All is well.}}"
    stage.play(f"- calls: [{PLAN}, {report}]", DONE)
    assert (stage.temp / "completed" / f"audit-{stage.id}.md").read_text() == "All is well."
