"""The line of a progress report that says how the task stands, found as a person finds it, in whatever shape it has."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

_LABEL = re.compile(r"[\s>*_-]*(?:[A-Za-z]+[ \t]+)?Status[\s*_]*:[\s*_]*(\S.*)", re.IGNORECASE)
_PART = re.compile(r"[\s>*_-]*(?:Current[ \t]+)?(?:Phase|State)[\s*_]*:[\s*_]*(\S.*)", re.IGNORECASE)
_HEADING = re.compile(
    r"#{1,6}[ \t]+[^\w\s]*[ \t]*(?:(current|final|overall|present|project|task)[ \t]+)?(status|state|phase)[ \t]*"
    r"(?:[:–—-][ \t]*(\S.*))?",
    re.IGNORECASE,
)
_ENTIRE = re.compile(r"[\s>*_-]*(?:Overall|Total)[ \t]+Progress[\s*_]*:[\s*_]*(\d+[ \t]*%.*)", re.IGNORECASE)

_DONE = r"(?:completed?|done|finished|success(?:ful)?|closed|100 ?%)"
_FINISHED = re.compile(
    r"(?:all\b(?! but)[^.:;–—]*?\b|(?:task|project|work|everything|successfully)\b(?: (?:is|was|has been))? ?)?\b"
    rf"{_DONE}(?! of\b)(?:$|\W*$|\s*[^\w\s%]|\s+(?:successfully|on|at|with|and|but|by|in|as|for|\d{{4}}-))"
)
"""The value begins with the word, or with what stands for the whole; what follows is a remark, no object."""
_ENDS_SO = re.compile(rf"[^.,:;()–—]*\b{_DONE}\W*")
_NOT_YET = re.compile(
    r"\b(?:not|in-?complete|nearly|almost|mostly|partly|partial|partially|to be|until|when|ready|in progress|remaining"
    r"|(\d+) of (?!\1\b)|(?:\d|[1-9]\d) ?%)"
)
_PIECE = re.compile(r"(?:phase|stage|step|part|milestone|sprint|week|day)\b(?! ?(\d+)(?: of |/)\1\b)|\d+[:.)]")


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
        if match := _LABEL.fullmatch(lines[number]):
            found.append((0, number, match[1]))
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
    said = [(number, lines[number].strip()) for number in section if lines[number].strip()]
    for number, line in said:
        if match := _LABEL.fullmatch(line):
            return [(number, match[1])]
    for number, line in said[:1]:
        match = _PART.fullmatch(line)
        return [(number, match[1] if match else line)]
    return []


def is_done(value: str) -> bool:
    """True when somebody's words for how a task stands mean that it is done.

    `COMPLETED - ready for tests` is; `Phase 1 complete`, `Completed the first of three files` and `80% complete` are
    not: they tell of a part.
    """
    text = " ".join(re.sub(r"[*_`]|[^\w\s.,:;!?()%/–—-]", " ", value.casefold()).split()).lstrip("-–—:.,;!() ")
    if _FINISHED.match(text):
        return True
    return bool(_ENDS_SO.fullmatch(text)) and not _NOT_YET.search(text) and not _PIECE.match(text)
