"""A `.temp` folder as agents left it: adopting it changes nothing."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import pytest

from orchestrator.documents import diff, identify, kinds, render
from orchestrator.documents.stamp import unstamp_status
from orchestrator.engine import adoption
from orchestrator.engine.handmade import HandMade
from orchestrator.events import BlockerRaised, Commit, DecisionRecorded, Kind, PhaseChanged
from orchestrator.task import Task, digest
from orchestrator.transitions import follow

from .example import AT

CORPUS = Path(os.environ.get("ORCHESTRATOR_CORPUS") or Path(__file__).resolve().parents[3] / "shared" / "corpus")
FOLDER = CORPUS / "temp" / "hand-made"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the corpus: set ORCHESTRATOR_CORPUS")


def folder() -> dict[str, dict[Kind, str]]:
    """The readable documents, by task."""
    found: dict[str, dict[Kind, str]] = defaultdict(dict)
    for path in sorted(FOLDER.rglob("*")):
        if identity := identify(path.name):
            kind, task_id = identity
            text = path.read_bytes().decode()
            try:
                found[task_id][kind] = unstamp_status(text)[0] if kind == "task-status" else text
            except ValueError:
                continue
    return found


def adopt(task_id: str, texts: dict[Kind, str]) -> Task:
    """The task whose first commit takes the texts over, as the engine does."""
    events = adoption.adopt(HandMade(task_id, False, {}), texts)[0]
    first = Commit(revision=1, at=AT, actor="editor", events=events, uuid="u")
    task = follow(None, first, task_id)
    documents = {kind: digest(render(task, kind)) for kind in kinds(task)}
    return follow(None, first.model_copy(update={"documents": documents}), task_id)


def test_each_hand_made_document_renders_to_the_same_bytes() -> None:
    checked = 0
    for task_id, texts in folder().items():
        for kind, text in texts.items():
            rendered = render(adopt(task_id, {kind: text}), kind)
            assert rendered == text or (kind == "task-status" and rendered.startswith(text.rstrip("}\n"))), task_id
            checked += 1
    assert checked > 150


def test_a_task_adopted_with_all_its_documents_renders_each_to_the_same_bytes() -> None:
    for task_id, texts in folder().items():
        task = adopt(task_id, texts)
        for kind, text in texts.items():
            if kind != "task-status":
                assert render(task, kind) == text, (task_id, kind)


def test_hand_made_json_keeps_keys_order_and_values_and_new_keys_come_last() -> None:
    for task_id, texts in folder().items():
        if "task-status" in texts:
            text = texts["task-status"]
            assert render(adopt(task_id, texts), "task-status").startswith(text.removesuffix("\n}\n")), task_id


def test_what_happens_after_the_adoption_is_said_in_every_document_it_belongs_to() -> None:
    for task_id, texts in folder().items():
        task = adopt(task_id, texts)
        events = (
            BlockerRaised(id=task.fresh_id("B"), text="A blocker of today"),
            DecisionRecorded(id=task.fresh_id("D"), decision="A decision of today"),
            PhaseChanged(phase="a phase of today"),
        )
        task = follow(task, Commit(revision=2, at=AT, actor="worker", events=events), task_id)
        assert render(task, "progress").count("A blocker of today") == 1, task_id
        assert render(task, "architecture-notes").count("A decision of today") == 1, task_id
        assert '"a phase of today"' in render(task, "task-status")
        for kind in kinds(task):
            assert diff(task, kind, render(task, kind)).events == ()
