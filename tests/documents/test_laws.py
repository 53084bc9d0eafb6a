"""The two laws of every document, and what people may count on when they edit one: by property."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator import events as happened
from orchestrator.documents import KINDS, diff, kinds, render
from orchestrator.documents.stamp import stamp_markdown, stamp_status, unstamp_markdown, unstamp_status
from orchestrator.documents.status_json import load
from orchestrator.events import Kind
from orchestrator.task import Task
from orchestrator.transitions import apply_all

from .edits import attempt, edited, lines, tasks, worked_on
from .example import new, published

often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
LATER = "2026-03-02T00:00:00.000Z"


SECTIONS: dict[Kind, list[str]] = {
    "checklist": ["Items"],
    "plan": ["Workstreams", "References"],
    "architecture-notes": ["Decisions"],
    "progress": ["Workstreams", "Completed Work", "Blockers", "Next Steps", "References"],
}
"""The sections that lists own and that are empty at first."""


def remarks(text: str) -> list[str]:
    """What the lines of a text say; `None` is what we put where nothing is said."""
    return [line.rstrip("\r") for line in text.split("\n") if line.strip() not in ("", "None")]


def obeyed(task: Task, kind: Kind, text: str) -> Task:
    return apply_all(task, diff(task, kind, text).events, actor="editor", at=LATER)


@often
@given(tasks(), st.booleans())
def test_what_was_rendered_reads_back_as_no_change(task: Task, before: bool) -> None:
    task = published(task) if before else task
    for kind in KINDS:
        found = diff(task, kind, render(task, kind))
        assert (found.events, found.refused) == ((), ())


@pytest.mark.parametrize("kind", KINDS)
@often
@given(data=st.data(), task=tasks(), before=st.booleans())
def test_an_edit_that_was_obeyed_is_no_edit_any_more(kind: Kind, data: Any, task: Task, before: bool) -> None:
    task = published(task) if before else task
    text = edited(data.draw, kind, render(task, kind))
    task = obeyed(task, kind, text)
    assert diff(task, kind, text).events == ()


@pytest.mark.parametrize("kind", KINDS)
@often
@given(data=st.data(), task=tasks(), before=st.booleans())
def test_rendering_over_what_was_rendered_changes_nothing(kind: Kind, data: Any, task: Task, before: bool) -> None:
    task = published(task) if before else task
    task = obeyed(task, kind, edited(data.draw, kind, render(task, kind)))
    task = worked_on(data.draw, task)
    body = render(task, kind)
    assert diff(task, kind, body).events == ()
    assert render(attempt(task, happened.TextEdited(document=kind, text=body)), kind) == body


@pytest.mark.parametrize("kind", KINDS)
@often
@given(data=st.data(), task=tasks(), before=st.booleans())
def test_what_a_person_typed_is_rendered_or_recorded_word_for_word(
    kind: Kind, data: Any, task: Task, before: bool
) -> None:
    task = published(task) if before else task
    text = edited(data.draw, kind, render(task, kind))
    task = obeyed(task, kind, text)
    if kind == "task-status":
        rendered = load(render(task, kind))
        assert load(task.texts[kind]) == load(text) if task.texts.get(kind) else rendered.keys() >= load(text).keys()
    else:
        assert text in (render(task, kind), task.texts.get(kind))


@often
@given(data=st.data(), task=tasks())
def test_ticking_an_item_changes_the_line_of_that_item_and_no_other(data: Any, task: Task) -> None:
    task = published(obeyed(task, "checklist", edited(data.draw, "checklist", render(task, "checklist"))))
    open_items = [item for item in task.live_items if not item.checked and item.text.strip()]
    if not open_items:
        return
    item = data.draw(st.sampled_from(open_items))
    before = render(task, "checklist").split("\n")
    after = render(attempt(task, happened.ItemChecked(id=item.id)), "checklist").split("\n")
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    if not task.archived:
        assert len(changed) == 1
        unticked, ticked = (re.sub(r"\[[ x✅]\]", "[]", line, count=1) for line in changed[0])
        assert unticked == ticked


@pytest.mark.parametrize("kind", ["plan", "checklist", "progress", "architecture-notes", "completion-summary"])
@often
@given(typed=st.lists(lines, max_size=12), ending=st.sampled_from(["\n", "\r\n"]), close=st.booleans())
def test_a_text_nobody_rendered_comes_back_byte_for_byte(
    kind: Kind, typed: list[str], ending: str, close: bool
) -> None:
    text = ending.join(typed) + (ending if close else "")
    task = obeyed(new(), kind, text)
    if not diff(task, kind, text).refused:
        assert render(task, kind) == text


@often
@given(data=st.data(), task=tasks())
def test_a_checklist_that_was_obeyed_stays_as_it_was_typed(data: Any, task: Task) -> None:
    task = published(task)
    text = edited(data.draw, "checklist", render(task, "checklist"))
    found = diff(task, "checklist", text)
    task = apply_all(task, found.events, actor="editor", at=LATER)
    rendered = render(task, "checklist")
    if not found.refused and ".temp/" not in text:
        assert rendered == text or "None" in {line.strip() for line in text.split("\n")}
        assert remarks(rendered) == remarks(text)


@pytest.mark.parametrize(
    ("kind", "section"),
    [(kind, name) for kind, names in SECTIONS.items() for name in names],
)
@often
@given(data=st.data(), rows=st.lists(lines, min_size=1, max_size=3), place=st.integers(0, 3), close=st.booleans())
def test_a_section_that_says_something_does_not_say_that_it_is_empty(
    kind: Kind, section: str, data: Any, rows: list[str], place: int, close: bool
) -> None:
    rows = [row for row in rows if "#" not in row and "orchestrator:" not in row and "`" not in row and "~" not in row]
    task = published(new())
    empty = f"\n## {section}\n\nNone\n"
    body = render(task, kind)
    assert body.count(empty) == 1
    gap = [""] * close
    filled = "\n".join(["", f"## {section}", "", *rows[:place], *gap, "None", *gap, *rows[place:], ""])
    task = obeyed(task, kind, body.replace(empty, filled))
    later = worked_on(data.draw, task)
    for then in (task, later) if later.texts == task.texts else (task,):
        rendered = render(then, kind)
        mine = rendered.partition(f"\n## {section}\n")[2].split("\n## ")[0].split("\n")
        if any(line.strip() not in ("", "None") for line in mine):
            assert "None" not in {line.strip() for line in mine}
        assert diff(then, kind, rendered).events == ()
        assert render(attempt(then, happened.TextEdited(document=kind, text=rendered)), kind) == rendered


@pytest.mark.parametrize("kind", KINDS[:-1])
@often
@given(data=st.data(), task=tasks(), before=st.booleans())
def test_a_document_with_crlf_has_no_other_line_ending_whatever_happens(
    kind: Kind, data: Any, task: Task, before: bool
) -> None:
    task = published(task) if before else task
    typed = render(task, kind).replace("\r", "").replace("\n", "\r\n")
    task = obeyed(task, kind, typed)
    task = worked_on(data.draw, task)
    body = render(task, kind)
    if "\r\n" in typed and task.texts.get(kind) == typed:
        text = stamp_markdown(task.id, 7, body)
        assert text.count("\n") == text.count("\r\n")
        assert unstamp_markdown(text)[0] == body


@often
@given(tasks())
def test_documents_depend_on_nothing_but_the_facts(task: Task) -> None:
    other = replace(task, revision=99, updated_at=LATER)
    for kind in kinds(task)[:-1]:
        assert render(task, kind) == render(other, kind)


@often
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.integers(1, 10**6))
def test_a_stamped_body_is_given_back_exactly(body: str, revision: int) -> None:
    plain = unstamp_markdown(body)[0]
    again, found = unstamp_markdown(stamp_markdown("K7Q2MX", revision, plain))
    assert again == plain
    assert found is not None
    assert (found.task, found.revision, found.intact) == ("K7Q2MX", revision, True)


@often
@given(tasks())
def test_a_stamped_status_is_given_back_exactly(task: Task) -> None:
    body = render(task, "task-status")
    again, found = unstamp_status(stamp_status(body, 7, task.documents))
    assert again == body
    assert found is not None
    assert (found.revision, found.intact) == (7, True)
