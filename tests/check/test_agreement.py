"""What people write of a workstream, and what the status document says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.check import check

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
