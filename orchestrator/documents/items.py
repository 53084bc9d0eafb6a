"""Checklist items: `- [ ] text`, each bound by its text, the k-th line of a text to the k-th item of that text.

Where as many lines of a text are ticked as items of it, a ticked line is bound to a ticked item: nobody ticked any.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache

from orchestrator.documents.draft import Draft
from orchestrator.documents.edits import Edits
from orchestrator.documents.markdown import Page, plain
from orchestrator.events import ItemAdded, ItemChecked, ItemDropped, ItemReworded, ItemUnchecked
from orchestrator.task import Item, Task, place_of

_ITEM = re.compile(r"([ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\[)([ xX]|[✅✓✔☑]\ufe0f?)(\][ \t]+)(\S.*?)(\s*)")
_HEADING = "Items"
_DROPPED = "removed from the checklist by hand"


@dataclass(frozen=True, slots=True)
class Box:
    """A task line of a page."""

    line: int
    lead: str
    mark: str
    gap: str
    text: str
    trail: str
    section: str | None

    @property
    def checked(self) -> bool:
        return self.mark != " "


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which line stands for which item: index pairs, then lines without item and items without line."""

    pairs: tuple[tuple[int, int], ...]
    lines: tuple[int, ...]
    items: tuple[int, ...]


def pair(lines: Sequence[tuple[str, str]], items: Sequence[tuple[str, str]], *, replaced: bool = True) -> Pairing:
    """Bind texts, each with its section, in order: equal ones of one section first, then equal ones.

    With `replaced` then, where as many lines were replaced as there were items, each by its place.
    """
    bound: dict[int, int] = {}
    for parts in (2, 1):
        taken = set(bound.values())
        waiting: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for index in range(len(items) - 1, -1, -1):
            if index not in taken:
                waiting[items[index][:parts]].append(index)
        for index, line in enumerate(lines):
            if index not in bound and waiting.get(line[:parts]):
                bound[index] = waiting[line[:parts]].pop()
    if replaced and len(bound) < min(len(lines), len(items)):
        old, new = [text for text, _ in items], [text for text, _ in lines]
        taken, there = set(bound.values()), set(old)
        for operation, top, bottom, first, last in SequenceMatcher(None, new, old, autojunk=False).get_opcodes():
            if operation == "replace" and bottom - top == last - first:
                for index, item in zip(range(top, bottom), range(first, last), strict=True):
                    if index not in bound and item not in taken and new[index] not in there:
                        bound[index] = item
    taken = set(bound.values())
    return Pairing(
        tuple(bound.items()),
        tuple(index for index in range(len(lines)) if index not in bound),
        tuple(index for index in range(len(items)) if index not in taken),
    )


class Items:
    heading = _HEADING

    def sections(self, task: Task) -> Mapping[str, Sequence[str]]:
        """Where nobody else has written: the lines of the items, by section."""
        sections: dict[str, list[str]] = {}
        titles: dict[str, str] = {}
        for item in _live(task):
            title = _title(item.section)
            sections.setdefault(titles.setdefault(title.casefold(), title), []).append(_row("- ", item))
        return sections or {_HEADING: []}

    def weave(self, edits: Edits, task: Task, known: Task | None) -> None:
        """Make the page say the items, and no other."""
        boxes, items = _boxes(edits.page), _live(task)
        found = _pair(boxes, items, typed=True)
        for index, other in found.pairs:
            box, item = boxes[index], items[other]
            same = plain(box.text) == plain(item.text)
            if not same or box.checked != item.checked:
                mark = box.mark if box.checked == item.checked else "x" if item.checked else " "
                edits.put(box.line, box.lead + mark + box.gap + (box.text if same else plain(item.text)) + box.trail)
        for index in found.lines:
            edits.cut(boxes[index].line)
        if found.items:
            self._insert(edits, items, {items[other].id: boxes[index] for index, other in found.pairs})

    def _insert(self, edits: Edits, items: Sequence[Item], said: dict[str, Box]) -> None:
        """Each new item after the one before it; the last ones of a section at the end of its list.

        Where a list ends, and how its lines look, does not change when an item of it is dropped.
        """
        page = edits.page
        by_section: dict[str, list[Item]] = defaultdict(list)
        titles: dict[str, str] = {}
        for item in items:
            title = _title(item.section)
            by_section[titles.setdefault(title.casefold(), title)].append(item)
        for title, members in by_section.items():
            boxes = [box for box in _boxes(page) if _title(box.section).casefold() == title.casefold()]
            lines = {box.line for box in boxes}
            here = {item.id: said[item.id].line for item in members if item.id in said and said[item.id].line in lines}
            last = max((index for index, item in enumerate(members) if item.id in here), default=-1)
            places: dict[int | None, list[str]] = defaultdict(list)
            above, bullet = min(here.values(), default=0) - 1, _bullet(boxes)
            for item in members[: last + 1]:
                if item.id in said:
                    above = here.get(item.id, above)
                    continue
                equal = [box.line for box in boxes if plain(box.text) == plain(item.text)]
                places[max([*equal, above])].append(_row(bullet, item))
            if later := [_row(bullet, item) for item in members[last + 1 :] if item.id not in said]:
                places[max(lines, default=None)] += later
            for after, rows in places.items():
                if after is None and page.ours and not page.unclosed and page.section(title) is None:
                    edits.append(title, rows)
                else:
                    edits.place(title, rows, after)

    def changes(self, draft: Draft, page: Page, shown: Page) -> None:
        """Propose what became of the items: first which there are, then which are ticked."""
        boxes, items = _boxes(page), self._shown(shown, _live(draft.told))
        found = _pair(boxes, items)
        above: str | None = None
        bound = {index: items[other] for index, other in found.pairs}
        for index, item in bound.items():
            if plain(boxes[index].text) != plain(item.text):
                draft.propose(ItemReworded(id=item.id, text=boxes[index].text))
        for other in () if draft.adopting else found.items:
            draft.propose(ItemDropped(id=items[other].id, reason=_DROPPED))
        for index, box in enumerate(boxes):
            if index in bound:
                above = bound[index].id
                continue
            fresh = draft.task.fresh_id("c")
            draft.propose(ItemAdded(id=fresh, text=box.text, section=box.section, checked=box.checked, after=above))
            above = above if place_of(draft.task.items, fresh) is None else fresh
        self._ticks(draft, boxes)

    def _ticks(self, draft: Draft, boxes: Sequence[Box]) -> None:
        items = _live(draft.told)
        for index, other in _pair(boxes, items).pairs:
            box, item = boxes[index], items[other]
            if box.checked and not item.checked:
                draft.propose(ItemChecked(id=item.id))
            elif item.checked and not box.checked:
                draft.propose(ItemUnchecked(id=item.id))

    def _shown(self, shown: Page, items: Sequence[Item]) -> list[Item]:
        """The items in the order of the lines that say them, then those that no line says."""
        found = _pair(_boxes(shown), items)
        return [items[other] for _, other in sorted(found.pairs)] + [items[other] for other in found.items]


@lru_cache(maxsize=256)
def _boxes(page: Page) -> tuple[Box, ...]:
    boxes = []
    for number in page.bullets:
        if match := _ITEM.fullmatch(page.lines[number]):
            section = page.heading_above(number)
            section = None if section == _HEADING else section
            boxes.append(Box(number, match[1], match[2], match[3], match[4], match[5], section))
    return tuple(boxes)


def _live(task: Task) -> list[Item]:
    return [item for item in task.live_items if item.text.strip()]


def _pair(boxes: Sequence[Box], items: Sequence[Item], *, typed: bool = False) -> Pairing:
    """With `typed` the boxes are of the text somebody wrote last, not of what is true by now."""
    if not boxes:
        return Pairing((), (), tuple(range(len(items))))
    texts = [plain(item.typed if typed and item.typed is not None else item.text) for item in items]
    found = pair(
        [(plain(box.text), _title(box.section).casefold()) for box in boxes],
        [(text, _title(item.section).casefold()) for text, item in zip(texts, items, strict=True)],
        replaced=not typed,
    )
    return (
        found if len(set(texts)) == len(texts) else replace(found, pairs=_as_ticked(found.pairs, boxes, items, texts))
    )


def _as_ticked(
    pairs: Sequence[tuple[int, int]], boxes: Sequence[Box], items: Sequence[Item], texts: Sequence[str]
) -> tuple[tuple[int, int], ...]:
    """The pairs with those of one text as they are ticked, where that leaves nothing to be ticked."""
    equal: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for index, other in pairs:
        equal[texts[other]].append((index, other))
    found: list[tuple[int, int]] = []
    for rows in equal.values():
        lines = sorted((index for index, _ in rows), key=lambda index: boxes[index].checked)
        others = sorted((other for _, other in rows), key=lambda other: items[other].checked)
        again = list(zip(lines, others, strict=True))
        found += again if all(boxes[index].checked == items[other].checked for index, other in again) else rows
    return tuple(found)


@lru_cache(maxsize=1024)
def _title(section: str | None) -> str:
    return plain(section or "").rstrip("# ") or _HEADING


def _row(bullet: str, item: Item) -> str:
    return f"{bullet}[{'x' if item.checked else ' '}] {plain(item.text)}"


def _bullet(boxes: Sequence[Box]) -> str:
    """The indentation and bullet of the section's first item."""
    lead = boxes[0].lead[:-1] if boxes else "- "
    return lead if not any(sign.isdigit() for sign in lead) else "- "
