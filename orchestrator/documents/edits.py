"""Line edits to a page: what is not edited keeps its bytes."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.documents.markdown import BEGIN, END, NOTHING, Page


class Edits:
    """Edits to a page, to be made in its text. Line numbers are those of the page, whatever was edited before."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._return = page.ending[:-1]
        self._replaced: dict[int, str | None] = {}
        self._added: dict[int, list[str]] = {}
        self._sections: list[tuple[str, Sequence[str]]] = []

    def put(self, line: int, text: str) -> None:
        """Replace a line. Only one ending of the page's own is put behind the text."""
        self._replaced[line] = text.removesuffix(self._return) + self._return

    def cut(self, line: int) -> None:
        self._replaced[line] = None

    def add(self, line: int, lines: Sequence[str]) -> None:
        """Put lines after one; line -1 is the start of the text."""
        self._added.setdefault(line, []).extend(text + self._return for text in lines)

    def place(self, title: str, rows: Sequence[str], after: int | None = None) -> None:
        """Put rows after a line; else under their heading; else, with their heading, into the block at the end."""
        lines, under = self.page.lines, self.page.section(title)
        if after is not None:
            self.add(after, rows)
        elif under is None:
            self._sections.append((title, rows))
        else:
            first = next((line for line in under if lines[line].strip()), None)
            if first is not None and lines[first].strip() == NOTHING:
                rows = [*rows, ""] if first + 1 in under and lines[first + 1].strip() else rows
                if first not in self._replaced:
                    self.put(first, rows[0])
                    rows = rows[1:]
                self.add(first, rows)
            elif under and lines[under.start].strip():
                self.add(under.start - 1, ["", *rows, ""])
            else:
                self.add(under.start - 1, ["", *rows])

    def append(self, title: str, rows: Sequence[str]) -> None:
        """A new section at the end of the text, above the block."""
        last = (self.page.block[0] if self.page.block else len(self.page.lines)) - 1
        while last > 0 and not self.page.lines[last].strip():
            last -= 1
        self.add(last, ["", f"## {title}", "", *rows])

    def write_prose(self, text: str) -> None:
        """Replace the prose section's text."""
        assert self.page.prose is not None
        for line in self.page.prose:
            self.cut(line)
        self.add(self.page.prose.start - 1, ["", *(text or NOTHING).split("\n"), ""])

    def text(self) -> str:
        """The text with the edits made."""
        if not (self._replaced or self._added or self._sections):
            return self.page.text
        self._mark_emptied()
        if self._sections and self.page.block:
            prose = self.page.prose.start - 1 if self.page.prose else 0
            begin, end = self.page.block
            end = prose if prose > begin else end
            open_fence = [fence for line, fence in self.page.unclosed.items() if begin < line < end]
            self.add(end - 1, [*open_fence, *self._new_sections()])  # closed first: in a fence they are not read
        lines, last = self.page.lines, len(self.page.lines) - 1
        if last in self._added:
            self._replaced.setdefault(last, lines[last] + self._return)
        out, done = list(self._added.get(-1, ())), 0
        for number in sorted((self._replaced.keys() | self._added.keys()) - {-1}):
            out += lines[done:number]
            kept = self._replaced.get(number, lines[number])
            if kept is not None:
                out.append(kept)
            out += self._added.get(number, ())
            done = number + 1
        out += lines[done:]
        if out and done > last:
            out[-1] = out[-1].removesuffix(self._return)
        if self._sections and not self.page.block:
            self._open_block(out)
        return "\n".join(out)

    def _open_block(self, out: list[str]) -> None:
        """The first block of a text, at its end; a last newline stays the last."""
        ending = [out.pop()] if out and not out[-1] else []
        if out and not ending:
            out[-1] += self._return
        gap = [""] if out and out[-1].strip() else []
        out += [line + self._return for line in (*gap, BEGIN, "", *self._new_sections(), END)]
        out += ending
        if not ending:
            out[-1] = END

    def _new_sections(self) -> list[str]:
        return [line for title, rows in self._sections for line in (f"## {title}", "", *rows, "")]

    # -- what an empty section says --------------------------------------------

    def _mark_emptied(self) -> None:
        """A section that loses its last row says so."""
        for number in [number for number, text in self._replaced.items() if text is None]:
            under = self.page.part(number)
            if under and number not in (self.page.prose or ()) and not self._says(under[1:], besides=""):
                self.put(number, NOTHING)

    def unmark(self, titles: set[str]) -> None:
        """Take the word of an empty section out of those that say something else by now: ours, by casefolded title."""
        lines, prose = self.page.lines, self.page.prose or range(0)
        for number in self.page.empty:
            if number in self._replaced:
                continue
            if number in prose:
                ours = all(lines[above].strip() in ("", NOTHING) for above in range(prose.start, number))
                under = prose
            else:
                ours = (self.page.heading_above(number) or "").casefold() in titles
                under = self.page.part(number)[1:]
            if ours and self._says(under, besides=NOTHING):
                around = [lines[line].strip() for line in (number - 1, number + 1) if line in under]
                if len(around) == 2 and all(around):
                    self.put(number, "")  # what it kept apart stays apart: a detail is no other row's
                    continue
                self.cut(number)
                if len(around) == 2 and not any(around):
                    self.cut(number - 1)

    def _says(self, under: range, besides: str) -> bool:
        """True when a section has lines that are not empty, nor the word `besides`; one put after it is none of it."""
        for line in range(under.start - 1, under.stop) if self._added else ():
            first = next((row for row in self._added.get(line, ()) if row.strip()), "## ")
            if not first.startswith("## "):
                return True
        kept = (self._replaced.get(line, self.page.lines[line]) or "" for line in under)
        return any(text.strip() not in ("", besides) for text in kept)
