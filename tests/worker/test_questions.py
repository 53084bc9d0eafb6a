"""A task asks the one that gave it away, or a person, and waits: the answer is what its call returns."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.errors import Refused, Unanswered
from orchestrator.events import BlockerResolved
from orchestrator.questions import meant
from orchestrator.settings import Caps
from orchestrator.task import Task
from orchestrator.worker import Moment
from tests.worker.conftest import DONE, PLAN, WRITE, Stage, texts
from tests.worker.test_delegation import ACCEPT, GIVE, LEAD, child

ASK = "{Ask: {question: Which name?}}"
ASKS = f"""
- calls: [{PLAN}, {WRITE}, {ASK}]
{DONE}
"""
ANSWER = "{Answer: {task: '{{asker}}', answer: Call it note.}}"
AWAIT = "{Await: {tasks: ['{{asker}}']}}"


@pytest.fixture
def stage(stage: Stage) -> Stage:
    stage.agent("helper")
    stage.agent("other")
    return stage


def heard(task: Task) -> str:
    return "\n".join(texts(message.content) for message in task.transcript if message.role == "user")


def answer(stage: Stage, task_id: str, text: str, name: str | None = None) -> None:
    """As `orchestrator answer` does."""
    with stage.engine() as engine:
        asked = meant(engine.refresh(task_id).task, name)
        engine.commit(task_id, [BlockerResolved(id=asked.id, resolution=text)], actor="user")


@pytest.mark.parametrize("workers", [1, 100])
def test_a_helper_asks_its_lead_and_goes_on_with_the_answer(stage: Stage, workers: int) -> None:
    """With one place for all workers, too: who waits does not hold it."""
    stage.caps = Caps(workers=workers)
    stage.start()
    with stage.model(
        clerk=f"- calls: [{LEAD}, {GIVE}]\n- calls: [{ANSWER}, {AWAIT}]\n{ACCEPT.replace('R3', 'R5')}", helper=ASKS
    ):
        stage.work()
    assert stage.task.status == "archived"
    helped = child(stage)
    assert f"Task {helped.id} (helper) asks:\n\nB1: Which name?" in stage.told[1]
    assert "Call it note." in heard(helped)
    assert helped.epoch == 1
    assert f"Task {helped.id} (helper) is completed." in stage.told[2]
    assert stage.asked == []


def test_while_one_asks_the_others_stay_at_work(stage: Stage) -> None:
    """The other cannot be done before the lead has heard that one asks: it waits for what the lead does then."""
    both = f"{GIVE}, {{Delegate: {{agent: other, task: Write the letter., workstream: letter}}}}"
    waits = "{Bash: {command: 'until [ -e answered ]; do sleep 0.02; done'}}"
    then = f"{{Bash: {{command: touch answered}}}}, {AWAIT}, {AWAIT.replace('asker', 'other')}"
    stage.start()
    with stage.model(
        clerk=f"- calls: [{LEAD}, {both}]\n- calls: [{ANSWER}, {then}]\n{ACCEPT.replace('R3', 'R8')}",
        helper=ASKS,
        other=f"- calls: [{PLAN}, {waits}]\n{DONE}",
    ):
        stage.work()
    assert f"Task {child(stage, 1).id} (other) is at work" in stage.told[1]
    assert child(stage, 1).epoch == 1
    assert stage.task.status == "archived"


@pytest.mark.parametrize("line", range(1, 12))
def test_what_was_asked_is_still_asked_after_a_crash(stage: Stage, line: int) -> None:
    stage.start()
    with stage.model(
        clerk=f"- calls: [{LEAD}, {GIVE}]\n- calls: [{ANSWER}, {AWAIT}]\n{ACCEPT.replace('R3', 'R5')}", helper=ASKS
    ):
        stage.die("call", line, nth=2)
        stage.work()
    assert (stage.task.status, child(stage).status) == ("archived", "archived")
    assert (stage.task.turns, child(stage).turns) == (4, 2)
    assert heard(child(stage)).count("Call it note.") == 1


def test_a_person_who_is_there_is_asked_at_once(stage: Stage) -> None:
    stage.answer = "Call it note."
    stage.play(ASKS)
    assert stage.asked == ["Which name?"]
    assert "Call it note." in stage.told[1]
    assert stage.task.status == "archived"
    assert "Somebody edited" not in stage.told[1]


def test_who_is_asked_need_not_say_anything_when_it_was_answered_elsewhere(stage: Stage) -> None:
    withdrawn = asyncio.Event()

    async def ask(task: Task) -> str:
        answer(stage, task.id, "Call it note.")
        try:
            return await asyncio.Future()
        finally:
            withdrawn.set()

    stage.ask = ask
    stage.play(ASKS)
    assert withdrawn.is_set()
    assert "Call it note." in stage.told[1]
    assert (stage.task.status, stage.task.epoch) == ("archived", 1)


def test_what_was_answered_while_others_were_still_at_work_is_gone_on_with(stage: Stage) -> None:
    """Nobody can be asked, so that the helper stops; the answer comes before the other has ended."""
    both = f"{GIVE}, {{Delegate: {{agent: other, task: Write the letter., workstream: letter}}}}"
    waits = "{Bash: {command: 'until [ -e answered ]; do sleep 0.02; done'}}"

    def watch(moment: Moment) -> None:
        if moment.task.agent == "helper" and moment.kind == "stopped":
            answer(stage, moment.task.id, "Call it note.")
            (stage.workspace / "answered").touch()

    stage.watch = watch
    stage.start()
    asks = ASKS.replace("Which name?", "Which name?, to: person")
    with stage.model(
        clerk=f"- calls: [{LEAD}, {both}]\n{ACCEPT.replace('R3', 'R4')}",
        helper=asks,
        other=f"- calls: [{PLAN}, {waits}]\n{DONE}",
    ):
        stage.work()
    assert (child(stage).status, child(stage, 1).status, stage.task.status) == ("archived",) * 3
    assert (child(stage).epoch, child(stage, 1).epoch, stage.task.epoch) == (2, 1, 2)
    assert "Call it note." in heard(child(stage))


@pytest.mark.parametrize("crash", [False, True])
def test_where_nobody_is_there_the_task_waits_for_the_answer(stage: Stage, crash: bool) -> None:
    stage.start()
    with stage.model(clerk=ASKS):
        if crash:
            stage.die("stopped", None)
        else:
            stage.work()
            end = stage.ends[stage.id]
            assert isinstance(end, Unanswered)
            assert (end.exit_code, str(end)) == (3, f"task {stage.id} asks: Which name?")
        assert (stage.task.status, stage.task.reason, stage.task.turns) == ("blocked", "it asks: Which name?", 1)
        assert "**B1** Which name?" in stage.document("progress").read_text()
        stage.work()  # nobody has answered yet: nothing is asked of the model
        assert (stage.task.status, stage.task.turns) == ("blocked", 1)
        answer(stage, stage.id, "Call it note.")
        assert (stage.task.status, stage.task.reason) == ("blocked", "its question is answered")
        stage.work()
    assert stage.told[1].count("Call it note.") == 1
    assert stage.task.status == "archived"


def test_a_helper_s_question_to_a_person_is_no_news_for_its_lead(stage: Stage) -> None:
    stage.start()
    asks = ASKS.replace("Which name?", "Which name?, to: person")
    with stage.model(clerk=f"- calls: [{LEAD}, {GIVE}]\n{ACCEPT}", helper=asks):
        stage.work()
        helped = child(stage)
        assert (stage.task.status, stage.task.reason) == ("blocked", f"task {helped.id} asks: Which name?")
        assert (helped.status, stage.task.turns) == ("blocked", 1)
        answer(stage, helped.id, "Call it note.")
        stage.work()
    assert (stage.task.status, stage.task.turns) == ("archived", 3)


def test_what_a_helper_asks_whose_lead_is_gone_a_person_answers(stage: Stage) -> None:
    stage.start()
    with stage.model(clerk=f"- calls: [{LEAD}, {GIVE}]\n{ACCEPT}", helper=ASKS):
        stage.die("call", None, nth=5)
        helped = child(stage).id
        stage.work(helped)
        assert isinstance(stage.ends[helped], Unanswered)
        answer(stage, helped, "Call it note.")
        stage.work()
    assert stage.task.status == "archived"


def test_of_two_questions_each_has_its_own_answer_and_none_has_two(stage: Stage) -> None:
    stage.start()
    two = ASKS.replace(ASK, f"{ASK}, {{Ask: {{question: Which size?}}}}")
    with stage.model(clerk=two):
        stage.work()
        with pytest.raises(Refused, match=r"say which: B1 \(Which name\?\); B2 \(Which size\?\)"):
            answer(stage, stage.id, "Small")
        answer(stage, stage.id, "Small", "B2")
        with pytest.raises(Refused, match="asks B1: B2 was answered already"):
            answer(stage, stage.id, "Large", "B2")
        stage.work()
        answer(stage, stage.id, "Call it note.")
        with pytest.raises(Refused, match="asks nothing"):
            answer(stage, stage.id, "Something else")
        stage.work()
    assert stage.told[1].index("Call it note.") < stage.told[1].index("Small")
    assert stage.task.status == "archived"


def test_two_questions_may_have_the_same_answer(stage: Stage) -> None:
    stage.start()
    asks = f"- calls: [{PLAN}, {WRITE}, {ASK}]\n- calls: [{{Ask: {{question: Is it done?}}}}]\n{DONE}"
    again = f"- calls: [{ANSWER}, {AWAIT}]\n"
    with stage.model(clerk=f"- calls: [{LEAD}, {GIVE}]\n{again}{again}{ACCEPT.replace('R3', 'R7')}", helper=asks):
        stage.work()
    assert [row.resolution for row in child(stage).blockers] == ["Call it note."] * 2
    assert (stage.task.status, stage.task.turns) == ("archived", 5)


def test_who_is_cancelled_while_it_asks_its_lead_ends(stage: Stage) -> None:
    stage.start()
    cancel = "{Cancel: {task: '{{asker}}', reason: Not wanted}}"
    drop = "{Sync: {check_items: [{item: c1, evidence: [R3]}], workstreams: [{id: note, status: completed}]}}"
    with stage.model(
        clerk=f"- calls: [{LEAD}, {GIVE}]\n- calls: [{cancel}]\n- calls: [{drop}, {{Finish: {{summary: Done.}}}}]",
        helper=f"- calls: [{PLAN}, {WRITE}, {ASK}]",
    ):
        stage.work()
    assert (child(stage).ended, child(stage).status) == ("cancelled", "archived")
    assert stage.asked == []


def test_an_answer_may_be_written_into_the_document(stage: Stage) -> None:
    stage.start()
    with stage.model(clerk=ASKS):
        stage.work()
        stage.edit("progress", "**B1** Which name?", "**B1** ~~Which name?~~ resolved: Call it note.")
        stage.work()
    assert "Call it note." in stage.told[1]
    assert stage.task.status == "archived"


def test_a_lead_need_not_wait_and_is_told_while_it_works(stage: Stage) -> None:
    """It tells its helper something, which the helper cannot go on without; then waits for the end of it."""
    begin = GIVE.replace("note}", "note, wait: false}")
    tells = "{Tell: {to: '{{asker}}', message: It is note.txt.}}, {Bash: {command: touch told}}"
    waits = f"- calls: [{PLAN}, {{Bash: {{command: 'until [ -e told ]; do sleep 0.02; done'}}}}]"
    told = "{Tell: {to: parent, message: I begin.}}"
    hold = "{Bash: {command: 'until [ -e heard ]; do sleep 0.02; done; echo hello > note.txt'}}"
    goes_on = f"{{Bash: {{command: touch heard}}}}, {AWAIT}"
    stage.start()
    with stage.model(
        clerk=f"- calls: [{LEAD}, {begin}]\n- calls: [{tells}, {AWAIT}]\n- calls: [{goes_on}]\n"
        + ACCEPT.replace("R3", "R8"),
        helper=f"{waits}\n- calls: [{told}, {hold}]\n{DONE.replace('R2', 'R4')}",
    ):
        stage.work()
    helped = child(stage)
    assert f"Task {helped.id} (helper) is at work: wait for it with Await." in stage.told[1]
    assert "It is note.txt." in heard(helped)
    assert f"- Task {helped.id}: I begin." in stage.told[2]
    assert "is completed" in stage.told[3]
    assert stage.task.status == "archived"


def test_so_many_are_at_work_at_once_and_no_more(stage: Stage) -> None:
    names = [f"note{number}" for number in range(4)]
    busy: set[str] = set()
    most: list[int] = []

    def watch(moment: Moment) -> None:
        if moment.task.agent == "helper":
            (busy.discard if moment.kind == "done" else busy.add)(moment.task.id)
            most.append(len(busy))

    stage.watch = watch
    stage.caps = Caps(workers=2)
    gives = ", ".join(f"{{Delegate: {{agent: helper, task: Write it., workstream: {name}}}}}" for name in names)
    stage.start()
    helped = f"- calls: [{PLAN}, {{Bash: {{command: echo hello > note.txt}}}}]\n{DONE}"
    with stage.model(clerk=f"- calls: [{PLAN}, {gives}]\n{ACCEPT.replace('R3', 'R6')}", helper=helped):
        stage.work()
    assert stage.task.status == "archived"
    assert max(most) == 2


def test_a_tree_has_so_many_tasks_and_no_more(stage: Stage) -> None:
    stage.caps = Caps(tasks=3, children=9)
    gives = ", ".join(f"{{Delegate: {{agent: helper, task: Write {name}.}}}}" for name in ("one", "two", "three"))
    stop = "- calls: [{Sync: {raise_blockers: [Too many]}}]\n- say: I stop.\n"
    stage.start()
    with stage.model(clerk=f"- calls: [{PLAN}, {gives}]\n{stop}", helper=stop):
        stage.work()
    assert len(stage.task.children) == 2
    assert "A tree may have 3 tasks, and this one has" in stage.told[1]


def test_a_task_gives_so_many_away_and_no_more(stage: Stage) -> None:
    stage.caps = Caps(children=2)
    gives = ", ".join(f"{{Delegate: {{agent: helper, task: Write {number}.}}}}" for number in range(4))
    stop = "- calls: [{Sync: {raise_blockers: [Too many]}}]\n- say: I stop.\n"
    stage.start()
    with stage.model(clerk=f"- calls: [{PLAN}, {gives}]\n{stop}", helper=stop):
        stage.work()
    given = [child(stage, number).description for number, _ in enumerate(stage.task.children)]
    assert given == ["Write 0.", "Write 1."]
    assert stage.told[1].count("A task may give away 2 tasks, and this one has: do the rest yourself.") == 2
