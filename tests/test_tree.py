"""Tasks as a tree: what their documents and journals say, whatever that is."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from orchestrator import tree


class Task(NamedTuple):
    id: str
    parent: str | None = None
    children: tuple[Task, ...] = ()
    agent: str = "clerk"


def shown(*tasks: Task, elsewhere: str = "") -> list[str]:
    return [f"{row.lines}{row.id}{'' if row.task else '?'}" for row in tree.grow(tasks, elsewhere)]


def test_each_is_under_the_one_that_gave_it_away_in_the_order_it_was_given() -> None:
    lead = Task("A", children=(Task("C"), Task("B"), Task("D")))
    below = Task("C", "A", children=(Task("E"),))
    assert shown(lead, Task("B", "A"), below, Task("E", "C"), Task("F")) == ["A", "├ C", "│ └ E", "├ B", "└ D?", "F"]


def test_one_that_nobody_has_begun_is_there_and_one_that_is_elsewhere_is_not() -> None:
    lead = Task("A", children=(Task("B"), Task("C")))
    assert shown(lead) == ["A", "├ B?", "└ C?"]
    assert shown(lead, elsewhere="B") == ["A", "└ C?"]


def test_whose_parent_is_not_there_stands_at_the_top() -> None:
    assert shown(Task("B", "A"), Task("C", "B")) == ["B", "└ C"]


NAMES = st.sampled_from("ABCDEF")


@given(st.dictionaries(NAMES, st.tuples(NAMES, st.lists(st.sampled_from("ABCDEFG")))))
def test_whatever_they_say_each_is_there_once_rings_too(said: dict[str, tuple[str, list[str]]]) -> None:
    tasks = [Task(name, parent, tuple(map(Task, below))) for name, (parent, below) in said.items()]
    rows = list(tree.grow(tasks))
    assert len(rows) == len({row.id for row in rows})
    assert {row.id for row in rows if row.task} == set(said)
    assert {row.id for row in rows} == {*said, *(name for _, below in said.values() for name in below)}


def test_under_takes_whole_branches() -> None:
    rows = list(tree.grow([Task("A"), Task("B", "A"), Task("C", "B"), Task("D", "A"), Task("E")]))
    assert [row.id for row in tree.under(rows, "BE")] == ["B", "C", "E"]
    assert [row.id for row in tree.under(rows, "A")] == ["A", "B", "C", "D"]


def test_read_goes_down_past_what_is_not_there() -> None:
    tasks = {
        row.id: row for row in (Task("A", children=(Task("B"), Task("C"))), Task("C", "A", (Task("A"), Task("D"))))
    }
    assert [row.id for row in tree.read(tasks.get, ["A", "C"])] == ["A", "C"]
