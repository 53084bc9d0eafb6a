"""`orchestrator graph`: how tasks hang together."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from orchestrator.cli.drawing import Node, drawing
from orchestrator.events import ReferenceAdded, TaskCreated
from orchestrator.lives import LIVES

from .conftest import Shell, begin, team

SVG = "{http://www.w3.org/2000/svg}"


def tree(shell: Shell) -> tuple[str, str, str, str]:
    """A lead with two tasks below it, one after the other; and one that refers to the first."""
    with shell.engine() as engine:
        given = team(engine)
        begin(engine, given.first, given.lead)
        begin(engine, given.second, given.lead)
        other = engine.create(TaskCreated(agent="loner", description="Else"))
        engine.commit(other.id, [ReferenceAdded(task=given.first.child, document="plan")], actor="worker")
    return given.lead, given.first.child, given.second.child, other.id


def test_arrows_say_who_gave_work_to_whom_what_came_before_and_what_is_referred_to(shell: Shell) -> None:
    lead, first, second, other = tree(shell)
    ended = shell("graph")
    assert (ended.code, ended.err) == (0, "")
    rows = [row.strip() for row in ended.out.splitlines()]
    assert rows[0] == "flowchart TD"
    arrows = {row for row in rows[1:] if "[" not in row and "classDef" not in row}
    assert arrows == {
        f"{lead} --> {first}",
        f"{lead} --> {second}",
        f"{first} -. then .-> {second}",
        f"{other} -.-> {first}",
    }
    assert f'{second}["a #34;b#34;<br/>{second} · pending"]:::idle' in rows
    below = shell("graph", lead).out
    assert second in below
    assert other not in below


def test_the_picture_is_whole_and_no_two_tasks_lie_on_each_other(shell: Shell) -> None:
    tree(shell)
    picture = ElementTree.fromstring(shell("graph", "--svg").out)
    boxes = [(box.get("x"), box.get("y")) for box in picture.iter(f"{SVG}svg")][1:]
    assert len(boxes) == len(set(boxes)) == 4
    assert len(list(picture.iter(f"{SVG}path"))) == 4 + 1
    assert "then" in [text.text for text in picture.iter(f"{SVG}text")]


def test_what_a_task_is_about_is_in_the_picture_only_where_asked_for(shell: Shell) -> None:
    hostile = shell.task("Be <b>evil</b>\x1b[2J\u202e & more", agent="</text><script>alert(1)</script>")
    plain, told = (ElementTree.fromstring(shell("graph", "--svg", *words).out) for words in ((), ("--text",)))
    assert list(plain.iter(f"{SVG}title")) == []
    assert [title.text for title in told.iter(f"{SVG}title")] == ["Be <b>evil</b>␛[2J<U+202E> & more"]
    assert {element.tag.removeprefix(SVG) for element in plain.iter()} == {
        "svg",
        "defs",
        "marker",
        "path",
        "rect",
        "text",
        "circle",
    }
    assert f"{hostile.id} · pending" in [text.text for text in plain.iter(f"{SVG}text")]


def test_each_state_has_its_colour_and_trees_that_find_no_place_side_by_side_stand_beneath(shell: Shell) -> None:
    states = [*LIVES, "not begun", "unreadable", "interrupted", "paused", "cancelled"]
    nodes = [Node(f"AAAA{number:02}", state, state, "") for number, state in enumerate(states)]
    assert {node.state for node in nodes if node.kind == "idle"} == {"pending"}
    picture = ElementTree.fromstring(drawing(nodes, []))
    assert float(picture.get("width") or 0) < 1600
    boxes = [(box.get("x"), box.get("y")) for box in picture.iter(f"{SVG}svg")][1:]
    assert len(set(boxes)) == len(states)


def test_what_is_archived_is_drawn_when_asked_for(shell: Shell) -> None:
    task = shell.task()
    shell("cancel", task.id)
    assert shell("graph").out == "flowchart TD\n"
    assert re.search(rf"{task.id} · cancelled", shell("graph", "--all").out)


def test_what_is_given_away_and_not_begun_is_drawn_and_what_cannot_be_read_hides_nothing(shell: Shell) -> None:
    with shell.engine() as engine:
        given = team(engine)
        begin(engine, given.first, given.lead)
        loner = engine.create(TaskCreated(agent="loner", description="Else"))
    for task_id in (given.first.child, loner.id):
        journal = shell.temp / ".orchestrator" / "journal" / f"{task_id}.jsonl"
        journal.write_bytes(journal.read_bytes().replace(b'"agent"', b'"agenT"', 1))
    for arguments in ((), (given.lead,)):
        ended = shell("graph", *arguments)
        assert (ended.code, "damaged" in ended.err) == (1, True)
        assert f"{given.lead} --> {given.first.child}" in ended.out
        assert f"{given.first.child} · unreadable" in ended.out
        assert f"{given.second.child} · not begun" in ended.out
        assert f"{given.first.child} -. then .-> {given.second.child}" in ended.out
        assert (f"{loner.id} · unreadable" in ended.out) == (not arguments)


def test_what_is_done_stays_beside_what_goes_on(shell: Shell) -> None:
    with shell.engine() as engine:
        given = team(engine)
        begin(engine, given.first, given.lead)
        engine.cancel(given.first.child, "")
    assert f"{given.first.child} · cancelled" in shell("graph").out


def test_where_all_is_archived_it_says_how_to_see_that(shell: Shell) -> None:
    task = shell.task()
    shell("cancel", task.id)
    ended = shell("graph")
    assert (ended.code, ended.out) == (0, "flowchart TD\n")
    assert "--all draws those that are archived" in ended.err
    assert task.id in shell("graph", "--all").out
