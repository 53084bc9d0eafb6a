"""`orchestrator graph`: how tasks hang together."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from orchestrator.events import ReferenceAdded, TaskCreated

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
