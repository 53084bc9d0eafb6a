"""Folders as they come: large, full of files, not to be read, put together from several."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator import documents
from orchestrator.check import check
from orchestrator.engine import Engine
from orchestrator.engine.handmade import survey
from orchestrator.errors import Damaged
from orchestrator.events import ItemChecked, PhaseChanged
from proof.folder import MEMORY, assert_in_step

from .test_adopt import VARIANTS, adopt_all, contents, variants

NOBODY = 65534


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    (tmp_path / ".temp" / "completed").mkdir(parents=True)
    return tmp_path / ".temp"


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder where files cost little."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as place:
        yield Path(place)


def test_a_folder_of_ten_thousand_files_is_listed_and_checked(memory: Path) -> None:
    status = '{"startedAt": "2025-10-01", "workstreams": [{"id": "w", "status": "pending"}]}'
    texts = {"task-status-{}.json": status, "checklist-{}.md": "- [ ] x\n", "REPORT_{}.md": "", "notes {}.md": ""}
    for number in range(2_500):
        for name, text in texts.items():
            (memory / name.format(f"N{number:04}T")).write_text(text)
    seen = survey(memory)
    assert (len(seen.found), len(seen.others)) == (2_500, 2_500)
    report = check(memory)
    assert (len(report.tasks), report.findings) == (2_500, ())


@pytest.mark.parametrize("size", [60, 5_000])
def test_a_file_of_many_megabytes_keeps_its_task_out_and_no_other(temp: Path, size: int) -> None:
    if 0 <= resource.getrlimit(resource.RLIMIT_FSIZE)[0] < size * 1024 * 1024:
        pytest.skip("no process here may make such a file")
    variants(temp)
    path = temp / "plan-H4N8DM.md"
    os.truncate(path, size * 1024 * 1024)  # sparse: it takes no room
    tasks, left = adopt_all(temp)
    assert tasks.keys() == {"N6B5XA", "P3V9KE", "R7W2TC"}
    assert left["H4N8DM"].startswith("plan-H4N8DM.md")
    assert path.stat().st_size == size * 1024 * 1024
    assert ("H4N8DM", "unreadable") in {(one.task, one.rule) for one in check(temp).findings}


@pytest.fixture
def project() -> Iterator[Path]:
    """One that somebody may read who is not root."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shutil.copytree(VARIANTS, folder / ".temp")
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        yield folder


@contextmanager
def nobody() -> Iterator[None]:
    """Without the rights of root, who may read everything."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_file_that_cannot_be_read_keeps_its_task_out_and_no_other(project: Path, temp: Path) -> None:
    variants(temp)
    adopt_all(temp)  # who is not root may not load the modules that this needs
    temp = project / ".temp"
    path = temp / "plan-H4N8DM.md"
    path.chmod(0)
    with nobody():
        tasks, left = adopt_all(temp)
        findings = check(temp).findings
    assert tasks.keys() == {"N6B5XA", "P3V9KE", "R7W2TC"}
    assert left == {"H4N8DM": "plan-H4N8DM.md: Permission denied: put a text in its place, or rename it"}
    assert [one for one in findings if one.says.startswith("plan cannot be read, Permission denied")]
    path.chmod(0o600)
    assert path.read_bytes() == (VARIANTS / path.name).read_bytes()


def test_hand_made_documents_put_over_those_that_were_adopted_from_them_change_nothing(temp: Path) -> None:
    variants(temp)
    adopt_all(temp)
    before = contents(temp)
    for path in VARIANTS.rglob("*"):
        if path.is_file() and "task-status" not in path.name:
            shutil.copy(path, temp / path.relative_to(VARIANTS))
    assert adopt_all(temp) == ({}, {})
    refreshed(temp)
    assert contents(temp) == before


@pytest.mark.parametrize("later", [0, 3])
def test_a_folder_put_over_another_that_was_adopted_apart_loses_no_word(temp: Path, tmp_path: Path, later: int) -> None:
    other = tmp_path / "other" / ".temp"
    for folder, commits in ((temp, 1), (other, later)):
        variants(folder)
        adopt_all(folder)
        engine = Engine(folder)
        for number in range(commits):
            engine.commit("H4N8DM", [PhaseChanged(phase=f"{number} of {folder.parent.name}")], actor="user")
        engine.commit("N6B5XA", [ItemChecked(id="c1")], actor="user")
        engine.close()
    (other / "plan-K7Q2MX.md").write_text("By hand.\n")
    (other / "progress-N6B5XA.md").write_text("Written anew by somebody else.\n")
    for path in other.rglob("*"):
        if path.is_file() and ".orchestrator" not in path.parts:
            shutil.copy(path, temp / path.relative_to(other))
    before = contents(temp)
    assert adopt_all(temp)[0].keys() == {"K7Q2MX"}
    damaged = refreshed(temp)
    assert damaged == ({"H4N8DM"} if later else set())
    after = contents(temp)
    assert before.keys() <= after.keys()
    for name in before:
        if name.endswith(".md") and "H4N8DM" not in name:
            assert documents.unstamp("plan", after[name].decode())[0].startswith(
                documents.unstamp("plan", before[name].decode())[0].rstrip("\n")
            ), name
    assert not [name for name in damaged if any(before[path] != after[path] for path in before if name in path)]
    assert (temp / "checklist-N6B5XA.md").read_text().startswith("- [x] Kimi sor")


def refreshed(temp: Path) -> set[str]:
    """Bring every task up to date, twice; returns those whose journal is not that of the documents."""
    damaged = set()
    engine = Engine(temp)
    for task_id in engine.ids() * 2:
        try:
            assert_in_step(temp, engine.refresh(task_id).task)
        except Damaged:
            damaged.add(task_id)
    engine.close()
    return damaged
