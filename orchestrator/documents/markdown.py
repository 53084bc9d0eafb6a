"""Markdown by line: headings, bullets, fences, the end block. What is not recognised is prose and kept as it is."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

BEGIN = "<!-- orchestrator:begin -->"
END = "<!-- orchestrator:end -->"
NOTHING = "None"
"""What an empty section of a template holds."""

_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})([^\r]*)\r?")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t#]*\r?")
_BULLET = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]")


def plain(text: str) -> str:
    """The text on one line, with single spaces."""
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Heading:
    line: int
    level: int
    text: str


class Page:
    """A Markdown text to read, and line edits to make in it: what is not edited keeps its bytes.

    `title` is the first line of our own template: a text that keeps it is `ours`. `prose` names the section that runs
    to the end of the text (or to the end block), whatever headings it holds; `sections` are those that lists own.
    Line numbers are those of the text as given; `text` applies the edits.
    """

    def __init__(self, text: str, title: str, prose: str | None, sections: frozenset[str]) -> None:
        self.lines = text.split("\n")
        self._owned = sections
        self.ours = text.lstrip().partition("\n")[0].rstrip() == title
        self._eol = "\r" if self.lines[0].endswith("\r") else ""
        self._replaced: dict[int, str | None] = {}
        self._added: dict[int, list[str]] = {}
        self._sections: list[tuple[str, list[str]]] = []
        self.block = self._find_block()
        self.headings: list[Heading] = []
        self.bullets: list[int] = []
        self.fences: list[tuple[int, int]] = []
        self.code: set[int] = set()
        self.prose: range | None = None
        self.unclosed = False
        self._scan(prose.casefold() if prose else None)
        marks = [heading.line for heading in self.headings] + list(self.block or ())
        self._boundaries = [*sorted(marks), len(self.lines)]

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
                self.unclosed |= bool(fence)
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
        self.unclosed |= bool(fence)

    def _prose_end(self, heading: int) -> int:
        return next((mark for mark in self.block or () if mark > heading), len(self.lines))

    @property
    def header(self) -> range:
        """The lines above the first section."""
        sections = (heading.line for heading in self.headings if heading.level > 1)
        return range(min(next(sections, len(self.lines)), self.block[0] if self.block else len(self.lines)))

    def section(self, title: str) -> range | None:
        """The lines under a heading, up to the next one; None when there is no such heading."""
        wanted = plain(title).rstrip("# ").casefold()
        for heading in self.headings:
            if heading.level > 1 and heading.text.casefold() == wanted:
                return range(heading.line + 1, self._boundaries[bisect_right(self._boundaries, heading.line)])
        return None

    def heading_above(self, line: int) -> str | None:
        """The text of the nearest section heading above a line."""
        place = bisect_right(self.headings, line, key=lambda heading: heading.line) - 1
        return self.headings[place].text if place >= 0 and self.headings[place].level > 1 else None

    def belongs(self, line: int, title: str) -> bool:
        """True when a line may be of the list of that title: it does not stand in another list's section."""
        above = self.heading_above(line)
        return above is None or above == title or above not in self._owned

    # -- edits -----------------------------------------------------------------

    def put(self, line: int, text: str) -> None:
        """Replace a line, but for its ending."""
        self._replaced[line] = text + ("\r" if self.lines[line].endswith("\r") else "")

    def cut(self, line: int) -> None:
        self._replaced[line] = None

    def add(self, line: int, lines: list[str]) -> None:
        """Put lines after one; line -1 is the start of the text."""
        self._added.setdefault(line, []).extend(text + self._eol for text in lines)

    def place(self, title: str, rows: list[str], after: int | None = None) -> None:
        """Put rows after a line; else under their heading; else, with their heading, into the block at the end."""
        under = self.section(title)
        if after is not None:
            self.add(after, rows)
        elif under is None:
            self._sections.append((title, rows))
        else:
            first = next((line for line in under if self.lines[line].strip()), None)
            if first is not None and self.lines[first].strip() == NOTHING:
                self.cut(first)
                self.add(first, rows)
            elif under and self.lines[under.start].strip():
                self.add(under.start - 1, ["", *rows, ""])
            else:
                self.add(under.start - 1, ["", *rows])

    def append(self, title: str, rows: list[str]) -> None:
        """A new section at the end of the text, above the block."""
        last = (self.block[0] if self.block else len(self.lines)) - 1
        while last > 0 and not self.lines[last].strip():
            last -= 1
        self.add(last, ["", f"## {title}", "", *rows])

    def write_prose(self, text: str) -> None:
        """Replace the prose section's text."""
        assert self.prose is not None
        for line in self.prose:
            self.cut(line)
        self.add(self.prose.start - 1, ["", *(text or NOTHING).split("\n"), ""])
        if self.prose.stop == len(self.lines):  # the text's last newline
            self._added[self.prose.start - 1][-1] = ""

    def text(self) -> str:
        """The text with the edits made."""
        if not (self._replaced or self._added or self._sections):
            return "\n".join(self.lines)
        self._mark_emptied()
        if self._sections and self.block:
            prose = self.prose.start - 1 if self.prose else 0
            end = prose if prose > self.block[0] else self.block[1]
            self.add(end - 1, self._new_sections())
        out = list(self._added.get(-1, ()))
        for number, line_text in enumerate(self.lines):
            kept = self._replaced.get(number, line_text)
            if kept is not None:
                out.append(kept)
            out.extend(self._added.get(number, ()))
        if self._sections and not self.block:
            ending = out.pop() if out and not out[-1] else None
            gap = [self._eol] if out and out[-1].strip() else []
            out += [*gap, BEGIN + self._eol, self._eol]
            out += [line + self._eol for line in self._new_sections()] + [END]
            if ending is not None:
                out[-1] += self._eol
                out.append(ending)
        return "\n".join(out)

    def _new_sections(self) -> list[str]:
        return [line for title, rows in self._sections for line in (f"## {title}", "", *rows, "")]

    def _mark_emptied(self) -> None:
        """A section that loses its last row says so."""
        for number in [number for number, text in self._replaced.items() if text is None]:
            start = bisect_right(self._boundaries, number) - 1
            if start < 0 or (self.prose is not None and number in self.prose):
                continue
            under = range(self._boundaries[start], self._boundaries[start + 1])
            kept = (line for line in under[1:] if self._replaced.get(line, self.lines[line]))
            if not any(self.lines[line].strip() for line in kept) and not any(line in self._added for line in under):
                self.put(number, NOTHING)
