"""Folders and documents as large as they may be: what took a time that grows with their square would take minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.check import check
from orchestrator.engine import Engine
from orchestrator.engine.handmade import survey

LINES = 100_000
LINE = {
    "lines of a log": "2025-10-30 10:00:00 INFO ok",
    "empty lines": "",
    "spaces": " \t ",
    "times": "**Updated**: 2025-10-30",
    "percentages": "Progress: 10%",
    "references": "As in .temp/plan-AB22AB.md.",
    "fences": "```",
}


@pytest.mark.parametrize("fenced", [False, True])
@pytest.mark.parametrize("line", LINE)
def test_a_document_of_a_hundred_thousand_lines_is_read_line_by_line(tmp_path: Path, line: str, fenced: bool) -> None:
    fence = "```\n" if fenced else ""
    text = (
        f"# Progress\n\n**Status**: Done\n{fence}" + f"{LINE[line]}\n" * LINES + fence + "**Completed**: 2999-01-01\n"
    )
    (tmp_path / "progress-AB22AB.md").write_text(text)
    (tmp_path / "task-status-AB22AB.json").write_text('{"startedAt": "2025-10-01"}')
    found = check(tmp_path).findings
    if line != "fences" or not fenced:
        assert "time-in-the-future" in {one.rule for one in found}


def test_ten_thousand_items_are_adopted_one_by_one(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    temp.mkdir()
    path = temp / "checklist-AB22AB.md"
    path.write_text("# Checklist\n\n" + "".join(f"- [x] Write part {number}\n" for number in range(10_000)))
    before = path.read_text()
    engine = Engine(temp)
    task = engine.adopt(*survey(temp).found)[0].task
    engine.close()
    assert sum(item.checked for item in task.items) == 10_000
    assert path.read_text().startswith(before)
