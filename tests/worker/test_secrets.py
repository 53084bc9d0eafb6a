"""Secrets reach neither a command nor the model nor the disk."""

from __future__ import annotations

import json

import pytest

from orchestrator.worker import Moment

from .conftest import DONE, PLAN, WRITE, Stage

SECRET = "hunter2-hunter2"


@pytest.fixture
def keeper(stage: Stage) -> Stage:
    """A stage whose environment and workspace hold a secret."""
    stage.environment |= {"DB_PASSWORD": SECRET, "DB_URL": f"postgres://me:{SECRET}@db", "EDITOR": "vi"}
    (stage.workspace / "config.ini").write_text(f"password = {SECRET}\n")
    return stage


def assert_kept(stage: Stage) -> None:
    assert SECRET.encode() not in stage.everything_kept()
    assert SECRET not in json.dumps(stage.requests)


def test_a_command_does_not_have_them_in_its_environment(keeper: Stage) -> None:
    keeper.play(f"- calls: [{PLAN}, {WRITE}, {{Bash: {{command: env >seen.txt}}}}]", DONE)
    seen = (keeper.workspace / "seen.txt").read_text()
    assert "EDITOR=vi" in seen
    assert "PASSWORD" not in seen
    assert SECRET not in seen


@pytest.mark.parametrize("call", ["{Read: {file_path: config.ini}}", "{Bash: {command: cat config.ini}}"])
def test_what_a_call_shows_is_masked(keeper: Stage, call: str) -> None:
    keeper.play(f"- calls: [{PLAN}, {WRITE}, {call}]", DONE)
    assert "password = [masked DB_PASSWORD]" in keeper.told[1]
    assert_kept(keeper)


def test_a_large_output_is_masked_where_it_is_kept(keeper: Stage) -> None:
    keeper.play(f"- calls: [{PLAN}, {WRITE}, {{Bash: {{command: 'yes $(cat config.ini) | head -2000'}}}}]", DONE)
    assert "the whole output is kept as" in keeper.told[1]
    assert b"[masked DB_PASSWORD]\n" in keeper.everything_kept()
    assert_kept(keeper)


@pytest.mark.parametrize(
    "call",
    [
        f"{{Bash: {{command: echo {SECRET} >/dev/null}}}}",
        f"{{Sync: {{phase: using {SECRET}, add_items: [{{text: Use {SECRET}}}], plan: With {SECRET}.}}}}",
        f"{{Sync: {{check_items: [{{item: '{SECRET}', evidence: [R1]}}]}}}}",
        f"{{Edit: {{file_path: '.temp/plan-{{{{id}}}}.md', old_string: '#', new_string: '# {SECRET}', "
        "replace_all: true}}",
    ],
    ids=["a command", "a record", "a refused record", "an own document"],
)
def test_what_the_model_says_itself_is_masked_in_all_that_is_kept(keeper: Stage, call: str) -> None:
    keeper.play(f"- say: I know {SECRET}.\n  calls: [{call}, {{Sync: {{raise_blockers: [{SECRET}]}}}}]", "- say: So.")
    assert "[masked DB_PASSWORD]" in keeper.task.blockers[0].text
    assert_kept(keeper)


def test_the_description_is_masked(keeper: Stage) -> None:
    keeper.start(description=f"Use {SECRET} for the database")
    keeper.play(f"- calls: [{PLAN}, {WRITE}]", DONE)
    assert "Use [masked DB_PASSWORD] for the database" in keeper.told[0]
    assert_kept(keeper)


def test_what_a_person_types_into_a_document_is_masked_for_the_model(keeper: Stage) -> None:
    def type_it(moment: Moment) -> None:
        if moment.kind == "call" and len(keeper.requests) == 2:
            keeper.edit("checklist", "The note is written", f"The note says {SECRET}")

    keeper.watch = type_it
    keeper.play(f"- calls: [{PLAN}, {WRITE}]", "- calls: [{Sync: {phase: writing}}]", DONE)
    assert "The note says [masked DB_PASSWORD]" in keeper.told[2]
    assert SECRET not in json.dumps(keeper.requests)


def test_what_a_verification_printed_is_masked_and_not_left_behind(keeper: Stage) -> None:
    keeper.start(verify=("cat config.ini; test -f ready",))
    keeper.play(
        f"- calls: [{PLAN}, {WRITE}, {{Finish: {{summary: Done.}}}}]",
        "- calls: [{Bash: {command: touch ready}}]",
        DONE,
    )
    assert "password = [masked DB_PASSWORD]" in keeper.told[1]
    assert_kept(keeper)
