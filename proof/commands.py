"""The commands of the command line: how a project is before each, and what must be true once it is done."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.engine import Engine
from orchestrator.events import Intent, MessageReceived, ModelReplied, PhaseChanged, ReferenceAdded
from orchestrator.questions import unanswered
from orchestrator.receipts import Asked
from orchestrator.task import Task
from proof.flows import BY_HAND, DONE, HAND_MADE, OTHER, PUT_AWAY
from proof.folder import CREATED, ID, NEW, PLAN, assert_in_step, open_engine, path_of
from proof.project import ONLY, Project, Words

AGENT = "---\nname: clerk\ndescription: Writes notes\n---\nYou write notes.\n"
PLAY = """\
actors:
  clerk:
    match: You are the agent clerk
    turns:
      - calls:
          - Sync: {add_items: [{text: The note is written}]}
      - calls:
          - Bash: {command: printf said >> said.txt}
      - until: "has been updated|File created"
        calls:
          - Read: {file_path: note.txt}
          - Write as note: {file_path: note.txt, content: hello}
      - until: " is done"
        calls:
          - Sync: {check_items: [{item: c1, evidence: ["{{receipt note}}"]}]}
          - Finish: {summary: The note is written.}
      - until: "has been updated|File created"
        calls:
          - Read: {file_path: more.txt}
          - Write as more: {file_path: more.txt, content: more}
      - until: " is done"
        calls:
          - Sync: {check_items: [{item: c2, evidence: ["{{receipt more}}"]}]}
          - Finish: {summary: There is more.}
"""
"""What the model says. Turns are repeated until they did what they are for."""

RUN: Words = ("run", "clerk", "Write a note", "--yes", "--max-turns", "20")


Check = Callable[[Engine, Project], None]
Again = Callable[[Engine], Words | None]


@dataclass(frozen=True)
class Command:
    """`before` makes the project, `done` asserts what a code of 0 promises. `again`: what goes on after a fault."""

    words: Words
    before: Callable[[Project], None]
    done: Check
    again: Again | None = field(default=None)

    @property
    def name(self) -> str:
        return self.words[0]

    @property
    def follows(self) -> bool:
        """True when it is done with its commit: the files that move with it may be left to the next command."""
        return self.name in ("fork", "cancel", "continue")

    @property
    def works(self) -> bool:
        """True when an agent is at work, whose doings are told beside what went wrong."""
        return self.name in ("run", "resume", "continue", "demo")

    @property
    def plays(self) -> bool:
        """True when agents are at work one after the other, for seconds: they are killed one by one elsewhere."""
        return self.name == "demo"

    def repeated(self, engine: Engine) -> Words | None:
        """The words that bring it to its end, None when it is there."""
        return self.words if self.again is None else self.again(engine)


# -- projects ------------------------------------------------------------------


def bare(project: Project) -> None:
    agents = project.workspace / ".claude" / "agents"
    agents.mkdir(parents=True)
    (agents / "clerk.md").write_text(AGENT)


def empty(project: Project) -> None:
    """Nothing is there."""


def by_hand(project: Project) -> None:
    bare(project)
    (project.temp / "completed").mkdir(parents=True)
    for name, text in HAND_MADE.items():
        (project.temp / name).write_bytes(text.encode())


def kept(project: Project) -> None:
    """A task, another one that refers to it, and a file beside its documents."""
    bare(project)
    engine = open_engine(project.temp)
    engine.create(CREATED, *PLAN)
    engine.create(CREATED, ReferenceAdded(task=ID, document="plan"), task_id=OTHER)
    engine.close()
    (project.temp / f"REPORT-{ID}.md").write_text("a report\n")


def edited(project: Project) -> None:
    kept(project)
    path = path_of(project.temp, "checklist")
    path.write_text(path.read_text().replace("- [ ] Write the model", "My own line\n- [x] Write the model"))
    os.utime(path, (0, 0))
    path_of(project.temp, "plan").unlink()


def asking(project: Project) -> None:
    """A task that asked something, in a call that still waits for the answer."""
    kept(project)
    engine = open_engine(project.temp)
    epoch = (lease := engine.lease(ID)).epoch
    intent = Intent(call="toolu_1", tool="Ask", asked=Asked(question="Which name?", to="person"))
    asked = {"type": "tool_use", "id": "toolu_1", "name": "Ask", "input": {"question": "Which name?"}}
    replied = ModelReplied(content=(asked,), stop_reason="tool_use", model="scripted", intents=(intent,))
    engine.commit(ID, [replied], actor="worker", epoch=epoch)
    lease.release()
    engine.close()


def closed(project: Project) -> None:
    kept(project)
    engine = open_engine(project.temp)
    engine.lease(ID).release()
    engine.commit(ID, DONE, actor="user")
    engine.close()


def archived(project: Project) -> None:
    closed(project)
    engine = open_engine(project.temp)
    engine.archive(ID)
    engine.close()


def stopped(project: Project) -> None:
    """A task whose worker stopped at a limit, after a command."""
    bare(project)
    ended = project.forked(*RUN[:-1], "2")
    assert ended.code == 4, ended


def finished(project: Project) -> None:
    bare(project)
    ended = project.forked(*RUN)
    assert ended.code == 0, ended


def aged(project: Project) -> None:
    finished(project)
    project.age()


# -- what is done --------------------------------------------------------------


def nothing(engine: Engine, project: Project) -> None:
    """It only reads, or what it does is seen elsewhere."""


def made(engine: Engine, project: Project) -> None:
    assert (project.temp / ".orchestrator" / ".gitignore").read_text() == "*\n"
    assert (project.temp / "completed").is_dir()


def is_adopted(engine: Engine, project: Project) -> None:
    assert set(engine.ids()) == {BY_HAND, PUT_AWAY}
    assert "Models first." in path_of(project.temp, "plan", BY_HAND).read_text()


def absorbed(engine: Engine, project: Project) -> None:
    aside = project.temp / f"set-aside-checklist-{ID}.md"
    assert engine.refresh(ID).task.items[0].checked or aside.exists()
    assert "My own line" in (aside if aside.exists() else path_of(project.temp, "checklist")).read_text()


def is_archived(engine: Engine, project: Project) -> None:
    task = engine.refresh(ID).task
    assert task.status == "archived", task.status
    assert (project.temp / "completed" / f"REPORT-{ID}.md").read_text() == "a report\n"
    assert not (project.temp / f"REPORT-{ID}.md").exists()
    assert engine.refresh(OTHER).task.references[0].moved


def is_cancelled(engine: Engine, project: Project) -> None:
    is_archived(engine, project)
    task = engine.refresh(ID).task
    assert (task.ended, task.reason) == ("cancelled", "Not wanted")


def is_open(engine: Engine, project: Project) -> None:
    task = engine.refresh(ID).task
    assert (task.status, task.moving) == ("stopped", None)
    assert (project.temp / f"REPORT-{ID}.md").read_text() == "a report\n"
    assert not engine.refresh(OTHER).task.references[0].moved


def is_renamed(engine: Engine, project: Project) -> None:
    assert engine.refresh(NEW).task.id == NEW
    assert ID not in engine.ids()
    assert (project.temp / f"REPORT-{NEW}.md").read_text() == "a report\n"
    assert engine.refresh(OTHER).task.references[0].task == NEW


def is_forked(engine: Engine, project: Project) -> None:
    (task,) = (task for task in (engine.refresh(name).task for name in engine.ids()) if task.forked)
    assert task.id in [row.task for row in engine.refresh(ID).task.references]


def is_written(engine: Engine, project: Project) -> None:
    task = only(engine)
    assert task.status == "archived", task.status
    assert all(item.checked for item in task.items)
    assert (project.workspace / "note.txt").read_text() == "hello"
    said = project.workspace / "said.txt"
    assert not said.exists() or said.read_text() == "said", "a command ran twice"


def has_more(engine: Engine, project: Project) -> None:
    is_written(engine, project)
    assert len(only(engine).items) == 2
    assert (project.workspace / "more.txt").read_text() == "more"


def is_undone(engine: Engine, project: Project) -> None:
    assert not (project.workspace / "note.txt").exists()
    assert not (project.workspace / "said.txt").exists()


def is_limited(engine: Engine, project: Project) -> None:
    assert engine.refresh(ID).task.limits.turns == 5


def is_stopped(engine: Engine, project: Project) -> None:
    assert engine.refresh(ID).task.reason == "stopped by a person"


def is_paused(engine: Engine, project: Project) -> None:
    assert engine.refresh(ID).task.paused


def is_told(engine: Engine, project: Project) -> None:
    said = [event.text for row in engine.since(ID, 1) for event in row.events if isinstance(event, MessageReceived)]
    assert "Mind the tests" in said


def is_answered(engine: Engine, project: Project) -> None:
    assert [row.resolution for row in engine.refresh(ID).task.blockers] == ["notes.txt"]


def is_shown(engine: Engine, project: Project) -> None:
    assert [engine.refresh(task_id).task.status for task_id in engine.ids()] == ["archived", "archived"]


def only(engine: Engine) -> Task:
    (task_id,) = engine.ids()
    return engine.refresh(task_id).task


# -- what goes on --------------------------------------------------------------


def while_archived(engine: Engine) -> Words | None:
    return ("reopen", ID) if engine.refresh(ID).task.archived else None


def while_old(engine: Engine) -> Words | None:
    return ("rename", ID, NEW) if ID in engine.ids() else None


def until_forked(engine: Engine) -> Words | None:
    return ("fork", ID, "--at", "1") if len(engine.ids()) == 2 else None


def while_unanswered(engine: Engine) -> Words | None:
    return ANSWER if unanswered(engine.refresh(ID).task) else None


def goes_on(engine: Engine) -> Words | None:
    """A run that died before its task was there is begun again, else resumed."""
    if not engine.ids():
        return RUN
    return None if only(engine).status == "archived" else ("resume", "--yes", "--max-turns", "30")


def goes_on_with_more(engine: Engine) -> Words | None:
    if not only(engine).instructions:
        return MORE
    return goes_on(engine)


ANSWER: Words = ("answer", ID, "notes.txt")
MORE: Words = ("continue", ONLY, "There must be more", "--yes", "--max-turns", "20")

COMMANDS = (
    Command(("init",), bare, made),
    Command(("status",), kept, nothing),
    Command(("log", ID), kept, nothing),
    Command(("at", "2026-06-01"), kept, nothing),
    Command(("check",), kept, nothing),
    Command(("agents",), kept, nothing),
    Command(("doctor",), kept, nothing),
    Command(("adopt",), by_hand, is_adopted),
    Command(("show", ID), edited, absorbed),
    Command(("diff", ID, "r1"), edited, absorbed),
    Command(("archive", ID), closed, is_archived),
    Command(("cancel", ID, "Not wanted"), kept, is_cancelled),
    Command(("reopen", ID), archived, is_open, while_archived),
    Command(("rename", ID, NEW), kept, is_renamed, while_old),
    Command(("fork", ID, "--at", "1"), kept, is_forked, until_forked),
    Command(("blame", ID, "checklist"), edited, absorbed),
    Command(("why", ID), edited, absorbed),
    Command(("graph",), edited, absorbed),
    Command(("wait", ID), archived, nothing),
    Command(("limit", ID, "--max-turns", "5"), kept, is_limited),
    Command(("stop", ID), kept, is_stopped),
    Command(("pause", ID), kept, is_paused),
    Command(("tell", ID, "Mind the tests"), kept, is_told),
    Command(ANSWER, asking, is_answered, while_unanswered),
    Command(("changes", ONLY), finished, is_written),
    Command(("undo", ONLY, "--yes"), finished, is_undone),
    Command(("prune", "--older-than", "0"), aged, nothing),
    Command(("demo", "--keep", ".", "--yes"), empty, is_shown),
    Command(RUN, bare, is_written, goes_on),
    Command(("resume", "--yes", "--max-turns", "20"), stopped, is_written, goes_on),
    Command(MORE, finished, has_more, goes_on_with_more),
)


def once_more(engine: Engine) -> None:
    """One more commit works, in a new task and in every open one."""
    engine.create(CREATED, task_id="Q2W3E4")
    for task_id in engine.ids():
        if engine.refresh(task_id).task.open:
            task = engine.commit(task_id, [PhaseChanged(phase="once more")], actor="worker")
            assert_in_step(engine.folder.temp, task)
