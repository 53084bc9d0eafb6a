"""Facts that stand in a list, one row each: bound by their id to the line that already says them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

from orchestrator.documents.draft import Draft
from orchestrator.documents.edits import Edits
from orchestrator.documents.markdown import Page, plain
from orchestrator.task import Task

_DETAIL = re.compile(r"([ \t]+[-*+][ \t]+([A-Za-z ]+):[ \t]*)(.*?)[ \t]*\r?")


@dataclass(frozen=True, slots=True)
class Row:
    """One fact: its id, what follows the id, and the lines nested under it by their label."""

    key: str
    rest: str
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """A row as a page says it: where, with what before the id, and the line numbers of its details."""

    row: Row
    line: int
    prefix: str
    places: Mapping[str, tuple[int, str]]

    @property
    def end(self) -> int:
        return max([self.line, *(line for line, _ in self.places.values())])


class Listing(ABC):
    """A list of rows under a heading. As it stands: derived facts, which come back when they are changed by hand."""

    heading: str
    pattern: ClassVar[re.Pattern[str]]
    """Groups: what stands before the id, the id, what follows it."""
    line: ClassVar[str]
    labels: ClassVar[tuple[str, ...]] = ()
    fixed: ClassVar[tuple[str, ...]] = ()
    """Labels that are the engine's, and are not added to a row that somebody typed."""
    everywhere: ClassVar[bool] = False
    """True when a row counts wherever it stands; else only under the heading."""
    vanishing: ClassVar[bool] = False
    """True when a row whose fact is gone leaves the text."""

    def __init__(self, heading: str | None = None, optional: bool = False) -> None:
        self.heading = heading or self.heading
        self.optional = optional

    @abstractmethod
    def rows(self, task: Task) -> Sequence[Row]:
        """What the list has to say."""

    def same(self, said: str, wanted: str) -> bool:
        """True when two rests of a row mean the same."""
        return plain(said) == plain(wanted)

    def sections(self, task: Task) -> Mapping[str, Sequence[str]]:
        """Where nobody else has written: the lines that say the rows, by heading."""
        lines = self._lines({row.key: row for row in self.rows(task)}.values())
        return {self.heading: lines} if lines or not self.optional else {}

    def read(self, page: Page) -> Mapping[str, Said]:
        """The rows a page says, the first of an id."""
        return _said(self, page)

    def weave(self, edits: Edits, task: Task, known: Task | None) -> None:
        """Make the page say the rows; those that `known` had already need not be said."""
        page, said = edits.page, self.read(edits.page)
        wanted = {row.key: row for row in self.rows(task)}
        if not said and (known is task or not wanted):
            return
        old = {row.key: row for row in self.rows(known)} if known else {}
        for key, row in wanted.items():
            if key in said and old.get(key) != row:
                self._mend(edits, said[key], row)
        if self.vanishing:
            for key in (said.keys() if known is None else said.keys() & old.keys()) - wanted.keys():
                edits.cut(said[key].line)
        if lines := self._lines(row for key, row in wanted.items() if key not in said and old.get(key) != row):
            under = page.section(self.heading) or range(0)
            ends = [row.end for row in said.values() if row.line in under]
            edits.place(self.heading, lines, max(ends, default=None))

    def _lines(self, rows: Iterable[Row]) -> list[str]:
        """Without a row whose id no line could say so that it can be read back."""
        lines: list[str] = []
        for row in rows:
            match = self.pattern.fullmatch(line := self._line(row))
            if match is not None and plain(match[2]) == row.key:
                lines += [line, *(f"  - {label}: {plain(value)}" for label, value in row.details.items())]
        return lines

    def _line(self, row: Row) -> str:
        return self.line.format(key=row.key, rest=plain(row.rest)).rstrip()

    def _mend(self, edits: Edits, said: Said, row: Row) -> None:
        if said.row.rest != row.rest and not self.same(said.row.rest, row.rest):
            edits.put(said.line, said.prefix + self._line(row).removeprefix("- "))
        for label in self.labels:
            value = plain(row.details.get(label, ""))
            if label in said.places:
                line, before = said.places[label]
                if said.row.details[label] == value:
                    continue
                if value:
                    edits.put(line, before.rstrip() + " " + value)
                else:
                    edits.cut(line)
            elif value and label not in self.fixed:
                edits.add(said.end, [f"{' ' * (len(said.prefix) - len(said.prefix.lstrip()))}  - {label}: {value}"])

    def changes(self, draft: Draft, page: Page, shown: Page) -> None:
        """Propose what the page says otherwise than the shown one."""
        before = self.read(shown)
        wanted = {row.key: row for row in self.rows(draft.told)}
        for key, said in self.read(page).items():
            same = key not in before or self.same(before[key].row.rest, said.row.rest)
            if key in wanted and not same and not plain(wanted[key].rest).startswith(plain(said.row.rest)):
                draft.refuse(f"the line of {key} under {self.heading} is made from other facts and was put back")
            if key not in wanted and key not in before and self.vanishing:
                draft.refuse(f"{key} does not stand under {self.heading}; its line was taken out")


@lru_cache(maxsize=1024)
def _said(listing: Listing, page: Page) -> dict[str, Said]:
    within = range(len(page.lines)) if listing.everywhere else page.section(listing.heading) or range(0)
    said: dict[str, Said] = {}
    for number in page.bullets:
        if number in within and (match := listing.pattern.fullmatch(page.lines[number].rstrip())):
            prefix, key, rest = match.groups()
            if (key := plain(key)) not in said and page.belongs(number, listing.heading):
                places = _details(listing.labels, page, number)
                details = {label: plain(text[1]) for label, (_, text) in places.items()}
                spots = {label: (line, text[0]) for label, (line, text) in places.items()}
                said[key] = Said(Row(key, rest.strip(), details), number, prefix, spots)
    return said


def _details(labels: Sequence[str], page: Page, number: int) -> dict[str, tuple[int, tuple[str, str]]]:
    found: dict[str, tuple[int, tuple[str, str]]] = {}
    for line in range(number + 1, len(page.lines)) if labels else ():
        match = _DETAIL.fullmatch(page.lines[line])
        if match is None or line in page.code:
            break
        label = next((label for label in labels if label.casefold() == plain(match[2]).casefold()), None)
        if label and label not in found:
            found[label] = (line, (match[1], match[3]))
    return found
