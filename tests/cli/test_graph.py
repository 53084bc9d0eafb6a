"""`orchestrator graph`: how tasks hang together."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from orchestrator.events import Delegated, Intent, ModelReplied, ReferenceAdded, TaskCreated

from .conftest import Shell

SVG = "{http://www.w3.org/2000/svg}"


def tree(shell: Shell) -> tuple[str, str, str, str]:
    """A lead with two tasks below it, one after the other; and one that refers to the first."""
    with shell.engine() as engine:
        lead = engine.create(TaskCreated(agent="lead", description="All <of> it"))
        given = [
            Delegated(child=engine.free_id(), agent="first", description="One", workstream="one"),
            Delegated(child=engine.free_id(), agent='a "b"', description="Two", workstream="two", after=("one",)),
        ]
        intents = tuple(Intent(call=row.child, tool="Delegate", delegated=row) for row in given)
        engine.commit(
            lead.id, [ModelReplied(content=(), stop_reason="tool_use", model="m", intents=intents)], actor="worker"
        )
        for row in given:
            created = TaskCreated(agent=row.agent, description=row.description, parent=lead.id)
            engine.create(created, task_id=row.child)
        other = engine.create(TaskCreated(agent="loner", description="Else"))
        engine.commit(other.id, [ReferenceAdded(task=given[0].child, document="plan")], actor="worker")
    return lead.id, given[0].child, given[1].child, other.id


def test_arrows_say_who_gave_work_to_whom_what_came_before_and_what_is_referred_to(shell: Shell) -> None:
    lead, first, second, other = tree(shell)
    ended = shell("graph")
    assert (ended.code, ended.err) == (0, "")
    rows = [row.strip() for row in ended.out.splitlines()]
    assert rows[0] == "flowchart TD"
    arrows = {row for row in rows if " " in row and "[" not in row} - {"flowchart TD"}
    assert arrows == {
        f"{lead} --> {first}",
        f"{lead} --> {second}",
        f"{first} -. then .-> {second}",
        f"{other} -.-> {first}",
    }
    assert f'{second}["a #34;b#34;<br/>{second} · pending"]' in rows
    below = shell("graph", lead).out
    assert second in below
    assert other not in below


def test_the_picture_is_whole_and_no_two_tasks_lie_on_each_other(shell: Shell) -> None:
    tree(shell)
    picture = ElementTree.fromstring(shell("graph", "--svg").out)
    boxes = [(box.get("x"), box.get("y")) for box in picture.iter(f"{SVG}rect") if box.get("rx")]
    assert len(boxes) == len(set(boxes)) == 4
    assert len(list(picture.iter(f"{SVG}path"))) == 4 + 1
    assert "All <of> it" in [title.text for title in picture.iter(f"{SVG}title")]


def test_what_is_archived_is_drawn_when_asked_for(shell: Shell) -> None:
    task = shell.task()
    shell("cancel", task.id)
    assert shell("graph").out == "flowchart TD\n"
    assert re.search(rf"{task.id} · cancelled", shell("graph", "--all").out)
