"""Every kind of contradiction, put at random into folders that have none, is found, with the lines that prove it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from orchestrator.check import Facts, Witness, check

from .trees import adopted, by_hand, ours

SEEDS = range(4)
DISAGREE = {"workstreams", "checklist", "progress", "summary"}
"""Of two that disagree either may be named; the two that `life` and `end` inject are alone, and named."""
DONE = r'(?i)"(status|completedAt)": "(completed|done|20)|\[[x✅]\]|complete|done|^# '
OPEN = r'(?i)"status": "(pending|in[-_]progress|stopped|not|blocked|part|deferred)|\[ \]|progress|phase|testing|stopped'
CLOCK = Path("the clock")


class Injected(NamedTuple):
    """What has to be found: the rule, the task, the place that was changed, and the place it is held against.

    `line` is None where it is the file as a whole. `against`: a file, None for any document of the task; `says`: what
    its line has to match, None where it is the file as a whole.
    """

    rule: str
    task: str
    path: Path
    line: int | None = None
    against: Path | None = None
    says: str | None = None


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ours(tmp_path_factory.mktemp("ours") / ".temp")


@pytest.fixture(scope="module", params=[by_hand, adopted, ours], ids=["by hand", "adopted", "ours"])
def clean(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree: Path = request.param(tmp_path_factory.mktemp("tree") / ".temp")
    return tree


class Tree:
    """A folder to be spoiled, and what stands in it."""

    def __init__(self, temp: Path, random: Random) -> None:
        self.temp = temp
        self.random = random
        self.tasks = check(temp).tasks

    def document(self, task: Facts, kind: str) -> Path:
        suffix = "json" if kind == "task-status" else "md"
        return self.temp / ("completed" if task.archived else "") / f"{kind}-{task.id}.{suffix}"

    def choose(self, kind: str, fits: Callable[[Facts], bool] = lambda task: True) -> tuple[Facts, Path]:
        found = [task for task in self.tasks if self.document(task, kind).exists() and fits(task)]
        task = self.random.choice(found)
        return task, self.document(task, kind)

    def replace(self, path: Path, pattern: str, by: str) -> int:
        """Change one of the lines that match, outside of code; returns its number."""
        lines = path.read_text().split("\n")
        fences = [number for number, line in enumerate(lines) if line.startswith("```")]
        code = set(range(fences[0], fences[-1])) if fences else set()
        found = [n for n, line in enumerate(lines) if n not in code and re.search(pattern, line)]
        number = self.random.choice(found)
        lines[number] = re.sub(pattern, by, lines[number], count=1)
        path.write_text("\n".join(lines))
        return number + 1

    def add(self, path: Path, line: str) -> int:
        """Put a line in, anywhere above the code and the engine's stamp; returns its number."""
        lines = path.read_text().split("\n")
        ends = [number for number, row in enumerate(lines) if row.startswith(("```", "<!--"))]
        number = self.random.randint(1, min([len(lines), *ends]))
        lines.insert(number, line)
        path.write_text("\n".join(lines))
        return number + 1

    def edit(self, path: Path, change: Callable[[dict[str, Any]], None]) -> None:
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data, indent=2))


Mutation = Callable[[Tree], Injected]


def finished(task: Facts) -> bool:
    return task.finished and task.summary


def unfinished(task: Facts) -> bool:
    return not task.finished and not task.archived


def decided(tree: Tree) -> Callable[[Facts], bool]:
    documents = {task.id: tree.document(task, "task-status") for task in tree.tasks}
    return lambda task: documents[task.id].exists() and '"timestamp"' in documents[task.id].read_text()


def contested(task: Facts) -> bool:
    """True where at least two documents say that something is left."""
    return items_left(task) and task.progress == "open"


def items_left(task: Facts) -> bool:
    return unfinished(task) and bool(task.items and task.items[0] < task.items[1])


def line_of(path: Path, text: str) -> int:
    return next(number for number, line in enumerate(path.read_text().split("\n"), 1) if text in line)


def unticked(tree: Tree) -> Injected:
    task, path = tree.choose("checklist", lambda task: finished(task) and bool(task.items and task.items[1]))
    return Injected("checklist", task.id, path, tree.replace(path, r"\[[xX✅]\]", "[ ]"), says=DONE)


def open_workstream(tree: Tree) -> Injected:
    task, path = tree.choose("task-status", lambda task: task.finished and task.workstreams == "done")
    word = tree.random.choice(["pending", "in_progress", "not-started", "blocked", "partially-completed", "deferred"])
    words = path.read_text().split('"workstreams"')
    head = words[0].count("\n")
    lines = path.read_text().split("\n")
    places = [n for n, line in enumerate(lines) if n > head and re.match(r'\s{4,}"status": "', line)]
    place = tree.random.choice(places)
    lines[place] = re.sub(r'"status": "[^"]+"', f'"status": "{word}"', lines[place])
    path.write_text("\n".join(lines))
    return Injected("workstreams", task.id, path, place + 1, says=DONE)


def all_workstreams(tree: Tree) -> Injected:
    task, path = tree.choose(
        "task-status", lambda one: unfinished(one) and one.workstreams == "part" and bool(one.items and one.items[1])
    )

    def complete(data: dict[str, Any]) -> None:
        for row in data["workstreams"]:
            row["status"] = "completed"

    tree.edit(path, complete)
    lines = path.read_text().split("\n")
    place = max(n for n, line in enumerate(lines) if re.match(r'\s{6,}"status": "completed"', line))
    return Injected("workstreams", task.id, path, place + 1, says=OPEN)


def life(tree: Tree) -> Injected:
    """The status alone is against what all other documents say."""
    to_end = tree.random.random() < 0.5
    fits = contested if to_end else finished
    task, path = tree.choose("task-status", fits)
    said = tree.random.choice(["completed", "Done ✅", "complete"] if to_end else ["in_progress", "pending", "Blocked"])
    tree.edit(path, lambda data: data.update(status=said))
    lines = path.read_text().split("\n")
    place = next(n for n, line in enumerate(lines, 1) if re.match(r'  "status": ', line))
    return Injected("status", task.id, path, place, says=OPEN if to_end else DONE)


def end(tree: Tree) -> Injected:
    """So is the time at which it was completed."""
    task, path = tree.choose("task-status", contested)
    tree.edit(path, lambda data: data.update(completedAt=data["startedAt"]))
    return Injected("completion-time", task.id, path, line_of(path, '"completedAt": "'), says=OPEN)


STATUS = r"^((?:\*\*Status:?\*\*:?|## Current Status:) *)\S.*$"


def progress_open(tree: Tree) -> Injected:
    task, path = tree.choose("progress", lambda one: finished(one) and bool(one.items and one.items[1]))
    said = tree.random.choice(["In Progress", "🔄 Phase 3 - Tests (in progress)", "Ready to begin", "80% complete"])
    first = line_of(path, "**Status**:")
    lines = path.read_text().split("\n")
    lines[first - 1] = f"**Status**: {said}"
    path.write_text("\n".join(lines))
    return Injected("progress", task.id, path, first, says=DONE)


def progress_done(tree: Tree) -> Injected:
    task, path = tree.choose("progress", items_left)
    said = tree.random.choice(
        ["COMPLETED ✅", "Done", "✅ **Complete** - all deliverables met", "All phases completed"]
    )
    return Injected("progress", task.id, path, tree.replace(path, STATUS, rf"\g<1>{said}"), says=OPEN)


def early_summary(tree: Tree) -> Injected:
    task, _ = tree.choose("progress", items_left)
    summary = tree.document(task, "completion-summary")
    summary.write_text("# Completion Summary\n\nAll is well.\n")
    return Injected("summary", task.id, summary, 1, says=OPEN)


def future(tree: Tree) -> Injected:
    task, path = tree.choose("task-status")
    line = tree.replace(
        path, r'("(?:timestamp|startedAt|completedAt|updatedAt)": )"[^"]+"', r'\1"2999-01-01T00:00:00Z"'
    )
    return Injected("time-in-the-future", task.id, path, line, CLOCK)


def before_start(tree: Tree) -> Injected:
    task, path = tree.choose("task-status", decided(tree))
    line = tree.replace(
        path, r'("(?:timestamp|completedAt|updatedAt|lastUpdated)": )"[^"]+"', r'\1"2024-02-29T10:00:00Z"'
    )
    return Injected("time-before-start", task.id, path, line, path, r'"startedAt": "')


def future_line(tree: Tree) -> Injected:
    task, path = tree.choose("progress")
    line = tree.add(path, tree.random.choice(["**Completed**: 2999-12-31", "- **Last Updated:** 2999-01-01 10:00 UTC"]))
    return Injected("time-in-the-future", task.id, path, line, CLOCK)


SENTENCE = [
    "Queues|Sessions|Uploads|Invoices|Cursors|Tenants|Webhooks|Thumbnails|Migrations|Feature-flags",
    "travel|expire|rotate|shard|replay|throttle|snapshot|compress|escalate|precompute",
    "through RabbitMQ exchanges|behind Varnish edges|inside Kafka partitions|under Terraform modules|via gRPC streams",
    "because auditors insist|to spare bandwidth|until billing catches up|since browsers differ|for GDPR erasure",
]
"""The words that a decision is put together from, at random."""


def lone_decision(tree: Tree) -> Injected:
    task, path = tree.choose("task-status", decided(tree))
    said = " ".join(tree.random.choice(words.split("|")) for words in SENTENCE)

    def decide(data: dict[str, Any]) -> None:
        rows = data["decisions"]
        assert isinstance(rows, list)
        row = {"timestamp": rows[0]["timestamp"], "decision": said}
        rows.insert(tree.random.randint(0, len(rows)), row)

    tree.edit(path, decide)
    return Injected("lone-decision", task.id, path, line_of(path, said))


COUNTED = r"\[.\]|\"workstreams\""


def percentage(tree: Tree) -> Injected:
    task, path = tree.choose("progress", lambda one: bool(one.items and one.items[1]))
    share = round(100 * task.items[0] / task.items[1]) if task.items else 0
    wrong = tree.random.choice([n for n in (3, 17, 60, 66, 97) if abs(n - share) > 2])
    said = tree.random.choice(
        ["**Progress**: {}%", "**Overall Progress:** {} %", "## Completion Status: {}%", "Progress: {} / 77"]
    )
    return Injected("percentage", task.id, path, tree.add(path, said.format(wrong)), says=COUNTED)


def dangling(tree: Tree) -> Injected:
    task, path = tree.choose(tree.random.choice(["checklist", "progress", "plan"]))
    name = tree.random.choice(
        [
            ".temp/plan-Z9Q8W7.md",
            "`.temp/completed/REPORT_Z9Q8W7.txt`",
            "architecture-notes-Z9Q8W7.md",
            "[the plan](./plan-Z9Q8W7.md)",
            "`completed/checklist-Z9Q8W7.md`",
            "Z9Q8W7",
            "the work of agent **Z9Q8W7**",
        ]
    )
    return Injected("dangling-reference", task.id, path, tree.add(path, f"It builds on {name}."), tree.temp)


def unknown_task(tree: Tree) -> Injected:
    task, path = tree.choose("task-status", decided(tree))

    def refer(data: dict[str, Any]) -> None:
        said = "Z9Q8W7 - its models"
        match tree.random.randrange(4):
            case 0:
                tree.random.choice(data["decisions"])["referencedAgentWork"] = said
            case 1:
                tree.random.choice(list(data["workstreams"]))["dependencies"] = ["list", "Z9Q8W7"]
            case 2:
                tree.random.choice(list(data["workstreams"]))["crossAgentReferences"] = [said]
            case 3:
                data["crossAgentReferences"] = [said]

    tree.edit(path, refer)
    return Injected("dangling-reference", task.id, path, line_of(path, "Z9Q8W7"), tree.temp)


def outdated(tree: Tree) -> Injected:
    task, path = tree.choose("progress", lambda one: not one.archived)
    other, there = tree.choose("plan", lambda one: one.archived)
    line = tree.add(path, f"- `.temp/plan-{other.id}.md`")
    return Injected("outdated-reference", task.id, path, line, there, "")


def outdated_in_completed(tree: Tree) -> Injected:
    task, path = tree.choose("progress")
    _, there = tree.choose("checklist", lambda one: not one.archived)
    place = tree.random.choice(["(.temp/completed/{})", "See completed/{}."])
    line = tree.add(path, place.format(there.name))
    return Injected("outdated-reference", task.id, path, line, there, "")


def second_document(tree: Tree) -> Injected:
    task, path = tree.choose(tree.random.choice(["checklist", "progress", "task-status"]))
    other = tree.temp / ("" if task.archived else "completed") / path.name
    shutil.copy(path, other)
    return Injected("same-id", task.id, path, 1, other, "")


def same_name(tree: Tree) -> Injected:
    task, path = tree.choose("task-status")
    other, there = tree.choose("task-status", lambda one: one.id != task.id)
    said = json.loads(there.read_text())["taskId"]
    line = tree.replace(path, r'("taskId": )"[^"]+"', rf'\g<1>"{said}"')
    found = task.id if other.id in said or other.id < task.id else other.id
    return Injected("same-id", found, path, line, there, '"taskId": "')


def half_archived(tree: Tree) -> Injected:
    task, path = tree.choose(tree.random.choice(["checklist", "progress"]), lambda one: one.workstreams is not None)
    other = tree.temp / ("" if task.archived else "completed") / path.name
    path.rename(other)
    return Injected("half-archived", task.id, other, 1, says="")


def _moved(tree: Tree, task: Facts, path: Path) -> Path:
    for one in list(path.parent.glob(f"*-{task.id}.*")):
        one.rename(tree.temp / ("" if task.archived else "completed") / one.name)
    return tree.temp / ("" if task.archived else "completed") / path.name


def archived_open(tree: Tree) -> Injected:
    task, path = tree.choose("task-status", lambda one: unfinished(one) and one.workstreams == "part")
    moved = _moved(tree, task, path)
    return Injected("archived-open", task.id, moved.parent, says=OPEN)


def not_archived(tree: Tree) -> Injected:
    task, path = tree.choose("progress", lambda one: one.finished and one.summary)
    _moved(tree, task, path)
    status = tree.temp / f"task-status-{task.id}.json"
    line = line_of(status, '"status": "completed"')
    return Injected("not-archived", task.id, status, line, says=DONE)


def shared_artifact(tree: Tree) -> Injected:
    task, path = tree.choose("task-status", lambda one: unfinished(one) and bool(one.artifacts))
    other, there = tree.choose("task-status", lambda one: unfinished(one) and bool(one.artifacts) and one.id != task.id)
    name = tree.random.choice(sorted(other.artifacts))
    line = tree.replace(path, r'^(\s{8,})"[^":]*/?[^":]*\.\w+"', rf'\g<1>"./{name}"')
    return Injected("shared-artifact", max(task.id, other.id), path, line, there, re.escape(name))


def broken(tree: Tree) -> Injected:
    task, path = tree.choose("task-status")
    text = path.read_text()
    where = tree.random.choice(["more", "cut", "binary", "empty", "list"])
    said = {
        "more": text.rstrip() + "\n}\n",
        "cut": text[: len(text) // 2],
        "binary": "\0" * 9,
        "empty": "",
        "list": "[]",
    }
    path.write_text(said[where])
    line = None
    if where in ("more", "cut"):
        with pytest.raises(json.JSONDecodeError) as stops:
            json.loads(said[where])
        line = stops.value.lineno
    return Injected("unreadable", task.id, path, line, path, None if line is None else "")


def broken_markdown(tree: Tree) -> Injected:
    task, path = tree.choose(tree.random.choice(["checklist", "plan", "progress"]))
    path.unlink()
    tree.random.choice([path.mkdir, lambda: path.symlink_to("nothing"), lambda: path.write_bytes(b"\0\1\2")])()
    return Injected("unreadable", task.id, path, against=path)


def journal_lost(tree: Tree) -> Injected:
    task, path = tree.choose("task-status")
    journal = next(tree.temp.rglob(f".orchestrator/**/{task.id}.jsonl"))
    journal.unlink()
    return Injected("no-journal", task.id, path, line_of(path, '"sync": {'), journal)


def journal_damaged(tree: Tree) -> Injected:
    task, path = tree.choose("task-status")
    journal = next(tree.temp.rglob(f".orchestrator/**/{task.id}.jsonl"))
    lines = journal.read_text().splitlines(keepends=True)
    bad = tree.random.randrange(len(lines) - 1)
    journal.write_text("".join([*lines[:bad], lines[bad].replace('"v":1', '"v":7'), *lines[bad + 1 :]]))
    return Injected("damaged", task.id, journal, bad + 1, path, '"sync": {')


def second_journal(tree: Tree) -> Injected:
    task, _ = tree.choose("task-status")
    journal = next(tree.temp.rglob(f".orchestrator/**/{task.id}.jsonl"))
    journals = tree.temp / ".orchestrator" / "journal"
    other = (journals if task.archived else journals / "completed") / journal.name
    other.write_text(re.sub(r'"uuid":"[^"]+"', '"uuid":"00000000-0000-4000-8000-000000000000"', journal.read_text()))
    return Injected("same-id", task.id, other, 1, journal, "")


def workstream_row(tree: Tree) -> Injected:
    task, path = tree.choose("progress", lambda one: one.workstreams is not None)
    line = tree.replace(path, r"^(- \*\*\w+\*\*) \[[a-z-]+\]", r"\1 [blocked]")
    return Injected("workstream-status", task.id, path, line, tree.document(task, "task-status"), '"status": "')


def workstream_line(tree: Tree) -> Injected:
    fits = {task.id for task in tree.tasks if task.workstreams and tree.document(task, "task-status").exists()}
    task, path = tree.choose(tree.random.choice(["plan", "progress"]), lambda one: one.id in fits)
    rows = json.loads(tree.document(task, "task-status").read_text())["workstreams"]
    listed = rows.items() if isinstance(rows, dict) else ((row["id"], row) for row in rows)
    name, row = tree.random.choice(list(listed))
    words = {
        "pending": ["pending", "Not started"],
        "completed": ["completed", "Done"],
        "progress": ["in progress", "partially done"],
    }
    done = {"completed": "completed", "Completed ✅": "completed", "in_progress": "progress", "in-progress": "progress"}
    own = done.get(row["status"], "progress" if row["status"].startswith("part") else "pending")
    word = tree.random.choice([said for kind, group in words.items() if kind != own for said in group])
    called = tree.random.choice([name, row.get("name", name), name.upper()])
    form = tree.random.choice(["- {}: {}", "* **{}** – {} 🔄", "1. `{}`: **{}**", "  - [ ] {} ({})", "- {} -> {}."])
    line = tree.add(path, form.format(called, word))
    return Injected("workstream-status", task.id, path, line, tree.document(task, "task-status"), r'"status": "')


def row_without_decision(tree: Tree) -> Injected:
    task, path = tree.choose("architecture-notes")
    line = tree.add(path, "- **D7** Pages are rendered on the server")
    return Injected("lone-decision", task.id, path, line, tree.document(task, "task-status"), '"decisions"')


def items_reported(tree: Tree) -> Injected:
    task, path = tree.choose("progress")
    line = tree.replace(path, r"^\*\*Progress\*\*: .*", "**Progress**: 7 of 9 items")
    return Injected("percentage", task.id, path, line, tree.document(task, "checklist"), COUNTED)


OURS = [journal_lost, journal_damaged, second_journal, workstream_row, row_without_decision, items_reported]
MUTATIONS = [
    life,
    end,
    unticked,
    open_workstream,
    all_workstreams,
    progress_open,
    progress_done,
    early_summary,
    future,
    before_start,
    future_line,
    lone_decision,
    percentage,
    workstream_line,
    dangling,
    unknown_task,
    outdated,
    outdated_in_completed,
    second_document,
    same_name,
    half_archived,
    archived_open,
    not_archived,
    shared_artifact,
    broken,
    broken_markdown,
]


def test_a_folder_without_contradictions_has_no_findings(clean: Path) -> None:
    report = check(clean)
    assert report.findings == ()
    assert len(report.tasks) in (5, 6)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_what_is_put_in_is_found_with_the_line_that_says_so(clean: Path, mutation: Mutation, tmp_path: Path) -> None:
    put_in(clean, mutation, tmp_path)


@pytest.mark.parametrize("mutation", OURS, ids=lambda mutation: mutation.__name__)
def test_so_is_what_only_documents_of_ours_can_say(kept: Path, mutation: Mutation, tmp_path: Path) -> None:
    put_in(kept, mutation, tmp_path)


def put_in(clean: Path, mutation: Mutation, tmp_path: Path) -> None:
    for seed in SEEDS:
        temp = tmp_path / str(seed) / ".temp"
        shutil.copytree(clean, temp, symlinks=True)
        injected = mutation(Tree(temp, Random(f"{mutation.__name__} {seed}")))
        found = check(temp, str(temp)).findings
        rules = DISAGREE if injected.rule in DISAGREE else {injected.rule}
        mine = [one for one in found if one.task == injected.task and one.rule in rules]
        assert mine, (seed, injected, found)
        assert any(proves(one.witnesses, injected) for one in mine), (seed, injected, mine)
        assert len({one.task for one in found}) <= 2, (seed, injected, found)


def proves(witnesses: tuple[Witness, Witness], injected: Injected) -> bool:
    """True when one of the two is the place that was changed, and the other what that is held against."""
    return any(
        (one.path.rstrip("/"), one.line) == (str(injected.path), injected.line) and holds(other, injected)
        for one, other in (witnesses, witnesses[::-1])
    )


def holds(other: Witness, injected: Injected) -> bool:
    path = Path(other.path)
    if injected.against is None and injected.task not in path.name:
        return False
    if injected.against is not None and path != injected.against:
        return False
    if injected.says is None or other.line is None:
        return injected.says is other.line
    return re.search(injected.says, path.read_text().split("\n")[other.line - 1]) is not None
