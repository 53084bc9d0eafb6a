"""`orchestrator check`: what contradicts itself, and what is done about it."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from orchestrator.events import ItemAdded, PhaseChanged, TaskCompleted, WorkstreamAdded

from .conftest import Shell


def findings(shell: Shell, *options: str) -> list[tuple[str, str]]:
    """The rule and task of each, as a program sees them; the exit code says whether there are any but notes."""
    ended = shell("check", "--json", *options)
    said: dict[str, Any] = json.loads(ended.out)
    proven = [row for row in said["findings"] if row["severity"] != "note"]
    assert (ended.code, said["ok"]) == ((1, False) if proven else (0, True))
    return [(row["rule"], row["task"]) for row in said["findings"]]


@pytest.fixture
def finished(shell: Shell) -> str:
    """A task that is completed and not archived."""
    task = shell.task()
    with shell.engine() as engine:
        engine.lease(task.id).release()
        engine.commit(
            task.id, [ItemAdded(id="c1", text="Write", checked=True), TaskCompleted(summary="x")], actor="user"
        )
    return task.id


def test_a_finding_is_shown_with_its_two_places_in_eighty_columns(shell: Shell) -> None:
    task = shell.task()
    (shell.temp / "checklist-AB12CD.md").write_text("- [x] one\n- [ ] two\n")
    (shell.temp / "progress-AB12CD.md").write_text(
        "# Progress\n\n**Status**: Done\n" + "word " * 40 + ".temp/plan-ZZ99ZZ.md"
    )
    shell.environment["COLUMNS"] = "80"
    before = {path: path.stat().st_mtime_ns for path in shell.temp.rglob("*")}
    ended = shell("check")
    assert (ended.code, ended.err) == (1, "")
    assert ended.out == (
        "\nAB12CD\n"
        '  ✗ checklist: 1 of 2 items are not ticked, but the progress report says "Done"\n'
        "    .temp/checklist-AB12CD.md:2 ↔ .temp/progress-AB12CD.md:3\n"
        "  ✗ dangling-reference: .temp/plan-ZZ99ZZ.md is referred to, and is not there\n"
        "    .temp/progress-AB12CD.md:4 ↔ .temp\n"
        "\n2 errors in 1 of 2 tasks; `orchestrator adopt` takes in what is kept by hand\n"
    )
    assert {path: path.stat().st_mtime_ns for path in shell.temp.rglob("*")} == before
    assert task.id not in ended.out


def test_a_note_alone_is_shown_and_fails_nothing(shell: Shell) -> None:
    shell.temp.mkdir(exist_ok=True)
    (shell.temp / "task-status-AB12CD.json").write_text('{\n"decisions": [{"decision": "Sockets broadcast messages"}]}')
    (shell.temp / "plan-AB12CD.md").write_text("# Plan\n\nSockets share messages, as a broadcaster.\n")
    assert (shell("check").code, findings(shell)) == (0, [])
    (shell.temp / "plan-AB12CD.md").write_text(
        "# Plan\n\nSockets send messages to all at once.\nBroadcasts come later.\n"
    )
    (shell.temp / "task-status-AB12CD.json").write_text(
        '{\n"decisions": [{"decision": "Sockets broadcast all messages twice"}]}'
    )
    ended = shell("check")
    assert ended.code == 0
    assert "\n  · lone-decision: " in ended.out
    assert 'the nearest lines lack "twice"\n    .temp/task-status-AB12CD.json:2 ↔ .temp/plan-AB12CD.md:3\n' in ended.out
    assert ended.out.endswith("\n1 note in 1 of 1 task; `orchestrator adopt` takes in what is kept by hand\n")
    assert findings(shell) == [("lone-decision", "AB12CD")]


def test_the_facts_of_each_task_are_in_the_json(shell: Shell) -> None:
    (shell.temp / "completed").mkdir(parents=True)
    (shell.temp / "completed" / "checklist-AB12CD.md").write_text("- [✅] one\n")
    (shell.temp / "progress-EF34GH.md").write_text("## Current Phase\n**Phase 2: Tests** - In Progress\n")
    said = json.loads(shell("check", "--json").out)
    nothing = {"by_hand": True, "workstreams": None, "summary": False}
    assert said["tasks"] == [
        nothing | {"task": "AB12CD", "archived": True, "items": {"done": 1, "total": 1}, "progress": None},
        nothing | {"task": "EF34GH", "archived": False, "items": None, "progress": "open"},
    ]


def test_fix_archives_what_is_done_and_brings_references_along(shell: Shell, finished: str) -> None:
    other = shell.task()
    plan = shell.temp / f"plan-{other.id}.md"
    with shell.engine() as engine:
        engine.commit(other.id, [PhaseChanged(phase=f"as in .temp/plan-{finished}.md")], actor="user")
    assert findings(shell) == [("not-archived", finished)]
    ended = shell("check", "--fix")
    assert ended.code == 0, ended.out
    assert f"fixed: {finished}: not-archived" in ended.out
    assert (shell.temp / "completed" / f"plan-{finished}.md").exists()
    assert f"as in .temp/completed/plan-{finished}.md" in plan.read_text()
    assert f"user     refers to task-status of {finished}" in shell("log", other.id).out


def test_fix_records_what_a_person_ticked_and_puts_back_what_is_not_a_persons_to_say(shell: Shell) -> None:
    task = shell.task()
    with shell.engine() as engine:
        events = [ItemAdded(id="c1", text="One"), WorkstreamAdded(id="w", description="W")]
        engine.commit(task.id, events, actor="user")
    checklist, progress = shell.temp / f"checklist-{task.id}.md", shell.temp / f"progress-{task.id}.md"
    checklist.write_text(checklist.read_text().replace("[ ]", "[x]"))
    progress.write_text(progress.read_text().replace("**Status**: pending", "**Status**: COMPLETED"))
    assert findings(shell) == [("progress", task.id), ("percentage", task.id)]
    assert findings(shell, "--fix") == []
    assert "- [x] One" in checklist.read_text()
    assert "**Status**: pending" in progress.read_text()
    assert "**Progress**: 1 of 1 items" in progress.read_text()


FOLDERS = [
    Path(__file__).resolve().parent.parent / "hand-made",
    Path(os.environ.get("ORCHESTRATOR_CORPUS") or Path(__file__).resolve().parents[3] / "shared" / "corpus")
    / "temp"
    / "hand-made",
]


@pytest.mark.parametrize("folder", FOLDERS, ids=["variants", "corpus"])
def test_after_fix_nothing_is_left_that_it_says_it_can_mend_and_nothing_is_new(shell: Shell, folder: Path) -> None:
    if not folder.is_dir():
        pytest.skip("needs the corpus: set ORCHESTRATOR_CORPUS")
    shutil.copytree(folder, shell.temp)
    done = {"checklist-T4K7M2.md": "- [x] one\n", "completion-summary-T4K7M2.md": "Done.\n"}
    for name, text in done.items():
        (shell.temp / name).write_text(text)
    (shell.temp / "plan-H6N8T3.md").write_text("As in `.temp/checklist-T4K7M2.md`.\n")
    shell("adopt")
    before, after = (json.loads(shell("check", "--json", *options).out) for options in ([], ["--fix"]))
    said = [(row["task"], row["rule"], row["says"]) for row in before["findings"]]
    assert [row for row in before["findings"] if row["fix"]]
    assert [row for row in after["findings"] if row["fix"]] == []
    assert {(row["task"], row["rule"], row["says"]) for row in after["findings"]} <= {*said}
    assert len(after["findings"]) + len(after["fixed"]) == len(said)
    assert (shell.temp / "plan-H6N8T3.md").read_text().startswith("As in `.temp/completed/checklist-T4K7M2.md`.\n")


def test_a_document_that_is_as_it_was_published_is_not_offered_to_be_mended(shell: Shell) -> None:
    shell.temp.mkdir(exist_ok=True)
    (shell.temp / "checklist-AB12CD.md").write_text("\ufeff- [x] one\n- [ ] two\n")
    (shell.temp / "progress-AB12CD.md").write_text("# Progress\n\n**Status**: Done\n**Progress**: 90%\n")
    (shell.temp / "task-status-AB12CD.json").write_text('{"status": "completed"}')
    shell("adopt")
    fixes = {row["rule"]: row["fix"] for row in json.loads(shell("check", "--json").out)["findings"]}
    assert fixes == {"checklist": None, "percentage": None, "not-archived": None}
    path = shell.temp / "checklist-AB12CD.md"
    path.write_text(path.read_text().replace("two", "three"))
    fixes = {row["rule"]: row["fix"] for row in json.loads(shell("check", "--json").out)["findings"]}
    assert fixes == {"checklist": "refresh", "percentage": None, "not-archived": None}


def test_fix_touches_no_task_that_is_kept_by_hand_or_that_somebody_works_on(shell: Shell) -> None:
    task = shell.task()
    by_hand = {"checklist-AB12CD.md": "- [x] one\n", "completion-summary-AB12CD.md": "Done.\n"}
    for name, text in by_hand.items():
        (shell.temp / name).write_text(text)
    path = shell.temp / f"progress-{task.id}.md"
    with shell.engine() as engine:
        lease = engine.lease(task.id)
        edited = path.read_text().replace("**Status**: in-progress", "**Status**: completed")
        path.write_text(edited)
        ended = shell("check", "--fix")
        lease.release()
    assert ended.code == 1
    assert re.fullmatch(rf"orchestrator: {task.id} was left as it is: .* is being worked on .*\n", ended.err)
    assert path.read_text() == edited
    assert {name: (shell.temp / name).read_text() for name in by_hand} == by_hand


def test_another_folder_is_checked_where_it_lies(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "task-status-AB12CD.json").write_text('{\n"taskId": "AB12CD"}\n}')
    ended = shell("check", str(folder))
    assert ended.code == 1
    assert f"{folder}/task-status-AB12CD.json:3\n" in ended.out
    assert shell("check", str(folder), "--fix").code == 2
    assert shell("check").code == 2


def test_what_cannot_be_read_is_one_clear_finding_and_nothing_is_waited_for(shell: Shell) -> None:
    shell.temp.mkdir(exist_ok=True)
    (shell.temp / "task-status-AA22AA.json").write_text('{"a": ' * 5000)
    os.mkfifo(shell.temp / "checklist-AA22AA.md")
    (shell.temp / "plan-AA22AA.md").write_bytes(b"\x7fELF\0\0")
    (shell.temp / "progress-AA22AA.md").symlink_to("progress-AA22AA.md")
    (shell.temp / "architecture-notes-AA22AA.md").mkdir()
    (shell.temp / "completion-summary-AA22AA.md").write_bytes(b"x" * (9 * 1024 * 1024))
    (shell.temp / "progress-BB22BB.md").write_text("**Status**: 完成\n**Status**: " + "all " * 20000)
    (shell.temp / "plan-日本語22.md").write_text("x")
    for number in range(300):
        (shell.temp / f"note-{number}.txt").touch()
    ended = shell("check")
    assert ended.code == 1
    kinds = re.findall(r"unreadable: ([a-z-]+) cannot be read, (\S.*): mend it", ended.out)
    assert sorted(kinds) == [
        ("architecture-notes", "not a regular file"),
        ("checklist", "not a regular file"),
        ("completion-summary", "it is larger than 8 MiB"),
        ("plan", "it is not text"),
        ("progress", "Too many levels of symbolic links"),
        ("task-status", "nested deeper than 64"),
    ]
    assert "6 errors in 1 of 2 tasks" in ended.out


def test_a_broken_json_that_can_be_read_in_part_is_for_adopt_and_its_place_is_shown_once(shell: Shell) -> None:
    shell.temp.mkdir(exist_ok=True)
    path = shell.temp / "task-status-AA22AA.json"
    path.write_text('{"agentId": "clerk"}}')
    said = shell("check").out.splitlines()
    assert "end of the JSON: mend it, or `orchestrator adopt` takes over what can be read of it" in " ".join(said)
    assert "    .temp/task-status-AA22AA.json:1" in said
    path.write_text("no JSON")
    assert "): mend it, or take it away" in shell("check").out


@pytest.mark.parametrize("archived", [False, True])
def test_documents_that_are_missing_are_found_and_fix_brings_them_back(shell: Shell, archived: bool) -> None:
    task, other = shell.task(), shell.task()
    if archived:
        with shell.engine() as engine:
            engine.cancel(task.id, "no need")
    home = shell.temp / ("completed" if archived else "")
    before = {path: path.read_bytes() for path in home.glob(f"*{task.id}*")}
    (shell.temp / f"plan-{other.id}.md").unlink()
    for path in before:
        path.unlink()
    ended = shell("check")
    assert ended.code == 1
    assert f"`orchestrator show {other.id}` puts it back" in " ".join(ended.out.split())
    assert str((home / f"task-status-{task.id}.json").relative_to(shell.project)) in ended.out
    assert "2 errors in 2 of 2 tasks; --fix" in ended.out
    assert sorted(findings(shell)) == sorted([("missing", task.id), ("missing", other.id)])
    assert shell("check", "--fix").code == 0
    assert {path: path.read_bytes() for path in home.glob(f"*{task.id}*") if path in before} == before
