"""A `.temp` folder as agents left it: the facts of each task are those that a person read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from orchestrator.check import Facts, check

CORPUS = Path(os.environ.get("ORCHESTRATOR_CORPUS") or Path(__file__).resolve().parents[3] / "shared" / "corpus")
FOLDER = CORPUS / "temp" / "hand-made"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the corpus: set ORCHESTRATOR_CORPUS")


def row(task: Facts) -> dict[str, object]:
    done, total = task.items or (None, None)
    return {
        "ws": task.workstreams,
        "done": done,
        "total": total,
        "progress": task.progress,
        "summary": task.summary,
        "archived": task.archived,
    }


def test_the_facts_of_every_task_are_those_that_a_person_read() -> None:
    expected = json.loads((CORPUS / "temp" / "expected.json").read_text())
    found = {task.id: row(task) for task in check(FOLDER).tasks}
    assert found == {task["id"]: {key: task[key] for key in found[task["id"]]} for task in expected}


def test_every_finding_points_at_lines_that_are_there() -> None:
    findings = check(FOLDER, str(FOLDER)).findings
    assert findings
    for finding in findings:
        for witness in finding.witnesses:
            if witness.line is not None:
                assert witness.line <= len(Path(witness.path).read_text().splitlines()), finding
