"""Taking over a `.temp` that was kept by hand: the words stay, the facts are the engine's."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from orchestrator import documents
from orchestrator.engine import Engine
from orchestrator.engine.handmade import HandMade, survey
from orchestrator.events import ItemChecked
from orchestrator.task import Task

CORPUS = Path(os.environ.get("ORCHESTRATOR_CORPUS") or Path(__file__).resolve().parents[3] / "shared" / "corpus")
FOLDER = CORPUS / "temp" / "hand-made"
corpus = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the corpus: set ORCHESTRATOR_CORPUS")

STATUS = """\
{
  "taskId": "user-model-migration",
  "agentId": "db-worker",
  "startedAt": "2025-10-24T09:00:00Z",
  "description": "Create a User model",
  "relatedAgentFiles": ["plan.md", ".temp/plan-Q9W8E7.md"],
  "workstreams": [
    {"id": "w1", "status": "completed", "notes": "quick"},
    {"id": "w2", "status": "in_progress"},
    {"id": "w3", "status": "deferred", "owner": "nobody"},
    {"id": "w4", "status": "not-started"},
    {"id": "w5", "status": "partially-completed"},
    {"id": "w6", "status": "somewhat"}
  ],
  "decisions": [{"timestamp": "2025-10-24T09:30:00Z", "decision": "UUIDs"}],
  "metrics": {"lines": 1.50}
}
"""
CHECKLIST = """\
# Checklist: user model

## Models
- [x] Write the model
- [✅] Write its test
- [ ] Write the model
  - [X] nested
- ✅ told without a box

## Rest
* [ ] Write the migration
"""
PROGRESS = "# Progress\n\n**Status**: In Progress ✅\n\n## Workstreams\n\n- **w1** [pending] not what the JSON says\n"


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    (tmp_path / ".temp" / "completed").mkdir(parents=True)
    return tmp_path / ".temp"


def write(temp: Path, **texts: str) -> dict[Path, bytes]:
    """Documents of K7Q2MX, by their kind; returns what is in each."""
    kinds = {name.replace("_", "-"): text.encode() for name, text in texts.items()}
    found = {temp / documents.file_name(kind, "K7Q2MX"): data for kind, data in kinds.items()}
    for path, data in found.items():
        path.write_bytes(data)
    return found


def look(temp: Path, engine: Engine) -> dict[str, HandMade]:
    return {row.id: row for row in survey(temp, engine.ids()).found}


def adopt(temp: Path, task_id: str = "K7Q2MX") -> tuple[Task, tuple[str, ...]]:
    engine = Engine(temp)
    try:
        return engine.adopt(look(temp, engine)[task_id])
    finally:
        engine.close()


def contents(folder: Path) -> dict[str, bytes]:
    """Every file people see, by its place."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".orchestrator" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def assert_kept(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """No file is gone, Markdown has the same bytes above its stamp, JSON its keys, their order and their values."""
    raw = [data for name, data in after.items() if "set-aside" in name]
    for name, data in before.items():
        if documents.identify(Path(name).name) is None:
            assert after[name] == data, name
        elif name.endswith(".json"):
            try:
                said = json.loads(data)
            except ValueError:
                assert data in raw, f"{name}: not kept"
                continue
            assert list(json.loads(after[name]).items())[: len(said)] == list(said.items()), name
        elif data.strip():
            body, stamp = documents.unstamp("plan", after[name].decode())
            assert stamp, name
            assert body.encode() == data, name


def test_every_word_and_every_fact_of_hand_made_documents_is_kept(temp: Path) -> None:
    written = write(temp, task_status=STATUS, checklist=CHECKLIST, progress=PROGRESS, plan="No newline at the end")
    before = contents(temp)
    task, notes = adopt(temp)
    assert_kept(before, contents(temp))
    assert len(written) == 4
    assert (task.status, task.agent, task.started_at) == ("in-progress", "db-worker", "2025-10-24T09:00:00Z")
    assert [row.status for row in task.workstreams] == [
        "completed",
        "in-progress",
        "pending",
        "pending",
        "in-progress",
        "pending",
    ]
    assert [(item.text, item.checked) for item in task.items] == [
        ("Write the model", True),
        ("Write its test", True),
        ("Write the model", False),
        ("nested", True),
        ("Write the migration", False),
    ]
    assert task.decisions[0].at == "2025-10-24T09:30:00Z"
    assert [note for note in notes if "somewhat" in note]


def said(temp: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((temp / "task-status-K7Q2MX.json").read_text())
    return data


def test_what_the_json_does_not_say_is_added_behind_it(temp: Path) -> None:
    write(temp, task_status=STATUS)
    adopt(temp)
    known = list(json.loads(STATUS))
    assert list(said(temp))[: len(known)] == known
    assert list(said(temp))[len(known) :] == ["status", "phase", "mode", "revision", "updatedAt", "usage", "sync"]


def test_ticking_an_item_changes_its_line_and_what_is_the_engines_own(temp: Path) -> None:
    write(temp, task_status=STATUS, checklist=CHECKLIST, progress=PROGRESS)
    task, _ = adopt(temp)
    before = contents(temp)
    engine = Engine(temp)
    engine.commit(task.id, [ItemChecked(id=task.items[2].id)], actor="user")
    engine.close()
    assert_ticked(before, contents(temp), task.id)


def assert_ticked(before: dict[str, bytes], after: dict[str, bytes], task_id: str) -> None:
    """One line of the checklist differs, the others have lost none, and the JSON no value that is not derived."""
    assert before.keys() == after.keys()
    for name, data in before.items():
        identity = documents.identify(Path(name).name)
        if identity is None or identity[1] != task_id:
            assert after[name] == data, name
        elif name.endswith(".json"):
            old, new = json.loads(data), json.loads(after[name])
            changed = {key for key in new if old.get(key) != new[key]}
            assert changed <= {"revision", "updatedAt", "usage", "sync"}, changed
        else:
            old, new = (documents.unstamp("plan", text.decode())[0].split("\n") for text in (data, after[name]))
            if identity[0] == "checklist":
                assert len(old) == len(new)
                assert len([1 for one, other in zip(old, new, strict=True) if one != other]) == 1
            else:
                rest = iter(new)
                assert all(line in rest for line in old if line.strip() != "None"), name


@corpus
def test_each_task_of_the_corpus_is_adopted_and_takes_a_tick(tmp_path: Path) -> None:
    temp = tmp_path / ".temp"
    shutil.copytree(FOLDER, temp)
    before = contents(temp)
    engine = Engine(temp)
    seen = survey(temp, engine.ids())
    tasks = [engine.adopt(found)[0] for found in seen.found]
    assert len(tasks) >= 36
    assert_kept(before, contents(temp))
    for task in tasks:
        if task.archived:
            engine.reopen(task.id)
        still = [item for item in task.items if not item.checked]
        if still and task.items:
            earlier = contents(temp)
            engine.commit(task.id, [ItemChecked(id=still[-1].id)], actor="user")
            assert_ticked(earlier, contents(temp), task.id)
    assert not survey(temp, engine.ids()).found
    engine.close()
