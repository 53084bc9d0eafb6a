"""Everything said to a model: each prompt renders with its values, and code finds every word it looks up."""

from __future__ import annotations

import re

import pytest

from orchestrator import prompts, shipped
from orchestrator.events import Event

VALUES = {
    "_standard-orchestration": "",
    "brief": "task_id agent description workspace temp mode place documents others parent agents limits verify"
    " output_schema",
    "apart": "temp",
    "begin": "",
    "renewed": "turns documents missing receipts",
    "document": "file text",
    "other-task": "id agent goal phase status shared decisions artifacts blockers documents",
    "task": "id agent goal phase status reason workstreams items decisions blockers artifacts documents",
    "decided": "changes",
    "children-touched": "changes",
    "asked": "changes",
    "cancelled": "",
    "edited": "changes",
    "edited-by-command": "changes",
    "elsewhere": "changes",
    "message": "changes",
    "interrupted": "calls",
    "sync-due": "triggers",
    "sync-refused": "",
    "stuck": "reason",
    "silence": "seconds reason",
    "unfinished": "missing attempts_left",
    "cut-short": "",
    "malformed": "",
    "continue": "reason",
}
LINES = {
    "absent": {"others", "place", "parent", "agents", "limits", "verify", "output_schema", "list", "rest"},
    "triggers": {"files-changed", "check-ran", "dependency-moved", "calls-without-sync"},
    "changes": {"ItemChecked", "DecisionRecorded", "CallUnknown"},
}


@pytest.mark.parametrize("name", VALUES)
def test_a_prompt_renders_with_exactly_its_values(name: str) -> None:
    values = {key: f"<{key} {{{{x}}}} \\1>" for key in VALUES[name].split()}
    text = prompts.render(name, **values)
    assert all(value in text for value in values.values())
    assert "<!--" not in text


@pytest.mark.parametrize("name", LINES)
def test_a_list_of_lines_has_the_keys_that_code_looks_up(name: str) -> None:
    found = prompts.lines(name)
    assert LINES[name] <= found.keys()
    assert all(found.values())


def test_there_is_no_prompt_that_nobody_tests() -> None:
    assert {path.stem for path in shipped.folder("prompts").glob("*.md")} == VALUES.keys() | LINES.keys()


def test_a_missing_or_superfluous_value_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"prompt edited: missing \['changes'\], superfluous \['change'\]"):
        prompts.render("edited", change="x")


def test_the_brief_says_id_and_workspace_on_lines_of_their_own() -> None:
    values = dict.fromkeys(VALUES["brief"].split(), "-") | {"task_id": "K7Q2MX", "workspace": "/somewhere"}
    assert {"Task id: K7Q2MX", "Workspace: /somewhere"} <= set(prompts.render("brief", **values).splitlines())


def test_the_words_for_a_change_use_only_what_its_event_says() -> None:
    given = {"text", "fields"}
    calls = {"tool", "call"}
    for name, line in prompts.lines("changes").items():
        fields = (
            set(Event.kinds[name].model_fields) | given
            if name in Event.kinds
            else calls | {"document", "task", "previous", "text", "agent", "count"}
        )
        assert set(re.findall(r"\{\{(\w+)\}\}", line)) <= fields


def test_the_standard_prompt_names_every_document_and_all_seven_triggers() -> None:
    text = prompts.render("_standard-orchestration")
    for kind in ("task-status", "plan", "checklist", "progress", "architecture-notes", "completion-summary"):
        assert f"`{kind}-ID." in text
    assert [int(number) for number in re.findall(r"^(\d)\. \*\*", text, re.MULTILINE)] == [1, 2, 3, 4, 5, 6, 7]
