"""What a task was at a revision, from its journal alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator import documents
from orchestrator.documents import file_name
from orchestrator.engine import Engine
from orchestrator.errors import Damaged, Refused, UsageError
from orchestrator.events import (
    CallSettled,
    Intent,
    ItemAdded,
    ItemChecked,
    Kind,
    ModelReplied,
    PhaseChanged,
    Receipt,
    TaskCompleted,
    TaskCreated,
)
from orchestrator.revisions import Line, Revisions, is_exact

from .edits import edited, happening, words

CREATED = TaskCreated(agent="db-worker", description="Create a User model")
Texts = dict[str, bytes]


class Run:
    """A folder with a task, and what stood on the disk after each of its revisions that was looked at."""

    def __init__(self, temp: Path) -> None:
        self.temp = temp
        self.engine = Engine(temp)
        self.id = self.engine.create(CREATED).id
        self.engine.lease(self.id).release()
        self.stood: dict[int, Texts] = {}
        self.look()

    def look(self) -> None:
        revision = self.engine.since(self.id, 0)[-1].revision
        self.stood[revision] = {
            str(path.relative_to(self.temp)): path.read_bytes()
            for folder in (self.temp, self.temp / "completed")
            for path in folder.glob(f"*-{self.id}.*")
            if documents.identify(path.name)
        }

    def step(self, draw: Callable[[Any], Any]) -> None:
        """Something happens to it, or somebody edits a document; what is refused does not."""
        task = self.engine.refresh(self.id).task
        self.look()
        action = draw(st.integers(0, 10))
        with suppress(Refused):
            if action < 4:
                self.engine.commit(
                    self.id, [happening(task, draw) for _ in range(draw(st.integers(1, 3)))], actor="user"
                )
            elif action < 7:
                self.edit(draw, draw(st.sampled_from(documents.kinds(task))))
            elif action == 7:
                self.id = self.engine.rename(self.id).id
            elif action == 8:
                revision = draw(st.sampled_from(sorted(self.stood)))
                self.id = self.engine.fork(self.id, revision).id
                self.stood = {known: texts for known, texts in self.stood.items() if known <= revision}
            elif task.open:
                self.engine.commit(self.id, [TaskCompleted(summary=draw(words))], actor="user")
                self.engine.archive(self.id)
            else:
                self.engine.reopen(self.id)
        self.engine.refresh(self.id)
        self.look()

    def edit(self, draw: Callable[[Any], Any], kind: Kind) -> None:
        folder = self.temp / "completed" if self.engine.refresh(self.id).task.archived else self.temp
        path = folder / file_name(kind, self.id)
        path.write_bytes(edited(draw, kind, path.read_bytes().decode()).encode("utf-8", "surrogatepass"))
        os.utime(path, (0, 0))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_each_document_at_a_revision_is_what_stood_on_the_disk_then_byte_for_byte(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder, ".temp"))
        for _ in range(data.draw(st.integers(1, 8))):
            run.step(data.draw)
        run.engine.close()
        revisions = Revisions(run.temp, run.id)
        for revision, stood in run.stood.items():
            task = revisions.at(revision)
            bodies = {kind: documents.render(task, kind) for kind in documents.kinds(task)}
            place = "completed/" if task.archived else ""
            told = {
                place + file_name(kind, task.id): documents.stamp(task, kind, body).encode("utf-8", "surrogatepass")
                for kind, body in bodies.items()
            }
            assert told == stood, f"r{revision}"
            assert all(is_exact(task, kind, body) for kind, body in bodies.items())
        for kind in documents.kinds(task):
            assert "\n".join(line.text for line in revisions.blame(kind)) == bodies[kind].removesuffix("\n")


def call(number: int, tool: str) -> CallSettled:
    return CallSettled(receipt=Receipt(id=f"R{number}", call=f"t{number}", tool=tool, outcome="ok"))


def wrote(lines: list[Line], text: str) -> tuple[int, str, str | None]:
    """Who wrote the line that holds this text."""
    (line,) = (line for line in lines if text in line.text)
    return line.revision, line.actor, line.call.id if line.call else None


def test_blame_names_the_commit_and_the_call_that_wrote_a_line(tmp_path: Path) -> None:
    run = Run(tmp_path / ".temp")
    model, seeder = ItemAdded(id="c1", text="Write the model"), ItemAdded(id="c2", text="Write the seeder")
    run.engine.commit(run.id, [call(1, "Sync"), model, call(2, "Sync"), seeder], actor="worker")
    path = run.temp / f"checklist-{run.id}.md"
    path.write_text(path.read_text().replace("## Items", "Kim was here\n\n## Items"))
    os.utime(path, (0, 0))
    run.engine.refresh(run.id)
    run.engine.commit(run.id, [ItemChecked(id="c2")], actor="user")
    lines = Revisions(run.temp, run.id).blame("checklist")
    assert wrote(lines, "# Checklist") == (1, "user", None)
    assert wrote(lines, "Write the model") == (3, "worker", "R1")
    assert wrote(lines, "Kim was here") == (4, "editor", None)
    assert wrote(lines, "Write the seeder") == (5, "user", None)


def test_blame_names_the_call_that_wrote_the_document_itself(tmp_path: Path) -> None:
    run = Run(tmp_path / ".temp")
    block = {"type": "tool_use", "id": "t1", "name": "Write", "input": {"file_path": f".temp/plan-{run.id}.md"}}
    said = ModelReplied(content=(block,), stop_reason="tool_use", model="m")
    run.engine.commit(run.id, [said], actor="worker")
    text = (run.temp / f"plan-{run.id}.md").read_text().replace("## Plan\n\nNone", "## Plan\n\nFirst the model")
    events = [call(1, "Write"), call(2, "Bash")]
    run.engine.commit(run.id, events, actor="worker", texts={"plan": text})
    assert wrote(Revisions(run.temp, run.id).blame("plan"), "First the model") == (4, "worker", "R1")


def test_a_line_that_an_agent_s_command_typed_is_that_call_s(tmp_path: Path) -> None:
    run = Run(tmp_path / ".temp")
    intent = Intent(call="t1", tool="Bash", command="echo Typed >> .temp/plan.md")
    run.engine.commit(
        run.id, [ModelReplied(content=(), stop_reason="tool_use", model="m", intents=(intent,))], actor="worker"
    )
    path = run.temp / f"plan-{run.id}.md"
    path.write_text(path.read_text().replace("## Plan\n\nNone", "## Plan\n\nTyped"))
    os.utime(path, (0, 0))
    run.engine.refresh(run.id)
    run.engine.commit(run.id, [call(1, "Bash")], actor="worker")
    assert wrote(Revisions(run.temp, run.id).blame("plan"), "Typed") == (4, "command", "R1")


def test_what_a_damaged_journal_says_before_its_fault_is_told_and_nothing_after_it(tmp_path: Path) -> None:
    run = Run(tmp_path / ".temp")
    for number in (1, 2, 3):
        run.engine.commit(run.id, [PhaseChanged(phase=f"phase {number}")], actor="user")
    journal = run.temp / ".orchestrator" / "journal" / f"{run.id}.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:3], lines[3].replace(b"phase 2", b"phase X"), *lines[4:]]))
    revisions = Revisions(run.temp, run.id)
    assert revisions.at(3).phase == "phase 1"
    with pytest.raises(Damaged, match=":4: damaged"):
        revisions.at(4)
    with pytest.raises(Damaged):
        revisions.at("2999-01-01T00:00:00.000Z")
    with pytest.raises(Damaged):
        revisions.blame("plan")


def test_a_time_is_the_state_after_the_last_commit_before_it(tmp_path: Path) -> None:
    times = iter(f"2026-01-02T03:04:0{second}+00:00" for second in range(9))
    engine = Engine(tmp_path / ".temp", clock=lambda: datetime.fromisoformat(next(times)))
    task_id = engine.create(CREATED).id
    for number in (1, 2):
        engine.commit(task_id, [PhaseChanged(phase=f"phase {number}")], actor="user")
    revisions = Revisions(tmp_path / ".temp", task_id)
    first, second = (revisions.at(revision).updated_at for revision in (2, 3))
    assert revisions.at(first).revision == 2
    assert revisions.at(second).phase == "phase 2"
    with pytest.raises(UsageError, match="was not there yet"):
        revisions.at("2020-01-01T00:00:00.000Z")
    with pytest.raises(UsageError, match="no revision 4: it is at 3"):
        revisions.at(4)
