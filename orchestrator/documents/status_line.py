"""The line of a progress report that says how the task stands, found as a person finds it, in whatever shape it has."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

_LABEL = re.compile(
    r"[\s>*_-]*(?:[A-Za-z]+[ \t]+)?Status[\s*_]*:[\s*_]*(\S.*)|[\s>-]*\*\*(?:[A-Za-z]+[ \t]+)?Status\*\*[ \t]+(\S.*)",
    re.IGNORECASE,
)
_CELL = re.compile(r"\s*\|[\s*_]*(?:[A-Za-z]+[ \t]+)?Status[\s*_]*:?[\s*_]*\|([^|]*)(?:\|.*)?", re.IGNORECASE)
_RULE = re.compile(r"\s*\|?[\s:|-]*-[\s:|-]*")
"""What stands under the head of a table: then it is the first cell of the next row that says it."""
_FIRST = re.compile(r"\s*\|([^|]*)\|.*")
_WHERE = re.compile(r"[\s>*_-]*(?:Current[ \t]+)?(?:Phase|State)[\s*_]*:[\s*_]*(\S.*)", re.IGNORECASE)
_HEADING = re.compile(
    r"#{1,6}[ \t]+[^\w\s]*[ \t]*(?:(current|final|overall|present|project|task)[ \t]+)?(status|state|phase)[ \t]*"
    r"(?:[:–—-][ \t]*(\S.*))?",
    re.IGNORECASE,
)
_ENTIRE = re.compile(r"[\s>*_-]*(?:Overall|Total)[ \t]+Progress[\s*_]*:[\s*_]*(\d+[ \t]*%.*)", re.IGNORECASE)

_DONE = r"(?:completed?|done|finished|success(?:ful)?|closed|100 ?%)"
_FINISHED = re.compile(
    r"(?:all\b(?! but)[^.:;–—]*?\b|(?:task|project|work|everything|successfully)\b(?: (?:is|was|has been))? ?)?\b"
    rf"{_DONE}(?! of\b)(?:$|\W*$|\s*[^\w\s%]|\s+(\d+)(?:/| of )\1\b"
    r"|\s+(?:successfully|on|at|with|and|but|by|in|as|for|\d{4}-))"
)
"""The value begins with the word, or with what stands for the whole; what follows is a remark, no object."""
_ENDS_SO = re.compile(rf"[^.,:;()–—]*\b{_DONE}\W*")
_PART = r"(?:phase|stage|step|part|milestone|sprint|week|day)"
_MORE = r"(?:open|remain(?:ing|s)?|left|pending|outstanding|unfinished|missing|to go|to do|failing)"
_LACKS = re.compile(
    rf"\b{_DONE}\W{{0,3}}(\d+) ?(?:/|of|out of) ?(?!\1\b)\d+"
    rf"|(?:\b(?:with|for)|:) (?:the )?(?:first )?{_PART}s?\b(?! ?(\d+)(?: of |/)\2\b)"
    rf"|\b(?!0\b)(?:\d+|one|two|three|four|five|some|several|few|many) (?:\w+ ){{0,2}}?{_MORE}\b"
    rf"|\bwith (?!no\b|zero\b|0\b|nothing\b)(?:\w+ )?(?:open|remaining|pending|outstanding|unfinished)\b"
    r"|(?<!\bno )(?<!\bnothing )(?<!\bnone )(?<!\b0 )\b(?:pending|remaining|outstanding)\W*$"
)
"""A remark that takes it back: something is left."""
_NOT_YET = re.compile(
    r"\b(?:not|all but|in-?complete|nearly|almost|mostly|partly|partial|partially|to be|until|when|ready|in progress"
    r"|remaining|(?:\d|[1-9]\d) ?%)"
)
_PIECE = re.compile(
    rf"{_PART}\b(?! ?(\d+)(?: of |/)\1\b)|\d+[:.)]"
    r"|(?:initial |first )?(?:plan|planning|design|set-?up|preparation|discovery|scaffolding|draft|kick-?off)\b"
)
"""What comes first: when that is done, the rest is not."""


class StatusLine(NamedTuple):
    """`line` counts from 0."""

    line: int
    value: str
    done: bool


def status_line(lines: list[str]) -> StatusLine | None:
    """How the report says that the task stands, None when no line does. Code is to be taken out of the lines before.

    The status above the first section counts most, then that of a section about it, then that of the current phase.
    """
    found: list[tuple[int, int, str]] = []
    sections = [number for number, line in enumerate(lines) if line.startswith("##")] + [len(lines)]
    for number in range(sections[0]):
        found += [(0, *said) for said in _labelled(lines, number)]
    for start, end in pairwise(sections):
        if match := _HEADING.fullmatch(lines[start].rstrip()):
            rank = {"final": 1}.get((match[1] or "").casefold(), 2) + 2 * (match[2].casefold() == "phase")
            if match[3]:
                found.append((rank, start, match[3]))
            else:
                found += [(rank, *said) for said in _under(lines, range(start + 1, end))]
    for number, line in enumerate(lines) if not found else ():
        if match := _ENTIRE.fullmatch(line):
            found.append((5, number, match[1]))
    if not found:
        return None
    _, number, value = min(found)
    value = value.strip().rstrip("\\").strip()
    return StatusLine(number, value, is_done(value))


def _under(lines: list[str], section: range) -> list[tuple[int, str]]:
    """What a section about the status says: its status line, else its first line."""
    labelled = next(filter(None, (_labelled(lines, number) for number in section)), None)
    if labelled:
        return labelled
    for number, line in [(number, lines[number].strip()) for number in section if lines[number].strip()][:1]:
        match = _WHERE.fullmatch(line)
        return [(number, match[1] if match else line)]
    return []


def _labelled(lines: list[str], number: int) -> list[tuple[int, str]]:
    """What a line says that is labelled as the status, in a table too."""
    line = lines[number].rstrip()
    if match := _LABEL.fullmatch(line):
        return [(number, match[1] or match[2])]
    if match := _CELL.fullmatch(line):
        if number + 2 < len(lines) and _RULE.fullmatch(lines[number + 1]):
            number += 2
            match = _FIRST.fullmatch(lines[number].rstrip())
        said = match[1].strip() if match else ""
        return [(number, said)] if said else []
    return []


def is_done(value: str) -> bool:
    """True when somebody's words for how a task stands mean that it is done.

    `COMPLETED - ready for tests` is; `Phase 1 complete`, `Completed the first of three files` and `80% complete` are
    not: they tell of a part.
    """
    text = " ".join(re.sub(r"[*_`]|[^\w\s.,:;!?()%/–—-]", " ", value.casefold()).split()).lstrip("-–—:.,;!() ")
    if _LACKS.search(text):
        return False
    if _FINISHED.match(text):
        return True
    return bool(_ENDS_SO.fullmatch(text)) and not _NOT_YET.search(text) and not _PIECE.match(text)
