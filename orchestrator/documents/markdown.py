"""Markdown by line: headings, bullets, fences, the end block. What is not recognised is prose and kept as it is."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

BEGIN = "<!-- orchestrator:begin -->"
END = "<!-- orchestrator:end -->"
NOTHING = "None"
"""What an empty section of a template holds."""

_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})([^\r]*)\r?")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t#]*\r?")
_BULLET = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]")


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """The text on one line, with single spaces."""
    return " ".join(text.split())


def line_ending(text: str) -> str:
    """The ending most of a text's lines have."""
    return "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"


@dataclass(frozen=True, slots=True)
class Heading:
    line: int
    level: int
    text: str


class Page:
    """A Markdown text as it is read. Never changed: the same one is given to everybody who reads the same text.

    `title` is the first line of our own template: a text that keeps it is `ours`. `prose` names the section that runs
    to the end of the text (or to the end block), whatever headings it holds; `sections` are those that lists own.
    """

    def __init__(self, text: str, title: str, prose: str | None, sections: frozenset[str]) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.ending = line_ending(text)
        self.ours = text.lstrip().partition("\n")[0].rstrip() == title
        self.owned = sections
        self.block = self._find_block()
        self.headings: list[Heading] = []
        self.bullets: list[int] = []
        self.fences: list[tuple[int, int]] = []
        self.code: set[int] = set()
        self.prose: range | None = None
        self.unclosed: dict[int, str] = {}
        """The fences that nothing closes, by line."""
        self._scan(prose.casefold() if prose else None)
        self.empty = [n for n, line in enumerate(self.lines) if line.strip() == NOTHING and n not in self.code]
        """The lines that say no more than that a section is empty."""
        self._named = {heading.line: heading.text for heading in self.headings if heading.level > 1}
        heads = (heading.line for heading in self.headings)
        self._boundaries = [*sorted([*heads, *(self.block or ())]), len(self.lines)]
        self._titles: dict[str, range] = {}
        for heading in self.headings:
            if heading.level > 1:
                self._titles.setdefault(heading.text.casefold(), self.part(heading.line)[1:])
        below = next((heading.line for heading in self.headings if heading.level > 1), len(self.lines))
        self.header = range(min(below, self.block[0]) if self.block else below)
        """The lines above the first section."""

    def _find_block(self) -> tuple[int, int] | None:
        ends = [number for number, line in enumerate(self.lines) if line.startswith(END) and line.rstrip() == END]
        for number in range(ends[-1], -1, -1) if ends else ():
            if self.lines[number].rstrip() == BEGIN:
                return number, ends[-1]
        return None

    def _scan(self, prose: str | None) -> None:
        fence, opened, number = "", 0, 0
        while number < len(self.lines):
            line = self.lines[number]
            start = line.lstrip()[:1]
            if self.block and number in self.block:
                self.unclosed |= {opened: fence} if fence else {}
                fence = ""  # a fence left open does not swallow the block
            elif fence:
                self.code.add(number)
                close = _FENCE.fullmatch(line)
                if close and close[1].startswith(fence) and not close[2].strip():
                    self.fences.append((opened, number))
                    fence = ""
            elif start in ("`", "~") and (match := _FENCE.fullmatch(line)) and "`" not in match[2]:
                fence, opened = match[1], number
                self.code.add(number)
            elif start == "#" and (match := _HEADING.fullmatch(line)):
                heading = Heading(number, len(match[1]), plain(match[2]))
                self.headings.append(heading)
                if heading.level == 2 and heading.text.casefold() == prose and self.prose is None:
                    self.prose = range(number + 1, self._prose_end(number))
                    number = self.prose.stop - 1
            elif _BULLET.match(line):
                self.bullets.append(number)
            number += 1
        self.unclosed |= {opened: fence} if fence else {}

    def _prose_end(self, heading: int) -> int:
        return next((mark for mark in self.block or () if mark > heading), len(self.lines))

    def part(self, line: int) -> range:
        """The lines around one, from a heading or an end of the block to the next; what is above the first is none."""
        place = bisect_right(self._boundaries, line)
        return range(self._boundaries[place - 1], self._boundaries[place]) if place else range(0)

    def section(self, title: str) -> range | None:
        """The lines under a heading, up to the next one; None when there is no such heading."""
        return self._titles.get(plain(title).rstrip("# ").casefold())

    def heading_above(self, line: int) -> str | None:
        """The text of the section heading a line stands under; none beyond an end of the block."""
        return self._named.get(self.part(line).start)

    def belongs(self, line: int, title: str) -> bool:
        """True when a line may be of the list of that title: it does not stand in another list's section."""
        above = self.heading_above(line)
        return above is None or above == title or above not in self.owned


page = lru_cache(maxsize=256)(Page)
"""The page of a text; texts stay the same over many commits."""
