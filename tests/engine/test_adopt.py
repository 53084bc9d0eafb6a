"""Taking over a `.temp` that was kept by hand: the words stay, the facts are the engine's."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import shutil
import threading
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest

from orchestrator import documents
from orchestrator.check import check
from orchestrator.documents.markdown import BEGIN, END
from orchestrator.engine import Engine
from orchestrator.engine.handmade import LARGEST, survey
from orchestrator.errors import Refused
from orchestrator.events import DecisionRecorded, ItemChecked, ItemUnchecked, TaskCompleted, WorkstreamChanged
from orchestrator.masking import Mask
from orchestrator.task import Item, Reference, Task
from proof.disk import ScriptedDisk

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
  "metrics": {"lines": 1.50, "share": 0.10000000000000000005827, "none": -0, "many": 1E5, "text": "1.50"}
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


def adopt(temp: Path, task_id: str = "K7Q2MX") -> tuple[Task, tuple[str, ...]]:
    engine = Engine(temp)
    try:
        refreshed, notes = engine.adopt(next(row for row in survey(temp).found if row.id == task_id))
        return refreshed.task, notes
    finally:
        engine.close()


def contents(folder: Path) -> dict[str, bytes]:
    """Every file people see, by its place."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".orchestrator" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def exactly(data: bytes) -> list[Any]:
    """A JSON with its keys in their order, at any depth, and its numbers as they are written."""
    pairs: list[Any] = json.loads(data, object_pairs_hook=list, parse_float=str, parse_int=str)
    return pairs


def assert_kept(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """No file is gone, Markdown has the same bytes above its stamp, JSON its keys, their order and their values.

    A file may have gone to the other place, where its task is.
    """
    raw = [data for name, data in after.items() if "set-aside" in name]
    for name, data in before.items():
        other = name.removeprefix("completed/") if "/" in name else f"completed/{name}"
        now = after[name if name in after else other]
        if documents.identify(Path(name).name) is None:
            assert now == data, name
        elif not data.strip() or now == data:
            continue
        elif name.endswith(".json"):
            try:
                json.loads(data)
            except ValueError:
                assert data in raw or now.startswith(data), f"{name}: not kept"
                continue
            said = exactly(data)
            assert exactly(now)[: len(said)] == said, name
        else:
            body, stamp = documents.unstamp("plan", now.decode())
            typed = documents.unstamp("plan", data.decode())[0]
            assert stamp, name
            assert body == typed or not typed.strip(), name


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


@pytest.mark.parametrize(
    ("keys", "agent", "description"),
    [
        ({"agent": "db-worker", "task": "Create a model"}, "db-worker", "Create a model"),
        ({"Agent_Name": "db-worker", "title": "Create a model"}, "db-worker", "Create a model"),
        ({"agent": "other", "agentId": "db-worker", "title": "No", "description": "Yes"}, "db-worker", "Yes"),
        ({"agent": ["db-worker"], "task": "K7Q2MX", "title": "Models"}, "unknown", "Models"),
        ({"agents": "many", "tasks": "many"}, "unknown", "The plan"),
    ],
)
def test_keys_that_clearly_mean_ours_are_understood_and_stay_as_they_are(
    temp: Path, keys: dict[str, Any], agent: str, description: str
) -> None:
    write(temp, task_status=json.dumps(keys), plan="# The plan\n")
    task, notes = adopt(temp)
    assert (task.agent, task.description, notes) == (agent, description, ())
    assert list(said(temp).items())[: len(keys)] == list(keys.items())
    assert (said(temp)["agentId"], said(temp)["description"]) == (agent, description)


def said(temp: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((temp / "task-status-K7Q2MX.json").read_text())
    return data


def test_what_the_json_does_not_say_is_added_behind_it(temp: Path) -> None:
    write(temp, task_status=STATUS)
    adopt(temp)
    known = list(json.loads(STATUS))
    assert list(said(temp))[: len(known)] == known
    assert list(said(temp))[len(known) :] == ["status", "phase", "mode", "revision", "updatedAt", "usage", "sync"]


@pytest.mark.parametrize(
    ("texts", "started"),
    [
        ({"progress": "# P\n\n**Completed**: 2025-09-03\n**Started**: 2025-09-01 09:30 UTC\n"}, "2025-09-01T09:30:00Z"),
        ({"progress": "# P\n\n- **Started:** 2025-09-01\n"}, "2025-09-01"),
        (
            {"task_status": '{"createdAt": "2025-09-02T08:00:00+02:00", "updatedAt": "2025-09-03"}'},
            "2025-09-02T06:00:00Z",
        ),
        ({"task_status": '{"decisions": [{"decision": "D", "timestamp": "2025-09-02"}]}', "plan": "x\n"}, "2025-09-02"),
        ({"task_status": '{"startedAt": "2025-09-05", "createdAt": "2025-09-02"}'}, "2025-09-05"),
        ({"plan": "```\n**Started**: 2025-09-01\n```\n"}, None),
    ],
)
def test_a_task_was_started_when_its_documents_say_so_or_at_the_first_time_they_know_of(
    temp: Path, texts: dict[str, str], started: str | None
) -> None:
    write(temp, **texts)
    task, _ = adopt(temp)
    assert task.started_at == (started or task.updated_at)
    assert said(temp)["startedAt"] == task.started_at


def test_no_end_is_made_up_for_a_task_in_completed_that_was_not_done(temp: Path) -> None:
    completed = temp / "completed"
    (completed / "task-status-K7Q2MX.json").write_text('{"status": "in-progress", "agentId": "a"}')
    (completed / "plan-K7Q2MX.md").write_text("Plan\n")
    task, _ = adopt(temp)
    assert (task.status, task.archived) == ("archived", True)
    assert not (completed / "completion-summary-K7Q2MX.md").exists()
    assert "**Status**: in-progress" in (completed / "progress-K7Q2MX.md").read_text()
    assert {one.rule for one in check(temp).findings} == {"archived-open"}


def test_a_task_in_completed_of_which_nothing_says_how_it_stands_is_completed(temp: Path) -> None:
    (temp / "completed" / "plan-K7Q2MX.md").write_text("Plan\n")
    adopt(temp)
    assert json.loads((temp / "completed" / "task-status-K7Q2MX.json").read_text())["status"] == "completed"
    assert (temp / "completed" / "completion-summary-K7Q2MX.md").exists()
    assert check(temp).findings == ()


def test_a_task_that_is_opened_again_or_forked_does_not_say_when_it_was_completed_nor_another_ones_name(
    temp: Path,
) -> None:
    status = STATUS.replace('"startedAt"', '"status": "done", "completedAt": "2025-10-25T09:00:00Z", "startedAt"')
    write(temp, task_status=status, plan="Plan\n")
    adopt(temp)
    engine = Engine(temp)
    fork = engine.fork("K7Q2MX", engine.refresh("K7Q2MX").task.revision).id
    engine.reopen("K7Q2MX")
    engine.close()
    forked = json.loads((temp / f"task-status-{fork}.json").read_text())
    for told in (said(temp), forked):
        assert (told["status"], told["completedAt"]) == ("stopped", None)
        assert list(told).index("completedAt") == 3
    assert (said(temp)["taskId"], forked["taskId"]) == ("user-model-migration", fork)
    assert not {"same-id", "completion-time"} & {one.rule for one in check(temp).findings}


def test_of_a_workstream_that_is_listed_twice_the_last_row_counts(temp: Path) -> None:
    rows = '[{"id": "w1", "status": "in-progress"}, {"id": "w1", "status": "completed", "notes": "late"}]'
    write(temp, task_status=f'{{"workstreams": {rows}}}', architecture_notes="Notes\n")
    task, _ = adopt(temp)
    assert [(row.id, row.status) for row in task.workstreams] == [("w1", "completed")]
    assert "- **w1** [completed]" in (temp / "plan-K7Q2MX.md").read_text()
    engine = Engine(temp)
    engine.commit("K7Q2MX", [WorkstreamChanged(id="w1", status="in-progress")], actor="user")
    engine.close()
    assert [row["status"] for row in said(temp)["workstreams"]] == ["in-progress", "in-progress"]
    assert not [one for one in check(temp).findings if one.rule == "workstream-status"]


def test_mentions_of_other_tasks_follow_them_from_the_adoption_on_and_change_no_word_before(temp: Path) -> None:
    for name in ("plan-AA22AA.md", "plan-BB22BB.md", "completed/plan-CC22CC.md"):
        (temp / name).write_text("Plan\n")
    names = [".temp/plan-AA22AA.md", ".temp/completed/plan-BB22BB.md", ".temp/completed/plan-CC22CC.md"]
    plan = "\n".join([*names, ".temp/plan-DD22DD.md\n"])
    write(temp, plan=plan, task_status=STATUS.replace("Q9W8E7", "AA22AA"), architecture_notes="Notes\n")
    before = contents(temp)
    tasks, _ = adopt_all(temp)
    assert_kept(before, contents(temp))
    assert tasks["K7Q2MX"].references == (
        Reference("AA22AA", "task-status"),
        Reference("CC22CC", "task-status", moved=True),
    )
    before = contents(temp)
    engine = Engine(temp)
    engine.cancel("AA22AA", "")
    engine.reopen("CC22CC")
    engine.close()
    assert (temp / "plan-K7Q2MX.md").read_text().split("\n")[:4] == [
        ".temp/completed/plan-AA22AA.md",
        ".temp/completed/plan-BB22BB.md",
        ".temp/plan-CC22CC.md",
        ".temp/plan-DD22DD.md",
    ]
    assert said(temp)["relatedAgentFiles"] == ["plan.md", ".temp/completed/plan-AA22AA.md"]
    assert contents(temp)["architecture-notes-K7Q2MX.md"] == before["architecture-notes-K7Q2MX.md"]


def test_a_private_document_stays_private(temp: Path) -> None:
    [path] = write(temp, plan="For my eyes only.\n")
    path.chmod(0o600)
    adopt(temp)
    assert path.stat().st_mode & 0o777 == 0o600


def test_ticking_an_item_changes_its_line_and_what_is_the_engines_own(temp: Path) -> None:
    write(temp, task_status=STATUS, checklist=CHECKLIST, progress=PROGRESS)
    task, _ = adopt(temp)
    before = contents(temp)
    engine = Engine(temp)
    task = engine.commit(task.id, [ItemChecked(id=task.items[2].id)], actor="user")
    engine.close()
    assert_ticked(before, contents(temp), task, task.items[2])


def assert_ticked(before: dict[str, bytes], after: dict[str, bytes], task: Task, ticked: Item) -> None:
    """One line differs: the item's box. Beyond it there is what the engine says of it, and nothing else."""
    assert before.keys() == after.keys()
    for name, data in before.items():
        identity = documents.identify(Path(name).name)
        if identity is None or identity[1] != task.id:
            assert after[name] == data, name
        elif name.endswith(".json"):
            old, new = (dict(exactly(text)) for text in (data, after[name]))
            assert list(old) == list(new)
            assert {key for key in new if old[key] != new[key]} == {"revision", "updatedAt", "sync"}
        else:
            old, new = (documents.unstamp("plan", text.decode())[0].splitlines() for text in (data, after[name]))
            changes = [
                (old[top:bottom], new[first:last])
                for what, top, bottom, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
                if what != "equal"
            ]
            if identity[0] == "checklist":
                ((one,), (other,)) = changes.pop(0)
                assert re.sub(r"\[ \]", "[x]", one, count=1) == re.sub(r"\[[^ ]\ufe0f?\]", "[x]", other, count=1)
                assert " ".join(one.split()).endswith(ticked.text)
            assert all(is_derived(*change, task, ticked) for change in changes), (name, changes)


def is_derived(old: list[str], new: list[str], task: Task, ticked: Item) -> bool:
    """True for what the engine says of a tick: how many there are, and that this one is done."""
    done = sum(item.checked for item in task.live_items)
    ours = {"", BEGIN, END, "## Completed Work", f"**Progress**: {done} of {len(task.live_items)} items"}
    gone = [line for line in old if line.strip() not in ("", "None")]
    assert all(re.fullmatch(r"\*\*Progress\*\*: \d+ of \d+ items", line) for line in gone), gone
    return {*new} <= {*ours, f"- **{ticked.id}** {' '.join(ticked.text.split())}"}


# -- a folder of every variant -------------------------------------------------


VARIANTS = Path(__file__).resolve().parent.parent / "hand-made"


def variants(temp: Path) -> dict[str, bytes]:
    shutil.copytree(VARIANTS, temp, dirs_exist_ok=True)
    return contents(temp)


def test_it_says_when_a_document_cannot_get_its_stamp_now(temp: Path) -> None:
    write(temp, plan="Models first.\n")
    disk = ScriptedDisk()

    def full(number: int, operation: str, path: Path) -> None:
        if operation == "create" and path.parent.name == "staging":
            raise OSError(errno.ENOSPC, "No space left on device")

    disk.before = full
    engine = Engine(temp, disk=disk)
    refreshed, _ = engine.adopt(*survey(temp).found)
    assert refreshed.problem == "documents of K7Q2MX are behind their journal: No space left on device; free the disk"
    disk.before = ScriptedDisk().before
    assert engine.refresh("K7Q2MX").problem is None
    engine.close()


def test_who_finds_that_another_process_was_faster_takes_over_nothing(temp: Path) -> None:
    write(temp, plan="Models first.\n")
    (found,) = survey(temp).found
    first, second = Engine(temp), Engine(temp)
    _, notes = first.adopt(found)
    assert notes is not None
    refreshed, notes = second.adopt(found)
    assert (refreshed.task.revision, notes) == (1, None)
    first.close()
    second.close()


def adopt_all(temp: Path) -> tuple[dict[str, Task], dict[str, str]]:
    """The tasks that were adopted; why the others were not."""
    engine, tasks, left = Engine(temp), {}, {}
    for found in survey(temp).found:
        try:
            tasks[found.id] = engine.adopt(found)[0].task
        except Refused as error:
            left[found.id] = error.reason
    engine.close()
    return tasks, left


def tick_all(temp: Path, tasks: dict[str, Task]) -> int:
    """Tick the last open item of each task that has items, those of archived ones once they are open again.

    Where all are ticked, the last one is made open first. Returns how many were ticked.
    """
    engine, number = Engine(temp), 0
    for task in tasks.values():
        if task.archived:
            engine.reopen(task.id)
        items = task.live_items
        still = [item for item in items if not item.checked]
        if items and not still:
            engine.commit(task.id, [ItemUnchecked(id=items[-1].id)], actor="user")
            still = [items[-1]]
        for item in still[-1:]:
            earlier = contents(temp)
            after = engine.commit(task.id, [ItemChecked(id=item.id)], actor="user")
            assert_ticked(earlier, contents(temp), after, item)
            number += 1
    engine.close()
    return number


def test_a_folder_of_every_variant_is_adopted_word_for_word_and_takes_a_tick_in_each_task(temp: Path) -> None:
    before = variants(temp)
    tasks, left = adopt_all(temp)
    assert not left
    assert_kept(before, contents(temp))
    assert {task.id: (task.status, task.agent) for task in tasks.values()} == {
        "H4N8DM": ("in-progress", "api-architect"),
        "N6B5XA": ("in-progress", "unknown"),
        "P3V9KE": ("archived", "ui-architect"),
        "R7W2TC": ("completed", "db-architect"),
    }
    assert [row.id for row in tasks["R7W2TC"].decisions] == ["D1"]
    assert [row.id for row in tasks["R7W2TC"].blockers if row.resolution is None] == ["B2"]
    assert tasks["N6B5XA"].next_steps == ("Ask Kim",)
    tick_all(temp, tasks)


@corpus
def test_each_task_of_the_corpus_is_adopted_word_for_word_and_takes_a_tick(temp: Path) -> None:
    shutil.copytree(FOLDER, temp, dirs_exist_ok=True)
    before = contents(temp)
    tasks, left = adopt_all(temp)
    assert (len(tasks), left) == (36, {})
    assert_kept(before, contents(temp))
    assert tick_all(temp, tasks) == sum(bool(task.live_items) for task in tasks.values())


def test_what_is_set_aside_is_only_what_no_json_says(temp: Path) -> None:
    variants(temp)
    adopt_all(temp)
    aside = {path.name: path.read_bytes() for path in temp.rglob("set-aside-*")}
    assert aside == {
        f"set-aside-task-status-{name[-11:]}": (VARIANTS / name).read_bytes()
        for name in ("task-status-H4N8DM.json", "completed/task-status-P3V9KE.json")
    }


def test_adopting_again_changes_nothing(temp: Path) -> None:
    variants(temp)
    adopt_all(temp)
    before = contents(temp)
    assert adopt_all(temp) == ({}, {})
    engine = Engine(temp)
    assert survey(temp).begun == ()
    for task_id in engine.ids():
        assert engine.refresh(task_id).task.revision <= 2
    engine.close()
    assert contents(temp) == before


def test_tasks_whose_journals_are_gone_as_in_a_checkout_are_adopted_again(temp: Path) -> None:
    variants(temp)
    adopt_all(temp)
    engine = Engine(temp)
    for task_id in engine.ids():
        if not engine.refresh(task_id).task.archived:
            engine.commit(task_id, [DecisionRecorded(id="D9", decision="Later")], actor="user")
    engine.close()
    before = contents(temp)
    shutil.rmtree(temp / ".orchestrator")
    adopt_all(temp)
    after = contents(temp)
    assert after.keys() == before.keys()
    for name, data in before.items():
        identity = documents.identify(Path(name).name)
        if identity and identity[0] != "task-status":
            bodies = [documents.unstamp(identity[0], text.decode())[0] for text in (data, after[name])]
            assert bodies[0] == bodies[1], name
        elif identity:
            assert json.loads(data).get("decisions") == json.loads(after[name]).get("decisions"), name


def test_reports_and_backups_go_where_their_task_goes(temp: Path) -> None:
    variants(temp)
    adopt_all(temp)
    engine = Engine(temp)
    engine.cancel("H4N8DM", "for now")
    engine.close()
    for name in ("AGENT2_REPORT_H4N8DM.md", "task-status-H4N8DM.json.bak", "integration-map-H4N8DM.json"):
        assert (temp / "completed" / name).read_bytes() == (VARIANTS / name).read_bytes()


def test_a_task_whose_files_lie_in_both_places_is_brought_together(temp: Path) -> None:
    before = variants(temp)
    for name in ("plan-H4N8DM.md", "AGENT2_REPORT_H4N8DM.md"):
        (temp / name).rename(temp / "completed" / name)
    (temp / "completed" / "plan-P3V9KE.md").rename(temp / "plan-P3V9KE.md")
    tasks, left = adopt_all(temp)
    assert not left
    assert {tasks[name].moving for name in tasks} == {None}
    assert_kept(before, contents(temp))
    assert not [name for name in contents(temp) if "set-aside" in name and "task-status" not in name]


def test_the_line_that_says_how_the_task_stands_is_kept_true(temp: Path) -> None:
    variants(temp)
    adopt_all(temp)
    engine = Engine(temp)
    engine.reopen("R7W2TC")
    engine.lease("N6B5XA").release()
    ticked = [ItemChecked(id=item.id) for item in engine.refresh("N6B5XA").task.items]
    engine.commit("N6B5XA", [*ticked, TaskCompleted(summary="Done.")], actor="user")
    engine.close()
    assert (temp / "progress-N6B5XA.md").read_text().startswith("# Progress\n\n## Current Phase\ncompleted\n")
    assert b"\r\n## Current Status: stopped\r\n" in (temp / "progress-R7W2TC.md").read_bytes()


def test_where_a_secret_is_masked_the_text_as_it_was_is_kept_where_nobody_else_looks(temp: Path) -> None:
    mask = Mask.from_environment({"API_TOKEN": "zq8wvt3k-2"}).text
    status = STATUS.replace("quick", "token zq8wvt3k-2, \\n1,000 rows")
    written = write(temp, task_status=status, checklist=f"{CHECKLIST}- [ ] Use zq8wvt3k-2\n", plan="No secret.\n")
    engine = Engine(temp, mask=mask)
    refreshed, notes = engine.adopt(*survey(temp).found)
    secret = sorted(path for path in written if b"zq8wvt3k-2" in written[path])
    assert [note for note in notes if "masked" in note] == [
        f"{path.name}: secrets in it are masked, its text is kept in .orchestrator/contents" for path in secret
    ]
    kept = [temp / name for name in refreshed.task.set_aside]
    assert [path.read_bytes() for path in kept] == [written[path] for path in secret]
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    assert {path.parent.stat().st_mode & 0o777 for path in kept} == {0o700}
    assert not [name for name, data in contents(temp).items() if b"zq8wvt3k-2" in data]
    assert json.loads((temp / "task-status-K7Q2MX.json").read_text())["workstreams"][0]["notes"] == (
        "token [masked API_TOKEN], \n1,000 rows"
    )
    path = temp / "plan-K7Q2MX.md"
    path.write_text(path.read_text().replace("No secret.", "It is zq8wvt3k-2."))
    task = engine.refresh("K7Q2MX").task
    engine.close()
    assert "It is zq8wvt3k-2." in (temp / task.set_aside[-1]).read_text()
    assert "It is [masked API_TOKEN]." in path.read_text()


def test_a_broken_json_with_a_secret_in_it_is_kept_there_too(temp: Path) -> None:
    broken = '{"agentId": "a", "token": "zq8wvt3k-2"}}'
    write(temp, task_status=broken)
    engine = Engine(temp, mask=lambda text: text.replace("zq8wvt3k-2", "[masked]"))
    refreshed, notes = engine.adopt(*survey(temp).found)
    engine.close()
    assert notes[0].startswith("task-status-K7Q2MX.json was salvaged, its text is kept in .orchestrator/contents: ")
    assert [(temp / name).read_text() for name in refreshed.task.set_aside] == [broken]
    assert said(temp)["token"] == "[masked]"


def test_a_document_that_names_what_a_key_begins_with_is_kept_to_its_end(temp: Path) -> None:
    text = "# Checklist\n\n- [ ] No file holds `-----BEGIN RSA PRIVATE KEY-----`\n- [ ] Rotate the keys\n"
    [path] = write(temp, checklist=text)
    engine = Engine(temp, mask=Mask.from_environment({"DB_PASSWORD": "rotate"}).text)
    refreshed, notes = engine.adopt(*survey(temp).found)
    engine.close()
    assert path.read_text().startswith(text)
    assert (notes, refreshed.task.set_aside) == ((), ())


# -- what cannot be taken over -------------------------------------------------


def make(path: Path, what: str) -> None:
    path.unlink()
    match what:
        case "link":
            path.symlink_to("plan.md")
        case "pipe":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "binary":
            path.write_bytes(bytes(range(256)))
        case "zeros":
            path.write_bytes(b"text\0" * 9)
        case "large":
            path.write_bytes(b"a line of text\n" * (LARGEST // 14))


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("link", "a symbolic link"),
        ("pipe", "not a regular file"),
        ("directory", "not a regular file"),
        ("binary", "not UTF-8 text"),
        ("zeros", "zero bytes"),
        ("large", "bytes, more than 4,194,304"),
    ],
)
def test_a_task_with_a_document_that_is_no_text_is_left_whole_and_the_others_are_adopted(
    temp: Path, what: str, reason: str
) -> None:
    variants(temp)
    make(temp / "plan-H4N8DM.md", what)
    before = {name: data for name, data in contents(temp).items() if "H4N8DM" in name}
    tasks, left = adopt_all(temp)
    assert tasks.keys() == {"N6B5XA", "P3V9KE", "R7W2TC"}
    assert left.keys() == {"H4N8DM"}
    assert left["H4N8DM"].startswith("plan-H4N8DM.md")
    assert reason in left["H4N8DM"]
    assert {name: data for name, data in contents(temp).items() if "H4N8DM" in name} == before


def test_documents_with_the_id_of_a_kept_task_in_the_other_place_are_left_and_named(temp: Path) -> None:
    variants(temp)
    adopt_all(temp)
    stranger = temp / "completed" / "checklist-H4N8DM.md"
    stranger.write_text("- [x] Another task's\n")
    assert "completed/checklist-H4N8DM.md" in survey(temp).others
    assert adopt_all(temp) == ({}, {})
    assert stranger.read_text() == "- [x] Another task's\n"


def test_two_tasks_of_one_id_are_left_as_they_are(temp: Path) -> None:
    variants(temp)
    (temp / "completed" / "checklist-H4N8DM.md").write_text("- [x] Another task's\n")
    before = {name: data for name, data in contents(temp).items() if "H4N8DM" in name}
    _, left = adopt_all(temp)
    assert left["H4N8DM"].startswith("checklist-H4N8DM.md: in .temp and in completed/, two tasks of one id")
    assert {name: data for name, data in contents(temp).items() if "H4N8DM" in name} == before


def test_a_document_that_is_being_written_is_waited_for_and_then_left(temp: Path) -> None:
    variants(temp)
    with (temp / "plan-H4N8DM.md").open("a"):
        assert "being written" in adopt_all(temp)[1]["H4N8DM"]
    assert adopt_all(temp)[0].keys() == {"H4N8DM"}


def test_what_an_agent_writes_while_its_task_is_adopted_is_an_edit(temp: Path) -> None:
    variants(temp)
    path, done = temp / "checklist-R7W2TC.md", threading.Event()
    text = path.read_bytes()

    def agent() -> None:
        number = 0
        while not done.is_set():
            number += 1
            new = path.with_name("new")
            new.write_bytes(text + b"- [ ] One more thing\r\n" * (number % 3))
            new.replace(path)
        new.write_bytes(text + b"- [x] The last thing\r\n")
        new.replace(path)

    writer = threading.Thread(target=agent)
    writer.start()
    tasks, left = adopt_all(temp)
    done.set()
    writer.join()
    assert tasks.keys() | left.keys() == {"H4N8DM", "N6B5XA", "P3V9KE", "R7W2TC"}
    adopt_all(temp)
    engine = Engine(temp)
    task = engine.refresh("R7W2TC").task
    engine.close()
    assert [item.text for item in task.live_items][-1] == "The last thing"


def test_a_thousand_files_of_no_task_are_only_listed(temp: Path) -> None:
    for number in range(1_000):
        (temp / f"δοκιμή {number}.md").touch()
    variants(temp)
    assert len(survey(temp).others) == 1_002
    assert len(adopt_all(temp)[0]) == 4


@pytest.mark.parametrize(
    ("broken", "read"),
    [
        ('{"agentId": "a", "x": [1, 2}', None),
        ('{"agentId": "a", "x": [1, 2]}}', {"agentId": "a", "x": [1, 2]}),
        ('{"agentId": "a", "x": [1, 2', {"agentId": "a", "x": [1, 2]}),
        ('{"agentId": "a", "x": [1, 2,],}', {"agentId": "a", "x": [1, 2]}),
        ('{"agentId": "b", "agentId": "a"}', {"agentId": "a"}),
        ('\ufeff{"agentId": "a"}', {"agentId": "a"}),
        ('{"agentId": "a"}\n{"agentId": "b"}', {"agentId": "a"}),
        ('{"agentId": "a", "sync": "mine"}', {"agentId": "a"}),
        ('{"agentId": "a", "of": "it ends, [here,]"}}', {"agentId": "a", "of": "it ends, [here,]"}),
        ("[]", None),
        ("no JSON at all", None),
    ],
)
def test_a_broken_json_is_read_as_far_as_it_goes_and_kept_as_it_is(
    temp: Path, broken: str, read: dict[str, Any] | None
) -> None:
    write(temp, task_status=broken, checklist=CHECKLIST)
    task, notes = adopt(temp)
    assert notes[0].startswith(f"task-status-K7Q2MX.json {'cannot be read' if read is None else 'was salvaged'}")
    assert (temp / "set-aside-task-status-K7Q2MX.json").read_bytes() == broken.encode()
    assert task.agent == ("unknown" if read is None else "a")
    assert list(said(temp).items())[: len(read or ())] == list((read or {}).items())


# -- mixed and mutated ---------------------------------------------------------


def mutate(temp: Path, seed: int) -> None:
    """Documents change places, ids and contents: what a folder looks like after many hands."""
    chance = random.Random(seed)
    paths = sorted(path for path in temp.rglob("*") if path.is_file())
    ids = sorted({name[1] for path in paths if (name := documents.identify(path.name))})
    for path in chance.sample(paths, len(paths) // 2):
        data = path.read_bytes()
        lines = data.split(b"\n")
        place = chance.randrange(len(data) + 1)
        match chance.randrange(9):
            case 0:
                path.write_bytes(data[:place])
            case 1:
                path.write_bytes(data[:place] + bytes([chance.choice(b'}{[]",\xff\x00\n x')]) + data[place:])
            case 2:
                chance.shuffle(lines)
                path.write_bytes(b"\n".join(lines))
            case 3:
                path.write_bytes(data + chance.choice([data, chance.choice(paths).read_bytes()]))
            case 4:
                path.write_bytes(data.replace(b"\n", b"\r\n"))
            case 5:
                path.unlink()
            case 6:
                path.with_name(path.name.replace(path.stem[-6:], chance.choice(ids))).write_bytes(data)
            case 7:
                home = temp if path.parent != temp else temp / "completed"
                shutil.copy(path, home / path.name) if chance.random() < 0.3 else path.replace(home / path.name)
            case 8:
                path.write_bytes(data + b"<!-- orchestrator K7Q2MX r3 sha256:" + b"0" * 64 + b" -->\n")
        paths = [path for path in paths if path.exists()]


@pytest.mark.parametrize("seed", range(6))
def test_a_folder_that_was_mixed_and_mutated_is_adopted_or_left_and_loses_nothing(temp: Path, seed: int) -> None:
    source = FOLDER if FOLDER.is_dir() and seed == 0 else VARIANTS
    shutil.copytree(source, temp, dirs_exist_ok=True)
    mutate(temp, seed)
    before = contents(temp)
    tasks, left = adopt_all(temp)
    assert tasks
    assert_kept(before, contents(temp))
    tick_all(temp, tasks)
    assert adopt_all(temp) == ({}, left)
