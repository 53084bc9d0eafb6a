"""watch: a process beside the work, and people who edit."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.events import (
    DecisionRecorded,
    Intent,
    ItemAdded,
    ModelReplied,
    PhaseChanged,
    TaskBlocked,
    TaskCompleted,
    Usage,
    WorkerStarted,
)
from orchestrator.task import Task

from .conftest import Shell, begin, interrupt, team
from .test_terminal import Terminal

Json = dict[str, Any]
LIMITED = (
    "unshare",
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"',
    "",
)
HOLDER = """
import signal, sys
from pathlib import Path
from orchestrator.engine import Engine
lease = Engine(Path(".temp")).lease(sys.argv[1])
print(flush=True)
signal.pause()
"""


class Watch:
    """A `watch` that has begun, and what it has told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.told: list[Json] = []
        self.stands: dict[str, Json] = {}
        """The last line of each task about where it stands."""
        assert self.next()["type"] == "watching"

    def next(self) -> Json:
        assert self.process.stdout
        line: Json = {"type": "task", "task": ""}
        while line["type"] == "task":
            self.stands[line["task"]] = line
            line = json.loads(self.process.stdout.readline() or f'{{"type": "ended {self.process.wait()}"}}')
        self.told.append(line)
        assert not line["type"].startswith("ended"), self.told
        return line

    def until(self, found: Callable[[Json], object]) -> Json:
        while not found(line := self.next()):
            pass
        return line

    def standing(self, task_id: str, **fields: object) -> Json:
        """Read on until a task stands so."""
        assert self.process.stdout
        while not fields.items() <= self.stands.get(task_id, {}).items():
            line = json.loads(self.process.stdout.readline())
            if line["type"] == "task":
                self.stands[line["task"]] = line
        return self.stands[task_id]

    def event(self, name: str, **fields: object) -> Json:
        """Read on until it tells of this event."""
        wanted = {"type": name, **fields}
        return self.until(lambda line: wanted.items() <= line.get("event", {}).items())


@contextmanager
def watching(shell: Shell, *arguments: str) -> Iterator[Watch]:
    with shell.start("watch", *arguments, "--output", "stream-json") as process:
        try:
            yield Watch(process)
            if process.poll() is None:
                assert interrupt(process).code == 0
        finally:
            process.kill()


@pytest.fixture
def task(shell: Shell) -> Task:
    task = shell.task()
    with shell.engine() as engine:
        items = [ItemAdded(id=f"c{number}", text=f"Part {number}") for number in (1, 2, 3)]
        return engine.commit(task.id, items, actor="user")


def document(shell: Shell, task: Task, kind: str = "checklist") -> Path:
    return shell.temp / f"{kind}-{task.id}.md"


def replace(path: Path, old: str, new: str) -> None:
    """As many editors save: a new file in the place of the old one."""
    written = path.with_name(f".{path.name}.swp")
    written.write_text(path.read_text().replace(old, new))
    written.replace(path)


def test_an_edit_is_recorded_and_told_as_it_happens(shell: Shell, task: Task) -> None:
    with watching(shell) as watch:
        replace(document(shell, task), "[ ] Part 1", "[x] Part 1")
        line = watch.event("ItemChecked", id="c1")
        assert (line["task"], line["actor"], line["revision"]) == (task.id, "editor", task.revision + 1)
        assert "Part 1" in document(shell, task, "progress").read_text()
        path = document(shell, task)
        path.write_text(path.read_text().replace("Part 2", "Part two"))
        assert watch.event("ItemReworded", id="c2")["revision"] == task.revision + 2
    assert [line["type"] for line in watch.told] == ["watching", "event", "event"]  # its own writing is no news
    assert shell("log", task.id).out.count("editor") == 2


def test_piped_it_is_a_plain_line_an_event_and_ctrl_c_ends_it_with_0(shell: Shell, task: Task) -> None:
    shell.environment["COLUMNS"] = "80"
    process = shell.start("watch")
    assert process.stdout
    assert process.stdout.readline() == f"watching 1 task in {shell.project}: Ctrl-C ends it\n"
    assert re.fullmatch(rf"{task.id}  clerk  pending  \d+s  planning  0/3\n", process.stdout.readline())
    replace(document(shell, task), "[ ] Part 1", "[x] Part 1" + " and more" * 20)
    line = process.stdout.readline()
    assert line[8:26] == f"  {task.id}  editor  "
    assert "c1 checked, evidence none\n" in line + process.stdout.readline()
    ended = interrupt(process)
    assert (ended.code, ended.err) == (0, "")
    assert all(len(row) <= 80 for row in ended.out.splitlines())


def test_what_was_edited_before_it_began_is_recorded_too(shell: Shell, task: Task) -> None:
    replace(document(shell, task), "[ ] Part 1", "[x] Part 1")
    with watching(shell) as watch:
        assert watch.next()["event"]["type"] == "ItemChecked"


def test_what_somebody_is_still_writing_is_left_and_recorded_whole_when_he_has_finished(
    shell: Shell, task: Task
) -> None:
    other = shell.task()
    path = document(shell, task)
    text = path.read_text().replace("Part 3", "Part three")
    with watching(shell) as watch:
        with path.open("w") as file:
            file.write(text[: text.index("three")])
            file.flush()
            replace(document(shell, other, "plan"), "None", "Something")
            watch.event("TextEdited", document="plan")
            assert path.read_text().endswith("Part ")
            file.write(text[text.index("three") :])
        watch.event("ItemReworded", id="c3", text="Part three")
    assert {line.get("event", {}).get("type") for line in watch.told if line.get("task") == task.id} == {"ItemReworded"}


def test_of_many_edits_in_a_row_none_is_lost_and_the_last_is_what_is_left(shell: Shell, task: Task) -> None:
    path = document(shell, task)
    with watching(shell) as watch:
        for number in range(100):
            replace(path, path.read_text().split("] ")[-1].splitlines()[0], f"Part, wording {number}")
        watch.until(lambda line: "wording 99" in line.get("event", {}).get("text", ""))
    assert "wording 99\n" in path.read_text()
    assert {line["type"] for line in watch.told} == {"watching", "event"}


def test_what_cannot_be_obeyed_is_told_with_where_it_is_kept(shell: Shell, task: Task) -> None:
    with watching(shell) as watch:
        (shell.temp / f"task-status-{task.id}.json").write_text("[1,")
        line = watch.event("EditSetAside", document="task-status")
    assert (shell.temp / line["event"]["name"]).read_text() == "[1,"


def test_a_document_that_was_deleted_comes_back(shell: Shell, task: Task) -> None:
    text = document(shell, task, "plan").read_bytes()
    with watching(shell) as watch:
        document(shell, task, "plan").unlink()
        assert watch.until(lambda line: line["type"] == "restored")["documents"] == ["plan"]
    assert document(shell, task, "plan").read_bytes() == text


def test_what_other_processes_do_to_tasks_is_told(shell: Shell) -> None:
    shell.temp.mkdir()
    with watching(shell) as watch:
        task = shell.task("Write a.js")
        assert watch.event("TaskCreated")["task"] == task.id
        with shell.engine() as engine:
            engine.commit(task.id, [PhaseChanged(phase="models")], actor="worker")
            watch.event("PhaseChanged", phase="models")
            name = engine.rename(task.id).id
            assert watch.event("TaskRenamed", previous=task.id)["task"] == name
            engine.lease(name).release()
            engine.commit(name, [TaskCompleted(summary="Done.")], actor="worker")
            engine.archive(name)
            watch.event("TaskCompleted", summary="Done.")
            watch.event("ArchiveDone")
            engine.reopen(name)
            watch.event("TaskReopened")
        replace(shell.temp / f"plan-{name}.md", "None", "Something")
        watch.event("TextEdited", document="plan")
    names = [line["event"]["type"] for line in watch.told if line["type"] == "event"]
    assert len([name for name in names if name in ("TaskCreated", "PhaseChanged", "TaskCompleted")]) == 3


def test_named_tasks_are_watched_until_they_are_archived_also_under_another_name(shell: Shell, task: Task) -> None:
    other = shell.task()
    with watching(shell, task.id) as watch, shell.engine() as engine:
        replace(document(shell, other, "plan"), "None", "Something")
        name = engine.rename(task.id).id
        watch.event("TaskRenamed")
        engine.cancel(name, "enough")
        out, err = watch.process.communicate()
    assert watch.process.returncode == 0
    assert ["ArchiveDone" in line or json.loads(line)["state"] for line in out.splitlines()[-2:]] == [True, "cancelled"]
    assert err == ""
    told = [*watch.told[1:], *(line for line in map(json.loads, out.splitlines()) if line["type"] != "task")]
    assert {line["task"] for line in told} == {name}


def test_a_worker_that_is_gone_is_told(shell: Shell, task: Task) -> None:
    with watching(shell) as watch:
        command = [sys.executable, "-c", HOLDER, task.id]
        with subprocess.Popen(command, cwd=shell.project, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout
            holder.stdout.readline()
            watch.event("WorkerStarted")
            holder.kill()
        assert watch.next()["type"] == "interrupted"


def test_a_damaged_task_is_told_once_and_the_others_are_watched_on(shell: Shell, task: Task) -> None:
    other = shell.task()
    journal = shell.temp / ".orchestrator" / "journal" / f"{task.id}.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"clerk", b"clark", 1))
    with watching(shell) as watch:
        assert "damaged" in watch.until(lambda line: line["type"] == "problem")["text"]
        replace(document(shell, task, "plan"), "None", "Something")
        replace(document(shell, other, "plan"), "None", "Something")
        assert watch.event("TextEdited")["task"] == other.id
    assert [line["type"] for line in watch.told].count("problem") == 1


@pytest.mark.parametrize("tasks", [0, 1])
def test_a_folder_that_is_taken_away_ends_it(shell: Shell, tasks: int) -> None:
    shell.temp.mkdir()
    for _ in range(tasks):
        shell.task()
    with watching(shell) as watch:
        shutil.rmtree(shell.temp.rename(shell.project / "gone"))  # at once: in what is there it may be making files
        _, err = watch.process.communicate()
    assert err == f"orchestrator: {shell.temp} was taken away: start again once there is one\n"
    assert watch.process.returncode == 1
    assert not shell.temp.exists()
    assert shell("watch").code == 2
    assert not shell.temp.exists()


def test_where_the_system_cannot_tell_it_looks_every_second_and_says_so(shell: Shell, task: Task) -> None:
    if subprocess.run([*LIMITED, "true"], capture_output=True, check=False).returncode:
        pytest.skip("limits cannot be set here")
    command = [*LIMITED, sys.executable, "-m", "orchestrator", "watch", "--output", "stream-json"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(shell.home)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=shell.project, env=environment, text=True, **pipes) as process:  # type: ignore[call-overload]
        watch = Watch(process)
        replace(document(shell, task), "[ ] Part 1", "[x] Part 1")
        watch.event("ItemChecked", id="c1")
        err = interrupt(process).err
    assert err == "orchestrator: inotify instance limit reached, so nobody tells of edits: looking once a second\n"


def test_on_a_terminal_a_tree_says_where_each_task_stands_and_is_gone_at_the_end(shell: Shell, task: Task) -> None:
    shell.environment["TERM"] = "xterm"
    terminal = Terminal(shell, "watch")
    terminal.until(rf"0 at work, 1 idle.*\n.*{task.id}.*  clerk  pending .*planning.*0/3")
    replace(document(shell, task), "[ ] Part 1", "[x] Part 1")
    terminal.until(rf"(?s)editor .*c1 checked, evidence none\x1b.*{task.id}.*1/3")
    with shell.engine() as engine:
        lease = engine.lease(task.id)
        terminal.until(rf"1 at work, 0 idle.*\n.*{task.id}.*  asks the model ")
        lease.release()
    terminal.process.send_signal(2)
    assert terminal.end() == 0
    assert terminal.shown.endswith("\x1b[J")


def test_under_a_lead_stands_what_it_gave_away_and_what_it_waits_for(shell: Shell) -> None:
    with shell.engine() as engine:
        given = team(engine)
        first, second = given.first.child, given.second.child
        lead, worker = engine.lease(given.lead), None
        with watching(shell) as watch:
            told = watch.standing(second, state="not begun")
            assert (told["parent"], told["agent"], told["waits_for"]) == (given.lead, 'a "b"', [first])
            assert watch.standing(given.lead, waits_for=[first, second])["state"] == "in-progress"
            begin(engine, given.first, given.lead)
            worker = engine.lease(first)
            assert watch.standing(first, state="in-progress")["doing"] == "asks the model"
            decided = [
                DecisionRecorded(id="D1", decision="So"),
                PhaseChanged(phase="late"),
                ItemAdded(id="c1", text="One"),
                ModelReplied(
                    content=(),
                    stop_reason="end_turn",
                    model="m",
                    usage=Usage(input_tokens=1_200, output_tokens=34),
                    cost=0.056,
                ),
            ]
            engine.commit(first, decided, actor="worker", epoch=1)
            told = watch.standing(first, phase="late", items={"done": 0, "total": 1}, parent=given.lead)
            assert (told["turns"], told["tokens"], told["cost_usd"]) == (1, 1_234, 0.056)
            assert (told["last_decision"]["id"], told["last_decision"]["decision"]) == ("D1", "So")
            engine.commit(first, [TaskCompleted(summary="Done.")], actor="worker", epoch=1)
            worker.release()
            engine.archive(first)
            watch.standing(given.lead, waits_for=[second])
            assert watch.standing(second, waits_for=[])["state"] == "not begun"
            watch.standing(first, state="archived")
        lead.release()


def test_the_tree_fits_eighty_columns_also_when_every_worker_is_dead(shell: Shell) -> None:
    shell.environment["TERM"] = "xterm"
    with shell.engine() as engine:
        given = team(engine)
        begin(engine, given.first, given.lead)
        lead, worker = engine.lease(given.lead), engine.lease(given.first.child)
        terminal = Terminal(shell, "watch")
        terminal.resize(80)
        lines = (
            rf"{given.lead}.* lead +waits for 2 of 2: {given.first.child}.*planning",
            rf"├ .*{given.first.child}.* first +asks the model .*planning",
            rf'└ .*{given.second.child}.* a "b" +.*not begun, after {given.first.child}',
        )
        terminal.until(r".*\n.*".join(lines))
        worker.release()
        lead.release()
        terminal.until(rf"{given.lead}.* lead +.*interrupted.*m\d+s")
        terminal.process.send_signal(2)
        assert terminal.end() == 0
    rows = re.sub(r"\x1b\[[\d;]*[mKJA]", "", terminal.shown).replace("\r", "\n").split("\n")
    assert max(len(row) for row in rows if not row.startswith("watching")) <= 80


HOSTILE = "\x1b[2J\x9b31mgood\u202egnp.exe\x07\u2066 news"


@pytest.mark.parametrize("words", [(), ("--text",)])
def test_what_agents_write_is_shown_only_where_asked_for_and_steers_nothing(
    shell: Shell, words: tuple[str, ...]
) -> None:
    shell.environment["COLUMNS"] = "200"
    with shell.engine() as engine:
        given = team(engine)
        engine.commit(given.lead, [DecisionRecorded(id="D1", decision=HOSTILE)], actor="worker")
        process = shell.start("watch", *words)
        assert process.stdout
        shown = process.stdout.readline() + process.stdout.readline() + process.stdout.readline()
        begin(engine, given.first, given.lead)
        run = Intent(call="t1", tool="Bash", command=HOSTILE)
        started = WorkerStarted(epoch=1, holder="a test")
        replied = ModelReplied(content=(), stop_reason="tool_use", model="m", intents=(run,))
        engine.commit(given.first.child, [started, replied, PhaseChanged(phase=HOSTILE)], actor="engine")
        engine.commit(given.first.child, [TaskBlocked(reason=HOSTILE)], actor="worker")
        while "blocked" not in shown:
            shown += process.stdout.readline()
        shown += interrupt(process).out
    assert (shown.count("news") > 1) == bool(words)
    assert "D1" in shown
    assert {char for char in shown if not char.isprintable()} == {"\n"}


def test_a_task_kept_by_hand_is_shown_until_it_is_adopted(shell: Shell, task: Task) -> None:
    path = shell.temp / "task-status-HAND22.json"
    said = {"agent": "someone", "status": "in-progress", "startedAt": "last week", "phase": "tests"}
    path.write_text(json.dumps(said))
    (shell.temp / "checklist-HAND22.md").write_text("- [x] one\n- [ ] two\n")
    with watching(shell) as watch:
        assert watch.told[0]["tasks"] == [task.id, "HAND22"]
        row = watch.standing("HAND22", state="in-progress (by hand)", agent="someone", phase="tests")
        assert row["items"] == {"done": 1, "total": 2}
        path.write_text(json.dumps(said | {"status": "Blocked"}))
        watch.standing("HAND22", state="Blocked (by hand)")
        (shell.temp / "task-status-HAND33.json").write_text("{")
        watch.standing("HAND33", state="unreadable (by hand)")
        assert shell("adopt").code == 0
        assert watch.event("TaskAdopted", status="blocked")["task"] == "HAND22"
        watch.standing("HAND22", state="blocked", agent="someone")


def test_a_task_that_is_not_there_is_said(shell: Shell, task: Task) -> None:
    ended = shell("watch", "K7Q2MX")
    assert (ended.code, ended.out) == (2, "")
    assert "no task K7Q2MX" in ended.err
